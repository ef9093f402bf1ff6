"""Fields of hyperspectral microscopy as bags of tiles: a :class:`zoo.contracts.Dataset`, groups by animal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from zoo.contracts import Provenance
from zoo.errors import DataError, UsageError
from zoo.progress import track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.figures.parts import Figure
    from zoo_cars.field import Field

    OpenNew = Callable[[Mapping[str, Path]], list[Field]]

SATURATED = 0.5
"""A field with a larger share of its values at one and the same maximum was overexposed."""
TRUE_SHARE = 0.1
"""A tile is a true one where at least this share of its pixels is."""
UNKNOWN = -1
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Tiles:
    """How a field is cut into the instances of its bag.

    Attributes
    ----------
    size
        Side of a tile in pixels.
    stride
        Distance of neighbouring tiles; their size where not given, so that they lie side by side.
    """

    size: int = 16
    stride: int | None = None

    def __post_init__(self) -> None:
        """Refuse tiles that hold nothing, or that never end."""
        if not 1 <= self.size <= 4096:  # noqa: PLR2004 - more is a field
            raise ValueError(f"size lies between 1 and 4096 pixels, not {self.size}")
        if self.stride is not None and not 1 <= self.stride <= self.size:
            raise ValueError(f"stride lies between 1 and the size of a tile ({self.size} pixels), not {self.stride}")

    def corners(self, shape: Sequence[int]) -> NDArray[np.int64]:
        """Return row and column of each tile's corner [n, 2], row by row; what is left at the ends is left out."""
        step = self.stride or self.size
        rows, columns = (np.arange(0, side - self.size + 1, step) for side in shape)
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


