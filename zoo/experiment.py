"""A whole run: every fold and every seed of a recipe trained, scored beside its floors, and written down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import atomic, document, evaluate, evaluation_files, package, recipe, resolve, voters
from zoo.errors import Interrupted, RecipeError, RunError, UsageError
from zoo.errors import Problem as RecipeProblem
from zoo.filled import Filled
from zoo.interrupts import Interrupts
from zoo.registry import Registry
from zoo.run import Run, environment, newest_unfinished
from zoo.splits import Split, make, refuse_copies
from zoo.training import Fit, Member, Record, as_items

if TYPE_CHECKING:
    from accelerate import Accelerator

    from zoo.contracts import Dataset, Task
    from zoo.model import Ensemble, Model


def start(
    path: str | Path, overrides: list[str], *, out: Path | None = None, resume: bool = False
) -> tuple[Run, Filled]:
    """Check a recipe and open its run folder: a new one, or with ``resume`` the newest that did not finish.

    Raises
    ------
    RecipeError, MissingError
        The recipe is wrong, or a part is not installed.
    RunError
        The run to be resumed was made from other settings.
    """
    filled = resolve.fill(recipe.load(path, overrides), Registry())
    if not resume:
        main = int(os.environ.get("RANK", "0")) == 0
        run = Run.create(filled.frame.name, filled.digest, out) if main else Run(out or Path())
        return run, filled
    run = Run.open(out) if out else newest_unfinished(filled.frame.name)
    begun = resolve.fill(recipe.load(run.recipe_path), Registry())
    if begun.digest != filled.digest:
        changed = ", ".join(sorted(_differences(begun.data, filled.data))[:6])
        raise RunError(f"{run.folder}: was begun with other settings ({changed}); set them back, or train a new run")
    return run, filled


def accelerator_for(filled: Filled, device: str = "auto") -> Accelerator:
    """Return the accelerator of the device asked for; ``auto`` is CUDA where there is one.

    Raises
    ------
    UsageError
        CUDA was asked for and is not there, or the precision does not exist on the device.
    """
    import torch
    from accelerate import Accelerator, DistributedDataParallelKwargs

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA device is there; leave it out, or say --device cpu")
    cpu = device == "cpu" or not torch.cuda.is_available()
    wanted = filled.frame.train.precision
    if cpu and wanted == "fp16":
        raise UsageError("train.precision fp16 needs a CUDA device; on the CPU use fp32 or bf16")
    if wanted == "auto":
        wanted = "bf16" if not cpu and torch.cuda.is_bf16_supported() else "fp32"
    # a head may have outputs that a loss does not use; without this, data-parallel training would refuse them
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=cpu, mixed_precision="no" if wanted == "fp32" else wanted, kwargs_handlers=[parallel])


def train(run: Run, filled: Filled, device: str = "auto") -> Iterator[Record]:
    """Train every member that is not finished yet, telling of each batch, epoch, member and finally the run."""
    accelerator = accelerator_for(filled, device)
    run = _shared(run, accelerator)
    if not accelerator.is_main_process:
        try:
            for _ in _train(run, filled, accelerator):
                pass  # the first process tells of it for all
        except BaseException as error:
            voters.note_failure(run, f"{type(error).__name__}: {error}", accelerator.process_index)
            raise
        return
    with run.locked():
        run.set_status("running", pid=os.getpid())
        try:
            yield from _train(run, filled, accelerator)
        except BaseException as error:
            state = "interrupted" if isinstance(error, Interrupted | KeyboardInterrupt | GeneratorExit) else "failed"
            run.set_status(state, reason=str(error) or type(error).__name__)
            raise
        run.set_status("finished")


def _train(run: Run, filled: Filled, accelerator: Accelerator) -> Iterator[Record]:
    dataset = filled.build("data", {})
    folds = folds_of(filled, dataset)
    if accelerator.is_main_process:
        _write_beginnings(run, filled, folds)
        voters.forget_failures(run)
    if filled.members:
        accelerator.wait_for_everyone()
    train_one = _train_voters if filled.members else _train_member
    with Interrupts().listening() as interrupts:
        for fold in folds:
            fit_dataset(filled, dataset, fold)
            for seed in filled.frame.train.seeds:
                member = _member(filled, dataset, fold, seed)
                if _result(run, member.name) is None:
                    yield from train_one(member, fold, run, accelerator, interrupts)
    if accelerator.is_main_process:
        yield Record("run", "", 0, summary(run, filled, folds, dataset))


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
    _check_fit(member, fit)
    yield Record("member", member.name, 0, fit.about)
    yield from fit.records()
    if accelerator.is_main_process:
        yield _scored(member, fold, run, fit.trainee.model, interrupts)
    accelerator.free_memory()  # it holds on to every model it has prepared


def _train_voters(
    member: Member, fold: Split, run: Run, accelerator: Accelerator, interrupts: Interrupts
) -> Iterator[Record]:
    members = voters.of(member)
    yield from voters.train(members, run, accelerator, interrupts, _check_fit)
    if accelerator.is_main_process:
        model = voters.together(members, member, run, accelerator.device, interrupts)
        yield _scored(member, fold, run, model, interrupts)


def _scored(member: Member, fold: Split, run: Run, model: Model | Ensemble, interrupts: Interrupts) -> Record:
    stopped = f"stopped by a signal while {member.name} was scored; it is trained, and its checkpoint is in"
    with interrupts.at_once(f"{stopped} {run.folder}, go on with the same command and --resume"):
        return Record("scored", member.name, 0, _score_member(member, fold, run, model))


def _score_member(member: Member, fold: Split, run: Run, model: Model | Ensemble) -> dict[str, Any]:
    """Score a trained member beside its floors, and write the model and the result; return the scores by group.

    Where scores are pooled, those of all groups together are returned instead.
    """
    dataset, batch = member.dataset, member.filled.frame.train.batch
    views = member.filled.build_transforms("eval", member.facts)
    trained = evaluate.prepare(model, member.task, dataset, member.train, batch=batch, transforms=views)
    trained.floors.update(member.task.fit_floors(dataset, member.train))
    result = evaluate.by_group(trained, dataset, test_items(dataset, fold))
    about = {"member": member.name, "seed": member.seed, "fold": fold.as_dict()}
    folder = run.model_folder(member.name)
    package.write(folder, member.filled, trained, dataset, about=about, items=member.train)
    atomic.write_json(run.folder / "results" / f"{member.name}.json", {**about, **result})
    if "pooled" in result:
        protocol = member.filled.frame.protocol
        return {"all test groups": _alone({**about, **result}, member.task, protocol)["alone"]}
    scores: dict[str, Any] = result["scores"][evaluate.MODEL]
    return scores


def fit_dataset(filled: Filled, dataset: Dataset, fold: Split) -> None:
    """Fit the dataset to what the protocol lets it see: the training groups, or (published) everything."""
    everyone = dataset.groups[fold.unit]
    strict = filled.frame.protocol == "strict"
    dataset.fit(as_items(fold.items(everyone, "train") if strict else list(range(len(dataset)))))


def test_items(dataset: Dataset, fold: Split) -> dict[str, Any]:
    """Return test group -> its items."""
    everyone = dataset.groups[fold.unit]
    return {g: as_items([i for i, group in enumerate(everyone) if group == g]) for g in fold.test}


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
    each = [_alone(member, task, filled.frame.protocol) for member in members]
    metrics = {**about, "split": split, "seeds": filled.frame.train.seeds, **joined, "members": each}
    atomic.write_json(run.metrics_path, metrics)
    return metrics


def _alone(member: dict[str, Any], task: Task, protocol: str) -> dict[str, Any]:
    """Return a member with its scores over all groups, and without the predictions that only joining needs."""
    found = evaluate.summarise([member], task.scores, protocol, task)["scores"]
    kept = {key: value for key, value in member.items() if key != "pooled"}
    return {**kept, "alone": {score: column["mean"] for score, column in found.items()}}


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


def _check_fit(member: Member, fit: Fit) -> None:
    """Refuse parts that do not go together, before anything is paid for."""
    lacking = sorted(_reads(fit.trainee) - set(member.dataset.provides))
    stop = member.filled.frame.train.early_stop
    where = member.filled.recipe.place
    if lacking:
        what = f"needs {', '.join(lacking)} in a batch; the dataset delivers {', '.join(member.dataset.provides)}"
        raise RecipeError([RecipeProblem(where(("encoder",)), "encoder", what)])
    if stop and not len(member.val):
        what = "needs validation groups; name them in data.split.val"
        raise RecipeError([RecipeProblem(where(("train", "early_stop")), "train.early_stop", what)])
    unknown = sorted(set(stop.weights) - {"loss", *member.task.scores}) if stop else []
    if unknown:
        known = ", ".join(["loss", *member.task.scores])
        what = f"'{unknown[0]}' is no score of the task; it has {known}"
        raise RecipeError([RecipeProblem(where(("train", "early_stop", "metric")), "train.early_stop.metric", what)])
    rates = member.filled.frame.train.lr
    parts = {"encoder", "head", "loss", *fit.trainee.parts()}
    strange = sorted(set(rates) - parts) if isinstance(rates, dict) else []
    if strange:
        what = f"'{strange[0]}' is no part of this model; it has {', '.join(sorted(parts))}"
        raise RecipeError([RecipeProblem(where(("train", "lr")), "train.lr", what)])


def _reads(module: Any) -> set[str]:
    """Return what a module and its parts read of a batch, without what it makes for its parts itself."""
    inside = {name for part in module.children() for name in _reads(part)}
    return {*getattr(module, "reads", ()), *(inside - set(getattr(module, "makes", ())))}


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

    return Run(Path(broadcast_object_list([str(run.folder)])[0]))


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
