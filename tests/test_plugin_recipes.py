"""A plugin brings recipes in a folder of its package, and they are named as ours are; nothing of it is imported."""

import sys
from pathlib import Path

import pytest

from light import LIGHT, LIGHT_PLUGIN
from zoo import recipe
from zoo.errors import MissingError, UsageError
from zoo.registry import Registry, known_plugins
from zoo.resolve import fill
from zoo.shelves import Shelves

LINE = {"recipes": {"my-lab": "shelf_lab:recipes"}}


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))


@pytest.fixture
def lab(dist):
    """Install a plugin of recipes; return the file of the first."""
    files = {
        "shelf_lab/__init__.py": "raise RuntimeError('nobody asked for code')\n",
        "shelf_lab/recipes/lab-light.yaml": f"# Light, of my lab.\n{LIGHT}",
        "shelf_lab/recipes/lab-wide.yaml": "extends: lab-light\nencoder: {width: 8}\n",
    }
    return dist("my-lab", files=files, points=LINE) / "shelf_lab" / "recipes" / "lab-light.yaml"


def only_trouble():
    (trouble,) = Shelves(Registry()).troubles
    return trouble


def test_a_recipe_of_a_plugin_is_found_by_name_and_nothing_of_the_plugin_is_imported(lab):
    assert recipe.locate("lab-light") == lab
    assert recipe.shipped()["lab-light"] == lab
    assert set(recipe.shipped_by("My_Lab")) == {"lab-light", "lab-wide"}
    assert fill(recipe.load("lab-wide")).data["encoder"]["width"] == 8
    assert "shelf_lab" not in sys.modules


def test_the_verbs_take_the_name_as_they_take_ours(lab, zoo):
    assert zoo("check", "lab-light", "lab-wide")[:2] == (0, "lab-light: is right\nlab-wide: is right\n")
    code, out, _ = zoo("show", "lab-light")
    assert (code, out.splitlines()[:2]) == (0, [f"# {lab}", "# Light, of my lab."])


def test_zoos_own_recipes_enter_by_the_same_door_and_can_be_extended_by_a_plugin(dist):
    ours = {path.stem: path for path in (Path(__file__).parent.parent / "recipes").glob("*.yaml")}
    assert recipe.shipped_by("microscopy-zoo") == ours
    files = {"shelf_lab/recipes/longer.yaml": "extends: hiscmcl\ntrain: {epochs: 99}\n", "shelf_lab/__init__.py": ""}
    dist("my-lab", files=files, points=LINE)
    found = recipe.load("longer")
    assert (found.name, found.data["train"]["epochs"]) == ("longer", 99)
    assert [Path(file).stem for file in found.files] == ["longer", "hiscmcl"]


def test_the_folder_may_lie_beside_the_package_in_a_checkout_but_not_among_installed_ones(dist, monkeypatch):
    files = {"shelf_lab/__init__.py": "", "recipes/beside.yaml": LIGHT}
    site = dist("my-lab", files=files, points=LINE)
    assert recipe.locate("beside") == site / "recipes" / "beside.yaml"
    installed = site.parent / "site-packages"
    site.rename(installed)
    monkeypatch.syspath_prepend(str(installed))
    assert only_trouble().startswith(
        "my-lab: its recipes shelf_lab:recipes are no folder inside its package; reinstall"
    )


def test_a_recipe_of_the_working_directory_goes_before_an_installed_one(lab):
    Path("recipes").mkdir()
    Path("recipes/lab-light.yaml").write_text(LIGHT)
    assert recipe.locate("lab-light") == Path("recipes/lab-light.yaml")


