"""``zoo plugin ls``."""

from __future__ import annotations


def command() -> None:
    """List the installed plugins: what each brings, and what is broken and why."""
    raise NotImplementedError
