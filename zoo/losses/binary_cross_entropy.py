"""``binary-cross-entropy``: how unlikely a model holds the labels of an item to be, where it may have several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from zoo.errors import DataError, UsageError
from zoo.nn.known import UNKNOWN, label_sets_of, logits_of
from zoo.nn.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

BALANCED = "balanced"
SMALL = 1e-6


class BinaryCrossEntropy(nn.Module):
    """Mean of ``-w y log s(z) - (1 - y) log(1 - s(z))`` over items and classes: logits z [B, K] against ``label``.

    s is the logistic function and ``label`` [B, K] has 1 where the item has the class and 0 where it has not; what is
    -1 is not known and left out. The mean is over what is known, and not over weights, as in ``cross-entropy``.

    Heads of bags give ``bag`` [B, K] in the place of ``logits``, and ``instance`` [N, K] besides, which is scored
    against ``instance_label`` [N, K] where the batch has it: shares in [0, 1], of which -1 and NaN are not known and
    left out. Where it has not, every instance inherits the labels of its bag. The loss is the sum of both means,
    weighted by ``bag`` and ``instance``.

    Parameters
    ----------
    num_classes
        K, filled in.
    bag
        What the labels of items, or of bags, count; 0 to leave them out.
    instance
        What the labels of instances count; 0 to leave them out.
    per
        What counts alike among instances: every ``instance``, as published, or every ``bag``, however many it has.
        Parts of a batch (``train.max_instances``) count by their bags, so that only ``per: bag`` adds them up to what
        the whole batch would be; ``per: instance`` then lets an instance count more the fewer share its part.
    pos_weight
        w of each class, in the order of the classes; all one where not given. With ``balanced`` it is n_without /
        n_with, the training items without the class by those with it, so that both sides of a class count alike; a
        class that none or all of them have weighs one. It belongs to the loss of validation too.
    power
        What a balanced weight is raised to; 0.5 is its root.
    most
        The bound of a balanced weight. A class that one item in a thousand has would weigh 999 otherwise, and a single
        item then decides a step.
    focal
        Multiply each term by ``|y - s(z)|`` to this power: what is settled already counts less.
    smoothing
        Targets are drawn to one half by this share: ``y (1 - smoothing) + smoothing / 2``.

    Raises
    ------
    ValueError
        A number is out of its bounds, or nothing would count.
    UsageError
        The head gives no logits, or none of instances; the labels do not have a column a class; or weights are to be
        balanced, and the data have no label sets or were not counted.
    DataError
        Weights are to be balanced, and of no training item the labels are known, or they have other classes.

    References
    ----------
    Weights: sahasi24/weakly-supervised-cell-localization at 6a5b520, where items of validation are counted too, and
    neither bound nor power. Focal: Lin et al., ICCV 2017, arXiv:1708.02002, for targets that are shares as in Li et
    al., NeurIPS 2020, arXiv:2006.04388.
    """

    pos_weight: torch.Tensor

    def __init__(
        self,
        *,
        num_classes: int,
        bag: float = 1.0,
        instance: float = 0.0,
        per: Literal["instance", "bag"] = "instance",
        pos_weight: list[float] | Literal["balanced"] | None = None,
        power: float = 1.0,
        most: float = 100.0,
        focal: float | None = None,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        stated = None if isinstance(pos_weight, str) else pos_weight
        if stated is not None and (len(stated) != num_classes or not all(0 < one < math.inf for one in stated)):
            raise ValueError(f"pos_weight is {num_classes} positive numbers, one a class, not {stated}")
        _refuse(bag=bag, instance=instance, power=power, most=most, focal=focal, smoothing=smoothing)
        self.bag, self.instance, self.per = bag, instance, per
        self.power, self.most, self.focal, self.smoothing = power, most, focal, smoothing
        self.balanced = pos_weight == BALANCED
        self.counted = False
        self.register_buffer("pos_weight", torch.tensor(stated or [1.0] * num_classes), persistent=False)

    def fit(self, dataset: Any, items: NDArray[np.int64]) -> None:
        """Count the classes of the training items, where the weights are to follow from them."""
        if not self.balanced:
            return
        sets = label_sets_of(dataset, items, "pos_weight: balanced")
        if sets.shape[1] != len(self.pos_weight):
            what = f"the label sets have {sets.shape[1]} classes, and the loss {len(self.pos_weight)}"
            raise DataError(f"pos_weight: balanced: {what}; mend the label sets, or num_classes")
        having, lacking = (sets == 1).sum(axis=0), (sets == 0).sum(axis=0)
        ratio = (lacking / np.maximum(having, 1)) ** self.power
        weights = np.where((having > 0) & (lacking > 0), np.minimum(ratio, self.most), 1.0)
        self.pos_weight.copy_(torch.from_numpy(weights))
        self.counted = True

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the weighted sum of the means over what is known of items and of instances."""
        if self.balanced and not self.counted:
            raise UsageError("pos_weight: balanced follows from the training items; call fit first, or state weights")
        parts = []
        if self.bag:
            parts.append(self.bag * _mean(*self._losses(logits_of(outputs), batch["label"], "label")))
        if self.instance:
            parts.append(self.instance * self._of_instances(outputs, batch))
        return torch.stack(parts).sum()

    def _of_instances(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> torch.Tensor:
        if "instance" not in outputs:
            given = ", ".join(outputs) or "nothing"
            raise UsageError(
                f"the loss scores instances by {self.instance:g}, and the head gives {given}; choose a head of bags "
                "such as gated-abmil, or set loss.instance to 0"
            )
        logits = outputs["instance"]
        bags = Segments.of(batch, len(logits))
        if "instance_label" in batch:
            losses, known = self._losses(logits, batch["instance_label"], "instance_label")
        else:
            losses, known = self._losses(logits, bags.spread(batch["label"]), "label")
        if self.per == "instance":
            return _mean(losses, known)
        counts = bags.sum(known.float().sum(dim=1))
        return _mean(bags.sum(losses.sum(dim=1)) / counts.clamp(min=1), counts > 0)

    def _losses(self, logits: torch.Tensor, label: torch.Tensor, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each row and class, zero where it is not known, and where it is known."""
        if label.shape != logits.shape:
            raise UsageError(
                f"binary-cross-entropy needs {name} {list(logits.shape)}, a row of 0 and 1 for each of the logits, and "
                f"has {list(label.shape)}; bring label sets, or choose cross-entropy where an item has one class"
            )
        known = label > UNKNOWN
        logits, target = logits.float(), torch.where(known, label, 0).float()
        target = target * (1 - self.smoothing) + self.smoothing / 2
        losses = functional.binary_cross_entropy_with_logits(
            logits, target, pos_weight=self.pos_weight, reduction="none"
        )
        if self.focal is not None:
            # without a bound, the slope of a power below one has no end where a target is met
            losses = losses * (target - logits.sigmoid()).abs().clamp(min=SMALL) ** self.focal
        return torch.where(known, losses, 0), known


def _mean(losses: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the mean of what is known; zero, with a gradient of zero, where nothing is."""
    return losses.sum() / known.sum().clamp(min=1)


def _refuse(**values: float | None) -> None:
    """Raise ValueError where a number is out of its bounds."""
    for name in ("bag", "instance", "power", "focal"):
        value = values[name]
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"{name} is a number from 0, not {value}")
    bag, instance, most, smoothing = (values[name] or 0.0 for name in ("bag", "instance", "most", "smoothing"))
    if not bag + instance:
        raise ValueError("bag and instance are both 0, so that nothing would be learnt; set one of them above 0")
    if not 0 < most < math.inf:
        raise ValueError(f"most is a weight above 0, not {most}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is a share from 0 up to but not 1, not {smoothing}")
