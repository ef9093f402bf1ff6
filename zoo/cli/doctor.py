"""``zoo doctor``."""

from __future__ import annotations

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption


def command(*, output: FormatOption = Format.human) -> None:
    """Check what a run needs: Python, device, plugins, folders; each line PASS, WARN or FAIL with the way out."""
    from zoo.doctor import examine

    findings = examine()
    if output is Format.json:
        console.result_json([{"verdict": f.verdict, "what": f.what, "detail": f.detail} for f in findings])
    else:
        console.result(console.table(["", "what", "detail"], [[f.verdict, f.what, f.detail] for f in findings]))
    if any(finding.verdict == "FAIL" for finding in findings):
        raise typer.Exit(3)
