"""Where Space Ranger says that spots lie, in each of the three forms in which its versions write it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.tenx_text import read_rows, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres")
FILES = ("tissue_positions.parquet", "tissue_positions.csv", "tissue_positions_list.csv")
MOST_SPOTS = 2**24


@dataclass(frozen=True, slots=True)
class Positions:
    """Spots in tissue.

    Attributes
    ----------
    path
        The file they were read from.
    barcodes
        Of the spots, each once.
    grid
        Column and row on the array [n, 2].
    position_px
        x and y of the centres in pixels of the full-resolution image [n, 2]: the file's ``pxl_col`` and ``pxl_row``.
    """

    path: Path
    barcodes: list[str]
    grid: NDArray[np.float32]
    position_px: NDArray[np.float32]


def read_positions(path: Path) -> Positions:
    """Read the positions of the spots that lie in tissue.

    The form follows from the content: ``tissue_positions_list.csv`` has no header (Space Ranger before 2),
    ``tissue_positions.csv`` has one, ``tissue_positions.parquet`` is of Visium HD. Text may be gzip.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It is no such table, names a barcode twice, or has no spot in tissue.

    References
    ----------
    https://www.10xgenomics.com/support/software/space-ranger/latest/analysis/outputs/spatial-outputs
    """
    barcodes, values = _from_parquet(path) if path.suffix == ".parquet" else _from_text(path)
    if not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise DataError(f"{path}: lacks a position of {shown(barcodes[first])}; fill it in or remove the row")
    in_tissue = values[:, 0]
    if not np.isin(in_tissue, (0, 1)).all():
        odd = float(in_tissue[~np.isin(in_tissue, (0, 1))][0])
        raise DataError(f"{path}: in_tissue is 0 or 1, not {odd:g}; its columns are, in order, {', '.join(COLUMNS)}")
    if len(set(barcodes)) != len(barcodes):
        twice = Counter(barcodes).most_common(1)[0][0]
        raise DataError(f"{path}: barcode {shown(twice)} stands twice; remove one")
    kept = np.flatnonzero(in_tissue)
    if not len(kept):
        raise DataError(
            f"{path}: none of its {len(barcodes)} spots lies in tissue (in_tissue is 0 throughout); "
            "mark the tissue in Loupe Browser and run Space Ranger again, or leave the section out with data.sections"
        )
    table = values[kept].astype(np.float32)
    return Positions(path, [barcodes[spot] for spot in kept], table[:, [2, 1]], table[:, [4, 3]])


def _from_text(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Return barcodes, and the other five columns in the order of :data:`COLUMNS` [n, 5]."""
    rows = read_rows(path, ",")
    head = [cell.strip() for cell in rows[0]]
    order = list(range(len(COLUMNS)))
    if "barcode" in head or "in_tissue" in head:
        order = _places(path, head)
        rows = rows[1:]
    for number, row in enumerate(rows):
        if len(row) <= max(order):
            raise DataError(
                f"{path}: row {number + 1} has {len(row)} columns, {len(COLUMNS)} are needed ({', '.join(COLUMNS)})"
            )
    barcodes = [row[order[0]].strip() for row in rows]
    try:
        values = np.array([[float(row[place]) for place in order[1:]] for row in rows], dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path}: holds a position that is no number ({error}); check its columns") from error
    return barcodes, values.reshape(-1, len(COLUMNS) - 1)


def _places(path: Path, head: list[str]) -> list[int]:
    lacking = [name for name in COLUMNS if name not in head]
    if lacking:
        found = ", ".join(map(shown, head[:8]))
        raise DataError(f"{path}: has no column {' or '.join(lacking)} (found: {found}); is it a position file?")
    return [head.index(name) for name in COLUMNS]


def _from_parquet(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    from pyarrow import parquet

    if not path.is_file():
        raise MissingError(f"{path}: there is no such file; check data.root")
    try:
        with parquet.ParquetFile(path) as file:
            _check_parquet(path, file)
            table = file.read(columns=list(COLUMNS))
        barcodes = [str(barcode) for barcode in table.column("barcode").to_pylist()]
        values = np.stack([table.column(name).to_numpy().astype(np.float64) for name in COLUMNS[1:]], axis=1)
    except DataError:
        raise
    except Exception as error:  # pyarrow raises a dozen kinds, all of which mean that it is no such table
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: is no table that can be read ({said}); restore it from its source") from error
    return barcodes, values


def _check_parquet(path: Path, file: Any) -> None:
    rows = file.metadata.num_rows
    if rows > MOST_SPOTS:
        raise DataError(f"{path}: has {rows:,} rows, more than the {MOST_SPOTS:,} that any slide has spots")
    _places(path, list(file.schema_arrow.names))
