"""``zoo verify``."""

from __future__ import annotations

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption, ModelArgument
from zoo.cli.watching import watching


def command(model: ModelArgument, *, output: FormatOption = Format.human) -> None:
    """Prove a package again: hashes, config, versions, card, and its test vectors on the CPU and on CUDA."""
    from zoo import pull, verify
    from zoo.catalogue import source_of

    source = source_of(model)
    with watching():
        # what lies here is examined as it is; what has to come is held against its manifest on the way
        folder, within = (source.folder, source.folder) if source.folder else pull.fetch(source).places
        checks = list(verify.examine(folder, within, source.sha256))
    failed = next((check for check in checks if check.verdict == "FAIL"), None)
    if output is Format.json:
        facts = [{"check": c.what, "verdict": c.verdict, "detail": c.detail} for c in checks]
        console.result_json({"model": model, "folder": str(folder), "checks": facts})
    else:
        rows = [[c.verdict, c.what, "" if c is failed else c.detail] for c in checks]
        console.result(console.table(["", "check", "found"], rows))
    if failed:
        console.error(failed.detail)
        raise typer.Exit(failed.exit_code)
