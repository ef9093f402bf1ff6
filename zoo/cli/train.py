"""``zoo train``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo import console
from zoo.cli import ending
from zoo.cli.options import Device, DeviceOption, Format, FormatOption, RecipeArgument, SetOption
from zoo.cli.watching import watching

if TYPE_CHECKING:
    from zoo.training import Record


def command(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    *,
    out: Annotated[Path | None, typer.Option("--out", help="The run folder, if not runs/RECIPE/UTC-DIGEST.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest run that did not finish.")] = False,
    first: Annotated[
        str | None, typer.Option("--from", metavar="STAGE", help="Make this stage and those behind it anew.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option("--seed", help="Short for --set train.seeds; repeatable.")] = None,
    device: DeviceOption = Device.auto,
    page: Annotated[bool, typer.Option("--report/--no-report", help="Draw figures and write the run's page.")] = True,
    output: FormatOption = Format.human,
) -> None:
    """Train a recipe, score it beside its floors, and leave a run folder."""
    from zoo import allocator, experiment

    allocator.hold_memory()
    given = [*(overrides or []), *([f"train.seeds={seed}"] if seed else [])]
    run, filled = experiment.start(recipe, given, out=out, resume=resume, first=first, draws=page)
    for note in filled.notes:
        console.say(f"note: {note}")
    for dropped in filled.dropped:
        console.say(f"note: {dropped} is dropped, the part now named does not know it")
    metrics, written = _follow(experiment.train(run, filled, device.value, first))
    if not metrics:
        return
    if output is Format.json:
        console.result_json({"run": str(run.folder), **metrics, "page": written.get("path") or None})
        return
    console.result(console.scores_table(metrics))
    for table in console.parts_tables(metrics):
        console.result(table)
    console.result(console.counts_line(metrics))
    for note in metrics["notes"]:
        console.result(f"note: {note}")
    console.result(f"run: {run.folder}")
    why = written.get("problem") or ("ZOO_REPORT=off" if page else "--no-report")
    for line in ending.lines(metrics, run.folder, written.get("path", ""), why):
        console.result(line)


def _follow(records: Iterable[Record]) -> tuple[dict[str, Any], dict[str, str]]:
    """Show what the loop tells, a line an epoch and a stage; return the metrics, and where the page is or why not."""
    metrics: dict[str, Any] = {}
    page: dict[str, str] = {}
    with watching() as watch:
        for record in records:
            watch.take(record)
            if record.kind == "run":
                metrics = record.values
            elif record.kind == "page":
                page = record.values
            elif record.kind not in {"plan", "batch", "progress"}:
                console.say(_line(record) + (watch.aside if record.kind == "epoch" else ""))
    return metrics, page


def _line(record: Record) -> str:
    values = record.values
    if record.kind == "stage":
        made = "kept from before" if values["kept"] else f"made in {values['seconds']:.0f} s"
        return f"{record.member}: stage {values['stage']} {made}"
    if record.kind == "member":
        where = "the CPU" if values["device"] == "cpu" else values["device"]
        number = values["parameters"]
        size = f"{number / 1e6:.1f} M" if number >= 1e5 else f"{number:,}"  # noqa: PLR2004 - 0.1 M
        return f"{record.member}: {values['items']} training items, {size} parameters, on {where}"
    if record.kind == "scored":
        scores = ", ".join(
            f"{group} " + " ".join(f"{name} {console.rounded(value)}" for name, value in list(found.items())[:3])
            for group, found in values.items()
        )
        return f"{record.member}: {scores}"
    losses = " ".join(f"{k} {v:.4f}" for k, v in values.items() if k == "loss" or k.startswith("val_"))
    return (
        f"{record.member}: epoch {record.epoch + 1}/{record.epochs} {losses} ({values['items_per_second']:.0f} items/s)"
    )
