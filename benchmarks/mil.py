"""Packed bags against one bag at a time and against padding with a mask, for the attention of ``abmil``.

    OMP_NUM_THREADS=2 python benchmarks/mil.py [--device cuda] [--hidden 128] [--frozen] [--rounds 30]

Forward and backward with the same weights over a batch of bags; gradients of weights and, unless ``--frozen``, of
features.

*one a batch*   the same head over each bag by itself, as with ``batch: 1``;
*plain, one*    the same, but in the layers one would write for a single bag (softmax over its instances, the weighted
                mean of its features, a linear layer), as AttentionDeepMIL trains;
*padded*        these layers over [bags, longest, features] with a mask, padded before the clock runs.

All have to agree to 1e-5. They run in turn in this process; the ratio of each round is taken and the median printed.
Memory is by how much one step raises the peak of a process of its own that has done a small one before (on CUDA what
the allocator says).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from zoo.heads.abmil import Abmil

CLASSES = 4
CASES = ((256, 1, 40, 64), (64, 5, 500, 512))
MEMORY_FEATURES = 64
SHORT = 50
Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Way = tuple[list[torch.Tensor], partial]


class Plain(nn.Module):
    """The same attention in the usual layers, with the weights of a head of ours."""

    def __init__(self, ours: Abmil, features: int) -> None:
        super().__init__()
        hidden = ours.widths[0]
        self.attend = nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))
        self.classify = nn.Linear(features, CLASSES)
        with torch.no_grad():
            for part, rows in ((self.attend[0], slice(hidden)), (self.classify, slice(hidden, None))):
                part.weight.copy_(ours.project.weight[rows])
                part.bias.copy_(ours.project.bias[rows])
            self.attend[2].weight.copy_(ours.weigh.weight)

    def gradients(self) -> list[torch.Tensor]:
        """In the layout of a head of ours."""
        first, scores = self.attend[0], self.classify
        joined = [torch.cat([getattr(p, n).grad for p in (first, scores)]) for n in ("weight", "bias")]
        return [*joined, self.attend[2].weight.grad]


@dataclass
class Step:
    """One batch of bags of these sizes, and four ways to take it through the head and back.

    A way returns its parts of bag logits, attention and instance logits, which are put together off the clock.
    """

    sizes: list[int]
    features: int
    device: str
    hidden: int = 128
    learns: bool = True

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.head = Abmil(in_features=self.features, num_classes=CLASSES, hidden=self.hidden).to(self.device)
        self.plain = Plain(self.head, self.features).to(self.device)
        self.rows = torch.randn(sum(self.sizes), self.features).to(self.device)
        self.label = torch.randint(0, CLASSES, (len(self.sizes),)).to(self.device)
        self.offsets = torch.tensor([0, *self.sizes], device=self.device).cumsum(0)
        self.there = torch.arange(max(self.sizes), device=self.device) < self.offsets.diff()[:, None]

    def ways(self) -> dict[str, Way]:
        """Name -> the leaves of its graph, and the step."""
        bags = [rows.clone().requires_grad_(self.learns) for rows in self.rows.split(self.sizes)]
        padded = torch.zeros(*self.there.shape, self.features, device=self.device)
        padded[self.there] = self.rows
        whole = self.rows.clone().requires_grad_(self.learns)
        return {
            "packed": ([whole], partial(self.packed, whole)),
            "one a batch": (bags, partial(self.one_a_batch, bags)),
            "plain, one": (bags, partial(self.plain_one, bags)),
            "padded": ([padded.requires_grad_(self.learns)], partial(self.padded, padded)),
        }

    def packed(self, rows: torch.Tensor) -> list[Parts]:
        """All instances at once, bags told apart by offsets."""
        outputs = self.head(rows, {"offsets": self.offsets})
        functional.cross_entropy(outputs["bag"], self.label).backward()
        return [(outputs["bag"], outputs["attention"], outputs["instance"])]

    def one_a_batch(self, bags: list[torch.Tensor]) -> list[Parts]:
        """Each bag through the head by itself, gradients added up."""
        parts = []
        for rows, label in zip(bags, self.label.split(1), strict=True):
            outputs = self.head(rows, {"offsets": torch.tensor([0, len(rows)], device=self.device)})
            parts.append((outputs["bag"], outputs["attention"], outputs["instance"]))
            (functional.cross_entropy(outputs["bag"], label) / len(bags)).backward()
        return parts

    def plain_one(self, bags: list[torch.Tensor]) -> list[Parts]:
        """Each bag through the usual layers by itself, gradients added up."""
        parts = []
        for rows, label in zip(bags, self.label.split(1), strict=True):
            attention = self.plain.attend(rows).softmax(dim=0)
            logits = self.plain.classify(attention.T @ rows)
            parts.append((logits, attention[:, 0], self.plain.classify(rows)))
            (functional.cross_entropy(logits, label) / len(bags)).backward()
        return parts

    def padded(self, rows: torch.Tensor) -> list[Parts]:
        """Every bag as long as the longest."""
        scores = self.plain.attend(rows)[..., 0].masked_fill(~self.there, -torch.inf)
        attention = scores.softmax(dim=1)
        logits = self.plain.classify((attention[:, None] @ rows)[:, 0])
        instance = self.plain.classify(rows)
        functional.cross_entropy(logits, self.label).backward()
        return [(logits, attention, instance)]

    def results(self, way: Way) -> list[torch.Tensor]:
        """Run a way once and return outputs and gradients in one layout."""
        leaves, step = way
        outputs = [torch.cat(parts) for parts in zip(*self.fresh(way)(), strict=True)]
        ours = step.func in {self.packed, self.one_a_batch}
        learnt = [parameter.grad for parameter in self.head.parameters()] if ours else self.plain.gradients()
        gradients = [torch.cat([leaf.grad for leaf in leaves])] if self.learns else []
        packed = [v[self.there] if v.shape[:2] == self.there.shape else v for v in (*outputs, *gradients)]
        return [value.detach().clone() for value in (*packed, *learnt)]

    def fresh(self, way: Way) -> Callable[[], list[Parts]]:
        """Return the step, run from gradients of nothing."""
        leaves, step = way

        def run() -> list[Parts]:
            for leaf in (*leaves, *self.head.parameters(), *self.plain.parameters()):
                leaf.grad = None
            return step()

        return run


def seconds(step: Callable, device: str) -> float:
    synchronise(device)
    started = time.perf_counter()
    step()
    synchronise(device)
    return time.perf_counter() - started


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def compare(work: Step, rounds: int) -> None:
    """Print how far the ways deviate and how their times compare."""
    ways = work.ways()
    found = {name: work.results(way) for name, way in ways.items()}
    pairs = [pair for values in found.values() for pair in zip(found["packed"], values, strict=True)]
    worst = max(float((one - other).abs().max()) for one, other in pairs)
    took = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            took[name].append(seconds(work.fresh(way), work.device))
    sizes = work.sizes
    print(f"{len(sizes)} bags of {min(sizes)} to {max(sizes)} instances, {sum(sizes)} in all, {work.features} features")
    print(f"  largest deviation of outputs and gradients {worst:.1e}")
    for name, times in took.items():
        ratio = statistics.median(t / packed for t, packed in zip(times, took["packed"], strict=True))
        best = min(times) / min(took["packed"])
        shown = f"median ratio {ratio:.2f}, ratio of the shortest {best:.2f}"
        print(f"  {name:12} {statistics.median(times) * 1e3:8.2f} ms  {shown}")
    if not worst <= 1e-5:
        raise SystemExit("the ways do not agree to 1e-5")


def peak_mb(way: str, sizes: list[int], device: str) -> float:
    """Return by how much one step raises the peak of this process."""
    small, work = Step([2, 3], MEMORY_FEATURES, device), Step(sizes, MEMORY_FEATURES, device)
    small.fresh(small.ways()[way])()
    step = work.fresh(work.ways()[way])
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the peak so far, which importing reached
    before = status_kb("VmRSS")
    step()
    return (status_kb("VmHWM") - before) / 2**10


def status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def even(instances: int) -> list[int]:
    return [SHORT] * (instances // SHORT)


def uneven(instances: int) -> list[int]:
    return [instances // 2, *even(instances // 2)]


def memory_table(device: str) -> None:
    """Print the peak of a step over numbers of instances and lengths of the longest bag."""
    print(f"peak memory of a step above its inputs, {MEMORY_FEATURES} features: packed | padded")
    for instances in (4000, 8000, 16000, 64000):
        for layout in (even, uneven):
            sizes = layout(instances)
            ways = ["packed", "padded"] if len(sizes) * max(sizes) < 10**6 else ["packed"]
            told = [in_a_process(way, layout.__name__, instances, device) for way in ways]
            shown = " | ".join([f"{mb:6.0f} MB" for mb in told] + ["     -"] * (2 - len(ways)))
            print(f"  {instances:6} instances, longest bag {max(sizes):6}: {shown}")


def in_a_process(*arguments: object) -> float:
    command = [sys.executable, __file__, "--peak", *map(str, arguments)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--peak", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        way, layout, instances, device = arguments.peak
        print(peak_mb(way, {"even": even, "uneven": uneven}[layout](int(instances)), device))
        return
    device, hidden, learns = arguments.device, arguments.hidden, not arguments.frozen
    about = "with" if learns else "without"
    print(f"on {device}, {torch.get_num_threads()} threads, attention of width {hidden}, {about} gradients of features")
    for bags, shortest, longest, features in CASES:
        make = torch.Generator().manual_seed(0)
        sizes = torch.randint(shortest, longest + 1, (bags,), generator=make).tolist()
        compare(Step([*sizes[:-2], shortest, longest], features, device, hidden, learns), arguments.rounds)
    memory_table(device)


if __name__ == "__main__":
    main()
