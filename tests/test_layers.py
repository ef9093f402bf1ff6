"""Who imports whom, who names whom, and who speaks: read from the source of the whole house."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from zoo.registry import KINDS, Registry, known_plugins

ROOT = Path(__file__).parent.parent
PLUGINS = [path for path in sorted((ROOT / "plugins").glob("*/zoo_*")) if path.is_dir()]
PACKAGES = {"zoo": ROOT / "zoo", **{path.name: path for path in PLUGINS}}

# Storeys of the spine, the top one first. A module imports from storeys below its own, and from its own as long as no
# circle comes of it. A new module gets its place here.
STOREYS = {
    "faces": {"zoo", "zoo.__main__", "zoo.cli", "zoo.testing"},
    "work": {
        *(
            "zoo.api",
            "zoo.compare",
            "zoo.compatible",
            "zoo.compare_notes",
            "zoo.compare_runs",
            "zoo.doctor",
            "zoo.experiment",
            "zoo.scaffold",
        ),
        *("zoo.predict", "zoo.publish", "zoo.pull", "zoo.push"),
        *(
            "zoo.pipeline",
            "zoo.report",
            "zoo.rescore",
            "zoo.scoring",
            "zoo.staging",
            "zoo.training",
            "zoo.verify",
            "zoo.voters",
            "zoo.workbench",
        ),
    },
    # evaluate stands below package, not beside training: a package keeps what it was scored with
    "parts": {
        *(
            "zoo.bag_view",
            "zoo.batches",
            "zoo.card",
            "zoo.card_data",
            "zoo.card_facts",
            "zoo.card_sections",
            "zoo.checkpoint",
        ),
        *(
            "zoo.contestant",
            "zoo.devices",
            "zoo.evaluate",
            "zoo.evaluation_files",
            "zoo.events",
            "zoo.explain",
            "zoo.filled",
            "zoo.hub",
            "zoo.hub_errors",
            "zoo.infer",
            "zoo.kept",
            "zoo.loss_watch",
            "zoo.model",
            "zoo.optim",
            "zoo.package",
        ),
        *("zoo.json_schema", "zoo.resolve", "zoo.run", "zoo.splits", "zoo.stopping", "zoo.strata", "zoo.vectors"),
    },
    "words": {
        *(
            "zoo.catalogue",
            "zoo.config",
            "zoo.contracts",
            "zoo.docstring",
            "zoo.document",
            "zoo.licences",
            "zoo.literals",
            "zoo.manifest",
            "zoo.members",
        ),
        *(
            "zoo.outline",
            "zoo.plugins",
            "zoo.provenance",
            "zoo.recipe",
            "zoo.recipe_copy",
            "zoo.registry",
            "zoo.renamed",
            "zoo.requirements",
            "zoo.schema",
        ),
        *(
            "zoo.shelves",
            "zoo.signature",
            "zoo.source_index",
            "zoo.stage_contract",
            "zoo.staged",
            "zoo.terms",
            "zoo.trace",
            "zoo.verdict",
        ),
    },
    "ground": {
        "zoo.allocator",
        "zoo.atomic",
        "zoo.bounded",
        "zoo.carried",
        "zoo.console",
        "zoo.errors",
        "zoo.figures",
        "zoo.folders",
        "zoo.installed",
        "zoo.interrupts",
        "zoo.intervals",
        "zoo.kinds",
        "zoo.nn",
        "zoo.progress",
        "zoo.scores",
        "zoo.seeds",
    },
}
# All that a component, ours or a stranger's, may import of ours: its contract, the parts without names, how to refuse,
# how to write a file and where, how to draw, how to tell how far it is, and how to go through items in order.
FOR_COMPONENTS = {
    *("zoo.atomic", "zoo.batches", "zoo.contracts", "zoo.errors", "zoo.folders", "zoo.nn", "zoo.scores"),
    *(
        "zoo.figures",
        "zoo.progress",
        "zoo.schema",
        "zoo.stage_contract",
    ),  # how one training goes, and what a stage is given
}


def module_of(path, package):
    parts = path.relative_to(PACKAGES[package]).with_suffix("").parts
    return ".".join([package, *(part for part in parts if part != "__init__")])


@cache
def sources():
    """Return module name -> its syntax tree, for zoo and for every plugin in this repository."""
    return {
        module_of(path, package): ast.parse(path.read_text())
        for package, folder in PACKAGES.items()
        for path in sorted(folder.rglob("*.py"))
        if "__pycache__" not in path.parts
    }


def ours(tree, *, typed):
    """Return the modules of ours that a tree imports anywhere, function bodies included."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = set() if typed else {id(inner) for block in blocks for inner in ast.walk(block)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute here"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in inside if name in sources()} or {node.module}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def storey(module):
    for place, (name, members) in enumerate(STOREYS.items()):
        if module in members or any(module.startswith(f"{member}.") for member in members - {"zoo"}):
            return place, name
    pytest.fail(f"{module} has no storey; give it its place in STOREYS of this test")


def is_component(module):
    return not module.startswith("zoo.") or module.split(".")[1] in KINDS


