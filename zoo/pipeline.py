"""The stages of a recipe, one after the other: run where their result is not kept, taken from the cache where it is."""

from __future__ import annotations

import difflib
import hashlib
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import progress
from zoo.errors import Interrupted, Problem, RecipeError, UsageError
from zoo.filled import Filled
from zoo.kept import TOLD, Kept
from zoo.recipe import digest
from zoo.registry import Entry
from zoo.schema import APART, SLOTS
from zoo.stage_contract import Made, Trained
from zoo.trace import source_of
from zoo.training import Member, Record
from zoo.workbench import Workbench, Workplace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.splits import Split

STAGES = "stages"
EVERYONE = "all"
"""Whom stages are run for that neither fold nor seed changes."""
CODE = 16
"""Letters of the digest of a file of code."""


@dataclass(slots=True)
class Outcome:
    """What all stages made of a member: the last model, its calibration, those that led to it, and what is told."""

    model: Trained | None = None
    calibration: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    led: dict[str, Trained] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    _last: str = ""

    def add(self, name: str, made: Made) -> None:
        """Take what the next stage made."""
        new = made.model is not None and made.trained
        if new and self.model is not None:
            self.led[self._last] = self.model
        self.led |= {f"{name} {called}": model for called, model in made.others.items()}
        if new:
            self.model, self._last, self.calibration = made.model, name, {}
        if made.calibration:
            self.calibration = made.calibration


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a member, as it is planned: where its result is kept, and whether it hangs on fold and seed."""

    number: int
    name: str
    use: str
    stage: Any
    kept: Kept
    fitted: bool
    taken: tuple[str, ...]


def names(filled: Filled) -> list[str]:
    """Return the names of the stages, none where a recipe has one training."""
    return [block["name"] for block in filled.data.get(STAGES) or ()]


def place_of(filled: Filled, name: str) -> int:
    """Return the number of a stage.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    known = names(filled)
    if name in known:
        return known.index(name)
    near = difflib.get_close_matches(name, known, n=1)
    way = f", did you mean {near[0]}?" if near else f"; it has {', '.join(known)}" if known else "; it has one training"
    raise UsageError(f"--from {name}: the recipe has no such stage{way}")


def plan(filled: Filled, views: Sequence[Any], fold: Split, seed: int) -> list[Step]:
    """Return the stages of a member with their digests.

    Parameters
    ----------
    filled
        The recipe.
    views
        The data that no stage has touched, then as they are behind each stage. Nothing of them is read but how many
        instances there are (``items_stamp``), and that not before the stages that all members share are kept.
    fold, seed
        Of the member.
    """
    steps: list[Step] = []
    dataset, last = views[0], views[-1]
    data = {key: value for key, value in filled.data["data"].items() if key not in APART["datasets"]}
    over: list[str] = []
    for number, block in enumerate(filled.data[STAGES]):
        stage, signature = filled.build_stage(number, {}), filled.signatures[STAGES, block["use"]]
        taken = [step for step in steps if step.name in {block.get(name) for name in signature.taken}]
        fitted = getattr(stage, "fitted", True) or any(step.fitted for step in taken)
        follows: dict[str, Any] = {
            "data": [data, str(getattr(dataset, "stamp", ""))],
            "block": {key: value for key, value in block.items() if key not in APART[STAGES]},
            "code": sorted(_code(filled, STAGES, block)),
            "taken": [step.kept.digest for step in taken],
            "over": list(over),
        }
        if fitted:
            follows["member"] = _of_member(filled, block, fold, seed, judges=getattr(stage, "judges", False))
            known = all(step.kept.is_there for step in shared(steps))
            follows["items"] = str(getattr(last, "items_stamp", "")) if known else "not known yet"
        step = Step(
            number,
            block["name"],
            block["use"],
            stage,
            Kept(block["name"], digest(follows)),
            fitted,
            tuple(one.name for one in taken),
        )
        over.extend([step.kept.digest] if hasattr(stage, "over") else [])
        steps.append(step)
    return steps


