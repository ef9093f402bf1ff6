"""Which items make which batch, and bringing them to the device while the model works on the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.errors import RunError
from zoo.seeds import derive

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from zoo.contracts import Batch, Dataset, Indices, Transform

AHEAD = 2
IMAGE_DIMENSIONS = 3
WHITE = {"torch.uint8": 255, "torch.uint16": 65535}


class Order:
    """The batches of each epoch: a seeded shuffle, a function of seed and epoch alone.

    Under data-parallel training ``batch`` is the global batch; each process takes its share of every batch. With
    ``draw`` the items of an epoch and their order are what it returns for the epoch's generator.
    """

    def __init__(
        self,
        items: Sequence[int] | NDArray[np.int64],
        *,
        batch: int,
        seed: int,
        drop_last: bool,
        rank: int = 0,
        world: int = 1,
        draw: Callable[[np.random.Generator], Indices] | None = None,
    ) -> None:
        self.items = np.asarray(items, dtype=np.int64)
        self.seed, self.drop_last, self.rank, self.world = seed, drop_last, rank, world
        self.draw = draw or (lambda rng: rng.permutation(self.items))
        self.count = len(self._drawn(0))
        self.batch = min(batch, self.count)

    def __len__(self) -> int:
        full, rest = divmod(self.count, self.batch)
        return full + (1 if rest >= self.world and not self.drop_last else 0)

    def _drawn(self, epoch: int) -> Indices:
        return self.draw(np.random.default_rng(derive(self.seed, "order", epoch)))

    def epoch(self, epoch: int) -> list[Indices]:
        """Return this process's share of each batch of an epoch."""
        shuffled = self._drawn(epoch)
        if len(shuffled) != self.count:
            what = f"{len(shuffled)} items for epoch {epoch + 1} and {self.count} for the first"
            raise RunError(f"the sampler gives {what}; every epoch needs as many, so choose another one")
        batches = [shuffled[start * self.batch : (start + 1) * self.batch] for start in range(len(self))]
        # equal shares, because gathering embeddings needs them; at most world - 1 items of a batch wait for next epoch
        shares = [len(items) // self.world for items in batches]
        return [items[self.rank * n : (self.rank + 1) * n] for items, n in zip(batches, shares, strict=True)]


def in_order(items: Sequence[int] | NDArray[np.int64], batch: int) -> list[Indices]:
    """Return batches of the items as they stand."""
    array = np.asarray(items, dtype=np.int64)
    return [array[start : start + batch] for start in range(0, len(array), batch)]


def load(dataset: Dataset, batches: Sequence[Indices], *, pin: bool = False) -> Iterator[Batch]:
    """Yield the batches of a dataset, read ahead by one thread.

    One thread is enough: reading is copying out of memory maps, which frees the interpreter, and a second process would
    take a core from the model. An exception in the thread is raised here.
    """
    ready: queue.Queue[Any] = queue.Queue(maxsize=AHEAD)
    stop = threading.Event()

    def put(value: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(value, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for items in batches:
                loaded = dataset.batch(items)
                if not put(_pinned(loaded) if pin else loaded):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
            put(error)

    thread = threading.Thread(target=read, name="zoo-reader", daemon=True)
    thread.start()
    try:
        while (value := ready.get()) is not None:
            if isinstance(value, BaseException):
                raise value
            yield value
    finally:
        stop.set()
        thread.join()


def _pinned(batch: Batch) -> Batch:
    return {name: value.pin_memory() if hasattr(value, "pin_memory") else value for name, value in batch.items()}


def to_device(batch: Batch, device: torch.device) -> dict[str, Any]:
    """Move the tensors of a batch; images stored as integers of 8 or 16 bits become floating point in [0, 1] there."""
    import torch

    moved: dict[str, Any] = {}
    for name, value in batch.items():
        if not isinstance(value, torch.Tensor):
            moved[name] = value
            continue
        tensor = value.to(device, non_blocking=True)
        white = WHITE.get(str(tensor.dtype))
        if white and tensor.ndim >= IMAGE_DIMENSIONS:
            tensor = tensor.float().div_(white)
        moved[name] = tensor
    return moved


def transformed(batch: Mapping[str, Any], transforms: Sequence[Transform], seed: int) -> Batch:
    """Apply transforms in order, all drawing from one generator."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for transform in transforms:
        batch = transform(batch, generator)
    return batch


def in_parts(batch: Batch, at_most: int | None) -> Iterator[tuple[Batch, float]]:
    """Divide a batch of bags into parts of whole bags with at most so many instances, each with its share of the bags.

    A bag that has more on its own is a part of its own. A batch without bags, or without a limit, is one part.
    """
    if at_most is None or "offsets" not in batch:
        yield batch, 1.0
        return
    offsets = batch["offsets"].tolist()
    bags, first = len(offsets) - 1, 0
    for bag in range(1, bags + 1):
        if bag == bags or offsets[bag + 1] - offsets[first] > at_most:
            yield _bags(batch, first, bag, offsets), (bag - first) / bags
            first = bag


def rows_of(name: str, batch: Batch) -> Literal["bags", "instances", "neither"]:
    """Return what an entry of a batch of bags has a row of: each bag, each instance, or neither.

    An entry that items share (with an ``_index`` beside it) has rows of its own, however many. Where every bag has one
    instance, rows of bags and of instances are the same.
    """
    value, offsets = batch[name], batch["offsets"]
    has_rows = hasattr(value, "__len__") and getattr(value, "ndim", None) != 0
    if not has_rows or name == "offsets" or f"{name}_index" in batch:
        return "neither"
    if len(value) == len(offsets) - 1:
        return "bags"
    return "instances" if len(value) == int(offsets[-1]) else "neither"


def _bags(batch: Batch, first: int, end: int, offsets: list[int]) -> Batch:
    """Return some neighbouring bags of a batch: rows of bags from entries with B rows, of instances from the others."""
    rows = {"bags": slice(first, end), "instances": slice(offsets[first], offsets[end])}
    part: dict[str, Any] = {
        name: value if (what := rows_of(name, batch)) == "neither" else value[rows[what]]
        for name, value in batch.items()
    }
    part["offsets"] = batch["offsets"][first : end + 1] - offsets[first]
    return part
