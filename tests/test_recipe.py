"""Recipes inherit, are overridden, dumped and digested; every mistake is told in one pass with its place."""

import json
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import recipe
from zoo.errors import MissingError, RecipeError, UsageError, ZooError
from zoo.recipe import digest, load, parse
from zoo.resolve import dotted, fill

LIGHT = """\
zoo: 1
name: light
data: {use: light-data, donors: 3, near: 2.5, genes: {top: 20}, split: {unit: donor, test: [D1]}}
encoder: {use: light-net, width: 4}
head: {use: light-head}
loss: {use: light-loss}
task: {use: light-task}
transforms: {train: [{use: light-shift}, {use: light-shift, by: 0.5}]}
train: {epochs: 2, seeds: [0, 1], early_stop: null}
"""


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "light_plugin"))


@pytest.fixture
def write(tmp_path):
    """Write a file: ``write("a.yaml", "zoo: 1")``."""

    def make(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return make


def problems(text, *overrides):
    path = Path("bad.yaml")
    path.write_text(text)
    with pytest.raises(RecipeError) as raised:
        fill(load(path, list(overrides)))
    assert raised.value.exit_code == 2
    return str(raised.value).splitlines()


# --- reading -------------------------------------------------------------------------------------------------------


def test_a_recipe_holds_the_values_and_the_place_of_each(write):
    found = load(write("light.yaml", LIGHT))
    assert found.data["data"]["genes"] == {"top": 20}
    assert found.place(("data", "genes", "top")).endswith("light.yaml:3:55")
    assert found.place(("data", "genes", "nothing", "there")).endswith("light.yaml:3:47")
    assert found.place(("nothing",)) == str(Path("light.yaml").resolve())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bad.yaml is empty; a recipe is a mapping of blocks (data, encoder, head, ...)"),
        ("- a\n- b", "bad.yaml holds a list; a recipe is a mapping"),
        ("just text", "bad.yaml holds a str; a recipe is a mapping"),
        ("_target_: os.system\nzoo: 1", "bad.yaml:1:1 _target_: unknown key"),
    ],
)
def test_what_is_no_recipe_is_refused_with_exit_code_2(text, message):
    assert any(line.startswith(message) for line in problems(text))


def test_an_import_path_is_a_name_that_nobody_registered(write):
    text = LIGHT.replace("use: light-loss", "use: os.system")
    with pytest.raises(MissingError, match=r"light.yaml:6:8 loss.use: no loss 'os.system' is installed"):
        fill(load(write("light.yaml", text)))


def test_a_recipe_is_found_by_path_by_name_in_the_folder_recipes_and_by_the_name_of_a_shipped_one(write):
    write("recipes/mine.yaml", LIGHT)
    assert load("recipes/mine.yaml").data == load("mine").data
    assert load("hiscmcl").name == "hiscmcl"


def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(write):
    write("recipes/mine.yaml", LIGHT)
    with pytest.raises(MissingError, match=r"^there is no recipe 'hiscmlc', did you mean hiscmcl\?$"):
        load("hiscmlc")
    with pytest.raises(MissingError, match=r"there is no recipe 'q'; give a path, or one of: .*mine"):
        load("q")


def test_a_path_that_is_not_there_is_missing_and_a_folder_is_a_mistake_of_the_call(write):
    with pytest.raises(MissingError, match=r"nothing\.yaml: no such recipe; 'zoo ls recipes' lists") as raised:
        load("nothing.yaml")
    assert raised.value.exit_code == 3
    write("folder/a.yaml", LIGHT)
    with pytest.raises(UsageError, match=r"folder/: is a folder|folder: is a folder; name one of the recipes in it"):
        load("folder/")


@pytest.mark.parametrize("name", ["x" * 300, "a/" + "x" * 300, "\x1b[31m", "", ".", "..", "\0"])
def test_a_name_that_cannot_be_a_file_is_a_missing_recipe(name):
    with pytest.raises((MissingError, UsageError)) as raised:
        load(name)
    assert "\x1b" not in str(raised.value)


# --- extends -------------------------------------------------------------------------------------------------------


