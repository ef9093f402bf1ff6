"""Tables of wells and images: CSV or Parquet, joined, and which of their columns says what."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from zoo.errors import DataError, MissingError
from zoo_cells.choosing import listed

MOST_BYTES, MOST_ROWS = 2**28, 5_000_000
ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".parquet")
NOTHING = {"", "nan", "n/a", "na", "<na>"}
"""Cells that say nothing; ``none`` and ``null`` are names of treatments and genotypes."""
PREFIX = re.compile(r"^(image_)?(metadata_)?", re.IGNORECASE)
# what tables of CellProfiler, JUMP, Harmony and of people call these, without Image_ and Metadata_, in lower case
KNOWN = {
    "plate": ("plate", "plate_id", "plateid", "plate_name", "barcode", "assay_plate_barcode"),
    "well": ("well", "well_id", "wellid", "well_position", "well_name", "wellname", "colrow", "rowcol"),
    "row": ("row", "well_row", "plate_row"),
    "column": ("column", "col", "well_column", "well_col", "plate_column"),
    "site": ("site", "field", "fieldid", "field_id", "fov", "site_id"),
    "file": ("file", "filename", "file_name", "image", "path", "image_path"),
    "batch": ("batch", "experiment"),
    "donor": ("donor", "patient", "individual"),
    "treatment": ("treatment", "pert_iname", "compound", "compound_name", "drug", "perturbation", "pert_name"),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of the tables are called; those left empty are found by the names that programs give them.

    Attributes
    ----------
    plate, well, row, column, site
        Where on which plate: a well, or a row and a column (letters or numbers), and the field of view.
    file
        The image of the row, where one file holds all channels.
    groups
        Further columns that become units of a split (``Metadata_cell_line``); ``batch`` and ``donor`` are found.
    """

    plate: str = ""
    well: str = ""
    row: str = ""
    column: str = ""
    site: str = ""
    file: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text of one length; ``lines`` say where in its file each row stands."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def named(self, name: str) -> str:
        """Return the column of that name, with ``Metadata_`` or ``Image_`` before it where it has.

        Raises
        ------
        DataError
            There is none.
        """
        short = _short(name)
        found = name if name in self.columns else next((one for one in self.columns if _short(one) == short), None)
        if found is None:
            near = get_close_matches(name, self.columns, 1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else f" (found: {listed(list(self.columns))})"
            raise DataError(f"{self.path}: has no column {name}{hint}")
        return found

    def role(self, role: str, given: str = "") -> list[str] | None:
        """Return the cells of the column that a recipe names, or that is known for a role, None where there is none."""
        if given:
            return self.columns[self.named(given)]
        shorts = {_short(name): name for name in reversed(self.columns)}
        found = next((shorts[known] for known in KNOWN[role] if known in shorts), None)
        return None if found is None else self.columns[found]


def _short(name: str) -> str:
    return PREFIX.sub("", name.strip()).casefold()


def tables_in(root: Path) -> list[str]:
    """Return the names of the tables that lie in a folder."""
    try:
        return sorted(path.name for path in root.iterdir() if path.name.lower().endswith(ENDINGS))
    except OSError as error:
        raise MissingError(f"{root}: cannot be read ({error.strerror}); check data.root") from error


def read_table(path: Path) -> Table:
    """Read one table; its columns lie between commas, semicolons or tabs, or it is Parquet."""
    if not path.is_file():
        raise MissingError(f"{path}: there is no such table; write one row a well or a field, or say data.table")
    header, rows, lines = _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: two columns are called '{twice}'; rename one")
    if not lines:
        raise DataError(f"{path}: has no row below its header; give a row for each well or field")
    return Table(path, dict(zip(header, rows, strict=True)), lines)


def _parquet(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingError(f"{path}: Parquet needs pyarrow; pip install pyarrow, or save the table as CSV") from error
    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_rows > MOST_ROWS:
            raise DataError(f"{path}: has {file.metadata.num_rows:,} rows, at most {MOST_ROWS:,} are read; name images")
        kept = [field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)]
        found = file.read(columns=kept)
        cells = [["" if one is None else str(one).strip() for one in found[name].to_pylist()] for name in kept]
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path}: cannot be read as Parquet ({said}); write it anew, or save it as CSV") from error
    return kept, cells, list(range(1, found.num_rows + 1))


def _text(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    text = _decoded(path)
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: is no row of a table ({error}); save it as CSV") from error
    for line, row in rows:
        if len(row) != len(header):
            said = f"has {len(row)} cells, the header {len(header)}"
            raise DataError(f"{path}:{line}: {said}; put names with '{mark}' between quotes")
    if header and not header[0]:
        header[0] = "index"  # of a data frame that was written with it
    cells = [[row[place].strip() for _, row in rows] for place in range(len(header))]
    return header, cells, [line for line, _ in rows]


def _decoded(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise DataError(f"{path}: is larger than {MOST_BYTES >> 20} MiB, which no table of fields is; cut it")
        return data.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); save the table as CSV in UTF-8") from error
