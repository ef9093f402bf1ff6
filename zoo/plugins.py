"""What is installed and what of it is broken, distribution by distribution; nothing is imported unless asked for.

``zoo plugin ls --format json`` prints :func:`listed`, which is stable for machines: keys are added, and none is taken
away or changes its meaning without a higher ``format``. Every key is always there, empty where there is nothing::

    {"format": 1,
     "plugins": [{"distribution": "my-lab", "version": "1.0", "licence": "Apache-2.0", "left_out": false,
                  "parts": [{"kind": "heads", "name": "my-head", "target": "my_lab.heads:MyHead", "problem": ""}],
                  "recipes": [{"name": "my-recipe", "file": "/.../my-recipe.yaml"}],
                  "models": [{"name": "my-model", "problem": ""}],
                  "commands": [{"name": "align", "target": "my_lab.cli:app", "problem": ""}],
                  "names": [{"kind": "heads", "name": "old", "now": "my-head", "gone": "2.0", "over": false}]}],
     "conflicts": ["..."],
     "troubles": ["..."]}

Plugins and what they bring are sorted by name; zoo itself stands among them, for its parts enter by the same door.
``left_out`` says that ``ZOO_PLUGINS`` keeps a plugin from taking part; what it would bring is listed and not examined.
``problem`` is a sentence, empty where nothing stands in the way; ``conflicts`` and ``troubles`` are sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo import catalogue, licences
from zoo.errors import MissingError
from zoo.kinds import COMMANDS, KINDS, MODELS, NAMES, RECIPES
from zoo.registry import Entry, Registry
from zoo.shelves import Shelves
from zoo.trace import sources_of

FORMAT = 1


def listed(registry: Registry | None = None, *, load: bool = False) -> dict[str, Any]:
    """Return what every installed distribution brings, as plain values.

    Parameters
    ----------
    registry
        Of the installed distributions where not given.
    load
        Import every part and verb, which finds those that fail only then.
    """
    registry = registry or Registry()
    shelves = Shelves(registry)
    found = _Rows()
    entries = [entry for kind in (*KINDS, COMMANDS) for entry in registry.claims(kind)]
    for entry, problem in zip(entries, _problems(entries, load=load), strict=True):
        facts = {"name": entry.name, "target": entry.target, "problem": problem}
        if entry.kind == COMMANDS:
            found.of(entry)[COMMANDS].append(facts)
        else:
            found.of(entry)["parts"].append({"kind": entry.kind, **facts})
    problems = {(model.distribution, model.name): model.problem for model in catalogue.models(registry)}
    for entry in registry.claims(MODELS):
        problem = problems.get((entry.distribution, entry.name), "")
        found.of(entry)[MODELS].append({"name": entry.name, "problem": problem})
    for line in registry.lines(RECIPES):
        files = shelves.by(line.distribution)
        found.of(line)[RECIPES] = [{"name": name, "file": str(files[name])} for name in sorted(files)]
    for line in registry.lines(NAMES):
        found.of(line)
    for change in registry.changes():
        row = {"kind": change.kind, "name": change.name, "now": change.now, "gone": change.gone, "over": change.over}
        found.of(change)[NAMES].append(row)
    for line in registry.left_out:
        found.leave_out(line)
    return {
        "format": FORMAT,
        "plugins": found.sorted(),
        "conflicts": conflicts(registry, shelves),
        "troubles": troubles(registry, shelves),
    }


def conflicts(registry: Registry, shelves: Shelves) -> list[str]:
    """Return the names that several distributions bring: parts, models, verbs and recipes."""
    return [*map(str, registry.conflicts()), *shelves.conflicts]


def troubles(registry: Registry, shelves: Shelves) -> list[str]:
    """Return what is wrong with what distributions offer, recipes included."""
    return [*registry.troubles, *shelves.troubles]


class _Rows:
    """One row a distribution, made when it is first met."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def of(self, line: Any) -> dict[str, Any]:
        if line.distribution not in self._rows:
            row: dict[str, Any] = {"distribution": line.distribution, "version": line.version}
            lists: dict[str, list[Any]] = {key: [] for key in ("parts", RECIPES, MODELS, COMMANDS, NAMES)}
            self._rows[line.distribution] = {
                **row,
                "licence": licences.stated_by(line.distribution),
                "left_out": False,
                **lists,
            }
        return self._rows[line.distribution]

    def leave_out(self, line: Any) -> None:
        """List what would be there."""
        row = self.of(line)
        row["left_out"] = True
        if line.group in KINDS:
            row["parts"].append({"kind": line.group, "name": line.name, "target": line.target, "problem": ""})
        elif line.group == MODELS:
            row[MODELS].append({"name": line.name, "problem": ""})
        elif line.group == COMMANDS:
            row[COMMANDS].append({"name": line.name, "target": line.target, "problem": ""})

    def sorted(self) -> list[dict[str, Any]]:
        for row in self._rows.values():
            for key in ("parts", MODELS, COMMANDS, NAMES):
                row[key].sort(key=lambda facts: (facts.get("kind", ""), facts["name"]))
        return [self._rows[name] for name in sorted(self._rows)]


def _problems(entries: Sequence[Entry], *, load: bool) -> list[str]:
    read = [source.problem for source in sources_of(entries)]
    return [problem or (failure(entry) if load else "") for entry, problem in zip(entries, read, strict=True)]


def failure(entry: Entry) -> str:
    """Import a part or a verb, and return why that cannot be done; empty where it can."""
    try:
        entry.load()
    except MissingError as error:
        return str(error)
    return ""
