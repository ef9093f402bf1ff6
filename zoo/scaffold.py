"""A plugin to start from: a distribution with one part, its test and a recipe that runs, written out of templates."""

from __future__ import annotations

import difflib
import importlib.util
import keyword
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from string import Template

from zoo import document
from zoo.errors import RunError, UsageError, ZooError
from zoo.kinds import KINDS, singular
from zoo.registry import OWN_DISTRIBUTION, Registry, known_plugins
from zoo.schema import is_name
from zoo.shelves import Shelves

DEFAULT_KIND = "head"
TEMPLATES = Path(__file__).with_name("templates")
_DISTRIBUTION = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_PART = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
LONGEST = 64


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a new plugin is called.

    Attributes
    ----------
    distribution
        What pip calls it.
    kind
        Of its part, in the plural.
    part
        The name that recipes say; its recipe has the same.
    """

    distribution: str
    kind: str
    part: str

    @property
    def package(self) -> str:
        """The package that is imported."""
        return _identifier(self.distribution)

    @property
    def module(self) -> str:
        """The module of the part, which is called as the part is."""
        return _identifier(self.part)

    @property
    def class_name(self) -> str:
        """The class of the part."""
        name = "".join(word[:1].upper() + word[1:] for word in self.module.split("_"))
        taken = keyword.iskeyword(name) or re.search(rf"\b{name}\b", _template(f"{self.kind}.py"))
        return f"{name}{singular(self.kind).title()}" if taken else name

    def files(self) -> dict[str, str]:
        """Return path below the folder of the plugin -> text of each of its four files.

        The package has no ``__init__.py``: nothing has to be in it, and what is not there cannot fail to be imported.
        """
        words = {
            "distribution": self.distribution,
            "package": self.package,
            "part": self.part,
            "module": self.module,
            "Class": self.class_name,
            "kind": self.kind,
            "singular": singular(self.kind),
            "distribution_key": _key(self.distribution),
            "part_key": _key(self.part),
            "requires": ", ".join(f'"{one}"' for one in (_own_range(), *_needs().get(self.kind, ()))),
        }
        made = {
            "pyproject.toml": "pyproject.toml",
            f"{self.package}/{self.module}.py": f"{self.kind}.py",
            f"tests/test_{self.module}.py": "test.py",
            f"recipes/{self.part}.yaml": f"{self.kind}.yaml",
        }
        return {path: Template(_template(name)).substitute(words) for path, name in made.items()}


def plan(name: str, kind: str = DEFAULT_KIND, part: str | None = None) -> Plugin:
    """Return a plugin whose names can be used, whether or not they are taken.

    Parameters
    ----------
    name
        Of the distribution.
    kind
        Of its part, singular or plural.
    part
        Its name; ``my-<kind>`` where not given.

    Raises
    ------
    UsageError
        One of them cannot be used.
    """
    plural = _plural(kind)
    plugin = Plugin(name, plural, f"my-{singular(plural)}" if part is None else part)
    rule = f"should be 1 to {LONGEST} of a-z 0-9, with single - _ or . between them, and begin with a letter"
    if not _DISTRIBUTION.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(f"NAME {rule}, not {name[:80]!r}; try {_near(name, 'my-lab-mil')}")
    if not _PART.fullmatch(plugin.part) or not is_name(plugin.part):
        raise UsageError(f"--part {rule}, not {plugin.part[:80]!r}; try {_near(plugin.part, 'my-part')}")
    for option, called, module in (("NAME", name, plugin.package), ("--part", plugin.part, plugin.module)):
        if keyword.iskeyword(module):
            raise UsageError(
                f"{option} {called!r} is a word of Python's, which no module can be called; try my-{called}"
            )
    if document.scalar(plugin.part) != plugin.part:
        what = f"{plugin.part!r} is no text to YAML, which recipes are written in"
        raise UsageError(f"--part {what}; try my-{plugin.part}")
    return plugin


def refuse_taken(plugin: Plugin, registry: Registry | None = None) -> None:
    """Raise UsageError where a name of the plugin is somebody's already."""
    where = _found(plugin.package)
    if where:
        raise UsageError(
            f"NAME {plugin.distribution!r} makes a package '{plugin.package}', and {where}; choose another name"
        )
    registry = registry or Registry()
    claim = _claim(plugin, registry)
    if claim:
        raise UsageError(f"{claim}; choose another name with --part")
    recipe = Shelves(registry).found.get(plugin.part)
    if recipe is not None:
        what = f"the recipe of the part would be called '{plugin.part}', as one of {recipe} is"
        raise UsageError(f"{what}; choose another name with --part")


