"""Memory: what the C library keeps instead of handing it back between two batches, and how much a process has held."""

from __future__ import annotations

import ctypes
import resource
import sys
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


def resident_mb() -> int:
    """Return the most memory that this process has held at once so far, in MB, whatever it was for."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most // (2**20 if sys.platform == "darwin" else 2**10))  # bytes on macOS, kB elsewhere
