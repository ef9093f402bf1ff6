"""The chapters of a run's page in their order: results by member, scores, data, training, how to make it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.figures.parts import Section
from zoo.report import data_chapter, judgement, material, recipe_chapter, scores_chapter, training_chapter
from zoo.report.contents import Chapter, Page
from zoo.report.drawing import DRAWN, TOGETHER
from zoo.report.facts import RunFacts, inside
from zoo.report.material import KeptSection, Material
from zoo.report.words import counted, cut, listed
from zoo.run import Run

OWN = "microscopy-zoo"
_FACES: tuple[tuple[str, str, Callable[[RunFacts], list[Section]], str], ...] = (
    ("scores", "Scores", scores_chapter.of, "There are no scores yet."),
    ("data", "Data", data_chapter.of, "This folder tells nothing of the data."),
    ("training", "Training", training_chapter.of, "There is no log of the training in this folder."),
    ("again", "How to make it again", recipe_chapter.of, "This folder does not tell how it was made."),
)


def of_run(facts: RunFacts, figures: Path | None = None) -> Page:
    """Return the page of a run; ``figures`` is where what its task shows was drawn, if not in its own folder."""
    materials = material.read_all(figures or Run(facts.folder).report_folder)
    scores, *others = (_chapter(facts, *face) for face in _FACES)
    chapters = [*results(facts, materials), scores, *others]
    kicker = "A model of zoo" if facts.packaged else "A run of zoo"
    return Page(facts.name, kicker, judgement.of(facts, materials), chapters, _footer(facts), _about(facts))


def _chapter(facts: RunFacts, key: str, title: str, make: Callable[[RunFacts], list[Section]], empty: str) -> Chapter:
    """Return a chapter; one that a strange file makes impossible says so and costs the others nothing."""
    problem = ""
    found: list[KeptSection] = []
    try:
        found = [material.kept(section) for section in make(facts)]
    except Exception as error:  # noqa: BLE001 - files of any age and anybody; the other chapters are to be read
        problem = f"This chapter could not be made ({type(error).__name__}: {cut(error, 200)})."
    return Chapter(key, title, found, problem or ("" if found else empty))


def results(facts: RunFacts, materials: Sequence[Material]) -> Iterator[Chapter]:
    """Give what the task showed, of all test groups together first, then of each member; the first one is open."""
    for number, found in enumerate(materials):
        words = f"Not everything could be drawn: {cut(found.problem, 500)}" if found.problem else ""
        if not found.sections and not words:
            words = "The task shows nothing of it."
        if number == 0 and len(facts.folds) > DRAWN:
            words = f"Of {len(facts.folds)} folds, figures of the first {DRAWN} were drawn. {words}".rstrip()
        key = f"results-{number}"
        yield Chapter(key, title_of(facts, found), found.sections, words, number == 0, f"report/{found.name}")
    if not materials:
        way = "Draw them with 'zoo report RUN --draw', where RUN is this folder."
        way = way if facts.metrics else "They are drawn when a member is scored."
        if facts.packaged:
            way = "A package holds none; score it on data with zoo eval MODEL, which draws them."
        yield Chapter("results", "Results", [], f"No figures of its predictions lie in this folder. {way}")


def title_of(facts: RunFacts, found: Material) -> str:
    """Return what a member is called: its fold, its seed, and what it was tested on."""
    seed = inside(found.about, "seed")
    if found.name == TOGETHER:
        return f"All test {facts.unit} groups together" + (f", seed {seed}" if isinstance(seed, int) else "")
    name, tested = str(inside(found.about, "fold", "name") or ""), inside(found.about, "fold", "test")
    names = [fold.name for fold in facts.folds]
    fold = f"Fold {names.index(name) + 1}" if len(names) > 1 and name in names else ""
    who = [*([fold] if fold else []), *([f"seed {seed}"] if isinstance(seed, int) else [])]
    title = ", ".join(who) or cut(found.name, 60)
    on = f": tested on {_on(facts, tested)}" if isinstance(tested, list) and tested else ""
    return f"{title[:1].upper()}{title[1:]}{on}"


def _on(facts: RunFacts, tested: Sequence[Any]) -> str:
    return listed(tested, 4) if len(tested) <= 4 else counted(len(tested), facts.unit)  # noqa: PLR2004 - a title's worth


def _about(facts: RunFacts) -> dict[str, Any]:
    status = str(facts.status.get("updated") or "")
    found = {
        "folder": cut(facts.folder.absolute().name, 80),
        "protocol": cut(facts.protocol, 40),
        "state": "" if facts.packaged else cut(facts.state, 40),
        "last written": cut(status, 40),
        "device": cut(inside(facts.environment, "device") or "", 60),
    }
    return {name: value for name, value in found.items() if value}


def _footer(facts: RunFacts) -> str:
    digest = cut(inside(facts.metrics, "digest") or "", 12)
    made = f"Made by {OWN} {metadata.version(OWN)} from the files of {cut(facts.folder.absolute().name, 80)}"
    of = f"; digest of its settings {digest}" if digest else ""
    return f"{made}{of}. Nothing on this page is fetched from anywhere."
