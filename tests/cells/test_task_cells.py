"""The task of cells: what it predicts and scores, its floors, how it is calibrated, and what it writes."""

import csv
import inspect
import json
import time
from pathlib import Path

import anndata
import numpy as np
import pytest
import tifffile
from conftest import DATA
from sklearn import metrics

import zoo as face
from cells.bags_of_cells import CLASSES, Bags
from zoo.errors import DataError, UsageError
from zoo.scores import multilabel, pooling
from zoo_cells.outputs.mask_files import file_names, write_mask
from zoo_cells.protein import calibration, intensity
from zoo_cells.tasks.cells import Cells


def everything(dataset):
    return np.arange(len(dataset))


def outputs(dataset, *, sure=2.0, noise=1.0, seed=0):
    """Return what a head that knows a little would give for all bags."""
    rng = np.random.default_rng(seed)
    cells = np.concatenate(dataset.cells)
    attention = [rng.random(size) + 1e-3 for size in dataset.sizes]
    return {
        "bag": (rng.normal(scale=noise, size=(len(dataset), 3)) + sure * (2 * dataset.label_sets - 1)).astype(
            np.float32
        ),
        "instance": (rng.normal(scale=noise, size=cells.shape) + sure * (2 * cells - 1)).astype(np.float32),
        "attention": np.concatenate([part / part.sum() for part in attention]).astype(np.float32),
        "size": np.array(dataset.sizes, dtype=np.float32),
    }


def judged(task, dataset, **given):
    return task.predict(outputs(dataset, **given), {}), task.truth(dataset, everything(dataset))


def test_a_prediction_says_of_each_location_how_probable_it_is_on_its_own():
    dataset, task = Bags(), Cells(num_classes=3)
    given = outputs(dataset)
    predicted = task.predict(given, {})
    assert predicted["probability"] == pytest.approx(multilabel.sigmoid(given["bag"]), abs=1e-6)
    assert predicted["cell"] == pytest.approx(multilabel.sigmoid(given["instance"]), abs=1e-6)
    assert predicted["size"].tolist() == dataset.sizes
    assert (predicted["threshold"] == 0.5).all()
    assert predicted["cell_threshold"].shape == (len(dataset), 3)
    assert all(np.isfinite(values).all() for values in predicted.values())


def test_an_image_has_its_say_of_its_cells_where_it_is_given_a_weight():
    dataset = Bags()
    alone, half, whole = (
        Cells(num_classes=3, image_weight=weight).predict(outputs(dataset), {}) for weight in (0.0, 0.5, 1.0)
    )
    image = np.repeat(alone["probability"], dataset.sizes, axis=0)
    assert half["cell"] == pytest.approx(np.sqrt(alone["cell"] * image), abs=1e-5)
    assert whole["cell"] == pytest.approx(image, abs=1e-6)


def test_a_head_without_cells_gives_them_what_it_says_of_their_image():
    dataset, task = Bags(), Cells(num_classes=3)
    given = {name: value for name, value in outputs(dataset).items() if name in {"bag", "size"}}
    predicted = task.predict(given, {})
    assert predicted["cell"] == pytest.approx(np.repeat(predicted["probability"], dataset.sizes, axis=0))
    assert predicted["attention"] == pytest.approx(np.repeat(1 / np.array(dataset.sizes), dataset.sizes))
    with pytest.raises(DataError, match=r"does not say how many cells each image has \(size\)"):
        task.predict({"bag": given["bag"]}, {})


def test_cells_are_scored_where_their_truth_is_known():
    dataset, task = Bags(), Cells(num_classes=3)
    predicted, truth = judged(task, dataset)
    found, counts = task.score(predicted, truth)
    known = truth["cell_label"][:, 0] >= 0
    label, probability = truth["cell_label"][known], predicted["cell"][known].round(4)
    assert found["cell_map"] == pytest.approx(metrics.average_precision_score(label, probability, average="macro"))
    assert found["image_map"] == pytest.approx(
        metrics.average_precision_score(dataset.label_sets, predicted["probability"].round(4), average="macro")
    )
    assert found["cell_f1_half"] == pytest.approx(metrics.f1_score(label, probability >= 0.5, average="macro"))
    assert counts["cells"] == len(known)
    assert counts["cells_with_truth"] == known.sum() < len(known)
    assert next(iter(found)) == "cell_map"
    assert next(iter(Cells(num_classes=3, level="images").scores)) == "image_map"


