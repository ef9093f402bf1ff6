"""``zoo show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo import console
from zoo.cli.options import Format, FormatOption, SetOption


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A component, a model, a recipe, or the path of one.")],
    overrides: SetOption = None,
    *,
    filled: Annotated[bool, typer.Option("--filled", help="Every value of a recipe, and where it came from.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Which stages of a recipe would run, and which are kept.")
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Write a recipe to NAME.yaml here, to be edited.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where --copy writes it.")] = None,
    output: FormatOption = Format.human,
) -> None:
    """Show what a name is: a component's source, parameters and paper, a model's card, or a recipe's values.

    Behind a recipe stands what its parts bring with terms of their own, and what these allow together.
    """
    from zoo import recipe
    from zoo.errors import UsageError
    from zoo.registry import MODELS, Registry

    if (copy and (plan or filled or overrides)) or (out and not copy):
        raise UsageError("--copy writes a recipe as it stands, and --out FILE says where; no other option goes with it")
    if copy:
        _copy(name, out, Registry())
        return
    if plan:
        _show_plan(name, overrides or [], output)
        return
    if filled or overrides:
        _show_filled(name, overrides or [], output)
        return
    registry = Registry()
    name = _name_today(name, registry)
    found = registry.named(name)
    if not found and any(entry.name == name for entry in registry.entries(MODELS)):
        _show_model(name, output)
        return
    if not found:
        _show_recipe(name, output, registry)
        return
    facts = [{**_facts(entry), "meanings": [other.name for other in registry.meanings(entry)]} for entry in found]
    if output is Format.json:
        console.result_json(facts)
        return
    for fact in facts:
        _show_component(fact)
    if name in recipe.shipped():
        _show_recipe(name, output, registry)


def _name_today(name: str, registry: Any) -> str:
    """Return what a name is called now, telling of it, and of a name that goes; what is there keeps its name."""
    from zoo import recipe
    from zoo.errors import MissingError
    from zoo.kinds import KINDS, MODELS, RECIPES

    changes = [change for kind in (*KINDS, MODELS, RECIPES) if (change := registry.change(kind, name))]
    if changes and (registry.named(name) or name in recipe.shipped(registry)):
        changes = [change for change in changes if not change.now]
    for change in changes:
        if change.over:
            raise MissingError(change.refusal)
        console.say(f"note: {change.note}")
    return next((change.now for change in changes if change.now), name)


def _show_component(fact: dict[str, Any]) -> None:
    from zoo.registry import singular

    console.result(f"{singular(fact['kind'])} {fact['name']}  ({fact['distribution']} {fact['version']})")
    if fact["problem"]:
        console.error(f"it is broken: {fact['problem']}")
    if fact["file"]:
        console.result(f"{fact['file']}:{fact['line']}" if fact["line"] else fact["file"])
    for line in fact["parameters"]:
        console.result(f"  {line}")
    if fact["doc"]:
        console.result(f"\n{fact['doc']}\n")
    for terms in fact["terms"]:
        when = f", where '{terms['when']}' is set" if "when" in terms else ""
        console.result(f"it brings {terms['name']} (licence {terms['licence']}{when})")
    if fact["meanings"]:
        console.result(f"other meanings of the name: {', '.join(fact['meanings'])}")


def _facts(entry: Any) -> dict[str, Any]:
    from zoo.terms import terms_of
    from zoo.trace import source_of

    source = source_of(entry)
    return {
        "kind": entry.kind,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "file": source.file,
        "line": source.line,
        "parameters": source.signature.splitlines(),
        "doc": source.doc,
        "terms": terms_of(entry),
        "problem": source.problem,
    }


def _show_model(name: str, output: Format) -> None:
    """Show where a model lies, and its card if it is on this machine; nothing is fetched."""
    from zoo import bounded, catalogue
    from zoo.errors import MissingError
    from zoo.hub import Hub

    model = next(model for model in catalogue.models() if model.name == name)
    if model.source is None:
        raise MissingError(f"model '{name}' of {model.distribution} cannot be used: {model.problem}")
    source = model.source
    folder = source.folder or Hub().snapshot(source.repo, source.revision)
    card = folder / "README.md" if folder else None
    text = bounded.read_text(card) if card and card.is_file() else ""
    facts = {"name": name, "from": model.distribution, "summary": model.summary, "source": str(source)}
    if output is Format.json:
        console.result_json({**facts, "sha256": source.sha256, "folder": str(folder or ""), "card": text})
        return
    console.result(f"model {name}  ({model.distribution}): {model.summary}\n{source}\nsha256 {source.sha256}\n")
    console.result(text.partition("\n---\n")[2].strip() if text else f"it is not on this machine yet: zoo pull {name}")


def _show_recipe(name: str, output: Format, registry: Any) -> None:
    from zoo import document, recipe
    from zoo.errors import ZooError
    from zoo.verdict import verdict_of

    path = _recipe(name, registry)
    if output is Format.json:
        found = recipe.load(path)
        ruling = verdict_of(found, registry)
        console.result_json({"file": str(path), "recipe": found.data, "licences": ruling.plain()})
        return
    console.result(f"# {path}\n{document.text_of(path).rstrip()}")
    try:
        console.result(_told(verdict_of(recipe.load(path), registry)))
    except ZooError as error:
        console.say(f"note: what its licences allow cannot be told: {error}")


def _recipe(name: str, registry: Any) -> Path:
    """Return the file of a recipe; MissingError with the best that can be said of the name."""
    from zoo import recipe
    from zoo.errors import MissingError

    try:
        return recipe.locate(name)
    except MissingError as error:
        if "/" in name or name.endswith((".yaml", ".yml")):
            raise
        registry.refuse(name, recipe.shipped())
        raise MissingError(f"{name!r} is neither an installed component nor a recipe; 'zoo ls' lists both") from error


def _told(ruling: Any) -> str:
    """Return what a recipe brings as comments, so that all that is shown together is a recipe still."""
    words = {True: "yes", False: "no", None: "unclear"}
    columns = ["part", "what", "licence", "commercial use", "agreement"]
    rows = [
        [row.part, row.what, row.licence, words[row.commercial], "needed" if row.gated else ""] for row in ruling.rows
    ]
    cited = {row.label: ", ".join(text for text in (row.citation, row.source) if text) for row in ruling.rows}
    lines = [
        "licences of what it brings",
        *console.table(columns, rows).splitlines(),
        *(f"cite {label}: {text}" for label, text in cited.items() if text),
        ruling.verdict.sentence,
    ]
    return "\n" + "\n".join(f"# {' '.join(line.splitlines())}" for line in lines)


def _copy(name: str, out: Path | None, registry: Any) -> None:
    from zoo import recipe, recipe_copy
    from zoo.errors import UsageError
    from zoo.registry import MODELS

    others = [*registry.named(name), *(entry for entry in registry.entries(MODELS) if entry.name == name)]
    if others and name not in recipe.shipped(registry) and not Path(name).is_file():
        what = f"is one of the {others[0].kind}, and --copy writes out recipes"
        raise UsageError(f"{name}: {what}; 'zoo ls recipes' lists those")
    path = _recipe(name, registry)
    to = recipe_copy.copied(path, out or Path(f"{path.stem}.yaml"))
    console.result(str(to))
    console.say(f"{path} is copied to {to}; go on with: zoo check {to}")


def _show_filled(name: str, overrides: list[str], output: Format) -> None:
    from zoo import document, recipe, resolve

    done = resolve.fill(recipe.load(name, overrides))
    origins = {document.dotted(path): origin for path, origin in done.origins.items()}
    if output is Format.json:
        console.result_json({"recipe": done.data, "digest": done.digest, "origins": origins})
        return
    said = {path: value for path in done.origins if (value := _value(done.data, path)) is not None}
    rows = [[document.dotted(path), value, done.origins[path]] for path, value in said.items()]
    console.result(console.table(["path", "value", "from"], rows))
    for note in done.notes:
        console.say(f"note: {note}")
    for dropped in done.dropped:
        console.say(f"note: {dropped} is dropped, the part now named does not know it")


def _show_plan(name: str, overrides: list[str], output: Format) -> None:
    """Show the stages of each member; the data are listed for it, and not read."""
    from zoo import experiment, recipe, resolve
    from zoo.errors import UsageError

    filled = resolve.fill(recipe.load(name, overrides))
    if not filled.data["stages"]:
        raise UsageError(f"{name}: has one training and no stages; 'zoo show {name} --filled' tells how it goes")
    rows = experiment.planned(filled)
    if output is Format.json:
        console.result_json(rows)
        return
    columns = ["member", "stage", "use", "takes", "digest", "what"]
    console.result(console.table(columns, [[str(row[column]) for column in columns] for row in rows]))


def _value(data: Any, path: Any) -> str | None:
    for key in path:
        data = data[key]
    is_block = isinstance(data, dict) or (isinstance(data, list) and any(isinstance(child, dict) for child in data))
    return None if is_block and data else json.dumps(data, ensure_ascii=False)
