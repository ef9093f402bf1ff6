"""A finished run scored again, on its own data or on other data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import atomic, config, evaluate, package
from zoo.errors import DataError, MissingError, UsageError
from zoo.evaluation_files import Gathered
from zoo.run import Run
from zoo.scoring import test_items
from zoo.splits import Split

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Indices

    Keep = Callable[[str, Indices, Arrays, Arrays], None]


def rescore(folder: Path, overrides: list[str], device: str = "cpu", out: Path | None = None) -> dict[str, Any]:
    """Score every finished member of a run, or the one model of a package, on its test groups.

    With overrides that point at other data, the groups of the split are used where those data have them, and else every
    group that the member was not trained or validated on. Gene panel, bank and floors are those kept with the model, so
    the training data need not be there.

    Raises
    ------
    MissingError
        The run holds no finished model.
    DataError
        The data hold no group that the model has not seen.
    UsageError
        The task cannot write what it scored.
    """
    models = [folder] if (folder / config.NAME).is_file() else Run.open(folder).models()
    if not models:
        raise MissingError(f"{folder}: holds no finished model; go on with: zoo train RECIPE --resume")
    members: list[dict[str, Any]] = []
    notes: list[str] = []
    files: list[Path] = []
    for model in models:
        loaded = package.read(model, overrides, device)
        gathered = Gathered()
        keep = _keeper(loaded, out, files, gathered) if out else None
        fold, note = _groups(loaded, overrides)
        notes.extend([note] if note and note not in notes else [])
        found = evaluate.by_group(loaded.contestant, loaded.dataset, test_items(loaded.dataset, fold), keep)
        told = [*loaded.filled.notes, *getattr(loaded.dataset, "notes", ())]
        notes.extend(n for n in told if n not in notes)
        files += _together(loaded, gathered, out) if out else []
        members.append({"member": loaded.config.member, "seed": loaded.config.seed, **found})
    frame = loaded.filled.frame
    joined = evaluate.summarise(members, loaded.contestant.task.scores, frame.protocol, loaded.contestant.task)
    joined["notes"] += notes
    written = {"files": [str(file) for file in files]} if out else {}
    return {"recipe": frame.name, "protocol": frame.protocol, **joined, "members": members, **written}


def _keeper(loaded: package.Loaded, out: Path, files: list[Path], gathered: Gathered) -> Keep:
    """Return what lays the prediction for a test group beside its truth, in the folder of the member."""
    task = loaded.contestant.task
    write, together = getattr(task, "write_scored", None), hasattr(task, "write_evaluation")
    if write is None and not together:
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
    return Split("other", trained.unit, trained.train, trained.val, test), note
