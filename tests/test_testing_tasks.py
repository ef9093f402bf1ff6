"""Checks of tasks and stages: a right part passes, each wrong one has its sentence and its line."""

from pathlib import Path

import numpy as np
import pytest
from testing_lines import findings, line

from zoo import atomic, recipe
from zoo.contracts import Loss
from zoo.schema import FitSettings
from zoo.stage_contract import Block, Made
from zoo.testing import stages, tasks

RECIPES = Path(__file__).parent / "recipes"


class Regress:
    """One number an item, scored over all test groups together."""

    pooled = True
    needs_bank = True
    scores = {"r2": True, "mse": False}  # noqa: RUF012 - as a stranger would write it
    hub = {"writes": "csv", "task_type": "regression", "scores": {"r2": "share explained"}}  # noqa: RUF012 - as above

    def bank(self, outputs, dataset, items):
        return {"mean": self.truth(dataset, items)["value"].mean(keepdims=True)}

    def predict(self, outputs, bank):
        return {"value": outputs["value"] + bank["mean"]}

    def truth(self, dataset, items):
        return {"value": dataset.y[items]}

    def brief(self, predicted, truth):
        return {"value": predicted["value"].astype(np.float64)}, truth

    def score(self, predicted, truth):
        found = self.resampled(predicted, truth, np.ones((1, len(truth["value"]))))
        return {name: float(found[name][0]) for name in self.scores}, {"items": len(truth["value"])}

    def resampled(self, predicted, truth, weight):
        total = weight.sum(axis=1)
        error = (weight * (predicted["value"] - truth["value"]) ** 2).sum(axis=1) / total
        mean = (weight * truth["value"]).sum(axis=1) / total
        spread = (weight * (truth["value"] - mean[:, None]) ** 2).sum(axis=1) / total
        return {"r2": 1 - error / spread, "mse": error}

    def calibrate(self, outputs, dataset, items):
        return {"shift": np.zeros(1)}

    def fit_floors(self, dataset, items):
        return {"mean": {"mean": dataset.y[items].mean(keepdims=True)}}

    def predict_floor(self, name, state, dataset, items):
        return {"value": np.repeat(state["mean"], len(items))}

    def write(self, predicted, dataset, path, facts) -> None:
        atomic.write_text(path, "\n".join(map(str, predicted["value"].tolist())))


class Wordless(Regress):
    scores = {"r2": "up", "mse": "down"}  # noqa: RUF012 - as above


class Endless(Regress):
    def predict(self, outputs, bank):
        return {"value": np.full_like(outputs["value"], np.inf)}


class Listing(Regress):
    def bank(self, outputs, dataset, items):
        return {**super().bank(outputs, dataset, items), "names": np.array(["a", "b"])}


class More(Regress):
    def score(self, predicted, truth):
        found, counts = super().score(predicted, truth)
        return {**found, "mae": 0.0}, counts


class Ordered(Regress):
    def score(self, predicted, truth):
        found, counts = super().score(predicted, truth)
        return {**found, "mse": float(predicted["value"][0])}, counts


class Upside(Regress):
    scores = {"r2": True, "mse": True}  # noqa: RUF012 - as above


class Floorless(Regress):
    def fit_floors(self, dataset, items):
        return {}


class Flat(Regress):
    def predict_floor(self, name, state, dataset, items):
        return {"value": state["mean"]}


class Elsewhere(Regress):
    def write(self, predicted, dataset, path, facts) -> None:
        super().write(predicted, dataset, path.with_suffix(".txt"), facts)


class Boasting(Regress):
    hub = {**Regress.hub, "metrics": {"accuracy": "accuracy"}}  # noqa: RUF012 - as above


class Changing(Regress):
    def predict(self, outputs, bank):
        found = super().predict(outputs, bank)
        return {**found, "shifted": found["value"]} if "shift" in bank else found


class Rounding(Regress):
    def brief(self, predicted, truth):
        return {"value": predicted["value"].round()}, truth


class Leaning(Regress):
    def brief(self, predicted, truth):
        return predicted, {**truth, "said": predicted["value"]}


class Summing(Regress):
    def resampled(self, predicted, truth, weight):
        found = super().resampled(predicted, truth, weight)
        return {**found, "mse": found["mse"] * len(weight)}


def of_task(part):
    return findings("tasks", part, tasks, recipe=RECIPES / "tiny.yaml")


def test_a_task_that_keeps_its_promises_passes(tiny):
    found = of_task(Regress)
    assert {one.verdict for one in found.values()} == {"PASS"}, found
    assert {"calibrate", "brief", "resampled"} < set(found)


