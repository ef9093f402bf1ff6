"""The task of bags: what it predicts and scores, its floors, what it writes, and a whole run on bags made up here."""

import csv
import json

import numpy as np
import pytest
import torch
from sklearn import metrics

import zoo as face
from zoo.errors import DataError, UsageError
from zoo.scores import floors, localisation
from zoo.tasks.mil import Mil

TOY = '''
"""Bags of noise in which some instances of dosed animals are brighter in one channel; one animal, one dose."""
import numpy as np
import torch
from torch import nn


class Bags:
    provides = ("instances", "offsets", "label")
    classes = ["control", "low, slow", "high"]
    provenance = {"name": "toy bags", "kind": "simulated", "licence": "cc0-1.0"}

    def __init__(self, *, animals: int = 6, bags: int = 4, signal: float = 3.0, truth: bool = True) -> None:
        rng = np.random.default_rng(0)
        self.animals = np.repeat(np.arange(animals), bags)
        self.labels = self.animals % 3
        self.sizes = rng.integers(4, 9, size=len(self.labels))
        self.masks = [np.arange(n) < (2 if label else 0) for n, label in zip(self.sizes, self.labels)]
        self.stacks = []
        for mask, label in zip(self.masks, self.labels):
            stack = rng.normal(size=(len(mask), 3, 2, 2))
            stack[mask, 0] += signal * label
            self.stacks.append(torch.from_numpy(stack).float())
        self.truth = truth
        self.read = []

    def __len__(self):
        return len(self.stacks)

    @property
    def groups(self):
        return {"animal": [f"a{number}" for number in self.animals]}

    @property
    def facts(self):
        return {"in_chans": 3, "num_classes": 3}

    def fit(self, items):
        pass

    def state(self):
        return {"classes": self.classes}

    def restore(self, state):
        self.classes = state["classes"]

    def instance_truth(self, items):
        return np.concatenate([self.masks[item] for item in items]) if self.truth else None

    def batch(self, items):
        self.read.append(len(items))
        stacks = [self.stacks[item] for item in items]
        offsets = np.cumsum([0, *map(len, stacks)])
        return {
            "id": [f"bag{item}" for item in items],
            "instances": torch.cat(stacks),
            "offsets": torch.from_numpy(offsets),
            "label": torch.from_numpy(self.labels[items]),
        }

    def open_new(self, inputs):
        new = Bags(animals=0)
        new.stacks = list(torch.from_numpy(np.load(inputs["input"])).float())
        new.labels = np.full(len(new), -1)
        new.restore(self.state())
        return new


class Pixels(nn.Module):
    reads = ("instances",)

    def __init__(self, *, in_chans: int) -> None:
        super().__init__()
        self.out_features = in_chans * 4
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, batch):
        return batch["instances"].flatten(1) * self.scale


class Attend(nn.Module):
    def __init__(self, *, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.look, self.say = nn.Linear(in_features, 1), nn.Linear(in_features, num_classes)

    def forward(self, features, batch):
        sizes = batch["offsets"].diff().tolist()
        attention = torch.cat([part.softmax(0) for part in self.look(features)[:, 0].split(sizes)])
        instance = self.say(features)
        bag = torch.stack([part.sum(0) for part in (instance * attention[:, None]).split(sizes)])
        return {"bag": bag, "instance": instance, "attention": attention, "size": batch["offsets"].diff().float()}


class Entropy(nn.Module):
    def forward(self, outputs, batch):
        return nn.functional.cross_entropy(outputs["bag"], batch["label"])
'''
RECIPE = """
zoo: 1
name: toy
data: {use: toy-bags, split: {unit: animal, scheme: leave-one-group-out}}
encoder: {use: toy-pixels}
head: {use: toy-attend}
loss: {use: toy-entropy}
task: {use: toy-mil, kind: ordinal}
train: {epochs: 12, batch: 8, lr: 0.03, precision: fp32}
"""


@pytest.fixture
def toy(dist, tmp_path):
    """Install the bags of this file with the parts that learn from them; return the recipe."""
    torch.set_num_threads(1)
    points = {
        "datasets": {"toy-bags": "zoo_toy_bags:Bags"},
        "encoders": {"toy-pixels": "zoo_toy_bags:Pixels"},
        "heads": {"toy-attend": "zoo_toy_bags:Attend"},
        "losses": {"toy-entropy": "zoo_toy_bags:Entropy"},
        "tasks": {"toy-mil": "zoo.tasks.mil:Mil"},
    }
    dist("toy-bags", files={"zoo_toy_bags.py": TOY}, points=points)
    path = tmp_path / "toy.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def bags():
    """Return the dataset alone."""
    names = {}
    exec(TOY, names)
    return names["Bags"]


