"""A page for every verb of the command line, made from what its ``--help`` is made from."""

from __future__ import annotations

import importlib
import re
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer
from places import ROOT
from prose import cell, code

from zoo.cli.app import app
from zoo.kinds import VERBS


def pages() -> dict[str, str]:
    """Return page -> Markdown."""
    root = typer.main.get_command(app)
    rows = [f"| [`zoo {verb}`]({verb}.md) | {_first(_command(verb))} |" for verb in VERBS]
    lines = ("# Command line", "", root.help, "", "| verb | what |", "|---|---|", *rows, "")
    found = {"commands/index.md": "\n".join((*lines, "## Options of every verb", "", *_options(root), ""))}
    for verb in VERBS:
        found[f"commands/{verb}.md"] = _verb(verb, _command(verb))
    return found


def _command(verb: str) -> Any:
    """Return a verb as typer makes it of its file."""
    module = importlib.import_module(f"zoo.cli.{verb}")
    found = getattr(module, "app", None)
    if found is None:
        found = typer.Typer(add_completion=False, rich_markup_mode=None)
        found.command(verb)(module.command)
    return typer.main.get_command(found)


def flags() -> dict[str, set[str]]:
    """Return ``zoo VERB`` (``zoo plugin new``) -> its options, ``--help`` included."""
    found: dict[str, set[str]] = {"": _flags(typer.main.get_command(app))}
    for verb in VERBS:
        command = _command(verb)
        found[verb] = _flags(command) | found[""]
        for name, below in getattr(command, "commands", {}).items():
            found[f"{verb} {name}"] = _flags(below) | found[""]
    return found


def _flags(command: Any) -> set[str]:
    return {"-h", "--help", *(option for one in command.params for option in (*one.opts, *one.secondary_opts))}


def _verb(verb: str, command: Any) -> str:
    lines = [f"# zoo {verb}", ""]
    below = getattr(command, "commands", {})
    if below:
        lines += [command.help or "", ""]
        for name, one in below.items():
            lines += [f"## zoo {verb} {name}", "", *_body(f"{verb} {name}", one)]
    else:
        lines += _body(verb, command)
    examples = _examples(verb)
    if examples:
        lines += ["## Examples", "", "```text", *examples, "```", ""]
    return "\n".join(lines)


def _body(verb: str, command: Any) -> list[str]:
    words = [_metavar(one) for one in command.params if one.param_type_name == "argument"]
    help_text = (command.help or "").replace("\b", "").strip()
    return [f"`zoo {' '.join([verb, *words])} [OPTIONS]`", "", cell_paragraphs(help_text), "", *_arguments(command), ""]


def cell_paragraphs(text: str) -> str:
    """Return the help of a verb with its angle brackets and stars as they are."""
    return re.sub(r"([*<_])", r"\\\1", text)


def _arguments(command: Any) -> list[str]:
    named = [one for one in command.params if one.param_type_name == "argument"]
    rows = [f"| `{_metavar(one)}` | {cell(one.help or '')} |" for one in named]
    table = ["| argument | what |", "|---|---|", *rows, ""] if rows else []
    return [*table, *_options(command)]


def _options(command: Any) -> list[str]:
    rows = []
    for one in command.params:
        if one.param_type_name != "option" or one.name in {"help", "install_completion", "show_completion"}:
            continue
        flags = ", ".join(sorted((*one.opts, *one.secondary_opts), key=len))
        value = "" if getattr(one, "is_flag", False) else f" {_metavar(one)}"
        shown = code(_default(one)) if _default(one) else ""
        text = (one.help or "") + (" Required." if one.required else "")
        rows.append(f"| {code(flags + value)} | {shown} | {cell(text)} |")
    return ["| option | default | what |", "|---|---|---|", *rows, ""] if rows else []


def _default(one: Any) -> str:
    default = one.default
    if default is None or callable(default) or getattr(one, "is_flag", False) or default == []:
        return ""
    return str(getattr(default, "value", default))


def _metavar(one: Any) -> str:
    """Return what stands for the value of an argument or an option, as ``--help`` has it."""
    if one.metavar:
        return str(one.metavar)
    if one.param_type_name == "argument":
        return str(one.name).upper()
    kind = one.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    inner = next(iter(get_args(kind)), kind)
    return {int: "INTEGER", float: "NUMBER", Path: "PATH"}.get(inner, "TEXT")


def _first(command: Any) -> str:
    return cell((command.help or "").strip().split("\n\n")[0])


def _examples(verb: str) -> list[str]:
    """Return the lines of the README that call a verb."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for line in block.splitlines()
    ]
    return [line for line in lines if re.match(rf"zoo {verb}\b", line)]
