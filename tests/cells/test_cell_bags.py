"""Cells of fields as bags: which fields become items, what a batch holds, and how found cells compare to true ones."""

import pickle

import numpy as np
import pytest
import torch

from cells.cell_fields import PLACES, Drawn, Known, Threshold, Unreadable, a_field, fields, mask_of
from zoo.errors import DataError, MissingError
from zoo_cells.segmented.bags import CellBags
from zoo_cells.segmented.crops import Crops
from zoo_cells.stages.segment import Segment

SMALL = Crops(size=16)
EMPTY = a_field(90, Drawn(places=()))
TWO = a_field(91, Drawn(places=PLACES[:2], side=150))


def bags(*given, crops=SMALL, segmenter=None, **more):
    return CellBags(fields(*given), segmenter=segmenter or Threshold(), crops=crops, processes=0, **more)


def test_a_bag_is_a_field_and_a_batch_packs_its_cells():
    data = bags(0, 1, TWO)
    assert (len(data), data.sizes, data.facts) == (3, [4, 4, 2], {"in_chans": 4, "num_classes": 19})
    batch = data.batch(np.array([2, 0]))
    assert batch["instances"].shape == (6, 4, 16, 16)
    assert batch["instances"].dtype == torch.uint8
    assert batch["offsets"].tolist() == [0, 2, 6]
    assert batch["label"].shape == (2, 19)
    assert batch["label"].argmax(dim=1).tolist() == [1, 0]
    assert batch["id"] == ["f91", "f0"]
    assert set(data.provides) == {"instances", "offsets", "label"}


def test_a_cell_does_not_depend_on_what_shares_its_batch():
    data = bags(0, 1, TWO)
    whole, alone = data.batch(np.array([0, 1, 2])), data.batch(np.array([1]))
    start, stop = whole["offsets"][1:3].tolist()
    torch.testing.assert_close(whole["instances"][start:stop], alone["instances"])


def test_a_field_without_cells_is_left_out_and_told_of():
    data = bags(0, EMPTY, 1)
    assert (len(data), list(data.groups["field"]), list(data.groups["antibody"])) == (2, ["f0", "f1"], ["a0", "a0"])
    assert data.label_sets.argmax(axis=1).tolist() == [0, 1]
    assert data.notes == ["no cell was found in 1 fields, which are left out: f90"]


def test_a_field_of_5000_cells_is_left_out_with_the_bound():
    grains = tuple((y, x) for y in range(4, 400, 5) for x in range(4, 400, 5))[:5000]
    crowded = a_field(92, Crowded(grains))
    data = bags(0, crowded, crops=Crops(size=16, min_area=1))
    assert len(data) == 1
    assert "field f92 has 5,000 cells, at most 1,000 of one field are kept (crops.most)" in data.notes[0]
    one = crowded.name
    with pytest.raises(DataError, match=rf"^1 of 1 fields have too many cells and none is left: field {one} has 5,000"):
        len(bags(crowded, crops=Crops(size=16, min_area=1)))


def test_of_many_crowded_fields_a_few_are_named():
    data = bags(*range(9), TWO, crops=Crops(size=16, most=2))
    assert len(data) == 1
    assert len(data.notes) < 9
    assert "more fields have too many cells and are left out" in data.notes[-1]


class Crowded:
    def __init__(self, grains):
        self.grains = grains

    def __call__(self):
        image = np.zeros((4, 400, 400), np.uint8)
        image[:, [y for y, _ in self.grains], [x for _, x in self.grains]] = 200
        return image


def test_nothing_is_segmented_before_it_is_needed_and_no_field_twice():
    seen = []
    read = Counting(seen)
    data = bags(a_field(0, read, stamp="one"))
    assert (data.stamp, data.classes[0], data.channels[1]) == (data.stamp, "Nucleoplasm", "protein")
    assert not seen
    data.batch(np.array([0]))
    again = bags(a_field(0, read, stamp="one"), 1)
    assert again.sizes == [4, 4]
    assert len(seen) == 1


class Counting:
    def __init__(self, seen):
        self.seen = seen

    def __deepcopy__(self, memo):
        return self

    def __call__(self):
        self.seen.append(1)
        return Drawn()()


def test_stamp_follows_from_fields_segmenter_and_settings():
    held = [
        bags(0),
        bags(1),
        bags(0, segmenter=Threshold(bound=60)),
        bags(0, crops=Crops(size=17)),
        bags(0, crops=Crops(size=16, mask=False)),
    ]
    assert len({one.stamp for one in held}) == len(held)
    assert bags(0).stamp == bags(0).stamp


def test_a_table_has_a_row_for_each_cell_and_fits_the_mask():
    data = bags(0, EMPTY, TWO)
    table = data.cell_table(np.array([1, 0]))
    assert table["item"].tolist() == [1, 1, 0, 0, 0, 0]
    assert table["field"].tolist() == ["f91"] * 2 + ["f0"] * 4
    assert table["cell"].tolist() == [1, 2, 1, 2, 3, 4]
    mask = data.mask(0)
    assert (mask.shape, mask.dtype) == ((120, 120), np.int32)
    np.testing.assert_array_equal(mask, mask_of())
    for row in range(2, 6):
        y0, x0, y1, x1, cell = (int(table[name][row]) for name in ("y0", "x0", "y1", "x1", "cell"))
        assert (mask[y0:y1, x0:x1] == cell).sum() == table["area"][row] == (mask == cell).sum()
        assert (table["centroid_y"][row], table["centroid_x"][row]) == PLACES[cell - 1]


