"""zoo: a declarative model zoo for microscopy, histology and spatial transcriptomics.

``zoo.Recipe`` holds a recipe, ``zoo.train(recipe)`` runs one and returns its run folder and scores, and
``zoo.load(folder)`` reads a trained model back. The command ``zoo`` calls the same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.api import load, train
    from zoo.recipe import Recipe

__all__ = ["Recipe", "load", "train"]

_HOMES = {"Recipe": "zoo.recipe", "load": "zoo.api", "train": "zoo.api"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'zoo' has no attribute '{name}'")