@pytest.mark.parametrize(
    ("part", "check", "said", "at"),
    [
        (Wordless, "scores", "name each score, the main one first, with True where higher is better", "scores ="),
        (Endless, "predict", "values of 'value' are no finite numbers; a run is refused for them", "def predict"),
        (Listing, "stored", "'names' of the bank is <U1 [2]; a model keeps arrays of numbers", "def bank"),
        (More, "score", "gives mae, mse, r2 for the model, and scores names mse, r2; give exactly", "def score"),
        (Ordered, "order", "for the same items the other way round; a score does not hang on the", "def score"),
        (Upside, "direction", "mse is 0 where all is predicted as it was measured, and ", "scores ="),
        (Floorless, "floors", "has no floor; every score stands beside that of a trivial rival", "def fit_floors"),
        (Flat, "floors", "floor 'mean' predicts 'value' [1], and the model [16]", "def predict_floor"),
        (Elsewhere, "write", "was asked for predictions.csv, and wrote predictions.txt; write to", "def write"),
        (Boasting, "hub", "tells of score 'accuracy', and scores names r2, mse; correct one", "hub ="),
        (Changing, "calibrate", "calibrated it predicts shifted, value, and before value", "def predict"),
        (Rounding, "brief", "what brief keeps is scored otherwise: r2 is ", "def brief"),
        (Leaning, "brief", "the truth that it returns hangs on what was predicted", "def brief"),
        (Summing, "resampled", "every item weighed by 1 gives other scores: mse is ", "def resampled"),
    ],
)
def test_a_task_that_breaks_a_promise_is_told_which_and_where(tiny, part, check, said, at):
    found = of_task(part)[check]
    assert found.verdict == "FAIL"
    assert said in found.message
    assert at in line(found)


class Once:
    """One training, and the mean of what the training items are."""

    def __init__(self, *, loss: Block[Loss], train: FitSettings = FitSettings(epochs=3, batch=32)) -> None:
        self.loss, self.settings = loss, train

    def run(self, work):
        model = yield from work.fit("", head=None, loss=self.loss, train=self.settings)
        return Made(model, {"mean": np.atleast_1d(work.dataset.y[work.items("train")].mean())}, summary={"items": 1})


class Plainly(Once):
    def run(self, work):
        return Made()


class Talking(Once):
    def run(self, work):
        yield "half"


class Handing(Once):
    def run(self, work):
        yield work.progress(1, 1, "all")
        return {"mean": 1.0}


class Telling(Once):
    def run(self, work):
        yield work.progress(1, 1, "all")
        return Made(summary={"mean": np.float32(1)})


class Gambling(Once):
    def run(self, work):
        yield work.progress(1, 1, "all")
        return Made(arrays={"drawn": np.random.random(3)})  # noqa: NPY002 - the mistake


class Peeking(Once):
    def run(self, work):
        yield work.progress(1, 1, "all")
        return Made(arrays={"target": work.dataset.batch(np.arange(len(work.dataset)))["target"].numpy()})


class Unsure(Telling):
    fitted = "no"


def of_stage(part, *overrides):
    return findings("stages", part, stages, recipe=recipe.load(RECIPES / "tiny.yaml", list(overrides)))


def test_a_stage_that_keeps_its_promises_passes(tiny):
    assert {one.verdict for one in of_stage(Once).values()} == {"PASS"}


@pytest.mark.parametrize(
    ("part", "check", "said"),
    [
        (Plainly, "generator", "run is no generator: it holds no yield; write 'def run(self, work): ...'"),
        (Talking, "tells", "yields 'half'; yield what work.progress, work.fit and work.embed give"),
        (Handing, "made", "returns a dict; return Made(...), or nothing"),
        (Telling, "made", "summary.mean is float32 1.0, which no JSON has"),
        (Gambling, "repeat", "made again it is another: 'drawn' is off by up to"),
        (Peeking, "items", "reads 16 items of the test groups (item 6 is the first)"),
    ],
)
def test_a_stage_that_breaks_a_promise_is_told_which_and_where(tiny, part, check, said):
    found = of_stage(part)[check]
    assert found.verdict == "FAIL"
    assert said in found.message
    assert "def run" in line(found)


def test_a_stage_says_yes_or_no_of_what_it_hangs_on(tiny):
    found = of_stage(Unsure)["data"]
    assert found.message == "fitted is 'no'; say True or False"
    assert "fitted =" in line(found)


def test_a_stage_over_many_items_is_left_to_a_smaller_recipe(tiny):
    found = of_stage(Once, "data.items=400")["runs"]
    assert found.verdict == "SKIP"
    assert "its recipe has 400 items, and checks run at most 128; give a smaller one" in found.message


@pytest.mark.parametrize("name", ["train", "embed", "refine", "calibrate"])
def test_our_own_stages_keep_their_promises(tiny, name):
    bags = recipe.load(RECIPES / "bags.yaml", ["data.bags=24", "stages.3.rounds=1"])
    assert {one.verdict for one in findings("stages", name, stages, recipe=bags).values()} == {"PASS"}


def test_cells_are_found_and_cut_out_as_a_stage_promises():
    small = ["data.antibodies=40", "data.fields=1", "data.size=96", "data.diameter=40", "data.rare=2"]
    found = findings("stages", "segment", stages, recipe=recipe.load("hpa", [*small, "stages.0.processes=0"]))
    assert {one.verdict for one in found.values()} == {"PASS"}, found
