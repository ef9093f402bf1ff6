"""Docstrings in numpy style to Markdown."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

_HEADING = re.compile(r"^([A-Z][A-Za-z ]*)\n-{3,}\n", re.MULTILINE)
_ROLE = re.compile(r":[a-z]+:`~?([^`<]+)`")
_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
_DOI = re.compile(r"\bdoi:(10\.\d{4,}/[^\s,;)]*[^\s,;).])")
_ARXIV = re.compile(r"\barXiv:(\d{4}\.\d{4,5})")
_URL = re.compile(r"(?<![(<])\bhttps?://[^\s,;)>]*[^\s,;)>.]")


@dataclass(slots=True)
class Doc:
    """A docstring, taken apart.

    Attributes
    ----------
    lead
        What stands before the first heading.
    sections
        Heading -> text, ``Parameters`` and ``Attributes`` left out.
    said
        Name of a parameter or an attribute -> what it is.
    """

    lead: str = ""
    sections: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)


def parted(text: str) -> Doc:
    """Take a docstring apart."""
    pieces = _HEADING.split(text)
    doc = Doc(pieces[0].strip())
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        if heading in {"Parameters", "Attributes"}:
            doc.said.update(named(body))
        else:
            doc.sections[heading] = body.strip()
    return doc


def named(body: str) -> dict[str, str]:
    """Return name -> description of a section that lists names, each followed by an indented text."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in body.splitlines():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.split(":")[0].split(",")]
            found.update(dict.fromkeys(names, ""))
        else:
            for name in names:
                found[name] = f"{found[name]}\n{line.removeprefix('    ')}".strip("\n")
    return found


def markdown(text: str) -> str:
    """Return reST as our docstrings have it as Markdown: code, roles, literal blocks, references."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        literal = all(line.startswith("    ") for line in block.splitlines())
        if literal and blocks and blocks[-1].endswith("::"):
            blocks[-1] = blocks[-1].removesuffix(":").removesuffix(" :")
            inner = "\n".join(line[4:] for line in block.splitlines())
            blocks.append(f"```text\n{inner}\n```")
        else:
            blocks.append(block)
    return "\n\n".join(block if block.startswith("```") else inline(block) for block in blocks)


def inline(text: str) -> str:
    """Return a paragraph as Markdown."""
    parts = _CODE.split(_ROLE.sub(r"``\1``", text))
    return "".join(f"`{part.strip('`')}`" if part.startswith("`") else _plain(part) for part in parts)


def cell(text: str) -> str:
    """Return a text as one cell of a table."""
    return markdown(text).replace("\n\n", "<br>").replace("\n", " ").replace("|", "&#124;")


def code(text: str) -> str:
    """Return a text as code that may stand in a cell of a table."""
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>"


def _plain(text: str) -> str:
    text = re.sub(r"([*_<\\])", r"\\\1", text)
    text = _DOI.sub(r"[doi:\1](https://doi.org/\1)", text)
    text = _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
    return _URL.sub(lambda match: f"<{match.group()}>".replace("\\", ""), text)
