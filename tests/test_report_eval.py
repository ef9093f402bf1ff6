"""A model scored again leaves a page; figures of a run can be drawn anew, and nothing is lost where they cannot."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo as face
from zoo.errors import DataError
from zoo.figures import style, svg
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section
from zoo.folders import runs_folder
from zoo.report import evaluated, material
from zoo.rescore import redraw

HERE = Path(__file__).parent
TINY = HERE / "tiny_plugin"
FOLDS = "data.split={unit: plate, scheme: k-fold, folds: 2, test: null, val: null}"


def report(self, predicted, truth, *, dataset, items, groups, look):
    """Show the residuals of a task that has no page of its own."""
    drawing = style.figure(3, 2)
    drawing.subplots().plot(truth["value"], predicted["value"], ".")
    table = Table(["item", "group", "off"], list(zip(items, groups, predicted["value"] - truth["value"], strict=True)))
    figure = Figure("residuals", "Residuals", f"{len(items)} items.", drawing, table)
    yield Section("fit", "Fit", [figure, Listing("items", "Items", table)])
    if look:
        rows = [["train", len(look.train)], ["outputs", len(look.outputs(items)["value"])], ["steps", len(look.steps)]]
        yield Section("asked", "Asked", [Listing("asked", "Asked", Table(["what", "count"], rows))])


def resampled(self, predicted, truth, weight):
    """Score every drawing of groups at once, which takes a second less."""
    total, truth = weight.sum(axis=1), truth["value"]
    error = (weight * (predicted["value"] - truth) ** 2).sum(axis=1) / total
    mean = (weight * truth).sum(axis=1) / total
    return {"r2": 1 - error / ((weight * (truth - mean[:, None]) ** 2).sum(axis=1) / total), "mse": error}


def pool(patch, module):
    """Let the tests' task be scored over all groups together."""
    patch.setattr(module.TinyRegress, "pooled", True, raising=False)
    patch.setattr(module.TinyRegress, "resampled", resampled, raising=False)


def plugin(patch):
    """Return the tests' plugin with a task that has something to show."""
    patch.syspath_prepend(str(TINY))
    import zoo_tiny

    patch.setattr(sys.modules["zoo_tiny"].TinyRegress, "report", report, raising=False)
    return zoo_tiny


@pytest.fixture
def undrawn(monkeypatch):
    """Put an empty drawing in the place of every figure: what it looks like is looked at elsewhere."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9 "/>'
    monkeypatch.setattr(svg, "drawn", lambda drawing, key: empty)


@pytest.fixture
def showing(tiny, undrawn, monkeypatch):
    """Let the tests' task show something, and let pages be written."""
    monkeypatch.delenv("ZOO_REPORT")
    return plugin(monkeypatch)


@pytest.fixture(scope="session")
def _pooled_run(tmp_path_factory):
    """Train two folds with two seeds each, scored together."""
    folder = tmp_path_factory.mktemp("pooled") / "run"
    with pytest.MonkeyPatch.context() as patch:
        pool(patch, plugin(patch))
        patch.setenv("ZOO_REPORT", "off")
        options = [FOLDS, "train.epochs=1", "train.seeds=[3, 1]"]
        face.train(HERE / "recipes" / "tiny.yaml", options, out=folder, device="cpu")
    return folder


@pytest.fixture
def pooled_run(showing, _pooled_run, tmp_path, monkeypatch):
    pool(monkeypatch, showing)
    return shutil.copytree(_pooled_run, tmp_path / "pooled-run")


