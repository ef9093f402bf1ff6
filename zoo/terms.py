"""Terms that a part brings with it (:class:`zoo.contracts.Terms`): read from its source, held against their form."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_type_hints

from zoo import licences
from zoo.literals import literal_of
from zoo.provenance import Terms
from zoo.registry import Entry

ATTRIBUTE = "terms"
_NEEDED = {"name": "say of what the terms are", "licence": f"say its identifier, {licences.NONE}, or unknown"}


def declared(entry: Entry) -> tuple[Any, list[str]]:
    """Return what a part declares as its terms, None where it declares none, and what is wrong with it."""
    try:
        found = literal_of(entry, ATTRIBUTE)
    except ValueError as error:
        return None, [f"{ATTRIBUTE} {error}"]
    return found, problems(found)


def terms_of(entry: Entry) -> list[Terms]:
    """Return the well-formed terms of a part; nothing of it is imported."""
    found, _ = declared(entry)
    return [cast("Terms", one) for one in _listed(found) if not list(_wrong(one, None))]


def problems(terms: Any, parameters: Sequence[str] | None = None) -> list[str]:
    """Return what is wrong with declared terms, a sentence each.

    Parameters
    ----------
    terms
        What a part declares: one of :class:`zoo.contracts.Terms` or a tuple of them; None is nothing.
    parameters
        Names of the part's parameters; ``when`` is held against them where they are given.
    """
    several = isinstance(terms, tuple | list)
    return [
        f"{ATTRIBUTE}{f'[{number}]' if several else ''}: {what}"
        for number, one in enumerate(_listed(terms))
        for what in _wrong(one, parameters)
    ]


def _listed(terms: Any) -> list[Any]:
    return [] if terms is None else list(terms) if isinstance(terms, tuple | list) else [terms]


def _wrong(one: Any, parameters: Sequence[str] | None) -> Iterator[str]:
    if not isinstance(one, Mapping):
        yield f"is a table such as {{'name': 'weights of X', 'licence': 'cc-by-4.0'}}, not {str(one)[:80]!r}"
        return
    kinds = get_type_hints(Terms)
    ill = [*_unknown(one, kinds), *_of_other_type(one, kinds)]
    yield from ill
    yield from (f"has no {key}; {way}" for key, way in _NEEDED.items() if key not in one)
    if not ill and "licence" in one:
        yield from _wrong_licence(one["licence"], one.get("commercial"))
    if not ill and parameters is not None and one.get("when", *parameters[:1]) not in parameters:
        known = ", ".join(parameters) or "none"
        yield f"when is {one['when'][:80]!r}, no parameter of the part; it has {known}"


def _unknown(one: Mapping[Any, Any], kinds: Mapping[str, Any]) -> Iterator[str]:
    for key in one:
        if key not in kinds:
            near = difflib.get_close_matches(str(key), kinds, n=1)
            way = f"did you mean {near[0]}?" if near else f"known here: {', '.join(kinds)}"
            yield f"unknown key {str(key)[:80]!r}, {way}"


def _of_other_type(one: Mapping[str, Any], kinds: Mapping[str, Any]) -> Iterator[str]:
    for key, value in one.items():
        if key in kinds and (not isinstance(value, kinds[key]) or value == ""):
            yield f"{key} is {'True or False' if kinds[key] is bool else 'a text'}, not {str(value)[:80]!r}"


def _wrong_licence(licence: str, commercial: bool | None) -> Iterator[str]:
    allowed = licences.allows(licence)
    if licence != licences.NONE and not licences.known(licence):
        near = difflib.get_close_matches(licence.lower(), licences.identifiers(), n=1)
        way = f"did you mean {near[0]}?" if near else "'other' is for terms of their own; say commercial beside it"
        yield f"licence {licence[:80]!r} is not on the Hub's list, {way}"
    elif commercial is not None and allowed is not None and allowed is not commercial:
        yield f"commercial is {commercial}, but {licence} tells of itself that it is {allowed}; leave commercial out"
