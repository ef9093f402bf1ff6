"""Recipes are read, inherit, and have a digest; what is no recipe is refused."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from light import LIGHT, LIGHT_PLUGIN, problems
from zoo import recipe
from zoo.document import dotted
from zoo.errors import MissingError, RecipeError, UsageError, ZooError
from zoo.recipe import digest, load, load_whole, parse
from zoo.resolve import fill


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))


@pytest.fixture
def write(tmp_path):
    """Write a file: ``write("a.yaml", "zoo: 1")``."""

    def make(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return make


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


# --- recipes of models ---------------------------------------------------------------------------------------------


def test_the_recipe_of_a_model_is_read_and_overridden_like_any_other(write):
    path = write("model/recipe.yaml", LIGHT)
    found = load_whole(path, ["data.donors=5"])
    assert found.data == load(path, ["data.donors=5"]).data
    assert (found.data["data"]["donors"], found.overrides, found.files) == (5, ["data.donors=5"], [str(path)])
    assert load_whole(path).place(("data", "genes", "top")).endswith("recipe.yaml:3:55")


@pytest.mark.parametrize("parent", ["base.yaml", "../base.yaml", "/etc/passwd", "hiscmcl", "null", "[]"])
def test_the_recipe_of_a_model_reads_no_other_file(parent, write):
    write("base.yaml", LIGHT)
    path = write("model/recipe.yaml", f"zoo: 1\nextends: {parent}\n")
    with pytest.raises(RecipeError) as raised:
        load_whole(path)
    what = "the recipe of a model is whole and reads no other file; do not use it"
    assert str(raised.value) == f"{path}:2:1 extends: {what}"
    assert raised.value.exit_code == 2


def test_an_option_cannot_make_the_recipe_of_a_model_extend_another(write):
    write("base.yaml", LIGHT)
    found = load_whole(write("model/recipe.yaml", LIGHT), ["extends=../base.yaml"])
    with pytest.raises(RecipeError, match=r"^--set extends=\.\./base\.yaml extends: unknown key"):
        fill(found)


@pytest.mark.parametrize("text", ["name: !!python/name:os.system", "a: !!python/object/apply:os.system ['true']"])
def test_the_recipe_of_a_model_holds_no_code(text, write):
    with pytest.raises(RecipeError, match=r"recipe\.yaml:1:\d+ tag .* is refused: a recipe holds plain data only"):
        load_whole(write("model/recipe.yaml", text))


@pytest.mark.parametrize("text", ["", "- a", "text", "- extends: x"])
def test_the_recipe_of_a_model_is_a_mapping_too(text, write):
    with pytest.raises(RecipeError, match=r"a recipe is a mapping of blocks"):
        load_whole(write("model/recipe.yaml", text))


def test_the_recipe_of_a_model_that_is_not_there_is_missing():
    with pytest.raises(MissingError, match=r"^gone\.yaml: cannot be read"):
        load_whole(Path("gone.yaml"))


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
