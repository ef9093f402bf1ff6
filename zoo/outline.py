"""What the source of a module tells of one thing it defines, read from its syntax tree; none of it is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outline:
    """What a module tells of one of its names.

    Attributes
    ----------
    imports
        Top-level packages that it imports when it is imported itself, in order.
    defined
        Whether the name may be there.
    line
        Where its class or function begins; 0 where it is bound in another way, or not at all.
    signature
        Its parameters as written, one a line.
    doc
        Its docstring, without indentation.
    """

    imports: list[str]
    defined: bool = False
    line: int = 0
    signature: str = ""
    doc: str = ""


def outline_of(text: str, name: str) -> Outline:
    """Return what the text of a module tells of a name.

    Raises
    ------
    SyntaxError, ValueError
        It is not Python.
    """
    tree = ast.parse(text)
    imports = _imports(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            doc = ast.get_docstring(node) or ""
            return Outline(imports, defined=True, line=node.lineno, signature=_signature(node), doc=doc)
    bound = {found for node in tree.body for found in _bound(node)}
    return Outline(imports, defined=bool(bound & {name, "*", "__getattr__"}))


def _imports(tree: ast.Module) -> list[str]:
    """Return the packages imported at the top of a module, where nothing stands around the import."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name.split(".")[0] for name in names))


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
