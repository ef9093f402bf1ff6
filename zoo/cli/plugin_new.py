"""``zoo plugin new``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What pip is to call it: my-lab-mil.")],
    *,
    kind: Annotated[str, typer.Option("--kind", help="Of its part: encoder, head, loss, dataset ...")] = "head",
    part: Annotated[
        str | None, typer.Option("--part", help="What recipes are to call the part; my-KIND if not given.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The folder to write, if not NAME.")] = None,
    output: FormatOption = Format.human,
) -> None:
    """Write a plugin of four files to start from: pyproject.toml, the part, its test, a recipe."""
    from zoo import scaffold

    plugin = scaffold.plan(name, kind, part)
    folder = Path(name) if out is None else out
    scaffold.refuse_folder(folder)
    scaffold.refuse_taken(plugin)
    files = [str(path) for path in scaffold.write(plugin, folder)]
    at = shlex.quote(str(folder))
    recipe = shlex.quote(files[-1])
    follow = {
        f"pip install -e {at}": "",
        f"zoo ls {plugin.kind}": "it stands there, with its package and version",
        f"zoo plugin check {name}": "whether it keeps what its kind promises",
        f"zoo train {recipe}": "seconds, without any data",
        "zoo plugin ls": "what is installed, what is broken and why",
    }
    if output is Format.json:
        names = {"distribution": name, "package": plugin.package, "kind": plugin.kind, "part": plugin.part}
        console.result_json({**names, "folder": str(folder), "files": files, "next": list(follow)})
        return
    for file in files:
        console.result(file)
    wide = max(map(len, follow))
    for line, why in follow.items():
        console.say(f"  {line.ljust(wide)}  # {why}" if why else f"  {line}")