@dataclass
class FieldDataset:
    """Bags of tiles; fields are opened when they are first needed, and kept in memory from then on.

    That takes 4 bytes a value: 100 fields of 512 x 512 pixels and 40 bands are 4.2 GB.

    Parameters
    ----------
    open_fields
        Makes the fields; called once.
    open_new_fields
        Makes fields of new, unlabelled input from the file that ``zoo predict`` was given.
    tiles
        How a field is cut.
    classes
        Labels in the order of the outputs (doses rise); sorted where not given.
    standardise
        Deliver every band with the mean and spread that the training fields have; without it, as it was measured.
    relative
        Divide every band of a field by its mean over that field first. Laser power, gain, and what all pixels of a
        field have in common cancel; it looks at a field's own pixels and at nothing else.
    provenance
        Where the fields come from.
    bands
        Name -> wavenumbers in 1/cm of bands that are known, which are marked in figures of spectra.
    """

    open_fields: Callable[[], list[Field]]
    open_new_fields: OpenNew
    tiles: Tiles = Tiles()
    classes: list[str] | None = None
    standardise: bool = True
    relative: bool = False
    provenance: Provenance = field(default_factory=Provenance)
    notes: list[str] = field(default_factory=list)
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)

    provides: ClassVar[tuple[str, ...]] = ("instances", "offsets", "label", "tile_yx")
    inputs: ClassVar[Mapping[str, str]] = {
        "input": "a hyperspectral stack with its wavenumbers (multi-page or OME TIFF, a folder of pages, .npy, .mat)"
    }

    def __post_init__(self) -> None:
        """Nothing is fitted yet."""
        self.wavenumber_cm: NDArray[np.float64] | None = None
        self.um_per_px: float | None = None
        self._mean = self._std = np.zeros(0)
        self._stacks: dict[int, NDArray[np.float32]] = {}

    @cached_property
    def fields(self) -> list[Field]:
        """The fields, named but not read."""
        found = self.open_fields()
        names = [one.name for one in found]
        if not found:
            raise DataError("there is no field; point the data at a folder or a table that has some")
        if len(set(names)) != len(names):
            raise DataError(f"two fields are called {next(n for n in names if names.count(n) > 1)}; rename one")
        if self.classes is None:
            self.classes = sorted({one.label for one in found if one.label})
        unknown = sorted({one.label for one in found if one.label} - set(self.classes))
        if unknown:
            raise DataError(f"fields are labelled {', '.join(unknown)}, the classes are {', '.join(self.classes)}")
        return found

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Animal, slide and name of each field."""
        return {
            "animal": [one.animal for one in self.fields],
            "slide": [one.slide for one in self.fields],
            "field": [one.name for one in self.fields],
        }

    @property
    def labels(self) -> NDArray[np.int64]:
        """Number of each field's class [n], -1 where nobody knows it."""
        fields, classes = self.fields, self.classes or []
        return np.array([classes.index(one.label) if one.label else UNKNOWN for one in fields], dtype=np.int64)

    @property
    def facts(self) -> Mapping[str, int]:
        """Bands and classes, once fitted."""
        bands = {} if self.wavenumber_cm is None else {"in_chans": len(self.wavenumber_cm)}
        return {**bands, **({"num_classes": len(self.classes)} if self.classes else {})}

    def fit(self, items: NDArray[np.int64]) -> None:
        """Take the axis, the pixel size, and mean and spread of every band from these fields only."""
        shown = [self.fields[item] for item in items]
        if len({one.label for one in shown if one.label}) < 2:  # noqa: PLR2004 - to tell apart
            have = ", ".join(sorted({one.label for one in shown if one.label})) or "none"
            raise DataError(f"the training fields have one class only ({have}); bring fields of another, or split anew")
        self._stacks.clear()  # what was read before was not carried onto this axis
        self.wavenumber_cm = shown[0].wavenumber_cm
        sizes = [one.um_per_px for one in shown if one.um_per_px]
        self.um_per_px = float(np.median(sizes)) if sizes else None
        count, total, squares = 0, np.zeros(len(self.wavenumber_cm)), np.zeros(len(self.wavenumber_cm))
        for item in track(items, "reading stacks", unit="fields"):
            pixels = self.stack(int(item)).reshape(len(self.wavenumber_cm), -1).astype(np.float64)
            count += pixels.shape[1]
            total += pixels.sum(axis=1)
            squares += (pixels**2).sum(axis=1)
        self._mean = total / count
        spread = np.sqrt(np.maximum(squares / count - self._mean**2, 0))
        # a band that never changes says nothing; divided by next to nothing it would drown the others in new fields
        self._std = np.where(spread > TINY * np.abs(self._mean), spread, 1.0)

    def state(self) -> dict[str, Any]:
        """Return classes, axis, pixel size, and mean and spread of every band."""
        return {
            "classes": self.classes,
            "wavenumber_cm": [] if self.wavenumber_cm is None else self.wavenumber_cm.tolist(),
            "um_per_px": self.um_per_px,
            "mean": self._mean.tolist(),
            "std": self._std.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what was fitted."""
        self.classes = [str(name) for name in state["classes"]]
        self.wavenumber_cm = np.asarray(state["wavenumber_cm"], dtype=np.float64)
        self.um_per_px = state["um_per_px"]
        self._mean, self._std = (np.asarray(state[key], dtype=np.float64) for key in ("mean", "std"))
        if not len(self.wavenumber_cm) == len(self._mean) == len(self._std):
            raise ValueError("wavenumber_cm, mean and std differ in length")
        self._stacks.clear()

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return the tiles of fields, packed: ``instances`` [N, C, size, size], ``offsets`` [B + 1], ``label`` [B]."""
        corners = [self.corners(int(item)) for item in items]
        tiles = [self._tiles(int(item), places) for item, places in zip(items, corners, strict=True)]
        return {
            "id": [self.fields[item].name for item in items],
            "instances": torch.from_numpy(np.concatenate(tiles)),
            "offsets": torch.from_numpy(np.cumsum([0, *map(len, tiles)], dtype=np.int64)),
            "label": torch.from_numpy(self.labels[items]),
            "tile_yx": torch.from_numpy(np.concatenate(corners)),
        }

    def instance_truth(self, items: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Return which tiles of these fields hold what the label speaks of [N]; None where a field has no truth."""
        found = []
        for item in items:
            truth = self.fields[item].truth
            if truth is None:
                return None
            size = self.tiles.size
            tiles = [truth[y : y + size, x : x + size].mean() for y, x in self.corners(int(item))]
            found.append(np.array(tiles) >= TRUE_SHARE)
        return np.concatenate(found)

    def open_new(self, inputs: Mapping[str, Path]) -> FieldDataset:
        """Return the same tiles and fitted state over a new stack (``--input``)."""
        if set(inputs) != {"input"}:
            unknown = sorted(set(inputs) - {"input"})
            said = f"--{unknown[0]} is not known to these data" if unknown else "a stack is needed"
            raise UsageError(f"{said}; say --input STACK")
        before = len(self.notes)
        found = self.open_new_fields(inputs)
        told, self.notes[before:] = self.notes[before:], []  # what is said of the new stack belongs to it
        new = FieldDataset(
            lambda: found, self.open_new_fields, self.tiles, self.classes, self.standardise, self.relative
        )
        new.restore(self.state())
        new.notes += told
        for one in found:
            if one.um_per_px and self.um_per_px and not np.isclose(one.um_per_px, self.um_per_px, rtol=0.1):
                sizes = f"{one.um_per_px:g} um per pixel, the model knows {self.um_per_px:g}"
                new.notes.append(f"{one.name} has {sizes}; resize it first")
        return new

    def draw(self, predicted: dict[str, NDArray[Any]], folder: Path) -> None:
        """Write where the model looks, as maps and spectra."""
        from zoo_cars import maps

        maps.draw(self, predicted, folder)

    def names(self, items: NDArray[np.int64]) -> list[str]:
        """Return what these fields are called, without opening them."""
        return [self.fields[item].name for item in items]

    def attention_figures(
        self,
        items: NDArray[np.int64],
        attention: NDArray[np.floating],
        size: NDArray[np.int64],
        titles: Sequence[str],
        keys: Sequence[str],
    ) -> Iterator[Figure]:
        """Give a figure of where the model looks for each of these fields, as :class:`zoo.tasks.mil.Mil` says."""
        from zoo_cars import field_report

        return field_report.overlays(self, items, np.split(attention, np.cumsum(size)[:-1]), titles, keys)

    def attention_spectra(
        self,
        items: NDArray[np.int64],
        attention: NDArray[np.floating],
        size: NDArray[np.int64],
        classes: Sequence[str],
    ) -> Iterator[Figure]:
        """Give figures of the spectra of what is attended to in fields of each class."""
        from zoo_cars import field_report

        return field_report.spectra(self, items, np.split(attention, np.cumsum(size)[:-1]), classes)

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation of each band over the pixels of the training fields [C]."""
        return self._std

    def corners(self, item: int) -> NDArray[np.int64]:
        """Return row and column of the corner of each tile of a field [n, 2]."""
        shape = self.stack(item).shape[1:]
        corners = self.tiles.corners(shape)
        if not len(corners):
            what = f"has {shape[0]} x {shape[1]} pixels, a tile {self.tiles.size} x {self.tiles.size}"
            raise DataError(f"field {self.fields[item].name} {what}: it is an empty bag; set data.tiles.size lower")
        return corners

    def _tiles(self, item: int, corners: NDArray[np.int64]) -> NDArray[np.float32]:
        stack, size = self.stack(item), self.tiles.size
        tiles = np.stack([stack[:, y : y + size, x : x + size] for y, x in corners])
        if not self.standardise:
            return tiles
        mean, std = (values.astype(np.float32)[:, None, None] for values in (self._mean, self._std))
        standard: NDArray[np.float32] = (tiles - mean) / std
        return standard

    def stack(self, item: int) -> NDArray[np.float32]:
        """Return the stack of a field [C, H, W] on the axis of the model, read and checked now if it was not.

        Where ``relative``, every band is divided by its mean.
        """
        if item not in self._stacks:
            stack = self._read(self.fields[item])
            self._stacks[item] = _relative(stack, self.fields[item].name) if self.relative else stack
        return self._stacks[item]

    def _read(self, one: Field) -> NDArray[np.float32]:
        from zoo_cars.axis import onto

        stack = one.open_stack()
        if len(stack) != len(one.wavenumber_cm):
            what = f"has {len(stack)} bands and {len(one.wavenumber_cm)} wavenumbers"
            raise DataError(f"field {one.name} {what}; give one wavenumber for each band")
        _refuse_unusable(stack, one.name)
        if self.wavenumber_cm is None or not len(self.wavenumber_cm):
            return stack
        try:
            return onto(stack, one.wavenumber_cm, self.wavenumber_cm)
        except DataError as error:
            raise DataError(f"field {one.name}: {error}") from error


def _relative(stack: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    mean = stack.mean(axis=(1, 2), dtype=np.float64)
    if not (mean > 0).all():
        band = int(np.flatnonzero(~(mean > 0))[0])
        what = f"has a mean of {mean[band]:.3g} in band {band}, which nothing can be divided by"
        raise DataError(f"field {name} {what}; leave the band out, or say relative: false")
    shared: NDArray[np.float32] = stack / mean.astype(np.float32)[:, None, None]
    return shared


def _refuse_unusable(stack: NDArray[np.float32], name: str) -> None:
    if not np.isfinite(stack).all():
        count = int((~np.isfinite(stack)).sum())
        raise DataError(f"field {name} has {count:,} values that are no numbers; mend the stack or leave the field out")
    high = float(stack.max())
    if high == float(stack.min()):
        raise DataError(f"field {name} has the value {high:g} everywhere; measure it again or leave it out")
    share = float((stack == high).mean())
    if share > SATURATED:
        what = f"{share:.0%} of its values at the maximum of {high:g}, at most {SATURATED:.0%} may be"
        raise DataError(f"field {name} is saturated ({what}); measure it with less power or leave it out")
