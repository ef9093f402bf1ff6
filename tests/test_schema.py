"""``zoo schema``: a validator that knows nothing of zoo accepts right recipes by it, and refuses wrong ones."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

from light import PLAIN
from zoo import document, json_schema, recipe
from zoo.docstring import told
from zoo.errors import ZooError
from zoo.registry import Registry
from zoo.resolve import fill

HERE = Path(__file__).parent
SHIPPED = sorted([*(HERE.parent / "recipes").glob("*.yaml"), *(HERE.parent / "plugins").glob("*/recipes/*.yaml")])
MODELINE = "# yaml-language-server: $schema=../zoo.schema.json"
OF_THE_CORE = {"train", "embed", "calibrate", "weighted"}


@pytest.fixture(scope="module")
def whole():
    """Return a validator by the schema of everything that is installed."""
    found = json_schema.compose()
    assert found.notes == []
    Draft7Validator.check_schema(found.schema)
    return Draft7Validator(found.schema)


@pytest.fixture(scope="module")
def light():
    """Return a validator and the registry of the light parts and of some of the core's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE / "light_plugin"))
        entries = [e for e in Registry().entries() if e.distribution == "zoo-light" or e.name in OF_THE_CORE]
        registry = Registry(entries)
        yield Draft7Validator(json_schema.compose(registry).schema), registry


def plain(text):
    return document.parse(text, "x.yaml").value


# --- right ones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_right_as_it_stands_and_filled(path, whole):
    assert best_match(whole.iter_errors(document.read(path).value)) is None
    assert best_match(whole.iter_errors(fill(recipe.load(path)).data)) is None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_tells_editors_where_its_schema_is_behind_the_line_that_says_what_it_is(path):
    assert path.read_text().splitlines()[1] == MODELINE


# --- wrong ones ----------------------------------------------------------------------------------------------------

BAGS = """
zoo: 1
name: x
data: {use: simulated-shapes, instances: [4, 12], split: {unit: donor, test: [D1]}}
encoder: {use: per-instance, base: {use: timm, model: test_resnet}}
head: {use: abmil, hidden: 8}
loss: {use: cross-entropy}
task: {use: mil}
transforms: {train: [{use: flip}, {use: bag-sample, at_most: 4}]}
sampler: {use: weighted}
train: {epochs: 3, lr: {encoder: 1.0e-4, head: 1.0e-3}}
"""
VOTING = f"{BAGS}ensemble: {{members: [{{}}, {{encoder: {{at_once: 3}}}}]}}\n"
STAGED = """
zoo: 1
name: x
data: {use: simulated-shapes, instances: [4, 12], split: {unit: donor, test: [D1]}}
encoder: {use: per-instance, base: {use: timm, model: test_resnet}}
head: {use: abmil}
task: {use: mil}
stages:
  - {use: train, name: first, loss: {use: cross-entropy}}
  - {use: embed, model: first}
"""


def test_the_recipes_that_are_broken_below_are_right_before(whole):
    assert whole.is_valid(plain(BAGS))
    assert whole.is_valid(plain(VOTING))
    assert whole.is_valid(plain(STAGED))


