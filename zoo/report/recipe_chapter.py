"""The chapter that tells how to make a run again: command, recipe, where each value comes from, versions, files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.document import dotted
from zoo.figures.files import Table
from zoo.figures.parts import Code, Listing, Section
from zoo.report.facts import RunFacts, inside
from zoo.report.words import cut, size

MOST_ROWS, MOST_FILES, DEEPEST = 3_000, 200, 32
SHOWN = 6
"""Values of a list that are shown."""
_FILES = {
    "recipe.yaml": "the filled recipe: every value that decided the result",
    "environment.json": "versions, machine, and where each value of the recipe comes from",
    "splits.json": "which groups stood on which side",
    "data.json": "what was counted of the data before training",
    "metrics.json": "all scores, with floors, intervals and members",
    "metrics.jsonl": "the log of training, a line an epoch",
    "status.json": "how far the run got",
    "results": "what each member reached, with what it predicted where scores are pooled",
    "model": "the trained models, a folder a member",
    "checkpoints": "states of training, from which --resume goes on",
    "evaluation": "tables and pictures of all test groups",
    "report": "the figures and tables of this page, as SVG and CSV",
    "report.html": "this page",
    "package": "the package that was made of it",
    "config.json": "what the model is made of, what goes in and comes out",
    "manifest.json": "the sha256 of every file",
    "model.safetensors": "the weights",
    "tensorboard": "the log for TensorBoard",
}


def of(facts: RunFacts) -> list[Section]:
    """Return the sections."""
    found = [_command(facts), _recipe(facts), _versions(facts), _files(facts)]
    return [section for section in found if section.parts]


def command(facts: RunFacts) -> str:
    """Return the command that made a run, as its recipe tells; empty where it does not."""
    if facts.packaged:
        return ""
    head = [line for line in facts.recipe.splitlines()[:2_000] if line.startswith("# ")]
    filled = next((line.removeprefix("# filled from ") for line in head if line.startswith("# filled from ")), "")
    file = filled.partition(", ")[0].strip()
    options = [line.removeprefix("# --set ").strip() for line in head if line.startswith("# --set ")]
    if not file:
        return ""
    return " \\\n  ".join([f"zoo train {shlex.quote(file)}", *(f"--set {shlex.quote(option)}" for option in options)])


def _command(facts: RunFacts) -> Section:
    told = command(facts)
    parts = [Code("again-command", "The command", told)] if told else []
    seeds = "".join(f" --seed {seed}" for seed in facts.seeds)
    whole = f"zoo train recipe.yaml{seeds if facts.packaged else ''}"
    parts += [Code("again-whole", "The same from this folder alone", whole)] if facts.data else []
    digest = next((d for d in (inside(facts.metrics, "digest"), *_of_configs(facts, "digest")) if d), None)
    words = f"The sha256 of all settings that decide the result is {cut(digest, 80)}. " if digest else ""
    words += (
        "On the same machine with the same versions the numbers come out the same; on another one they differ by "
        "rounding, and by what training makes of it."
    )
    return Section("again-how", "Command", parts, words)


def _of_configs(facts: RunFacts, key: str) -> Iterator[Any]:
    for config in facts.configs.values():
        yield config.get(key)


def _recipe(facts: RunFacts) -> Section:
    rows = list(_values(facts.data, (), _origins(facts)))
    more = f" The first {MOST_ROWS:,} of {len(rows):,} values." if len(rows) > MOST_ROWS else ""
    caption = f"Where a value was not stated, its part's default was filled in.{more}"
    listing = Listing("again-values", "Every value", Table(["setting", "value", "from"], rows[:MOST_ROWS]), caption)
    text = Code("again-recipe", "recipe.yaml", facts.recipe)
    return Section("again-recipe-section", "Recipe", [*([listing] if rows else []), *([text] if facts.recipe else [])])


def _origins(facts: RunFacts) -> dict[str, str]:
    found = inside(facts.environment, "origins")
    return {str(path): cut(origin, 200) for path, origin in found.items()} if isinstance(found, dict) else {}


def _values(value: Any, path: tuple[str | int, ...], origins: dict[str, str]) -> Iterator[list[str]]:
    """Give path, value and origin of everything in a recipe; a list of plain values is one of them."""
    nested = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict | list) for v in value))
    if nested and value and len(path) < DEEPEST:
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _values(child, (*path, key), origins)
        return
    name = dotted(path)
    yield [cut(name, 200), _shown(value), origins.get(name, "")]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        more = f" and {len(value) - SHOWN:,} more" if len(value) > SHOWN else ""
        return f"[{', '.join(_shown(one) for one in value[:SHOWN])}{more}]"
    return cut(value, 200)


def _versions(facts: RunFacts) -> Section:
    environment = facts.environment or {}
    made_with = next((told for told in _of_configs(facts, "made_with") if isinstance(told, dict)), {})
    packages = inside(environment, "packages")
    versions = {**made_with, **(packages if isinstance(packages, dict) else {})}
    machine = {key: environment[key] for key in ("python", "platform", "device", "threads") if key in environment}
    parts = []
    if versions:
        rows = [[cut(name), cut(version)] for name, version in sorted(versions.items())][:500]
        parts.append(Listing("again-versions", "Versions", Table(["package", "version"], rows)))
    if machine:
        rows = [[name, cut(value)] for name, value in machine.items()]
        parts.append(Listing("again-machine", "Machine", Table(["what", "value"], rows)))
    return Section("again-with", "Versions and machine", parts)


def _files(facts: RunFacts) -> Section:
    paths = [path for path in sorted(facts.folder.iterdir()) if not path.name.startswith(".")][:MOST_FILES]
    rows = [[cut(path.name), _size(path), _FILES.get(path.name, "")] for path in paths]
    listing = Listing("again-files-table", "Files of this folder", Table(["file", "size", "what it holds"], rows))
    return Section("again-files", "Files", [listing] if rows else [])


def _size(path: Path) -> str:
    try:
        return size(path.stat().st_size) if path.is_file() else "folder"
    except OSError:
        return ""
