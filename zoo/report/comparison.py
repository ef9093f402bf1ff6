"""The page of a comparison: which of several runs is better, by how much, and what makes it unfair to say so."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.document import dotted
from zoo.errors import MissingError
from zoo.figures.files import Table
from zoo.figures.parts import Code, Listing, Section
from zoo.report import facts, material, page, versus
from zoo.report.contents import Chapter, Page, Verdict
from zoo.report.facts import RunFacts
from zoo.report.words import between, counted, cut, listed, plural

Found = Mapping[str, Any]

TOLD = 6
"""Runs that the verdict tells of one by one."""
MOST_ROWS, DEEPEST = 2_000, 32
_PLAIN = ("name", "publish")
"""Blocks of a recipe that decide no result."""


def write(found: Found, path: Path) -> Path:
    """Write the page of what :func:`zoo.compare.compare` returned, and return its path.

    Raises
    ------
    RunError
        The disk refuses.
    """
    return page.write(of(found), path)


def of(found: Found) -> Page:
    """Return the page of a comparison; of each run's folder it reads the recipe and what the data are."""
    runs = {run["run"]: _read(Path(run["folder"])) for run in found["runs"]}
    names = list(runs)
    score = next(iter(found["higher_is_better"]), "")
    chapters = [
        _chapter("differences", "Differences", _differences(found)),
        _chapter("scores", "Scores", _scores(found)),
        _chapter("groups", f"By {found['unit']}", _groups(found, score)),
        _chapter("recipes", "What differs between the recipes", [_recipes(runs)]),
        _chapter("runs", "The runs", _runs(found, runs)),
    ]
    title = " and ".join(names) if len(names) == 2 else f"{names[0]} and {len(names) - 1} others"  # noqa: PLR2004 - a pair
    return Page(cut(title), "A comparison of runs", _verdict(found, runs, score), [c for c in chapters if c.sections])


def _read(folder: Path) -> RunFacts:
    try:
        return facts.read(folder)
    except MissingError:  # it was there a moment ago
        return RunFacts(folder, "", {})


def _chapter(key: str, title: str, sections: Sequence[Section]) -> Chapter:
    kept = [material.kept(section) for section in sections if section.parts]
    return Chapter(key, title, kept)


def _verdict(found: Found, runs: Mapping[str, RunFacts], score: str) -> Verdict:
    kinds = {run.kind for run in runs.values()} - {"", "real"}
    made_up = "SIMULATED data, not measured ones. " if kinds == {"simulated"} else "Data that are partly made up. "
    groups = f"{counted(len(found['groups']), found['unit'])} ({listed(found['groups'])})"
    what = f"{counted(len(runs), 'run')} compared over {groups} that all of them were tested on."
    lines = [f"{made_up if kinds else ''}{what} {found['reference']} is the reference.", *_told(found, score)]
    figure = versus.forest(found, [score], "verdict-picture") if score else None
    picture = material.kept(Section("verdict", "Verdict", [figure])).parts[0] if figure else None
    warnings = [f"{note}." for note in found["notes"]]  # many begin with the name of a run, which stays as it is
    return Verdict("", lines, warnings, picture, title="What came out")


def _told(found: Found, score: str) -> Iterator[str]:
    """Say of each run how it does against the reference in the main score, and of all whether they beat floors."""
    pairs = [pair for pair in _against_first(found) if pair["score"] == score]
    for pair in pairs[:TOLD]:
        yield f"{score}: {_difference(pair, found['unit'])}"
    if len(pairs) > TOLD:
        yield f"{len(pairs) - TOLD} more runs are in the figures and tables."
    if score:
        yield _beside_floors(found, score)


def _beside_floors(found: Found, score: str) -> str:
    above = {run["run"]: run["above_floor"][score]["mean"] for run in found["runs"]}
    behind = [name for name, mean in above.items() if mean is not None and mean <= 0]
    unknown = [name for name, mean in above.items() if mean is None]
    if len(behind) == len(above):
        return f"None of them beats its best floor in {score}: a trivial rival does as well."
    told = f"Not better than the best floor in {score}: {listed(behind)}. " if behind else ""
    told += f"Without a floor to hold it against: {listed(unknown)}. " if unknown else ""
    return told.strip() or f"Each of them is above its best floor in {score}; how surely stands under Scores."


def _difference(pair: Mapping[str, Any], unit: str) -> str:
    one, other, mean, interval = pair["run"], pair["against"], pair["mean"], pair["interval"]
    if mean is None:
        return f"{one} and {other} cannot be compared, because one has no value."
    how = f"{abs(mean):.3f} {'better' if mean > 0 else 'worse'} than" if round(mean, 3) else "level with"
    told = f"{one} is {how} {other}"
    if pair["better_groups"] is not None:
        told += f", and better in {pair['better_groups']} of {counted(pair['groups'], unit)}"
    if interval is None:
        return f"{told}. No interval can be given, so that nobody can say whether that is chance."
    told += f" (95 % interval of the difference {between(interval)})"
    sure = interval[0] > 0 or interval[1] < 0
    return (
        f"{told}: more than what differs between these {plural(unit)}."
        if sure
        else f"{told}: they cannot be told apart."
    )


