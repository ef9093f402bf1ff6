"""A finished run scored again, on its own data or on other data, and its figures drawn again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import atomic, config, evaluate, package
from zoo.errors import DataError, MissingError, RunError, UsageError
from zoo.evaluation_files import Gathered
from zoo.progress import track
from zoo.report import drawing
from zoo.run import Run
from zoo.scoring import test_items
from zoo.splits import Split
from zoo.training import as_items

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Indices, Task

    Keep = Callable[[str, Indices, Arrays, Arrays], None]


def rescore(
    folder: Path, overrides: list[str], device: str = "cpu", out: Path | None = None, *, figures: Path | None = None
) -> dict[str, Any]:
    """Score every finished member of a run, or the one model of a package, on its test groups.

    With overrides that point at other data, the groups of the split are used where those data have them, and else every
    group that the member was not trained or validated on. Gene panel, bank and floors are those kept with the model, so
    the training data need not be there.

    Parameters
    ----------
    folder
        Of the run, or of the package.
    overrides
        ``--set`` options on its recipe.
    device
        Where the models go.
    out
        A folder for the files in which a task lays what was predicted beside what was measured.
    figures
        A folder for what the task shows of it on a page; figures that cannot be drawn are a note.

    Raises
    ------
    MissingError
        The run holds no finished model.
    DataError
        The data hold no group that the model has not seen.
    UsageError
        The task cannot write what it scored, and nobody asked for figures.
    """
    models = _models(folder)
    seeds = {config.read(model).seed for model in models}
    members: list[dict[str, Any]] = []
    notes: list[str] = []
    files: list[Path] = []
    with _anew(figures, notes) as place:
        for model in track(models, "scoring", unit="members"):
            loaded = package.read(model, overrides, device)
            gathered, shown = Gathered(), Gathered() if place and _is_shown(loaded, seeds, place) else None
            # a page is reason enough to name a folder, where the task writes nothing else
            written = out if figures is None or _writes(loaded.contestant.task) else None
            keeps = [_keeper(loaded, written, files, gathered)] if written else []
            keeps += [shown.add] if shown else []
            fold, note = _groups(loaded, overrides)
            notes.extend([note] if note and note not in notes else [])
            found = evaluate.by_group(loaded.contestant, loaded.dataset, test_items(loaded.dataset, fold), _all(keeps))
            told = [*loaded.filled.notes, *getattr(loaded.dataset, "notes", ())]
            notes.extend(n for n in told if n not in notes)
            files += _together(loaded, gathered, written) if written else []
            about = {"member": loaded.config.member, "seed": loaded.config.seed, "fold": fold.as_dict()}
            members.append({**about, **found})
            if place and shown:
                with _noted(notes):
                    _draw(place, folder, loaded, fold, shown)
        if place:
            with _noted(notes):
                _draw_together(place, loaded, members, fold.unit)
    frame = loaded.filled.frame
    joined = evaluate.summarise(members, loaded.contestant.task.scores, frame.protocol, loaded.contestant.task)
    joined["notes"] += notes
    listed = {"files": [str(file) for file in files]} if out else {}
    return {"recipe": frame.name, "protocol": frame.protocol, **joined, "members": members, **listed}


def redraw(folder: Path, overrides: list[str], device: str, figures: Path) -> Path:
    """Predict the test groups of a run's first seed again, draw what its task shows of them, and return the folder.

    What was drawn before is replaced at the end, and stays where something goes wrong.

    Parameters
    ----------
    folder, overrides, device
        As of :func:`rescore`.
    figures
        Where to; of a run :attr:`zoo.run.Run.report_folder`.

    Raises
    ------
    MissingError
        The run holds no finished model.
    DataError
        The data cannot be read, or are others than those that the run was tested on.
    UsageError
        The task shows nothing.
    """
    models = _models(folder)
    seeds = {config.read(model).seed for model in models}
    with _anew(figures) as place:
        for model in track(models, "drawing", unit="members"):
            loaded = package.read(model, overrides, device)
            if not drawing.reports(loaded.contestant.task):
                name = loaded.filled.data["task"]["use"]
                raise UsageError(f"--draw: the task {name} shows no figures; leave it out")
            if place and _is_shown(loaded, seeds, place):
                fold, shown = _predicted_again(loaded, folder)
                _draw(place, folder, loaded, fold, shown)
        if place:
            _draw_together(place, loaded, _results(folder), loaded.config.fold.unit)
    return figures


def _models(folder: Path) -> list[Path]:
    models = [folder] if (folder / config.NAME).is_file() else Run.open(folder).models()
    if not models:
        raise MissingError(f"{folder}: holds no finished model; go on with: zoo train RECIPE --resume")
    return models


def _is_shown(loaded: package.Loaded, seeds: set[int], place: Path) -> bool:
    """Return whether figures are drawn of a model: of the first seed, of the first folds, if the task shows any."""
    first = next((seed for seed in loaded.filled.frame.train.seeds if seed in seeds), loaded.config.seed)
    shows = drawing.reports(loaded.contestant.task) and loaded.config.seed == first
    return shows and drawing.has_room(place, loaded.config.member)


def _predicted_again(loaded: package.Loaded, folder: Path) -> tuple[Split, Gathered]:
    """Predict the groups that a model was tested on."""
    way = "say where they are with --set data.root=PATH, or leave out --draw for a page of what was drawn before"
    gathered, contestant = Gathered(), loaded.contestant
    try:
        fold, other = _groups(loaded, [])
        for group, items in test_items(loaded.dataset, fold).items():
            predicted, truth = contestant.predict(loaded.dataset, items), contestant.task.truth(loaded.dataset, items)
            gathered.add(group, items, predicted, truth)
    except (DataError, MissingError) as error:
        raise DataError(f"{folder}: its test groups cannot be predicted again ({error}); {way}") from error
    if other:
        raise DataError(f"{folder}: {other}; draw figures of other data with: zoo eval {folder}")
    return fold, gathered


def _draw(place: Path, folder: Path, loaded: package.Loaded, fold: Split, shown: Gathered) -> None:
    known = loaded.config
    about = {"member": known.member, "seed": known.seed, "fold": fold.as_dict()}
    train = as_items(fold.items(loaded.dataset.groups[fold.unit], "train"))
    steps = next((found["steps"] for found in _results(folder, known.member) if found and "steps" in found), ())
    drawing.of_member(
        place / known.member, loaded.contestant, loaded.dataset, shown, train=train, about=about, steps=steps
    )


def _draw_together(place: Path, loaded: package.Loaded, members: list[dict[str, Any]], unit: str) -> None:
    drawing.together(place / drawing.TOGETHER, loaded.contestant.task, members, loaded.dataset, unit)


def _results(folder: Path, member: str = "*") -> list[dict[str, Any]]:
    """Return what a run keeps of its members; a package keeps nothing of the kind."""
    run = Run(folder)
    return [run.read_json(path) for path in sorted(folder.glob(f"results/{member}.json"))]


@contextmanager
def _anew(folder: Path | None, notes: list[str] | None = None) -> Iterator[Path | None]:
    """Fill a folder beside its place and put it there at the end; what was there before goes only then."""
    if folder is None:
        yield None
        return
    made, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{end}") for end in ("new", "old"))
    try:
        yield made
        with _noted(notes), atomic.disk_errors(folder):
            if made.exists():
                if folder.exists():
                    folder.rename(old)
                made.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _noted(notes: list[str] | None) -> Iterator[None]:
    """Note, if there are notes, what a disk refuses or a damaged file says: it costs nothing but the figures."""
    try:
        yield
    except RunError as error:
        if notes is None:
            raise
        notes.append(f"no figures: {error}")


def _all(keeps: list[Keep]) -> Keep | None:
    """Return what hands a group to each of several that keep it."""
    if not keeps:
        return None

    def keep(group: str, items: Indices, predicted: Arrays, truth: Arrays) -> None:
        for one in keeps:
            one(group, items, predicted, truth)

    return keep


def _writes(task: Task) -> bool:
    return hasattr(task, "write_scored") or hasattr(task, "write_evaluation")


def _keeper(loaded: package.Loaded, out: Path, files: list[Path], gathered: Gathered) -> Keep:
    """Return what lays the prediction for a test group beside its truth, in the folder of the member."""
    task = loaded.contestant.task
    write, together = getattr(task, "write_scored", None), hasattr(task, "write_evaluation")
    if not _writes(task):
        raise UsageError(f"--out {out}: the task {loaded.filled.data['task']['use']} writes no files; leave it out")
    folder, facts = out / loaded.config.member, _facts(loaded)

    def keep(group: str, items: Indices, predicted: Arrays, truth: Arrays) -> None:
        if together:  # else what is predicted of all groups would be held for nobody
            gathered.add(group, items, predicted, truth)
        if write is None:
            return
        with atomic.disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        found = {**facts, "group": group}
        files.extend(write(predicted, truth, dataset=loaded.dataset, items=items, folder=folder, facts=found))

    return keep


def _together(loaded: package.Loaded, gathered: Gathered, out: Path) -> list[Path]:
    """Write what a task says of all test groups at once, and where the model looked."""
    from zoo.explain import explainer  # with it the model, which joining scores does without

    contestant = loaded.contestant
    explain = explainer(contestant.model, loaded.dataset, contestant.transforms, contestant.batch)
    folder = out / loaded.config.member
    return gathered.write(contestant.task, loaded.dataset, folder, _facts(loaded), explain)


def _facts(loaded: package.Loaded) -> dict[str, str]:
    frame, known = loaded.filled.frame, loaded.config
    return {
        "recipe": frame.name,
        "member": known.member,
        "recipe_digest": known.digest,
        "protocol": frame.protocol,
    }


def _groups(loaded: package.Loaded, overrides: list[str]) -> tuple[Split, str]:
    trained = loaded.config.fold
    names = sorted(set(loaded.dataset.groups[trained.unit]))
    seen = {*trained.train, *trained.val}
    if set(trained.test) <= set(names):
        return Split(trained.name, trained.unit, trained.train, trained.val, trained.test), ""
    test = tuple(name for name in names if name not in seen)
    if not overrides or not test:
        have = ", ".join(names)
        raise DataError(
            f"the data hold no {trained.unit} that the model has not seen (they have {have}; it was trained on "
            f"{', '.join(sorted(seen))}); point --set data.root at other data"
        )
    note = f"scored on {trained.unit} {', '.join(test)}, none of which the model was trained on"
    return Split(trained.name, trained.unit, trained.train, trained.val, test), note
