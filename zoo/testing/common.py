"""Checks of every part, whatever its kind: import, signature, docstring, licence, and no pickles."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo import licences, terms
from zoo.errors import MissingError
from zoo.registry import Entry, Registry
from zoo.signature import Signature, signature_of
from zoo.testing.findings import Finding, attempt, failed, passed, place_in, place_of, sentence, shown, skipped, warned
from zoo.testing.probe import probe
from zoo.testing.standing import GIVEN

SOURCED = ("encoders", "heads", "losses", "segmenters")
"""Kinds that are methods, which somebody has described."""
SOURCE = re.compile(r"doi:|doi\.org|arxiv|https?://|\b10\.\d{4,}/| at [0-9a-f]{7,40}\b|\bours\b", re.IGNORECASE)
ROOM = 80

ALWAYS = {
    **dict.fromkeys(
        ("pickle.load", "pickle.loads", "pickle.Unpickler", "dill.load", "dill.loads", "cloudpickle.load"),
        "runs whatever the file says; keep numbers as safetensors and settings as JSON",
    ),
    **dict.fromkeys(
        ("joblib.load", "pandas.read_pickle", "shelve.open", "marshal.load", "marshal.loads", "torch.jit.load"),
        "runs whatever the file says; keep numbers as safetensors and settings as JSON",
    ),
    **dict.fromkeys(("yaml.unsafe_load", "yaml.full_load"), "builds whatever the file names; say yaml.safe_load"),
    "torch.hub.load": "runs code that it fetches; make the package a dependency, and name it",
}
"""Calls that a part does not make, and why."""


def examine(kind: str, component: Any, registry: Registry) -> Iterator[Finding]:
    """Give the findings on a part by itself; where its import or signature fails there are none behind it."""
    try:
        if isinstance(component, str):
            entry: Entry | None = registry.find(kind, component)
            found = list(probe(entry)) if entry is not None and not _is_given(entry) else []
            yield from found
            if any(finding.verdict == "FAIL" for finding in found):
                return
            target = registry.find(kind, component).load()
        else:
            entry, target = None, component
            yield skipped("import", "it was given as a class or function, so that its import was not looked at")
    except MissingError as error:
        yield failed("import", sentence(error))
        return
    name = component if isinstance(component, str) else component.__name__
    try:
        signature = signature_of(target, name)
    except MissingError as error:
        yield failed("signature", sentence(error), _parameter_of(error, target))
        return
    yield passed("signature")
    yield from _docstring(kind, target)
    if entry is not None:
        yield from _licence(entry, target, signature)
    with attempt("pickle-free", target) as raised:
        raised.extend(_pickle_free(target))
    yield from raised or [passed("pickle-free")]


def _is_given(entry: Entry) -> bool:
    return hasattr(GIVEN, entry.name) and not entry.distribution


def _parameter_of(error: MissingError, target: Any) -> str:
    found = re.search(r"parameter '\**(\w+)'| of '(\w+)' cannot", str(error))
    place = place_of(target, found.group(1) or found.group(2)) if found else ""
    return place or place_in(error, target)


def _docstring(kind: str, target: Any) -> Iterator[Finding]:
    text = inspect.getdoc(target) if "__doc__" in vars(target) or not inspect.isclass(target) else ""
    first = (text or "").strip().split("\n\n")[0].replace("\n", " ")
    where = place_of(target)
    if not first:
        what = "has no docstring; say in one sentence what goes in and what comes out, with shapes"
        yield failed("docstring", what, where)
    elif not first.rstrip("`*)").endswith((".", "!", "?", ":")):
        yield warned("docstring", f"its first sentence has no end: {first[:ROOM]!r}; write a whole one", where)
    elif kind in SOURCED and not SOURCE.search(text or ""):
        ways = "add a section References with a DOI, an arXiv number or a URL, or say there that it is ours"
        yield warned("docstring", f"names no source; {ways}", where)
    else:
        yield passed("docstring")


def _licence(entry: Entry, target: Any, signature: Signature) -> Iterator[Finding]:
    with attempt("licence", target) as raised:
        stated = licences.stated_by(entry.distribution)
        if not stated:
            file = Path(str(getattr(metadata.distribution(entry.distribution), "_path", ""))) / "METADATA"
            what = f"{entry.distribution} states no licence, so that nobody may use it"
            way = 'say license = "Apache-2.0", or which it is, under [project] of its pyproject.toml'
            raised.append(failed("licence", f"{what}; {way}", shown(file)))
        declared, wrong = terms.declared(entry)
        wrong = wrong or terms.problems(declared, signature.parameters)
        raised.extend(failed("licence", one, place_of(target, terms.ATTRIBUTE)) for one in wrong)
    yield from raised or [passed("licence", stated)]


def _pickle_free(target: Any) -> Iterator[Finding]:
    file = inspect.getsourcefile(inspect.unwrap(target))
    if file is None:
        return
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    known = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            said = _dangerous(_full_name(node.func, known), node)
            if said:
                yield failed("pickle-free", f"{ast.unparse(node)[:ROOM]} {said}", f"{shown(file)}:{node.lineno}")


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for, in full."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _full_name(node: ast.expr, known: dict[str, str]) -> str:
    name = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    first, dot, rest = name.partition(".")
    return known.get(first, first) + dot + rest


def _dangerous(name: str, call: ast.Call) -> str:
    """Return why a part may not make this call, empty where it may."""
    stated = {word.arg: word.value for word in call.keywords}
    if name in ALWAYS:
        return ALWAYS[name]
    if name == "torch.load" and not _is(stated.get("weights_only"), value=True):
        return "may run what the file says; say weights_only=True, or read safetensors"
    if name == "numpy.load" and "allow_pickle" in stated and not _is(stated["allow_pickle"], value=False):
        return "runs whatever the file says; leave allow_pickle out"
    if name == "yaml.load":
        loader = stated.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
        return (
            ""
            if loader is not None and "Safe" in ast.unparse(loader)
            else "builds whatever the file names; say yaml.safe_load"
        )
    if name in {"eval", "exec"} and not (call.args and isinstance(call.args[0], ast.Constant)):
        return "runs what it was given; data are read, never run"
    return ""


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
