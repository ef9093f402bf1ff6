"""What stages made, kept in the cache under a digest of all that it follows from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import atomic, bounded, checkpoint
from zoo.errors import IntegrityError
from zoo.folders import cache_home
from zoo.stage_contract import Block, Made, Trained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RECORD, CALIBRATION = "stage.json", "calibration.safetensors"
TOLD = ("name", "use", "digest", "seconds", "summary")
"""What a run tells of a stage."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One stage's folder, ``cache_home()/stages/<name>-<digest>``; with its record, which comes last, it is whole."""

    name: str
    digest: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return cache_home() / "stages" / f"{self.name}-{self.digest[:20]}"

    @property
    def is_there(self) -> bool:
        """Whether the stage need not be run."""
        return (self.folder / RECORD).is_file()

    def forget(self) -> None:
        """Remove it, so that the stage is run again; the record first."""
        (self.folder / RECORD).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, made: Made, about: Mapping[str, Any]) -> None:
        """Keep what a stage made."""
        for name, values in made.arrays.items():
            _write_array(self.folder / f"{name}.npy", values)
        checkpoint.write_arrays(self.folder / CALIBRATION, made.calibration)
        models = {**({"": made.model} if made.model else {}), **made.others}
        told = [self._write_model(number, name, model) for number, (name, model) in enumerate(models.items())]
        record = {"arrays": list(made.arrays), "models": told, "trained": made.trained, "summary": dict(made.summary)}
        atomic.write_json(self.folder / RECORD, {"name": self.name, "digest": self.digest, **about, **record})

    def read(self) -> Made:
        """Return what was kept; arrays are mapped.

        Raises
        ------
        IntegrityError
            It is damaged; the sentence tells how to make it anew.
        """
        try:
            record = self.record
            models = {told["called"]: self._read_model(number, told) for number, told in enumerate(record["models"])}
            arrays = {name: _read_array(self.folder / f"{name}.npy") for name in record["arrays"]}
            calibration = checkpoint.read_arrays(self.folder / CALIBRATION)
            summary, trained = record["summary"], record["trained"]
        except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, IntegrityError) as error:
            what = " ".join(str(error).split())[:200]
            raise IntegrityError(
                f"{self.folder}: what stage '{self.name}' made is damaged ({what}); make it anew by --from {self.name}"
            ) from error
        return Made(models.pop("", None), arrays, calibration, models, summary, trained)

    @property
    def record(self) -> dict[str, Any]:
        """What is told of the stage: :data:`TOLD`, and what else was kept.

        Raises
        ------
        IntegrityError
            It is no such record, or that of another stage.
        """
        found: dict[str, Any] = bounded.read_json(self.folder / RECORD)
        if not isinstance(found, dict) or not set(TOLD) <= found.keys() or found["digest"] != self.digest:
            raise IntegrityError(f"{RECORD} is not the record of this stage")
        return found

    def _write_model(self, number: int, name: str, model: Trained) -> dict[str, Any]:
        atomic.write_tensors(self.folder / f"model{number}.safetensors", model.weights)
        parts: dict[str, Block[Any]] = {"encoder": model.encoder, "head": model.head}
        blocks = {slot: [dict(block.values), list(block.path)] for slot, block in parts.items()}
        return {"called": name, **blocks}

    def _read_model(self, number: int, told: Mapping[str, Any]) -> Trained:
        weights, _ = checkpoint.read_tensors(self.folder / f"model{number}.safetensors")
        # not Block[Any](...): the alias writes into what it makes, and blocks are frozen
        encoder: Block[Any] = Block(told["encoder"][0], tuple(told["encoder"][1]))
        head: Block[Any] = Block(told["head"][0], tuple(told["head"][1]))
        return Trained(encoder, head, weights)


def _write_array(path: Path, values: NDArray[Any]) -> None:
    import numpy as np

    def fill(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)

    atomic.write(path, fill)


def _read_array(path: Path) -> NDArray[Any]:
    import numpy as np

    found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found
