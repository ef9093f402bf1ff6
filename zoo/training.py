"""The loop: one member (a fold and a seed) from its first weights to its best, read from top to bottom.

Every random number of a batch follows from the seed, the epoch and the batch's number, and the learning rate follows
from the step. So the weights, the optimizer's moments and a counter are all that a checkpoint has to hold, and a run
that was killed goes on to the very same numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate.utils import broadcast_object_list
from torch import nn

from zoo import allocator, contestant, events, infer
from zoo.batches import Order, in_parts, load, to_device, transformed
from zoo.checkpoint import Keeper, Progress
from zoo.errors import Interrupted, Problem, RecipeError
from zoo.filled import Filled
from zoo.interrupts import Interrupts
from zoo.loss_watch import LossWatch
from zoo.model import Model, Trainee
from zoo.nn import weights
from zoo.nn.gather import alone
from zoo.optim import Schedule, make_optimizer, set_rate
from zoo.run import Run
from zoo.seeds import derive
from zoo.stopping import Stopping

if TYPE_CHECKING:
    from accelerate import Accelerator

    from zoo.contracts import Batch, Dataset, Indices, Task

AGREE_EVERY = 16


@dataclass(frozen=True, slots=True)
class Member:
    """One training: which items, which seed, and the parts' facts.

    A training within a stage may have an encoder that is ``given``, and weights to ``begin`` from, those of the encoder
    at least (:mod:`zoo.workbench`).
    """

    name: str
    seed: int
    filled: Filled
    dataset: Dataset
    task: Task
    train: Indices
    val: Indices
    facts: dict[str, int]
    given: nn.Module | None = None
    begin: Mapping[str, torch.Tensor] | None = None

    def build(self) -> Trainee:
        """Build encoder, head and loss with the member's seed; fit the loss where it is fitted to data."""
        torch.manual_seed(derive(self.seed, "init"))
        with weights.follow() if self.begin else nullcontext():
            encoder: Any = self.given or self.filled.build("encoder", self.facts)
        facts = {**self.facts, "in_features": encoder.out_features}
        model, loss = Model(encoder, self.filled.build("head", facts)), self.filled.build("loss", facts)
        if self.begin:
            self._load(model, self.begin)
        if hasattr(loss, "fit"):
            loss.fit(self.dataset, self.train)
        return Trainee(model, loss)

    def _load(self, model: Model, begin: Mapping[str, torch.Tensor]) -> None:
        """Put weights to begin from in place of first values."""
        try:
            model.load_state_dict({**model.state_dict(), **begin})
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            what = f"cannot begin from the weights of another model ({first}); name a stage that trained this encoder"
            raise RecipeError([Problem(self.filled.recipe.place(("encoder",)), "encoder", what)]) from error

    def drawing(self) -> Callable[[np.random.Generator], Indices] | None:
        """Return what draws the items of an epoch, None where each comes once."""
        sampler = self.filled.build_sampler(self.facts)
        if sampler is None:
            return None
        batch = self.filled.frame.train.batch
        return lambda rng: np.asarray(sampler(self.train, self.dataset, batch=batch, rng=rng), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Team:
    """Who trains a member: all processes together, or this one by itself while the others train other members."""

    rank: int
    world: int
    by_itself: bool = False

    @property
    def leads(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0


@dataclass(frozen=True, slots=True)
class Record:
    """What the loop tells of itself: ``batch`` after each batch, ``epoch`` after each epoch; of so many ``epochs``."""

    kind: str
    member: str
    epoch: int
    values: dict[str, Any]
    epochs: int = 0


class Fit:
    """The state of one member's training, and the steps of its loop."""

    def __init__(
        self,
        member: Member,
        run: Run,
        accelerator: Accelerator,
        interrupts: Interrupts,
        *,
        by_itself: bool = False,
    ) -> None:
        self.member, self.run, self.accelerator, self.interrupts = member, run, accelerator, interrupts
        self.team = (
            Team(0, 1, by_itself=True) if by_itself else Team(accelerator.process_index, accelerator.num_processes)
        )
        self.settings = member.filled.frame.train
        self.trainee = member.build().to(memory_format=torch.channels_last)
        optimizer = make_optimizer(self.trainee.parts(), self.settings)
        if by_itself:  # to the device, and not tied to the models of the other processes
            self.wrapped = accelerator.prepare_model(self.trainee, evaluation_mode=True)
            self.optimizer = accelerator.prepare_optimizer(optimizer)
        else:
            self.wrapped, self.optimizer = accelerator.prepare(self.trainee, optimizer)
        self.augment = member.filled.build_transforms("train", member.facts)
        self.eval_transforms = member.filled.build_transforms("eval", member.facts)
        self.order = Order(
            member.train,
            batch=self.settings.batch,
            seed=member.seed,
            drop_last=self.settings.drop_last,
            rank=self.team.rank,
            world=self.team.world,
            draw=member.drawing(),
        )
        self.steps = math.ceil(len(self.order) / self.settings.accumulate)
        self.schedule = Schedule(self.settings.schedule, self.settings.epochs * self.steps, self.settings.warmup)
        folder = run.checkpoint_folder(member.name)
        self.keeper = Keeper(folder, self.trainee, self.optimizer, accelerator.scaler, writes=self.team.leads)
        self.progress = Progress()
        self.stopping = Stopping(self.settings, member.task.scores)
        self.watch = LossWatch(lag=accelerator.device.type == "cuda")

    @property
    def about(self) -> dict[str, Any]:
        """What is told of a member before it is trained."""
        size = sum(parameter.numel() for parameter in self.trainee.parameters())
        return {"device": str(self.accelerator.device), "items": len(self.member.train), "parameters": size}

    def records(self) -> Iterator[Record]:
        """Train to the end, yielding a record a batch and a record an epoch; the best weights are in place after."""
        self.progress = self.keeper.resume()
        if self.team.leads:
            self.run.forget_records(self.member.name, self.progress.epoch)
        while self.progress.epoch < self.stopping.epochs(self.progress) and not self.progress.stopped:
            started, before = time.perf_counter(), self.progress.batch
            self.wrapped.train()
            batches = self.order.epoch(self.progress.epoch)
            for read in load(self.member.dataset, batches[before:], pin=self.watch.lag):
                self._one_batch(read, last=self.progress.batch + 1 == len(batches))
                yield self._record("batch", batch=self.progress.batch, batches=len(batches))
            self._settle()
            seconds = time.perf_counter() - started
            items = sum(map(len, batches[before:])) * self.team.world
            yield self._end_epoch(seconds, items / seconds)
        if self.settings.early_stop and self.progress.best is not None:
            if self.team.world > 1:
                self.accelerator.wait_for_everyone()
            self.keeper.restore_best()

    def _one_batch(self, read: Batch, *, last: bool) -> None:
        """Take one batch through the model; step the optimizer where a step's batches are complete."""
        at = (self.member.seed, self.progress.epoch, self.progress.batch, self.team.rank)
        batch = transformed(to_device(read, self.accelerator.device), self.augment, derive("augment", *at))
        torch.manual_seed(derive("step", *at))
        complete = last or (self.progress.batch + 1) % self.settings.accumulate == 0
        parts = list(in_parts(batch, self.settings.max_instances))
        whole: torch.Tensor | float = 0.0
        for number, (part, share) in enumerate(parts, start=1):
            joins = complete and number == len(parts)
            apart = alone() if self.team.by_itself else nullcontext()
            with apart, nullcontext() if joins else self.accelerator.no_sync(self.wrapped):
                loss = self.wrapped(part) * share
                self.accelerator.backward(loss / self.settings.accumulate)
            whole = whole + loss.detach()
        self.watch.add(torch.as_tensor(whole), self.progress, batch["id"], self.keeper.last)
        self.progress.batch += 1
        if complete:
            self._step()
            self._maybe_save()

    def _step(self) -> None:
        set_rate(self.optimizer, self.stopping.factor(self.schedule, self.progress, self.steps))
        if self.settings.clip is not None:
            self.accelerator.clip_grad_norm_(self.wrapped.parameters(), self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.steps += 1

    def _maybe_save(self) -> None:
        """Write a checkpoint inside an epoch when it is due, or when a signal asks the run to stop."""
        every = self.settings.checkpoint_every
        stop = self._asked_to_stop()
        if stop or (every and self.progress.steps % every == 0):
            self._save()
        if stop:
            raise Interrupted(
                f"stopped by a signal in epoch {self.progress.epoch + 1}; the checkpoint is written in "
                f"{self.run.folder}, go on with the same command and --resume",
                signal_number=stop,
            )

    def _asked_to_stop(self) -> int:
        """Return the signal's number; processes agree every few steps, for one alone would wait for the others."""
        if self.team.world == 1:
            return self.interrupts.signal_number
        if self.progress.steps % AGREE_EVERY:
            return 0
        flag = torch.tensor(float(self.interrupts.signal_number), device=self.accelerator.device)
        return int(torch.max(self.accelerator.gather(flag.reshape(1))))

    def _end_epoch(self, seconds: float, rate: float) -> Record:
        """Validate, keep the best, count the epoch, write the checkpoint, and tell of it."""
        progress = self.progress
        values: dict[str, Any] = {
            "loss": progress.loss_sum / max(1, progress.loss_count),
            "lr": {g["name"]: g["lr"] for g in self.optimizer.param_groups},
            "seconds": round(seconds, 3),
            "items_per_second": round(rate, 1),
        }
        values["resident_mb"] = allocator.resident_mb()
        if self.accelerator.device.type == "cuda":
            values["memory_mb"] = torch.cuda.max_memory_allocated() // 2**20
        due = (progress.epoch + 1) % self.settings.validate_every == 0 or progress.epoch + 1 == self.stopping.epochs(
            self.progress
        )
        if len(self.member.val) and due:
            values.update(self._validate())
        epoch = progress.epoch
        self.progress = replace(self.progress, epoch=epoch + 1, batch=0, loss_sum=0.0, loss_count=0)
        record = Record("epoch", self.member.name, epoch, values, self.settings.epochs)
        if self.team.leads:
            # the line first: a resume drops the lines of epochs that its checkpoint has not seen
            self.run.record({"member": self.member.name, "epoch": epoch, **values})
            if self.settings.tensorboard:
                events.write(self.run.folder / "tensorboard" / self.member.name, epoch, values)
        self._save()
        return record

    def _validate(self) -> dict[str, float]:
        """Return the scores of the validation groups; note whether they are the best so far."""
        # the first process decides for all: batch statistics differ a little between them, and so would their decisions
        found = [self._validation_scores() if self.team.leads else {}]
        if self.team.world > 1:
            found = broadcast_object_list(found)
        self.progress, best = self.stopping.judged(self.progress, found[0])
        if best:
            self.keeper.keep_best()
        return found[0]

    def _validation_scores(self) -> dict[str, float]:
        m, batch, views = self.member, self.settings.batch, self.eval_transforms
        with alone(), self.accelerator.autocast():
            values = {"val_loss": infer.mean_loss(self.trainee, m.dataset, m.val, batch=batch, transforms=views)}
            if self.stopping.needs_scores:
                rival = contestant.prepare(
                    self.trainee.model, m.task, m.dataset, m.train, batch=batch, transforms=views
                )
                values |= {f"val_{name}": value for name, value in rival.scores(m.dataset, m.val).items()}
        return {**values, **self.stopping.summed(values)}

    def _record(self, kind: str, **values: Any) -> Record:
        return Record(kind, self.member.name, self.progress.epoch, values, self.settings.epochs)

    def _settle(self) -> None:
        self.watch.settle(self.progress, self.keeper.last)

    def _save(self) -> None:
        self._settle()
        self.keeper.keep(self.progress)


def as_items(indices: list[int]) -> Indices:
    """Return item numbers as an array."""
    return np.asarray(indices, dtype=np.int64)
