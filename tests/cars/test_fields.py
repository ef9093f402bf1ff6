"""What fields share can be divided out, and a band that says nothing is not made to speak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo_cars.field import Field
from zoo_cars.fields import FieldDataset, Tiles

AXIS = np.linspace(2800.0, 3050.0, 5)
BOTH = np.arange(2)


def stack(seed):
    return np.random.default_rng(seed).uniform(1, 2, (5, 8, 8)).astype(np.float32)


def dataset(first, second, **options):
    made = [
        Field(f"f{number}", f"m{number}", "s", label, lambda values=values: values, AXIS, 0.5)
        for number, (label, values) in enumerate((("control", first), ("high", second)))
    ]
    return FieldDataset(lambda: made, lambda _: [], Tiles(size=4), **options)


def tiles(data):
    data.fit(BOTH)
    return data.batch(BOTH)["instances"].numpy()


@given(st.lists(st.floats(0.01, 100), min_size=5, max_size=5))
def test_relative_fields_do_not_know_how_strong_the_laser_was_in_a_band(gain):
    factor = np.array(gain, dtype=np.float32)[:, None, None]
    one, other = (dataset(stack(0), stack(1) * by, relative=True) for by in (1, factor))
    assert np.allclose(tiles(one), tiles(other), atol=1e-3)


def test_relative_fields_keep_what_differs_within_a_field():
    spot = stack(0)
    spot[3, :4, :4] *= 3
    found = tiles(dataset(spot, stack(1), relative=True))
    assert found[0, 3].mean() > found[1:, 3].mean() + 1
    assert found.shape == (8, 5, 4, 4)


def test_without_standardising_relative_bands_have_a_mean_of_one():
    found = tiles(dataset(stack(0), 7 * stack(1), relative=True, standardise=False))
    assert np.allclose(found[:4].mean(axis=(0, 2, 3)), 1, atol=1e-5)
    assert np.allclose(found[4:].mean(axis=(0, 2, 3)), 1, atol=1e-5)


def test_a_band_that_is_dark_cannot_be_divided_by():
    dark = stack(0)
    dark[2] = 0
    with pytest.raises(DataError) as raised:
        tiles(dataset(dark, stack(1), relative=True))
    assert str(raised.value) == (
        "field f0 has a mean of 0 in band 2, which nothing can be divided by; leave the band out, or say relative: "
        "false"
    )


def test_a_band_that_is_the_same_everywhere_does_not_explode_in_new_fields():
    dead = [stack(0), stack(1)]
    for values in dead:
        values[2] = 5
    data = dataset(*dead)
    assert np.abs(tiles(data)[:, 2]).max() < 1e-5
    new = stack(2)
    new[2] = 5.5
    again = dataset(new, stack(3))
    again.restore(data.state())
    assert np.allclose(again.batch(BOTH[:1])["instances"][:, 2], 0.5)


def test_new_input_is_as_relative_as_the_training_fields_were():
    data = dataset(stack(0), stack(1), relative=True)
    new = Field("new", "", "", "", lambda: 50 * stack(0), AXIS, 0.5)
    data.open_new_fields = lambda _: [new]
    seen = tiles(data)[:4]
    assert np.allclose(data.open_new({"input": "x.tif"}).batch(BOTH[:1])["instances"], seen, atol=1e-4)