def outputs(dataset, seed=0, classes=3):
    """Return what a head that knows a little would give for all bags."""
    rng = np.random.default_rng(seed)
    bag = rng.normal(size=(len(dataset), classes)) + 2 * np.eye(classes)[dataset.labels]
    attention = [rng.random(size) + mask for size, mask in zip(dataset.sizes, dataset.masks, strict=True)]
    return {
        "bag": bag.astype(np.float32),
        "instance": rng.normal(size=(dataset.sizes.sum(), classes)).astype(np.float32),
        "attention": np.concatenate([part / part.sum() for part in attention]).astype(np.float32),
        "size": dataset.sizes.astype(np.float32),
    }


def everything(dataset):
    return np.arange(len(dataset))


def test_a_prediction_holds_probabilities_of_bags_and_instances_that_add_up_to_one(bags):
    dataset, task = bags(), Mil(num_classes=3)
    predicted = task.predict(outputs(dataset), {})
    assert predicted["probability"].sum(axis=1) == pytest.approx(1)
    assert predicted["instance"].sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert predicted["attention"].shape == (dataset.sizes.sum(),)
    assert predicted["size"].tolist() == dataset.sizes.tolist()
    assert (predicted["probability"].argmax(axis=1) == outputs(dataset)["bag"].argmax(axis=1)).all()


def test_a_head_without_attention_is_scored_too_and_has_no_localisation(bags):
    dataset, task = bags(), Mil(num_classes=3)
    predicted = task.predict({"bag": outputs(dataset)["bag"]}, {})
    assert set(predicted) == {"probability"}
    found, counts = task.score(predicted, task.truth(dataset, everything(dataset)))
    assert found["auc"] > 0.5
    assert np.isnan([found[name] for name in ("auprc", "auprc_over_prevalence", "pointing", "iou")]).all()
    assert counts == {"bags": 24.0, "labelled": 24.0, "localised": 0.0}


def test_of_ordered_doses_each_is_held_against_the_control_and_the_main_score_is_their_mean(bags):
    dataset, task = bags(), Mil(num_classes=3, kind="ordinal")
    assert list(task.scores)[:3] == ["auc", "auc_1", "auc_2"]
    predicted = task.predict(outputs(dataset), {})
    found, _ = task.score(predicted, task.truth(dataset, everything(dataset)))
    for k in (1, 2):
        both = (dataset.labels == 0) | (dataset.labels == k)
        logits = outputs(dataset)["bag"][both]
        expected = metrics.roc_auc_score(dataset.labels[both] == k, logits[:, k] - logits[:, 0])
        assert found[f"auc_{k}"] == pytest.approx(expected)
    assert found["auc"] == pytest.approx((found["auc_1"] + found["auc_2"]) / 2)


def test_of_two_classes_the_main_score_is_the_auc(bags):
    dataset, task = bags(), Mil(num_classes=2, kind="binary")
    dataset.labels = (dataset.labels > 0).astype(np.int64)
    dataset.classes = ["control", "drug"]
    predicted = task.predict(outputs(dataset, classes=2), {})
    found, _ = task.score(predicted, task.truth(dataset, everything(dataset)))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(dataset.labels, predicted["probability"][:, 1]))
    assert set(found) == set(task.scores)


def test_without_a_control_each_class_is_held_against_all_others(bags):
    dataset, task = bags(), Mil(num_classes=3)
    predicted = task.predict(outputs(dataset), {})
    found, _ = task.score(predicted, task.truth(dataset, everything(dataset)))
    expected = metrics.roc_auc_score(dataset.labels, predicted["probability"], multi_class="ovr")
    assert found["auc"] == pytest.approx(expected)
    assert found["f1"] == pytest.approx(
        metrics.f1_score(dataset.labels, predicted["probability"].argmax(axis=1), average="macro")
    )


