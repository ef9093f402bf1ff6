"""``ls``, ``show``, ``check``, ``doctor``: results on stdout, the rest on stderr, and an exit code for each mistake."""

import json
from pathlib import Path

import pytest

from light import PLAIN

GOOD = "class Good:\n    '''A good part.'''\n    def __init__(self, *, size: int = 1) -> None: ...\n"
LIGHT = f"# A light recipe.\n{PLAIN}"


@pytest.fixture
def light(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "light_plugin"))
    Path("light.yaml").write_text(LIGHT)
    return "light.yaml"


def rows(zoo, *arguments):
    code, out, _ = zoo("ls", *arguments, "--format", "json")
    assert code == 0
    return {(row["kind"], row["name"]): row for row in json.loads(out)["entries"]}


# --- ls ------------------------------------------------------------------------------------------------------------


def test_ls_shows_components_with_their_distribution_and_recipes(zoo):
    code, out, err = zoo("ls")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if line.split()[:4] == ["transforms", "flip", "microscopy-zoo", "0.1.0"]]
    assert "recipes     hiscmcl" in out


def test_ls_shows_one_kind_when_asked(zoo, dist):
    dist("my-lab", files={"my_lab_ls.py": GOOD}, points={"heads": {"mine": "my_lab_ls:Good"}})
    found = rows(zoo, "heads")
    assert {kind for kind, _ in found} == {"heads"}
    expected = {"kind": "heads", "name": "mine", "from": "my-lab 1.0", "summary": "A good part.", "problem": ""}
    assert found["heads", "mine"] == expected


def test_ls_of_something_else_is_a_mistake_of_the_call(zoo):
    code, out, err = zoo("ls", "header")
    assert (code, out) == (2, "")
    assert err == (
        "error: 'header' cannot be listed; choose one of encoders, heads, losses, datasets, segmenters, "
        "transforms, samplers, stages, tasks, models, recipes, runs\n"
    )


