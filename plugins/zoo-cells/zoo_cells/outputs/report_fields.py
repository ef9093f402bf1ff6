"""Fields on a page: their cells outlined by the location that is most probable in each, by truth, by attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure
from zoo.scores import multilabel
from zoo.scores.overlays import extremes
from zoo.scores.scale_bar import scale_bar
from zoo_cells.outputs import cell_pictures
from zoo_cells.outputs.cell_file import BOX, joined
from zoo_cells.outputs.report_outlines import outlines_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoo_cells.outputs.cell_tables import Judged
    from zoo_cells.outputs.report_outlines import Outline

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#9a94f0")
"""On a dark field and under dark text alike; after Okabe & Ito (2008)."""
OTHER, OTHER_CODE = "#bbbbbb", "+"
EACH, WRONG = 2, 1
"""Fields that are drawn: the best and as many of the worst, and those that are called wrongly."""
SIDE = 320
"""Pixels of the longer side of a field as it is shown."""
PANEL, TALLEST, SPACE, BAR, LINE = 2.93, 4.6, 0.08, 0.45, 0.2
"""Inches: a field and its height at most, between two, for the bar beside them, and of a line of the legend."""
SAID, TRUE, LOOKED = "most probable location", "true location", "attention"
GREYS = 31
"""Shades of a field, few to keep its picture small."""
CODED, MANY = 120, 400
"""Cells of a field up to which each is numbered, and up to which outlines are lines and not pixels."""
DARKEST, SHADES = 0.2, 64
"""Of the colours of attention: the share that is left out, because it cannot be seen on a dark field, and how many."""
NAMED = 3
"""Labels of a field that its title names."""
CALLED, BELOW = "solid", (0, (2.0, 1.2))
CAPTION = (
    "The protein in grey. Each cell has the colour and the number of the location that is most probable in it; a "
    "dashed outline says that the probability lies below the threshold from which the location is called."
)
TRUTH = "Beside it the same with the true location, the first of several; cells without an outline have no known truth."
ATTENTION = (
    "Last, how much of the attention of the field each cell gets (1: an even share); a wide outline is much attention."
)


@dataclass(frozen=True)
class Palette:
    """Which colour and which number each location has in all fields of a page; the rarer ones share one."""

    names: Sequence[str]
    frequent: Sequence[int]

    def colour(self, k: int) -> str:
        """Return the colour of a location."""
        return COLOURS[self.frequent.index(k)] if k in self.frequent else OTHER

    def code(self, k: int) -> str:
        """Return the sign of a location."""
        return str(self.frequent.index(k) + 1) if k in self.frequent else OTHER_CODE


@dataclass(frozen=True)
class Field:
    """A field as it is drawn: grey [H, W], the outline of each cell, and which rows of the predictions they are."""

    place: int
    grey: NDArray[np.float64]
    outlines: dict[int, Outline]
    rows: NDArray[np.int64]
    step: int


@dataclass(frozen=True)
class Cells:
    """What is said of the cells of a field.

    Their ``numbers`` in the mask, the ``most`` probable location of each, whether that is ``sure`` to be called,
    ``attention`` [n] over an even share, and the ``true`` labels [n, K] where some are known.
    """

    numbers: list[int]
    most: list[int]
    sure: list[bool]
    attention: NDArray[np.float64]
    true: NDArray[np.int8] | None

    @property
    def uneven(self) -> bool:
        """Whether attention tells one cell from another."""
        return not np.allclose(self.attention, 1, atol=1e-3)


def figures(judged: Judged) -> Iterator[Figure]:
    """Draw the fields that are told of best, worst and wrongly; where no field has labels, those held surest."""
    chosen = chosen_fields(judged)
    palette = palette_of(judged, list(chosen))
    for number, (place, what) in enumerate(chosen.items()):
        yield _figure(judged, field_of(judged, place), palette, f"field-{number + 1}", what)


def chosen_fields(judged: Judged) -> dict[int, str]:
    """Return the places of the fields to be drawn, and what each stands for; none twice."""
    said, label = judged.predicted["probability"], judged.truth["label"] > 0
    there = np.flatnonzero(judged.size > 0)
    labelled = there[label[there].any(axis=1)]
    if not len(labelled):
        surest = there[np.argsort(-said[there].max(axis=1), kind="stable")][:EACH]
        return dict.fromkeys(surest.tolist(), "Held surest")
    own = (said * label).sum(axis=1)[labelled] / label.sum(axis=1)[labelled]
    best, worst = extremes(own, label[labelled].argmax(axis=1), EACH)
    false = np.where(label | (said < judged.predicted["threshold"]), -1.0, said).max(axis=1)[labelled]
    found = dict.fromkeys(labelled[best].tolist(), "Labels held most probable")
    found |= dict.fromkeys(labelled[worst].tolist(), "Labels held least probable")
    wrong = [n for n in np.argsort(-false, kind="stable").tolist() if false[n] >= 0 and int(labelled[n]) not in found]
    return found | {int(labelled[n]): "A label that it does not have, held most probable" for n in wrong[:WRONG]}


def palette_of(judged: Judged, places: Sequence[int]) -> Palette:
    """Return colours for the locations that most cells of some fields have, most probably or in truth."""
    inside = np.isin(judged.cells["item"], places)
    most = np.bincount(judged.predicted["cell"][inside].argmax(axis=1), minlength=len(judged.classes))
    if "cell_label" in judged.truth:
        most += (judged.truth["cell_label"][inside] > 0).sum(axis=0)
    order = np.argsort(-most, kind="stable")[: len(COLOURS)]
    return Palette(judged.classes, [k for k in order.tolist() if most[k]])


def field_of(judged: Judged, place: int) -> Field:
    """Read a field with the outlines of its cells, of as many pixels and shades as are shown."""
    mask = judged.dataset.mask(int(judged.items[place]))
    step = max(1, -(-max(mask.shape) // SIDE))
    grey = cell_pictures.grey(cell_pictures.protein(judged, place)[::step, ::step])
    rows = np.flatnonzero(judged.cells["item"] == place)
    boxes = np.stack([judged.cells[name][rows] for name in ("cell", *BOX)], axis=1) // [1, *[step] * len(BOX)]
    outlines = outlines_of(mask[::step, ::step], boxes.astype(np.int64))
    return Field(place, (grey * GREYS).round() / GREYS, outlines, rows, step)


def _figure(judged: Judged, field: Field, palette: Palette, key: str, what: str) -> Figure:
    cells = _cells(judged, field)
    shown = {
        "cell": cells.numbers,
        **{axis: judged.cells[f"centroid_{axis}"][field.rows].tolist() for axis in ("x", "y")},
        "most_probable": [judged.classes[k] for k in cells.most],
        "probability": judged.predicted["cell"][field.rows].max(axis=1).tolist(),
        "called": ["yes" if one else "no" for one in cells.sure],
        "attention": cells.attention.tolist(),
        **({"true": _names(judged, cells.true)} if cells.true is not None else {}),
    }
    guide = [CAPTION, *([TRUTH] if cells.true is not None else []), *([ATTENTION] if cells.uneven else [])]
    first = key == "field-1"  # the others are read as it is
    return Figure(
        key,
        f"{what}: {judged.fields[field.place]}",
        alt=f"A field of {len(cells.most)} cells with their outlines. {_counted(judged, cells)}",
        drawing=_drawing(judged, field, palette, cells),
        numbers=Table(list(shown), list(zip(*shown.values(), strict=True))),
        caption=" ".join([_counted(judged, cells), *(guide if first else [])]),
        card=first,
    )


def _cells(judged: Judged, field: Field) -> Cells:
    said = judged.predicted["cell"][field.rows]
    most = said.argmax(axis=1)
    sure = (said >= judged.predicted["cell_threshold"][field.place])[np.arange(len(most)), most]
    label = judged.truth.get("cell_label")
    true = None if label is None or not (label[field.rows] >= 0).any() else label[field.rows]
    attention = judged.predicted["attention"][field.rows] * len(field.rows)
    return Cells(judged.cells["cell"][field.rows].tolist(), most.tolist(), sure.tolist(), attention, true)


def _drawing(judged: Judged, field: Field, palette: Palette, cells: Cells) -> Any:
    first, *rest = titles = _titles(cells)
    locations = dict(zip(cells.numbers, cells.most, strict=True))
    known: dict[int, int] = {}
    if cells.true is not None:
        known = {n: int(row.argmax()) for n, row in zip(cells.numbers, cells.true, strict=True) if (row > 0).any()}
    legend = _legend(palette, {*locations.values(), *known.values()})
    figure, places = _panels(field, titles, -(-len(legend) // (2 * len(titles))))
    _locations(places[first], field, palette, locations, dict(zip(cells.numbers, cells.sure, strict=True)))
    if TRUE in rest:
        _locations(places[TRUE], field, palette, known, dict.fromkeys(known, True))
    if LOOKED in rest:
        _attention(figure, places[LOOKED], field, dict(zip(cells.numbers, cells.attention.tolist(), strict=True)))
    if _pixel(judged):
        scale_bar(places[first], field.grey.shape, _pixel(judged) * field.step)
    figure.suptitle(_title(judged, field.place), fontsize=9, y=1 - 0.06 / figure.get_figheight(), va="top")
    figure.legend(handles=legend, loc="lower center", ncols=2 * len(titles), frameon=False, fontsize=8, borderpad=0)
    return figure


def _titles(cells: Cells) -> list[str]:
    return [SAID, *([TRUE] if cells.true is not None else []), *([LOOKED] if cells.uneven else [])]


def _panels(field: Field, titles: Sequence[str], lines: int) -> tuple[Any, dict[str, Axes]]:
    """Return a figure with the field once for each title, placed by hand, which takes half the time."""
    high, wide = field.grey.shape
    tall = min(PANEL * high / wide, TALLEST)
    across = PANEL * len(titles) + SPACE * (len(titles) + 1) + BAR
    under = 0.1 + LINE * lines
    height = under + tall + 0.62
    figure = style.figure(across, height)
    figure.set_layout_engine("none")
    places = {}
    for number, title in enumerate(titles):
        left = SPACE + number * (PANEL + SPACE)
        axes = figure.add_axes((left / across, under / height, PANEL / across, tall / height))
        axes.imshow(field.grey, cmap="gray", vmin=0, vmax=1, interpolation="none")
        axes.set(xticks=[], yticks=[])
        axes.set_axis_off()
        axes.set_title(title, fontsize=9, pad=4)
        places[title] = axes
    return figure, places


def _pixel(judged: Judged) -> float:
    """Return the micrometres of a pixel, 0 where nobody has told them."""
    return float(getattr(judged.dataset.fields_dataset, "um_per_px", None) or 0)


def _locations(axes: Axes, field: Field, palette: Palette, locations: dict[int, int], sure: dict[int, bool]) -> None:
    """Outline cells in the colours of their locations, and number them."""
    drawn = {cell: palette.colour(locations[cell]) for cell in field.outlines if cell in locations}
    _outline(axes, field, {cell: (colour, 1.4, CALLED if sure[cell] else BELOW) for cell, colour in drawn.items()})
    for cell, colour in drawn.items() if len(drawn) <= CODED else ():
        x, y = (field.outlines[cell].min(axis=0) + field.outlines[cell].max(axis=0)) / 2
        box = {"facecolor": colour, "edgecolor": "none", "pad": 0.8}
        code = palette.code(locations[cell])
        text = axes.text(x, y, code, fontsize=6, color=style.ON_PALE, ha="center", va="center", bbox=box)
        text.set_in_layout(False)  # nothing moves for it, and asking takes long


def _attention(figure: Any, axes: Axes, field: Field, attention: dict[int, float]) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize, to_hex

    most = max(2.0, *attention.values())
    scale, colours = Normalize(0, most), colormaps[style.HEAT](np.linspace(DARKEST, 1, SHADES))
    lines = {
        cell: (to_hex(colours[int((SHADES - 1) * share / most)]), 0.8 + 2.0 * share / most, CALLED)
        for cell, share in attention.items()
        if cell in field.outlines
    }
    _outline(axes, field, lines)
    x, y, wide, high = axes.get_position().bounds
    place = figure.add_axes((x + wide * (1 + SPACE / PANEL), y + 0.1 * high, wide * 0.1 / PANEL, 0.8 * high))
    bar = figure.colorbar(ScalarMappable(scale, ListedColormap(colours)), cax=place)
    bar.ax.tick_params(labelsize=7)


def _outline(axes: Axes, field: Field, lines: Mapping[int, tuple[str, float, Any]]) -> None:
    """Outline cells, each in a colour, a width and a dash of its own."""
    from matplotlib.collections import PolyCollection

    colours, widths, dashes = zip(*lines.values(), strict=True) if lines else ((), (), ())
    drawn = PolyCollection(
        [field.outlines[cell] for cell in lines],
        facecolors="none",
        edgecolors=colours,
        linewidths=widths,
        linestyles=list(dashes),  # a tuple of two would be taken for one dash
        rasterized=len(lines) > MANY,
    )
    axes.add_collection(drawn, autolim=False)


def _legend(palette: Palette, present: set[int]) -> list[Any]:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=palette.colour(k), label=f"{palette.code(k)}  {style.short(palette.names[k])}")
        for k in palette.frequent
        if k in present
    ]
    rare = bool(present - set(palette.frequent))
    return [*handles, *([Patch(facecolor=OTHER, label=f"{OTHER_CODE}  another location")] if rare else [])]


def _title(judged: Judged, place: int) -> str:
    said, label = judged.predicted["probability"][place], judged.truth["label"][place]
    called = np.flatnonzero(said >= judged.predicted["threshold"][place])
    true = _listed(judged, np.flatnonzero(label > 0), said) if (label >= 0).all() else "not known"
    return f"labelled: {true}\ncalled: {_listed(judged, called[np.argsort(-said[called], kind='stable')], said)}"


def _listed(judged: Judged, classes: NDArray[np.int64], said: NDArray[Any]) -> str:
    shown = [f"{style.short(judged.classes[k])} ({said[k]:.2f})" for k in classes[:NAMED].tolist()]
    more = [f"{len(classes) - NAMED} more"] if len(classes) > NAMED else []
    return ", ".join([*shown, *more]) or "nothing"


def _names(judged: Judged, true: NDArray[np.int8]) -> list[str | None]:
    known = multilabel.known(true)
    return [name if one else None for name, one in zip(joined(true > 0, judged.classes), known, strict=True)]


def _counted(judged: Judged, cells: Cells) -> str:
    counted = np.bincount(cells.most, minlength=len(judged.classes))
    order = [k for k in np.argsort(-counted, kind="stable")[:NAMED].tolist() if counted[k]]
    found = ", ".join(f"{judged.classes[k]} in {counted[k]}" for k in order)
    text = (
        f"Most probable is {found} of {len(cells.most)} cells; {sum(cells.sure)} reach the threshold of their location."
    )
    if cells.true is None:
        return text
    known = multilabel.known(cells.true)
    right = cells.true[np.arange(len(cells.most)), cells.most] > 0
    return f"{text} Of {int(known.sum())} cells with known truth it is right in {int((right & known).sum())}."
