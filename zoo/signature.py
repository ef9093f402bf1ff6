"""The signature of a component is its schema: keyword names, annotations and defaults, checked by pydantic.

There is no second config class to keep in step. A parameter annotated with one of the protocols of
:mod:`zoo.contracts` is a slot for a nested component.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model

from zoo.contracts import FACTS, PROTOCOLS
from zoo.errors import MissingError

KIND_OF = {protocol: kind for kind, protocol in PROTOCOLS.items()}


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter that takes a component, or a list of components, of one kind."""

    kind: str
    many: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A value that does not fit, at a path below the block."""

    path: tuple[str | int, ...]
    message: str
    unknown: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters that a recipe may give to a component."""

    parameters: tuple[str, ...]
    slots: dict[str, Slot]
    facts: tuple[str, ...]
    model: type[BaseModel]

    def check(self, values: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
        """Return the parameters with defaults filled in, as Python objects, and every mistake."""
        return check_values(self.model, values)


def check_values(model: type[BaseModel], values: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """Validate plain values strictly against a pydantic model; return its fields by alias, and every mistake."""
    try:
        # through JSON: strict there still takes a list for a tuple and text for a path, which YAML cannot tell apart
        checked = model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        return {}, _mistakes(model, values, error)
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    return {alias: getattr(checked, name) for alias, name in names.items()}, []


def plain(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Return valid values with every default written out, as plain JSON values."""
    checked = model.model_validate_json(json.dumps(values), strict=True)
    return checked.model_dump(mode="json", by_alias=True)


def signature_of(target: Callable[..., Any], name: str) -> Signature:
    """Read the schema of a component from its signature.

    Raises
    ------
    MissingError
        The component cannot be used from a recipe: a parameter without annotation, or one that YAML cannot express.
    """
    fields: dict[str, Any] = {}
    slots: dict[str, Slot] = {}
    facts: list[str] = []
    order: list[str] = []
    inherited = inspect.isclass(target) and "__init__" not in vars(target)
    for parameter in inspect.signature(target).parameters.values():
        if inherited and parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue  # nn.Module's own constructor: a component without parameters
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY, parameter.VAR_KEYWORD}:
            raise MissingError(f"'{name}': parameter '{parameter.name}' has no name of its own; use keyword parameters")
        annotation = _annotation(target, parameter, name)
        default = ... if parameter.default is parameter.empty else parameter.default
        if parameter.name in FACTS and default is ...:
            facts.append(parameter.name)
            annotation, default = annotation | None, None
        slot = _slot(annotation)
        if slot:
            slots[parameter.name] = replace(slot, default=None if default is ... else default)
            annotation = Any
        order.append(parameter.name)
        # an alias, so that a parameter may be called 'copy' or 'schema' without hiding a method of pydantic's
        fields[f"parameter_{len(fields)}"] = (annotation, Field(default, alias=parameter.name))
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)
    except PydanticUserError as error:
        raise MissingError(f"'{name}': its signature cannot be read from YAML ({error.message})") from error
    return Signature(tuple(order), slots, tuple(facts), model)


def _annotation(target: Any, parameter: inspect.Parameter, name: str) -> Any:
    if parameter.annotation is parameter.empty:
        raise MissingError(f"'{name}': parameter '{parameter.name}' has no annotation, so a recipe cannot be checked")
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    function = target.__init__ if inspect.isclass(target) else target
    scope = inspect.unwrap(function).__globals__
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
        return found[0] if found else None
    if get_origin(annotation) in {list, tuple, Sequence}:
        inner = [slot for slot in map(_slot, get_args(annotation)) if slot]
        return Slot(inner[0].kind, many=True) if inner else None
    try:
        kind = KIND_OF.get(annotation)
    except TypeError:  # an annotation that cannot be hashed is no protocol of ours
        return None
    return Slot(kind, many=False) if kind else None


def _mistakes(model: type[BaseModel], values: dict[str, Any], error: ValidationError) -> list[Mistake]:
    found: dict[tuple[str | int, ...], Mistake] = {}
    for item in error.errors(include_url=False):
        missing = item["type"] == "missing"
        path = _real_path(values, item["loc"], missing=missing)
        if item["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            found[path] = Mistake(path, "unknown key", unknown=True, candidates=_names_at(model, path[:-1]))
            continue
        said = "is missing and has no default" if missing else _sentence(item)
        if path in found and not found[path].unknown:
            said = f"{found[path].message}, or {said}" if said not in found[path].message else found[path].message
        found[path] = Mistake(path, said)
    return list(found.values())


def _sentence(item: Any) -> str:
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if item["type"] == "value_error":
        return message
    value = repr(item["input"])
    return f"{message[0].lower()}{message[1:]}, not {value if len(value) < 60 else value[:57] + '...'}"  # noqa: PLR2004


def _real_path(values: Any, loc: tuple[str | int, ...], *, missing: bool) -> tuple[str | int, ...]:
    """Return the part of pydantic's location that exists in the values; it adds names of union members in between."""
    path: list[str | int] = []
    for position, key in enumerate(loc):
        if (isinstance(values, dict) and key in values) or (isinstance(values, list) and isinstance(key, int) and key < len(values)):
            values = values[key]
        elif missing and position == len(loc) - 1:
            pass
        else:
            continue
        path.append(key)
    return tuple(path)


def _names_at(model: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys that the schema knows at a path: fields of the model, or of the dataclass nested there."""
    fields = _fields(model)
    for key in path:
        if isinstance(key, int):
            continue
        if key not in fields:
            return ()
        fields = {name: kind for inner in _flat(fields[key]) for name, kind in _fields(inner).items()}
    return tuple(fields)


def _fields(kind: Any) -> dict[str, Any]:
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        return {field.name: field.type for field in dataclasses.fields(kind)}
    return {}


def _flat(annotation: Any) -> list[Any]:
    return [inner for arg in get_args(annotation) for inner in _flat(arg)] or [annotation]
