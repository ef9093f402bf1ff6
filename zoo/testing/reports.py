"""Whether what a task shows on a page can be drawn, told apart, and read as numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from zoo.errors import MissingError
from zoo.figures import svg
from zoo.figures.parts import Code, Figure, Listing, Section
from zoo.testing.findings import sentence

KINDS = (Figure, Listing, Code)


def wrong(report: Callable[[], Iterable[Any]], *, draw: bool = True) -> Iterator[str]:
    """Give what is wrong with the sections of a report, a sentence each with the way out.

    Parameters
    ----------
    report
        Makes the sections; what it returns may be a generator, and is gone through once.
    draw
        Whether figures are drawn as they are for a page.
    """
    before, seen = _open_figures(), dict[str, str]()
    for section in report():
        if not isinstance(section, Section):
            yield f"gives a {type(section).__name__}; give sections (zoo.figures.parts.Section)"
            continue
        yield from _twice(seen, f"section {section.key}", "section")
        for part in section.parts:
            if not isinstance(part, KINDS):
                kinds = ", ".join(kind.__name__ for kind in KINDS)
                yield f"gives a {type(part).__name__} in section '{section.key}'; a part is one of {kinds}"
                continue
            yield from _twice(seen, part.key, "part")
            yield from _numbers(part)
            if draw and isinstance(part, Figure):
                yield from _undrawable(part)
    if _open_figures() > before:
        yield "leaves figures of pyplot open, which pile up in a long run; make them by zoo.figures.style.figure"


def _twice(seen: dict[str, str], key: str, what: str) -> Iterator[str]:
    if key in seen:
        yield f"gives two {what}s '{key.rpartition(' ')[2]}', and the second hides the first; name them apart"
    seen[key] = what


def _numbers(part: Figure | Listing | Code) -> Iterator[str]:
    """Look whether the table of a part has a value in each column of each row, and no endless one."""
    table = part.table if isinstance(part, Listing) else part.numbers if isinstance(part, Figure) else None
    if table is None:
        return
    columns = list(table.columns)
    if len(set(columns)) < len(columns) or not all(isinstance(name, str) and name for name in columns):
        yield f"the columns of '{part.key}' are {columns}; give each a name of its own"
    for number, row in enumerate(table.rows):
        if len(row) != len(columns):
            yield f"row {number + 1} of '{part.key}' has {len(row)} values for {len(columns)} columns; give as many"
            return
        endless = [name for name, value in zip(columns, row, strict=True) if _is_endless(value)]
        if endless:
            what = f"row {number + 1} of '{part.key}' is endless in '{endless[0]}'"
            yield f"{what}; give a finite number, or NaN where there is none"
            return


def _is_endless(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isinf(value))


def _undrawable(part: Figure) -> Iterator[str]:
    try:
        svg.drawn(part.drawing, part.key)
    except MissingError:
        raise
    except Exception as error:  # noqa: BLE001 - matplotlib may raise anything
        yield f"figure '{part.key}' cannot be drawn: it {sentence(error).removeprefix('it ')}"


def _open_figures() -> int:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return len(pyplot.get_fignums()) if pyplot else 0
