"""A whole run: every fold and every seed of a recipe trained, scored beside its floors, and written down."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import (
    atomic,
    document,
    evaluate,
    evaluation_files,
    folders,
    pipeline,
    progress,
    recipe,
    report,
    resolve,
    scoring,
    staging,
    voters,
)
from zoo.compatible import check_fit
from zoo.devices import accelerator_for
from zoo.errors import Interrupted, RunError, UsageError, ZooError
from zoo.filled import Filled
from zoo.interrupts import Interrupts
from zoo.registry import Registry
from zoo.report import census, drawing
from zoo.run import Run, environment, newest_unfinished
from zoo.splits import Split, make, refuse_copies
from zoo.training import Fit, Member, Record, as_items
from zoo.workbench import Workplace

if TYPE_CHECKING:
    from accelerate import Accelerator

    from zoo.contracts import Dataset, Task


def start(
    path: str | Path,
    overrides: list[str],
    *,
    out: Path | None = None,
    resume: bool = False,
    first: str | None = None,
    draws: bool = True,
) -> tuple[Run, Filled]:
    """Check a recipe and open its run folder: a new one, or with ``resume`` the newest that did not finish.

    ``first`` is the stage from which everything is made anew, as :func:`train` will be asked to. Without ``draws`` the
    run gets no page, which saves a few seconds a run where there are many.

    Raises
    ------
    RecipeError, MissingError
        The recipe is wrong, or a part is not installed.
    RunError
        The run to be resumed was made from other settings.
    UsageError
        The recipe has no such stage, or a run is to be resumed and to be begun anew.
    """
    filled = resolve.fill(recipe.load(path, overrides), Registry())
    if first is not None:
        pipeline.place_of(filled, first)
        if resume:
            raise UsageError(f"--from {first} begins anew what --resume would go on with; say one of them")
    if not resume:
        main = int(os.environ.get("RANK", "0")) == 0
        run = Run.create(filled.frame.name, filled.digest, out) if main else Run(out or Path())
        return replace(run, draws=draws and folders.page_wanted()), filled
    run = Run.open(out) if out else newest_unfinished(filled.frame.name)
    begun = resolve.fill(recipe.load(run.recipe_path), Registry())
    if begun.digest != filled.digest:
        changed = ", ".join(sorted(_differences(begun.data, filled.data))[:6])
        raise RunError(f"{run.folder}: was begun with other settings ({changed}); set them back, or train a new run")
    return replace(run, draws=draws and folders.page_wanted()), filled


def train(run: Run, filled: Filled, device: str = "auto", first: str | None = None) -> Iterator[Record]:
    """Train every member that is not finished yet, telling of each batch, epoch, member and finally the run.

    Of a recipe with stages, what stage ``first`` and those behind it made before is made anew.
    """
    accelerator = accelerator_for(filled.frame.train.precision, device)
    run = _shared(run, accelerator)
    if not accelerator.is_main_process:
        try:
            for _ in _train(run, filled, accelerator, first):
                pass  # the first process tells of it for all
        except BaseException as error:
            voters.note_failure(run, f"{type(error).__name__}: {error}", accelerator.process_index)
            raise
        return
    with run.locked():
        run.set_status("running", pid=os.getpid())
        try:
            yield from _train(run, filled, accelerator, first)
        except BaseException as error:
            state = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt | GeneratorExit) else "failed"
            run.set_status(state, reason=str(error) or type(error).__name__)
            raise
        run.set_status("finished")
        if run.draws:
            yield Record("page", "", 0, _page(run))


def _page(run: Run) -> dict[str, str]:
    """Write the page of a finished run; one that cannot be written takes nothing from the run."""
    try:
        with progress.step("writing the page"):
            return {"path": str(report.write(run.folder)), "problem": ""}
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - hours of training end here
        problem = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
        return {"path": "", "problem": problem}


def _train(run: Run, filled: Filled, accelerator: Accelerator, first: str | None = None) -> Iterator[Record]:
    untouched = filled.build("data", {})
    folds = folds_of(filled, untouched)
    if accelerator.is_main_process:
        _write_beginnings(run, filled, folds)
        atomic.write_json(run.folder / census.FILE, census.of(untouched, folds, _labels(untouched)))
        voters.forget_failures(run)
    if filled.members:
        accelerator.wait_for_everyone()
    dataset = untouched
    train_one = _train_voters if filled.members else _train_member
    yield Record("plan", "", 0, _ahead(run, filled, folds))
    with Interrupts().listening() as interrupts:
        if filled.data["stages"]:
            staged = staging.Staged(filled, untouched, Workplace(run, accelerator, interrupts, check_fit))
            dataset, train_one = staged.dataset, staged.train
            yield from staged.begin(folds, first)
        for fold in folds:
            fit_dataset(filled, dataset, fold)
            for seed in filled.frame.train.seeds:
                member = _member(filled, dataset, fold, seed)
                if _result(run, member.name) is None:
                    yield from train_one(member, fold, run, accelerator, interrupts)
    if accelerator.is_main_process:
        yield Record("run", "", 0, summary(run, filled, folds, dataset))


def _ahead(run: Run, filled: Filled, folds: list[Split]) -> dict[str, Any]:
    """Return what is still to be trained, so that people can be told how long it takes."""
    names = [member_name(fold, seed) for fold in folds for seed in filled.frame.train.seeds]
    return {
        "members": sum(_result(run, name) is None for name in names),
        "voters": len(filled.members) or 1,
        "stages": len(filled.data["stages"] or ()),
        "may_stop": bool(filled.frame.train.early_stop),
    }


def folds_of(filled: Filled, dataset: Dataset) -> list[Split]:
    """Return the folds of a recipe over the groups of its data.

    Raises
    ------
    DataError
        The data cannot be split so, or under the strict protocol copies of one item would stand on two sides.
    """
    folds = make(filled.split, dataset.groups, _labels(dataset))
    identity = getattr(dataset, "identity", None)
    if identity is not None and filled.frame.protocol == "strict":
        refuse_copies(folds, dataset.groups, identity)
    return folds


def _labels(dataset: Dataset) -> list[str] | list[list[str]] | None:
    """Return by name the class of each item, or its classes where it may have several; None where data have neither."""
    classes = list(getattr(dataset, "classes", None) or ())
    numbers, sets = getattr(dataset, "labels", None), getattr(dataset, "label_sets", None)
    if numbers is not None:
        return [classes[number] if number >= 0 else "" for number in numbers]
    if sets is None:
        return None
    return [[name for name, has in zip(classes, row, strict=True) if has > 0] for row in sets.tolist()]


def _train_member(
    member: Member, fold: Split, run: Run, accelerator: Accelerator, interrupts: Interrupts
) -> Iterator[Record]:
    fit = Fit(member, run, accelerator, interrupts)
    check_fit(member, fit)
    yield Record("member", member.name, 0, fit.about)
    yield from fit.records()
    if accelerator.is_main_process:
        yield scoring.scored(member, fold, run, fit.trainee.model, interrupts)
    accelerator.free_memory()  # it holds on to every model it has prepared


def _train_voters(
    member: Member, fold: Split, run: Run, accelerator: Accelerator, interrupts: Interrupts
) -> Iterator[Record]:
    members = voters.of(member)
    yield from voters.train(members, run, accelerator, interrupts, check_fit)
    if accelerator.is_main_process:
        model = voters.together(members, member, run, accelerator.device, interrupts)
        yield scoring.scored(member, fold, run, model, interrupts)


def planned(filled: Filled) -> list[dict[str, Any]]:
    """Return the stages of every member, a row each: what each takes, its digest, and whether it would run."""
    untouched = filled.build("data", {})
    views, rows = [untouched, *filled.views(untouched)], dict[str, dict[str, Any]]()
    for fold, seed in itertools.product(folds_of(filled, untouched), filled.frame.train.seeds):
        for step in pipeline.plan(filled, views, fold, seed):
            who = member_name(fold, seed) if step.fitted else pipeline.EVERYONE
            about = {"member": who, "stage": step.name, "use": step.use, "takes": ", ".join(step.taken) or "the data"}
            state = "kept" if step.kept.is_there else "would run"
            rows.setdefault(step.kept.digest, {**about, "digest": step.kept.digest[:12], "what": state})
    return list(rows.values())


def fit_dataset(filled: Filled, dataset: Dataset, fold: Split) -> None:
    """Fit the dataset to what the protocol lets it see: the training groups, or (published) everything."""
    everyone = dataset.groups[fold.unit]
    strict = filled.frame.protocol == "strict"
    dataset.fit(as_items(fold.items(everyone, "train") if strict else list(range(len(dataset)))))


def summary(run: Run, filled: Filled, folds: list[Split], dataset: Dataset) -> dict[str, Any]:
    """Join the members' results into ``metrics.json`` and return it."""
    names = [member_name(fold, seed) for fold in folds for seed in filled.frame.train.seeds]
    members = [found for name in names if (found := _result(run, name)) is not None]
    task: Task = filled.build("task", dict(dataset.facts))
    joined = evaluate.summarise(members, task.scores, filled.frame.protocol, task)
    joined["notes"].extend(getattr(dataset, "notes", ()))
    about = {"recipe": filled.frame.name, "digest": filled.digest, "protocol": filled.frame.protocol}
    split = {"unit": filled.split.unit, "scheme": filled.split.scheme, "folds": len(folds)}
    files = {"recipe": filled.frame.name, "recipe_digest": filled.digest, "protocol": filled.frame.protocol}
    folder = run.folder / "evaluation"
    evaluation_files.of_run(task, members, dataset, unit=filled.split.unit, folder=folder, facts=files)
    if run.draws:
        drawing.together(run.report_folder / drawing.TOGETHER, task, members, dataset, filled.split.unit)
        scoring.show_events(run, filled, drawing.TOGETHER)
    each = [scoring.alone(member, task, filled.frame.protocol) for member in members]
    metrics = {**about, "split": split, "seeds": filled.frame.train.seeds, **joined, "members": each}
    atomic.write_json(run.metrics_path, metrics)
    return metrics


