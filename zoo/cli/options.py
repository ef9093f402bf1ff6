"""Options that several verbs share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How a result is printed."""

    human = "human"
    json = "json"


class Device(StrEnum):
    """Where a model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def tell_of_name(model: str) -> str:
    """Tell who names a model of the catalogue by a name that has changed, and return the name as it was given."""
    from zoo import console
    from zoo.catalogue import note_of

    note = note_of(model)
    if note:
        console.say(f"note: {note}")
    return model


RecipeArgument = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Path of a recipe, or the name of a shipped one.")
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A run folder, a package folder, a name of 'zoo ls models', or org/name[@rev].",
        callback=tell_of_name,
    ),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Override a value of the recipe; repeatable.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="For people or for programs.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes CUDA where there is one.")]


def torch_device(device: Device) -> str:
    """Return the device of one process.

    Raises
    ------
    UsageError
        CUDA was asked for and is not there.
    """
    import torch

    from zoo.errors import UsageError

    there = torch.cuda.is_available()
    if device is Device.cuda and not there:
        raise UsageError("--device cuda: no CUDA device is there; leave it out, or say --device cpu")
    return "cuda" if there and device is not Device.cpu else "cpu"
