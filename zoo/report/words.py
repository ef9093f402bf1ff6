"""How numbers and names stand on a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

NAMED = 8
"""Names that a sentence lists before it counts the rest."""
LONGEST = 120


def counted(number: int, unit: str) -> str:
    """Return a number with its unit.

    >>> counted(1, "donor"), counted(12, "antibody"), counted(2, "plate")
    ('1 donor', '12 antibodies', '2 plates')
    """
    return f"{number:,} {unit if number == 1 else plural(unit)}"


def plural(unit: str) -> str:
    """Return the plural of a unit.

    >>> plural("batch"), plural("epoch"), plural("assay"), plural("series")
    ('batches', 'epochs', 'assays', 'series')
    """
    if unit.endswith("s"):
        return unit
    if unit.endswith("y") and unit[-2:-1] not in set("aeiou"):
        return f"{unit[:-1]}ies"
    return f"{unit}es" if unit.endswith(("tch", "sh", "x")) else f"{unit}s"


def listed(names: Iterable[object], most: int = NAMED) -> str:
    """Return names in a row, the first few where there are many.

    >>> listed(["D1", "D2", "D3"], 2)
    'D1, D2 and 1 more'
    """
    told = [cut(name, 40) for name in names]
    more = f" and {len(told) - most:,} more" if len(told) > most else ""
    return ", ".join(told[:most]) + more


def cut(value: object, longest: int = LONGEST) -> str:
    """Return a value on one line of bounded length."""
    text = " ".join(str(value).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def rounded(value: float | None) -> str:
    """Return a score with three decimals, 'no value' where there is none.

    >>> rounded(0.12345), rounded(None)
    ('0.123', 'no value')
    """
    return "no value" if value is None or not math.isfinite(value) else f"{value:.3f}"


def between(interval: Sequence[float] | None) -> str:
    """Return the bounds of an interval, empty where there is none.

    >>> between((0.1, 0.25))
    '0.100 to 0.250'
    """
    return f"{interval[0]:.3f} to {interval[1]:.3f}" if known(interval) and interval else ""


def known(interval: Sequence[float] | None) -> bool:
    """Return whether there is an interval whose bounds are numbers."""
    return interval is not None and all(math.isfinite(bound) for bound in interval)


def number(value: Any) -> float | None:
    """Return a finite number, None for anything else."""
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if fits and math.isfinite(value) else None


def sentence(text: str) -> str:
    """Return a note as a sentence.

    >>> sentence("1 test group: no interval can be given")
    '1 test group: no interval can be given.'
    """
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def seconds(value: float) -> str:
    """Return a duration.

    >>> seconds(42.4), seconds(8000), seconds(0.25)
    ('42 s', '2 h 13 min', '0.2 s')
    """
    if value < 10:  # noqa: PLR2004 - below, a tenth can be told
        return f"{value:.1f} s"
    if value < 120:  # noqa: PLR2004 - two minutes
        return f"{value:.0f} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 - two hours


def size(octets: int) -> str:
    """Return a number of bytes.

    >>> size(1234), size(5_200_000)
    ('1.2 kB', '5.2 MB')
    """
    return f"{octets / 1e3:.1f} kB" if octets < 1e6 else f"{octets / 1e6:.1f} MB"  # noqa: PLR2004 - a MB
