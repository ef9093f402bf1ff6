"""The JSON Schema of recipes for editors: the frame, and the signature of every installed component.

It is of draft-07, which language servers for YAML know best. Every block comes in two forms. A ``whole`` one names its
part with ``use`` and has all that the part must be told. A ``partial`` one stands in a recipe that extends another, or
in a member of an ensemble, and may leave out anything. What stands in a list is whole in both, because a list takes the
place of the one it overrides. Keys that are not known are refused everywhere, as they are when a recipe is filled.

What no schema can know is left to ``zoo check``: rules between values (a split and its scheme), names of stages, facts
that disagree, and what a component refuses of itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from zoo.docstring import told
from zoo.errors import MissingError
from zoo.members import OWN, SEED
from zoo.registry import KINDS, Registry, singular
from zoo.renamed import Change
from zoo.schema import (
    FORMAT,
    NAME_PATTERN,
    OF_STAGES,
    SHARED,
    SLOTS,
    EnsembleSettings,
    Frame,
    SplitSettings,
    TrainSettings,
)
from zoo.signature import Signature, Slot, signature_of

DRAFT = "http://json-schema.org/draft-07/schema#"
WHOLE, PARTIAL = "whole", "partial"
NULL = {"type": "null"}

_ONE = ("items", "additionalItems", "additionalProperties", "not", "if", "then", "else", "propertyNames", "contains")
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties")
"""Keywords of a schema that hold one schema, a list of them, or several by name."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The schema as plain values, and a sentence for each part that had to be left out."""

    schema: dict[str, Any]
    notes: list[str]


def compose(registry: Registry | None = None) -> Composed:
    """Return the JSON Schema of the recipes that the installed components can be built from.

    Every component is imported; one that cannot be is left out. The same installation gives the same schema, its keys
    in the same order.
    """
    registry = registry or Registry()
    notes = [f"{conflict}; it is left out" for conflict in registry.conflicts() if conflict.kind in KINDS]
    parts: dict[str, dict[str, _Part]] = {kind: {} for kind in KINDS}
    for entry in registry.entries():
        try:
            target = entry.load()
            parts[entry.kind][entry.name] = _Part(signature_of(target, entry.name), *told(target.__doc__ or ""))
        except MissingError as error:
            notes.append(f"{singular(entry.kind)} '{entry.name}' is left out: {error}")
    older: dict[str, dict[str, Change]] = {kind: {} for kind in KINDS}
    for change in registry.changes():
        if change.now in parts.get(change.kind, ()) and not change.over:
            older[change.kind][change.name] = change
    return Composed(_Composer(parts, older).run(), notes)


@dataclass(frozen=True, slots=True)
class _Part:
    """A component: its parameters, what it is, and what it says of each of them."""

    signature: Signature
    about: str
    parameters: Mapping[str, str]


