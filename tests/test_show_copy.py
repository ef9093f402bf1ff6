"""``zoo show RECIPE --copy`` writes a recipe out to be edited: its comments stay, and it trains to the same."""

from pathlib import Path

import pytest

from zoo import recipe, recipe_copy

ROOT = Path(__file__).parent.parent
SHIPPED = {path.stem: path for path in sorted((ROOT / "recipes").glob("*.yaml"))}


def resolved(path):
    """Return what a recipe says with all that it inherits, but for its name, which decides nothing."""
    found = recipe.load(path)
    return {key: value for key, value in found.data.items() if key != "name"}, found.soft


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_copied_recipe_says_what_the_shipped_one_says_and_keeps_its_comments(name, tmp_path):
    for to in (Path(f"{name}.yaml"), tmp_path / "below" / "other.yaml"):
        to.parent.mkdir(exist_ok=True)
        recipe_copy.copied(SHIPPED[name], to)
        # every default follows from these, so that the digest of what is filled is the same
        assert resolved(to) == resolved(SHIPPED[name])
        before, after = SHIPPED[name].read_text().splitlines(), to.read_text().splitlines()
        changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert all(old.startswith(("extends: ", "# yaml-language-server: ")) for old, _ in changed)


def test_a_copy_looks_for_the_schema_where_its_user_makes_it(zoo, tmp_path):
    zoo("show", "bleep", "--copy")
    assert "\n# yaml-language-server: $schema=zoo.schema.json\n" in Path("bleep.yaml").read_text()
    Path("recipes").mkdir()
    zoo("show", "han", "--copy", "--out", "recipes/mine.yaml")
    assert "\n# yaml-language-server: $schema=../zoo.schema.json\n" in Path("recipes/mine.yaml").read_text()


def test_copy_prints_where_it_wrote_and_what_comes_next(zoo):
    code, out, err = zoo("show", "bleep", "--copy")
    assert (code, out) == (0, "bleep.yaml\n")
    assert err == f"{SHIPPED['bleep']} is copied to bleep.yaml; go on with: zoo check bleep.yaml\n"
    assert "\nextends: heclip\n" in Path("bleep.yaml").read_text()


def test_a_copy_never_takes_the_place_of_a_file(zoo):
    Path("bleep.yaml").write_text("mine")
    code, out, err = zoo("show", "bleep", "--copy")
    assert (code, out) == (2, "")
    assert err == "error: bleep.yaml: is there already, and nothing is overwritten; name another file with --out\n"
    assert Path("bleep.yaml").read_text() == "mine"
    assert zoo("show", "bleep", "--copy", "--out", "other.yaml")[0] == 0


def test_a_parent_that_is_not_shipped_is_named_by_its_path(zoo):
    Path("lab").mkdir()
    Path("lab/base.yaml").write_text("zoo: 1\nname: base\n")
    Path("lab/child.yaml").write_text("# Ours.\nextends: 'base.yaml' # of the lab\nencoder: {use: x}\n")
    assert zoo("show", "lab/child.yaml", "--copy")[:2] == (0, "child.yaml\n")
    assert Path("child.yaml").read_text().splitlines()[1] == "extends: ./lab/base.yaml # of the lab"
    assert resolved("child.yaml") == resolved("lab/child.yaml")


def test_a_file_here_of_the_name_of_a_shipped_parent_does_not_become_the_parent(zoo):
    Path("heclip").write_text("zoo: 1\n")
    assert zoo("show", "bleep", "--copy")[0] == 0
    assert resolved("bleep.yaml") == resolved(SHIPPED["bleep"])


def test_a_parent_written_as_only_a_parser_understands_is_left_to_its_user(zoo):
    Path("base.yaml").write_text("zoo: 1\n")
    Path("odd.yaml").write_text("{extends: base.yaml}\n")
    code, out, err = zoo("show", "odd.yaml", "--copy", "--out", "copy.yaml")
    assert (code, out) == (2, "")
    assert "odd.yaml: 'extends' is not on a line of its own, extends: ./base.yaml; copy the file by hand" in err
    assert not Path("copy.yaml").exists()


@pytest.mark.parametrize(("name", "kind"), [("timm", "encoders"), ("hiscmcl-sim", "models")])
def test_what_is_no_recipe_is_not_copied(name, kind, zoo):
    code, out, err = zoo("show", name, "--copy")
    assert (code, out) == (2, "")
    assert err == f"error: {name}: is one of the {kind}, and --copy writes out recipes; 'zoo ls recipes' lists those\n"


def test_a_recipe_that_shares_its_name_with_a_part_is_copied(zoo):
    assert zoo("show", "hpa", "--copy")[:2] == (0, "hpa.yaml\n")


@pytest.mark.parametrize("more", [["--copy", "--filled"], ["--copy", "--set", "a=1"], ["--out", "x.yaml"]])
def test_options_that_do_not_go_with_copy_are_refused(more, zoo):
    code, _, err = zoo("show", "bleep", *more)
    assert code == 2
    assert "--copy writes a recipe as it stands, and --out FILE says where; no other option goes with it" in err


def test_a_copy_into_a_folder_that_is_not_there_says_so(zoo):
    code, _, err = zoo("show", "bleep", "--copy", "--out", "nowhere/x.yaml")
    assert code == 2
    assert err == "error: nowhere/x.yaml: cannot be written (No such file or directory); name another file with --out\n"
