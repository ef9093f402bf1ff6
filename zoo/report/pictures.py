"""The pictures of a run that stand where no page can: on its model card, and among its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import bounded
from zoo.errors import IntegrityError
from zoo.figures.parts import KEY
from zoo.report import material
from zoo.report.drawing import TOGETHER


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as PNG, with its words; ``of`` is a member of the run, or of all of them :data:`TOGETHER`."""

    key: str
    title: str
    alt: str
    caption: str
    of: str
    content: bytes


def of_card(report: Path, member: str) -> list[Picture]:
    """Return what may stand on the card of a member, the most telling first; nothing where nothing was drawn.

    Figures of all test groups come before those of the member, and one of a key stands for the others. At most
    :data:`zoo.report.material.CARD_FIGURES` are returned, each of at most :data:`zoo.report.material.CARD_BYTES`.

    Parameters
    ----------
    report
        :attr:`zoo.run.Run.report_folder`.
    member
        Whose package it is.

    Raises
    ------
    IntegrityError
        What was drawn is damaged.
    """
    found: dict[str, Picture] = {}
    for picture in (*of_folder(report / TOGETHER), *of_folder(report / member)):
        if len(picture.content) <= material.CARD_BYTES:
            found.setdefault(picture.key, picture)
    return list(found.values())[: material.CARD_FIGURES]


def of_folder(folder: Path) -> Iterator[Picture]:
    """Give the figures of one call of a task's ``report`` that may stand on a card; raises as :func:`of_card`."""
    path = folder / material.INDEX
    if not path.is_file():
        return
    told = bounded.read_json(path)
    if not isinstance(told, dict) or told.get("format") != material.FORMAT:
        return  # of another zoo, whose figures are drawn anew with --draw
    for part in _parts(told):
        key = str(part.get("key"))
        if part.get("png") != f"{key}.png" or not KEY.fullmatch(key):
            continue
        title, alt, caption = (str(part.get(name) or "") for name in ("title", "alt", "caption"))
        content = bounded.read_bytes(folder / f"{key}.png", material.MOST)
        yield Picture(key, title, alt, caption, folder.name, content)


def _parts(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the parts of an index, in their order.

    Raises
    ------
    IntegrityError
        It is not as zoo writes it.
    """
    try:
        yield from (dict(part) for section in told["sections"] for part in section["parts"])
    except (LookupError, TypeError, ValueError) as error:
        what = f"is not as zoo writes it ({type(error).__name__}: {error})"
        raise IntegrityError(f"{material.INDEX}: {what}; draw the figures anew with --draw") from error