def test_a_cell_that_matches_none_and_one_that_was_missed_lower_the_score_of_detections_only():
    dataset, task = Bags(), Cells(num_classes=3)
    predicted, truth = judged(task, dataset, noise=0.0, sure=3.0)
    found, _ = task.score(predicted, truth)
    assert found["cell_map"] == 1
    assert found["map_iou60"] < 1
    perfect = {**truth, "cell_label": np.concatenate(dataset.cells), "missed": np.zeros_like(truth["missed"])}
    assert task.score(predicted, perfect)[0]["map_iou60"] == 1


def test_measured_data_are_scored_by_images_and_say_nothing_of_cells():
    dataset, task = Bags(truth=False), Cells(num_classes=3)
    predicted, truth = judged(task, dataset)
    found, counts = task.score(predicted, truth)
    of_cells = [found[name] for name in ("cell_map", "map_iou60", "cell_f1", "cell_ece", "attention_lift")]
    assert np.isnan(of_cells).all()
    assert found["image_map"] > 0.5
    assert "cells_with_truth" not in counts
    assert set(task.brief(predicted, truth)[0]) == {"probability", "threshold"}


def test_fields_whose_cells_nobody_knows_do_not_count_among_those_that_are_known():
    dataset, task = Bags(), Cells(num_classes=3)
    predicted, truth = judged(task, dataset)
    kept = dataset.cell_truth
    blank = np.repeat(np.arange(12) >= 8, dataset.sizes)

    def some(items):
        if set(items.tolist()) <= {8, 9, 10, 11}:
            return None
        found = kept(items)
        found["cell"][blank], found["missed"][8:] = -1, 0
        return found

    dataset.cell_truth = some
    truth = task.truth(dataset, everything(dataset))
    assert (truth["missed"][8:] == -1).all()
    assert (task.truth(dataset, np.arange(8, 12))["cell_label"] == -1).all()
    first = {"cell", "attention", "cell_label"}
    parts = [
        {name: value[~blank] if name in first else value[:8] for name, value in part.items()}
        for part in (predicted, truth)
    ]
    alone = task.score(*parts)[0]
    found = task.score(predicted, truth)[0]
    assert all(
        found[name] == pytest.approx(alone[name]) for name in ("cell_map", "map_iou60", "cell_f1", "attention_lift")
    )


def test_images_without_labels_are_left_out_of_the_scores():
    dataset, task = Bags(), Cells(num_classes=3)
    predicted, truth = judged(task, dataset)
    truth["label"][:4] = -1
    found, counts = task.score(predicted, truth)
    expected = metrics.average_precision_score(
        dataset.label_sets[4:], predicted["probability"][4:].round(4), average="macro"
    )
    assert found["image_map"] == pytest.approx(expected)
    assert counts["labelled"] == len(dataset) - 4
    truth["label"][:] = -1
    assert np.isnan(task.score(predicted, truth)[0]["image_map"])


def test_what_is_kept_of_a_group_is_kept_once_and_comes_back_from_json():
    dataset, task = Bags(), Cells(num_classes=3)
    once = task.brief(*judged(task, dataset))
    back = tuple(pooling.arrays(json.loads(json.dumps(pooling.plain(part)))) for part in once)
    for first, second in zip(once, task.brief(*back), strict=True):
        assert list(first) == list(second)
        assert all((first[name] == second[name]).all() for name in first)
    assert next(iter(once[1])) == "label"
    assert task.score(*back)[0] == pytest.approx(task.score(*once)[0])


def test_drawings_of_images_give_what_scoring_the_drawn_images_gives():
    dataset, task = Bags(fields=9), Cells(num_classes=3)
    predicted, truth = task.brief(*judged(task, dataset))
    weight = np.random.default_rng(0).integers(0, 3, size=(4, 9))
    drawn, ends = task.resampled(predicted, truth, weight), np.cumsum(truth["size"])
    for number, counts in enumerate(weight):
        chosen = np.repeat(np.arange(9), counts)
        cells = np.concatenate([np.arange(ends[n] - truth["size"][n], ends[n]) for n in chosen])
        of_cells = {"cell", "attention", "cell_label"}
        parts = [
            {name: value[cells] if name in of_cells else value[chosen] for name, value in part.items()}
            for part in (predicted, truth)
        ]
        alone = task.score(*parts)[0]
        assert {name: float(drawn[name][number]) for name in alone} == pytest.approx(alone, nan_ok=True)


