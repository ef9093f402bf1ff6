"""Maps of genes over a section: measured, predicted, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo import atomic
from zoo.errors import DataError
from zoo.figures import style
from zoo.scores.scale_bar import BARS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

MOST = 40
LOW, HIGH = 1, 99
TOUCHING, COVERING, DENSE = 0.92, 1.25, 40
"""Width of a dot, in distances between neighbouring spots: where more than ``DENSE`` lie beside each other, gaps of
less than a pixel would become a pattern of their own.
"""
FINEST = 300
"""Dots that fit beside each other at most; smaller ones could not be seen."""
FOOT = 0.13
"""Room for the scale bar under a map, in heights of the map."""


@dataclass(frozen=True, slots=True)
class GeneMaps:
    """Which genes are drawn.

    Attributes
    ----------
    genes
        By name.
    best, worst
        So many of those that are predicted best and worst, by Pearson's correlation.
    """

    genes: list[str] = field(default_factory=list)
    best: int = 3
    worst: int = 3

    def __post_init__(self) -> None:
        """Refuse more maps than anybody looks at."""
        if self.best < 0 or self.worst < 0 or not 0 < len(self.genes) + self.best + self.worst <= MOST:
            raise ValueError(f"genes, best and worst are 1 to {MOST} maps together")

    def chosen(self, names: Sequence[str], by_gene: Floats) -> list[int]:
        """Return the columns of the genes to draw, each once: those named, then the best, then the worst.

        Raises
        ------
        DataError
            A named gene is not in the panel.
        """
        place = {name: column for column, name in enumerate(names)}
        unknown = [gene for gene in self.genes if gene not in place]
        if unknown:
            raise DataError(
                f"task.maps.genes names {unknown[0]}, which is not in the panel of {len(names)} genes; its gene names "
                f"look like {names[0]}"
            )
        order = [int(column) for column in np.argsort(-by_gene, kind="stable") if np.isfinite(by_gene[column])]
        worst = order[max(len(order) - self.worst, self.best) :]
        return list(dict.fromkeys([*(place[gene] for gene in self.genes), *order[: self.best], *worst]))


class Panel(NamedTuple):
    """What one map shows: a value of each spot [n] on a colour map from ``low`` to ``high``."""

    label: str
    values: Floats
    colours: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ground:
    """Where spots lie [n, 2] in pixels of the image, and how wide they are drawn; y points down, as in the image.

    ``box`` is left, right, top and bottom of what is shown; ``um_per_px`` None where nobody knows. Where they were
    moved onto a sheet, ``px`` pixels are a unit of it.
    """

    position_px: Floats
    width_px: float
    box: tuple[float, float, float, float]
    um_per_px: float | None = None
    px: float = 1.0

    @property
    def ratio(self) -> float:
        """Height by width of what is shown."""
        left, right, top, bottom = self.box
        return (bottom - top) / (right - left)


def ground_of(position_px: Floats, um_per_px: float | None = None) -> Ground:
    """Return the ground of spots [n, 2], whose dots nearly touch their neighbours."""
    from scipy.spatial import cKDTree

    place = np.asarray(position_px, dtype=np.float64)
    apart = cKDTree(place).query(place, k=2)[0][:, 1]
    apart = apart[np.isfinite(apart) & (apart > 0)]
    extent = float(np.ptp(place, axis=0).max())
    pitch = max(float(np.median(apart)) if len(apart) else 1.0, extent / FINEST)
    (left, top), (right, bottom) = place.min(axis=0) - pitch, place.max(axis=0) + pitch
    wide = (TOUCHING if extent / pitch <= DENSE else COVERING) * pitch
    return Ground(place, wide, (float(left), float(right), float(top), float(bottom)), um_per_px)


def panels_of(name: str, score: float, truth: Floats, predicted: Floats) -> list[Panel]:
    """Return three maps of a gene: measured, predicted, and how the second differs from the first.

    The first two share a scale from the 1st to the 99th percentile of both; the difference has its own, centred on
    zero. The colours can be told apart by the colour-blind.
    """
    low, high = (float(end) for end in np.percentile(np.concatenate([truth, predicted]), [LOW, HIGH]))
    gap = predicted - truth
    reach = max(float(np.percentile(np.abs(gap), HIGH)), 1e-6)
    said = f"predicted (r = {score:.2f})" if np.isfinite(score) else "predicted"
    return [
        Panel(f"{style.short(name)}: measured", truth, style.SEQUENTIAL, low, high),
        Panel(said, predicted, style.SEQUENTIAL, low, high),
        Panel("predicted - measured", gap, style.DIVERGING, -reach, reach),
    ]


def paint(axes: Axes, ground: Ground, panel: Panel, *, rasterized: bool = False) -> Any:
    """Draw the dots of a map into an axes and return what a colour bar is made of."""
    from matplotlib.collections import EllipseCollection

    wide = ground.width_px
    dots = EllipseCollection(
        [wide],
        [wide],
        [0],
        units="xy",
        offsets=ground.position_px,
        offset_transform=axes.transData,
        array=np.asarray(panel.values, dtype=np.float64),
        cmap=panel.colours,
        linewidths=0,
        rasterized=rasterized,
    )
    dots.set_clim(panel.low, panel.high)
    axes.add_collection(dots, autolim=False)
    return dots


def measure(axes: Axes, ground: Ground) -> str:
    """Draw a bar of a round length under a map and return what it says; without a pixel size it counts pixels."""
    left, right, top, bottom = ground.box
    scale, unit = (ground.um_per_px * ground.px, "µm") if ground.um_per_px else (ground.px, "px")
    fitting = [bar for bar in BARS if bar / scale <= (right - left) / 3]
    length = fitting[-1] if fitting else float(f"{(right - left) * scale / 3:.1g}")
    x, y = left + ground.width_px / 2, bottom + FOOT / 3 * (bottom - top)
    axes.plot([x, x + length / scale], [y, y], color=style.INK, linewidth=2, solid_capstyle="butt")
    axes.annotate(
        f"{length:g} {unit}", (x + length / scale, y), (4, 0), textcoords="offset points", va="center", fontsize=7
    )
    return f"{length:g} {unit}"


def draw(
    path: Path,
    *,
    names: Sequence[str],
    by_gene: Sequence[float],
    truth: NDArray[np.float32],
    predicted: NDArray[np.float32],
    position_px: NDArray[np.float32],
    title: str,
) -> None:
    """Draw a row of three maps a gene as a picture (PNG, or what the ending says).

    They are those of :func:`panels_of`.

    Parameters
    ----------
    path
        The picture.
    names, by_gene
        The genes, and the correlation of each.
    truth, predicted
        Expression of these genes [n, G].
    position_px
        Where the spots are [n, 2]; y points down, as in the image.
    title
        Over all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ground = ground_of(position_px)
    wide = 3.2 * float(np.clip(1 / ground.ratio, 0.5, 2))
    figure = Figure(figsize=(3 * wide + 1.5, 3.2 * len(names) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(len(names), 3, squeeze=False)
    for row, (name, score) in enumerate(zip(names, by_gene, strict=True)):
        for place, panel in zip(axes[row], panels_of(name, score, truth[:, row], predicted[:, row]), strict=True):
            drawn = paint(place, ground, panel)
            place.set(xlim=ground.box[:2], ylim=ground.box[:1:-1], aspect="equal")
            place.set_axis_off()
            place.set_title(panel.label, fontsize=9)
            figure.colorbar(drawn, ax=place, shrink=0.8)
    atomic.write(path, lambda temporary: figure.savefig(temporary, dpi=110, format=path.suffix[1:] or "png"))
