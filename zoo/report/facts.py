"""What a run or a package says of itself, read with patience: what is not there yet, or of an older zoo, is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import bounded
from zoo.errors import IntegrityError, MissingError
from zoo.run import Run


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
        As the files of these names; None where there is none.
    records
        The lines of ``metrics.jsonl``.
    results
        Member -> what ``results/<member>.json`` holds.
    configs
        Member -> its ``config.json``.
    notes
        What could not be read, a sentence each.
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


def read(folder: Path) -> RunFacts:
    """Read a run folder or a package folder.

    Raises
    ------
    MissingError
        It is neither.
    """
    import yaml

    if not (folder / "recipe.yaml").is_file():
        raise MissingError(f"{folder}: is no run folder (it has no recipe.yaml); runs are listed by 'zoo ls runs'")
    notes: list[str] = []
    recipe = bounded.read_text(folder / "recipe.yaml")
    run = Run(folder)

    def known(path: Path) -> Any:
        try:
            return bounded.read_json(path) if path.is_file() else None
        except IntegrityError as error:
            notes.append(str(error))
            return None

    configs = {path.parent.name: known(path) for path in sorted(folder.glob("model/*/config.json"))}
    return RunFacts(
        folder,
        recipe,
        yaml.safe_load(recipe) or {},
        known(folder / "environment.json"),
        known(run.splits_path),
        known(run.metrics_path),
        known(folder / "status.json") or {},
        run.records(),
        {path.stem: known(path) for path in sorted(folder.glob("results/*.json"))},
        configs or {"": known(folder / "config.json")},
        notes,
    )
