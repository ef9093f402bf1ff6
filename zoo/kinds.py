"""What a distribution may bring, each in an entry-point group of its own, and the words that no plugin can take."""

from __future__ import annotations

import re

KINDS = ("encoders", "heads", "losses", "datasets", "segmenters", "transforms", "samplers", "stages", "tasks")
"""Kinds of parts: each line of such a group is a name and the code behind it."""
MODELS = "models"
"""Published models: a name and a table inside the package (:mod:`zoo.catalogue`)."""
COMMANDS = "commands"
"""Verbs of the command line: a name and the code behind it (:mod:`zoo.cli.app`)."""
RECIPES = "recipes"
"""Recipes: one line a distribution, a folder inside the package (:mod:`zoo.shelves`)."""
NAMES = "names"
"""Names that changed or go: one line a distribution, a table inside the package (:mod:`zoo.renamed`)."""
NAMED = (*KINDS, MODELS, COMMANDS)
"""Groups in which a line is a name; in the others its left side says nothing."""
GROUPS = (*NAMED, RECIPES, NAMES)
VERBS = (
    *("train", "eval", "report", "compare", "predict", "pull", "push", "verify"),
    *("ls", "show", "check", "schema", "plugin", "doctor"),
)
"""zoo's own verbs, one file each in ``zoo/cli``."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NAME_RULE = "a name is 1 to 100 of A-Z a-z 0-9 . _ -"


def singular(kind: str) -> str:
    """Return ``encoder`` for ``encoders`` and ``loss`` for ``losses``."""
    return kind.removesuffix("es") if kind.endswith("sses") else kind.removesuffix("s")
