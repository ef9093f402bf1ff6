"""Cells are cut out whole, square, alone if that is asked for, and in 8 bits that keep their order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cells.cell_fields import Drawn, mask_of
from zoo_cells.segmented.crops import Crops, cut, percentiles


def field_of(labels, seed=0, kind="uint8", high=256):
    return np.random.default_rng(seed).integers(1, high, (4, *labels.shape)).astype(kind)


def one_cell(height, width, top=20, left=20, side=80):
    labels = np.zeros((side, side), np.int32)
    labels[top : top + height, left : left + width] = 1
    return labels


@given(
    st.integers(12, 40), st.integers(12, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 9), st.booleans()
)
def test_every_pixel_of_a_cell_is_in_its_crop_at_scale_1(height, width, top, left, pad, mask):
    labels = one_cell(height, width, top, left)
    image = field_of(labels)
    size = max(height, width) + 2 * pad
    made = cut(image, labels, Crops(size=size, pad=pad, mask=mask, min_area=1, scale="none"))
    box = (slice(top, top + height), slice(left, left + width))
    assert made.box.tolist() == [[top, left, top + height, left + width]]
    y, x = (size - height) // 2, (size - width) // 2
    inside = (slice(y, y + height), slice(x, x + width))
    np.testing.assert_array_equal(made.crops[0][:, *inside], image[:, *box])
    if mask:
        assert made.crops[0].astype(int).sum() == image[:, *box].astype(int).sum()


def test_neighbours_and_background_are_0_in_a_masked_crop_and_seen_in_another():
    labels = one_cell(20, 20)
    labels[20:40, 41:60] = 2
    image = field_of(labels)
    masked = cut(image, labels, Crops(size=40, pad=10, min_area=1, scale="none")).crops[0]
    whole = cut(image, labels, Crops(size=40, pad=10, min_area=1, scale="none", mask=False)).crops[0]
    assert not masked[:, :10].any()
    assert not masked[:, 10:30, 31:].any()
    np.testing.assert_array_equal(whole, image[:, 10:50, 10:50])


def test_a_crop_beyond_the_field_is_0_there():
    labels = one_cell(20, 20, top=0, left=60)
    made = cut(field_of(labels), labels, Crops(size=40, pad=10, min_area=1, scale="none", mask=False))
    assert not made.crops[0][:, :10].any()
    assert not made.crops[0][:, :, 30:].any()
    assert made.crops[0][:, 10:, :30].all()


def test_a_long_cell_is_not_squeezed():
    labels = one_cell(40, 10)
    image = np.full((4, 80, 80), 200, np.uint8)
    shown = cut(image, labels, Crops(size=20, pad=0, min_area=1, scale="none")).crops[0][0] > 99
    assert (shown.any(axis=1).sum(), shown.any(axis=0).sum()) == (20, 6)  # 4 whole pixels and 2 halves


def test_cells_that_are_small_or_cut_off_are_left_out_of_crops_and_mask_and_numbers_close_up():
    places = ((12, 60), (60, 60), (100, 30))
    labels = mask_of(places)
    labels[5:8, 100:103] = 9
    everything = cut(field_of(labels), labels, Crops(size=16, min_area=1))
    assert everything.found == 4
    kept = cut(field_of(labels), labels, Crops(size=16, edges="drop"))
    assert kept.area.tolist() == [int((labels == 2).sum()), int((labels == 3).sum())]
    np.testing.assert_array_equal(kept.mask, np.array([0, 0, 1, 2])[np.where(labels == 9, 0, labels)])
    np.testing.assert_allclose(kept.centroid, [[60, 60], [100, 30]], atol=1e-4)


def test_numbers_with_gaps_keep_their_order():
    labels = mask_of()
    made = cut(Drawn()(), np.where(labels == 1, 50, labels), Crops(size=16))
    assert made.box[:, :2].tolist() == [[18, 78], [78, 18], [78, 78], [18, 18]]


def test_a_field_without_cells_gives_none():
    made = cut(field_of(np.zeros((40, 50))), np.zeros((40, 50), np.int32), Crops(size=16))
    assert (made.crops.shape, made.box.shape, made.mask.shape, made.found) == ((0, 4, 16, 16), (0, 4), (40, 50), 0)


def test_of_a_field_with_too_many_cells_none_is_cut_and_their_number_is_known():
    made = cut(Drawn()(), mask_of(), Crops(size=16, most=3))
    assert (made.found, len(made.crops), made.mask.any()) == (4, 0, False)


@pytest.mark.parametrize("scale", ["field", "cell", "none"])
def test_16_bits_become_8_without_wrapping(scale):
    labels = one_cell(30, 30)
    image = np.zeros((4, 80, 80), np.uint16)
    image[:, 20:50, 20:50] = np.linspace(0, 65535, 30).astype(np.uint16)
    made = cut(image, labels, Crops(size=30, pad=0, scale=scale)).crops[0].astype(int)
    assert (np.diff(made, axis=2) >= 0).all()
    assert made.min() == 0
    assert made.max() == 255


def test_brightness_between_cells_of_a_field_stays_comparable_unless_each_is_scaled_by_itself():
    labels = mask_of()
    image = np.stack([labels * 40] * 4).astype(np.uint8)
    by_field = cut(image, labels, Crops(size=56, pad=16)).crops.max(axis=(1, 2, 3))
    assert (np.diff(by_field.astype(int)) > 30).all()
    by_cell = cut(image, labels, Crops(size=56, pad=16, scale="cell")).crops.max(axis=(1, 2, 3))
    assert by_cell.tolist() == [255] * 4


def test_exposure_and_bit_depth_do_not_matter_when_a_field_is_scaled_by_its_percentiles():
    labels = mask_of()
    image = field_of(labels, high=100)
    one = cut(image, labels, Crops(size=32)).crops.astype(int)
    for other in (image * 2, image.astype(np.uint16) * 500):
        assert np.abs(cut(other, labels, Crops(size=32)).crops.astype(int) - one).max() <= 1


@given(st.integers(0, 2**31), st.sampled_from(["uint8", "uint16"]))
def test_percentiles_by_counting_are_those_by_sorting(seed, kind):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, rng.integers(2, 250), (2, 17, 31)).astype(kind)
    expected = np.percentile(image, [1.0, 99.9], axis=(1, 2), method="inverted_cdf")
    np.testing.assert_array_equal(np.stack(percentiles(image)), expected)


@pytest.mark.parametrize(("name", "value"), [("size", 4), ("pad", -1), ("min_area", 0), ("most", 0)])
def test_settings_out_of_range_are_refused_with_the_bound(name, value):
    with pytest.raises(ValueError, match=f"{name} is a number of at least .*, not {value}"):
        Crops(**{name: value})
