"""Stacks of one field of view, whatever they are kept in: TIFF, OME-TIFF, a folder of pages, NumPy, MATLAB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_cars.matlab import Variable, values, variables
from zoo_cars.page_stacks import open_pages
from zoo_cars.stack_file import DIMENSIONS, Bands, StackFile, band_axis, check_kind, checked_shape, damaged
from zoo_cars.tiff_stacks import open_tiff

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_stack(
    path: Path, *, axis: Bands | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, float | None]:
    """Read a stack: [C, H, W] in 32-bit floating point, wavenumbers in cm^-1 and um per pixel where the file has them.

    Values are those of the file, neither scaled nor wrapped. See :func:`open_stack` for what is read and refused.
    """
    file = open_stack(path, axis=axis)
    return file.read(), file.wavenumber_cm, file.um_per_px


def open_stack(path: Path, *, axis: Bands | None = None) -> StackFile:
    """Look at a stack without reading its pixels.

    Parameters
    ----------
    path
        A TIFF or OME-TIFF file, a folder of one-page images, a NumPy array (``.npy``), or a MATLAB file of version 7 or
        earlier (``.mat``) with one array of three axes in it.
    axis
        Which axis of a ``.npy`` or ``.mat`` array is the bands; needed there. A TIFF says it itself.

    Raises
    ------
    MissingError
        There is nothing at the path, or a package that decodes it is not installed.
    DataError
        It is empty, damaged, of an unknown ending, no stack, has too few bands, is too large for memory, or holds
        complex numbers or objects. Nothing is unpickled.
    """
    if path.is_dir():
        return open_pages(path)
    opener = {".tif": _tiff, ".tiff": _tiff, ".npy": _npy, ".mat": _mat}.get(path.suffix.lower())
    if not path.exists():
        raise MissingError(f"{path}: there is no such file or folder; correct the name or restore it")
    if opener is None:
        raise DataError(
            f"{path}: ends in '{path.suffix}'; stacks are read from .tif, .tiff, .npy, .mat and folders of pages "
            "(.tif, .png), so save it as one of these"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty; copy it anew from its source")
    return opener(path, axis)


def _tiff(path: Path, _: Bands | None) -> StackFile:
    return open_tiff(path)


def _npy(path: Path, bands: Bands | None) -> StackFile:
    try:
        # a memory map reads the header only, and refuses objects and files that are too short
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        raise damaged(path, error) from error
    check_kind(path, array.dtype)
    place = band_axis(path, array.shape, bands)
    return _stack(path, array.shape, place, lambda: np.lib.format.open_memmap(path, mode="r"))


def _mat(path: Path, bands: Bands | None) -> StackFile:
    listed = variables(path)
    arrays = [found for found in listed if len(found.shape) == DIMENSIONS and found.kind in {"numeric", "complex"}]
    if len(arrays) != 1:
        held = ", ".join(f"{found.name} ({found.kind} {' x '.join(map(str, found.shape))})" for found in listed[:8])
        raise DataError(
            f"{path}: holds {len(arrays)} numeric arrays of three axes, one is needed, and structures, cells and "
            f"objects are not opened (found: {held or 'nothing'}); save the stack alone"
        )
    array = arrays[0]
    if array.kind == "complex":
        check_kind(path, np.dtype(complex))
    stack = _stack(path, array.shape, band_axis(path, array.shape, bands), lambda: values(path, array))
    return StackFile(path, stack.shape, stack.load, _wavenumbers(path, listed, stack.shape[0]))


def _wavenumbers(path: Path, listed: list[Variable], bands: int) -> NDArray[np.float64] | None:
    """Return the vector that is called wavenumber, where there is one with a value for each band."""
    vectors = [found for found in listed if sorted(found.shape) == [1, bands] and found.kind == "numeric"]
    named = [found for found in vectors if "wavenumber" in found.name.lower()]
    return values(path, named[0]).ravel().astype(np.float64) if len(named) == 1 else None


def _stack(path: Path, shape: tuple[int, ...], place: int, load: Any) -> StackFile:
    others = [size for number, size in enumerate(shape) if number != place]
    checked = checked_shape(path, shape[place], others[0], others[1])
    return StackFile(path, checked, lambda: np.moveaxis(load(), place, 0))
