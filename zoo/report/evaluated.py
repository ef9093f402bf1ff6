"""The page of a new evaluation: a trained model scored again, on its own data or on others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo import run
from zoo.figures.parts import Code, Section
from zoo.folders import PLAIN_NAME
from zoo.report import chapters, facts, material, page, recipe_chapter, where
from zoo.report.contents import Chapter, Page
from zoo.report.facts import RunFacts
from zoo.report.words import cut

FIGURES = "report"
"""The folder of what was drawn, beside the page."""
_COMMAND = "again-how"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was scored again, and how.

    Attributes
    ----------
    source
        The folder of the run or package.
    named
        As what its user named it.
    overrides
        ``--set`` options that it was scored with.
    device
        Where it ran.
    """

    source: Path
    named: str
    overrides: Sequence[str] = ()
    device: str = "cpu"


def folder_for(source: Path, out: Path | None = None) -> Path:
    """Return the folder for the page of an evaluation: the one that was named, else a new one among the runs.

    Raises
    ------
    MissingError
        The source is neither a run nor a package.
    """
    if out is not None:
        return out
    name = facts.read(source, member=True).name
    return where.new_folder("eval", name if re.fullmatch(PLAIN_NAME, name) else "models")


def write(asked: Asked, metrics: Mapping[str, Any], folder: Path) -> Path:
    """Write the page of what :func:`zoo.rescore.rescore` returned into a folder, and return its path.

    What the task shows of it lies in :data:`FIGURES` in that folder.

    Raises
    ------
    RunError
        The disk refuses.
    """
    trained = facts.read(asked.source, member=True)
    folds = [member["fold"] for member in metrics["members"]]
    split = {"unit": folds[0]["unit"], "scheme": trained.table.split.scheme, "folds": len({f["name"] for f in folds})}
    seeds = list(dict.fromkeys(member["seed"] for member in metrics["members"]))
    whole = {**metrics, "split": split, "seeds": seeds, "digest": (trained.metrics or {}).get("digest", "")}
    found = facts.rescored(trained, folder, whole, folds)
    found = replace(found, environment={**run.environment(), "device": asked.device})
    return page.write(_page(found, asked), folder / where.PAGE)


def _page(found: RunFacts, asked: Asked) -> Page:
    made = chapters.of_run(found, found.folder / FIGURES)
    options = ", ".join(map(cut, asked.overrides))
    told = (
        f"A new evaluation of {cut(asked.source.absolute().name, 80)} "
        f"{f'with {options}' if options else 'on the data of its recipe'}. Nothing was trained for it: these are the "
        "models as they were."
    )
    about = {"evaluates": cut(asked.named, 80), "with": options, "protocol": found.protocol, "device": asked.device}
    return replace(
        made,
        kicker="An evaluation of a trained model",
        # behind the line that says first whether the data are simulated
        verdict=replace(made.verdict, lines=[*made.verdict.lines[:1], told, *made.verdict.lines[1:]]),
        chapters=[_chapter(one, found, asked) for one in made.chapters if one.key != "training"],
        about={name: value for name, value in about.items() if value},
    )


def _chapter(chapter: Chapter, found: RunFacts, asked: Asked) -> Chapter:
    """Return a chapter of a run as it stands on the page of an evaluation."""
    if chapter.key == "results" and not chapter.sections:
        return replace(chapter, words="There are no figures of its predictions: the task draws none, or was not asked.")
    if chapter.key != "again":
        return chapter
    options = "".join(f" \\\n  --set {shlex.quote(option)}" for option in asked.overrides)
    parts = [Code("again-eval", "This evaluation", f"zoo eval {shlex.quote(asked.named)}{options}")]
    training = recipe_chapter.command(found)
    parts += [Code("again-train", "The training before it", training)] if training else []
    first = material.kept(Section(_COMMAND, "Command", parts))
    return replace(chapter, sections=[first, *(one for one in chapter.sections if one.key != _COMMAND)])
