"""Moving, bending and smoothing images of a batch, each by numbers of its own: what the transforms of images share.

Turning, shifting, zooming, shearing, mirroring and bending are composed into one map from pixels of the result to
places in the image, so that it is sampled once: every further sampling costs time and sharpness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch.nn import functional

from zoo.nn.images import change_some

Fill = Literal["zeros", "border", "reflect"]
MODES: Mapping[str, str] = {"zeros": "zeros", "border": "border", "reflect": "reflection"}
IN_CACHE = 2**21  # bytes of a part of a batch that stays near a core while several operations pass over it
SPACING = 1.4  # sigmas between nodes: sums of Gaussians are even to 1.3 % then, and nodes are few
REACH = 3.0  # sigmas after which a Gaussian counts as nothing


def probability(p: float) -> float:
    """Return a probability, or refuse it."""
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability between 0 and 1, not {p}")
    return p


def span(name: str, values: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """Return a range (smallest, largest) that lies within bounds, or refuse it."""
    if not low <= values[0] <= values[1] <= high:
        raise ValueError(f"{name} is [smallest, largest] between {low:g} and {high:g}, not {list(values)}")
    return values


def between(numbers: torch.Tensor, limits: tuple[float, float]) -> torch.Tensor:
    """Spread numbers of [0, 1] evenly over a range."""
    return limits[0] + numbers * (limits[1] - limits[0])


def once(make: Callable[[tuple[int, ...]], torch.Tensor]) -> Callable[[tuple[int, ...]], torch.Tensor]:
    """Return ``make`` that remembers: views of an item that have the same shape are changed by the same draw."""
    made: dict[tuple[int, ...], torch.Tensor] = {}

    def get(shape: tuple[int, ...]) -> torch.Tensor:
        if shape not in made:
            made[shape] = make(shape)
        return made[shape]

    return get


def change_chosen(
    images: torch.Tensor, chosen: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return the images [B, C, H, W] of which those chosen [B] are changed; where all are, nothing is copied before."""
    return change(images) if len(chosen) and bool(chosen.all()) else change_some(images, chosen, change)


