"""The run folder: what is in it, who may write it, how far it got."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo import atomic, installed
from zoo.errors import MissingError, RunError
from zoo.folders import runs_folder

STATUS, LOCK = "status.json", ".lock"
LEFT = (STATUS, LOCK)
"""All that a run leaves which was refused before it began; its folder may be used again."""
UNFINISHED = ("running", "interrupted", "failed")


@dataclass(frozen=True, slots=True)
class Run:
    """One run folder; ``draws`` says whether figures for its page are drawn while it is scored."""

    folder: Path
    draws: bool = False

    @classmethod
    def create(cls, name: str, digest: str, out: Path | None = None) -> Run:
        """Make a new run folder, ``runs/<recipe>/<utc>-<digest>`` unless a place is given.

        Raises
        ------
        RunError
            The given folder already holds something, or the disk refuses.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        folder = out or runs_folder() / name / f"{stamp}-{digest[:8]}"
        number = 1
        while out is None and folder.exists():
            number += 1
            folder = folder.with_name(f"{stamp}-{digest[:8]}-{number}")
        if out is not None and out.exists() and any(one.name not in LEFT for one in out.iterdir()):
            raise RunError(f"{out}: is not empty; name another folder with --out, or go on with it by --resume")
        with atomic.disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open a run folder that is there.

        Raises
        ------
        MissingError
            It is no run folder.
        """
        if not (folder / "recipe.yaml").is_file():
            raise MissingError(f"{folder}: is no run folder (it has no recipe.yaml); runs are listed by 'zoo ls runs'")
        return cls(folder)

    @property
    def recipe_path(self) -> Path:
        """The filled recipe."""
        return self.folder / "recipe.yaml"

    @property
    def splits_path(self) -> Path:
        """The groups of every fold by side."""
        return self.folder / "splits.json"

    @property
    def metrics_path(self) -> Path:
        """Scores of all members beside their floors."""
        return self.folder / "metrics.json"

    @property
    def log_path(self) -> Path:
        """One JSON line an epoch."""
        return self.folder / "metrics.jsonl"

    def checkpoint_folder(self, member: str) -> Path:
        """Return the folder of a member's last and best checkpoints."""
        return self.folder / "checkpoints" / member

    @property
    def report_folder(self) -> Path:
        """What was drawn for the page, a folder a member."""
        return self.folder / "report"

    @property
    def page_path(self) -> Path:
        """The page that people read."""
        return self.folder / "report.html"

    def model_folder(self, member: str) -> Path:
        """Return the folder of a member's trained model."""
        return self.folder / "model" / member

    def models(self) -> list[Path]:
        """Return the folders of the members that are finished."""
        return sorted(path.parent for path in self.folder.glob("model/*/config.json"))

    def read_json(self, path: Path) -> Any:
        """Read a JSON file of the run, or None where it is not there yet."""
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise RunError(f"{path}: is not valid JSON ({error}); the run folder has been changed by hand") from error

    @property
    def status(self) -> dict[str, Any]:
        """How far the run got; empty before it began."""
        found: dict[str, Any] = self.read_json(self.folder / STATUS) or {}
        return found

    def set_status(self, state: str, **facts: Any) -> None:
        """Write how far the run got."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        atomic.write_json(self.folder / STATUS, {"state": state, "updated": stamp, **facts})

    def records(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl`` that are whole."""
        if not self.log_path.exists():
            return []
        found = []
        for line in self.log_path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:  # a killed run may leave half a line; resuming writes it again
                continue
        return found

    def forget_records(self, member: str, epoch: int) -> None:
        """Drop the lines of a member from an epoch on; a resumed run writes them again."""
        with self._log_alone():
            kept = [line for line in self.records() if line["member"] != member or line["epoch"] < epoch]
            text = "".join(json.dumps(line) + "\n" for line in kept)
            if not self.log_path.exists() or self.log_path.read_text() != text:
                atomic.write_text(self.log_path, text)

    def record(self, line: dict[str, Any]) -> None:
        """Append a line to ``metrics.jsonl``."""
        with self._log_alone(), atomic.disk_errors(self.log_path), self.log_path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    @contextmanager
    def _log_alone(self) -> Iterator[None]:
        """Hold the log, which several processes may write: each that trains members of an ensemble."""
        path = self.folder / ".log.lock"
        with atomic.disk_errors(path), path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for writing; the lock goes with the process, however it ends.

        Raises
        ------
        RunError
            Another process holds it; the sentence says which.
        """
        path = self.folder / LOCK
        with atomic.disk_errors(path):
            file = path.open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise RunError(f"{self.folder}: is being written by {holder}; wait for it or stop it first") from error
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            file.flush()
            yield


def newest_unfinished(name: str) -> Run:
    """Return the newest run of a recipe that did not finish.

    Raises
    ------
    MissingError
        There is none.
    """
    folder = runs_folder() / name
    runs = [Run(path.parent) for path in sorted(folder.glob("*/recipe.yaml"), reverse=True)]
    for run in runs:
        if run.status.get("state") in UNFINISHED:
            return run
    if runs:
        raise MissingError(f"{runs[0].folder}: is finished, as is every run of '{name}'; train without --resume")
    raise MissingError(f"{folder}: there is no run of '{name}' to resume; train without --resume")


def find_model(folder: Path, member: str | None = None) -> Path:
    """Return the model folder of a run's member (the first where none is named), or the folder itself if it is one.

    Raises
    ------
    MissingError
        There is no finished model, or none of that name.
    """
    if (folder / "config.json").is_file():
        return folder
    models = Run.open(folder).models()
    named = [path for path in models if member in {None, path.name}]
    if named:
        return named[0]
    if models:
        have = ", ".join(path.name for path in models)
        raise MissingError(f"{folder}: has no member '{member}'; it has {have}")
    raise MissingError(f"{folder}: holds no finished model; train it, or go on with --resume")


def environment() -> dict[str, Any]:
    """Return the versions and the machine that a result depends on."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device,
        "threads": torch.get_num_threads(),
        "packages": _packages(),
    }


def _packages() -> dict[str, str]:
    """Return the versions of what takes part in zoo, and of what its parts stand on; no other metadata are read."""
    versions = {line.distribution: line.version for line in installed.read().lines}
    for name in ("torch", "torchvision", "timm", "accelerate", "numpy", "scanpy", "anndata", "safetensors"):
        with suppress(metadata.PackageNotFoundError, KeyError):  # the latter where importlib_metadata has been imported
            versions[name] = metadata.version(name)
    return versions
