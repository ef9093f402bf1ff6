"""``plate``: fields of a high-content screen with a treatment for each well, from a table and image files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from zoo.contracts import Origin, Transform
from zoo_cells.field import Field
from zoo_cells.plates import PlateDataset
from zoo_cells.reader import Reader
from zoo_cells.table import Columns


def plate(
    root: Path,
    *,
    table: str | list[str] | None = None,
    label: str = "treatment",
    columns: Columns = Columns(),
    images: str | None = None,
    channels: list[str] | None = None,
    size: int | None = 224,
    prepare: list[Transform] = [],  # noqa: B006 - read, never changed; the default of a slot is an empty list
    classes: list[str] | None = None,
    least_groups: dict[str, int] = {},  # noqa: B006 - as above
    unlabelled: Literal["refuse", "drop"] = "refuse",
    copies: int | None = None,
    skip_damaged: bool = False,
    origin: Origin = Origin(),
) -> PlateDataset:
    """Read fields of plates, as microscopes write them, with the treatments that a table names.

    The table has one row a well, and images are found by their names, or one row a field with its files, as
    ``load_data.csv`` of CellProfiler and JUMP has (``FileName_OrigDNA``, ``PathName_OrigDNA``, ``Metadata_Well`` ...).
    Names of Phenix and Opera, InCell, Cytation and ImageXpress are understood. Nothing is decoded at opening; decoded
    fields are kept in ``fields`` of zoo's cache folder, which may be deleted at any time.

    Parameters
    ----------
    root
        The folder that the images lie in or below; only files below it are read. Tables start there too.
    table
        CSV, gzipped or not, or Parquet; several are joined by plate, well and site, or else by the columns that they
        share. The only table in the folder where not given.
    label
        The column of treatments; ``Metadata_pert_iname`` and its like are found without being named.
    columns
        What other columns are called, where programs do not call them so.
    images
        Where images are, as a pattern of their path below root: ``images/{well}.tif``,
        ``{plate}/{well}_{site}_{channel}.tif``, with ``{row}`` and ``{column}``, and ``*`` for anything.
    channels
        Which channels, in which order: ``DNA`` for the column ``FileName_OrigDNA``, ``ch5`` or ``5`` for a number in a
        name, ``DAPI`` for a dye in one, names of pages. All of them where not given.
    size
        Every field is resized by area to so many pixels a side, once; null keeps fields that all have one size.
    prepare
        Transforms that draw nothing, fitted on training fields and applied once to each field.
    classes
        Treatments to use, in the order of the outputs; all, sorted, where not given.
    least_groups
        Leave out treatments with fewer groups: ``{well: 2}``.
    unlabelled
        What becomes of rows without a label.
    copies
        Bring each class to so many items before anything is split, as the published script did.
    skip_damaged
        Leave out fields that cannot be read or lack a channel, and count them; all are read at opening then.
    origin
        What a model card says of the data.

    Raises
    ------
    MissingError
        The folder, the table or a package that a file needs is not there.
    DataError
        Table or images cannot be used as they are.
    """
    reader = Reader(label, columns, images, channels, unlabelled, skip_damaged)
    tables = [table] if isinstance(table, str) else table

    def fields() -> list[Field]:
        return reader.labelled(root, tables, dataset.notes, dataset.aliases)

    def new_fields(inputs: Mapping[str, Path], new: PlateDataset) -> list[Field]:
        return reader.unseen(inputs, new.channels, new.aliases, new.notes)

    dataset = PlateDataset(
        fields,
        provenance=origin.provenance(name=root.name, modality="fluorescence-microscopy"),
        size=size,
        prepare=prepare,
        copies=copies,
        classes=classes,
        least_groups=least_groups,
        skip_damaged=skip_damaged,
        new_fields=new_fields,
    )
    return dataset
