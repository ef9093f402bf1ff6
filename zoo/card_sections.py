"""The sections of a model card as markdown; what comes from a package may be a stranger's and never becomes markup."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoo import licences
from zoo.card_facts import Facts, Material, Origin, bounds, brought, one_line, parts, rounded
from zoo.config import Config, Tensor
from zoo.registry import singular
from zoo.verdict import Row, joined

EXAMPLE_FILES = {"image": "image.jpg", "spots": "spots.tsv"}
"""Option of ``zoo predict`` -> the file that the card's example gives it; any other option gives a file of its name."""

PREDICTED = "predicted.out"
"""The file that the card's example writes; with another ending where the task says that it writes one."""

_PROTOCOLS = {
    "strict": "what is fitted to data has seen the training groups only",
    "published": "what is fitted to data has seen the test groups too, and the scores flatter",
}
_FITTED = {
    "um_per_px": "pixel size (um_per_px)",
    "channels": "channels",
    "wavenumber_cm": "wavenumbers (wavenumber_cm)",
    "genes": "genes",
    "classes": "classes",
}
_ABOUT = ("name", "kind", "modality", "assay", "stain", "tissue", "species", "source", "citation", "licence")
_MARKUP = re.compile(
    r"[\\`|<>*~]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)"
    r"|^(?!-$)[#+=-](?![\d.])|(?:(?<=^\d)|(?<=^\d\d))[.)](?=\s|$)"  # what would begin a heading or a list
)
_LONGEST = 500
_FIRST = 8


def plain(text: object) -> str:
    """Return a text on one line, of bounded length, that no reader of markdown or HTML takes for anything but text.

    >>> plain("a|b <i> &amp; 0.3 [0.1, 0.5]")
    'a&#124;b &#60;i&#62; &#38;amp; 0.3 [0.1, 0.5]'
    """
    line = one_line(str(text))
    cut = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", cut)


