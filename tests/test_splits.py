"""Whole groups are dealt to train, validation and test; none stands on two sides, and none is forgotten."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo.errors import DataError
from zoo.schema import SplitSettings
from zoo.splits import Split, make

DONORS = {"donor": ["A", "B", "B", "C", "D", "A"], "section": ["A1", "B1", "B2", "C1", "D1", "A1"]}


def made(groups=DONORS, **values):
    values.setdefault("unit", "donor")
    return make(SplitSettings(**values), groups)


def refused(**values):
    with pytest.raises(DataError) as raised:
        made(**values)
    assert raised.value.exit_code == 3
    return str(raised.value)


def test_holdout_tests_on_the_named_groups_and_trains_on_all_others():
    assert made(test=["C"]) == [Split("holdout", "donor", ("A", "B", "D"), (), ("C",))]


def test_a_share_of_the_groups_is_drawn_for_the_test_by_the_seed_and_one_at_least_is_left_to_train_on():
    many = {"donor": [f"D{n}" for n in range(10)]}
    (split,) = made(many, test=0.3)
    assert len(split.test) == 3
    assert made(many, test=0.3) == [split]
    assert {made(many, test=0.3, seed=seed)[0].test for seed in range(20)} != {split.test}
    assert len(made(test=0.99)[0].train) == 1
    assert len(made(test=0.01)[0].test) == 1
    (both,) = made(many, test=0.3, val=0.5)
    assert (len(both.test), len(both.val), len(both.train)) == (3, 4, 3)


def test_a_share_of_one_group_cannot_be_held_out():
    with pytest.raises(DataError) as raised:
        made({"donor": ["A", "A"]}, test=0.5)
    said = (
        "a share of donor cannot be held out: these data have one, A; bring more, or split by another data.split.unit"
    )
    assert str(raised.value) == said


def test_items_follow_their_group():
    (split,) = made(test=["C"], val=["B"])
    assert split.items(DONORS["donor"], "train") == [0, 4, 5]
    assert split.items(DONORS["donor"], "val") == [1, 2]
    assert split.items(DONORS["donor"], "test") == [3]


def test_the_unit_decides_what_a_group_is():
    (split,) = made(unit="section", test=["B2"])
    assert split.train == ("A1", "B1", "C1", "D1")


def test_leave_one_group_out_has_a_fold_a_group_called_after_it():
    folds = made(scheme="leave-one-group-out")
    assert [(fold.name, fold.test) for fold in folds] == [(name, (name,)) for name in "ABCD"]


def test_folds_of_groups_whose_names_could_not_be_folders_are_numbered():
    folds = made({"donor": ["../../etc", "a/b", ".hidden", "", "x"]}, scheme="leave-one-group-out")
    assert [fold.name for fold in folds] == ["fold0", "fold1", "fold2", "fold3", "fold4"]


def test_k_fold_deals_the_groups_evenly_and_by_seed():
    groups = {"donor": [f"D{i:02}" for i in range(20)]}
    one = made(groups, scheme="k-fold", folds=5, seed=1)
    assert [len(fold.test) for fold in one] == [4] * 5
    assert one == made(groups, scheme="k-fold", folds=5, seed=1)
    assert one != made(groups, scheme="k-fold", folds=5, seed=2)


def test_a_share_of_validation_is_drawn_by_seed_from_what_is_not_tested():
    groups = {"donor": [f"D{i:02}" for i in range(21)]}
    (one,) = made(groups, test=["D00"], val=0.25, seed=1)
    assert len(one.val) == 5
    assert (one,) == tuple(made(groups, test=["D00"], val=0.25, seed=1))
    assert one.val != made(groups, test=["D00"], val=0.25, seed=2)[0].val


def test_a_share_of_validation_is_at_least_one_group():
    (split,) = made(test=["C"], val=0.01)
    assert len(split.val) == 1


def test_named_validation_groups_are_left_out_in_the_fold_that_tests_them():
    folds = {fold.name: fold for fold in made(scheme="leave-one-group-out", val=["A", "B"])}
    assert folds["A"].val == ("B",)
    assert folds["C"].val == ("A", "B")
    assert folds["C"].train == ("D",)


def test_a_group_that_is_named_twice_counts_once():
    (split,) = made(test=["C", "C"], val=["B", "B"])
    assert (split.val, split.test) == (("B",), ("C",))


groups = st.lists(st.sampled_from([f"g{i}" for i in range(12)]), min_size=1, max_size=40)
vals = st.none() | st.floats(0.05, 0.6)


def sides_are_disjoint_and_cover(folds, names):
    for fold in folds:
        sides = [set(fold.train), set(fold.val), set(fold.test)]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert set.union(*sides) == names
        assert fold.train
        assert fold.test


def each_group_is_tested_once(folds, names):
    assert sorted(name for fold in folds for name in fold.test) == sorted(names)


@given(groups, vals, st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_leave_one_group_out_covers_everything_and_tests_every_group_exactly_once(items, val, seed):
    names = set(items)
    if len(names) < 2 + (val is not None):
        with pytest.raises(DataError):
            made({"donor": items}, scheme="leave-one-group-out", val=val, seed=seed)
        return
    folds = made({"donor": items}, scheme="leave-one-group-out", val=val, seed=seed)
    sides_are_disjoint_and_cover(folds, names)
    each_group_is_tested_once(folds, names)


@given(groups, st.integers(2, 6), vals, st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_k_fold_covers_everything_and_tests_every_group_exactly_once(items, k, val, seed):
    names = set(items)
    fewest_left = len(names) - -(-len(names) // k)  # where the largest fold is tested
    if len(names) < k or fewest_left < 1 + (val is not None):
        with pytest.raises(DataError):
            made({"donor": items}, scheme="k-fold", folds=k, val=val, seed=seed)
        return
    folds = made({"donor": items}, scheme="k-fold", folds=k, val=val, seed=seed)
    assert len(folds) == k
    sides_are_disjoint_and_cover(folds, names)
    each_group_is_tested_once(folds, names)


@given(groups, st.data())
@settings(max_examples=100, deadline=None)
def test_holdout_sides_are_disjoint_and_cover_everything(items, data):
    names = sorted(set(items))
    test = data.draw(st.lists(st.sampled_from(names), min_size=1))
    val = data.draw(st.none() | st.lists(st.sampled_from(names)))
    if set(test) & set(val or ()) or not set(names) - set(test) - set(val or ()):
        with pytest.raises(DataError):
            made({"donor": items}, test=test, val=val)
        return
    folds = made({"donor": items}, test=test, val=val)
    sides_are_disjoint_and_cover(folds, set(names))


def test_a_group_on_two_sides_is_refused_by_name():
    assert refused(test=["A", "B"], val=["B"]) == "donor B stands in both val and test; give each to one side"
    with pytest.raises(DataError, match="donor A, B stands in both train and test"):
        Split("mine", "donor", ("A", "B"), (), ("B", "A"))


def test_a_unit_that_the_data_do_not_have_is_refused_with_those_they_have():
    expected = "data.split.unit 'patient' is not known to these data; they have: donor, section"
    assert refused(unit="patient", test=["A"]) == expected


def test_a_group_that_the_data_do_not_have_is_refused_with_those_they_have():
    have = "which these data do not have; they have: A, B, C, D"
    assert refused(test=["A", "E", "F"]) == f"data.split.test names donor E, F, {have}"
    assert refused(test=["A"], val=["E"]) == f"data.split.val names donor E, {have}"


def test_a_long_list_of_groups_is_cut_in_the_message():
    with pytest.raises(DataError, match=r"they have: g00, .*g11 \.\.\.$"):
        made({"donor": [f"g{i:02}" for i in range(30)]}, test=["x"])


def test_too_few_groups_are_refused_with_the_numbers():
    one = {"donor": ["A", "A"]}
    with pytest.raises(DataError, match="leave-one-group-out needs at least two groups of donor, these data have 1"):
        made(one, scheme="leave-one-group-out")
    expected = "k-fold with 5 folds needs as many groups of donor, these data have 4; lower data.split.folds"
    assert refused(scheme="k-fold", folds=5) == expected
    assert refused(test=["A", "B", "C", "D"]).startswith("no donor is left for train; name fewer groups elsewhere")
    assert refused(test=["A", "B"], val=["C", "D"]).startswith("no donor is left for train")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a holdout split names its test groups"),
        ({"scheme": "k-fold"}, "'folds' belongs to scheme 'k-fold', and to it alone"),
        ({"test": ["A"], "folds": 3}, "'folds' belongs to scheme 'k-fold'"),
        ({"scheme": "leave-one-group-out", "test": ["A"]}, "takes every group in turn; remove 'test'"),
        ({"test": ["A"], "val": 1.0}, "less than 1"),
        ({"test": ["A"], "seed": -1}, "greater than or equal to 0"),
        ({"scheme": "k-fold", "folds": 1}, "greater than or equal to 2"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        SplitSettings(unit="donor", **values)


def test_a_split_is_plain_values_for_the_record():
    (split,) = made(test=["C"], val=["B"])
    assert split.as_dict() == {"name": "holdout", "unit": "donor", "train": ("A", "D"), "val": ("B",), "test": ("C",)}
