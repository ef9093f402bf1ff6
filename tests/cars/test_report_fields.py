"""What a page shows of fields: attention over them, and the spectra of what is attended to."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.figures import svg
from zoo.tasks.mil import Mil
from zoo_cars.attended import attended_pixels, mean_spectra
from zoo_cars.datasets.simulated_cars import simulated_cars
from zoo_cars.field import Field
from zoo_cars.fields import FieldDataset, Tiles
from zoo_cars.pictures import overlay

AXIS = np.linspace(2800, 3050, 6)


def fields(labels=("control", "high"), *, truth=True, um_per_px=0.5, name="mouse"):
    """Return fields of 4 x 4 tiles; the last tile holds a line in the third band where there is a dose."""
    rng, found = np.random.default_rng(0), []
    for number, label in enumerate(labels):
        stack = rng.uniform(0.9, 1.1, (6, 16, 16)).astype(np.float32)
        there = np.zeros((16, 16), dtype=bool)
        if label == "high":
            stack[2, 12:, 12:] += 3
            there[12:, 12:] = True
        known = there if truth else None
        made = Field(f"{name} {number}", f"m{number}", "s", label, lambda stack=stack: stack, AXIS, um_per_px, known)
        found.append(made)
    return found


def dataset_of(made, **options):
    dataset = FieldDataset(lambda: made, lambda _: [], Tiles(size=4), classes=["control", "high"], **options)
    dataset.fit(np.arange(len(made)))
    return dataset


def attention(count, tile=15, weight=0.5):
    """Return attention of 16 tiles for each of several fields: half of it on one tile, or the same on all."""
    one = np.full(16, (1 - weight) / 15)
    one[tile] = weight
    return np.tile(one, count), np.full(count, 16)


def overlays(dataset, items, **how):
    items = np.asarray(items)
    titles, keys = [f"title {item}" for item in items], [f"attention-{item}" for item in items]
    return list(dataset.attention_figures(items, *attention(len(items), **how), titles, keys))


def test_a_figure_of_a_field_says_in_words_where_attention_is_and_what_is_there():
    control, high = overlays(dataset_of(fields()), [0, 1])
    assert (control.key, control.title) == ("attention-0", "title 0")
    assert "mouse 1" in high.alt
    assert "highest at the bottom right, 8.0 times what is even" in high.alt
    assert "get 50% of it. Of these pixels 100% are true ones, of all pixels 6%" in high.alt
    assert "true" not in control.alt
    assert "outlined" in high.caption
    assert "outlined" not in control.caption


def test_the_numbers_of_a_figure_are_its_tiles_the_most_attended_first():
    (figure,) = overlays(dataset_of(fields()), [1], tile=6)
    assert figure.numbers.columns == ["y", "x", "attention"]
    assert len(figure.numbers.rows) == 16
    assert figure.numbers.rows[0] == [4, 8, pytest.approx(8)]
    assert sum(row[2] for row in figure.numbers.rows) == pytest.approx(16)


@pytest.mark.parametrize(("um_per_px", "said"), [(0.5, "2 µm"), (None, "5 px")])
def test_a_field_has_a_scale_bar_that_stays_readable_on_a_dark_page(um_per_px, said):
    made = fields(um_per_px=um_per_px)[1]
    drawing = overlay(np.ones((16, 16), np.float32), made.open_stack().mean(axis=0), made, width=4.7)
    assert said in [text.get_text() for text in drawing.axes[0].texts]
    drawn = svg.drawn(drawing, "attention-1")
    assert len(drawn) < 300_000
    bar = drawing.axes[0].texts[0].get_path_effects()[0]
    assert bar._gc["foreground"] != "black"  # black becomes the colour of the page's text


def test_attention_that_is_the_same_everywhere_or_missing_at_the_ends_is_drawn_too():
    even = overlays(dataset_of(fields()), [1], weight=1 / 16)
    assert "1.0 times what is even; 100% of the pixels get 100% of it" in even[0].alt
    narrow = FieldDataset(fields, lambda _: [], Tiles(size=5), classes=["control", "high"])
    narrow.fit(np.arange(2))
    (figure,) = narrow.attention_figures(np.array([1]), np.full(9, 1 / 9), np.array([9]), ["t"], ["k"])
    assert "nan" not in svg.drawn(figure.drawing, "k")


def test_data_that_are_made_up_are_called_so():
    made = dataset_of(fields(), provenance={"kind": "simulated"})
    assert overlays(made, [1])[0].caption.startswith("SIMULATED field. Left")
    assert "SIMULATED" not in overlays(dataset_of(fields()), [1])[0].caption


def test_the_spectra_of_a_class_differ_where_the_line_is_that_attention_is_on():
    dataset = dataset_of(fields(("control", "high") * 3), bands={"drug": [2900.0, 9000.0]})
    (figure,) = dataset.attention_spectra(np.arange(6), *attention(6), ["control", "high"] * 3)
    assert figure.key == "attended-spectra-1"
    assert "high: attended pixels lie furthest from the others at 2900 per cm" in figure.alt
    rows = {(row[0], row[1]): row[2:] for row in figure.numbers.rows}
    attended, others, apart, low, high = rows["high", 2900]
    assert (attended, others) == (pytest.approx(4, abs=0.1), pytest.approx(1, abs=0.1))
    assert apart == pytest.approx((attended - others) / dataset.spread[2], rel=1e-3)
    assert low <= apart <= high
    assert abs(rows["control", 2900][2]) < 0.2
    assert "Marked: bands of drug" in figure.caption
    told = svg.drawn(figure.drawing, "spectra")
    assert "drug 2900" in told
    assert "9000" not in told


def test_fields_that_attend_to_all_alike_have_no_spectra_to_be_held_against():
    dataset = dataset_of(fields())
    assert not list(dataset.attention_spectra(np.arange(2), *attention(2, weight=1 / 16), ["control", "high"]))
    assert mean_spectra(np.full((2, 2), np.nan, np.float32), np.ones((3, 2, 2), np.float32)) is None
    whole = mean_spectra(np.ones((2, 2), np.float32), np.ones((3, 2, 2), np.float32))
    assert (whole.attended.tolist(), whole.others, whole.share) == ([1, 1, 1], None, 1)


def test_a_field_that_attends_to_all_alike_leaves_files_without_others(tmp_path):
    dataset = dataset_of(fields(("high", "control")))
    attended, size = attention(2, weight=1 / 16)
    dataset.draw({"attention": attended, "size": size}, tmp_path)
    assert (tmp_path / "mouse_0_spectra.csv").read_text().splitlines()[1].endswith(",")


def test_names_that_are_formulas_or_markup_are_drawn_as_they_are_written():
    made = dataset_of(fields(name='<i>$x_1$"'))
    assert "&lt;i&gt;$x_1$" in svg.drawn(overlays(made, [1])[0].drawing, "k")


def test_one_tile_that_stands_out_of_many_that_are_the_same_is_all_that_is_attended():
    found = np.ones((10, 10), np.float32)
    found[0, 0] = 5
    assert np.argwhere(attended_pixels(found)).tolist() == [[0, 0]]


def test_simulated_fields_are_shown_with_all_that_is_known_of_them():
    dataset, items = simulated_cars(animals=8, fields=1, size=32, bands=8, tiles=Tiles(size=8)), np.arange(8)
    dataset.fit(items)
    task, rng = Mil(num_classes=4, kind="ordinal"), np.random.default_rng(0)
    attention = rng.random((8, 16))
    said = {"probability": rng.dirichlet(np.ones(4), 8), "size": np.full(8, 16)}
    said["attention"] = (attention / attention.sum(axis=1, keepdims=True)).ravel()
    sections = task.report(
        said, task.truth(dataset, items), dataset=dataset, items=items, groups=dataset.groups["animal"], look=None
    )
    found = {section.key: section.parts for section in sections}
    assert list(found) == ["bags", "attention", "attended-spectra", "localisation"]
    assert "M0" in found["attention"][0].alt
    assert "Marked: bands of drug" in found["attended-spectra"][0].caption
    assert all("SIMULATED" in part.caption for part in [*found["attention"], *found["attended-spectra"]])
