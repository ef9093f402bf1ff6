"""Numeric arrays of MATLAB files of version 5 to 7: listed, and read one at a time.

Ours, because the reader of SciPy ends the whole process on some damaged files, and because nothing else than arrays of
numbers is wanted: cells, structures and objects are listed by name and never opened. The format is that of MathWorks,
"MAT-File Format", version 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER = 128
TAG = 8
SMALL = 4
PREAMBLE = 4096
VERSION_5, VERSION_73 = 0x0100, 0x0200
MATRIX, COMPRESSED = 14, 15
COMPLEX, LOGICAL = 0x0800, 0x0200
OPAQUE = 17
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
NUMERIC = {6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
OTHER = {1: "cell", 2: "structure", 3: "object", 4: "text", 5: "sparse"}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a file: its name, shape and kind, and where its element begins."""

    name: str
    shape: tuple[int, ...]
    kind: str
    place: int


def variables(path: Path) -> list[Variable]:
    """Return what a file holds; ``kind`` is ``numeric`` or ``complex`` for arrays that can be read.

    Raises
    ------
    DataError
        It is of another version, or damaged.
    """
    with path.open("rb") as file:
        order = _order(path, file)
        return [_described(path, file, place, order) for place in _elements(path, file, order)]


def values(path: Path, variable: Variable) -> NDArray[Any]:
    """Return the real part of an array; it was listed as numeric."""
    wanted = math.prod(variable.shape)
    with path.open("rb") as file:
        order = _order(path, file)
        body = _body(path, file, variable.place, order, PREAMBLE + 8 * wanted)
    try:
        kind, size, start = _tag(body, _preamble(body, order)[1], order)
    except (struct.error, ValueError) as error:
        raise DataError(f"{path}: {variable.name} is damaged ({error}); restore the file from its source") from error
    stored = np.dtype(order + STORED[kind]) if kind in STORED else None
    if stored is None or size != wanted * stored.itemsize or len(body) < start + size:
        raise DataError(f"{path}: the values of {variable.name} are cut short or damaged; restore it from its source")
    return np.frombuffer(body, dtype=stored, count=wanted, offset=start).reshape(variable.shape, order="F")


def _order(path: Path, file: BinaryIO) -> str:
    """Return the byte order that the header states."""
    header = file.read(HEADER)
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128], "")
    version = struct.unpack(f"{order}H", header[124:126])[0] if order else 0
    if version == VERSION_73 or header[:4] == b"\x89HDF":
        raise DataError(f"{path}: is a MATLAB file of version 7.3; save it with -v7, or as .npy")
    if version != VERSION_5:
        raise DataError(f"{path}: the file is damaged or of another format (no MATLAB header of version 5 to 7)")
    return order


def _elements(path: Path, file: BinaryIO, order: str) -> Iterator[int]:
    """Yield where each variable begins."""
    size, place = path.stat().st_size, HEADER
    while place < size:
        file.seek(place)
        kind, length = struct.unpack(f"{order}II", _exactly(path, file.read(TAG), TAG))
        if kind not in {MATRIX, COMPRESSED} or place + TAG + length > size:
            raise DataError(f"{path}: the file is damaged or was cut short at byte {place}; restore it from its source")
        yield place
        place += TAG + length + (-length % TAG if kind == MATRIX else 0)


def _body(path: Path, file: BinaryIO, place: int, order: str, most: int) -> bytes:
    """Return at most so many bytes of a variable, unpacked, without its tag."""
    file.seek(place)
    kind, length = struct.unpack(f"{order}II", _exactly(path, file.read(TAG), TAG))
    if kind == MATRIX:
        return file.read(min(length, most))
    try:
        unpacked = zlib.decompressobj().decompress(file.read(length), most + TAG)
    except zlib.error as error:
        raise DataError(f"{path}: the file is damaged ({error}); restore it from its source") from error
    return unpacked[TAG:]


def _described(path: Path, file: BinaryIO, place: int, order: str) -> Variable:
    body = _body(path, file, place, order, PREAMBLE)
    try:
        (flags, shape, name), _ = _preamble(body, order)
    except (struct.error, ValueError) as error:
        raise DataError(f"{path}: the variable at byte {place} is damaged ({error}); restore the file") from error
    group = flags & 0xFF
    # MATLAB keeps what objects need in an array without a name
    kind = "numeric" if group in NUMERIC and name else OTHER.get(group, "object")
    if kind == "numeric" and flags & (COMPLEX | LOGICAL):
        kind = "complex" if flags & COMPLEX else "logical"
    return Variable(name, shape, kind, place)


def _preamble(body: bytes, order: str) -> tuple[tuple[int, tuple[int, ...], str], int]:
    """Return flags, shape and name of an array, and where its values begin."""
    _, size, start = _tag(body, 0, order)
    (flags,) = struct.unpack_from(f"{order}I", body, start)
    if flags & 0xFF == OPAQUE:  # tables, strings and the like have no shape here
        return (flags, (), "object"), start
    _, size, start = _tag(body, _after(start, size), order)
    shape = struct.unpack_from(f"{order}{size // 4}i", body, start)
    if min(shape, default=-1) < 0:
        raise ValueError(f"its shape is {shape}")
    _, size, start = _tag(body, _after(start, size), order)
    name = body[start : start + size].decode("latin-1")
    if name and not name.isidentifier():
        raise ValueError("its name is no name")
    return (flags, shape, name), _after(start, size)


def _tag(body: bytes, start: int, order: str) -> tuple[int, int, int]:
    """Return kind and size of an element, and where its bytes begin; small ones lie inside the tag."""
    (word,) = struct.unpack_from(f"{order}I", body, start)
    if word >> 16:  # a small element
        return word & 0xFFFF, word >> 16, start + SMALL
    (size,) = struct.unpack_from(f"{order}I", body, start + SMALL)
    return word, size, start + TAG


def _after(start: int, size: int) -> int:
    """Return where the next element begins: all do at multiples of eight bytes."""
    return start + size + -(start + size) % TAG


def _exactly(path: Path, found: bytes, size: int) -> bytes:
    if len(found) < size:
        raise DataError(f"{path}: the file was cut short; restore it from its source")
    return found
