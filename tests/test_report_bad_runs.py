"""Runs that lack something, are of an older zoo, moved, damaged or hostile: a page all the same, or a sentence."""

import json
import math
import shutil
from pathlib import Path

import pytest
from report_folders import Made, change, get, put, shown

from zoo import report
from zoo.errors import MissingError, UsageError
from zoo.figures import svg
from zoo.report import facts, material

CARDS = Path(__file__).parent.parent / "cards"
EMPTY = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"></svg>'


DRAWN = svg.drawn


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    """Let figures be made and not drawn, which is what takes time."""
    monkeypatch.setattr("zoo.figures.svg.drawn", lambda drawing, key: EMPTY)


@pytest.fixture
def run(tmp_path):
    return Made().write(tmp_path / "run")


def page(folder):
    return report.write(folder).read_text()


def test_a_folder_that_is_none_of_a_run_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(MissingError, match=r"is no run folder \(it has no recipe.yaml\)"):
        report.write(tmp_path)


def test_the_model_of_one_member_points_to_its_run(run):
    (run / "model/holdout-seed0/recipe.yaml").write_text("zoo: 1")
    with pytest.raises(UsageError, match=r"is the model of one member, whose run has a page as a whole; name .*run"):
        report.write(run / "model/holdout-seed0")


def test_nothing_but_a_recipe_still_makes_a_page(run):
    for path in run.iterdir():
        if path.name != "recipe.yaml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    text = page(run)
    assert "It has no scores yet" in text
    assert "There is no log of the training in this folder." in text
    assert "does not say how far it got" in text


def test_a_killed_run_says_how_far_it_got_and_what_its_members_reached(run):
    metrics = get(run / "metrics.json")
    (run / "metrics.json").unlink()
    put(run / "results/holdout-seed0.json", metrics["members"][0])
    put(run / "status.json", {"state": "failed", "reason": "killed <by> someone"})
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"member": "holdout-se')
    text = page(run)
    assert "The run ended with an error (killed &lt;by&gt; someone)" in text
    assert "1 of 2 members scored, 40 epochs of 2 trainings told of" in text
    assert "these are the scores of the members that are done" in text


def test_a_run_that_goes_on_says_so(run):
    (run / "metrics.json").unlink()
    put(run / "status.json", {"state": "running", "updated": "2026-01-02"})
    assert "was still running when this page was made; last written 2026-01-02" in page(run)


def test_a_run_of_an_older_zoo_has_neither_census_nor_origins_nor_figures(run):
    (run / "data.json").unlink()
    shutil.rmtree(run / "model")
    put(run / "environment.json", {"python": "3.11"})
    text = page(run)
    assert "no donor stands on two sides" in text
    assert "No figures of its predictions lie in this folder" in text


FILES = ["metrics.json", "splits.json", "status.json", "environment.json", "data.json"]
STRANGE = ["[1]", '"text"', '{"scores": 3, "members": "x", "copies": 4, "groups": []}']


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_costs_a_note_and_not_the_page(run, name):
    (run / name).write_text("{")
    text = page(run)
    assert "made-up" in text
    assert f"{name}: is not valid JSON" in text


@pytest.mark.parametrize("content", STRANGE)
def test_files_that_hold_something_else_cost_notes_and_not_the_page(run, content):
    for name in FILES:
        (run / name).write_text(content)
    assert "made-up" in page(run)
    assert facts.read(run).notes


@pytest.mark.parametrize(
    "content", ["a: [", "- 1", "{a: &x [1], b: *x}", "\x00", "zoo: 1\nname: [1]\ntrain: 3\ndata: []"]
)
def test_a_recipe_that_is_none_costs_its_chapter(run, content):
    (run / "recipe.yaml").write_text(content)
    assert "How to make it again" in page(run)


def test_a_recipe_of_bytes_that_are_no_text_is_told_of(run):
    (run / "recipe.yaml").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in page(run)


def test_scores_that_are_not_numbers_are_shown_as_no_value(run):
    text = (run / "metrics.json").read_text()
    mean = json.dumps(get(run / "metrics.json")["scores"]["r2"]["mean"])
    (run / "metrics.json").write_text(text.replace(mean, "NaN", 1))
    assert "r2 no value" in page(run)


def test_all_scores_nan_and_a_log_of_nan_make_a_page(tmp_path):
    run = Made(better=math.nan, losses=[math.nan] * 5, val_losses=[math.inf] * 5).write(tmp_path / "run")
    assert "r2 no value" in page(run)


