"""What the guides say is done: their files are written, their recipes filled, their cheap commands run."""

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from written import PAGES, ROOT, blocks

from zoo import recipe
from zoo.resolve import fill

GUIDES = [page for page in PAGES if page.startswith("docs/")]
CHEAP = {"ls", "show", "check", "train", "predict", "plugin new"}
"""Verbs that are run; ``train`` and ``predict`` where the recipe is one that the page writes itself."""

OWN_PARTS = [
    ("encoders", "channel-stats", "docs/how-to/your-own-encoder.md"),
    ("datasets", "wells", "docs/how-to/your-own-dataset.md"),
]


@pytest.fixture
def desk(dist, tmp_path, monkeypatch):
    """Do what a page tells its reader to write and install, in a folder of its own; return it."""

    def lay(page):
        files = {block.title: block.text for block in blocks(page) if block.title}
        points = {}
        name, version = "no-plugin", "1.0"
        if "pyproject.toml" in files:
            project = tomllib.loads(files["pyproject.toml"])["project"]
            name, version = project["name"], project["version"]
            points = {group.removeprefix("zoo."): named for group, named in project["entry-points"].items()}
        folder = dist(name, files=files, points=points, version=version)
        if points:
            with next(folder.glob("*.dist-info/METADATA")).open("a") as facts:
                facts.write(f"License-Expression: {project['license']}\n")
        (folder / "recipes").symlink_to(ROOT / "recipes")
        monkeypatch.chdir(folder)
        return folder

    before = set(sys.modules)
    yield lay
    packages = {Path(block.title).parts[0] for page in GUIDES for block in blocks(page) if block.title.endswith(".py")}
    for name in set(sys.modules) - before:
        if name.split(".")[0] in packages:
            del sys.modules[name]  # another page, or the README, may call its package alike


def with_yaml():
    return [page for page in GUIDES if any(block.language == "yaml" for block in blocks(page))]


@pytest.mark.parametrize("page", with_yaml())
def test_the_recipes_of_a_page_are_whole_or_say_what_they_are_laid_over(page, desk):
    folder = desk(page)
    for number, block in enumerate(block for block in blocks(page) if block.language == "yaml"):
        text = f"extends: {block.over}\n{block.text}" if block.over else block.text
        assert block.over or yaml.safe_load(text).get("zoo") == 1, f"{page}: write # over NAME in its first line"
        (folder / f"block{number}.yaml").write_text(text)
        filled = fill(recipe.load(folder / f"block{number}.yaml"))
        assert block.over or not filled.dropped, f"{page}: {text}"


def with_commands():
    return [page for page in GUIDES if any(block.language in {"console", "python"} for block in blocks(page))]


@pytest.mark.parametrize("page", with_commands())
def test_what_a_page_has_its_reader_do_is_done(page, desk, zoo, tmp_path):
    folder, names = desk(page), {}
    own = {path.name: yaml.safe_load(path.read_text())["name"] for path in folder.glob("*.yaml")}
    for block in blocks(page):
        if block.language == "python" and not block.title:
            exec(compile(block.text, page, "exec"), names)  # a page is read from top to bottom
        if block.language == "console":
            for line, shown in steps(block.text):
                run(line, shown, zoo, own, tmp_path)


@pytest.mark.parametrize(("kind", "name", "page"), OWN_PARTS)
def test_the_part_that_a_page_writes_keeps_what_its_kind_promises(kind, name, page, desk):
    from zoo.testing import check

    folder = desk(page)
    for block in blocks(page):
        if block.language == "python" and not block.title:
            exec(compile(block.text, page, "exec"), {})
    check(kind, name, recipe=next(folder.glob("*.yaml")))


@pytest.mark.parametrize("page", GUIDES)
def test_every_name_that_a_page_imports_from_zoo_is_there(page):
    text = "\n".join(block.text for block in blocks(page) if block.language == "python")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "zoo":
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names), f"{page}: {ast.unparse(node)}"


def steps(text):
    """Return each command of a block with the lines that are shown under it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(part.splitlines()[0], part.splitlines()[1:]) for part in parts]


def run(line, shown, zoo, own, tmp_path):
    words = line.split()[1:]
    of_page = [name for file, name in own.items() if file in words or f"runs/{name}/RUN" in words]
    verb = " ".join(words[:2]) if words[0] == "plugin" else words[0]
    if verb not in CHEAP or (verb in {"train", "predict"} and not of_page) or "NAME" in words:
        return
    for name in of_page:
        runs = sorted((tmp_path / "runs" / name).glob("*"))
        words = [str(runs[-1]) if word == f"runs/{name}/RUN" else word for word in words]
    code, out, err = zoo(*words)
    assert code == 0, f"{line}: {err}"
    for expected in shown:
        assert re.search(r"\s*".join(map(re.escape, expected.split())), out), f"{line}: {expected!r} is not in {out}"
