"""What a page shows of the pixels that a classifier saw: fields that were confused, and where it looked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.figures.parts import Figure, Section
from zoo.scores.evaluation import looked
from zoo.scores.example_pictures import Strip, strip_picture, strip_table, strips
from zoo.scores.overlays import Looked, picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.scores.class_tables import Judged

    Indices = NDArray[np.int64]
    Explain = Callable[[Indices, Indices], NDArray[Any] | None]

PANEL = 1.5
"""Inches of a field beside a map of it, of which two stand beside each other on a page."""
PLANES = 3
"""Axes of an image: channels, height, width."""


def has_images(dataset: Any) -> bool:
    """Return whether items of a dataset can be shown."""
    return "image" in getattr(dataset, "provides", ())


def examples(judged: Judged, items: Indices, dataset: Any) -> Section | None:
    """Return the pairs most often confused as items beside each other; None where nothing is confused.

    ``items`` are the numbers of the judged items in the dataset [n].
    """
    found = [_example(judged, items, dataset, strip, n) for n, strip in enumerate(strips(judged), start=1)]
    parts = [figure for figure in found if figure]
    words = "Each line holds items of one class that were called another, and beside them right ones of both classes, "
    words += "the surest first. Under an item stand its group and the probability of what it was called."
    return Section("examples", "What was confused", parts, words) if parts else None


def _example(judged: Judged, items: Indices, dataset: Any, strip: Strip, number: int) -> Figure | None:
    batch = dataset.batch(items[strip.places])
    images = [np.asarray(image) for image in batch["image"]]
    if images[0].ndim != PLANES:
        return None
    pair, (true, said) = strip.pair, (judged.classes[strip.pair.true], judged.classes[strip.pair.said])
    wrong, right, other = (len(places) for _, places in strip.kinds)
    alt = f"Items of {true} that were called {said}, {wrong} of {pair.items} ({pair.share:.0%} of that class), "
    alt += f"beside {right} of {true} and {other} of {said} that were called right."
    return Figure(
        f"example-{number}",
        f"{true} taken for {said}",
        alt,
        strip_picture(judged, strip, images, dataset),
        strip_table(judged, strip, batch["id"]),
    )


def where_it_looked(judged: Judged, items: Indices, dataset: Any, explain: Explain | None, most: int) -> Section | None:
    """Return fields beside where the model looked in them, at most so many of the surest and of the worst.

    None where it cannot say where it looked. ``items`` are as of :func:`examples`.
    """
    found = looked(judged, items, dataset=dataset, explain=explain, most=most)
    parts = [_overlay(rank, each) for rank, each in found]
    words = "Bright places raised the class named above the map most (Grad-CAM). They tell where the model looked, "
    words += "not why. First the items whose class was held most probable, then the least."
    return Section("looked", "Where it looks", parts, words, gallery=True) if parts else None


def _overlay(rank: str, each: Looked) -> Figure:
    kind, _, number = rank.partition("_")
    true, said = each.probability
    called = "was called so" if each.said == each.true else f"was called {each.said} ({said:.2f})"
    title, found = next(iter(each.maps.items()))
    high, across, down = _highest(found)
    alt = (
        f"{each.name} is {each.true} (probability {true:.2f}) and {called}. The map {title} is brightest {across:.0%} "
    )
    alt += f"from the left and {down:.0%} from the top, and above half of that in {high:.0%} of the field."
    return Figure(
        f"looked-{kind}-{number}",
        f"{'Surest' if kind == 'best' else 'Worst'} {number}: {each.name}",
        alt.replace(r"\$", "$"),
        picture(each, panel=PANEL),
        Table(
            ["id", "true", "predicted", "map", "share above half", "highest from the left", "highest from the top"],
            [[each.name, each.true, each.said, name, *_highest(values)] for name, values in each.maps.items()],
        ),
    )


def _highest(found: NDArray[Any]) -> tuple[float, float, float]:
    """Return which share of a map is above half of its highest, and where that is from the left and from the top."""
    row, column = np.unravel_index(int(np.argmax(found)), found.shape)
    above = float((found > found.max() / 2).mean())
    return above, float((column + 0.5) / found.shape[1]), float((row + 0.5) / found.shape[0])
