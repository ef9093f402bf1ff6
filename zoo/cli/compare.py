"""``zoo compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    page: Annotated[
        Path | None, typer.Option("--page", help="The page, if not compare-UTC/report.html among the runs.")
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write a page of the comparison.")] = True,
    output: FormatOption = Format.human,
) -> None:
    """Compare finished runs: paired differences over the test groups they share, with intervals and floors."""
    from zoo.atomic import write_json
    from zoo.compare import compare
    from zoo.folders import page_wanted
    from zoo.report import where

    where.checked(page, "--page")
    found = compare(runs, scores or [])
    if page is not None or (report and page_wanted()):
        found["page"] = _page(found, page)
    if out is not None:
        write_json(out, found)
    if output is Format.json:
        console.result_json(found)
        return
    console.result(console.compare_table(found))
    for note in found["notes"]:
        console.result(f"note: {note}")
    if found.get("page"):
        console.result(f"page: {found['page']}")


def _page(found: Mapping[str, Any], page: Path | None) -> str:
    """Write the page; one that cannot be written takes nothing from the comparison, unless it was named."""
    from zoo.errors import ZooError
    from zoo.report import comparison, where

    try:
        return str(comparison.write(found, page or where.new_folder("compare") / where.PAGE))
    except ZooError as error:
        if page is not None:
            raise
        console.say(f"note: no page: {error}")
        return ""
