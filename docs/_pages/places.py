"""Where every file of the repository stands on the site, and how a link between files becomes one between pages."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from zoo.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]

_MOVED = (
    (re.compile(r"README\.md"), r"index.md"),
    (re.compile(r"(CHANGELOG|CONTRIBUTING)\.md"), None),
    (re.compile(r"docs/(.+)"), r"\1"),
    (re.compile(r"cards/([^/]+)/README\.md"), r"models/\1.md"),
    (re.compile(r"plugins/([^/]+)/README\.md"), r"plugins/\1.md"),
    (re.compile(r"(?:plugins/[^/]+/)?recipes/([^/]+)\.yaml"), r"recipes/\1.md"),
    (re.compile(r"zoo/(contracts|stage_contract)\.py"), r"contract/\1.md"),
    (re.compile(r"zoo/schema\.py"), r"recipes/frame.md"),
    (re.compile(r"recipes"), r"recipes/index.md"),
    (re.compile(rf"(?:zoo|plugins/[^/]+/zoo_[a-z]+)/({'|'.join(KINDS)})"), r"parts/\1/index.md"),
)
_PART = re.compile(rf"(?:zoo|plugins/[^/]+/zoo_[a-z]+)/({'|'.join(KINDS)})/([a-z0-9_]+)\.py")
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def page_of(file: str) -> str | None:
    """Return the page that a file of the repository becomes, None for a file that is not on the site."""
    part = _PART.fullmatch(file)
    if part:  # a part's file is called as the part is
        return f"parts/{part[1]}/{part[2].replace('_', '-')}.md"
    for pattern, page in _MOVED:
        found = pattern.fullmatch(file)
        if found:
            return found.expand(page) if page else file.lower()
    return None


def relinked(text: str, file: str, page: str) -> str:
    """Return the text of a file of the repository with its links leading to pages of the site.

    Parameters
    ----------
    text
        Markdown; what stands in fenced blocks is left as it is.
    file
        Its path in the repository.
    page
        The page that it becomes.
    """

    def link(match: re.Match[str]) -> str:
        before, target, anchor, after = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match.group()
        found = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(file), target)))
        return f"{before}{between(page, found)}{anchor or ''}{after}" if found else match.group()

    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in _FENCE.split(text))


def between(page: str, other: str) -> str:
    """Return the link that leads from one page to another."""
    return posixpath.relpath(other, posixpath.dirname(page) or ".")
