"""``simulated-shapes``: SIMULATED images of a shape on noise, or bags of them, to try a part on."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zoo.contracts import Provenance
from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts import Batch, Indices

    Floats = NDArray[np.float64]

SHAPES = ("disc", "cross", "ring", "square")
"""Classes, in their order."""
PROVENANCE: Provenance = {
    "name": "simulated-shapes",
    "kind": "simulated",
    "licence": "apache-2.0",
    "source": "the simulator in the package microscopy-zoo",
    "modality": "simulated images",
}
BOUNDS = {
    "items": (1, 1_000_000),
    "donors": (1, 1_000_000),
    "size": (8, 1_024),
    "channels": (1, 64),
    "classes": (2, len(SHAPES)),
    "noise": (0.0, 1.0),
    "seed": (0, 2**31 - 1),
}
MOST_INSTANCES = 1_000
SPREAD = (0.35, 0.39)
"""Square root of the pixels of a shape, as a share of ``size``."""
ARM, HALF_WIDTH, RADIUS = 1.0, 0.134, 0.62
"""Of the arms of a cross and of the middle of a ring, for an area of one: what makes all four equal in area."""
DOT = 1 / 8
"""Pixels of a dot, as a share of those that a shape would have there."""
DARK, LIGHT, DONORS_DIFFER = 0.25, (0.55, 0.65), 0.08
"""Mean background, how much brighter a shape is, and how far the background of a donor lies from it at most."""
WHITE = 255
PLANES = 4


class SimulatedShapes:
    """Draw a disc, a cross, a ring or a square on noise; the label is the shape (SIMULATED, nothing was measured).

    Every shape has the same number of pixels and the same contrast on average, so that intensities do not tell the
    classes apart: what tells them is where the bright pixels lie. Position, area and contrast vary from image to image,
    the background from donor to donor. Each donor has items of all classes in turn. Pixels have 8 bits; an item is
    drawn when it is needed, from a seed of its own.

    Parameters
    ----------
    items
        Images, or bags.
    donors
        Groups ``D1``, ``D2`` ... that items are dealt out to in turn.
    size
        Height and width of an image in pixels.
    channels
        C; each shows the same shape in a contrast of its own.
    classes
        K: the first of disc, cross, ring, square.
    instances
        Makes an item a bag of so many images, from the first to the second number. At least one of them and at most a
        third show the shape of the label, the others nothing or a dot; :meth:`instance_truth` knows which.
    noise
        Standard deviation of the noise, where black is 0 and white 1.
    seed
        Another seed has other images.

    Raises
    ------
    ValueError
        A number lies out of its bounds, or there are fewer items than donors.
    """

    inputs: Mapping[str, str] = {"input": "a .npy file of images [n, C, H, W], or of the instances of one bag"}
    provenance = PROVENANCE

    def __init__(
        self,
        *,
        items: int = 48,
        donors: int = 6,
        size: int = 16,
        channels: int = 1,
        classes: int = 2,
        instances: tuple[int, int] | None = None,
        noise: float = 0.1,
        seed: int = 0,
    ) -> None:
        _check({name: value for name, value in locals().items() if name in BOUNDS}, instances)
        self._size, self._chans, self._noise, self._seed = size, channels, noise, seed
        self._bags = instances is not None
        self._new: NDArray[Any] | None = None
        self.classes = list(SHAPES[:classes])
        place, number = np.arange(items) % donors, np.arange(items) // donors
        self.labels: Indices = (number + place) % classes
        self.ids = [f"D{d + 1}-{n + 1}" for d, n in zip(place.tolist(), number.tolist(), strict=True)]
        self.groups: Mapping[str, Sequence[str]] = {"donor": [f"D{d + 1}" for d in place.tolist()]}
        rng = np.random.default_rng((seed, 0))
        self._background: Floats = DARK + DONORS_DIFFER * rng.uniform(-1, 1, donors)[place]
        if instances is not None:
            self.sizes: Indices = rng.integers(instances[0], instances[1] + 1, items)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def facts(self) -> Mapping[str, int]:
        """``in_chans`` and ``num_classes``."""
        return {"in_chans": self._chans, "num_classes": len(self.classes)}

    @property
    def provides(self) -> tuple[str, ...]:
        """Entries of a batch: ``image`` [B, C, H, W], or ``instances`` and ``offsets``; and ``label`` [B]."""
        return ("instances", "offsets", "label") if self._bags else ("image", "label")

    def fit(self, items: Indices) -> None:
        """Fit nothing: the classes are known."""

    def state(self) -> dict[str, Any]:
        """Return the names of the classes."""
        return {"classes": list(self.classes)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned."""
        self.classes = list(state["classes"])

    def batch(self, items: Indices) -> Batch:
        """Return the images of these items in 8 bits, their labels and names; bags packed one after the other."""
        import torch

        pixels = [self._pixels(item) for item in np.asarray(items).tolist()]
        found: dict[str, Any] = {"id": [self.ids[item] for item in items]}
        found["instances" if self._bags else "image"] = torch.from_numpy(np.concatenate(pixels))
        if self._bags:
            found["offsets"] = torch.from_numpy(np.cumsum([0, *map(len, pixels)]))
        return {**found, "label": torch.from_numpy(self.labels[items])}

    def instance_truth(self, items: Indices) -> NDArray[np.bool_] | None:
        """Return which instances of these bags show the shape of the label [N], None for new input."""
        if self._new is not None:
            return None
        return np.concatenate([self._drawn(item)[0] > DOT for item in np.asarray(items).tolist()])

    def open_new(self, inputs: Mapping[str, Path]) -> Self:
        """Return the images of a file as items without labels; of bags, its images as the instances of one bag.

        Raises
        ------
        DataError
            The file holds no such images.
        """
        path, new = inputs["input"], copy.copy(self)
        new._new = _read(path, self._chans)  # noqa: SLF001 - of this very class
        if self._bags:
            new.sizes = np.array([len(new._new)])  # noqa: SLF001 - as above
        count = 1 if self._bags else len(new._new)  # noqa: SLF001 - as above
        new.ids = [path.stem] if count == 1 else [f"{path.stem}-{n}" for n in range(1, count + 1)]
        new.labels, new.groups = np.full(count, -1), {"donor": [path.stem] * count}
        return new

    def _pixels(self, item: int) -> NDArray[Any]:
        """Return the images of an item [n, C, H, W], n = 1 where it is no bag."""
        if self._new is not None:
            return self._new if self._bags else self._new[item : item + 1]
        area, rng = self._drawn(item)
        shape = SHAPES[int(self.labels[item])]
        lit = np.stack([_lit(shape if share > DOT else "disc", share, self._size, rng) for share in area.tolist()])
        contrast = rng.uniform(*LIGHT, (len(area), self._chans, 1, 1))
        images = self._background[item] + contrast * lit[:, None]
        images = images + self._noise * rng.normal(size=images.shape)
        pixels: NDArray[np.uint8] = np.rint(images.clip(0, 1) * WHITE).astype(np.uint8)
        return pixels

    def _drawn(self, item: int) -> tuple[Floats, np.random.Generator]:
        """Return what each image of an item shows (1 its shape, DOT a dot, 0 nothing), and what draws the rest."""
        rng = np.random.default_rng((self._seed, 1, item))
        if not self._bags:
            return np.ones(1), rng
        size = int(self.sizes[item])
        area: Floats = (DOT * rng.integers(0, 2, size)).astype(np.float64)
        area[rng.permutation(size)[: rng.integers(1, max(size // 3, 1) + 1)]] = 1
        return area, rng


def _lit(shape: str, share: float, size: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the pixels [size, size] of a shape somewhere; of all shapes they are as many."""
    side = size * rng.uniform(*SPREAD)
    pixels = round(share * side**2)
    side = max(pixels, 1) ** 0.5
    free = max(size / 2 - ARM * side, 0)
    y, x = np.abs((np.indices((size, size)) + 0.5 - size / 2 - rng.uniform(-free, free, (2, 1, 1))) / side)
    far = {
        "disc": np.hypot(x, y),
        "square": np.maximum(x, y),
        "ring": np.abs(np.hypot(x, y) - RADIUS),
        "cross": np.minimum(np.maximum(x / HALF_WIDTH, y / ARM), np.maximum(y / HALF_WIDTH, x / ARM)),
    }[shape]
    lit = np.zeros(size**2, dtype=bool)
    lit[np.argsort(far, axis=None, kind="stable")[:pixels]] = True
    return lit.reshape(size, size)


def _read(path: Path, channels: int) -> NDArray[Any]:
    """Return the images of a file [n, C, H, W]: integers of 8 or 16 bits, or numbers in [0, 1]."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read as .npy ({error}); save it with numpy.save") from error
    if found.ndim != PLANES or found.shape[1] != channels or not found.size:
        wanted = f"an array [n, {channels}, H, W]"
        raise DataError(f"{path}: has shape {list(found.shape)}, and the model takes {wanted}; save it as one")
    if found.dtype.kind == "f" and np.all((found >= 0) & (found <= 1)):
        return np.asarray(found, dtype=np.float32)
    if found.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise DataError(f"{path}: holds {found.dtype}; save uint8, uint16, or floating point within [0, 1]")
    return np.asarray(found)


def _check(values: Mapping[str, float], instances: tuple[int, int] | None) -> None:
    for name, value in values.items():
        least, most = BOUNDS[name]
        if not least <= value <= most:
            raise ValueError(f"{name} is a number from {least} to {most}, not {value}")
    if values["items"] < values["donors"]:
        raise ValueError(f"items is at least donors ({values['donors']}), not {values['items']}")
    if instances and not 1 <= instances[0] <= instances[1] <= MOST_INSTANCES:
        given = list(instances)
        raise ValueError(f"instances are two numbers from 1 to {MOST_INSTANCES}, the smaller first, not {given}")