def test_a_recipe_inherits_from_a_file_beside_it_and_says_only_what_differs(write):
    write("deep/base.yaml", LIGHT)
    child = load(write("deep/child.yaml", "extends: base.yaml\ndata: {genes: {select: all}}\ntrain: {epochs: 9}\n"))
    assert child.data["data"]["genes"] == {"top": 20, "select": "all"}
    assert child.data["train"] == {"epochs": 9, "seeds": [0, 1], "early_stop": None}
    assert [Path(file).name for file in child.files] == ["child.yaml", "base.yaml"]
    assert child.place(("data", "genes", "top")).endswith("base.yaml:3:55")
    assert child.place(("data", "genes", "select")).endswith("child.yaml:2:16")
    assert child.place(("train", "seeds", 1)).endswith("base.yaml:9:31")


def test_a_child_is_called_by_its_own_name_or_that_of_its_file_never_by_its_parents(write):
    write("base.yaml", LIGHT)
    unnamed = load(write("child.yaml", "extends: base.yaml\n"))
    assert unnamed.name == "child"
    assert unnamed.place(("name",)).endswith("child.yaml")
    assert load(write("other.yaml", "extends: base.yaml\nname: mine\n")).name == "mine"


def test_a_recipe_inherits_by_name_and_through_a_chain_and_a_path_is_relative_to_the_file_that_says_it(write):
    write("recipes/top.yaml", LIGHT)
    write("a/middle.yaml", "extends: top\nhead: {dim: 7}\n")
    low = load(write("b/low.yaml", "extends: ../a/middle.yaml\nhead: {dim: 8}\n"))
    assert low.data["head"] == {"use": "light-head", "dim": 8}
    assert [Path(file).name for file in low.files] == ["low.yaml", "middle.yaml", "top.yaml"]
    assert fill(low).origins["head", "dim"].endswith("low.yaml:2:8")


def test_a_list_of_the_child_stands_in_place_of_the_parents_and_its_places_go_with_it(write):
    write("base.yaml", LIGHT)
    child = load(write("child.yaml", "extends: base.yaml\ntransforms: {train: [{use: flip}]}\n"))
    assert child.data["transforms"] == {"train": [{"use": "flip"}]}
    assert ("transforms", "train", 1) not in child.places
    assert child.place(("transforms", "train", 0, "use")).endswith("child.yaml:2:23")


@pytest.mark.parametrize("files", [{"a": "a"}, {"a": "b", "b": "c", "c": "a"}])
def test_a_circle_of_extends_is_refused(files, write):
    for name, parent in files.items():
        write(f"{name}.yaml", f"extends: {parent}.yaml\n")
    with pytest.raises(RecipeError, match=r"a.yaml extends: the recipe extends itself; break the circle"):
        load("a.yaml")


def test_a_chain_without_end_is_refused(write):
    for number in range(12):
        write(f"r{number}.yaml", f"extends: r{number + 1}.yaml\n")
    with pytest.raises(RecipeError, match=r"a chain of more than 8 recipes; shorten it"):
        load("r0.yaml")


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ("gone.yaml", r"child.yaml:2:1 extends: .*gone.yaml: no such recipe"),
        ("gone", r"child.yaml:2:1 extends: there is no recipe 'gone'"),
        ("[a, b]", r"child.yaml:2:1 extends: takes one path or recipe name, not \['a', 'b'\]"),
        ("../", r"child.yaml:2:1 extends: .* is a folder"),
        ("x" * 300, r"child.yaml:2:1 extends: there is no recipe 'xxx"),
    ],
)
def test_a_parent_that_cannot_be_read_is_told_at_the_line_that_names_it(parent, message, write):
    with pytest.raises(ZooError, match=message):
        load(write("child.yaml", f"zoo: 1\nextends: {parent}\n"))


def test_a_mistake_in_the_parent_is_told_at_the_parents_line(write):
    write("base.yaml", LIGHT.replace("dim", "dim").replace("width: 4", "width: four"))
    with pytest.raises(RecipeError, match=r"base.yaml:4:27 encoder.width: should be an integer, not 'four'"):
        fill(load(write("child.yaml", "extends: base.yaml\n")))


