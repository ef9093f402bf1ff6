"""The page of a comparison: which run is better, by how much, and what makes it unfair; read from its text."""

import json
import re
import shutil
from pathlib import Path

import pytest

import zoo as face
from zoo.compare import compare
from zoo.errors import UsageError
from zoo.figures import svg
from zoo.folders import runs_folder
from zoo.report import comparison, versus, where

TINY = Path(__file__).parent / "tiny_plugin"
FOLDS = "data.split={unit: plate, scheme: k-fold, folds: 2, test: null, val: null}"


@pytest.fixture(scope="session")
def _pair(tmp_path_factory):
    """Train two runs of the tests' recipe that differ in what they learn."""
    place = tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TINY))
        patch.setenv("ZOO_REPORT", "off")
        for name, epochs in {"short": 1, "long": 4}.items():
            how = [FOLDS, "train.lr=0.05", f"train.epochs={epochs}"]
            face.train(TINY.parent / "recipes" / "tiny.yaml", how, out=place / name, device="cpu")
    return place


@pytest.fixture
def drawn(tiny, _pair, tmp_path):
    """Return the folders of two runs, copies of their own."""
    return [str(shutil.copytree(_pair / name, tmp_path / name)) for name in ("short", "long")]


@pytest.fixture
def pair(drawn, monkeypatch):
    """Return the folders of two runs, with an empty drawing in the place of every figure of their page."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9 "/>'
    monkeypatch.setattr(svg, "drawn", lambda drawing, key: empty)
    return drawn


def words(page):
    """Return the text of a page, without its script, style and drawings."""
    for tag in ("script", "style", "svg"):
        page = re.sub(rf"<{tag}\b.*?</{tag}>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_comparison_ends_with_a_page_that_says_who_is_better_and_by_how_much(drawn, zoo, monkeypatch):
    pair = drawn
    monkeypatch.delenv("ZOO_REPORT")
    code, out, err = zoo("compare", *pair)
    assert code == 0, err
    path = Path(out.splitlines()[-1].removeprefix("page: "))
    assert path.parent.parent == runs_folder()
    assert path.parent.name.startswith("compare-")
    text, found = words(path.read_text()), compare(pair)
    pair_of = next(pair for pair in found["differences"] if pair["score"] == "r2")
    assert "SIMULATED data, not measured ones. 2 runs compared over 8 plates" in text
    assert f"{abs(pair_of['mean']):.3f} better than" in text
    for note in found["notes"]:
        assert note[:40] in path.read_text().replace("&#39;", "'").replace("&#34;", '"')


def test_no_page_is_written_where_none_is_wanted(pair, zoo, monkeypatch):
    code, out, _ = zoo("compare", *pair)
    assert (code, "page:" in out) == (0, False), "ZOO_REPORT=off"
    monkeypatch.delenv("ZOO_REPORT")
    code, out, _ = zoo("compare", *pair, "--no-report", "--format", "json")
    assert (code, "page" in json.loads(out)) == (0, False)
    assert not runs_folder().exists()


def test_a_page_that_was_named_is_written_there_and_has_to_be_html(pair, zoo, tmp_path):
    code, out, err = zoo("compare", *pair, "--page", tmp_path / "both.html", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["page"] == str(tmp_path / "both.html")
    assert (tmp_path / "both.html").read_text().startswith("<!doctype html>")
    code, _, err = zoo("compare", *pair, "--page", tmp_path / "both.pdf")
    assert code == 2
    assert f"a page is a file that ends in .html; say {tmp_path / 'both.pdf' / 'report.html'}" in err


def test_a_page_that_cannot_be_written_is_a_note_beside_the_table(pair, zoo, monkeypatch, tmp_path):
    monkeypatch.delenv("ZOO_REPORT")
    (tmp_path / "runs").write_text("a file where the folder belongs")
    code, out, err = zoo("compare", *pair)
    assert code == 0
    assert "r2" in out
    assert "page:" not in out
    assert "note: no page: " in err


def test_settings_that_differ_stand_side_by_side_and_names_are_not(pair):
    page = comparison.of(compare(pair))
    (section,) = next(chapter for chapter in page.chapters if chapter.key == "recipes").sections
    rows = section.parts[0].table.rows
    assert [row[0] for row in rows] == ["train.epochs"]
    assert rows[0][1:] == ["1", "4"]


def test_two_runs_of_the_same_settings_are_told_that_nothing_differs(pair):
    shutil.rmtree(pair[1])
    shutil.copytree(pair[0], pair[1])
    found = compare(pair)
    page = comparison.of(found)
    assert any("nothing" in part.title.lower() for c in page.chapters for s in c.sections for part in s.parts)
    assert "level with" in " ".join(page.verdict.lines)


def changed(found, **values):
    """Return a comparison in which the difference in the main score is another."""
    pairs = [{**pair, **values} if pair["score"] == "r2" else pair for pair in found["differences"]]
    return {**found, "differences": pairs}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mean": 0.2, "interval": [0.1, 0.3]}, "is 0.200 better than"),
        ({"mean": -0.2, "interval": [-0.3, -0.1]}, "is 0.200 worse than"),
        ({"mean": 0.2, "interval": [-0.1, 0.3]}, "they cannot be told apart"),
        ({"mean": 0.2, "interval": None}, "nobody can say whether that is chance"),
        ({"mean": None, "interval": None}, "cannot be compared, because one has no value"),
    ],
)
def test_the_verdict_says_of_each_kind_of_difference_what_follows_from_it(pair, values, said):
    page = comparison.of(changed(compare(pair), **values))
    assert said in page.verdict.lines[1]


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ((0.1, 0.2), "Each of them is above its best floor in r2"),
        ((-0.1, 0.0), "None of them beats its best floor in r2: a trivial rival does as well."),
        ((-0.1, 0.2), "Not better than the best floor in r2: "),
        ((None, 0.2), "Without a floor to hold it against: "),
    ],
)
def test_the_verdict_says_who_does_not_beat_a_trivial_rival(pair, margins, said):
    found = compare(pair)
    for run, mean in zip(found["runs"], margins, strict=True):
        run["above_floor"]["r2"]["mean"] = mean
    assert said in comparison.of(found).verdict.lines[-1]


def test_names_with_markup_in_them_come_out_as_text(pair, tmp_path):
    found = compare(pair)
    name = "<b>long</b> & 'co' $x$ \"quoted\""
    text = json.dumps(found).replace(json.dumps(found["runs"][1]["run"])[1:-1], json.dumps(name)[1:-1])
    page = comparison.write(json.loads(text), tmp_path / "page.html").read_text()
    assert "<b>long" not in page
    assert "&lt;b&gt;long" in page


def test_nothing_is_drawn_of_what_has_no_value(pair):
    found = compare(pair)
    empty = json.loads(json.dumps(found))
    for run in empty["runs"]:
        for score in run["scores"].values():
            score.update(mean=None, interval=None, by_group=dict.fromkeys(empty["groups"]))
        for margin in run["above_floor"].values():
            margin.update(mean=None, interval=None)
    for one in empty["differences"]:
        one.update(mean=None, interval=None, better_groups=None)
    assert versus.forest(empty, ["r2", "mse"], "x") is None
    assert versus.scores(empty, "x") is None
    assert versus.by_group(empty, "r2", "x") is None
    assert comparison.of(empty).verdict.picture is None


def test_the_figures_say_in_words_and_numbers_what_they_draw(pair):
    found = compare(pair)
    figure = versus.forest(found, ["r2", "mse"], "x")
    drawn = {(row[0], row[1]): row[2] for row in figure.numbers.rows}
    for one in found["differences"]:
        assert drawn[one["score"], one["run"]] == one["mean"]
        assert f"{one['mean']:+.3f}" in figure.alt
    groups = versus.by_group(found, "r2", "x")
    assert len(groups.numbers.rows) == 8
    assert "8 plates" in groups.alt


def test_a_folder_for_a_page_is_never_one_that_is_there():
    first = where.new_folder("compare")
    first.mkdir(parents=True)
    assert where.new_folder("compare") != first


def test_a_folder_is_no_page(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.html"):
        where.checked(tmp_path)
