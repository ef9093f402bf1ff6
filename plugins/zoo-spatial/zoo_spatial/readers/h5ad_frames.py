"""Data frames of AnnData (``obs``, ``var``) as they lie in HDF5 or Zarr, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORIES = "__categories"


def names_of(frame: Any) -> list[str]:
    """Return the index."""
    from anndata.io import read_elem

    return _texts(read_elem(frame[frame.attrs["_index"]]))


def column_names(frame: Any) -> list[str]:
    """Return the names of the columns, in alphabetical order."""
    return sorted(name for name in frame if name not in {frame.attrs["_index"], CATEGORIES})


def column_of(frame: Any, name: str) -> Any:
    """Return a column as a ``pandas.Series`` of plain values, not of categories; a gap is missing."""
    import pandas as pd
    from anndata.io import read_elem

    values = read_elem(frame[name])
    if CATEGORIES in frame and name in frame[CATEGORIES]:  # how anndata 0.7 wrote them: numbers of a table beside
        categories = _texts(read_elem(frame[CATEGORIES][name]))
        values = pd.Categorical.from_codes(np.asarray(values), categories)
    found = pd.Series(values).astype(object)
    return found.map(lambda value: value.decode() if isinstance(value, bytes) else value)


def numbers_of(frame: Any, name: str) -> NDArray[np.float64]:
    """Return a column of numbers."""
    from anndata.io import read_elem

    return np.asarray(read_elem(frame[name]), dtype=np.float64)


def _texts(values: Any) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
