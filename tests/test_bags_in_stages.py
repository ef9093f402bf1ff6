"""Bags through all stages: weak labels, features, attention on them, refined labels of instances, and calibration."""

import copy
import json

import numpy as np
import pytest
import torch
from conftest import HERE, TINY
from hypothesis import given
from hypothesis import strategies as st
from staged_runs import kept_folder, metrics_of, ran, train

from zoo import experiment, infer, package, pipeline, recipe, resolve, workbench
from zoo.bag_view import BagView
from zoo.batches import in_parts
from zoo.errors import DataError
from zoo.kept import Kept
from zoo.stages import refine
from zoo.training import as_items

BAGS = HERE / "recipes" / "bags.yaml"
NAMES = ["weak", "features", "mil", "refined", "thresholds"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(experiment, "environment", dict)  # reads what is known of every installed package
    monkeypatch.setattr("accelerate.utils.memory.gc.collect", int)  # after every training, over all that tests hold


@pytest.fixture(scope="module")
def _whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bags")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        patch.syspath_prepend(str(TINY))
        records = train(BAGS, f"task.log={folder / 'log'}", out=folder / "run")
    return folder, records


@pytest.fixture
def whole(tiny, _whole, monkeypatch):
    """Return the folder and the records of a run of all stages, trained once; its home is this test's."""
    monkeypatch.setenv("ZOO_HOME", str(_whole[0] / "home"))
    return _whole


def made(stage):
    """Return what a stage kept."""
    folder = kept_folder(stage)
    return Kept(stage, json.loads((folder / "stage.json").read_text())["digest"]).read()


def data():
    from zoo_tiny import TinyBags

    return TinyBags()


def items_of(dataset, *groups):
    return as_items([i for i, group in enumerate(dataset.groups["plate"]) if group in groups])


def test_all_stages_run_in_order_and_the_model_is_evaluated_and_predicts(whole, tmp_path, zoo):
    folder, records = whole
    assert ran(records) == [f"holdout-seed0 {name}" for name in NAMES]
    code, _, err = zoo("eval", folder / "run")
    assert code == 0, err
    np.save(tmp_path / "new.npy", np.full((4, 3, 2, 2), 50, np.uint8))
    code, _, err = zoo("predict", folder / "run", "--input", tmp_path / "new.npy", "--out", tmp_path / "p.npy")
    assert code == 0, err
    assert np.load(tmp_path / "p.npy").shape == (4, 4)


def test_it_learns_what_was_planted(whole):
    scores = metrics_of(whole[1])["scores"]
    assert scores["spots"]["mean"] > 0.6
    assert scores["bags"]["mean"] > metrics_of(whole[1])["floors"]["majority"]["bags"]["mean"]


def test_features_are_what_the_encoder_gives_to_each_instance(whole):
    found, dataset = made("features"), data()
    filled = resolve.fill(recipe.load(BAGS))
    model = workbench.built(filled, made("weak").model, dict(dataset.facts)).eval()
    items = np.asarray(found.arrays["items"])
    assert sorted(items.tolist()) == items_of(dataset, "g0", "g1", "g2", "g3", "g4", "g5").tolist()
    with torch.inference_mode():
        images = torch.from_numpy(np.concatenate([dataset.pixels[item] for item in items])).float() / 255
        wanted = model.encoder({"instances": images}).numpy()
    assert np.allclose(found.arrays["features"], wanted, atol=1e-6)
    assert found.arrays["features"].dtype == np.float32
    assert not found.trained


def test_the_encoder_of_a_head_trained_on_features_is_the_one_that_made_them(whole):
    weak, mil = made("weak").model, made("mil").model
    names = [name for name in weak.weights if name.startswith("encoder.")]
    assert names
    assert all(torch.equal(weak.weights[name], mil.weights[name]) for name in names)
    assert mil.head.values["use"] == "gated-abmil"
    assert {name for name in mil.weights if name.startswith("encoder.")} == set(names)


def test_a_head_trained_on_features_reads_no_instance_while_it_is_trained(tiny, tmp_path, monkeypatch):
    from zoo_tiny import TinyBags

    stages = "stages=" + json.dumps(resolve.fill(recipe.load(BAGS)).data["stages"][:3])
    real, read, now = TinyBags.batch, {}, [""]

    def batch(self, items):
        read.setdefault(now[0], []).extend(items.tolist())
        return real(self, items)

    fit = workbench.Workbench.fit

    def told(self, *arguments, **named):
        now[0] = self._stage
        found = yield from fit(self, *arguments, **named)
        now[0] = ""
        return found

    monkeypatch.setattr(TinyBags, "batch", batch)
    monkeypatch.setattr(workbench.Workbench, "fit", told)
    train(BAGS, stages, out=tmp_path / "run")
    assert "weak" in read
    assert "mil" not in read
    allowed = items_of(data(), "g0", "g1", "g2", "g3", "g4", "g5").tolist()
    assert set(read["weak"]) <= set(allowed)


def test_calibration_sees_validation_only_and_goes_with_the_model(whole):
    folder, records = whole
    assert json.loads((folder / "log").read_text()) == ["g5"]
    threshold = made("thresholds").calibration["threshold"]
    assert threshold.shape == (4,)
    steps = metrics_of(records)["members"][0]["steps"]
    assert steps[-1]["summary"]["threshold"] == pytest.approx(threshold, abs=1e-4)
    loaded = package.read(folder / "run" / "model" / "holdout-seed0")
    assert loaded.contestant.bank["threshold"] == pytest.approx(threshold)


def test_a_model_trained_after_calibration_is_not_calibrated():
    from zoo.stage_contract import Block, Made, Trained

    model = Trained(Block({}, ()), Block({}, ()), {})
    found = pipeline.Outcome()
    found.add("one", Made(model))
    found.add("two", Made(calibration={"threshold": np.ones(1)}))
    assert set(found.calibration) == {"threshold"}
    found.add("three", Made(model, trained=False))
    assert set(found.calibration) == {"threshold"}
    found.add("four", Made(model))
    assert not found.calibration
    assert list(found.led) == ["one"]


def test_the_record_of_each_round_is_kept_and_in_the_folder_of_the_run(whole):
    folder, records = whole
    summary = made("refined").summary
    written = json.loads((folder / "run" / "stages" / "holdout-seed0-refined" / "rounds.json").read_text())
    assert written == summary["rounds"] == metrics_of(records)["members"][0]["steps"][3]["summary"]["rounds"]
    first = written[0]
    dataset = data()
    chosen = items_of(dataset, "g0", "g1", "g2", "g3", "g4")
    assert first["instances"] == sum(dataset.sizes[item] for item in chosen)
    assert first["chosen"] + first["dropped"] + first["unknown"] == first["inherited"]
    assert first["classes"] == ["a", "b", "c", "none"]
    assert all(sum(counts) == first[name] for name, counts in first["by_class"].items())
    assert first["kept"] == (first["after"][first["metric"]] > first["before"][first["metric"]])
    assert set(first["before"]) == set(first["after"]) == {"bags", "spots", "wrong"}


@pytest.mark.parametrize(("metric", "gain"), [("bags", 5.0), ("wrong", 5.0)])
def test_where_no_round_helps_the_old_model_is_handed_on_and_the_record_says_so(tiny, tmp_path, metric, gain):
    change = [f"stages.3.metric={metric}", f"stages.3.gain={gain}"]
    metrics = metrics_of(train(BAGS, *change, out=tmp_path / "run"))
    refined, mil = made("refined"), made("mil")
    assert not refined.trained
    assert all(torch.equal(refined.model.weights[name], value) for name, value in mil.model.weights.items())
    assert len(refined.summary["rounds"]) == 1
    assert list(refined.others) == ["round 1"]
    assert list(metrics["stages"]) == ["stage weak", "stage refined round 1"]


def test_each_round_that_helps_is_followed_by_another_until_there_are_enough(tiny, tmp_path):
    metrics = metrics_of(train(BAGS, "stages.3.gain=-5.0", out=tmp_path / "run"))
    refined = made("refined")
    assert refined.trained
    assert [line["round"] for line in refined.summary["rounds"]] == [1, 2]
    assert refined.summary["rounds"][1]["before"] == refined.summary["rounds"][0]["after"]
    assert list(metrics["stages"]) == ["stage weak", "stage mil", "stage refined round 1", "stage refined round 2"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ("stages.3.metric=f9", 2, "metric 'f9' is no score of the task; it has bags, spots, wrong"),
        ("stages.3.choosing.none_class=zz", 3, "choosing.none_class 'zz' is no class of the data; they have a, b, c,"),
        ("stages.3.rounds=0", 2, "stages.3: refine: rounds is a number of at least 1, not 0"),
        ("stages.3.choosing.keep=0.9", 2, "keep and drop are shares that add up to 1 at most, not 0.9 and 0.2"),
        ("stages.2.features=weak", 2, "stage 'weak' computed no features; name one that did, such as embed"),
        ("data.split.val=null", 3, "needs val groups"),
    ],
)
def test_a_mistake_in_refinement_is_one_sentence(tiny, zoo, change, code, message):
    found, _, err = zoo("train", BAGS, "--set", change, "--device", "cpu")
    assert found == code, err
    assert message in err