def test_the_control_may_be_any_class_by_its_name_and_one_that_is_not_there_is_answered_with_those_that_are(bags):
    dataset = bags()
    task = Mil(num_classes=3, control="high")
    predicted, truth = task.predict(outputs(dataset), {}), task.truth(dataset, everything(dataset))
    assert truth["control"].tolist() == [2] * 24
    auc = []
    for k in (0, 1):
        both = (dataset.labels == 2) | (dataset.labels == k)
        logits = outputs(dataset)["bag"][both]
        auc.append(metrics.roc_auc_score(dataset.labels[both] == k, logits[:, k] - logits[:, 2]))
    assert task.score(predicted, truth)[0]["auc"] == pytest.approx(np.mean(auc))
    with pytest.raises(UsageError, match=r"task\.control 'dmso' is no class of the data; they have control, low, slow"):
        Mil(num_classes=3, control="dmso").truth(dataset, everything(dataset))


def test_localisation_is_scored_over_dosed_bags_and_the_prevalence_is_what_it_is_divided_by(bags):
    dataset, task = bags(), Mil(num_classes=3, kind="ordinal")
    predicted = task.predict(outputs(dataset), {})
    found, counts = task.score(predicted, task.truth(dataset, everything(dataset)))
    dosed = dataset.labels > 0
    by_bag = localisation.by_bag(predicted["attention"], np.concatenate(dataset.masks), dataset.sizes)
    for name in ("auprc", "pointing", "iou"):
        assert found[name] == pytest.approx(by_bag[name][dosed].mean())
    prevalence = np.mean([mask.mean() for mask, is_dosed in zip(dataset.masks, dosed, strict=True) if is_dosed])
    assert found["auprc_over_prevalence"] == pytest.approx(found["auprc"] / prevalence)
    assert counts["localised"] == dosed.sum()
    even = {**predicted, "attention": np.repeat(1 / dataset.sizes, dataset.sizes)}
    assert task.score(even, task.truth(dataset, everything(dataset)))[0]["auprc_over_prevalence"] == pytest.approx(1)


def test_what_is_true_in_bags_of_the_control_or_of_no_label_is_not_to_be_found(bags):
    dataset, task = bags(), Mil(num_classes=3, kind="ordinal")
    predicted = task.predict(outputs(dataset), {})
    before = task.score(predicted, task.truth(dataset, everything(dataset)))
    dataset.masks[0] = np.arange(dataset.sizes[0]) == 1
    assert dataset.labels[0] == 0
    assert task.score(predicted, task.truth(dataset, everything(dataset))) == before
    dataset.labels = np.where(np.arange(24) == 4, -1, dataset.labels)
    assert task.score(predicted, task.truth(dataset, everything(dataset)))[1]["localised"] == before[1]["localised"] - 1


def test_bags_of_unknown_label_are_left_out_of_every_score(bags):
    dataset, task = bags(), Mil(num_classes=3, kind="ordinal")
    known = everything(dataset)[:-5]
    whole = task.predict(outputs(dataset), {})
    without = {"probability": whole["probability"][known]}
    expected, _ = task.score(without, task.truth(dataset, known) | {"mask": np.zeros(0, dtype=bool)})
    dataset.labels = np.where(everything(dataset) < 19, dataset.labels, -1)
    found, counts = task.score({"probability": whole["probability"]}, task.truth(dataset, everything(dataset)))
    assert counts == {"bags": 24.0, "labelled": 19.0, "localised": 0.0}
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_group_of_one_class_has_no_auc_and_no_crash(bags):
    dataset, task = bags(), Mil(num_classes=3, kind="ordinal")
    items = np.flatnonzero(dataset.labels == 1)
    predicted = {"probability": np.full((len(items), 3), 1 / 3)}
    found, _ = task.score(predicted, task.truth(dataset, items))
    assert np.isnan([found["auc"], found["auc_1"], found["auc_2"]]).all()
    assert np.isfinite([found["f1"], found["balanced_accuracy"], found["ece"]]).all()


def test_what_is_kept_of_a_prediction_has_a_row_a_bag_and_gives_the_same_scores(bags):
    dataset, task = bags(), Mil(num_classes=3, kind="ordinal")
    predicted, truth = task.predict(outputs(dataset), {}), task.truth(dataset, everything(dataset))
    kept = task.brief(predicted, truth)
    assert all(len(values) == 24 for arrays in kept for values in arrays.values())
    assert task.score(*kept) == task.score(predicted, truth)
    again = task.brief(*kept)
    assert [list(arrays) for arrays in again] == [list(arrays) for arrays in kept]
    one = task.resampled(*kept, np.ones((3, 24)))
    assert set(one) == set(task.scores)
    for name, value in task.score(predicted, truth)[0].items():
        assert one[name] == pytest.approx(np.full(3, value))


