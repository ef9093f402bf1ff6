"""Two processes train as one: the loss is that of the global batch, and one process writes."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from zoo.run import Run

SETTINGS = ["encoder.dropout=0.0", "transforms.train=[]", "train.epochs=2", "train.batch=16", "train.optimizer=adam"]


def train(tiny, out, processes, *settings):
    overrides = [part for option in (*SETTINGS, *settings) for part in ("--set", option)]
    launch = [sys.executable]
    if processes > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [*launch, "-m", "zoo", "train", str(tiny), *overrides, "--out", str(out), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.mark.parametrize("loss", ["tiny-contrast", "tiny-square"])
def test_two_processes_reach_the_weights_that_one_process_reaches(tiny, tmp_path, loss):
    train(tiny, tmp_path / "one", 1, f"loss.use={loss}")
    done = train(tiny, tmp_path / "two", 2, f"loss.use={loss}")
    one, two = (load_file(tmp_path / n / "model/holdout-seed0/model.safetensors") for n in ("one", "two"))
    assert all(torch.allclose(one[name], two[name], atol=2e-6) for name in one)
    assert Run(tmp_path / "two").status["state"] == "finished"
    assert done.stdout.count("score ") == 1, "only one process prints the result"
    if loss == "tiny-contrast":
        losses = [[line["loss"] for line in Run(tmp_path / n).records()] for n in ("one", "two")]
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_two_processes_stop_early_together_and_keep_the_best_weights(tiny, tmp_path):
    settings = ("train.epochs=12", "train.early_stop={patience: 1, metric: r2}", "train.lr=0.1")
    train(tiny, tmp_path / "two", 2, *settings)
    epochs = Run(tmp_path / "two").records()
    best = max(epochs, key=lambda line: line["val_r2"])
    assert len(epochs) < 12
    assert best["epoch"] + 2 == len(epochs)