def words(path):
    """Return the text of a page, without its script, style and drawings."""
    text = path.read_text()
    for tag in ("script", "style", "svg"):
        text = re.sub(rf"<{tag}\b.*?</{tag}>", " ", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def page_of(out):
    return Path(out.splitlines()[-1].removeprefix("page: "))


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_evaluation_leaves_a_page_among_the_runs_and_the_run_as_it_was(tiny_run, zoo, monkeypatch):
    monkeypatch.delenv("ZOO_REPORT")
    plugin(monkeypatch)
    before = files(tiny_run)
    code, out, err = zoo("eval", tiny_run)
    assert code == 0, err
    path = page_of(out)
    assert path.parent.parent == runs_folder() / "tiny"
    assert path.parent.name.startswith("eval-")
    assert files(tiny_run) == before
    text = words(path)
    assert "SIMULATED data, not measured ones." in text
    assert "A new evaluation of tiny-run on the data of its recipe. Nothing was trained for it" in text
    assert "zoo eval" in text
    assert "16 items." in path.read_text()
    assert "Training" not in re.findall(r"<h2[^>]*>(.*?)</h2>", path.read_text())
    (found,) = material.read_all(path.parent / evaluated.FIGURES)
    asked = next(part for section in found.sections for part in section.parts if part.key == "asked")
    assert dict(asked.table.rows) == {"train": "40", "outputs": "16", "steps": "0"}


def test_an_evaluation_with_overrides_names_them_and_takes_the_given_folder(
    showing, tiny_run, zoo, tmp_path, monkeypatch
):
    code, out, err = zoo("eval", tiny_run, "--set", "data.seed=3", "--out", tmp_path / "other", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["page"] == str(tmp_path / "other" / "report.html")
    assert "A new evaluation of tiny-run with data.seed=3." in words(tmp_path / "other" / "report.html")
    assert not runs_folder().exists()
    code, _, err = zoo("eval", tiny_run, "--out", tmp_path / "none", "--no-report")
    assert (code, "the task tiny-regress writes no files; leave it out" in err) == (2, True)


def test_the_page_of_an_evaluation_tells_the_new_scores_and_not_those_of_the_run(showing, tiny_run, zoo):
    code, out, err = zoo("eval", tiny_run, "--set", "data.seed=3", "--format", "json")
    assert code == 0, err
    found, then = json.loads(out), json.loads((tiny_run / "metrics.json").read_text())
    text = words(Path(found["page"]))
    assert f"r2 {found['scores']['r2']['mean']:.3f}" in text
    assert f"r2 {then['scores']['r2']['mean']:.3f}" not in text


@pytest.mark.parametrize("how", ["option", "environment"])
def test_no_page_of_an_evaluation_where_none_is_wanted(showing, tiny_run, zoo, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv("ZOO_REPORT", "off")
    code, out, _ = zoo("eval", tiny_run, *(["--no-report"] if how == "option" else []))
    assert code == 0
    assert "page:" not in out
    assert not runs_folder().exists()


def test_a_page_that_cannot_be_written_is_a_note_and_the_scores_are_there(showing, tiny_run, zoo, tmp_path):
    (tmp_path / "runs").write_text("a file where the folder belongs")
    code, out, err = zoo("eval", tiny_run)
    assert code == 0, err
    assert "r2" in out
    assert "note: no figures: " in out
    assert "note: no page: " in out
    assert "page: " not in out.replace("no page: ", "")


def test_a_task_that_shows_nothing_has_a_page_of_scores(tiny, tiny_run, zoo, monkeypatch):
    monkeypatch.delenv("ZOO_REPORT")
    code, out, err = zoo("eval", tiny_run)
    assert code == 0, err
    assert "There are no figures of its predictions" in words(page_of(out))
    code, _, err = zoo("report", tiny_run, "--draw")
    assert code == 2
    assert "--draw: the task tiny-regress shows no figures; leave it out" in err


def test_a_package_is_evaluated_without_a_file_being_added_to_it(showing, tiny_package, zoo):
    before = files(tiny_package)
    code, out, err = zoo("eval", tiny_package)
    assert code == 0, err
    assert page_of(out).is_file()
    assert files(tiny_package) == before


def test_the_model_of_one_member_has_a_page_too(showing, tiny_run, zoo):
    code, out, err = zoo("eval", tiny_run / "model" / "holdout-seed0")
    assert code == 0, err
    assert "A new evaluation of holdout-seed0" in words(page_of(out))


def test_figures_of_the_first_seed_are_drawn_of_each_fold_and_of_all_groups(pooled_run, zoo):
    code, out, err = zoo("eval", pooled_run)
    assert code == 0, err
    drawn = material.read_all(page_of(out).parent / evaluated.FIGURES)
    assert [one.name for one in drawn] == ["all", "fold0-seed3", "fold1-seed3"]
    assert [one.problem for one in drawn] == ["", "", ""]
    assert len(drawn[0].sections[0].parts[1].table.rows) == 64


def test_figures_drawn_again_are_those_of_the_run_and_replace_what_was_there(pooled_run, zoo):
    stale = pooled_run / "report" / "fold9-seed9" / "parts.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    code, out, err = zoo("report", pooled_run, "--draw")
    assert code == 0, err
    assert page_of(out) == pooled_run / "report.html"
    drawn = material.read_all(pooled_run / "report")
    assert [one.name for one in drawn] == ["all", "fold0-seed3", "fold1-seed3"]
    assert not [path for path in pooled_run.iterdir() if path.name.startswith(".report")]


def test_data_that_are_not_there_cost_a_sentence_and_nothing_else(showing, tiny_run, zoo, monkeypatch):
    zoo("report", tiny_run, "--draw")
    before = files(tiny_run)

    def lost(self, items):
        raise DataError("/data/gone: there is no such folder")

    monkeypatch.setattr(showing.TinyGroups, "batch", lost)
    code, _, err = zoo("report", tiny_run, "--draw")
    assert code == DataError.exit_code
    assert len(err.splitlines()) == 1
    assert "its test groups cannot be predicted again (/data/gone: there is no such folder)" in err
    assert "say where they are with --set data.root=PATH, or leave out --draw" in err
    assert files(tiny_run) == before


def test_figures_of_a_run_are_never_drawn_of_other_groups(showing, tiny_run, tmp_path, monkeypatch):
    names = {"plate": [f"h{i % 8}" for i in range(64)]}
    monkeypatch.setattr(showing.TinyGroups, "groups", property(lambda _: names))
    with pytest.raises(DataError, match="the data hold no plate that the model has not seen"):
        redraw(tiny_run, [], "cpu", tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_a_picture_that_breaks_is_told_on_the_page(showing, tiny_run, zoo, monkeypatch):
    def broken(self, predicted, truth, **asked):
        yield Section("fit", "Fit", [Listing("items", "Items", Table(["a"], [[1]]))])
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr(showing.TinyRegress, "report", broken)
    code, out, err = zoo("report", tiny_run, "--draw")
    assert code == 0, err
    assert "Not everything could be drawn: ZeroDivisionError: nothing to divide by" in words(page_of(out))


def test_the_figures_of_a_package_stand_on_its_page_and_nowhere_else(showing, tiny_package, zoo, tmp_path):
    before = files(tiny_package)
    code, out, err = zoo("report", tiny_package, "--draw", "--out", tmp_path / "page.html")
    assert code == 0, err
    assert page_of(out) == tmp_path / "page.html"
    assert "16 items." in (tmp_path / "page.html").read_text()
    assert files(tiny_package) == before


def test_options_that_make_no_sense_are_refused_with_the_way_out(showing, tiny_run, zoo):
    code, _, err = zoo("report", tiny_run, "--out", "page.pdf")
    assert (code, "a page is a file that ends in .html; say page.pdf/report.html" in err) == (2, True)
    code, _, err = zoo("report", tiny_run, "--set", "data.seed=3")
    assert (code, "say --draw too, or zoo eval for other data" in err) == (2, True)
    code, _, err = zoo("report", "no-such-run", "--draw")
    assert code != 0


def test_names_with_markup_in_them_come_out_as_text(showing, tiny_run, zoo, monkeypatch):
    names = {"plate": [f"<b>g{i % 8}</b> & 'co'" for i in range(64)]}
    monkeypatch.setattr(showing.TinyGroups, "groups", property(lambda _: names))
    config = tiny_run / "model" / "holdout-seed0" / "config.json"
    told = json.loads(config.read_text())
    for side in ("train", "val", "test"):
        told["fold"][side] = [f"<b>{group}</b> & 'co'" for group in told["fold"][side]]
    config.write_text(json.dumps(told))
    code, out, err = zoo("eval", tiny_run)
    assert code == 0, err
    text = page_of(out).read_text()
    assert "<b>g6" not in text
    assert "&lt;b&gt;g6" in text


def test_scores_without_a_value_are_told_as_such(showing, tiny_run, zoo, monkeypatch):
    monkeypatch.setattr(showing.TinyRegress, "score", lambda *_: ({"r2": np.nan, "mse": np.nan}, {"items": 1.0}))
    code, out, err = zoo("eval", tiny_run)
    assert code == 0, err
    assert "r2 no value" in words(page_of(out))
