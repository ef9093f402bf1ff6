"""The table of verbs: zoo's own, one file each, and those that plugins bring; each is imported when it is called.

A distribution brings a verb by one line in its ``pyproject.toml``, a function or an app of typer::

    [project.entry-points."zoo.commands"]
    align = "my_lab.cli:app"
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from zoo.kinds import COMMANDS, VERBS

if TYPE_CHECKING:
    from zoo.registry import Entry


class Verb(TyperCommand):
    """A verb that is made when it is called, or when its own help is asked for.

    Parameters
    ----------
    name
        What it is called by.
    make
        Imports it.
    says
        What the list of verbs says of it; the first line of its help if empty, for which it is imported.
    """

    def __init__(self, name: str, make: Callable[[], Any], says: str = "") -> None:
        super().__init__(name, callback=None)
        self._make = make
        self._says = says

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Hand over to the verb itself."""
        return self._make().make_context(info_name, args, parent=parent, **extra)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what the list of verbs says."""
        return self._says or str(self._make().get_short_help_str(limit))


class Verbs(TyperGroup):
    """zoo's own verbs before those of plugins, which are looked for only where a name is not ours."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {verb: Verb(verb, partial(_own, verb)) for verb in VERBS}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all verbs."""
        self._take_in()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb, None where there is none.

        Raises
        ------
        UsageError
            Two plugins bring it.
        MissingError
            ``ZOO_PLUGINS`` leaves out the plugin that brings it.
        """
        if cmd_name not in self.commands:
            self._take_in(cmd_name)
        return super().get_command(ctx, cmd_name)

    def _take_in(self, name: str | None = None) -> None:
        from zoo.registry import Registry

        registry = Registry()
        for entry in registry.entries(COMMANDS):
            says = f"from {entry.distribution} {entry.version}"
            self.commands.setdefault(entry.name, Verb(entry.name, partial(_brought, entry), says))
        if name is not None:
            registry.settle(COMMANDS, name)


@cache
def _own(verb: str) -> Any:
    module = importlib.import_module(f"zoo.cli.{verb}")
    return _made(getattr(module, "app", None) or module.command, verb, getattr(module, "CONTEXT", None))


def _brought(entry: Entry) -> Any:
    """Import the verb of a plugin.

    Raises
    ------
    MissingError
        It cannot be imported, or is nothing that can be called from a command line.
    """
    from zoo.errors import MissingError

    found = entry.load()
    what = f"command '{entry.name}' of {entry.distribution} {entry.version} ({entry.target})"
    if isinstance(found, type) or not callable(found):
        raise MissingError(f"{what} is a {type(found).__name__} and no function or app of typer; reinstall it")
    try:
        return _made(found, entry.name)
    except Exception as error:  # typer says in many ways that a signature cannot be read from a command line
        why = " ".join(str(error).split())
        raise MissingError(f"{what} cannot be called ({type(error).__name__}: {why}); reinstall it") from error


def _made(found: Any, name: str, context: dict[str, Any] | None = None) -> Any:
    """Return a function or an app of typer as a command."""
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False, rich_markup_mode=None)
        found.command(name, context_settings=context)(function)
    made = typer.main.get_command(found)
    # completion is installed for a whole command, which this is only a verb of
    made.params = [param for param in made.params if param.name not in {"install_completion", "show_completion"}]
    return made


app = typer.Typer(
    name="zoo",
    cls=Verbs,
    help="A model zoo for microscopy, histology and spatial transcriptomics: recipes in, honest scores out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"zoo {version('microscopy-zoo')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    quiet: bool = typer.Option(False, "-q", "--quiet", help="Print results and errors only."),
    verbose: bool = typer.Option(False, "-v", "--verbose", help="Print where an unexpected error was raised."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Take the options that every verb has."""
    from zoo.console import set_level

    del version
    set_level(quiet=quiet, verbose=verbose)
