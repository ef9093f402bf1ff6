"""``cars-folder``: fields of hyperspectral CARS or stimulated Raman of your own, named by a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from zoo.contracts import Origin
from zoo.errors import DataError
from zoo_cars.field import Field
from zoo_cars.field_files import open_field
from zoo_cars.field_table import Columns, Row, read_table
from zoo_cars.fields import FieldDataset, Tiles
from zoo_cars.stack_file import Bands

CLASSES = 2


def cars_folder(
    root: Path,
    *,
    table: str = "fields.csv",
    tiles: Tiles = Tiles(),
    classes: list[str] | None = None,
    control: str | None = None,
    standardise: bool = True,
    relative: bool = False,
    axis: Literal["first", "last"] | None = None,
    columns: Columns = Columns(),
    origin: Origin = Origin(),
) -> FieldDataset:
    """Read fields that a table names: one row a field, with its file, its label and its animal.

    A file is a stack (:func:`zoo_cars.stacks.open_stack`): a multi-page TIFF, an OME-TIFF, a folder of one-page images,
    ``.npy`` or ``.mat``. Wavenumbers come from ``wavenumbers.csv`` or ``.txt`` in the folder of pages, beside the file
    or in the root, else from the file itself. Falling wavenumbers are turned round together with their stack.

    Parameters
    ----------
    root
        The folder of the table; paths in the table start there.
    table
        Its name.
    tiles
        How a field is cut into instances.
    classes
        Labels to use, in the order of the outputs; rows with other labels are left out. All, sorted, where not given.
    control
        The label that comes first, so that scores speak of the others against it.
    standardise
        Deliver every band with the mean and spread that it has over the training fields. Switch it off for transforms
        that need intensities (``kramers-kronig``, ``field-normalise``), and normalise with the last of them.
    relative
        Divide every band of a field by its mean over that field first: what an animal and its day do to all pixels
        alike cancels, and fewer animals are enough to learn from.
    axis
        Which axis of ``.npy`` and ``.mat`` arrays is the bands.
    columns
        What the columns are called.
    origin
        What a model card says of the data.

    Raises
    ------
    MissingError
        The table, or a file that it names, is not there.
    DataError
        The table or a stack cannot be used as it is, has no wavenumbers or a mask of another size, or there are fewer
        than two classes.
    """
    provenance = origin.provenance(name=root.name, modality="cars")
    path = root / table

    def open_fields() -> list[Field]:
        rows = read_table(path, columns)
        order = _ordered(path, sorted({row.label for row in rows}), classes, control)
        rows = _chosen(rows, order, dataset.notes)
        dataset.classes = order
        return [_field(row, root, axis, dataset.notes) for row in rows]

    def open_new(inputs: Mapping[str, Path]) -> list[Field]:
        return [open_field(inputs["input"], axis=axis, note=dataset.notes.append)]

    dataset = FieldDataset(
        open_fields,
        open_new,
        tiles=tiles,
        classes=classes,
        standardise=standardise,
        relative=relative,
        provenance=provenance,
    )
    return dataset


def _ordered(path: Path, found: list[str], classes: list[str] | None, control: str | None) -> list[str]:
    """Return the classes in order, the control first; a model needs two, all of them in the table."""
    for name in [*(classes or ()), *([control] if control else ())]:
        if name not in found:
            raise DataError(f"{path}: data names the class {name}, found are: {', '.join(found)}")
    if len(found) < CLASSES:
        raise DataError(f"{path}: all fields have the label {found[0]}; a model needs two classes at least")
    wanted = list(dict.fromkeys(classes or found))
    if len(wanted) < CLASSES:
        raise DataError(f"{path}: data.classes names {wanted[0]} alone; a model needs two classes at least")
    return [control, *(name for name in wanted if name != control)] if control else wanted


def _chosen(rows: list[Row], classes: list[str], notes: list[str]) -> list[Row]:
    """Return the rows of these classes, and note what is left out and what looks odd."""
    others = sorted({row.label for row in rows} - set(classes))
    kept = [row for row in rows if row.label in classes]
    if others:
        notes.append(f"{len(rows) - len(kept)} fields of other classes ({', '.join(others)}) are left out")
    labels: dict[str, set[str]] = {}
    for row in kept:
        labels.setdefault(row.animal, set()).add(row.label)
    mixed = [animal for animal, held in labels.items() if len(held) > 1]
    if mixed:
        notes.append(f"animal {mixed[0]} has fields of {len(labels[mixed[0]])} classes; is its label the field's own?")
    return kept


def _field(row: Row, root: Path, axis: Bands | None, notes: list[str]) -> Field:
    return open_field(
        row.file,
        axis=axis,
        note=notes.append,
        name=row.name,
        animal=row.animal,
        slide=row.slide,
        label=row.label,
        um_per_px=row.um_per_px,
        mask=row.mask,
        folders=[root],
    )
