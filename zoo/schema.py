"""The frame of a recipe: which blocks there are, and the settings of ``train`` and ``data.split``.

What stands *inside* a block belongs to the component it names and is checked against that component's signature
(:mod:`zoo.signature`). Only the frame, which belongs to no component, is written down here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

FORMAT = 1


def _name(value: str) -> str:
    """Refuse a name that could not be that of a folder and of a repository."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", value):
        raise ValueError(f"is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not {value[:80]!r}")
    return value


Name = Annotated[str, AfterValidator(_name)]
Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EarlyStop(_Closed):
    """Stop when a score of the validation groups has not improved ``patience`` times running; keep the best weights."""

    metric: str = "loss"
    mode: Literal["min", "max"] | None = None
    patience: Count = 10


class TrainSettings(_Closed):
    """How to fit: the ``train`` block.

    ``lr`` is one number, or one a part (``encoder``, ``head``, ``loss``). ``max_instances`` bounds what goes through
    the model at once where items are bags: a batch is taken in parts of whole bags, their gradients added up.
    """

    epochs: Count = 10
    batch: Count = 64
    accumulate: Count = 1
    max_instances: Count | None = None
    optimizer: Literal["adamw", "adam"] = "adamw"
    lr: Positive | dict[Literal["encoder", "head", "loss"], Positive] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "cosine", "one-cycle"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.3
    clip: Positive | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seeds: Annotated[list[Seed], Field(min_length=1)] = [0]
    early_stop: EarlyStop | None = None
    validate_every: Count = 1
    checkpoint_every: Count | None = None
    drop_last: bool = True
    tensorboard: bool = False


class SplitSettings(_Closed):
    """Who is trained on and who is tested on, by whole groups of ``unit``.

    ``test`` and ``val`` name groups, or give the share of them that is drawn with ``seed``.
    """

    unit: str
    scheme: Literal["holdout", "leave-one-group-out", "k-fold"] = "holdout"
    test: list[str] | Share | None = None
    val: list[str] | Share | None = None
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


class Frame(_Closed):
    """The top level of a recipe."""

    zoo: int
    name: Name
    protocol: Literal["strict", "published"] = "strict"
    data: dict[str, Any]
    encoder: dict[str, Any]
    head: dict[str, Any]
    loss: dict[str, Any]
    task: dict[str, Any]
    transforms: Augmentation = Augmentation()
    train: TrainSettings = TrainSettings()
    publish: PublishSettings = PublishSettings()


SLOTS = {"data": "datasets", "encoder": "encoders", "head": "heads", "loss": "losses", "task": "tasks"}