def test_bags_that_nobody_labelled_teach_nothing_and_break_nothing(tiny, tmp_path):
    records = train(BAGS, "data.unknown=5", out=tmp_path / "run")
    assert np.isfinite(metrics_of(records)["scores"]["spots"]["mean"])


def test_targets_are_those_of_the_instances_whatever_the_order(tiny, tmp_path, monkeypatch):
    """Labels that say which instance they are of come back beside the pixels of that instance."""
    seen = []
    labels = refine.Refine._labels

    def marked(self, work, model):
        dataset, items = work.dataset, work.items("train")
        found = labels(self, work, model)
        marks = [dataset.pixels[item].reshape(len(dataset.pixels[item]), -1).mean(axis=1) / 255 for item in items]
        found[:, 3] = np.concatenate(marks)
        return found

    from zoo.losses.binary_cross_entropy import BinaryCrossEntropy

    forward = BinaryCrossEntropy.forward

    def watched(self, outputs, batch):
        if "instance_label" in batch and "instances" in batch:
            pixels = batch["instances"].flatten(1).mean(dim=1)
            assert torch.allclose(batch["instance_label"][:, 3], pixels, atol=1e-4)
            seen.append(len(pixels))
        return forward(self, outputs, batch)

    monkeypatch.setattr(refine.Refine, "_labels", marked)
    monkeypatch.setattr(BinaryCrossEntropy, "forward", watched)
    train(BAGS, "stages.3.rounds=1", "stages.3.instance_train.max_instances=9", out=tmp_path / "run")
    assert len(seen) > 4


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_rows_belong_to_their_instances_for_any_choice_and_order_of_items(seed, alone):
    rng = np.random.default_rng(seed)
    dataset = Bags(rng)
    chosen = rng.permutation(len(dataset))[: rng.integers(1, len(dataset) + 1)]
    rows = np.concatenate([dataset.own[item] for item in chosen])
    view = BagView(dataset, chosen, {"mark": rows}, alone=alone)
    asked = rng.choice(chosen, size=rng.integers(1, 6))
    batch = view.batch(asked)
    assert torch.equal(batch["mark"], torch.from_numpy(np.concatenate([dataset.own[item] for item in asked])))
    assert batch["offsets"].tolist() == [0, *np.cumsum(dataset.sizes[asked])]
    assert torch.equal(batch["label"], torch.from_numpy(dataset.label_sets[asked].astype(np.float32)))
    assert set(batch) - {"id"} == set(view.provides)
    for part, _ in in_parts(batch, 4):
        assert len(part["mark"]) == int(part["offsets"][-1])
    others = np.setdiff1d(np.arange(len(dataset)), chosen)
    if len(others):
        assert "mark" not in view.batch(others[:1])
    again = copy.deepcopy(view)
    assert torch.equal(again.batch(asked)["mark"], batch["mark"])


