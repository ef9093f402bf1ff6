"""Checks of an encoder: a batch in, one row of features an item out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from zoo.testing import calls, modules
from zoo.testing.findings import Finding, attempt, failed, passed, place_of, skipped, warned
from zoo.testing.subject import OWN_RECIPE, Subject

MATRIX = 2


def examine(subject: Subject) -> Iterator[Finding]:
    """Give the findings on an encoder."""
    with attempt("reads", subject.target) as raised:
        arguments = subject.arguments()
        part = subject.make()
        raised.extend(_reads(subject, part, arguments[0]))
    yield from raised or [passed("reads")]
    if raised:
        return
    with attempt("shape", subject.target) as raised:
        raised.extend(_shape(subject, part, arguments[0]))
    yield from raised or [passed("shape")]
    if not raised:
        apart = getattr(part, "independent", True)
        yield from modules.common(subject, arguments, apart=apart)
        if not apart:
            what = "says itself that features of an item depend on its batch (independent = False)"
            yield warned("independence", f"{what}; predictions will, too", place_of(subject.target, "independent"))


def _reads(subject: Subject, part: Any, batch: Mapping[str, Any]) -> Iterator[Finding]:
    reads = getattr(part, "reads", None)
    where = place_of(subject.target, "reads")
    if not isinstance(reads, tuple | list) or not all(isinstance(name, str) for name in reads) or not reads:
        stated = "has no attribute reads" if reads is None else f"reads is {reads!r}"
        yield failed("reads", f'{stated}; name the entries of the batch that it needs, reads = ("image",)', where)
        return
    lacking = [name for name in reads if name not in batch]
    if lacking:
        has = ", ".join(name for name in batch if name != "id")
        what = (
            f"reads '{lacking[0]}', which a batch of {subject.filled.data['data']['use']} does not have; it has {has}"
        )
        found = skipped if subject.borrowed else failed
        yield found("reads", f"{what}; {OWN_RECIPE}", where)


def _shape(subject: Subject, part: Any, batch: Mapping[str, Any]) -> Iterator[Finding]:
    width = getattr(part, "out_features", None)
    if not isinstance(width, int):
        said = "has no attribute out_features" if width is None else f"out_features is {width!r}"
        yield failed("shape", f"{said}; set the number of features in the constructor", place_of(subject.target))
        return
    with torch.no_grad():
        made = part.eval()(calls.fresh([batch])[0])
    where = place_of(subject.target, "forward")
    if not isinstance(made, torch.Tensor):
        yield failed("shape", f"gives a {type(made).__name__}; return one tensor [B, out_features]", where)
        return
    rows = _rows(part.reads, batch)
    if made.ndim != MATRIX or len(made) not in rows.values() or made.shape[1] != width:
        many = " or ".join(f"{number} {what}" for what, number in rows.items())
        what = f"gives {list(made.shape)} for {many}, and out_features says {width}"
        yield failed("shape", f"{what}; return [B, out_features], or correct out_features", where)
    elif not made.is_floating_point() or not bool(torch.isfinite(made).all()):
        said = "numbers that are not finite" if made.is_floating_point() else f"{made.dtype}".removeprefix("torch.")
        yield failed("shape", f"gives {said}; features are finite floating-point numbers", where)


def _rows(reads: tuple[str, ...], batch: Mapping[str, Any]) -> dict[str, int]:
    """Return how many rows features may have: one an item, and where it reads instances, one an instance."""
    if "offsets" in batch:
        return {"instances": int(batch["offsets"][-1]), "bags": len(batch["offsets"]) - 1}
    entries = [batch.get(f"{name}_index", batch[name]) for name in reads]
    return {"items": len(batch["id"]) if "id" in batch else len(entries[0])}
