"""Simulated plates: layouts, classes and groups, and treatments that shape tells better than light."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.scores import floors
from zoo_cells.datasets.simulated_plate import simulated_plate
from zoo_cells.features import describe
from zoo_cells.simulation import CHANNELS, CONTROL, EFFECTS, SimulatedField, Well, lay_out


@cache
def study(effect):
    """Return the images, labels and plates of a small study of six treatments."""
    wells = dict.fromkeys([CONTROL, "tubulin-1", "tubulin-2", "actin-2", "mitochondria-1", "dna-1"], 10)
    images, labels, places = [], [], []
    for plate in (1, 2):
        for well in lay_out(wells, plate=plate, seed=6):
            made = SimulatedField(
                seed=6, plate=plate, well=well, site=1, size=96, channels=("DNA", "AGP", "Mito"), effect=effect
            )
            images.append(made.image())
            labels.append(list(wells).index(well.treatment))
            places.append(plate)
    return images, np.array(labels), np.array(places)


def accuracy(features, labels, plates):
    """Return how often a logistic regression names the treatment of wells of the other plate."""
    features, right = np.stack(features), []
    for plate in (1, 2):
        test = plates == plate
        state = floors.fit_logistic(features[~test], labels[~test])
        right.append(floors.logistic(state, features[test], 6).argmax(axis=1) == labels[test])
    return float(np.concatenate(right).mean())


def test_a_field_of_a_dataset_can_be_drawn_without_the_others():
    one, many = (simulated_plate(plates=plates, wells=2, control_wells=2, sites=2, size=48) for plates in (1, 2))
    named = {each.name: each for each in many.fields}
    assert np.array_equal(one.fields[5].read(), named[one.fields[5].name].read())
    batch = many.batch(np.array([5, 0]))
    assert np.array_equal(batch["image"][0].numpy(), many.fields[5].read())
    assert batch["id"][0] == many.fields[5].name


def test_what_is_kept_of_a_field_follows_from_all_its_settings():
    small = {"plates": 1, "wells": 2, "control_wells": 2, "sites": 1, "size": 32}
    changes = [{}, {"size": 48}, {"effect": 0.5}, {"seed": 1}, {"channels": ["RNA"]}]
    stamps = [simulated_plate(**(small | change)).fields[0].stamp for change in changes]
    assert len(set(stamps)) == len(changes)
    assert stamps[0] == simulated_plate(**small).fields[0].stamp


def test_control_wells_are_many_rare_ones_few_and_every_class_is_there():
    data = simulated_plate(plates=2, treatments=8, wells=5, control_wells=20, rare=2, sites=3)
    wells = Counter(label for label, _ in set(zip(data.labels, data.groups["well"], strict=True)))
    named = {data.classes[label]: number for label, number in wells.items()}
    assert data.classes == list(EFFECTS)[:8]
    assert named == {
        **dict.fromkeys(data.classes, 10),
        CONTROL: 40,
        "mitochondria-1": 4,
        "dna-1": 4,
    }
    assert len(data) == 3 * sum(named.values())
    assert len(set(data.groups["field"])) == len(data)
    assert data.facts == {"in_chans": 3, "num_classes": 8}
    assert data.provenance["kind"] == "simulated"


def test_all_treatments_of_the_table_can_be_asked_for_and_all_channels():
    data = simulated_plate(
        plates=1, treatments=len(EFFECTS), wells=3, control_wells=4, sites=1, size=32, channels=list(CHANNELS)
    )
    assert data.classes == list(EFFECTS)
    assert data.batch(np.array([0]))["image"].shape == (1, 5, 32, 32)


def test_treatments_lie_at_random_and_otherwise_on_each_plate_unless_confounded():
    wells = {CONTROL: 24, "actin-1": 16, "actin-2": 12}
    first, second = (lay_out(wells, plate=plate, seed=0) for plate in (1, 2))
    assert [well.treatment for well in first] != [well.treatment for well in second]
    assert len({well.column for well in first if well.treatment == "actin-1"}) > 4
    assert Counter(well.treatment for well in first) == wells
    assert len({well.name for well in first}) == 52
    bound = [lay_out(wells, plate=plate, seed=0, confounded=True) for plate in (1, 2)]
    assert bound[0] == bound[1]
    columns = {name: {well.column for well in bound[0] if well.treatment == name} for name in wells}
    assert columns == {CONTROL: {0, 1, 2}, "actin-1": {3, 4}, "actin-2": {5, 6}}


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from(list(EFFECTS)), st.integers(1, 60), min_size=1),
    st.booleans(),
    st.integers(0, 50),
)
def test_every_layout_has_the_wells_asked_for_each_once_on_the_plate(wells, confounded, seed):
    found = lay_out(wells, plate=1, seed=seed, confounded=confounded)
    assert Counter(well.treatment for well in found) == wells
    assert len({(well.row, well.column) for well in found}) == len(found)
    assert all(0 <= well.row < well.rows and 0 <= well.column < well.columns for well in found)


def test_wells_are_named_by_letter_and_number_beyond_z_too():
    assert [Well(row, 11, 32, 48, CONTROL).name for row in (0, 25, 26, 31)] == ["A12", "Z12", "AA12", "AF12"]


def test_without_effect_nothing_tells_treatments_apart():
    images, labels, plates = study(0.0)
    # 120 fields at chance 1/6: a share above 0.26 has a probability of less than one in a hundred
    assert accuracy([describe(image, objects=0)[1] for image in images], labels, plates) < 0.26
    assert accuracy([floors.intensity(image) for image in images], labels, plates) < 0.26


def test_shape_and_texture_name_the_treatment_better_than_intensities_do_which_beat_chance():
    images, labels, plates = study(1.0)
    light = accuracy([floors.intensity(image) for image in images], labels, plates)
    shape = accuracy([describe(image, objects=0)[1] for image in images], labels, plates)
    assert light > 0.26
    assert shape > light + 0.1
    assert shape > 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"plates": 0}, "plates is a number from 1 to 1000, not 0"),
        ({"treatments": 1}, f"treatments is a number from 2 to {len(EFFECTS)}, not 1"),
        ({"treatments": 99}, f"treatments is a number from 2 to {len(EFFECTS)}, not 99"),
        ({"wells": 0}, "wells is a number of at least 1, not 0"),
        ({"control_wells": 0}, "control_wells is a number of at least 1, not 0"),
        ({"sites": 0}, "sites is a number from 1 to 1000, not 0"),
        ({"size": 8}, "size is a number from 32 to 2048, not 8"),
        ({"seed": -1}, "seed is a number of at least 0, not -1"),
        ({"rare": -1}, "rare is a number of at least 0, not -1"),
        ({"rare": 7}, "rare is at most 6, the treatments that do something, not 7"),
        ({"effect": -0.1}, "effect lies between 0 and 3, not -0.1"),
        ({"effect": float("nan")}, "effect lies between 0 and 3, not nan"),
        ({"channels": ["DNA", "GFP"]}, "channels are of DNA, RNA, ER, AGP, Mito, each once, not DNA, GFP"),
        ({"channels": ["DNA", "DNA"]}, "channels are of DNA, RNA, ER, AGP, Mito, each once, not DNA, DNA"),
        ({"channels": []}, "channels are of DNA, RNA, ER, AGP, Mito, each once, not none"),
        ({"wells": 400}, "wells are at most 1536 a plate, not 2028; ask for fewer"),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_the_bound(options, said):
    with pytest.raises(ValueError, match=said):
        simulated_plate(**options)
