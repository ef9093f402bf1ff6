"""What a run or a package says of itself, read with patience: what is not there yet, or of an older zoo, is empty.

A file that is damaged, or that a stranger has filled with something else, costs a note and never the page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from zoo import bounded, document, manifest
from zoo.card_facts import KINDS, Member, Number, Origin, Table, Word, Work, one_line
from zoo.errors import IntegrityError, MissingError, RecipeError, UsageError
from zoo.report import census as census_of
from zoo.run import Run

MOST_LOG = 64 * 2**20
"""Bytes that are read of ``metrics.jsonl``, and of a member's result."""
MOST_FILES = 500
"""Members of which files are read."""
MODELS = "model"


class Sides(BaseModel):
    """A fold: which groups stand on which side."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Word = ""
    unit: Word = ""
    train: tuple[Word, ...] = ()
    val: tuple[Word, ...] = ()
    test: tuple[Word, ...] = ()


class Tested(Member):
    """A member with its scores by rival and group, and what was counted in each group."""

    seed: int = 0
    fold: Sides = Sides()
    scores: dict[Word, dict[Word, dict[Word, Number]]] = {}  # noqa: RUF012 - pydantic copies it
    counts: dict[Word, dict[Word, Number]] = {}  # noqa: RUF012 - as above


class _Told(BaseModel):
    """What is checked of the files of a run, each by itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    table: Table = Table()
    members: tuple[Tested, ...] = ()
    folds: tuple[Sides, ...] = ()
    origins: tuple[Origin, ...] = ()
    work: Work = Work()


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a page says of a run.

    Attributes
    ----------
    folder
        Of the run, or of a package.
    recipe
        The filled recipe as text, and ``data``, its values.
    environment, splits, metrics, status
        As the files of these names; None or empty where there is none.
    records
        The lines of ``metrics.jsonl``.
    results
        Member -> what ``results/<member>.json`` holds; empty once there are ``metrics``, which hold the same.
    configs
        Member -> its ``config.json``.
    notes
        What could not be read, a sentence each.
    census
        What was counted of the data before training (:mod:`zoo.report.census`); empty of older runs.
    table, members, folds, origins, work
        What was checked of these: scores, those who reached them, splits, where the data come from, the task.
    packaged
        Whether it is a package, which keeps neither log nor environment.
    """

    folder: Path
    recipe: str
    data: Mapping[str, Any]
    environment: Mapping[str, Any] | None = None
    splits: Any = None
    metrics: Mapping[str, Any] | None = None
    status: Mapping[str, Any] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    results: Mapping[str, Any] = field(default_factory=dict)
    configs: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    census: Mapping[str, Any] = field(default_factory=dict)
    table: Table = field(default_factory=Table)
    members: tuple[Tested, ...] = ()
    folds: tuple[Sides, ...] = ()
    origins: tuple[Origin, ...] = ()
    work: Work = field(default_factory=Work)
    packaged: bool = False

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return one_line(str(self.said("name") or "run"))[:100]

    @property
    def unit(self) -> str:
        """What the groups are (donor, plate, ...)."""
        stated = next((fold.unit for fold in self.folds if fold.unit), "")
        return stated or self.table.split.unit or one_line(str(self.said("data", "split", "unit") or "group"))

    @property
    def protocol(self) -> str:
        """``strict`` or ``published``; anything else is not known."""
        return str((self.metrics or {}).get("protocol") or self.said("protocol") or "")

    @property
    def seeds(self) -> list[int]:
        """The seeds that are trained with."""
        stated = self.said("train", "seeds")
        return list(self.table.seeds) or [seed for seed in stated if isinstance(seed, int)] if stated else []

    @property
    def test_groups(self) -> list[str]:
        """The groups that are tested, each once."""
        return list(dict.fromkeys(group for fold in self.folds for group in fold.test))

    @property
    def kind(self) -> str:
        """Of the data: real, simulated or semi-synthetic; empty where nobody says."""
        kinds = {origin.kind for origin in self.origins}
        if not kinds or not kinds <= set(KINDS):
            return ""
        return kinds.pop() if len(kinds) == 1 else "semi-synthetic"

    @property
    def planned(self) -> list[str]:
        """The names of the members that are to be trained, in their order."""
        return [f"{fold.name}-seed{seed}" for fold in self.folds for seed in self.seeds]

    @property
    def state(self) -> str:
        """How far it got, as a word; ``finished`` of a package."""
        return "finished" if self.packaged else str(self.status.get("state") or "unknown")

    def said(self, *keys: str | int) -> Any:
        """Return what stands in the recipe under some keys, None where it does not."""
        return inside(self.data, *keys)


def inside(value: Any, *keys: str | int) -> Any:
    """Return what lies in nested values under some keys, None where it does not."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def read(folder: Path, *, member: bool = False) -> RunFacts:
    """Read a run folder or a package folder, or with ``member`` the model of one member of a run.

    Raises
    ------
    MissingError
        It is neither.
    UsageError
        It is the model of one member, whose run has the page.
    """
    if not (folder / "recipe.yaml").is_file():
        raise MissingError(f"{folder}: is no run folder (it has no recipe.yaml); runs are listed by 'zoo ls runs'")
    whole = folder.absolute().parent.parent
    if not member and folder.absolute().parent.name == MODELS and (whole / "recipe.yaml").is_file():
        raise UsageError(f"{folder}: is the model of one member, whose run has a page as a whole; name {whole}")
    reader = _Reader(folder)
    recipe = reader.text("recipe.yaml")
    metrics = reader.mapping(folder / "metrics.json")
    configs = reader.of_members("model/*/config.json", lambda path: path.parent.name)
    alone = reader.mapping(folder / "config.json")
    configs = configs or ({str(alone.get("member", "")): alone} if alone else {})
    results = {} if metrics else reader.of_members("results/*.json", lambda path: path.stem)
    splits, census = reader.value(folder / "splits.json"), reader.mapping(folder / census_of.FILE) or {}
    return RunFacts(
        folder,
        recipe,
        reader.recipe(recipe),
        reader.mapping(folder / "environment.json"),
        splits,
        metrics,
        reader.mapping(folder / "status.json") or {},
        reader.records(Run(folder).log_path),
        results,
        configs,
        reader.notes,
        census,
        packaged=(folder / manifest.NAME).is_file(),
        **reader.checked(metrics, splits, configs, results, census),
    )


