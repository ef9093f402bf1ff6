"""Where a component is written and what it says of itself, read from its source without importing it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.machinery import all_suffixes
from pathlib import Path

from zoo.outline import Outline, outline_of
from zoo.registry import Entry
from zoo.source_index import SourceIndex


@dataclass(frozen=True, slots=True)
class Source:
    """What the source of a component tells.

    Attributes
    ----------
    file, line
        Where it is defined.
    signature
        Its parameters as written.
    doc
        Its docstring, without indentation.
    problem
        Why it cannot be used, empty where nothing stands in the way that can be seen without importing it.
    """

    file: str = ""
    line: int = 0
    signature: str = ""
    doc: str = ""
    problem: str = ""

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring, on one line."""
        return self.doc.split("\n\n")[0].replace("\n", " ").replace("``", "").strip()


def source_of(entry: Entry) -> Source:
    """Return what can be known of an entry without running any of its code."""
    return _Reader(_read).source(entry)


def sources_of(entries: Iterable[Entry]) -> list[Source]:
    """Return what :func:`source_of` does of many entries; files that are as they were last time are not read again."""
    index = SourceIndex()
    reader = _Reader(index.outline)
    found = [reader.source(entry) for entry in entries]
    index.save()
    return found


def references_of(entry: Entry) -> list[str]:
    """Return the paragraphs under ``References`` of a component's docstring, each on one line."""
    found = re.search(
        r"^References\n-+\n(.*?)(?=\n[A-Z][A-Za-z ]*\n-{3,}\n|\Z)", source_of(entry).doc, re.DOTALL | re.MULTILINE
    )
    paragraphs = found.group(1).split("\n\n") if found else []
    return [" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()]


class _Reader:
    """Reads entries one after the other; a package is looked for once."""

    def __init__(self, outline: Callable[[Path, str], Outline]) -> None:
        self._outline = outline
        self._top = cache(_top)

    def source(self, entry: Entry) -> Source:
        module, _, attributes = entry.target.partition(":")
        path = self._file(module)
        if path is None:
            return Source(problem=f"module '{module}' is not there; reinstall {entry.distribution}")
        if path.suffix != ".py":  # compiled: it may be in order, but cannot be read
            return Source(str(path))
        name = attributes.partition(".")[0]
        try:
            told = self._outline(path, name)
        except (OSError, SyntaxError, ValueError) as error:
            return Source(file=str(path), problem=f"{path}: cannot be read as Python ({error})")
        lacking = self._lacking(told.imports)
        if lacking:
            way = f"install it, or reinstall {entry.distribution}"
            return Source(file=str(path), problem=f"needs the package '{lacking}', which is not installed; {way}")
        if not told.defined:
            return Source(file=str(path), problem=f"{path}: defines no '{name}'; reinstall {entry.distribution}")
        return Source(str(path), told.line, told.signature, told.doc)

    def _file(self, module: str) -> Path | None:
        """Return the file of a dotted module; only the top-level package is looked up, and nothing is run."""
        top, *rest = module.split(".")
        spec = self._top(top)
        if spec is None:
            return None
        origin, folders = spec
        if not rest:
            return origin
        for folder in folders:
            base = Path(folder).joinpath(*rest)
            for candidate in (base / "__init__.py", *(base.with_name(base.name + end) for end in all_suffixes())):
                if candidate.is_file():
                    return candidate
        return None

    def _lacking(self, imports: list[str]) -> str:
        """Return the first of these packages that is not installed."""
        there = (top for top in imports if top not in sys.stdlib_module_names)
        return next((top for top in there if self._top(top) is None), "")


def _read(path: Path, name: str) -> Outline:
    return outline_of(path.read_text(encoding="utf-8"), name)


def _top(name: str) -> tuple[Path | None, tuple[str, ...]] | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    return Path(spec.origin) if spec.origin else None, tuple(spec.submodule_search_locations or ())
