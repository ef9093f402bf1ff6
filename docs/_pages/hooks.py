"""What mkdocs calls: pages that are made from the registry, the recipes and the README, and their place in the menu."""

from __future__ import annotations

from typing import Any

import commands
import documents
import inventory
import parts
from mkdocs.structure.files import File, Files
from places import relinked

_made: dict[str, str] = {}


def on_config(config: Any) -> Any:
    """Make all pages, and put them where the menu has a place for them (``parts/*``)."""
    found = inventory.read()
    _made.clear()
    _made.update(parts.pages(found))
    _made.update(documents.pages(found))
    _made.update(commands.pages())
    config.nav = [_expanded(item) for item in config.nav]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages that were made to those that were written."""
    for page, text in _made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links of written pages to files of the repository lead to the pages that these become."""
    uri = page.file.src_uri
    return markdown if uri in _made else relinked(markdown, f"docs/{uri}", uri)


def _expanded(item: Any) -> Any:
    if isinstance(item, str):
        return _listed(item.removesuffix("*")) if item.endswith("/*") else [item]
    ((title, below),) = item.items()
    if not isinstance(below, list):
        return item
    flat: list[Any] = []
    for child in below:
        more = _expanded(child)
        flat += more if isinstance(more, list) else [more]
    return {title: flat}


def _listed(folder: str) -> list[Any]:
    """Return the pages right in a folder, its index first, then the folders in it as sections of their own."""
    own = [page for page in _made if page.startswith(folder) and "/" not in page.removeprefix(folder)]
    own.sort(key=lambda page: (not page.endswith("/index.md"), page))
    inner = dict.fromkeys(page.removeprefix(folder).split("/")[0] for page in _made if page.startswith(folder))
    sections = [name for name in inner if not name.endswith(".md")]
    return [*own, *({name: _listed(f"{folder}{name}/")} for name in sections)]