def test_a_name_that_two_plugins_bring_is_refused_when_it_is_used_and_each_has_a_path(dist, lab, zoo, monkeypatch):
    files = {"shelf_other/__init__.py": "", "shelf_other/recipes/lab-light.yaml": LIGHT}
    site = dist("other-lab", files=files, points={"recipes": {"other-lab": "shelf_other:recipes"}}, version="4")
    other = site / "shelf_other" / "recipes" / "lab-light.yaml"
    said = f"recipe 'lab-light' is brought by my-lab 1.0 and other-lab 4; say {lab} or {other}, or set ZOO_PLUGINS to"
    with pytest.raises(UsageError) as raised:
        recipe.locate("lab-light")
    assert str(raised.value) == f"{said} a list of plugins without one of them"
    assert "lab-light" not in recipe.shipped()
    assert recipe.shipped_by("other-lab") == {"lab-light": other}
    code, _, err = zoo("plugin", "ls")
    assert code == 0
    assert said in err
    monkeypatch.setenv("ZOO_PLUGINS", "other-lab zoo-light")
    assert recipe.locate("lab-light") == other


def test_a_plugin_never_stands_before_a_recipe_of_ours(dist):
    files = {"shelf_lab/__init__.py": "", "shelf_lab/recipes/hiscmcl.yaml": LIGHT}
    site = dist("my-lab", files=files, points=LINE)
    assert recipe.locate("hiscmcl") == recipe.shipped_by("microscopy-zoo")["hiscmcl"]
    (conflict,) = Shelves(Registry()).conflicts
    assert conflict.startswith("recipe 'hiscmcl' is brought by microscopy-zoo 0.")
    path = site / "shelf_lab" / "recipes" / "hiscmcl.yaml"
    assert conflict.endswith(f"; zoo's own is meant by the name, and {path} is said by its path")


def test_zoo_plugins_leaves_out_recipes_too(lab, monkeypatch):
    monkeypatch.setenv("ZOO_PLUGINS", "")
    assert "lab-light" not in recipe.shipped()
    said = r"^there is no recipe 'lab-light'; it comes with my-lab, which ZOO_PLUGINS leaves out, so add it there$"
    with pytest.raises(MissingError, match=said):
        recipe.locate("lab-light")


def test_a_recipe_that_a_known_plugin_would_bring_is_answered_with_the_command(monkeypatch):
    known = {**known_plugins(), "recipes": {"tissue-x": ("zoo-tissue", "pip install zoo-tissue")}}
    monkeypatch.setattr(recipe, "known_plugins", lambda: known)
    with pytest.raises(
        MissingError, match=r"^there is no recipe 'tissue-x'; it comes with zoo-tissue: pip install zoo"
    ):
        recipe.locate("tissue-x")


@pytest.mark.parametrize(
    "target",
    [
        "shelf_lab:nowhere",
        "shelf_lab:../outside",
        "shelf_lab:/etc",
        "shelf_lab",
        "absent:recipes",
        "my.lab:recipes",
        ":",
    ],
)
def test_a_line_that_names_no_folder_inside_the_package_is_told_and_harms_nothing_else(target, dist):
    site = dist("my-lab", files={"shelf_lab/__init__.py": ""}, points={"recipes": {"my-lab": target}})
    (site.parent / "outside").mkdir()
    said = f"my-lab: its recipes {target} are no folder inside its package; reinstall or remove that package"
    assert only_trouble() == said
    assert "hiscmcl" in recipe.shipped()


def test_a_folder_that_cannot_be_listed_is_told(lab, monkeypatch):
    plain = Path.iterdir

    def iterdir(path):
        if path == lab.parent:
            raise PermissionError(13, "Permission denied")
        return plain(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    said = f"my-lab: its recipes cannot be listed ({lab.parent}: Permission denied); reinstall or remove that package"
    assert only_trouble() == said


def test_a_file_that_cannot_be_named_is_told_and_other_files_are_no_recipes(lab):
    (lab.parent / "two words.yaml").write_text(LIGHT)
    (lab.parent / "notes.txt").write_text("")
    (lab.parent / "folder.yaml").mkdir()
    assert only_trouble() == "my-lab: its recipe two words cannot be named; a name is 1 to 100 of A-Z a-z 0-9 . _ -"
    assert set(recipe.shipped_by("my-lab")) == {"lab-light", "lab-wide"}
