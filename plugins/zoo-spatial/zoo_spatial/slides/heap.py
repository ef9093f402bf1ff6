"""The heap brought back to the size of what is in it."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def trim() -> None:
    """Give free memory of the heap back to the system, where the C library can (glibc).

    Decoding tiles frees buffers of a few hundred kB between tiles that are kept, and what lies between is not given
    back on its own: a slide from which 100,000 fields are cut would come to hold gigabytes of nothing.
    """
    if (function := _malloc_trim()) is not None:
        function(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
