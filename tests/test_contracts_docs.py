"""The pages that a plugin author reads first are executed, and what they show are plugins that work."""

import doctest
import inspect
import re

import numpy as np
import pytest

from zoo import contracts, stage_contract
from zoo.recipe import parse
from zoo.registry import KINDS
from zoo.resolve import fill

EXAMPLES = {
    kind: doctest.DocTestParser().get_examples(inspect.getdoc(protocol))
    for kind, protocol in stage_contract.PROTOCOLS.items()
}
TOGETHER = """\
zoo: 1
name: strangers
data: {use: stripes, split: {unit: donor, val: [D5], test: [D6]}}
encoder: {use: mean-colour, scale: 2.0}
head: {use: one-layer}
loss: {use: brier}
task: {use: hits}
transforms: {train: [{use: dim, most: 0.2}]}
sampler: {use: half}
train: {epochs: 1, batch: 8}
"""
POLISHED = """\
zoo: 1
name: polished
data: {use: tiny-groups, split: {unit: plate, test: [g6, g7], val: [g5]}}
encoder: {use: tiny-linear}
head: {use: tiny-scalar}
task: {use: tiny-regress}
stages:
  - {use: train, name: rough, loss: {use: tiny-square}, train: {epochs: 1, batch: 8}}
  - {use: polish, after: rough, loss: {use: tiny-square}, train: {epochs: 1, batch: 8}}
train: {batch: 8}
"""


def plugin_of(kind):
    """Return what a page shows of a kind: the file, and the line of pyproject.toml beside its class."""
    code = "".join(example.source for example in EXAMPLES[kind] if not example.want)
    (group, name, target), *others = re.findall(r'class .*:  # zoo\.(\w+): ([\w-]+) = "(my_lab:\w+)"', code)
    assert (group, others) == (kind, [])
    return name, target, code


@pytest.fixture
def my_lab(dist):
    """Install the plugins that the pages show for some kinds, each from the very text; return name by kind."""

    def install(*kinds):
        names = {}
        for kind in kinds:
            name, target, code = plugin_of(kind)
            module = f"my_lab_{kind}"
            points = {kind: {name: target.replace("my_lab", module)}}
            site = dist(f"my-lab-{kind}", files={f"{module}.py": code}, points=points)
            with next(site.glob("*.dist-info/METADATA")).open("a") as metadata:
                metadata.write("License-Expression: MIT\n")
            names[kind] = name
        return names

    return install


@pytest.mark.parametrize("page", [contracts, stage_contract])
def test_all_that_the_pages_show_runs(page):
    found = doctest.testmod(page)
    assert found.attempted >= 4
    assert found.failed == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_a_whole_plugin_of_every_kind_with_its_line(kind):
    name, target, code = plugin_of(kind)
    assert len(code.splitlines()) <= (30 if kind in {"datasets", "tasks"} else 12)
    namespace = {}
    exec(compile(code, "my_lab.py", "exec"), namespace)
    part = namespace[target.partition(":")[2]]
    assert inspect.getdoc(part)
    assert name == re.sub(r"(?<=.)(?=[A-Z])", "-", part.__name__).lower()


def test_the_line_at_the_top_of_the_page_is_that_of_the_first_plugin_on_it():
    name, target, _ = plugin_of("encoders")
    assert f'[project.entry-points."zoo.encoders"]\n    {name} = "{target}"' in contracts.__doc__


def test_a_plugin_of_the_page_works_once_it_is_installed(my_lab, tiny):
    my_lab("encoders")
    text = tiny.read_text().replace("{use: tiny-linear, width: 8, dropout: 0.1}", "{use: mean-colour, scale: 2.0}")
    encoder = fill(parse(text)).build("encoder", {"in_chans": 3})
    assert (encoder.out_features, encoder.scale.tolist()) == (3, [2.0, 2.0, 2.0])


def test_the_plugins_of_the_page_make_a_recipe_together_which_trains_and_predicts(my_lab, zoo, tmp_path):
    my_lab("datasets", "encoders", "heads", "losses", "tasks", "transforms", "samplers")
    (tmp_path / "strangers.yaml").write_text(TOGETHER)
    code, _, err = zoo("train", "strangers.yaml", "--out", "run", "--device", "cpu")
    assert code == 0, err
    np.save("new.npy", np.ones((3, 1, 16, 16), dtype=np.uint8))
    code, _, err = zoo("predict", "run", "--input", "new.npy", "--out", "said.json")
    assert code == 0, err
    assert '"recipe": "strangers"' in (tmp_path / "said.json").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_of_the_page_passes_the_checks_of_its_kind(kind, my_lab, tiny, tmp_path):
    from zoo import testing

    names = my_lab(*KINDS)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(POLISHED if kind == "stages" else TOGETHER)
    found = testing.check(kind, names[kind], recipe=None if kind == "segmenters" else recipe)
    assert len(found) > 8
    # a page has no room for sources
    assert not [finding for finding in found if finding.verdict == "WARN" and finding.check != "docstring"]


def test_every_kind_has_a_protocol_and_every_protocol_and_method_has_a_docstring():
    assert set(stage_contract.PROTOCOLS) == set(KINDS)
    for protocol in stage_contract.PROTOCOLS.values():
        assert protocol.__doc__
        own = [member for name, member in vars(protocol).items() if not name.startswith("_") and callable(member)]
        assert all(inspect.getdoc(member) for member in own), protocol


def test_what_data_declare_is_found_on_the_page_of_contracts_as_well():
    from zoo import provenance

    for name in ("HubTask", "Origin", "Provenance", "Terms"):
        assert getattr(contracts, name) is getattr(provenance, name)
        assert name in contracts.__all__
