"""``zoo plugin check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption

BROKEN = 5


def command(
    plugin: Annotated[
        str, typer.Argument(metavar="PLUGIN", help="An installed distribution, or the folder of its project.")
    ],
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="This part only; repeatable.")
    ] = None,
    output: FormatOption = Format.human,
) -> None:
    """Check all that an installed plugin brings against what its kind promises; exit code 5 where it does not hold."""
    from zoo.testing import distribution

    name, version = distribution.named(plugin)
    found = []
    for part, findings in distribution.examined(name, only=only or []):
        found.append((part, findings))
        console.say(f"checked {part}")
    told = distribution.report(name, version, found)
    if output is Format.json:
        console.result_json(told)
    else:
        _show(told)
    if not told["passed"]:
        raise typer.Exit(BROKEN)


def _show(told: dict[str, Any]) -> None:
    """Print a row a check, what is to be said of it below, and a count."""
    from zoo.kinds import singular

    every = [(part, check) for part in told["parts"] for check in part["checks"]]
    rows = [[f"{singular(part['kind'])} {part['name']}", check["check"], check["verdict"]] for part, check in every]
    lines = console.table(["part", "check", "verdict"], rows).splitlines()
    console.result(lines[0])
    said: set[str] = set()
    for line, (_, check) in zip(lines[1:], every, strict=True):
        console.result(line)
        place = f" ({check['place']})" if check["place"] else ""
        sentence = f"    {check['message']}{place}"
        if check["message"] and check["verdict"] != "PASS" and sentence not in said:
            console.result(sentence)
            said.add(sentence)
    console.result(_count(told, [check["verdict"] for _, check in every]))


def _count(told: dict[str, Any], verdicts: Sequence[str]) -> str:
    many = Counter(verdicts)
    words = {"PASS": "passed", "WARN": "warned", "SKIP": "skipped", "FAIL": "failed"}
    counted = ", ".join(f"{many[verdict]} {word}" for verdict, word in words.items() if many[verdict])
    return f"{told['distribution']} {told['version']}: {counted or 'nothing to check'}"
