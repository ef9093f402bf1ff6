"""Opening four her2st sections: resident memory, and the second start against the first.

    python benchmarks/sections.py DIR          DIR holds ST-cnts, ST-imgs and ST-spotfiles

Each start is a process of its own. It opens the sections, chooses the panel and reads every spot once; the time leaves
the imports out. The first has an empty cache, the second finds it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def start(root: Path) -> None:
    import anndata  # noqa: F401 - imported before the clock starts
    import numpy as np
    import pandas as pd  # noqa: F401
    import scanpy  # noqa: F401
    import scipy.spatial  # noqa: F401
    import torch  # noqa: F401
    from PIL import Image  # noqa: F401

    from zoo_spatial.datasets.her2st import her2st
    from zoo_spatial.genes.panel import GenePanel
    from zoo_spatial.views import Views

    panel = GenePanel(select="variance")
    dataset = her2st(root, sections=["C2", "C3", "C4", "C5"], views=Views(neighbourhood=2), genes=panel)
    began = time.perf_counter()
    spots = len(dataset)
    opened = time.perf_counter() - began
    dataset.fit(np.arange(spots))
    for first in range(0, spots, 64):
        dataset.batch(np.arange(first, min(first + 64, spots)))
    everything = time.perf_counter() - began
    print(opened, everything, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--start", action="store_true", help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.start:
        start(arguments.root)
        return
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, str(arguments.root), "--start"]
        found = []
        for name in ("first", "second", "third"):
            done = subprocess.run(
                command, env={**os.environ, "ZOO_HOME": home}, capture_output=True, text=True, check=True
            )
            opened, everything, memory = map(float, done.stdout.split())
            found.append(opened)
            print(
                f"{name} start: open {opened:.2f} s, with panel and every spot {everything:.2f} s, peak {memory:.0f} MB"
            )
        print(f"first / second: {found[0] / found[1]:.1f}")


if __name__ == "__main__":
    main()