class _Generator(GenerateJsonSchema):
    """Has no word for defaults that JSON cannot say, and gives fields no titles that only repeat their names."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own declaration

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the shape is pydantic's
        return False


@dataclass(slots=True)
class _Composer:
    parts: Mapping[str, Mapping[str, _Part]]
    older: Mapping[str, Mapping[str, Change]]
    definitions: dict[str, Any] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        for form in (WHOLE, PARTIAL):
            for kind, parts in self.parts.items():
                self.definitions[f"{form}.{kind}"] = self._block(form, kind)
                for name, part in parts.items():
                    self.definitions[f"{form}.{kind}.{name}"] = self._part(form, kind, part)
            self.definitions[f"{form}.split"] = self._of_model(SplitSettings, form)
            self.definitions[form] = self._frame(form)
        self.definitions["member"] = self._member()
        known = dict(_reached([WHOLE, PARTIAL], self.definitions))
        return {
            "$schema": DRAFT,
            "title": "recipe",
            "description": "A recipe of zoo, held against the components that are installed here.",
            "type": "object",
            "if": {"required": ["extends"], "properties": {"extends": {"type": "string"}}},
            "then": _ref(PARTIAL),
            "else": _ref(WHOLE),
            "definitions": known,
        }

    def _block(self, form: str, kind: str) -> dict[str, Any]:
        """Return the schema of a block that names one of a kind; what it names decides what else it has."""
        told = {name: _first(part.about) for name, part in self.parts[kind].items()}
        told |= {name: change.note for name, change in self.older[kind].items()}
        means = {name: name for name in self.parts[kind]}
        means |= {name: change.now for name, change in self.older[kind].items()}
        use: Any = {"type": "string", "enum": list(told), "enumDescriptions": list(told.values())}
        return {
            "type": "object",
            "required": ["use"] if form == WHOLE else [],
            "properties": {"use": {"description": f"Which of the {kind}.", **(use if told else {"not": {}})}},
            "allOf": [{"if": _named(name), "then": _ref(f"{form}.{kind}.{now}")} for name, now in means.items()],
        }

    def _part(self, form: str, kind: str, part: _Part) -> dict[str, Any]:
        made = self._of_model(part.signature.model, form)
        properties: dict[str, Any] = {"use": {}}  # which it is the block has asked for, perhaps by an older name
        if kind == "datasets":
            properties["split"] = _ref(f"{form}.split", "Who is trained on and who is tested on.")
        if kind == "stages":
            what = "By what later stages call it; the name of its part where not given."
            properties["name"] = {"type": ["string", "null"], "pattern": NAME_PATTERN, "description": what}
        for key, value in made["properties"].items():
            slot = part.signature.slots.get(key)
            known = self._slot(form, slot) if slot else value
            known = {**known, "default": value["default"]} if slot and "default" in value else known
            properties[key] = _with(known, description=part.parameters.get(key))
        return {**made, "description": part.about, "properties": properties}

    def _slot(self, form: str, slot: Slot) -> dict[str, Any]:
        known = _list_of(slot.kind) if slot.many else _ref(f"{form}.{slot.kind}")
        return {"anyOf": [known, NULL]} if slot.optional else known

    def _frame(self, form: str) -> dict[str, Any]:
        made = self._of_model(Frame, form)
        own = made["properties"]
        blocks = {slot: _ref(f"{form}.{kind}", f"One of the {kind}.") for slot, kind in SLOTS.items()}
        if form == WHOLE:
            blocks["data"]["allOf"].append({"required": ["split"]})
        blocks["loss"] = {"anyOf": [blocks["loss"], NULL]}
        ensemble = self._of_model(EnsembleSettings, form)
        ensemble["properties"]["members"]["items"] = _ref("member")
        stages, listed = own["stages"]["anyOf"][0], _list_of("stages")
        properties = {
            "zoo": {"const": FORMAT, "description": "The format of recipes."},
            "extends": {"type": ["string", "null"], "description": "A recipe to begin from: its name, or a path."},
            **{key: own[key] for key in ("name", "protocol")},
            **blocks,
            "transforms": {
                "type": "object",
                "description": "What is done to whole batches on the device, in order.",
                "properties": {phase: _list_of("transforms") for phase in ("train", "eval")},
                "additionalProperties": False,
            },
            "sampler": {"anyOf": [_ref(f"{form}.samplers"), NULL], "description": "Which items an epoch takes."},
            "stages": {"anyOf": [{**stages, **listed}, NULL], "description": "Trainings and other steps, in order."},
            "ensemble": {"anyOf": [ensemble, NULL]},
            "train": own["train"],
            "publish": own["publish"],
        }
        required = [key for key in made.get("required", ()) if key != "loss"]
        return {**made, "title": "recipe", "properties": properties, "required": required, "allOf": [_of_stages(form)]}

    def _member(self) -> dict[str, Any]:
        """Return the schema of a member of an ensemble: what it has of its own is laid over what all share."""
        blocks = {slot: _ref(f"{PARTIAL}.{SLOTS[slot]}") for slot in OWN if slot in SLOTS}
        train = self._of_model(TrainSettings, PARTIAL)
        settings = {key: value for key, value in train["properties"].items() if key != "seeds"}
        seed = {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31, "description": "Added to the run's seed."}
        properties = {**blocks, "train": {**train, "properties": settings}, SEED: seed}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _of_model(self, model: type[BaseModel], form: str) -> dict[str, Any]:
        """Return what pydantic says of a model; of one that JSON Schema cannot express only the names."""
        try:
            made = model.model_json_schema(schema_generator=_Generator)
        except PydanticUserError:
            fields = {info.alias or name: info for name, info in model.model_fields.items()}
            needed = [name for name, info in fields.items() if info.is_required()]
            made = {"type": "object", "properties": {name: {} for name in fields}, "required": needed}
        found: dict[str, Any] = self._tidy({"properties": {}, **made}, form, made.pop("$defs", {}))
        return found

    def _tidy(self, node: Any, form: str, defs: Mapping[str, Any]) -> Any:
        """Return a schema of pydantic's in draft-07, closed, and without what a partial block may leave out."""
        if not isinstance(node, dict):
            return node
        whole = {**node, "items": node.get("items", True)} if "prefixItems" in node else node
        made = {key: value for key, value in whole.items() if key != "$defs"}
        for key, value in whole.items():
            inside = WHOLE if key in {"items", "prefixItems"} else form
            if key in _ONE:
                made[key] = self._tidy(value, inside, defs)
            elif key in _LISTS:
                made[key] = [self._tidy(one, inside, defs) for one in value]
            elif key in _NAMED:
                made[key] = {name: self._tidy(one, form, defs) for name, one in value.items()}
        if "prefixItems" in made:
            rest = node.get("items", False)
            made |= {"items": made.pop("prefixItems"), "additionalItems": made["items"] if rest else False}
        if "properties" in made:
            made = _closed(made)
        elif "patternProperties" in made:
            made.setdefault("additionalProperties", False)
        if form == PARTIAL:
            made = {key: value for key, value in made.items() if key not in {"required", "minProperties"}}
        simple = str(made.pop("$ref", "")).rpartition("/")[2]
        return {**_ref(self._shared(simple, form, defs)), **made} if simple else made

    def _shared(self, simple: str, form: str, defs: Mapping[str, Any]) -> str:
        """Return the name of a definition that several components may share; another of the same name is numbered."""
        content = json.dumps([form, *_reached([simple], defs)])
        if (simple, content) not in self.names:
            number = 1 + sum(known == simple and text.startswith(f'["{form}"') for known, text in self.names)
            self.names[simple, content] = f"{form}.{simple}" + (f".{number}" if number > 1 else "")
            self.definitions[self.names[simple, content]] = self._tidy(defs[simple], form, defs)
        return self.names[simple, content]


