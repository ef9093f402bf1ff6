"""A recipe of the light plugin, in which tests make their mistakes."""

from pathlib import Path

import pytest

from zoo.errors import RecipeError
from zoo.recipe import load
from zoo.resolve import fill

LIGHT_PLUGIN = Path(__file__).parent / "light_plugin"
PLAIN = """\
zoo: 1
name: light
data: {use: light-data, split: {unit: donor, test: [D1]}}
encoder: {use: light-net}
head: {use: light-head}
loss: {use: light-loss}
task: {use: light-task}
"""
LIGHT = """\
zoo: 1
name: light
data: {use: light-data, donors: 3, near: 2.5, genes: {top: 20}, split: {unit: donor, test: [D1]}}
encoder: {use: light-net, width: 4}
head: {use: light-head}
loss: {use: light-loss}
task: {use: light-task}
transforms: {train: [{use: light-shift}, {use: light-shift, by: 0.5}]}
train: {epochs: 2, seeds: [0, 1], early_stop: null}
"""


def written(text=LIGHT, name="light.yaml"):
    """Write a recipe into the working directory and return its path."""
    path = Path(name)
    path.write_text(text)
    return path


def problems(text, *overrides):
    """Return the mistakes that a recipe is told of, a line each."""
    path = written(text, "bad.yaml")
    with pytest.raises(RecipeError) as raised:
        fill(load(path, list(overrides)))
    assert raised.value.exit_code == 2
    return str(raised.value).splitlines()
