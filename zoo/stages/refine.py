"""``refine``: labels of instances from what a model says of them, and the model trained again on these."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.contracts import Head, Loss, Sampler, Transform
from zoo.errors import DataError, UsageError
from zoo.nn.pseudo_labels import Choosing, evidence, pseudo_labels
from zoo.schema import FitSettings
from zoo.stage_contract import Block, Made, Taken, Trained, Work

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLEAR = 0.5
DIGITS = 4


class Refine:
    """Rounds of pseudo labels: choose instances by attention x confidence, train the encoder on them, then the bags.

    Each round takes the best model so far, gives the instances of the training items labels of their own
    (:mod:`zoo.nn.pseudo_labels`), trains encoder and ``instance_head`` on these, computes features anew, and trains the
    recipe's head on the features. Rounds end when the score of the validation items no longer rises; the best model is
    handed on, which is the one that was taken over where no round helped. The record of every round is kept: how many
    labels changed, and the scores before and after. The score is one of what is known of whole items; truth of
    instances, where data have it, has no say.

    The authors of the system this was made for describe it in two sentences and published neither sizes nor code
    (sahasi24/weakly-supervised-cell-localization at 6a5b520): numbers and rules are ours.

    Parameters
    ----------
    model
        The stage whose model is refined; its head gives ``attention`` and ``instance``.
    metric
        The task's score of the validation items that has to rise.
    instance_head, instance_loss, instance_train
        How the encoder is trained on labels of instances.
    bag_loss, bag_train
        How the recipe's head is trained on features.
    sampler, transforms
        Of the training items, for the encoder.
    choosing
        Which instances get labels.
    rounds
        At most.
    gain
        By how much the score has to rise for a round to count.

    Raises
    ------
    UsageError
        The stage named trained no model, its head gives no attention, or the task has no such score.
    DataError
        The data have no label sets, or no class of the given name.

    References
    ----------
    Attention: Ilse, Tomczak, Welling, ICML 2018, arXiv:1802.04712. Self-training: Lee, ICML 2013 workshop
    (Pseudo-Label); rounds of it on bags: PRBioimages/Singlecell-protein-subcellular-location.
    """

    judges = True

    def __init__(
        self,
        *,
        model: Taken,
        metric: str,
        instance_head: Block[Head],
        instance_loss: Block[Loss],
        bag_loss: Block[Loss],
        instance_train: FitSettings = FitSettings(),
        bag_train: FitSettings = FitSettings(),
        sampler: Block[Sampler] | None = None,
        transforms: list[Block[Transform]] = [],  # noqa: B006 - read, never changed; the default of a slot
        choosing: Choosing = Choosing(),
        rounds: int = 3,
        gain: float = 0.0,
    ) -> None:
        if rounds < 1:
            raise ValueError(f"rounds is a number of at least 1, not {rounds}")
        self.model, self.metric, self.rounds, self.gain, self.choosing = model, metric, rounds, gain, choosing
        self.instance_head, self.instance_loss, self.instance_train = instance_head, instance_loss, instance_train
        self.bag_loss, self.bag_train, self.sampler, self.transforms = bag_loss, bag_train, sampler, transforms

    def run(self, work: Work) -> Generator[Any, None, Made]:
        """Refine round by round."""
        begun = work.take(self.model).model
        if begun is None:
            raise UsageError(f"stage '{self.model}' trained no model; name one that did")
        sign = self._sign(work)
        best, before, said = begun, work.score(begun), None
        record: list[dict[str, Any]] = []
        others: dict[str, Trained] = {}
        for number in range(1, self.rounds + 1):
            labels = self._labels(work, best)
            found = yield from self._round(work, number, best, labels)
            after = work.score(found)
            rose = bool(sign * (after[self.metric] - before[self.metric]) > self.gain)
            judged = {"metric": self.metric, "kept": rose, "before": _short(before), "after": _short(after)}
            record.append({"round": number, **_counted(labels, said, work), **judged})
            atomic.write_json(work.folder / "rounds.json", record)
            others[f"round {number}"] = found
            if not rose:
                break
            best, before, said = found, after, labels
        # every round is scored beside the others, the one that is handed on too: seeds differ in which that is
        return Made(best, others=others, summary={"rounds": record}, trained=best is not begun)

    def _round(
        self, work: Work, number: int, best: Trained, labels: NDArray[np.float32]
    ) -> Generator[Any, None, Trained]:
        """Train the encoder on labels of instances, then the recipe's head on its features."""
        learnt = yield from work.fit(
            f"round{number}-instances",
            encoder=best.encoder,
            head=self.instance_head,
            loss=self.instance_loss,
            train=self.instance_train,
            sampler=self.sampler,
            transforms=self.transforms,
            begin=best,
            targets=labels,
        )
        features = yield from work.embed(learnt)
        return (
            yield from work.fit(
                f"round{number}-bags",
                head=best.head,
                loss=self.bag_loss,
                train=self.bag_train,
                features=features,
                targets=labels,
            )
        )

    def _labels(self, work: Work, model: Trained) -> NDArray[np.float32]:
        """Return the labels of the instances of the training items."""
        items = work.items("train")
        sets, sizes = getattr(work.dataset, "label_sets", None), getattr(work.dataset, "sizes", None)
        if sets is None or sizes is None:
            raise DataError("refine needs bags with label sets, and the data have none; leave the stage out")
        outputs = work.outputs(model, items)
        if "attention" not in outputs or "instance" not in outputs:
            raise UsageError(f"refine goes by attention and instances, and the head gives {', '.join(outputs)}")
        counts = np.asarray(sizes, dtype=np.int64)[items]
        found = evidence(outputs, counts, self.choosing.attention)
        return pseudo_labels(found, np.asarray(sets)[items], counts, self.choosing, self._none(work))

    def _none(self, work: Work) -> int | None:
        name, classes = self.choosing.none_class, list(getattr(work.dataset, "classes", ()))
        if name is not None and name not in classes:
            raise DataError(f"choosing.none_class '{name}' is no class of the data; they have {', '.join(classes)}")
        return None if name is None else classes.index(name)

    def _sign(self, work: Work) -> int:
        if self.metric not in work.task.scores:
            known = ", ".join(work.task.scores)
            raise UsageError(f"metric '{self.metric}' is no score of the task; it has {known}")
        return 1 if work.task.scores[self.metric] else -1


