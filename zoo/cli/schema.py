"""``zoo schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo import console


def command(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there, whole or not at all.")
    ] = None,
) -> None:
    """Print the JSON Schema of recipes for editors, composed of the core and every installed plugin.

    An editor with a YAML language server finds zoo.schema.json by the second line of the shipped recipes.
    """
    from zoo import atomic, json_schema

    composed = json_schema.compose()
    for note in composed.notes:
        console.say(f"note: {note}")
    if out is None:
        console.result_json(composed.schema)
        return
    atomic.write_json(out, composed.schema)
    console.say(f"{out} is written")
