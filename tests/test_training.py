"""What a run does, and what it refuses, on the tests' own plugin."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import zoo as face
from zoo.batches import Order, load
from zoo.errors import RunError
from zoo.optim import Schedule
from zoo.run import Run


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def run_tiny(tiny, tmp_path, *overrides, name="run"):
    return face.train(tiny, list(overrides), out=tmp_path / name, device="cpu")


def model_weights(run, member="holdout-seed0"):
    return load_file(run.model_folder(member) / "model.safetensors")


def test_a_run_leaves_the_files_that_the_design_names(tiny, tmp_path):
    run, _ = run_tiny(tiny, tmp_path)
    for name in ("recipe.yaml", "environment.json", "splits.json", "metrics.jsonl", "metrics.json", "status.json"):
        assert (run.folder / name).is_file(), name
    assert run.status["state"] == "finished"
    assert [line["epoch"] for line in run.records()] == [0, 1, 2, 3]
    assert json.loads((run.folder / "environment.json").read_text())["origins"]["train.lr"].endswith("tiny.yaml:10:30")
    assert not list(run.folder.rglob("*.tmp"))
    assert not list(run.folder.rglob("*.p[kt]*"))


def test_the_same_recipe_and_seed_give_the_same_weights_and_another_seed_gives_others(tiny, tmp_path):
    one, _ = run_tiny(tiny, tmp_path, name="one")
    two, _ = run_tiny(tiny, tmp_path, name="two")
    three, _ = run_tiny(tiny, tmp_path, "train.seeds=[1]", name="three")
    first, second, third = model_weights(one), model_weights(two), model_weights(three, "holdout-seed1")
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], third[name]) for name in first)


def test_accumulated_batches_give_the_step_of_one_large_batch(tiny, tmp_path):
    settings = ["encoder.dropout=0.0", "transforms.train=[]", "train.epochs=2", "train.optimizer=adam"]
    large, _ = run_tiny(tiny, tmp_path, *settings, "train.batch=40", name="large")
    small, _ = run_tiny(tiny, tmp_path, *settings, "train.batch=10", "train.accumulate=4", name="small")
    one, other = model_weights(large), model_weights(small)
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_a_loss_that_is_not_finite_stops_the_run_with_the_items_and_keeps_the_last_good_checkpoint(tiny, tmp_path, zoo):
    out = tmp_path / "broken"
    code, _, err = zoo("train", tiny, "--set", "loss.break_at=1.0", "--out", out, "--device", "cpu")
    assert code == 1
    assert re.search(r"the loss became nan in epoch 1, batch \d+ \(items item\d+, .* and \d+ more|item\d+\)", err)
    assert "lower train.lr" in err
    kept = load_file(Run(out).checkpoint_folder("holdout-seed0") / "last.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
    assert Run(out).status["state"] == "failed"


def test_strict_shows_the_dataset_its_training_groups_only_and_published_shows_all(tiny, tmp_path, zoo):
    log = tmp_path / "seen.json"
    _, strict = run_tiny(tiny, tmp_path, f"data.log={log}", name="strict")
    assert json.loads(log.read_text()) == ["g0", "g1", "g2", "g3", "g4"]
    _, published = run_tiny(tiny, tmp_path, f"data.log={log}", "protocol=published", name="published")
    assert json.loads(log.read_text()) == [f"g{i}" for i in range(8)]
    assert strict["protocol"] == "strict"
    assert published["protocol"] == "published"
    assert any("has seen the test groups" in note for note in published["notes"])
    assert not any("has seen the test groups" in note for note in strict["notes"])
    _, again, _ = zoo("eval", tmp_path / "published", "--device", "cpu")
    assert "has seen the test groups" in again


def test_every_fold_and_seed_is_trained_scored_and_joined(tiny, tmp_path):
    parts = ["data.split.test=null", "data.split.val=null", "data.split.scheme=k-fold", "data.split.folds=4"]
    run, metrics = run_tiny(tiny, tmp_path, *parts, "train.seeds=[0, 1]", "train.epochs=1")
    assert len(metrics["members"]) == 8
    assert set(metrics["scores"]["r2"]["by_group"]) == {f"g{i}" for i in range(8)}
    low, high = metrics["scores"]["r2"]["interval"]
    assert low < metrics["scores"]["r2"]["mean"] < high
    assert metrics["scores"]["r2"]["seed_sd"] > 0
    for fold in json.loads(run.splits_path.read_text()):
        assert not set(fold["train"]) & set(fold["test"])


def test_the_margin_is_paired_with_the_best_floor_and_positive_where_the_model_is_better(tiny, tmp_path):
    _, metrics = run_tiny(tiny, tmp_path)
    for score, up in (("r2", 1), ("mse", -1)):
        expected = up * (metrics["scores"][score]["mean"] - metrics["floors"]["mean"][score]["mean"])
        assert metrics["above_floor"][score]["mean"] == pytest.approx(expected)


def test_the_spread_over_seeds_is_shown_where_there_are_several(tiny, tmp_path, zoo):
    _, one, _ = zoo("train", tiny, "--out", tmp_path / "one", "--device", "cpu")
    _, two, _ = zoo("train", tiny, "--seed", 0, "--seed", 1, "--out", tmp_path / "two", "--device", "cpu")
    assert "sd of seeds" not in one
    assert "sd of seeds" in two


def test_a_model_that_does_not_beat_its_floor_is_said_not_to(tiny, tmp_path):
    _, wild = run_tiny(tiny, tmp_path, "train.lr=3.0", "train.epochs=2", name="wild")
    assert "the model does not beat its best floor in r2, mse" in wild["notes"]
    _, keen = run_tiny(tiny, tmp_path, name="keen")
    assert not any("does not beat" in note for note in keen["notes"])


def test_one_test_group_gets_no_interval_and_the_run_says_so(tiny, tmp_path):
    _, metrics = run_tiny(tiny, tmp_path, "data.split.test=[g7]")
    assert metrics["scores"]["r2"]["interval"] is None
    assert "1 test group: no interval can be given" in metrics["notes"]


@pytest.mark.parametrize("part", ["encoder", "head"])
def test_a_part_can_have_a_learning_rate_of_its_own(tiny, tmp_path, part):
    still = {"encoder": "head", "head": "encoder"}[part]
    run, _ = run_tiny(tiny, tmp_path, f"train.lr={{{part}: 0.05, {still}: 1.0e-30}}", "train.epochs=1")
    begun, _ = run_tiny(tiny, tmp_path, "train.lr=1.0e-30", "train.epochs=1", name="begun")
    after, before = model_weights(run), model_weights(begun)
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {part}


def test_bf16_trains_on_the_cpu_and_fp16_is_refused_there(tiny, tmp_path, zoo):
    train = f"zoo.train({str(tiny)!r}, ['train.precision=bf16'], out=Path('b'), device='cpu')"
    script = f"import zoo; from pathlib import Path; {train}"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(
        t.dtype == torch.float32 for t in load_file(tmp_path / "b/model/holdout-seed0/model.safetensors").values()
    )
    code, _, err = zoo("train", tiny, "--set", "train.precision=fp16", "--device", "cpu")
    assert code == 2
    assert "fp16 needs a CUDA device; on the CPU use fp32 or bf16" in err


def test_tensorboard_events_are_written_when_asked_for(tiny, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, _ = run_tiny(tiny, tmp_path, "train.tensorboard=true")
    events = EventAccumulator(str(run.folder / "tensorboard" / "holdout-seed0")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [0, 1, 2, 3]


def test_a_run_folder_that_another_process_writes_is_refused_and_named(tiny, tmp_path, zoo):
    out = tmp_path / "held"
    run_tiny(tiny, tmp_path, name="held")
    holder = (
        f"import time; from pathlib import Path; from zoo.run import Run\n"
        f"with Run(Path({str(out)!r})).locked():\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        code, _, err = zoo("train", tiny, "--out", out, "--resume", "--device", "cpu")
        process.kill()
    assert code == 1
    assert f"is being written by process {process.pid} on" in err


def test_a_folder_that_is_not_empty_is_not_trained_into(tiny, tmp_path, zoo):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    code, _, err = zoo("train", tiny, "--out", tmp_path / "mine")
    assert code == 1
    assert "is not empty" in err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


def test_a_run_that_was_refused_leaves_a_folder_that_may_be_used_again(tiny, tmp_path, zoo):
    code, _, err = zoo("train", tiny, "--out", tmp_path / "run", "--device", "cpu", "--set", "data.split.test=[nobody]")
    assert (code, err.count("\n")) == (3, 1)
    assert zoo("train", tiny, "--out", tmp_path / "run", "--device", "cpu")[0] == 0


def test_a_full_disk_gets_one_sentence_and_the_run_goes_on_when_there_is_room(tiny, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    size = "200k"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    command = [sys.executable, "-m", "zoo", "train", str(tiny), "--out", str(disk / "run"), "--device", "cpu"]
    command += ["--set", "encoder.width=900"]
    try:
        full = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        assert full.returncode == 1
        assert full.stderr.count("error:") == 1
        assert "the disk is full" in full.stderr
        assert "--resume" in full.stderr
        assert not list(disk.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", disk], check=False)


def test_eval_gives_the_scores_of_training_again(tiny, tmp_path, zoo):
    run, metrics = run_tiny(tiny, tmp_path)
    code, out, _ = zoo("eval", run.folder, "--format", "json", "--device", "cpu")
    assert code == 0
    again = json.loads(out)
    assert again["scores"]["r2"]["mean"] == pytest.approx(metrics["scores"]["r2"]["mean"], abs=1e-6)
    assert again["floors"]["mean"]["mse"]["mean"] == pytest.approx(metrics["floors"]["mean"]["mse"]["mean"], abs=1e-6)


def test_predict_writes_what_the_task_writes_for_new_input(tiny, tmp_path, zoo):
    run, _ = run_tiny(tiny, tmp_path)
    np.save(tmp_path / "new.npy", np.zeros((5, 3, 2, 2), np.uint8))
    code, out, _ = zoo("predict", run.folder, "--input", tmp_path / "new.npy", "--out", tmp_path / "p.npy")
    assert code == 0
    assert out.strip() == str(tmp_path / "p.npy")
    predicted = np.load(tmp_path / "p.npy")
    assert predicted.shape == (5,)
    assert np.ptp(predicted) < 1e-6


@pytest.mark.parametrize("verb", ["eval", "predict"])
def test_a_folder_that_is_no_run_is_refused_with_exit_3(tmp_path, zoo, verb):
    arguments = ["--out", "x.npy"] if verb == "predict" else []
    code, _, err = zoo(verb, tmp_path, *arguments)
    assert code == 3
    assert "is no run folder" in err


def test_a_damaged_model_is_refused_with_exit_5(tiny, tmp_path, zoo):
    run, _ = run_tiny(tiny, tmp_path)
    path = run.model_folder("holdout-seed0") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    code, _, err = zoo("eval", run.folder, "--device", "cpu")
    assert code == 5
    assert "cannot be read as safetensors" in err


def test_weights_of_another_model_are_refused_with_exit_5(tiny, tmp_path, zoo):
    run, _ = run_tiny(tiny, tmp_path)
    code, _, err = zoo("eval", run.folder, "--set", "encoder.width=9", "--device", "cpu")
    assert code == 5
    assert "do not fit the recipe's model" in err


def test_an_encoder_that_reads_what_the_dataset_lacks_is_refused_before_training(tiny, tmp_path, zoo):
    code, _, err = zoo("train", tiny, "--set", "encoder.use=multilevel", "--set", "encoder.base={use: tiny-linear}")
    assert code == 2
    assert "needs neighbourhood, overview in a batch; the dataset delivers image, target" in err


def test_early_stopping_without_validation_groups_is_refused(tiny, tmp_path, zoo):
    code, _, err = zoo("train", tiny, "--set", "data.split.val=null", "--set", "train.early_stop={patience: 1}")
    assert code == 2
    assert "needs validation groups; name them in data.split.val" in err


def test_early_stopping_on_a_score_that_the_task_lacks_is_refused_with_those_it_has(tiny, zoo):
    code, _, err = zoo("train", tiny, "--set", "train.early_stop={metric: auc}")
    assert code == 2
    assert "'auc' is no score of the task; it has loss, r2, mse" in err


def test_a_component_that_fails_names_itself_and_its_place(tiny, zoo):
    code, _, err = zoo("check", tiny, "--set", "encoder.width=0")
    assert code == 2
    assert "encoder.width: should be greater than or equal to 1, not 0" in err


def test_results_go_to_stdout_and_everything_else_to_stderr(tiny, tmp_path, zoo):
    code, out, err = zoo("train", tiny, "--out", tmp_path / "run", "--format", "json", "--device", "cpu")
    assert code == 0
    assert json.loads(out)["recipe"] == "tiny"
    assert "epoch 1/4" in err
    assert "on the CPU" in err
    code, out, err = zoo("-q", "train", tiny, "--out", tmp_path / "quiet", "--device", "cpu")
    assert (code, err) == (0, "")
    assert out.startswith("score")


@given(st.integers(1, 200), st.integers(1, 64), st.booleans(), st.integers(1, 3), st.integers(0, 5))
def test_an_epoch_deals_every_item_at_most_once_and_equally_to_all_processes(items, batch, drop_last, world, epoch):
    orders = [Order(range(items), batch=batch, seed=1, drop_last=drop_last, rank=r, world=world) for r in range(world)]
    epochs = [order.epoch(epoch) for order in orders]
    assert len({tuple(len(b) for b in batches) for batches in epochs}) == 1
    dealt = [int(i) for batches in epochs for b in batches for i in b]
    assert len(set(dealt)) == len(dealt)
    if world == 1 and not drop_last:
        assert len(dealt) == items
    assert all(len(batches) == len(order) for batches, order in zip(epochs, orders, strict=True))


@given(st.sampled_from(["constant", "cosine", "one-cycle"]), st.integers(1, 500), st.floats(0, 0.9))
def test_a_learning_rate_never_exceeds_the_one_that_was_asked_for_and_never_turns_negative(kind, steps, warmup):
    factors = [Schedule(kind, steps, warmup).factor(step) for step in range(steps)]
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)


def test_one_cycle_has_the_shape_of_pytorchs():
    steps = 100
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=steps,
        pct_start=0.3,
        div_factor=10,
        final_div_factor=100,
        cycle_momentum=False,
    )
    schedule = Schedule("one-cycle", steps, 0.3)
    for step in range(steps):
        assert schedule.factor(step) == pytest.approx(reference.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        if step < steps - 1:
            reference.step()


def test_an_error_in_the_reading_thread_is_raised_where_the_batch_is_used():
    class Broken:
        def batch(self, items):
            raise RunError("no such page")

    with pytest.raises(RunError, match="no such page"):
        list(load(Broken(), [np.arange(2)]))


def test_a_member_is_chosen_by_name_and_an_unknown_one_is_answered_with_those_there_are(tiny, tmp_path, zoo):
    run, _ = run_tiny(tiny, tmp_path, "train.seeds=[0, 3]", "train.epochs=1")
    assert face.load(run.folder, "holdout-seed3").loaded.config.seed == 3
    assert face.load(run.folder).loaded.config.seed == 0
    code, _, err = zoo("predict", run.folder, "--member", "best", "--out", "x.npy")
    assert code == 3
    assert "has no member 'best'; it has holdout-seed0, holdout-seed3" in err
