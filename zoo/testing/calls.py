"""What is done with a part to be looked at: called on copies, trained for a step, and held against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

Tensors = dict[str, torch.Tensor]


def run(part: Any, arguments: Sequence[Any]) -> Tensors:
    """Return what a part makes of its arguments, by name; one tensor by the name ``it``."""
    made = part(*arguments)
    return {"it": made} if isinstance(made, torch.Tensor) else dict(made)


def fresh(arguments: Sequence[Any]) -> list[Any]:
    """Return arguments that share no memory with those given."""
    return [_copied(argument) for argument in arguments]


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return {name: _copied(one) for name, one in value.items()} if isinstance(value, Mapping) else value


def evaluated(part: Any, arguments: Sequence[Any]) -> Tensors:
    """Return what a part makes of arguments in evaluation mode, without gradients."""
    if isinstance(part, nn.Module):
        part.eval()
    with torch.no_grad():
        return {name: value.detach().clone() for name, value in run(part, fresh(arguments)).items()}


def learning(part: Any) -> dict[str, nn.Parameter]:
    """Return the parameters of a part that learn, by name."""
    named = part.named_parameters() if isinstance(part, nn.Module) else ()
    return {name: parameter for name, parameter in named if parameter.requires_grad}


def trained(part: Any, arguments: Sequence[Any], rate: float = 0.01) -> None:
    """Make one step of training on numbers drawn at random, which every output has a share in."""
    if isinstance(part, nn.Module):
        part.train()
    torch.manual_seed(1)
    made = {name: value for name, value in run(part, arguments).items() if value.requires_grad}
    if not made:
        return
    torch.manual_seed(2)
    total = torch.stack([(value.float() * torch.randn_like(value.float())).sum() for value in made.values()]).sum()
    total.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in learning(part).values():
            if parameter.grad is not None:
                parameter.sub_(rate * parameter.grad)


def seeded(part: Any, arguments: Sequence[Any], seed: int = 1) -> Tensors:
    """Return what a part makes of arguments in training mode, where all that it draws follows from a seed."""
    if isinstance(part, nn.Module):
        part.train()
    torch.manual_seed(seed)
    return {name: value.detach() for name, value in run(part, fresh(arguments)).items()}


def equal(one: Any, other: Any) -> bool:
    """Return whether two plain values or tensors are the same."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and not difference({"": one}, {"": other})
    return bool(one == other)


def difference(one: Tensors, other: Tensors, *, rtol: float = 0.0, atol: float = 0.0) -> str:
    """Return how two sets of named tensors differ, empty where they do not.

    Parameters
    ----------
    one, other
        Name -> tensor.
    rtol, atol
        What is allowed, of each number and of the largest.
    """
    if set(one) != set(other):
        return f"gives {', '.join(sorted(one))} once and {', '.join(sorted(other))} then"
    for name, value in one.items():
        a, b = value.detach().cpu(), other[name].detach().cpu()
        called = "its result" if name == "it" else f"'{name}'"
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{called} is {_kind(a)} once and {_kind(b)} then"
        a, b = a.double(), b.double()
        allowed = atol * float(a[torch.isfinite(a)].abs().max()) if a.numel() and bool(torch.isfinite(a).any()) else 0.0
        if not torch.allclose(a, b, rtol=rtol, atol=allowed, equal_nan=True):
            return f"{called} differs by up to {float((a - b).abs().nan_to_num().max()):.2g}"
    return ""


def _kind(value: torch.Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
