"""What a page is made of: sections with figures, listings and text. A task gives them, the page lays them out.

A task hands out what it wants to be seen of an evaluation by its method ``report`` (:class:`zoo.contracts.Task`):

>>> from matplotlib.figure import Figure as Drawing
>>> from zoo.figures.files import Table
>>> drawing = Drawing()
>>> _ = drawing.subplots().plot([0, 1], [0, 1])
>>> roc = Figure("roc", "ROC", alt="A straight line.", drawing=drawing, numbers=Table(["x", "y"], [[0, 0], [1, 1]]))
>>> Section("ranking", "Who is ranked first", [roc]).parts[0].key
'roc'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.figures.files import Table

    Arrays = dict[str, NDArray[Any]]
    Indices = NDArray[np.int64]

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
"""How a key is written, which becomes the name of a file and of a place on the page."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing of matplotlib with the numbers behind it.

    Attributes
    ----------
    key
        Its name among the parts of a report; see :data:`KEY`.
    title
        What it shows, a few words.
    alt
        What one sees in it, for those who do not see it: a sentence or two, with numbers.
    drawing
        The figure, made without the global state of matplotlib; see :mod:`zoo.figures.style`.
    numbers
        What was drawn, offered as CSV.
    caption
        How to read it; plain text.
    card
        Whether it may stand on a model card. The first three of a run do.
    """

    key: str
    title: str
    alt: str
    drawing: Any
    numbers: Table | None = None
    caption: str = ""
    card: bool = False

    def __post_init__(self) -> None:
        """Refuse a key that is none, and a figure without words."""
        _check(self.key, self.title)
        if not self.alt:
            raise ValueError(f"figure '{self.key}' has no alt text; say in a sentence what one sees in it")


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that its reader can sort and search.

    Attributes
    ----------
    key, title, caption
        As of a :class:`Figure`.
    table
        Columns and rows; numbers stay numbers, None and NaN are empty.
    sort
        The column it is sorted by at first, with a ``-`` before it from high to low; as it comes where not given.
    """

    key: str
    title: str
    table: Table
    caption: str = ""
    sort: str = ""

    def __post_init__(self) -> None:
        """Refuse a key that is none, and an order by a column that is not there."""
        _check(self.key, self.title)
        if self.sort and self.sort.removeprefix("-") not in self.table.columns:
            raise ValueError(f"listing '{self.key}' has no column '{self.sort}'; it has {list(self.table.columns)}")


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied, as it stands: a command, a recipe."""

    key: str
    title: str
    text: str

    def __post_init__(self) -> None:
        """Refuse a key that is none."""
        _check(self.key, self.title)


@dataclass(frozen=True, slots=True)
class Section:
    """Parts under one heading.

    Attributes
    ----------
    key, title
        As of a :class:`Figure`.
    parts
        In their order.
    words
        A paragraph before them; plain text.
    gallery
        Whether figures stand beside each other, as many as fit, because each is small.
    """

    key: str
    title: str
    parts: Sequence[Figure | Listing | Code]
    words: str = ""
    gallery: bool = False

    def __post_init__(self) -> None:
        """Refuse a key that is none."""
        _check(self.key, self.title)


@dataclass(frozen=True, slots=True)
class Look:
    """What a report may ask of the model that was scored.

    Attributes
    ----------
    explain
        ``explain(items, classes)`` gives where it looked in each item for that class [n, H, W] in [0, 1], None where it
        cannot say.
    outputs
        ``outputs(items)`` gives the outputs of its head; of an ensemble, those of its first member.
    train
        The items that it has learnt from.
    bank
        What prediction looks up, and what was calibrated.
    steps
        What each stage told of itself; empty where the recipe has none.
    """

    explain: Callable[[Indices, Indices], NDArray[Any] | None]
    outputs: Callable[[Indices], Arrays]
    train: Indices
    bank: Arrays = field(default_factory=dict)
    steps: Sequence[Any] = ()


def _check(key: str, title: str) -> None:
    if not KEY.fullmatch(key):
        raise ValueError(f"'{key}' is no key; write small letters, digits and hyphens, 80 at most")
    if not title:
        raise ValueError(f"'{key}' has no title; say in a few words what it shows")
