"""Simulated fields of cells: what each shows, what is true of each cell, and what a label of a field hides."""

from __future__ import annotations

import pickle
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cells.kaggle_fields import Challenge
from zoo_cells.datasets.simulated_cells import simulated_cells
from zoo_cells.protein.locations import LOCATIONS, NEGATIVE
from zoo_cells.protein.simulation.antibodies import deal
from zoo_cells.protein.simulation.field import SimulatedCells
from zoo_cells.protein.simulation.noise import smooth

NUMBER = {name: number for number, name in enumerate(LOCATIONS)}
SMALL = {"antibodies": 20, "fields": 1, "size": 128, "rare": 1}


def made(*labels, **options):
    settled = {"seed": 3, "antibody": 1, "batch": 1, "number": 1, "size": 256, "diameter": 56.0, "deviate": 0.0}
    return SimulatedCells(labels=tuple(NUMBER.get(one, one) for one in labels), **{**settled, **options})


@cache
def light(label):
    """Return the scene of a field in which all cells have one location, and its protein."""
    one = made(label)
    return one.scene(), one.image()[1].astype(float)


def inside(scene):
    return (scene.inside > 0.9) & ~scene.mitotic[scene.cell]


def test_a_field_has_four_channels_and_about_a_dozen_whole_cells():
    data = simulated_cells()
    assert len(data) == 240
    assert data.facts == {"in_chans": 4, "num_classes": 19}
    assert data.provenance["kind"] == "simulated"
    whole = []
    for one in data.fields[:12]:
        truth = one.truth()
        border = np.concatenate([truth.mask[0], truth.mask[-1], truth.mask[:, 0], truth.mask[:, -1]])
        whole.append(len(set(np.unique(truth.mask)) - set(border) - {0}))
    assert 8 <= np.mean(whole) <= 16
    batch = data.batch(np.array([0, 239]))
    assert (batch["image"].shape, str(batch["image"].dtype)) == ((2, 4, 256, 256), "torch.uint8")
    assert batch["image"].float().mean(dim=(2, 3)).min() > 3
    assert (batch["image"] == 255).float().mean() < 0.01


def test_every_location_has_antibodies_to_learn_validate_and_test_common_ones_many():
    data = simulated_cells()
    antibodies = {location: set() for location in range(19)}
    for row, antibody in zip(data.label_sets, data.groups["antibody"], strict=True):
        for location in np.flatnonzero(row):
            antibodies[location].add(antibody)
    counts = {LOCATIONS[location]: len(found) for location, found in antibodies.items()}
    assert min(counts.values()) >= 5
    assert counts["Nucleoplasm"] > 3 * counts["Aggresome"]
    assert counts["Cytosol"] > 2 * counts["Mitotic spindle"]
    assert 2 <= len(set(data.groups["batch"])) <= 6


