"""What a page shows of classes: what is confused is seen side by side, and odd input costs a sentence only."""

import csv
import json

import numpy as np
import pytest
from test_classify_figures import Wells, heat, judged, texts

from zoo.figures import style
from zoo.figures.parts import Figure, Listing, Look
from zoo.report import material
from zoo.scores import class_order, class_report, confusion, example_pictures, overlays
from zoo.scores.class_curves import shown
from zoo.scores.class_tables import Judged
from zoo.tasks.classify import Classify

NASTY = ['<b>"A" & B</b>', "$x^2$ 5$", "o'Neill\nnew", "name " * 30]


def sections(dataset, predicted, truth, *, explain=None, groups=None, shown=1):
    task = Classify(num_classes=predicted["probability"].shape[1], shown=shown)
    look = Look(explain, None, np.arange(0)) if explain else None
    made = {"dataset": dataset, "items": np.arange(len(dataset)), "groups": groups or dataset.wells, "look": look}
    return {section.key: section for section in task.report(predicted, truth, **made)}


def part(found, section, key):
    return next(part for part in found[section].parts if part.key == key)


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


@pytest.fixture(scope="module")
def four():
    """Return the sections of a plate of four classes with odd names, and what they were made of."""
    dataset, predicted, truth = judged()
    dataset.classes = NASTY
    return sections(dataset, predicted, truth, explain=heat), predicted["probability"], truth["label"], dataset


def test_a_page_has_all_sections_in_their_order_and_at_most_two_cards(four):
    found = four[0]
    order = ["confusion", "examples", "ranking", "calibration", "classes", "groups", "looked", "items"]
    assert list(found) == order
    cards = [p.key for s in found.values() for p in s.parts if isinstance(p, Figure) and p.card]
    assert cards == ["confusion-matrix", "roc"]
    assert found["groups"].title == "By well"


def test_everything_is_drawn_and_read_back_whatever_classes_are_called(four, tmp_path):
    material.write(tmp_path, four[0].values(), {"member": "m"})
    told = json.loads((tmp_path / "parts.json").read_text())
    assert told["problem"] == ""
    read = material.read(tmp_path)
    assert read.problem == ""
    figures = [p for s in read.sections for p in s.parts if p.kind == "figure"]
    assert len(figures) == 5 + len(four[0]["examples"].parts) + 2
    for figure in figures:
        assert figure.svg.startswith("<svg")
        assert len(figure.svg) < 300_000
        assert figure.alt
        assert "currentColor" in figure.svg
    assert max(path.stat().st_size for path in tmp_path.glob("*.csv")) < 300_000
    with (tmp_path / "confused-pairs.csv").open(newline="") as file:
        assert {row["true"] for row in csv.DictReader(file)} <= set(NASTY)


def test_what_is_said_in_words_is_what_the_numbers_say(four):
    found, probability, label, _ = four
    said = probability.round(6).argmax(axis=1)
    right = int((said == label).sum())
    assert f"Of 48 items with a label, {right} ({right / 48:.0%}) are called right." in found["confusion"].words
    top = confusion.mistaken(confusion.matrix(label, said, 4))[0]
    alt = part(found, "confusion", "confusion-matrix").alt
    assert f"{NASTY[top.true]} is called {NASTY[top.said]}: {top.items} items" in alt
    mean = probability.max(axis=1).mean()
    assert (
        f"On average it is {mean:.0%} sure of what it says, and {right / 48:.0%} of it is right."
        in found["calibration"].words
    )
    assert "at least 90% sure of no item." in found["calibration"].words


