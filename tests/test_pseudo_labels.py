"""Labels of instances from what a model says of them: what is promised of every one of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.nn.pseudo_labels import Choosing, evidence, pseudo_labels


@st.composite
def bags(draw, unknown=True):
    """Draw evidence [N, K], label sets [B, K] and sizes [B]; the last class is that of what shows nothing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, classes = draw(st.integers(1, 8)), draw(st.integers(2, 4))
    sizes = rng.integers(1, 7, size=count)
    sets = rng.integers(0, 2, size=(count, classes)).astype(np.int8)
    if unknown:
        sets[rng.random(count) < 0.2] = -1
    found = rng.random((int(sizes.sum()), classes)).astype(np.float32)
    if draw(st.booleans()):
        found = found.round(1)  # ties
    return found, sets, sizes


def choosings(**fixed):
    shares = st.tuples(st.floats(0.01, 1), st.floats(0, 0.99)).filter(lambda pair: sum(pair) <= 1)
    return st.builds(
        lambda pair, labels: Choosing(**{"keep": pair[0], "drop": pair[1], "labels": labels, **fixed}),
        shares,
        st.sampled_from(["hard", "soft"]),
    )


def of_bags(values, sizes):
    return np.split(values, np.cumsum(sizes)[:-1])


@given(bags(), choosings(), st.booleans())
def test_a_label_is_a_share_or_unknown_and_what_a_bag_lacks_no_instance_has(drawn, choosing, with_none):
    found, sets, sizes = drawn
    none = sets.shape[1] - 1 if with_none else None
    said = pseudo_labels(found, sets, sizes, choosing, none)
    assert (said.shape, said.dtype) == (found.shape, np.float32)
    assert ((said >= 0) & (said <= 1) | np.isnan(said)).all()
    for own, row in zip(of_bags(said, sizes), sets, strict=True):
        for k, has in enumerate(row):
            if has == 0 and k != none and row.min() >= 0:
                assert (own[:, k] == 0).all()


@given(bags(), choosings(), st.booleans())
def test_every_label_of_a_bag_has_an_instance_that_shows_it(drawn, choosing, with_none):
    found, sets, sizes = drawn
    said = pseudo_labels(found, sets, sizes, choosing, sets.shape[1] - 1 if with_none else None)
    for own, row in zip(of_bags(said, sizes), sets, strict=True):
        assert all((own[:, k] == 1).any() for k in np.flatnonzero(row == 1))


@given(bags(), choosings(), st.booleans())
def test_a_bag_whose_labels_nobody_knows_says_nothing_and_changes_nothing(drawn, choosing, with_none):
    found, sets, sizes = drawn
    none = sets.shape[1] - 1 if with_none else None
    said = of_bags(pseudo_labels(found, sets, sizes, choosing, none), sizes)
    known = sets.min(axis=1) >= 0
    assert all(np.isnan(own).all() for own, is_known in zip(said, known, strict=True) if not is_known)
    if known.any():
        rows = np.repeat(known, sizes)
        alone = pseudo_labels(found[rows], sets[known], sizes[known], choosing, none)
        together = np.concatenate([own for own, is_known in zip(said, known, strict=True) if is_known])
        assert np.array_equal(alone, together, equal_nan=True)


@given(bags(unknown=False))
def test_to_keep_all_is_to_inherit_the_labels_of_the_bag(drawn):
    found, sets, sizes = drawn
    said = pseudo_labels(found, sets, sizes, Choosing(keep=1.0, drop=0.0), None)
    assert np.array_equal(said, np.repeat(sets, sizes, axis=0))


@given(bags(), choosings(labels="soft"), st.booleans())
def test_soft_labels_leave_nothing_open_but_bags_nobody_knows(drawn, choosing, with_none):
    found, sets, sizes = drawn
    said = pseudo_labels(found, sets, sizes, choosing, sets.shape[1] - 1 if with_none else None)
    assert np.array_equal(np.isnan(said).all(axis=1), np.repeat(sets.min(axis=1) < 0, sizes))
    assert not np.isnan(said[np.repeat(sets.min(axis=1) >= 0, sizes)]).any()


@given(bags(unknown=False), choosings())
def test_more_evidence_never_means_less_of_a_label(drawn, choosing):
    found, sets, sizes = drawn
    said = pseudo_labels(found, sets, sizes, choosing, None)
    for k in range(sets.shape[1]):
        inside = np.repeat(sets[:, k] == 1, sizes)
        values, labels = found[inside, k], np.nan_to_num(said[inside, k], nan=0.5)
        forced = np.zeros(len(values), bool)
        start = 0
        for size in sizes[sets[:, k] == 1]:
            forced[start + values[start : start + size].argmax()] = True
            start += size
        order = np.argsort(values[~forced], kind="stable")
        assert (np.diff(labels[~forced][order]) >= 0).all()


