"""Matrices in the Matrix Market form: ``matrix.mtx`` with ``features.tsv`` (or ``genes.tsv``) and ``barcodes.tsv``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_spatial.readers.tenx_genes import Features
from zoo_spatial.readers.tenx_raw import Raw, check_shape
from zoo_spatial.readers.tenx_text import MAGIC, opened, read_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_VALUES = 2**30
MOST_HEADER = 2**16
SHORTEST_LINE = len("1 1 1\n")
LONGEST_LINE = 64
MOST_PACKED = 1032
"""Bytes that one byte of gzip can become."""
KINDS = ("integer", "real")


def read_mtx(matrix: Path, features: Path, barcodes: Path) -> Raw:
    """Read a matrix of features x barcodes and the names of both; each file may be gzip.

    Raises
    ------
    MissingError
        One of the files is not there.
    DataError
        One of them is damaged, too large to be true, or does not fit the others.
    """
    names = _features(features)
    listed = [row[0].strip() for row in read_rows(barcodes, "\t")]
    size = read_size(matrix)
    check_shape(matrix, size[:2], len(names.ids), len(listed))
    return Raw(matrix, _counts(matrix, size), listed, names)


def read_size(path: Path) -> tuple[int, int, int]:
    """Return rows, columns and values as the head of the file states them, once they were found to be possible.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It is no Matrix Market file of counts, or states more values than its bytes can hold.
    """
    with opened(path, 2**40) as file:
        head = file.read(MOST_HEADER).split(b"\n")
    banner = head[0].decode("ascii", "replace").split()
    if [word.lower() for word in banner[:3]] != ["%%matrixmarket", "matrix", "coordinate"]:
        raise DataError(f"{path}: is no sparse Matrix Market file (it begins {' '.join(banner)[:40]!r}); restore it")
    if len(banner) < 5 or banner[3].lower() not in KINDS or banner[4].lower() != "general":  # noqa: PLR2004 - words
        raise DataError(f"{path}: is a matrix of {' '.join(banner[3:5])}, counts are integer or real and general")
    stated = next((line for line in head[1:-1] if line.strip() and not line.startswith(b"%")), b"")
    try:
        rows, columns, values = (int(word) for word in stated.split())
    except ValueError as error:
        raise DataError(f"{path}: does not state its rows, columns and values; restore it from its source") from error
    _check_size(path, rows, columns, values)
    return rows, columns, values


def _check_size(path: Path, rows: int, columns: int, values: int) -> None:
    with path.open("rb") as file:
        packed = file.read(2) == MAGIC
    lines = path.stat().st_size * (MOST_PACKED if packed else 1) // SHORTEST_LINE
    most = min(MOST_VALUES, lines, max(rows, 0) * max(columns, 0))
    if not 0 <= values <= most:
        raise DataError(f"{path}: states {values:,} values, more than the {most:,} it can hold; restore it")


def _counts(path: Path, size: tuple[int, int, int]) -> csr_matrix:
    from scipy.io import mmread
    from scipy.sparse import csr_matrix

    with opened(path, MOST_HEADER + size[2] * LONGEST_LINE) as file:
        try:
            found = mmread(file)
        except (ValueError, OverflowError, TypeError) as error:
            raise DataError(f"{path}: is damaged ({error}); restore it from its source") from error
    return csr_matrix(found.T, dtype=np.float32)


def _features(path: Path) -> Features:
    """Read identifiers and names (one column serves as both) and, where there is a third column, kinds."""
    rows = read_rows(path, "\t")
    ids = [row[0].strip() for row in rows]
    names = [row[1].strip() if len(row) > 1 else row[0].strip() for row in rows]
    typed = all(len(row) > 2 for row in rows)  # noqa: PLR2004 - the third column
    return Features(ids, names, [row[2].strip() for row in rows] if typed else [], [])
