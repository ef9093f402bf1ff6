"""Whether this machine can train: Python, device, plugins that load, folders that can be written."""

from __future__ import annotations

import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from zoo import plugins
from zoo.errors import ZooError
from zoo.folders import cache_home, runs_folder
from zoo.kinds import COMMANDS, KINDS
from zoo.registry import Registry
from zoo.shelves import Shelves
from zoo.signature import signature_of

LITTLE_MB = 2_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: PASS, WARN or FAIL."""

    verdict: str
    what: str
    detail: str


def examine() -> list[Finding]:
    """Return all findings, the device first and the worst not hidden."""
    return [
        Finding("PASS", "python", platform.python_version()),
        _device(),
        *_components(),
        _folder("runs", runs_folder()),
        _folder("cache", cache_home()),
    ]


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("PASS", "device", f"CUDA, {torch.cuda.get_device_name()}")
    cores = torch.get_num_threads()
    return Finding("WARN", "device", f"no CUDA device; training runs on {cores} CPU threads and takes longer")


def _components() -> list[Finding]:
    registry = Registry()
    findings = []
    for kind in KINDS:
        good = []
        for entry in registry.entries(kind):
            try:
                signature_of(entry.load(), entry.name)
            except ZooError as error:
                findings.append(Finding("FAIL", kind, str(error)))
            else:
                good.append(entry.name)
        findings.append(Finding("PASS" if good else "WARN", kind, ", ".join(good) or "none installed"))
    for entry in registry.entries(COMMANDS):
        try:
            entry.load()
        except ZooError as error:
            findings.append(Finding("FAIL", COMMANDS, str(error)))
    shelves = Shelves(registry)
    wrong = [*plugins.conflicts(registry, shelves), *plugins.troubles(registry, shelves)]
    return findings + [Finding("FAIL", "plugins", sentence) for sentence in wrong]


def _folder(what: str, folder: Path) -> Finding:
    there = folder
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding("FAIL", what, f"{folder}: cannot be written ({error.strerror}); set ZOO_RUNS or ZOO_HOME")
    free = shutil.disk_usage(there).free // 2**20
    verdict = "PASS" if free > LITTLE_MB else "WARN"
    return Finding(verdict, what, f"{folder} ({free:,} MB free)")
