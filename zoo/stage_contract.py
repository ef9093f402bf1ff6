"""What a stage promises, and what it is given to work with; :mod:`zoo.contracts` is the page to read first.

A recipe that needs several trainings lists ``stages`` in the place of one ``train``. Each hands artefacts on by its
name: a model, arrays, or the data as the stages behind it see them. What is evaluated, predicted with and published is
the model of the last stage that trained one; its encoder and head are those at the top of the recipe.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NewType, Protocol, TypeVar

from zoo import contracts
from zoo.schema import FitSettings

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from zoo.contracts import Dataset, Encoder, Head, Indices, Loss, Sampler, Task, Transform

Kind = TypeVar("Kind")

Taken = NewType("Taken", str)
"""A parameter annotated so names an earlier stage, whose artefacts this one takes over."""


@dataclass(frozen=True, slots=True)
class Block(Generic[Kind]):
    """A block of a recipe as it stands there: ``Block[Head]`` is a slot whose part is not built before it is needed.

    What a head is built with (the features of its encoder) is not known before there is one, and a stage that trains
    builds its parts from the seed of the training. A stage hands blocks to :meth:`Work.fit`.

    Attributes
    ----------
    values
        The filled block.
    path
        Where it stands in the recipe.
    """

    values: Mapping[str, Any]
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """Encoder and head with their weights.

    Attributes
    ----------
    encoder, head
        Their blocks.
    weights
        Name -> value, as ``encoder.`` and ``head.`` modules have them; on the CPU.
    """

    encoder: Block[Encoder]
    head: Block[Head]
    weights: Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Made:
    """What a stage hands on, and what is told of it.

    Attributes
    ----------
    model
        The model that it trained, or that its arrays come from.
    arrays
        Name -> numbers; kept as they are, and mapped from disk for those who take them.
    calibration
        What :meth:`zoo.contracts.Task.predict` is given beside outputs from now on (its ``bank``).
    others
        Further models worth being scored beside the last one, by what they are called (``round 1``).
    summary
        What a reader wants to know of it, as plain values; it stands in the result of the run.
    trained
        Whether ``model`` is new; one that a stage only hands on is not scored again.
    """

    model: Trained | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    calibration: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    others: Mapping[str, Trained] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    trained: bool = True


class Work(Protocol):
    """What a stage is given. It is told the training and validation items, and never those of the test groups."""

    dataset: Dataset
    """The data, as the stages before left them."""
    task: Task
    device: torch.device
    folder: Path
    """A folder of the run for what is worth keeping of this stage beside its artefacts."""

    def items(self, side: str) -> Indices:
        """Return the items of ``train`` or ``val``."""

    def take(self, name: Taken) -> Made:
        """Return what an earlier stage handed on."""

    def progress(self, done: int, total: int, what: str) -> Any:
        """Return what a stage yields now and then, so that people see how far it is and a signal can stop it."""

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
    ) -> Generator[Any, None, Trained]:
        """Train, yielding what is to be told; ``trained = yield from work.fit(...)``.

        Parameters
        ----------
        name
            Of this training, one of its own within the stage; empty where there is but one.
        encoder, head
            What is trained; those of the recipe where None.
        loss, sampler, transforms, train
            How.
        begin
            Weights to begin from: those of the encoder, and of the head where it is the same block.
        features
            Those of instances that :meth:`embed` made: the head alone is trained on them, and the model that comes
            of it has the encoder that made them.
        targets
            A row of numbers for each instance of the training items, in their order: ``instance_label`` of a batch.
        """

    def embed(self, model: Trained) -> Generator[Any, None, Made]:
        """Compute the features of every instance of the training and validation items, yielding what is to be told."""

    def outputs(self, model: Trained, items: Indices) -> dict[str, NDArray[Any]]:
        """Return the outputs of a model for items, in their order."""

    def score(self, model: Trained, side: str = "val") -> dict[str, float]:
        """Return the scores of a model on the items of a side taken together."""


class Stage(Protocol):
    """One step of a recipe that needs several.

    ``run(work)`` is a generator: it yields what is to be told (:meth:`Work.progress`, and what :meth:`Work.fit` yields)
    and returns what it made, or None. Its result is kept under a digest of its block, of what it takes over and of the
    data, and is not made again while none of these changes; so it draws from nothing but ``work``.

    Attributes that may be left out: ``fitted = False`` says that the result depends on neither split nor seed, so that
    it is made once for all of them. ``judges = True`` that it depends on the task. A stage that changes what the data
    are (cells cut out of fields) has a method ``over(dataset)`` that returns them as the stages behind it, evaluation
    and prediction see them; it is cheap, and ``run`` does the work.

    A stage that trains takes its parts as blocks (``head: Block[Head] | None``), and how to train as ``FitSettings``. A
    parameter annotated :data:`Taken` is the name of an earlier stage. A whole plugin, with its line beside the class:

    >>> from zoo.contracts import Loss
    >>> from zoo.schema import FitSettings
    >>> from zoo.stage_contract import Block, Made, Taken
    >>> class Polish:  # zoo.stages: polish = "my_lab:Polish"
    ...     '''Train on from the weights of an earlier stage; what they were worth is told beside the result.'''
    ...     def __init__(self, *, after: Taken, loss: Block[Loss], train: FitSettings) -> None:
    ...         self.after, self.loss, self.train = after, loss, train
    ...     def run(self, work):
    ...         begin = work.take(self.after).model
    ...         better = yield from work.fit("", head=begin.head, loss=self.loss, train=self.train, begin=begin)
    ...         return Made(model=better, others={self.after: begin}, summary=work.score(better))

    A recipe has it behind the stage that it takes over::

        stages:
          - {use: train, name: rough, loss: {use: my-loss}, train: {epochs: 10}}
          - {use: polish, after: rough, loss: {use: my-loss}, train: {epochs: 5, lr: 1.0e-4}}
    """

    def run(self, work: Work) -> Generator[Any, None, Made | None]:
        """Do the work."""


PROTOCOLS: dict[str, Any] = {**contracts.PROTOCOLS, "stages": Stage}
"""Kind -> what it promises; a parameter annotated with one of these is a slot."""
