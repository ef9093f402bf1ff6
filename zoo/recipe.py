"""A recipe: one YAML file read, inherited, overridden, dumped and digested. Pure data; no component is touched here.

Checking a recipe against the installed components, and filling in their defaults, is :mod:`zoo.resolve`'s work.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import document
from zoo.carried import is_
from zoo.document import KeyPath, Place
from zoo.errors import MissingError, Problem, RecipeError, UsageError
from zoo.installed import normal
from zoo.kinds import RECIPES
from zoo.registry import Registry, known_plugins
from zoo.shelves import Shelves, here

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
    notes
        What whoever uses the recipe is told: that its name, or that of one it extends, has changed or goes.
    """

    data: dict[str, Any]
    places: dict[KeyPath, Place] = field(default_factory=dict)
    soft: set[KeyPath] = field(default_factory=set)
    files: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

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
        The path is a folder, or an override is not of the form ``a.b=value`` or leads nowhere.
    """
    file, note = _found(str(path))
    recipe = _read(file, ())
    recipe.notes = [*([note] if note else []), *recipe.notes]
    for option in overrides or []:
        _override(recipe, option)
    return recipe


def load_whole(path: Path, overrides: list[str] | None = None) -> Recipe:
    """Read a recipe that was written out in full, by a run or by a stranger: it may not extend another file.

    Raises
    ------
    RecipeError
        As :func:`load`, and where it extends anything.
    """
    found = document.read(path)
    if isinstance(found.value, dict) and "extends" in found.value:
        place = str(found.places.get(("extends",), path))
        what = "the recipe of a model is whole and reads no other file; do not use it"
        raise RecipeError([Problem(place, "extends", what)])
    recipe = _inherit(found, str(path), path.parent, ())
    for option in overrides or []:
        _override(recipe, option)
    return recipe


def parse(text: str, source: str = "recipe") -> Recipe:
    """Make a recipe from YAML text; ``extends`` is looked up beside the working directory."""
    return _inherit(document.parse(text, source), source, Path(), ())


def digest(data: Any) -> str:
    """Return the sha256 of plain data, the same for the same values in any order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def shipped(registry: Registry | None = None) -> dict[str, Path]:
    """Return name -> file of the recipes that can be named: those of the working directory, then what is installed."""
    installed = Shelves(registry or Registry()).found
    own = here()
    return own | {name: recipe.path for name, recipe in installed.items() if name not in own}


def shipped_by(distribution: str, registry: Registry | None = None) -> dict[str, Path]:
    """Return name -> file of the recipes that one installed distribution brings."""
    return Shelves(registry or Registry()).by(normal(distribution))


def locate(name: str, beside: Path | None = None) -> Path:
    """Return the file of a recipe, given its path or its name.

    Raises
    ------
    MissingError
        There is none, or it went.
    UsageError
        The path is a folder, or two plugins bring the name.
    """
    return _found(name, beside)[0]


def _found(name: str, beside: Path | None = None) -> tuple[Path, str]:
    """Return the file of a recipe, and what whoever uses its name is told."""
    path = (beside / name) if beside else Path(name)
    if is_(path, Path.is_file):
        return path, ""
    if "/" in name or name.endswith((".yaml", ".yml")):
        if is_(path, Path.is_dir):
            raise UsageError(f"{path}: is a folder; name one of the recipes in it")
        raise MissingError(f"{path}: no such recipe; 'zoo ls recipes' lists those that can be named")
    return (here()[name], "") if name in here() else _installed(name)


def _installed(name: str) -> tuple[Path, str]:
    registry = Registry()
    shelves = Shelves(registry)
    change = registry.change(RECIPES, name)
    if change and change.now and name in shelves.found:
        change = None  # what is there is called by its name
    if change and change.over:
        raise MissingError(change.refusal)
    called = change.now if change and change.now else name
    if called in shelves.found:
        return shelves.found[called].path, change.note if change else ""
    if shelves.conflict(called):
        raise UsageError(shelves.conflict(called))
    raise MissingError(_unknown(called, registry, shelves))


def _unknown(name: str, registry: Registry, shelves: Shelves) -> str:
    what = f"there is no recipe {name!r}"
    hidden, known = shelves.hidden(name), known_plugins().get(RECIPES, {}).get(name)
    if hidden:
        return f"{what}; it comes with {hidden}, which ZOO_PLUGINS leaves out, so add it there"
    if known:
        return f"{what}; it comes with {known[0]}: {known[1]}"
    names = shipped(registry)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"{what}, did you mean {near[0]}?"
    return f"{what}; give a path, or one of: {', '.join(sorted(names)) or 'none'}"


def _read(path: Path, chain: tuple[Path, ...]) -> Recipe:
    if path.resolve() in chain:
        raise RecipeError([Problem(str(path), "extends", "the recipe extends itself; break the circle")])
    if len(chain) > MAX_PARENTS:
        raise RecipeError([Problem(str(path), "extends", f"a chain of more than {MAX_PARENTS} recipes; shorten it")])
    return _inherit(document.read(path), str(path), path.parent, (*chain, path.resolve()))


