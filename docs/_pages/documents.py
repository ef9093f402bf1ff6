"""Pages made of files of the repository: the README, cards, recipes, contracts, the history."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import parts
import prose
from inventory import Inventory, blocks
from places import ROOT, between, page_of, relinked

from zoo import document, recipe, verdict

COPIED = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
CONTRACTS = ("zoo/contracts.py", "zoo/stage_contract.py")


def pages(inventory: Inventory) -> dict[str, str]:
    """Return page -> Markdown."""
    found = {}
    files = [*COPIED, *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("plugins/*/README.md")))]
    for file in files:
        page = page_of(file) or file
        found[page] = relinked((ROOT / file).read_text(encoding="utf-8"), file, page)
    for file in CONTRACTS:
        page = f"contract/{Path(file).stem}.md"
        found[page] = f"# {Path(file).name}\n\n````python\n{(ROOT / file).read_text(encoding='utf-8').rstrip()}\n````\n"
    found |= _models()
    found["recipes/index.md"] = _recipes(inventory)
    for name in inventory.recipes:
        found[f"recipes/{name}.md"] = _recipe(name, inventory)
    return found


def _models() -> dict[str, str]:
    """Return the cards of the published models, without what is meant for the Hub."""
    with (ROOT / "zoo" / "models.toml").open("rb") as file:
        table = tomllib.load(file)
    rows, found = [], {}
    for folder in sorted(ROOT.glob("cards/*/")):
        text = (folder / "README.md").read_text(encoding="utf-8")
        card = text.partition("\n---\n")[2].strip() if text.startswith("---\n") else text
        page = f"models/{folder.name}.md"
        found[page] = relinked(card, f"cards/{folder.name}/README.md", page) + "\n"
        summary = table.get(folder.name, {}).get("summary", "")
        rows.append(f"| [{folder.name}]({folder.name}.md) | {summary} |")
    lead = "What `zoo pull NAME` brings, each with its card. What a package is: [packages](../packages.md)."
    found["models/index.md"] = "\n".join(("# Models", "", lead, "", "| name | what |", "|---|---|", *rows, ""))
    return found


def _recipes(inventory: Inventory) -> str:
    rows = [f"| [{name}]({name}.md) | {_title(path)} |" for name, path in inventory.recipes.items()]
    lead = "`zoo train NAME` finds them by name, from anywhere; `zoo show NAME --copy` writes one out to edit."
    what = "What a recipe may say: [concepts](../concepts/recipe.md)."
    return "\n".join(("# Recipes", "", lead, what, "", "| name | what |", "|---|---|", *rows, ""))


def _recipe(name: str, inventory: Inventory) -> str:
    path = inventory.recipes[name]
    page = f"recipes/{name}.md"
    text = document.text_of(path).rstrip()
    data = recipe.load(path).data
    parent = re.search(r"^extends: *(\S+)", text, re.MULTILINE)
    lines = [f"# {name}", "", _title(path), ""]
    if parent:
        stem = Path(parent.group(1)).stem
        lines += [f"It extends [{stem}]({stem}.md): what is not said here is as it stands there.", ""]
    lines += [f'```yaml title="{path.relative_to(ROOT).as_posix()}"', text, "```", "", "## Parts", ""]
    named = dict.fromkeys(part for _, part in blocks(data))
    entries = [entry for entry in inventory.entries if entry.name in named and name in inventory.uses(entry)]
    lines += [f"- {entry.kind}: [`{entry.name}`]({between(page, parts.page_of(entry))})" for entry in entries]
    return "\n".join((*lines, "", *_terms(path), ""))


def _terms(path: Path) -> Iterator[str]:
    """Yield what a recipe brings, and what its licences allow together."""
    ruling = verdict.verdict_of(recipe.load(path))
    yield from (
        "## Terms",
        "",
        prose.inline(ruling.verdict.sentence),
        "",
        "| what | from | licence | cite |",
        "|---|---|---|---|",
    )
    for row in ruling.rows:
        gated = ", after an agreement with its makers" if row.gated else ""
        source = " ".join(text for text in (row.citation, row.source) if text)
        yield f"| {prose.cell(row.what)} | {row.part} | {row.licence}{gated} | {prose.cell(source)} |"


def _title(path: Path) -> str:
    """Return the first line of a recipe, which says what it is."""
    with path.open(encoding="utf-8") as file:
        return next(line for line in file).lstrip("# ").strip()
