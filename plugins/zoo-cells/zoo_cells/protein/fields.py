"""Fields of cells with a stained protein as items, several labels each or none: a :class:`zoo.contracts.Dataset`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.contracts import Provenance
from zoo.errors import DataError, UsageError
from zoo_cells.fingerprint import digest
from zoo_cells.image_checks import sizes
from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.locations import CHANNELS, LOCATIONS, STAINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = -1
TYPES = ("uint8", "uint16")
INPUTS = {"input": f"a folder of fields, an image a channel: {{id}}_{{{','.join(STAINS)}}}.png (or .tif)"}


class FieldList(list[CellField]):
    """Fields, and in ``notes`` what a reader must not overlook of how they were found."""

    def __init__(self, fields: Iterable[CellField] = (), *, notes: Sequence[str] = ()) -> None:
        super().__init__(fields)
        self.notes = list(notes)


class ProteinFields:
    """Fields with the locations of a protein; listed when they are first needed, and read each time they are asked for.

    Every one of the 19 locations is a class, though no field may have it, so that models of different data have the
    same outputs.

    Parameters
    ----------
    open_fields
        Lists the fields; called once. The notes of a :class:`FieldList` become those of the data.
    provenance
        Where they come from.
    new_fields
        Lists fields of new input from the files that ``zoo predict`` was given.
    inputs
        Those files: name -> what it is.
    note
        What a reader must not overlook, known before anything is listed.
    """

    provides: ClassVar[tuple[str, ...]] = ("image", "label")

    def __init__(
        self,
        open_fields: Callable[[], list[CellField]],
        *,
        provenance: Provenance | None = None,
        new_fields: Callable[[Mapping[str, Path]], list[CellField]] | None = None,
        inputs: Mapping[str, str] = INPUTS,
        note: str | None = None,
    ) -> None:
        self.provenance: Provenance = provenance or {}
        self.inputs = dict(inputs)
        self.notes: list[str] = [note] if note else []
        self.classes, self.channels = list(LOCATIONS), list(CHANNELS)
        self._open_fields, self._new_fields = open_fields, new_fields

    @cached_property
    def fields(self) -> list[CellField]:
        """The fields, named but not read."""
        found = self._open_fields()
        if not found:
            raise DataError("there is no field; point the data at a folder that has some")
        name, count = Counter(one.name for one in found).most_common(1)[0]
        if count > 1:
            raise DataError(f"{count} fields are called {name}; give each a name of its own")
        self.notes += [one for one in getattr(found, "notes", ()) if one not in self.notes]
        return found

    def __len__(self) -> int:
        return len(self.fields)

    @cached_property
    def label_sets(self) -> NDArray[np.int8]:
        """Which locations each field was labelled with [n, K], a row of -1 where nobody knows."""
        found = np.zeros((len(self.fields), len(self.classes)), np.int8)
        for row, one in zip(found, self.fields, strict=True):
            if one.labels is None:
                row[:] = UNKNOWN
            else:
                row[list(one.labels)] = 1
        return found

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Each field for itself, and whatever else is known of all (``antibody``)."""
        names = [one.name for one in self.fields]
        further = dict.fromkeys(unit for one in self.fields for unit in one.groups)
        known = {unit: [one.groups.get(unit, "none") for one in self.fields] for unit in further}
        return {**known, "field": names, "item": names}

    @property
    def facts(self) -> Mapping[str, int]:
        """Channels and classes."""
        return {"in_chans": len(self.channels), "num_classes": len(self.classes)}

    @cached_property
    def stamp(self) -> str:
        """What the items follow from: names, labels, and what the pixels of each follow from."""
        return digest([[one.name, one.stamp, one.labels] for one in self.fields])

    def fit(self, items: NDArray[np.int64]) -> None:
        """Look whether these items can teach anything; nothing is fitted to them.

        Raises
        ------
        DataError
            None is labelled, or all have the same labels.
        """
        known = self.label_sets[np.asarray(items, dtype=np.int64)]
        known = known[known[:, 0] != UNKNOWN]
        if not len(known):
            raise DataError("no training field has a label; bring a table with a label for each field")
        if len(np.unique(known, axis=0)) == 1:
            have = ", ".join(name for name, has in zip(self.classes, known[0], strict=True) if has) or "none"
            raise DataError(f"the training fields all have the same labels ({have}); bring fields of others")

    def state(self) -> dict[str, Any]:
        """Return classes and channels."""
        return {"classes": self.classes, "channels": self.channels}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back classes and channels.

        Raises
        ------
        DataError
            They are not those that these fields have.
        """
        for name, known in (("classes", list(LOCATIONS)), ("channels", list(CHANNELS))):
            told = [str(one) for one in state[name]]
            if told != known:
                first = next((one for one in told if one not in known), f"{len(told)} in another order")
                said = f"the model was trained on other {name} ({first}) than the {len(known)} of these fields"
                raise DataError(f"{said}; train it anew")

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return ``image`` [B, 4, H, W] (uint8 or uint16), ``label`` [B, K] and ``id``; labels nobody knows are -1.

        Raises
        ------
        DataError
            The fields differ in size or type, or one cannot be read.
        """
        import torch

        items = np.asarray(items, dtype=np.int64)
        chosen = [self.fields[item] for item in items]
        images = [read_field(one) for one in chosen]
        for one, image in zip(chosen, images, strict=True):
            if (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
                said = [f"field {own.name} is {_shown(its)}" for own, its in ((chosen[0], images[0]), (one, image))]
                way = "segment the fields, or bring fields of one size and type"
                raise DataError(f"{said[0]} and {said[1]}; {way}")
        return {
            "image": torch.from_numpy(np.stack(images)),
            "label": torch.from_numpy(self.label_sets[items].astype(np.float32)),
            "id": [one.name for one in chosen],
        }

    def open_new(self, inputs: Mapping[str, Path]) -> ProteinFields:
        """Return new fields (``--input FOLDER``) of the same classes and channels; they are listed at once."""
        unknown = sorted(set(inputs) - set(self.inputs))
        make = self._new_fields
        if unknown or make is None or not inputs:
            said = f"--{unknown[0]} is not known to these data" if unknown else "a folder of fields is needed"
            raise UsageError(f"{said}; say --input FOLDER")
        new = ProteinFields(lambda: make(inputs), provenance=self.provenance, new_fields=make, inputs=self.inputs)
        new.restore(self.state())
        len(new)  # so that what cannot be used is said now
        return new


def read_field(one: CellField) -> NDArray[Any]:
    """Return the pixels of a field [4, H, W], and refuse what is no field.

    Raises
    ------
    DataError
        It has another number of channels, or values of another type than 8 or 16 bits.
    """
    image = one.read()
    if image.ndim != 3 or len(image) != len(CHANNELS) or str(image.dtype) not in TYPES:  # noqa: PLR2004 - [C, H, W]
        said = f"field {one.name} is {_shown(image)}"
        raise DataError(f"{said}; a field is [4, height, width] ({', '.join(CHANNELS)}) in uint8 or uint16")
    return image


def _shown(image: NDArray[Any]) -> str:
    return f"{sizes(image.shape[1:])} {image.dtype}" if len(image) == len(CHANNELS) else f"{sizes(image.shape)}"
