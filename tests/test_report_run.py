"""The page of a run: its verdict, its data, how it was trained, how to make it again."""

import json
from typing import ClassVar

import pytest
import report_folders
from report_folders import Made, change, get, put, shown

import zoo as face
from zoo.figures.parts import Section
from zoo.report import (
    cautions,
    census,
    chapters,
    data_chapter,
    facts,
    judgement,
    material,
    recipe_chapter,
    scores_chapter,
    training_chapter,
    trainings,
)
from zoo.splits import Split


@pytest.fixture(scope="session")
def sure(tmp_path_factory):
    """A run whose model is far above its floor in six donors."""
    return Made().write(tmp_path_factory.mktemp("page") / "run")


@pytest.fixture
def undrawn(monkeypatch):
    """Let figures be made and not drawn, which is what takes time."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"></svg>'
    monkeypatch.setattr("zoo.figures.svg.drawn", lambda drawing, key: empty)


def page_of(folder):
    return chapters.of_run(facts.read(folder))


def listing(sections, key):
    """Return the table of a listing as dicts."""
    (found,) = [part for section in sections for part in section.parts if part.key == key]
    return [dict(zip(found.table.columns, row, strict=True)) for row in found.table.rows]


def said(folder):
    found = facts.read(folder)
    return " ".join(cautions.of(found, material.read_all(folder / "report")))


def test_the_verdict_tells_what_was_tested_how_well_and_under_which_protocol(sure, undrawn):
    verdict = page_of(sure).verdict
    assert verdict.clears == "yes"
    what, score, protocol = verdict.lines
    assert "Recipe made-up" in what
    assert "tested on 6 donors that it was not trained on (D1, D2, D3, D4, D5, D6); 1 fold, 2 seeds" in what
    assert "the best floor, flat, reaches 0.300" in score
    assert score.endswith("it beats its best floor.")
    assert protocol.startswith("Strict protocol")
    assert {row[1] for row in verdict.picture.table.rows} == {"the model", "floor: flat"}


@pytest.mark.parametrize(
    ("better", "spread", "clears", "words"),
    [
        (-0.1, 0.02, "no", "it does not beat its best floor"),
        (0.02, 0.3, "unknown", "is not settled"),
    ],
)
def test_a_model_that_is_not_surely_better_is_not_called_so(tmp_path, better, spread, clears, words):
    found = facts.read(Made(better=better, spread=spread).write(tmp_path / "run"))
    assert judgement.clears(found, "r2") == clears
    assert words in judgement.how_well(found, "r2")


def test_one_test_group_gives_no_interval_and_no_verdict(tmp_path):
    folder = Made(groups=["D1"]).write(tmp_path / "run")
    assert judgement.clears(facts.read(folder), "r2") == "unknown"
    assert "(no interval)" in judgement.how_well(facts.read(folder), "r2")
    assert "Tested on a single donor: no interval can be given" in said(folder)


def test_simulated_data_are_called_so_before_anything_else_is_said(tmp_path):
    folder = Made(kind="simulated").write(tmp_path / "run")
    assert judgement.what_was_done(facts.read(folder)).startswith("SIMULATED data, not measured ones. Recipe made-up")
    assert "nothing of real samples" in said(folder)


def test_the_published_protocol_is_said_to_flatter_and_copies_on_two_sides_are_counted(tmp_path):
    folder = Made(protocol="published").write(tmp_path / "run")
    copies = {"holdout": {"train and test": {"count": 7, "first": ["img1", "img2"]}}}
    change(folder / "data.json", copies=copies)
    found = facts.read(folder)
    assert "Its scores flatter" in page_lines(found)[2]
    assert "Copies of one original stand on two sides (originals: 7 in train and test)" in said(folder)
    assert "Copies on two sides: 7 originals in train and test, img1, img2 among them." in data_chapter.apart(found)
    assert "was not trained on, copies of some of which it was" in judgement.what_was_done(found)
    fitted = listing(data_chapter.of(found), "data-fitted-table")
    assert {row["fitted on"] for row in fitted if row["what"] != "floors"} == {
        "all donors, those of the test among them"
    }


def page_lines(found):
    return [judgement.what_was_done(found), judgement.how_well(found, "r2"), judgement.PROTOCOLS[found.protocol]]


def test_that_no_group_stands_on_two_sides_is_counted_and_not_taken_for_granted(tmp_path):
    folder = Made(folds=3).write(tmp_path / "run")
    found = facts.read(folder)
    assert "no donor stands on two sides in any of the 3 folds. Each donor is tested" in data_chapter.apart(found)
    rows = listing(data_chapter.of(found), "data-groups-table")
    assert rows[0] == {"donor": "D2", "items": 12, "fold0": "train", "fold1": "test", "fold2": "train"}
    folds = get(folder / "splits.json")
    put(folder / "splits.json", [{**folds[0], "train": [*folds[0]["train"], "D1"]}, *folds[1:]])
    found = facts.read(folder)
    assert "donors stand on two sides in 1 of 3 folds, in fold0 1 donor, D1 (train and test)." in data_chapter.apart(
        found
    )
    assert "D1 stand in both train and test" in said(folder)
    assert "not trained on" not in judgement.what_was_done(found)


def test_validation_on_the_test_groups_is_told(tmp_path):
    folder = Made().write(tmp_path / "run")
    (fold,) = get(folder / "splits.json")
    put(folder / "splits.json", [{**fold, "val": fold["test"]}])
    assert "The validation groups are the test groups" in said(folder)


FALLING = [2.0 - 0.09 * n for n in range(20)]
FLAT = [2.0, *[1.0] * 19]


@pytest.mark.parametrize(
    ("losses", "val_losses", "early_stop", "rate", "words"),
    [
        (FALLING, None, "null", 1e-3, "not converged: the loss still fell by"),
        (FLAT, FALLING, "null", 1e-3, "not converged: the validation loss still fell by"),
        (FLAT, [2 - 0.001 * n for n in range(20)], "null", 1e-3, "not converged: the best epoch was the last one"),
        (FLAT, [2 - 0.001 * n for n in range(20)], "null", None, ""),  # the learning rate ran down
        (FLAT, [1.0, 0.5, *[0.9] * 18], "null", None, "overfitted: the validation loss was lowest in epoch 2"),
        (FLAT, [1.0, 0.5, *[0.9] * 18], "{metric: loss, patience: 30}", None, ""),  # the best weights were kept
        (FLAT, None, "null", 1e-3, ""),
        ([2.0, 1.0], None, "null", 1e-3, ""),  # too short to tell
    ],
)
def test_a_training_that_had_not_converged_or_was_overfitted_is_told_of(losses, val_losses, early_stop, rate, words):
    rule = None if early_stop == "null" else {"metric": "loss", "patience": 30}
    lines = [{"epoch": n, "loss": loss, "lr": {"net": rate or 0.5**n}} for n, loss in enumerate(losses)]
    for line, value in zip(lines, val_losses or (), strict=False):
        line["val_loss"] = value
    found = trainings.Training("a", "a", "", lines, rule).trouble({})
    assert found.startswith(words) if words else found == ""


def test_the_best_epoch_follows_the_recipes_rule_and_the_way_that_each_score_goes(sure):
    lines = [{"epoch": n, "val_loss": 1.0, "val_mse": value, "val_r2": -value} for n, value in enumerate([3, 1, 2])]
    ways = trainings.directions(facts.read(sure))
    assert ways == {"r2": True, "mse": False}
    for metric, best in (("mse", 2), ("r2", 2), ("loss", 1)):
        assert trainings.Training("a", "a", "", lines, {"metric": metric}).best(ways) == best
    assert trainings.Training("a", "a", "", lines, {"metric": "r2"}).best({}) is None


def test_trainings_of_stages_and_of_an_ensembles_members_are_told_apart_by_part(tmp_path):
    folder = Made().write(tmp_path / "run")
    names = ["holdout-seed0-mil", "holdout-seed0-refine+round1-bags", "holdout-seed1-m2", "elsewhere"]
    lines = [json.dumps({"member": name, "epoch": 0, "loss": 1.0}) for name in names]
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    stages = "stages: [{name: refine, bag_train: {epochs: 3, early_stop: {metric: mse}}, instance_train: {epochs: 2}}]"
    recipe = (folder / "recipe.yaml").read_text()
    (folder / "recipe.yaml").write_text(f"{recipe}{stages}\n")
    found = trainings.of(facts.read(folder))
    assert [(one.member, one.part) for one in found] == [
        ("holdout-seed0", "mil"),
        ("holdout-seed0", "refine+round1-bags"),
        ("holdout-seed1", "m2"),
        ("elsewhere", ""),
    ]
    assert [one.rule for one in found] == [None, {"metric": "mse"}, None, None]


def test_scores_stand_beside_their_floors_and_are_those_of_the_file(sure):
    metrics, sections = get(sure / "metrics.json"), scores_chapter.of(facts.read(sure))
    row = listing(sections, "scores-table")[0]
    assert row["model"] == metrics["scores"]["r2"]["mean"]
    assert [row["95% from"], row["95% to"]] == metrics["scores"]["r2"]["interval"]
    assert row["floor: flat"] == 0.3
    assert row["above best floor"] == metrics["above_floor"]["r2"]["mean"]
    assert listing(sections, "scores-meaning")[1] == {
        "score": "mse",
        "better is": "lower",
        "meaning": "mean squared error",
    }
    groups = listing(sections, "scores-groups-table")
    assert len(groups) == 12
    assert all(row["above best floor"] > 0 for row in groups)
    assert listing(sections, "scores-counts-table")[0] == {"donor": "D1", "spots": 12}
    assert len(listing(sections, "scores-members-table")) == 2


def test_classes_are_counted_by_side_and_rare_ones_are_named(tmp_path):
    found = facts.read(Made().write(tmp_path / "run"))
    rows = listing(data_chapter.of(found), "data-classes-table")
    assert rows[1] == {"class": "well", "items": 12, "train": 8, "train donors": 2, "test": 4, "test donors": 1}
    (section,) = [section for section in data_chapter.of(found) if section.key == "data-classes"]
    assert "Tested on fewer than two donors: well." in section.words


def test_the_command_is_that_of_the_recipe_and_safe_to_paste(sure):
    found = facts.read(sure)
    assert recipe_chapter.command(found) == (
        "zoo train 'recipes/made up.yaml' \\\n  --set train.epochs=20 \\\n  --set 'data.root=/some where/$HOME'"
    )
    rows = {row["setting"]: row for row in listing(recipe_chapter.of(found), "again-values")}
    assert rows["train.epochs"] == {"setting": "train.epochs", "value": "20", "from": "--set"}
    assert rows["train.seeds"]["value"] == "[0, 1]"
    assert rows["encoder.use"]["from"] == "default of zoo"


def test_a_long_log_is_thinned_and_keeps_its_ends(tmp_path):
    folder = Made(losses=[1 / (1 + n) for n in range(900)], seeds=(0,)).write(tmp_path / "run")
    sections = training_chapter.of(facts.read(folder))
    (loss,) = [part for section in sections for part in section.parts if part.key == "training-loss"]
    epochs = [row[2] for row in loss.numbers.rows]
    assert len(epochs) == training_chapter.POINTS
    assert (epochs[0], epochs[-1]) == (1, 900)


def test_members_come_first_and_the_first_of_them_is_open(tmp_path, undrawn):
    folder = Made(folds=3, seeds=(0,)).write(tmp_path / "run")
    for n in (0, 1):
        fold = get(folder / "splits.json")[n]
        shown(folder, f"fold{n}-seed0", seed=0, fold=fold)
    shown(folder, "all", seed=0)
    page = page_of(folder)
    assert [chapter.title for chapter in page.chapters] == [
        "All test donor groups together, seed 0",
        "Fold 1, seed 0: tested on D1, D4",
        "Fold 2, seed 0: tested on D2, D5",
        "Scores",
        "Data",
        "Training",
        "How to make it again",
    ]
    assert [chapter.open for chapter in page.chapters[:3]] == [True, False, False]
    figure, listed, code = page.chapters[0].sections[0].parts
    assert (figure.alt, figure.caption, listed.sort, code.text) == ("A line from 0 to 1.", "Read it so.", "-x", "<b>")


def test_without_figures_the_page_says_how_to_draw_them(sure, undrawn):
    (results,) = [chapter for chapter in page_of(sure).chapters if chapter.key == "results"]
    assert "zoo report RUN --draw" in results.words


def test_a_figure_that_could_not_be_drawn_is_told_of_in_its_chapter_and_in_the_verdict(tmp_path, undrawn):
    folder = Made().write(tmp_path / "run")
    change(shown(folder) / "parts.json", problem="ValueError: no bags")
    page = page_of(folder)
    assert "Not everything could be drawn: ValueError: no bags" in page.chapters[0].words
    assert any("ValueError: no bags" in warning for warning in page.verdict.warnings)


def test_a_figure_that_fails_costs_its_neighbours_nothing_and_a_task_that_fails_keeps_what_it_gave(tmp_path):
    def line():
        drawing = report_folders.style.figure(2, 2)
        drawing.subplots().plot([0, 1])
        return drawing

    def sections():
        broken = report_folders.Figure("broken", "Broken", "Nothing.", object())
        yield Section("one", "One", [broken, report_folders.Figure("line", "A line", "A line.", line())])
        yield Section("two", "Two", [report_folders.Figure("other", "Another", "A line.", line())])
        raise ValueError("no bags")

    found = material.read(material.write(tmp_path / "m", sections(), {}))
    assert [[part.key for part in section.parts] for section in found.sections] == [["line"], ["other"]]
    assert found.problem.startswith("Broken: AttributeError")
    assert found.problem.endswith("; ValueError: no bags")


def test_a_section_is_drawn_in_memory_as_it_is_into_a_folder(tmp_path):
    drawing = report_folders.style.figure(2, 2)
    drawing.subplots().plot([0, 1])
    figure = report_folders.Figure("line", "A line", "A line.", drawing)
    kept = material.kept(Section("one", "One", [figure]), "first-")
    material.write(tmp_path / "m", [Section("one", "One", [figure])], {})
    (read,) = material.read(tmp_path / "m").sections
    assert (kept.key, kept.parts[0].key) == ("first-one", "first-line")
    assert "<svg" in kept.parts[0].svg
    assert kept.parts[0].alt == read.parts[0].alt


def test_a_census_counts_groups_classes_other_units_and_copies():
    class Data:
        groups: ClassVar = {"well": ["A", "A", "B", "B"], "plate": ["P1", "P1", "P1", "P2"]}
        identity = ("i1", "i2", "i1", "i3")
        notes = ("two wells",)
        provenance: ClassVar = {"kind": "real"}

        def __len__(self):
            return 4

    fold = Split("holdout", "well", ("A",), (), ("B",))
    found = census.of(Data(), [fold], ["x", "y", "", "x"])
    assert found["groups"] == {"A": 2, "B": 2}
    assert found["classes"] == {"x": {"A": 1, "B": 1}, "y": {"A": 1}}
    assert found["units"] == {"plate": {"A": 1, "B": 2}}
    assert found["copies"] == {"holdout": {"train and test": {"count": 1, "first": ["i1"]}}}
    assert (found["notes"], found["provenance"]) == (["two wells"], [{"kind": "real"}])


def test_a_training_writes_its_page_with_what_its_log_and_its_data_held(tiny, tmp_path, monkeypatch):
    monkeypatch.delenv("ZOO_REPORT")
    run, _ = face.train(tiny, [], out=tmp_path / "run", device="cpu")
    text = run.page_path.read_text()
    for words in (
        "SIMULATED data",
        "highest rate",
        "tiny.yaml",
        "no plate stands on two sides",
        "share of the variance",
    ):
        assert words in text
    assert get(run.folder / "data.json")["groups"]["g7"] == 8
    assert all(line["resident_mb"] > 10 for line in run.records())
    assert len(text) < 1_000_000
