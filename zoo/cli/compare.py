"""``zoo compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption


def command(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN ...", help="Run folders, or packages as of 'zoo eval'; the first is the reference."
        ),
    ],
    *,
    scores: Annotated[
        list[str] | None, typer.Option("--score", metavar="NAME", help="This score only; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A JSON file to write as well.")] = None,
    output: FormatOption = Format.human,
) -> None:
    """Compare finished runs: paired differences over the test groups they share, with intervals and floors."""
    from zoo.atomic import write_json
    from zoo.compare import compare

    found = compare(runs, scores or [])
    if out is not None:
        write_json(out, found)
    if output is Format.json:
        console.result_json(found)
        return
    console.result(console.compare_table(found))
    for note in found["notes"]:
        console.result(f"note: {note}")
