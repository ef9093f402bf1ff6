"""A recipe with stages: each is run once and kept, made anew where what it follows from changed, and gone on with."""

import json
import os
import shutil
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import TINY
from safetensors.torch import load_file
from staged_runs import STAGED, install, kept, kept_folder, metrics_of, ran, train, with_stages

import children
import zoo as face
from zoo import atomic, experiment, recipe, resolve, scoring, staging
from zoo.errors import DataError, IntegrityError, Interrupted, RunError, UsageError
from zoo.run import Run
from zoo.workbench import Workbench

BOTH = ["holdout-seed0 first", "holdout-seed0 second"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(experiment, "environment", dict)  # reads what is known of every installed package
    monkeypatch.setattr("accelerate.utils.memory.gc.collect", int)  # after every training, over all that tests hold


@pytest.fixture
def strange(tiny, dist):
    """Install a stranger's stages beside the tests' plugin."""
    install(dist)


def weights(out, member="holdout-seed0"):
    return load_file(out / "model" / member / "model.safetensors")


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_recipe_with_stages_leaves_a_model_that_is_evaluated_and_predicts(tiny, tmp_path, zoo):
    code, out, err = zoo("train", STAGED, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "stage first" in out
    assert "holdout-seed0: stage second made in" in err
    code, out, err = zoo("eval", tmp_path / "run")
    assert code == 0, err
    np.save(tmp_path / "new.npy", np.zeros((3, 3, 2, 2), np.uint8))
    code, _, err = zoo("predict", tmp_path / "run", "--input", tmp_path / "new.npy", "--out", tmp_path / "p.npy")
    assert code == 0, err
    assert np.load(tmp_path / "p.npy").shape == (3,)


def test_the_scores_of_evaluation_are_those_of_the_run(tiny, tmp_path, zoo):
    metrics = metrics_of(train(out=tmp_path / "run"))
    code, out, _ = zoo("eval", tmp_path / "run", "--format", "json")
    assert code == 0
    again = json.loads(out)
    assert again["scores"]["r2"]["mean"] == pytest.approx(metrics["scores"]["r2"]["mean"], abs=1e-6)


def test_metrics_hold_the_scores_of_earlier_models_and_the_steps_of_each_member(tiny, tmp_path):
    records = train(out=tmp_path / "run")
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert list(found["stages"]) == ["stage first"]
    assert "stage first" not in found["floors"]
    (member,) = found["members"]
    assert [step["name"] for step in member["steps"]] == ["first", "second"]
    assert set(member["steps"][0]) == {"name", "use", "digest", "seconds", "summary"}
    assert metrics_of(records)["stages"] == found["stages"]


def test_the_second_training_begins_where_the_first_ended(tiny, tmp_path):
    train(STAGED, "stages.1.train.lr=1e-12", out=tmp_path / "run")
    first = load_file(kept_folder("first") / "model0.safetensors")
    assert all(torch.allclose(value, first[name], atol=1e-9) for name, value in weights(tmp_path / "run").items())


def test_what_has_not_changed_is_not_run_again(tiny, tmp_path):
    assert ran(train(out=tmp_path / "one")) == BOTH
    again = train(out=tmp_path / "two")
    assert (ran(again), kept(again)) == ([], BOTH)
    assert not [record for record in again if record.kind in {"batch", "epoch"}]
    assert same(weights(tmp_path / "one"), weights(tmp_path / "two"))


def test_name_licence_and_evaluation_of_a_recipe_change_no_stage(tiny, tmp_path):
    train(out=tmp_path / "one")
    again = train(STAGED, "name=other", "publish.licence=mit", "train.batch=8", out=tmp_path / "two")
    assert ran(again) == []


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("stages.1.train.epochs=1", ["second"]),
        ("stages.0.train.epochs=1", ["first", "second"]),
        ("stages.1.loss.break_at=1e8", ["second"]),
        ("head.use=tiny-scalar", []),
        ("encoder.width=4", ["first", "second"]),
        ("data.seed=1", ["first", "second"]),
        ("data.split.val=[g4]", ["first", "second"]),
        ("data.split.test=[g7]", ["first", "second"]),
        ("transforms.eval=[{use: flip}]", ["first", "second"]),
        ("protocol=published", ["first", "second"]),
        ("train.seeds=[1]", ["first", "second"]),
    ],
)
def test_a_change_is_followed_by_what_depends_on_it_alone(tiny, tmp_path, change, again):
    train(out=tmp_path / "one")
    records = train(STAGED, change, out=tmp_path / "two")
    assert [line.split()[1] for line in ran(records)] == again
    assert len(ran(records)) + len(kept(records)) == 2


