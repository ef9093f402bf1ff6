"""What stands in the handwritten documentation: its pages, blocks and commands."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted(p.relative_to(ROOT).as_posix() for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block; ``title`` is the file that it shows, and ``over`` the recipe that it is laid over."""

    language: str
    title: str
    text: str

    @property
    def over(self):
        found = re.match(r"# over (\S+)\n", self.text)
        return found[1] if found else ""


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """Return the blocks of a page, without those that show a file of the repository."""
    found = []
    for language, info, text in FENCE.findall(text_of(page)):
        title = re.search(r'title="([^"]+)"', info)
        if "--8<--" not in text:
            found.append(Block(language, title[1] if title else "", text))
    return found


def spans(page):
    """Return the code spans outside of blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(page)))


def commands(page):
    """Return the words of every call of zoo, in blocks and in spans; comments and prompts are left out."""
    if page.endswith(".yaml"):  # of a recipe the comment that it begins with
        head = text_of(page).partition("\nzoo:")[0]
        found = [call for line in head.splitlines() for call in _calls(line.lstrip("# "))]
        return [tuple(call) for call in found]
    lines = []
    for block in blocks(page):
        if block.language in {"", "text", "console", "bash"}:
            lines += re.sub(r"\\\n\s*", "", block.text).splitlines()
    found = [call for line in [*lines, *spans(page)] for call in _calls(line)]
    return [tuple(call) for call in dict.fromkeys(map(tuple, found))]


def _calls(line):
    line = re.sub(r"\s{3,}.*| # .*", "", line.strip().removeprefix("$ "))
    start = re.match(r"(?:srun |time |torchrun .*-m )?zoo (?=[a-z-])", line)
    if not start:
        return []
    words = shlex.split(line[start.end() :].replace("...", ""))
    return [[word.rstrip(",") for word in words]]
