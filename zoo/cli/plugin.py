"""``zoo plugin``: its verbs, one file each."""

from __future__ import annotations

import typer

from zoo.cli import plugin_check, plugin_ls, plugin_new

app = typer.Typer(help="Write, check and list plugins.", no_args_is_help=True, rich_markup_mode=None)
app.command("new")(plugin_new.command)
app.command("check")(plugin_check.command)
app.command("ls")(plugin_ls.command)
