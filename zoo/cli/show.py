"""``zoo show``."""

from __future__ import annotations

import json
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
    output: FormatOption = Format.human,
) -> None:
    """Show what a name is: a component's source, parameters and paper, a model's card, or a recipe's values."""
    from zoo import recipe
    from zoo.registry import MODELS, Registry

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
    if fact["meanings"]:
        console.result(f"other meanings of the name: {', '.join(fact['meanings'])}")


def _facts(entry: Any) -> dict[str, Any]:
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
    from zoo.errors import MissingError

    try:
        path = recipe.locate(name)
    except MissingError as error:
        if "/" in name or name.endswith((".yaml", ".yml")):
            raise
        registry.refuse(name, recipe.shipped())
        raise MissingError(f"{name!r} is neither an installed component nor a recipe; 'zoo ls' lists both") from error
    if output is Format.json:
        console.result_json({"file": str(path), "recipe": recipe.load(path).data})
        return
    console.result(f"# {path}\n{document.text_of(path).rstrip()}")


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
