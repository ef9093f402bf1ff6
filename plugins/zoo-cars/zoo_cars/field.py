"""A field of view of hyperspectral microscopy: a stack of images, one a band, with what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Field:
    """One field of view.

    Attributes
    ----------
    name, animal, slide
        What it is called, whose it is, and on which slide it lies.
    label
        The class of the whole field (``control``, ``low``, ``high`` ...), empty where nobody knows.
    open_stack
        Returns the stack [C, H, W] in 32-bit floating point; called when it is first needed.
    wavenumber_cm
        Of each band [C], rising.
    um_per_px
        Side of a pixel, None where nobody knows.
    truth
        Where what the label speaks of really is [H, W], None where nobody knows.
    """

    name: str
    animal: str
    slide: str
    label: str
    open_stack: Callable[[], NDArray[np.float32]]
    wavenumber_cm: NDArray[np.float64]
    um_per_px: float | None = None
    truth: NDArray[np.bool_] | None = None