def test_a_thousand_drawings_of_all_scores_cost_far_less_than_a_thousand_times_one():
    rng = np.random.default_rng(0)
    size = np.full(125, 12)
    cell_label = (rng.random((1500, 19)) < 0.1).astype(np.int8)
    truth = {"label": (rng.random((125, 19)) < 0.15).astype(np.int8), "size": size, "cell_label": cell_label}
    truth["missed"] = rng.integers(0, 2, size=(125, 19))
    given = {"bag": rng.normal(size=(125, 19)), "instance": rng.normal(size=(1500, 19)), "size": size}
    task = Cells(num_classes=19)
    kept = task.brief(task.predict(given, {}), truth)
    weight = rng.multinomial(125, np.full(125, 1 / 125), size=1000)

    def seconds(weight):
        started = time.process_time()
        found = task.resampled(*kept, weight)
        assert all(values.shape == (len(weight),) for values in found.values())
        return time.process_time() - started

    one = min(seconds(weight[:1]) for _ in range(5))
    assert seconds(weight) < 300 * one


def test_a_model_that_drops_cells_is_not_scored():
    dataset, task = Bags(), Cells(num_classes=3)
    predicted, truth = judged(task, dataset)
    predicted["cell"] = predicted["cell"][1:]
    with pytest.raises(DataError, match="leave what drops cells out"):
        task.score(predicted, truth)


def test_the_floor_of_inherited_labels_errs_where_cells_deviate_only():
    dataset, task = Bags(fields=30), Cells(num_classes=3)
    items = everything(dataset)
    states = task.fit_floors(dataset, items)
    said = task.predict_floor("inherited", states["inherited"], dataset, items)
    assert (said["cell"] == np.repeat(dataset.label_sets, dataset.sizes, axis=0)).all()
    assert said["probability"][0] == pytest.approx(dataset.label_sets.mean(axis=0))
    scores = task.score(said, task.truth(dataset, items))[0]
    assert 0.5 < scores["cell_map"] < 1
    assert scores["attention_lift"] == pytest.approx(1)
    steady = Bags(fields=30, deviate=0.0)
    assert task.score(said, task.truth(steady, items))[0]["cell_map"] == 1
    unlabelled = dataset.open_new({})
    blind = task.predict_floor("inherited", states["inherited"], unlabelled, everything(unlabelled))
    assert (blind["cell"] == states["inherited"]["frequency"].astype(np.float32)).all()


def test_the_floor_of_intensities_tells_nucleus_from_cytosol_and_survives_being_stored():
    dataset, task = Bags(fields=30), Cells(num_classes=3)
    states = task.fit_floors(dataset, everything(dataset))
    assert list(states) == ["inherited", "intensity", "majority"]
    other = Bags(fields=12, seed=3)
    said = task.predict_floor("intensity", states["intensity"], other, everything(other))
    scores = task.score(said, task.truth(other, everything(other)))[0]
    assert scores["cell_map"] > 0.9
    assert said["probability"][0] == pytest.approx(said["cell"][: other.sizes[0]].mean(axis=0), abs=1e-6)
    majority = task.predict_floor("majority", states["majority"], other, everything(other))
    assert len({tuple(row) for row in majority["cell"].tolist()}) == 1
    assert set(majority) == set(said) == set(task.predict(outputs(other), {}))
    assert all(isinstance(value, np.ndarray) for state in states.values() for value in state.values())


def test_a_location_that_no_training_cell_has_is_held_improbable():
    dataset, task = Bags(fields=12), Cells(num_classes=3)
    dataset.label_sets[:, 1] = 0
    state = task.fit_floors(dataset, everything(dataset))["intensity"]
    assert (task.predict_floor("intensity", state, dataset, everything(dataset))["cell"][:, 1] < 0.001).all()


def test_floors_of_fields_without_labels_are_refused():
    dataset, task = Bags(), Cells(num_classes=3)
    dataset.label_sets[:] = -1
    with pytest.raises(DataError, match="none of the training fields has labels"):
        task.fit_floors(dataset, everything(dataset))


