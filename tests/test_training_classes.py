"""What training classifiers of rare classes asks of the loop: rates a part, samplers, early stopping, wide images."""

import json
import signal

import numpy as np
import pytest
import torch
from pydantic import ValidationError

import children
import zoo as face
from zoo.batches import Order, to_device
from zoo.errors import RecipeError, RunError
from zoo.optim import Schedule
from zoo.schema import EarlyStop


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def run_tiny(tiny, tmp_path, *overrides, name="run"):
    return face.train(tiny, list(overrides), out=tmp_path / name, device="cpu")


def test_images_of_16_bits_become_shares_of_the_whole_range_and_never_wrap():
    values = np.array([0, 255, 256, 300, 65535], dtype=np.uint16).reshape(1, 1, 1, 5)
    image = to_device({"image": torch.from_numpy(values)}, torch.device("cpu"))["image"]
    assert image.dtype == torch.float32
    assert image.flatten().tolist() == pytest.approx([0, 255 / 65535, 256 / 65535, 300 / 65535, 1])


def test_a_part_learns_at_the_rate_that_is_its_own_and_else_at_that_of_what_it_stands_in(tiny, tmp_path):
    gated = "encoder={use: tiny-gated}"
    rates = "train.lr={encoder: 1e-4, encoder.attention: 5e-4, head: 1e-3}"
    run, _ = run_tiny(tiny, tmp_path, gated, rates, "train.epochs=1")
    assert run.records()[0]["lr"] == {"encoder": 1e-4, "head": 1e-3, "encoder.attention": 5e-4}
    run, _ = run_tiny(tiny, tmp_path, gated, "train.lr={encoder: 1e-4, head: 1e-3}", "train.epochs=1", name="two")
    assert run.records()[0]["lr"] == {"encoder": 1e-4, "head": 1e-3, "encoder.attention": 1e-4}


def test_a_rate_for_a_part_that_the_model_does_not_have_is_refused(tiny, tmp_path):
    with pytest.raises(RecipeError) as raised:
        run_tiny(tiny, tmp_path, "train.lr={encoder: 1e-4, encoder.attention: 5e-4}")
    assert "train.lr: 'encoder.attention' is no part of this model; it has encoder, head, loss" in str(raised.value)


def test_a_sampler_says_what_an_epoch_takes(tiny, tmp_path):
    run, _ = run_tiny(tiny, tmp_path, "sampler={use: tiny-twice}", "train.epochs=1", "train.checkpoint_every=1")
    once, _ = run_tiny(tiny, tmp_path, "train.epochs=1", "train.checkpoint_every=1", name="once")
    assert steps(run) == 2 * steps(once)


def steps(run):
    from zoo.checkpoint import read_tensors

    return read_tensors(run.checkpoint_folder("holdout-seed0") / "last.safetensors")[1]["progress"]["steps"]


def test_a_sampler_that_gives_another_number_of_items_is_refused(tiny, tmp_path):
    with pytest.raises(RunError, match=r"the sampler gives .* every epoch needs as many"):
        run_tiny(tiny, tmp_path, "sampler={use: tiny-twice, growing: true}")


def test_an_order_with_a_sampler_is_cut_into_batches_as_it_stands():
    order = Order([3, 4, 5], batch=2, seed=0, drop_last=False, draw=lambda _rng: np.array([5, 5, 3, 4, 3]))
    assert [batch.tolist() for batch in order.epoch(0)] == [[5, 5], [3, 4], [3]]
    assert len(order) == 3


def test_with_a_sampler_a_killed_run_goes_on_to_the_same_weights(tiny, tmp_path):
    settings = ["sampler={use: tiny-twice}", "train.checkpoint_every=3", "train.schedule=one-cycle"]
    assert children.run(children.train, tiny, settings, tmp_path / "whole") == 0
    kill = (tiny, settings, tmp_path / "killed", 13, signal.SIGKILL, False)
    assert children.run(children.train_signalled_at_batch, *kill) == -signal.SIGKILL
    assert children.run(children.train, tiny, settings, tmp_path / "killed", True) == 0
    assert children.weights(tmp_path / "killed") == children.weights(tmp_path / "whole")


