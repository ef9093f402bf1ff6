"""The only mouth: results go to stdout, everything else to stderr; no colour or bar where nobody is watching."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_level = {"quiet": 0, "verbose": 0}


def set_level(*, quiet: bool = False, verbose: bool = False) -> None:
    """Say less (``-q``) or more (``-v``)."""
    _level.update(quiet=int(quiet), verbose=int(verbose))


def verbose() -> bool:
    """Return whether ``-v`` was given."""
    return bool(_level["verbose"])


def quiet() -> bool:
    """Return whether ``-q`` was given."""
    return bool(_level["quiet"])


def stderr() -> Console:
    """Return a console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def harmless(text: str) -> str:
    """Return a text, which may be a stranger's, without the characters that a terminal would act on."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def say(text: str) -> None:
    """Tell what is going on, on stderr."""
    if not _level["quiet"]:
        print(harmless(text), file=sys.stderr, flush=True)


def error(text: str) -> None:
    """Tell what went wrong, on stderr, also when quiet."""
    secret = os.environ.get("HF_TOKEN", "")
    for line in harmless(text.replace(secret, "***") if secret else text).splitlines() or [""]:
        print(f"error: {line}", file=sys.stderr, flush=True)


def result(text: str) -> None:
    """Print a result on stdout."""
    print(harmless(text), flush=True)


def result_json(value: Any) -> None:
    """Print a result as JSON on stdout."""
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str), flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return an aligned plain-text table; a pipe reads it as well as an eye."""
    cells = [list(map(str, row)) for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def rounded(value: float | None) -> str:
    """Return a score with three decimals, a dash where there is none."""
    return "-" if value is None or value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN is not itself


def size(number: int) -> str:
    """Return a number of bytes in kB or MB, of equal width."""
    return f"{number / 1e3:7.1f} kB" if number < 1e6 else f"{number / 1e6:7.1f} MB"  # noqa: PLR2004 - a MB


def scores_table(metrics: dict[str, Any]) -> str:
    """Return model and floors in one table: intervals, spread over seeds, and the margin over the best floor."""
    floors = list(metrics["floors"])
    several = any(found["seed_sd"] is not None for found in metrics["scores"].values())
    rows = []
    for score, found in metrics["scores"].items():
        margin = metrics["above_floor"][score]
        rows.append(
            [
                score,
                rounded(found["mean"]),
                *([rounded(found["seed_sd"])] if several else []),
                _interval(found["interval"]),
                *(rounded(metrics["floors"][floor][score]["mean"]) for floor in floors),
                rounded(margin["mean"]),
                _interval(margin["interval"]),
            ]
        )
    spread = ["sd of seeds"] if several else []
    return table(["score", "model", *spread, "95% interval", *floors, "above best floor", "95% interval"], rows)


def parts_tables(metrics: dict[str, Any]) -> list[str]:
    """Return what led to a model beside it, a row each: the members of an ensemble, the models of earlier stages."""
    found = []
    for key, called in (("ensemble", "vote"), ("stages", "model")):
        parts = metrics.get(key) or {}
        # stages lead up to the model, members vote under it
        ordered = {called: metrics["scores"], **parts} if key == "ensemble" else {**parts, called: metrics["scores"]}
        rows = [[name, *(rounded(one["mean"]) for one in columns.values())] for name, columns in ordered.items()]
        found.extend([table(["", *metrics["scores"]], rows)] if parts else [])
    return found


def compare_table(found: dict[str, Any]) -> str:
    """Return runs and their floors score by score, and how much better each run is than the first."""
    pairs = {
        (pair["run"], pair["score"]): pair for pair in found["differences"] if pair["against"] == found["reference"]
    }
    several = any(column["seed_sd"] is not None for run in found["runs"] for column in run["scores"].values())
    rows = []
    for score, higher in found["higher_is_better"].items():
        name = score if higher else f"{score} (lower is better)"
        for run in found["runs"]:
            column, margin = run["scores"][score], run["above_floor"][score]
            spread = [rounded(column["seed_sd"])] if several else []
            cells = [rounded(column["mean"]), *spread, _interval(column["interval"])]
            above = [rounded(margin["mean"]), _interval(margin["interval"])]
            rows.append([name, run["run"], *cells, *above, *_pair(pairs.get((run["run"], score)))])
        rows += [[name, of, mean, *[""] * (6 + several)] for of, mean in _floor_rows(found["runs"], score)]
    spread = ["sd of seeds"] if several else []
    above = ["above best floor", "95% interval", f"better than {found['reference']} by", "95% interval", "groups won"]
    return table(["score", "run", "mean", *spread, "95% interval", *above], rows)


def _pair(pair: dict[str, Any] | None) -> list[str]:
    if pair is None:
        return ["", "", ""]
    won = "-" if pair["better_groups"] is None else f"{pair['better_groups']} of {pair['groups']}"
    return [rounded(pair["mean"]), _interval(pair["interval"]), won]


def _floor_rows(runs: Sequence[dict[str, Any]], score: str) -> list[tuple[str, str]]:
    """Return the floors of all runs by name, once where they have the same value in all."""
    rows = []
    for floor in dict.fromkeys(name for run in runs for name in run["floors"]):
        means = {run["run"]: rounded(run["floors"][floor][score]["mean"]) for run in runs if floor in run["floors"]}
        means = {run: mean for run, mean in means.items() if mean != "-"}
        same = len(means) == len(runs) and len(set(means.values())) == 1
        named = [(f"floor {floor}" if same else f"floor {floor} of {run}", mean) for run, mean in means.items()]
        rows += named[:1] if same else named
    return rows


def counts_line(metrics: dict[str, Any]) -> str:
    """Return what the task counted in the first groups (constant genes, for instance), on one line."""
    groups = list(metrics["counts"].items())
    shown = [
        f"{group} " + " ".join(f"{name} {value:g}" for name, value in found.items()) for group, found in groups[:4]
    ]
    more = [f"{len(groups) - 4} more groups in metrics.json"] if len(groups) > 4 else []  # noqa: PLR2004 - a line's worth
    return "counted: " + "; ".join([*shown, *more])


def _interval(bounds: Sequence[float] | None) -> str:
    return f"[{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else "-"