def test_a_change_of_the_encoder_at_the_top_spares_a_stage_that_has_its_own(tiny, tmp_path):
    own = ["stages.0.encoder={use: tiny-linear, width: 6}", "stages.1.begin=null"]
    train(STAGED, *own, out=tmp_path / "one")
    records = train(STAGED, *own, "encoder.width=4", out=tmp_path / "two")
    assert ran(records) == ["holdout-seed0 second"]


def test_from_makes_a_stage_and_those_behind_it_anew(tiny, tmp_path):
    train(out=tmp_path / "one")
    assert ran(train(out=tmp_path / "two", first="second")) == BOTH[1:]
    assert ran(train(out=tmp_path / "three", first="first")) == BOTH


def test_from_a_stage_that_is_not_there_names_the_nearest(tiny, zoo):
    code, _, err = zoo("train", STAGED, "--from", "secnd")
    assert code == 2
    assert "--from secnd: the recipe has no such stage, did you mean second?" in err
    code, _, err = zoo("train", STAGED, "--from", "zzz")
    assert "the recipe has no such stage; it has first, second" in err
    code, _, err = zoo("train", tiny, "--from", "first")
    assert code == 2
    assert "the recipe has no such stage; it has one training" in err


def test_from_and_resume_contradict_each_other(tiny, zoo):
    code, _, err = zoo("train", STAGED, "--from", "second", "--resume")
    assert code == 2
    assert "--from second begins anew what --resume would go on with" in err


def test_two_seeds_and_the_folds_of_a_split_have_stages_of_their_own(tiny, tmp_path):
    split = ["data.split.scheme=k-fold", "data.split.folds=2", "data.split.test=null", "data.split.val=null"]
    records = train(STAGED, *split, "train.seeds=[0, 1]", out=tmp_path / "one")
    assert len(ran(records)) == 8
    assert len(set(ran(records))) == 8
    assert len(metrics_of(records)["members"]) == 4
    assert ran(train(STAGED, *split, "train.seeds=[0, 1]", out=tmp_path / "two")) == []


def test_a_further_seed_runs_for_itself_alone(tiny, tmp_path):
    train(out=tmp_path / "one")
    records = train(STAGED, "train.seeds=[0, 1]", out=tmp_path / "two")
    assert ran(records) == ["holdout-seed1 first", "holdout-seed1 second"]
    assert kept(records) == BOTH


def test_a_stage_that_hangs_on_neither_split_nor_seed_is_run_once_for_all(strange, tmp_path):
    path = with_stages(f"  - {{use: once, log: {tmp_path / 'log'}}}\n")
    records = train(path, "train.seeds=[0, 1]", out=tmp_path / "one")
    assert (tmp_path / "log").read_text().split() == ["once"]
    assert ran(records)[0] == "all once"
    train(path, "train.seeds=[3]", "data.split.test=[g7]", "encoder.width=4", out=tmp_path / "other")
    assert (tmp_path / "log").read_text().split() == ["once"]
    train(path, "stages.0.size=2", out=tmp_path / "size")
    train(path, "data.items=72", out=tmp_path / "items")
    assert (tmp_path / "log").read_text().split() == ["once"] * 3


def test_from_a_stage_that_all_share_makes_it_anew_once(strange, tmp_path):
    path = with_stages(f"  - {{use: once, log: {tmp_path / 'log'}}}\n")
    train(path, "train.seeds=[0, 1]", out=tmp_path / "one")
    records = train(path, "train.seeds=[0, 1]", out=tmp_path / "two", first="once")
    assert (tmp_path / "log").read_text().split() == ["once"] * 2
    assert len(ran(records)) == 5


def test_a_stage_that_all_share_and_stands_behind_others_is_handed_nobodys_items(strange, tmp_path):
    behind = f"  - {{use: once, ask: true, log: {tmp_path / 'log'}}}\n"
    (tmp_path / "behind.yaml").write_text(
        STAGED.read_text().replace("train: {batch: 16", f"{behind}train: {{batch: 16")
    )
    with pytest.raises(DataError, match="stage 'once' needs train groups"):
        train(tmp_path / "behind.yaml", out=tmp_path / "one")
    records = train(tmp_path / "behind.yaml", "stages.2.ask=false", "train.seeds=[0, 1]", out=tmp_path / "two")
    assert (tmp_path / "log").read_text().split() == ["once"]
    assert "all once" in ran(records)


