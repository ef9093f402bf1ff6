"""Checks of a head: features and a batch in, named outputs out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from zoo.testing import calls, modules
from zoo.testing.findings import Finding, attempt, failed, passed, place_of
from zoo.testing.subject import Subject

COMPANIONS = ("id", "offsets")


def examine(subject: Subject) -> Iterator[Finding]:
    """Give the findings on a head."""
    with attempt("outputs", subject.target) as raised:
        arguments = subject.arguments()
        part = subject.make()
        raised.extend(_outputs(subject, part, arguments))
    yield from raised or [passed("outputs")]
    if raised:
        return
    given = [arguments[0], to_predict(subject, part, arguments[-1])]
    with attempt("prediction", subject.target) as raised:
        raised.extend(_prediction(subject, part, arguments, given))
    yield from raised or [passed("prediction")]
    yield from modules.common(subject, arguments, apart=False)
    if not raised:
        with attempt("independence", subject.target) as raised:
            raised.extend(modules.independence(subject, given))
        yield from raised or [passed("independence")]


def to_predict(subject: Subject, part: Any, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch as it is at prediction: with what the model reads, and without what is to be predicted."""
    reads = {*subject.encoder.reads, *getattr(part, "reads", ()), *COMPANIONS}
    return {name: value for name, value in batch.items() if name.removesuffix("_index") in reads}


def _outputs(subject: Subject, part: Any, arguments: Sequence[Any]) -> Iterator[Finding]:
    with torch.no_grad():
        made = part.eval()(*calls.fresh(arguments))
    where = place_of(subject.target, "forward")
    named = isinstance(made, Mapping) and all(isinstance(value, torch.Tensor) for value in made.values())
    if not named or not made:
        what = "nothing" if not made and named else f"a {type(made).__name__}" + (" of other things" if made else "")
        yield failed("outputs", f'gives {what}; return named tensors, {{"logits": ...}}', where)
        return
    features, batch = arguments
    rows = {"items": len(features)}
    if "offsets" in batch:
        rows = {"instances": int(batch["offsets"][-1]), "bags": len(batch["offsets"]) - 1}
    for name, value in made.items():
        if not value.ndim or len(value) not in rows.values():
            many = " and ".join(f"{number} {what}" for what, number in rows.items())
            what = f"'{name}' is {list(value.shape)} for {many}; its first dimension is B, or N of bags"
            yield failed("outputs", what, where)
        elif value.is_floating_point() and not bool(torch.isfinite(value).all()):
            yield failed("outputs", f"'{name}' has numbers that are not finite for features of size 1", where)


def _prediction(subject: Subject, part: Any, arguments: Sequence[Any], given: Sequence[Any]) -> Iterator[Finding]:
    where = place_of(subject.target, "forward")
    lacking = ", ".join(sorted(set(arguments[-1]) - set(given[-1]))) or "labels"
    try:
        with torch.no_grad():
            made = part.eval()(*calls.fresh(given))
    except KeyError as error:
        what = f"reads {error} of the batch, and what is to be predicted ({lacking}) is not known then"
        yield failed("prediction", f'{what}; leave out the outputs that need it, if "..." in batch', where)
        return
    if not made:
        yield failed(
            "prediction", f"gives no output for a batch without {lacking}; something has to be predicted", where
        )
