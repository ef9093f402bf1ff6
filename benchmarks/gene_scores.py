"""Scores of 20,000 spots and 20,000 genes against one pass over the memory of both matrices.

    OMP_NUM_THREADS=2 python benchmarks/gene_scores.py [--spots 20000] [--genes 20000] [--rounds 7]

The pass is ``torch.sum`` of both, the fastest plain reduction there is here. It and ours run in turn in this process
with the same number of threads; the median and range of the ratio are printed. Means, variances, Pearson's correlation,
mse and mae come from one pass. Spearman's correlation has to sort every gene, so it is timed over some genes and held
against a pass over those. What is computed is held against the definition in double precision over some genes.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from zoo_spatial.genes import gene_scores
from zoo_spatial.genes.moments import moments

RANKED, CHECKED = 400, 500
ROWS = 1000


def draw(spots: int, genes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return predicted and measured expression, made some rows at a time."""
    rng = np.random.default_rng(0)
    level = rng.gamma(0.5, 2, genes).astype(np.float32)
    predicted, truth = (np.empty((spots, genes), np.float32) for _ in range(2))
    for start in range(0, spots, ROWS):
        rows = slice(start, min(start + ROWS, spots))
        noise = rng.standard_normal((2, rows.stop - start, genes), dtype=np.float32)
        truth[rows] = np.maximum(level + noise[0], 0)
        predicted[rows] = 0.3 * truth[rows] + noise[1]
    return predicted, truth


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(name: str, ours: Callable[[], object], one_pass: Callable[[], object], rounds: int) -> None:
    """Print how many passes ours takes."""
    ours()
    one_pass()
    took = [(seconds(one_pass), seconds(ours)) for _ in range(rounds)]
    ratio = [two / one for one, two in took]
    best = min(two for _, two in took) / min(one for one, _ in took)
    shown = f"median {statistics.median(ratio):.2f}, range {min(ratio):.2f} to {max(ratio):.2f}"
    print(f"  {name:32} {statistics.median(two for _, two in took):7.2f} s, passes: {shown}, shortest {best:.2f}")


def check(predicted: np.ndarray, truth: np.ndarray) -> None:
    """Print how far ours is from the definition."""
    x, y = (np.ascontiguousarray(m[:, :CHECKED], dtype=np.float64) for m in (predicted, truth))
    found = moments(x.astype(np.float32), y.astype(np.float32))
    mse, mae = ((x - y) ** 2).mean(), np.abs(x - y).mean()
    by_gene = gene_scores.pearson(predicted, truth)[:CHECKED]
    x -= x.mean(axis=0)
    y -= y.mean(axis=0)
    expected = (x * y).sum(axis=0) / np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    off = max(float(np.abs(by_gene - expected).max()), abs(found.mse - mse), abs(found.mae - mae))
    print(f"  largest deviation of a correlation, of mse or of mae from double precision {off:.1e}")
    if not off <= 1e-6:
        raise SystemExit("the scores do not agree to 1e-6")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spots", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    predicted, truth = draw(arguments.spots, arguments.genes)
    tensors = torch.from_numpy(predicted), torch.from_numpy(truth)
    told = f"{arguments.spots} spots, {arguments.genes} genes, {torch.get_num_threads()} threads"
    print(f"{told}; a pass reads {2 * predicted.nbytes / 1e9:.2f} GB")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def one_pass() -> list[torch.Tensor]:
        return [tensor.sum() for tensor in tensors]

    compare("pearson, mse and mae together", lambda: moments(predicted, truth), one_pass, arguments.rounds)
    compare("hit5", lambda: gene_scores.hit_rate(predicted, truth), one_pass, arguments.rounds)
    some = [np.ascontiguousarray(m[:, :RANKED]) for m in (predicted, truth)]
    parts = [torch.from_numpy(m) for m in some]
    compare(
        f"spearman of {some[0].shape[1]} genes",
        lambda: gene_scores.spearman(*some),
        lambda: [part.sum() for part in parts],
        3,
    )
    check(predicted, truth)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"  memory beyond the matrices at its highest {more:.0f} MB")


if __name__ == "__main__":
    main()