@pytest.mark.parametrize(
    ("ask", "groups"), [("train", "g0 g1 g2 g3 g4"), ("val", "g5"), ("train val", "g0 g1 g2 g3 g4 g5")]
)
def test_a_stage_is_handed_items_of_training_and_validation(strange, tmp_path, ask, groups):
    path = with_stages(f"  - {{use: look, log: {tmp_path / 'log'}, ask: {ask}}}\n")
    train(path, out=tmp_path / "run")
    assert json.loads((tmp_path / "log").read_text()) == groups.split()


def test_a_stage_that_asks_for_test_items_is_refused(strange, tmp_path, zoo):
    path = with_stages(f"  - {{use: look, log: {tmp_path / 'log'}, ask: test}}\n")
    code, _, err = zoo("train", path, "--device", "cpu")
    assert code == 2
    assert "a stage has the items of train and val, not of 'test'" in err


def test_a_stage_that_needs_validation_says_so_where_there_is_none(strange, tmp_path, zoo):
    path = with_stages(f"  - {{use: look, log: {tmp_path / 'log'}, ask: val}}\n")
    code, _, err = zoo("train", path, "--set", "data.split.val=null", "--device", "cpu")
    assert code == 3
    assert "stage 'look' needs val groups; name them in data.split.val, or a share" in err


def test_what_a_stage_says_of_itself_stands_in_the_result(strange, tmp_path):
    path = with_stages(f"  - {{use: look, log: {tmp_path / 'log'}}}\n")
    metrics = metrics_of(train(path, out=tmp_path / "run"))
    assert metrics["members"][0]["steps"][0]["summary"] == {"seen": 40}


def test_a_stage_may_return_nothing(strange, tmp_path):
    path = with_stages("  - {use: empty}\n")
    assert ran(train(path, out=tmp_path / "one")) == ["holdout-seed0 empty", *BOTH]
    assert ran(train(path, out=tmp_path / "two")) == []


def test_two_trainings_within_a_stage_do_not_meet_each_others_checkpoints(strange, tmp_path):
    text = "  - {use: two, name: a, loss: {use: tiny-square}, train: {epochs: 1, batch: 8}}\n"
    clash = "  - {use: train, name: a-one, loss: {use: tiny-square}, train: {epochs: 1, batch: 8}}\n"
    records = train(with_stages(text + clash), out=tmp_path / "run")
    fits = [record.member for record in records if record.kind == "member"]
    assert len(set(fits)) == len(fits) == 5
    assert list(metrics_of(records)["stages"]) == ["stage a one", "stage a", "stage a-one", "stage first"]


def test_a_stage_that_raises_is_named_and_leaves_nothing_kept_of_it(strange, tmp_path, zoo):
    code, _, err = zoo("train", with_stages("  - {use: fail}\n"), "--out", tmp_path / "run", "--device", "cpu")
    assert code == 1
    assert "no luck" in err
    assert "Traceback" not in err
    assert Run(tmp_path / "run").status["state"] == "failed"
    assert not list((tmp_path / "home").rglob("fail-*/stage.json"))


def test_a_signal_between_two_steps_of_a_stage_stops_the_run_and_resume_goes_on(strange, tmp_path):
    path = with_stages(f"  - {{use: signalled, unless: {tmp_path / 'flag'}}}\n")
    with pytest.raises(Interrupted, match="stopped by a signal in stage 'signalled' of holdout-seed0") as raised:
        train(path, out=tmp_path / "run")
    assert raised.value.exit_code == 143
    assert "--resume" in str(raised.value)
    assert Run(tmp_path / "run").status["state"] == "interrupted"
    assert ran(train(path, out=tmp_path / "run", resume=True)) == ["holdout-seed0 signalled", *BOTH]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Train without interruption, once and in a home of its own, so that nothing is shared; return the digests."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        patch.syspath_prepend(str(TINY))
        assert children.run(children.train, STAGED, [], folder / "run") == 0
    return children.weights(folder / "run")