BROKEN = {
    "absent": ("", "absent_module:X", "module 'absent_module' is not there; reinstall broken"),
    "attribute": ("", "br_attribute:X", "defines no 'X'; reinstall broken"),
    "dependency": ("import no_such_pkg\nclass X: pass", "br_dependency:X", "needs the package 'no_such_pkg'"),
    "syntax": ("class X(:", "br_syntax:X", "cannot be read as Python"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_ls_shows_a_broken_plugin_with_its_reason_beside_all_others_and_leaves_with_0(case, zoo, dist):
    code, target, reason = BROKEN[case]
    dist("broken", files={f"br_{case}.py": code}, points={"heads": {"bad": target}}, version="3.1")
    code, out, err = zoo("ls")
    assert code == 0
    assert "flip" in out
    (row,) = [line for line in out.splitlines() if line.startswith("heads       bad ")]
    assert reason in row
    assert err.startswith("error: heads bad of broken 3.1 is broken: ")
    assert reason in err
    assert reason in rows(zoo)["heads", "bad"]["problem"]


def test_a_plugin_whose_fault_shows_only_when_it_is_imported_is_listed_and_named_when_it_is_used(zoo, dist, light):
    code = "raise OSError('no licence file')\nclass X:\n    '''Looks good.'''\n"
    dist("sly", files={"sly_mod.py": code}, points={"heads": {"sly": "sly_mod:X"}}, version="2")
    assert rows(zoo)["heads", "sly"]["summary"] == "Looks good."
    code, out, err = zoo("check", light, "--set", "head.use=sly")
    assert (code, out) == (3, "")
    expected = "head.use: head 'sly' is provided by sly 2, which cannot be imported (OSError: no licence file)"
    assert expected in err
    assert zoo("check", light)[0] == 0


def test_ls_names_both_distributions_that_claim_a_name(zoo, dist):
    for name in ("one-lab", "other-lab"):
        dist(name, files={f"{name[:3]}_claim.py": GOOD}, points={"heads": {"claimed": f"{name[:3]}_claim:Good"}})
    code, out, err = zoo("ls")
    assert code == 0
    assert "claimed" not in out
    assert "flip" in out
    assert "error: head 'claimed' is claimed by one-lab 1.0 and other-lab 1.0; uninstall one of them" in err
    listed = json.loads(zoo("ls", "--format", "json")[1])["conflicts"]
    assert len(listed) == 1
    assert "claimed" not in zoo("ls", "losses")[2]


def test_ls_reports_metadata_that_cannot_be_read_and_a_wrong_name_in_zoo_plugins(zoo, dist, monkeypatch):
    site = dist("damaged", points={"heads": {"x": "y:z"}})
    (site / "damaged-1.0.dist-info" / "entry_points.txt").write_text("[zoo.heads]\nno equals sign\n")
    code, out, err = zoo("ls")
    assert code == 0
    assert "flip" in out
    assert "error: damaged: its metadata cannot be read" in err
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-spatail")
    code, out, err = zoo("ls")
    assert code == 0
    assert "multilevel" not in out
    assert "error: ZOO_PLUGINS names 'zoo-spatail', which is no installed plugin" in err


def test_ls_lists_a_recipe_that_cannot_be_read_with_the_reason(zoo):
    Path("recipes").mkdir()
    Path("recipes/odd.yaml").write_bytes(b"\xff\xfe")
    Path("recipes/fine.yaml").write_text("# A fine one.\nzoo: 1\n")
    Path("recipes/bare.yaml").write_text("zoo: 1\n")
    Path("recipes/edited.yaml").write_text("# yaml-language-server: $schema=x.json\n# Edited.\nzoo: 1\n")
    found = rows(zoo, "recipes")
    edited = found["recipes", "edited"]
    assert (edited["summary"], edited["from"]) == ("Edited.", "recipes/edited.yaml")
    assert "is not UTF-8 text" in found["recipes", "odd"]["problem"]
    assert found["recipes", "fine"]["summary"] == "A fine one."
    assert found["recipes", "bare"]["summary"] == ""


def test_ls_names_the_distribution_of_a_recipe_and_its_file_and_those_that_bring_the_same(zoo, dist):
    for name in ("one-lab", "other-lab"):
        files = {f"{name[:3]}_shelf/recipes/{recipe}.yaml": "# Mine.\n" for recipe in ("shared", name)}
        site = dist(name, files=files, points={"recipes": {name: f"{name[:3]}_shelf:recipes"}})
    found = rows(zoo, "recipes")
    file = str(site / "oth_shelf" / "recipes" / "other-lab.yaml")
    row = {"kind": "recipes", "name": "other-lab", "from": "other-lab 1.0", "summary": "Mine.", "problem": ""}
    assert found["recipes", "other-lab"] == {**row, "file": file}
    assert ("recipes", "shared") not in found
    assert "error: recipe 'shared' is brought by one-lab 1.0 and other-lab 1.0; say " in zoo("ls")[2]
    assert "shared" not in zoo("ls", "heads")[2]


def test_ls_of_runs_tells_how_far_each_got_and_says_so_where_there_are_none(zoo, tmp_path):
    assert zoo("ls", "runs") == (0, "", "there are no runs here\n")
    for name, status in (("a", '{"state": "finished"}'), ("b", "{"), ("c", None)):
        folder = tmp_path / "runs" / "light" / name
        folder.mkdir(parents=True)
        (folder / "recipe.yaml").write_text("zoo: 1")
        if status:
            (folder / "status.json").write_text(status)
    code, out, err = zoo("ls", "runs")
    assert code == 0
    assert [line.split()[-1] for line in out.splitlines() if "/light/a" in line] == ["finished"]
    assert [line for line in out.splitlines() if line.endswith("not begun")]
    assert "is not valid JSON" in err


# --- show ----------------------------------------------------------------------------------------------------------


def test_show_tells_where_a_component_comes_from_what_it_takes_and_what_it_says_of_itself(zoo, dist):
    site = dist("my-lab", files={"my_lab_show.py": GOOD}, points={"losses": {"mine": "my_lab_show:Good"}})
    code, out, err = zoo("show", "mine")
    assert (code, err) == (0, "")
    expected = ["loss mine  (my-lab 1.0)", f"{site / 'my_lab_show.py'}:1", "  size: int = 1", "", "A good part."]
    assert out.splitlines()[:5] == expected
    facts = json.loads(zoo("show", "mine", "--format", "json")[1])
    assert (facts[0]["kind"], facts[0]["line"], facts[0]["parameters"]) == ("losses", 1, ["size: int = 1"])


def test_show_tells_all_kinds_that_have_the_name(zoo, dist):
    points = {"heads": {"both": "both_show:Good"}, "losses": {"both": "both_show:Good"}}
    dist("both", files={"both_show.py": GOOD}, points=points)
    out = zoo("show", "both")[1]
    assert "head both" in out
    assert "loss both" in out


def test_show_of_a_broken_component_tells_what_is_known_and_why(zoo, dist):
    dist("broken", points={"heads": {"bad": "absent_show:X"}})
    code, out, err = zoo("show", "bad")
    assert code == 0
    assert out == "head bad  (broken 1.0)\n"
    assert err == "error: it is broken: module 'absent_show' is not there; reinstall broken\n"


def test_show_of_a_recipe_prints_it_as_it_stands_with_its_path(zoo, light):
    code, out, err = zoo("show", light)
    assert (code, err) == (0, "")
    assert out.startswith(f"# light.yaml\n{LIGHT}\n# licences of what it brings\n")
    assert json.loads(zoo("show", light, "--format", "json")[1])["recipe"]["head"] == {"use": "light-head"}


def test_show_filled_prints_every_value_and_where_it_came_from(zoo, light):
    code, out, err = zoo("show", light, "--filled", "--set", "head.dim=9")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in out.splitlines()}
    assert lines["head.dim"] == ["9", "--set head.dim=9"]
    assert lines["data.genes.window.size"] == ["32", "default of light-data"]
    assert lines["encoder.use"] == ['"light-net"', "light.yaml:5:11"]
    assert lines["transforms.train"][0] == "[]"
    found = json.loads(zoo("show", light, "--filled", "--format", "json")[1])
    assert found["recipe"]["head"]["dim"] == 4
    assert len(found["digest"]) == 64
    assert found["origins"]["head.dim"] == "default of light-head"


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("flpi", 3, "there is no component and no recipe 'flpi', did you mean flip?"),
        ("hiscmc", 3, "there is no component and no recipe 'hiscmc', did you mean hiscmcl"),
        ("xyzzy", 3, "'xyzzy' is neither an installed component nor a recipe; 'zoo ls' lists both"),
        ("a/b.yaml", 3, "a/b.yaml: no such recipe; 'zoo ls recipes' lists those that can be named"),
        ("b.yaml", 3, "b.yaml: no such recipe"),
        ("./", 2, "is a folder; name one of the recipes in it"),
    ],
)
def test_show_of_what_is_not_there_tells_what_may_have_been_meant(name, code, message, zoo):
    found, out, err = zoo("show", name)
    assert (found, out) == (code, "")
    assert message in err