def test_attention_over_another_number_of_instances_than_the_truth_has_is_refused(bags):
    dataset, task = bags(), Mil(num_classes=3)
    predicted = task.predict(outputs(dataset), {})
    predicted["attention"], predicted["size"] = (
        predicted["attention"][:-1],
        predicted["size"] - np.eye(24, dtype=int)[-1],
    )
    total = dataset.sizes.sum()
    with pytest.raises(DataError, match=rf"attends to {total - 1} instances and the data know the truth of {total}"):
        task.score(predicted, task.truth(dataset, everything(dataset)))


def test_data_that_know_no_truth_of_instances_are_scored_without(bags):
    dataset, task = bags(truth=False), Mil(num_classes=3)
    assert set(task.truth(dataset, everything(dataset))) == {"label", "control"}
    del bags.instance_truth
    assert set(task.truth(dataset, everything(dataset))) == {"label", "control"}


@pytest.mark.parametrize(
    ("classes", "kind", "said"),
    [(3, "binary", "kind binary takes exactly two classes, and the data have 3"), (1, "classes", "at least two")],
)
def test_a_number_of_classes_that_cannot_be_is_refused(classes, kind, said):
    with pytest.raises(ValueError, match=said):
        Mil(num_classes=classes, kind=kind)


def test_every_score_has_a_meaning_for_the_card():
    for task in (Mil(num_classes=4), Mil(num_classes=4, kind="ordinal"), Mil(num_classes=2, kind="binary")):
        assert list(task.hub["scores"]) == list(task.scores)
        assert set(task.hub["metrics"]) <= set(task.scores)
        assert task.hub["pipeline_tag"] == "image-classification"
        assert task.hub["writes"] == "/"
        assert [name for name, up in task.scores.items() if not up] == ["ece"]
        assert all(len(meaning) < 120 for meaning in task.hub["scores"].values())


def test_the_floors_are_class_frequencies_and_a_regression_on_spectra_fitted_to_the_items_given(bags):
    dataset, task = bags(), Mil(num_classes=3)
    items = np.flatnonzero(dataset.animals < 4)
    found = task.fit_floors(dataset, items)
    assert list(found) == ["majority", "mean-spectrum"]
    label = dataset.labels[items]
    features = np.stack([floors.spectrum(dataset.stacks[item]) for item in items])
    assert features.shape == (16, 6)
    even = task.predict_floor("majority", found["majority"], dataset, np.array([3, 20]))
    assert even["probability"] == pytest.approx(np.tile(np.bincount(label) / 16, (2, 1)))
    told = task.predict_floor("mean-spectrum", found["mean-spectrum"], dataset, items)["probability"]
    assert told == pytest.approx(floors.logistic(floors.fit_logistic(features, label), features, 3))
    assert (told.argmax(axis=1) == label).mean() > 0.8


def test_floors_are_read_a_few_bags_at_a_time_and_can_be_kept_as_tensors(bags):
    dataset, task = bags(), Mil(num_classes=3)
    found = task.fit_floors(dataset, everything(dataset))
    assert max(dataset.read) <= 4
    for state in found.values():
        assert all(torch.from_numpy(values).isfinite().all() for values in state.values())


def test_floors_skip_bags_without_a_label_and_refuse_data_without_any(bags):
    dataset, task = bags(), Mil(num_classes=3)
    dataset.labels = np.where(np.arange(24) < 8, dataset.labels, -1)
    found = task.fit_floors(dataset, everything(dataset))
    assert found["majority"]["frequency"].tolist() == [0.5, 0.5, 0]
    assert found["mean-spectrum"]["classes"].tolist() == [0, 1]
    assert sum(dataset.read) == 8
    dataset.labels[:] = -1
    with pytest.raises(DataError, match="none of the training bags has a label"):
        task.fit_floors(dataset, everything(dataset))


def test_pixels_that_are_not_finite_are_named_by_their_bag(bags):
    dataset, task = bags(), Mil(num_classes=3)
    dataset.stacks[9][0, 0, 0, 0] = float("nan")
    with pytest.raises(DataError, match="the pixels of 'bag9' are not all finite"):
        task.fit_floors(dataset, everything(dataset))