def test_confused_items_stand_beside_right_ones_of_both_classes_the_surest_of_different_groups_first():
    dataset, predicted, truth = judged()
    of = Judged(truth["label"], predicted["probability"], dataset.wells, dataset.classes)
    found = example_pictures.strips(of)
    assert len({frozenset((strip.pair.true, strip.pair.said)) for strip in found}) == len(found) <= 5
    assert found[0].pair == confusion.mistaken(of.confused)[0]
    for strip in found:
        for (_, places), (true, said) in zip(
            strip.kinds,
            [(strip.pair.true, strip.pair.said), (strip.pair.true,) * 2, (strip.pair.said,) * 2],
            strict=True,
        ):
            inside = np.flatnonzero((of.label == true) & (of.said == said))
            assert (of.label[places] == true).all()
            assert (of.said[places] == said).all()
            assert len(places) == min(3, len(inside))
            groups = [dataset.wells[place] for place in places]
            assert len(set(groups)) == min(len(places), len({dataset.wells[place] for place in inside}))
            if len(places):
                assert places[0] == inside[of.probability[inside, said].argmax()]


def test_a_strip_names_its_classes_channels_groups_and_scale_and_says_where_there_is_none():
    dataset, predicted, truth = judged()
    predicted = {"probability": predicted["probability"].copy()}
    predicted["probability"][truth["label"] == 1] = [0.7, 0.1, 0.1, 0.1]  # none of class 1 is recognised
    figure = part(sections(dataset, predicted, truth), "examples", "example-1")
    said = texts(figure.drawing)
    assert {"drug, 1 taken for DMSO", "drug, 1, recognised", "DMSO, recognised", "none", "5 µm"} <= set(said)
    assert set(dataset.channels) <= set(said)
    assert f"{column(figure.numbers, 'group')[0]} · 0.70" in said
    assert "Items of drug, 1 that were called DMSO, 3 of 12 (100% of that class)" in figure.alt
    assert "0 of drug, 1" in figure.alt


@pytest.mark.parametrize("shape", [(1, 700, 500), (3, 40, 30), (2, 1, 900)])
def test_a_large_image_is_made_small_by_means_and_keeps_its_kind(shape):
    image = np.random.default_rng(0).integers(0, 60_000, size=shape).astype(np.uint16)
    small = overlays.reduced(image, 128)
    assert small.dtype == image.dtype
    assert max(small.shape[1:]) < 2 * 128 or min(shape[1:]) < 7
    times = shape[1] // small.shape[1]
    assert small[0, 0, 0] == pytest.approx(image[0, :times, :times].mean(), abs=1)


def test_of_300_classes_those_confused_with_each_other_stand_side_by_side_and_files_stay_small(tmp_path):
    rng, count = np.random.default_rng(0), 300
    dataset = Wells(count, 1)
    label = np.array(dataset.labels)
    partner = rng.permutation(count).reshape(-1, 2)  # each is taken for one other, which stands anywhere
    other = np.empty(count, dtype=int)
    other[partner[:, 0]], other[partner[:, 1]] = partner[:, 1], partner[:, 0]
    probability = np.full((len(label), count), 1e-4)
    at = np.arange(len(label))
    probability[at, label], probability[at, other[label]] = 0.6, np.where(at % 4 == 0, 0.7, 0.2)
    probability /= probability.sum(axis=1, keepdims=True)
    of = Judged(label, probability, dataset.wells, dataset.classes)
    order = class_order.side_by_side(of.confused, class_order.present(of.confused))
    assert sorted(order) == list(range(count))
    place = np.argsort(order)
    assert (np.abs(place - place[other]) == 1).all()
    dataset.provides = ("features",)
    found = sections(dataset, {"probability": probability}, {"label": label})
    matrix = part(found, "confusion", "confusion-matrix")
    assert not matrix.card
    assert not matrix.drawing.axes[0].get_xticks().size
    assert max(matrix.drawing.get_size_inches()) < 10
    assert part(found, "classes", "recall-by-class").title == "The 40 classes of lowest recall"
    material.write(tmp_path, [found[key] for key in ("confusion", "ranking", "groups", "items")], {})
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert max(sizes.values()) < 300_000, sizes
    assert len(shown(of, "roc").named) == 6


@pytest.mark.parametrize("classes", [2, 15, 40])
def test_a_confusion_matrix_with_names_fits_the_column_of_a_page(classes):
    dataset, predicted, truth = judged(classes, wells=1)
    dataset.provides, dataset.classes = (), [f"a treatment with a long name {k}" for k in range(classes)]
    drawing = part(sections(dataset, predicted, truth), "confusion", "confusion-matrix").drawing
    assert drawing.get_size_inches()[0] <= 9.6
    assert [label.get_text() for label in drawing.axes[0].get_yticklabels()] == [
        style.short(name) for name in dataset.classes
    ]


