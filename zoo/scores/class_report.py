"""What a page shows of a classifier: who is taken for whom, curves, calibration, classes, groups, fields, items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.scores import class_fields, confusion
from zoo.scores import class_pictures as pictures
from zoo.scores import class_tables as tables
from zoo.scores.class_curves import KINDS, Shown, shown, shown_table
from zoo.scores.class_order import present, side_by_side
from zoo.scores.classification import calibration_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.scores.class_tables import Judged

    Indices = NDArray[np.int64]
    Explain = Callable[[Indices, Indices], NDArray[Any] | None]

NAMED = 40
"""Classes up to which a confusion matrix has names on its sides and every class a point of its own."""
WIDE = 9.6
"""Inches of the column of a page."""
CELLS, PAIRS, ITEMS = 5_000, 2_000, 20_000
"""Rows of a listing at most: cells of a large matrix, pairs of classes, items."""
RANKED = 1_000
"""Items up to which the ROC-AUC of a class has an interval on a page; drawing anew takes seconds for more."""
SURE = 0.9
"""Probability from which on a reader would rely on what is said."""
TITLES = {
    "roc": ("ROC curves", "Up and to the left is better; the dotted line is chance."),
    "precision_recall": (
        "Precision and recall",
        "Up and to the right is better; chance lies at the share of a class among the items.",
    ),
}


def sections(
    judged: Judged, items: Indices, *, dataset: Any, explain: Explain | None, shown_each: int, unit: str
) -> Iterator[Section]:
    """Give what a page shows of judged items, one section after the other, but for the listing of all of them.

    Parameters
    ----------
    judged, items
        What was said, and the number of each of these items in the dataset [n], n at least 1.
    dataset
        Gives ``image`` and ``id`` of items; without images nothing of pixels is shown.
    explain
        Where the model looked, as of :class:`zoo.figures.parts.Look`; None leaves that out.
    shown_each
        Items whose class was held most and least probable, so many of each.
    unit
        What a group is.
    """
    images = class_fields.has_images(dataset)
    yield confusions(judged)
    yield from _some(class_fields.examples(judged, items, dataset) if images else None)
    yield from _some(ranking(judged))
    yield calibration(judged)
    yield by_class(judged)
    yield by_group(judged, unit)
    if images and explain:
        yield from _some(class_fields.where_it_looked(judged, items, dataset, explain, shown_each))


def _some(section: Section | None) -> list[Section]:
    return [section] if section else []


def confusions(judged: Judged) -> Section:
    """Return the confusion matrix and the pairs of classes that were confused."""
    among = present(judged.confused)
    right = int((judged.said == judged.label).sum())
    words = f"Of {_items(len(judged.label))} with a label, {right} ({right / len(judged.label):.0%}) are called right."
    pairs = confusion.mistaken(judged.confused)
    parts: list[Figure | Listing] = [_matrix(judged, among, pairs)]
    if pairs:
        table = _plain(tables.confused_table(judged))
        told = f"The {PAIRS} pairs of most items, of {len(pairs)}." if len(pairs) > PAIRS else ""
        listed = Table(table.columns, table.rows[:PAIRS])
        parts.append(Listing("confused-pairs", "Most confused pairs", listed, caption=told, sort="-items"))
    return Section("confusion", "Who is taken for whom", parts, words)


def _matrix(judged: Judged, among: list[int], pairs: Sequence[confusion.Mistaken]) -> Figure:
    small, missing = len(among) <= NAMED, len(judged.classes) - len(among)
    order = among if small else side_by_side(judged.confused, among)
    diagonal = float((judged.said == judged.label).mean())
    alt = f"Confusion matrix of {len(among)} classes; {diagonal:.0%} of the items lie on its diagonal."
    if pairs:
        top = pairs[0]
        names = f"{judged.classes[top.true]} is called {judged.classes[top.said]}"
        alt += f" Most often {names}: {_items(top.items)}, {top.share:.0%} of that class."
    caption = "A row is a true class, a column what its items were called; right calls lie on the diagonal."
    if not small:
        caption += " Classes confused with each other stand side by side; the table below has the names of pairs."
    if missing:
        caption += f" Left out: {missing} classes that no item here has or was called."
    return Figure(
        "confusion-matrix",
        "Confusion matrix",
        alt,
        pictures.confusion_picture(judged, among=order, widest=WIDE, labelled=NAMED),
        _cells(judged, order, wide=small),
        caption,
        card=small,
    )


def _cells(judged: Judged, order: list[int], *, wide: bool) -> Table:
    """Return a confusion matrix as it is drawn: a column a class, or the cells of most items with their places."""
    counted = judged.confused[np.ix_(order, order)]
    names = [judged.classes[k] for k in order]
    if wide:
        return Table(["true", *names], [[name, *row] for name, row in zip(names, counted.tolist(), strict=True)])
    share, (rows, columns) = confusion.shares(judged.confused)[np.ix_(order, order)], np.nonzero(counted)
    first = np.argsort(-counted[rows, columns], kind="stable")[:CELLS]
    cells = [
        [names[r], names[c], counted[r, c], share[r, c], r + 1, c + 1]
        for r, c in zip(rows[first].tolist(), columns[first].tolist(), strict=True)
    ]
    return Table(["true", "predicted", "items", "share of true", "row", "column"], cells)


def ranking(judged: Judged) -> Section | None:
    """Return ROC and precision-recall curves beside each other; None where there are none."""
    chosen = {kind: shown(judged, kind) for kind in KINDS}
    parts = [_curves(judged, kind, found) for kind, found in chosen.items() if found.count]
    words = ""
    if len(set(judged.label.tolist())) == 1:
        words = "All items are of one class, so that there is nothing to tell it from: no ROC curve can be drawn."
    return Section("ranking", "Ranking", parts, words, gallery=True) if parts else None


def _curves(judged: Judged, kind: str, found: Shown) -> Figure:
    (title, caption), called = TITLES[kind], KINDS[kind][3]
    best, worst = found.named[0][0], found.named[-1][0]
    alt = f"{title} of {found.count} classes, each against all others: {called} {found.area:.2f} on average"
    if found.count > 1:
        extremes = [f"{judged.classes[k]} ({found.areas[k]:.2f})" for k in (best, worst)]
        alt += f", from {extremes[1]} to {extremes[0]}"
    if found.spread:
        caption += " Of many classes: their mean, the band of nine tenths of them, and the best and worst three."
    drawing = pictures.curves_picture(judged, kind, found=found, wide=False)
    key = kind.replace("_", "-")
    return Figure(key, title, f"{alt}.", drawing, shown_table(judged, kind, found), caption, card=kind == "roc")


def calibration(judged: Judged) -> Section:
    """Return how far probabilities can be believed."""
    error = float(calibration_error(judged.label, judged.probability))
    highest = judged.probability.max(axis=1)
    right, sure = judged.said == judged.label, highest >= SURE
    gap = float(highest.mean() - right.mean())
    words = f"On average it is {highest.mean():.0%} sure of what it says, and {right.mean():.0%} of it is right."
    counted = _items(int(sure.sum())) if sure.any() else "no item"
    words += f" It is at least {SURE:.0%} sure of {counted}"
    words += f"; {right[sure].mean():.0%} of that is right." if sure.any() else "."
    alt = f"Share that is right against stated probability; expected calibration error {error:.3f}. "
    alt += f"Stated probabilities are on average {abs(gap):.2f} too {'high' if gap > 0 else 'low'}."
    figure = Figure(
        "calibration",
        "Calibration",
        alt,
        pictures.calibration_picture(judged),
        _plain(tables.calibration_table(judged)),
        "Items by how probable their predicted class was held. Points under the dotted line: surer than right.",
        card=len(present(judged.confused)) > NAMED or len(set(judged.label.tolist())) == 1,
    )
    return Section("calibration", "Can its probabilities be believed", [figure], words)


def by_class(judged: Judged) -> Section:
    """Return scores of each class with intervals, and a picture of how many of its items were found."""
    intervals = tables.WITH_INTERVAL if len(judged.label) <= RANKED else ("recall", "f1")
    table = tables.classes_table(judged, intervals)
    words = "Intervals (95 %) come from drawing groups anew; a class whose items are all of one group has none."
    if len(set(judged.groups)) == 1:
        words = "All items are of one group, so that there are no intervals: one group says nothing about the next."
    parts: list[Figure | Listing] = [_recalls(table)]
    parts.append(Listing("classes", "Scores by class", _plain(table), sort="recall"))
    return Section("classes", "By class", parts, words)


def _recalls(table: Table) -> Figure:
    column = {name: n for n, name in enumerate(table.columns)}
    numbers = [
        [row[column[n]] for n in ("class", "items", "recall", "recall_low", "recall_high")] for row in table.rows
    ]
    known = sorted((row for row in numbers if row[1]), key=lambda row: -row[2])
    drawn = known[-NAMED:]
    recall, low, high = (np.array([row[n] for row in drawn], dtype=np.float64) for n in (2, 3, 4))
    alt = f"Recall of {len(drawn)} classes, {recall.mean():.2f} on average: highest {drawn[0][0]} ({recall[0]:.2f}), "
    alt += f"lowest {drawn[-1][0]} ({recall[-1]:.2f})."
    many = len(known) > NAMED
    return Figure(
        "recall-by-class",
        f"The {NAMED} classes of lowest recall" if many else "Recall by class",
        alt,
        pictures.recall_picture([row[0] for row in drawn], recall, low, high, [row[1] for row in drawn]),
        Table(["class", "items", "recall", "low", "high"], drawn),
        "The share of a class's items that were called so, the number of its items in brackets.",
    )


def by_group(judged: Judged, unit: str) -> Section:
    """Return a row a group: how many of its items are right."""
    table = _plain(tables.groups_table(judged))
    columns = [_column(unit, table.columns), *table.columns[1:]]
    count = len(table.rows)
    right = [float(row[3]) for row in table.rows]
    words = f"{count} {unit if count == 1 else f'groups ({unit})'}; the share that is right lies between "
    words += f"{min(right):.0%} and {max(right):.0%}."
    listing = Listing("groups", f"Scores by {unit}", Table(columns, table.rows), sort="accuracy")
    return Section("groups", f"By {unit}", [listing], words)


def every_item(rows: Table, unit: str, left_out: str = "") -> Section:
    """Return the section of all items, those first whose own class was held least probable.

    ``rows`` have the columns ``id``, ``group``, ``true``, ``predicted``, ``probability_of_true`` and
    ``probability_of_predicted``; ``left_out`` says which of them are nowhere else on the page, and why.
    """
    own, listed, words = rows.columns.index("probability_of_true"), list(rows.rows), left_out
    if len(listed) > ITEMS:
        listed = sorted(listed, key=lambda row: (row[own] is None, row[own]))[:ITEMS]
        words += f" The {ITEMS:,} of {len(rows.rows):,} items whose own class was held least probable."
    columns = [_column(unit, rows.columns) if name == "group" else name for name in rows.columns]
    table = _plain(Table(columns, listed))
    caption = "Sorted by how probable the true class was held, so that the greatest surprises come first."
    listing = Listing("items", "All items", table, caption=caption, sort="probability of true")
    return Section("items", "All items", [listing], words.strip())


def unit_of(dataset: Any, items: Indices, groups: Sequence[str]) -> str:
    """Return what the groups of these items are called in a dataset: ``well``, ``donor``; or ``group``."""
    for unit, names in getattr(dataset, "groups", {}).items():
        everyone = np.asarray(names, dtype=str)
        if len(everyone) > max(items, default=0) and everyone[items].tolist() == list(groups):
            return str(unit)
    return "group"


def _column(unit: str, columns: Sequence[str]) -> str:
    return "group" if unit in columns else unit


def _plain(table: Table) -> Table:
    names = {"auc": "ROC-AUC", "ap": "average precision", "f1": "F1", "called": "items called so"}
    columns = [name.replace("auc_", "ROC-AUC ").replace("f1_", "F1 ").replace("_", " ") for name in table.columns]
    return Table([names.get(name, name) for name in columns], table.rows)


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"