def test_show_of_a_name_that_a_known_plugin_brings_tells_how_to_install_it(zoo, monkeypatch):
    monkeypatch.setenv("ZOO_PLUGINS", "")
    code, _, err = zoo("show", "multilevel")
    assert code == 3
    assert "no encoder 'multilevel' is installed" in err
    assert "pip install" in err


def test_show_of_a_name_that_two_claim_names_both(zoo, dist):
    for name in ("one-lab", "other-lab"):
        dist(name, points={"heads": {"claimed": "m:x"}})
    code, _, err = zoo("show", "claimed")
    assert code == 2
    assert "head 'claimed' is claimed by one-lab 1.0 and other-lab 1.0" in err


def test_show_of_a_file_that_is_no_text_is_refused_in_one_line(zoo):
    Path("x.yaml").write_bytes(b"\xff\xfe\x00")
    assert zoo("show", "x.yaml") == (2, "", "error: x.yaml is not UTF-8 text (byte 0xff at 0); save it as UTF-8\n")


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_says_that_a_recipe_is_right(zoo, light):
    assert zoo("check", light) == (0, "light.yaml: is right\n", "")
    assert json.loads(zoo("check", light, "--format", "json")[1]) == {"problems": []}


def test_check_tells_the_mistakes_of_every_recipe_and_leaves_with_the_worst_code(zoo, light):
    Path("wrong.yaml").write_text(LIGHT.replace("name:", "nmae:"))
    Path("lacking.yaml").write_text(LIGHT.replace("light-head", "x-head"))
    code, out, err = zoo("check", "wrong.yaml", light, "lacking.yaml", "gone.yaml")
    assert code == 3
    assert out == "light.yaml: is right\n"
    assert "error: wrong.yaml:3:1 nmae: unknown key, did you mean name?" in err
    assert "error: lacking.yaml:6:8 head.use: no head 'x-head' is installed" in err
    assert "error: gone.yaml: no such recipe" in err


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"a: !!python/object/apply:os.system [ls]", 2, "hostile.yaml:1:4 tag 'tag:yaml.org,2002:python/object/apply"),
        (b"_target_: os.system", 2, "hostile.yaml:1:1 _target_: unknown key"),
        (b"a: \x00", 2, r"hostile.yaml:1:4 the character '\x00' is not allowed in YAML"),
        (b"", 2, "hostile.yaml is empty; a recipe is a mapping"),
        (b"[" * 1000, 2, "hostile.yaml:1:34 nested deeper than 32 levels"),
        ("zoo: 1".encode("utf-16"), 2, "hostile.yaml is not UTF-8 text"),
        (b"a: &a [*a]", 2, "hostile.yaml:1:8 alias '*a' points nowhere, or at itself"),
    ],
)
def test_check_of_a_hostile_file_is_refused_without_a_traceback(content, code, message, zoo):
    Path("hostile.yaml").write_bytes(content)
    found, out, err = zoo("check", "hostile.yaml")
    assert (found, out) == (code, "")
    assert f"error: {message}" in err
    assert "Traceback" not in err


