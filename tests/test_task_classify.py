"""The task of classes: its scores are scikit-learn's, its floors are honest, its table reads back; and a whole run."""

import csv
import json
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from zoo.errors import DataError, UsageError
from zoo.scores import by_class, floors, pooling, ranking
from zoo.scores.weights import weights_of
from zoo.tasks.classify import Classify

TOY = '''
"""Images of noise that treatments make brighter in one channel; wells of four fields, two wells a treatment."""
import numpy as np
import torch
from torch import nn


class Plate:
    provides = ("image", "label")
    channels = ("DNA", "actin")
    provenance = {"name": "toy plate", "kind": "simulated", "licence": "cc0-1.0"}

    def __init__(self, *, wells: int = 2, dtype: str = "uint16") -> None:
        rng = np.random.default_rng(0)
        self.classes = ["DMSO", "drug, blue", "drug 3"]
        label = np.repeat(np.arange(3), 4 * wells)
        image = rng.integers(0, 20000, size=(len(label), 2, 16, 16))
        image[label == 1, 0] += 9000
        image[label == 2, 1] += 9000
        white = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
        self.image = torch.from_numpy((image / 65535 * white).astype(dtype))
        self.labels = label.tolist()
        self.wells = [f"{'ABC'[k]}{item // 4 % wells + 1:02}" for item, k in enumerate(self.labels)]
        self.read = []

    def __len__(self):
        return len(self.labels)

    @property
    def groups(self):
        return {"well": self.wells, "plate": ["" for _ in self.wells]}

    @property
    def facts(self):
        return {"in_chans": 2, "num_classes": 3}

    def fit(self, items):
        pass

    def state(self):
        return {"classes": self.classes}

    def restore(self, state):
        self.classes = state["classes"]

    def batch(self, items):
        self.read.append(len(items))
        return {
            "id": [f"{self.wells[item]}/f{item % 4}" for item in items],
            "image": self.image[items],
            "label": torch.tensor(self.labels)[items],
        }

    def open_new(self, inputs):
        new = Plate()
        new.image = torch.from_numpy(np.load(inputs["input"]))
        new.labels, new.wells = [-1] * len(new.image), [f"D{item:02}" for item in range(len(new.image))]
        new.restore(self.state())
        return new


class Mean(nn.Module):
    reads = ("image",)

    def __init__(self, *, in_chans: int) -> None:
        super().__init__()
        self.out_features, self.scale = in_chans, nn.Parameter(torch.ones(()))

    def mapped(self, batch):
        return 10 * self.scale * batch["image"]

    def pooled(self, found):
        return found.mean(dim=(2, 3))

    def forward(self, batch):
        return self.pooled(self.mapped(batch))


class Say(nn.Module):
    def __init__(self, *, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_features, num_classes)

    def forward(self, features, batch):
        return {"logits": self.fc(features)}


class Entropy(nn.Module):
    def forward(self, outputs, batch):
        return nn.functional.cross_entropy(outputs["logits"], batch["label"])
'''
RECIPE = """
zoo: 1
name: toy
data: {use: toy-plate, wells: 3, split: {unit: well, scheme: holdout, test: [A01, B01, C01]}}
encoder: {use: toy-mean}
head: {use: toy-say}
loss: {use: toy-entropy}
task: {use: toy-classify, shown: 1}
train: {epochs: 12, batch: 8, lr: 0.3, precision: fp32}
"""


@pytest.fixture
def toy(dist, tmp_path):
    """Install the plate of this file with the parts that learn from it; return the recipe."""
    torch.set_num_threads(1)
    points = {
        "datasets": {"toy-plate": "zoo_toy_plate:Plate"},
        "encoders": {"toy-mean": "zoo_toy_plate:Mean"},
        "heads": {"toy-say": "zoo_toy_plate:Say"},
        "losses": {"toy-entropy": "zoo_toy_plate:Entropy"},
        "tasks": {"toy-classify": "zoo.tasks.classify:Classify"},
    }
    dist("toy-plate", files={"zoo_toy_plate.py": TOY}, points=points)
    path = tmp_path / "toy.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def plate():
    """Return the dataset alone."""
    names = {}
    exec(TOY, names)
    return names["Plate"]