def _against_first(found: Found) -> list[Mapping[str, Any]]:
    return [pair for pair in found["differences"] if pair["against"] == found["reference"]]


def _differences(found: Found) -> list[Section]:
    figure = versus.forest(found, list(found["higher_is_better"]), "forest")
    rows = [
        [
            *(pair[key] for key in ("score", "run", "against", "mean")),
            *(pair["interval"] or (None, None)),
            pair["better_groups"],
            pair["groups"],
        ]
        for pair in found["differences"]
    ]
    unit = plural(found["unit"])
    columns = ["score", "run", "better than", "by", "95% from", "95% to", f"{unit} won", f"of {unit}"]
    caption = (
        f"Positive where the run is better, also for scores of which lower is better. A difference is taken within "
        f"each {found['unit']} before {unit} are drawn anew for the interval."
    )
    listing = Listing("pairs", "Every pair of runs", Table(columns, rows), caption)
    return [Section("paired", "Paired differences", [*([figure] if figure else []), listing])]


def _scores(found: Found) -> list[Section]:
    several = any(column["seed_sd"] is not None for run in found["runs"] for column in run["scores"].values())
    rows = []
    for score, up in found["higher_is_better"].items():
        for run in found["runs"]:
            column, margin = run["scores"][score], run["above_floor"][score]
            best = run["floors"].get(margin["floor"] or "", {}).get(score, {})
            rows.append(
                [
                    *(score if up else f"{score} (lower is better)", run["run"], column["mean"]),
                    *(column["interval"] or (None, None)),
                    *([column["seed_sd"]] if several else []),
                    *(margin["floor"], best.get("mean"), margin["mean"]),
                    *(margin["interval"] or (None, None)),
                ]
            )
    columns = ["score", "run", "value", "95% from", "95% to", *(["sd over seeds"] if several else [])]
    columns += ["best floor", "floor's value", "above it by", "above from", "above to"]
    caption = "All over the shared groups alone, so that they may differ from what each run tells of itself."
    listing = Listing("scores", "Every run and its best floor", Table(columns, rows), caption)
    figure = versus.scores(found, "scores-picture")
    return [Section("beside-floors", "Beside the floors", [*([figure] if figure else []), listing])]


def _groups(found: Found, score: str) -> list[Section]:
    names = [run["run"] for run in found["runs"]]
    rows = []
    for group in found["groups"]:
        for each in found["higher_is_better"]:
            values = [run["scores"][each]["by_group"].get(group) for run in found["runs"]]
            if any(value is not None for value in values):
                rows.append([group, each, *values])
    table = Table([found["unit"], "score", *names], rows)
    listing = [Listing("by-group", f"Every {found['unit']}", table)] if rows else []
    figure = versus.by_group(found, score, "by-group-picture") if score else None
    return [Section("each-group", f"Each {found['unit']}", [*([figure] if figure else []), *listing])]


def _recipes(runs: Mapping[str, RunFacts]) -> Section:
    flat = {name: {path: value for path, value in _leaves(run.data) if path} for name, run in runs.items()}
    paths = dict.fromkeys(path for values in flat.values() for path in values)
    rows = []
    for path in paths:
        values = [values.get(path, "") for values in flat.values()]
        if len(set(values)) > 1 and path.partition(".")[0] not in _PLAIN:
            rows.append([path, *values])
    words = "Settings that differ between the filled recipes; empty where a recipe has no such setting."
    if not rows:
        same = "The filled recipes are the same in all that decides the result."
        return Section("diff", "Settings", [Code("same", "Nothing differs", same)])
    more = f" The first {MOST_ROWS:,} of {len(rows):,}." if len(rows) > MOST_ROWS else ""
    listing = Listing("settings", "Setting by setting", Table(["setting", *flat], rows[:MOST_ROWS]))
    return Section("diff", "Settings", [listing], words + more)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, str]]:
    """Give path and value of everything in a recipe; a list of plain values is one of them."""
    nested = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value))
    if nested and value and len(path) < DEEPEST:
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(child, (*path, key))
        return
    plain = {None: "null", True: "true", False: "false"}
    text = plain[value] if value is None or isinstance(value, bool) else value
    yield cut(dotted(path), 200), cut(text, 200)


def _runs(found: Found, runs: Mapping[str, RunFacts]) -> list[Section]:
    sections = []
    for number, run in enumerate(found["runs"]):
        known = runs[run["run"]]
        told = {
            "recipe": run["recipe"],
            "protocol": run["protocol"],
            "seeds": ", ".join(map(str, run["seeds"])),
            "models": len(known.members) or None,
            "data": ", ".join(filter(None, (known.kind, *(origin.name for origin in known.origins)))),
            "what it is": "a package" if known.packaged else "a run",
            "folder": run["folder"],
        }
        rows = [[name, cut(value, 300)] for name, value in told.items() if value not in {None, ""}]
        listing = Listing(f"run-{number + 1}", "What it is", Table(["what", "value"], rows))
        sections.append(Section(f"run-{number + 1}-section", cut(run["run"]), [listing]))
    folders = " ".join(shlex.quote(run["folder"]) for run in found["runs"])
    command = Code("command", "The command", f"zoo compare {folders}")
    return [*sections, Section("again", "How to make it again", [command])]
