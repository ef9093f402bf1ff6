"""One page that people read instead of logs: of a run, of a new evaluation, of several runs beside each other."""

from __future__ import annotations

from pathlib import Path

from zoo.report import chapters, facts, page
from zoo.run import Run

__all__ = ["write"]


def write(folder: Path, out: Path | None = None) -> Path:
    """Write the page of a run, ``report.html`` in its folder unless a place is given, and return its path.

    It takes what lies in the folder, and neither the data nor the model.

    Raises
    ------
    MissingError
        It is no run folder.
    RunError
        The disk refuses.
    """
    found = facts.read(folder)
    return page.write(chapters.of_run(found), out or Run(folder).page_path)
