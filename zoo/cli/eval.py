"""``zoo eval``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Device, DeviceOption, Format, FormatOption, ModelArgument, SetOption, torch_device
from zoo.cli.watching import watching

if TYPE_CHECKING:
    from zoo.report.evaluated import Asked


def command(
    model: ModelArgument,
    overrides: SetOption = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder for what was predicted beside what was measured.")
    ] = None,
    device: DeviceOption = Device.auto,
    page: Annotated[bool, typer.Option("--report/--no-report", help="Draw figures and write a page of it.")] = True,
    output: FormatOption = Format.human,
) -> None:
    """Score a finished run or a pulled model again, on its own data or (--set data.root=...) on others."""
    from zoo.folders import page_wanted
    from zoo.pull import folder_of
    from zoo.report import evaluated
    from zoo.rescore import rescore

    asked = evaluated.Asked(folder_of(model), model, overrides or [], torch_device(device))
    place = evaluated.folder_for(asked.source, out) if page and page_wanted() else None
    with watching():
        figures = place / evaluated.FIGURES if place else None
        metrics = rescore(asked.source, list(asked.overrides), asked.device, out, figures=figures)
        if place:
            metrics["page"] = _page(asked, metrics, place)
    if output is Format.json:
        console.result_json(metrics)
        return
    console.result(console.scores_table(metrics))
    for table in console.parts_tables(metrics):
        console.result(table)
    console.result(console.counts_line(metrics))
    for note in metrics["notes"]:
        console.result(f"note: {note}")
    for file in metrics.get("files", ()):
        console.result(file)
    if metrics.get("page"):
        console.result(f"page: {metrics['page']}")


def _page(asked: Asked, metrics: dict[str, Any], place: Path) -> str:
    """Write the page; one that cannot be written is a note and takes nothing from the scores."""
    from zoo.errors import ZooError
    from zoo.report import evaluated

    try:
        return str(evaluated.write(asked, metrics, place))
    except ZooError as error:
        metrics["notes"].append(f"no page: {error}")
        return ""
