"""``zoo ls``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption


def command(
    what: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="encoders, ..., models, recipes or runs; all if not given.")
    ] = None,
    *,
    load: Annotated[
        bool, typer.Option("--load", help="Import every component too, which finds those that fail only then.")
    ] = False,
    output: FormatOption = Format.human,
) -> None:
    """List what is installed: components by kind, models, recipes, runs; what is broken is listed with its reason."""
    from zoo.errors import UsageError
    from zoo.registry import KINDS, MODELS, Registry
    from zoo.shelves import Shelves

    others = (MODELS, "recipes", "runs")
    if what not in {None, *KINDS, *others}:
        raise UsageError(f"'{what}' cannot be listed; choose one of {', '.join([*KINDS, *others])}")
    registry = Registry()
    rows = _components(registry, what, load=load) if what not in others else []
    rows += _models(registry) if what in {None, MODELS} else []
    rows += _runs() if what == "runs" else []
    conflicts = [str(c) for c in registry.conflicts() if what in {None, c.kind}]
    troubles = registry.troubles if what not in {"recipes", "runs"} else []
    if what in {None, "recipes"}:
        shelves = Shelves(registry)
        rows += _recipes(shelves)
        conflicts += shelves.conflicts
        troubles += shelves.troubles
    if output is Format.json:
        console.result_json({"entries": rows, "conflicts": conflicts, "troubles": troubles})
        return
    shown = [[row["kind"], row["name"], row["from"], row["problem"] or row["summary"]] for row in rows]
    if shown:
        console.result(console.table(["kind", "name", "from", "what"], shown))
    else:
        console.say(f"there are no {what or 'components'} here")
    for row in rows:
        if row["problem"]:
            console.error(f"{row['kind']} {row['name']} of {row['from']} is broken: {row['problem']}")
    for trouble in [*conflicts, *troubles]:
        console.error(trouble)


def _components(registry: Any, kind: str | None, *, load: bool) -> list[dict[str, str]]:
    from zoo.plugins import failure
    from zoo.trace import sources_of

    rows = []
    entries = registry.entries(kind)
    for entry, source in zip(entries, sources_of(entries), strict=True):
        came = f"{entry.distribution} {entry.version}"
        problem = source.problem or (failure(entry) if load else "")
        rows.append(
            {"kind": entry.kind, "name": entry.name, "from": came, "summary": source.summary, "problem": problem}
        )
    return rows


def _models(registry: Any) -> list[dict[str, str]]:
    from zoo import catalogue

    return [
        {
            "kind": "models",
            "name": model.name,
            "from": model.distribution,
            "summary": model.summary,
            "problem": model.problem,
            "source": str(model.source or ""),
            "sha256": model.source.sha256 if model.source else "",
        }
        for model in catalogue.models(registry)
    ]


def _recipes(shelves: Any) -> list[dict[str, str]]:
    """Return those of the working directory, whose names go before, and those that distributions bring."""
    from zoo.shelves import here

    own = here()
    found = {name: (path, str(path)) for name, path in own.items()}
    found |= {name: (recipe.path, str(recipe)) for name, recipe in shelves.found.items() if name not in own}
    rows = []
    for name, (path, came) in found.items():
        summary, problem = _first_line(path)
        rows.append(
            {"kind": "recipes", "name": name, "from": came, "summary": summary, "problem": problem, "file": str(path)}
        )
    return rows


def _first_line(path: Any) -> tuple[str, str]:
    """Return what a recipe says of itself in its first comment, lines for editors left out, or why it says nothing."""
    from zoo import bounded
    from zoo.errors import ZooError

    try:
        lines = bounded.read_text(path).removeprefix("\ufeff").splitlines()
    except ZooError as error:
        return "", str(error)
    said = [line for line in lines if not line.startswith("# yaml-language-server:")]
    return said[0].removeprefix("#").strip() if said and said[0].startswith("#") else "", ""


def _runs() -> list[dict[str, str]]:
    from zoo.errors import RunError
    from zoo.folders import runs_folder
    from zoo.run import Run

    rows = []
    for path in sorted(runs_folder().glob("*/*/recipe.yaml")):
        state, problem = "", ""
        try:
            state = Run(path.parent).status.get("state", "not begun")
        except RunError as error:
            problem = str(error)
        name = path.parent.parent.name
        rows.append({"kind": "runs", "name": name, "from": str(path.parent), "summary": state, "problem": problem})
    return rows
