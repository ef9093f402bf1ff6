"""Rare classes are dealt out like the others; one that could not be learnt, and copies on two sides, are refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from zoo import experiment, recipe, resolve, strata
from zoo.errors import DataError, RecipeError
from zoo.schema import SplitSettings
from zoo.splits import make, refuse_copies

WELLS = {"well": [f"{row}{column:02}" for row in "ABCD" for column in range(1, 7)]}
LABELS = ["DMSO"] * 14 + ["drug"] * 8 + ["rare"] * 2


def made(groups=None, labels=None, **values):
    values.setdefault("unit", "well")
    return make(SplitSettings(**values), groups or WELLS, labels or LABELS)


def classes_of(groups):
    return {label for well, label in zip(WELLS["well"], LABELS, strict=True) if well in groups}


def test_a_stratified_share_takes_groups_of_every_class():
    (split,) = made(test=0.25, val=0.2, stratify=True)
    assert classes_of(split.test) == classes_of(split.train) == {"DMSO", "drug", "rare"}
    assert len(split.test) == 4 + 2 + 1
    assert classes_of(split.val) == {"DMSO", "drug"}, "the last group of a rare class is for learning"


def test_stratified_folds_spread_each_class_and_test_every_group_once():
    folds = made(scheme="k-fold", folds=2, stratify=True)
    assert [classes_of(fold.test) for fold in folds] == [{"DMSO", "drug", "rare"}] * 2
    assert sorted(well for fold in folds for well in fold.test) == sorted(WELLS["well"])
    assert [len(fold.test) for fold in folds] == [12, 12]


@given(sizes=st.lists(st.integers(2, 9), min_size=1, max_size=5), folds=st.integers(2, 4), seed=st.integers(0, 9))
def test_stratified_folds_differ_by_one_group_of_a_class_at_most(sizes, folds, seed):
    labels = [f"c{k}" for k, size in enumerate(sizes) for _ in range(size)]
    groups = {"well": [f"w{n:03}" for n in range(len(labels))]}
    assume(sum(sizes) >= folds)
    try:
        found = made(groups, labels, scheme="k-fold", folds=folds, stratify=True, seed=seed)
    except DataError:
        reject()
    for k in range(len(sizes)):
        counts = [sum(labels[int(well[1:])] == f"c{k}" for well in fold.test) for fold in found]
        assert max(counts) - min(counts) <= 1


def test_a_class_with_one_group_is_named():
    labels = ["DMSO"] * 23 + ["AC-710"]
    with pytest.raises(DataError) as raised:
        made(labels=labels, test=0.25, stratify=True)
    assert str(raised.value) == (
        "class 'AC-710' has one group, D06, and needs two to be both learnt and tested; bring more of it, leave the "
        "class out, or split by another data.split.unit"
    )
    with pytest.raises(DataError, match="class 'AC-710' has one group, D06"):
        made(labels=labels, scheme="k-fold", folds=3, stratify=True)


def test_a_class_that_would_be_tested_and_never_learnt_is_named_with_its_groups():
    with pytest.raises(DataError) as raised:
        made(test=["D05", "D06"])
    assert str(raised.value).startswith(
        "class 'rare' would be tested and never learnt: its wells are D05, D06; bring more of them"
    )


def test_groups_without_a_label_go_where_they_fall():
    labels = ["DMSO"] * 12 + ["drug"] * 11 + [""]
    (split,) = made(labels=labels, test=0.25, stratify=True)
    assert "D06" in split.train


def test_groups_that_hold_every_class_are_dealt_as_they_come():
    groups = {"plate": [f"P{n % 4}" for n in range(24)]}
    labels = [f"c{(n // 4) % 3}" for n in range(24)]
    folds = make(SplitSettings(unit="plate", scheme="k-fold", folds=2, stratify=True), groups, labels)
    assert [len(fold.test) for fold in folds] == [2, 2]


def test_dealing_by_class_needs_classes():
    with pytest.raises(DataError, match=r"data\.split\.stratify deals groups out by class, and these data have none"):
        make(SplitSettings(unit="well", test=0.5, stratify=True), WELLS)


def test_the_same_seed_deals_alike_and_another_differently():
    one, two, other = (made(test=0.25, stratify=True, seed=seed) for seed in (0, 0, 1))
    assert one == two != other


def test_copies_of_one_field_on_two_sides_are_refused():
    groups = {"item": [str(n) for n in range(6)]}
    identity = ["B02/f1", "B02/f1", "B02/f2", "B02/f2", "C03/f1", "C03/f1"]
    folds = make(SplitSettings(unit="item", test=["1", "3"]), groups)
    with pytest.raises(DataError) as raised:
        refuse_copies(folds, groups, identity)
    assert str(raised.value) == (
        "B02/f1 and 1 more would stand in both train and test, as copies; split by another data.split.unit than item, "
        "or say protocol: published to see how much that flatters"
    )
    refuse_copies(make(SplitSettings(unit="item", test=["4", "5"]), groups), groups, identity)


def test_validation_on_the_test_groups_is_for_the_published_protocol_alone(tiny):
    (split,) = make(SplitSettings(unit="well", test=["A01"], val="test"), WELLS)
    assert split.val == split.test == ("A01",)
    published = recipe.load(tiny, ["data.split.val=test", "protocol=published"])
    assert resolve.fill(published).split.val == "test"
    with pytest.raises(RecipeError) as raised:
        resolve.fill(recipe.load(tiny, ["data.split.val=test"]))
    assert "data.split.val: validates on the test groups, which the strict protocol does not" in str(raised.value)


def test_naming_a_test_group_for_validation_stays_refused():
    with pytest.raises(DataError, match="A01 stands in both val and test"):
        make(SplitSettings(unit="well", test=["A01"], val=["A01"]), WELLS)


several = st.lists(st.sets(st.sampled_from("abcde")), min_size=2, max_size=24)


def fields(sets):
    """Return groups of one item each, and their classes."""
    names = [f"f{n:02}" for n in range(len(sets))]
    return names, strata.of_groups(names, sets)


def held(found, groups):
    return {label for group in groups for label in found[group]}


@given(sets=several, share=st.floats(0.01, 0.99), seed=st.integers(0, 9), every=st.booleans())
def test_a_draw_for_several_classes_leaves_every_class_something_to_learn_from(sets, share, seed, every):
    names, found = fields(sets)
    try:
        drawn = strata.drawn(found, names, share, seed, every=every)
    except DataError:
        reject()
    rest = [name for name in names if name not in drawn]
    assert rest
    assert held(found, drawn) <= held(found, rest)
    assert len(set(drawn)) == len(drawn)


@given(sets=several, folds=st.integers(2, 5), seed=st.integers(0, 9))
def test_items_of_several_classes_are_dealt_once_each(sets, folds, seed):
    names, found = fields(sets)
    try:
        parts = strata.dealt(found, names, folds, seed)
    except DataError:
        reject()
    assert sorted(name for part in parts for name in part) == names


@given(st.integers(0, 200))
def test_of_items_of_several_classes_folds_have_about_the_same_number_of_each(seed):
    rng = np.random.default_rng(seed)
    shares = np.array([0.6, 0.4, 0.3, 0.1, 0.1, 0.05])
    sets = [{"abcdef"[one] for one in np.flatnonzero(rng.random(6) < shares)} for _ in range(200)]
    names, found = fields(sets)
    assume(min(sum(label in one for one in sets) for label in "abcdef") >= 4)
    parts = strata.dealt(found, names, 4, seed)
    for label in "abcdef":
        counts = [sum(label in found[name] for name in part) for part in parts]
        assert max(counts) - min(counts) <= 6
        assert min(counts) >= 1
    held_out = strata.drawn(found, names, 0.25, seed)
    counts = np.array([sum(label in found[name] for name in held_out) for label in "ab"])
    assert np.allclose(counts, [0.25 * sum(label in one for one in sets) for label in "ab"], atol=8)


def test_an_item_of_two_rare_classes_is_not_what_both_are_tested_on_and_never_learnt():
    # dealt class by class, both fields of c would end in the first fold
    names, found = fields([{"a", "c"}, {"b", "c"}, {"a"}, {"b"}])
    for seed in range(20):
        for part in (parts := strata.dealt(found, names, 2, seed)):
            assert held(found, part) == {"a", "b", "c"}, parts


def test_a_class_whose_other_groups_go_with_rarer_classes_is_not_said_to_have_one_group():
    names, found = fields([{"a", "b"}, {"a", "b"}, {"b"}])
    assert len(strata.drawn(found, names, 0.3, 0)) == 1
    names, found = fields([{"a"}, {"a"}, {"a"}, {"a", "c"}])
    with pytest.raises(DataError, match="class 'c' has one group, f03"):
        strata.drawn(found, names, 0.3, 0)


def test_labels_of_items_may_be_collections_and_a_class_that_would_never_be_learnt_is_named():
    groups = {"field": ["f1", "f2", "f3", "f4"]}
    labels = [["Nucleoplasm", "Cytosol"], ["Cytosol"], [], ("Nucleoplasm",)]
    (split,) = make(SplitSettings(unit="field", test=["f2"]), groups, labels)
    assert split.train == ("f1", "f3", "f4")
    with pytest.raises(DataError) as raised:
        make(SplitSettings(unit="field", test=["f1", "f4"]), groups, labels)
    assert str(raised.value).startswith("class 'Nucleoplasm' would be tested and never learnt: its fields are f1, f4;")
    (split,) = make(SplitSettings(unit="field", test=0.4, stratify=True), groups, labels)
    assert split.test not in {("f1", "f2"), ("f1", "f4")}


def test_folds_follow_the_label_sets_of_data_without_labels():
    sets = np.array([[1, 1], [1, 0], [-1, -1], [0, 1], [0, 0]], dtype=np.int8)
    data = SimpleNamespace(classes=["a", "b"], label_sets=sets, groups={"field": ["f1", "f2", "f3", "f4", "f5"]})

    def split(**values):
        filled = SimpleNamespace(
            split=SplitSettings(unit="field", **values), frame=SimpleNamespace(protocol="published")
        )
        return experiment.folds_of(filled, data)

    assert split(test=["f4"])[0].test == ("f4",)
    with pytest.raises(DataError, match="class 'b' would be tested and never learnt: its fields are f1, f4"):
        split(test=["f1", "f4"])
    assert len(split(test=0.4, stratify=True)[0].test) >= 1
