"""The site is built whole: a page for every part, recipe and verb, each of them found from the first page."""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import PurePosixPath

import pytest
from written import ROOT

from zoo import document, trace
from zoo.kinds import KINDS, VERBS
from zoo.registry import Registry

OURS = {"microscopy-zoo", "zoo-spatial", "zoo-cars", "zoo-cells", "zoo-hello"}
PARTS = [entry for entry in Registry().entries() if entry.distribution in OURS]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site):
    """Return page -> HTML."""
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def seen(html):
    """Return the text of a page as it is read."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_there_are_parts_of_every_kind_to_look_for():
    assert {entry.kind for entry in PARTS} == set(KINDS)


def test_every_part_has_a_page_with_what_it_is_and_every_parameter(pages):
    for entry in PARTS:
        html = pages[f"parts/{entry.kind}/{entry.name}.html"]
        source = trace.source_of(entry)
        assert f"{entry.distribution} {entry.version}" in seen(html), entry.name
        for line in source.signature.splitlines():
            name = line.partition(":")[0]
            assert re.search(rf"<td><code[^>]*>{name}</code></td>", html), f"{entry.name}: {name}"
        for reference in re.findall(r"10\.\d{4,}/[^\s,;)]*\w", " ".join(trace.references_of(entry))):
            assert reference in unescape(html), f"{entry.name}: {reference}"


def test_every_recipe_and_every_verb_has_a_page(pages):
    for path in ROOT.glob("recipes/*.yaml"):
        text = seen(pages[f"recipes/{path.stem}.html"]).replace(" ", "")
        assert document.text_of(path).splitlines()[-1].replace(" ", "") in text, path
    for verb in VERBS:
        assert f"zoo {verb}" in seen(pages[f"commands/{verb}.html"])


def test_every_page_is_reached_from_the_first_one(pages):
    found, open_ends = set(), ["index.html"]
    while open_ends:
        page = open_ends.pop()
        found.add(page)
        for target in re.findall(r'href="([^"#:]+\.html)', pages[page]):
            other = os.path.normpath(PurePosixPath(page).parent / target)
            if other in pages and other not in found and other not in open_ends:
                open_ends.append(other)
    assert set(pages) - found <= {"404.html"}


def test_files_that_a_page_takes_in_are_taken_in_whole(pages):
    page = re.sub(r"\s", "", unescape(re.sub(r"<[^>]+>", "", pages["how-to/write-a-plugin.html"])))
    hello = ROOT / "plugins" / "zoo-hello"
    for file in ("pyproject.toml", "zoo_hello/hello_head.py"):
        assert re.sub(r"\s", "", (hello / file).read_text()) in page, file


def test_no_page_asks_anything_of_the_network(pages, site):
    for page, html in pages.items():
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="?([^"\s>]+)', html)
        loaded += re.findall(r'<link[^>]*rel="?(?:stylesheet|preconnect|preload)"?[^>]*href="?([^"\s>]+)', html)
        loaded += re.findall(r'<link[^>]*href="?([^"\s>]+)"?[^>]*rel="?(?:stylesheet|preconnect|preload)', html)
        assert not [one for one in loaded if one.startswith(("http", "//"))], page
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"url\(['\"]?(?:https?:)?//", styles)


def test_a_part_can_be_searched_for(site):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    places = {document["location"].split("#")[0] for document in index["docs"]}
    assert {f"parts/{entry.kind}/{entry.name}.html" for entry in PARTS} <= places


def test_the_sources_of_the_site_are_not_on_it(site):
    assert not [*site.rglob("*.py"), *site.rglob("*.yml")]
