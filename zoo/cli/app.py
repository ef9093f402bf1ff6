"""The table of verbs."""

from __future__ import annotations

import importlib

import typer

VERBS = (
    *("train", "eval", "compare", "predict", "pull", "push", "verify"),
    *("ls", "show", "check", "schema", "plugin", "doctor"),
)

app = typer.Typer(
    name="zoo",
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


for _verb in VERBS:
    _module = importlib.import_module(f"zoo.cli.{_verb}")
    if hasattr(_module, "app"):
        app.add_typer(_module.app, name=_verb)
    else:
        app.command(_verb, context_settings=getattr(_module, "CONTEXT", None))(_module.command)