def parts(images: torch.Tensor) -> Iterator[slice]:
    """Yield the rows of parts that fit into the caches of the CPU's cores; elsewhere the whole batch is one part."""
    size = max(1, len(images))
    if images.device.type == "cpu" and images.numel():
        size = torch.get_num_threads() * max(1, IN_CACHE // (images[0].numel() * images.element_size()))
    yield from (slice(start, start + size) for start in range(0, len(images), size))


def inverse_matrices(angle: torch.Tensor, scale: torch.Tensor, shear: torch.Tensor) -> torch.Tensor:
    """Return [B, 2, 2], which leads from a pixel of the result back to its place in the image, both about the centre.

    Angles are in radians and clockwise as one sees the image; an image is sheared along x, zoomed, then turned, as in
    torchvision's ``affine``.
    """
    cos, sin, slant = angle.cos(), angle.sin(), shear.tan()
    first = torch.stack([cos - sin * slant, sin + cos * slant], dim=1)
    second = torch.stack([-sin, cos], dim=1)
    return torch.stack([first, second], dim=1) / scale[:, None, None]


@dataclass(frozen=True, slots=True)
class Bend:
    """A random smooth displacement: uniform noise in [-1, 1], blurred by a Gaussian, times ``alpha`` / side.

    It is torchvision's ``ElasticTransform`` (after Simard et al. 2003, doi:10.1109/ICDAR.2003.1227801), where a side
    counts 2: displacements in pixels are alpha / 2 times the blurred noise. The noise is not drawn for every pixel but
    at the nodes of a lattice 1.4 sigma apart, from which Gaussians of the same sigma make every pixel; spread and
    correlation are those of the dense field, to 1.3 %.
    """

    alpha: float
    sigma: float

    @classmethod
    def checked(cls, alpha: float, sigma: float, prefix: str = "") -> Bend:
        """Return one whose numbers lie within bounds, or refuse it by the names of its parameters."""
        for name, value, low, high in (("alpha", alpha, 0, 10_000), ("sigma", sigma, 1, 1000)):
            if not low <= value <= high:
                raise ValueError(f"{prefix}{name} lies between {low} and {high}, not {value}")
        return cls(alpha, sigma)

    def noise(self, items: int, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Draw displacements [items, 2, nodes, nodes] in pixels (x, y) for images of this height and width."""
        # a Gaussian leaves 1 / (2 sqrt(pi) sigma) of the standard deviation of noise that is independent in every pixel
        strength = self.alpha / 2 / (2 * math.sqrt(math.pi) * self.sigma)
        size = [_nodes(side, self.sigma) for side in shape]
        return (torch.rand(items, 2, *size, generator=generator) * 2 - 1) * strength


def _nodes(side: int, sigma: float) -> int:
    return math.ceil((side + 2 * REACH * sigma) / (SPACING * sigma)) + 1


@lru_cache(maxsize=8)
def _spread(side: int, sigma: float, device: torch.device) -> torch.Tensor:
    """Return [side, nodes]: what each node adds to each pixel; the squares of a pixel's weights add up to 1."""
    pixels = torch.arange(side, dtype=torch.float64) + 0.5
    places = torch.arange(_nodes(side, sigma), dtype=torch.float64) * SPACING * sigma - REACH * sigma
    weights = functional.normalize((-((pixels[:, None] - places) ** 2) / (2 * sigma**2)).exp(), dim=1)
    return weights.to(device, torch.float32)


def warp(
    images: torch.Tensor,
    inverse: torch.Tensor,
    shift: torch.Tensor,
    *,
    displaced: torch.Tensor | None = None,
    sigma: float = 1.0,
    fill: Fill = "zeros",
) -> torch.Tensor:
    """Return images [B, C, H, W] sampled once, bilinear, where every item's own map leads.

    Parameters
    ----------
    inverse
        [B, 2, 2] of :func:`inverse_matrices`.
    shift
        [B, 2]: how far the result is moved to the right and down, as a share of its width and height.
    displaced
        Displacements of :meth:`Bend.noise`; the image is moved first and then bent.
    sigma
        That of the :class:`Bend`.
    fill
        What lies outside of an image: black, its border, or its reflection.
    """
    high, wide = images.shape[2:]
    device = images.device
    # grid_sample counts places in halves of each side
    aspect = torch.tensor([[1.0, high / wide], [wide / high, 1.0]])
    inverse, shift = (inverse * aspect).to(device), shift.to(device)
    columns = inverse[:, :, :1] * (_middles(wide, device) - 2 * shift[:, :1])[:, None]
    rows = inverse[:, :, 1:] * (_middles(high, device) - 2 * shift[:, 1:])[:, None]
    if displaced is not None:
        halves = torch.tensor([2 / wide, 2 / high], device=device)
        displaced = torch.einsum("bij,bjyx->biyx", inverse * halves, displaced.to(device))
    out = torch.empty_like(images)
    for part in parts(images):
        where = rows[part, :, :, None] + columns[part, :, None]
        if displaced is not None:
            down, along = _spread(high, sigma, device), _spread(wide, sigma, device).T.expand(2 * len(where), -1, -1)
            where.view(-1, high, wide).baddbmm_(torch.matmul(down, displaced[part]).flatten(0, 1), along)
        # the copy lies in the cache when it is sampled here and there, which saves a third of the time and more
        near = images[part].clone() if device.type == "cpu" else images[part]
        place = where.permute(0, 2, 3, 1).to(images.dtype)
        out[part] = functional.grid_sample(near, place, padding_mode=MODES[fill], align_corners=False)
    return out


def _middles(side: int, device: torch.device) -> torch.Tensor:
    return (torch.arange(side, device=device) * 2 + 1) / side - 1


def blurred(images: torch.Tensor, sigma: torch.Tensor, radius: int) -> torch.Tensor:
    """Return images [B, C, H, W] blurred by a Gaussian of ``sigma`` [B] pixels, cut off at ``radius``.

    Borders are reflected. Shifted copies are added up in parts that stay in the cache: on the CPU it takes less than a
    grouped convolution with a kernel an item, which lays its input out anew.
    """
    radius = min(radius, images.shape[2] - 1, images.shape[3] - 1)
    if radius < 1:
        return images
    steps = torch.arange(1, radius + 1)
    taps = (-(steps**2) / (2 * sigma[:, None] ** 2)).exp()
    centre = (1 + 2 * taps.sum(dim=1)).pow(-2).view(-1, 1, 1, 1).to(images)
    taps = taps[:, :, None, None, None].to(images)
    out = torch.empty_like(images)
    for part in parts(images):
        padded = functional.pad(images[part], (radius,) * 4, mode="reflect")
        summed = _summed(_summed(padded, taps[part], 2), taps[part], 3)
        torch.mul(summed, centre[part], out=out[part])
    return out


def _summed(images: torch.Tensor, taps: torch.Tensor, dimension: int) -> torch.Tensor:
    """Add to each pixel its neighbours on both sides times taps [B, radius, 1, 1, 1]; the pixel itself counts 1."""
    radius = taps.shape[1]
    side = images.shape[dimension] - 2 * radius
    total = images.narrow(dimension, radius, side)
    for step, weight in enumerate(taps.unbind(1), start=1):
        pair = images.narrow(dimension, radius - step, side) + images.narrow(dimension, radius + step, side)
        total = pair.mul_(weight).add_(total)
    return total
