"""The stages of a recipe as plain blocks: what they are called, what they take over, what they leave no room for."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.document import KeyPath
from zoo.schema import OF_STAGES, SHARED, is_name
from zoo.signature import Signature, short

STAGES = "stages"


def named(stated: Mapping[str, Any], filled: dict[str, Any]) -> dict[str, Any]:
    """Return a filled block with its name, which is that of its part where none is stated."""
    name = stated.get("name")
    own = {key: value for key, value in filled.items() if key != "use"}
    return {"use": stated.get("use"), "name": stated.get("use") if name is None else name, **own}


def mistakes(
    data: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]], signatures: Mapping[tuple[str, str], Signature]
) -> Iterator[tuple[KeyPath, str]]:
    """Give what is wrong with the stages of a recipe beyond what each block says of itself, and where."""
    yield from _elsewhere(data)
    before: list[str] = []
    for number, block in enumerate(blocks):
        name = block["name"]
        if not isinstance(name, str) or not is_name(name):
            yield (
                (STAGES, number, "name"),
                f"is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not {short(name)}",
            )
        elif name in before:
            yield (STAGES, number, "name"), f"'{name}' is the name of an earlier stage; give each one of its own"
        signature = signatures.get((STAGES, str(block.get("use"))))
        for parameter in signature.taken if signature else ():
            message = _not_taken(block.get(parameter), before)
            if message:
                yield (STAGES, number, parameter), message
        before.append(str(name))


def _not_taken(wanted: Any, before: Sequence[str]) -> str:
    """Return why a stage cannot take over what it names; empty where it can, or names nothing."""
    if not isinstance(wanted, str) or wanted in before:
        return ""
    near = difflib.get_close_matches(wanted, before, n=1)
    way = f", did you mean {near[0]}?" if near else f"; before it stand {', '.join(before) or 'none'}"
    return f"'{wanted}' is no stage before this one{way}"


def _elsewhere(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Give what stands at the top of the recipe and belongs to the stages that train."""
    for key in OF_STAGES:
        if data.get(key) is not None:
            yield (key,), "belongs to one training, and this recipe has stages; say it in the stage that trains"
    transforms, train = data.get("transforms"), data.get("train")
    if isinstance(transforms, dict) and transforms.get("train"):
        yield ("transforms", "train"), "belong to one training, and this recipe has stages; say them in the stage"
    for key in train if isinstance(train, dict) else ():
        if key not in SHARED:
            yield ("train", key), f"belongs to one training; at the top stand {', '.join(SHARED)}, say it in the stage"
