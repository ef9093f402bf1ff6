"""What an evaluation of classes writes: tables that read back and are right, pictures that show something."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread
from sklearn import metrics

from zoo.errors import RunError
from zoo.figures import style
from zoo.figures.files import Table, write_picture, write_table
from zoo.scores import class_pictures, confusion, curves, evaluation, overlays
from zoo.scores.class_tables import Judged, classes_table
from zoo.scores.classification import calibration_error
from zoo.tasks.classify import Classify

TABLES = ("classes", "groups", "confused", "confusion", "roc", "precision_recall", "calibration")
PICTURES = ("confusion", "roc", "precision_recall", "calibration")


class Wells:
    """Fields of a plate in 16 bits, four to a well, three wells to a treatment."""

    provides = ("image", "label")
    channels = ("DNA", "actin", "mito")
    um_per_px = 0.65

    def __init__(self, classes=4, wells=3):
        self.classes = ["DMSO", *(f"drug, {k}" for k in range(1, classes))]
        self.labels = np.repeat(np.arange(classes), 4 * wells).tolist()
        self.wells = [f"W{item // 4:03}" for item in range(len(self.labels))]
        self.groups = {"well": self.wells}

    def __len__(self):
        return len(self.labels)

    def batch(self, items):
        rng = np.random.default_rng(0)
        image = rng.integers(0, 60000, size=(len(items), len(self.channels), 24, 24)).astype(np.uint16)
        return {"id": [f"P1/{self.wells[item]}/f{item % 4}" for item in items], "image": torch.from_numpy(image)}


def judged(classes=4, wells=3, seed=0):
    """Return a plate, what a model that knows something says of it, and the truth."""
    dataset, rng = Wells(classes, wells), np.random.default_rng(seed)
    label = np.array(dataset.labels)
    logits = rng.normal(size=(len(label), classes)) + 1.5 * np.eye(classes)[label]
    return dataset, Classify(num_classes=classes).predict({"logits": logits}, {}), {"label": label}


def heat(items, classes):
    """Explain by a bright corner whose place follows from the class."""
    found = np.zeros((len(items), 12, 12), dtype=np.float32)
    found[np.arange(len(items)), classes % 12, classes % 12] = 1
    return found


def written(folder, dataset, predicted, truth, explain=None, **settings):
    task = Classify(num_classes=predicted["probability"].shape[1], **settings)
    items, facts = np.arange(len(dataset)), {"recipe": "toy", "member": "holdout-seed0"}
    made = {"dataset": dataset, "items": items, "groups": dataset.wells, "folder": folder, "facts": facts}
    return task.write_evaluation(predicted, truth, explain=explain, **made)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def shows_something(path):
    pixels = imread(path)[::2, ::2, :3]
    colours = np.unique((pixels * 255).astype(np.int64) @ [1, 256, 65536])
    return len(colours) > 20 and 0.02 < (pixels.min(axis=2) < 0.97).mean() < 0.98


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """Write an evaluation of four classes once; return the folder."""
    folder = tmp_path_factory.mktemp("four")
    written(folder, *judged())
    return folder


@pytest.mark.parametrize("classes", [2, 20])
def test_every_file_is_there_and_every_picture_shows_something(tmp_path, classes):
    found = written(tmp_path / "out", *judged(classes), explain=heat, shown=1)
    assert all(path.is_file() for path in found)
    assert {path.name for path in tmp_path.glob("out/*.csv")} == {"items.csv", *(f"{name}.csv" for name in TABLES)}
    assert {path.name for path in tmp_path.glob("out/*.png")} == {f"{name}.png" for name in PICTURES}
    assert set(found) == {path for path in tmp_path.glob("out/**/*") if path.is_file()}
    for path in found:
        if path.suffix == ".png":
            assert shows_something(path), path.name
    facts = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert facts["recipe"] == "toy"
    assert len(facts["classes"]) == classes


def test_the_scores_of_each_class_are_scikit_learns_with_an_interval_around_them(four):
    dataset, predicted, truth = judged()
    label, probability = truth["label"], predicted["probability"].round(6)
    expected = metrics.classification_report(label, probability.argmax(axis=1), output_dict=True)
    rows = table(four / "classes.csv")
    assert [row["class"] for row in rows] == dataset.classes
    for k, row in enumerate(rows):
        assert (row["items"], row["groups"]) == ("12", "3")
        for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert float(row[ours]) == pytest.approx(expected[str(k)][theirs], abs=1e-5)
        assert float(row["auc"]) == pytest.approx(metrics.roc_auc_score(label == k, probability[:, k]), abs=1e-5)
        assert float(row["ap"]) == pytest.approx(
            metrics.average_precision_score(label == k, probability[:, k]), abs=1e-5
        )
        for name in ("recall", "f1", "auc"):
            assert float(row[f"{name}_low"]) <= float(row[name]) <= float(row[f"{name}_high"])
            assert float(row[f"{name}_low"]) < float(row[f"{name}_high"])


def test_intervals_come_from_drawing_groups_as_a_loop_over_drawings_gives_them():
    from zoo.intervals import drawn_groups, of_draws

    dataset, predicted, truth = judged()
    found = Judged(truth["label"], predicted["probability"], dataset.wells, dataset.classes)
    draws, names = drawn_groups(12), sorted(set(dataset.wells))
    recalls = []
    for draw in draws:
        items = np.concatenate(
            [np.flatnonzero(np.array(dataset.wells) == n) for n, c in zip(names, draw, strict=True) for _ in range(c)]
        )
        own = items[truth["label"][items] == 1]
        recalls.append((found.said[own] == 1).mean() if len(own) else np.nan)
    row = dict(zip(*[classes_table(found).columns, classes_table(found).rows[1]], strict=True))
    assert (row["recall_low"], row["recall_high"]) == pytest.approx(of_draws(np.array(recalls)))


def test_a_class_of_one_group_has_no_interval_and_one_without_items_no_score(tmp_path):
    dataset, predicted, truth = judged()
    dataset.wells = ["only" if k == 1 else well for k, well in zip(dataset.labels, dataset.wells, strict=True)]
    truth["label"] = np.where(truth["label"] == 2, 3, truth["label"])
    written(tmp_path, dataset, predicted, truth)
    _, alone, nothing, _ = table(tmp_path / "classes.csv")
    assert alone["groups"] == "1"
    assert alone["recall"]
    assert alone["recall_low"] == alone["auc_high"] == ""
    assert nothing["items"] == "0"
    assert [nothing[name] for name in ("recall", "auc", "ap", "f1_low")] == [""] * 4
    assert {row["class"] for row in table(tmp_path / "roc.csv")} == {"DMSO", "drug, 1", "drug, 3"}
    assert shows_something(tmp_path / "confusion.png")


def test_groups_are_told_by_how_right_and_how_sure_the_model_is(four):
    dataset, predicted, _ = judged()
    rows = table(four / "groups.csv")
    assert [row["group"] for row in rows] == sorted(set(dataset.wells))
    said = predicted["probability"].argmax(axis=1)
    for number, row in enumerate(rows):
        inside = slice(4 * number, 4 * number + 4)
        assert row["items"] == "4"
        assert row["classes"] == dataset.classes[number // 3]
        assert float(row["accuracy"]) == pytest.approx((said[inside] == number // 3).mean())
        assert row["most_frequent_prediction"] in {dataset.classes[k] for k in said[inside]}
        own = predicted["probability"][inside, number // 3].mean()
        assert float(row["mean_probability_of_true"]) == pytest.approx(own, abs=1e-5)


def test_the_pairs_most_often_confused_come_first_and_add_up_to_all_mistakes(four):
    dataset, predicted, truth = judged()
    rows, said = table(four / "confused.csv"), predicted["probability"].argmax(axis=1)
    counts = [int(row["items"]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == (said != truth["label"]).sum()
    assert all(row["true"] != row["predicted"] for row in rows)
    first = rows[0]
    true, other = dataset.classes.index(first["true"]), dataset.classes.index(first["predicted"])
    assert counts[0] == ((truth["label"] == true) & (said == other)).sum()
    assert float(first["share_of_true"]) == pytest.approx(counts[0] / 12, abs=1e-5)
    square = [[int(row[name]) for name in dataset.classes] for row in table(four / "confusion.csv")]
    assert np.array_equal(square, metrics.confusion_matrix(truth["label"], said))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_confusion_matrix_is_scikit_learns_in_counts_and_in_shares(pairs):
    label, said = np.array(pairs).T
    counted = confusion.matrix(label, said, 4)
    assert np.array_equal(counted, metrics.confusion_matrix(label, said, labels=range(4)))
    normal = metrics.confusion_matrix(label, said, labels=range(4), normalize="true")
    assert np.nan_to_num(confusion.shares(counted)) == pytest.approx(normal)
    assert sum(pair.items for pair in confusion.mistaken(counted)) == (label != said).sum()


@st.composite
def ranked(draw):
    size = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    positive = rng.random(size) < 0.4
    positive[:2] = True, False
    return positive, rng.integers(0, draw(st.sampled_from([3, 1000])), size=size) / 7


@given(ranked())
def test_a_roc_curve_is_scikit_learns_without_the_points_on_straight_lines(case):
    positive, score = case
    found = curves.roc(positive, score)
    x, y, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    assert set(zip(found.x, found.y, strict=True)) <= set(zip(x, y, strict=True))
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0, 0, 1, 1)
    assert metrics.auc(found.x, found.y) == pytest.approx(metrics.roc_auc_score(positive, score))


@given(ranked())
def test_a_curve_of_precision_is_scikit_learns_where_an_item_is_found(case):
    positive, score = case
    found = curves.precision_recall(positive, score)
    y, x, _ = metrics.precision_recall_curve(positive, score)
    highest = {recall: max(y[:-1][x[:-1] == recall]) for recall in x[:-1] if recall > 0}
    assert found.x == pytest.approx(sorted(highest))
    assert found.y == pytest.approx([highest[recall] for recall in sorted(highest)])
    area = (np.diff(found.x, prepend=0) * found.y).sum()
    assert area == pytest.approx(metrics.average_precision_score(positive, score))


def test_a_long_curve_keeps_its_ends_and_nearly_its_area():
    rng = np.random.default_rng(0)
    positive = rng.random(20_000) < 0.3
    score = rng.normal(size=20_000) + positive
    found = curves.roc(positive, score)
    assert len(found.x) <= curves.POINTS
    assert (found.x[0], found.x[-1], found.y[-1]) == (0, 1, 1)
    assert metrics.auc(found.x, found.y) == pytest.approx(metrics.roc_auc_score(positive, score), abs=2e-4)
    assert len(curves.precision_recall(positive, score).x) <= curves.POINTS


def test_curves_are_brought_to_one_grid_before_their_mean_is_drawn():
    line = curves.Curve(np.array([0, 0.5, 1]), np.array([0, 1, 1.0]), np.zeros(3))
    assert curves.on_grid(line, steps=False)[[0, 25, 50, 100]] == pytest.approx([0, 0.5, 1, 1])
    stair = curves.Curve(np.array([0.5, 1]), np.array([1, 0.25]), np.zeros(2))
    assert curves.on_grid(stair, steps=True)[[0, 50, 51, 100]].tolist() == [1, 1, 0.25, 0.25]


def test_reliability_is_what_the_calibration_error_is_the_mean_distance_of(four):
    _, predicted, truth = judged()
    label, probability = truth["label"], predicted["probability"]
    found = curves.reliability(label, probability)
    known = found.items > 0
    distance = (found.items * np.abs(found.probability - found.accuracy))[known].sum() / len(label)
    assert distance == pytest.approx(float(calibration_error(label, probability)))
    rows = table(four / "calibration.csv")
    assert sum(int(row["items"]) for row in rows) == len(label)
    assert [row["accuracy"] == "" for row in rows] == (~known).tolist()


def test_items_are_told_each_and_those_without_a_label_there_alone(tmp_path):
    dataset, predicted, truth = judged()
    truth["label"] = np.where(np.arange(48) % 5 == 0, -1, truth["label"])
    written(tmp_path, dataset, predicted, truth)
    rows = table(tmp_path / "items.csv")
    assert len(rows) == 48
    for item, row in enumerate(rows):
        probability = predicted["probability"][item]
        assert row["id"] == f"P1/{dataset.wells[item]}/f{item % 4}"
        assert row["group"] == dataset.wells[item]
        assert row["predicted"] == dataset.classes[probability.argmax()]
        assert float(row["probability_of_predicted"]) == pytest.approx(probability.max(), abs=1e-5)
        if item % 5:
            assert row["true"] == dataset.classes[truth["label"][item]]
            assert float(row["probability_of_true"]) == pytest.approx(probability[truth["label"][item]], abs=1e-5)
        else:
            assert row["true"] == row["probability_of_true"] == ""
    assert sum(int(row["items"]) for row in table(tmp_path / "classes.csv")) == (truth["label"] >= 0).sum()
    wells = [well for well, label in zip(dataset.wells, truth["label"], strict=True) if label >= 0]
    assert {row["group"]: int(row["items"]) for row in table(tmp_path / "groups.csv")} == dict(Counter(wells))


def test_where_no_item_has_a_label_there_are_items_and_no_more(tmp_path):
    dataset, predicted, _ = judged()
    found = written(tmp_path, dataset, predicted, {"label": np.full(48, -1)}, explain=heat)
    assert [path.name for path in found] == ["items.csv", "provenance.json"]


def test_one_class_alone_has_no_roc_curve_and_nothing_fails(tmp_path):
    dataset, predicted, _ = judged()
    written(tmp_path, dataset, predicted, {"label": np.full(48, 1)})
    assert table(tmp_path / "roc.csv") == []
    assert {row["class"] for row in table(tmp_path / "precision_recall.csv")} == {"drug, 1"}


def test_the_best_and_the_worst_fields_of_different_classes_are_explained(tmp_path):
    dataset, predicted, truth = judged()
    asked = []

    def explain(items, classes):
        asked.append((items.tolist(), classes.tolist()))
        return heat(items, classes)

    of = Judged(truth["label"], predicted["probability"], dataset.wells, dataset.classes)
    given = {"dataset": dataset, "folder": tmp_path / "overlays", "explain": explain, "most": 2}
    drawn = [path.name for path in evaluation.write_overlays(of, np.arange(48), **given)]
    assert [name.split("_P1")[0] for name in drawn] == [f"{kind}_{n}" for kind in ("best", "worst") for n in (1, 2)]
    own = predicted["probability"][np.arange(48), truth["label"]]
    (chosen, said), (missed, true) = asked
    assert chosen[0] == own.argmax()
    assert chosen[2] == own.argmin()
    assert len({dataset.labels[item] for item in chosen[:2]}) == 2
    assert len({dataset.labels[item] for item in chosen[2:]}) == 2
    assert said == predicted["probability"][chosen].argmax(axis=1).tolist()
    assert missed == [item for item, k in zip(chosen, said, strict=True) if k != dataset.labels[item]]
    assert true == [dataset.labels[item] for item in missed]
    assert len(missed) >= 2
    assert f"best_1_P1_{dataset.wells[chosen[0]]}_f{chosen[0] % 4}.png" == drawn[0]


@pytest.mark.parametrize("explain", [None, lambda items, classes: None])
def test_a_model_that_cannot_say_where_it_looks_has_no_overlays(tmp_path, explain):
    dataset, predicted, truth = judged()
    of = Judged(truth["label"], predicted["probability"], dataset.wells, dataset.classes)
    given = {"dataset": dataset, "folder": tmp_path / "overlays"}
    assert evaluation.write_overlays(of, np.arange(48), explain=explain, most=4, **given) == []
    assert evaluation.write_overlays(of, np.arange(48), explain=heat, most=0, **given) == []
    assert not (tmp_path / "overlays").exists()


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=20), st.integers(0, 5))
def test_no_item_is_both_among_the_best_and_the_worst_and_classes_repeat_only_when_used_up(items, most):
    own, label = np.array([p for p, _ in items]), np.array([k for _, k in items])
    best, worst = overlays.extremes(own, label, most)
    assert not set(best) & set(worst)
    assert len(best) + len(worst) == min(len(items), 2 * most) or len(best) == most
    assert max(len(best), len(worst)) <= most
    assert len(set(label[best].tolist())) == min(len(best), len(set(label.tolist())))


def looked(channels=("DNA", "actin"), **given):
    count = len(channels) or 3
    image = np.random.default_rng(0).integers(0, 60000, size=(count, 20, 30)).astype(np.uint16)
    settings = {
        "name": "P1/B03/f1",
        "image": image,
        "channels": channels,
        "um_per_px": 0.65,
        "true": "drug $5",
        "said": "DMSO",
        "probability": (0.125, 0.75),
        "maps": {"for DMSO (predicted)": np.eye(8, dtype=np.float32), "for drug (true)": np.zeros((8, 8))},
    }
    return overlays.Looked(**{**settings, **given})


def texts(figure):
    from matplotlib.text import Text

    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


def test_an_overlay_says_which_field_it_is_what_it_was_and_what_it_was_taken_for(tmp_path):
    figure = overlays.picture(looked())
    said = texts(figure)
    title = "P1/B03/f1\ntrue: drug \\$5 (probability 0.12)\npredicted: DMSO (0.75)"
    assert {title, "for DMSO (predicted)", "for drug (true)", "DNA", "actin", "5 µm"} <= set(said)
    assert "Grad-CAM (1: highest of the field)" in said
    assert shows_something(write_picture(tmp_path / "x.png", figure))
    right = overlays.picture(looked(said="drug $5", um_per_px=None))
    assert not [text for text in texts(right) if "predicted: " in text]
    assert "10 px" in texts(right)


@pytest.mark.parametrize("channels", [("DNA",), ("DNA", "actin"), tuple("abcdefgh"), ()])
def test_any_number_of_channels_is_drawn_each_in_its_colour(tmp_path, channels):
    given = looked(channels)
    shown, colours = overlays.composite(given.image, photograph=not channels)
    assert shown.shape == (20, 30, 3)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert len(colours) == len(channels)
    assert shows_something(write_picture(tmp_path / "x.png", overlays.picture(given)))


def test_a_photograph_keeps_its_colours_and_an_empty_channel_is_black():
    image = np.zeros((3, 4, 5), dtype=np.uint8)
    image[0] = 255
    shown, _ = overlays.composite(image, photograph=True)
    assert (shown == [1, 0, 0]).all()
    assert (overlays.composite(image[1:2], photograph=False)[0] == 0).all()


@pytest.mark.parametrize(("classes", "numbers"), [(4, True), (20, False)])
def test_a_confusion_matrix_names_its_classes_and_holds_numbers_where_there_is_room(classes, numbers):
    dataset, predicted, truth = judged(classes)
    found = class_pictures.confusion_picture(
        Judged(truth["label"], predicted["probability"], dataset.wells, dataset.classes)
    )
    said = texts(found)
    assert any("(" in text for text in said) is numbers
    axes = found.axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == dataset.classes


def test_many_classes_are_drawn_as_their_mean_with_the_best_and_the_worst_by_name():
    dataset, predicted, truth = judged(20)
    of = Judged(truth["label"], predicted["probability"], dataset.wells, dataset.classes)
    auc = of.by_class["auc"]
    for kind, score in (("roc", auc), ("precision_recall", of.by_class["ap"])):
        said = texts(class_pictures.curves_picture(of, kind))
        order = np.argsort(-score, kind="stable")
        for k in (order[0], order[-1]):
            assert f"{dataset.classes[k]} ({score[k]:.2f})" in said
        assert f"mean of 20 ({score.mean():.2f})" in said
        assert len([text for text in said if text.startswith("drug")]) <= 6


def test_a_name_that_is_too_long_is_cut_and_dollars_are_no_formulas():
    assert style.short("x" * 40) == "x" * 27 + "…"
    assert style.short("5$ or 6$") == r"5\$ or 6\$"
    assert overlays.file_name("../P1/B03 f1\n") == "P1_B03_f1"
    assert overlays.file_name("///") == "field"
    assert len(overlays.file_name("y" * 300)) == 80


def test_tables_hold_any_name_and_leave_empty_what_is_not_there(tmp_path):
    path = write_table(tmp_path / "x.csv", Table(["a", "b"], [['1, "2"\n3', None], [np.float64("nan"), 1 / 3]]))
    assert table(path) == [{"a": '1, "2"\n3', "b": ""}, {"a": "", "b": "0.333333"}]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("dear")
    with pytest.raises(RunError, match="cannot be written"):
        written(tmp_path / "file", *judged())