@st.composite
def judged(draw, least=2):
    """Labels, probabilities with many ties, and how often each item counts; some classes have no item."""
    classes, items = draw(st.integers(least, 5)), draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    label = rng.integers(-1 if draw(st.booleans()) else 0, draw(st.integers(1, classes)), size=items)
    raw = rng.integers(1, 5, size=(items, classes)).astype(np.float64)
    return label, raw / raw.sum(axis=1, keepdims=True), rng.integers(0, 4, size=(6, items))


def scored(label, probability, **settings):
    task = Classify(num_classes=probability.shape[1], **settings)
    return task.score({"probability": probability}, {"label": label})


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
@given(judged())
def test_every_score_is_scikit_learns(case):
    label, probability, _ = case
    found, counts = scored(label, probability)
    known = label >= 0
    label, probability = label[known], probability[known].round(6)
    assert counts == {"items": len(known), "labelled": known.sum(), "classes": len(set(label.tolist()))}
    if not len(label):
        assert np.isnan(list(found.values())).all()
        return
    said = probability.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(label, said))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(label, said))
    assert found["f1"] == pytest.approx(metrics.f1_score(label, said, average="macro"))
    assert found["f1_weighted"] == pytest.approx(metrics.f1_score(label, said, average="weighted"))
    held = sorted(set(label.tolist()))
    ap = [metrics.average_precision_score(label == k, probability[:, k]) for k in held]
    assert found["ap"] == pytest.approx(np.mean(ap))
    auc = [metrics.roc_auc_score(label == k, probability[:, k]) for k in held if not (label == k).all()]
    assert found["auc"] == (pytest.approx(np.mean(auc)) if auc else pytest.approx(np.nan, nan_ok=True))


def test_top_k_is_scikit_learns_and_there_is_none_of_two_classes():
    rng = np.random.default_rng(0)
    label, probability = rng.integers(7, size=50), rng.dirichlet(np.ones(7), size=50)
    assert scored(label, probability)[0]["top_5"] == pytest.approx(
        metrics.top_k_accuracy_score(label, probability, k=5)
    )
    assert scored(label, probability, top=2)[0]["top_2"] == pytest.approx(
        metrics.top_k_accuracy_score(label, probability, k=2)
    )
    assert list(Classify(num_classes=4).scores)[-1] == "top_3"
    assert list(Classify(num_classes=2).scores)[-1] == "ece"


@given(judged())
def test_scores_of_weighted_items_are_those_of_items_repeated(case):
    label, probability, weight = case
    task = Classify(num_classes=probability.shape[1])
    kept = task.brief({"probability": probability}, {"label": label})
    together = task.resampled(*kept, weight)
    assert set(together) == set(task.scores)
    for row, counted in enumerate(weight):
        items = np.repeat(np.arange(len(label)), counted)
        alone, _ = task.score({"probability": probability[items]}, {"label": label[items]})
        assert {name: values[row] for name, values in together.items()} == pytest.approx(alone, nan_ok=True)


@given(judged(), st.sampled_from([1, 7, 4_000_000]))
def test_classes_scored_by_pairs_of_items_or_by_sorting_them_are_the_same(case, at_once):
    label, probability, weight = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_class, "AT_ONCE", at_once)
        pairs = by_class.ranked(label, probability, weight)
        patch.setattr(by_class, "FEW", -1)
        sorts = by_class.ranked(label, probability, weight)
    for one, other in zip(pairs, sorts, strict=True):
        assert one == pytest.approx(other, nan_ok=True)
    alone = ranking.one_vs_rest(label, probability, weights_of(None, len(label)))
    assert by_class.ranked(label, probability)[0] == pytest.approx(alone, nan_ok=True)


def test_a_thousand_drawings_of_three_hundred_classes_take_seconds_and_not_minutes():
    rng = np.random.default_rng(0)
    label, probability = rng.integers(300, size=1500), rng.random((1500, 300))
    weight = rng.integers(0, 3, size=(300, 1500)).astype(np.float64)
    start = time.perf_counter()
    by_class.ranked(label, probability, weight)
    pairs = time.perf_counter() - start
    start = time.perf_counter()
    for k in range(10):
        ranking.roc_auc(label == k, probability[:, k], weight)
        ranking.average_precision(label == k, probability[:, k], weight)
    assert pairs < 15 * (time.perf_counter() - start)  # half of what sorting takes, where measured a tenth


