"""A digest of what a component is set to and was fitted to, so that what it made can be found again."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


def digest(*parts: Any) -> str:
    """Return 20 letters that follow from plain values, arrays, tensors, and the settings and code of objects."""
    text = json.dumps([_plain(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {"mapping": [[_plain(key), _plain(one)] for key, one in value.items()]}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "detach"):
        array = np.ascontiguousarray(value.detach().cpu() if hasattr(value, "detach") else value)
        return [str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()]
    if hasattr(value, "__qualname__"):  # a class or a function
        return [value.__module__, value.__qualname__, _code(value.__module__)]
    kind = type(value)
    # what holds nothing by name (a type of values, a device) says what it is; others would say where they lie in memory
    held = _plain(_held(value)) if hasattr(value, "__dict__") or hasattr(kind, "__slots__") else repr(value)
    return [kind.__module__, kind.__qualname__, _code(kind.__module__), held]


def _held(value: Any) -> dict[str, Any]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return {**{name: getattr(value, name, None) for name in slots}, **getattr(value, "__dict__", {})}


@cache
def _code(module: str) -> str:
    """Return the digest of a module's source, so that what older code made is not taken for its own."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except OSError:
        return ""
