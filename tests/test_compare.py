"""Runs held against each other: paired differences, their intervals, and what makes a comparison unfair."""

import copy
import json
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo as face
from zoo.compare import compare
from zoo.errors import IntegrityError, MissingError, UsageError
from zoo.intervals import BOUNDS, DRAWS, drawn_groups
from zoo.scores import ranking

TINY = Path(__file__).parent / "tiny_plugin"
FOLDS = "{unit: plate, scheme: k-fold, folds: 2, test: null, val: null}"
SHARED = ("g6", "g7")
BLOCKS = {
    "zoo": 1,
    "data": {"use": "tiny-groups", "items": 64, "log": None, "split": {"unit": "plate"}},
    "task": {"use": "tiny-regress"},
}
POOLED = '''
"""Whether an item is above the middle, scored over the items of all groups together."""
import numpy as np

from zoo.scores import ranking


class Above:
    pooled = True
    needs_bank = False

    def __init__(self):
        self.scores = {"auc": True, "error": False}

    def bank(self, outputs, dataset, items):
        return {}

    def predict(self, outputs, bank):
        return {"value": outputs["value"]}

    def truth(self, dataset, items):
        return {"above": (dataset.y[items] > np.median(dataset.y)).astype(int)}

    def score(self, predicted, truth):
        auc = ranking.roc_auc(truth["above"] == 1, predicted["value"])
        error = np.mean((predicted["value"] - truth["above"]) ** 2)
        return {"auc": float(auc), "error": float(error)}, {"items": float(len(truth["above"]))}

    def fit_floors(self, dataset, items):
        return {"even": {"half": np.array([0.5])}}

    def predict_floor(self, name, state, dataset, items):
        return {"value": np.repeat(state["half"], len(items))}
'''


def column(values):
    known = [value for value in values.values() if value is not None]
    return {"mean": float(np.mean(known)) if known else None, "by_group": values}


def metrics(by_group, *, recipe="one", protocol="strict", train=("g0", "g1"), seeds=(0,), floor=0.1, counts=None):
    """Return the ``metrics.json`` of a run that reached these values: group -> {score: value}, the same every seed."""
    groups = list(by_group)
    floors = {group: {"r2": floor, "mse": 1 - floor} for group in groups}
    fold = {"name": "holdout", "unit": "plate", "train": list(train), "val": [], "test": groups}
    member = {"fold": fold, "scores": {"model": by_group, "mean": floors}}
    member["counts"] = {group: {"items": 8.0} if counts is None else counts for group in groups}
    names = list(next(iter(by_group.values())))

    def table(found):
        return {name: column({group: found[group][name] for group in groups}) for name in names}

    return {
        "recipe": recipe,
        "digest": f"of {recipe}",
        "protocol": protocol,
        "split": {"unit": "plate", "scheme": "holdout", "folds": 1},
        "seeds": list(seeds),
        "pooled": False,
        "scores": table(by_group),
        "floors": {"mean": table(floors)},
        "members": [{"member": f"holdout-seed{seed}", "seed": seed, **copy.deepcopy(member)} for seed in seeds],
    }


def values(r2, start=6):
    return {f"g{start + i}": {"r2": value, "mse": 1 - value} for i, value in enumerate(r2)}


@pytest.fixture
def written(tiny, tmp_path):
    """Write a run folder by hand: ``written("name", metrics, {"data.items": 32})`` -> its path as text."""

    def write(name, found, blocks=()):
        folder = tmp_path / name
        folder.mkdir()
        filled = copy.deepcopy(BLOCKS)
        for path, value in dict(blocks).items():
            slot, key = path.split(".")
            filled[slot][key] = value
        (folder / "recipe.yaml").write_text(yaml.safe_dump(filled))
        (folder / "metrics.json").write_text(found if isinstance(found, str) else json.dumps(found))
        return str(folder)

    return write


def between(found, score="r2", run=1):
    """Return the difference of a run to the reference."""
    labels = [side["run"] for side in found["runs"]]
    wanted = (labels[run], labels[0], score)
    (pair,) = [d for d in found["differences"] if (d["run"], d["against"], d["score"]) == wanted]
    return pair


def drawn_by_hand(differences):
    """Return the 95 % bounds of the mean of differences over groups, drawing after drawing."""
    rng = np.random.default_rng(0)
    drawings = rng.integers(len(differences), size=(DRAWS, len(differences))).tolist()
    means = [math.fsum(differences[i] for i in drawing) / len(differences) for drawing in drawings]
    return list(np.percentile(means, BOUNDS))