def test_one_class_and_one_group_are_told_and_nothing_fails(tmp_path):
    dataset, predicted, _ = judged()
    found = sections(dataset, predicted, {"label": np.full(48, 1)}, groups=["only"] * 48, explain=heat)
    assert "no ROC curve" in found["ranking"].words
    assert [part.key for part in found["ranking"].parts] == ["precision-recall"]
    assert part(found, "calibration", "calibration").card
    assert "no intervals" in found["classes"].words
    assert found["groups"].title == "By group"
    assert material.read(material.write(tmp_path, found.values(), {})).problem == ""


def test_items_that_cannot_be_judged_are_in_the_listing_alone_and_it_says_so():
    dataset, predicted, truth = judged()
    truth["label"] = np.where(np.arange(48) < 5, -1, truth["label"])
    predicted["probability"][7] = np.nan
    found = sections(dataset, predicted, truth)
    assert "Of 42 items with a label" in found["confusion"].words
    words = "Only here, and in no figure: 5 without a label and 1 whose probabilities are no numbers (NaN)."
    assert found["items"].words == words
    listing = part(found, "items", "items")
    assert isinstance(listing, Listing)
    assert len(listing.table.rows) == 48
    assert column(listing.table, "true")[:5] == [""] * 5
    assert column(listing.table, "predicted")[7] == ""
    assert column(listing.table, "well") == dataset.wells


def test_without_any_label_there_is_the_listing_and_no_more():
    dataset, predicted, _ = judged()
    found = sections(dataset, predicted, {"label": np.full(48, -1)}, explain=heat)
    assert list(found) == ["items"]


def test_a_perfect_model_has_no_pairs_and_no_examples():
    dataset, _, truth = judged()
    found = sections(dataset, {"probability": np.eye(4)[truth["label"]]}, truth)
    assert "examples" not in found
    assert [part.key for part in found["confusion"].parts] == ["confusion-matrix"]
    assert "48 (100%) are called right" in found["confusion"].words


@pytest.mark.parametrize("explain", [None, lambda items, classes: None])
def test_a_model_that_cannot_say_where_it_looks_has_no_such_section(explain):
    dataset, predicted, truth = judged()
    assert "looked" not in sections(dataset, predicted, truth, explain=explain)
    assert "looked" not in sections(dataset, predicted, truth, explain=heat, shown=0)


def test_data_without_images_have_a_page_without_fields():
    dataset, predicted, truth = judged()
    dataset.provides = ("features", "label")
    assert not {"examples", "looked"} & set(sections(dataset, predicted, truth, explain=heat))


def test_classes_that_nothing_here_is_or_was_called_are_left_out_and_counted():
    dataset, predicted, truth = judged(6)
    few = truth["label"] < 2
    kept = np.flatnonzero(few)
    probability = predicted["probability"][few].copy()
    probability[:, 2:] = 0
    dataset.labels, dataset.wells = [dataset.labels[n] for n in kept], [dataset.wells[n] for n in kept]
    dataset.groups = {"well": dataset.wells}
    found = sections(dataset, {"probability": probability}, {"label": truth["label"][few]})
    matrix = part(found, "confusion", "confusion-matrix")
    assert matrix.numbers.columns == ["true", "DMSO", "drug, 1"]
    assert "Left out: 4 classes" in matrix.caption


def test_of_very_many_items_the_listing_has_those_least_sure_of_the_truth():
    rows = [[f"i{n}", "g", "a", "a", n / 30_000, 0.9] for n in range(30_000)][::-1]
    columns = ["id", "group", "true", "predicted", "probability_of_true", "probability_of_predicted"]
    section = class_report.every_item(class_report.Table(columns, rows), "well")
    listing = section.parts[0]
    assert len(listing.table.rows) == 20_000
    assert max(column(listing.table, "probability of true")) < 20_000 / 30_000
    assert "20,000 of 30,000 items" in section.words