def of_prose(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what stands before the first ``## `` of hand-written text, and its sections; a ``# `` title is dropped."""
    fence = ""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        if not fence and line.startswith("## "):
            found.append((line[3:].strip(), []))
        elif fence or not line.startswith("# "):
            found[-1][1].append(line)
    (_, opening), *rest = [(title, "\n".join(lines).strip()) for title, lines in found]
    return opening, rest


def what_it_is(facts: Facts) -> str:
    """Return recipe, size and parts."""
    config = facts.config
    how = f"Trained by the recipe {plain(facts.recipe)} under the {plain(facts.protocol)} protocol"
    rows = [(singular(part.kind), part.name, part.distribution) for part in config.components]
    return _paragraphs(f"{how}; {config.parameters:,} trained values.", _table(["kind", "part", "distribution"], rows))


def how_to_use_it(facts: Facts, found: Material) -> str:
    """Return the commands, and the same from Python."""
    inputs = facts.config.inputs or {"input": "what the data read"}
    # these become part of a command that people paste into a shell
    files = {name: EXAMPLE_FILES.get(name, name) for name in inputs if re.fullmatch(r"[a-z][a-z0-9_]*", name)}
    ending = found.work.writes if re.fullmatch(r"[A-Za-z0-9]{1,16}", found.work.writes) else ""
    name = PREDICTED.partition(".")[0]
    out = f"{name}.{ending}" if ending else name if found.work.writes == "/" else PREDICTED
    address = shlex.quote(one_line(facts.address))
    options = " ".join(f"--{name} {file}" for name, file in files.items())
    arguments = ", ".join(f"{name}={json.dumps(file)}" for name, file in files.items())
    code = [
        "import zoo\n",
        f"model = zoo.load({json.dumps(facts.address)})",
        f"prediction = model.predict({arguments})",
        f"prediction.write({json.dumps(out)})",
    ]
    needed = ", ".join(f"{plain(name)} {plain(versions)}" for name, versions in facts.config.requires.items())
    return _paragraphs(
        f"It needs {needed}." if needed else "",
        _fenced(f"zoo pull {address}\nzoo predict {address} {options} --out {out}", "sh"),
        _fenced("\n".join(code), "python"),
        _bullets([*(f"{name}: {plain(inputs[name])}" for name in files), *_settings(facts.config)]),
    )


def _settings(config: Config) -> list[str]:
    """Return what else a prediction may be told, as the command line writes it."""
    named = {name: what for name, what in config.settings.items() if re.fullmatch(r"[a-z][a-z0-9_]*", name)}
    return [f"`--{name.replace('_', '-')}`: {plain(what)}" for name, what in named.items()]


def scores(config: Config, found: Material) -> str:
    """Return model and floors in one table, and what its reader must not overlook."""
    table = score_table(found)
    over = "over the items of all test groups together" if found.table.pooled else "the mean over the test groups"
    reading = (
        f"Each score is {over} ({plain(found.table.split.unit)}), its interval a bootstrap over the groups. A floor is "
        "a trivial rival; the distance to the best one is paired by group, and positive where the model is better."
    )
    notes = [*map(plain, found.table.notes), _shipped(config, found)]
    return _paragraphs(table, reading, *_parts(found), _bullets(notes)) if table else ""


def _parts(found: Material) -> list[str]:
    """Return the scores of an ensemble's vote beside its members, and of earlier stages before the last model."""
    table = found.table
    tables = []
    for columns_of in (
        {"vote": table.scores, **table.ensemble} if table.ensemble else {},
        {**table.stages, "model": table.scores} if table.stages else {},
    ):
        rows = [
            [name, *(rounded(columns[score].mean if score in columns else None) for score in table.scores)]
            for name, columns in columns_of.items()
        ]
        tables.append(_table(["", *table.scores], rows) if rows else "")
    return tables


def score_table(found: Material) -> str:
    """Return the table of scores, empty where there are none."""
    table = found.table
    several = any(column.seed_sd is not None for column in table.scores.values())
    rows = []
    for score, column in table.scores.items():
        rivals = [columns[score].mean if score in columns else None for columns in table.floors.values()]
        margin = table.above_floor.get(score)
        spread = [rounded(column.seed_sd)] if several else []
        ours = [score, found.work.scores.get(score, ""), rounded(column.mean), bounds(column.interval), *spread]
        above = [rounded(margin.mean), bounds(margin.interval)] if margin else ["-", "-"]
        rows.append([*ours, *map(rounded, rivals), *above])
    spread = ["sd over seeds"] if several else []
    floors = [f"floor: {name}" for name in table.floors]
    header = ["score", "meaning", "model", "95% interval", *spread, *floors, "above best floor", "95% interval"]
    return _table(header, rows)


def _shipped(config: Config, found: Material) -> str:
    """Say which of the trained members the package holds, and what that one reaches alone."""
    members = found.table.members
    own = next((member for member in members if member.member == config.member), None)
    alone = [f"{score} {rounded(value)}" for score, value in own.alone.items()] if own else []
    reaches = (
        f"; alone, on the groups that it was tested on, it reaches {', '.join(map(plain, alone))}" if alone else ""
    )
    if len(members) == 1:
        return f"One member was trained, {plain(config.member)}, and it is the one that is shipped{reaches}."
    return f"Only member {plain(config.member)} of the {len(members)} trained is shipped{reaches}."


def data_and_splits(facts: Facts, found: Material) -> str:
    """Return where the data come from, and which groups stand on which side."""
    told = [[key, *(getattr(origin, key) for origin in found.data)] for key in _ABOUT]
    fold, split = facts.config.fold, found.table.split
    sides = [("train", fold.train), ("validation", fold.val), ("test", fold.test)]
    everyone = [group for _, groups in sides for group in groups]
    strict = facts.protocol == "strict" and len(set(everyone)) == len(everyone)
    apart = " No group stands on two sides." if strict else ""
    if fold.val and set(fold.val) == set(fold.test):
        apart = " The validation groups are the test groups: when to stop was decided on them, and the scores flatter."
    seeds = ", ".join(map(str, found.table.seeds)) or str(facts.config.seed)
    how = (
        f"Scheme {plain(split.scheme)}, folds {split.folds}, seeds {seeds}; the sides are those of the shipped member."
    )
    return _paragraphs(
        _table(["data", *("" for _ in found.data)], [row for row in told if any(row[1:])]),
        _table(
            ["side", f"groups ({fold.unit})", "which"],
            [(side, len(groups), _first(groups)) for side, groups in sides],
        ),
        how + apart,
        f"Protocol {plain(facts.protocol)}: {_PROTOCOLS.get(facts.protocol, 'unknown to this zoo')}.",
    )


def input_and_output(config: Config) -> str:
    """Return what goes in and comes out: units, names, shapes."""
    fitted = [(label, _shown(config.fitted[key])) for key, label in _FITTED.items() if key in config.fitted]
    tensors = [("reads", name, tensor) for name, tensor in config.reads.items()]
    tensors += [("gives", name, tensor) for name, tensor in config.gives.items()]
    shapes = [(side, name, _shape(tensor), tensor.dtype) for side, name, tensor in tensors]
    return _paragraphs(
        _table(["what", "value"], fitted),
        _table(["side", "entry", "shape, the first counts items", "type"], shapes),
    )


def intended_use(config: Config, found: Material) -> str:
    """Return what may be said of its use where its author said nothing."""
    words = dict.fromkeys(word for o in found.data for word in (o.modality, o.stain, o.tissue, o.species) if word)
    like = f" ({plain(', '.join(words))})" if words else ""
    pixel = config.fitted.get("um_per_px")
    size = f", at {plain(_shown(pixel))} um per pixel" if pixel is not None else ""
    use = f"Research on data like those that it was trained on{like}{size}."
    if found.kind == "simulated":
        use = "Trying the recipe, the software and the package; its predictions for measured data mean nothing."
    return f"{use} It is not made for diagnosis, and must not be used for decisions about patients."


def limits(facts: Facts, found: Material) -> str:
    """Return what facts alone tell of its limits, where its author told nothing."""
    fold, fitted = facts.config.fold, facts.config.fitted
    told = []
    if found.kind == "simulated":
        told.append(
            "The data are simulated: the scores say how well the model learns the simulation, and nothing of tissue."
        )
    if found.kind == "semi-synthetic":
        told.append(
            "The data are partly made up: the scores do not say how well the model does on measured ones alone."
        )
    told.append(
        f"Tested on {len(fold.test)} groups ({plain(fold.unit)}) of the same source, on no data of another one."
    )
    if fitted.get("um_per_px") is not None:
        told.append(
            f"Made for {plain(_shown(fitted['um_per_px']))} um per pixel; at another size it sees something else."
        )
    lists = [key for key in ("genes", "classes") if isinstance(fitted.get(key), list | dict)]
    told += [f"It knows the {len(fitted[key])} {key} that it was trained on, and no others." for key in lists]
    if facts.protocol == "published":
        told.append("Its scores flatter: what is fitted to data has seen the test groups.")
    return _bullets(told)


def licences_of(facts: Facts, found: Material) -> str:
    """Return the licence of each part, and what they allow together."""
    rows = parts(facts, found)
    ruling = joined(rows)
    silent = [origin.name for origin in found.data if origin.licence in {licences.NONE, ""}]
    meaning = (
        f"The makers of {plain(', '.join(silent))} state no licence: only they can allow others to use the data or to "
        "pass them on. Where the package holds bank.safetensors, that file holds values derived from the training data."
    )
    return _paragraphs(
        _table(["part", "licence"], [(row.label, row.licence) for row in rows]),
        plain(ruling.sentence),
        meaning if silent else "",
    )


def references(facts: Facts, found: Material) -> str:
    """Return what the docstrings of the parts refer to, and where the data come from."""
    told = [(name, line) for name, lines in facts.references.items() for line in lines]
    told += [(f"data ({origin.name})", _cited(origin)) for origin in found.data]
    told += [(f"weights ({origin.name})", _cited(origin)) for origin in found.weights]
    told += [(row.label, _cited(row)) for row in brought(facts, found)]
    return _bullets(f"{plain(name)}: {_linked(plain(line))}" for name, line in told if line)


def how_it_was_made(facts: Facts) -> str:
    """Return the command, the versions and the digest."""
    config = facts.config
    digest = plain(config.digest)
    whole = f"The recipe as it was run is recipe.yaml; the sha256 of all in it that decides the result is {digest}."
    return _paragraphs(
        _fenced(facts.commands, "text"),
        f"Shipped is seed {config.seed} of fold {plain(config.fold.name)}. {whole}",
        _table(["made with", "version"], sorted(config.made_with.items())),
    )


def proof(facts: Facts) -> str:
    """Return what can be checked of the package, and how."""
    address, test = shlex.quote(one_line(facts.address)), facts.config.test
    checks = ["the sha256 and size of every file", "this card against metrics.json and config.json"]
    if test:
        near = f"to a relative {test.rtol:g} and an absolute tolerance that config.json has of each output"
        checks.append(f"the outputs of the loaded model for {test.items} made-up items that are stored with it, {near}")
    return _paragraphs(_fenced(f"zoo verify {address}", "text"), f"This checks {'; '.join(checks)}.")


def _linked(text: str) -> str:
    """Write identifiers of papers as addresses; the Hub makes tags of those of arXiv."""
    text = re.sub(r"(?i)\barxiv: ?(\d{4}\.\d{4,5})", r"https://arxiv.org/abs/\1", text)
    return re.sub(r"(?i)\bdoi: ?(10\.\d{4,}/[^\s,;]*[^\s,;.])", r"https://doi.org/\1", text)


def _cited(origin: Origin | Row) -> str:
    return ", ".join(text for text in (origin.citation, origin.source) if text)


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a markdown table whose cells are text, or nothing where it has no rows."""
    lines = [[plain(cell) for cell in row] for row in rows]
    whole = [[plain(cell) for cell in header], ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in whole) if lines else ""


def _fenced(text: str, language: str) -> str:
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.strip()}\n{fence}"


def _shown(value: Any) -> str:
    """Return a fitted value on one line: a number, or how many there are and the first of them."""
    if isinstance(value, Mapping | list | tuple):
        return f"{len(value)}: {_first(list(value))}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first(values: Sequence[Any]) -> str:
    more = ["..."] if len(values) > _FIRST else []
    return ", ".join([*(_shown(value) for value in values[:_FIRST]), *more])


def _shape(tensor: Tensor) -> str:
    return " x ".join(["n", *map(str, tensor.shape)])
