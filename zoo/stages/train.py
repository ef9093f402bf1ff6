"""``train``: one training among the stages of a recipe."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from zoo.contracts import Encoder, Head, Loss, Sampler, Transform
from zoo.errors import UsageError
from zoo.schema import FitSettings
from zoo.stage_contract import Block, Made, Taken, Work


class Train:
    """Train encoder and head, or the head alone on features that an earlier stage computed.

    Parameters
    ----------
    loss, train
        How; as at the top of a recipe that has one training.
    encoder, head
        What; those at the top of the recipe where not given.
    sampler, transforms
        Of the training items.
    begin
        A stage from whose model to begin: its encoder, and its head where it is the same.
    features
        A stage that computed features (``embed``): the head is trained on these, behind the encoder that made them,
        which stays as it is.

    Raises
    ------
    ValueError
        Both ``features`` and ``begin`` or ``encoder`` are given.
    UsageError
        The stage of ``features`` computed none, or that of ``begin`` trained no model.
    """

    def __init__(
        self,
        *,
        loss: Block[Loss],
        train: FitSettings = FitSettings(),
        encoder: Block[Encoder] | None = None,
        head: Block[Head] | None = None,
        sampler: Block[Sampler] | None = None,
        transforms: list[Block[Transform]] = [],  # noqa: B006 - read, never changed; the default of a slot
        begin: Taken | None = None,
        features: Taken | None = None,
    ) -> None:
        if features is not None and (begin is not None or encoder is not None):
            other = "begin" if begin is not None else "encoder"
            raise ValueError(f"features come with the encoder that made them, and {other} names another; leave one out")
        self.loss, self.settings, self.encoder, self.head = loss, train, encoder, head
        self.sampler, self.transforms, self.begin, self.features = sampler, transforms, begin, features
        # which epoch was the best is asked of the task only where scores decide it
        self.judges = train.early_stop is not None and set(train.early_stop.weights) != {"loss"}

    def run(self, work: Work) -> Generator[Any, None, Made]:
        """Train, and hand on the model."""
        features = None if self.features is None else work.take(self.features)
        if features is not None and "features" not in features.arrays:
            raise UsageError(f"stage '{self.features}' computed no features; name one that did, such as embed")
        begin = None if self.begin is None else work.take(self.begin).model
        if self.begin is not None and begin is None:
            raise UsageError(f"stage '{self.begin}' trained no model to begin from; name one that did")
        model = yield from work.fit(
            "",
            encoder=self.encoder,
            head=self.head,
            loss=self.loss,
            train=self.settings,
            sampler=self.sampler,
            transforms=self.transforms,
            begin=begin,
            features=features,
        )
        return Made(model=model)
