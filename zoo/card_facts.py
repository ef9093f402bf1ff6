"""What a model card is made of, checked once, and what it may not lack."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from zoo import licences
from zoo.config import Config
from zoo.errors import IntegrityError
from zoo.verdict import Row

KINDS = ("real", "simulated", "semi-synthetic")


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of a card: ``file`` of the package, its words, and ``of`` which of the trained members it is."""

    file: str
    title: str
    alt: str
    caption: str
    of: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a card says which no author has written.

    Attributes
    ----------
    name
        Of the package.
    address
        What a user types to pull it: a name of the catalogue, or ``org/name``.
    recipe, protocol
        Name of the recipe it was trained by, and whether what is fitted to data saw the test groups.
    config, metrics
        ``config.json`` and ``metrics.json``.
    licence
        Of the model, an identifier of the Hub's list; empty where none was said.
    tags
        Of the recipe and of the user.
    prose
        Hand-written markdown, empty where there is none.
    references
        Component -> what its docstring refers to.
    code
        Distribution -> its licence.
    commands
        What trained it.
    terms
        What its parts bring with terms of their own, as :func:`zoo.verdict.brought` tells of its recipe.
    figures
        Of the run's page, as far as they come with the package.
    """

    name: str
    address: str
    recipe: str
    protocol: str
    config: Config
    metrics: Mapping[str, Any]
    licence: str
    tags: Sequence[str]
    prose: str
    references: Mapping[str, Sequence[str]]
    code: Mapping[str, str]
    commands: str
    terms: Sequence[Row] = ()
    figures: Sequence[Shown] = ()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def one_line(text: str) -> str:
    """Return a text without line breaks, and without what a terminal or a browser would act on."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text).split())


