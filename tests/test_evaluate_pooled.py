"""Scores over the items of all test groups together: folds, seeds, floors, intervals from drawing groups anew."""

import json
import re
import time
from typing import ClassVar

import numpy as np
import pytest

from zoo import evaluate, intervals
from zoo.contestant import Contestant
from zoo.errors import RunError
from zoo.scores import ranking


class Labels:
    """Items with a label, a score that a model would give them, and a group."""

    def __init__(self, label, score, group):
        self.label, self.score, self.group = np.array(label), np.array(score, dtype=float), np.array(group)

    def test_items(self, groups=None):
        names = dict.fromkeys(self.group.tolist()) if groups is None else groups
        return {name: np.flatnonzero(self.group == name) for name in names}


class Auc:
    """A pooled task in its shortest form."""

    pooled = True
    needs_bank = False
    scores: ClassVar = {"auc": True, "error": False}

    def truth(self, dataset, items):
        return {"label": dataset.label[items]}

    def score(self, predicted, truth):
        positive = truth["label"] == 1
        auc = float(ranking.roc_auc(positive, predicted["score"]))
        return {"auc": auc, "error": float(np.mean((predicted["score"] - positive) ** 2))}, {
            "items": float(len(positive))
        }

    def predict_floor(self, name, state, dataset, items):
        return {"score": np.full(len(items), 0.5) if name == "even" else dataset.score[items]}


class FastAuc(Auc):
    """The same with all drawings at once, and with a prediction an instance that is not kept."""

    def brief(self, predicted, truth):
        return {"score": predicted["score"]}, {"label": truth["label"]}

    def resampled(self, predicted, truth, weight):
        positive = truth["label"] == 1
        error = (predicted["score"] - positive) ** 2
        return {"auc": ranking.roc_auc(positive, predicted["score"], weight), "error": weight @ error / weight.sum(-1)}


class FromDataset(Contestant):
    """A model that says what the dataset holds."""

    def predict_each(self, dataset, items):
        return {"model": {"score": dataset.score[items], "attention": np.ones(3 * len(items))}}


def scored(dataset, task, *, floors=("even",), seed=0, groups=None):
    made = FromDataset(None, task, {}, {name: {} for name in floors}, 4)
    found = evaluate.by_group(made, dataset, dataset.test_items(groups))
    return {"member": f"m{seed}", "seed": seed, **json.loads(json.dumps(found, allow_nan=False))}


def joined(members, task, protocol="strict"):
    return evaluate.summarise(members, task.scores, protocol, task=task)


def dataset(groups=8, items=6, *, signal=1.0, mixed=False, seed=0):
    rng = np.random.default_rng(seed)
    group = np.repeat([f"g{i}" for i in range(groups)], items)
    label = rng.integers(2, size=groups * items) if mixed else np.repeat(np.arange(groups) % 2, items)
    return Labels(label, label * signal + rng.normal(size=len(label)), group)


TASKS = [Auc(), FastAuc()]


@pytest.mark.parametrize("task", TASKS, ids=lambda t: type(t).__name__)
def test_groups_of_one_class_each_are_scored_together_over_all_folds(task):
    data = dataset()
    members = [scored(data, task, groups=[f"g{i}"]) for i in range(8)]
    found = joined(members, task)
    assert found["scores"]["auc"]["mean"] == pytest.approx(float(ranking.roc_auc(data.label == 1, data.score)))
    assert found["scores"]["auc"]["by_group"] == dict.fromkeys(data.test_items())
    assert all(member["scores"]["model"][f"g{i}"]["auc"] is None for i, member in enumerate(members))
    assert all(isinstance(value, float) for value in found["scores"]["error"]["by_group"].values())
    low, high = found["scores"]["auc"]["interval"]
    assert 0 <= low < found["scores"]["auc"]["mean"] < high <= 1
    assert found["floors"]["even"]["auc"]["mean"] == 0.5
    assert found["above_floor"]["auc"]["floor"] == "even"
    assert found["above_floor"]["auc"]["mean"] == pytest.approx(found["scores"]["auc"]["mean"] - 0.5)
    assert found["counts"]["g3"] == {"items": 6.0}


@pytest.mark.parametrize("task", TASKS, ids=lambda t: type(t).__name__)
def test_a_run_in_one_fold_gives_the_numbers_of_many_folds(task):
    data = dataset()
    together = joined([scored(data, task)], task)
    apart = joined([scored(data, task, groups=[f"g{i}"]) for i in range(8)], task)
    said = [note for note in apart.pop("notes") if note not in together["notes"]]
    assert said == ["the 8 models of a seed differ in level, so that a score of their joint ranking is rather too low"]
    assert {key: together[key] for key in apart} == apart


def test_all_drawings_at_once_are_the_drawings_one_by_one():
    data = dataset(mixed=True)
    slow, fast = (joined([scored(data, task)], task) for task in TASKS)
    for key in ("scores", "floors", "above_floor"):
        assert json.dumps(rounded(slow[key])) == json.dumps(rounded(fast[key]))


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 9) if isinstance(value, float) else value