@pytest.mark.parametrize("made", [Made(groups=["D1"]), Made(groups=["D1"], seeds=(0,), losses=[1.0])])
def test_one_group_one_seed_one_epoch_make_a_page(tmp_path, made):
    assert "Tested on a single donor" in page(made.write(tmp_path / "run"))


def test_one_class_is_said_to_be_nothing_to_tell_apart(run):
    change(run / "data.json", classes={"only": {"T1": 3, "D1": 3}})
    assert "One class alone: there is nothing to tell apart." in page(run)


def test_twenty_thousand_genes_and_many_groups_stay_readable(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.report.data_chapter.MOST_ROWS", 100)
    monkeypatch.setattr("zoo.report.scores_chapter.MOST_ROWS", 100)
    genes = [f"GENE{n}" for n in range(20_000)]
    run = Made(groups=[f"D{n}" for n in range(120)], seeds=(0,)).write(tmp_path / "run")
    change(run / "model/holdout-seed0/config.json", fitted={"genes": genes, "shift": dict.fromkeys(genes, 0.5)})
    text = page(run)
    assert "20,000: GENE0, GENE1" in text
    assert "GENE19999" not in text
    assert "The first 100 of 122 groups." in text
    assert "The first 100 of 240 rows; metrics.json has all." in text


def test_a_folder_may_be_moved(run, tmp_path):
    shown(run)
    moved = run.rename(tmp_path / "else where")
    text = page(moved)
    assert "A curve" in text
    assert "folder" in text


HOSTILE = "<script>alert('x')</script>\"&$\\alpha_{"


def test_names_with_markup_quotes_and_dollars_are_text(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.figures.svg.drawn", DRAWN)
    run = Made(groups=[HOSTILE, f"{HOSTILE}2", "D\u202e3"], seeds=(0,)).write(tmp_path / "run")
    change(run / "model/holdout-seed0/config.json", fitted={HOSTILE: HOSTILE})
    put(run / "status.json", {"state": HOSTILE, "reason": HOSTILE})
    recipe = (run / "recipe.yaml").read_text().replace("name: made-up", f"name: {json.dumps(HOSTILE)}")
    (run / "recipe.yaml").write_text(f"# --set {HOSTILE}\n{recipe}")
    text = page(run)
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_a_damaged_figure_leaves_the_others(run):
    folder = shown(run)
    (folder / "curve.svg").write_text("<!DOCTYPE x [<!ENTITY a 'b'>]><svg/>")
    text = page(run)
    assert "curve cannot be read" in text
    assert "Items" in text


@pytest.mark.parametrize(
    "index",
    [{}, [], {"format": 99, "sections": []}, {"format": 1, "sections": 3}, {"format": 1, "sections": [{"parts": [1]}]}],
)
def test_an_index_of_figures_that_cannot_be_read_is_told_of(run, index):
    put(shown(run) / "parts.json", index)
    (found,) = material.read_all(run / "report")
    assert "draw the figures anew with --draw" in found.problem
    assert not found.sections


@pytest.mark.parametrize(
    "part",
    [
        {"kind": "listing", "table": "../../recipe.yaml"},
        {"kind": "listing", "table": "link.csv"},
        {"kind": "listing", "table": 3},
        {"kind": "listing"},
        {"kind": "applet"},
        {"kind": "figure", "svg": "nowhere.svg"},
    ],
)
def test_a_part_leads_nowhere_out_of_its_folder(run, tmp_path, part):
    folder = shown(run)
    (tmp_path / "secret").write_text("my secret,1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret")
    section = {"key": "s", "title": "S", "parts": [{"key": "k", "title": "K", **part}]}
    put(folder / "parts.json", {"format": 1, "sections": [section]})
    (found,) = material.read_all(run / "report")
    assert not found.sections[0].parts
    assert "k cannot be read" in found.problem


def test_of_a_token_nothing_is_repeated(run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(f"# --set data.key=hf_verysecret\n{text}\n")
    change(run / "environment.json", origins={"data.use": "--set data.key=hf_verysecret"})
    assert "hf_verysecret" not in page(run)


@pytest.mark.parametrize("name", ["hiscmcl-sim", "han-cars"])
def test_the_page_of_a_package_comes_into_the_working_directory_and_leaves_the_package_alone(name, tmp_path):
    before = sorted(path.name for path in (CARDS / name).iterdir())
    path = report.write(CARDS / name)
    assert path == Path(f"{name.partition('-')[0]}-report.html")
    assert sorted(one.name for one in (CARDS / name).iterdir()) == before
    text = path.read_text()
    assert "SIMULATED data" in text
    assert "A package holds none; score it on data with zoo eval MODEL" in text