def test_another_component_in_the_child_keeps_the_parameters_it_shares_and_drops_the_others(write):
    write("base.yaml", LIGHT)
    child = load(write("child.yaml", "extends: base.yaml\ndata: {use: light-files, root: /data}\n"))
    filled = fill(child)
    assert filled.data["data"]["genes"]["top"] == 20
    assert filled.data["data"]["split"]["test"] == ["D1"]
    assert filled.dropped == ["data.donors", "data.near"]
    assert "donors" not in filled.data["data"]


def test_a_parameter_that_the_child_itself_gives_is_never_dropped(write):
    write("base.yaml", LIGHT)
    child = load(write("child.yaml", "extends: base.yaml\ndata: {donors: 3, use: light-files, root: /data}\n"))
    with pytest.raises(RecipeError, match=r"child.yaml:2:8 data.donors: unknown key; known here: genes, root, split"):
        fill(child)


def test_what_is_dropped_is_reported_by_check_and_by_show(write, zoo):
    path = write("light.yaml", LIGHT)
    for verb in (["check"], ["show", "--filled"]):
        code, _, err = zoo(*verb, path, "--set", "data.use=light-files", "--set", "data.root=/data")
        assert code == 0
        assert "note: data.donors is dropped, the part now named does not know it" in err


def test_two_large_recipes_are_merged_in_no_time(write):
    block = "".join(f"  k{number}: 1\n" for number in range(9000))
    write("base.yaml", f"data:\n{block}")
    begun = time.process_time()
    child = load(write("child.yaml", f"extends: base.yaml\ndata:\n{block}"))
    assert len(child.data["data"]) == 9000
    with pytest.raises(RecipeError):
        fill(child)
    assert time.process_time() - begun < 5


# --- overrides -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("train.lr=1e-4", "train.lr", 1e-4),
        ("train.epochs=7", "train.epochs", 7),
        ("train.tensorboard=true", "train.tensorboard", True),
        ("protocol=published", "protocol", "published"),
        ("data.genes.top=5", "data.genes.top", 5),
        ("data.genes.window.size=64", "data.genes.window.size", 64),
        ("transforms.train.1.by=0.25", "transforms.train.1.by", 0.25),
        ("transforms.train.0={use: flip, p: 0.1}", "transforms.train.0", {"use": "flip", "p": 0.1}),
        ("train.seeds.1=5", "train.seeds", [0, 5]),
        ("train.seeds=[3]", "train.seeds", [3]),
        ("train.early_stop.patience=3", "train.early_stop.patience", 3),
        ("head={use: light-head, dim: 9}", "head.dim", 9),
        ("train.lr={encoder: 1e-3}", "train.lr", {"encoder": 1e-3}),
        ("train.clip=", "train.clip", None),
        ("name=a=b", "name", "a=b"),
        ("data.split.test=['1', no]", "data.split.test", ["1", "no"]),
    ],
)
def test_an_override_is_typed_as_in_yaml_and_remembered_with_its_place(option, path, value, write):
    found = load(write("light.yaml", LIGHT), [option])
    here = found.data
    for key in path.split("."):
        here = here[int(key) if isinstance(here, list) else key]
    assert here == value
    assert type(here) is type(value)
    assert found.overrides == [option]
    steps = tuple(int(key) if key.isdigit() else key for key in path.split("."))
    if option.startswith(f"{path}="):
        assert found.place(steps) == f"--set {option}"


def test_overrides_apply_in_order_and_beat_the_file(write):
    found = load(write("light.yaml", LIGHT), ["train.epochs=3", "train.epochs=4"])
    assert found.data["train"]["epochs"] == 4
    assert fill(found).origins["train", "epochs"] == "--set train.epochs=4"


