"""``zoo predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Device, DeviceOption, ModelArgument, torch_device


def command(
    model: ModelArgument,
    *,
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    image: Annotated[Path | None, typer.Option("--image", help="An image.")] = None,
    spots: Annotated[Path | None, typer.Option("--spots", help="Table of spots with pixel_x and pixel_y.")] = None,
    source: Annotated[Path | None, typer.Option("--input", help="Any other input that the data know.")] = None,
    member: Annotated[str | None, typer.Option("--member", help="Which member; the first if not given.")] = None,
    device: DeviceOption = Device.auto,
) -> None:
    """Predict for new input with a trained run or a published model, which is pulled if it is not here."""
    from zoo import api

    given = {"image": image, "spots": spots, "input": source}
    inputs = {name: path for name, path in given.items() if path is not None}
    predictor = api.load(model, member, device=torch_device(device))
    prediction = predictor.predict(**inputs)
    prediction.write(out)
    for note in prediction.notes:
        console.say(f"note: {note}")
    console.say(f"{len(prediction)} items predicted by member {predictor.loaded.config.member}")
    console.result(str(out))