def member_name(fold: Split, seed: int) -> str:
    """Return the name of a member's folder."""
    return f"{fold.name}-seed{seed}"


def _member(filled: Filled, dataset: Dataset, fold: Split, seed: int) -> Member:
    everyone = dataset.groups[fold.unit]
    facts = dict(dataset.facts)
    return Member(
        name=member_name(fold, seed),
        seed=seed,
        filled=filled,
        dataset=dataset,
        task=filled.build("task", facts),
        train=as_items(fold.items(everyone, "train")),
        val=as_items(fold.items(everyone, "val")),
        facts=facts,
    )


def _write_beginnings(run: Run, filled: Filled, folds: list[Split]) -> None:
    """Write what is known before training: the filled recipe with origins, the split, the environment."""
    header = f"# filled from {', '.join(filled.recipe.files)}\n" + "".join(
        f"# --set {option}\n" for option in filled.recipe.overrides
    )
    if not run.recipe_path.exists():
        atomic.write_text(run.recipe_path, header + filled.recipe.dump())
        origins = {document.dotted(path): origin for path, origin in filled.origins.items()}
        atomic.write_json(run.folder / "environment.json", {**environment(), "origins": origins})
    atomic.write_json(run.splits_path, [fold.as_dict() for fold in folds])


def _shared(run: Run, accelerator: Accelerator) -> Run:
    """Give every process the folder that the first one made."""
    if accelerator.num_processes == 1:
        return run
    from accelerate.utils import broadcast_object_list

    return replace(run, folder=Path(broadcast_object_list([str(run.folder)])[0]))


def _result(run: Run, member: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = run.read_json(run.folder / "results" / f"{member}.json")
    return found


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if one == other or path in {"name", "publish"}:
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        keys = set(one) | set(other)
        return [d for key in keys for d in _differences(one.get(key), other.get(key), f"{path}.{key}".strip("."))]
    return [path]