@given(bags(), choosings(), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_order_of_bags_does_not_matter(drawn, choosing, with_none, seed):
    found, sets, sizes = drawn
    none = sets.shape[1] - 1 if with_none else None
    order = np.random.default_rng(seed).permutation(len(sizes))
    parts = of_bags(found, sizes)
    moved = pseudo_labels(np.concatenate([parts[b] for b in order]), sets[order], sizes[order], choosing, none)
    whole = of_bags(pseudo_labels(found, sets, sizes, choosing, none), sizes)
    assert np.array_equal(moved, np.concatenate([whole[b] for b in order]), equal_nan=True)


@given(bags(unknown=False), choosings())
def test_the_class_of_what_shows_nothing_follows_from_the_others(drawn, choosing):
    found, sets, sizes = drawn
    none = sets.shape[1] - 1
    said = pseudo_labels(found, sets, sizes, choosing, none)
    without = pseudo_labels(found, sets, sizes, choosing, None)
    assert np.array_equal(said[:, :none], without[:, :none], equal_nan=True)
    for own, row in zip(of_bags(said, sizes), sets, strict=True):
        others = own[:, :none][:, row[:none] == 1]
        shows = (np.nan_to_num(others) >= 0.5).any(axis=1)
        open_ = np.isnan(others).any(axis=1) & ~shows
        if row[none] == 1:
            assert (own[:, none] == 1).all()
        else:
            assert (own[shows, none] == 0).all()
            assert np.isnan(own[open_, none]).all()
            assert (own[~shows & ~open_, none] == 1).all()


def test_labels_of_four_cells_by_hand():
    found = np.array([[0.9, 0.1], [0.5, 0.2], [0.3, 0.3], [0.1, 0.9]], np.float32)
    said = pseudo_labels(found, np.array([[1, 0]], np.int8), np.array([4]), Choosing(keep=0.5, drop=0.25), None)
    assert said[:, 0].tolist()[:2] == [1, 1]
    assert np.isnan(said[2, 0])
    assert said[3, 0] == 0
    assert (said[:, 1] == 0).all()
    soft = pseudo_labels(
        found, np.array([[1, 0]], np.int8), np.array([4]), Choosing(keep=0.5, drop=0.25, labels="soft"), 1
    )
    assert soft[:, 0] == pytest.approx([1, 1, 0.75, 0.25])
    assert soft[:, 1].tolist() == [0, 0, 0, 1]


@given(st.integers(0, 2**32 - 1), st.floats(0, 4), st.booleans())
def test_evidence_is_confidence_where_attention_is_even_and_never_more(seed, power, per_class):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, size=4)
    logits = rng.normal(scale=5, size=(int(sizes.sum()), 3)).astype(np.float32)
    even = np.repeat(1 / sizes, sizes)
    outputs = {"instance": logits, "attention": even}
    confidence = 1 / (1 + np.exp(-logits.astype(np.float64)))
    assert evidence(outputs, sizes, power) == pytest.approx(confidence, abs=1e-6)
    drawn = np.concatenate([part / part.sum(axis=0) for part in of_bags(rng.random((len(logits), 3)), sizes)])
    outputs |= {"class_attention": drawn} if per_class else {"attention": drawn[:, 0]}
    found = evidence(outputs, sizes, power)
    assert (found <= confidence + 1e-6).all()
    assert (found >= 0).all()
    assert evidence(outputs, sizes, 0.0) == pytest.approx(confidence, abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_logits_that_are_very_sure_give_evidence_without_a_warning():
    outputs = {"instance": np.array([[-1e4, 1e4]], np.float32), "attention": np.ones(1)}
    assert evidence(outputs, np.array([1]), 1.0).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keep": 0.0}, "keep and drop are shares that add up to 1 at most, not 0.0 and 0.2"),
        ({"keep": 0.9}, "not 0.9 and 0.2"),
        ({"drop": -0.1}, "not 0.6 and -0.1"),
        ({"keep": float("nan")}, "not nan and 0.2"),
        ({"attention": -1.0}, "attention is an exponent from 0, not -1.0"),
        ({"attention": float("nan")}, "attention is an exponent from 0, not nan"),
    ],
)
def test_shares_that_overlap_and_exponents_below_zero_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Choosing(**given)
