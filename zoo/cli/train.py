"""``zoo train``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Device, DeviceOption, Format, FormatOption, RecipeArgument, SetOption

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
    metrics = _follow(experiment.train(run, filled, device.value, first))
    if not metrics:
        return
    page_made = metrics.pop("page", {})
    if output is Format.json:
        console.result_json({"run": str(run.folder), **metrics})
        return
    console.result(console.scores_table(metrics))
    for table in console.parts_tables(metrics):
        console.result(table)
    console.result(console.counts_line(metrics))
    for note in metrics["notes"]:
        console.result(f"note: {note}")
    console.result(f"run: {run.folder}")
    if page_made.get("path"):
        console.result(f"page: {page_made['path']}")
    console.result(f"next: zoo eval {run.folder}")


def _follow(records: Iterable[Record]) -> dict[str, Any]:
    """Show what the loop tells: a bar on a terminal, a line an epoch and a stage everywhere."""
    metrics: dict[str, Any] = {}
    with console.progress() as bar:
        task = bar.add_task("starting", total=None) if bar else None
        for record in records:
            if record.kind == "run":
                metrics = record.values
            elif record.kind == "page":
                metrics["page"] = record.values
            elif record.kind == "batch" and bar and task is not None:
                label = f"{record.member} epoch {record.epoch + 1}/{record.epochs}"
                bar.update(task, description=label, completed=record.values["batch"], total=record.values["batches"])
            elif record.kind == "progress" and bar and task is not None:
                values = record.values
                bar.update(task, description=f"{values['stage']}", completed=values["done"], total=values["total"])
            elif record.kind not in {"batch", "progress"}:
                console.say(_line(record))
    return metrics


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
