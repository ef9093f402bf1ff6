"""Checks that encoders, heads and losses have in common: gradients, determinism, an item by itself, weights, CUDA."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from zoo.batches import in_parts
from zoo.testing import calls
from zoo.testing.findings import Finding, attempt, failed, passed, place_of, skipped
from zoo.testing.subject import Subject
from zoo.testing.weights import safetensors

RTOL, ATOL = 1e-3, 1e-5
"""How near sums in another order come to each other in 32 bits; the second as a share of the largest number."""
FEATURES = "features of the encoder"
INDEX = "_index"


def common(subject: Subject, arguments: Sequence[Any], *, apart: bool) -> Iterator[Finding]:
    """Give the findings of all checks that need nothing but the part and what it is called with.

    Parameters
    ----------
    subject
        The part.
    arguments
        What it is called with.
    apart
        Whether what it makes of an item may not depend on the others.
    """
    checks: list[tuple[str, Callable[[Subject, Sequence[Any]], Iterator[Finding]]]] = [
        ("batch", _unchanged),
        ("gradient", _gradient),
        ("determinism", _determinism),
        *([("independence", independence)] if apart else []),
        ("safetensors", safetensors),
        ("cuda", _cuda),
    ]
    for name, check in checks:
        with attempt(name, subject.target) as raised:
            raised.extend(check(subject, arguments))
        yield from raised or [passed(name)]


def _unchanged(subject: Subject, arguments: Sequence[Any]) -> Iterator[Finding]:
    """Refuse a part that changes what it was given."""
    given = calls.fresh(arguments)
    part = subject.make()
    with torch.no_grad():
        calls.run(part, given)
    for before, after in zip(arguments, given, strict=True):
        if not isinstance(before, Mapping):
            before, after = {"what it is given": before}, {"what it is given": after}  # noqa: PLW2901 - as a batch
        new = sorted(set(after) ^ set(before))
        changed = new or [name for name, value in before.items() if not calls.equal(value, after[name])]
        if changed:
            what = f"changes '{changed[0]}' of the batch it is given, which others read after it; work on a copy"
            yield failed("batch", what, place_of(subject.target, "forward"))


def _gradient(subject: Subject, arguments: Sequence[Any]) -> Iterator[Finding]:
    """Refuse a gradient that is not finite, or misses a parameter that is to learn."""
    part = subject.make()
    learns = calls.learning(part)
    leaves = [[name, value] for name, value in _floating(arguments)] if subject.kind == "losses" else []
    if not learns and subject.kind != "losses":
        return
    given = calls.fresh(arguments)
    for name, _ in leaves:
        given[0][name].requires_grad_()
    calls.trained(part, given)
    where = place_of(subject.target, "forward")
    if leaves and not any(given[0][name].grad is not None for name, _ in leaves):
        names = ", ".join(str(name) for name, _ in leaves)
        yield failed("gradient", f"reaches none of the outputs ({names}), so that nothing is learnt", where)
    missed = [name for name, parameter in learns.items() if parameter.grad is None]
    if missed:
        ways = "use it in forward, or leave it out, or set requires_grad to False"
        many = f"{len(missed)} of {len(learns)} parameters, '{missed[0]}' for one"
        yield failed(
            "gradient", f"does not reach {many}; {ways}", place_of(subject.target, missed[0].partition(".")[0])
        )
    grads = {name: parameter.grad for name, parameter in learns.items()}
    grads |= {str(name): given[0][name].grad for name, _ in leaves}
    wild = [name for name, grad in grads.items() if grad is not None and not bool(torch.isfinite(grad).all())]
    if wild:
        what = f"of '{wild[0]}' is not finite for a batch of {subject.filled.data['data']['use']}"
        yield failed("gradient", f"{what}; look for a logarithm, a root or a division by 0", where)


def _floating(arguments: Sequence[Any]) -> list[tuple[str, torch.Tensor]]:
    return [(name, value) for name, value in arguments[0].items() if value.is_floating_point()]


def _determinism(subject: Subject, arguments: Sequence[Any]) -> Iterator[Finding]:
    """Refuse a part of which the same seed makes another."""
    one, other = subject.make(), subject.make()
    where = place_of(subject.target)
    if isinstance(one, nn.Module):
        first, second = (dict(part.state_dict()) for part in (one, other))
        differs = [name for name in first if not calls.equal(first[name], second.get(name))]
        if differs:
            what = f"'{differs[0]}' has other values when it is built again from the same seed; draw from torch alone"
            yield failed("determinism", what, place_of(subject.target, differs[0].partition(".")[0]))
            return
    made = [calls.seeded(part, arguments) for part in (one, other)]
    said = calls.difference(*made)
    if said:
        yield failed("determinism", f"{said} in training from one seed; draw from torch's generator alone", where)
        return
    said = calls.difference(calls.evaluated(one, arguments), calls.evaluated(one, arguments))
    if said:
        ways = "draw only where self.training, and keep nothing of the batch before"
        yield failed("determinism", f"{said} when it is called twice in evaluation mode; {ways}", where)


def independence(subject: Subject, arguments: Sequence[Any]) -> Iterator[Finding]:
    """Refuse a part that makes something else of an item when others share its batch."""
    part = subject.make()
    together = calls.evaluated(part, arguments)
    singles = [calls.evaluated(part, one) for one in _items(arguments)]
    alone = {name: torch.cat([single[name] for single in singles]) for name in together}
    said = calls.difference(alone, together, rtol=RTOL, atol=ATOL)
    if said:
        what = f"{said} for {len(singles)} items one by one and in one batch, in evaluation mode"
        ways = "an item's may not depend on which others share its batch"
        yield failed("independence", f"{what}; {ways}", place_of(subject.target, "forward"))


def _items(arguments: Sequence[Any]) -> list[list[Any]]:
    """Return the arguments for every item of a batch by itself."""
    *features, batch = arguments
    whole = {**batch, **dict(zip((FEATURES,), features, strict=False))}
    if "offsets" in batch:
        parts = [dict(part) for part, _ in in_parts(whole, 1)]
    else:
        number = len(features[0]) if features else _rows(batch)
        parts = [{name: _row(whole, name, item, number) for name in whole} for item in range(number)]
    return [[*([part.pop(FEATURES)] if features else []), part] for part in parts]


def _rows(batch: Mapping[str, Any]) -> int:
    counted = [value for name, value in batch.items() if f"{name}{INDEX}" not in batch and hasattr(value, "__len__")]
    return len(batch["id"]) if "id" in batch else len(counted[0])


def _row(batch: Mapping[str, Any], name: str, item: int, number: int) -> Any:
    value = batch[name]
    has_rows = hasattr(value, "__len__") and getattr(value, "ndim", True) and len(value) == number
    return value[item : item + 1] if has_rows and f"{name}{INDEX}" not in batch else value


def _cuda(subject: Subject, arguments: Sequence[Any]) -> Iterator[Finding]:
    """Hold CUDA against the CPU."""
    if not torch.cuda.is_available():
        yield skipped("cuda", "no CUDA device is here; run the checks once where there is one")
        return
    part = subject.make()
    here = calls.evaluated(part, arguments)
    there = calls.evaluated(part.cuda() if isinstance(part, nn.Module) else part, [_moved(one) for one in arguments])
    said = calls.difference(here, {name: value.cpu() for name, value in there.items()}, rtol=10 * RTOL, atol=RTOL)
    if said:
        yield failed("cuda", f"{said} on the CPU and on CUDA", place_of(subject.target, "forward"))


def _moved(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.cuda()
    return {name: _moved(one) for name, one in value.items()} if isinstance(value, Mapping) else value
