"""What a page shows of fields: attention over some of them, and the spectra of what is attended to in each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.figures.parts import Figure
from zoo_cars import pictures
from zoo_cars.attended import ATTENDED, attended_pixels, attention_map, mean_spectra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cars.field import Field

    Indices = NDArray[np.int64]
    Parts = Sequence[NDArray[np.floating]]
    Lines = dict[str, NDArray[np.float64]]

MOST_TILES = 8_000
"""Tiles of a field whose attention stands in its table at most, the most attended first."""
MOST_FIELDS = 24
"""Fields of a class whose spectra are averaged at most."""
ACROSS = 4
"""Classes beside each other in a figure."""
KINDS = {"simulated": "SIMULATED field. ", "semi-synthetic": "SEMI-SYNTHETIC field. "}


def overlays(
    dataset: Any, items: Indices, attention: Parts, titles: Sequence[str], keys: Sequence[str]
) -> Iterator[Figure]:
    """Give a figure of each field in grey and with attention over it.

    Parameters
    ----------
    dataset
        A :class:`zoo_cars.fields.FieldDataset`.
    items
        Their numbers [n].
    attention
        Of the tiles of each [n] [tiles].
    titles, keys
        Of the figures [n].
    """
    for item, here, title, key in zip(items.tolist(), attention, titles, keys, strict=True):
        field, grey, places = dataset.fields[item], dataset.stack(item).mean(axis=0), dataset.corners(item)
        found = attention_map(here, places, grey.shape, dataset.tiles.size)
        outlined = " What is really there is outlined on the left." if _has_truth(field) else ""
        yield Figure(
            key,
            title,
            alt=f"Field {field.name}. {_alt(found, field)}",
            drawing=pictures.overlay(found, grey, field, width=4.7),
            numbers=_tiles(here, places),
            caption=f"{KINDS.get(str(dataset.provenance.get('kind')), '')}Left: mean over the bands. Right: attention, "
            f"where 1 is what every tile would get if all got the same.{outlined}",
        )


def _has_truth(field: Field) -> bool:
    return field.truth is not None and bool(field.truth.any()) and not field.truth.all()


def _alt(found: NDArray[np.float32], field: Field) -> str:
    """Say in words what is seen: how high attention gets, how much of it the attended pixels have, what they hold."""
    attended, whole = attended_pixels(found), float(np.nansum(found))
    if not attended.any() or whole <= 0:
        return "It gets no attention."
    row, column = np.argwhere(attended & (found == np.nanmax(found))).mean(axis=0) / found.shape
    place = f"{('top', 'middle', 'bottom')[int(row * 3)]} {('left', 'centre', 'right')[int(column * 3)]}"
    share = float(found[attended].sum()) / whole
    told = (
        f"Attention is highest at the {place}, {np.nanmax(found):.1f} times what is even; {attended.mean():.0%} of "
        f"the pixels get {share:.0%} of it."
    )
    if field.truth is None or not _has_truth(field):
        return told
    inside = field.truth[attended].mean()
    return f"{told} Of these pixels {inside:.0%} are true ones, of all pixels {field.truth.mean():.0%}."


def _tiles(attention: NDArray[np.floating], places: Indices) -> Table:
    order = np.argsort(-attention, kind="stable")[:MOST_TILES]
    rows = [[*places[tile].tolist(), float(attention[tile] * len(attention))] for tile in order]
    return Table(["y", "x", "attention"], rows)


def spectra(dataset: Any, items: Indices, attention: Parts, classes: Sequence[str]) -> Iterator[Figure]:
    """Give figures of the mean spectra of attended and other pixels over the fields of each class.

    Parameters
    ----------
    dataset, items, attention
        As of :func:`overlays`.
    classes
        The name of each field's class [n].
    """
    named = [name for name in dataset.classes or () if name in classes]
    found = {name: _of_class(dataset, items, attention, np.array([one == name for one in classes])) for name in named}
    known = {name: lines for name, lines in found.items() if lines is not None}
    names, axis = list(known), dataset.wavenumber_cm
    if axis is None or not names:
        return
    unit = "intensity / mean of the field" if dataset.relative else "mean intensity"
    for number in range(0, len(names), ACROSS):
        shown = {name: known[name] for name in names[number : number + ACROSS]}
        yield Figure(
            f"attended-spectra-{number // ACROSS + 1}",
            f"Attended pixels beside the others: {', '.join(shown)}",
            alt=" ".join(_peak(name, lines, axis) for name, lines in shown.items()),
            drawing=pictures.by_class(axis, shown, dataset.bands, unit),
            numbers=_bands(axis, shown),
            caption=f"{KINDS.get(str(dataset.provenance.get('kind')), '').replace('field', 'fields')}Attended are the "
            f"{ATTENDED:.0%} of the pixels of a field with the highest attention. Above: means over up to "
            f"{MOST_FIELDS} fields of the class. Below: how far the two lie apart, in standard deviations of the band "
            f"over training pixels; the band holds the middle half of the fields.{_marks(dataset, axis)}",
        )


def _of_class(dataset: Any, items: Indices, attention: Parts, own: NDArray[np.bool_]) -> Lines | None:
    """Return the mean spectra over the fields of a class, and how far they lie apart; None where nothing is attended.

    Fields whose attention is the same everywhere have no others to be held against, and are left out.
    """
    chosen = np.flatnonzero(own)
    few = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_FIELDS)).round().astype(int))]
    inside, outside = [], []
    for place in few.tolist():
        item = int(items[place])
        stack = dataset.stack(item)
        found = attention_map(attention[place], dataset.corners(item), stack.shape[1:], dataset.tiles.size)
        means = mean_spectra(found, stack)
        if means is not None and means.others is not None:
            inside.append(means.attended)
            outside.append(means.others)
    if not inside:
        return None
    apart = (np.array(inside) - np.array(outside)) / dataset.spread
    low, high = np.percentile(apart, (25, 75), axis=0)
    lines = {"attended": np.mean(inside, axis=0), "others": np.mean(outside, axis=0), "apart": apart.mean(axis=0)}
    return {**lines, "low": low, "high": high}


def _peak(name: str, lines: Lines, axis: NDArray[np.float64]) -> str:
    band = int(np.abs(lines["apart"]).argmax())
    value = lines["apart"][band]
    way = "above" if value > 0 else "below"
    return (
        f"{name}: attended pixels lie furthest from the others at {axis[band]:.0f} per cm, {abs(value):.2f} standard "
        f"deviations {way} them."
    )


def _bands(axis: NDArray[np.float64], shown: dict[str, Lines]) -> Table:
    columns = ["attended", "others", "apart", "low", "high"]
    rows: list[list[Any]] = []
    for name, lines in shown.items():
        values = zip(axis.tolist(), *(lines[column].tolist() for column in columns), strict=True)
        rows += [[name, *row] for row in values]
    return Table(["class", "wavenumber_cm", *columns], rows)


def _marks(dataset: Any, axis: NDArray[np.float64]) -> str:
    inside = [name for name, at in dataset.bands.items() if any(axis.min() <= place <= axis.max() for place in at)]
    return f" Marked: bands of {', '.join(inside)}, which the data know." if inside else ""