def test_intensities_are_finite_and_named_for_crops_of_any_kind():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, size=(5, 4, 17, 17)).astype(np.uint8)
    for crops in (noise, np.zeros_like(noise), np.full_like(noise, 255), noise.astype(np.uint16) * 257):
        found = intensity.features(crops)
        assert found.shape == (5, len(intensity.names()))
        assert np.isfinite(found).all()
    assert intensity.features(noise.astype(np.uint16) * 257) == pytest.approx(intensity.features(noise), abs=1e-3)
    assert intensity.features(noise[:0]).shape == (0, len(intensity.names()))


def test_intensities_of_measured_cells_find_a_protein_of_the_cytosol_where_the_er_is():
    crops = sorted((DATA / "hpa" / "cells").glob("*.npy"))
    if not crops:
        pytest.skip(f"no cells of the Human Protein Atlas at {DATA / 'hpa' / 'cells'}; set ZOO_TEST_DATA")
    stack = np.moveaxis(np.stack([np.load(path, allow_pickle=False) for path in crops]), -1, 1)
    found = dict(zip(intensity.names(), np.median(intensity.features(stack), axis=0), strict=True))
    assert np.isfinite(list(found.values())).all()
    assert 0.1 < found["nucleus_size"] < 0.6
    assert found["correlation_er"] > 0.2 > abs(found["correlation_nucleus"])


def test_intensities_say_where_the_light_is():
    dataset = Bags(fields=3, deviate=0.0)
    share = dict(zip(intensity.names(), intensity.features(dataset.crops[1]).mean(axis=0), strict=True))
    assert share["cytoplasm_share"] > 1.2
    assert share["nucleus_share"] < 0.5
    assert share["correlation_nucleus"] < -0.5


def test_calibration_finds_the_temperature_of_images_and_makes_them_believable():
    dataset, task = Bags(fields=300), Cells(num_classes=3)
    spoilt = outputs(dataset, sure=6.0, noise=6.0)
    bank = task.calibrate(spoilt, dataset, everything(dataset))
    truth = task.truth(dataset, everything(dataset))
    before, after = (task.score(task.predict(spoilt, known), truth)[0] for known in ({}, bank))
    assert bank["temperature_image"][0] > 1.5
    assert after["image_ece"] < before["image_ece"]
    assert after["image_f1"] >= after["image_f1_half"] - 0.01
    assert after["image_map"] == pytest.approx(before["image_map"], abs=0.02)
    assert {name: (value.dtype, value.shape) for name, value in bank.items()} == {
        "temperature_image": (np.float32, (1,)),
        "temperature_cell": (np.float32, (1,)),
        "threshold_image": (np.float32, (3,)),
        "threshold_cell": (np.float32, (3,)),
    }


def test_calibration_looks_at_no_label_of_a_cell_and_at_the_items_it_is_given_only():
    dataset, task = Bags(fields=60), Cells(num_classes=3)
    items = np.arange(20)
    cells = sum(dataset.sizes[:20])
    some = {
        name: value[: cells if name in {"instance", "attention"} else 20] for name, value in outputs(dataset).items()
    }
    first = task.calibrate(some, dataset, items)
    dataset.truth = False
    dataset.label_sets[20:] = -1
    second = task.calibrate(some, dataset, items)
    assert all((first[name] == second[name]).all() for name in first)


def test_what_is_not_asked_for_stays_neutral_and_a_rare_location_keeps_one_half():
    dataset, task = Bags(fields=30), Cells(num_classes=3)
    dataset.label_sets[:, 0] = 0
    dataset.label_sets[0, 0] = 1
    given, items = outputs(dataset), everything(dataset)
    assert task.calibrate(given, dataset, items, thresholds=False)["threshold_image"].tolist() == [0.5] * 3
    found = task.calibrate(given, dataset, items, temperature=False)
    assert found["temperature_image"] == found["temperature_cell"] == 1
    assert found["threshold_image"][0] == found["threshold_cell"][0] == 0.5
    assert set(calibration.neutral(3)) == set(found)
    dataset.label_sets[:] = -1
    with pytest.raises(DataError, match="none of the images kept for calibration has labels"):
        task.calibrate(given, dataset, items)