Number = Annotated[float | None, AfterValidator(_finite)]
Word = Annotated[str, AfterValidator(one_line)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Origin(_Open):
    """One :class:`zoo.contracts.Provenance`; what was left out is empty."""

    name: Word = ""
    kind: Word = ""
    licence: Word = ""
    source: Word = ""
    citation: Word = ""
    modality: Word = ""
    assay: Word = ""
    stain: Word = ""
    tissue: Word = ""
    species: Word = ""
    datasets: tuple[Word, ...] = ()


class Work(_Open):
    """One :class:`zoo.contracts.HubTask`; what was left out is empty.

    ``writes`` is the ending of the file that predictions are written to, without its dot, or ``/`` for a folder.
    """

    task_type: Word = ""
    pipeline_tag: Word = ""
    writes: Word = ""
    tags: tuple[Word, ...] = ()
    scores: dict[Word, Word] = {}
    metrics: dict[Word, Word] = {}


class Column(_Open):
    """A score of the model or of a floor."""

    mean: Number
    interval: tuple[float, float] | None = None
    seed_sd: Number = None
    by_group: dict[Word, Number] = {}


class Margin(_Open):
    """How far the model is above its best floor, positive where it is better."""

    floor: Word | None = None
    mean: Number = None
    interval: tuple[float, float] | None = None


class Member(_Open):
    """One of the models that the run trained, and its scores over all groups that it was tested on."""

    member: Word
    alone: dict[Word, Number] = {}


class Folds(_Open):
    """How groups were divided."""

    unit: Word = ""
    scheme: Word = ""
    folds: int = 1


class Table(_Open):
    """``metrics.json``; ``pooled`` scores are those of the items of all test groups together."""

    pooled: bool = False
    scores: dict[Word, Column] = {}
    floors: dict[Word, dict[Word, Column]] = {}
    ensemble: dict[Word, dict[Word, Column]] = {}
    stages: dict[Word, dict[Word, Column]] = {}
    above_floor: dict[Word, Margin] = {}
    notes: tuple[Word, ...] = ()
    members: tuple[Member, ...] = ()
    split: Folds = Folds()
    seeds: tuple[int, ...] = ()

    def groups(self, score: str) -> int:
        """Return the number of test groups that a score comes from."""
        values = self.scores[score].by_group.values()
        return len(values) if self.pooled else sum(value is not None for value in values)

    def best_floor(self, score: str) -> tuple[str, float] | None:
        """Return the floor that the margin of a score is the distance to, and its value."""
        name = self.above_floor.get(score, Margin()).floor
        column = self.floors.get(name or "", {}).get(score)
        return (name, column.mean) if name and column and column.mean is not None else None


class Material(_Open):
    """What :class:`zoo.config.Config` and ``metrics.json`` tell a card; both may be a stranger's."""

    data: tuple[Origin, ...] = ()
    weights: tuple[Origin, ...] = ()
    work: Work
    table: Table

    @property
    def kind(self) -> str:
        """Of all data together: ``semi-synthetic`` where real and simulated ones meet, empty where one is unknown."""
        kinds = {origin.kind for origin in self.data}
        if not kinds or not kinds <= set(KINDS):
            return ""
        return kinds.pop() if len(kinds) == 1 else "semi-synthetic"


_FILES = {
    "data": ("config.json", "provenance.data"),
    "weights": ("config.json", "provenance.weights"),
    "work": ("config.json", "task"),
    "table": ("metrics.json",),
}


def material(config: Config, metrics: Mapping[str, Any]) -> Material:
    """Check what a card is made of.

    Raises
    ------
    IntegrityError
        ``config.json`` or ``metrics.json`` is not as zoo writes it.
    """
    told = {"data": config.provenance.get("data", ()), "weights": config.provenance.get("weights", ())}
    try:
        return Material.model_validate({**told, "work": config.task, "table": metrics})
    except ValidationError as error:
        mistake = error.errors()[0]
        first, *inside = mistake["loc"]
        file, *block = _FILES[str(first)]
        place = ".".join([*block, *map(str, inside)])
        what = f"{one_line(place)[:200]}: {mistake['msg'].lower()}"
        raise IntegrityError(f"{file}: {what}; pull or train the model again") from error


def holes(facts: Facts) -> list[str]:
    """Return what a card may not lack and this one would, each as a sentence with the way out."""
    found = material(facts.config, facts.metrics)
    return [*_no_licence(facts.licence), *_no_origin(found, dataset_of(facts.config)), *_no_scores(found.table)]


def _no_licence(licence: str) -> list[str]:
    way = "say publish.licence in the recipe or --licence"
    if not licence:
        return [f"no licence of the model: {way}"]
    if not licences.known(licence):
        own = "'other' is for a licence of your own"
        return [f"licence {licence[:80]!r} is not on the Hub's list: {way}, for example apache-2.0; {own}"]
    return []


def _no_origin(found: Material, dataset: str) -> list[str]:
    if not found.data:
        return [f"no name, kind and licence of the data: give the dataset '{dataset}' an attribute 'provenance'"]
    ways = {
        "name": "say what they are called",
        "kind": f"say {', '.join(KINDS[:-1])} or {KINDS[-1]}",
        "licence": "say its identifier, or none where their makers state none",
    }
    where = f"in 'provenance' of the dataset '{dataset}'"
    lacking = [(key, way) for origin in found.data for key, way in ways.items() if not getattr(origin, key)]
    strange = [origin.kind for origin in found.data if origin.kind and origin.kind not in KINDS]
    told = [f"kind of the data is {kind[:80]!r}: {ways['kind']} {where}" for kind in strange]
    return [*(f"no {key} of the data: {way} {where}" for key, way in lacking), *told]


def _no_scores(table: Table) -> list[str]:
    if any(column.mean is not None for column in table.scores.values()):
        return []
    return ["no scores: metrics.json holds none; train with test groups in data.split, then publish that run"]


def parts(facts: Facts, found: Material) -> list[Row]:
    """Return all that a model is made of and its licence: code, data, weights, and what its parts bring."""
    named = [("code", name, licence) for name, licence in sorted(facts.code.items())]
    named += [("data", origin.name, origin.licence) for origin in found.data]
    named += [("weights", origin.name, origin.licence) for origin in found.weights]
    rows = [(what, name, licence or licences.NONE) for what, name, licence in named]
    told = [Row(name, what, licence, licences.allows(licence)) for what, name, licence in rows]
    own = facts.licence or licences.NONE
    return [*told, *brought(facts, found), Row(licences.OWN_PART, "its weights", own, licences.allows(own))]


def brought(facts: Facts, found: Material) -> list[Row]:
    """Return what parts bring and neither data nor weights tell of already, which know it better."""
    sources = {origin.source for origin in (*found.data, *found.weights) if origin.source}
    # a part that begins from one of many published models says which only when it is built
    known = bool(found.weights)
    return [row for row in facts.terms if row.source not in sources and not (known and row.licence == "unknown")]


def dataset_of(config: Config) -> str:
    """Return the name of the component that reads the data."""
    return next((part.name for part in config.components if part.kind == "datasets"), "unknown")


def rounded(value: float | None) -> str:
    """Return a score with three decimals, a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def bounds(interval: tuple[float, float] | None) -> str:
    """Return an interval with three decimals, a dash where there is none."""
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "-"
