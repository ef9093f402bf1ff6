"""Fields with cells that are discs, of known size and place, and segmenters that find, fail or die."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.contracts import Provenance
from zoo.errors import DataError, MissingError
from zoo_cells.field import DamagedError
from zoo_cells.protein.cell_field import CellField, CellTruth
from zoo_cells.protein.fields import ProteinFields

PLACES = ((30, 30), (30, 90), (90, 30), (90, 90))
SIDE, RADIUS = 120, 12


def mask_of(places=PLACES, side=SIDE, radius=RADIUS):
    rows, columns = np.mgrid[:side, :side]
    mask = np.zeros((side, side), np.int32)
    for number, (y, x) in enumerate(places, 1):
        mask[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number
    return mask


@dataclass(frozen=True)
class Drawn:
    """The pixels of a field: a cell's brightness is its number; ``code`` stands in the first pixel of the nuclei."""

    places: tuple = PLACES
    side: int = SIDE
    code: int = 0
    kind: str = "uint8"

    def __call__(self):
        mask = mask_of(self.places, self.side)
        image = np.stack([np.where(mask > 0, 100 + 10 * channel + mask, 5) for channel in range(4)])
        image[2, 0, 0] = self.code
        return image.astype(self.kind)


@dataclass(frozen=True)
class Known:
    places: tuple = PLACES
    side: int = SIDE

    def __call__(self):
        labels = np.zeros((len(self.places), 19), np.int8)
        labels[np.arange(len(self.places)), np.arange(len(self.places))] = 1
        return CellTruth(mask_of(self.places, self.side), labels)


@dataclass(frozen=True)
class Unreadable:
    def __call__(self):
        raise DamagedError("a_red.png: cannot be decoded")


def a_field(number, read=None, truth=None, stamp=""):
    read = read or Drawn(code=number)
    return CellField(f"f{number}", (number % 3,), {"antibody": f"a{number // 2}"}, stamp or repr(read), read, truth)


def fields(*given):
    """Return a dataset of these fields; a number stands for a field with four cells."""
    made = [one if isinstance(one, CellField) else a_field(one) for one in given]
    provenance: Provenance = {"name": "discs", "kind": "simulated"}
    return ProteinFields(lambda: made, provenance=provenance, new_fields=lambda _: [a_field(7), a_field(8)])


@dataclass
class Threshold:
    """Cells are what is bright in the nuclei; ``codes`` of fields are what it fails at, and how."""

    bound: float = 50
    codes: dict = field(default_factory=dict)
    needs = ("nucleus",)

    def __call__(self, planes):
        from scipy.ndimage import label

        plane = planes["nucleus"]
        match self.codes.get(int(plane[0, 0])):
            case "die":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "leave":
                os._exit(3)
            case "raise":
                raise ValueError("no convergence\nafter 200 steps")
            case "weights":
                raise MissingError("the weights are not there; fetch them")
            case "refuse":
                raise DataError("too dark")
            case "floats":
                return plane / 255
            case "small":
                return np.zeros((3, 3), np.int32)
            case "negative":
                return -np.ones(plane.shape, np.int32)
        return label(plane > self.bound)[0].astype(np.int32)


def sleeping(task):
    Path(task).write_text(str(os.getpid()))
    time.sleep(60)
