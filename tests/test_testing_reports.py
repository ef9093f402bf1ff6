"""Checks of what a task shows on a page: right sections pass, each wrong one has its sentence and its line."""

import numpy as np
import pytest
from test_testing_tasks import RECIPES, Regress
from testing_lines import findings, line

from zoo import recipe
from zoo.figures import style
from zoo.figures.files import Table
from zoo.figures.parts import Code, Figure, Listing, Section
from zoo.testing import tasks


def figure(key="residuals", **more):
    drawing = style.figure(3, 2)
    drawing.subplots().plot([0, 1], [0, 1])
    return Figure(key, "Residuals", "A line.", drawing, **more)


class Showing(Regress):
    """Shows one section; ``asked`` keeps how it was called."""

    asked = []  # noqa: RUF012 - one list for all that are built

    def report(self, predicted, truth, *, dataset, items, groups, look):
        self.asked.append((len(items), set(groups), look is not None))
        table = Table(["id", "off"], [["a", 0.5], ["b", float("nan")]])
        yield Section("fit", "Fit", [figure(numbers=table), Listing("items", "Items", table), Code("c", "C", "x")])
        if look:
            outputs, maps = look.outputs(items[:2]), look.explain(items[:2], np.zeros(2, dtype=np.int64))
            shown = [["outputs", len(outputs["value"])], ["maps", -1 if maps is None else len(maps)]]
            table = Table(["what", "rows"], [*shown, ["train", len(look.train)]])
            yield Section("model", "Model", [Listing("asked", "Asked", table)])


class Wordy(Showing):
    def report(self, predicted, truth, **asked):
        return ["a picture"]


class Twice(Showing):
    def report(self, predicted, truth, **asked):
        return [Section("fit", "Fit", [figure(), figure()])]


class Ragged(Showing):
    def report(self, predicted, truth, **asked):
        return [Section("fit", "Fit", [Listing("items", "Items", Table(["a", "b"], [[1, 2], [3]]))])]


class Unbounded(Showing):
    def report(self, predicted, truth, **asked):
        return [Section("fit", "Fit", [Listing("items", "Items", Table(["a"], [[1.0], [float("inf")]]))])]


class Undrawn(Showing):
    def report(self, predicted, truth, **asked):
        return [Section("fit", "Fit", [Figure("roc", "ROC", "A line.", "no drawing")])]


class Speechless(Showing):
    def report(self, predicted, truth, **asked):
        return [Section("fit", "Fit", [Figure("roc", "ROC", "", style.figure())])]


class Careless(Showing):
    def report(self, predicted, truth, *, dataset, items, groups, look):
        yield Section("fit", "Fit", [Listing("train", "Train", Table(["n"], [[len(look.train)]]))])


def report_of(part):
    return findings("tasks", part, tasks, recipe=recipe.load(RECIPES / "tiny.yaml"))["report"]


def test_a_task_that_shows_what_can_be_drawn_passes_and_is_asked_with_a_model_and_without(tiny):
    Showing.asked.clear()
    assert report_of(Showing).verdict == "PASS"
    assert Showing.asked == [(16, {"g6", "g7"}, True), (16, {"g6", "g7"}, False)]


def test_a_task_without_a_page_is_not_asked(tiny):
    assert "report" not in findings("tasks", Regress, tasks, recipe=recipe.load(RECIPES / "tiny.yaml"))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (Wordy, "gives a str; give sections (zoo.figures.parts.Section)"),
        (Twice, "gives two parts 'residuals', and the second hides the first; name them apart"),
        (Ragged, "row 2 of 'items' has 1 values for 2 columns; give as many"),
        (Unbounded, "row 2 of 'items' is endless in 'a'; give a finite number, or NaN where there is none"),
        (Undrawn, "figure 'roc' cannot be drawn: it raises AttributeError: 'str' object has no attribute 'savefig'"),
        (Speechless, "figure 'roc' has no alt text; say in a sentence what one sees in it"),
        (Careless, "raises AttributeError: 'NoneType' object has no attribute 'train'"),
    ],
)
def test_a_task_whose_page_would_break_is_told_why_and_where(tiny, part, said):
    found = report_of(part)
    assert found.verdict == "FAIL"
    assert said in found.message
    assert "def report" in line(found) or "yield Section" in line(found) or "return [Section" in line(found)


def test_figures_of_pyplot_are_found_because_they_pile_up(tiny):
    import matplotlib.pyplot as plt

    class Piling(Showing):
        def report(self, predicted, truth, **asked):
            drawing, _ = plt.subplots()
            return [Section("fit", "Fit", [Figure("roc", "ROC", "A line.", drawing)])]

    found = report_of(Piling)
    plt.close("all")
    assert "leaves figures of pyplot open" in found.message
