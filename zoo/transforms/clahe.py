"""``clahe``: even out the contrast of every channel, place by place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from zoo.nn.images import map_images
from zoo.nn.reflect import reflected

MOST_TILES, MOST_BINS = 64, 65536
PIXELS_ON_CPU, PIXELS_ON_DEVICE = 2**18, 2**25
TABLE_ENTRIES = 2**27


class Clahe:
    """Contrast limited adaptive histogram equalisation of every channel of every image by itself.

    An image is cut into ``tiles`` x ``tiles`` tiles. Each has a table from grey level to rank, its histogram being
    clipped first and what was cut off dealt out evenly; a pixel takes the bilinear mean of what the tables of the four
    nearest tiles say. The rules are those of OpenCV's ``createCLAHE``, and so are the results to within one grey level
    of 8 bits; unlike there, what comes out is not rounded.

    Images are held to be in [0, 1]: what lies outside is taken for 0 or 1, and a pixel is no finer than one of ``bins``
    grey levels. Fields of 16 bits that use little of their range want ``percentile-scale`` before.

    Parameters
    ----------
    clip
        How many times its even share of a tile's pixels a grey level may hold; 0 sets no limit.
    tiles
        Tiles along each side. Where they do not divide the image it is continued by reflection, as OpenCV does.
    bins
        Grey levels.

    Raises
    ------
    ValueError
        A setting is out of bounds.

    References
    ----------
    Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV (1994) 474; Pizer et al., Adaptive
    histogram equalization and its variations, doi:10.1016/S0734-189X(87)80186-X.
    """

    def __init__(self, *, clip: float = 2.0, tiles: int = 8, bins: int = 256) -> None:
        if not 0 <= clip < float("inf"):
            raise ValueError(f"clip is a finite number of at least 0, not {clip}")
        if not 1 <= tiles <= MOST_TILES:
            raise ValueError(f"tiles lies between 1 and {MOST_TILES}, not {tiles}")
        if not 2 <= bins <= MOST_BINS:  # noqa: PLR2004 - black and white
            raise ValueError(f"bins lies between 2 and {MOST_BINS}, not {bins}")
        self.clip, self.tiles, self.bins = clip, tiles, bins

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the batch with evened images [B, C, H, W] in [0, 1]."""
        return map_images(batch, self._evened)

    def _evened(self, images: torch.Tensor) -> torch.Tensor:
        planes = images.detach().flatten(0, 1).float().contiguous()
        if not planes.numel():
            return images
        grid = _Grid.of(planes.shape[1], planes.shape[2], self.tiles, images.device)
        even = torch.empty_like(planes)
        # a part stays in the cache of a core, and all parts share the memory of the first: half the time of the whole
        part = self._planes_at_once(planes)
        work = _Work.of(planes[:part])
        for out, some in zip(torch.split(even, part), torch.split(planes, part), strict=True):
            here = work.first(len(some))
            level = self._levels(some, here)
            grid.look_up(self._tables(grid.histograms(level, here.place, self.bins), grid.area), level, here, out)
        return even.view(images.shape).to(images.dtype)

    def _planes_at_once(self, planes: torch.Tensor) -> int:
        pixels = PIXELS_ON_CPU if planes.device.type == "cpu" else PIXELS_ON_DEVICE
        table = (self.tiles + 2) ** 2 * self.bins
        return max(1, min(pixels // planes[0].numel(), TABLE_ENTRIES // table))

    def _levels(self, planes: torch.Tensor, work: _Work) -> torch.Tensor:
        """Return the grey level [N, H, W] nearest to each pixel."""
        torch.add(work.half, planes, alpha=self.bins - 1, out=work.one)
        return work.level.copy_(work.one).clamp_(0, self.bins - 1)

    def _tables(self, histogram: torch.Tensor, area: int) -> torch.Tensor:
        """Turn histograms [N, tiles, tiles, bins] into tables from grey level to [0, 1], clipped where asked for."""
        histogram = histogram.to(torch.float32)
        if not self.clip:
            return histogram.cumsum(-1).div_(area)
        limit = max(int(self.clip * area / self.bins), 1)
        clipped = histogram.clamp(max=limit)
        excess = area - clipped.sum(-1, keepdim=True)
        share = (excess / self.bins).floor_()
        rest = excess - share * self.bins
        step = (self.bins / rest.clamp(min=1)).floor_()
        place = torch.arange(self.bins, device=histogram.device, dtype=torch.float32)
        # what is left over goes to every step-th level from the first, one pixel each: added up to each level
        dealt = torch.minimum((place / step).floor_().add_(1), rest).addcmul_(place + 1, share)
        return clipped.cumsum(-1).add_(dealt).div_(area).clamp_(max=1)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Tiles laid over an image of some size, and where each pixel stands between the four nearest of them."""

    tiles: int
    area: int
    rows: torch.Tensor
    columns: torch.Tensor
    tile: torch.Tensor
    cell: torch.Tensor
    down: torch.Tensor
    right: torch.Tensor
    continued: bool

    @classmethod
    def of(cls, height: int, width: int, tiles: int, device: torch.device) -> _Grid:
        continued = bool(height % tiles or width % tiles)
        high = height + (tiles - height % tiles) * continued
        wide = width + (tiles - width % tiles) * continued
        rows, columns = torch.arange(high, device=device), torch.arange(wide, device=device)
        tile_rows, tile_columns = rows // (high // tiles), columns // (wide // tiles)
        top, down = _between(rows[:height], high // tiles)
        left, right = _between(columns[:width], wide // tiles)
        return cls(
            tiles=tiles,
            area=(high // tiles) * (wide // tiles),
            rows=reflected(rows, height),
            columns=reflected(columns, width),
            tile=(tile_rows[:, None] * tiles + tile_columns).to(torch.int32),
            cell=(top[:, None] * (tiles + 2) + left).to(torch.int32),
            down=down[:, None],
            right=right,
            continued=continued,
        )

    def histograms(self, level: torch.Tensor, place: torch.Tensor, bins: int) -> torch.Tensor:
        """Count the levels [N, H, W] of each tile: [N, tiles, tiles, bins]."""
        if self.continued:
            level = level.index_select(1, self.rows).index_select(2, self.columns)
            place = torch.empty_like(level)
        torch.add(level, self.tile, alpha=bins, out=place)
        place += self._starts(level, self.tiles**2 * bins)
        count = len(level) * self.tiles**2 * bins
        return place.flatten().bincount(minlength=count).view(-1, self.tiles, self.tiles, bins)

    def look_up(self, tables: torch.Tensor, level: torch.Tensor, work: _Work, out: torch.Tensor) -> None:
        """Write for levels [N, H, W] the bilinear mean of the four nearest tables."""
        bins, stride = tables.shape[-1], self.tiles + 2
        # the outer tables stand once more around the grid, so that every pixel has four
        ring = torch.arange(-1, self.tiles + 1, device=level.device).clamp_(0, self.tiles - 1)
        table = tables.index_select(1, ring).index_select(2, ring).flatten()
        place = torch.add(level, self.cell, alpha=bins, out=work.place)
        place += self._starts(level, stride**2 * bins)
        places = place.flatten()

        def corner(down: int, right: int, out: torch.Tensor) -> torch.Tensor:
            torch.index_select(table[(down * stride + right) * bins :], 0, places, out=out.flatten())
            return out

        above = corner(0, 0, out).lerp_(corner(0, 1, work.one), self.right)
        below = corner(1, 0, work.one).lerp_(corner(1, 1, work.two), self.right)
        above.lerp_(below, self.down)

    @staticmethod
    def _starts(level: torch.Tensor, entries: int) -> torch.Tensor:
        """Return where the tables of each plane begin [N, 1, 1]."""
        count = len(level)
        return torch.arange(0, count * entries, entries, device=level.device, dtype=torch.int32).view(count, 1, 1)


@dataclass(frozen=True, slots=True)
class _Work:
    """Memory for a part of the planes."""

    half: torch.Tensor
    level: torch.Tensor
    place: torch.Tensor
    one: torch.Tensor
    two: torch.Tensor

    @classmethod
    def of(cls, planes: torch.Tensor) -> _Work:
        level, place = (torch.empty_like(planes, dtype=torch.int32) for _ in range(2))
        one, two = (torch.empty_like(planes) for _ in range(2))
        return cls(planes.new_tensor(0.5), level, place, one, two)

    def first(self, count: int) -> _Work:
        return _Work(self.half, self.level[:count], self.place[:count], self.one[:count], self.two[:count])


def _between(pixels: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tile whose centre lies before each pixel, counted from the ring outside, and how far past it."""
    place = pixels.to(torch.float32) / side - 0.5
    before = place.floor()
    return before.long() + 1, place - before
