"""What a page shows of bags: what was said of each, where the model looked, whether that is where it should."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from matplotlib.figure import Figure as Drawing

from zoo import intervals
from zoo.evaluation_files import joined
from zoo.figures.parts import Figure, Listing
from zoo.report import material
from zoo.scores import bag_looks, bag_tables, ranking
from zoo.scores.bag_pictures import beside
from zoo.scores.bag_tables import Attended, Bags
from zoo.tasks.mil import Mil

CLASSES = ["control", "low", "high"]


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(intervals, "POOLED_DRAWS", 100)


class Fields:
    """Bags of five instances, the first of which is true where there is a dose; four bags a donor, one dose a donor."""

    def __init__(self, donors=9, classes=CLASSES, *, truth=True):
        self.classes, self.truth = list(classes), truth
        self.labels = np.repeat(np.arange(donors) % len(classes), 4)
        self.donors = [f"d{n}" for n in np.repeat(np.arange(donors), 4)]

    def __len__(self):
        return len(self.labels)

    def batch(self, items):
        return {"id": [f"bag{item}" for item in items]}

    def instance_truth(self, items):
        return (np.arange(5) < (self.labels[items] > 0)[:, None]).ravel() if self.truth else None


class Drawn(Fields):
    """The same, drawn by themselves."""

    def names(self, items):
        return [f"field {item}" for item in items]

    def batch(self, items):
        raise AssertionError("names are known without reading")

    def attention_figures(self, items, attention, size, titles, keys):
        self.asked = items, np.split(attention, np.cumsum(size)[:-1]), titles
        return (Figure(key, title, "A field.", Drawing()) for title, key in zip(titles, keys, strict=True))

    def attention_spectra(self, items, attention, size, classes):
        self.classed = dict(zip(items.tolist(), classes, strict=True))
        assert len(attention) == size.sum()
        yield Figure("attended-spectra-1", "Spectra", "A line.", Drawing())


def predicted(dataset, seed=0, signal=1.0):
    """Return what a model that knows a little would say of all bags."""
    rng, count = np.random.default_rng(seed), len(dataset)
    logits = rng.normal(size=(count, len(dataset.classes))) + signal * np.eye(len(dataset.classes))[dataset.labels]
    attention = rng.random((count, 5)) + 0.7 * (np.arange(5) == 0)
    return {
        "probability": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        "attention": (attention / attention.sum(axis=1, keepdims=True)).ravel(),
        "size": np.full(count, 5),
    }


def reported(dataset, said=None, task=None, items=None, *, brief=False):
    """Return section key -> section of a report on some bags."""
    task = task or Mil(num_classes=len(dataset.classes), kind="ordinal")
    items = np.arange(len(dataset)) if items is None else items
    said, truth = predicted(dataset) if said is None else said, task.truth(dataset, items)
    if brief:
        said, truth = task.brief(said, truth)
    groups = [dataset.donors[item] for item in items]
    return {s.key: s for s in task.report(said, truth, dataset=dataset, items=items, groups=groups, look=None)}


def parts(sections):
    """Return key -> part of all sections."""
    return {part.key: part for section in sections.values() for part in section.parts}


def bags_of(dataset, said, **more):
    names = [f"bag{n}" for n in range(len(dataset))]
    return Bags(names, dataset.donors, dataset.labels, said["probability"], dataset.classes, **more)


def drawn_without_a_flaw(folder, sections):
    """Draw sections; nothing on the page may be a number that is none."""
    material.write(folder, sections.values(), {"member": "m"})
    told = json.loads((folder / "parts.json").read_text())
    assert told["problem"] == ""
    texts = [*(path.read_text() for path in folder.glob("*.csv")), (folder / "parts.json").read_text()]
    texts += [path.read_text() for path in folder.glob("*.svg")]
    assert not any(word in text for text in texts for word in (">nan", " nan", "\nnan", ",nan", "inf,", ",inf"))
    return told


def test_a_report_tells_what_was_said_where_it_looked_and_whether_that_is_right():
    dataset = Drawn()
    sections = reported(dataset)
    assert list(sections) == ["bags", "attention", "attended-spectra", "localisation"]
    found = parts(sections)
    assert [key for key, part in found.items() if getattr(part, "card", False)] == ["bag-roc", "attention-1"]
    assert {"bag-probability", "bag-calibration", "bag-confusion", "localised-curves", "localised-bags"} <= set(found)
    assert {key for key, part in found.items() if isinstance(part, Listing)} == {
        *("bag-classes", "bag-groups", "bag-all", "localised-all")
    }


def test_the_areas_on_the_page_are_those_of_the_scores_with_intervals_over_groups():
    dataset, task = Fields(), Mil(num_classes=3, kind="ordinal")
    said = predicted(dataset)
    scores, _ = task.score(said, task.truth(dataset, np.arange(36)))
    found = parts(reported(dataset, said))
    bags = bags_of(dataset, said, control=0)
    low, high = bags.intervals[1]
    assert 0 <= low < scores["auc_1"] < high <= 1
    assert f"low {scores['auc_1']:.2f} ({low:.2f} to {high:.2f})" in found["bag-roc"].alt
    assert f"high {scores['auc_2']:.2f}" in found["bag-roc"].alt
    rows = {row[0]: dict(zip(found["bag-classes"].table.columns, row, strict=True)) for row in bags_rows(found)}
    assert rows["high"]["auc_against_control"] == pytest.approx(scores["auc_2"])
    assert rows["control"]["auc_against_control"] is None


def bags_rows(found):
    return found["bag-classes"].table.rows


def test_a_curve_against_the_control_encloses_its_area():
    dataset = Fields()
    bags = bags_of(dataset, predicted(dataset), control=0)
    for k, curve in bag_tables.control_curves(bags):
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(bags.against_control[k])


def test_a_class_of_one_group_has_no_interval():
    dataset = Fields(donors=4)  # two of controls, one of each dose
    bags = bags_of(dataset, predicted(dataset), control=0)
    assert bags.intervals == [None, None, None]
    assert "(" not in parts(reported(dataset))["bag-roc"].alt


def test_classes_without_a_control_are_held_against_all_others():
    dataset = Fields()
    said = predicted(dataset)
    found = parts(reported(dataset, said, Mil(num_classes=3)))
    area = ranking.one_vs_rest(dataset.labels, said["probability"])
    assert f"low {area[1]:.2f}" in found["bag-roc"].alt
    assert "auc_against_control" not in found["bag-classes"].table.columns
    assert "own class" in found["bag-probability"].alt


def test_every_bag_stands_in_a_table_with_what_it_is_and_what_was_said():
    dataset = Drawn()
    said = predicted(dataset)
    table = parts(reported(dataset, said))["bag-all"].table
    assert len(table.rows) == 36
    row = dict(zip(table.columns, table.rows[7], strict=True))
    most = said["probability"][7].argmax()
    assert row["id"] == "field 7"
    assert (row["group"], row["true"], row["predicted"]) == ("d1", "low", CLASSES[most])
    assert row["right"] == ("yes" if most == 1 else "no")
    assert row["probability_of_true"] == said["probability"][7, 1]
    assert row["probability_high"] == said["probability"][7, 2]


def test_of_what_a_run_keeps_everything_is_shown_that_follows_from_it():
    dataset = Drawn()
    whole, kept = reported(dataset), reported(dataset, brief=True)
    assert list(kept) == ["bags", "localisation"]
    same = parts(kept)
    assert set(same) == set(parts({key: whole[key] for key in kept})) - {"localised-curves"}
    for key, part in same.items():
        if isinstance(part, Figure):
            assert (part.alt, str(part.numbers)) == (parts(whole)[key].alt, str(parts(whole)[key].numbers))
    assert "roc_auc" not in same["localised-all"].table.columns


def test_where_attention_is_right_is_told_beside_even_attention():
    dataset = Fields()
    sections = reported(dataset)
    table = parts(sections)["localised-all"].table
    assert {row[2] for row in table.rows} == {"low", "high"}  # a control has nothing to find
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["prevalence"], row["instances"], row["true_instances"]) == (0.2, 5, 1)
    assert row["auprc_over_prevalence"] == pytest.approx(5 * row["auprc"])
    mean = np.mean([row[table.columns.index("auprc")] for row in table.rows])
    assert f"average precision of {mean:.2f}; even attention reaches 0.20" in sections["localisation"].words
    flat = {**predicted(dataset), "attention": np.full(180, 0.2)}
    assert "no better than attending to all alike" in reported(dataset, flat)["localisation"].words


def test_data_that_draw_nothing_know_no_truth_or_a_head_that_does_not_attend_have_no_such_section():
    assert list(reported(Fields(truth=False))) == ["bags"]
    assert list(reported(Fields(), {"probability": predicted(Fields())["probability"]})) == ["bags"]
    assert list(reported(Drawn(), {"probability": predicted(Drawn())["probability"]})) == ["bags"]


def test_the_data_are_handed_the_attention_of_the_bags_that_are_worth_a_look():
    dataset = Drawn()
    said = predicted(dataset)
    reported(dataset, said)
    items, attention, titles = dataset.asked
    assert [title.split(":")[0] for title in titles] == ["Surest"] * 2 + ["Least sure"] * 2 + ["Wrong"] * 4
    for item, here in zip(items, attention, strict=True):
        assert np.array_equal(here, said["attention"][5 * item : 5 * item + 5])
    assert titles[0].startswith(f"Surest: field {items[0]} is ")
    assert dataset.classed == {item: CLASSES[label] for item, label in enumerate(dataset.labels)}


def test_the_surest_are_right_and_no_controls_and_mistakes_differ_from_each_other():
    dataset = Fields()
    said = predicted(dataset, signal=0.8)
    bags = bags_of(dataset, said, control=0)
    chosen = bag_looks.choose(bags)
    surest, wrong = ([bag for bag, why in chosen.items() if why == name] for name in ("Surest", "Wrong"))
    right = (bags.said == bags.label) & (bags.label > 0)
    assert surest[0] == np.where(right, bags.sure, 0).argmax()
    assert len({dataset.donors[bag] for bag in surest}) == 2
    assert right[surest].all()
    mistakes = {(bags.label[bag], bags.said[bag]) for bag in wrong}
    assert len(mistakes) == len(wrong) == 4
    controls = bags_of(dataset, {"probability": np.tile([0.8, 0.1, 0.1], (36, 1))}, control=0)
    assert {controls.label[bag] for bag, why in bag_looks.choose(controls).items() if why == "Surest"} == {0}


def one(bag):
    return np.array([bag])


@pytest.mark.parametrize(
    ("items", "said", "told"),
    [
        (np.arange(4), {}, "All of them are of one dose"),
        (np.arange(4, 8), {}, "All of them are of one dose"),
        (one(5), {}, "of 1 bags with a label"),
        (np.arange(12), {"label": -1}, "12 bags have no label"),
        (np.arange(12), {"nan": 3}, "Of 3 bags the model says no number"),
        (np.arange(12), {"nan": 12}, "Of 12 bags the model says no number"),
        (np.arange(12), {"flat": True}, "4 of 12 bags"),
    ],
    ids=["controls", "one class", "one bag", "no label", "some are no numbers", "none is a number", "all alike"],
)
def test_whatever_is_lacking_the_rest_is_shown(tmp_path, items, said, told):
    dataset = Fields()
    found = {name: values[: 5 * len(items)] for name, values in predicted(dataset).items()}
    found = {name: values[: len(items)] if name != "attention" else values for name, values in found.items()}
    if "label" in said:
        dataset.labels[:] = said["label"]
    found["probability"][: said.get("nan", 0)] = np.nan
    if "flat" in said:
        found["probability"][:], found["attention"] = 1 / 3, np.full(len(found["attention"]), 0.2)
    sections = reported(dataset, found, items=items)
    assert told in sections["bags"].words
    assert len(parts(sections)["bag-all"].table.rows) == len(items)
    kept = {"bags": sections["bags"]} if len(items) == 1 else {}
    assert drawn_without_a_flaw(tmp_path, kept)


def test_names_are_shown_as_they_are_written(tmp_path):
    dataset = Fields(classes=["<b>bold</b>", 'quo"ted', "$a_1$ and a name that is far too long to stand anywhere"])
    said = predicted(dataset)
    drawn_without_a_flaw(tmp_path, reported(dataset, said))
    svg = (tmp_path / "bag-probability.svg").read_text()
    assert "&lt;b&gt;bold" in svg
    assert "<b>" not in svg
    with (tmp_path / "bag-all.csv").open(newline="") as file:
        assert {row["true"] for row in csv.DictReader(file)} == set(dataset.classes)


def test_of_many_classes_only_some_are_drawn_and_it_is_said():
    dataset = Fields(donors=50, classes=[f"class {n}" for n in range(50)])
    found = parts(reported(dataset))
    assert "Of 49 curves the highest and the lowest are shown" in found["bag-roc"].caption
    assert len({row[0] for row in found["bag-roc"].numbers.rows}) == 12
    assert "The 40 classes of most bags are shown" in found["bag-probability"].caption
    assert "bag-confusion" not in found
    assert len(found["bag-all"].table.columns) == 7


def test_marks_of_like_height_stand_beside_each_other_within_their_column():
    values = np.r_[np.full(30, 0.5), 0.9]
    moved = beside(values)
    assert len(set(moved[:30].round(9))) == 30
    assert np.abs(moved).max() <= 0.375 + 1e-9
    assert moved[30] == 0


def test_bags_of_different_sizes_find_their_own_instances():
    attended = Attended(np.arange(6) / 15, np.array([1, 2, 3]))
    assert [attended.attention[attended.of(bag)].tolist() for bag in range(3)] == [
        [0],
        [1 / 15, 2 / 15],
        [3 / 15, 4 / 15, 5 / 15],
    ]


def test_no_table_of_bags_is_without_end(monkeypatch):
    monkeypatch.setattr(bag_tables, "MOST_ROWS", 10)
    listing = parts(reported(Fields()))["bag-all"]
    assert len(listing.table.rows) == 10
    assert "26 more bags are not shown" in listing.caption


def test_truth_that_only_some_groups_have_is_not_that_of_all():
    told, silent = ({"label": np.ones(2), "mask": np.ones(3)}, {"label": np.ones(1)})
    for parts_of in ([told, silent], [silent, told]):
        assert {name: len(values) for name, values in joined(parts_of).items()} == {"label": 3}