def rescored(found: RunFacts, folder: Path, metrics: Mapping[str, Any], folds: Sequence[Mapping[str, Any]]) -> RunFacts:
    """Return what is known of a run with the scores of a new evaluation, which lies in a folder of its own.

    Of the training it tells nothing, and of the data what the new scores and splits do.
    """
    reader = _Reader(folder)
    return replace(
        found,
        folder=folder,
        metrics=metrics,
        splits=folds,
        records=[],
        results={},
        census={},
        status={"state": "finished"},
        notes=found.notes + reader.notes,
        **reader.checked(metrics, list(folds), found.configs, {}, {}),
    )


class _Reader:
    """Reads the files of a folder; what it cannot read is a note."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder, list[str]()

    def text(self, name: str) -> str:
        try:
            return _redacted(bounded.read_text(self.folder / name).encode()).decode()
        except IntegrityError as error:
            self.notes.append(str(error))
            return ""

    def recipe(self, text: str) -> dict[str, Any]:
        try:
            found = document.parse(text, "recipe.yaml").value
        except RecipeError as error:
            self.notes.append(f"recipe.yaml cannot be read ({error})")
            return {}
        return found if isinstance(found, dict) else {}

    def value(self, path: Path, most: int = bounded.MAX_JSON) -> Any:
        try:
            return bounded.parse_json(_redacted(bounded.read_bytes(path, most)), path.name) if path.is_file() else None
        except IntegrityError as error:
            self.notes.append(str(error))
            return None

    def mapping(self, path: Path, most: int = bounded.MAX_JSON) -> dict[str, Any] | None:
        found = self.value(path, most)
        if found is None or isinstance(found, dict):
            return found
        self.notes.append(f"{path.name} holds {bounded.shown(found)} where a mapping belongs; restore a copy")
        return None

    def of_members(self, pattern: str, named: Any) -> dict[str, Any]:
        paths = sorted(self.folder.glob(pattern))[:MOST_FILES]
        found = {named(path): self.mapping(path, MOST_LOG) for path in paths}
        return {name: value for name, value in found.items() if value is not None}

    def records(self, path: Path) -> list[dict[str, Any]]:
        """Return the whole lines of the log, the last one of each epoch."""
        try:
            text = bounded.read_bytes(path, MOST_LOG).decode(errors="replace") if path.is_file() else ""
        except IntegrityError as error:
            self.notes.append(str(error))
            return []
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for line in text.splitlines():
            try:
                told = bounded.parse_json(line.encode(), path.name)
            except IntegrityError:  # a killed run leaves half a line
                continue
            if not isinstance(told, dict):
                continue
            member, epoch = told.get("member"), told.get("epoch")
            if isinstance(member, str) and isinstance(epoch, int) and epoch >= 0:
                found[member, epoch] = told
        return list(found.values())

    def checked(self, metrics: Any, splits: Any, configs: Any, results: Any, census: Any) -> dict[str, Any]:
        """Return what of the files can be relied on, each by itself."""
        config: dict[str, Any] = next(iter(configs.values()), {})
        origins = inside(config, "provenance", "data") or inside(census, "provenance")
        members = (metrics or {}).get("members") or [
            {"member": name, **{key: value for key, value in told.items() if key != "pooled"}}
            for name, told in results.items()
        ]
        folds = splits or [told for told in (inside(member, "fold") for member in members) if told]
        stated = {
            "table": (metrics, "metrics.json"),
            "members": (members, "metrics.json" if metrics else "results"),
            "folds": (folds or [inside(config, "fold")] * bool(inside(config, "fold")), "splits.json"),
            "origins": (origins, "config.json"),
            "work": (inside(config, "task"), "config.json"),
        }
        found: dict[str, Any] = {}
        for name, (value, file) in stated.items():
            if not value:
                continue
            try:
                found[name] = getattr(_Told.model_validate({name: value}), name)
            except (ValidationError, RecursionError) as error:
                self.notes.append(
                    f"{file} is not as zoo writes it ({_first(error)}); that part of the page is left out"
                )
        if "folds" in found:
            found["folds"] = tuple({fold.name: fold for fold in found["folds"]}.values())
        return found


def _redacted(content: bytes) -> bytes:
    """Return a file without the token of the environment, should somebody have written it into a recipe."""
    secret = os.environ.get("HF_TOKEN", "").encode()
    return content.replace(secret, b"***") if secret else content


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "it is nested too deeply"
    mistake = error.errors()[0]
    return bounded.shown(f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg'].lower()}")
