"""Random numbers that follow from where they are used, so that nothing has to be remembered for a resume."""

from __future__ import annotations

import hashlib


def derive(*parts: str | int) -> int:
    """Return a seed below 2**63 that is a fixed function of the parts (seed, purpose, epoch, step, rank ...)."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
