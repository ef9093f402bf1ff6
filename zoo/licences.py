"""Licences by the identifiers of the Hub's list: what they allow, and what follows where several meet in one model.

The table is a summary of well-known terms, so that nobody overlooks that a part forbids what the model's own licence
seems to allow. It is no legal advice; whether trained weights derive from their training data at all is not settled in
law, and the sentences here take the careful side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.errors import MissingError
from zoo.registry import OWN_DISTRIBUTION

NONE = "none"
"""What a part says whose makers state no licence."""

OWN_PART = "this model"
"""The part whose licence is held against what the others ask for."""

_BY_TERMS = {
    # copyleft of single files (mpl, epl, lgpl) does not reach a model that such code has trained
    "free": """
        apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc zlib postgresql ncsa bsl-1.0 afl-3.0 ecl-2.0
        artistic-2.0 ms-pl ofl-1.1 lppl-1.3c unlicense wtfpl cc0-1.0 pddl odc-by etalab-2.0 c-uda cc-by-2.0 cc-by-2.5
        cc-by-3.0 cc-by-4.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 mpl-2.0 epl-1.0 epl-2.0 lgpl
        lgpl-2.1 lgpl-3.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 gpl gpl-2.0 gpl-3.0 agpl-3.0 eupl-1.1 osl-3.0 odbl
        gfdl""",
    "free for most uses": """
        openrail openrail++ bigscience-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m creativeml-openrail-m""",
    "not commercial": """
        cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
        cc-by-nc-sa-4.0""",
    # families, and terms that only reading them tells
    "to be read": "cc lgpl-lr deepfloyd-if-license llama2 gemma unknown other",
}
_TERMS = {licence: terms for terms, listed in _BY_TERMS.items() for licence in listed.split()}

# licence -> the others under which it lets what is made of it be passed on
_ALIKE: dict[str, tuple[str, ...]] = {
    "cc-by-sa-3.0": ("cc-by-sa-4.0",),
    "cc-by-sa-4.0": ("gpl-3.0",),
    "cc-by-nc-sa-2.0": ("cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    "cc-by-nc-sa-3.0": ("cc-by-nc-sa-4.0",),
    "cc-by-nc-sa-4.0": (),
    "gpl": ("gpl-2.0", "gpl-3.0", "agpl-3.0"),
    "gpl-2.0": (),
    "gpl-3.0": ("agpl-3.0",),
    "agpl-3.0": (),
    "eupl-1.1": ("gpl-2.0", "osl-3.0", "epl-1.0"),
    "osl-3.0": (),
    "odbl": (),
    "gfdl": (),
}
_UNCHANGED = frozenset({"cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"})

_CLASSIFIERS = {
    "MIT License": "mit",
    "Apache Software License": "apache-2.0",
    "BSD License": "bsd",
    "ISC License (ISCL)": "isc",
    "zlib/libpng License": "zlib",
    "Boost Software License 1.0 (BSL-1.0)": "bsl-1.0",
    "The Unlicense (Unlicense)": "unlicense",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "cc0-1.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "mpl-2.0",
    "GNU General Public License v2 (GPLv2)": "gpl-2.0",
    "GNU General Public License v2 or later (GPLv2+)": "gpl-2.0",
    "GNU General Public License v3 (GPLv3)": "gpl-3.0",
    "GNU General Public License v3 or later (GPLv3+)": "gpl-3.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "lgpl-3.0",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "lgpl-3.0",
    "GNU Affero General Public License v3": "agpl-3.0",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "agpl-3.0",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all parts of a model together allow commercial use, None where that is unclear; and a sentence why."""

    commercial: bool | None
    sentence: str


def known(licence: str) -> bool:
    """Return whether a licence is on the Hub's list.

    >>> known("cc-by-nc-4.0"), known("none"), known("Apache-2.0")
    (True, False, False)
    """
    return licence in _TERMS


def identifiers() -> list[str]:
    """Return the licences of the Hub's list."""
    return sorted(_TERMS)


def allows(licence: str) -> bool | None:
    """Return whether a licence allows commercial use, None where it alone does not tell.

    >>> allows("mit"), allows("cc-by-nc-4.0"), allows("other")
    (True, False, None)
    """
    terms = _TERMS.get(licence, "to be read")
    return None if terms == "to be read" else terms != "not commercial"


