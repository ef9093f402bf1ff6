"""One page that people read instead of logs: of a run, of a new evaluation, of several runs beside each other."""

from __future__ import annotations

from pathlib import Path

from zoo.report import chapters, facts, page
from zoo.report.facts import RunFacts
from zoo.run import Run

__all__ = ["place_of", "write"]


def write(folder: Path, out: Path | None = None, figures: Path | None = None) -> Path:
    """Write the page of a run, ``report.html`` in its folder unless a place is given, and return its path.

    It takes what lies in the folder, and neither the data nor the model. That of a package, whose files are not to be
    changed, comes into the working directory; ``figures`` is where those of a package were drawn.

    Raises
    ------
    MissingError
        It is no run folder.
    UsageError
        It is the model of one member of a run.
    RunError
        The disk refuses.
    """
    found = facts.read(folder)
    return page.write(chapters.of_run(found, figures), out or place_of(found))


def place_of(found: RunFacts) -> Path:
    """Return where the page of a run or of a package goes unless somebody says otherwise."""
    if not found.packaged:
        return Run(found.folder).page_path
    name = "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in found.name).strip(".-") or "model"
    return Path(f"{name}-report.html")
