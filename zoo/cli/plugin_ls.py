"""``zoo plugin ls``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption


def command(
    *,
    load: Annotated[
        bool, typer.Option("--load", help="Import every part and verb too, which finds those that fail only then.")
    ] = False,
    output: FormatOption = Format.human,
) -> None:
    """List the installed plugins: what each brings, and what is broken and why; 'zoo doctor' fails on what is broken.

    The exit code is 0 when the listing worked, also where something listed is broken.
    """
    from zoo.plugins import listed

    found = listed(load=load)
    if output is Format.json:
        console.result_json(found)
        return
    console.result(console.table(["plugin", "version", "brings"], [_row(plugin) for plugin in found["plugins"]]))
    for plugin in found["plugins"]:
        for what, problem in _problems(plugin):
            console.error(f"{what} of {plugin['distribution']} {plugin['version']} is broken: {problem}")
    for sentence in [*found["conflicts"], *found["troubles"]]:
        console.error(sentence)


def _row(plugin: dict[str, Any]) -> list[str]:
    brings = _brings(plugin)
    if plugin["left_out"]:
        brings = f"left out by ZOO_PLUGINS ({brings})"
    return [plugin["distribution"], plugin["version"], brings]


def _brings(plugin: dict[str, Any]) -> str:
    """Return what a plugin brings on one line: names by kind, and how many recipes and models."""
    by_kind: dict[str, list[str]] = {}
    for part in plugin["parts"]:
        by_kind.setdefault(part["kind"], []).append(part["name"])
    said = [f"{kind}: {', '.join(names)}" for kind, names in by_kind.items()]
    for key, one in (("recipes", "1 recipe"), ("models", "1 model")):
        number = len(plugin[key])
        said += [one if number == 1 else f"{number} {key}"] if number else []
    verbs = [verb["name"] for verb in plugin["commands"]]
    return "; ".join([*said, *([f"verbs: {', '.join(verbs)}"] if verbs else [])]) or "nothing"


def _problems(plugin: dict[str, Any]) -> list[tuple[str, str]]:
    from zoo.registry import singular

    parts = [(f"{singular(part['kind'])} {part['name']}", part["problem"]) for part in plugin["parts"]]
    models = [(f"model {model['name']}", model["problem"]) for model in plugin["models"]]
    verbs = [(f"command {verb['name']}", verb["problem"]) for verb in plugin["commands"]]
    return [(what, problem) for what, problem in [*parts, *models, *verbs] if problem]