def trained(place, settings):
    """Train the tests' recipe once a set of settings, each into the folder of its name; return the folder of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TINY))
        patch.syspath_prepend(str(place))
        for name, how in settings.items():
            face.train(TINY.parent / "recipes" / "tiny.yaml", how, out=place / name, device="cpu")
    return place


@pytest.fixture(scope="module")
def _two_runs(tmp_path_factory):
    """Train two runs in two folds with two seeds each."""
    shared = [f"data.split={FOLDS}", "train.seeds=[0, 1]", "train.epochs=1"]
    runs = {"short": [*shared, "encoder.width=2"], "long": [*shared, "train.epochs=2", "name=other"]}
    return trained(tmp_path_factory.mktemp("two"), runs)


@pytest.fixture
def two_runs(tiny, _two_runs):
    """Return the folders of these two runs, which are only read."""
    return [str(_two_runs / name) for name in ("short", "long")]


def test_two_trained_runs_differ_by_the_mean_of_differences_within_each_group(two_runs):
    found = compare(two_runs)
    told = [json.loads((Path(run) / "metrics.json").read_text()) for run in two_runs]
    assert found["groups"] == [f"g{i}" for i in range(8)]
    assert (found["reference"], found["unit"]) == ("tiny", "plate")
    assert [run["run"] for run in found["runs"]] == ["tiny", "other"]
    for score, sign in (("r2", 1), ("mse", -1)):
        one, other = (metrics["scores"][score]["by_group"] for metrics in told)
        apart = [sign * (other[group] - one[group]) for group in found["groups"]]
        pair = between(found, score)
        assert pair["mean"] == pytest.approx(np.mean(apart))
        assert pair["interval"] == pytest.approx(drawn_by_hand(apart))
        assert pair["better_groups"] == sum(value > 0 for value in apart)
        assert pair["groups"] == 8
    for run, metrics_of_run in zip(found["runs"], told, strict=True):
        assert run["seeds"] == [0, 1]
        for part in ("scores", "floors", "above_floor"):  # over all groups, they are those of the run itself
            assert run[part] == metrics_of_run[part]


def test_only_shared_groups_are_compared_and_the_others_are_named(two_runs, tiny, tmp_path):
    face.train(tiny, ["train.epochs=2", "name=held"], out=tmp_path / "held", device="cpu")  # tests g6 and g7 alone
    found = compare([*two_runs, str(tmp_path / "held")])
    assert found["groups"] == list(SHARED)
    told = json.loads((Path(two_runs[0]) / "metrics.json").read_text())["scores"]["r2"]["by_group"]
    own = found["runs"][0]["scores"]["r2"]
    assert own["mean"] == pytest.approx(np.mean([told[group] for group in SHARED]))
    assert set(own["by_group"]) == set(SHARED)
    assert any(n.startswith("compared over g6, g7, which all runs share; left out: g") for n in found["notes"])
    assert "2 test groups: the interval is a rough one" in found["notes"]
    assert any(note.startswith("tiny and held were trained on other groups (before g") for note in found["notes"])
    assert "held: of one seed; what another seed would change is in no interval" in found["notes"]
    assert "tiny, other, held: scored on simulated data" in found["notes"]
    assert len(found["differences"]) == 6  # every pair, both scores


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[st.floats(-2, 1) | st.none()] * 2), min_size=1, max_size=7))
def test_the_difference_of_one_to_the_other_is_minus_that_of_the_other_to_the_one(tiny, both):
    with tempfile.TemporaryDirectory() as place:
        paths = []
        for name, r2 in zip(("one", "other"), zip(*both, strict=True), strict=True):
            folder = Path(place) / name
            folder.mkdir()
            by_group = {f"g{i}": {"r2": v, "mse": None if v is None else 1 - v} for i, v in enumerate(r2)}
            (folder / "metrics.json").write_text(json.dumps(metrics(by_group, recipe=name)))
            (folder / "recipe.yaml").write_text(yaml.safe_dump(BLOCKS))
            paths.append(str(folder))
        there, back = compare(paths), compare(paths[::-1])
    json.dumps(there, allow_nan=False)
    known = [(a, b) for a, b in both if a is not None and b is not None]
    for score in ("r2", "mse"):
        one, other = between(there, score), between(back, score)
        assert (one["groups"], other["groups"]) == (len(known), len(known))
        if not known:
            assert one["mean"] is None
            assert other["mean"] is None
            continue
        assert one["mean"] == -other["mean"]
        assert (one["interval"] is None) == (len(known) < 2)
        if one["interval"]:
            assert one["interval"] == pytest.approx([-other["interval"][1], -other["interval"][0]])
        assert one["better_groups"] + other["better_groups"] <= len(known)


def test_a_difference_is_positive_where_a_run_is_better_whichever_way_the_score_points(written):
    found = compare([written("a", metrics(values([0.2, 0.4]))), written("b", metrics(values([0.5, 0.6]), recipe="b"))])
    assert found["higher_is_better"] == {"r2": True, "mse": False}
    assert between(found, "r2")["mean"] == pytest.approx(0.25)
    assert between(found, "mse")["mean"] == pytest.approx(0.25)
    assert between(found, "mse")["better_groups"] == 2


def test_pairing_takes_out_what_makes_a_group_hard_for_both(written):
    hard = np.array([0.0, 0.2, 0.5, 0.7, 0.9])
    found = compare([written("a", metrics(values(hard))), written("b", metrics(values(hard + 0.01), recipe="b"))])
    assert between(found)["interval"] == pytest.approx([0.01, 0.01])
    assert np.ptp(found["runs"][0]["scores"]["r2"]["interval"]) > 0.3


def test_of_one_shared_group_no_interval_is_given_and_a_note_says_so(written):
    found = compare([written("a", metrics(values([0.2]))), written("b", metrics(values([0.5]), recipe="b"))])
    assert between(found)["mean"] == pytest.approx(0.3)
    assert between(found)["interval"] is None
    assert "1 test group: no interval can be given" in found["notes"]


def test_a_single_score_may_be_asked_for_and_notes_are_of_it_alone(written):
    runs = [written("a", metrics(values([0.2, 0.3]))), written("b", metrics(values([0.05, 0.01]), recipe="b"))]
    found = compare(runs, ["r2"])
    assert list(found["runs"][0]["scores"]) == ["r2"]
    assert {pair["score"] for pair in found["differences"]} == {"r2"}
    assert "b: the model does not beat its best floor in r2" in found["notes"]
    assert found["runs"][1]["above_floor"]["r2"]["mean"] == pytest.approx(-0.07)


@pytest.mark.parametrize(
    ("one", "other", "labels"),
    [
        ({"recipe": "x"}, {"recipe": "y"}, ["x", "y"]),
        ({}, {"protocol": "published"}, ["one (strict)", "one (published)"]),
        ({}, {}, ["one a", "one b"]),
    ],
)
def test_runs_are_called_by_as_much_as_tells_them_apart(written, one, other, labels):
    found = compare([written("a", metrics(values([0.2]), **one)), written("b", metrics(values([0.3]), **other))])
    assert [run["run"] for run in found["runs"]] == labels
    assert found["reference"] == labels[0]


def test_runs_of_one_recipe_in_folders_of_one_name_are_called_by_their_paths(written, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    runs = [written("x/run", metrics(values([0.2]))), written("y/run", metrics(values([0.3])))]
    assert [run["run"] for run in compare(runs)["runs"]] == runs


UNFAIR = [
    ({}, {"data.items": 32}, "one and two differ in their data (items 64 and 32): where that changes the truth"),
    ({}, {"data.use": "other"}, "one and two were scored on other data (tiny-groups and other)"),
    ({"protocol": "published"}, {}, "one and two differ in protocol: published flatters two"),
    ({"protocol": "published"}, {}, "two: published protocol: what is fitted to data has seen the test groups"),
    ({"train": ["g0"]}, {}, "were trained on other groups (before g6: one on g0, g1; two on g0)"),
    ({"counts": {"n": 9.0}, "floor": 0.2}, {}, "one and two have other floors of the same name (mean)"),
    ({"counts": {"items": 9.0}, "floor": 0.2}, {}, "differ in what was counted (items of g6 8 and 9, g7 8 and 9)"),
    ({"counts": {"items": 9.0}, "train": ["g0"]}, {}, "differ in what was counted (items of g6 8 and 9, g7 8 and 9)"),
    ({"floor": 0.2}, {}, "have other floors of the same name (mean): they were not given the same data"),
]


@pytest.mark.parametrize(("said", "blocks", "note"), UNFAIR)
def test_what_makes_a_comparison_unfair_is_told_and_the_comparison_given(written, said, blocks, note):
    one = written("a", metrics(values([0.5, 0.6])))
    found = compare([one, written("b", metrics(values([0.7, 0.7]), recipe="two", **said), blocks)])
    assert [text for text in found["notes"] if note in text], found["notes"]
    assert between(found)["mean"] == pytest.approx(0.15)


def test_runs_that_were_scored_alike_are_given_no_note_that_they_were_not(written):
    runs = [written("a", metrics(values([0.5] * 5, 2), seeds=(0, 1)))]
    more = metrics(values([0.7] * 5, 2), recipe="two", seeds=(0, 1), counts={"items": 8.0, "unsure": 3.0})
    first = json.loads((Path(runs[0]) / "metrics.json").read_text())
    first["members"][0]["counts"]["g2"]["unsure"] = 5.0
    (Path(runs[0]) / "metrics.json").write_text(json.dumps(first))
    # what a split leaves out, an absent key, and a count of predictions do not change what is scored: floors agree
    runs.append(written("b", more, {"data.log": None, "data.split": {"unit": "plate", "seed": 3}}))
    assert compare(runs)["notes"] == []


def test_groups_of_another_unit_are_paired_by_name_and_that_is_told(written):
    other = metrics(values([0.7]), recipe="two")
    other["split"]["unit"] = "well"
    notes = compare([written("a", metrics(values([0.5]))), written("b", other)])["notes"]
    assert "one and two were split by plate and by well; groups are paired by name alone" in notes


def test_genes_that_only_one_run_predicts_are_counted_in_a_note(tiny_run, tmp_path):
    other = shutil.copytree(tiny_run, tmp_path / "copy")
    for run, genes in ((tiny_run, ["A", "B", "C"]), (other, ["B", "C", "D"])):
        (path,) = run.glob("model/*/config.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "fitted": {"genes": genes}}))
    notes = compare([str(tiny_run), str(other)])["notes"]
    said = "tiny tiny-run and tiny copy predict other genes: 2 shared, 1 of tiny tiny-run alone, 1 of tiny copy alone"
    assert said in notes
    assert any("were trained by the same settings and seeds" in note for note in notes)


def test_many_intervals_are_told_to_stand_each_for_itself(written):
    runs = [written(f"r{i}", metrics(values([0.1 * i, 0.3]), recipe=f"r{i}")) for i in range(4)]
    assert any(n.startswith("6 differences to r0 are given, each with an interval") for n in compare(runs)["notes"])
    assert not any("each with an interval" in note for note in compare(runs[:2])["notes"])


def damaged(change):
    found = metrics(values([0.5, 0.6]))
    change(found)
    return found


REFUSED = [
    ("{", r"metrics\.json: is not valid JSON .*; restore a copy"),
    ("[]", r"metrics\.json: is no table of scores: .*; restore a copy or train it again"),
    ({}, r"metrics\.json: members: field required; restore a copy or train it again"),
    (damaged(lambda m: m["members"].clear()), r"members: tuple should have at least 1 item"),
    (damaged(lambda m: m.update(protocol="lax")), r"metrics\.json: protocol: input should be 'strict' or 'published'"),
    (damaged(lambda m: m["members"][0].update(member="../../x")), r"members\.0\.member: string should match pattern"),
    (damaged(lambda m: m["members"][0]["scores"].pop("model")), r"members\.holdout-seed0 has no scores of model"),
    (damaged(lambda m: m["members"][0]["scores"]["model"]["g6"].pop("r2")), r"has no r2 of model in g6; restore"),
    (
        damaged(lambda m: m["members"][0]["scores"]["model"]["g6"].update(r2="1")),
        r"g6\.r2: input should be a valid num",
    ),
]


@pytest.mark.parametrize(("found", "said"), REFUSED)
def test_a_damaged_table_of_scores_is_refused_with_its_file_and_place(written, found, said):
    with pytest.raises(IntegrityError, match=said):
        compare([written("a", metrics(values([0.5, 0.6]))), written("b", found)])


def test_a_run_without_scores_is_sent_on_with_resume(written, tmp_path):
    begun = written("b", "")
    (tmp_path / "b" / "metrics.json").unlink()
    with pytest.raises(MissingError, match=r"b: has no scores yet; go on with: zoo train RECIPE --resume"):
        compare([written("a", metrics(values([0.5]))), begun])


def test_runs_without_a_shared_group_are_refused_with_the_groups_of_both(written):
    runs = [written("a", metrics(values([0.5, 0.6]))), written("b", metrics(values([0.5], 1), recipe="two"))]
    with pytest.raises(UsageError, match=r"one and two share no test group \(plate g6, g7; plate g1\); compare runs"):
        compare(runs)


def test_runs_of_different_tasks_are_refused_with_the_names_of_the_tasks(written, dist):
    task = "class Other:\n    scores = {'accuracy': True}\n"
    dist("lab-other", files={"lab_other.py": task}, points={"tasks": {"other": "lab_other:Other"}})
    other = metrics({"g6": {"r2": 0.5, "mse": 0.5}}, recipe="two")
    other["scores"] = {"accuracy": column({"g6": 0.5})}
    other["members"][0]["scores"] = {"model": {"g6": {"accuracy": 0.5}}}
    runs = [written("a", metrics(values([0.5]))), written("b", other, {"task.use": "other"})]
    with pytest.raises(UsageError, match=r"one and two have no score in common \(tasks tiny-regress and other\)"):
        compare(runs)


def test_fewer_than_two_runs_or_one_twice_are_refused(written, tmp_path):
    run = written("a", metrics(values([0.5])))
    with pytest.raises(UsageError, match="1 run to compare; name two or more"):
        compare([run])
    with pytest.raises(UsageError, match=r"a/\.\./a: is named twice"):
        compare([run, f"{run}/../a"])


@pytest.mark.parametrize(("score", "said"), [("r22", ", did you mean r2?"), ("speed", "; they share: r2, mse")])
def test_an_unknown_score_is_answered_with_the_near_one_or_all(written, score, said):
    runs = [written("a", metrics(values([0.5]))), written("b", metrics(values([0.6]), recipe="two"))]
    with pytest.raises(UsageError) as raised:
        compare(runs, [score])
    assert str(raised.value) == f"--score {score}: is no score that all these runs have{said}"


def test_what_is_no_run_is_told_what_it_is(tiny, tiny_run, tmp_path):
    (model,) = tiny_run.glob("model/*")
    refusals = [
        (str(tiny), UsageError, "is a recipe, not a run; 'zoo train"),
        ("hiscmcl", UsageError, "hiscmcl: is a recipe, not a run; 'zoo train hiscmcl' makes one"),
        (str(tiny_run / "metrics.json"), UsageError, "is a file; name a run folder, a package folder"),
        (str(model), UsageError, f"is the model of one member, whose run is compared as a whole; name {tiny_run}"),
        (str(tmp_path), MissingError, "is no run folder"),
        ("nowhere/at/all", MissingError, "there is no such folder"),
        ("x" * 5000, UsageError, "is no model; say a folder"),
    ]
    for text, kind, said in refusals:
        with pytest.raises(kind) as raised:
            compare([str(tiny_run), text])
        assert said in str(raised.value)


def test_a_package_is_compared_with_the_run_it_was_made_of_and_a_changed_one_is_refused(tiny_run, tiny_package):
    found = compare([str(tiny_run), str(tiny_package)])
    assert between(found)["mean"] == 0
    assert between(found)["interval"] == [0, 0]
    (tiny_package / "metrics.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"metrics\.json"):
        compare([str(tiny_run), str(tiny_package)])


@pytest.fixture(scope="module")
def _pooled_runs(tmp_path_factory):
    """Train two runs whose scores are those of all groups together; the second tests fewer groups."""
    place = tmp_path_factory.mktemp("pooled")
    info = place / "lab_above-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-above\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo.tasks]\nabove = lab_above:Above\n")
    (place / "lab_above.py").write_text(POOLED)
    split = {"all": FOLDS, "few": "{unit: plate, test: [g7, g5, g3, g1], val: null}"}
    shared = ["task={use: above}", "train.seeds=[0, 1]", "train.epochs=2"]
    return trained(place, {name: [*shared, f"name={name}", f"data.split={how}"] for name, how in split.items()})


@pytest.fixture
def pooled_runs(tiny, _pooled_runs, monkeypatch):
    """Return the folders of these two runs, which are only read, with their task installed."""
    monkeypatch.syspath_prepend(str(_pooled_runs))
    return [str(_pooled_runs / name) for name in ("all", "few")]


def pooled_by_hand(run, groups, count):
    """Return AUC and error, mean over seeds, of groups taken so many times each."""
    seeds = {}
    for path in sorted((Path(run) / "results").glob("*.json")):
        member = json.loads(path.read_text())
        for group, truth in member["pooled"]["truth"].items():
            said = member["pooled"]["predicted"]["model"][group]["value"]
            seeds.setdefault(member["seed"], {})[group] = (truth["above"], said)
    found = []
    for kept in seeds.values():
        drawn = [kept[group] for group, times in zip(groups, count, strict=True) for _ in range(times)]
        label, value = (np.array([x for part in drawn for x in part[side]]) for side in (0, 1))
        auc = float(ranking.roc_auc(label == 1, value)) if 0 < label.sum() < len(label) else np.nan
        found.append([auc, np.mean((value - label) ** 2)])
    return np.mean(found, axis=0)


def test_pooled_scores_are_paired_by_drawing_the_same_groups_for_all_runs(pooled_runs, monkeypatch):
    monkeypatch.setattr("zoo.intervals.POOLED_DRAWS", 60)
    found = compare(pooled_runs)
    assert found["groups"] == ["g1", "g3", "g5", "g7"]
    draws = drawn_groups(4)
    apart = np.array(
        [np.subtract(*(pooled_by_hand(run, found["groups"], c) for run in pooled_runs[::-1])) for c in draws]
    )
    points = [pooled_by_hand(run, found["groups"], [1, 1, 1, 1]) for run in pooled_runs]
    for number, (score, sign) in enumerate((("auc", 1), ("error", -1))):
        pair = between(found, score)
        assert pair["mean"] == pytest.approx(sign * (points[1] - points[0])[number])
        assert pair["interval"] == pytest.approx(list(np.nanpercentile(sign * apart[:, number], BOUNDS)))
        assert found["runs"][0]["scores"][score]["mean"] == pytest.approx(points[0][number])
    assert found["runs"][0]["floors"]["even"]["auc"]["mean"] == 0.5
    assert any("of all 4 test groups together" in note for note in found["notes"])
    assert not any("another truth" in note for note in found["notes"])
    back = compare(pooled_runs[::-1])
    for score in ("auc", "error"):
        one, other = between(found, score), between(back, score)
        assert one["mean"] == pytest.approx(-other["mean"])
        assert one["interval"] == pytest.approx([-bound for bound in other["interval"][::-1]])


def test_pooled_scores_without_predictions_are_set_side_by_side_and_not_paired(pooled_runs, tmp_path):
    other = shutil.copytree(pooled_runs[0], tmp_path / "bare")
    shutil.rmtree(other / "results")
    found = compare([pooled_runs[0], str(other)])
    assert between(found, "auc")["mean"] == 0
    assert between(found, "auc")["interval"] is None
    assert any("all bare: keeps no predictions, so that pooled scores cannot be paired" in n for n in found["notes"])
    with pytest.raises(
        MissingError, match=r"bare: keeps no predictions, so that its pooled scores over g1, g3, g5, g7"
    ):
        compare([pooled_runs[1], str(other)])


def test_a_truth_that_differs_and_a_damaged_result_are_told(pooled_runs, tmp_path):
    other = shutil.copytree(pooled_runs[1], tmp_path / "changed")
    for path in (other / "results").glob("*.json"):
        result = json.loads(path.read_text())
        result["pooled"]["truth"]["g5"]["above"][0] ^= 1
        path.write_text(json.dumps(result))
    notes = compare([pooled_runs[1], str(other)])["notes"]
    assert "few changed: was held against another truth than few few in g5" in notes
    for text, said in (('{"pooled": {"truth": {}}}', "pooled.predicted: field required"), ("{", "not valid JSON")):
        path.write_text(text)
        with pytest.raises(IntegrityError, match=rf"{path.name}: .*{said}"):
            compare([pooled_runs[1], str(other)])
    result["pooled"]["truth"].pop("g5")
    path.write_text(json.dumps(result))
    with pytest.raises(IntegrityError, match=r"holds other groups than metrics\.json; restore a copy"):
        compare([pooled_runs[1], str(other)])