@pytest.mark.parametrize("batch", [2, 17, 22])
def test_killed_in_any_stage_it_goes_on_there_to_the_same_weights_bit_for_bit(tiny, tmp_path, whole, batch):
    out = tmp_path / "killed"
    kill = (STAGED, [], out, batch, signal.SIGKILL, False)
    code = children.run(children.train_signalled_at_batch, *kill)
    assert code == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "home").rglob("stage.json")}
    assert children.run(children.train, STAGED, [], out, True) == 0
    assert children.weights(out) == whole
    assert all(path.stat().st_mtime_ns == was for path, was in before.items()), "what was kept was not made again"


def test_a_signal_within_a_training_of_a_stage_writes_a_checkpoint_and_it_goes_on_to_the_same_weights(
    tiny, tmp_path, whole
):
    out = tmp_path / "stopped"
    stop = (STAGED, [], out, 17, signal.SIGTERM, False)
    assert children.run(children.train_signalled_at_batch, *stop) == 143
    assert Run(out).status["state"] == "interrupted"
    assert children.run(children.train, STAGED, [], out, True) == 0
    assert children.weights(out) == whole


@pytest.mark.parametrize("write", [12, 13, 14, 20])
def test_killed_in_the_middle_of_any_write_it_goes_on_to_the_same_weights(tiny, tmp_path, whole, write):
    out = tmp_path / "killed"
    assert children.run(children.train_killed_at_write, STAGED, [], out, write, False) == -signal.SIGKILL
    assert children.run(children.train, STAGED, [], out, True) == 0
    assert children.weights(out) == whole


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model0.safetensors", b"cut short"),
        ("model0.safetensors", None),
        ("stage.json", b"{"),
        ("stage.json", b"[]"),
        ("stage.json", b'{"models": 3}'),
        ("stage.json", b'{"arrays": [], "models": [{"called": "", "encoder": 1, "head": 2}], "summary": {}}'),
        ("stage.json", b"\xff\xfe\x00"),
        ("stage.json", b"[" * 100_000),
        ("stage.json", b'{"arrays": [], "models": [], "summary": {}, "trained": true}'),
    ],
)
def test_a_damaged_result_is_refused_with_the_way_out_which_mends_it(tiny, tmp_path, zoo, file, text):
    train(out=tmp_path / "one")
    path = kept_folder("first") / file
    path.unlink() if text is None else path.write_bytes(text)
    code, _, err = zoo("train", STAGED, "--device", "cpu")
    assert code == 5
    assert "what stage 'first' made is damaged" in err
    assert err.rstrip().endswith("make it anew by --from first")
    assert ran(train(out=tmp_path / "two", first="first")) == BOTH
    assert same(weights(tmp_path / "one"), weights(tmp_path / "two"))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK"])
def test_a_damaged_array_is_refused(strange, tmp_path, content):
    path = with_stages(f"  - {{use: look, log: {tmp_path / 'log'}}}\n")
    train(path, out=tmp_path / "one")
    (kept_folder("look") / "seen.npy").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"what stage 'look' made is damaged .* make it anew by --from look"):
        train(path, out=tmp_path / "two")


