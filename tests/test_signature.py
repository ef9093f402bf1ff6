"""The signature of a component is its schema: strict types, defaults, slots and facts, each mistake a sentence."""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from zoo.contracts import Encoder, Head, Loss, Transform
from zoo.errors import MissingError
from zoo.signature import plain, signature_of

if TYPE_CHECKING:
    from decimal import Decimal


@dataclasses.dataclass
class Inner:
    """A nested block."""

    size: int = 1
    kind: Literal["a", "b"] = "a"


@dataclasses.dataclass
class Outer:
    """A block with blocks."""

    inner: Inner
    some: list[Inner] = dataclasses.field(default_factory=list)
    named: dict[str, Inner] = dataclasses.field(default_factory=dict)
    maybe: Annotated[Inner | None, "a note"] = None


class Lenient(BaseModel):
    """A model of pydantic's own, which by itself would swallow unknown keys."""

    size: int = 1


class Colour(enum.Enum):
    """Choices."""

    RED = "red"


def checked(function, **values):
    """Return what a component would be called with, or its mistakes as path -> message."""
    signature = signature_of(function, "part")
    found, mistakes = signature.check(values)
    return found if not mistakes else {".".join(map(str, m.path)): m.message for m in mistakes}


def refusal(function):
    with pytest.raises(MissingError) as raised:
        signature_of(function, "part")
    return str(raised.value)


def test_names_types_and_defaults_are_those_of_the_signature():
    def part(*, a: int, b: float = 0.5, c: str | None = None): ...

    signature = signature_of(part, "part")
    assert signature.parameters == ("a", "b", "c")
    assert signature.check({"a": 1})[0] == {"a": 1, "b": 0.5, "c": None}


def test_a_class_and_a_function_are_read_alike():
    class Part:
        def __init__(self, *, a: int = 1) -> None: ...

    assert checked(Part) == {"a": 1}


def test_positional_or_keyword_parameters_are_named_too():
    def part(a: int = 3): ...

    assert checked(part, a=4) == {"a": 4}


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (float, 1, 1.0),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, str], [1, "x"], (1, "x")),
        (Sequence[int], [1], [1]),
        (set[str], ["a"], {"a"}),
        (Path, "a/b", Path("a/b")),
        (Literal["a", 3], 3, 3),
        (Colour, "red", Colour.RED),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (Inner, {"size": 2}, Inner(size=2)),
        (Inner | None, None, None),
        (int | str, "3", "3"),
        (Annotated[int, Field(ge=1)], 1, 1),
        (Any, {"any": [1]}, {"any": [1]}),
        (bool, True, True),
    ],
)
def test_yaml_values_become_what_the_annotation_says(annotation, value, result):
    def part(*, a): ...

    part.__annotations__["a"] = annotation
    found = checked(part, a=value)["a"]
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "3", "should be an integer, not '3'"),
        (int, 3.5, "should be an integer, not 3.5"),
        (int, True, "should be an integer, not true"),
        (float, "1e-4", "should be a number, not '1e-4'"),
        (str, 5, "should be a text, not 5; for a text, quote it: '5'"),
        (str, True, "should be a text, not true"),
        (bool, 1, "should be true or false, not 1"),
        (bool, "no", "should be true or false, not 'no'"),
        (list[int], 3, "should be a list, not 3"),
        (tuple[int, ...], {"a": 1}, "should be a list, not {'a': 1}"),
        (dict[str, int], [1], "should be a block {key: value, ...}, not [1]"),
        (Path, 7, "should be a text, not 7; for a text, quote it: '7'"),
        (Literal["l2", "cosine"], "l1", "should be 'l2' or 'cosine', not 'l1'"),
        (Literal["a", "b"], None, "should be 'a' or 'b', not null"),
        (int | None, "x", "should be an integer, not 'x'"),
        (int | str, [1], "should be an integer or a text, not [1]"),
        (Inner, 5, "should be a block {key: value, ...}, not 5"),
        (Annotated[float, Field(gt=0)], -1.0, "should be greater than 0, not -1.0"),
        (Annotated[list[int], Field(min_length=1)], [], "should have at least 1 item, not 0"),
        (int, "x" * 500, f"should be an integer, not '{'x' * 59}..."),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_the_value_and_what_would_fit(annotation, value, message):
    def part(*, a): ...

    part.__annotations__["a"] = annotation
    assert checked(part, a=value) == {"a": message}


def test_a_missing_parameter_and_an_unknown_one_are_both_told():
    def part(*, alpha: int): ...

    signature = signature_of(part, "part")
    mistakes = {mistake.path: mistake for mistake in signature.check({"alhpa": 1})[1]}
    assert mistakes["alpha",].message == "is missing, and there is no default; give it a value"
    assert mistakes["alhpa",].unknown
    assert mistakes["alhpa",].candidates == ("alpha",)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"inner": {"sise": 1}}, ("outer", "inner", "sise")),
        ({"inner": {}, "some": [{}, {"sise": 1}]}, ("outer", "some", 1, "sise")),
        ({"inner": {}, "named": {"x": {"sise": 1}}}, ("outer", "named", "x", "sise")),
        ({"inner": {}, "maybe": {"sise": 1}}, ("outer", "maybe", "sise")),
    ],
)
def test_an_unknown_key_is_found_at_every_depth_with_the_keys_known_there(values, path):
    def part(*, outer: Outer): ...

    (mistake,) = signature_of(part, "part").check({"outer": values})[1]
    assert (mistake.path, mistake.unknown, mistake.candidates) == (path, True, ("size", "kind"))


