"""Tables of spots: where each lies in the image and on the array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spots:
    """A spot file: names, columns and rows of the array [n, 2], centres in pixels [n, 2]."""

    path: Path
    ids: list[str]
    grid: NDArray[np.float32]
    position_px: NDArray[np.float32]


def read_spots(path: Path) -> Spots:
    """Read a spot file: columns ``pixel_x`` and ``pixel_y``, with ``x`` and ``y`` of the array where it has them.

    Rows with ``selected`` 0 are not under tissue and are left out. Tabs or commas separate columns.
    """
    table = read_table(path, sep=None, engine="python")
    lacking = [name for name in ("pixel_x", "pixel_y") if name not in table.columns]
    if lacking:
        columns = ", ".join(map(str, table.columns[:8]))
        wanted = " or ".join(lacking)
        raise DataError(f"{path}: has no column {wanted} (found: {columns}); name the centres in pixels so")
    if "selected" in table.columns:
        table = table[table["selected"] != 0]
    position = _numbers(path, table[["pixel_x", "pixel_y"]])
    on_array = {"x", "y"} <= set(table.columns)
    grid = _numbers(path, table[["x", "y"]]) if on_array else position
    names = [f"{round(x)}x{round(y)}" for x, y in grid] if on_array else [f"spot{i}" for i in range(len(table))]
    if len(set(names)) != len(names):
        raise DataError(f"{path}: spot {next(n for n in names if names.count(n) > 1)} stands twice; remove one")
    return Spots(path, names, grid, position)


def _numbers(path: Path, columns: Any) -> NDArray[np.float32]:
    try:
        values: NDArray[np.float32] = columns.to_numpy(dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: holds a position that is no number ({error})") from error
    if not np.isfinite(values).all():
        raise DataError(f"{path}: lacks the position of a spot; fill it in or remove the row")
    return values


def read_table(path: Path, **options: Any) -> Any:
    """Read a table with pandas, tab separated unless ``options`` say otherwise.

    Raises
    ------
    MissingError
        The file is not there.
    DataError
        It is no table.
    """
    import pandas as pd

    options.setdefault("sep", "\t")
    try:
        return pd.read_csv(path, **options)
    except FileNotFoundError as error:
        raise MissingError(f"{path}: there is no such file; check data.root") from error
    except Exception as error:  # pandas, gzip and csv raise a dozen kinds, all of which mean that it is no table
        raise DataError(f"{path}: is no table that can be read ({error}); restore it from its source") from error
