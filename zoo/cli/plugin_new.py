"""``zoo plugin new``."""

from __future__ import annotations


def command() -> None:
    """Write a plugin of four files to start from: pyproject.toml, the part, its test, a recipe."""
    raise NotImplementedError