def test_predictions_are_written_as_a_folder_with_a_row_a_bag_pictures_and_what_made_them(bags, tmp_path):
    dataset, task = bags(), Mil(num_classes=3)
    drawn = []
    dataset.draw = lambda predicted, folder: drawn.append((set(predicted), folder))
    predicted = task.predict(outputs(dataset), {})
    folder = tmp_path / "deep" / "predicted"
    task.write(predicted, dataset, folder, {"recipe": "toy", "member": "holdout-seed0"})
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"bag{item}" for item in range(24)]
    names = [f"probability_{name}" for name in dataset.classes]
    for row, probability in zip(rows, predicted["probability"], strict=True):
        assert row["predicted"] == dataset.classes[probability.argmax()]
        assert [float(row[name]) for name in names] == pytest.approx(probability, rel=1e-5)
    written = json.loads((folder / "provenance.json").read_text())
    assert written == {"recipe": "toy", "member": "holdout-seed0", "classes": dataset.classes}
    assert drawn == [({"probability", "instance", "attention", "size"}, folder)]
    assert not list(folder.rglob("*.tmp"))
    assert max(dataset.read) <= 4


@pytest.mark.parametrize("name", ["predicted.csv", "there"])
def test_a_file_is_no_place_for_predictions_of_bags(bags, tmp_path, name):
    (tmp_path / "there").write_text("dear")
    with pytest.raises(UsageError, match="predictions of bags are a folder; name one that has no ending"):
        Mil(num_classes=3).write({}, bags(), tmp_path / name, {})


def test_leaving_out_one_animal_of_one_dose_after_the_other_gives_a_finite_auc(toy, tmp_path):
    run, found = face.train(toy, [], out=tmp_path / "run", device="cpu")
    assert len(found["members"]) == 6
    for score in ("auc", "auc_1", "auc_2"):
        assert found["scores"][score]["mean"] is not None
        assert set(found["scores"][score]["by_group"].values()) == {None}
    assert found["scores"]["auc"]["mean"] > 0.7
    assert set(found["floors"]) == {"majority", "mean-spectrum"}
    # the class of the animal that was left out is the rarest to its fold
    assert found["floors"]["majority"]["auc"]["mean"] == 0
    assert any(note.startswith("the 6 models of a seed differ in level") for note in found["notes"])
    assert found["floors"]["majority"]["pointing"]["mean"] is None
    assert found["above_floor"]["pointing"] == {"floor": None, "mean": None, "interval": None}
    assert found["above_floor"]["auc"]["floor"] == "mean-spectrum"
    assert found["scores"]["auprc_over_prevalence"]["mean"] > 1.2
    assert found["counts"]["a1"] == {"bags": 4.0, "labelled": 4.0, "localised": 4.0}
    assert any("of all 6 test groups together" in note for note in found["notes"])
    json.dumps(json.loads(run.metrics_path.read_text()), allow_nan=False)


def test_a_run_on_bags_is_shown_scored_again_and_predicts_into_a_folder(toy, tmp_path, zoo):
    settings = ["--set", "data.split={unit: animal, scheme: holdout, test: [a0, a1, a2]}", "--set", "train.epochs=2"]
    code, out, err = zoo("train", toy, *settings, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "mean-spectrum" in out
    metrics_file = json.loads((tmp_path / "run" / "metrics.json").read_text())
    code, out, err = zoo("eval", tmp_path / "run", "--format", "json", "--device", "cpu")
    assert code == 0, err
    again = json.loads(out)
    for score in ("auc", "f1", "auprc"):
        assert again["scores"][score]["mean"] == pytest.approx(metrics_file["scores"][score]["mean"], abs=1e-6)
        floor = metrics_file["floors"]["mean-spectrum"][score]["mean"]
        assert again["floors"]["mean-spectrum"][score]["mean"] == (None if floor is None else pytest.approx(floor))
    np.save(tmp_path / "new.npy", np.random.default_rng(0).normal(size=(3, 5, 3, 2, 2)))
    asked = ("predict", tmp_path / "run", "--input", tmp_path / "new.npy", "--device", "cpu")
    code, out, err = zoo(*asked, "--out", tmp_path / "told")
    assert code == 0, err
    assert (tmp_path / "told" / "predictions.csv").read_text().count("\n") == 4
    assert json.loads((tmp_path / "told" / "provenance.json").read_text())["recipe"] == "toy"
    code, _, err = zoo(*asked, "--out", tmp_path / "told.csv")
    assert code == 2
    assert "predictions of bags are a folder" in err
