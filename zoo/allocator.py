"""Memory that the C library keeps instead of handing it back between two batches."""

from __future__ import annotations

import ctypes
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of ``mallopt`` in glibc's ``malloc.h``."""
KEPT, LARGEST = 2**31 - 1, 2**30


def hold_memory() -> None:
    """Let this process keep what it frees, up to blocks of 1 GB; does nothing where the C library is not glibc.

    The tensors of a batch of large images are beyond the size from which glibc asks the system for every block anew and
    hands it back when it is freed; the system then clears page after page, which costs more than many an operation on
    them. A whole process is changed, so that only the command line does it, where the process is zoo's own.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, KEPT)
