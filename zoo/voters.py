"""The members of an ensemble trained, one after the other or dealt out to processes, and put together as one model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from zoo import atomic, checkpoint, package
from zoo.errors import Interrupted, RecipeError, RunError
from zoo.errors import Problem as RecipeProblem
from zoo.model import Ensemble
from zoo.training import Fit, Member, Record

if TYPE_CHECKING:
    from accelerate import Accelerator

    from zoo.interrupts import Interrupts
    from zoo.run import Run

WEIGHTS, FAILED = "trained.safetensors", "failed.txt"
POLL_SECONDS = 0.5


def of(whole: Member) -> list[Member]:
    """Return the members of an ensemble, each a training of its own with its own seed.

    Raises
    ------
    RecipeError
        The task predicts by looking up training items, which every member would do for itself.
    """
    filled = whole.filled
    if whole.task.needs_bank:
        what = "votes on what members predict, and this task looks its predictions up; train the members as recipes"
        raise RecipeError([RecipeProblem(filled.recipe.place(("ensemble",)), "ensemble", what)])
    stated = filled.data["ensemble"]["members"]
    return [
        replace(whole, name=f"{whole.name}-m{number}", seed=whole.seed + own["seed"], filled=member)
        for number, (member, own) in enumerate(zip(filled.members, stated, strict=True), start=1)
    ]


def train(
    members: list[Member],
    run: Run,
    accelerator: Accelerator,
    interrupts: Interrupts,
    check: Callable[[Member, Fit], None],
) -> Iterator[Record]:
    """Train the members that are this process's and not trained yet; with several processes each has its own.

    Processes meet in the run folder alone, so that none waits for another before the vote. ``check`` refuses a member
    whose parts do not go together.
    """
    world = accelerator.num_processes
    for number, member in enumerate(members):
        kept = _weights(run, member)
        if number % world != accelerator.process_index or kept.exists():
            continue
        fit = Fit(member, run, accelerator, interrupts, by_itself=world > 1)
        check(member, fit)
        yield Record("member", member.name, 0, fit.about)
        yield from fit.records()
        atomic.write_tensors(kept, {name: value.cpu() for name, value in fit.trainee.model.state_dict().items()})
        accelerator.free_memory()


def together(members: list[Member], whole: Member, run: Run, device: torch.device, interrupts: Interrupts) -> Ensemble:
    """Return the trained members as one model, waiting for those that other processes still train.

    Raises
    ------
    RunError
        Another process failed.
    Interrupted
        A signal came while there was nothing to do but wait.
    """
    found = package.build(whole.filled, whole.facts)
    if not isinstance(found, Ensemble):
        raise RunError(f"{run.folder}: the recipe lists no members; train a new run")
    for member, model in zip(members, found.members, strict=True):
        path = _weights(run, member)
        _wait_for(path, run, interrupts)
        tensors, _ = checkpoint.read_tensors(path)
        checkpoint.load_weights(path, model, tensors, assign=True)
    return found.to(device)


def note_failure(run: Run, reason: str, rank: int) -> None:
    """Tell the first process, which waits for the members of this one, that they will not come."""
    atomic.write_text(run.folder / f"{rank}-{FAILED}", reason)


def forget_failures(run: Run) -> None:
    """Remove what processes that failed told an earlier attempt."""
    for path in run.folder.glob(f"*-{FAILED}"):
        path.unlink(missing_ok=True)


def _wait_for(path: Path, run: Run, interrupts: Interrupts) -> None:
    while not path.exists():
        if interrupts.signal_number:
            raise Interrupted(
                f"stopped by a signal while other processes train; go on in {run.folder} with the same command and "
                "--resume",
                signal_number=interrupts.signal_number,
            )
        failed = sorted(run.folder.glob(f"*-{FAILED}"))
        if failed:
            raise RunError(f"another process failed, {failed[0].read_text()}; go on with --resume")
        time.sleep(POLL_SECONDS)


def _weights(run: Run, member: Member) -> Path:
    return run.checkpoint_folder(member.name) / WEIGHTS
