"""The joint space of patches and spots: seen along its two main directions, and searched for the spot of each patch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Section
from zoo_spatial.outputs.report_scored import FEW_GROUPS

if TYPE_CHECKING:
    from zoo.figures.parts import Look
    from zoo_spatial.outputs.report_scored import Floats, Items, Scored

SPOTS = 300
"""Test spots that are embedded at most: the model reads their patches once more."""
MARKS = ("o", "s")
STEPS = 24
"""Points of a curve."""
POWER, SPARE = 6, 8
"""Rounds and spare directions of the search for main directions."""
FEWEST = 3


def sections(scored: Scored, look: Look, seed: int = 0) -> Iterator[Section]:
    """Yield the section of the joint space, nothing where there are too few spots or no embeddings of both kinds."""
    chosen = np.arange(len(scored.items))
    if len(chosen) > SPOTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(chosen), SPOTS, replace=False))
    if len(chosen) < FEWEST:
        return
    outputs = look.outputs(scored.items[chosen])
    image, spot = outputs.get("image"), outputs.get("spot")
    if image is None or spot is None or image.shape != spot.shape:
        return
    image, spot = _unit(image), _unit(spot)
    where = {name: np.flatnonzero(np.isin(chosen, rows)) for name, rows in scored.sections.items()}
    where = {name: rows for name, rows in where.items() if len(rows)}
    ranks = {name: own_rank(image[rows], spot[rows]) for name, rows in where.items() if len(rows) > 1}
    parts = [plane(image, spot, where)] + ([found(ranks)] if ranks else [])
    words = "The model is trained to bring the patch of a spot and its measured expression together in one space."
    if len(chosen) < len(scored.items):
        words += f" {len(chosen)} of {len(scored.items)} test spots are looked at."
    yield Section("space", "Patches and spots in the joint space", parts, words=words, gallery=True)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.maximum(length, 1e-12)
    return unit


def own_rank(image: Floats, spot: Floats) -> Floats:
    """Return how many spots lie nearer to a patch than its own [n], by cosine; of those as near, half are counted."""
    near = image @ spot.T
    own = np.einsum("nd,nd->n", image, spot)[:, None]
    alike = np.isclose(near, own, rtol=0, atol=1e-6)
    rank: Floats = (near > own).astype(np.float64).sum(axis=1, where=~alike) + (alike.sum(axis=1) - 1) / 2
    return rank


def main_directions(values: Floats, seed: int = 0) -> tuple[Floats, Floats]:
    """Return the first two principal components of rows [n, 2], and their shares of the variance [2].

    References
    ----------
    Halko, Martinsson & Tropp, SIAM Rev. 53:217 (2011), doi:10.1137/090771806: a random start and some rounds, because
    a whole decomposition in gene space takes seconds.
    """
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    width = min(2 + SPARE, *centred.shape)
    basis = np.random.default_rng(seed).normal(size=(centred.shape[1], width))
    for _ in range(POWER):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    left, size, right = np.linalg.svd(centred @ basis, full_matrices=False)
    axes = (right @ basis.T)[:2]
    # which way a direction points is chance: the largest part of it is to be positive
    sign = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    places, share = (left * size)[:, :2] * sign, size[:2] ** 2 / max(float((centred**2).sum()), 1e-12)
    missing = 2 - places.shape[1]
    return np.pad(places, ((0, 0), (0, missing))), np.pad(share, (0, missing))


def plane(image: Floats, spot: Floats, where: dict[str, Items]) -> Figure:
    """Return patches and spots along the two main directions of both together, coloured by section."""
    places, share = main_directions(np.concatenate([image, spot]))
    kinds = {"patch": places[: len(image)], "spot": places[len(image) :]}
    largest = sorted(where, key=lambda name: -len(where[name]))[:FEW_GROUPS]
    colours = {name: style.COLOURS[number] for number, name in enumerate(name for name in where if name in largest)}
    drawing = style.figure(4.7, 3.7)
    axes = style.tidy(drawing.subplots())
    rows, many = [], len(places) > style.MANY
    for (kind, at), mark in zip(kinds.items(), MARKS, strict=True):
        for name, members in where.items():
            colour = colours.get(name, style.GREY)
            filled = {"facecolors": colour, "linewidths": 0, "alpha": 0.75}
            hollow = {"facecolors": "none", "edgecolors": colour, "linewidths": 0.7, "alpha": 0.75}
            look: dict[str, Any] = filled if kind == "patch" else hollow
            axes.scatter(at[members, 0], at[members, 1], 13, marker=mark, rasterized=many, **look)
            rows += [[name, kind, *(round(float(end), 4) for end in point)] for point in at[members]]
    _legend(axes, colours, others=len(where) > len(colours))
    axes.set(xlabel=f"component 1 ({share[0]:.0%} of variance)", ylabel=f"component 2 ({share[1]:.0%})")
    gap = float(np.linalg.norm(kinds["patch"].mean(axis=0) - kinds["spot"].mean(axis=0)))
    spread = float(np.sqrt(places.var(axis=0).sum()))
    return Figure(
        "space-plane",
        "Principal components",
        f"{len(image)} patches and as many spots of {len(where)} {'section' if len(where) == 1 else 'sections'} along "
        f"the first two principal components, which hold {share[0]:.0%} and {share[1]:.0%} of the variance. The "
        f"middles of the two clouds are {gap / max(spread, 1e-12):.1f} times the spread of all apart.",
        drawing,
        Table(["section", "kind", "component 1", "component 2"], rows),
        "Filled circles are patches, hollow squares the measured spots, colours are sections (embeddings of length 1). "
        "Where sections lie apart, the model may tell them by stain or batch; where patches lie in a heap, it hardly "
        "tells one from another.",
    )


def _legend(axes: Any, colours: dict[str, str], *, others: bool) -> None:
    from matplotlib.lines import Line2D

    dot: dict[str, Any] = {"linestyle": "", "markersize": 4}
    marks = [
        Line2D([], [], marker=MARKS[0], color=style.GREY, label="patch", **dot),
        Line2D([], [], marker=MARKS[1], color=style.GREY, markerfacecolor="none", label="spot", **dot),
    ]
    marks += [Line2D([], [], marker="o", color=c, label=style.short(name, 14), **dot) for name, c in colours.items()]
    marks += [Line2D([], [], marker="o", color=style.GREY, label="others", **dot)] if others else []
    axes.figure.legend(
        handles=marks,
        frameon=False,
        fontsize=7,
        loc="outside upper center",
        ncols=min(len(marks), 5),
        handletextpad=0.2,
    )


def found(ranks: dict[str, Floats]) -> Figure:
    """Return how often a patch finds its own spot among the nearest of its section, beside chance."""
    sizes = {name: len(rank) for name, rank in ranks.items()}
    steps = np.unique(np.geomspace(1, max(sizes.values()), STEPS).round().astype(int))
    shown = sorted(ranks, key=lambda name: -sizes[name])[:FEW_GROUPS]
    drawing = style.figure(4.7, 3.7)
    axes = style.tidy(drawing.subplots())
    rows: list[list[Any]] = []
    for number, name in enumerate(name for name in ranks if name in shown):
        at = np.unique(np.minimum(steps, sizes[name]))
        share = np.array([among(ranks[name], int(k)) for k in at])
        look: dict[str, Any] = {"color": style.COLOURS[number], "linestyle": style.DASHES[number % len(style.DASHES)]}
        axes.plot(at, share, label=style.short(name, 14), linewidth=1.6, **look)
        rows += [[name, int(k), float(s), float(k / sizes[name])] for k, s in zip(at, share, strict=True)]
    middle = float(np.mean(list(sizes.values())))
    axes.plot(steps, np.minimum(steps / middle, 1), color=style.GREY, linewidth=1, label="chance")
    axes.set(xscale="log", ylim=(0, 1.02), xlabel="nearest spots looked at, of the section", ylabel="share of patches")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=7, loc="upper left")
    told = "; ".join(
        f"{k}: {np.mean([among(rank, k) for rank in ranks.values()]):.1%} (chance "
        f"{np.mean([min(k / size, 1) for size in sizes.values()]):.1%})"
        for k in (1, 10)
    )
    return Figure(
        "space-retrieval",
        "Does a patch find its own spot?",
        f"Share of patches whose own spot is among the k nearest spots of their section, mean over "
        f"{len(ranks)} {'section' if len(ranks) == 1 else 'sections'}, for k of {told}.",
        drawing,
        Table(["section", "k", "share", "chance"], rows),
        f"Mean over sections for k of {told}. A curve on the grey line finds no more than chance would. Neighbouring "
        "spots are alike, so that high shares at small k are not to be had.",
    )


def among(rank: Floats, k: int) -> float:
    """Return the share of patches with fewer than ``k`` spots nearer than their own."""
    return float((rank < k).mean())
