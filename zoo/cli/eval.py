"""``zoo eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Device, DeviceOption, Format, FormatOption, ModelArgument, SetOption, torch_device
from zoo.cli.watching import watching


def command(
    model: ModelArgument,
    overrides: SetOption = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="A folder for what was predicted beside what was measured.")
    ] = None,
    device: DeviceOption = Device.auto,
    output: FormatOption = Format.human,
) -> None:
    """Score a finished run or a pulled model again, on its own data or (--set data.root=...) on others."""
    from zoo.pull import folder_of
    from zoo.rescore import rescore

    with watching():
        metrics = rescore(folder_of(model), overrides or [], torch_device(device), out)
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
