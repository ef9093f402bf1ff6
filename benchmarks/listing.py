"""How long `zoo ls` takes where many distributions and many names are installed.

python benchmarks/listing.py [--distributions 200] [--names 100] [--runs 15]

A virtual environment of its own is made, in which zoo and as many made-up distributions are installed; every tenth of
those is a plugin with parts of about 100 lines. Whole processes are timed, in turns, beside an interpreter that does
nothing and one that imports what the command line stands on. "cold" is a listing that has to read all sources, "warm"
one that finds them as they were. CPU time is user and system of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
import venv
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
INDEX = "sources-*.json"
PART = '''\
"""A part of a plugin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn


class Part{number}(nn.Module):
    """Do the {number}th of many things to what comes in, and hand on the rest.

    Parameters
    ----------
    in_features
        Numbers of an item.
    dims
        Numbers of each hidden layer.

    References
    ----------
    Nobody, N. A paper that was never written. doi:10.0000/{number}
    """

    def __init__(self, *, in_features: int, dims: Sequence[int] = (256, 128), dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(in_features, dim) for dim in dims), nn.Dropout(dropout))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)
'''
HELPER = '''

def helper_{number}(values: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Return the values, scaled and put in order."""
    found = np.sort(values * scale)
    if not len(found):
        raise ValueError("there are no values")
    return found
'''


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--distributions", type=int, default=200)
    parser.add_argument("--names", type=int, default=100)
    parser.add_argument("--runs", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder), asked.distributions, asked.names)
        home = Path(folder) / "home"
        environ = {**os.environ, "ZOO_HOME": str(home), "PYTHONPATH": str(ROOT)}
        rows = json.loads(run(python, ["-m", "zoo", "ls", "--format", "json"], environ, folder))["entries"]
        parts = [row for row in rows if row["kind"] != "recipes"]
        print(f"{asked.distributions} distributions, {len(parts)} names, {len(rows) - len(parts)} recipes")
        if any(row["problem"] for row in rows):
            raise SystemExit("some of them are broken, so that these times mean nothing")
        time.sleep(2.5)  # a file written just now is not taken for settled
        show(measure(python, environ, home, asked.runs))


def environment(folder: Path, distributions: int, names: int) -> Path:
    """Make the environment; return its interpreter."""
    made = folder / "environment"
    venv.create(made, symlinks=True)
    site = next(made.glob("lib/python*/site-packages"))
    real = Path(metadata.distribution("typer").locate_file(""))
    for path in real.iterdir():  # modules without their metadata: what is installed is counted by those
        if path.suffix not in {".dist-info", ".pth"}:
            (site / path.name).symlink_to(path)
    own = next(real.glob("microscopy_zoo-*.dist-info"))
    shutil.copytree(own, site / own.name)
    registered = sum(point.group.startswith("zoo.") for point in metadata.distribution("microscopy-zoo").entry_points)
    groups = {"zoo.recipes", "zoo.names"}  # whose lines are no names of their own
    registered -= sum(point.group in groups for point in metadata.distribution("microscopy-zoo").entry_points)
    plugins = [f"made-up-{number}" for number in range(0, distributions - 1, 10)]
    for number in range(distributions - 1):
        install(site, f"made-up-{number}")
    for number in range(names - registered):
        register(site, plugins[number % len(plugins)], number)
    return made / "bin" / "python"


def install(site: Path, name: str) -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    lines = "".join(f"Requires-Dist: package-{number}>=1\n" for number in range(10))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}\n" + "A text.\n" * 200)
    (info / "RECORD").write_text("a/file.py,sha256=0,0\n" * 50)
    (info / "entry_points.txt").write_text(f"[console_scripts]\n{name} = made_up:main\n")


def register(site: Path, name: str, number: int) -> None:
    """Add a part to a distribution."""
    package = site / name.replace("-", "_")
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    helpers = "".join(HELPER.format(number=one) for one in range(8))
    (package / f"part_{number}.py").write_text(PART.format(number=number) + helpers)
    with (site / f"{package.name}-1.0.dist-info" / "entry_points.txt").open("a") as file:
        file.write(f"[zoo.heads]\nmade-up-{number} = {package.name}.part_{number}:Part{number}\n")


def run(python: Path, arguments: list[str], environ: dict[str, str], folder: str = "/") -> str:
    command = [str(python), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environ, cwd=folder).stdout


def measure(python: Path, environ: dict[str, str], home: Path, runs: int) -> dict[str, list[Any]]:
    """Return line -> (seconds, seconds of CPU) of every run; the lines take turns, so that all meet the same load."""
    lines = {
        "python -c pass": ["-c", "pass"],
        "python -c 'import typer, pydantic'": ["-c", "import typer, pydantic"],
        "zoo ls, cold": ["-m", "zoo", "ls"],
        "zoo ls, warm": ["-m", "zoo", "ls"],
    }
    took: dict[str, list[Any]] = {name: [] for name in lines}
    for turn in range(runs + 1):
        for name, arguments in lines.items():
            if name.endswith("cold"):
                for path in home.glob(INDEX):
                    path.unlink()
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            run(python, arguments, environ)
            seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            took[name].extend([(seconds, cpu)] if turn else [])  # the first turn compiles
    return took


def show(took: dict[str, list[Any]]) -> None:
    nothing = statistics.median(cpu for _, cpu in took["python -c pass"])
    for name, found in took.items():
        walls, cpus = zip(*found, strict=True)
        cpu = statistics.median(cpus)
        print(
            f"{name:36} median {statistics.median(walls):.3f} s (min {min(walls):.3f}, max {max(walls):.3f}), "
            f"CPU {cpu:.3f} s, {cpu / nothing:.1f} times that of the first line"
        )


if __name__ == "__main__":
    main()
