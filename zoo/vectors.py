"""Test vectors: made-up input and what the model made of it, for whoever loads the model to see that it is the same.

The input has the shapes, types, means and spreads of a real batch and none of its values: a package that is passed on
passes on no data.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo import infer
from zoo.config import Tensor, Tolerance
from zoo.contestant import MODEL
from zoo.errors import IntegrityError

if TYPE_CHECKING:
    from zoo.contestant import Contestant
    from zoo.contracts import Dataset, Indices

ITEMS = 4
MAX_BYTES = 2 * 2**20
TOLERANCE = 1e-3
TINY = 1e-8
WIDEST = 10 * TOLERANCE
"""A wider tolerance in a package proves nothing."""
INPUT, OUTPUT, PREDICTION = "input/", "output/", "prediction/"
COMPANIONS = ("_index", "offsets")
"""Ends of the names of entries that say how others are to be read; they are kept as they are."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Stored tensors by ``input/``, ``output/`` and ``prediction/`` name, and how near a loaded model has to come."""

    tensors: dict[str, torch.Tensor]
    tolerance: Tolerance

    def shapes(self, *prefixes: str) -> dict[str, Tensor]:
        """Return what the tensors under the first of these prefixes, and under others by their full name, look like."""
        found = {}
        for name, tensor in self.tensors.items():
            if name.startswith(prefixes):
                short = name.removeprefix(prefixes[0])
                found[short] = Tensor(shape=tuple(tensor.shape[1:]), dtype=str(tensor.dtype).removeprefix("torch."))
        return found


def make(contestant: Contestant, dataset: Dataset, items: Indices) -> Vectors:
    """Make up a batch like that of the first items, and keep what the model makes of it on the CPU in 32 bits."""
    made_up, number = _made_up_batch(dataset, items)
    with exact():
        results = _run(contestant, made_up, torch.device("cpu"))
    tensors = {f"{INPUT}{name}": value for name, value in made_up.items()}
    atol = {name: max(TOLERANCE * _size(value), TINY) for name, value in results.items()}
    return Vectors(tensors | results, Tolerance(items=number, rtol=TOLERANCE, atol=atol))


def deviation(contestant: Contestant, stored: Mapping[str, torch.Tensor], tolerance: Tolerance, source: str) -> float:
    """Run a loaded model on the stored input and return its largest deviation, in tolerances (below 1 is well).

    Raises
    ------
    IntegrityError
        It deviates by more, gives other outputs than were stored, cannot be run on what was stored, or so little was
        stored or so much is tolerated that nothing is shown.
    """
    inputs = {name.removeprefix(INPUT): value for name, value in stored.items() if name.startswith(INPUT)}
    wanted = {name: value for name, value in stored.items() if not name.startswith(INPUT)}
    try:
        with exact():
            found = _run(contestant, inputs, next(contestant.model.parameters()).device)
    except (LookupError, RuntimeError, TypeError, ValueError) as error:  # the input is as strange as its maker likes
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise IntegrityError(
            f"{source}: the loaded model cannot be run on its test vectors ({what}); its files do not belong together"
        ) from error
    if set(found) != set(wanted) or set(wanted) != set(tolerance.atol):
        raise IntegrityError(
            f"{source}: the model gives {', '.join(sorted(found))}, stored are {', '.join(sorted(wanted))}"
        )
    wide = [name for name in sorted(wanted) if tolerance.atol[name] > WIDEST * _size(wanted[name]) + TINY]
    if wide or not tolerance.rtol <= WIDEST:
        raise IntegrityError(
            f"{source}: allows its test vectors a deviation so wide that they prove nothing; push it anew"
        )
    worst, where = max((_worst(found[name], wanted[name], tolerance, name), name) for name in sorted(wanted))
    if not worst <= 1:
        raise IntegrityError(
            f"{source}: the loaded model does not give what was published ({where} is off by {worst:.3g} times the "
            "tolerance); it was built by other code, or its files do not belong together"
        )
    return worst


@contextmanager
def exact() -> Iterator[None]:
    """Within this block CUDA computes in full 32 bits; 19-bit products would not come near enough."""
    # not allow_tf32, which refuses to be read in a process that has set fp32_precision
    cudnn: Any = torch.backends.cudnn
    kinds = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "ieee"
        yield
    finally:
        for kind, precision in zip(kinds, before, strict=True):
            kind.fp32_precision = precision


def _size(value: torch.Tensor) -> float:
    return float(value.double().abs().mean())


def _worst(found: torch.Tensor, wanted: torch.Tensor, tolerance: Tolerance, name: str) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    allowed = tolerance.atol[name] + tolerance.rtol * wanted.double().abs()
    share = (found.double() - wanted.double()).abs() / allowed
    sound = bool((torch.isfinite(share) & (allowed > 0)).all())
    return float(share.max()) if sound and share.numel() else float("inf")


def _run(contestant: Contestant, batch: Mapping[str, Any], device: torch.device) -> dict[str, torch.Tensor]:
    """Return outputs and predictions for one batch."""
    model = contestant.model
    if next(model.parameters()).device != device:
        model = copy.deepcopy(model).to(device)
    outputs = infer.of_batch(model, batch, 0, contestant.transforms)
    predicted = contestant.predicted({name: value.numpy() for name, value in outputs.items()})[MODEL]
    return {
        **{f"{OUTPUT}{name}": value for name, value in outputs.items()},
        **{f"{PREDICTION}{name}": torch.from_numpy(np.ascontiguousarray(value)) for name, value in predicted.items()},
    }


def _made_up_batch(dataset: Dataset, items: Indices) -> tuple[dict[str, torch.Tensor], int]:
    """Return a made-up batch of a few items, of fewer where they are large."""
    rng = np.random.default_rng(0)
    number = min(ITEMS, len(items))
    while True:
        batch = {name: v for name, v in dataset.batch(items[:number]).items() if isinstance(v, torch.Tensor)}
        if number == 1 or sum(value.nbytes for value in batch.values()) <= MAX_BYTES:
            return {name: _made_up(name, value, rng) for name, value in batch.items()}, number
        number //= 2


def _made_up(name: str, value: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    if name.endswith(COMPANIONS) or not value.numel():
        return value.contiguous()
    known = value.double().numpy()
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    size, whole = tuple(value.shape), not value.is_floating_point()
    if low == high:  # a lone value is shifted, unless it is a switch
        drawn = np.full(size, low if whole or low in {0.0, 1.0} else low * rng.uniform(0.8, 0.9))
    else:
        drawn = rng.normal(known.mean(), known.std(), size=size)
        # what falls outside is drawn again: at the bounds it would be a real value
        drawn = np.where((drawn > low) & (drawn < high), drawn, rng.uniform(low, high, size=size))
    return torch.from_numpy(drawn.round() if whole else drawn).to(value.dtype).contiguous()
