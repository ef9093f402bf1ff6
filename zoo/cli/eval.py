"""``zoo eval``."""

from __future__ import annotations

from zoo import console
from zoo.cli.options import Device, DeviceOption, Format, FormatOption, RunArgument, SetOption, torch_device


def command(
    run: RunArgument,
    overrides: SetOption = None,
    *,
    device: DeviceOption = Device.auto,
    output: FormatOption = Format.human,
) -> None:
    """Score a finished run again, on its own data or (--set data.root=...) on others."""
    from zoo.rescore import rescore
    from zoo.run import Run

    metrics = rescore(Run.open(run), overrides or [], torch_device(device))
    if output is Format.json:
        console.result_json(metrics)
        return
    console.result(console.scores_table(metrics))
    console.result(console.counts_line(metrics))
    for note in metrics["notes"]:
        console.result(f"note: {note}")
