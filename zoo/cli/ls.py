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

    others = (MODELS, "recipes", "runs")
    if what not in {None, *KINDS, *others}:
        raise UsageError(f"'{what}' cannot be listed; choose one of {', '.join([*KINDS, *others])}")
    registry = Registry()
    rows = _components(registry, what, load=load) if what not in others else []
    rows += _models(registry) if what in {None, MODELS} else []
    rows += _recipes() if what in {None, "recipes"} else []
    rows += _runs() if what == "runs" else []
    conflicts = [str(c) for c in registry.conflicts() if what in {None, c.kind}]
    troubles = registry.troubles if what not in {"recipes", "runs"} else []
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
    from zoo.trace import source_of

    rows = []
    for entry in registry.entries(kind):
        source = source_of(entry)
        came = f"{entry.distribution} {entry.version}"
        problem = source.problem or (_failure(entry) if load else "")
        rows.append(
            {"kind": entry.kind, "name": entry.name, "from": came, "summary": source.summary, "problem": problem}
        )
    return rows


def _failure(entry: Any) -> str:
    from zoo.errors import MissingError

    try:
        entry.load()
    except MissingError as error:
        return str(error)
    return ""


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


def _recipes() -> list[dict[str, str]]:
    from zoo.document import text_of
    from zoo.errors import ZooError
    from zoo.recipe import shipped

    rows = []
    for name, path in shipped().items():
        summary, problem = "", ""
        try:
            first = text_of(path).partition("\n")[0]
            summary = first.removeprefix("#").strip() if first.startswith("#") else ""
        except ZooError as error:
            problem = str(error)
        rows.append({"kind": "recipes", "name": name, "from": str(path), "summary": summary, "problem": problem})
    return rows


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
