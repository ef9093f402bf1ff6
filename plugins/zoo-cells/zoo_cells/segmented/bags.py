"""The cells of each field as a bag: a :class:`zoo.contracts.Dataset` of what a segmenter finds."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np

from zoo.contracts import Provenance, Segmenter
from zoo.errors import DataError, RunError
from zoo_cells.fingerprint import digest
from zoo_cells.protein.fields import ProteinFields
from zoo_cells.segmented.crops import Crops, cut
from zoo_cells.segmented.index import CellIndex
from zoo_cells.segmented.making import Making
from zoo_cells.segmented.store import SMALL, CellStore, columns
from zoo_cells.segmented.truth import UNMATCHED, matched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64] | Sequence[int]

VERSION = "1"
Read = TypeVar("Read")


class CellBags:
    """Fields as bags of their cells; those without any are left out and told of in ``notes``.

    Cells are found and cut out when they are first needed, or by :meth:`prepare`, and kept in ``cells`` of zoo's cache
    folder. What a field becomes follows from its pixels, the segmenter and the settings alone, so that a field which
    was segmented once is not segmented again, whatever data it stands in. No more than the number of cells of each
    field is held in memory.

    Parameters
    ----------
    fields
        The fields.
    segmenter
        Finds their cells.
    crops
        How these are cut out.
    processes
        How many segment fields at a time: the cores where not given, at most 8; 0 works in this process.
    lose
        What becomes of the run when a field cannot be segmented: go on without it and ``note`` it, or ``stop``.

    Raises
    ------
    DataError
        The fields lack a channel that the segmenter needs.
    """

    provides: ClassVar[tuple[str, ...]] = ("instances", "offsets", "label")

    def __init__(
        self,
        fields: ProteinFields,
        *,
        segmenter: Segmenter,
        crops: Crops = Crops(),
        processes: int | None = None,
        lose: Literal["note", "stop"] = "note",
    ) -> None:
        lacking = [name for name in segmenter.needs if name not in fields.channels]
        if lacking:
            have = ", ".join(fields.channels)
            raise DataError(f"the segmenter needs {', '.join(lacking)}, and the fields have {have}; take another one")
        self.fields_dataset, self.segmenter, self.crops = fields, segmenter, crops
        self.processes, self.lose = processes, lose
        self.key = digest(VERSION, segmenter, _used_by(segmenter), crops, cut, fields.channels)
        self._index: CellIndex | None = None
        self._truths: dict[int, tuple[NDArray[np.int8], NDArray[np.int64]]] = {}
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    @property
    def classes(self) -> list[str]:
        """Names of the locations."""
        return self.fields_dataset.classes

    @property
    def channels(self) -> list[str]:
        """What the channels show."""
        return self.fields_dataset.channels

    @property
    def facts(self) -> Mapping[str, int]:
        """Channels and classes."""
        return self.fields_dataset.facts

    @property
    def provenance(self) -> Provenance:
        """Where the fields come from."""
        return self.fields_dataset.provenance

    @property
    def inputs(self) -> Mapping[str, str]:
        """What ``zoo predict`` takes."""
        return self.fields_dataset.inputs

    @property
    def stamp(self) -> str:
        """What the items follow from: the fields, the segmenter, the settings; known before a cell is."""
        return digest(self.key, self.fields_dataset.stamp)

    @property
    def items_stamp(self) -> str:
        """What arrays of items follow from: besides ``stamp``, which fields have how many cells."""
        return digest(self.stamp, self._kept(), self.sizes)

    @property
    def notes(self) -> list[str]:
        """What a reader must not overlook; of the cells, as soon as they are there."""
        return [*self.fields_dataset.notes, *(self._index.notes() if self._index else [])]

    @property
    def sizes(self) -> list[int]:
        """How many cells each item has."""
        counts: list[int] = self._counts()[self._kept()].tolist()
        return counts

    @property
    def label_sets(self) -> NDArray[np.int8]:
        """Which locations each field was labelled with [n, K], a row of -1 where nobody knows."""
        return self.fields_dataset.label_sets[self._kept()]

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Unit -> the group of each item."""
        kept = self._kept().tolist()
        return {unit: [groups[field] for field in kept] for unit, groups in self.fields_dataset.groups.items()}

    def __len__(self) -> int:
        return len(self._kept())

    def prepare(self) -> Iterator[tuple[int, int, str]]:
        """Segment and crop what is not there yet; yield how many fields are done, how many there are, and a name.

        Raises
        ------
        MissingError
            The segmenter cannot work: weights or a package are not there.
        DataError
            More than half of the fields cannot be segmented, or none has a cell.
        RunError
            The disk is full; what was made is kept.
        """
        if self._index is None:
            making = Making(self.segmenter, self.crops, tuple(self.channels), CellStore(self.key))
            index = CellIndex(making, self.fields_dataset.fields, self.processes, self.lose)
            yield from index.prepare()
            self._index = index

    def fit(self, items: Numbers) -> None:
        """Let the fields look at those of these items."""
        self.fields_dataset.fit(self._kept()[np.asarray(items, np.int64)])

    def state(self) -> dict[str, Any]:
        """Return classes and channels."""
        return self.fields_dataset.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned."""
        self.fields_dataset.restore(state)

    def batch(self, items: Numbers) -> dict[str, Any]:
        """Return ``instances`` [N, 4, S, S] (uint8), ``offsets`` [B + 1], ``label`` [B, K] and ``id``."""
        import torch

        fields = self._kept()[np.asarray(items, np.int64)].tolist()
        crops = [self._held(field, lambda store, name: store.read(name, ("crops",)))["crops"] for field in fields]
        sizes = torch.tensor([0, *map(len, crops)], dtype=torch.int64)
        none = torch.zeros((0, len(self.channels), self.crops.size, self.crops.size), dtype=torch.uint8)
        return {
            "instances": torch.cat(crops) if crops else none,
            "offsets": torch.cumsum(sizes, 0),
            "label": torch.from_numpy(self.fields_dataset.label_sets[fields].astype(np.float32)),
            "id": [self.fields_dataset.fields[field].name for field in fields],
        }

    def open_new(self, inputs: Mapping[str, Path]) -> CellBags:
        """Return the bags of new fields."""
        new = self.fields_dataset.open_new(inputs)
        settings: Any = {"crops": self.crops, "processes": self.processes, "lose": self.lose}
        return CellBags(new, segmenter=self.segmenter, **settings)

    def mask(self, item: int) -> NDArray[np.int32]:
        """Return the cells of an item as a label image [H, W], from 1 to their number."""
        return self._held(int(self._kept()[item]), lambda store, name: store.mask(name))

    def cell_table(self, items: Numbers) -> dict[str, NDArray[Any]]:
        """Return columns with one row a cell, in the order of items and their cells.

        ``item``, ``field`` (its name), ``cell`` (its number in the mask, from 1), ``y0 x0 y1 x1`` (its box in pixels
        of the field, the end exclusive), ``centroid_y centroid_x``, ``area`` (pixels).
        """
        items = np.asarray(items, np.int64)
        parts: list[dict[str, NDArray[Any]]] = []
        for item, field in zip(items.tolist(), self._kept()[items].tolist(), strict=True):
            held = columns(self._held(field, lambda store, name: store.read(name, SMALL)))
            cells, name = len(held["cell"]), self.fields_dataset.fields[field].name
            parts.append({"item": np.full(cells, item), "field": np.full(cells, name, object), **held})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}

    def cell_truth(self, items: Numbers) -> dict[str, NDArray[Any]] | None:
        """Return what the cells of items truly are, None where no field of them knows.

        ``cell`` [N, K] are the labels of the true cell that a found one matches (an overlap of 0.6), a row of -1 where
        it matches none; ``missed`` [n, K] counts the true cells of each class that no found one matches. Where cells
        at the border are dropped, true ones are not asked for there. A field of which nothing is known among others
        has rows of -1 and misses nothing.
        """
        fields = self._kept()[np.asarray(items, np.int64)].tolist()
        if all(self.fields_dataset.fields[field].truth is None for field in fields):
            return None
        found = [self._truth(field) for field in fields]
        return {"cell": np.concatenate([rows for rows, _ in found]), "missed": np.stack([lost for _, lost in found])}

    def _truth(self, field: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        if field not in self._truths:
            read, count = self.fields_dataset.fields[field].truth, int(self._counts()[field])
            if read is None:
                classes = len(self.classes)
                return np.full((count, classes), UNMATCHED, np.int8), np.zeros(classes, np.int64)
            mask = self._held(field, lambda store, name: store.mask(name))
            self._truths[field] = matched(mask, count, read(), borders=self.crops.edges == "keep")
        return self._truths[field]

    def _prepared(self) -> CellIndex:
        with self._lock:  # batches are read ahead in a thread of their own
            if self._index is None:
                for _ in self.prepare():
                    pass
            if self._index is None or self._index.counts is None:
                raise RunError("segmenting was stopped before it was done; begin it again")
            return self._index

    def _counts(self) -> NDArray[np.int64]:
        counts = self._prepared().counts
        return counts.kept if counts is not None else np.zeros(0, np.int64)

    def _kept(self) -> NDArray[np.int64]:
        """Return the number of the field of each item."""
        return np.flatnonzero(self._counts())

    def _held(self, field: int, read: Callable[[CellStore, str], Read | None]) -> Read:
        """Return something of a field's file, which is made again where it was damaged or deleted."""
        index = self._prepared()
        name = index.names[field]
        found = read(index.store, name)
        if found is None:
            index.make_again(field)
            found = read(index.store, name)
            held = index.store.read(name, ("area",))
            if found is None or held is None or len(held["area"]) != int(self._counts()[field]):
                what = f"{index.store.path(name)}: was damaged, and made again it has other cells than before"
                raise RunError(f"{what}; begin the run again")
        return found


def _used_by(segmenter: Segmenter) -> list[Any]:
    """Return the functions and classes of its own package that the module of a segmenter works with."""
    module = type(segmenter).__module__
    package = module.partition(".")[0]
    held = vars(sys.modules[module]).items() if module in sys.modules else ()
    return [
        value
        for _, value in sorted(held)
        if str(getattr(value, "__module__", "")).partition(".")[0] == package and hasattr(value, "__qualname__")
    ]