def test_cells_are_written_a_row_each_with_masks_beside_them(tmp_path):
    task, dataset = Cells(num_classes=3), Bags().open_new({})
    predicted = task.predict(outputs(dataset), {"threshold_cell": np.array([0.4, 0.5, 0.6], np.float32)})
    task.write(predicted, dataset, tmp_path / "cells.h5ad", {"recipe": "hpa"})
    found = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert pytest.approx(predicted["cell"]) == found.X
    assert list(found.var_names) == CLASSES
    assert found.var["threshold"].tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert found.obs_names[0] == "new/0_1"
    assert found.obs["field"].tolist() == np.repeat(dataset.names, dataset.sizes).tolist()
    said = [
        "|".join(name for name, value, least in zip(CLASSES, row, (0.4, 0.5, 0.6), strict=True) if value >= least)
        for row in predicted["cell"]
    ]
    assert found.obs["predicted"].tolist() == said
    assert found.obsm["image_probability"] == pytest.approx(np.repeat(predicted["probability"], dataset.sizes, axis=0))
    assert found.uns["zoo"]["recipe"] == "hpa"
    row = found.obs.iloc[-1]
    with tifffile.TiffFile(tmp_path / row["mask"]) as tif:
        assert tif.is_ome
        mask = tif.asarray()
    assert (mask == dataset.mask(2)).all()
    assert mask.dtype == np.uint16
    assert (mask[row["y0"] : row["y1"], row["x0"] : row["x1"]] == row["cell"]).all()


def test_another_ending_and_other_cells_are_refused_before_anything_is_written(tmp_path):
    task, dataset = Cells(num_classes=3), Bags().open_new({})
    predicted = task.predict(outputs(dataset), {})
    with pytest.raises(
        UsageError, match=r"cells.csv: cells become AnnData, a row each; name a file that ends in .h5ad"
    ):
        task.write(predicted, dataset, tmp_path / "cells.csv", {})
    with pytest.raises(DataError, match="leave what drops cells out"):
        task.write({**predicted, "cell": predicted["cell"][1:]}, dataset, tmp_path / "cells.h5ad", {})
    assert not list(tmp_path.glob("cells*"))


def test_names_of_fields_become_names_of_files_no_two_alike():
    names = file_names(["a/b", "a b", "A_B", "../..", "", "Zelle 1 µm", "x" * 300])
    assert len({name.lower() for name in names}) == len(names)
    assert names[:4] == ["a_b.ome.tif", "a_b_2.ome.tif", "A_B_3.ome.tif", "field.ome.tif"]
    assert all("/" not in name and len(name) < 100 for name in names)


def test_a_mask_of_more_cells_than_16_bits_hold_is_written_with_32(tmp_path):
    mask = np.zeros((8, 9), np.int32)
    mask[2, 3] = 70_000
    path = write_mask(tmp_path / "m.ome.tif", mask, "many & more")
    assert (tifffile.imread(path) == mask).all()
    assert tifffile.imread(path).dtype == np.uint32


def written(task, dataset, folder, kept):
    groups = [f"a{n // 2}" for n in range(len(dataset))]
    files = task.write_evaluation(
        *kept, dataset=dataset, items=everything(dataset), groups=groups, folder=folder, facts={"recipe": "hpa"}
    )
    assert all(path.is_file() for path in files)
    return {path.relative_to(folder).as_posix(): path for path in files}


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_an_evaluation_becomes_tables_and_pictures(tmp_path):
    dataset, task = Bags(), Cells(num_classes=3)
    kept = judged(task, dataset)
    files = written(task, dataset, tmp_path, kept)
    assert {"images.csv", "cells.csv", "per_class.csv", "gallery.png", "provenance.json"} <= set(files)
    images, cells, classes = (rows_of(files[name]) for name in ("images.csv", "cells.csv", "per_class.csv"))
    assert images[0]["true"] == "Nucleoplasm|Cytosol"
    assert float(images[0]["probability_Cytosol"]) == pytest.approx(kept[0]["probability"][0, 1], abs=1e-5)
    assert len(cells) == sum(dataset.sizes)
    unmatched = np.flatnonzero(kept[1]["cell_label"][:, 0] < 0)[0]
    assert cells[unmatched]["true"] == ""
    assert cells[0]["field"] == "field 0"
    assert [row["class"] for row in classes] == CLASSES
    ap = [float(row["cell_ap"]) for row in classes]
    assert np.mean(ap) == pytest.approx(task.score(*kept)[0]["cell_map"], abs=1e-3)
    pictures = [path for name, path in files.items() if name.endswith(".png")]
    assert 2 <= len(pictures) <= 6
    assert all(path.stat().st_size < 300_000 for path in pictures)


