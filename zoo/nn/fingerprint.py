"""What a tensor holds and what a module computes, as short texts that differ when those do."""

from __future__ import annotations

import hashlib
import inspect
import json
from pathlib import Path

import torch
from torch import nn

LENGTH = 32
"""Hexadecimal digits that are kept of a sha256: 128 bits."""


def of_tensor(tensor: torch.Tensor) -> str:
    """Return a digest of shape, dtype and every byte; on the CPU about a millisecond a megabyte."""
    digest = hashlib.sha256(f"{tuple(tensor.shape)} {tensor.dtype} ".encode())
    content = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    digest.update(content.numpy().data)
    return digest.hexdigest()[:LENGTH]


def of_text(text: str) -> str:
    """Return a digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def of_module(module: nn.Module) -> str:
    """Return a digest of a module's weights and buffers, the plain settings of its parts, and the files of their code.

    What a part takes from elsewhere (a function of another file) is not seen.
    """
    known: dict[str, object] = {"torch": torch.__version__}
    for name, part in module.named_modules():
        settings = {key: repr(value) for key, value in sorted(vars(part).items()) if _is_plain(key, value)}
        known[f"part {name}"] = [type(part).__qualname__, settings]
    tensors = [*module.named_parameters(), *module.named_buffers()]
    known |= {f"tensor {name}": of_tensor(tensor) for name, tensor in tensors}
    known["code"] = sorted(map(_code, {type(part) for part in module.modules()}))
    return of_text(json.dumps(known, sort_keys=True))


def _is_plain(key: str, value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(key, inner) for inner in value)
    return key != "training" and (value is None or isinstance(value, bool | int | float | str))


def _code(kind: type) -> str:
    try:
        return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
    except (OSError, TypeError):  # made up in a session, or compiled
        return kind.__qualname__
