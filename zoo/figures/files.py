"""Tables and pictures as files that appear whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo import atomic

DPI = 150


class Table(NamedTuple):
    """Names of columns, and rows of values."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def write_table(path: Path, table: Table) -> Path:
    """Write a table as CSV and return its path; numbers with six digits, empty where a value is not there or NaN."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(table.columns)
    out.writerows([_cell(value) for value in row] for row in table.rows)
    atomic.write_text(path, text.getvalue())
    return path


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else value


def write_picture(path: Path, figure: Any, *, dpi: int = DPI) -> Path:
    """Write a figure of matplotlib as PNG and return its path."""
    kept = io.BytesIO()
    figure.savefig(kept, format="png", dpi=dpi)

    def fill(temporary: Path) -> None:
        # through memory: the ending of a temporary name would decide the format
        temporary.write_bytes(kept.getvalue())

    atomic.write(path, fill)
    return path
