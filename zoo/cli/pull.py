"""``zoo pull``."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption, tell_of_name
from zoo.cli.watching import watching


def command(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="A name of 'zoo ls models', org/name[@revision], a folder.")
    ],
    *,
    output: FormatOption = Format.human,
) -> None:
    """Bring models to this machine, hold every file against its manifest, and run their test vectors once."""
    from zoo import pull

    found = []
    for name in models:
        with watching():
            pulled = pull.pull(tell_of_name(name))
        files, size = len(pulled.manifest.files), console.size(pulled.manifest.size).strip()
        came = f" at commit {pulled.commit[:12]}" if pulled.commit else ""
        console.say(f"{name}: verified, {files} files, {size}{came}")
        found.append({"model": name, "folder": str(pulled.folder), "commit": pulled.commit})
        if output is Format.human:
            console.result(str(pulled.folder))
    if output is Format.json:
        console.result_json(found)
