"""Exact retrieval of expression from a bank of a million spots: the search against faiss, memory, exactness.

    pip install faiss-cpu
    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive python benchmarks/retrieval.py [--scale 0.1] [--rounds 5] [--folder DIR]

10,000 queries, 1,000,000 keys of 256 dimensions in a file (1 GB), the expression of 1,000 genes in half precision in
another (2 GB), the 50 nearest; ``--scale`` shrinks queries and keys. Embeddings are drawn at random, and then around
centres as those of similar patches lie.

faiss (``IndexFlatIP``, which holds the keys in memory) runs in a process of its own with as many threads. Both search
the same slice of the queries in turn, and the median and range of the ratio of times are printed; ours reads the keys
from their file and makes unit vectors of them each time. An index that differs from that of faiss is right if its
cosine in double precision differs by less than 1e-6. Where other work runs beside, threads have to wait passively:
those that spin take the time of the others. Memory is the highest RssAnon of this process, which leaves out the pages
of the two files, during the whole retrieval with expression.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import torch

from zoo_spatial.retrieval import Retrieve, retrieve
from zoo_spatial.search import nearest

WIDTH, GENES, NEAREST = 256, 1000, 50
CENTRES, SPREAD = 2000, 0.5
ROWS = 20_000
FEWEST = 500
"""Queries of a slice from which on faiss multiplies matrices, and is ten times as fast as before."""
PAUSE = 0.05


@dataclass
class Anonymous:
    """Memory of this process that is no page of a file: its highest while open, in MB, and before."""

    before: float = 0.0
    highest: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.before = self.highest = self.now()
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.watcher.join()

    def watch(self) -> None:
        """Look every few milliseconds."""
        while not self.done.wait(0.005):
            self.highest = max(self.highest, self.now())

    @staticmethod
    def now() -> float:
        """Return what it is."""
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def draw(rows: int, rng: np.random.Generator, centres: np.ndarray | None) -> np.ndarray:
    """Return unit vectors."""
    found = rng.standard_normal((rows, WIDTH), dtype=np.float32)
    if centres is not None:
        found = SPREAD * found + centres[rng.integers(0, len(centres), rows)]
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def write(folder: Path, queries: int, keys: int, *, clustered: bool) -> None:
    """Write queries and keys, a piece at a time."""
    rng = np.random.default_rng(int(clustered))
    centres = rng.standard_normal((CENTRES, WIDTH), dtype=np.float32) if clustered else None
    np.save(folder / "queries.npy", draw(queries, rng, centres))
    bank = np.lib.format.open_memmap(folder / "keys.npy", "w+", np.float32, (keys, WIDTH))
    for start in range(0, keys, ROWS):
        bank[start : start + ROWS] = draw(min(ROWS, keys - start), rng, centres)
    bank.flush()


def write_expression(folder: Path, keys: int) -> None:
    rng = np.random.default_rng(2)
    values = np.lib.format.open_memmap(folder / "values.npy", "w+", np.float16, (keys, GENES))
    for start in range(0, keys, ROWS):
        values[start : start + ROWS] = rng.random((min(ROWS, keys - start), GENES), dtype=np.float32)
    values.flush()


def serve(folder: Path) -> None:
    """Search slices with faiss as they are asked for on standard input."""
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatIP(WIDTH)
    keys = np.load(folder / "keys.npy", mmap_mode="r")
    for start in range(0, len(keys), ROWS):
        index.add(np.array(keys[start : start + ROWS]))
    queries = np.load(folder / "queries.npy")
    print(faiss.__version__, flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        began = time.perf_counter()
        cosine, found = index.search(queries[first:last], NEAREST)
        took = time.perf_counter() - began
        np.savez(folder / "faiss.npz", cosine=cosine, found=found)
        print(took, flush=True)


def compare(folder: Path, rounds: int) -> None:
    """Print the ratio of times and whether indices agree."""
    queries, keys = np.load(folder / "queries.npy"), np.load(folder / "keys.npy", mmap_mode="r")
    command = [sys.executable, __file__, "--serve", str(folder)]
    rounds = max(1, min(rounds, len(queries) // FEWEST))
    edges = np.linspace(0, len(queries), rounds + 1).astype(int).tolist()
    nearest(queries[:16], keys, NEAREST)  # what happens once: libraries, threads, pages
    took, differ, worst, loss = [], 0, 0.0, 0.0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        version = other.stdout.readline().strip()
        print("0 16", file=other.stdin, flush=True)
        other.stdout.readline()
        for first, last in pairwise(edges):
            time.sleep(PAUSE)
            began = time.perf_counter()
            cosine, index = nearest(queries[first:last], keys, NEAREST)
            ours = time.perf_counter() - began
            time.sleep(PAUSE)
            print(first, last, file=other.stdin, flush=True)
            took.append((ours, float(other.stdout.readline())))
            theirs = np.load(folder / "faiss.npz")
            apart = index != theirs["found"]
            differ += int(apart.sum())
            worst = max(worst, float(np.abs(cosine - theirs["cosine"]).max()))
            asked = queries[first:last][apart.nonzero()[0]]
            loss = max(loss, exact_gap(asked, keys, index[apart], theirs["found"][apart]))
        other.stdin.close()
    ratio = [one / two for one, two in took]
    ours, theirs = (sum(times) for times in zip(*took, strict=True))
    print(f"  search {ours:.1f} s, faiss {version} {theirs:.1f} s, in {rounds} slices")
    print(f"  ours / faiss: median {statistics.median(ratio):.2f}, range {min(ratio):.2f} to {max(ratio):.2f}")
    print(f"  cosines differ by at most {worst:.1e}, {differ} of {len(queries) * NEAREST} indices")
    print(f"  where indices differ, the cosines of both in double precision differ by at most {loss:.1e}")
    if not loss < 1e-6:
        raise SystemExit("indices differ that are no ties to 1e-6")


def exact_gap(queries: np.ndarray, keys: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return how far the keys that were found at the same rank lie apart for their queries."""
    asked = queries.astype(np.float64)
    one, other = (np.einsum("nd,nd->n", asked, keys[index].astype(np.float64)) for index in (ours, theirs))
    return float(np.abs(one - other).max(initial=0))


def with_expression(folder: Path) -> None:
    """Print time and memory of the whole."""
    queries = np.load(folder / "queries.npy")
    keys, values = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("keys", "values"))
    for weight in ("mean", "inverse-square"):
        with Anonymous() as memory:
            began = time.perf_counter()
            found = retrieve(queries, keys, values, Retrieve(k=NEAREST, weight=weight))
            took = time.perf_counter() - began
        more = memory.highest - memory.before
        told = f"{took:.1f} s, anonymous memory at most {memory.highest:.0f} MB, {more:.0f} MB of it for this"
        print(f"  with expression {found.shape}, {weight}: {told}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where about 3 GB find room for the time of the run")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    queries, keys = int(10_000 * arguments.scale), int(1_000_000 * arguments.scale)
    print(f"{queries} queries, {keys} keys of {WIDTH} dimensions, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        write_expression(folder, keys)
        for clustered in (False, True):
            print(f"around {CENTRES} centres" if clustered else "at random")
            write(folder, queries, keys, clustered=clustered)
            compare(folder, arguments.rounds)
            with_expression(folder)


if __name__ == "__main__":
    main()
