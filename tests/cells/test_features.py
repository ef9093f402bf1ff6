"""Features of fields: objects against masks drawn by hand, shapes against geometry, and a floor on a real plate."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo.errors import DataError
from zoo.scores import floors
from zoo_cells.features import describe, segment
from zoo_cells.texture import granularity, haralick

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
Y, X = np.indices((96, 96))


def disc(row, column, radius, height=1.0):
    return height * (np.hypot(Y - row, X - column) < radius)


def of(image, objects=0, **settings):
    return dict(zip(*describe(np.asarray(image), objects=objects, **settings), strict=True))


@pytest.fixture(scope="module")
def nuclei():
    """Return fields of U2OS nuclei and the masks that were drawn for them, fragments left out."""
    from skimage.io import imread
    from skimage.measure import label

    root = DATA / "nuclei"
    if not root.is_dir():
        pytest.skip(f"no nuclei at {root}; set ZOO_TEST_DATA")
    found = []
    for path in sorted((root / "images").glob("*.tif"))[::4]:
        truth = label(imread(root / "masks" / f"{path.stem}.png")[..., 0])
        areas = np.bincount(truth.ravel())
        small = areas < 0.1 * np.median(areas[1:])
        found.append((imread(path), np.where(small[truth], 0, truth)))
    return found


@pytest.fixture(scope="module")
def gastruloids():
    """Return images of gastruloids, their treatments and the columns of the plate that they lie in."""
    from tifffile import imread

    root = DATA / "gastruloids"
    if not root.is_dir():
        pytest.skip(f"no gastruloids at {root}; set ZOO_TEST_DATA")
    with (root / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = [imread(root / "images" / f"{row['colrow']}.tif") for row in rows]
    treatment = np.unique([row["treatment"] for row in rows], return_inverse=True)[1]
    return images, treatment, np.array([int(row["colrow"][:2]) for row in rows])


def test_nuclei_are_counted_as_a_person_counts_them(nuclei):
    counts = np.array([(segment(image).max(), len(np.unique(truth)) - 1) for image, truth in nuclei])
    assert (np.abs(counts[:, 0] - counts[:, 1]) / counts[:, 1]).mean() < 0.08
    assert np.corrcoef(counts.T)[0, 1] > 0.95


def test_most_nuclei_are_found_and_their_areas_follow_those_drawn_by_hand(nuclei):
    hits, areas = [], []
    for image, truth in nuclei:
        found = segment(image)
        for number in np.unique(truth)[1:]:
            own = truth == number
            whose = np.bincount(found[own]).argmax()
            overlap = (own & (found == whose)).sum() / (own | (found == whose)).sum() if whose else 0.0
            hits.append(overlap > 0.5)
            if overlap > 0.5:
                areas.append((own.sum(), (found == whose).sum()))
    assert np.mean(hits) > 0.85
    assert np.corrcoef(np.array(areas).T)[0, 1] > 0.9


def test_a_gastruloid_is_one_dark_object_in_brightfield(gastruloids):
    images = gastruloids[0]
    found = [of(image, split=False) for image in images]
    assert sum(one["count"] == 1 for one in found) >= len(images) - 2
    areas = np.array([one["mean_area"] for one in found if one["count"] == 1])
    assert 0.05 < np.median(areas) / images[0][0].size < 0.4
    darker = [one["mean_intensity_mean_c0"] < one["mean_ring_mean_c0"] for one in found if one["count"] == 1]
    assert np.mean(darker) > 0.95


def test_features_of_gastruloids_name_treatments_in_columns_never_seen(gastruloids):
    images, treatment, column = gastruloids
    features = np.stack([describe(image, objects=0, split=False)[1] for image in images])
    test = np.isin(column, [1, 4, 7, 10])
    state = floors.fit_logistic(features[~test], treatment[~test])
    assert (floors.logistic(state, features[test], 4).argmax(axis=1) == treatment[test]).mean() > 0.6


def test_discs_have_the_shape_of_discs_and_ellipses_that_of_ellipses():
    round_ones = of([0.3 + disc(30, 30, 10, 0.5) + disc(70, 60, 10, 0.5)])
    assert round_ones["count"] == 2
    assert round_ones["mean_area"] == pytest.approx(np.pi * 100, rel=0.05)
    assert round_ones["mean_eccentricity"] < 0.2
    assert round_ones["mean_form_factor"] > 0.85
    assert round_ones["mean_solidity"] > 0.95
    assert round_ones["mean_nearest"] == pytest.approx(50 / 10, rel=0.05)
    long = of([0.3 + 0.5 * (((Y - 48) / 8) ** 2 + ((X - 48) / 24) ** 2 < 1)])
    assert long["mean_eccentricity"] == pytest.approx(np.sqrt(1 - 1 / 9), abs=0.03)
    assert long["mean_axis_major_length"] / long["mean_axis_minor_length"] == pytest.approx(3, rel=0.1)


def test_discs_that_touch_are_parted_and_one_object_stays_one_when_asked_to():
    touching = disc(48, 38, 12) + disc(48, 59, 12) > 0
    assert of([1.0 * touching])["count"] == 2
    assert of([1.0 * touching], split=False)["count"] == 1


def test_bright_and_dark_objects_are_found_alike_and_debris_is_left_out():
    bright = 0.2 + disc(40, 40, 12, 0.5)
    dirty = bright + disc(80, 80, 2.5, 0.5)
    for image in (bright, 1 - bright, dirty, 1 - dirty):
        found = of([image])
        assert found["count"] == 1
        assert found["mean_area"] == pytest.approx(np.pi * 144, rel=0.05)


def test_a_few_bright_objects_do_not_hide_the_faint_ones():
    image = sum(disc(row, column, 6, 0.15) for row in (12, 36, 60) for column in (12, 36, 60)) + disc(84, 84, 7, 1.0)
    assert of([image])["count"] == 10


def test_intensities_are_measured_in_the_object_and_around_it():
    objects = 0.3 + disc(48, 48, 12, 0.5)
    halo = disc(48, 48, 20, 0.6) - disc(48, 48, 12, 0.4)
    found = of([objects, halo])
    assert found["mean_intensity_mean_c1"] == pytest.approx(0.2, abs=0.02)
    assert found["mean_ring_mean_c1"] == pytest.approx(0.6, abs=0.02)
    assert found["field_mean_c1"] == pytest.approx(halo.mean())
    sided = disc(48, 48, 12) * np.where(X < 48, 1.0, 0.2)
    assert of([objects, sided])["mean_displacement_c1"] > 0.2
    assert of([objects])["mean_displacement_c0"] < 0.02


def test_coarse_grains_have_more_in_coarse_bands_and_smoother_pairs():
    rng = np.random.default_rng(0)
    fine = rng.random((96, 96))
    coarse = np.kron(rng.random((12, 12)), np.ones((8, 8)))
    assert granularity(fine)["granularity_1"] > 5 * granularity(coarse)["granularity_1"]
    assert granularity(coarse)["granularity_4"] > 1.5 * granularity(fine)["granularity_4"]
    everywhere = np.ones((96, 96), bool)
    near = [haralick(one, everywhere)["correlation_1"] for one in (fine, coarse)]
    assert near[0] < 0.1
    assert near[1] > 0.7
    assert haralick(fine, everywhere) == pytest.approx(haralick(3 * fine + 1, everywhere))


def test_pairs_with_a_pixel_outside_the_mask_are_not_counted():
    image = np.where(X < 48, 0.5 + 0.01 * Y, np.random.default_rng(0).random((96, 96)))
    inside = haralick(image, X < 48)
    changed = haralick(np.where(X < 48, image, 0.0), X < 48)
    assert inside == changed


@settings(max_examples=25)
@given(
    arrays.arrays(np.uint16, st.tuples(st.integers(1, 3), st.integers(16, 40), st.integers(16, 40))),
)
def test_any_field_has_finite_values_under_the_same_names(image):
    names, values = describe(image, objects=0)
    assert np.isfinite(values).all()
    assert names == describe(np.zeros((len(image), 64, 64)), objects=0)[0]
    assert len(set(names)) == len(names) == len(values)


def test_an_empty_field_has_no_objects_and_zeros_for_what_is_measured_of_them():
    found = of(np.full((2, 32, 32), 500, np.uint16))
    assert found["count"] == 0
    assert all(value == 0 for name, value in found.items() if name.startswith(("mean_", "median_")))
    assert found["field_mean_c0"] == pytest.approx(500 / 65535)


def test_bytes_and_floats_of_the_same_picture_have_the_same_features():
    image = np.stack([disc(30, 30, 10) + disc(70, 60, 10), disc(40, 40, 20, 0.4)])
    assert describe(image, objects=0)[1] == pytest.approx(
        describe(np.rint(255 * image).astype(np.uint8), objects=0)[1], rel=1e-9
    )


@pytest.mark.parametrize(
    ("image", "objects", "said"),
    [
        (np.zeros((8, 8)), 0, r"a field is \[channels, rows, columns\], not \[8, 8\]"),
        (np.zeros((2, 8, 8)), 2, "objects is a channel from 0 to 1, not 2"),
        (np.full((1, 8, 8), np.nan), 0, "pixels that are not finite; leave it out"),
    ],
)
def test_what_is_no_field_is_refused(image, objects, said):
    with pytest.raises(DataError, match=said):
        describe(image, objects=objects)
