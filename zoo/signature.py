"""The signature of a component is its schema: keyword names, annotations and defaults, checked by pydantic.

There is no second config class to keep in step. A parameter annotated with one of the protocols of
:mod:`zoo.contracts` is a slot for a nested component.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model

from zoo.contracts import FACTS
from zoo.errors import MissingError
from zoo.stage_contract import PROTOCOLS, Block, Taken

KIND_OF = {protocol: kind for kind, protocol in PROTOCOLS.items()}
WIDE = 60
_WORDS = {  # what pydantic says, and what it is called in a recipe
    " after validation": "",
    "a valid dictionary": "a block {key: value, ...}",
    "an object": "a block {key: value, ...}",
    "a valid array": "a list",
    "a valid list": "a list",
    "a valid tuple": "a list",
    "a valid string": "a text",
    "a valid integer": "an integer",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter that takes a component, or a list of components, of one kind; ``optional`` where it may be null.

    One that is ``later`` is handed over as a block (:class:`zoo.stage_contract.Block`), to be built by whoever asks.
    """

    kind: str
    many: bool
    optional: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """A value that does not fit, at a path below the block."""

    path: tuple[str | int, ...]
    message: str
    unknown: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters that a recipe may give to a component.

    ``facts`` holds those that follow from other parts, with the default for the case that no part declares them
    (``...`` where there is none); ``taken`` are names of earlier stages.
    """

    parameters: tuple[str, ...]
    slots: dict[str, Slot]
    facts: dict[str, Any]
    model: type[BaseModel]
    taken: tuple[str, ...] = ()

    def check(self, values: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
        """Return the parameters with defaults filled in, as Python objects, and every mistake."""
        return check_values(self.model, values)


def check_values(model: type[BaseModel], values: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """Validate plain values strictly against a pydantic model; return its fields by alias, and every mistake."""
    try:
        checked = _checked(model, values)
    except ValidationError as error:
        return {}, _mistakes(model, values, error)
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    return {alias: getattr(checked, name) for alias, name in names.items()}, []


def plain(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Return valid values with every default written out, as plain JSON values."""
    return _checked(model, values).model_dump(mode="json", by_alias=True)


def _checked(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    # through JSON: strict there still takes a list for a tuple and text for a path, which YAML cannot tell apart;
    # extra here, because a pydantic class among the parameters may have settings of its own
    return model.model_validate_json(json.dumps(values), strict=True, extra="forbid")


def signature_of(target: Callable[..., Any], name: str) -> Signature:
    """Read the schema of a component from its signature.

    Raises
    ------
    MissingError
        The component cannot be used from a recipe: a parameter without annotation, or one that YAML cannot express.
    """
    fields: dict[str, Any] = {}
    slots: dict[str, Slot] = {}
    facts: dict[str, Any] = {}
    order: list[str] = []
    taken: list[str] = []
    for parameter in _parameters(target, name):
        annotation = _annotation(target, parameter, name)
        taken.extend([parameter.name] if any(one is Taken for one in (annotation, *get_args(annotation))) else [])
        default = ... if parameter.default is parameter.empty else parameter.default
        if parameter.name in FACTS:
            facts[parameter.name] = default
            annotation, default = annotation | None, None
        slot = _slot(annotation)
        if slot:
            slots[parameter.name] = slot
            annotation, default = Any, _slot_default(slot, parameter, name)
        order.append(parameter.name)
        # an alias, so that a parameter may be called 'copy' or 'schema' without hiding a method of pydantic's
        fields[f"parameter_{len(fields)}"] = (annotation, Field(default, alias=parameter.name))
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)
    except (PydanticUserError, TypeError) as error:
        why = str(getattr(error, "message", error)).splitlines()[0]
        raise MissingError(f"'{name}': its signature cannot be read from YAML ({why})") from error
    return Signature(tuple(order), slots, facts, model, tuple(taken))


def _parameters(target: Any, name: str) -> list[inspect.Parameter]:
    try:
        found = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError) as error:
        what = f"is a {type(target).__name__} without a signature; register a class or a function"
        raise MissingError(f"'{name}': {what}") from error
    nameless = [p for p in found if p.kind in {p.VAR_POSITIONAL, p.POSITIONAL_ONLY, p.VAR_KEYWORD}]
    if nameless == found and inspect.isclass(target) and "__init__" not in vars(target):
        return []  # a class without a constructor of its own inherits one that takes anything, and needs nothing
    if nameless:
        which = str(nameless[0]).split(":", maxsplit=1)[0]
        raise MissingError(f"'{name}': parameter '{which}' has no name that a recipe could say; use keyword parameters")
    return found


def _annotation(target: Any, parameter: inspect.Parameter, name: str) -> Any:
    if parameter.annotation is parameter.empty:
        raise MissingError(f"'{name}': parameter '{parameter.name}' has no annotation, so a recipe cannot be checked")
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    function = inspect.unwrap(target.__init__ if inspect.isclass(target) else target)
    scope = getattr(function, "__globals__", None) or vars(sys.modules[target.__module__])
    try:
        return eval(parameter.annotation, scope)  # noqa: S307 - source of an installed component, never of a recipe
    except Exception as error:
        raise MissingError(
            f"'{name}': the annotation '{parameter.annotation}' of '{parameter.name}' cannot be evaluated ({error}); "
            "import its names at run time, not under TYPE_CHECKING"
        ) from error