def _closed(node: dict[str, Any]) -> dict[str, Any]:
    """Return an object without room for other keys, and with what its docstring says of each key beside that key."""
    about, of_each = told(node.get("description", ""))
    properties = {key: _with(value, description=of_each.get(key)) for key, value in node["properties"].items()}
    return {**_with(node, description=about), "properties": properties, "additionalProperties": False}


def _of_stages(form: str) -> dict[str, Any]:
    """Return what a recipe with stages leaves to them, and what one without has to say."""
    nothing = dict.fromkeys(OF_STAGES, NULL)
    no_training = {"properties": {"train": {"maxItems": 0}}}
    alone = {"required": ["loss"], "properties": {"loss": {"type": "object"}}} if form == WHOLE else {}
    return {
        "if": {"required": ["stages"], "properties": {"stages": {"type": "array"}}},
        "then": {
            "properties": {**nothing, "transforms": no_training, "train": {"propertyNames": {"enum": list(SHARED)}}}
        },
        "else": alone,
    }


def _reached(names: Iterable[str], defs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return definitions and all that they lead to, by name."""
    found: dict[str, Any] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = defs[name]
            _each_ref(defs[name], lambda ref: todo.append(ref.rpartition("/")[2]))
    return sorted(found.items())


def _each_ref(node: Any, do: Callable[[str], None]) -> None:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        do(node["$ref"])
    for value in values:
        _each_ref(value, do)


def _ref(name: str, description: str | None = None) -> dict[str, Any]:
    # in a list of its own: beside '$ref' draft-07 looks at nothing else
    return _with({"allOf": [{"$ref": f"#/definitions/{name}"}]}, description=description)


def _first(text: str) -> str:
    return text.partition("\n\n")[0].replace("\n", " ")


def _named(name: str) -> dict[str, Any]:
    return {"required": ["use"], "properties": {"use": {"const": name}}}


def _list_of(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(f"{WHOLE}.{kind}")}


def _with(node: dict[str, Any], description: str | None) -> dict[str, Any]:
    return {**node, "description": description} if description else node
