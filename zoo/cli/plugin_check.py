"""``zoo plugin check``."""

from __future__ import annotations


def command() -> None:
    """Check every part that an installed plugin brings against the contract of its kind."""
    raise NotImplementedError
