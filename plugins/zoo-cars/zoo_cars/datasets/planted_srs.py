"""``planted-srs``: SEMI-SYNTHETIC bags, a real stimulated Raman stack in which a line of known place was planted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import Provenance, Terms
from zoo.errors import MissingError
from zoo_cars.field import Field
from zoo_cars.field_files import open_field
from zoo_cars.fields import FieldDataset, Tiles
from zoo_cars.stacks import read_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTROL, PLANTED = "control", "planted"
WHITE = 255
WHERE = "it comes from https://github.com/buchenglab/LASSO-spectral-unmixing (Data/CElegans)"
PROVENANCE: Provenance = {
    "name": "planted-srs",
    "kind": "semi-synthetic",
    "licence": "gpl-3.0",
    "source": "https://github.com/buchenglab/LASSO-spectral-unmixing",
    "modality": "stimulated-raman",
    "species": "caenorhabditis elegans",
}
TERMS: Terms = {
    "name": "the stack",
    "licence": "gpl-3.0",
    "source": "https://github.com/buchenglab/LASSO-spectral-unmixing",
}
_LAYOUT, _TILES, _NOISE = range(3)


@dataclass(frozen=True, slots=True)
class Line:
    """What is planted.

    Attributes
    ----------
    amplitude
        Height at its centre, as a share of the pixel's own mean over all bands.
    position_cm
        Centre, on the assumed axis.
    width_cm
        Full width at half maximum of the Gaussian.
    gain
        Grey levels squared of noise that a grey level of signal brings. About 0.2 on this stack: what ten components
        leave over has a variance of 12 at 36 grey levels and of 32 at 150.
    """

    amplitude: float = 0.07
    position_cm: float = 2925.0
    width_cm: float = 15.0
    gain: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a line that is none."""
        for name in ("amplitude", "width_cm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"line.{name} is greater than 0, not {getattr(self, name)}")
        if not self.gain >= 0:
            raise ValueError(f"line.gain is at least 0, not {self.gain}")

    def planted(
        self, tile: NDArray[np.float32], wavenumber_cm: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return the tile [C, H, W] with the line, its shot noise, and the eight bits of the original."""
        shape = np.exp(-4 * math.log(2) * ((wavenumber_cm - self.position_cm) / self.width_cm) ** 2)
        signal = self.amplitude * tile.mean(axis=0) * shape[:, None, None]
        noise = rng.normal(size=tile.shape) * np.sqrt(self.gain * signal)
        # rounded and clipped as the camera's numbers are: anything else would tell planted tiles from others
        changed: NDArray[np.float32] = np.clip(np.rint(tile + signal + noise), 0, WHITE).astype(np.float32)
        return changed


def planted_srs(
    root: Path,
    *,
    bags: int = 96,
    tiles: int = 9,
    size: int = 10,
    positives: float = 0.5,
    planted: float = 0.2,
    line: Line = Line(),
    blocks: int = 4,
    window_cm: tuple[float, float] = (2800.0, 3050.0),
    standardise: bool = True,
    seed: int = 0,
) -> FieldDataset:
    """Plant a line of known place in a real stack (SEMI-SYNTHETIC: real spectra and noise, made-up labels).

    The stack is C. elegans by stimulated Raman scattering, 100 bands of 200 x 200 pixels in eight bits. It is cut into
    blocks x blocks, which stand for animals: a bag is a mosaic of tiles from places of one block, turned and mirrored
    at random, so that bags of different blocks share no pixel and bags of one block may. Every block has bags of both
    classes; in those of the class ``planted`` a share of the tiles carries the line, and the truth says which.

    The files name no wavenumbers. Bands are spread evenly over ``window_cm``, which is an assumption: read a position
    on it as a band.

    Parameters
    ----------
    root
        The folder that holds ``stack/Stack0000.tif`` and so on, or that folder itself.
    bags
        Fields in all, spread evenly over the blocks.
    tiles
        Tiles in a bag.
    size
        Side of a tile in pixels.
    positives
        Share of the bags of each block in which the line is planted; one bag of each class at least.
    planted
        Share of the tiles of such a bag that carry it, one at least.
    line
        Its height, place, width and noise.
    blocks
        Blocks along each side of the stack.
    window_cm
        Wavenumbers of the first and the last band, by assumption.
    standardise
        Deliver every band with the mean and spread that it has over the training bags.
    seed
        Of places, labels and noise.

    Raises
    ------
    ValueError
        A number is out of bounds.
    MissingError
        The stack is not there.
    DataError
        It cannot be read.

    References
    ----------
    The stack is of the repository buchenglab/LASSO-spectral-unmixing, GPL-3.0: read it where it lies, and pass it on
    under its own terms only.
    """
    plan = _Plan(root, bags, tiles, size, positives, planted, line, blocks, window_cm, seed)
    plan.check()
    dataset = FieldDataset(
        plan.fields,
        lambda inputs: [open_field(inputs["input"], axis=None, note=dataset.notes.append)],
        tiles=Tiles(size=size),
        standardise=standardise,
        classes=[CONTROL, PLANTED],
        provenance=PROVENANCE,
        notes=[plan.said],
        bands={"planted": [line.position_cm]},
    )
    return dataset


planted_srs.terms = TERMS  # type: ignore[attr-defined]  # it is read, never run


@dataclass(frozen=True)
class _Plan:
    root: Path
    bags: int
    tiles: int
    size: int
    positives: float
    planted: float
    line: Line
    blocks: int
    window_cm: tuple[float, float]
    seed: int

    def check(self) -> None:
        """Refuse what cannot be laid out."""
        for name in ("tiles", "size", "blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is a number of at least 1, not {getattr(self, name)}")
        if self.bags < 2 * self.blocks**2:
            raise ValueError(f"bags is at least 2 for each of {self.blocks**2} blocks, not {self.bags} in all")
        for name in ("positives", "planted"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share above 0 and at most 1, not {getattr(self, name)}")
        low, high = self.window_cm
        if not low < self.line.position_cm < high:
            raise ValueError(f"line.position_cm lies inside {low:g} to {high:g}, not at {self.line.position_cm:g}")

    @property
    def said(self) -> str:
        low, high = self.window_cm
        return (
            f"semi-synthetic: a line of {self.line.amplitude:g} of the local signal was planted at "
            f"{self.line.position_cm:g} cm^-1 in a real stack, whose bands are spread over {low:g} to {high:g} cm^-1 "
            "by assumption"
        )

    @cached_property
    def stack(self) -> NDArray[np.float32]:
        """The real stack [C, 200, 200]."""
        folder = next((path for path in (self.root / "stack", self.root) if (path / "Stack0000.tif").is_file()), None)
        if folder is None:
            raise MissingError(f"{self.root}: has no stack/Stack0000.tif; point data.root at the stack, {WHERE}")
        return read_stack(folder)[0]

    @cached_property
    def wavenumber_cm(self) -> NDArray[np.float64]:
        """Of each band, by assumption [C]."""
        return np.linspace(*self.window_cm, len(self.stack))

    def fields(self) -> list[Field]:
        """Return the bags, those of a block one after the other."""
        each = np.diff(np.linspace(0, self.bags, self.blocks**2 + 1).round().astype(int))
        found = []
        for block, count in enumerate(each.tolist()):
            rng = np.random.default_rng((self.seed, _LAYOUT, block))
            positive = min(max(round(self.positives * count), 1), count - 1)
            labels = rng.permutation([PLANTED] * positive + [CONTROL] * (count - positive))
            found += [self._field(block, number, str(label)) for number, label in enumerate(labels)]
        return found

    def _field(self, block: int, number: int, label: str) -> Field:
        row, column = divmod(block, self.blocks)
        animal = f"block-{row}-{column}"
        carries = np.zeros(self.tiles, dtype=bool)
        if label == PLANTED:
            rng = np.random.default_rng((self.seed, _LAYOUT, block, number))
            carries[rng.permutation(self.tiles)[: max(1, round(self.planted * self.tiles))]] = True
        field = Field(
            name=f"{animal}-{number}",
            animal=animal,
            slide="srs",
            label=label,
            open_stack=lambda: self._mosaic(block, number, carries),
            wavenumber_cm=self.wavenumber_cm,
        )
        whole = np.ones((self.tiles, self.size, self.size), dtype=bool) & carries[:, None, None]
        return replace(field, truth=self._laid(whole[:, None])[0])

    def _mosaic(self, block: int, number: int, carries: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the tiles of a bag side by side [C, H, W]."""
        places = np.random.default_rng((self.seed, _TILES, block, number))
        noise = np.random.default_rng((self.seed, _NOISE, block, number))
        tiles = np.stack([self._tile(block, places) for _ in range(self.tiles)])
        for tile in np.flatnonzero(carries):
            tiles[tile] = self.line.planted(tiles[tile], self.wavenumber_cm, noise)
        return self._laid(tiles)

    def _tile(self, block: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cut a tile at random from a block, turned and mirrored at random [C, size, size]."""
        rows, columns = (np.linspace(0, side, self.blocks + 1).astype(int) for side in self.stack.shape[1:])
        row, column = divmod(block, self.blocks)
        if min(np.diff(rows).min(), np.diff(columns).min()) < self.size:
            raise ValueError(f"size is at most {np.diff(rows).min()} pixels, the side of a block, not {self.size}")
        top = rng.integers(rows[row], rows[row + 1] - self.size, endpoint=True)
        left = rng.integers(columns[column], columns[column + 1] - self.size, endpoint=True)
        tile: NDArray[np.float32] = self.stack[:, top : top + self.size, left : left + self.size]
        tile = np.rot90(tile, int(rng.integers(4)), axes=(1, 2))
        return tile[:, :, ::-1] if rng.integers(2) else tile

    def _laid(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Lay tiles [tiles, C, size, size] side by side, as near to a square as their number allows [C, H, W]."""
        down = max(number for number in range(1, math.isqrt(self.tiles) + 1) if self.tiles % number == 0)
        grid = tiles.reshape(down, self.tiles // down, *tiles.shape[1:])
        return np.ascontiguousarray(grid.transpose(2, 0, 3, 1, 4).reshape(tiles.shape[1], down * self.size, -1))