def test_what_a_run_has_kept_can_be_written_too(tmp_path):
    dataset, task = Bags(), Cells(num_classes=3)
    kept = tuple(pooling.arrays(pooling.plain(part)) for part in task.brief(*judged(task, dataset)))
    assert "cells.csv" in written(task, dataset, tmp_path / "truth", kept)
    measured = Bags(truth=False)
    kept = tuple(pooling.arrays(pooling.plain(part)) for part in task.brief(*judged(task, measured)))
    assert set(written(task, measured, tmp_path / "none", kept)) == {"images.csv", "per_class.csv", "provenance.json"}
    measured.label_sets[:] = -1
    unlabelled = judged(task, measured)
    assert set(written(task, measured, tmp_path / "new", unlabelled)) == {"images.csv", "cells.csv", "provenance.json"}


PARTS = """
from torch import nn


class Light(nn.Module):
    reads = ("instances",)

    def __init__(self, *, in_chans: int) -> None:
        super().__init__()
        self.out_features = 4
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, batch):
        protein, nucleus = batch["instances"][:, 1], batch["instances"][:, 2] > 0.5
        parts = [protein, protein * nucleus, protein * ~nucleus, nucleus.float()]
        return self.scale * torch.stack([part.mean(dim=(1, 2)) for part in parts], dim=1) * 10


class Entropy(nn.Module):
    def forward(self, outputs, batch):
        return nn.functional.binary_cross_entropy_with_logits(outputs["bag"], batch["label"])
"""
RECIPE = """
zoo: 1
name: toy
data: {use: toy-cells, split: {unit: antibody, scheme: leave-one-group-out}}
encoder: {use: toy-light}
head: {use: gated-abmil}
loss: {use: toy-entropy}
task: {use: cells}
train: {epochs: 8, batch: 6, lr: 0.05, precision: fp32}
"""


@pytest.fixture
def recipe(dist, tmp_path):
    """Install the bags of this file with parts that learn from them; return a recipe of the task."""
    points = {
        "datasets": {"toy-cells": "zoo_toy_cells:Bags"},
        "encoders": {"toy-light": "zoo_toy_cells:Light"},
        "losses": {"toy-entropy": "zoo_toy_cells:Entropy"},
    }
    files = {"zoo_toy_cells.py": Path(inspect.getsourcefile(Bags)).read_text() + PARTS}
    dist("toy-cells", files=files, points=points)
    path = tmp_path / "toy.yaml"
    path.write_text(RECIPE)
    return path


def test_a_run_is_scored_beside_its_floors_written_and_used_on_new_fields(recipe, zoo, tmp_path):
    _, found = face.train(recipe, [], out=tmp_path / "run", device="cpu")
    assert set(found["floors"]) == {"inherited", "intensity", "majority"}
    assert found["scores"]["cell_map"]["mean"] > found["floors"]["majority"]["cell_map"]["mean"]
    assert len(found["scores"]["map_iou60"]["interval"]) == 2
    code, _, err = zoo("eval", tmp_path / "run", "--out", tmp_path / "out", "--device", "cpu")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "out").rglob("*.csv")} == {"images.csv", "cells.csv", "per_class.csv"}
    (tmp_path / "fields").mkdir()
    model = next(path.parent for path in (tmp_path / "run").rglob("config.json"))
    code, _, err = zoo("predict", model, "--input", tmp_path / "fields", "--out", tmp_path / "cells.h5ad")
    assert code == 0, err
    assert anndata.read_h5ad(tmp_path / "cells.h5ad").n_obs == sum(Bags().open_new({}).sizes)
    assert len(list((tmp_path / "cells_masks").glob("*.ome.tif"))) == 3


@pytest.mark.parametrize(
    ("given", "said"), [({"image_weight": 1.5}, "from 0 to 1, not 1.5"), ({"num_classes": 0}, "at least one")]
)
def test_settings_out_of_range_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Cells(**{"num_classes": 3, **given})