@settings(max_examples=40)
@given(st.integers(1, 90), st.integers(1, 6), st.integers(0, 50))
def test_proteins_have_one_to_three_locations_and_negative_stands_alone(antibodies, rare, seed):
    found = deal(antibodies, rare=rare, seed=seed)
    assert len(found) == antibodies
    assert all(1 <= len(own) == len(set(own)) <= 3 for own in found)
    assert all(own == (NEGATIVE,) for own in found if NEGATIVE in own)
    counts = Counter(location for own in found for location in own)
    assert all(counts[location] >= min(rare, antibodies // 19) for location in range(19))


def test_a_field_is_drawn_alone_to_the_same_values_and_can_be_pickled():
    one, many = (simulated_cells(**{**SMALL, "fields": fields}) for fields in (1, 2))
    named = {each.name: each for each in many.fields}
    assert np.array_equal(one.fields[7].read(), named[one.fields[7].name].read())
    again = pickle.loads(pickle.dumps(one.fields[7]))
    assert np.array_equal(again.read(), one.fields[7].read())
    assert np.array_equal(again.truth().mask, one.fields[7].truth().mask)
    assert not np.array_equal(one.fields[7].read(), simulated_cells(**SMALL, seed=1).fields[7].read())


def test_what_is_kept_of_a_field_follows_from_all_its_settings():
    changes = [{}, {"size": 160}, {"diameter": 50.0}, {"deviate": 0.5}, {"seed": 1}]
    stamps = [simulated_cells(**(SMALL | change)).fields[0].stamp for change in changes]
    assert len(set(stamps)) == len(changes)
    assert stamps[0] == simulated_cells(**SMALL).fields[0].stamp


def test_each_cell_of_the_truth_is_one_piece_with_a_location():
    for one in simulated_cells(**SMALL).fields:
        truth = one.truth()
        cells = np.unique(truth.mask[truth.mask > 0])
        assert cells.tolist() == list(range(1, len(truth.labels) + 1))
        assert (truth.labels.sum(axis=1) >= 1).all()
        assert not (truth.labels[:, NEGATIVE] & (truth.labels.sum(axis=1) > 1)).any()
        assert all(truth.labels[:, label].any() for label in one.labels)
        for cell in cells:
            pieces, count = ndimage.label(truth.mask == cell)
            largest = np.bincount(pieces.ravel())[1:].max() if count else 0
            assert largest > 0.95 * (truth.mask == cell).sum()


def test_cells_lack_a_label_of_their_field_as_often_as_the_recipe_says():
    for deviate in (0.0, 0.35, 0.7):
        cells = np.concatenate(
            [
                made("Vesicles and punctate cytosolic patterns", antibody=n, deviate=deviate).truth().labels
                for n in range(8)
            ]
        )
        assert 1 - cells[:, 17].mean() == pytest.approx(deviate, abs=0.09)


def test_cells_without_any_label_of_their_field_are_mostly_negative():
    cells = np.concatenate([made("Centrosome", antibody=n, deviate=0.9).truth().labels for n in range(8)])
    lost = cells[cells[:, NUMBER["Centrosome"]] == 0]
    assert 0.7 < lost[:, NEGATIVE].mean() < 0.95


def test_all_cells_of_a_negative_field_are_negative_and_dark():
    truth = made("Negative", deviate=0.5).truth()
    assert truth.labels[:, NEGATIVE].all()
    dark, bright = light("Negative"), light("Cytosol")
    assert dark[1][inside(dark[0])].mean() < 0.4 * bright[1][inside(bright[0])].mean()


@pytest.mark.parametrize("label", LOCATIONS[:6])
def test_what_lies_in_the_nucleus_is_bright_there(label):
    scene, protein = light(label)
    shown = inside(scene)
    near = ndimage.binary_dilation(scene.nucleus > 0.5, iterations=2)
    assert protein[shown & near].mean() > 1.3 * protein[shown & ~near].mean()


@pytest.mark.parametrize("label", ["Endoplasmic reticulum", "Mitochondria", "Cytosol", LOCATIONS[17]])
def test_what_lies_in_the_cytoplasm_leaves_the_nucleus_darker(label):
    scene, protein = light(label)
    shown, deep = inside(scene), scene.depth > 3
    assert protein[shown & deep].mean() < 0.8 * protein[shown & (scene.depth < -2)].mean()


def test_each_structure_has_its_own_shape():
    scene, protein = light("Nuclear membrane")
    ring = (np.abs(scene.depth) < 1) & inside(scene)
    assert protein[ring].mean() > 2 * protein[(scene.depth > 4) & inside(scene)].mean()
    scene, protein = light("Plasma membrane")
    rim = (scene.rim < 2) & inside(scene)
    assert protein[rim].mean() > 2 * protein[(scene.rim > 6) & inside(scene)].mean()
    for label in ("Centrosome", "Golgi apparatus", "Aggresome"):
        scene, protein = light(label)
        brightest = np.argwhere(protein >= np.percentile(protein, 99.8))
        away = np.hypot(*(brightest[:, None] - scene.pole).transpose(2, 0, 1)).min(axis=1)
        assert (away < 9).mean() > 0.7


@pytest.mark.parametrize(("label", "channel"), [("Microtubules", 0), ("Endoplasmic reticulum", 3)])
def test_a_protein_that_lies_on_what_another_stain_shows_follows_it(label, channel):
    shown = inside(made(label).scene())
    follows = [np.corrcoef(made(one).image()[[1, channel]][:, shown])[0, 1] for one in (label, "Nuclear bodies")]
    assert follows[0] > 0.5
    assert follows[0] > follows[1] + 0.3


def test_spindles_are_there_only_in_cells_that_divide_of_which_every_field_of_them_has_one():
    for number in range(6):
        one = made("Mitotic spindle", number=number, size=128, deviate=0.6)
        scene, labels = one.scene(), one.cell_labels(one.scene())
        assert labels[scene.whole, NUMBER["Mitotic spindle"]].any()
        assert not labels[~scene.mitotic, NUMBER["Mitotic spindle"]].any()
    one = made("Nucleoli", "Mitotic spindle")
    assert not one.cell_labels(one.scene())[one.scene().mitotic, : NUMBER["Nuclear bodies"] + 1].any()


def test_stainings_differ_in_light():
    means = [made("Cytosol", batch=batch).image().mean(axis=(1, 2)) for batch in range(1, 6)]
    assert (np.std(means, axis=0) / np.mean(means, axis=0) > 0.05).all()


@settings(max_examples=20)
@given(st.integers(32, 140), st.floats(0.8, 4.0), st.integers(0, 99))
def test_noise_has_the_variance_of_one_at_any_size(size, sigma, seed):
    values = np.stack([smooth(np.random.default_rng((seed, n)), size, sigma) for n in range(20)])
    assert values.shape == (20, size, size)
    assert values.std() == pytest.approx(1, abs=0.15)


def test_a_model_of_simulated_fields_takes_files_of_real_ones(tmp_path):
    Challenge(tmp_path, images=".")
    new = simulated_cells(**SMALL).open_new({"input": tmp_path})
    assert new.groups["field"] == ["a", "b", "c"]
    assert new.classes == list(LOCATIONS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"antibodies": 0}, "antibodies is a number from 1 to 100000, not 0"),
        ({"fields": 0}, "fields is a number from 1 to 1000, not 0"),
        ({"size": 64}, "size is a number from 96 to 2048, not 64"),
        ({"diameter": 10.0}, "diameter is a number from 32 to 256, not 10"),
        ({"diameter": 200.0}, r"diameter is at most half of size \(256\), not 200"),
        ({"deviate": 1.0}, "deviate is a number from 0 to 0.9, not 1"),
        ({"deviate": float("nan")}, "deviate is a number from 0 to 0.9, not nan"),
        ({"rare": 0}, "rare is a number from 1 to 1000, not 0"),
        ({"batches": 0}, "batches is a number from 1 to 1000, not 0"),
        ({"seed": -1}, "seed is a number from 0 to"),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_the_bound(options, said):
    with pytest.raises(ValueError, match=said):
        simulated_cells(**options)
