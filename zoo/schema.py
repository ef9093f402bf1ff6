"""The frame of a recipe: which blocks there are, and the settings of ``train`` and ``data.split``.

What stands *inside* a block belongs to the component it names and is checked against that component's signature
(:mod:`zoo.signature`). Only the frame, which belongs to no component, is written down here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

FORMAT = 1
NAME_PATTERN = "^[a-z0-9][a-z0-9._-]{0,63}$"
PART_PATTERN = r"^(encoder|head|loss)(\.[a-z][a-z0-9_-]{0,63})?$"


def is_name(value: str) -> bool:
    """Return whether a name could be that of a folder and of a repository."""
    return bool(re.fullmatch(NAME_PATTERN, value))


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not {value[:80]!r}")
    return value


def _part(value: str) -> str:
    """Refuse what cannot be the name of a part with a learning rate of its own."""
    if not re.fullmatch(PART_PATTERN, value):
        inside = "a part inside one of them such as 'encoder.attention'"
        raise ValueError(f"should be 'encoder', 'head', 'loss' or {inside}, not {value[:80]!r}")
    return value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]
PartName = Annotated[str, AfterValidator(_part), WithJsonSchema({"type": "string", "pattern": PART_PATTERN})]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EarlyStop(_Closed):
    """Stop when a score of the validation groups has not improved ``patience`` times running; keep the best weights.

    ``metric`` is the loss, a score of the task, or a weighted sum of scores (``{f1_weighted: 0.7, accuracy: 0.3}``; a
    score of which less is better counts negative). A schedule that was meant to fall to the end is cut off by stopping
    early; with ``cool`` the learning rate falls to the schedule's last value over so many epochs more before the end,
    and the weights of these epochs may be the best as well.
    """

    metric: str | Annotated[dict[str, Positive], Field(min_length=1)] = "loss"
    mode: Literal["min", "max"] | None = None
    patience: Count = 10
    cool: Count | None = None

    @model_validator(mode="after")
    def _a_sum_has_no_mode(self) -> EarlyStop:
        if self.mode is not None and not isinstance(self.metric, str):
            raise ValueError("'mode' belongs to one metric; in a weighted sum each score counts as it is meant")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """The metrics that count, each with its weight."""
        return {self.metric: 1.0} if isinstance(self.metric, str) else dict(self.metric)


class FitSettings(_Closed):
    """How one training goes: what the ``train`` block and every stage that trains have in common.

    ``lr`` is one number, or one a part: ``encoder``, ``head``, ``loss``, and parts inside these that modules name
    themselves (``encoder.attention``). A part that is not named learns as what it stands in, else with the highest of
    them. ``max_instances`` bounds what goes through the model at once where items are bags: a batch is taken in parts
    of whole bags, their gradients added up.
    """

    epochs: Count = 10
    batch: Count = 64
    accumulate: Count = 1
    max_instances: Count | None = None
    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: Positive | Annotated[dict[PartName, Positive], Field(min_length=1)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "cosine", "one-cycle"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.3
    clip: Positive | None = None
    early_stop: EarlyStop | None = None
    validate_every: Count = 1
    checkpoint_every: Count | None = None
    drop_last: bool = True


class TrainSettings(FitSettings):
    """How to fit: the ``train`` block. Of a recipe with stages it has what all stages share, :data:`SHARED`."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seeds: Annotated[list[Seed], Field(min_length=1)] = [0]
    tensorboard: bool = False


SHARED = ("batch", "precision", "seeds", "tensorboard")
"""What ``train`` says for all stages; ``batch`` is that of evaluation."""


class SplitSettings(_Closed):
    """Who is trained on and who is tested on, by whole groups of ``unit``.

    ``test`` and ``val`` name groups, or give the share of them that is drawn with ``seed``. With ``stratify`` they are
    drawn and dealt out class by class, so that every class is learnt and tested. ``val: test`` takes the test groups
    for validation, as some published code does; the strict protocol refuses it.
    """

    unit: str
    scheme: Literal["holdout", "leave-one-group-out", "k-fold"] = "holdout"
    test: list[str] | Share | None = None
    val: list[str] | Share | Literal["test"] | None = None
    stratify: bool | None = None
    folds: Annotated[int, Field(ge=2)] | None = None
    seed: Seed = 0

    @model_validator(mode="after")
    def _scheme_has_what_it_needs(self) -> SplitSettings:
        if self.scheme == "holdout" and not self.test:
            raise ValueError("a holdout split names its test groups, test: [NAME, ...], or their share, test: 0.3")
        if self.scheme != "holdout" and self.test:
            raise ValueError(f"scheme '{self.scheme}' takes every group in turn; remove 'test'")
        if (self.scheme == "k-fold") != (self.folds is not None):
            raise ValueError("'folds' belongs to scheme 'k-fold', and to it alone")
        return self


class Augmentation(_Closed):
    """Transforms applied to whole batches on the device, in order."""

    train: list[dict[str, Any]] = []
    eval: list[dict[str, Any]] = []


class PublishSettings(_Closed):
    """What a model card needs and no run can know: the ``publish`` block, which decides no result.

    ``licence`` is an identifier of the Hub's list; ``licence_file`` holds its text where zoo has none; ``card`` is a
    file of hand-written text that the card takes in.
    """

    licence: str | None = None
    licence_file: str | None = None
    tags: list[str] = []
    card: str | None = None


class EnsembleSettings(_Closed):
    """Several models of one recipe that vote.

    Each of ``members`` says what it has of its own, as a recipe that extends this one would: ``encoder``, ``head``,
    ``loss`` and ``train``; ``seed`` is added to the seed of the run (its place in the list, from 0, where not given).
    ``vote: soft`` is the mean of what the members predict.
    """

    members: Annotated[list[dict[str, Any]], Field(min_length=2, max_length=64)]
    vote: Literal["soft"] = "soft"


class Frame(_Closed):
    """The top level of a recipe."""

    zoo: int
    name: Name
    protocol: Literal["strict", "published"] = "strict"
    data: dict[str, Any]
    encoder: dict[str, Any]
    head: dict[str, Any]
    loss: dict[str, Any] | None
    task: dict[str, Any]
    stages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=32)] | None = None
    transforms: Augmentation = Augmentation()
    sampler: dict[str, Any] | None = None
    ensemble: EnsembleSettings | None = None
    train: TrainSettings = TrainSettings()
    publish: PublishSettings = PublishSettings()


SLOTS = {"data": "datasets", "encoder": "encoders", "head": "heads", "loss": "losses", "task": "tasks"}
APART = {"datasets": ("split",), "stages": ("name",)}
"""Kind -> keys of its blocks that belong to the frame and not to the part."""
OF_STAGES = ("loss", "sampler", "ensemble")
"""Top-level blocks that a recipe with stages does not have: each stage that trains has its own."""
