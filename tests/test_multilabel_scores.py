"""Scores of items with several labels agree with scikit-learn or a plain loop, many weightings with one at a time."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from zoo.scores import detection, multilabel, operating, ranking


@st.composite
def bags(draw):
    """Rows in bags with ties of scores, positive and missed ones, and weights of which some are nothing."""
    size = np.array(draw(st.lists(st.integers(0, 6), min_size=1, max_size=8)))
    rows = int(size.sum())
    score = np.array(draw(st.lists(st.integers(0, 6), min_size=rows, max_size=rows)), dtype=float) / 6
    positive = np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows)), dtype=bool)
    missed = np.array(draw(st.lists(st.integers(0, 2), min_size=len(size), max_size=len(size))))
    weight = np.array(draw(st.lists(st.integers(0, 3), min_size=2 * len(size), max_size=2 * len(size))))
    return positive, score, size, missed, weight.reshape(2, len(size))


def made_up(images=120, cells=12, labels=19, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 2 * cells, size=images)
    label = rng.random((size.sum(), labels)) < 0.1
    probability = multilabel.sigmoid(rng.normal(size=label.shape) + 2 * label - 2).round(4)
    return label, probability, size, rng.multinomial(images, np.full(images, 1 / images), size=1000)


def plain_area(positive, score, missed=0, *, interpolated=False):
    """Return the area under the curve of precision and recall, threshold by threshold."""
    points = []
    for threshold in sorted(set(score.tolist()), reverse=True):
        called = score >= threshold
        points.append((int((called & positive).sum()), float((called & positive).sum() / called.sum())))
    area, before = 0.0, 0
    for place, (hits, precision) in enumerate(points):
        height = max(p for _, p in points[place:]) if interpolated else precision
        area, before = area + (hits - before) * height, hits
    return area / (positive.sum() + missed)


@given(bags())
def test_average_precision_of_bags_is_that_of_their_rows(case):
    positive, score, size, _, weight = case
    rows = np.repeat(weight, size, axis=1)
    expected = ranking.average_precision(positive, score, rows)
    assert detection.average_precision(positive, score, size, weight) == pytest.approx(expected, nan_ok=True)
    if positive.any():
        found = detection.average_precision(positive, score, size)
        assert float(found) == pytest.approx(metrics.average_precision_score(positive, score))


@given(bags(), st.booleans())
def test_missed_things_count_against_recall_and_precision_is_the_best_at_that_recall_or_more(case, interpolated):
    positive, score, size, missed, _ = case
    found = detection.average_precision(positive, score, size, missed=missed, interpolated=interpolated)
    if positive.sum() + missed.sum():
        expected = plain_area(positive, score, missed.sum(), interpolated=interpolated)
        assert float(found) == pytest.approx(expected)
    else:
        assert np.isnan(found)


@given(bags(), st.booleans())
def test_a_bag_that_counts_twice_is_as_good_as_two_bags(case, interpolated):
    positive, score, size, missed, weight = case
    ends = np.cumsum(size)
    found = detection.average_precision(positive, score, size, weight, missed=missed, interpolated=interpolated)
    for value, counts in zip(found, weight, strict=True):
        chosen = np.repeat(np.arange(len(size)), counts)
        rows = np.concatenate([np.arange(0), *(np.arange(ends[b] - size[b], ends[b]) for b in chosen)]).astype(int)
        alone = detection.average_precision(
            positive[rows], score[rows], size[chosen], missed=missed[chosen], interpolated=interpolated
        )
        assert float(value) == pytest.approx(float(alone), nan_ok=True)


@given(bags(), st.booleans())
def test_comparing_pairs_and_walking_in_order_come_to_the_same(case, interpolated):
    positive, score, size, missed, weight = case
    if positive.any():
        rows = detection._Rows(positive, score, size, interpolated)
        counted, lacking = weight.astype(float), (weight @ missed).astype(float)
        pairs, walked = (walk(rows, counted, lacking) for walk in (detection._by_pairs, detection._by_order))
        assert pairs == pytest.approx(walked, nan_ok=True)


def test_f1_is_scikit_learns_of_the_labels_that_something_has_or_was_called():
    label, probability, size, weight = made_up(images=20, labels=6)
    label[:, 5], called = False, probability >= 0.5
    called[:, 5] = False
    expected = metrics.f1_score(label[:, :5], called[:, :5], average="macro")
    assert float(multilabel.macro_f1(label, called, size)) == pytest.approx(expected)
    rows = np.repeat(weight[3], size)
    weighted = metrics.f1_score(label[:, :5], called[:, :5], average="macro", sample_weight=rows)
    assert float(multilabel.macro_f1(label, called, size, weight[:5])[3]) == pytest.approx(weighted)


def test_mean_average_precision_is_scikit_learns_over_the_labels_that_something_has():
    label, probability, size, _ = made_up(images=20, labels=5)
    label[:, 2] = False
    expected = metrics.average_precision_score(label[:, [0, 1, 3, 4]], probability[:, [0, 1, 3, 4]], average="macro")
    assert float(multilabel.mean_average_precision(label, probability, size)) == pytest.approx(expected)


def test_the_calibration_error_is_the_mean_over_labels_of_a_plain_loop_over_bins():
    label, probability, size, weight = made_up(images=30, labels=4)
    errors = []
    for k in range(4):
        place = np.clip(np.ceil(probability[:, k] * 15 - 1e-9).astype(int) - 1, 0, 14)
        gaps = [abs(probability[place == b, k].sum() - label[place == b, k].sum()) for b in range(15)]
        errors.append(sum(gaps) / len(label))
    assert float(multilabel.calibration_error(label, probability, size)) == pytest.approx(np.mean(errors))
    many = multilabel.calibration_error(label, probability, size, weight[:3])
    assert float(many[1]) == pytest.approx(float(multilabel.calibration_error(label, probability, size, weight[1])))
    assert np.isnan(multilabel.calibration_error(label[:0], probability[:0], size[:0]))


def test_attention_is_held_against_its_share_within_images_that_have_cells_of_both_kinds():
    attention = np.array([0.5, 0.3, 0.2, 0.6, 0.4, 1.0, 0.2, 0.8])
    shown = np.array([1, 0, 0, 1, 1, 1, -1, 1], dtype=np.int8)
    found = multilabel.attention_lifts(attention, shown, np.array([3, 2, 1, 2]))
    assert found[0] == pytest.approx(3.0)
    assert np.isnan(found[1:]).all()
    even = multilabel.attention_lifts(np.full(4, 0.25), np.array([1, 0, 0, 1], dtype=np.int8), np.array([4]))
    assert even[0] == pytest.approx(1.0)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20))
def test_a_sigmoid_is_finite_and_turns_with_its_sign(values):
    logits = np.array(values, dtype=np.float32)
    found = multilabel.sigmoid(logits)
    assert ((found >= 0) & (found <= 1)).all()
    assert found + multilabel.sigmoid(-logits) == pytest.approx(1)


@given(st.integers(0, 200), st.floats(0.3, 4.0))
def test_the_temperature_that_spoilt_logits_is_found_again(seed, spoilt):
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2, size=(4000, 1))
    label = rng.random(logits.shape) < multilabel.sigmoid(logits)
    found = operating.temperature(lambda t: multilabel.cross_entropy(label, multilabel.sigmoid(logits * spoilt / t)))
    assert found == pytest.approx(spoilt, rel=0.15)


@given(bags())
def test_no_threshold_has_a_higher_f1_than_the_best_one(case):
    positive, score, _, _, _ = case
    threshold = operating.best_threshold(positive, score)
    if not positive.any():
        assert threshold == 0.5
        return
    best = metrics.f1_score(positive, score >= threshold)
    assert best >= max(metrics.f1_score(positive, score >= at) for at in score) - 1e-12


def test_a_label_with_one_positive_keeps_a_threshold_of_one_half_and_two_pull_it_half_way():
    label = np.array([[True, True], [False, True], [False, False]])
    score = np.array([[0.9, 0.3], [0.2, 0.2], [0.1, 0.1]])
    assert operating.thresholds(label, score, positives=label.sum(axis=0)).tolist() == pytest.approx([0.5, 0.325])


def test_a_thousand_drawings_of_fifteen_hundred_cells_cost_far_less_than_a_thousand_times_one():
    label, probability, size, weight = made_up()

    def seconds(weight):
        started = time.process_time()
        assert multilabel.mean_average_precision(label, probability, size, weight).shape == (len(weight),)
        return time.process_time() - started

    seconds(weight[:2])
    one = min(seconds(weight[:1]) for _ in range(5))
    assert seconds(weight) < 300 * one  # some 30 times, where measured