def test_a_pydantic_model_among_the_parameters_swallows_no_unknown_key():
    def part(*, block: Lenient = Lenient()): ...

    (mistake,) = signature_of(part, "part").check({"block": {"sise": 2}})[1]
    assert (mistake.path, mistake.unknown, mistake.candidates) == (("block", "sise"), True, ("size",))


def test_what_a_block_itself_refuses_is_told_in_its_own_words():
    @dataclasses.dataclass
    class Even:
        n: int = 0

        def __post_init__(self) -> None:
            if self.n % 2:
                raise ValueError(f"n is even, not {self.n}")

    def part(*, even): ...

    part.__annotations__["even"] = Even
    assert checked(part, even={"n": 3}) == {"even": "n is even, not 3"}


def test_a_parameter_may_have_the_name_of_a_method_of_pydantics():
    def part(*, copy: int = 1, json: int = 2, schema: int = 3, model_config: int = 4, model_fields: int = 5): ...

    assert checked(part, model_config=7) == {"copy": 1, "json": 2, "schema": 3, "model_config": 7, "model_fields": 5}


def test_plain_values_hold_every_default_in_a_form_that_yaml_can_say():
    def part(
        *,
        path: Path = Path("a/b"),
        sizes: tuple[int, ...] = (1, 2),
        inner: Inner = Inner(),
        top: float = float("inf"),
        colour: Colour = Colour.RED,
    ): ...

    assert plain(signature_of(part, "part").model, {}) == {
        "path": "a/b",
        "sizes": [1, 2],
        "inner": {"size": 1, "kind": "a"},
        "top": float("inf"),
        "colour": "red",
    }


def test_protocols_make_slots_optional_ones_and_lists_of_them():
    def part(
        *, one: Encoder, maybe: Head | None = None, many: Sequence[Loss] = (), few: list[Transform] | None = None
    ): ...

    slots = signature_of(part, "part").slots
    assert {name: (slot.kind, slot.many, slot.optional) for name, slot in slots.items()} == {
        "one": ("encoders", False, False),
        "maybe": ("heads", False, True),
        "many": ("losses", True, False),
        "few": ("transforms", True, True),
    }


def test_facts_may_be_left_out_whether_or_not_they_have_a_default():
    def part(*, in_chans: int, num_classes: int = 2, other: int = 3): ...

    signature = signature_of(part, "part")
    assert signature.facts == {"in_chans": ..., "num_classes": 2}
    assert signature.check({})[1] == []
    assert checked(part, in_chans="three") == {"in_chans": "should be an integer, not 'three'"}


def test_a_class_without_a_constructor_of_its_own_takes_no_parameters():
    class Base:
        def __init__(self, *args, **kwargs) -> None: ...

    class Part(Base):
        pass

    class Bare:
        pass

    assert signature_of(Part, "part").parameters == ()
    assert signature_of(Bare, "part").parameters == ()
    (mistake,) = signature_of(Part, "part").check({"size": 1})[1]
    assert mistake.unknown


def test_a_constructor_inherited_from_a_class_of_the_plugin_counts_as_its_own():
    class Base:
        def __init__(self, *, size: int = 1) -> None: ...

    class Part(Base):
        pass

    assert checked(Part, size=2) == {"size": 2}


def test_a_dataclass_and_a_partial_can_be_components():
    def part(*, a: int, b: int = 2): ...

    assert checked(Inner, size=4) == {"size": 4, "kind": "a"}
    assert checked(functools.partial(part, a=5)) == {"a": 5, "b": 2}


def test_a_component_without_annotations_is_refused():
    def part(*, a=1): ...

    assert refusal(part) == "'part': parameter 'a' has no annotation, so a recipe cannot be checked"


def test_a_component_that_takes_anything_is_refused():
    def stars(*args: int): ...

    def double(*, a: int, **options: int): ...

    def positional(a: int, /): ...

    way = "has no name that a recipe could say; use keyword parameters"
    assert refusal(stars) == f"'part': parameter '*args' {way}"
    assert refusal(double) == f"'part': parameter '**options' {way}"
    assert refusal(positional) == f"'part': parameter 'a' {way}"


def test_an_annotation_that_is_imported_for_type_checkers_only_is_refused_with_the_way_out():
    def part(*, a: Decimal): ...

    assert "the annotation 'Decimal' of 'a' cannot be evaluated" in refusal(part)
    assert refusal(part).endswith("import its names at run time, not under TYPE_CHECKING")


def test_an_annotation_that_yaml_cannot_express_is_refused():
    class Thing:
        pass

    def part(*, a): ...

    part.__annotations__["a"] = Thing
    assert "'part': its signature cannot be read from YAML (" in refusal(part)
    part.__annotations__["a"] = dict[str, Encoder]
    assert "'part': its signature cannot be read from YAML (" in refusal(part)


def test_a_callable_default_is_no_reason_to_fall_over():
    def part(*, a: Callable[[], int] | None = None): ...

    assert checked(part) == {"a": None}


@pytest.mark.parametrize("thing", [5, "text", None, type, Exception])
def test_a_thing_without_a_signature_is_refused(thing):
    assert "without a signature; register a class or a function" in refusal(thing)


def test_a_slot_with_an_object_for_its_default_is_refused():
    def one(*, base: Encoder = object()): ...

    def many(*, bases: Sequence[Encoder] = (object(),)): ...

    assert "'base' takes encoders, so its default is None (and X | None as annotation), not <object" in refusal(one)
    assert "parameter 'bases' takes encoders, so its default is an empty list, not (<object" in refusal(many)
