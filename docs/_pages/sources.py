"""What the source of a part tells beyond :mod:`zoo.trace`: its parameters one by one, and the settings inside them.

Nothing is imported: what is read is the text of the modules.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from zoo import trace
from zoo.carried import package_folder
from zoo.registry import Entry

NO_SETTINGS = {"Protocol", "TypedDict", "Generic"}
"""Bases of classes that are no settings: slots are blocks, which the page of their kind tells of."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a part, or one field of its settings, as written."""

    name: str
    annotation: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """A class whose fields a recipe may say inside of a parameter (``genes: {select: ...}``)."""

    name: str
    doc: str
    fields: tuple[Parameter, ...]


def parameters_of(entry: Entry) -> list[Parameter]:
    """Return the parameters of a part in the order of its signature."""
    lines = trace.source_of(entry).signature.splitlines()
    if not lines:
        return []
    function = ast.parse(f"def part(*, {', '.join(lines)}): pass").body[0]
    if not isinstance(function, ast.FunctionDef):
        return []
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return [
        Parameter(
            argument.arg,
            ast.unparse(argument.annotation) if argument.annotation else "",
            ast.unparse(default) if default else None,
        )
        for argument, default in pairs
    ]


def settings_of(entry: Entry, annotation: str) -> list[Settings]:
    """Return the classes named in an annotation that have fields of their own, and those inside them."""
    return _settings(Path(trace.source_of(entry).file), annotation, set())


def frame_settings() -> list[Settings]:
    """Return the frame of a recipe and the settings in it."""
    from zoo import schema

    found = _settings(Path(schema.__file__), "Frame, SplitSettings", set())
    return sorted(found, key=lambda settings: settings.name != "Frame")


def _settings(path: Path, annotation: str, seen: set[str]) -> list[Settings]:
    found: list[Settings] = []
    for name in _names(annotation):
        place = None if name in seen else _definition(path, name)
        if place is None:
            continue
        file, node = place
        fields = tuple(_fields(node))
        if not fields or any(ast.unparse(base).split("[")[0] in NO_SETTINGS for base in node.bases):
            continue
        seen.add(name)
        found.append(Settings(name, ast.get_docstring(node) or "", fields))
        for field in fields:
            found += _settings(file, field.annotation, seen)
    return found


def _names(annotation: str) -> list[str]:
    try:
        tree = ast.parse(annotation, mode="eval")
    except SyntaxError:
        return []
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id[0].isupper()]


def _fields(node: ast.ClassDef) -> list[Parameter]:
    return [
        Parameter(item.target.id, ast.unparse(item.annotation), ast.unparse(item.value) if item.value else None)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and not item.target.id.startswith("_")
        if "ClassVar" not in ast.unparse(item.annotation)
    ]


def _definition(path: Path, name: str) -> tuple[Path, ast.ClassDef] | None:
    """Return a class and its file, followed through the imports at the top of a module of ours."""
    for _ in range(4):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return path, node
        module = _imported_from(tree, name)
        file = _file(path, module) if module else None
        if file is None:
            return None
        path = file
    return None


def _imported_from(tree: ast.Module, name: str) -> str:
    for node in ast.walk(tree):
        named = isinstance(node, ast.ImportFrom) and not node.level and {a.asname or a.name for a in node.names}
        if named and name in named and isinstance(node, ast.ImportFrom):
            return node.module or ""
    return ""


def _file(beside: Path, module: str) -> Path | None:
    """Return the file of a module of the same package as the file that imports it, or of the core."""
    top, *rest = module.split(".")
    folder = next((parent for parent in beside.parents if parent.name == top), None) or package_folder(top)
    if folder is None or not (top == "zoo" or top.startswith("zoo_")):
        return None
    base = folder.joinpath(*rest)
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)
