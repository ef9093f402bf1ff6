"""Fields of plates as items with a treatment each: a :class:`zoo.contracts.Dataset`, groups by plate and well."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.contracts import Provenance, Transform
from zoo.errors import DataError, UsageError
from zoo_cells.choosing import balanced, chosen, of_classes
from zoo_cells.field import Field
from zoo_cells.pixels import FieldPixels
from zoo_cells.prepared import Prepared
from zoo_cells.units import numbered, refuse_unusable, units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    OpenNew = Callable[[Mapping[str, Path], "PlateDataset"], list[Field]]

UNKNOWN = -1
SMALLEST, LARGEST = 8, 4096
"""Sides of a field in pixels: less shows nothing, more is a slide."""
INPUTS = {
    "input": "a folder of fields of a plate, named as a microscope or the recipe names them, or one image",
    "table": "a table of the wells or images in the folder, with treatments where they are known (may be left out)",
}


class PlateDataset:
    """Fields with a treatment each; pixels are read when they are first needed, and kept on disk from then on.

    Parameters
    ----------
    fields
        Makes the fields; called once.
    provenance
        Where they come from.
    size
        Every field is resized by area to so many pixels a side; None keeps fields that all have one size.
    prepare
        Transforms that draw nothing (``percentile-scale``, ``clahe``, ``denoise``, ``channel-normalise``, ``resize``):
        fitted on the training items in their order, applied once to a field, and the result kept.
    copies
        Bring every class to so many items before anything is split, by leaving out or repeating, as the published
        script did. ``identity`` says what each item is a copy of.
    classes
        Treatments to use, in the order of the outputs; fields of others are left out. All, sorted, where not given.
    least_groups
        Unit -> how many groups of it a class needs at least; classes with fewer are left out.
    skip_damaged
        Leave out fields whose pixels cannot be read, and count them in ``notes``; all pixels are read at opening then.
    new_fields
        Makes fields of new input from the files that ``zoo predict`` was given, for the dataset that is handed to it.
    """

    provides: ClassVar[tuple[str, ...]] = ("image", "label", "plate")

    def __init__(
        self,
        fields: Callable[[], list[Field]],
        *,
        provenance: Provenance | None = None,
        size: int | None = 224,
        prepare: Sequence[Transform] = (),
        copies: int | None = None,
        classes: list[str] | None = None,
        least_groups: Mapping[str, int] | None = None,
        skip_damaged: bool = False,
        new_fields: OpenNew | None = None,
        inputs: Mapping[str, str] = INPUTS,
    ) -> None:
        if copies is not None and copies < 1:
            raise ValueError(f"copies is 1 or more, not {copies}")
        self.provenance: Provenance = provenance or {}
        self.size, self.copies, self.skip_damaged = _checked_size(size), copies, skip_damaged
        self.least_groups = dict(least_groups or {})
        self.prepare = list(prepare)
        self.notes: list[str] = []
        self.inputs = dict(inputs)
        self.aliases: dict[str, str] = {}
        self._open_fields, self._open_new, self._given = fields, new_fields, classes
        self._restored: dict[str, Any] = {}
        self._is_new, self._unnamed = False, "plate"
        self._prepared = Prepared(self.prepare, self)

    @cached_property
    def _opened(self) -> tuple[list[Field], list[str], list[int]]:
        """Return the fields, the classes, and the number of the field of each item."""
        found = self._open_fields()
        refuse_unusable(found, self._restored.get("channels"))
        if self.skip_damaged:
            found = self._whole(found)
        if self._is_new:
            return found, self.classes, list(range(len(found)))
        # restored classes are those that were chosen before
        wanted = self._restored.get("classes")
        fields, classes = (
            (of_classes(found, wanted, self.notes), wanted)
            if wanted
            else chosen(found, self._given, units_of(found, self._unnamed), self.least_groups, self.notes)
        )
        labels = [one.label for one in fields]
        items = list(range(len(fields))) if self.copies is None else balanced(labels, self.copies)
        return fields, classes, items

    def _whole(self, found: list[Field]) -> list[Field]:
        damaged = FieldPixels(found, self.size).damaged()
        if len(damaged) == len(found):
            raise DataError(
                f"none of the {len(found)} fields can be read, the first because: {next(iter(damaged.values()))}"
            )
        if damaged:
            first = next(iter(damaged.values()))
            self.notes.append(f"{len(damaged)} of {len(found)} fields are damaged and left out, the first: {first}")
        return [one for number, one in enumerate(found) if number not in damaged]

    @property
    def fields(self) -> list[Field]:
        """The fields, named but not read."""
        return self._opened[0]

    @property
    def classes(self) -> list[str]:
        """Names of the treatments, in the order of the outputs."""
        return list(self._restored["classes"]) if self._restored else self._opened[1]

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in the order of the pixels."""
        return list(self._restored["channels"]) if self._restored else list(self.fields[0].channels)

    @cached_property
    def plates(self) -> list[str]:
        """Names of the plates, sorted; an entry ``plate`` of a batch is a number in this list."""
        return sorted({one.plate or self._unnamed for one in self.fields})

    @property
    def plate_of_item(self) -> Sequence[str]:
        """Name of the plate of each item."""
        return self.groups["plate"]

    def __len__(self) -> int:
        return len(self._opened[2])

    @cached_property
    def labels(self) -> list[int]:
        """Number of each item's class, -1 where nobody knows it."""
        number = {name: place for place, name in enumerate(self.classes)}
        of_field = [number.get(one.label, UNKNOWN) for one in self.fields]
        return [of_field[place] for place in self._opened[2]]

    @cached_property
    def identity(self) -> list[str]:
        """Name of the field that each item is, or is a copy of."""
        return [self.fields[place].name for place in self._opened[2]]

    @cached_property
    def names(self) -> list[str]:
        """Name of each item: its field, and for the second copy of it ``#2`` behind it."""
        return numbered(self.identity)

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Plate, well, row and column of the plate, field, item, and whatever else the table names, of each item."""
        of_field = units_of(self.fields, self._unnamed)
        of_item = {unit: [values[place] for place in self._opened[2]] for unit, values in of_field.items()}
        return {**of_item, "item": self.names}

    @property
    def facts(self) -> Mapping[str, int]:
        """Channels and classes."""
        return {"in_chans": len(self.channels), "num_classes": len(self.classes)}

    def fit(self, items: NDArray[np.int64]) -> None:
        """Fit the transforms of ``prepare`` on these items only, each on what those before it made."""
        labels = {self.labels[item] for item in items} - {UNKNOWN}
        if len(labels) < 2:  # noqa: PLR2004 - to tell apart
            have = ", ".join(self.classes[label] for label in labels) or "none"
            raise DataError(f"the training fields have one class only ({have}); bring fields of another, or split anew")
        self._prepared.fit(np.asarray(items, dtype=np.int64))

    def state(self) -> dict[str, Any]:
        """Return classes, channels, size, and what the transforms of ``prepare`` were fitted to."""
        return {
            "classes": self.classes,
            "channels": self.channels,
            "size": self.size,
            "aliases": self.aliases,
            "prepare": self._prepared.state(),
            "wide": self._prepared.is_wide,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what was fitted."""
        self._restored = {name: [str(one) for one in state[name]] for name in ("classes", "channels")}
        self.size = _checked_size(state["size"])
        self.aliases = dict(state.get("aliases", {}))
        self._prepared.restore(state["prepare"], is_wide=bool(state.get("wide")))
        vars(self).pop("labels", None)

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return ``image`` [B, C, H, W], ``label`` [B], ``plate`` [B] and ``id`` of these items.

        Images are uint8 or uint16 as the files have them; float32 where the files do, or where ``prepare`` leads the
        training fields out of [0, 1].
        """
        return self.staged(items, len(self.prepare))

    def staged(self, items: NDArray[np.int64], stages: int) -> dict[str, Any]:
        """Return a batch as the first so many transforms of ``prepare`` make it."""
        import torch

        items = np.asarray(items, dtype=np.int64)
        places = np.asarray(self._opened[2], dtype=np.int64)[items]
        pixels = torch.from_numpy(self._prepared.pixels(places, stages))
        known = {
            "id": [self.names[item] for item in items],
            "label": torch.tensor([self.labels[item] for item in items]),
        }
        return {**self.described(places), **known, "image": pixels}

    def described(self, places: NDArray[np.int64]) -> dict[str, Any]:
        """Return what transforms may ask for beside the pixels of fields: their names and plates."""
        import torch

        fields = [self.fields[place] for place in places]
        number = {name: place for place, name in enumerate(self.plates)}
        plates = [number[one.plate or self._unnamed] for one in fields]
        return {"id": [one.name for one in fields], "plate": torch.tensor(plates, dtype=torch.int64)}

    def open_new(self, inputs: Mapping[str, Path]) -> PlateDataset:
        """Return the same fitted state over new fields (``--input``, and ``--table`` where there is one)."""
        unknown = sorted(set(inputs) - set(self.inputs))
        if unknown or "input" not in inputs or self._open_new is None:
            said = f"--{unknown[0]} is not known to these data" if unknown else "a folder of fields is needed"
            raise UsageError(f"{said}; say --input FOLDER")
        make = self._open_new
        new = PlateDataset(
            lambda: make(inputs, new),
            provenance=self.provenance,
            size=self.size,
            prepare=copy.deepcopy(self.prepare),
            skip_damaged=self.skip_damaged,
            new_fields=make,
            inputs=self.inputs,
        )
        new.restore(self.state())
        # a plate without a name is not the one without a name that was trained on
        new._is_new, new._unnamed = True, inputs["input"].stem or "new"
        len(new)  # so that what cannot be used is said now
        return new


def _checked_size(size: Any) -> int | None:
    if size is not None and not (isinstance(size, int) and SMALLEST <= size <= LARGEST):
        raise ValueError(f"size lies between {SMALLEST} and {LARGEST} pixels, not {size}")
    return size
