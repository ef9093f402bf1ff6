"""Fields become bags of tiles; what is fitted has seen the training fields only; what cannot be used is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.errors import DataError, UsageError
from zoo_cars.field import Field
from zoo_cars.fields import FieldDataset, Tiles

AXIS = np.linspace(2800.0, 3050.0, 5)


def field(number, label="control", *, stack=None, shape=(8, 12), bands=5, truth=None, name=None, axis=None):
    """Make a field whose values tell its number, band and pixel."""
    axis = np.linspace(2800.0, 3050.0, bands) if axis is None else axis
    if stack is None:
        pixels = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
        stack = 1000.0 * number + 100.0 * np.arange(bands, dtype=np.float32)[:, None, None] + pixels
    return Field(name or f"f{number}", f"m{number}", "s1", label, lambda: stack, axis, 0.5, truth)


def dataset(*fields, tiles=Tiles(size=4), new=(), **options):
    return FieldDataset(lambda: list(fields), lambda inputs: list(new), tiles, **options)


def pair(**options):
    return dataset(field(1), field(2, "high"), **options)


def every(data):
    return np.arange(len(data))


def refused(call, *arguments):
    with pytest.raises(DataError) as raised:
        call(*arguments)
    return str(raised.value)


def test_tiles_are_packed_row_by_row_and_keep_their_place():
    data = pair(standardise=False)
    data.fit(every(data))
    batch = data.batch(every(data))
    assert batch["instances"].shape == (12, 5, 4, 4)
    assert batch["offsets"].tolist() == [0, 6, 12]
    assert batch["label"].tolist() == [0, 1] == [data.classes.index(name) for name in ("control", "high")]
    for tile, (y, x) in zip(batch["instances"][6:], batch["tile_yx"][6:].tolist(), strict=True):
        assert float(tile[3, 1, 2]) == 2000 + 300 + (y + 1) * 12 + x + 2
    assert data.facts == {"in_chans": 5, "num_classes": 2}
    assert set(data.provides) == set(batch) - {"id"}


def test_tiles_may_overlap_and_what_is_left_at_the_ends_is_left_out():
    assert Tiles(size=4, stride=2).corners((8, 9)).tolist()[:4] == [[0, 0], [0, 2], [0, 4], [2, 0]]
    assert len(Tiles(size=16).corners((8, 12))) == 0


def test_bands_are_standardised_with_the_training_fields_alone():
    data = dataset(field(1), field(2, "high"), field(9))
    data.fit(np.array([0, 1]))
    seen = data.batch(np.array([0, 1]))["instances"]
    assert np.allclose(seen.mean(dim=(0, 2, 3)), 0, atol=1e-3)
    assert np.allclose(seen.std(dim=(0, 2, 3), correction=0), 1, atol=1e-3)
    assert data.batch(np.array([2]))["instances"].mean() > 10


def test_what_was_fitted_comes_back_without_the_training_data():
    data = pair()
    data.fit(every(data))
    again = dataset(field(1), field(2, "high"))
    again.restore(data.state())
    assert again.state() == data.state()
    assert np.array_equal(again.batch(every(data))["instances"], data.batch(every(data))["instances"])


def test_names_groups_and_labels_are_known_before_a_stack_is_opened():
    def never():
        raise AssertionError("opened too early")

    fields = [Field("a", "m1", "s1", "control", never, AXIS), Field("b", "m2", "s1", "", never, AXIS)]
    data = dataset(*fields, classes=["control", "high"])
    assert data.groups == {"animal": ["m1", "m2"], "slide": ["s1", "s1"], "field": ["a", "b"]}
    assert data.labels.tolist() == [0, -1]
    assert len(data) == 2


def test_a_stack_is_opened_once():
    count = []
    stack = np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    one = Field("a", "m1", "s1", "control", lambda: count.append(1) or stack, AXIS)
    data = dataset(one, field(2, "high"))
    data.fit(every(data))
    data.batch(every(data))
    data.batch(every(data))
    assert len(count) == 1


def test_a_tile_is_true_where_a_tenth_of_its_pixels_is():
    truth = np.zeros((8, 12), bool)
    truth[0, 0] = True
    truth[4, 4:6] = True
    data = dataset(field(1, truth=truth), field(2, "high", truth=truth))
    assert data.instance_truth(np.array([0])).tolist() == [False, False, False, False, True, False]
    assert pair().instance_truth(np.array([0])) is None


def test_a_field_smaller_than_a_tile_is_an_empty_bag():
    data = dataset(field(1, shape=(3, 12)), field(2, "high"))
    data.fit(every(data))
    said = refused(data.batch, every(data))
    assert said == "field f1 has 3 x 12 pixels, a tile 4 x 4: it is an empty bag; set data.tiles.size lower"


def cases():
    good = np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    holes, flat, bright = good.copy(), np.zeros_like(good), good.copy()
    holes[2, 3, 4] = np.nan
    bright[:, :, :6] = 255
    return {
        "NaN": (holes, "field f1 has 1 values that are no numbers; mend the stack or leave the field out"),
        "zero": (flat, "field f1 has the value 0 everywhere; measure it again or leave it out"),
        "saturated": (bright, "is saturated (75% of its values at the maximum of 255, at most 50% may be)"),
        "bands": (good[:4], "field f1 has 4 bands and 5 wavenumbers; give one wavenumber for each band"),
    }


@pytest.mark.parametrize("case", cases())
def test_a_stack_that_cannot_be_used_is_named_with_the_reason(case):
    stack, words = cases()[case]
    data = dataset(field(1, stack=stack), field(2, "high"))
    assert words in refused(data.fit, every(data))


def test_a_field_of_another_axis_is_carried_over_or_refused():
    wide = field(2, "high", bands=9, axis=np.linspace(2700.0, 3150.0, 9))
    data = dataset(field(1), wide)
    data.fit(every(data))
    assert data.batch(every(data))["instances"].shape[1] == 5
    narrow = field(2, "high", bands=5, axis=np.linspace(2850.0, 3000.0, 5))
    data = dataset(field(1), narrow)
    said = refused(data.fit, every(data))
    assert said.startswith("field f2: the stack covers 2850 to 3000 cm^-1 and the model needs 2800 to 3050")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "there is no field"),
        ([field(1), field(1, "high")], "two fields are called f1; rename one"),
    ],
)
def test_fields_that_are_none_or_cannot_be_told_apart_are_refused(fields, words):
    assert words in refused(lambda: dataset(*fields).fields)


def test_a_label_that_is_no_class_is_refused():
    said = refused(lambda: pair(classes=["control", "low"]).fields)
    assert said == "fields are labelled high, the classes are control, low"


def test_training_fields_of_one_class_only_are_refused():
    data = dataset(field(1), field(2), field(3, "high"))
    assert "the training fields have one class only (control)" in refused(data.fit, np.array([0, 1]))


def test_new_input_is_read_on_the_models_axis_and_its_pixel_size_is_compared():
    new = Field("new", "", "", "", lambda: np.random.default_rng(0).random((5, 8, 8)).astype(np.float32), AXIS, 2.0)
    data = pair(new=[new])
    data.fit(every(data))
    opened = data.open_new({"input": Path("x.tif")})
    assert opened.batch(np.array([0]))["instances"].shape == (4, 5, 4, 4)
    assert opened.notes == ["new has 2 um per pixel, the model knows 0.5; resize it first"]
    with pytest.raises(UsageError, match="--image is not known to these data; say --input STACK"):
        data.open_new({"input": Path("x"), "image": Path("y")})
    with pytest.raises(UsageError, match="a stack is needed; say --input STACK"):
        data.open_new({})


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 5000}, {"size": 4, "stride": 5}, {"size": 4, "stride": 0}])
def test_tiles_that_hold_nothing_or_never_end_are_refused(options):
    with pytest.raises(ValueError, match="lies between 1 and"):
        Tiles(**options)
