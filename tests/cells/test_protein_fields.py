"""Fields with several labels each: classes, groups, batches, and what cannot be used."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from zoo.errors import DataError, UsageError
from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.fields import FieldList, ProteinFields
from zoo_cells.protein.locations import CHANNELS, LOCATIONS


@dataclass
class Pixels:
    """A field of one value."""

    value: int = 0
    shape: tuple[int, ...] = (4, 6, 5)
    kind: str = "uint8"

    def __call__(self):
        return np.full(self.shape, self.value, self.kind)


def field(name, labels=(0,), groups=None, read=Pixels(), stamp="s"):
    return CellField(name, labels, groups or {}, stamp, read)


def fields(*some, **options):
    return ProteinFields(lambda: list(some), **options)


def test_every_location_is_a_class_though_no_field_has_it():
    data = fields(field("a", (0, 16)), field("b", ()), field("c", None))
    assert data.classes == list(LOCATIONS)
    assert data.channels == list(CHANNELS)
    assert data.facts == {"in_chans": 4, "num_classes": 19}
    assert data.label_sets.shape == (3, 19)
    assert np.flatnonzero(data.label_sets[0]).tolist() == [0, 16]
    assert data.label_sets[1].tolist() == [0] * 19
    assert data.label_sets[2].tolist() == [-1] * 19


def test_fields_are_listed_once_and_only_when_they_are_needed():
    asked = []

    def listing():
        asked.append(1)
        return [field("a")]

    data = ProteinFields(listing)
    assert (data.state()["channels"], data.facts["num_classes"], asked) == (list(CHANNELS), 19, [])
    assert (len(data), len(data.label_sets), asked) == (1, 1, [1])


def test_a_batch_has_pixels_labels_and_names_in_the_order_asked_for():
    data = fields(field("a", (0,)), field("b", (3, 4), read=Pixels(7)), field("c", None))
    batch = data.batch(np.array([1, 2]))
    assert set(data.provides) < set(batch)
    assert batch["id"] == ["b", "c"]
    assert (batch["image"].shape, batch["image"].dtype) == ((2, 4, 6, 5), torch.uint8)
    assert batch["image"][0].unique().tolist() == [7]
    assert batch["label"].dtype == torch.float32
    assert batch["label"][0].nonzero().flatten().tolist() == [3, 4]
    assert batch["label"][1].unique().tolist() == [-1]


def test_fields_of_two_sizes_make_no_batch_and_the_sentence_names_both():
    data = fields(field("a"), field("b", read=Pixels(shape=(4, 8, 9))), field("c", read=Pixels(kind="uint16")))
    assert len(data.batch(np.array([1]))["image"]) == 1
    way = "; segment the fields, or bring fields of one size and type"
    with pytest.raises(DataError, match=f"field a is 6 x 5 uint8 and field b is 8 x 9 uint8{way}"):
        data.batch(np.array([0, 1]))
    with pytest.raises(DataError, match=f"field a is 6 x 5 uint8 and field c is 6 x 5 uint16{way}"):
        data.batch(np.array([0, 2]))


@pytest.mark.parametrize("read", [Pixels(shape=(3, 6, 5)), Pixels(shape=(6, 5)), Pixels(kind="int32")])
def test_what_has_not_four_channels_of_8_or_16_bits_is_no_field(read):
    with pytest.raises(DataError, match=r"field a is .*; a field is \[4, height, width\] \(microtubules, protein"):
        fields(field("a", read=read)).batch(np.array([0]))


def test_groups_are_the_fields_and_all_units_that_any_of_them_has():
    data = fields(field("a", groups={"antibody": "A1"}), field("b", groups={"antibody": "A1", "plate": "P"}))
    assert data.groups == {
        "antibody": ["A1", "A1"],
        "plate": ["none", "P"],
        "field": ["a", "b"],
        "item": ["a", "b"],
    }


def test_the_stamp_follows_from_names_pixels_and_labels_and_nothing_else():
    plain = fields(field("a"), field("b")).stamp
    assert fields(field("a"), field("b", groups={"plate": "P"})).stamp == plain
    others = [field("c"), field("b", stamp="t"), field("b", (1,)), field("b", None), field("b", ())]
    assert len({plain, *(fields(field("a"), other).stamp for other in others)}) == 6


def test_training_fields_without_labels_or_with_the_same_teach_nothing():
    data = fields(field("a", None), field("b", (2, 3)), field("c", (2, 3)), field("d", ()))
    with pytest.raises(DataError, match="no training field has a label; bring a table"):
        data.fit(np.array([0]))
    with pytest.raises(DataError, match=r"all have the same labels \(Nucleoli, Nucleoli fibrillar center\)"):
        data.fit(np.array([0, 1, 2]))
    data.fit(np.array([1, 3]))


def test_what_was_fitted_goes_round_and_other_classes_are_refused():
    data = fields(field("a"))
    state = data.state()
    data.restore(state)
    with pytest.raises(DataError, match=r"trained on other classes \(Lysosomes\) than the 19 of these fields"):
        data.restore({**state, "classes": [*LOCATIONS[:-1], "Lysosomes"]})
    with pytest.raises(DataError, match=r"trained on other channels \(4 in another order\)"):
        data.restore({**state, "channels": list(reversed(CHANNELS))})


def test_no_fields_and_two_of_one_name_are_refused():
    with pytest.raises(DataError, match="there is no field; point the data at a folder that has some"):
        len(fields())
    with pytest.raises(DataError, match="2 fields are called a; give each a name of its own"):
        len(fields(field("a"), field("a"), field("b")))


def test_notes_of_a_listing_become_those_of_the_data_once():
    data = ProteinFields(lambda: FieldList([field("a")], notes=["one is left out"]), note="simulated")
    assert data.notes == ["simulated"]
    assert (len(data), len(data)) == (1, 1)
    assert data.notes == ["simulated", "one is left out"]


def test_new_fields_are_listed_at_once_with_the_same_classes(tmp_path):
    asked = []

    def new_fields(inputs):
        asked.append(inputs["input"])
        return [field("new", None)]

    data = fields(field("a"), new_fields=new_fields, provenance={"name": "x"})
    new = data.open_new({"input": tmp_path})
    assert asked == [tmp_path]
    assert (len(new), new.classes, new.provenance) == (1, data.classes, {"name": "x"})
    with pytest.raises(UsageError, match="--table is not known to these data; say --input FOLDER"):
        data.open_new({"input": tmp_path, "table": tmp_path})
    with pytest.raises(UsageError, match="a folder of fields is needed; say --input FOLDER"):
        data.open_new({})


def test_fields_can_be_pickled_to_be_segmented_elsewhere():
    one = pickle.loads(pickle.dumps(field("a", read=Pixels(3))))
    assert one.read().max() == 3
