"""Items beside each other that show what was taken for what: of one class called another, and right ones of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.figures.style import INK, ON_PALE, figure, short
from zoo.scores import confusion
from zoo.scores.overlays import composite, first, frame, is_photograph, reduced
from zoo.scores.scale_bar import scale_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoo.scores.class_tables import Judged
    from zoo.scores.confusion import Mistaken

    Labels = NDArray[np.int64]

PAIRS, EACH = 5, 3
"""Pairs of classes that are shown, and items of each kind beside each other."""
PIXELS = 128
"""Of a tile, at least, where the item has so many."""
WIDE, GAP, APART, ABOVE, BELOW, LEGEND = 9.6, 0.06, 0.26, 0.26, 0.2, 0.24
"""Inches: of a strip, between two tiles, between two kinds, and of lines above and below."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Two classes of which one was taken for the other, and the places of items that show it.

    ``kinds`` are titles with the items under them: mistaken ones, right ones of the class, right ones of the other.
    """

    pair: Mistaken
    kinds: Sequence[tuple[str, Labels]]

    @property
    def places(self) -> Labels:
        """All items of the strip, in their order."""
        return np.concatenate([places for _, places in self.kinds])


def strips(judged: Judged, *, pairs: int = PAIRS, each: int = EACH) -> list[Strip]:
    """Choose the pairs of classes most often confused, and the surest items of each kind, of different groups if any.

    A pair is shown once, the way in which it is confused more often.
    """
    chosen: dict[frozenset[int], Mistaken] = {}
    for pair in confusion.mistaken(judged.confused):
        chosen.setdefault(frozenset((pair.true, pair.said)), pair)
        if len(chosen) == pairs:
            break
    return [_strip(judged, pair, each) for pair in chosen.values()]


def _strip(judged: Judged, pair: Mistaken, each: int) -> Strip:
    true, said = (short(judged.classes[k], 16) for k in (pair.true, pair.said))
    kinds = (
        (f"{true} taken for {said}", pair.true, pair.said),
        (f"{true}, recognised", pair.true, pair.true),
        (f"{said}, recognised", pair.said, pair.said),
    )
    return Strip(pair, [(title, _surest(judged, label, called, each)) for title, label, called in kinds])


def _surest(judged: Judged, label: int, said: int, each: int) -> Labels:
    """Return the items of a class that were called one, the surest first, those of other groups before a second."""
    inside = np.flatnonzero((judged.label == label) & (judged.said == said))
    order = inside[np.argsort(-judged.probability[inside, said], kind="stable")]
    groups = np.unique(np.asarray(judged.groups, dtype=str), return_inverse=True)[1]
    return np.array([order[n] for n in first(np.arange(len(order)), groups[order], each)], dtype=np.int64)


def strip_picture(judged: Judged, strip: Strip, images: Sequence[NDArray[Any]], dataset: Any) -> Any:
    """Draw the items of a strip beside each other, three kinds with a line above each.

    Parameters
    ----------
    judged, strip
        What was said, and what of it is shown.
    images
        Of the items in the order of ``strip.places`` [C, H, W] each.
    dataset
        ``channels`` and ``um_per_px`` are its, where it knows them.
    """
    each = max(EACH, *(len(places) for _, places in strip.kinds))
    channels = list(getattr(dataset, "channels", ()))
    named = len(channels) > 1 and len(images[0]) == len(channels)
    high, wide = (max(image.shape[axis] for image in images) for axis in (1, 2))
    tile = (WIDE - 2 * APART - 3 * (each - 1) * GAP) / (3 * each)
    under, tall = BELOW + (LEGEND if named else 0), tile * high / wide
    whole, number = (WIDE, ABOVE + tall + under), 0
    drawing = figure(*whole)
    drawing.set_layout_engine("none")
    drawing.suppressComposite = True  # an image a tile, each with colours of its own
    for kind, (title, places) in enumerate(strip.kinds):
        left = kind * (each * (tile + GAP) + APART - GAP)
        drawing.text(left / WIDE, 1 - 0.17 / whole[1], title, fontsize=8, color=INK)
        if not len(places):
            drawing.text(left / WIDE, (under + tall / 2) / whole[1], "none", fontsize=8, color=INK)
            continue
        for column, place in enumerate(places.tolist()):
            told = f"{short(judged.groups[place], 12)} · {judged.probability[place].max():.2f}"
            drawing.text((left + column * (tile + GAP)) / WIDE, (under - 0.12) / whole[1], told, fontsize=7, color=INK)
        across = len(places) * (tile + GAP) - GAP
        axes = drawing.add_axes((left / WIDE, under / whole[1], across / WIDE, tall / whole[1]))
        _tiles(axes, images[number : number + len(places)], (high, wide), wide * GAP / tile, dataset)
        number += len(places)
    if named:
        _legend(drawing, channels, composite(images[0][:, :1, :1], photograph=False)[1], whole)
    return drawing


def _tiles(axes: Axes, images: Sequence[NDArray[Any]], shape: tuple[int, int], gap: float, dataset: Any) -> None:
    """Draw images beside each other at one scale, each in a tile of ``shape`` pixels; a bar on the first says which."""
    axes.set_axis_off()
    channels = getattr(dataset, "channels", ())
    for column, image in enumerate(images):
        full, shift = image.shape[1:], column * (shape[1] + gap)
        left, right, bottom, top = frame(full)
        shown, _ = composite(reduced(image, PIXELS), photograph=is_photograph(image, channels))
        axes.imshow(shown, extent=(left + shift, right + shift, bottom, top))
    scale_bar(axes, images[0].shape[1:], getattr(dataset, "um_per_px", None))
    axes.set(xlim=(-0.5, len(images) * (shape[1] + gap) - gap - 0.5), ylim=(shape[0] - 0.5, -0.5))


def _legend(drawing: Any, channels: Sequence[str], colours: Sequence[str], whole: tuple[float, float]) -> None:
    left = 0.04
    for name, colour in zip(channels, colours, strict=True):
        told = short(name, 20)
        box = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
        drawing.text(left / whole[0], 0.08 / whole[1], told, fontsize=7, color=ON_PALE, bbox=box)
        left += 0.075 * len(told) + 0.16


def strip_table(judged: Judged, strip: Strip, ids: Sequence[str]) -> Table:
    """Return a row for each item of a strip: what it shows, its name and group, how probable both classes were held."""
    kinds = [title for title, places in strip.kinds for _ in places]
    rows = []
    for kind, place, name in zip(kinds, strip.places.tolist(), ids, strict=True):
        true, said = int(judged.label[place]), int(judged.said[place])
        probability = [float(judged.probability[place, k]) for k in (true, said)]
        title = kind.replace(r"\$", "$")
        rows.append([title, name, judged.groups[place], judged.classes[true], judged.classes[said], *probability])
    return Table(
        ["shown as", "id", "group", "true", "predicted", "probability of true", "probability of predicted"], rows
    )
