"""Checks of a loss: named outputs and a batch in, one number out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from zoo.testing import calls, modules
from zoo.testing.findings import Finding, attempt, failed, passed, place_of
from zoo.testing.subject import Subject


def examine(subject: Subject) -> Iterator[Finding]:
    """Give the findings on a loss; where it is fitted to data, it was."""
    with attempt("scalar", subject.target) as raised:
        arguments = subject.arguments()
        raised.extend(_scalar(subject, subject.make(), arguments))
    yield from raised or [passed("scalar")]
    if not raised:
        yield from modules.common(subject, arguments, apart=False)


def _scalar(subject: Subject, part: Any, arguments: Sequence[Any]) -> Iterator[Finding]:
    made = part(*calls.fresh(arguments))
    where = place_of(subject.target, "forward")
    if not isinstance(made, torch.Tensor) or made.ndim or not made.is_floating_point():
        what = f"{made.dtype} {list(made.shape)}" if isinstance(made, torch.Tensor) else f"a {type(made).__name__}"
        yield failed("scalar", f"gives {what.removeprefix('torch.')}; return one number, such as the mean", where)
    elif not bool(torch.isfinite(made)):
        names = ", ".join(arguments[0])
        what = f"gives {float(made)} for the outputs of an untrained head ({names})"
        yield failed("scalar", f"{what}; look for a logarithm, a root or a division by 0", where)
