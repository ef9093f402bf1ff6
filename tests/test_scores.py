"""Scores of classifiers agree with scikit-learn or with a plain loop, and many weightings with one at a time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from zoo.scores import classification, floors, localisation, pooling, ranking
from zoo.scores.weights import mean


def made_up(items=60, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=items)
    probability = classification.softmax(rng.normal(size=(items, classes)) + 1.5 * np.eye(classes)[label])
    return label, probability, rng.integers(0, 4, size=(7, items))


@st.composite
def ranked(draw):
    """Scores with many ties, labels of both kinds, weights of which some are nothing."""
    size = draw(st.integers(2, 40))
    score = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    positive = draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(lambda p: 0 < sum(p) < len(p)))
    weight = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    return np.array(score) / 4, np.array(positive), np.array(weight)


@given(ranked())
def test_roc_auc_is_scikit_learns_with_ties_and_weights(case):
    score, positive, weight = case
    assert float(ranking.roc_auc(positive, score)) == pytest.approx(metrics.roc_auc_score(positive, score))
    found = float(ranking.roc_auc(positive, score, weight))
    if weight[positive].any() and weight[~positive].any():
        assert found == pytest.approx(metrics.roc_auc_score(positive, score, sample_weight=weight))
    else:
        assert np.isnan(found)


@given(ranked())
def test_roc_auc_is_the_share_of_pairs_in_order_where_ties_count_half(case):
    score, positive, _ = case
    pairs = list(itertools.product(score[positive], score[~positive]))
    wins = sum(1.0 if high > low else 0.5 if high == low else 0.0 for high, low in pairs)
    assert float(ranking.roc_auc(positive, score)) == pytest.approx(wins / len(pairs))


@given(ranked())
def test_average_precision_is_scikit_learns_with_ties_and_weights(case):
    score, positive, weight = case
    assert float(ranking.average_precision(positive, score)) == pytest.approx(
        metrics.average_precision_score(positive, score)
    )
    found = float(ranking.average_precision(positive, score, weight))
    if weight[positive].any():
        kept = weight > 0  # scikit-learn divides by nothing where the highest scores have no weight
        expected = metrics.average_precision_score(positive[kept], score[kept], sample_weight=weight[kept])
        assert found == pytest.approx(expected)
    else:
        assert np.isnan(found)


@given(ranked(), st.floats(0.1, 10), st.floats(-5, 5))
def test_an_auc_depends_on_the_order_of_scores_only_and_turns_with_it(case, scale, shift):
    score, positive, weight = case
    first = ranking.roc_auc(positive, score, weight)
    assert np.allclose(first, ranking.roc_auc(positive, np.exp(scale * score) + shift, weight), equal_nan=True)
    assert np.allclose(first, 1 - ranking.roc_auc(positive, -score, weight), equal_nan=True)


def test_one_vs_rest_is_scikit_learns():
    label, probability, _ = made_up()
    expected = metrics.roc_auc_score(label, probability, multi_class="ovr", average=None)
    assert ranking.one_vs_rest(label, probability) == pytest.approx(expected)


def test_one_vs_control_takes_the_items_of_both_classes_and_the_odds_between_them():
    label, probability, _ = made_up()
    found = ranking.one_vs_control(label, probability, 1)
    assert np.isnan(found[1])
    for k in (0, 2, 3):
        both = (label == k) | (label == 1)
        share = probability[both, k] / (probability[both, k] + probability[both, 1])
        assert found[k] == pytest.approx(metrics.roc_auc_score(label[both] == k, share))


def test_one_vs_control_still_ranks_where_a_probability_is_lost_beside_the_other():
    probability = np.array([[1e-30, 1.0], [1e-40, 1.0], [1e-20, 1.0]])
    assert ranking.one_vs_control(np.array([1, 1, 0]), probability, 0)[1] == 1


@pytest.mark.parametrize("name", ["accuracy", "balanced", "macro", "weighted"])
def test_scores_of_classes_are_scikit_learns(name):
    label, probability, weight = made_up()
    said, classes, counted = probability.argmax(1), 4, weight[0]
    ours, theirs = {
        "accuracy": (classification.accuracy(label, said, counted), metrics.accuracy_score),
        "balanced": (classification.balanced_accuracy(label, said, classes, counted), metrics.balanced_accuracy_score),
        "macro": (
            classification.f1(label, said, classes, counted),
            lambda *a, **k: metrics.f1_score(*a, average="macro", **k),
        ),
        "weighted": (
            classification.f1(label, said, classes, counted, average="weighted"),
            lambda *a, **k: metrics.f1_score(*a, average="weighted", **k),
        ),
    }[name]
    assert float(ours) == pytest.approx(theirs(label, said, sample_weight=counted))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=20))
def test_classes_without_items_are_left_out_as_scikit_learn_does(pairs):
    label, said = np.array(pairs).T
    found = classification.balanced_accuracy(label, said, 5)
    assert float(found) == pytest.approx(metrics.balanced_accuracy_score(label, said))
    assert float(classification.f1(label, said, 5)) == pytest.approx(metrics.f1_score(label, said, average="macro"))


def test_brier_is_the_squared_distance_summed_over_classes():
    label, probability, _ = made_up()
    rows = zip(label, probability, strict=True)
    looped = np.mean([sum((p - (k == y)) ** 2 for k, p in enumerate(row)) for y, row in rows])
    assert float(classification.brier(label, probability)) == pytest.approx(looped)
    two = probability[:, :2] / probability[:, :2].sum(axis=1, keepdims=True)
    half = metrics.brier_score_loss(label % 2, two[:, 1])
    assert float(classification.brier(label % 2, two)) == pytest.approx(2 * half)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_is_that_of_a_loop_over_bins(bins):
    label, probability, _ = made_up(items=200)
    sure, right = probability.max(axis=1), probability.argmax(axis=1) == label
    looped = 0.0
    for low, high in itertools.pairwise(np.linspace(0, 1, bins + 1)):
        inside = (sure > low) & (sure <= high)
        looped += inside.mean() * abs(sure[inside].mean() - right[inside].mean()) if inside.any() else 0
    assert float(classification.calibration_error(label, probability, bins=bins)) == pytest.approx(looped)


def test_calibration_error_is_nothing_where_probability_is_accuracy_and_large_where_it_boasts():
    honest = np.tile([0.6, 0.4], (5, 1))
    assert float(classification.calibration_error(np.array([0, 0, 0, 1, 1]), honest)) == pytest.approx(0)
    certain = np.tile([1.0, 0.0], (4, 1))
    assert float(classification.calibration_error(np.array([0, 1, 1, 1]), certain)) == pytest.approx(0.75)


def test_the_edge_of_a_calibration_bin_belongs_to_the_bin_below():
    probability = np.array([[0.55, 0.45], [0.56, 0.44]])  # 0.55 is the upper edge of the eleventh of twenty bins
    found = classification.calibration_error(np.array([0, 1]), probability, bins=20)
    assert float(found) == pytest.approx((0.45 + 0.56) / 2)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_is_scikit_learns(k):
    label, probability, weight = made_up()
    expected = metrics.top_k_accuracy_score(label, probability, k=k, sample_weight=weight[0])
    assert float(classification.top_k(label, probability, k, weight[0])) == pytest.approx(expected)


def test_top_k_of_classes_that_tie_is_what_a_fair_draw_would_hit():
    even = np.full((5, 5), 0.2)
    assert float(classification.top_k(np.arange(5), even, 2)) == pytest.approx(2 / 5)
    partly = np.array([[0.4, 0.3, 0.3]])
    assert float(classification.top_k(np.array([2]), partly, 2)) == pytest.approx(0.5)
    assert float(classification.top_k(np.array([2]), partly, 1)) == 0


def test_many_weightings_at_once_are_one_after_the_other_and_as_items_repeated():
    label, probability, weight = made_up()
    said = probability.argmax(axis=1)
    functions = {
        "auc": lambda y, p, s, w: ranking.one_vs_rest(y, p, w),
        "control": lambda y, p, s, w: ranking.one_vs_control(y, p, 0, w),
        "accuracy": lambda y, p, s, w: classification.accuracy(y, s, w),
        "balanced": lambda y, p, s, w: classification.balanced_accuracy(y, s, 4, w),
        "f1": lambda y, p, s, w: classification.f1(y, s, 4, w),
        "weighted": lambda y, p, s, w: classification.f1(y, s, 4, w, average="weighted"),
        "ece": lambda y, p, s, w: classification.calibration_error(y, p, w),
        "brier": lambda y, p, s, w: classification.brier(y, p, w),
        "top": lambda y, p, s, w: classification.top_k(y, p, 2, w),
    }
    for name, function in functions.items():
        together = function(label, probability, said, weight)
        assert len(together) == len(weight)
        for row, counted in zip(together, weight, strict=True):
            items = np.repeat(np.arange(len(label)), counted)
            repeated = function(label[items], probability[items], said[items], None)
            assert np.allclose(row, repeated, equal_nan=True), name


def test_a_class_that_no_item_has_gives_nan_for_what_needs_it_and_nothing_crashes():
    label, probability = np.array([0, 0, 2]), np.full((3, 3), 1 / 3)
    rest = ranking.one_vs_rest(label, probability)
    assert np.isnan(rest).tolist() == [False, True, False]
    assert np.isnan(ranking.one_vs_control(label, probability, 1)).all()
    assert np.isnan(ranking.roc_auc(np.array([True, True]), np.array([0.2, 0.4])))
    none, nothing = np.array([], dtype=np.int64), np.empty((0, 3))
    for value in (
        classification.accuracy(none, none),
        classification.balanced_accuracy(none, none, 3),
        classification.f1(none, none, 3),
        classification.calibration_error(none, nothing),
        classification.brier(none, nothing),
        ranking.roc_auc(none == 1, none),
        ranking.average_precision(none == 1, none),
        mean(np.array([np.nan, np.nan])),
    ):
        assert np.isnan(value)


def localised(attention, truth, sizes=None):
    attention, truth = np.array(attention, dtype=np.float32), np.array(truth, dtype=bool)
    return localisation.by_bag(attention, truth, np.array(sizes or [len(attention)]))


def test_attention_on_what_is_true_scores_highest_and_beside_it_lowest():
    best = localised([0.5, 0.5, 0, 0], [1, 1, 0, 0])
    assert [best[name][0] for name in localisation.SCORES] == [1, 0.5, 1, 1]
    worst = localised([0, 0, 0.6, 0.4], [1, 1, 0, 0])
    assert worst["pointing"][0] == worst["iou"][0] == 0
    assert worst["auprc"][0] == pytest.approx(0.5)


@pytest.mark.parametrize("size", [3, 7, 10, 49])
def test_even_attention_finds_as_much_as_its_prevalence_and_selects_nothing(size):
    truth = np.arange(size) < 2
    found = localised(np.full(size, 1 / size), truth)
    assert found["auprc"][0] == pytest.approx(2 / size)
    assert found["pointing"][0] == pytest.approx(2 / size)
    assert found["iou"][0] == 0


def test_attention_drawn_by_chance_finds_a_little_more_than_the_prevalence_by_the_stated_amount():
    size, true = 6, 2
    truth = np.arange(size) < true
    every = [localised(order, truth)["auprc"][0] for order in itertools.permutations(range(size))]
    harmonic = sum(1 / i for i in range(1, size + 1))
    assert np.mean(every) - true / size == pytest.approx((size - true) * (harmonic - 1) / (size * (size - 1)))


def test_iou_selects_what_gets_more_than_an_even_share_and_looks_at_no_truth():
    attention = [0.3, 0.3, 0.25, 0.15]
    assert localised(attention, [1, 0, 0, 0])["iou"][0] == pytest.approx(1 / 2)
    assert localised(attention, [0, 0, 0, 1])["iou"][0] == 0
    assert localised([30, 30, 25, 15], [1, 0, 0, 0])["iou"][0] == pytest.approx(1 / 2)


def test_bags_are_scored_each_for_itself_and_those_with_nothing_to_find_not_at_all():
    found = localised([0.9, 0.1, 0.5, 0.5, 0.2, 0.8], [1, 0, 0, 0, 1, 1], sizes=[2, 2, 2])
    assert np.isnan(found["auprc"]).tolist() == [False, True, True]
    assert found["auprc"][0] == found["pointing"][0] == 1
    alone = localised([0.9, 0.1], [1, 0])
    assert all(found[name][0] == alone[name][0] for name in localisation.SCORES)
    assert all(np.isnan(values).all() for values in localisation.nowhere(2).values())


def test_the_logistic_floor_is_scikit_learns_without_scikit_learn_and_knows_no_class_it_never_saw():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    for seen in ([0, 1, 2, 3], [1, 3]):
        label = rng.choice(seen, size=50)
        features = rng.normal(size=(50, 3)) * [1, 10, 0] + label[:, None]
        reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, label)
        found = floors.logistic(floors.fit_logistic(features, label), features, 4)
        assert np.allclose(found[:, seen], reference.predict_proba(features), atol=1e-4)
        assert found.sum(axis=1) == pytest.approx(1)
        assert (found[:, [k for k in range(4) if k not in seen]] == 0).all()


def test_the_logistic_floor_that_saw_one_class_says_it_always():
    features = np.random.default_rng(0).normal(size=(5, 2))
    state = floors.fit_logistic(features, np.full(5, 2))
    assert (floors.logistic(state, features + 9, 3) == [0, 0, 1]).all()


@pytest.mark.parametrize("shape", [(5, 3, 4, 6), (5, 3)])
def test_a_spectrum_is_mean_and_spread_of_each_channel_over_all_instances_and_pixels(shape):
    import torch

    stack = np.random.default_rng(0).integers(0, 256, size=shape).astype(np.uint8)
    channels = np.moveaxis(stack, 1, 0).reshape(3, -1).astype(float)
    expected = [*channels.mean(axis=1), *channels.std(axis=1)]
    assert floors.spectrum(torch.from_numpy(stack)) == pytest.approx(expected)
    assert floors.spectrum(stack) == pytest.approx(expected)


def test_arrays_come_back_from_json_as_they_were_with_what_is_no_number():
    import json

    kept = {
        "probability": np.random.default_rng(0).random((3, 2)).astype(np.float32),
        "auprc": np.array([0.25, np.nan, 1.0]),
        "label": np.array([0, 1, -1]),
        "mask": np.array([True, False, True]),
    }
    again = pooling.arrays(json.loads(json.dumps(pooling.plain(kept), allow_nan=False)))
    for name, values in kept.items():
        assert np.array_equal(again[name], values, equal_nan=values.dtype.kind == "f"), name
        assert again[name].dtype.kind == values.dtype.kind
