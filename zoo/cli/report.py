"""``zoo report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import ModelArgument


def command(
    run: ModelArgument,
    *,
    out: Annotated[Path | None, typer.Option("--out", help="The page, if not report.html in the run folder.")] = None,
) -> None:
    """Write the page of a run: verdict, figures, tables, and how to make it again."""
    from zoo import report
    from zoo.pull import folder_of

    console.result(f"page: {report.write(folder_of(run), out)}")
