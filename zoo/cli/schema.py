"""``zoo schema``."""

from __future__ import annotations


def command() -> None:
    """Print the JSON schema of recipes, composed of the core and every installed plugin, for editors."""
    raise NotImplementedError
