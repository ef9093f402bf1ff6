"""Galleries on a page: the cells that are held surest to show a location, framed by whether they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Figure
from zoo_cells.outputs import cell_pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_cells.outputs.cell_tables import Judged

SHOWN, MOST, ROWS = 8, 20, 10
"""Cells of a location, locations on the page, and locations of a figure."""
PIXELS, GAP = 48, 4
"""Of a crop as it is shown, and between two of them."""
INCHES = 0.37
FRAMES = {True: ("#009e73", "-", "true"), False: ("#d55e00", "--", "false"), None: (style.GREY, ":", "not known")}
"""Colour, dash and word for what is known of a cell."""
CAPTION = (
    "A row a location, the most frequent ones first: the protein in the {shown} cells in which it is held most "
    "probable, the surest one first. A green, whole frame says that the cell truly shows it, an orange, dashed one "
    "that it does not, a grey, dotted one that nobody knows; beside a row stands how many of the known ones do."
)


def figures(judged: Judged) -> Iterator[Figure]:
    """Draw the surest cells of the most frequent locations, some of them a figure."""
    classes = frequent(judged)
    surest = {k: np.argsort(-judged.predicted["cell"][:, k], kind="stable")[:SHOWN] for k in classes}
    everyone = np.unique(np.concatenate(list(surest.values())))
    crops = {cell: _small(crop) for cell, crop in cell_pictures.crops_of(judged, everyone).items()}
    parts = max(1, -(-len(classes) // ROWS))
    for number, some in enumerate(np.array_split(classes, parts), 1):
        yield _figure(judged, {k: surest[k] for k in some.tolist()}, crops, number, parts)


def frequent(judged: Judged) -> list[int]:
    """Return the locations that most fields are labelled with; without labels, those called in most cells."""
    count = (judged.truth["label"] > 0).sum(axis=0)
    if not count.any():
        count = judged.predicted["cell"].sum(axis=0)
    return [k for k in np.argsort(-count, kind="stable")[:MOST].tolist() if count[k] > 0] or [0]


def is_true(judged: Judged, cell: int, k: int) -> bool | None:
    """Return whether a cell truly shows a location, None where nobody knows."""
    label = judged.truth["cell_label"][cell, k] if "cell_label" in judged.truth else -1
    return None if label < 0 else bool(label)


def _small(crop: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a crop as grey bytes of the size that is shown."""
    from PIL import Image

    grey = Image.fromarray((cell_pictures.grey(crop) * 255).astype(np.uint8))
    return np.asarray(grey.resize((PIXELS, PIXELS), Image.Resampling.BOX if max(crop.shape) > PIXELS else None))


def _figure(
    judged: Judged,
    surest: dict[int, NDArray[np.int64]],
    crops: dict[int, NDArray[np.uint8]],
    number: int,
    parts: int,
) -> Figure:
    said = judged.predicted["cell"]
    rows = [
        [judged.classes[k], place, judged.cells["field"][cell], int(judged.cells["cell"][cell]), float(said[cell, k]),
         FRAMES[is_true(judged, cell, k)][2]]
        for k, cells in surest.items()
        for place, cell in enumerate(cells.tolist(), 1)
    ]  # fmt: skip
    more = f" ({number} of {parts})" if parts > 1 else ""
    return Figure(
        f"gallery-{number}",
        f"Surest cells of each location{more}",
        alt=_alt(judged, surest),
        drawing=_drawing(judged, surest, crops),
        numbers=Table(["location", "rank", "field", "cell", "probability", "shows_it"], rows),
        caption=CAPTION.format(shown=len(next(iter(surest.values())))),
    )


def _alt(judged: Judged, surest: dict[int, NDArray[np.int64]]) -> str:
    told = []
    for k, cells in surest.items():
        known = [one for one in (is_true(judged, cell, k) for cell in cells.tolist()) if one is not None]
        told.append(f"{judged.classes[k]} {sum(known)} of {len(known)}" if known else f"{judged.classes[k]} not known")
    return f"Small pictures of cells. How many of the surest truly show the location: {'; '.join(told)}."


def _drawing(judged: Judged, surest: dict[int, NDArray[np.int64]], crops: dict[int, NDArray[np.uint8]]) -> Any:
    across, pitch = max(map(len, surest.values())), PIXELS + GAP
    sheet = np.zeros((len(surest) * pitch, across * pitch), np.uint8)
    figure = style.figure(INCHES * across + 1.75, INCHES * len(surest) + 0.35)
    axes = figure.subplots()
    for line, (k, cells) in enumerate(surest.items()):
        known = [is_true(judged, cell, k) for cell in cells.tolist()]
        for column, cell in enumerate(cells.tolist()):
            y, x = line * pitch + GAP // 2, column * pitch + GAP // 2
            sheet[y : y + PIXELS, x : x + PIXELS] = crops[cell]
            _frame(axes, x, y, known[column])
        if any(one is not None for one in known):
            told = f"{sum(map(bool, known))}/{sum(one is not None for one in known)}"
            axes.text(across * pitch + GAP, (line + 0.5) * pitch, told, fontsize=7, va="center")
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="none")
    names = [style.short(judged.classes[k], 24) for k in surest]
    axes.set_yticks([(line + 0.5) * pitch for line in range(len(surest))], names, fontsize=7)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _legend(figure, [is_true(judged, cell, k) for k, cells in surest.items() for cell in cells.tolist()])
    return figure


def _frame(axes: Any, x: float, y: float, known: bool | None) -> None:
    from matplotlib.patches import Rectangle

    colour, dash, _ = FRAMES[known]
    edge = 0.5  # pixels are drawn around whole numbers
    axes.add_patch(
        Rectangle((x - edge, y - edge), PIXELS, PIXELS, fill=False, edgecolor=colour, linewidth=1.6, linestyle=dash)
    )


def _legend(figure: Any, there: Sequence[bool | None]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linestyle=dash, linewidth=2, label=word)
        for known, (colour, dash, word) in FRAMES.items()
        if known in there
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8)