def _of_member(filled: Filled, block: Mapping[str, Any], fold: Split, seed: int, *, judges: bool) -> dict[str, Any]:
    """Return what a stage that hangs on split and seed follows from besides."""
    slots = filled.signatures[STAGES, block["use"]].slots
    top = [slot for slot in ("encoder", "head") if slot in slots and block.get(slot) is None]
    return {
        "groups": [fold.unit, sorted(fold.train), sorted(fold.val)],
        "seed": seed,
        "protocol": filled.frame.protocol,
        "precision": filled.frame.train.precision,
        "eval": filled.data["transforms"]["eval"],
        "recipe": {slot: filled.data[slot] for slot in [*top, *(["task"] if judges else [])]},
        "code": sorted(code for slot in top for code in _code(filled, SLOTS[slot], filled.data[slot])),
    }


def _code(filled: Filled, kind: str, block: Mapping[str, Any]) -> Iterator[str]:
    """Give for a block and those nested in it which code answers for it."""
    entry = filled.entries[kind, block["use"]]
    yield f"{kind} {entry.name} {entry.distribution} {entry.version} {_source(entry)}"
    for key, slot in filled.signatures[kind, block["use"]].slots.items():
        inside = block.get(key)
        for child in inside if isinstance(inside, list) else [inside] if inside else []:
            yield from _code(filled, slot.kind, child)


def _source(entry: Entry) -> str:
    file = source_of(entry).file
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:CODE] if file else ""


def shared(steps: Sequence[Step]) -> list[Step]:
    """Return the first stages, those that are run once for all folds and seeds."""
    found = []
    for step in steps:
        if step.fitted:
            break
        found.append(step)
    return found


def of_nobody(member: Member) -> Member:
    """Return a member as stages see it that hang on neither fold nor seed: it has no items."""
    return replace(member, name=EVERYONE, seed=0, train=member.train[:0], val=member.val[:0])


def forget(steps: Sequence[Step], first: int) -> None:
    """Drop what a stage and those behind it made."""
    for step in steps[first:]:
        step.kept.forget()


def run(
    place: Workplace, member: Member, steps: Sequence[Step], views: Sequence[Any], taken: dict[str, Made]
) -> Generator[Record, None, None]:
    """Run stages, or take over what is kept of them; what each hands on is put into ``taken`` by its name.

    Parameters
    ----------
    place, member
        Of the run.
    steps
        The stages, a part of them or all.
    views
        The data that no stage has touched, then as they are behind each stage.
    taken
        What the stages before these handed on.
    """
    for step in steps:
        if step.name in taken:
            continue
        began, was = time.perf_counter(), step.kept.is_there
        if not was:
            whose = member if step.fitted else of_nobody(member)
            bench = Workbench(place, whose, step.name, views[step.number + 1], taken)
            with progress.step(f"{whose.name}: stage {step.name}", told=True):
                made = yield from _driven(step, bench, place, whose)
            facts = {"use": step.use, "seconds": round(time.perf_counter() - began, 1)}
            step.kept.write(made, facts)
        taken[step.name] = step.kept.read()
        who = member.name if step.fitted else EVERYONE
        yield Record("stage", who, step.number, {"stage": step.name, "kept": was, **step.kept.record})


def outcome(steps: Sequence[Step], taken: Mapping[str, Made]) -> Outcome:
    """Return what came of all stages."""
    found = Outcome()
    for step in steps:
        found.add(step.name, taken[step.name])
        record = step.kept.record
        found.told.append({key: record[key] for key in TOLD})
    return found


def final(came: Outcome, filled: Filled) -> Trained:
    """Return the last model, which has to be what the top of the recipe describes.

    Raises
    ------
    RecipeError
        It has another encoder or head.
    """
    if came.model is None:
        raise UsageError("no stage of the recipe trains a model; add one that does")
    for slot, block in (("encoder", came.model.encoder), ("head", came.model.head)):
        if dict(block.values) != filled.data[slot]:
            what = f"the last stage that trains has another {slot} ({block.values['use']}); it trains the recipe's own"
            raise RecipeError([Problem(filled.recipe.place(block.path), slot, what)])
    return came.model


def _driven(step: Step, bench: Workbench, place: Workplace, member: Member) -> Generator[Record, None, Made]:
    """Go through the steps of a stage, stopping between two of them where a signal asks for it."""
    steps = step.stage.run(bench)
    while True:
        try:
            record = next(steps)
        except StopIteration as stop:
            return stop.value or Made()
        yield record
        if record.kind == "progress" and place.interrupts.signal_number:
            steps.close()
            raise Interrupted(
                f"stopped by a signal in stage '{step.name}' of {member.name}; go on in {place.run.folder} with the "
                "same command and --resume",
                signal_number=place.interrupts.signal_number,
            )