class Bags:
    """Bags of which each instance has a number of its own."""

    provides = ("instances", "offsets", "label")

    def __init__(self, rng):
        self.sizes = rng.integers(1, 5, size=7)
        self.own = [10 * bag + np.arange(size)[:, None] for bag, size in enumerate(self.sizes)]
        self.label_sets = rng.integers(0, 2, size=(7, 3)).astype(np.int8)

    def __len__(self):
        return 7

    def batch(self, items):
        return {
            "id": [str(item) for item in items],
            "instances": torch.from_numpy(np.concatenate([self.own[item] for item in items])),
            "offsets": torch.from_numpy(np.concatenate([[0], np.cumsum(self.sizes[items])])),
            "label": torch.from_numpy(self.label_sets[items].astype(np.float32)),
        }


def test_rows_that_are_too_few_are_refused():
    dataset = Bags(np.random.default_rng(0))
    with pytest.raises(DataError, match=r"features has 1 rows for [0-9]+ instances; compute it anew from these data"):
        BagView(dataset, np.arange(7), {"features": np.zeros((1, 2))})


def test_a_run_of_all_stages_is_taken_over_whole(whole, tmp_path):
    folder, _ = whole
    again = train(BAGS, f"task.log={folder / 'log'}", out=tmp_path / "run")
    assert ran(again) == []
    one, two = (path / "model/holdout-seed0/model.safetensors" for path in (folder / "run", tmp_path / "run"))
    assert one.read_bytes() == two.read_bytes()


def test_another_task_is_judged_anew_by_what_goes_by_it_alone(whole, tmp_path):
    records = train(BAGS, f"task.log={tmp_path / 'log'}", out=tmp_path / "run")
    assert ran(records) == ["holdout-seed0 refined", "holdout-seed0 thresholds"]


def test_outputs_of_a_model_are_in_the_order_that_is_asked_for(whole):
    dataset = data()
    filled = resolve.fill(recipe.load(BAGS))
    model = workbench.built(filled, made("mil").model, dict(dataset.facts)).eval()
    order = np.array([5, 2, 9])
    together = infer.outputs(model, dataset, order, batch=2)
    single = [infer.outputs(model, dataset, order[n : n + 1], batch=1) for n in range(3)]
    assert np.allclose(together["instance"], np.concatenate([one["instance"] for one in single]), atol=1e-6)
