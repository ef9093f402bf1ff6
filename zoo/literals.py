"""What a part declares as a literal, read from its source without importing it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from zoo.registry import Entry
from zoo.trace import source_of

_STEPS = 8
"""Names that are followed one after the other, at most; a circle of them ends there."""


def literal_of(entry: Entry, attribute: str) -> Any:
    """Return what a class (``terms = {...}``) or a function (``mine.terms = {...}``) has as an attribute, None if none.

    Names in it are followed to the literals that they stand for, in the same module or in one that it imports them
    from; so is the part itself, where its entry point names a module that hands it on.

    Raises
    ------
    ValueError
        It is there and no literal.
    """
    module, _, name = entry.target.partition(":")
    found = _Module(entry, module).attribute(name.partition(".")[0], attribute, _STEPS)
    if found is None:
        return None
    try:
        return ast.literal_eval(found)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError("is no literal; write it out, so that it can be read without importing the part") from error


@dataclass(frozen=True, slots=True)
class _Module:
    """The source of a module, in which names are followed to what they stand for."""

    entry: Entry
    name: str

    def attribute(self, owner: str, attribute: str, steps: int) -> ast.expr | None:
        """Return the expression that a class or function of this module has as an attribute."""
        body = self._body()
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == owner:
                inside = isinstance(node, ast.ClassDef)
                found = _assigned(node.body, attribute) if inside else _assigned(body, f"{owner}.{attribute}")
                return None if found is None else self._followed(found, steps)
        origin = self._origin(owner, body) if steps else None
        return origin[0].attribute(origin[1], attribute, steps - 1) if origin else None

    def constant(self, name: str, steps: int) -> ast.expr:
        """Return the expression that a name of this module stands for."""
        body = self._body()
        found, origin = _assigned(body, name), self._origin(name, body)
        if found is not None and steps:
            return self._followed(found, steps - 1)
        if origin and steps:
            return origin[0].constant(origin[1], steps - 1)
        raise ValueError(f"names '{name}', which cannot be followed to a literal; write it out")

    def _followed(self, node: ast.expr, steps: int) -> ast.expr:
        """Return an expression with each name in it replaced by what it stands for."""
        module = self

        class Following(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.expr:
                return module.constant(node.id, steps)

        return cast("ast.expr", Following().visit(node))

    def _body(self) -> list[ast.stmt]:
        file = self._file()
        if file.suffix != ".py":
            return []
        try:
            return ast.parse(file.read_text(encoding="utf-8")).body
        except (OSError, SyntaxError, ValueError):
            return []

    def _file(self) -> Path:
        return Path(source_of(replace(self.entry, target=f"{self.name}:*")).file)

    def _origin(self, name: str, body: list[ast.stmt]) -> tuple[_Module, str] | None:
        """Return the module that a name is imported from, and what it is called there."""
        for node in body:
            for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                if (alias.asname or alias.name) == name:
                    return _Module(self.entry, self._absolute(cast("ast.ImportFrom", node))), alias.name
        return None

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        steps = self.name.split(".")
        up = node.level - (self._file().name == "__init__.py")
        return ".".join([*steps[: len(steps) - up], *([node.module] if node.module else [])])


def _assigned(body: list[ast.stmt], target: str) -> ast.expr | None:
    """Return what is assigned last to a target among some statements."""
    found = None
    for node in body:
        if isinstance(node, ast.Assign) and any(ast.unparse(one) == target for one in node.targets):
            found = node.value
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == target:
            found = node.value
    return found
