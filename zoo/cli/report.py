"""``zoo report``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Device, DeviceOption, ModelArgument, SetOption, torch_device
from zoo.cli.watching import watching


def command(
    run: ModelArgument,
    overrides: SetOption = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The page, if not report.html in the run folder (of a package, RECIPE-report.html here)."
        ),
    ] = None,
    draw: Annotated[
        bool, typer.Option("--draw", help="Predict the test groups again and draw the figures anew; needs the data.")
    ] = False,
    device: DeviceOption = Device.auto,
) -> None:
    """Write the page of a run: verdict, figures, tables, and how to make it again."""
    from zoo import report
    from zoo.errors import UsageError
    from zoo.pull import folder_of
    from zoo.report import where

    where.checked(out)
    if overrides and not draw:
        raise UsageError("--set: a page is made of what lies in the folder; say --draw too, or zoo eval for other data")
    folder = folder_of(run)
    with watching():
        path = _drawn(folder, overrides or [], torch_device(device), out) if draw else report.write(folder, out)
    console.result(f"page: {path}")


def _drawn(folder: Path, overrides: list[str], device: str, out: Path | None) -> Path:
    """Draw the figures of a run in its folder, those of a package where nothing of them stays, and write the page."""
    from zoo import config, report
    from zoo.report import facts
    from zoo.rescore import redraw
    from zoo.run import Run

    facts.read(folder)  # refuses what is neither run nor package
    if not (folder / config.NAME).is_file():
        redraw(folder, overrides, device, Run(folder).report_folder)
        return report.write(folder, out)
    with tempfile.TemporaryDirectory(prefix="zoo-report-") as place:
        return report.write(folder, out, redraw(folder, overrides, device, Path(place) / "report"))
