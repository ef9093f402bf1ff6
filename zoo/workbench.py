"""What a stage works with: training, features and outputs of models over training and validation items."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo import contestant, infer, package
from zoo.bag_view import BagView, sizes_of
from zoo.batches import in_order, load, to_device, transformed
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.filled import Filled
from zoo.model import Model
from zoo.nn.given import Given
from zoo.seeds import derive
from zoo.stage_contract import Block, Made, Taken, Trained
from zoo.training import Fit, Member, Record

if TYPE_CHECKING:
    from accelerate import Accelerator
    from numpy.typing import NDArray

    from zoo.contracts import Dataset, Encoder, Head, Indices, Loss, Sampler, Task, Transform
    from zoo.interrupts import Interrupts
    from zoo.run import Run
    from zoo.schema import FitSettings

FEATURES, TARGETS, ITEMS = "features", "instance_label", "items"


@dataclass(frozen=True, slots=True)
class Workplace:
    """What all stages of a run share; ``check`` refuses a training whose parts do not go together."""

    run: Run
    accelerator: Accelerator
    interrupts: Interrupts
    check: Callable[[Member, Fit], None]


class Workbench:
    """One stage's :class:`zoo.stage_contract.Work` for one member; it keeps the test items to nobody."""

    def __init__(
        self, place: Workplace, member: Member, stage: str, dataset: Dataset, taken: Mapping[str, Made]
    ) -> None:
        self._place, self._member, self._stage, self._taken = place, member, stage, taken
        self.dataset: Dataset = dataset
        self.task: Task = member.task
        self.device: torch.device = place.accelerator.device
        self.folder: Path = place.run.folder / "stages" / f"{member.name}-{stage}"

    def items(self, side: str) -> Indices:
        """Return the items of ``train`` or ``val``.

        Raises
        ------
        UsageError
            Another side is asked for.
        DataError
            There are no validation items.
        """
        if side not in {"train", "val"}:
            raise UsageError(f"a stage has the items of train and val, not of '{side}'")
        found = self._member.train if side == "train" else self._member.val
        if not len(found):
            raise DataError(f"stage '{self._stage}' needs {side} groups; name them in data.split.{side}, or a share")
        return found

    def take(self, name: Taken) -> Made:
        """Return what an earlier stage handed on."""
        return self._taken[name]

    def progress(self, done: int, total: int, what: str) -> Record:
        """Return what is told of how far a stage is."""
        values = {"stage": self._stage, "done": done, "total": total, "what": what}
        return Record("progress", self._member.name, 0, values)

    def fit(
        self,
        name: str,
        *,
        head: Block[Head] | None,
        loss: Block[Loss],
        train: FitSettings,
        encoder: Block[Encoder] | None = None,
        sampler: Block[Sampler] | None = None,
        transforms: Sequence[Block[Transform]] = (),
        begin: Trained | None = None,
        features: Made | None = None,
        targets: NDArray[Any] | None = None,
    ) -> Generator[Record, None, Trained]:
        """Train; see :meth:`zoo.stage_contract.Work.fit`."""
        blocks = {"encoder": encoder, "head": head, "loss": loss, "sampler": sampler}
        settings = train.model_dump(mode="json")
        filled = self._member.filled.of_training({**settings, "tensorboard": False}, blocks, transforms)
        member = self._training(name, filled, features, targets)
        member = replace(member, begin=_beginning(begin, filled) if begin else None)
        place = self._place
        fit = Fit(member, place.run, place.accelerator, place.interrupts)
        place.check(member, fit)
        yield Record("member", member.name, 0, fit.about)
        yield from fit.records()
        found = {key: value.detach().cpu() for key, value in fit.trainee.model.state_dict().items()}
        place.accelerator.free_memory()
        if features is None:
            return Trained(self._block("encoder", encoder), self._block("head", head), found)
        own = {key: value for key, value in _known(features).weights.items() if key.startswith("encoder.")}
        return Trained(_known(features).encoder, self._block("head", head), {**own, **found})

    def embed(self, model: Trained) -> Generator[Record, None, Made]:
        """Compute the features of every instance of the training and validation items."""
        sizes_of(self.dataset)
        items = np.concatenate([self._member.train, self._member.val])
        built, views = self._built(model), self._views()
        batch, done, rows = self._member.filled.frame.train.batch, 0, list[Any]()
        for number, read in enumerate(load(self.dataset, in_order(items, batch))):
            with torch.inference_mode():
                moved = transformed(to_device(read, self.device), views, derive("eval", number))
                rows.append(built.encoder(moved).float().cpu().numpy())
            done += len(read["offsets"]) - 1
            yield self.progress(done, len(items), "features")
        return Made(model, {FEATURES: np.concatenate(rows), ITEMS: items}, trained=False)

    def outputs(self, model: Trained, items: Indices) -> dict[str, NDArray[Any]]:
        """Return the outputs of a model for items, in their order."""
        batch = self._member.filled.frame.train.batch
        with self._at_once():
            return infer.outputs(self._built(model), self.dataset, items, batch=batch, transforms=self._views())

    def score(self, model: Trained, side: str = "val") -> dict[str, float]:
        """Return the scores of a model on the items of a side taken together."""
        member, batch = self._member, self._member.filled.frame.train.batch
        with self._at_once():
            rival = contestant.prepare(
                self._built(model), self.task, self.dataset, member.train, batch=batch, transforms=self._views()
            )
            return rival.scores(self.dataset, self.items(side))

    def _training(self, name: str, filled: Filled, features: Made | None, targets: NDArray[Any] | None) -> Member:
        """Return one training of this stage, with a seed of its own."""
        whole = self._member
        dataset: Any = self.dataset
        given: Any = None
        if features is not None:
            rows = {FEATURES: features.arrays[FEATURES]}
            dataset = BagView(dataset, features.arrays[ITEMS], rows, alone=True)
            given = Given(out_features=rows[FEATURES].shape[1])
        if targets is not None:
            dataset = BagView(dataset, whole.train, {TARGETS: targets})
        seed = derive(whole.seed, self._stage, name) % 2**31
        called = f"{whole.name}-{self._stage}" + (f"+{name}" if name else "")  # no name of a stage has a plus
        return replace(whole, name=called, seed=seed, filled=filled, dataset=dataset, given=given)

    def _built(self, model: Trained) -> Model:
        return built(self._member.filled, model, self._member.facts).to(self.device).eval()

    def _views(self) -> list[Any]:
        return self._member.filled.build_transforms("eval", self._member.facts)

    def _block(self, slot: str, block: Block[Any] | None) -> Block[Any]:
        return block or Block(self._member.filled.data[slot], (slot,))

    def _at_once(self) -> Any:
        stopped = f"stopped by a signal in stage '{self._stage}'; go on with the same command and --resume"
        return self._place.interrupts.at_once(stopped)


def built(filled: Filled, model: Trained, facts: Mapping[str, int]) -> Model:
    """Return encoder and head with their weights, on the CPU.

    Raises
    ------
    IntegrityError
        The weights are those of another model.
    """
    own = filled.of_training({}, {"encoder": model.encoder, "head": model.head})
    found = package.build(own, facts)
    if not isinstance(found, Model):
        raise UsageError("a recipe with stages has no ensemble; train its members as recipes of their own")
    try:
        found.load_state_dict(dict(model.weights), assign=True)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        what = "weights that a stage handed on do not fit its encoder and head"
        raise IntegrityError(
            f"{what} ({first}); make them anew by --from {filled.data['stages'][0]['name']}"
        ) from error
    return found


def _known(made: Made) -> Trained:
    if made.model is None:
        raise UsageError("features come from a model; hand on what 'embed' of the stage's work returned")
    return made.model


def _beginning(begin: Trained, filled: Filled) -> dict[str, torch.Tensor]:
    """Return the weights of the encoder, and those of the head where it is the same block."""
    same = dict(begin.head.values) == filled.data["head"]
    return {name: value for name, value in begin.weights.items() if same or name.startswith("encoder.")}
