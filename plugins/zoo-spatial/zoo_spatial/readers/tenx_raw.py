"""A matrix as a file holds it, and the checks that are the same for every format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError
from zoo_spatial.readers.tenx_genes import Features
from zoo_spatial.readers.tenx_text import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True)
class Raw:
    """Counts [barcodes, features] of float32, and the names of both."""

    path: Path
    counts: csr_matrix
    barcodes: list[str]
    features: Features


def check_shape(path: Path, shape: tuple[int, int], features: int, barcodes: int) -> None:
    """Hold the shape that a file states (features x barcodes) against the names it lists.

    Raises
    ------
    DataError
        They differ, or rows and columns are exchanged.
    """
    if shape == (features, barcodes):
        return
    listed = f"{features} features and {barcodes} barcodes are listed"
    if shape == (barcodes, features):
        raise DataError(
            f"{path}: the counts are transposed ({shape[0]} x {shape[1]}, while {listed}); write features x barcodes"
        )
    raise DataError(f"{path}: the counts are {shape[0]} x {shape[1]}, while {listed}; give the files of one section")


def whole(
    path: Path, parts: tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]], *, features: int, barcodes: int
) -> csr_matrix:
    """Return the matrix [barcodes, features] of the three lists that a compressed one consists of.

    Parameters
    ----------
    path
        The file.
    parts
        Values, their columns, and where each row begins among them.
    features, barcodes
        How many are listed.

    Raises
    ------
    DataError
        The lists do not fit together.
    """
    from scipy.sparse import csr_matrix

    data, indices, indptr = parts
    if len(indptr) == features + 1 != barcodes + 1:
        raise DataError(f"{path}: the counts are transposed (compressed by feature); compress them by barcode")
    fits = len(indptr) == barcodes + 1 and indptr[0] == 0 and indptr[-1] == len(data) == len(indices)
    if not fits or (np.diff(indptr) < 0).any() or (len(indices) and int(indices.max()) >= features):
        raise DataError(f"{path}: its lists of counts do not fit together; restore it from its source")
    return csr_matrix(parts, shape=(barcodes, features))


def checked(raw: Raw) -> Any:
    """Return the counts with every place at most once, once they were found to be counts of different barcodes.

    Raises
    ------
    DataError
        A count is negative or no number, or a barcode stands twice.
    """
    if len(set(raw.barcodes)) != len(raw.barcodes):
        twice = shown(Counter(raw.barcodes).most_common(1)[0][0])
        raise DataError(f"{raw.path}: barcode {twice} stands twice; give the counts of one section, not of several")
    values = raw.counts.data
    if not np.isfinite(values).all() or (values < 0).any():
        raise DataError(f"{raw.path}: holds missing or negative counts; raw counts are needed")
    raw.counts.sum_duplicates()
    return raw.counts