def _inherit(doc: document.Document, source: str, folder: Path, chain: tuple[Path, ...]) -> Recipe:
    if not isinstance(doc.value, dict):
        what = "is empty" if doc.value is None else f"holds a {type(doc.value).__name__}"
        raise RecipeError([Problem(source, "", f"{what}; a recipe is a mapping of blocks (data, encoder, head, ...)")])
    own = Recipe(doc.value, doc.places, files=[source])
    parent = own.data.pop("extends", None)
    if parent is None:
        return own
    place = own.place(("extends",))
    if not isinstance(parent, str):
        raise RecipeError([Problem(place, "extends", f"takes one path or recipe name, not {parent!r}")])
    try:
        path, note = _found(parent, folder if "/" in parent or parent.endswith((".yaml", ".yml")) else None)
    except (MissingError, UsageError) as error:
        raise type(error)(str(Problem(place, "extends", str(error)))) from error
    base = _read(path, chain)
    # a name is the child's own; where it says none, its file does
    base.data.pop("name", None)
    base.data = {"name": Path(source).stem, **base.data}
    base.places[("name",)] = Place(source)
    _merge(base, own.data, own.places, ())
    base.files = [source, *base.files]
    base.notes = [*([note] if note else []), *base.notes]
    return base


def overlaid(recipe: Recipe, own: dict[str, Any], path: KeyPath, *, without: tuple[str, ...]) -> Recipe:
    """Return a copy of a recipe without some of its blocks, with ``own``, which stands in it at ``path``, laid over."""
    data = {key: copy.deepcopy(value) for key, value in recipe.data.items() if key not in without}
    kept = {at: place for at, place in recipe.places.items() if at[:1] not in {(key,) for key in without}}
    found = Recipe(data, kept, set(recipe.soft), list(recipe.files), list(recipe.overrides), list(recipe.notes))
    places = {at[len(path) :]: place for at, place in recipe.places.items() if at[: len(path)] == path}
    _merge(found, copy.deepcopy(own), places, ())
    return found


def _merge(base: Recipe, child: dict[str, Any], places: dict[KeyPath, Place], path: KeyPath) -> None:
    """Lay ``child`` over the block of ``base`` at ``path``."""
    here = _at(base.data, path)
    if "use" in child and "use" in here and child["use"] != here["use"]:
        base.soft.update((*path, key) for key in here if key != "use")
    for key, value in child.items():
        _put(base, (*path, key), value, places)


def _put(base: Recipe, path: KeyPath, value: Any, places: dict[KeyPath, Place]) -> None:
    """Lay ``value`` over whatever ``base`` holds at ``path``: a block over a block, anything else in its place."""
    here: Any = _at(base.data, path[:-1])
    key: Any = path[-1]
    old = here[key] if isinstance(here, list) else here.get(key)
    base.soft.discard(path)
    base.places[path] = places.get(path, Place("?"))
    if isinstance(value, dict) and isinstance(old, dict):
        _merge(base, value, places, path)
        return
    for below in document.paths_below(old):
        base.places.pop((*path, *below), None)
    here[key] = value
    for below in document.paths_below(value):
        base.places[*path, *below] = places.get((*path, *below), Place("?"))


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def _override(recipe: Recipe, option: str) -> None:
    name, equals, text = option.partition("=")
    keys = name.strip().split(".")
    source = f"--set {option}"
    if not equals or not all(keys):
        raise UsageError(f"{source}: write it as path.to.key=value, for example --set train.lr=1e-4")
    try:
        value = document.parse(text, source).value
    except RecipeError as error:
        raise UsageError(f"{source}: {error.problems[0].message}") from error
    path = _reach(recipe, keys, source)
    places = {path: Place(source)}
    places.update({(*path, *below): Place(source) for below in document.paths_below(value)})
    if isinstance(path[-1], str):
        _merge(recipe, {path[-1]: value}, places, path[:-1])
    else:
        _put(recipe, path, value, places)
    recipe.overrides.append(option)


def _reach(recipe: Recipe, keys: list[str], source: str) -> KeyPath:
    """Return the path that dotted keys lead to; blocks on the way that are not there yet are made."""
    here: Any = recipe.data
    path: KeyPath = ()
    for key in keys[:-1]:
        path = (*path, _step(here, key, source))
        if isinstance(here, dict) and here.get(key) is None:
            here[key] = {}
            recipe.places[path] = Place(source)
        here = here[path[-1]]
        if not isinstance(here, dict | list):
            raise UsageError(f"{source}: '{'.'.join(map(str, path))}' holds the value {here!r}, not a block")
    return (*path, _step(here, keys[-1], source))


def _step(here: dict[str, Any] | list[Any], key: str, source: str) -> str | int:
    if isinstance(here, dict):
        return key
    if key.isascii() and key.isdigit() and int(key) < len(here):
        return int(key)
    there = f"positions 0 to {len(here) - 1} there" if here else "positions there, the list is empty"
    raise UsageError(f"{source}: '{key}' is not one of the {there}; give the whole list to change its length")