def test_a_name_that_would_speak_to_the_terminal_is_shown_escaped(zoo, light):
    Path("esc.yaml").write_text(LIGHT.replace("light-head", r'"\e]0;owned\a"'))
    code, _, err = zoo("check", "esc.yaml")
    assert code == 3
    assert "\x1b" not in err
    assert "\x07" not in err


def test_quiet_says_nothing_but_results_and_errors(zoo, light):
    Path("base.yaml").write_text(LIGHT.replace("light-data", "light-data, donors: 3"))
    arguments = ["check", "base.yaml", "--set", "data.use=light-files", "--set", "data.root=/d"]
    assert "note: data.donors is dropped" in zoo(*arguments)[2]
    assert zoo("-q", *arguments) == (0, "base.yaml: is right\n", "")
    code, _, err = zoo("-q", "check", light, "--set", "head.dim=x")
    assert (code, err.startswith("error: ")) == (2, True)


# --- doctor --------------------------------------------------------------------------------------------------------


def test_doctor_loads_every_component_and_fails_for_those_that_do_not(zoo, dist, monkeypatch):
    files = {"doc_bad.py": "1 / 0", "doc_vague.py": "def vague(*, a): ...\n"}
    dist("sick", files=files, points={"heads": {"bad": "doc_bad:X", "vague": "doc_vague:vague"}})
    monkeypatch.setenv("ZOO_PLUGINS", "sick, zoo-spatail")
    code, out, _ = zoo("doctor")
    assert code == 3
    lines = out.splitlines()
    assert any(line.startswith("FAIL  heads") and "sick 1.0, which cannot be imported (Zero" in line for line in lines)
    assert any(line.startswith("FAIL  heads") and "'vague': parameter 'a' has no annotation" in line for line in lines)
    assert any(line.startswith("FAIL  plugins") and "zoo-spatail" in line for line in lines)
    assert any(line.startswith("PASS  transforms") and "flip" in line for line in lines)


def test_doctor_names_a_folder_that_cannot_be_written(zoo, monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv("ZOO_RUNS", "file/runs")
    monkeypatch.setenv("ZOO_PLUGINS", "")
    code, out, _ = zoo("doctor", "--format", "json")
    assert code == 3
    (runs,) = [finding for finding in json.loads(out) if finding["what"] == "runs"]
    assert runs["verdict"] == "FAIL"
    assert "file/runs: cannot be written" in runs["detail"]


def test_show_of_a_name_that_a_component_and_a_recipe_share_shows_both(zoo):
    code, out, err = zoo("show", "hpa")
    assert (code, err) == (0, "")
    assert "dataset hpa" in out
    assert "name: hpa" in out
