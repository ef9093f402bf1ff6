"""What stands on a page: a verdict, and chapters of sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.report.material import Kept, KeptSection

WORDS = {"yes": "Better than its floors", "no": "Not better than its floors", "unknown": "Undecided"}
"""What stands over a verdict."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Sections that belong together: of the run, of all test groups, of one member.

    ``open`` says whether they are unfolded at first; ``words`` stand before them; ``folder`` is where their files lie
    within the run folder, named where something of them does not fit on the page.
    """

    key: str
    title: str
    sections: Sequence[KeptSection]
    words: str = ""
    open: bool = True
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader has to know first.

    ``clears`` says whether the model beats its best floor: ``yes``, ``no``, or ``unknown`` where nobody can say (no
    interval, or one that holds zero); empty where that is not asked. ``lines`` are the three lines; ``warnings`` a
    sentence each; ``picture`` the score beside its floors; ``word`` stands over it in place of one of :data:`WORDS`,
    ``title`` over all.
    """

    clears: str
    lines: Sequence[str]
    warnings: Sequence[str] = ()
    picture: Kept | None = None
    word: str = ""
    title: str = "Verdict"


@dataclass(frozen=True, slots=True)
class Page:
    """All of a page; ``kicker`` is a few words over the title, ``footer`` what made it.

    ``about`` are facts that stand under the title, name -> a few words.
    """

    title: str
    kicker: str
    verdict: Verdict
    chapters: Sequence[Chapter]
    footer: str = ""
    about: dict[str, Any] = field(default_factory=dict)