def _counted(labels: NDArray[np.float32], before: NDArray[np.float32] | None, work: Work) -> dict[str, Any]:
    """Return how many labels of instances say yes, no and nothing, and how many differ from before; also by class.

    Before the first round an instance has the labels of its bag. Instances of a class that their bag was not labelled
    with are ``added``.
    """
    items = work.items("train")
    dataset: Any = work.dataset
    sizes = np.asarray(dataset.sizes, dtype=np.int64)[items]
    inherited = np.repeat(np.asarray(dataset.label_sets)[items], sizes, axis=0)
    old = inherited == 1 if before is None else before >= CLEAR
    known, yes = ~np.isnan(labels), labels >= CLEAR
    asked = inherited == 1
    found = {
        "inherited": asked,
        "chosen": yes & asked,
        "dropped": known & ~yes & asked,
        "unknown": ~known & asked,
        "changed": known & (yes != old),
        "added": yes & ~asked,
    }
    by_class = {name: marks.sum(axis=0).tolist() for name, marks in found.items()}
    classes = [str(name) for name in getattr(dataset, "classes", range(labels.shape[1]))]
    total = {name: sum(counts) for name, counts in by_class.items()}
    return {"instances": len(labels), **total, "classes": classes, "by_class": by_class}


def _short(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: round(float(value), DIGITS) if np.isfinite(value) else None for name, value in scores.items()}
