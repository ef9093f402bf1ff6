"""Transforms that draw nothing, fitted once and applied once to every field; what they made is kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zoo.contracts import Transform
from zoo.errors import DataError
from zoo.progress import step
from zoo_cells.cache import Store
from zoo_cells.choosing import listed
from zoo_cells.fingerprint import digest
from zoo_cells.pixels import FieldPixels

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from zoo_cells.field import Field

VERSION = "1"
PART = 16
WHITE = {"uint8": 255, "uint16": 65535}
DIMENSIONS = 4
SLACK = 1e-4
"""How far beyond [0, 1] rounding may lead."""


class BeyondError(Exception):
    """Prepared training fields lie outside [0, 1], so that integers cannot hold them."""


class Plates(Protocol):
    """What is prepared: fields of plates as items."""

    size: int | None
    notes: list[str]

    @property
    def fields(self) -> list[Field]:
        """The fields."""

    @property
    def plates(self) -> list[str]:
        """Names of plates."""

    @property
    def plate_of_item(self) -> Sequence[str]:
        """The name of the plate of each item."""

    def __len__(self) -> int:
        """Return the number of items."""

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return a batch with the pixels of the last stage."""

    def staged(self, items: NDArray[np.int64], stages: int) -> dict[str, Any]:
        """Return a batch with the pixels that the first so many transforms make."""

    def described(self, places: NDArray[np.int64]) -> dict[str, Any]:
        """Return a batch of fields without their pixels."""


class View:
    """A dataset as the first so many transforms of ``prepare`` make it: what the next one is fitted to."""

    def __init__(self, dataset: Plates, stages: int) -> None:
        self.dataset, self.stages = dataset, stages

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return a batch of the dataset with the pixels of this stage."""
        batch: dict[str, Any] = self.dataset.staged(items, self.stages)
        return batch


class Prepared:
    """The fields after the first so many transforms; after all of them they come from a store of their own.

    Where the files are of 8 or 16 bits and the prepared training fields lie in [0, 1] the store is of these bits too,
    and what another field has beyond is cut off and noted; else it is of float32 (``is_wide``). A transform that has
    something of its own for every plate (``known``, ``add`` and ``number``, as ``percentile-scale`` has) is handed the
    fields of plates that it was not fitted to; labels it is not.
    """

    def __init__(self, transforms: Sequence[Transform], dataset: Plates) -> None:
        self.transforms, self.dataset = transforms, dataset
        self._raw: FieldPixels | None = None
        self._store: Store | None = None
        self._lock = threading.RLock()
        self._is_settled = self._is_fitting = self.is_wide = False

    def fit(self, items: NDArray[np.int64]) -> None:
        """Fit each transform that can be fitted, on what those before it make of these items."""
        self._store, self._is_settled, self.is_wide = None, True, False
        for number, transform in enumerate(self.transforms):
            fit = getattr(transform, "fit", None)
            if fit is not None:
                fit(View(self.dataset, number), items)
            self._add_plates(number)
        self.is_wide = not self._fit_in(items)

    def _fit_in(self, items: NDArray[np.int64]) -> bool:
        """Prepare the training fields; return whether all of them lie in [0, 1]."""
        self._is_fitting = True
        try:
            with step("preparing fields", len(items), "fields") as told:
                for start in range(0, len(items) if self.transforms else 0, PART):
                    self.dataset.batch(items[start : start + PART])
                    told.advance(len(items[start : start + PART]))
        except BeyondError:
            self._store = None
            return False
        finally:
            self._is_fitting = False
        return True

    def _add_plates(self, stage: int) -> None:
        """Let a transform see the plates that it knows nothing of."""
        transform: Any = self.transforms[stage]
        if not hasattr(transform, "add"):
            return
        view, added = View(self.dataset, stage), []
        transform.number(view.plates)
        items = np.arange(len(view))
        numbers = np.array([view.plates.index(name) for name in view.plate_of_item])
        for number, plate in enumerate(view.plates):
            if plate not in transform.known:
                transform.add(view, plate, items[numbers == number])
                added += [plate] if plate in transform.known else []
        if added:
            what = f"{len(added)} plates that were not trained on are scaled by their own pixels"
            view.notes.append(f"{what}: {listed(added)}")

    def state(self) -> list[Any]:
        """Return what each transform was fitted to, None for one that fits nothing."""
        return [one.state() if hasattr(one, "state") else None for one in self.transforms]

    def restore(self, state: Sequence[Any], *, is_wide: bool) -> None:
        """Take back what :meth:`state` returned."""
        for one, held in zip(self.transforms, state, strict=True):
            if held is not None and hasattr(one, "restore"):
                one.restore(held)
        self._store = self._raw = None
        self._is_settled, self.is_wide = False, is_wide

    def pixels(self, places: NDArray[np.int64], stages: int) -> NDArray[Any]:
        """Return fields [n, C, H, W] as the first so many transforms make them."""
        with self._lock:  # batches are read ahead in a thread of their own
            if self._raw is None:
                self._raw = FieldPixels(self.dataset.fields, self.dataset.size)
            if stages and not self._is_settled:
                self._is_settled = True
                for number in range(len(self.transforms)):
                    self._add_plates(number)
            if not stages:
                return self._raw.read(places)
            if stages < len(self.transforms):
                return self._through(self._raw.read(places), places, stages)
            return self._kept(self._raw, places)

    def _kept(self, raw: FieldPixels, places: NDArray[np.int64]) -> NDArray[Any]:
        store = self._opened(raw)
        wanted = np.unique(places[~store.has(places)])
        for start in range(0, len(wanted), PART):
            some = wanted[start : start + PART]
            before = raw.read(some)
            made = self._through(before, some, len(self.transforms))
            values = made if self.is_wide else self._narrow(made, before.dtype)
            if not store.is_open:
                store.create(values.shape[1:], values.dtype)
            store.write(some.tolist(), list(values))
        return store.read(places)

    def _opened(self, raw: FieldPixels) -> Store:
        if self._store is None:
            key = digest(VERSION, raw.key, list(self.transforms), self.state(), self.is_wide)
            self._store = Store(f"{key}-prepared", len(raw.fields))
        return self._store

    def _through(self, raw: NDArray[Any], places: NDArray[np.int64], stages: int) -> NDArray[np.float32]:
        import torch

        from zoo.batches import to_device, transformed

        batch = to_device({**self.dataset.described(places), "image": torch.from_numpy(raw)}, torch.device("cpu"))
        image: torch.Tensor = transformed(batch, self.transforms[:stages], seed=0)["image"]
        if image.ndim != DIMENSIONS or len(image) != len(places) or not bool(torch.isfinite(image).all()):
            said = f"made {tuple(image.shape)} of {raw.shape}, or values that are no numbers"
            raise DataError(f"data.prepare {said}; it takes transforms that keep one image an item")
        made: NDArray[np.float32] = image.float().numpy()
        return made

    def _narrow(self, made: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return values in [0, 1] as integers of the type that the files have."""
        white = WHITE.get(str(dtype))
        if white is None:
            return made
        low, high = float(made.min()), float(made.max())
        if low < -SLACK or high > 1 + SLACK:
            if self._is_fitting:
                raise BeyondError
            what = f"data.prepare makes values from {low:.3g} to {high:.3g} of fields that were not trained on"
            self.dataset.notes.append(f"{what}; what lies outside 0 to 1 is cut off")
        values: NDArray[Any] = np.rint(np.clip(made, 0, 1) * white).astype(dtype)
        return values
