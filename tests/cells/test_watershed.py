"""Cells by watershed: nuclei and the bodies around them, whatever the exposure, and nothing where there is nothing."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from conftest import DATA

from zoo.errors import DataError
from zoo_cells.matching import average_precision, matches, tally
from zoo_cells.segmenters.planes import enlarged, scaled, shrunk
from zoo_cells.segmenters.watershed import Watershed


def discs(centres, radius, shape=(160, 200)):
    """Draw numbered discs, those of a higher number above."""
    y, x = np.indices(shape)
    out = np.zeros(shape, np.int32)
    for number, (cy, cx) in enumerate(centres, start=1):
        out[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    return out


def light(mask, level=120, noise=3.0, ground=10, seed=0):
    """Return what a camera of 8 bits sees of a mask."""
    rng = np.random.default_rng(seed)
    return np.clip(ground + level * (mask > 0) + rng.normal(0, noise, mask.shape), 0, 255).astype(np.uint8)


CENTRES = [(40, 40), (40, 140), (110, 90), (120, 150)]
NUCLEI, BODIES = discs(CENTRES, 11), discs(CENTRES, 24)
FIELD = {"nucleus": light(NUCLEI), "microtubules": light(BODIES, seed=1), "protein": light(BODIES, seed=2)}


def test_nuclei_alone_are_the_cells_where_no_plane_shows_the_body():
    found = Watershed()({"nucleus": FIELD["nucleus"]})
    assert found.dtype == np.int32
    assert found.shape == NUCLEI.shape
    assert set(np.unique(found)) == {0, 1, 2, 3, 4}
    assert len(matches(found, NUCLEI, 0.9)) == 4


@pytest.mark.parametrize("plane", ["microtubules", "er"])
def test_with_a_stain_of_the_body_cells_reach_to_its_border(plane):
    found = Watershed()({"nucleus": FIELD["nucleus"], plane: FIELD["microtubules"]})
    assert len(matches(found, BODIES, 0.85)) == 4


def test_microtubules_go_before_er_and_a_stain_that_failed_says_nothing():
    with_er = Watershed()({**FIELD, "er": light(NUCLEI)})
    assert np.array_equal(with_er, Watershed()(FIELD))
    failed = Watershed()({**FIELD, "microtubules": np.zeros_like(NUCLEI, np.uint8), "er": FIELD["microtubules"]})
    assert np.array_equal(failed, Watershed()(FIELD))


def test_a_nucleus_without_a_body_and_a_body_without_a_nucleus_are_no_cell():
    nuclei, bodies = discs(CENTRES[:3], 11), discs(CENTRES[1:], 24)
    found = Watershed()({"nucleus": light(nuclei), "microtubules": light(bodies, seed=1)})
    assert found.max() == 2
    assert found[40, 40] == 0
    assert found[40, 140] > 0
    assert found[110, 90] > 0


def test_nuclei_that_touch_are_parted():
    two = discs([(60, 60), (60, 83), (110, 120), (133, 120)], 13)
    assert len(matches(Watershed()({"nucleus": light(two)}), two, 0.75)) == 4


def test_cells_at_the_border_are_kept():
    cut = discs([(0, 60), (80, 0), (159, 120), (80, 199), (80, 100)], 14)
    assert len(matches(Watershed()({"nucleus": light(cut)}), cut, 0.7)) == 5


def test_growing_widens_nuclei_by_pixels_of_the_field():
    plain, grown = (Watershed(grow=grow)({"nucleus": FIELD["nucleus"]}) for grow in (0, 4))
    across = [np.sqrt(4 * (labels == 1).sum() / np.pi) for labels in (plain, grown)]
    assert across[1] - across[0] == pytest.approx(8, abs=0.8)


@pytest.mark.parametrize("factor", [1, 4])
def test_eight_bits_and_sixteen_give_the_same_cells(factor):
    field = {name: np.kron(plane, np.ones((factor, factor), np.uint8)) for name, plane in FIELD.items()}
    wide = {name: plane.astype(np.uint16) * 257 for name, plane in field.items()}
    found = Watershed()(field)
    assert found.max() == 4
    assert np.array_equal(found, Watershed()(wide))
    assert np.array_equal(found, Watershed()({name: plane.astype(np.float32) for name, plane in field.items()}))


def test_exposure_and_a_bright_ground_do_not_matter():
    dim = {name: (plane // 4 + 100).astype(np.uint8) for name, plane in FIELD.items()}
    assert len(matches(Watershed()(dim), Watershed()(FIELD), 0.9)) == 4


def test_a_field_four_times_as_large_has_the_same_cells_with_borders_that_are_no_stairs():
    large = {name: np.kron(plane, np.ones((4, 4), np.uint8)) for name, plane in FIELD.items()}
    found, true = Watershed()(large), discs([(4 * y + 1.5, 4 * x + 1.5) for y, x in CENTRES], 96, (640, 800))
    assert found.shape == (640, 800)
    assert len(matches(found, true, 0.85)) == 4


def test_twice_the_same_field_gives_the_same_cells_and_the_field_stays_as_it_was():
    segmenter, before = Watershed(), {name: plane.copy() for name, plane in FIELD.items()}
    first = segmenter(FIELD)
    assert np.array_equal(first, pickle.loads(pickle.dumps(segmenter))(FIELD))
    assert all(np.array_equal(before[name], plane) for name, plane in FIELD.items())


@pytest.mark.parametrize(
    "plane",
    [
        np.zeros((90, 120), np.uint8),
        np.full((90, 120), 4095, np.uint16),
        np.random.default_rng(0).poisson(9, (300, 300)).astype(np.uint8),
        np.random.default_rng(1).poisson(0.01, (300, 300)).astype(np.uint8) * 255,
        np.random.default_rng(2).normal(500, 20, (300, 300)).astype(np.float32),
        np.random.default_rng(3).integers(0, 65_535, (1100, 1100)).astype(np.uint16),
        np.ones((1, 1), np.uint8),
        np.indices((200, 200)).sum(0).astype(np.uint16),
    ],
    ids=["dark", "flat", "photons", "hot pixels", "noise", "wide noise", "a pixel", "a slope"],
)
def test_a_field_without_nuclei_has_no_cells(plane):
    found = Watershed()({"nucleus": plane, "microtubules": plane})
    assert found.shape == plane.shape
    assert found.dtype == np.int32
    assert not found.any()


def test_a_single_nucleus_in_a_wide_field_is_found():
    one = discs([(200, 300)], 12, (700, 900))
    assert len(matches(Watershed()({"nucleus": light(one)}), one, 0.8)) == 1


def test_what_is_smaller_than_the_least_area_is_left_out():
    mixed = discs(CENTRES, 11)
    mixed[80:87, 20:27] = 5
    plane = {"nucleus": light(mixed)}
    assert Watershed(min_area=30)(plane).max() == 5
    assert Watershed(min_area=100)(plane).max() == 4


def test_a_field_without_a_plane_of_nuclei_is_refused():
    with pytest.raises(DataError, match=r"watershed needs a plane of nucleus, and the field has microtubules, er; say"):
        Watershed()({"microtubules": FIELD["microtubules"], "er": FIELD["microtubules"]})


def test_planes_of_two_sizes_and_pixels_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match=r"er has shape \(9, 9\) and another \(160, 200\)"):
        Watershed()({"nucleus": FIELD["nucleus"], "er": np.zeros((9, 9), np.uint8)})
    with pytest.raises(DataError, match="nucleus has pixels that are not finite"):
        Watershed()({"nucleus": np.full((9, 9), np.nan, np.float32)})
    with pytest.raises(DataError, match=r"nucleus has shape \(2, 9, 9\)"):
        Watershed()({"nucleus": np.zeros((2, 9, 9), np.uint8)})


@pytest.mark.parametrize(
    "wrong", [{"diameter": 1}, {"min_area": -1}, {"nucleus_threshold": 0}, {"body_threshold": 10}, {"grow": -2.0}]
)
def test_parameters_out_of_bounds_are_refused_with_their_value(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=rf"{name} is .*{value}"):
        Watershed(**wrong)


def test_enlarging_fills_what_cells_share_and_keeps_numbers():
    small = np.zeros((8, 9), np.int32)
    small[2:6, 1:4], small[2:6, 4:8] = 7, 3
    large = enlarged(small, 5, (38, 45))
    assert large.shape == (38, 45)
    assert set(np.unique(large)) == {0, 3, 7}
    assert (large[13:27, 8:37] > 0).all()
    assert tally(large, np.kron(small, np.ones((5, 5), np.int32))[:38, :45], 0.9).hits == 2


def test_shrinking_sums_and_scaling_forgets_the_scale():
    plane = np.arange(35, dtype=np.uint8).reshape(5, 7)
    assert shrunk(plane, 2).shape == (3, 4)
    assert shrunk(plane, 2)[0, 0] == 0 + 1 + 7 + 8
    assert np.array_equal(scaled(shrunk(plane, 3)), scaled(shrunk(plane.astype(np.uint16) * 257, 3)))
    assert not scaled(np.full((3, 3), 5.0)).any()


@pytest.fixture(scope="module")
def real_nuclei():
    """Return five real fields with their masks, or skip with the reason."""
    import tifffile
    from PIL import Image
    from skimage.measure import label

    paths = sorted((DATA / "nuclei" / "images").glob("*.tif"))[1::4]
    if not paths:
        pytest.skip(f"no nuclei data at {DATA / 'nuclei'}; set ZOO_TEST_DATA")
    masks = [np.asarray(Image.open(DATA / "nuclei" / "masks" / f"{path.stem}.png"))[..., 0] for path in paths]
    return [(tifffile.imread(path), label(mask)) for path, mask in zip(paths, masks, strict=True)]


def test_real_nuclei_are_found(real_nuclei):
    found = [(Watershed()({"nucleus": image}), true) for image, true in real_nuclei]
    assert average_precision(*[tally(one, true, 0.5) for one, true in found]) > 0.8
    assert average_precision(*[tally(one, true, 0.75) for one, true in found]) > 0.68


def test_a_real_field_of_four_channels_gives_its_cells_in_time():
    from PIL import Image

    folder = DATA / "hpa" / "field"
    if not folder.is_dir():
        pytest.skip(f"no field of the Human Protein Atlas at {folder}; set ZOO_TEST_DATA")
    names = {"microtubules": "red", "protein": "green", "nucleus": "blue", "er": "yellow"}
    planes = {name: np.asarray(Image.open(folder / f"57_F11_1_{colour}.png")) for name, colour in names.items()}
    began = time.process_time()
    found = Watershed()(planes)
    assert time.process_time() - began < 5
    assert 10 <= found.max() <= 16
    assert 0.2 < (found > 0).mean() < 0.5
