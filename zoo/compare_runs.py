"""Finished runs and packages as their scores are compared: found, read, and checked as a stranger's files are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from zoo import bounded, config, document, manifest
from zoo.card_facts import Member, Table, Word
from zoo.catalogue import folder_at, source_of
from zoo.contestant import MODEL
from zoo.errors import IntegrityError, MissingError, UsageError
from zoo.folders import PLAIN_NAME
from zoo.recipe import load_whole, shipped
from zoo.run import Run

if TYPE_CHECKING:
    from zoo.contracts import Task

MAX_RESULT = 2**28
"""Bytes that are read of one member's result: predictions of all its test items, where scores are pooled."""
_MODELS = "name a run folder, a package folder, or one of 'zoo ls models'"


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


Value = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value), Field(strict=True)]
ByGroup = dict[Word, dict[Word, Value]]


class Fold(_Open):
    """Which groups a member was trained on."""

    train: tuple[Word, ...] = ()


class Kept(_Open):
    """What a pooled task keeps of the items of each test group, see :func:`zoo.evaluate.by_group`."""

    predicted: dict[Word, dict[Word, dict[Word, list[Any]]]]
    truth: dict[Word, dict[Word, list[Any]]]


class Result(_Open):
    """``results/<member>.json``."""

    pooled: Kept


class Tested(Member):
    """A member of a run with its scores by rival and group; its name is that of a file."""

    member: Annotated[str, Field(pattern=PLAIN_NAME, max_length=200)]
    seed: int
    fold: Fold = Fold()
    scores: dict[Word, ByGroup]
    counts: ByGroup = Field(default_factory=dict)