COMPONENTS = sorted(name for name in sources() if is_component(name) and name != "zoo")
SPINE = sorted(name for name in sources() if name not in COMPONENTS and not name.startswith("zoo.nn"))


def test_the_house_is_read_whole():
    assert len(SPINE) > 30
    assert len(COMPONENTS) > 30
    assert {"zoo", "zoo_spatial"} <= set(PACKAGES)


@pytest.mark.parametrize("module", SPINE)
def test_a_module_of_the_spine_imports_downwards_only(module):
    place, name = storey(module)
    for other in ours(sources()[module], typed=True):
        if module == "zoo":  # the face names what it hands on, and imports it when it is asked for
            continue
        below, other_name = storey(other)
        assert below >= place, f"{module} ({name}) imports {other} ({other_name})"


@pytest.mark.parametrize("module", SPINE)
def test_no_module_of_the_spine_imports_a_component(module):
    assert not [other for other in ours(sources()[module], typed=True) if is_component(other) and other != "zoo"]


@pytest.mark.parametrize("module", COMPONENTS)
def test_a_component_imports_its_contract_and_its_own_package_only(module):
    package = ".".join(module.split(".")[: 2 if module.startswith("zoo.") else 1])
    allowed = FOR_COMPONENTS | {package}
    for other in ours(sources()[module], typed=True):
        assert any(other == name or other.startswith(f"{name}.") for name in allowed), f"{module} imports {other}"


@pytest.mark.parametrize("module", COMPONENTS)
def test_a_component_of_one_kind_does_not_import_one_of_another(module):
    kind = module.split(".")[1] if module.count(".") > 1 else ""
    for other in ours(sources()[module], typed=True):
        others = other.split(".")[1] if other.count(".") > 1 else ""
        assert not (kind in KINDS and others in KINDS and kind != others), f"{module} imports {other}"


def test_the_shared_parts_without_names_stand_on_the_ground_alone():
    for module in (name for name in sources() if name.startswith(("zoo.nn", "zoo.scores"))):
        for other in ours(sources()[module], typed=False):
            assert storey(other)[1] == "ground", f"{module} imports {other}"


def test_no_imports_go_in_a_circle():
    graph = {module: ours(tree, typed=False) & set(sources()) for module, tree in sources().items()}
    done = set()

    def walk(module, way):
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for other in graph[module]:
                walk(other, [*way, module])
            done.add(module)

    for module in graph:
        walk(module, [])


def test_only_the_command_line_imports_the_console_and_the_contract_checks():
    for module, tree in sources().items():
        imported = ours(tree, typed=True)
        if not module.startswith("zoo.cli"):
            assert not {"zoo.console", "zoo.testing"} & imported, module


def test_modules_are_imported_by_name_in_the_registry_the_table_of_verbs_and_the_face_only():
    by_name = {module for module, tree in sources().items() if "import_module" in ast.unparse(tree)}
    assert by_name == {"zoo.registry", "zoo.cli.app", "zoo"}


def registered_names():
    names = {entry.name for entry in Registry().entries()}
    return names | {name for kinds in known_plugins().values() for name in kinds}


# Where a registered name is allowed to stand in the spine.
ALLOWED = {
    ("zoo.contracts", "timm"),  # the page for authors shows what a recipe says
    ("zoo.run", "timm"),  # the package whose version is written into environment.json
}
PLAIN_WORDS = {
    "calibrate",
    "cells",
    "embed",
    "max",
    "mean",
    "plate",
    "segment",
    "train",
    "weighted",
}  # names of components that are words of the language too


@cache
def any_registered_name():
    names = sorted(registered_names() - PLAIN_WORDS, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?![\w-])")


@pytest.mark.parametrize("module", SPINE)
def test_the_spine_names_no_component(module):
    texts = [node.value for node in ast.walk(sources()[module]) if isinstance(node, ast.Constant)]
    for text in texts:
        if not isinstance(text, str):
            continue
        settings_removed = re.sub(r"\btrain\.\w+", "", text)  # 'train.clip' is a setting of the frame
        for name in any_registered_name().findall(settings_removed):
            assert (module, name) in ALLOWED, f"{module} says '{name}' in {text[:80]!r}"


def test_only_the_console_prints():
    for module, tree in sources().items():
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        mouths = {call for call in calls if call in {"print", "sys.stdout.write", "sys.stderr.write", "typer.echo"}}
        allowed = {"zoo.console": {"print"}, "zoo.cli.app": {"typer.echo"}}  # typer prints the version before a verb
        assert mouths <= allowed.get(module, set()), module


def test_no_file_is_longer_than_350_lines_and_no_code_asserts():
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 350, path
            tree = sources()[module_of(path, package)]
            # contract checks are tests that are shipped
            asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
            assert not asserts or path.stem == "testing", f"{path}:{asserts}"


def test_every_registered_component_of_ours_stands_in_the_file_of_its_name():
    for entry in Registry().entries():
        if entry.distribution in {"microscopy-zoo", "zoo-spatial", "zoo-cells", "zoo-cars"}:
            module, _, _ = entry.target.partition(":")
            assert module.split(".")[-2:] == [entry.kind, re.sub(r"[-.]", "_", entry.name)], entry