def verdict(
    parts: Mapping[str, str],
    *,
    commercial: Mapping[str, bool] | None = None,
    gated: Sequence[str] = (),
    unknown: Sequence[str] = (),
) -> Verdict:
    """Join the licences of the parts of a model.

    Parameters
    ----------
    parts
        What it is (``data (NAME)``) -> its licence; :data:`OWN_PART` is the model itself.
    commercial
        Whether commercial use of a part is allowed, where its maker says so and its licence does not tell.
    gated
        Those that nobody can fetch without an agreement.
    unknown
        Further reasons why something is unclear.
    """
    said = {part: flag for part, flag in (commercial or {}).items() if allows(parts[part]) is None}
    barred = [part for part, licence in parts.items() if said.get(part, allows(licence)) is False]
    open_ = [part for part, licence in parts.items() if said.get(part, allows(licence)) is None]
    unclear = [*(_why_unclear(part, parts[part]) for part in open_), *unknown]
    if barred:
        opening = "Commercial use is not allowed, because of " + _under(barred, parts)
    elif unclear or not parts:
        opening = "Whether commercial use is allowed is unclear"
    else:
        opening = "Commercial use is allowed by every part"
    together = False if barred else None if unclear or not parts else True
    agreements = [f"it needs an agreement: {', '.join(gated)}"] if gated else []
    clauses = [opening, *unclear, *_demands(parts), *_limits(parts), *agreements]
    return Verdict(together, "; ".join(clauses) + ".")


def text_of(licence: str) -> str | None:
    """Return the full text of a licence where zoo has it: its own; None for all others."""
    if licence != "apache-2.0":
        return None
    try:
        text = metadata.distribution(OWN_DISTRIBUTION).read_text("licenses/LICENSE")
    except metadata.PackageNotFoundError:
        text = None
    beside = Path(__file__).parent.parent / "LICENSE"
    text = text or (beside.read_text(encoding="utf-8") if beside.is_file() else None)
    # where packages are installed, a LICENSE beside them may be anyone's
    return text if text and "Apache License" in text else None


def stated_by(name: str) -> str:
    """Return the licence of an installed distribution in its own words, on one line; empty where it states none.

    Raises
    ------
    MissingError
        It is not installed.
    """
    found = _metadata(name)
    texts = [str(found[key]).strip() for key in ("License-Expression", "License") if key in found]
    texts += [text.rpartition(" :: ")[2] for text in found.get_all("Classifier") or () if _is_licence(text)]
    return next((text.splitlines()[0].strip() for text in texts if text), "")


def of_distribution(name: str) -> str:
    """Return the licence that an installed distribution states, in lower case, or ``none``.

    An expression of several licences is returned as it is written, and then is none that :func:`known` knows.

    Raises
    ------
    MissingError
        It is not installed.
    """
    found = _metadata(name)
    if "License-Expression" in found:
        return _of_spdx(found["License-Expression"])
    classifiers = {text.rpartition(" :: ")[2] for text in found.get_all("Classifier") or () if _is_licence(text)}
    mapped = sorted({_CLASSIFIERS[text] for text in classifiers & _CLASSIFIERS.keys()})
    old = _of_spdx(found["License"]) if "License" in found else ""  # free text; taken where it is an identifier
    return ", ".join(mapped) or (old if known(old) else NONE)


def _metadata(name: str) -> Any:
    try:
        return metadata.metadata(name)
    except metadata.PackageNotFoundError as error:
        way = f"install it with: pip install {name}"
        raise MissingError(f"{name}: is not installed, so its licence cannot be read; {way}") from error


def _of_spdx(expression: str) -> str:
    """Return an SPDX identifier as the Hub writes it, which has no ``-only`` and ``-or-later``."""
    lowered = expression.strip().lower()
    return re.sub(r"(-only|-or-later|(?<=\d)\+)$", "", lowered) if re.fullmatch(r"[a-z0-9.+-]+", lowered) else lowered


def _is_licence(classifier: str) -> bool:
    return classifier.startswith("License :: ")


def _why_unclear(part: str, licence: str) -> str:
    if licence in {NONE, ""}:
        return f"no licence is stated for {part}"
    if known(licence):
        return f"the terms of {part} ('{licence}') have to be read"
    return f"{licence[:80]!r} of {part} is no licence of the Hub's list"


def _under(names: Iterable[str], parts: Mapping[str, str]) -> str:
    return " and ".join(f"{name} under {parts[name]}" for name in names)


def _demands(parts: Mapping[str, str]) -> list[str]:
    """Return what parts ask of whatever is made of them and the model's own licence does not keep."""
    own = parts.get(OWN_PART, "")
    found = []
    for part, licence in parts.items():
        if part == OWN_PART:
            continue
        if licence in _UNCHANGED:
            found.append(f"{part} under {licence} may not be passed on in changed form")
        if licence in _ALIKE and own not in {licence, *_ALIKE[licence]}:
            kept = own if known(own) else "no known licence"
            found.append(f"{part} under {licence} asks for the same licence, and {OWN_PART} is under {kept}")
    return found


def _limits(parts: Mapping[str, str]) -> list[str]:
    limited = [part for part, licence in parts.items() if _TERMS.get(licence) == "free for most uses"]
    return [f"some uses are forbidden by {_under(limited, parts)}"] if limited else []
