"""A recipe: one YAML file read, inherited, overridden, dumped and digested. Pure data; no component is touched here.

Checking a recipe against the installed components, and filling in their defaults, is :mod:`zoo.resolve`'s work.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import document
from zoo.document import KeyPath, Place
from zoo.errors import MissingError, Problem, RecipeError, UsageError

MAX_PARENTS = 8


@dataclass(slots=True)
class Recipe:
    """The values of a recipe, each with the place it came from.

    Attributes
    ----------
    data
        The recipe as nested dictionaries and lists.
    places
        Where each value was said: a file with line and column, or a ``--set`` option.
    soft
        Values inherited from a block that named another component. They are kept where the new component knows them
        too and dropped where it does not, so that ``--set data.use=...`` does not drag strange keys along.
    files
        The file itself, then those it extends.
    overrides
        The ``--set`` options, in order.
    """

    data: dict[str, Any]
    places: dict[KeyPath, Place] = field(default_factory=dict)
    soft: set[KeyPath] = field(default_factory=set)
    files: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The recipe's own name, or its file's where it has none."""
        return str(self.data.get("name") or (Path(self.files[0]).stem if self.files else "recipe"))

    def place(self, path: KeyPath) -> str:
        """Return the nearest known place of a path, as text; empty where none is known."""
        while path and path not in self.places:
            path = path[:-1]
        return str(self.places.get(path, self.files[0] if self.files else ""))

    def dump(self) -> str:
        """Return the recipe as YAML text."""
        return document.dump(self.data)


def load(path: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe by path or by the name of a shipped one, follow ``extends``, apply ``--set`` options.

    Raises
    ------
    MissingError
        No such file or shipped recipe.
    RecipeError
        The text is not plain YAML, or is not a mapping, or extends itself.
    UsageError
        An override is not of the form ``a.b=value``.
    """
    recipe = _read(locate(str(path)), ())
    for option in overrides or []:
        _override(recipe, option)
    return recipe


def parse(text: str, source: str = "recipe") -> Recipe:
    """Make a recipe from YAML text; ``extends`` is looked up beside the working directory."""
    return _inherit(document.parse(text, source), source, Path(), ())


def digest(data: Any) -> str:
    """Return the sha256 of plain data, the same for the same values in any order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def shelves() -> list[Path]:
    """Return the folders in which recipes are looked up by name: the working directory's, then zoo's own."""
    package = Path(__file__).parent
    shipped = package / "recipes" if (package / "recipes").is_dir() else package.parent / "recipes"
    return [Path("recipes"), shipped]


def shipped() -> dict[str, Path]:
    """Return name -> file of the recipes that can be named without a path."""
    found: dict[str, Path] = {}
    for shelf in shelves():
        for path in sorted(shelf.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def locate(name: str, beside: Path | None = None) -> Path:
    """Return the file of a recipe, given its path or its name."""
    path = (beside / name) if beside else Path(name)
    if path.is_file():
        return path
    if "/" not in name and not name.endswith((".yaml", ".yml")):
        known = shipped()
        if name in known:
            return known[name]
        raise MissingError(f"there is no recipe '{name}'; give a path, or one of: {', '.join(sorted(known)) or 'none'}")
    raise MissingError(f"{path}: no such recipe; 'zoo ls recipes' lists those that can be named")


def _read(path: Path, chain: tuple[Path, ...]) -> Recipe:
    if path.resolve() in chain or len(chain) > MAX_PARENTS:
        raise RecipeError([Problem(str(path), "extends", "the recipe extends itself, or more than 8 others; break it")])
    return _inherit(document.read(path), str(path), path.parent, (*chain, path.resolve()))


def _inherit(doc: document.Document, source: str, folder: Path, chain: tuple[Path, ...]) -> Recipe:
    if not isinstance(doc.value, dict):
        raise RecipeError([Problem(source, "", "a recipe is a mapping of blocks (data, encoder, head, ...)")])
    own = Recipe(doc.value, doc.places, files=[source])
    parent = own.data.pop("extends", None)
    if parent is None:
        return own
    if not isinstance(parent, str):
        raise RecipeError([Problem(own.place(("extends",)), "extends", "takes one path or recipe name")])
    base = _read(locate(parent, folder if "/" in parent or parent.endswith((".yaml", ".yml")) else None), chain)
    base.data.pop("name", None)
    _merge(base, own.data, own.places, ())
    base.files = [source, *base.files]
    if "name" not in base.data:
        base.data = {"name": Path(source).stem, **base.data}
    return base


def _merge(base: Recipe, child: dict[str, Any], places: dict[KeyPath, Place], path: KeyPath) -> None:
    """Lay ``child`` over the block of ``base`` at ``path``."""
    here = _at(base.data, path)
    if "use" in child and "use" in here and child["use"] != here["use"]:
        base.soft.update((*path, key) for key in here if key != "use")
    for key, value in child.items():
        below: KeyPath = (*path, key)
        base.places[below] = places.get(below, Place("?"))
        base.soft.discard(below)
        if isinstance(value, dict) and isinstance(here.get(key), dict):
            _merge(base, value, places, below)
            continue
        here[key] = value
        base.places = {p: place for p, place in base.places.items() if p[: len(below)] != below or p == below}
        base.places.update({p: place for p, place in places.items() if p[: len(below)] == below})


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def _override(recipe: Recipe, option: str) -> None:
    name, equals, text = option.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(f"--set {option}: write it as path.to.key=value, for example --set train.lr=1e-4")
    source = f"--set {option}"
    value = document.parse(text, source).value
    parent: Any = recipe.data
    for depth, key in enumerate(keys[:-1]):
        if isinstance(parent, list):
            parent = _item(parent, key, source)
            continue
        parent = parent.setdefault(key, {})
        if not isinstance(parent, dict | list):
            raise UsageError(f"{source}: '{'.'.join(keys[: depth + 1])}' holds a value, not a block")
    path: KeyPath = tuple(int(key) if key.isdigit() else key for key in keys)
    if isinstance(parent, list):
        _item(parent, keys[-1], source)
        parent[int(keys[-1])] = value
        recipe.places[path] = Place(source)
    elif isinstance(value, dict):
        parent.setdefault(keys[-1], {})
        _merge_option(recipe, path, value, source)
    else:
        _merge_option(recipe, path[:-1], {keys[-1]: value}, source)
    recipe.overrides.append(option)


def _merge_option(recipe: Recipe, path: KeyPath, child: dict[str, Any], source: str) -> None:
    places = {(*path, *below): Place(source) for below in _paths(child)}
    places[path] = Place(source)
    target = _at(recipe.data, path)
    if isinstance(target, dict):
        _merge(recipe, child, places, path)
    else:
        _at(recipe.data, path[:-1])[path[-1]] = child
        recipe.places.update(places)


def _paths(value: Any) -> list[KeyPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[KeyPath] = []
    for key, child in items:
        found.append((key,))
        found.extend((key, *below) for below in _paths(child))
    return found


def _item(values: list[Any], key: str, source: str) -> Any:
    if not key.isdigit() or int(key) >= len(values):
        raise UsageError(f"{source}: '{key}' is not one of the {len(values)} positions (0 to {len(values) - 1}) there")
    return values[int(key)]
