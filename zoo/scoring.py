"""A trained member scored beside its floors on the test groups, and written down with its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import atomic, contestant, evaluate, events, package, workbench
from zoo.errors import DataError, UsageError
from zoo.evaluation_files import Gathered
from zoo.report import drawing, pictures
from zoo.training import Record, as_items

if TYPE_CHECKING:
    from zoo.contestant import Contestant
    from zoo.contracts import Dataset, Task
    from zoo.filled import Filled
    from zoo.interrupts import Interrupts
    from zoo.model import Ensemble, Model
    from zoo.pipeline import Outcome
    from zoo.run import Run
    from zoo.splits import Split
    from zoo.training import Member


def scored(
    member: Member,
    fold: Split,
    run: Run,
    model: Model | Ensemble,
    interrupts: Interrupts,
    *,
    came: Outcome | None = None,
) -> Record:
    """Score a member; a signal stops it at once, and what is trained stays."""
    stopped = f"stopped by a signal while {member.name} was scored; it is trained, and its checkpoint is in"
    with interrupts.at_once(f"{stopped} {run.folder}, go on with the same command and --resume"):
        return Record("scored", member.name, 0, _score_member(member, fold, run, model, came))


def _score_member(
    member: Member, fold: Split, run: Run, model: Model | Ensemble, came: Outcome | None
) -> dict[str, Any]:
    """Score a trained member beside its floors, and write the model and the result; return the scores by group.

    Where scores are pooled, those of all groups together are returned instead. ``came`` is what stages made: their
    calibration, and the models that led to this one, which are scored beside it.
    """
    dataset, batch = member.dataset, member.filled.frame.train.batch
    views = member.filled.build_transforms("eval", member.facts)
    trained = contestant.prepare(model, member.task, dataset, member.train, batch=batch, transforms=views)
    trained.floors.update(member.task.fit_floors(dataset, member.train))
    trained.bank.update(came.calibration if came else {})
    for name, led in came.led.items() if came else ():
        stage = workbench.built(member.filled, led, member.facts).to(next(model.parameters()).device)
        rival = _rival(stage, member, views)
        trained.stages.update({name: rival} if rival else {})
    drawn = Gathered() if run.draws and _is_shown(member, run) else None
    result = evaluate.by_group(trained, dataset, test_items(dataset, fold), drawn.add if drawn else None)
    about = {"member": member.name, "seed": member.seed, "fold": fold.as_dict()}
    folder = run.model_folder(member.name)
    package.write(folder, member.filled, trained, dataset, about=about, items=member.train)
    steps = {"steps": came.told} if came else {}
    atomic.write_json(run.folder / "results" / f"{member.name}.json", {**about, **steps, **result})
    if drawn:
        told = came.told if came else ()
        place = run.report_folder / member.name
        drawing.of_member(place, trained, dataset, drawn, train=member.train, about=about, steps=told)
        show_events(run, member.filled, member.name)
    if "pooled" in result:
        protocol = member.filled.frame.protocol
        return {"all test groups": alone({**about, **result}, member.task, protocol)["alone"]}
    scores: dict[str, Any] = result["scores"][contestant.MODEL]
    return scores


def show_events(run: Run, filled: Filled, name: str) -> None:
    """Put what was drawn for the card of a member, or of all of them, among the events, if a recipe asks for those."""
    if filled.frame.train.tensorboard:
        shown = {f"report/{picture.key}": picture.content for picture in pictures.of_folder(run.report_folder / name)}
        events.show(run.folder / "tensorboard" / name, shown, filled.frame.train.epochs)


def _is_shown(member: Member, run: Run) -> bool:
    """Return whether a member's figures are drawn: those of the first seed, of the first folds, if its task has any."""
    first = member.seed == member.filled.frame.train.seeds[0]
    return first and drawing.reports(member.task) and drawing.has_room(run.report_folder, member.name)


def _rival(model: Model, member: Member, views: list[Any]) -> Contestant | None:
    """Return an earlier model of a member as it is scored, None where the task cannot read what its head gives.

    A stage may train a head of another kind first, on something that is not what is asked for in the end.
    """
    batch = member.filled.frame.train.batch
    try:
        rival = contestant.prepare(model, member.task, member.dataset, member.train, batch=batch, transforms=views)
        rival.predict(member.dataset, member.train[:1])
    except (LookupError, DataError, UsageError):  # not every error of ours: a signal is one too
        return None
    return rival


def test_items(dataset: Dataset, fold: Split) -> dict[str, Any]:
    """Return test group -> its items; one that has none left (no cell was found in any of its fields) is not there."""
    everyone = dataset.groups[fold.unit]
    found = {g: as_items([i for i, group in enumerate(everyone) if group == g]) for g in fold.test}
    return {group: items for group, items in found.items() if len(items)}


def alone(member: dict[str, Any], task: Task, protocol: str) -> dict[str, Any]:
    """Return a member with its scores over all groups, and without the predictions that only joining needs."""
    found = evaluate.summarise([member], task.scores, protocol, task)["scores"]
    kept = {key: value for key, value in member.items() if key != "pooled"}
    return {**kept, "alone": {score: column["mean"] for score, column in found.items()}}