def test_one_cycle_stepped_a_batch_is_that_of_pytorch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=300, pct_start=0.3, div_factor=10, final_div_factor=100
    )
    ours = Schedule("one-cycle", 300, 0.3)
    for step in range(300):
        assert ours.factor(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9), step
        optimizer.step()
        if step < 299:
            theirs.step()


STOP = "train.early_stop={patience: 1, metric: {r2: 0.7, mse: 0.3}"
FAST = ["train.lr=0.2", "train.schedule=one-cycle", "train.epochs=20"]


def test_early_stopping_watches_a_weighted_sum_in_which_errors_count_negative(tiny, tmp_path):
    run, _ = run_tiny(tiny, tmp_path, STOP + "}", *FAST)
    lines = run.records()
    for line in lines:
        assert line["val_sum"] == pytest.approx(0.7 * line["val_r2"] - 0.3 * line["val_mse"])
    best = max(lines, key=lambda line: line["val_sum"])
    assert len(lines) < 20
    assert best["epoch"] == lines[-1]["epoch"] - 1


def test_the_weights_that_are_kept_are_those_of_the_best_epoch(tiny, tmp_path):
    from zoo import package

    run, _ = run_tiny(tiny, tmp_path, STOP.replace("patience: 1", "patience: 4") + "}", *FAST)
    lines = run.records()
    best = max(lines, key=lambda line: line["val_sum"])
    assert best["epoch"] < lines[-1]["epoch"]
    loaded = package.read(run.model_folder("holdout-seed0"))
    val = np.array([i for i, g in enumerate(loaded.dataset.groups["plate"]) if g == "g5"])
    assert loaded.contestant.scores(loaded.dataset, val)["r2"] == pytest.approx(best["val_r2"], abs=1e-5)


def test_with_cool_the_rate_falls_to_its_end_before_a_run_that_stops_early_is_over(tiny, tmp_path):
    run, _ = run_tiny(tiny, tmp_path, STOP + ", cool: 3}", *FAST)
    rates = [line["lr"]["encoder"] / 0.2 for line in run.records()]
    assert len(rates) < 20
    assert rates[-1] == pytest.approx(1 / 1000)
    assert rates[-4] > rates[-3] > rates[-2] > rates[-1]


def test_a_run_killed_while_the_rate_falls_goes_on_to_the_same_weights(tiny, tmp_path):
    settings = [STOP + ", cool: 3}", *FAST, "train.checkpoint_every=2"]
    assert children.run(children.train, tiny, settings, tmp_path / "whole") == 0
    lines = (tmp_path / "whole/metrics.jsonl").read_text().splitlines()
    batches = 5 * (len(lines) - 2) + 2
    kill = (tiny, settings, tmp_path / "killed", batches, signal.SIGKILL, False)
    assert children.run(children.train_signalled_at_batch, *kill) == -signal.SIGKILL
    assert children.run(children.train, tiny, settings, tmp_path / "killed", True) == 0
    assert children.weights(tmp_path / "killed") == children.weights(tmp_path / "whole")
    again = [json.loads(line)["lr"] for line in (tmp_path / "killed/metrics.jsonl").read_text().splitlines()]
    assert again == [json.loads(line)["lr"] for line in lines]


def test_an_unknown_score_in_the_sum_is_refused(tiny, tmp_path):
    with pytest.raises(RecipeError) as raised:
        run_tiny(tiny, tmp_path, "train.early_stop={metric: {r2: 1.0, f1_wieghted: 1.0}}")
    assert "'f1_wieghted' is no score of the task; it has loss, r2, mse" in str(raised.value)


def test_a_sum_has_no_mode():
    with pytest.raises(ValidationError, match="in a weighted sum each score counts as it is meant"):
        EarlyStop(metric={"r2": 1.0}, mode="max")