def test_an_override_of_the_component_drops_what_the_new_one_does_not_know(write):
    filled = fill(load(write("light.yaml", LIGHT), ["data.use=light-files", "data.root=/d"]))
    assert filled.dropped == ["data.donors", "data.near"]
    assert filled.origins["data", "use"] == "--set data.use=light-files"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("trian.lr=1", "--set trian.lr=1 trian: unknown key, did you mean train?"),
        ("train.lrr=1", "--set train.lrr=1 train.lrr: unknown key, did you mean lr?"),
        ("data.genes.tpo=1", "--set data.genes.tpo=1 data.genes.tpo: unknown key, did you mean top?"),
        ("train.0.x=1", "--set train.0.x=1 train.0: unknown key; known here: "),
        ("head={dmi: 1}", "--set head={dmi: 1} head.dmi: unknown key, did you mean dim?"),
        ("train.epochs=two", "--set train.epochs=two train.epochs: should be an integer, not 'two'"),
        ("extends=other", "--set extends=other extends: unknown key"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused_with_the_option_as_its_place(option, message):
    assert any(line.startswith(message) for line in problems(LIGHT, option))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("train.lr", "--set train.lr: write it as path.to.key=value, for example --set train.lr=1e-4"),
        ("=3", "--set =3: write it as path.to.key=value"),
        ("train..lr=3", "--set train..lr=3: write it as path.to.key=value"),
        ("", "--set : write it as path.to.key=value"),
        ("train.lr=[1", "--set train.lr=[1: not valid YAML: while parsing a flow sequence"),
        ("train.lr=!!python/name:os.system x", "--set .*: tag 'tag:yaml.org,2002:python/name:os.system' is refused"),
        ("train.seeds.2=1", "'2' is not one of the positions 0 to 1 there; give the whole list to change its length"),
        ("train.seeds.-1=1", "'-1' is not one of the positions 0 to 1 there"),
        ("train.seeds.²=1", "'²' is not one of the positions 0 to 1 there"),
        ("train.seeds.0.x=1", "'train.seeds.0' holds the value 0, not a block"),
        ("train.seeds.0.x.y=1", "'train.seeds.0' holds the value 0, not a block"),
        ("name.x=1", "'name' holds the value 'light', not a block"),
    ],
)
def test_a_malformed_override_is_refused_with_exit_code_2(option, message, write):
    with pytest.raises(UsageError, match=re.escape(message).replace(r"\.\*", ".*")) as raised:
        load(write("light.yaml", LIGHT), [option])
    assert raised.value.exit_code == 2


def test_a_position_in_an_empty_list_is_refused_in_words(write):
    with pytest.raises(UsageError, match="'0' is not one of the positions there, the list is empty"):
        load(write("light.yaml", LIGHT), ["train.seeds=[]", "train.seeds.0=1"])


# --- mistakes ------------------------------------------------------------------------------------------------------

WRONG = """\
zoo: 1
nmae: light
name: Light!
protocol: lenient
data: {use: light-data, doners: 3, genes: {tpo: 20, window: {sise: 3}, more: [{stop: 1}]}, split: {unti: donor, val: 2}}
encoder: {use: light-net, width: 0, bias: no, base: {use: light-pair, one: {use: light-net, widht: 3}}, levels: [{}, 5]}
head: 5
loss: {use: light-loss, temperature: 1}
task: {use: light-task, k: "5"}
transforms: {trian: [], train: [{use: light-shift, yb: 1}, flip]}
train: {epoch: 2, batch: 0, lr: {heads: 1e-3}, optimizer: sgd, early_stop: {patients: 1}, seeds: [-1], clip: .inf}
"""
EXPECTED = [
    "bad.yaml:2:1 nmae: unknown key, did you mean name?",
    "bad.yaml:3:1 name: is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not 'Light!'",
    "bad.yaml:4:1 protocol: should be 'strict' or 'published', not 'lenient'",
    "bad.yaml:5:25 data.doners: unknown key, did you mean donors?",
    "bad.yaml:5:44 data.genes.tpo: unknown key, did you mean top?",
    "bad.yaml:5:62 data.genes.window.sise: unknown key, did you mean size?",
    "bad.yaml:5:80 data.genes.more.0.stop: unknown key, did you mean step?",
    "bad.yaml:5:92 data.split.unit: is missing, and there is no default; give it a value",
    "bad.yaml:5:100 data.split.unti: unknown key, did you mean unit?",
    "bad.yaml:5:113 data.split.val: should be a list or less than 1, not 2",
    "bad.yaml:6:27 encoder.width: should be greater than or equal to 1, not 0",
    "bad.yaml:6:37 encoder.bias: should be true or false, not 'no'",
    "bad.yaml:6:93 encoder.base.one.widht: unknown key, did you mean width?",
    "bad.yaml:6:114 encoder.levels.0.use: is missing: name one of the encoders (see 'zoo ls encoders')",
    "bad.yaml:6:118 encoder.levels.1: takes a block {use: NAME, ...}, not 5",
    "bad.yaml:7:1 head: should be a block {key: value, ...}, not 5",
    "bad.yaml:8:25 loss.temperature: unknown key; known here: use",
    "bad.yaml:9:25 task.k: should be an integer, not '5'",
    "bad.yaml:10:14 transforms.trian: unknown key, did you mean train?",
    "bad.yaml:10:52 transforms.train.0.yb: unknown key; known here: by, use",
    "bad.yaml:10:60 transforms.train.1: should be a block {key: value, ...}, not 'flip'",
    "bad.yaml:11:9 train.epoch: unknown key, did you mean epochs?",
    "bad.yaml:11:19 train.batch: should be greater than or equal to 1, not 0",
    "bad.yaml:11:34 train.lr.heads: should be 'encoder', 'head' or 'loss', not 'heads'",
    "bad.yaml:11:48 train.optimizer: should be 'adamw' or 'adam', not 'sgd'",
    "bad.yaml:11:77 train.early_stop.patients: unknown key, did you mean patience?",
    "bad.yaml:11:99 train.seeds.0: should be greater than or equal to 0, not -1",
    "bad.yaml:11:104 train.clip: should be a finite number, not inf",
]


