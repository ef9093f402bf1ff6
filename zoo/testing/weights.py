"""Whether the weights of a part in a file are all there is to it: one built anew that loads them has to be the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo import atomic
from zoo.checkpoint import load_weights, read_tensors
from zoo.errors import IntegrityError
from zoo.testing import calls
from zoo.testing.findings import Finding, failed, place_of
from zoo.testing.subject import Subject


def safetensors(subject: Subject, arguments: Sequence[Any]) -> Iterator[Finding]:
    """Refuse state that a file of tensors does not hold: a part that is built anew and loads it has to be the same."""
    part = subject.make()
    if not isinstance(part, nn.Module):
        return
    calls.trained(part, calls.fresh(arguments))
    part.zero_grad()
    strange = [name for name, value in part.state_dict().items() if not isinstance(value, torch.Tensor)]
    if strange:
        owner = part.get_submodule(strange[0].rpartition(".")[0])
        what = f"'{strange[0]}' of its state is no tensor, and a file of safetensors holds nothing else"
        where = place_of(owner, "get_extra_state") or place_of(subject.target)
        yield failed("safetensors", f"{what}; register a buffer, or take it as a parameter", where)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.safetensors"
        atomic.write_tensors(path, part.state_dict())
        again = subject.make(seed=1)
        try:
            load_weights(path, again, read_tensors(path)[0])
        except IntegrityError as error:
            what = str(error).replace(f"{path}: ", "").partition("; restore")[0]
            ways = "make every tensor in the constructor, with its size"
            yield failed("safetensors", f"a part built anew does not take them back: {what}; {ways}", place_of(part))
            return
    said = calls.difference(calls.evaluated(part, arguments), calls.evaluated(again, arguments)) or calls.difference(
        calls.seeded(part, arguments), calls.seeded(again, arguments)
    )
    if said:
        yield _forgotten(subject, part, again, said)


def _forgotten(subject: Subject, part: nn.Module, again: nn.Module, said: str) -> Finding:
    """Name the attribute that was not in the file, by what differs between the two."""
    others = dict(again.named_modules())
    for name, module in part.named_modules():
        kept = set(module.state_dict(keep_vars=True)) | set(module._modules)  # noqa: SLF001 - as a module sees itself
        loose = {**vars(module), **dict(module.named_buffers(recurse=False))}
        for key, value in loose.items():
            if key not in kept and key != "training" and _holds_more(value, _attribute(others.get(name), key)):
                what = f"self.{key} is not in its state_dict, and {said} after loading"
                way = f"self.register_buffer('{key}', ...) makes a tensor part of it, and add_module a module"
                return failed("safetensors", f"{what}; {way}", place_of(module, key))
    what = f"{said} after loading; keep every number that counts in a parameter or a buffer"
    return failed("safetensors", what, place_of(subject.target))


def _attribute(module: nn.Module | None, key: str) -> Any:
    return getattr(module, key, None)


def _holds_more(value: Any, other: Any) -> bool:
    """Return whether a plain attribute differs between two modules that ought to be the same."""
    if isinstance(value, nn.Module) and isinstance(other, nn.Module):
        return bool(calls.difference(dict(value.state_dict()), dict(other.state_dict())))
    if isinstance(value, list | tuple) and isinstance(other, list | tuple):
        return len(value) != len(other) or any(_holds_more(*pair) for pair in zip(value, other, strict=True))
    if isinstance(value, dict) and isinstance(other, dict):
        return set(value) != set(other) or any(_holds_more(value[key], other[key]) for key in value)
    if isinstance(value, torch.Tensor | int | float | str):
        return not calls.equal(value, other)
    return False
