"""``hpa``: fields of the Human Protein Atlas as its single-cell challenge laid them out, labelled as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from zoo.contracts import Origin
from zoo.errors import DataError, MissingError
from zoo_cells.choosing import listed
from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.fields import FieldList, ProteinFields
from zoo_cells.protein.kaggle import NAMED, Channel, KaggleFolder
from zoo_cells.protein.label_table import Row, read_labels

USUAL = "train"


def hpa(
    root: Path,
    *,
    table: str = "train.csv",
    images: str | None = None,
    groups: list[str] = [],  # noqa: B006 - read, never changed
    unlabelled: Literal["refuse", "drop"] = "refuse",
    skip_damaged: bool = False,
    origin: Origin = Origin(),
) -> ProteinFields:
    """Read fields with four stains, and a table of the locations that each field was labelled with.

    Files are ``{id}_red.png`` (microtubules), ``{id}_green.png`` (the protein), ``{id}_blue.png`` (nucleus) and
    ``{id}_yellow.png`` (endoplasmic reticulum), in grey of 8 or 16 bits, or ``.tif``. The table has the columns ``ID``
    and ``Label``, numbers of the 19 locations joined by ``|`` (Le et al. 2022, doi:10.1038/s41592-022-01606-z). The
    folder is looked through once at opening, and no image is opened before its field is needed.

    Parameters
    ----------
    root
        The folder of the table; only files below it are read.
    table
        The name of the table: CSV, gzipped or not, or Parquet.
    images
        The folder of the images below root; ``train`` where there is one, else root itself.
    groups
        Further columns of the table that become units of a split (``antibody``).
    unlabelled
        What becomes of rows without a label.
    skip_damaged
        Leave out fields that lack a channel, or all of them, and tell of them.
    origin
        What a model card says of the data.

    Raises
    ------
    MissingError
        The folder or the table is not there.
    DataError
        Table or images cannot be used as they are.
    """

    def open_fields() -> list[CellField]:
        if not root.is_dir():
            raise MissingError(f"{root}: there is no such folder; point data.root at the table and the images")
        rows, dropped = read_labels(_below(root, table, "table"), groups=groups, unlabelled=unlabelled)
        folder = KaggleFolder(_images(root, images), skip_damaged)
        notes = [f"{dropped} rows of {table} have no label and are left out"] if dropped else []
        return _joined(folder, rows, table, notes)

    def new_fields(inputs: Mapping[str, Path]) -> list[CellField]:
        return KaggleFolder(inputs["input"], skip_damaged).unlabelled()

    known = {"modality": "fluorescence-microscopy", "assay": "immunofluorescence", "species": "human"}
    return ProteinFields(open_fields, provenance=origin.provenance(name=root.name, **known), new_fields=new_fields)


def _below(root: Path, name: str, key: str) -> Path:
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise DataError(f"data.{key} '{name}' leads out of {root}; name what lies below it")
    return path


def _images(root: Path, images: str | None) -> Path:
    if images is not None:
        return _below(root, images, "images")
    usual = root / USUAL
    return usual if usual.is_dir() else root


def _joined(folder: KaggleFolder, rows: list[Row], table: str, notes: list[str]) -> FieldList:
    """Return the fields of the rows, in their order."""
    found = folder.scan()
    lacking = [row for row in rows if row.name not in found]
    if len(lacking) == len(rows):
        said = f"none of the {len(rows)} ids of {table} has an image {NAMED}, the first is {rows[0].name}"
        raise DataError(f"{folder.folder}: {said}; point data.images at the folder of the images")
    if lacking and not folder.skip_damaged:
        more = f" (nor have {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        said = f"{table}:{lacking[0].line}: field {lacking[0].name} has no image in {folder.folder}{more}"
        raise DataError(f"{said}; bring its four images, or say data.skip_damaged: true")
    if lacking:
        notes.append(f"{len(lacking)} rows of {table} have no image and are left out: {_names(lacking)}")
    named: dict[str, dict[str, Channel]] = {row.name: found[row.name] for row in rows if row.name in found}
    bare = sorted(set(found) - {row.name for row in rows})
    if bare:
        notes.append(f"{len(bare)} of {len(found)} fields have no row in {table} and are left out: {listed(bare)}")
    whole = folder.complete(named, notes)
    kept = [row for row in rows if row.name in whole]
    return FieldList((folder.field(row.name, whole[row.name], row.labels, row.groups) for row in kept), notes=notes)


def _names(rows: list[Row]) -> str:
    return listed([row.name for row in rows])