def test_found_cells_have_the_labels_of_the_true_ones_they_match():
    shown = (*PLACES[1:], (60, 60))
    known = a_field(0, Drawn(places=shown), Known())
    truth = bags(known, TWO).cell_truth(np.array([0, 1]))
    matched = truth["cell"][:4]
    order = [PLACES.index(place) if place in PLACES else None for place in shown_in_order(shown)]
    for row, number in zip(matched, order, strict=True):
        assert row.tolist() == ([-1] * 19 if number is None else np.eye(19, dtype=int)[number].tolist())
    assert truth["missed"].tolist() == [np.eye(19, dtype=int)[0].tolist(), [0] * 19]
    assert (truth["cell"][4:] == -1).all()


def shown_in_order(places):
    return sorted(places, key=lambda place: (place[0] - 12, place[1]))


def test_true_cells_at_the_border_are_not_asked_for_where_they_are_dropped():
    places = ((8, 60), (60, 60))
    known = a_field(0, Drawn(places=places), Known(places=places))
    kept, dropped = bags(known), bags(known, crops=Crops(size=16, edges="drop"))
    assert (kept.cell_truth([0])["cell"] >= 0).all()
    assert dropped.cell_truth([0])["cell"].tolist() == [np.eye(19, dtype=int)[1].tolist()]
    assert not dropped.cell_truth([0])["missed"].any()


def test_fields_of_which_nothing_is_known_have_no_truth():
    assert bags(0, 1).cell_truth(np.array([0, 1])) is None


def test_new_fields_are_segmented_alike():
    data = bags(0, 1)
    new = data.open_new({"input": None})
    assert (len(new), new.key, new.batch(np.array([1]))["id"]) == (2, data.key, ["f8"])


def test_fitting_looks_at_the_fields_of_items_alone():
    data = bags(EMPTY, 0, 1)
    asked = []
    data.fields_dataset.fit = lambda items: asked.extend(np.asarray(items).tolist())
    data.fit(np.array([1]))
    assert asked == [2]
    data.restore(data.state())


def test_bags_can_be_pickled_with_and_without_their_cells():
    data = bags(0, TWO)
    data.fields_dataset.__dict__.update(_open_fields=None, _new_fields=None, fields=data.fields_dataset.fields)
    for _ in range(2):
        again = pickle.loads(pickle.dumps(data))
        assert again.sizes == [4, 2]
        data.batch(np.array([0]))


def test_fields_none_of_which_has_a_cell_are_refused():
    with pytest.raises(DataError, match=r"none of the 2 fields has a cell of 135 pixels or more.*diameter"):
        len(bags(EMPTY, a_field(93, Drawn(places=(), side=60))))


def test_a_segmenter_that_needs_another_plane_is_refused_at_once():
    segmenter = Threshold()
    segmenter.needs = ("dna",)
    with pytest.raises(DataError, match="needs dna, and the fields have microtubules, protein, nucleus, er"):
        bags(0, segmenter=segmenter)


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("raise", r"field f2 is left out: the segmenter failed \(ValueError: no convergence after 200 steps\)"),
        ("refuse", "field f2 is left out: too dark"),
        ("floats", "the segmenter gave 120 x 120 float64 for a field of 120 x 120"),
        ("small", "the segmenter gave 3 x 3 int32 for a field of 120 x 120"),
        ("negative", "the segmenter gave numbers from -1 to 0"),
    ],
)
def test_a_field_at_which_a_segmenter_fails_is_left_out_and_told_of(fails, said):
    data = bags(0, 1, 2, segmenter=Threshold(codes={2: fails}))
    assert len(data) == 2
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(data.notes)


def test_a_damaged_field_is_left_out_or_stops_as_the_recipe_says():
    assert bags(0, 1, a_field(2, Unreadable())).sizes == [4, 4]
    with pytest.raises(DataError, match=r"field f2: a_red.png: cannot be decoded; say lose: note"):
        len(bags(0, 1, a_field(2, Unreadable()), lose="stop"))


def test_a_lost_field_is_tried_again_and_arrays_of_items_can_tell():
    segmenter = Threshold(codes={2: "raise"})
    data = bags(0, 1, 2, segmenter=segmenter)
    before = (len(data), data.items_stamp)
    field = data.fields_dataset.fields[2]
    again = bags(0, 1, a_field(2, Drawn(code=9), stamp=field.stamp), segmenter=segmenter)
    assert (len(again), again.stamp) == (3, data.stamp)
    assert before[1] != again.items_stamp


def test_more_lost_fields_than_half_stop_with_the_first_reason():
    segmenter = Threshold(codes={0: "raise", 1: "refuse", 3: "raise"})
    with pytest.raises(DataError, match=r"3 of 4 fields could not be segmented, the first is f0: .*no convergence"):
        len(bags(0, 1, 2, 3, segmenter=segmenter))


def test_weights_that_are_not_there_stop_everything_at_once():
    with pytest.raises(MissingError, match="the weights are not there") as raised:
        len(bags(0, 1, 2, segmenter=Threshold(codes={0: "weights"})))
    assert raised.value.exit_code == 3


class Work:
    def __init__(self, dataset):
        self.dataset = dataset

    def progress(self, done, total, what):
        return done, total, what


def test_the_stage_gives_bags_without_work_and_yields_how_far_the_work_is():
    stage = Segment(segmenter=Threshold(), crops=SMALL, processes=0)
    data = stage.over(fields(0, 1, 2))
    assert list(stage.run(Work(data))) == [(1, 3, "f0"), (2, 3, "f1"), (3, 3, "f2")]
    assert list(stage.run(Work(stage.over(fields(0, 1, 3))))) == [(3, 3, "f3")]
    assert not stage.fitted
    with pytest.raises(ValueError, match="processes is a number of at least 0, not -1"):
        Segment(segmenter=Threshold(), processes=-1)