def test_all_mistakes_are_told_in_one_pass_in_the_order_of_the_file_with_place_path_and_nearest_name():
    found = [line for line in problems(WRONG) if "train.lr: should be a number" not in line]
    assert found == EXPECTED


def test_check_prints_a_line_a_mistake_on_stderr_and_leaves_with_2(write, zoo):
    code, out, err = zoo("check", write("bad.yaml", WRONG))
    assert code == 2
    assert out == ""
    assert all(re.match(r"error: \S*bad\.yaml:\d+:\d+ [a-z_.0-9]+: \S", line) for line in err.splitlines())
    assert len(err.splitlines()) >= len(EXPECTED)


def test_check_as_json_holds_place_path_and_message_of_every_mistake(write, zoo):
    code, out, err = zoo("check", write("bad.yaml", WRONG), "--format", "json")
    assert (code, err) == (2, "")
    found = json.loads(out)["problems"]
    assert {"path", "place", "message"} == set(found[0])
    assert {"nmae", "data.genes.tpo", "head", "train.clip"} <= {problem["path"] for problem in found}


def test_unknown_components_stand_among_the_other_mistakes_at_their_lines():
    text = LIGHT.replace("light-head", "light-haed").replace("light-loss", "lost").replace("width", "widht")
    assert problems(text) == [
        "bad.yaml:4:27 encoder.widht: unknown key, did you mean width?",
        "bad.yaml:5:8 head.use: no head 'light-haed' is installed, did you mean light-head?",
        "bad.yaml:6:8 loss.use: no loss 'lost' is installed; installed losses: info-nce, light-loss",
    ]


def test_a_recipe_that_is_right_but_lacks_parts_leaves_with_3_and_names_them_all(write, zoo):
    text = LIGHT.replace("light-head", "x-head").replace("light-loss", "x-loss")
    code, _, err = zoo("check", write("light.yaml", text))
    assert code == 3
    assert [line.split()[2] for line in err.splitlines()] == ["head.use:", "loss.use:"]


@pytest.mark.parametrize(
    ("stated", "way"),
    [("2", "upgrade with: pip install -U microscopy-zoo"), ("0", "write zoo: 1")],
)
def test_a_recipe_of_another_format_is_refused_before_anything_else_is_looked_at(stated, way):
    text = WRONG.replace("zoo: 1", f"zoo: {stated}")
    expected = f"bad.yaml:1:1 zoo: the recipe is of format {stated}, this zoo reads format 1; {way}"
    assert problems(text) == [expected]


@pytest.mark.parametrize("stated", ["one", "true", "1.0", "null"])
def test_a_format_that_is_no_number_is_refused(stated):
    assert any(
        line.startswith("bad.yaml:1:1 zoo: should be an integer") for line in problems(LIGHT.replace("1", stated, 1))
    )


