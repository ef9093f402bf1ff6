"""``percentile-scale``: stretch every channel between two of its percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch

from zoo.errors import DataError, UsageError
from zoo.nn.images import map_images

if TYPE_CHECKING:
    from zoo.contracts import Dataset, Indices

Bounds = list[list[float]]
LEVELS = 65536
FIT_ITEMS = 4
MOST_CHANNELS = 4096


class PercentileScale:
    """Stretch every channel so that two of its percentiles become 0 and 1; what lies beyond is cut off.

    The percentiles are those of each image by itself (``image``), of all training fields (``channel``), or of the
    fields of the plate that an image comes from (``plate``), which takes out how plates were stained and exposed. The
    last two are fitted, so the transform stands in ``data.prepare`` then. A channel whose percentiles are equal is
    empty and becomes zero.

    Fitted percentiles are read off a histogram of 65,536 levels, which is exact for images of 8 and 16 bits; those of
    an image by itself are exact always. Between two pixels they are interpolated as numpy does.

    A dataset that knows plates has ``plates``, their names, and its batches ``plate`` [B], numbers in that list;
    -1 is an unknown plate, which is scaled as all training fields together. :meth:`fit` finds the bounds of the plates
    of the training items. For any other plate the dataset calls :meth:`add` with its fields: no label is looked at. A
    dataset that calls neither, because everything was restored, tells the names of its plates by :meth:`number`.

    Parameters
    ----------
    low, high
        The percentiles, from 0 to 100.
    per
        What they are computed over.

    Raises
    ------
    ValueError
        The percentiles are out of order.
    UsageError
        It was never fitted.
    DataError
        The data know no plates, or the images have another number of channels.
    """

    def __init__(
        self, *, low: float = 0.5, high: float = 99.8, per: Literal["image", "channel", "plate"] = "channel"
    ) -> None:
        if not 0 <= low < high <= 100:  # noqa: PLR2004 - per cent
            raise ValueError(f"0 <= low < high <= 100 holds of percentiles, not of low {low} and high {high}")
        self.low, self.high, self.per = low, high, per
        self._all: Bounds | None = None
        self._plates: dict[str, Bounds] = {}
        self._names: list[str] | None = None

    @property
    def known(self) -> frozenset[str]:
        """Names of the plates that have bounds."""
        return frozenset(self._plates)

    def fit(self, dataset: Dataset, items: Indices) -> None:
        """Find the bounds of each channel over these items, or of each of their plates; forget those there were.

        Raises
        ------
        DataError
            There are no items, or they belong to no plates.
        """
        if self.per == "image":
            return
        if not len(items):
            raise DataError("percentile-scale is fitted on 0 training items; it needs at least 1")
        self._plates = {}
        if self.per == "channel":
            self._all = self._bounds(_counted(dataset, items))
            return
        total = torch.zeros((), dtype=torch.int64)
        for plate, members in _by_plate(dataset, items):
            counts = _counted(dataset, members)
            self._plates[plate] = self._bounds(counts)
            total = total + counts
        self._all = self._bounds(total)
        self.number(_plates_of(dataset))

    def add(self, dataset: Dataset, plate: str, items: Indices) -> None:
        """Find the bounds of one more plate over these items; those of the other plates stay as they are."""
        if self.per == "plate" and len(items):
            self._plates[plate] = self._bounds(_counted(dataset, items))
            self.number(_plates_of(dataset))

    def number(self, plates: Sequence[str]) -> None:
        """Say which plate has which number in the batches to come: ``plates[number]``."""
        self._names = list(plates)

    def state(self) -> dict[str, Any]:
        """Return ``channel`` [[low, high], ...], or ``plate`` {name: [[low, high], ...]} and ``all`` of the same shape.

        Bounds are of images in [0, 1]; there is nothing where nothing was fitted.
        """
        if self._all is None:
            return {}
        return {"channel": self._all} if self.per == "channel" else {"plate": dict(self._plates), "all": self._all}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned.

        Raises
        ------
        DataError
            It is not what this transform would have kept.
        """
        if self.per == "image":
            return
        try:
            self._all = _checked(state["channel" if self.per == "channel" else "all"])
            plates = state["plate"] if self.per == "plate" else {}
            self._plates = {str(name): _checked(bounds, len(self._all)) for name, bounds in plates.items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"what was kept of percentile-scale is not a low and a high of each channel per {self.per}"
            raise DataError(f"{what} ({error}); fit it anew by training again") from error

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the batch with stretched images [B, C, H, W] in [0, 1]."""
        if self.per == "image":
            return map_images(batch, self._each_by_itself)
        if self._all is None:
            way = "put it into data.prepare, which fits it to the training fields, or say per: image"
            raise UsageError(f"percentile-scale with per: {self.per} was never fitted; {way}")
        bounds = torch.tensor(self._all)[None] if self.per == "channel" else self._of_plates(batch)
        return map_images(batch, lambda images: _stretched(images, *_fitting(bounds, images)))

    def _of_plates(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the bounds [B, C, 2] of the plates of a batch."""
        if "plate" not in batch:
            what = "percentile-scale with per: plate is handed a batch without the entry 'plate'"
            raise DataError(f"{what}; say per: channel for data that know no plates")
        numbers = batch["plate"].tolist()
        of_each = {number: self._of_plate(number) for number in set(numbers)}
        return torch.tensor([of_each[number] for number in numbers])

    def _of_plate(self, number: int) -> Bounds:
        if number < 0 and self._all is not None:
            return self._all
        names = self._names or []
        name = names[number] if number < len(names) else None
        if name not in self._plates:
            which = f"plate {number} of {len(names)}" if name is None else f"plate '{name}'"
            way = "its dataset has to add the fields of every plate that is not trained on, or say per: channel"
            raise DataError(f"percentile-scale knows no bounds of {which}; {way}")
        return self._plates[name]

    def _each_by_itself(self, images: torch.Tensor) -> torch.Tensor:
        if not images.numel():
            return images
        pixels = images.flatten(2)
        return _stretched(images, _quantile(pixels, self.low / 100), _quantile(pixels, self.high / 100))

    def _bounds(self, counts: torch.Tensor) -> Bounds:
        """Read the two percentiles of each channel off its histogram [C, LEVELS]: [C, 2] in [0, 1]."""
        up_to = counts.cumsum(1)
        rank = torch.tensor([self.low, self.high], dtype=torch.float64) / 100 * (up_to[:, -1:] - 1)
        below = rank.floor().long()
        first, second = (torch.searchsorted(up_to, place, right=True).double() for place in (below, below + 1))
        second = second.clamp(max=LEVELS - 1)
        found: Bounds = ((first + (second - first) * (rank - below)) / (LEVELS - 1)).tolist()
        return found


def _by_plate(dataset: Dataset, items: Indices) -> Iterator[tuple[str, Indices]]:
    """Yield each plate by the name that its number has, with those of the items that belong to it."""
    plates, groups = _plates_of(dataset), dataset.groups["plate"]
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items.tolist()):
        places.setdefault(groups[item], []).append(place)
    for some in places.values():
        members = items[some]
        yield plates[int(dataset.batch(members[:1])["plate"][0])], members