def _slot(annotation: Any) -> Slot | None:
    if get_origin(annotation) in {Union, types.UnionType}:
        found = [slot for slot in map(_slot, get_args(annotation)) if slot]
        return replace(found[0], optional=types.NoneType in get_args(annotation)) if found else None
    if get_origin(annotation) in {list, tuple, Sequence}:
        inner = [slot for slot in map(_slot, get_args(annotation)) if slot]
        return replace(inner[0], many=True) if inner else None
    if get_origin(annotation) is Block:
        inner = [slot for slot in map(_slot, get_args(annotation)) if slot]
        return replace(inner[0], later=True) if inner else None
    try:
        kind = KIND_OF.get(annotation)
    except TypeError:  # an annotation that cannot be hashed is no protocol of ours
        return None
    return Slot(kind, many=False) if kind else None


def _slot_default(slot: Slot, parameter: inspect.Parameter, name: str) -> Any:
    """Return null, an empty list, or that there is none; an object cannot be written into a filled recipe."""
    if parameter.default is parameter.empty:
        return ...
    if parameter.default is None and slot.optional:
        return None
    if slot.many and isinstance(parameter.default, Sequence) and not parameter.default:
        return []
    may = "an empty list" if slot.many else "None (and X | None as annotation)"
    raise MissingError(
        f"'{name}': parameter '{parameter.name}' takes {slot.kind}, so its default is {may}, not {parameter.default!r}"
    )


def _mistakes(model: type[BaseModel], values: dict[str, Any], error: ValidationError) -> list[Mistake]:
    unknown: list[Mistake] = []
    wanted: dict[tuple[str | int, ...], dict[str, str]] = {}
    for item in error.errors(include_url=False):
        missing = item["type"] == "missing"
        path = _real_path(values, item["loc"], missing=missing)
        if item["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            unknown.append(Mistake(path, "unknown key", unknown=True, candidates=_names_at(model, path[:-1])))
            continue
        wants, instead = ("is missing, and there is no default; give it a value", "") if missing else _sentence(item)
        wanted.setdefault(path, {})[wants] = instead
    # each member of a union says what it wants instead of the same value; one that looked inside of it was meant
    wanted = {path: wants for path, wants in wanted.items() if not any(_inside(other, path) for other in wanted)}
    told = {path: " or ".join(_continued(list(wants))) + max(wants.values()) for path, wants in wanted.items()}
    known = {mistake.path for mistake in unknown}
    return unknown + [Mistake(path, message) for path, message in told.items() if path not in known]


def _inside(path: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _continued(wants: list[str]) -> list[str]:
    return [wants[0], *(want.removeprefix("should be ") for want in wants[1:])]


def _sentence(item: Any) -> tuple[str, str]:
    """Return what a value should be, and what it is instead."""
    message = re.sub(r"^\w+ should", "should", str(item["msg"]).removeprefix("Value error, "))
    if item["type"] == "value_error":
        return message, ""
    for said, meant in _WORDS.items():
        message = message.replace(said, meant)
    if item["type"] in {"too_short", "too_long"}:
        return message, ""
    value = item["input"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    way = f"; for a text, quote it: '{value}'" if number and item["type"] == "string_type" else ""
    return message, f", not {short(value)}{way}"


def short(value: Any) -> str:
    """Return a value as a message shows it, in one line of bounded length."""
    shown = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return shown if len(shown) < WIDE else f"{shown[:WIDE]}..."


def _real_path(values: Any, loc: tuple[str | int, ...], *, missing: bool) -> tuple[str | int, ...]:
    """Return the part of pydantic's location that exists in the values; it adds names of union members in between."""
    path: list[str | int] = []
    for position, key in enumerate(loc):
        index = key if isinstance(key, int) else -1
        if isinstance(values, dict) and key in values:
            values = values[key]
        elif isinstance(values, list) and 0 <= index < len(values):
            values = values[index]
        elif not missing or position < len(loc) - 1:
            continue
        path.append(key)
    return tuple(path)


def _names_at(kind: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys that a schema knows at a path: fields of the model, or of the dataclass nested there."""
    kinds = [kind]
    for key in path:
        kinds = [inner for outer in kinds for inner in _inner(outer, key)]
    return tuple(name for kind in kinds for name in _fields(kind))


def _inner(kind: Any, key: str | int) -> list[Any]:
    """Return what an annotation allows at a key or position of its value."""
    fields = _fields(kind)
    if key in fields:
        return _members(fields[str(key)])
    arguments = get_args(kind)
    if isinstance(key, int) and get_origin(kind) in {list, tuple, set, Sequence}:
        return [member for argument in arguments for member in _members(argument)]
    if get_origin(kind) in {dict, Mapping} and len(arguments) > 1:
        return _members(arguments[1])
    return []


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, each without its ``Annotated``; anything else is the one member."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [member for argument in get_args(annotation) for member in _members(argument)]
    return [annotation]


def _fields(kind: Any) -> dict[str, Any]:
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}
    return {}
