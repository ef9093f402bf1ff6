"""What a page shows of fields and their cells: which fields, how they are drawn, what is listed, and odd data."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cells.bags_of_cells import Bags
from zoo.figures.parts import Look
from zoo.report import material
from zoo_cells.outputs import (
    report_fields,
    report_gallery,
    report_locations,
    report_outlines,
    report_rounds,
    report_tables,
)
from zoo_cells.outputs.cell_tables import Judged
from zoo_cells.tasks.cells import Cells

ODD = ['<b>"Nucleo" & $x$</b>', "Cytosol 'grün'\x07", "Negative " * 9]


def judged_of(dataset, *, brief=False, seed=0, noise=1.0):
    """Return what a model that knows a little says of all fields."""
    rng, task = np.random.default_rng(seed), Cells(num_classes=3)
    attention = [part / part.sum() for part in (rng.random(size) + 0.05 for size in dataset.sizes)]
    signs = [2.0 * one - 1 for one in (np.maximum(dataset.label_sets, 0), np.concatenate(dataset.cells))]
    outputs = {
        "bag": 2 * signs[0] + rng.normal(scale=noise, size=signs[0].shape),
        "instance": 2 * signs[1] + rng.normal(scale=noise, size=signs[1].shape),
        "attention": np.concatenate(attention),
        "size": np.array(dataset.sizes),
    }
    items = np.arange(len(dataset))
    found = task.predict(outputs, {}), task.truth(dataset, items)
    found = task.brief(*found) if brief else found
    return Judged(*found, dataset, items, list(dataset.groups["antibody"]))


def report(judged, steps=()):
    """Return the sections that the task gives; without steps as where no model is at hand."""
    look = Look(lambda *_: None, lambda *_: {}, np.arange(1), steps=steps) if steps is not None else None
    task = Cells(num_classes=len(judged.classes))
    given = {"dataset": judged.dataset, "items": judged.items, "groups": judged.groups, "look": look}
    return task.report(judged.predicted, judged.truth, **given)


def given(judged, steps=()):
    """Return the parts that the task gives by key."""
    return {part.key: part for section in report(judged, steps) for part in section.parts}


def drawn(judged, folder, steps=()):
    """Draw all that the task gives, and return its parts by key as a page reads them."""
    kept = material.read(material.write(folder, report(judged, steps), {}))
    assert not kept.problem
    return {part.key: part for section in kept.sections for part in section.parts}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what was predicted of twelve fields, and the folder of what is shown of it."""
    judged, folder = judged_of(Bags(), noise=2.0), tmp_path_factory.mktemp("page")
    return judged, drawn(judged, folder, [{"name": "refine", "summary": {"rounds": ROUNDS}}]), folder


def round_of(number, chosen, after, **more):
    counts = {"inherited": [8, 4, 2], "chosen": chosen, "unknown": [1, 1, 0], "changed": [2, 1, 3], "added": [0, 0, 3]}
    counts["dropped"] = [8 - chosen[0] - 1, 4 - chosen[1] - 1, 2 - chosen[2]]
    return {
        "round": number,
        "instances": 20,
        **{name: sum(values) for name, values in counts.items()},
        "metric": "image_map",
        "kept": after > 0.5,
        "before": {"image_map": 0.5, "cell_map": None},
        "after": {"image_map": after, "cell_map": None},
        "classes": ["Nucleoplasm", "Cytosol", "Negative"],
        "by_class": counts,
        **more,
    }


ROUNDS = [round_of(1, [6, 2, 2], 0.7), round_of(2, [5, 3, 2], 0.4)]


def test_a_page_has_fields_galleries_locations_rounds_and_tables(whole):
    assert list(whole[1]) == [
        *(f"field-{n}" for n in range(1, 6)),
        "gallery-1",
        *("precision", "thresholds", "by-location"),
        *("rounds-history", "rounds-locations", "rounds", "rounds-by-location"),
        *("all-images", "all-cells"),
    ]
    told = json.loads((whole[2] / "parts.json").read_text())["sections"]
    assert all(section["words"].startswith("The fields are SIMULATED") for section in (told[0], told[2]))
    cards = [part["key"] for section in told for part in section["parts"] if part.get("png")]
    assert cards == ["field-1", "precision"]


def test_the_fields_are_those_that_went_best_and_worst_and_one_that_is_called_wrongly():
    judged = judged_of(Bags(), noise=2.0)
    chosen = report_fields.chosen_fields(judged)
    label, said = judged.truth["label"] > 0, judged.predicted["probability"]
    own = (said * label).sum(axis=1) / label.sum(axis=1)
    places = list(chosen)
    assert places[0] == own.argmax()
    assert places[2] == own.argmin()
    assert len(places) == len(set(places)) == 5
    false = np.where(label, 0, said).max(axis=1)
    assert false[places[4]] == max(false[n] for n in range(12) if n not in places[:4]) > 0.5
    assert "does not have" in chosen[places[4]]


