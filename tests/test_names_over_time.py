"""A published name is a promise: it may get another, or go in a version said before; recipes stay as they are."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from light import LIGHT_PLUGIN, PLAIN, written
from zoo import recipe, renamed, requirements
from zoo.catalogue import note_of, source_of
from zoo.errors import MissingError
from zoo.installed import Line
from zoo.registry import Registry
from zoo.resolve import fill

OLD = PLAIN.replace("light-head", "old-head")
ALIAS = '[heads.old-head]\nnow = "light-head"\ngone = "2.0"\nwhy = "It is light."\n'
NOTE = "head 'old-head' is now called 'light-head' (It is light.); my-lab 2.0 will no longer know the old name"


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))


@pytest.fixture
def names(dist):
    """Install a plugin with a table of names; nothing but the table may be read of it."""

    def make(table, *, version="1.0", distribution="my-lab", **points):
        package = f"names_of_{distribution.replace('-', '_')}"
        files = {
            f"{package}/__init__.py": "raise RuntimeError('nobody asked for code')\n",
            f"{package}/names.toml": table,
        }
        line = {"names": {distribution: f"{package}:names.toml"}}
        return dist(distribution, files=files, points={**line, **points}, version=version)

    return make


def only_trouble():
    (trouble,) = Registry().troubles
    return trouble


# --- another name --------------------------------------------------------------------------------------------------


def test_an_old_name_means_what_it_is_called_now_and_who_uses_it_is_told(names, zoo):
    names(ALIAS)
    filled = fill(recipe.load(written(OLD)))
    assert filled.entries["heads", "old-head"].name == "light-head"
    assert filled.notes == [NOTE]
    assert zoo("check", "light.yaml") == (0, "light.yaml: is right\n", f"note: {NOTE}\n")
    assert f"note: {NOTE}\n" in zoo("show", "light.yaml", "--filled")[2]
    assert "names_of_my_lab" not in sys.modules


def test_a_recipe_keeps_what_is_written_in_it_and_so_its_digest(names):
    names(ALIAS)
    before = fill(recipe.load(written(OLD)))
    assert before.data["head"]["use"] == "old-head"
    Path("filled.yaml").write_text(before.recipe.dump())
    assert fill(recipe.load("filled.yaml")).digest == before.digest


def test_a_model_that_names_an_old_part_is_still_one_whose_parts_are_there(names):
    names(ALIAS)
    requirements.check_parts([("heads", "old-head")], "config.json")


def test_show_follows_an_old_name_and_says_so(names, zoo):
    names(ALIAS)
    code, out, err = zoo("show", "old-head")
    assert (code, err) == (0, f"note: {NOTE}\n")
    assert out.startswith("head light-head  (zoo-light 1.0)")


def test_from_its_version_on_an_old_name_is_refused_with_the_new_one(names, zoo):
    names(ALIAS, version="2.0.1")
    written(OLD)
    said = (
        "head 'old-head' is now called 'light-head' (It is light.); my-lab 2.0 and later, 2.0.1 here, no longer know "
        "the old name, so write 'light-head'"
    )
    assert zoo("check", "light.yaml") == (3, "", f"error: light.yaml:5:8 head.use: {said}\n")
    assert zoo("show", "old-head") == (3, "", f"error: {said}\n")


def test_an_alias_without_a_version_is_one_for_good(names):
    names('[heads.old-head]\nnow = "light-head"\n', version="99")
    assert fill(recipe.load(written(OLD))).notes == ["head 'old-head' is now called 'light-head'"]


def test_a_part_that_goes_without_a_successor_is_told_before(names):
    table = '[heads.sad-head]\ngone = "0.5"\nwhy = "Nobody could reproduce it."\n'
    head = {"heads": {"sad-head": "zoo_light:LightHead"}}
    names(table, version="0.4", **head)
    text = PLAIN.replace("light-head", "sad-head")
    said = "head 'sad-head' goes with my-lab 0.5 (Nobody could reproduce it.)"
    assert fill(recipe.load(written(text))).notes == [said]


def test_a_part_that_went_is_refused_with_the_version_that_still_had_it(names):
    names('[heads.sad-head]\ngone = "0.5"\nwhy = "Nobody could reproduce it."\n', version="0.6")
    said = (
        r"^head 'sad-head' went with my-lab 0\.5, and 0\.6 is installed \(Nobody .*\); install 'my-lab<0\.5' to use it$"
    )
    with pytest.raises(MissingError, match=said):
        Registry().find("heads", "sad-head")


# --- recipes and models --------------------------------------------------------------------------------------------


def test_a_recipe_may_be_called_otherwise_too_also_where_it_is_extended(names, zoo):
    site = names('[recipes.old-light]\nnow = "new-light"\n', recipes={"my-lab": "names_of_my_lab:recipes"})
    (site / "names_of_my_lab" / "recipes").mkdir()
    new = site / "names_of_my_lab" / "recipes" / "new-light.yaml"
    new.write_text(PLAIN)
    said = "recipe 'old-light' is now called 'new-light'"
    assert recipe.locate("old-light") == new
    assert fill(recipe.load("old-light")).notes == [said]
    assert fill(recipe.load(written("extends: old-light\n"))).notes == [said]
    assert zoo("check", "old-light") == (0, "old-light: is right\n", f"note: {said}\n")
    assert zoo("show", "old-light")[::2] == (0, f"note: {said}\n")
    Path("recipes").mkdir()
    Path("recipes/old-light.yaml").write_text(PLAIN)
    assert recipe.load("old-light").notes == []


def test_a_recipe_that_went_is_refused(names):
    names('[recipes.old-light]\nnow = "hiscmcl"\ngone = "1.0"\n')
    said = r"^recipe 'old-light' is now called 'hiscmcl'; my-lab 1\.0 and later, 1\.0 here, no longer know the old"
    with pytest.raises(MissingError, match=said):
        recipe.locate("old-light")


def test_a_model_may_be_called_otherwise_too(names, zoo):
    names('[models.old-model]\nnow = "han-cars"\n')
    said = "model 'old-model' is now called 'han-cars'"
    assert source_of("old-model") == source_of("han-cars")
    assert note_of("old-model") == said
    assert (note_of("han-cars"), note_of("org/name"), note_of(".")) == ("", "", "")
    code, out, err = zoo("show", "old-model")
    assert (code, err) == (0, f"note: {said}\n")
    assert out.startswith("model han-cars ")


def test_verbs_that_take_a_model_tell_of_its_name(names, zoo):
    names('[models.old-model]\nnow = "new-model"\n')
    code, _, err = zoo("verify", "old-model")
    assert code == 3
    assert err.startswith("note: model 'old-model' is now called 'new-model'\nerror: no model 'new-model' is installed")


def test_a_model_that_went_is_refused(names):
    names('[models.old-model]\nnow = "han-cars"\ngone = "0.9"\n')
    with pytest.raises(MissingError, match=r"^model 'old-model' is now called 'han-cars'; my-lab 0\.9 and later, "):
        source_of("old-model")


# --- another meaning -----------------------------------------------------------------------------------------------


def test_a_changed_meaning_stands_beside_the_old_one_and_each_is_told_of_the_other(dist, zoo):
    code = "class Old:\n    '''As it was.'''\nclass New:\n    '''As it is.'''\n"
    dist("my-lab", files={"lab_v2.py": code}, points={"heads": {"lab": "lab_v2:Old", "lab.v2": "lab_v2:New"}})
    assert Registry().find("heads", "lab.v2").target == "lab_v2:New"
    with pytest.raises(MissingError, match=r"^no head 'lab.v3' is installed, did you mean lab\.v2 or lab\?$"):
        Registry().find("heads", "lab.v3")
    assert zoo("show", "lab")[1].endswith("other meanings of the name: lab.v2\n")
    (fact,) = json.loads(zoo("show", "lab.v2", "--format", "json")[1])
    assert fact["meanings"] == ["lab"]


# --- what is wrong with a table ------------------------------------------------------------------------------------

WRONG = {
    "no TOML": ("[heads", r"its table of names cannot be used: .*/names_of_my_lab/names\.toml: "),
    "kind": ("[head.a]\nnow='b'", r"names\.head: is no kind of names that change, did you mean heads\?$"),
    "verbs": (
        "[commands.a]\nnow='b'",
        r"names\.commands: is no kind of names that change, known are encoders, ",
    ),
    "no table of names": ("heads = 3", r"names\.heads: is a table of names, not 3$"),
    "no table": ("[heads]\na = 'b'", r"names\.heads\.a: is a table with now, gone, why, not b$"),
    "key": ("[heads.a]\nnew = 'b'", r"names\.heads\.a: unknown key new; known here: now, gone, why$"),
    "dot": ("[heads.a.v1]\nnow = 'b'", r"""names\.heads\.a: a name with a dot is quoted: \[heads\."a\.v1"\]$"""),
    "type": ("[heads.a]\ngone = 0.5", r"names\.heads\.a: gone is a text, not 0\.5$"),
    "nothing": (
        "[heads.a]\nwhy = 'b'",
        r"says neither what it is called now nor the version in which it goes; ",
    ),
    "name": ("[heads.a]\nnow = 'two words'", r"two words cannot be named in a recipe; a name is 1 to 100 of "),
    "version": ("[heads.a]\nnow = 'b'\ngone = 'soon'", r"names\.heads\.a: gone is a version such as 0\.4, not soon$"),
    "registered": (
        "[heads.light-head]\nnow = 'max'",
        r"names\.heads\.light-head: is a head of zoo-light that is still registered; its own name wins$",
    ),
    "chain": (
        "[heads.a]\nnow = 'b'\n[heads.b]\nnow = 'light-head'",
        r"names\.heads\.a: 'b' is an old name itself; give the name that it has today$",
    ),
    "itself": ("[heads.a]\nnow = 'a'", r"names\.heads\.a: 'a' is an old name itself; give the name that it has today$"),
    "not its own": (
        "[heads.light-head]\ngone = '0.1'",
        r"names\.heads\.light-head: is a head of zoo-light, which alone can let it go$",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_table_is_told_and_what_is_there_keeps_its_name(case, names, zoo):
    table, said = WRONG[case]
    names(table)
    with pytest.raises(MissingError, match=rf"^my-lab: .*{said}"):
        raise MissingError(only_trouble())
    assert fill(recipe.load(written(PLAIN))).notes == []


def test_a_circle_is_told_name_by_name(names):
    names("[heads.a]\nnow = 'b'\n[heads.b]\nnow = 'a'\n")
    assert ["is an old name itself" in trouble for trouble in Registry().troubles] == [True, True]
    with pytest.raises(MissingError, match=r"^no head 'a' is installed"):
        Registry().find("heads", "a")


def test_a_table_that_is_not_there_is_told(dist):
    dist("my-lab", points={"names": {"my-lab": "my_lab:../names.toml"}})
    said = "my-lab: its table of names cannot be used: my_lab:../names.toml is no file inside its package"
    assert only_trouble() == said


def test_an_old_name_that_two_distributions_give_away_is_nobodys(names):
    names("[heads.a]\nnow = 'light-head'\n")
    names("[heads.a]\nnow = 'max'\n", distribution="other-lab")
    said = "names.heads.a: is claimed by my-lab 1.0 and other-lab 1.0; uninstall one of them, or set "
    assert said in only_trouble()


def test_zoo_plugins_leaves_out_names_too(names, monkeypatch):
    names(ALIAS)
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-light")
    with pytest.raises(MissingError, match=r"^no head 'old-head' is installed"):
        Registry().find("heads", "old-head")


values = st.recursive(
    st.text(max_size=8) | st.integers() | st.booleans() | st.sampled_from(["0.4", "b", "light-head"]),
    lambda inner: st.dictionaries(st.sampled_from(["now", "gone", "why", "a", "b.v2", "x y"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["heads", "recipes", "models", "head", ""]), values, max_size=3))
def test_whatever_a_table_says_is_a_change_or_a_sentence(table):
    line = Line("names", "x", "my_lab:names.toml", "my-lab", "1.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renamed.carried, "file_of", lambda _: Path("names.toml"))
        patch.setattr(renamed.carried, "table_of", lambda _: (table, ""))
        found, troubles = renamed.read([line], lambda *_: None)
    assert all(change.note and change.refusal for change in found.values())
    assert all(trouble.startswith("my-lab: names.") and "\n" not in trouble for trouble in troubles)