def test_the_interval_is_that_of_groups_drawn_with_replacement():
    data, task = dataset(mixed=True), Auc()
    found = joined([scored(data, task)], task)["scores"]["auc"]["interval"]
    items = list(data.test_items().values())
    values = []
    for count in intervals.drawn_groups(8):
        drawn = np.concatenate([items[i] for i in np.repeat(np.arange(8), count)])
        values.append(float(ranking.roc_auc(data.label[drawn] == 1, data.score[drawn])))
    assert found == pytest.approx(list(np.percentile(values, [2.5, 97.5])))


def test_drawing_single_items_instead_would_promise_too_much():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(10), 30)
    label = group % 2
    data = Labels(
        label, label + np.repeat(rng.normal(size=10), 30) + 0.1 * rng.normal(size=300), [f"g{g}" for g in group]
    )
    each = Labels(label, data.score, [f"i{i}" for i in range(300)])
    wide, narrow = (joined([scored(d, FastAuc())], FastAuc())["scores"]["auc"]["interval"] for d in (data, each))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


@pytest.mark.parametrize("task", TASKS, ids=lambda t: type(t).__name__)
def test_a_floor_that_is_the_model_leaves_a_margin_of_nothing(task):
    found = joined([scored(dataset(), task, floors=("even", "same"))], task)
    assert found["above_floor"]["auc"] == {"floor": "same", "mean": 0.0, "interval": [0.0, 0.0]}
    assert any("does not beat its best floor in auc, error" in note for note in found["notes"])


def test_the_margin_is_paired_and_so_more_certain_than_the_scores_it_is_between():
    data = dataset(groups=12, signal=1.0)

    class Beside(FastAuc):
        def predict_floor(self, name, state, dataset, items):
            return {"score": dataset.score[items] + 0.3 * np.sin(7 * items)}

    found = joined([scored(data, Beside(), floors=("near",))], Beside())
    width = np.ptp(found["scores"]["auc"]["interval"])
    assert np.ptp(found["above_floor"]["auc"]["interval"]) < width / 2


def test_of_a_score_that_is_better_when_lower_the_margin_is_positive_where_the_model_is_better():
    data = dataset()
    data.score = np.clip(data.label + 0.1 * data.score, 0, 1)
    found = joined([scored(data, FastAuc())], FastAuc())
    model, floor = found["scores"]["error"]["mean"], found["floors"]["even"]["error"]["mean"]
    assert model < floor
    assert found["above_floor"]["error"]["mean"] == pytest.approx(floor - model)


def test_permuted_labels_give_an_interval_that_holds_one_half():
    rng = np.random.default_rng(5)
    data = dataset(groups=12, signal=2.0, mixed=True)
    data.label = rng.permutation(data.label)
    low, high = joined([scored(data, FastAuc())], FastAuc())["scores"]["auc"]["interval"]
    assert low < 0.5 < high


def test_the_interval_of_chance_holds_one_half_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        data = dataset(groups=16, items=4, signal=0.0, seed=seed)
        low, high = joined([scored(data, FastAuc())], FastAuc())["scores"]["auc"]["interval"]
        held += low <= 0.5 <= high
    assert held >= 51  # a percentile bootstrap of 16 groups promises a little more than it keeps


def test_seeds_are_scored_each_for_itself_and_averaged_and_their_interval_is_of_the_same_groups():
    one, two = dataset(seed=0), dataset(seed=1)
    two.label, two.group = one.label, one.group
    task = FastAuc()
    both = joined([scored(one, task, seed=0), scored(two, task, seed=1)], task)
    single = [joined([scored(data, task)], task)["scores"]["auc"] for data in (one, two)]
    means = [found["mean"] for found in single]
    assert both["scores"]["auc"]["mean"] == pytest.approx(np.mean(means))
    assert both["scores"]["auc"]["seed_sd"] == pytest.approx(np.std(means, ddof=1))
    assert single[0]["seed_sd"] is None
    same = joined([scored(one, task, seed=0), scored(one, task, seed=1)], task)
    assert same["scores"]["auc"]["interval"] == single[0]["interval"]
    assert same["scores"]["auc"]["seed_sd"] == 0


def test_folds_of_a_seed_are_pooled_whatever_order_members_come_in():
    data, task = dataset(), FastAuc()
    halves = [["g0", "g1", "g2", "g3"], ["g4", "g5", "g6", "g7"]]
    members = [scored(data, task, seed=seed, groups=groups) for groups in halves for seed in (0, 1)]
    whole = [scored(data, task, seed=seed) for seed in (0, 1)]
    for key in ("scores", "floors", "above_floor", "counts"):
        assert joined(members, task)[key] == joined(whole, task)[key]


def test_models_of_several_folds_that_are_tested_on_the_same_groups_are_scored_each_for_itself():
    one, two = dataset(seed=0), dataset(seed=1)
    two.label = one.label
    found = joined([scored(one, FastAuc()), scored(two, FastAuc())], FastAuc())["scores"]["auc"]
    each = [joined([scored(data, FastAuc())], FastAuc())["scores"]["auc"]["mean"] for data in (one, two)]
    assert found["mean"] == pytest.approx(np.mean(each))


