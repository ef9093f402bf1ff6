"""A recipe written out beside its user, to be edited: its comments stay, and what it refers to is found from there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from zoo import document, recipe
from zoo.errors import UsageError

SCHEMA = "zoo.schema.json"
_MODELINE = re.compile(r"^(#\s+yaml-language-server:\s*\$schema=)(?!https?:)\S+$", re.MULTILINE)
_EXTENDS = re.compile(r"^(extends:\s*)(?P<quote>['\"]?)(?P<parent>[^\s'\"#]+)(?P=quote)", re.MULTILINE)


def copied(path: Path, to: Path) -> Path:
    """Write a recipe to another place and return that place.

    A parent that it names by a relative path is named by its name where it is a shipped one, else by its path from
    there; a modeline looks for the schema of :mod:`zoo.json_schema` in the working directory.

    Raises
    ------
    UsageError
        Something is there already, or the way to the parent is written as nothing but a parser understands.
    RecipeError
        It is no recipe.
    """
    text = document.text_of(path)
    found = document.parse(text, str(path)).value
    parent = found.get("extends") if isinstance(found, dict) else None
    if isinstance(parent, str) and ("/" in parent or parent.endswith((".yaml", ".yml"))):
        text = _extending(text, path, _from_there(path.parent / parent, to))
    schema = os.path.relpath(SCHEMA, to.parent)
    text = _MODELINE.sub(lambda match: match[1] + Path(schema).as_posix(), text)
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{to}: is there already, and nothing is overwritten; name another file with --out") from error
    except OSError as error:
        raise UsageError(f"{to}: cannot be written ({error.strerror}); name another file with --out") from error
    return to


def _from_there(parent: Path, to: Path) -> str:
    """Return how a recipe at ``to`` names its parent."""
    known = recipe.shipped().get(parent.stem)
    if known and known.resolve() == parent.resolve() and not Path(parent.stem).exists():
        return parent.stem
    way = Path(os.path.relpath(parent.resolve(), to.parent.resolve())).as_posix()
    return way if way.startswith("../") else f"./{way}"


def _extending(text: str, path: Path, parent: str) -> str:
    changed, times = _EXTENDS.subn(lambda match: f"{match[1]}{document.dump(parent).splitlines()[0]}", text)
    if times != 1 or document.parse(changed, str(path)).value["extends"] != parent:
        raise UsageError(f"{path}: 'extends' is not on a line of its own, extends: {parent}; copy the file by hand")
    return changed
