"""Found cells are matched to true ones by overlap, each at most once, and counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo.errors import DataError, UsageError
from zoo_cells.matching import Tally, average_precision, matches, tally

MASKS = arrays(np.int32, (7, 8), elements=st.sampled_from([0, 0, 1, 2, 9, 70_000]))


def slow(found, true, iou):
    """Every pair of cells, one by one."""
    pairs = []
    for f in np.unique(found[found > 0]):
        for t in np.unique(true[true > 0]):
            a, b = found == f, true == t
            if (a & b).sum() >= iou * (a | b).sum() and t not in [pair[1] for pair in pairs]:
                pairs.append((f, t))
                break
    return pairs


@given(MASKS, MASKS, st.sampled_from([0.5, 0.6, 0.75, 1.0]))
def test_pairs_are_those_that_every_pair_held_against_the_bound_gives(found, true, iou):
    pairs = matches(found, true, iou)
    assert pairs.dtype == np.int64
    assert pairs.shape == (len(pairs), 2)
    assert [tuple(pair) for pair in pairs.tolist()] == slow(found, true, iou)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)


@given(MASKS, MASKS)
def test_changing_sides_changes_false_cells_and_missed_ones(found, true):
    one, other = tally(found, true, 0.75), tally(true, found, 0.75)
    assert one == Tally(other.hits, other.missed, other.false)


@given(MASKS)
def test_a_mask_matches_itself_whole(mask):
    pairs = matches(mask, mask, 1.0)
    assert pairs[:, 0].tolist() == pairs[:, 1].tolist() == np.unique(mask[mask > 0]).tolist()
    assert average_precision(tally(mask, mask, 1.0)) == 1


def test_a_cell_cut_in_exact_halves_is_matched_by_one_of_them():
    true = np.ones((4, 4), np.int32)
    found = true.copy()
    found[:, 2:] = 2
    assert matches(found, true, 0.5).tolist() == [[1, 1]]
    assert matches(true, found, 0.5).tolist() == [[1, 1]]
    assert len(matches(found, true, 0.51)) == 0


def test_numbers_with_gaps_and_of_sixteen_bits_are_kept():
    true = np.zeros((4, 6), np.uint16)
    true[:2, :2], true[2:, 4:] = 65_535, 3
    found = np.where(true == 3, 12, 0).astype(np.int32)
    assert matches(found, true, 0.6).tolist() == [[12, 3]]
    assert tally(found, true, 0.6) == Tally(1, 0, 1)


def test_average_precision_of_several_fields_counts_their_cells_together():
    assert average_precision(Tally(9, 1, 0), Tally(0, 0, 10)) == 9 / 20
    assert average_precision(Tally(0, 0, 0)) == 1


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(DataError, match=r"\(2, 2\) and \(2, 3\).*same field"):
        matches(np.zeros((2, 2), int), np.zeros((2, 3), int), 0.6)


@pytest.mark.parametrize("iou", [0.49, 1.01, float("nan")])
def test_an_overlap_at_which_pairs_are_not_unique_is_refused(iou):
    with pytest.raises(UsageError, match=r"from 0.5 to 1"):
        matches(np.zeros((2, 2), int), np.zeros((2, 2), int), iou)
