"""A field of view from its files: the stack, its wavenumbers, and a mask of what is known to be there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_cars.axis import HOW, beside, checked, read_wavenumbers
from zoo_cars.field import Field
from zoo_cars.page_stacks import open_image
from zoo_cars.stack_file import Bands, StackFile, damaged
from zoo_cars.stacks import open_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAGE = 2


def open_field(
    path: Path,
    *,
    axis: Bands | None,
    note: Callable[[str], None],
    name: str = "",
    animal: str = "",
    slide: str = "",
    label: str = "",
    um_per_px: float | None = None,
    mask: Path | None = None,
    folders: Sequence[Path] = (),
) -> Field:
    """Look at a stack and what belongs to it; its pixels are read when they are first needed.

    Parameters
    ----------
    path
        The stack (:func:`zoo_cars.stacks.open_stack`).
    axis
        Which axis of an array is the bands.
    note
        Is told what is worth knowing.
    name, animal, slide, label
        As in :class:`~zoo_cars.field.Field`; name, animal and slide after the file where not given.
    um_per_px
        Side of a pixel; as the file says where not given.
    mask
        An image or ``.npy`` array that is not 0 where what the label speaks of really is.
    folders
        Where to look for a file of wavenumbers after the folder of the stack.

    Raises
    ------
    MissingError
        A file is not there, or nothing gives the wavenumbers.
    DataError
        A file cannot be used as it is, or the mask has another size than the stack.
    """
    stack = open_stack(path, axis=axis)
    wavenumber_cm, fell = _wavenumbers(stack, folders)
    if fell:
        note(f"the wavenumbers of {path.name} fall; they and its bands were turned round")
    own = name or path.name.split(".")[0]
    return Field(
        name=own,
        animal=animal or own,
        slide=slide or own,
        label=label,
        open_stack=(lambda: np.ascontiguousarray(stack.read()[::-1])) if fell else stack.read,
        wavenumber_cm=wavenumber_cm,
        um_per_px=um_per_px or stack.um_per_px,
        truth=read_mask(mask, stack.shape[1:]) if mask else None,
    )


def _wavenumbers(stack: StackFile, folders: Sequence[Path]) -> tuple[NDArray[np.float64], bool]:
    """Return the wavenumbers of a stack, of a file beside it before those in it, and whether they fell."""
    own = [stack.path] if stack.path.is_dir() else []
    sidecar = beside([*own, stack.path.parent, *folders])
    if sidecar is not None:
        return checked(read_wavenumbers(sidecar), stack.shape[0], where=sidecar)
    if stack.wavenumber_cm is None:
        raise MissingError(f"{stack.path}: nothing says which wavenumbers its {stack.shape[0]} bands have; {HOW}")
    return checked(stack.wavenumber_cm, stack.shape[0], where=stack.path)


def read_mask(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read a mask [H, W] that is True wherever the image is not 0.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It cannot be read, or has another size.
    """
    try:
        found = _array(path) if path.suffix.lower() == ".npy" else open_image(path).load()
    except (DataError, MissingError):
        raise
    except Exception as error:  # decoders raise a dozen kinds
        raise damaged(path, error) from error
    if found.shape != tuple(shape):
        sizes = [" x ".join(map(str, size)) for size in (found.shape, shape)]
        raise DataError(
            f"{path}: the mask is {sizes[0]} and its stack {sizes[1]} pixels; draw it on the stack's pixels"
        )
    return np.asarray(found != 0)


def _array(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise MissingError(f"{path}: there is no such file; correct its name or restore it")
    # a memory map: objects are refused, and nothing is unpickled
    mapped = np.lib.format.open_memmap(path, mode="r")
    if mapped.dtype.kind not in "buif" or mapped.ndim != PAGE:
        raise DataError(f"{path}: holds {mapped.dtype} of shape {mapped.shape}; a mask is numbers of height x width")
    return mapped
