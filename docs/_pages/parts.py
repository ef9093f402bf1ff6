"""A page for every registered part of ours, and one for every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import prose
from inventory import Inventory
from places import ROOT, between
from prose import cell, code
from sources import Parameter, Settings, frame_settings, parameters_of, settings_of

from zoo import contracts, terms, trace
from zoo.kinds import KINDS, singular
from zoo.registry import Entry

KIND_OF = {protocol.__name__: kind for kind, protocol in contracts.PROTOCOLS.items()}
"""Protocol in an annotation -> the kind that the slot takes."""


def pages(inventory: Inventory) -> dict[str, str]:
    """Return page -> Markdown."""
    found = {"parts/index.md": _overview(inventory), "recipes/frame.md": frame()}
    for kind in KINDS:
        entries = inventory.of_kind(kind)
        if entries:
            found[f"parts/{kind}/index.md"] = _kind(kind, entries)
        for entry in entries:
            found[page_of(entry)] = _part(entry, inventory)
    return found


def page_of(entry: Entry) -> str:
    """Return the page of a part."""
    return f"parts/{entry.kind}/{entry.name}.md"


def _overview(inventory: Inventory) -> str:
    rows = []
    for kind in KINDS:
        entries = inventory.of_kind(kind)
        names = ", ".join(f"[`{entry.name}`]({kind}/{entry.name}.md)" for entry in entries)
        rows.append(f"| [{kind}]({kind}/index.md) | {names} |")
    return "\n".join(
        (
            "# Parts",
            "",
            "Whatever a recipe can name. Each page is made from the registry and from the source of the part when the",
            "site is built: its signature is the schema of its block. `zoo show NAME` prints the same.",
            "",
            "| kind | parts |",
            "|---|---|",
            *rows,
            "",
        )
    )


def _kind(kind: str, entries: list[Entry]) -> str:
    rows = [
        f"| [`{entry.name}`]({entry.name}.md) | {cell(trace.source_of(entry).summary)} | {entry.distribution} |"
        for entry in entries
    ]
    page = f"parts/{kind}/index.md"
    contract = "stage_contract" if kind == "stages" else "contracts"
    promise = f"What a {singular(kind)} promises: [{contract}.py]({between(page, f'contract/{contract}.md')})."
    head = (f"# {kind.capitalize()}", "", promise, "", "| name | what | comes with |", "|---|---|---|")
    return "\n".join((*head, *rows, ""))


def _part(entry: Entry, inventory: Inventory) -> str:
    source = trace.source_of(entry)
    doc = prose.parted(source.doc)
    file = Path(source.file).resolve()
    place = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
    what = f"{_article(entry.kind)} {singular(entry.kind)} of **{entry.distribution}** {entry.version}"
    lines = [
        f"# {entry.name}",
        "",
        f"{what}, written in `{place}:{source.line}`.",
        "",
        prose.markdown(doc.lead),
        "",
        *_signature(entry, doc),
    ]
    for heading, text in doc.sections.items():
        body = _raised(text) if heading == "Raises" else prose.markdown(text)
        lines += [f"## {heading}", "", body, ""]
    lines += [*_terms(entry), *_used(entry, inventory)]
    return "\n".join(lines)


def _article(kind: str) -> str:
    return "An" if kind[0] in "aeiou" else "A"


def _signature(entry: Entry, doc: prose.Doc) -> Iterator[str]:
    parameters = parameters_of(entry)
    yield "## Parameters"
    yield ""
    if not parameters:
        yield "None."
        yield ""
        return
    yield from _table(page_of(entry), parameters, doc.said)
    seen: set[str] = set()
    for parameter in parameters:
        for settings in settings_of(entry, parameter.annotation):
            if settings.name in seen:
                continue
            seen.add(settings.name)
            yield from _settings(page_of(entry), settings)


def _settings(page: str, settings: Settings) -> Iterator[str]:
    doc = prose.parted(settings.doc)
    yield f"### {settings.name}"
    yield ""
    yield prose.markdown(doc.lead)
    yield ""
    for heading, text in doc.sections.items():
        yield f"{heading}: {cell(text)}"
        yield ""
    yield from _table(page, settings.fields, doc.said)


def frame() -> str:
    """Return the page of what stands in a recipe and belongs to no part."""
    page = "recipes/frame.md"
    lines = [
        "# Frame of a recipe",
        "",
        "Blocks and settings that belong to no part. A block `{use: NAME, ...}` has the",
    ]
    lines += [f"parameters of the part that it names: [parts]({between(page, 'parts/index.md')}).", ""]
    for settings in frame_settings():
        lines += _settings(page, settings)
    return "\n".join(lines)


def _table(page: str, parameters: tuple[Parameter, ...] | list[Parameter], said: dict[str, str]) -> Iterator[str]:
    yield "| parameter | type | default | what |"
    yield "|---|---|---|---|"
    for one in parameters:
        default = code(one.default) if one.default is not None else "required"
        if one.name in contracts.FACTS:
            default = "filled in" if one.default is None else f"filled in, else {default}"
        kinds = [kind for protocol, kind in KIND_OF.items() if protocol in _words(one.annotation)]
        slots = ", ".join(f"[{kind}]({between(page, f'parts/{kind}/index.md')})" for kind in kinds)
        hints = (
            f"A block: {slots}." if slots else "",
            "The name of an earlier stage." if one.annotation == "Taken" else "",
        )
        what = " ".join(text for text in (cell(said.get(one.name, "")), *hints) if text)
        yield f"| `{one.name}` | {code(one.annotation)} | {default} | {what} |"
    yield ""


def _terms(entry: Entry) -> Iterator[str]:
    """Yield what a part brings that has terms of its own (weights, data)."""
    for number, one in enumerate(terms.terms_of(entry)):
        if not number:
            yield from ("## Terms", "")
        name, licence = one.get("name", ""), one.get("licence", "unknown")
        yield f"- **{cell(name)}**: licence {licence}."
        if "commercial" in one:
            yield f"  Commercial use is {'allowed' if one['commercial'] else 'not allowed'}."
        if one.get("gated"):
            yield "  Its makers ask for an agreement first."
        if one.get("when"):
            yield f"  It applies where `{one['when']}` is set."
        for key in ("citation", "source"):
            if one.get(key):
                yield f"  {cell(str(one[key]))}."
    yield ""


def _words(annotation: str) -> set[str]:
    return set("".join(char if char.isalnum() else " " for char in annotation).split())


def _raised(text: str) -> str:
    return "\n".join(f"- `{name}`: {cell(what)}" for name, what in prose.named(text).items())


def _used(entry: Entry, inventory: Inventory) -> list[str]:
    names = inventory.uses(entry)
    if not names:
        return ["## In recipes", "", "No recipe of ours names it.", ""]
    links = ", ".join(f"[{name}]({between(page_of(entry), f'recipes/{name}.md')})" for name in names)
    return ["## In recipes", "", links, ""]
