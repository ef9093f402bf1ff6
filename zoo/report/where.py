"""Where pages go that belong to no run: those of evaluations and comparisons, and those that a user has named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from zoo.errors import UsageError
from zoo.folders import runs_folder

PAGE = "report.html"


def checked(out: Path | None, option: str = "--out") -> Path | None:
    """Return the place of a page that a user has named by an option.

    Raises
    ------
    UsageError
        It is no HTML file, or a folder.
    """
    if out is not None and (out.suffix.lower() not in {".html", ".htm"} or out.is_dir()):
        raise UsageError(f"{option} {out}: a page is a file that ends in .html; say {out / PAGE}")
    return out


def new_folder(what: str, recipe: str = "") -> Path:
    """Return a folder that is not there yet, by the time of day: ``runs/RECIPE/WHAT-UTC``, or ``runs/WHAT-UTC``."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    first = folder = runs_folder() / recipe / f"{what}-{stamp}"
    number = 1
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}-{number}")
    return folder