def refuse_folder(folder: Path) -> None:
    """Raise UsageError where something is at that place already; an empty folder is nothing."""
    with _disk_errors(folder):
        inside = folder.is_dir() and any(folder.iterdir())
        if inside or (folder.exists() and not folder.is_dir()):
            what = "there is a folder with files in it" if inside else "there is a file"
            raise UsageError(f"{folder}: {what}; remove it, or name another place with --out DIR")


def write(plugin: Plugin, folder: Path) -> list[Path]:
    """Write the plugin, all of it or nothing, and return its files.

    Raises
    ------
    UsageError
        There is something at that place.
    RunError
        It cannot be written there.
    """
    files = plugin.files()
    refuse_folder(folder)
    there = folder.is_dir()
    temporary = (folder if there else folder.parent) / f".{plugin.package}.{os.getpid()}.tmp"
    try:
        with _disk_errors(folder):
            _fill(temporary, files)
            if there:  # it may be the working directory, which another in its place would leave without a name
                for child in sorted(temporary.iterdir()):
                    child.rename(folder / child.name)
            else:
                temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return [folder / path for path in files]


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise RunError(
            f"{folder}: cannot be written ({why}); nothing was, so name another place with --out DIR"
        ) from error


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())


def _plural(kind: str) -> str:
    kinds = {name: plural for plural in KINDS for name in (plural, singular(plural))}
    if kind not in kinds:
        near = difflib.get_close_matches(kind, kinds, n=1)
        way = f"did you mean {singular(kinds[near[0]])}?" if near else f"say one of {', '.join(map(singular, KINDS))}"
        raise UsageError(f"--kind {kind[:80]!r} is no kind of part, {way}")
    return kinds[kind]


def _near(name: str, otherwise: str) -> str:
    """Return the nearest name that can be used."""
    near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-")
    near = near if near[:1].isalpha() or not near else f"my-{near}"[:LONGEST].strip("-")
    return near or otherwise


def _found(package: str) -> str:
    """Return where a module of that name is, empty where there is none."""
    if package in sys.stdlib_module_names:
        return "Python has a module of that name"
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return f"there is a module of that name at {places[0]}" if places else "there is a module of that name"


def _claim(plugin: Plugin, registry: Registry) -> str:
    """Return who has the name of the part, empty where nobody has."""
    try:
        registry.settle(plugin.kind, plugin.part)
    except ZooError as error:  # two have it, or one that ZOO_PLUGINS leaves out
        return str(error)
    called = f"{singular(plugin.kind)} '{plugin.part}'"
    for entry in registry.entries(plugin.kind):
        if entry.name == plugin.part:
            return f"{called} is that of {entry.distribution} {entry.version} already"
    change = registry.change(plugin.kind, plugin.part)
    if change:
        return f"{called} is a name that {change.distribution} {change.version} had for another part"
    known = known_plugins().get(plugin.kind, {}).get(plugin.part)
    return f"{called} is that of {known[0]}, which is not installed here" if known else ""


def _identifier(name: str) -> str:
    return re.sub(r"[.-]", "_", name)


def _key(name: str) -> str:
    """Return a name as a key of TOML, to which a dot means a table."""
    return f'"{name}"' if "." in name else name


def _own_range() -> str:
    """Return the requirement of this zoo and those that keep its promises."""
    major, minor = (int(number) for number in version(OWN_DISTRIBUTION).split(".")[:2])
    end = f"{major + 1}" if major else f"0.{minor + 1}"
    return f"{OWN_DISTRIBUTION}>={major}.{minor},<{end}"


def _needs() -> dict[str, list[str]]:
    with (TEMPLATES / "needs.toml").open("rb") as file:
        return tomllib.load(file)


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8")
