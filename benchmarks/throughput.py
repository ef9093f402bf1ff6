"""Training end to end (loading, augmentation, logging, checkpoints) against the bare step of the same model.

    python benchmarks/throughput.py [RECIPE] [--set A.B=VALUE ...] [--device cuda] [--epochs 5]

Both run in this process in turn, an epoch of one and as many bare steps as it had batches; the ratio of each pair is
taken and the median printed. The bare step is forward, backward and optimizer step on one batch that is ready on the
device, of the same shape.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from zoo import experiment
from zoo.batches import to_device, transformed
from zoo.devices import accelerator_for
from zoo.interrupts import Interrupts
from zoo.training import Fit


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def bare_epoch(fit: Fit, batch: dict, steps: int) -> float:
    fit.wrapped.train()
    started = time.perf_counter()
    for _ in range(steps):
        loss = fit.wrapped(batch)
        fit.accelerator.backward(loss)
        if fit.settings.clip is not None:
            fit.accelerator.clip_grad_norm_(fit.wrapped.parameters(), fit.settings.clip)
        fit.optimizer.step()
        fit.optimizer.zero_grad()
    synchronise(fit.accelerator.device)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?", default="hiscmcl")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = [*arguments.overrides, f"train.epochs={arguments.epochs + 1}"]
        run, filled = experiment.start(arguments.recipe, settings, out=Path(folder) / "run")
        accelerator = accelerator_for(filled.frame.train.precision, arguments.device)
        dataset = filled.build("data", {})
        fold = experiment.folds_of(filled, dataset)[0]
        experiment.fit_dataset(filled, dataset, fold)
        member = experiment._member(filled, dataset, fold, 0)  # noqa: SLF001 - the benchmark looks inside
        fit = Fit(member, run, accelerator, Interrupts())
        items = fit.order.epoch(0)[0]
        batch = transformed(to_device(dataset.batch(items), accelerator.device), fit.augment, 0)
        steps = len(fit.order)
        ratios, rates = [], []
        records = fit.records()
        started = time.perf_counter()
        for record in records:
            if record.kind != "epoch":
                continue
            synchronise(accelerator.device)
            whole = time.perf_counter() - started
            bare = bare_epoch(fit, batch, steps)
            if record.epoch > 0:  # the first warms up
                ratios.append(bare / whole)
                rates.append(steps * len(items) / whole)
            started = time.perf_counter()
    print(
        f"{arguments.recipe} on {accelerator.device}, {torch.get_num_threads()} threads, {steps} steps of {len(items)}"
    )
    print(f"items/s end to end, median of {len(rates)} epochs: {statistics.median(rates):.0f}")
    print(
        f"bare step / end to end: median {statistics.median(ratios):.3f} (min {min(ratios):.3f}, max {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()
