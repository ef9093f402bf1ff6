"""``zoo check``."""

from __future__ import annotations

from typing import Annotated

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption, SetOption


def command(
    recipes: Annotated[list[str], typer.Argument(metavar="RECIPE...", help="Paths or names of recipes.")],
    overrides: SetOption = None,
    *,
    output: FormatOption = Format.human,
) -> None:
    """Check recipes against the installed components, telling every mistake in one pass."""
    from zoo.errors import ZooError

    problems: list[dict[str, str]] = []
    code = 0
    for name in recipes:
        try:
            notes = _check(name, overrides or [])
        except ZooError as error:
            code = max(code, error.exit_code)
            problems += _listed(error)
            if output is Format.human:
                console.error(str(error))
            continue
        for note in notes:
            console.say(f"note: {note}")
        if output is Format.human:
            console.result(f"{name}: is right")
    if output is Format.json:
        console.result_json({"problems": problems})
    if code:
        raise typer.Exit(code)


def _check(name: str, overrides: list[str]) -> list[str]:
    from zoo import recipe, resolve

    filled = resolve.fill(recipe.load(name, overrides))
    dropped = [f"{path} is dropped, the part now named does not know it" for path in filled.dropped]
    return [*filled.notes, *dropped]


def _listed(error: Exception) -> list[dict[str, str]]:
    from zoo.errors import RecipeError

    if not isinstance(error, RecipeError):
        return [{"place": "", "path": "", "message": str(error)}]
    return [{"place": p.place, "path": p.path, "message": p.message} for p in error.problems]
