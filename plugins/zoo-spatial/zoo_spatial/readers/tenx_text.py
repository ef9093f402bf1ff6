"""Text files of a stranger, gzip or not, read with a bound on what they unpack to."""

from __future__ import annotations

import csv
import errno
import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from zoo.errors import DataError, MissingError
from zoo_spatial.cache import folder_for

MOST_TEXT = 64 * 2**20
MOST_IMAGE = 16 * 2**30
MAGIC = b"\x1f\x8b"
BLOCK = 2**20
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
LONGEST_NAME = 60


class Bounded:
    """What a file holds, unpacked where it is gzip, up to a bound; a stream that others may read from."""

    def __init__(self, file: BinaryIO, path: Path, most: int) -> None:
        self._file, self._path, self._most, self._left = file, path, most, most

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; refuse to go on beyond the bound."""
        block = self._file.read(size if 0 <= size <= self._left else self._left + 1)
        self._left -= len(block)
        if self._left < 0:
            raise DataError(f"{self._path}: unpacks to more than {self._most:,} bytes, which no such file has")
        return block


@contextmanager
def opened(path: Path, most: int) -> Iterator[Bounded]:
    """Open a file for reading, unpacking gzip whatever its name says, up to ``most`` bytes.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It is longer than ``most``, or its gzip is damaged.
    """
    try:
        plain = path.open("rb")
    except OSError as error:
        raise MissingError(f"{path}: cannot be opened ({error.strerror}); check data.root") from error
    try:
        with plain:
            packed = plain.read(2) == MAGIC
            plain.seek(0)
            with gzip.open(plain) if packed else plain as file:
                yield Bounded(cast("BinaryIO", file), path, most)
    except (EOFError, zlib.error, OSError) as error:
        if getattr(error, "errno", None) in FULL:  # of a disk that is written to meanwhile
            raise
        raise DataError(f"{path}: cannot be read to its end ({error}); restore it from its source") from error


def read_rows(path: Path, separator: str, most: int = MOST_TEXT) -> list[list[str]]:
    """Return the rows of a table without the empty ones; quotes count in tables that commas separate.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It is no text, longer than ``most`` bytes, or empty.
    """
    with opened(path, most) as file:
        content = file.read()
    try:
        text = content.decode("utf-8-sig")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if separator == ",":
            rows = [row for row in csv.reader(lines) if any(row)]
        else:
            rows = [line.split(separator) for line in lines if line.strip()]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no table of text ({error}); restore it from its source") from error
    if not rows:
        raise DataError(f"{path}: is empty; restore it from its source")
    return rows


def listed(folder: Path) -> list[Path]:
    """Return what a folder holds, in order.

    Raises
    ------
    MissingError
        There is no such folder, or it may not be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise MissingError(f"{folder}: cannot be read ({error.strerror}); check data.root") from error


def shown(name: str) -> str:
    """Return a name out of a file as a message holds it: short, on one line, and harmless to a terminal.

    >>> shown("GRCh38"), shown(f"{chr(27)}[2J") == repr(f"{chr(27)}[2J")
    ('GRCh38', True)
    """
    plain = name if name.isprintable() else repr(name)
    return plain if len(plain) <= LONGEST_NAME else f"{plain[:LONGEST_NAME]}..."


def unpacked(path: Path, most: int = MOST_IMAGE) -> Path:
    """Return a file as it is, or, where its name ends in ``.gz``, a copy that was unpacked into the cache.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It unpacks to more than ``most`` bytes, or is damaged.
    """
    if path.suffix.lower() != ".gz":
        return path

    def build(folder: Path) -> None:
        with opened(path, most) as source, (folder / path.stem).open("wb") as target:
            shutil.copyfileobj(source, target, BLOCK)

    return folder_for(path, "unpacked-1", build) / path.stem