def test_what_is_kept_has_six_digits_and_is_kept_but_once():
    rng = np.random.default_rng(0)
    task, truth = Classify(num_classes=3), {"label": np.array([0, 2, -1, 1])}
    predicted = task.predict({"logits": rng.normal(size=(4, 3)).astype(np.float32)}, {})
    assert predicted["probability"].sum(axis=1) == pytest.approx(1)
    kept = task.brief(predicted, truth)
    assert kept[0]["probability"] == pytest.approx(predicted["probability"], abs=5e-7)
    assert len(json.dumps(pooling.plain(kept[0]))) < 4 * 3 * 12
    again = task.brief(*(pooling.arrays(json.loads(json.dumps(pooling.plain(part)))) for part in kept))
    for one, other in zip(kept, again, strict=True):
        assert list(one) == list(other)
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert task.score(*kept) == task.score(predicted, truth)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_classes": 1}, "at least two classes, and the data have 1"),
        ({"num_classes": 3, "top": 0}, "top is at least 1 and shown at least 0, not 0 and 4"),
        ({"num_classes": 3, "shown": -1}, "not 5 and -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        Classify(**settings)


def test_every_score_has_a_meaning_for_the_card_and_the_main_one_is_first():
    for task in (Classify(num_classes=2), Classify(num_classes=300)):
        assert next(iter(task.scores)) == "balanced_accuracy"
        assert list(task.hub["scores"]) == list(task.scores)
        assert set(task.hub["metrics"]) <= set(task.scores)
        assert [name for name, up in task.scores.items() if not up] == ["ece"]
        assert all(len(meaning) < 120 for meaning in task.hub["scores"].values())
        assert task.hub["writes"] == "csv"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_intensity_is_what_a_plain_loop_gives_for_images_of_any_type(dtype):
    rng = np.random.default_rng(0)
    white = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    image = (rng.random((3, 20, 30)) ** [[[1]], [[2]], [[3]]] * white).astype(dtype)
    found = floors.intensity(torch.from_numpy(image))
    scaled = image.astype(np.float64).reshape(3, -1) / white
    percentiles = np.percentile(scaled, (1, 5, 25, 50, 75, 95, 99), axis=1).T.ravel()
    related = np.corrcoef(scaled)[np.triu_indices(3, 1)]
    assert len(found) == 9 * 3 + 3
    expected = [*scaled.mean(axis=1), *scaled.std(axis=1), *percentiles, *related]
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_channel_that_is_the_same_everywhere_is_related_to_none():
    image = np.stack([np.full((9, 9), 0.1, dtype=np.float32), np.random.default_rng(0).random((9, 9))])
    assert floors.intensity(image.astype(np.float32))[-1] == 0


def everything(dataset):
    return np.arange(len(dataset))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_floors_are_class_frequencies_and_a_regression_on_intensities_of_the_items_given(plate, dtype):
    dataset, task = plate(dtype=dtype), Classify(num_classes=3)
    items = everything(dataset)[:20]
    found = task.fit_floors(dataset, items)
    assert list(found) == ["majority", "intensity"]
    assert max(dataset.read) <= 8
    even = task.predict_floor("majority", found["majority"], dataset, np.array([3, 20]))
    assert even["probability"] == pytest.approx(np.tile([0.4, 0.4, 0.2], (2, 1)))
    told = task.predict_floor("intensity", found["intensity"], dataset, everything(dataset))["probability"]
    assert told.shape == (24, 3)
    assert (told.argmax(axis=1) == dataset.labels).mean() > 0.9
    assert all(torch.from_numpy(values).isfinite().all() for state in found.values() for values in state.values())


def test_floors_skip_items_without_a_label_and_refuse_data_without_any(plate):
    dataset, task = plate(), Classify(num_classes=3)
    dataset.labels = [k if item < 12 else -1 for item, k in enumerate(dataset.labels)]
    found = task.fit_floors(dataset, everything(dataset))
    assert found["majority"]["frequency"] == pytest.approx([2 / 3, 1 / 3, 0])
    assert sum(dataset.read) == 12
    dataset.labels = [-1] * 24
    with pytest.raises(DataError, match="none of the training items has a label"):
        task.fit_floors(dataset, everything(dataset))


def test_data_without_images_have_the_floor_of_frequencies_alone(plate):
    dataset = plate()
    dataset.provides = ("genes", "label")
    assert list(Classify(num_classes=3).fit_floors(dataset, everything(dataset))) == ["majority"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_named_by_their_item(plate, wrong):
    dataset = plate(dtype="float32")
    dataset.image[9, 1, 3, 3] = wrong
    with pytest.raises(DataError, match="the pixels of 'B01/f1' are not all finite; mend the image or leave it out"):
        Classify(num_classes=3).fit_floors(dataset, everything(dataset))


def test_predictions_are_written_as_a_table_with_what_made_them_beside_it(plate, tmp_path):
    dataset, task = plate(), Classify(num_classes=3)
    predicted = task.predict({"logits": np.random.default_rng(0).normal(size=(24, 3))}, {})
    path = tmp_path / "deep" / "told.csv"
    task.write(predicted, dataset, path, {"recipe": "toy", "member": "holdout-seed0"})
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [f"probability_{name}" for name in dataset.classes]
    assert list(rows[0]) == ["id", "well", "predicted", "probability", *names]
    for item, (row, probability) in enumerate(zip(rows, predicted["probability"], strict=True)):
        assert row["id"] == f"{dataset.wells[item]}/f{item % 4}"
        assert row["well"] == dataset.wells[item]
        assert row["predicted"] == dataset.classes[probability.argmax()]
        assert float(row["probability"]) == pytest.approx(probability.max(), rel=1e-5)
        assert [float(row[name]) for name in names] == pytest.approx(probability, rel=1e-5)
    written = json.loads((tmp_path / "deep" / "told.csv.json").read_text())
    assert written == {"recipe": "toy", "member": "holdout-seed0", "classes": dataset.classes}
    assert not list(tmp_path.rglob("*.tmp"))
    assert max(dataset.read) <= 8


def test_groups_that_say_nothing_new_are_no_columns(plate, tmp_path):
    class Named(plate):
        @property
        def groups(self):
            return {"plate": ["P1", "P2"] * 12, "well": ["P1", "P2"] * 12}

    Classify(num_classes=3).write({"probability": np.full((24, 3), 1 / 3)}, Named(), tmp_path / "told.csv", {})
    header = (tmp_path / "told.csv").read_text().split("\n")[0]
    assert header.startswith("id,plate,predicted,")


@pytest.mark.parametrize("name", ["told", "told.tsv", "told.h5ad"])
def test_predictions_have_one_ending(plate, tmp_path, name):
    with pytest.raises(UsageError, match=rf"--out .*{name}: classes become a table; name a file that ends in \.csv"):
        Classify(num_classes=3).write({"probability": np.full((24, 3), 1 / 3)}, plate(), tmp_path / name, {})


def test_a_run_is_scored_over_wells_beside_its_floors_and_predicts_into_a_table(toy, tmp_path, zoo):
    code, out, err = zoo("train", toy, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "intensity" in out
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert found["scores"]["balanced_accuracy"]["mean"] > 0.9
    assert len(found["scores"]["balanced_accuracy"]["interval"]) == 2
    assert found["floors"]["majority"]["balanced_accuracy"]["mean"] == pytest.approx(1 / 3)
    assert found["floors"]["majority"]["auc"]["mean"] == pytest.approx(1 / 2)
    assert found["counts"]["A01"] == {"items": 4.0, "labelled": 4.0, "classes": 1.0}
    code, out, err = zoo("eval", tmp_path / "run", "--out", tmp_path / "scored", "--device", "cpu")
    assert code == 0, err
    written = {path.name for path in tmp_path.glob("scored/*/*")}
    assert {"classes.csv", "items.csv", "confusion.png", "roc.png", "overlays"} <= written
    assert len(list(tmp_path.glob("scored/*/overlays/*_1_*.png"))) == 2
    np.save(tmp_path / "new.npy", np.full((2, 2, 16, 16), 9, dtype=np.uint16))
    asked = ("predict", tmp_path / "run", "--input", tmp_path / "new.npy", "--device", "cpu")
    code, out, err = zoo(*asked, "--out", tmp_path / "told.csv")
    assert code == 0, err
    with (tmp_path / "told.csv").open(newline="") as file:
        assert [row["well"] for row in csv.DictReader(file)] == ["D00", "D01"]
    assert json.loads((tmp_path / "told.csv.json").read_text())["recipe"] == "toy"
    code, _, err = zoo(*asked, "--out", tmp_path / "told")
    assert code == 2
    assert "classes become a table" in err