def test_each_cell_has_the_colour_and_the_number_of_its_most_probable_location(whole):
    judged = whole[0]
    figure = next(report_fields.figures(judged))
    place = next(iter(report_fields.chosen_fields(judged)))
    inside = judged.cells["item"] == place
    most = judged.predicted["cell"][inside].argmax(axis=1)
    assert [row[3] for row in figure.numbers.rows] == [judged.classes[k] for k in most]
    legend = dict(text.get_text().split("  ") for text in figure.drawing.legends[0].get_texts())
    first, true, attention, _ = figure.drawing.axes
    assert [legend[text.get_text()] for text in first.texts] == [judged.classes[k] for k in most]
    edges = [to_hex(colour) for colour in first.collections[0].get_edgecolor()]
    assert edges == [report_fields.COLOURS[int(text.get_text()) - 1] for text in first.texts]
    assert [axes.get_title() for axes in (first, true, attention)] == [
        *("most probable location", "true location", "attention")
    ]
    assert f"A field of {inside.sum()} cells with their outlines." in figure.alt


def test_an_outline_lies_just_within_its_cell():
    y, x = np.mgrid[:60, :60]
    mask = np.where(np.hypot(y - 30, x - 20) < 15, 7, 0).astype(np.int32)
    mask[:, 50:] = 9
    boxes = np.array([[7, 15, 5, 45, 35], [9, 0, 50, 60, 60], [3, 0, 0, 0, 0]])
    found = report_outlines.outlines_of(mask, boxes)
    assert set(found) == {7, 9}
    distance = np.hypot(found[7][:, 0] - 20, found[7][:, 1] - 30)
    assert 12.5 < distance.min() <= distance.max() < 15
    assert found[9][:, 0].min() > 49.5


def test_a_gallery_shows_the_surest_cells_and_whether_they_show_the_location(whole):
    judged, parts, _ = whole
    table = parts["gallery-1"].table
    assert [row[0] for row in table.rows[:8]] == ["Cytosol"] * 8
    surest = np.sort(judged.predicted["cell"][:, 1])[::-1][:8]
    assert [float(row[4]) for row in table.rows[:8]] == pytest.approx(surest, abs=1e-5)
    true = sum(row[5] == "true" for row in table.rows[:8])
    known = sum(row[5] != "not known" for row in table.rows[:8])
    assert f"Cytosol {true} of {known}" in parts["gallery-1"].alt
    assert [report_gallery.FRAMES[one][1] for one in (True, False, None)] == ["-", "--", ":"]


def test_locations_are_listed_with_their_scores_and_the_share_that_chance_reaches(whole):
    judged, parts, _ = whole
    columns = parts["precision"].table.columns
    assert columns == ["location", "fields", "image_ap", "image_share", "cell_ap", "cell_share"]
    rows = {row[0]: dict(zip(columns, row, strict=True)) for row in parts["precision"].table.rows}
    assert float(rows["Cytosol"]["image_share"]) == pytest.approx((judged.truth["label"][:, 1] > 0).mean(), abs=1e-5)
    listed = {row[0]: row for row in parts["by-location"].table.rows}
    assert rows["Cytosol"]["image_ap"] == listed["Cytosol"][2]


def test_rounds_of_labels_are_told_as_they_went(whole):
    parts = whole[1]
    assert parts["rounds-history"].table.rows[1][:4] == ["round 1", "14", "10", "2"]
    assert "image_map of the validation fields went from 0.50 to 0.40" in parts["rounds-history"].alt
    assert "Negative from 2 to 5" in parts["rounds-locations"].alt
    rows = [dict(zip(parts["rounds"].table.columns, row, strict=True)) for row in parts["rounds"].table.rows]
    assert [(row["counts"], row["image_map_after"]) for row in rows] == [("yes", "0.7"), ("no", "0.4")]
    assert len(parts["rounds-by-location"].table.rows) == 6


def test_rounds_that_an_older_zoo_told_of_are_shown_without_locations():
    late = {"metric", "kept", "classes", "by_class", "added"}
    older = [{name: value for name, value in one.items() if name not in late} for one in ROUNDS]
    name, rounds = report_rounds.rounds_of(
        ["?", {"summary": {"rounds": "?"}}, {"name": "r", "summary": {"rounds": older}}]
    )
    assert (name, [part.key for part in report_rounds.parts(rounds)]) == ("r", ["rounds-history", "rounds"])
    assert report_rounds.rounds_of([{"summary": {"rounds": [{"round": 1}]}}]) == ("", [])


