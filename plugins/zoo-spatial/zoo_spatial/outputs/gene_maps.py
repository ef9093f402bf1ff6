"""Maps of genes over a section: measured, predicted, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 40
LOW, HIGH = 1, 99


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

    def chosen(self, names: Sequence[str], by_gene: NDArray[np.float64]) -> list[int]:
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

    Measured and predicted share a scale from the 1st to the 99th percentile of both; the difference (predicted less
    measured) has its own, centred on zero. The colours can be told apart by the colour-blind.

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

    size = _sizes(position_px)
    figure = Figure(figsize=(3.2 * size["ratio"] * 3 + 1.5, 3.2 * len(names) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(len(names), 3, squeeze=False)
    for row, (name, score) in enumerate(zip(names, by_gene, strict=True)):
        pair = np.concatenate([truth[:, row], predicted[:, row]])
        low, high = np.percentile(pair, [LOW, HIGH])
        gap = predicted[:, row] - truth[:, row]
        reach = max(float(np.percentile(np.abs(gap), HIGH)), 1e-6)
        shown = [
            (truth[:, row], f"{name}: measured", "viridis", low, high),
            (predicted[:, row], f"predicted (r = {score:.2f})", "viridis", low, high),
            (gap, "predicted - measured", "PuOr_r", -reach, reach),
        ]
        for place, (values, label, colours, least, most) in zip(axes[row], shown, strict=True):
            drawn = place.scatter(*position_px.T, c=values, s=size["dot"], cmap=colours, vmin=least, vmax=most, lw=0)
            _frame(place, label)
            figure.colorbar(drawn, ax=place, shrink=0.8)
    atomic.write(path, lambda temporary: figure.savefig(temporary, dpi=110, format=path.suffix[1:] or "png"))


def _frame(axes: Any, label: str) -> None:
    axes.set_title(label, fontsize=9)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_yticks([])


def _sizes(position_px: NDArray[np.float32]) -> dict[str, float]:
    """Return the proportions of the section, and the area of a dot that nearly touches its neighbours."""
    width, height = np.ptp(position_px, axis=0) + 1
    ratio = float(np.clip(width / height, 0.5, 2))
    across = np.sqrt(len(position_px) * ratio)
    return {"ratio": ratio, "dot": float(np.clip((150 * ratio / across) ** 2, 0.5, 150))}