@pytest.mark.parametrize(
    ("text", "old", "new", "path"),
    [
        (BAGS, "zoo: 1", "zoo: 2", "zoo"),
        (BAGS, "name: x", "name: X Y", "name"),
        (BAGS, "name: x", "", ""),
        (BAGS, "train: {e", "trian: {e", ""),
        (BAGS, "loss: {use: cross-entropy}", "", ""),
        (BAGS, "loss: {use: cross-entropy}", "loss: null", "loss"),
        (BAGS, "split: {unit: donor, test: [D1]}", "", "data"),
        (BAGS, "unit: donor, ", "", "data.split"),
        (BAGS, "unit: donor", "unit: donor, shuffle: true", "data.split"),
        (BAGS, "instances: [4, 12]", "instances: [4, 12, 3]", "data.instances"),
        (BAGS, "instances: [4, 12]", "instances: [4, many]", "data.instances.1"),
        (BAGS, "use: timm, model", "use: timm, modle", "encoder.base"),
        (BAGS, "use: timm, ", "use: tim, ", "encoder.base.use"),
        (BAGS, "use: timm, ", "use: mlp, ", "encoder.base.use"),
        (BAGS, "{use: timm, model: test_resnet}", "timm", "encoder.base"),
        (BAGS, "hidden: 8", "hidden: eight", "head.hidden"),
        (BAGS, "hidden: 8", "hidden: true", "head.hidden"),
        (BAGS, "hidden: 8", "hidden: 8, dropuot: 0.1", "head"),
        (BAGS, "use: abmil, ", "", "head"),
        (BAGS, "{use: flip}", "{use: weighted}", "transforms.train.0.use"),
        (BAGS, "{use: flip}", "flip", "transforms.train.0"),
        (BAGS, "transforms: {train", "transforms: {trian", "transforms"),
        (BAGS, "epochs: 3", "epochs: 0", "train.epochs"),
        (BAGS, "epochs: 3", "epoch: 3", "train"),
        (BAGS, "encoder: 1.0e-4", "encodr: 1.0e-4", "train.lr"),
        (BAGS, "sampler: {use: weighted}", "ensemble: {members: [{}]}", "ensemble.members"),
        (VOTING, "encoder: {at_once: 3}", "task: {use: mil}", "ensemble.members.1"),
        (VOTING, "encoder: {at_once: 3}", "train: {seeds: [1]}", "ensemble.members.1.train"),
        (STAGED, "head: {use: abmil}", "head: {use: abmil}\nloss: {use: cross-entropy}", "loss"),
        (STAGED, "task: {use: mil}", "task: {use: mil}\ntrain: {epochs: 3}", "train"),
        (STAGED, "task: {use: mil}", "task: {use: mil}\ntransforms: {train: [{use: flip}]}", "transforms.train"),
        (STAGED, ", loss: {use: cross-entropy}", "", "stages.0"),
        (STAGED, "loss: {use: cross-entropy}", "loss: {use: abmil}", "stages.0.loss.use"),
        (STAGED, "name: first", "name: First one", "stages.0.name"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_refused_at_the_place_that_is_wrong(text, old, new, path, whole):
    assert text.count(old) == 1
    errors = list(whole.iter_errors(plain(text.replace(old, new))))
    assert errors
    deepest = {".".join(map(str, one.absolute_path)) for error in errors for one in [error, *(error.context or ())]}
    assert path in deepest


# --- those that extend others --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blocks", "right"),
    [
        ("", True),
        ("head: {hidden: 3}", True),  # of a part that only the parent names
        ("head: {use: abmil}", True),
        ("head: {use: abmil, hiden: 3}", False),
        ("encoder: {base: {model: resnet18}}", True),
        ("encoder: {use: per-instance, base: {model: resnet18}}", True),
        ("encoder: {use: timm, pretrained: true}", True),  # the model may be the parent's
        ("transforms: {train: [{size: 3}]}", False),  # a list takes the place of the parent's
        ("stages: [{name: a}]", False),
        ("train: {early_stop: {patience: 3}}", True),
        ("train: {epochs: -3}", False),
        ("data: {split: {val: 0.1}}", True),
        ("data: {split: {vla: 0.1}}", True),  # of a dataset that is not named nothing is known
        ("sampler: null", True),
        ("hed: {hidden: 3}", False),
    ],
)
def test_a_recipe_that_extends_another_may_leave_out_anything_and_misspell_nothing_that_is_known(blocks, right, whole):
    assert whole.is_valid(plain(f"extends: other.yaml\n{blocks}\n")) is right


def test_extends_is_text_or_nothing(whole):
    assert whole.is_valid(plain(f"extends: null\n{BAGS}"))
    assert not whole.is_valid(plain(f"extends: 3\n{BAGS}"))
    assert not whole.is_valid(plain("extends: null\nhead: {use: abmil}\n"))


# --- held against what fills recipes -------------------------------------------------------------------------------

NESTED = PLAIN.replace(
    "encoder: {use: light-net}",
    "encoder: {use: light-net, lr: {a: 0.1}, base: {use: light-pair, one: {use: light-net}}, "
    "levels: [{use: light-pair, one: {use: light-net}}]}",
)
ENSEMBLE = f"{PLAIN}ensemble: {{members: [{{}}, {{head: {{dim: 8}}, train: {{epochs: 2}}, seed: 3}}]}}\n"
IN_STAGES = "".join(
    f"{line}\n" for line in PLAIN.splitlines() if not line.startswith(("loss", "transforms", "train"))
) + (
    "stages:\n  - {use: train, name: a, loss: {use: light-loss}, train: {epochs: 2},\n"
    "     transforms: [{use: light-shift}]}\n"
    "  - {use: calibrate, model: a}\ntrain: {batch: 4}\n"
)
VALUES = [
    None,
    True,
    -1,
    3,
    0.5,
    "text",
    "light-net",
    [],
    ["a"],
    {},
    {"use": "light-head"},
    {"use": "light-net", "x": 1},
]
# what no schema can know: rules between two values, names of other stages, and what a class refuses of itself
ONLY_WHEN_FILLED = (
    *("a holdout split names its test groups", "takes every group in turn", "'folds' belongs to scheme"),
    *("'mode' belongs to one metric", "validates on the test groups", "is no stage before this one"),
    *("is the name of an earlier stage", "top is a number of genes of at least 1"),
)
# and a block of a member need not name the part that it is a change of
MEMBERS, IN_A_BLOCK = ["ensemble", "members"], 4


def paths(value, path=()):
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths(value[key], (*path, key))


@pytest.fixture(scope="module")
def bases(light):
    """Return right recipes, as they are written and filled."""
    _, registry = light
    texts = [PLAIN, NESTED, ENSEMBLE, IN_STAGES]
    return [*map(plain, texts), *(fill(recipe.parse(text), registry).data for text in texts)]


def changed_somewhere(bases, data):
    """Return a right recipe with one key deleted, renamed or given another value, and where that is."""
    changed = copy.deepcopy(data.draw(st.sampled_from(bases)))
    *way, key = data.draw(st.sampled_from(list(paths(changed))))
    here = changed
    for step in way:
        here = here[step]
    what = data.draw(st.sampled_from(["delete", "rename", "replace"]))
    value = data.draw(st.sampled_from(VALUES)) if what == "replace" else here[key]
    if what == "rename" and isinstance(key, str):
        here[f"{key}x"] = value
    if what == "replace":
        here[key] = value
    else:
        del here[key]
    return changed, [*way, key]


def test_of_a_changed_recipe_the_schema_says_what_filling_says(light, bases):
    validator, registry = light

    @given(st.data())
    @settings(max_examples=80)
    def both_agree(data):
        changed, path = changed_somewhere(bases, data)
        try:
            fill(recipe.parse(document.dump(changed)), registry)
            problems = []
        except ZooError as error:
            problems = str(error).splitlines()
        if not validator.is_valid(changed):
            assert problems, best_match(validator.iter_errors(changed)).message
        elif path[:2] != MEMBERS or len(path) <= IN_A_BLOCK:
            assert all(any(rule in problem for rule in ONLY_WHEN_FILLED) for problem in problems), problems

    both_agree()


# --- what editors show ---------------------------------------------------------------------------------------------


def test_editors_complete_the_names_of_parts_and_tell_what_they_are(light):
    use = light[0].schema["definitions"]["whole.encoders"]["properties"]["use"]
    assert use["enum"] == ["light-net", "light-pair"]
    assert use["enumDescriptions"] == ["An encoder with slots.", "An encoder that is nothing without another."]


def test_editors_are_told_what_each_parameter_is_in_parts_and_in_what_stands_in_them(whole):
    definitions = whole.schema["definitions"]
    assert definitions["whole.encoders.timm"]["properties"]["model"]["description"] == "A name of `timm.list_models()`."
    assert definitions["whole.Attention"]["properties"]["kernel"]["description"].startswith("Side of the convolution")
    assert "----" not in definitions["whole.Attention"]["description"]


def test_a_docstring_is_taken_apart():
    doc = (
        "It scales.\n\nMore.\n\nParameters\n----------\na, b\n    In :class:`~zoo.x`,\n    at ``1``.\n*rest\n    All.\n"
    )
    prose, names = told(doc + "\nRaises\n------\nValueError\n    Never.\n")
    assert prose == "It scales.\n\nMore."
    assert names == {"a": "In `zoo.x`, at `1`.", "b": "In `zoo.x`, at `1`.", "rest": "All."}


@given(st.text(max_size=80) | st.from_regex(r"[A-Z][a-z]+\n---+\n(a, b\n    c\n)*", fullmatch=True))
@settings(max_examples=60)
def test_any_docstring_can_be_taken_apart(doc):
    prose, names = told(doc)
    assert isinstance(prose, str)
    assert all(isinstance(text, str) for text in names.values())


# --- installed parts -----------------------------------------------------------------------------------------------


def test_a_broken_plugin_is_left_out_and_told_of(light, dist):
    _, registry = light
    files = {
        "broken_sch.py": "raise RuntimeError('no')\n",
        "bare_sch.py": "class X:\n    def __init__(self, *, a): ...\n",
    }
    points = {"heads": {"broken-head": "broken_sch:X", "bare-head": "bare_sch:X", "good-head": "zoo_light:LightHead"}}
    dist("odd-lab", files=files, points=points)
    entries = [entry for entry in Registry().entries() if entry.distribution == "odd-lab"]
    found = json_schema.compose(Registry([*registry.entries(), *entries]))
    assert found.schema["definitions"]["whole.heads"]["properties"]["use"]["enum"] == ["good-head", "light-head"]
    assert found.notes[0].startswith("head 'bare-head' is left out: 'bare-head': parameter 'a' has no annotation")
    assert found.notes[1].startswith("head 'broken-head' is left out: head 'broken-head' is provided by odd-lab 1.0")


def test_a_type_that_no_schema_can_say_leaves_its_parameters_open(dist, light):
    text = (
        "from typing import Annotated\nfrom pydantic import GetPydanticSchema\n"
        "from pydantic_core import core_schema as c\n"
        "Odd = Annotated[str, GetPydanticSchema(lambda *_: c.no_info_plain_validator_function(str))]\n"
        "class X:\n    def __init__(self, *, a: Odd, b: int = 1) -> None: ...\n"
    )
    dist("odd-type", files={"odd_type.py": text}, points={"heads": {"odd": "odd_type:X"}})
    _, registry = light
    found = json_schema.compose(Registry([*registry.entries(), Registry().find("heads", "odd")]))
    validator = Draft7Validator(found.schema)
    assert validator.is_valid(plain(PLAIN.replace("use: light-head", "use: odd, a: 3")))
    assert not validator.is_valid(plain(PLAIN.replace("use: light-head", "use: odd, a: 3, c: 3")))
    assert not validator.is_valid(plain(PLAIN.replace("use: light-head", "use: odd")))


def test_two_classes_of_one_name_do_not_take_each_other_s_place(dist, light):
    text = (
        "import dataclasses\n@dataclasses.dataclass\nclass Window:\n    {}: int = 1\n"
        "class X:\n    def __init__(self, *, w: Window = Window()): ...\n"
    )
    files = {f"win_{name}.py": text.format(name) for name in ("a", "b")}
    dist("windows", files=files, points={"heads": {f"win-{name}": f"win_{name}:X" for name in ("a", "b")}})
    _, registry = light
    heads = [entry for entry in Registry().entries("heads") if entry.distribution == "windows"]
    validator = Draft7Validator(json_schema.compose(Registry([*registry.entries(), *heads])).schema)
    for name, other in (("a", "b"), ("b", "a")):
        assert validator.is_valid(plain(PLAIN.replace("use: light-head", f"use: win-{name}, w: {{{name}: 1}}")))
        assert not validator.is_valid(plain(PLAIN.replace("use: light-head", f"use: win-{name}, w: {{{other}: 1}}")))


def test_an_older_name_means_what_it_is_called_now(dist, monkeypatch):
    names = '[heads.was]\nnow = "is"\ngone = "9"\n'
    files = {"old_sch/__init__.py": "class X:\n    'It.'\n", "old_sch/names.toml": names}
    dist("old-lab", files=files, points={"heads": {"is": "old_sch:X"}, "names": {"old-lab": "old_sch:names.toml"}})
    registry = Registry()
    monkeypatch.setattr(registry, "entries", lambda: [registry.find("heads", "is")])
    heads = json_schema.compose(registry).schema["definitions"]["whole.heads"]
    assert heads["properties"]["use"]["enum"] == ["is", "was"]
    assert "is now called 'is'" in heads["properties"]["use"]["enumDescriptions"][1]
    assert [one["then"] for one in heads["allOf"]] == [{"allOf": [{"$ref": "#/definitions/whole.heads.is"}]}] * 2


# --- the verb ------------------------------------------------------------------------------------------------------


def test_schema_prints_the_same_at_every_call_and_writes_it_where_it_is_told(zoo, light, monkeypatch):
    monkeypatch.setattr(json_schema, "Registry", lambda: light[1])
    code, out, err = zoo("schema")
    assert (code, err) == (0, "")
    assert json.loads(out) == light[0].schema
    assert zoo("schema", "--out", "zoo.schema.json") == (0, "", "zoo.schema.json is written\n")
    assert Path("zoo.schema.json").read_text() == out


def test_schema_tells_of_what_it_leaves_out_and_is_written_all_the_same(zoo, light, dist, monkeypatch):
    dist("odd-lab", points={"heads": {"broken-head": "absent_sch:X"}})
    entries = [*light[1].entries(), Registry().find("heads", "broken-head")]
    monkeypatch.setattr(json_schema, "Registry", lambda: Registry(entries))
    code, out, err = zoo("schema")
    assert code == 0
    assert json.loads(out)["title"] == "recipe"
    assert err.startswith("note: head 'broken-head' is left out: head 'broken-head' is provided by odd-lab 1.0")


def test_schema_into_a_place_that_cannot_be_written_says_so(zoo, light, monkeypatch):
    monkeypatch.setattr(json_schema, "Registry", lambda: light[1])
    Path("file").write_text("")
    code, out, err = zoo("schema", "--out", "file/zoo.schema.json")
    assert (code, out) == (1, "")
    assert err.startswith("error: file/zoo.schema.json: cannot be written (")
