"""Every recipe that is shipped is found, right, short, and says in its first line what it is."""

from pathlib import Path

import pytest

from zoo import recipe
from zoo.resolve import fill

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
COUNT = 19


def test_as_many_recipes_are_found_as_are_meant_to_be_shipped():
    assert len(RECIPES) == COUNT, "a recipe more or less: change COUNT and the table of recipes in the README"
    assert len({path.stem for path in RECIPES}) == COUNT


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_right(path):
    filled = fill(recipe.load(path))
    assert filled.frame.name == path.stem
    assert not filled.dropped


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_begins_with_a_line_that_says_what_it_is_and_is_under_60_lines(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# ")
    assert len(lines[0]) > 20
    assert len(lines) < 60


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_can_be_named_from_anywhere(path, zoo):
    code, out, err = zoo("show", path.stem)
    assert (code, err) == (0, "")
    assert path.read_text().splitlines()[0] in out
    assert path.stem in zoo("ls", "recipes")[1]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_filled_recipe_fills_to_itself(path, tmp_path):
    first = fill(recipe.load(path))
    (tmp_path / "filled.yaml").write_text(first.recipe.dump())
    assert fill(recipe.load(tmp_path / "filled.yaml")).data == first.data
