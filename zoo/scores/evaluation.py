"""What ``zoo eval --out`` writes of a classifier: tables, pictures of them, and fields beside where it looked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import write_picture, write_table
from zoo.figures.style import short
from zoo.scores import class_curves
from zoo.scores import class_pictures as pictures
from zoo.scores import class_tables as tables
from zoo.scores.overlays import Looked, extremes, file_name, picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.scores.class_tables import Judged

    Indices = NDArray[np.int64]
    Explain = Callable[[Indices, Indices], NDArray[Any] | None]


def write(judged: Judged, folder: Path) -> list[Path]:
    """Write what was said of items into a folder and return the files.

    Tables: ``classes.csv`` (scores of each class with intervals), ``groups.csv``, ``confused.csv`` (pairs of classes,
    the most frequent first), ``confusion.csv``, ``roc.csv``, ``precision_recall.csv``, ``calibration.csv``. Pictures of
    the last four have the same names and end in ``.png``.
    """
    found = [
        write_table(folder / "classes.csv", tables.classes_table(judged)),
        write_table(folder / "groups.csv", tables.groups_table(judged)),
        write_table(folder / "confused.csv", tables.confused_table(judged)),
        write_table(folder / "confusion.csv", tables.confusion_table(judged)),
        write_picture(folder / "confusion.png", pictures.confusion_picture(judged), dpi=pictures.dots(judged)),
    ]
    for kind in class_curves.KINDS:
        found.append(write_table(folder / f"{kind}.csv", tables.curve_table(judged, kind)))
        found.append(write_picture(folder / f"{kind}.png", pictures.curves_picture(judged, kind)))
    found.append(write_table(folder / "calibration.csv", tables.calibration_table(judged)))
    return [*found, write_picture(folder / "calibration.png", pictures.calibration_picture(judged))]


def write_overlays(
    judged: Judged, items: Indices, *, dataset: Any, folder: Path, explain: Explain | None, most: int
) -> list[Path]:
    """Draw the items whose class was held most and least probable, with where the model looked; return the files.

    Parameters
    ----------
    judged, items
        What was said, and the number of each of these items in the dataset [n].
    dataset
        Gives ``image`` [1, C, H, W] and ``id`` of an item; ``channels`` (names) and ``um_per_px`` where it knows them.
    folder
        Where to: ``best_1_NAME.png`` ... ``worst_1_NAME.png`` ...
    explain
        ``explain(items, classes)`` -> [n, h, w] in [0, 1], or None where the model cannot say; then nothing is drawn.
    most
        Best and worst items, so many of each.
    """
    found = looked(judged, items, dataset=dataset, explain=explain, most=most)
    return [write_picture(folder / f"{rank}_{file_name(each.name)}.png", picture(each)) for rank, each in found]


def looked(
    judged: Judged, items: Indices, *, dataset: Any, explain: Explain | None, most: int
) -> Iterator[tuple[str, Looked]]:
    """Give the items whose class was held most and least probable, with where the model looked, one after the other.

    Parameters are as of :func:`write_overlays`. Each has a name before it: ``best_1`` ... ``worst_1`` ...
    """
    best, worst = extremes(judged.own, judged.label, most)
    chosen = np.array([*best, *worst], dtype=np.int64)
    said = explain(items[chosen], judged.said[chosen]) if explain and len(chosen) else None
    if said is None:
        return
    missed = np.flatnonzero(judged.said[chosen] != judged.label[chosen])
    true = explain(items[chosen[missed]], judged.label[chosen[missed]]) if explain and len(missed) else None
    own = dict(zip(missed.tolist(), true if true is not None else (), strict=False))
    ranks = [*(f"best_{rank + 1}" for rank in range(len(best))), *(f"worst_{rank + 1}" for rank in range(len(worst)))]
    maps = [_titled(judged, item, said[place], own.get(place)) for place, item in enumerate(chosen.tolist())]
    yield from zip(ranks, _looked(judged, items, chosen, dataset, maps), strict=True)


def _titled(judged: Judged, item: int, said: NDArray[Any], true: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    maps = {f"for {short(judged.classes[judged.said[item]])} (predicted)": said}
    return maps if true is None else {**maps, f"for {short(judged.classes[judged.label[item]])} (true)": true}


def _looked(
    judged: Judged, items: Indices, chosen: Indices, dataset: Any, maps: list[dict[str, NDArray[Any]]]
) -> Iterator[Looked]:
    """Give what is drawn of each item, one after the other: images may be large."""
    for item, found in zip(chosen.tolist(), maps, strict=True):
        batch = dataset.batch(items[item : item + 1])
        yield Looked(
            name=batch["id"][0],
            image=np.asarray(batch["image"][0]),
            channels=list(getattr(dataset, "channels", ())),
            um_per_px=getattr(dataset, "um_per_px", None),
            true=judged.classes[judged.label[item]],
            said=judged.classes[judged.said[item]],
            probability=(float(judged.own[item]), float(judged.probability[item].max())),
            maps=found,
        )
