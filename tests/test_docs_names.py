"""What the documentation names is there: verbs, options, parts, recipes, settings, figures."""

import json
import re
import sys
from functools import cache

import pytest
from written import PAGES, ROOT, blocks, commands, spans, text_of

from zoo import recipe
from zoo.document import dotted
from zoo.kinds import KINDS, MODELS
from zoo.registry import Registry
from zoo.resolve import fill

sys.path.insert(0, str(ROOT / "docs" / "_pages"))
SYSTEMS = [page for page in PAGES if page.startswith("docs/systems/")]
RECIPES = sorted(path.stem for path in ROOT.glob("recipes/*.yaml"))
SHELF = [f"recipes/{name}.yaml" for name in RECIPES]
SETTING = re.compile(r"(?:data|encoder|head|loss|task|train|stages|sampler|ensemble|publish)(?:\.[a-z0-9_-]+)+")
OF_OTHERS = {"my-head", "channel-stats", "wells", "mean-colour"}
"""What a page has its reader write."""


@cache
def registry():
    return Registry()


@cache
def flags():
    import commands as verbs  # of docs/_pages

    return verbs.flags()


@cache
def filled(name, overrides=()):
    return fill(recipe.load(ROOT / "recipes" / f"{name}.yaml", list(overrides)), registry())


def words_of_prediction():
    configs = [json.loads(path.read_text()) for path in ROOT.glob("cards/*/config.json")]
    named = {name for config in configs for name in [*(config.get("inputs") or {}), *(config.get("settings") or {})]}
    return {f"--{name.replace('_', '-')}" for name in named}


def verb_of(words):
    two = " ".join(words[:2])
    return two if two in flags() else words[0]


@pytest.mark.parametrize("page", [*PAGES, *SHELF])
def test_every_command_has_a_verb_and_options_that_exist(page):
    for words in commands(page):
        if words[0].startswith("-"):
            assert set(words) <= flags()[""], words
            continue
        verb = verb_of(words)
        assert verb in flags(), f"{page}: zoo {' '.join(words)}"
        known = flags()[verb] | (words_of_prediction() if verb == "predict" else set())
        said = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert said <= known, f"{page}: zoo {' '.join(words)}: {said - known}"


@pytest.mark.parametrize("page", [*PAGES, *SHELF])
def test_every_recipe_that_a_command_names_is_right_with_the_values_it_is_given(page):
    for words in commands(page):
        if words[0] not in {"train", "show", "check"} or len(words) < 2:
            continue
        name = words[1].removeprefix("recipes/").removesuffix(".yaml")
        values = tuple(words[at + 1] for at, word in enumerate(words) if word == "--set")
        if name in RECIPES:
            filled(name, values)
        else:
            written = words[1].endswith(".yaml") and not words[1].startswith("recipes/")  # by the reader of the page
            placeholder = words[1].upper() == words[1] or "{" in name
            assert known(name) or written or placeholder or name in OF_OTHERS, f"{page}: zoo {' '.join(words)}"


def known(name):
    names = {entry.name for kind in (*KINDS, MODELS) for entry in registry().entries(kind)}
    return name in names | set(RECIPES) | set(KINDS) | {"recipes", "models"}


@pytest.mark.parametrize("page", PAGES)
def test_every_part_and_recipe_named_in_the_text_is_there(page):
    text = text_of(page)
    lines = [line for block in blocks(page) if block.language == "toml" for line in block.text.splitlines()]
    own = {line.split("=")[0].strip() for line in lines}
    for name in re.findall(r"use: ([a-z0-9][a-z0-9.-]*)", text):
        assert known(name) or name in own, f"{page}: use: {name}"
    for name in re.findall(r"\.use=([a-z0-9][a-z0-9.-]*)", text):
        assert known(name), f"{page}: use={name}"
    for name in re.findall(r"(?<![\w/-])recipes/([a-z0-9-]+)\.yaml", text):
        assert name in RECIPES, f"{page}: recipes/{name}.yaml"


@cache
def settings():
    """Return every path of a recipe that ours say or fill in, and the parameters of every part under its block."""
    from zoo.schema import SLOTS, EnsembleSettings, PublishSettings, TrainSettings
    from zoo.signature import signature_of

    found = {dotted(path) for name in RECIPES for path in filled(name).origins}
    for block, kind in SLOTS.items():
        for entry in registry().entries(kind):
            found |= {f"{block}.{key}" for key in signature_of(entry.load(), entry.name).parameters}
    for block, model in {"train": TrainSettings, "publish": PublishSettings, "ensemble": EnsembleSettings}.items():
        found |= {f"{block}.{key}" for key in model.model_fields}
    for entry in registry().entries("segmenters"):
        found |= {f"stages.0.segmenter.{key}" for key in signature_of(entry.load(), entry.name).parameters}
    rates = [filled(name).data["train"].get("lr") for name in RECIPES]
    return found | {part for rate in rates if isinstance(rate, dict) for part in rate}


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_named_in_the_text_is_one_that_a_recipe_may_say(page):
    for span in spans(page):
        path = span.split("=")[0].removeprefix("--set ").strip("' ")
        if SETTING.fullmatch(path) and not path.endswith(".csv"):
            assert path in settings(), f"{page}: {span}"


@pytest.mark.parametrize("page", SYSTEMS)
def test_every_figure_of_a_system_stands_in_the_results(page):
    sources = "\n".join(text_of(p) for p in PAGES if p not in SYSTEMS)
    published = {"0.359"}  # an F1 of the authors, which is not compared with anything
    for figure in set(re.findall(r"\b\d\.\d{3}\b", text_of(page))) - published:
        assert figure in sources, f"{page}: {figure}"


def test_every_part_of_ours_that_a_page_of_a_plugin_lists_is_registered():
    for readme in ROOT.glob("plugins/*/README.md"):
        for kind, name in re.findall(r"^\| (\w+) \| `([a-z0-9.-]+)` \|", readme.read_text(), re.MULTILINE):
            if kind in KINDS:
                assert registry().find(kind, name), f"{readme}: {name}"
