"""``zoo push``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo import console
from zoo.cli.watching import draws, watching

if TYPE_CHECKING:
    from zoo.push import Change, Pushed


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, or a package folder.")],
    *,
    to: Annotated[str | None, typer.Option("--to", help="org/name on the Hub, or a folder (./cards/NAME).")] = None,
    private: Annotated[bool, typer.Option("--private/--public", help="Of a repository that is made now.")] = True,
    tag: Annotated[str | None, typer.Option("--tag", help="Set on the commit at the end.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead of committing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make and prove the package, and send nothing.")] = False,
    member: Annotated[str | None, typer.Option("--member", help="Which member; the first if not given.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Of the model, if the recipe says none.")] = None,
    card: Annotated[Path | None, typer.Option("--card", help="Hand-written text that the card takes in.")] = None,
    message: Annotated[str, typer.Option("--message", help="Of the commit.")] = "",
) -> None:
    """Make a package of a run, prove it, and push it to the Hub: one commit, then the tag."""
    from zoo import manifest, publish, push
    from zoo.errors import UsageError

    if not to and not dry_run:
        raise UsageError(f"{run}: say where to, with --to org/name or --to ./folder, or --dry-run")
    with watching():
        made = publish.make(run, to, member=member, licence=licence, card_text=card, public=not private)
    console.say(f"package: {made.folder}, proven; its card is {made.folder / 'README.md'}")
    for note in made.notes:
        console.say(f"note: {note}")
    if dry_run or not made.repo:
        for name, item in manifest.read(made.folder).files.items():
            console.say(f"  {console.size(item.size)}  {name}")
        console.result(str(made.folder))
        return
    how: dict[str, Any] = {"private": private, "tag": tag, "create_pr": create_pr, "message": message}
    pushed = push.push(made.folder, made.repo, **how, bars=draws())
    for change in pushed.changes:
        console.say(_line(change))
    console.result(_ending(pushed, made.repo, tag))


def _line(change: Change) -> str:
    return f"  {change.what:8} {console.size(change.size)}  {change.name}"


def _ending(pushed: Pushed, repo: str, tag: str | None) -> str:
    if pushed.pull_request:
        return f"pull request: {pushed.pull_request}"
    did = "pushed" if pushed.wrote else "nothing changed, no commit was made"
    revision = tag or pushed.commit
    return f"{did}: {pushed.address}\nnext: zoo pull {repo}@{revision}"