def _plates_of(dataset: Dataset) -> list[str]:
    plates: list[str] | None = getattr(dataset, "plates", None)
    if plates is None or "plate" not in dataset.groups:
        what = "percentile-scale with per: plate needs data whose items belong to plates"
        raise DataError(f"{what}, and these have only {', '.join(dataset.groups) or 'none'}; say per: channel")
    return plates


def _counted(dataset: Dataset, items: Indices) -> torch.Tensor:
    """Return how often each level occurs in each channel of these items [C, LEVELS]."""
    total = torch.zeros((), dtype=torch.int64)
    for start in range(0, len(items), FIT_ITEMS):
        total = total + _histogram(dataset.batch(items[start : start + FIT_ITEMS])["image"])
    return total


def _histogram(images: torch.Tensor) -> torch.Tensor:
    if images.dtype == torch.uint8:
        level = images.to(torch.int32).mul_((LEVELS - 1) // 255)
    elif images.is_floating_point():
        level = images.float().mul(LEVELS - 1).add_(0.5).to(torch.int32).clamp_(0, LEVELS - 1)
    else:
        level = images.to(torch.int32)
    channels = images.shape[1]
    level += torch.arange(0, channels * LEVELS, LEVELS, dtype=torch.int32).view(-1, 1, 1)
    return level.flatten().bincount(minlength=channels * LEVELS).view(channels, LEVELS)


def _quantile(pixels: torch.Tensor, share: float) -> torch.Tensor:
    """Return an exact quantile along the last dimension; the few pixels beyond it are found, the rest is not sorted."""
    largest = share > 0.5  # noqa: PLR2004 - the half that is nearer
    rank = (1 - share if largest else share) * (pixels.shape[-1] - 1)
    beyond = pixels.topk(min(int(rank) + 2, pixels.shape[-1]), largest=largest, sorted=False).values
    far = beyond.topk(min(2, beyond.shape[-1]), largest=not largest).values
    return far[..., -1].lerp(far[..., 0], rank - int(rank))


def _fitting(bounds: torch.Tensor, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if bounds.shape[1] != images.shape[1]:
        what = f"percentile-scale was fitted to {bounds.shape[1]} channels and is handed images of {images.shape[1]}"
        raise DataError(f"{what}; fit it to images of the same channels, or say per: image")
    low, high = bounds.to(images.device, images.dtype).unbind(-1)
    return low, high


def _stretched(images: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """Map [low, high] [B or 1, C] onto [0, 1]."""
    low, width = low[..., None, None], (high - low)[..., None, None]
    return (images - low).div_(torch.where(width > 0, width, torch.inf)).clamp_(0, 1)


def _checked(bounds: Any, channels: int | None = None) -> Bounds:
    found = [[float(low), float(high)] for low, high in bounds]
    if not 1 <= len(found) <= MOST_CHANNELS or len(found) != (channels or len(found)):
        raise ValueError(f"bounds of {len(found)} channels")
    for low, high in found:
        if not (math.isfinite(low) and 0 <= low <= high <= 1):
            raise ValueError(f"bounds [{low}, {high}]")
    return found