def test_every_field_and_cell_is_listed_with_what_it_was_called(whole):
    judged, parts, _ = whole
    fields, cells = parts["all-images"].table, parts["all-cells"].table
    assert (len(fields.rows), len(cells.rows)) == (12, sum(judged.dataset.sizes))
    row = dict(zip(fields.columns, fields.rows[0], strict=True))
    assert (row["field"], row["group"], row["true"]) == ("field 0", "a0", "Nucleoplasm|Cytosol")
    assert row["all_right"] in {"yes", "no"}
    assert {dict(zip(cells.columns, one, strict=True))["true"] for one in cells.rows} >= {"", "Negative"}


def test_a_listing_is_cut_where_it_gets_too_long(monkeypatch):
    monkeypatch.setattr(report_tables, "MOST", 5)
    fields, cells = report_tables.listings(judged_of(Bags()))
    assert len(fields.table.rows) == len(cells.table.rows) == 5
    assert "The first 5 of 12 are here; 'zoo eval --out' writes all." in fields.caption


def test_what_a_run_keeps_is_shown_without_a_model_and_no_cells_where_none_were_kept():
    assert {"field-1", "gallery-1", "precision", "all-cells"} <= set(given(judged_of(Bags(), brief=True), None))
    real = Bags(truth=False)
    real.provenance = {**real.provenance, "kind": "measured"}
    sections = list(report(judged_of(real, brief=True), None))
    assert [part.key for section in sections for part in section.parts] == [
        *("precision", "thresholds", "by-location", "all-images")
    ]
    assert not any("SIMULATED" in section.words for section in sections)


def test_fields_without_labels_are_shown_by_how_sure_the_model_is():
    dataset = Bags(truth=False)
    dataset.label_sets[:] = -1
    parts = given(judged_of(dataset))
    assert list(parts) == ["field-1", "field-2", "gallery-1", "all-images", "all-cells"]
    assert parts["field-1"].drawing.get_suptitle().startswith("labelled: not known\ncalled: ")
    assert {row[5] for row in parts["gallery-1"].numbers.rows} == {"not known"}
    assert "true" not in parts["all-cells"].table.columns


def test_names_with_brackets_quotes_and_dollars_are_text(tmp_path):
    dataset = Bags(fields=1, names="<i>'{}'</i> & \"$\"")
    dataset.classes = ODD
    parts = drawn(judged_of(dataset), tmp_path)
    assert parts["field-1"].title.endswith(('</i> & "$"',))
    assert all("<b>" not in part.svg for part in parts.values())
    assert "&lt;b&gt;" in parts["precision"].svg


def test_one_class_and_one_field_of_one_cell_make_a_page(tmp_path):
    dataset = Bags(fields=1)
    dataset.classes = ["only"]
    dataset.sizes, dataset.label_sets = [1], np.ones((1, 1), np.int8)
    dataset.cells, dataset.crops = [np.ones((1, 1), np.int8)], [dataset.crops[0][:1]]
    dataset.cell_truth = lambda _: {"cell": np.ones((1, 1), np.int8), "missed": np.zeros((1, 1), np.int64)}
    task = Cells(num_classes=1)
    outputs = {name: np.ones((1, 1)) for name in ("bag", "instance")} | {"size": np.ones(1)}
    judged = Judged(task.predict(outputs, {}), task.truth(dataset, [0]), dataset, np.arange(1), ["a"])
    parts = drawn(judged, tmp_path)
    assert "field-2" not in parts
    assert "Most probable is only in 1 of 1 cells" in parts["field-1"].alt
    assert "attention" not in parts["field-1"].caption  # of one cell there is nothing to tell


def test_scores_that_cannot_be_computed_are_left_empty():
    judged = judged_of(Bags())
    judged.truth["label"][:, 2] = 0
    listed = {row[0]: row for row in report_locations.listing(judged).table.rows}
    assert listed["Negative"][1] == 0
    assert np.isnan(listed["Negative"][2])
    assert [row[0] for row in report_locations.precision(judged).numbers.rows] == ["Cytosol", "Nucleoplasm"]


def test_a_scale_bar_stands_where_the_size_of_a_pixel_is_known():
    dataset = Bags()
    dataset.fields_dataset.um_per_px = 0.5
    figure = next(report_fields.figures(judged_of(dataset)))
    assert "20 µm" in {text.get_text() for axes in figure.drawing.axes for text in axes.texts}


def test_many_cells_are_drawn_as_pixels_and_without_numbers(monkeypatch):
    monkeypatch.setattr(report_fields, "MANY", 1)
    monkeypatch.setattr(report_fields, "CODED", 1)
    figure = next(report_fields.figures(judged_of(Bags())))
    first = figure.drawing.axes[0]
    assert first.collections[0].get_rasterized()
    assert not first.texts
