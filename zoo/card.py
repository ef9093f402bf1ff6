"""The model card: facts of a package to its README.md, and what in a README.md does not follow from the facts.

A number in a card is either computed from ``metrics.json`` and ``config.json`` or stands in the author's prose; the
same facts give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from zoo import card_sections as sections
from zoo.card_data import front_matter, index_disagreements, split_off
from zoo.card_facts import KINDS, Facts, Material, Shown, holes, material
from zoo.card_sections import EXAMPLE_FILES, PREDICTED
from zoo.config import Config

__all__ = ["EXAMPLE_FILES", "PREDICTED", "Facts", "Shown", "disagreements", "holes", "render"]

_ENDINGS = {
    "simulated": ": trained on simulated data, not on measured ones",
    "semi-synthetic": ": trained on semi-synthetic data, part of them made up and not measured",
}
_MADE_OF = {
    "simulated": " SIMULATED data, not measured ones.",
    "semi-synthetic": " Semi-synthetic data, part of them made up and not measured.",
}
_WITH_DEFAULT = {"intended use", "limits", "figures"}
_IMAGE = re.compile(r"!\[[^\]]*\]\((images/[^)\s]*)\)")


def render(facts: Facts) -> str:
    """Return the text of README.md.

    Raises
    ------
    IntegrityError
        The config or the metrics are not as zoo writes them.
    """
    found = material(facts.config, facts.metrics)
    opening, own = sections.of_prose(facts.prose)
    said = {title.lower(): text for title, text in own if text}
    body = {
        "What it is": sections.what_it_is(facts),
        "How to use it": sections.how_to_use_it(facts, found),
        "Scores": sections.scores(facts.config, found),
        "Figures": "\n\n".join(filter(None, (said.get("figures", ""), _figures(facts, found)))),
        "Data and splits": sections.data_and_splits(facts, found),
        "Input and output": sections.input_and_output(facts.config),
        "Intended use": said.get("intended use") or sections.intended_use(facts.config, found),
        "Limits": said.get("limits") or sections.limits(facts, found),
    }
    end = {
        "Licences": sections.licences_of(facts, found),
        "References": sections.references(facts, found),
        "How it was made": sections.how_it_was_made(facts),
        "Proof": sections.proof(facts),
    }
    others = [(title, text) for title, text in own if title.lower() not in _WITH_DEFAULT]
    written = [f"## {title}\n\n{text}" for title, text in [*body.items(), *others, *end.items()] if text]
    title = f"# {sections.plain(facts.name)}{_ENDINGS.get(found.kind, '')}"
    return front_matter(facts, found) + "\n" + "\n\n".join([title, *([opening] if opening else []), *written]) + "\n"


def _figures(facts: Facts, found: Material) -> str:
    """Return the figures with their words; of which data they are is said under each."""
    told = []
    for figure in facts.figures:
        alt = sections.plain(figure.alt).replace("[", "&#91;").replace("]", "&#93;")
        of = f"Of the test groups of member {sections.plain(figure.of)}." if figure.of else "Of all test groups."
        words = f"**{sections.plain(figure.title)}.** {sections.plain(figure.caption)}".strip()
        told.append(f"![{alt}]({figure.file})\n\n{words} {of}{_MADE_OF.get(found.kind, '')}")
    return "\n\n".join(told)


def disagreements(
    text: str, config: Config, metrics: Mapping[str, Any], figures: Sequence[str] | None = None
) -> list[str]:
    """Return what in a README.md does not follow from ``metrics.json`` and ``config.json``, a sentence each.

    Parameters
    ----------
    text
        README.md.
    config, metrics
        ``config.json`` and ``metrics.json`` of the package.
    figures
        Names of the figures that it brings, each of which is to be seen; not looked at where None.

    Raises
    ------
    IntegrityError
        The config or the metrics are not as zoo writes them.
    """
    found = material(config, metrics)
    front, body = split_off(text)
    told = [*_in_title(body, found), *index_disagreements(front, found), *_in_table(body, found)]
    return [*told, *([] if figures is None else _in_figures(body, figures))]


def _in_title(body: str, found: Material) -> list[str]:
    """Hold the title against the kind of the data: simulated data are called so before anything else is said."""
    first = next((line.strip() for line in body.split("\n") if line.strip()), "")
    strange = [origin.kind for origin in found.data if origin.kind not in KINDS]
    ending = _ENDINGS.get(found.kind, "")
    if strange:
        return [f"config.json says that the kind of the data is {strange[0][:80]!r}, a card knows {', '.join(KINDS)}"]
    if not first.startswith("# ") or not first.endswith(ending):
        return [f"README.md begins with {first[:120]!r}, from config.json follows a title '# NAME{ending}'"]
    return []


def _in_figures(body: str, figures: Sequence[str]) -> list[str]:
    shown = _IMAGE.findall(body)
    lacking = [f"README.md shows {name[:120]!r}, which the package lacks" for name in shown if name not in figures]
    return [
        *lacking,
        *(f"README.md does not show {name}, which the package brings" for name in figures if name not in shown),
    ]


def _in_table(body: str, found: Material) -> list[str]:
    wanted = sections.score_table(found)
    if not wanted or f"\n{wanted}\n" in f"\n{body}\n":
        return []
    lines = body.split("\n")
    told = []
    for row in wanted.split("\n"):
        if row not in lines:
            first = row[: row.index("|", 1) + 1]
            instead = next((repr(line[:400]) for line in lines if line.startswith(first)), "no such row")
            told.append(f"README.md has {instead} in its table of scores, from metrics.json follows {row!r}")
    return told or ["README.md has the rows of its table of scores apart, from metrics.json follows one table"]