def test_one_group_gets_no_interval_and_the_table_says_so():
    found = joined([scored(dataset(groups=1, mixed=True), FastAuc())], FastAuc())
    assert found["scores"]["auc"]["mean"] is not None
    assert found["scores"]["auc"]["interval"] is None
    assert found["above_floor"]["auc"]["interval"] is None
    assert "1 test group: no interval can be given" in found["notes"]


def test_groups_of_one_class_only_have_no_score_and_no_margin():
    data = dataset()
    found = joined([scored(data, FastAuc(), groups=["g0", "g2"])], FastAuc())
    assert found["scores"]["auc"]["mean"] is None
    assert found["scores"]["auc"]["interval"] is None
    assert found["above_floor"]["auc"] == {"floor": None, "mean": None, "interval": None}
    assert found["scores"]["error"]["mean"] is not None


def test_drawings_without_a_value_are_left_out_and_told_of_where_they_are_many():
    found = joined([scored(dataset(groups=4), FastAuc())], FastAuc())
    assert found["scores"]["auc"]["interval"]
    # one in eight of the drawings holds one class only
    assert any(
        re.fullmatch(r"intervals leave out drawings .* without a value: auc \(1\d%\)", n) for n in found["notes"]
    )
    many = joined([scored(dataset(groups=16), FastAuc())], FastAuc())
    assert not any("without a value" in note for note in many["notes"])


def test_two_groups_of_a_class_each_get_no_interval_instead_of_one_of_width_nothing():
    found = joined([scored(dataset(groups=2), FastAuc())], FastAuc())
    assert found["scores"]["auc"]["mean"] is not None
    assert found["scores"]["auc"]["interval"] is None
    assert any(re.fullmatch(r"no interval, because of drawings .*: auc \([45]\d%\)", note) for note in found["notes"])


def test_a_reader_is_told_that_scores_are_over_all_groups_together():
    found = joined([scored(dataset(), FastAuc())], FastAuc(), protocol="published")
    said = "scored over the items of all 8 test groups together; for intervals, groups are drawn anew"
    assert said in found["notes"]
    assert any("has seen the test groups" in note for note in found["notes"])


def test_a_floor_that_not_every_fold_has_is_left_out():
    data, both = dataset(), ("even", "same")
    members = [scored(data, FastAuc(), floors=both[: 1 + i % 2], groups=[f"g{i}"]) for i in range(8)]
    assert set(joined(members, FastAuc())["floors"]) == {"even"}
    assert set(joined(members[::-1], FastAuc())["floors"]) == {"even"}


def test_only_what_is_scored_is_kept_of_a_prediction():
    kept = scored(dataset(groups=2), FastAuc())["pooled"]
    assert set(kept) == {"predicted", "truth"}
    assert set(kept["predicted"]) == {"model", "even"}
    assert set(kept["predicted"]["model"]["g0"]) == {"score"}
    assert len(kept["truth"]["g1"]["label"]) == 6


def test_a_task_that_is_not_pooled_keeps_nothing_and_needs_no_task_to_be_joined():
    class Apart(Auc):
        pooled = False

    member = scored(dataset(items=30, mixed=True), Apart())
    assert "pooled" not in member
    found = evaluate.summarise([member], Apart.scores, "strict")
    values = [group["auc"] for group in member["scores"]["model"].values()]
    assert found["scores"]["auc"]["mean"] == pytest.approx(np.mean(values))


def test_pooled_members_are_not_joined_without_the_task_that_scores_them():
    with pytest.raises(ValueError, match="give summarise the task that does it"):
        evaluate.summarise([scored(dataset(), FastAuc())], FastAuc.scores, "strict")


def test_predictions_that_are_not_finite_are_refused_with_the_group():
    data = dataset()
    data.score[7] = np.inf
    with pytest.raises(RunError, match=r"not finite \(score of g1\); train it anew"):
        scored(data, FastAuc())


def test_a_thousand_drawings_of_hundreds_of_items_take_about_a_second():
    data = dataset(groups=20, items=25, mixed=True)
    members = [scored(data, FastAuc(), seed=seed) for seed in range(3)]
    started = time.process_time()
    joined(members, FastAuc())
    assert time.process_time() - started < 2


def test_many_items_are_weighed_in_parts_with_the_same_result(monkeypatch):
    from zoo.scores import pooling

    members = [scored(dataset(), FastAuc())]
    whole = joined(members, FastAuc())
    monkeypatch.setattr(pooling, "AT_ONCE", 1_000)
    assert joined(members, FastAuc()) == whole


def test_drawn_groups_are_as_many_as_there_are_and_the_same_every_time():
    drawn = intervals.drawn_groups(7)
    assert drawn.shape == (intervals.POOLED_DRAWS, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn == intervals.drawn_groups(7)).all()
    assert drawn.mean() == pytest.approx(1)
    assert intervals.drawn_groups(1).shape == (0, 1)