def test_missing_blocks_are_all_named():
    found = problems("zoo: 1\nname: x\n")
    assert [line.split()[1] for line in found] == ["data:", "encoder:", "head:", "loss:", "task:"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("split: {unit: donor, test: [D1]}", "near: 2", "data.split: is missing: name the unit and the test groups"),
        ("split: {unit: donor, test: [D1]}", "split: D1", "data.split: is 'D1': name the unit and the test groups"),
        ("test: [D1]", "test: [1]", "data.split.test.0: should be a text, not 1; for a text, quote it: '1'"),
        ("test: [D1]", "scheme: k-fold", "data.split: 'folds' belongs to scheme 'k-fold', and to it alone"),
        ("test: [D1]", "scheme: holdout", "data.split: a holdout split names its test groups: test: [NAME, ...]"),
        ("use: light-head", "use: 5", "head.use: is 5, not a name: name one of the heads (see 'zoo ls heads')"),
        ("use: light-head", "dim: 5", "head.use: is missing: name one of the heads"),
        ("seeds: [0, 1]", "seeds: []", "train.seeds: should have at least 1 item, not 0"),
        ("genes: {top: 20}", "genes: {top: 0}", "data.genes: top is a number of genes of at least 1, not 0"),
        ("genes: {top: 20}", "genes: 7", "data.genes: should be a block {key: value, ...}, not 7"),
        ("width: 4", "levels: {use: x}", "encoder.levels: takes a list of blocks [{use: NAME, ...}, ...], not {'u"),
        ("use: light-net, width: 4", "use: light-pair", "encoder.one: is missing, and there is no default"),
        ("use: light-net, width: 4", "use: light-pair, one:", "encoder.one: takes a block {use: NAME, ...}, not null"),
    ],
)
def test_a_single_mistake_is_a_sentence_with_value_and_way_out(old, new, message):
    assert old in LIGHT
    text = LIGHT.replace(old, new).replace("near: 2.5, ", "")
    (line,) = problems(text)
    assert re.sub(r"^bad.yaml:\d+:\d+ ", "", line).startswith(message)


# --- properties ----------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=10,
)


def _reversed(value):
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


@given(values)
@settings(max_examples=100, deadline=None)
def test_the_digest_does_not_depend_on_the_order_of_keys(value):
    assert digest(value) == digest(_reversed(value))


def test_the_digest_depends_on_values_and_on_the_order_of_lists():
    assert len({digest(value) for value in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": [1, 2]}, {"a": [2, 1]})}) == 5


more = ["extends: hiscmcl", "extends: x.yaml", "data:", "  use: light-net", "train: []"]
lines = st.lists(st.sampled_from([*LIGHT.splitlines(), *more]) | st.text(max_size=12), max_size=8)


@given(st.text() | lines.map("\n".join))
@settings(max_examples=200, deadline=None)
def test_no_text_raises_anything_but_an_error_on_purpose(text):
    with suppress(ZooError):
        fill(parse(text))


known = st.sampled_from(["data", "genes", "top", "train", "seeds", "0", "1", "use", "split", "transforms", "x"])
option_paths = st.lists(known | st.text(max_size=3), min_size=1, max_size=4).map(".".join)
option_values = st.sampled_from(["1", "[1]", "{use: flip}", "{}", "null", "x"]) | st.text(max_size=4)
option = st.builds("{}={}".format, option_paths, option_values)


@given(st.lists(option, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_override_raises_anything_but_an_error_on_purpose(options):
    Path("light.yaml").write_text(LIGHT)
    with suppress(ZooError):
        fill(load("light.yaml", options))


def test_a_filled_recipe_is_a_recipe_that_fills_to_itself(write):
    first = fill(load(write("light.yaml", LIGHT)))
    again = fill(load(write("filled.yaml", first.recipe.dump())))
    assert again.data == first.data
    assert again.digest == first.digest
    assert {dotted(path) for path in again.origins} == {dotted(path) for path in first.origins}


def test_shelves_are_the_working_directorys_and_then_zoos_own(write):
    mine = write("recipes/hiscmcl.yaml", LIGHT)
    assert recipe.shipped()["hiscmcl"].resolve() == mine
    write("recipes/folder.yaml/x", "")
    assert "folder" not in recipe.shipped()
