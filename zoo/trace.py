"""Where a component is written and what it says of itself, read from its source without importing it."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from pathlib import Path

from zoo.registry import Entry


@dataclass(frozen=True, slots=True)
class Source:
    """What the source of a component tells.

    Attributes
    ----------
    file, line
        Where it is defined.
    signature
        Its parameters as written.
    doc
        Its docstring, without indentation.
    problem
        Why it cannot be used, empty where nothing stands in the way that can be seen without importing it.
    """

    file: str = ""
    line: int = 0
    signature: str = ""
    doc: str = ""
    problem: str = ""

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring, on one line."""
        return self.doc.split("\n\n")[0].replace("\n", " ").replace("``", "").strip()


def source_of(entry: Entry) -> Source:
    """Return what can be known of an entry without running any of its code."""
    module, _, attributes = entry.target.partition(":")
    path = _module_file(module)
    if path is None:
        return Source(problem=f"module '{module}' is not there; reinstall {entry.distribution}")
    if path.suffix != ".py":  # compiled: it may be in order, but cannot be read
        return Source(str(path))
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        return Source(file=str(path), problem=f"{path}: cannot be read as Python ({error})")
    lacking = _lacking(tree)
    if lacking:
        way = f"install it, or reinstall {entry.distribution}"
        return Source(file=str(path), problem=f"needs the package '{lacking}', which is not installed; {way}")
    return _definition(tree, path, attributes.partition(".")[0], entry)


def references_of(entry: Entry) -> list[str]:
    """Return the paragraphs under ``References`` of a component's docstring, each on one line."""
    found = re.search(
        r"^References\n-+\n(.*?)(?=\n[A-Z][A-Za-z ]*\n-{3,}\n|\Z)", source_of(entry).doc, re.DOTALL | re.MULTILINE
    )
    paragraphs = found.group(1).split("\n\n") if found else []
    return [" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()]


def _definition(tree: ast.Module, path: Path, attribute: str, entry: Entry) -> Source:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == attribute:
            return Source(str(path), node.lineno, _signature(node), ast.get_docstring(node) or "")
    if {attribute, "*", "__getattr__"} & {name for node in tree.body for name in _bound(node)}:
        return Source(str(path))
    return Source(file=str(path), problem=f"{path}: defines no '{attribute}'; reinstall {entry.distribution}")


def package_folder(package: str) -> Path | None:
    """Return the folder of an installed top-level package, without running any of it."""
    spec = None if "." in package else _top(package)  # to look for a part of a package, Python would run the package
    return Path(spec[1][0]) if spec and spec[1] else None


def _module_file(module: str) -> Path | None:
    """Return the file of a dotted module; only the top-level package is looked up, and nothing is run."""
    top, *rest = module.split(".")
    spec = _top(top)
    if spec is None:
        return None
    origin, folders = spec
    if not rest:
        return origin
    for folder in folders:
        base = Path(folder).joinpath(*rest)
        for candidate in (base / "__init__.py", *(base.with_name(base.name + end) for end in all_suffixes())):
            if candidate.is_file():
                return candidate
    return None


def _top(name: str) -> tuple[Path | None, tuple[str, ...]] | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    return Path(spec.origin) if spec.origin else None, tuple(spec.submodule_search_locations or ())


def _lacking(tree: ast.Module) -> str:
    """Return the first package imported at the top of a module that is not installed."""
    for node in tree.body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and _top(top) is None:
                return top
    return ""


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module may define."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.If | ast.Try | ast.With):
        inside = [*node.body, *getattr(node, "orelse", ()), *getattr(node, "finalbody", ())]
        inside += [item for handler in getattr(node, "handlers", ()) for item in handler.body]
        return [name for item in inside for name in _bound(item)]
    return []


def _signature(node: ast.ClassDef | ast.FunctionDef) -> str:
    function: ast.FunctionDef | None = node if isinstance(node, ast.FunctionDef) else None
    if isinstance(node, ast.ClassDef):
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                function = item
    if function is None:
        return ""
    arguments = function.args
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [
        *zip(arguments.args, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    lines = []
    for argument, default in pairs:
        if argument.arg == "self":
            continue
        kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
        lines.append(f"{argument.arg}{kind}" + (f" = {ast.unparse(default)}" if default else ""))
    return "\n".join(lines)