class Metrics(Table):
    """``metrics.json`` with what its tables come from."""

    recipe: Word
    protocol: Literal["strict", "published"]
    digest: Word = ""
    members: Annotated[tuple[Tested, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Scored:
    """A finished run, or a package of one.

    Attributes
    ----------
    folder
        Of the run or of the package.
    packaged
        Whether it is a package, which keeps no predictions.
    metrics
        Its ``metrics.json``.
    blocks
        Its filled recipe.
    model
        ``config.json`` of its first model, None where that is not there.
    """

    folder: Path
    packaged: bool
    metrics: Metrics
    blocks: Mapping[str, Any]
    model: config.Config | None

    @property
    def groups(self) -> list[str]:
        """The test groups of all members, in the order of ``metrics.json``."""
        return list(dict.fromkeys(group for member in self.metrics.members for group in member.scores[MODEL]))

    @property
    def task_name(self) -> str:
        """The name of the task."""
        return str(self.blocks["task"].get("use"))

    def trained(self, group: str) -> frozenset[str]:
        """Return the groups that the models were trained on which tested a group."""
        members = (member for member in self.metrics.members if group in member.scores[MODEL])
        return frozenset(name for member in members for name in member.fold.train)

    def counts(self, group: str) -> Mapping[str, float]:
        """Return what the task counted in a group, as the last member that tested it has it."""
        return {name: value for member in self.metrics.members for name, value in member.counts.get(group, {}).items()}

    def task(self) -> Task:
        """Build the task of the run, which knows its scores and, where they are pooled, how to compute them."""
        from zoo.registry import Registry
        from zoo.resolve import fill

        filled = fill(load_whole(self.folder / "recipe.yaml"), Registry())
        task: Task = filled.build("task", self.model.facts if self.model else {})
        return task

    def directions(self) -> Mapping[str, bool]:
        """Return for each score whether higher is better."""
        from zoo.registry import Registry

        # most tasks say so without being built, for which every part of the recipe would have to be imported
        stated = getattr(Registry().find("tasks", self.task_name).load(), "scores", None)
        found: Mapping[str, bool] = stated if isinstance(stated, Mapping) else self.task().scores
        return found

    def members(self) -> list[dict[str, Any]]:
        """Return the members as :func:`zoo.evaluate.by_group` does, without what pooling needs."""
        return [member.model_dump(include={"member", "seed", "scores", "counts"}) for member in self.metrics.members]

    def kept(self) -> list[dict[str, Any]] | None:
        """Return the members with the predictions that a pooled task scores, None where they are not there.

        Raises
        ------
        IntegrityError
            A result of the run is damaged.
        """
        paths = [self.folder / "results" / f"{member.member}.json" for member in self.metrics.members]
        if self.packaged or not all(path.is_file() for path in paths):
            return None
        return [{**member, "pooled": _result(path, member)} for member, path in zip(self.members(), paths, strict=True)]


def read(text: str) -> Scored:
    """Return the run or the package that a user has named; one of the Hub is fetched if it is not here.

    Raises
    ------
    UsageError
        It is a recipe, or the model of one member of a run.
    MissingError
        It is neither a run nor a package, or has no scores yet.
    IntegrityError
        A file of it is damaged.
    """
    folder, packaged = _folder(text)
    path = folder / "metrics.json"
    if not path.is_file():
        raise MissingError(f"{folder}: has no scores yet; go on with: zoo train RECIPE --resume")
    metrics = _metrics(path)
    blocks = document.read(folder / "recipe.yaml").value
    if not isinstance(blocks, dict) or not all(isinstance(blocks.get(slot), dict) for slot in ("data", "task")):
        raise IntegrityError(f"{folder / 'recipe.yaml'}: is no filled recipe; restore a copy")
    models = [folder] if packaged else Run(folder).models()
    return Scored(folder, packaged, metrics, blocks, config.read(models[0]) if models else None)


def _folder(text: str) -> tuple[Path, bool]:
    """Return a folder, and whether it is that of a package, whose files are held against its manifest."""
    _refuse_files(text)
    path = folder_at(text)
    if path and not (path / manifest.NAME).is_file():
        if (path / config.NAME).is_file():
            run = path.absolute().parent.parent
            raise UsageError(f"{path}: is the model of one member, whose run is compared as a whole; name {run}")
        return Run.open(path).folder, False
    from zoo.pull import fetch

    try:
        return fetch(source_of(text)).folder, True
    except MissingError:
        if text in shipped():
            raise UsageError(_is_a_recipe(text)) from None
        raise


def _refuse_files(text: str) -> None:
    with suppress(OSError, ValueError):  # longer than a path can be, or with a NUL: no file, as is told below
        if Path(text).is_file():
            recipe = text.endswith((".yaml", ".yml"))
            raise UsageError(_is_a_recipe(text) if recipe else f"{text}: is a file; {_MODELS}")


def _is_a_recipe(text: str) -> str:
    return f"{text}: is a recipe, not a run; 'zoo train {text}' makes one, 'zoo ls runs' lists those that are there"


def _metrics(path: Path) -> Metrics:
    try:
        found = Metrics.model_validate(bounded.read_json(path))
    except ValidationError as error:
        raise IntegrityError(f"{path}: {_first(error)}; restore a copy or train it again") from error
    for member in found.members:
        lacking = [f"no scores of {name}" for name in (MODEL,) if name not in member.scores]
        lacking += [
            f"no {score} of {rival} in {group}"
            for rival, groups in member.scores.items()
            for group, values in groups.items()
            for score in found.scores
            if score not in values
        ]
        if lacking:
            what = bounded.shown(f"members.{member.member} has {lacking[0]}")
            raise IntegrityError(f"{path}: {what}; restore a copy or train it again")
    return found


def _result(path: Path, member: Mapping[str, Any]) -> dict[str, Any]:
    content = bounded.read_bytes(path, MAX_RESULT)
    try:
        found = Result.model_validate(bounded.parse_json(content, str(path))).pooled
    except ValidationError as error:
        raise IntegrityError(f"{path}: {_first(error)}; restore a copy or train it again") from error
    tested = set(member["scores"][MODEL])
    if MODEL not in found.predicted or any(set(held) != tested for held in (found.truth, *found.predicted.values())):
        raise IntegrityError(f"{path}: holds other groups than metrics.json; restore a copy or train it again")
    return found.model_dump()


def _first(error: ValidationError) -> str:
    mistake = error.errors()[0]
    where = bounded.shown(".".join(map(str, mistake["loc"]))) if mistake["loc"] else "is no table of scores"
    return f"{where}: {mistake['msg'].lower()}"