@pytest.mark.parametrize("stage", ["first", "second"])
def test_weights_of_another_model_in_the_place_of_kept_ones_are_refused(tiny, tmp_path, zoo, stage):
    train(STAGED, "encoder.width=4", out=tmp_path / "other")
    other = (kept_folder(stage) / "model0.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "home")
    train(out=tmp_path / "one")
    (kept_folder(stage) / "model0.safetensors").write_bytes(other)
    code, _, err = zoo("train", STAGED, "--device", "cpu")
    assert code == 5
    assert "weights that a stage handed on do not fit its encoder and head (" in err
    assert "make them anew by --from first" in err


def test_weights_of_another_encoder_are_no_beginning(tiny, zoo):
    code, _, err = zoo("train", STAGED, "--set", "stages.0.encoder={use: tiny-linear, width: 6}", "--device", "cpu")
    assert code == 2
    assert "encoder: cannot begin from the weights of another model (size mismatch" in err
    assert "name a stage that trained this encoder" in err


def test_a_model_that_the_task_cannot_read_is_no_rival_of_the_last_one(strange, tmp_path):
    bare = "{use: train, name: bare, head: {use: bare}, loss: {use: tiny-contrast}, train: {epochs: 1, batch: 8}}"
    records = train(with_stages(f"  - {bare}\n"), "stages.1.begin=bare", out=tmp_path / "run")
    assert list(metrics_of(records)["stages"]) == ["stage first"]


def test_a_full_disk_while_a_stage_is_kept_is_one_sentence_and_resume_goes_on(tiny, tmp_path, monkeypatch):
    real = atomic.write_tensors

    def full(path, *arguments):
        if "second-" in path.parent.name and path.name == "model0.safetensors":
            raise RunError(f"{path}: the disk is full (0 MB left); make room and go on with --resume")
        real(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_tensors", full)
        with pytest.raises(RunError, match="the disk is full"):
            train(out=tmp_path / "run")
    assert not list((tmp_path / "home").rglob("second-*/stage.json"))
    records = train(out=tmp_path / "run", resume=True)
    assert (ran(records), kept(records)) == (BOTH[1:], BOTH[:1])
    assert not [record for record in records if record.kind == "batch"], "its training was finished before"


def test_several_processes_are_refused(tiny):
    filled = resolve.fill(recipe.load(STAGED))
    place = SimpleNamespace(accelerator=SimpleNamespace(num_processes=2))
    with pytest.raises(UsageError, match="a recipe with stages trains in one process; start it without torchrun"):
        staging.Staged(filled, filled.build("data", {}), place)


def test_the_last_model_has_to_be_what_the_top_of_the_recipe_describes(tiny, tmp_path, zoo):
    own = (
        "stages.1={use: train, name: second, encoder: {use: tiny-gated}, loss: {use: tiny-square}, train: {epochs: 1}}"
    )
    code, _, err = zoo("train", STAGED, "--set", own, "--device", "cpu")
    assert code == 2
    assert "the last stage that trains has another encoder (tiny-gated); it trains the recipe's own" in err


def test_a_recipe_in_which_nothing_is_trained_is_refused(strange, tmp_path, zoo):
    (tmp_path / "none.yaml").write_text(STAGED.read_text().split("stages:")[0] + "stages: [{use: empty}]\n")
    code, _, err = zoo("train", "none.yaml", "--device", "cpu")
    assert code == 2
    assert "no stage of the recipe trains a model; add one that does" in err


def test_features_where_the_data_are_no_bags_are_refused(tiny, tmp_path, zoo):
    stages = "[{use: train, loss: {use: tiny-square}, train: {epochs: 1}}, {use: embed, model: train}]"
    code, _, err = zoo("train", STAGED, "--set", f"stages={stages}", "--device", "cpu")
    assert code == 3
    assert "the stage needs bags of instances, and the data have none" in err


@pytest.mark.parametrize("use", ["embed", "calibrate"])
def test_a_stage_that_needs_a_model_refuses_one_that_trained_none(strange, zoo, use):
    stages = f"[{{use: empty}}, {{use: {use}, model: empty}}]"
    code, _, err = zoo("train", STAGED, "--set", f"stages={stages}", "--device", "cpu")
    assert code == 2
    assert "stage 'empty' trained no model" in err


def test_a_training_that_begins_from_a_stage_without_a_model_is_refused(strange, zoo):
    path = with_stages("  - {use: empty}\n")
    code, _, err = zoo("train", path, "--set", "stages.2.begin=empty", "--device", "cpu")
    assert code == 2
    assert "stage 'empty' trained no model to begin from; name one that did" in err


def test_a_task_without_calibration_refuses_to_be_calibrated(tiny, zoo):
    stages = "[{use: train, loss: {use: tiny-square}, train: {epochs: 1}}, {use: calibrate, model: train}]"
    code, _, err = zoo("train", STAGED, "--set", f"stages={stages}", "--device", "cpu")
    assert code == 2
    assert "the task has nothing to calibrate" in err


def test_features_and_another_encoder_contradict_each_other_at_their_line(tiny, zoo):
    code, _, err = zoo("train", STAGED, "--set", "stages.1.features=first", "--device", "cpu")
    assert code == 2
    assert "stages.1: train: features come with the encoder that made them" in err


def test_a_training_within_a_stage_that_does_not_fit_is_told_of_at_its_stage(tiny, zoo):
    code, _, err = zoo("train", STAGED, "--set", "stages.1.train.early_stop={metric: f2}", "--device", "cpu")
    assert code == 2
    assert "'f2' is no score of the task; it has loss, r2, mse" in err


def test_the_plan_tells_what_would_run_and_what_is_kept(tiny, tmp_path, zoo):
    code, out, err = zoo("show", STAGED, "--plan")
    assert code == 0, err
    assert out.count("would run") == 2
    train(out=tmp_path / "one")
    code, out, _ = zoo("show", STAGED, "--plan", "--set", "stages.1.train.epochs=5", "--format", "json")
    rows = json.loads(out)
    assert [(row["member"], row["stage"], row["what"]) for row in rows] == [
        ("holdout-seed0", "first", "kept"),
        ("holdout-seed0", "second", "would run"),
    ]
    assert [row["takes"] for row in rows] == ["the data", "first"]


def test_the_plan_of_several_seeds_shows_a_shared_stage_once(strange, tmp_path, zoo):
    path = with_stages(f"  - {{use: once, log: {tmp_path / 'log'}}}\n")
    _, out, _ = zoo("show", path, "--plan", "--set", "train.seeds=[0, 1]", "--format", "json")
    assert [f"{row['member']} {row['stage']}" for row in json.loads(out)] == [
        "all once",
        "holdout-seed0 first",
        "holdout-seed0 second",
        "holdout-seed1 first",
        "holdout-seed1 second",
    ]
    assert not (tmp_path / "log").exists()


def test_a_recipe_of_one_training_has_no_plan(tiny, zoo):
    code, _, err = zoo("show", tiny, "--plan")
    assert code == 2
    assert "has one training and no stages" in err
    assert "--filled" in err


def test_a_run_goes_on_from_the_filled_recipe_it_wrote(tiny, tmp_path):
    train(out=tmp_path / "one")
    written = tmp_path / "one" / "recipe.yaml"
    again = train(written, out=tmp_path / "two")
    assert ran(again) == []


def test_two_runs_with_stages_are_compared(tiny, tmp_path, zoo):
    train(out=tmp_path / "one")
    train(STAGED, "stages.1.train.epochs=6", out=tmp_path / "two")
    code, out, err = zoo("compare", tmp_path / "one", tmp_path / "two")
    assert code == 0, err
    assert "r2" in out


def test_a_model_of_stages_is_packed_verified_and_loaded(tiny, tmp_path, zoo):
    train(STAGED, "publish.licence=apache-2.0", out=tmp_path / "run")
    code, _, err = zoo("push", tmp_path / "run", "--to", tmp_path / "package")
    assert code == 0, err
    code, out, err = zoo("verify", tmp_path / "package")
    assert code == 0, out + err
    assert face.load(tmp_path / "package")


def test_a_model_of_stages_goes_to_the_hub_and_comes_back(tiny, tmp_path, zoo, hub):
    train(STAGED, "publish.licence=apache-2.0", out=tmp_path / "run")
    code, out, err = zoo("push", tmp_path / "run", "--to", "lab/staged", "--dry-run")
    assert code == 0, out + err
    code, out, err = zoo("push", tmp_path / "run", "--to", "lab/staged")
    assert code == 0, out + err
    code, out, err = zoo("pull", "lab/staged")
    assert code == 0, out + err


def test_without_fields_of_its_own_a_workbench_refuses_other_sides():
    member = SimpleNamespace(name="m", task=None, train=np.arange(2), val=np.arange(0))
    place = SimpleNamespace(accelerator=SimpleNamespace(device="cpu"), run=SimpleNamespace(folder=STAGED.parent))
    bench = Workbench(place, member, "s", None, {})
    with pytest.raises(UsageError, match="not of 'test'"):
        bench.items("test")
    with pytest.raises(DataError, match="needs val groups"):
        bench.items("val")
    assert os.fspath(bench.folder).endswith("stages/m-s")


def test_a_signal_while_an_earlier_model_is_scored_is_not_taken_for_a_head_that_the_task_cannot_read(monkeypatch):
    def prepare(*_, **__):
        raise Interrupted("stopped by a signal", signal_number=15)

    monkeypatch.setattr(scoring.contestant, "prepare", prepare)
    frame = SimpleNamespace(train=SimpleNamespace(batch=4))
    member = SimpleNamespace(filled=SimpleNamespace(frame=frame), task=None, dataset=None, train=[0])
    with pytest.raises(Interrupted):
        scoring._rival(None, member, [])
