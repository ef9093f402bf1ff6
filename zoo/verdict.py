"""What the parts of a recipe bring, under which terms, and what these allow together; nothing is imported for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zoo import licences, members
from zoo.errors import MissingError, UsageError
from zoo.licences import Verdict
from zoo.recipe import Recipe
from zoo.registry import Entry, Registry, singular
from zoo.schema import SLOTS
from zoo.stage_contract import PROTOCOLS
from zoo.terms import declared, terms_of
from zoo.trace import source_of

_NO_LITERAL = object()


@dataclass(frozen=True, slots=True)
class Row:
    """One thing with terms of its own.

    Attributes
    ----------
    part
        Who brings it: a distribution, or a part such as ``encoder NAME``.
    what
        What it is.
    licence
        An identifier of the Hub's list, ``none`` where none is stated.
    commercial
        Whether commercial use is allowed, None where that is not known.
    gated
        Whether its makers ask for an agreement before it can be fetched.
    citation, source
        How to cite it, and where it is from; may be empty.
    """

    part: str
    what: str
    licence: str
    commercial: bool | None
    gated: bool = False
    citation: str = ""
    source: str = ""

    @property
    def label(self) -> str:
        """What a verdict calls it."""
        return self.part if self.part == licences.OWN_PART else f"{self.what} ({self.part})"


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that a recipe brings, and what it allows together."""

    rows: list[Row]
    verdict: Verdict

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        told = {"commercial": self.verdict.commercial, "sentence": self.verdict.sentence}
        return {"rows": [asdict(row) for row in self.rows], **told}


def verdict_of(recipe: Recipe, registry: Registry | None = None) -> Ruling:
    """Join what a recipe's parts bring: their code, what they declare as terms, and the data whose origin it states."""
    registry = registry or Registry()
    uses, missing = _uses(recipe, registry)
    rows = list(dict.fromkeys([*_code(uses), *_data(uses), *_brought(uses)]))
    publish = recipe.data.get("publish")
    own = publish.get("licence") if isinstance(publish, Mapping) else None
    if isinstance(own, str):
        rows.append(_row(licences.OWN_PART, "its weights", own.lower()))
    return Ruling(rows, joined(rows, [f"{what} is not installed, so that its terms are not known" for what in missing]))


def brought(recipe: Recipe, registry: Registry | None = None) -> list[Row]:
    """Return what the parts of a recipe declare as terms, as far as they are used by it."""
    return list(dict.fromkeys(_brought(_uses(recipe, registry or Registry())[0])))


def joined(rows: list[Row], unknown: list[str] | None = None) -> Verdict:
    """Return what things with terms of their own allow together."""
    commercial = {row.label: row.commercial for row in rows if row.commercial is not None}
    gated = [row.label for row in rows if row.gated]
    parts = {row.label: row.licence for row in rows}
    return licences.verdict(parts, commercial=commercial, gated=gated, unknown=unknown or ())


@dataclass(frozen=True, slots=True)
class _Use:
    entry: Entry
    block: Mapping[str, Any]
    parameters: Mapping[str, tuple[str, Any]]
    """Parameter -> the kind of part that it takes, empty where it takes none; and its default."""

    @property
    def part(self) -> str:
        return f"{singular(self.entry.kind)} {self.entry.name}"


def _uses(recipe: Recipe, registry: Registry) -> tuple[list[_Use], list[str]]:
    """Return every block of a recipe that names an installed part, and the parts that are not there."""
    uses: list[_Use] = []
    missing: dict[str, None] = {}
    known: dict[Entry, dict[str, tuple[str, Any]]] = {}
    todo = [block for one in _whole(recipe) for block in _top(one.data)]
    while todo:
        kind, block = todo.pop(0)
        name = block["use"]
        try:
            entry = registry.find(kind, name)
        except (MissingError, UsageError):
            missing[f"{singular(kind)} '{name[:80]}'"] = None
            continue
        if any(use.entry == entry and use.block == block for use in uses):
            continue
        if entry not in known:
            known[entry] = _parameters(entry)
        uses.append(_Use(entry, block, known[entry]))
        slots = {key: into for key, (into, _) in uses[-1].parameters.items() if into}
        todo += [(slots[key], child) for key, value in block.items() if key in slots for child in _blocks(value)]
    return uses, list(missing)


def _whole(recipe: Recipe) -> Iterator[Recipe]:
    """Give the recipe, and those of its members where it is an ensemble."""
    yield recipe
    ensemble = recipe.data.get("ensemble")
    stated = ensemble.get("members") if isinstance(ensemble, Mapping) else None
    if isinstance(stated, list) and all(isinstance(own, dict) for own in stated):
        yield from (variant.recipe for variant in members.variants(recipe))


def _top(data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    transforms = data.get("transforms")
    phases = transforms.values() if isinstance(transforms, Mapping) else ()
    places = [*((kind, data.get(slot)) for slot, kind in SLOTS.items()), *(("transforms", phase) for phase in phases)]
    for kind, value in [*places, ("samplers", data.get("sampler")), ("stages", data.get("stages"))]:
        yield from ((kind, block) for block in _blocks(value))


def _blocks(value: Any) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("use"), str)]


def _parameters(entry: Entry) -> dict[str, tuple[str, Any]]:
    found = {}
    for line in source_of(entry).signature.splitlines():
        arguments = ast.parse(f"def part(*, {line}): ...").body[0].args  # type: ignore[attr-defined]
        written = arguments.kwonlyargs[0].annotation
        words = set(re.findall(r"\w+", ast.unparse(written))) if written else set()
        kinds = [kind for kind, protocol in PROTOCOLS.items() if protocol.__name__ in words]
        found[arguments.kwonlyargs[0].arg] = (kinds[0] if kinds else "", _default(arguments.kw_defaults[0]))
    return found


def _default(node: ast.expr | None) -> Any:
    try:
        return _NO_LITERAL if node is None else ast.literal_eval(node)
    except ValueError:
        return _NO_LITERAL


def _row(part: str, what: str, licence: str, **more: Any) -> Row:
    return Row(part, what, licence, licences.allows(licence), **more)


def _code(uses: list[_Use]) -> list[Row]:
    names = sorted({use.entry.distribution for use in uses})
    return [_row(name, "code", licences.of_distribution(name)) for name in names]


def _data(uses: list[_Use]) -> Iterator[Row]:
    """Give the data whose origin is their user's to state; where nobody does, no licence is known."""
    for use in uses:
        if use.entry.kind == "datasets" and "origin" in use.parameters:
            stated = use.block.get("origin")
            origin = stated if isinstance(stated, Mapping) else {}
            told = {key: str(origin[key]) for key in ("citation", "source") if origin.get(key)}
            what = " ".join(["data", *([str(origin["name"])] if origin.get("name") else [])])
            yield _row(use.part, what, str(origin.get("licence") or licences.NONE), **told)


def _brought(uses: list[_Use]) -> Iterator[Row]:
    for use in uses:
        if declared(use.entry)[1]:
            yield _row(use.part, "terms that cannot be read", "unknown")
        for terms in terms_of(use.entry):
            when = terms.get("when", "")
            setting = use.block.get(when, use.parameters.get(when, ("", _NO_LITERAL))[1])
            if when and (setting is None or setting is False):
                continue
            allowed = licences.allows(terms["licence"])
            yield Row(
                use.part,
                terms["name"],
                terms["licence"],
                terms.get("commercial") if allowed is None else allowed,
                terms.get("gated", False),
                terms.get("citation", ""),
                terms.get("source", ""),
            )
