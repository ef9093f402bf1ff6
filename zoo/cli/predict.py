"""``zoo predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Device, DeviceOption, ModelArgument, torch_device
from zoo.cli.watching import watching
from zoo.errors import UsageError

# which files and settings there are is known to the model alone
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


def command(
    context: typer.Context,
    model: ModelArgument,
    *,
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    member: Annotated[str | None, typer.Option("--member", help="Which member; the first if not given.")] = None,
    device: DeviceOption = Device.auto,
) -> None:
    """Predict for new input with a trained run or a published model, which is pulled if it is not here.

    What the input is depends on the model, and is said as --NAME VALUE: --image FILE --spots FILE for spots of a
    section, --image FILE --grid 100um for points over a whole slide, --input FILE for most others. An unknown name is
    answered with those that the model takes.
    """
    from zoo import api

    given = _pairs(context.args)
    with watching():
        predictor = api.load(model, member, device=torch_device(device))
        prediction = predictor.predict(**given)
        prediction.write(out)
    for note in [*predictor.loaded.filled.notes, *prediction.notes]:
        console.say(f"note: {note}")
    items = "1 item" if len(prediction) == 1 else f"{len(prediction)} items"
    console.say(f"{items} predicted by member {predictor.loaded.config.member}")
    console.result(str(out))


def _pairs(words: list[str]) -> dict[str, str]:
    """Return the options that zoo does not know itself, ``--um-per-px 0.5`` or ``--um-per-px=0.5``."""
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not name.startswith("--") or not name[2:].replace("-", "_").isidentifier():
            raise UsageError(f"{word}: say input as --NAME VALUE, for example --image section.tiff")
        if not equals:
            value = next(rest, "")
        if not value or value.startswith("--"):
            raise UsageError(f"{name}: needs a value, for example {name} FILE")
        key = name[2:].replace("-", "_")
        if key in given:
            raise UsageError(f"{name}: is said twice; say it once")
        given[key] = value
    return given
