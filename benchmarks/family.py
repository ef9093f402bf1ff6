"""Four systems of one family on the same sections, under both protocols, three seeds each, beside their floors.

    python benchmarks/family.py her2st DIR [--seeds 3] [--out runs/family]        C2-C4 train, C5 tests
    python benchmarks/family.py mob DIR                                           individual 1 trains, MOB3 tests

Prints one table. Under ``published`` the gene panel has seen the test section, so its scores are of other genes; a line
below compares both protocols over the genes that both panels have. A run that is already finished in ``--out`` is not
trained again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import anndata
import numpy as np

from zoo.api import train
from zoo.rescore import rescore
from zoo.run import Run

SYSTEMS = ("hiscmcl", "heclip", "bleep", "mclstexp")
SHOWN = ("pcc", "pcc_heg50", "spearman", "mse", "mae", "hit5")
MOB = [
    "data.use=st",
    "data.sections=null",
    "data.pitch_um=141.4",
    "data.donors={MOB1: mouse1, MOB2: mouse1, MOB3: mouse2}",
    "data.genes.top=300",
    "data.views.patch=32",
    "data.views.size=32",
    "data.split={unit: donor, test: [mouse2]}",
]


def run_of(system: str, protocol: str, given: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Train a system unless it is trained already; return its run folder and its metrics."""
    folder = given.out / f"{given.data}-{system}-her2st-{protocol}"
    found = Run(folder).read_json(Run(folder).metrics_path)
    if found:
        return folder, found
    root, seeds = given.root.resolve(), list(range(given.seeds))
    settings = [f"data.root={root}", f"protocol={protocol}", f"train.seeds={seeds}"]
    run, metrics = train(f"{system}-her2st", [*(MOB if given.data == "mob" else []), *settings], out=folder)
    return run.folder, metrics


def shared_genes(strict: Path, published: Path, out: Path) -> tuple[float, float, int]:
    """Return the pcc of both runs over the genes that both predict, and how many these are."""
    tables = []
    for run in (strict, published):
        files = rescore(run, [], out=out / "scored" / run.name)["files"]
        tables.append([anndata.read_h5ad(file).var["pcc"] for file in files if file.endswith(".h5ad")])
    both = tables[0][0].index.intersection(tables[1][0].index)
    means = [float(np.mean([table.loc[both].mean() for table in found])) for found in tables]
    return means[0], means[1], len(both)


def line(name: str, columns: dict[str, Any], more: str = "") -> str:
    """Return a row of the table."""
    spread = columns["pcc"]["seed_sd"]
    cells = [f"{columns[score]['mean']:8.3f}" for score in SHOWN]
    cells[0] += f" +-{spread:.3f}" if spread is not None else "        "
    return f"{name:34}" + " ".join(cells) + more


def main() -> None:
    """Run all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["her2st", "mob"])
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/family"))
    given = parser.parse_args()
    print(f"{'':34}" + " ".join(f"{score:>8}" + ("        " if score == "pcc" else "") for score in SHOWN))
    for system in SYSTEMS:
        runs = {}
        for protocol in ("strict", "published"):
            folder, metrics = run_of(system, protocol, given)
            runs[protocol] = folder
            print(line(f"{system}, {protocol}", metrics["scores"]))
            for floor, columns in metrics["floors"].items():
                print(line(f"    {floor}", columns))
        strict, published, genes = shared_genes(runs["strict"], runs["published"], given.out)
        gap = f"published - strict {published - strict:+.3f}"
        print(f"    pcc over the {genes} genes of both panels: strict {strict:.3f}, published {published:.3f}, {gap}\n")


if __name__ == "__main__":
    main()
