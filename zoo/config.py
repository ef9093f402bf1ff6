"""``config.json`` of a model: what it is made of, what goes in and comes out; a format with its migrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo import bounded
from zoo.errors import IntegrityError, MissingError
from zoo.folders import PLAIN_NAME
from zoo.requirements import compatible

FORMAT = 2
NAME = "config.json"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fold(_Closed):
    """Which groups the model was trained, validated and tested on."""

    name: str
    unit: str
    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]


class Part(_Closed):
    """A component by name, and the distribution that brings it."""

    kind: Literal["encoders", "heads", "losses", "datasets", "segmenters", "transforms", "samplers", "stages", "tasks"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    distribution: str


class Tensor(_Closed):
    """Shape without the first dimension, which counts items, and type of a tensor."""

    shape: tuple[int, ...]
    dtype: str


class Tolerance(_Closed):
    """How near a loaded model has to come to its stored test vectors: ``|a - b| <= atol + rtol * |b|``."""

    items: int
    rtol: float
    atol: dict[str, float]


class Config(_Closed):
    """Everything that prediction, evaluation and the card need to know of a model beside its recipe.

    Attributes
    ----------
    format
        Of this file.
    member, seed, fold, digest
        Which member of which run it is; ``digest`` is that of the filled recipe.
    facts, fitted
        What the dataset declared, and what it fitted to the training groups (gene panel, pixel size, classes).
    floors
        Names of the trivial rivals kept beside it.
    components, requires, made_with
        Parts by name; the versions that can load it; the versions that made it.
    parameters
        Number of trained values.
    shared
        Weights that are one and the same as others: name -> the name they are stored under.
    reads, gives
        The entries of a batch that it reads; the outputs and (``prediction/...``) predictions that come of them.
    inputs
        What ``zoo predict`` takes: option -> what it is.
    settings
        What it takes beside files: option -> what it is.
    provenance
        Of the data and of the weights that it began from (:class:`zoo.contracts.Provenance`).
    task
        How the Hub calls what it does (:class:`zoo.contracts.HubTask`).
    test
        Tolerance of the test vectors; none where there are no test vectors.
    """

    format: int
    member: Annotated[str, Field(pattern=PLAIN_NAME, max_length=200)]
    seed: int
    fold: Fold
    digest: str
    facts: dict[str, int]
    fitted: dict[str, Any]
    floors: tuple[str, ...]
    components: tuple[Part, ...]
    requires: dict[str, str]
    made_with: dict[str, str]
    parameters: Annotated[int, Field(ge=0)] = 0
    shared: dict[str, str] = {}
    reads: dict[str, Tensor] = {}
    gives: dict[str, Tensor] = {}
    inputs: dict[str, str] = {}
    settings: dict[str, str] = {}
    provenance: dict[str, list[dict[str, Any]]] = {}
    task: dict[str, Any] = {}
    test: Tolerance | None = None


def read(folder: Path) -> Config:
    """Read, migrate and check ``config.json``.

    Raises
    ------
    MissingError
        There is none, or a newer zoo wrote it.
    IntegrityError
        It is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        raise MissingError(f"{folder}: holds no finished model; train it, or go on with --resume")
    return parse(bounded.read_json(path), str(path))


def parse(value: Any, source: str) -> Config:
    """Migrate and check the value of a ``config.json``; raises as :func:`read` does."""
    found = value.get("format") if isinstance(value, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise IntegrityError(
            f"{source}: is no config of a model (its format is {bounded.shown(found)}); pull or train it again"
        )
    if found > FORMAT:
        way = "upgrade with: pip install -U microscopy-zoo"
        raise MissingError(
            f"{source}: is of format {bounded.shown(found)}, this zoo reads formats 1 to {FORMAT}; {way}"
        )
    try:
        for number in range(found, FORMAT):
            value = MIGRATIONS[number](value)
        return Config.model_validate(value)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise IntegrityError(f"{source}: {_first(error)}; pull or train it again") from error


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"lacks {error}" if isinstance(error, KeyError) else "is not as a config is"
    mistake = error.errors()[0]
    more = f" and {error.error_count() - 1} more mistakes" if error.error_count() > 1 else ""
    where = bounded.shown(".".join(map(str, mistake["loc"])))
    return f"{where}: {mistake['msg'].lower()}{more}"


def _from_1(old: dict[str, Any]) -> dict[str, Any]:
    """Versions became ranges; components, tensors, provenance and test vectors were not written then."""
    return {
        **old,
        "format": 2,
        "requires": {name: compatible(version) for name, version in old["requires"].items()},
        "made_with": old["requires"],
        "components": [],
    }


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""Format -> what makes the next one of it."""
