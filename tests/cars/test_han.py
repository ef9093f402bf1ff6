"""HAN from recipe to map: it trains on simulated fields, predicts for a stack of its user's, and is published whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from zoo import config
from zoo.recipe import load
from zoo.resolve import fill

SMALL = [
    "data.animals=4",
    "data.fields=2",
    "data.size=32",
    "data.bands=12",
    "data.tiles.size=8",
    "data.split={unit: animal, test: [M03, M04]}",
    "data.doses=[control, high]",
    "encoder.base.width=8",
    "train.epochs=2",
    "train.batch=2",
    "train.max_instances=20",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train the shipped recipe on a handful of small fields."""
    import zoo as face

    folder = tmp_path_factory.mktemp("han") / "run"
    face.train("han", SMALL, out=folder, device="cpu")
    return folder


def stack_file(path, *, bands=12, low=2800, high=3050, side=40):
    """Write a stack as its user would have it: a multi-page TIFF and its wavenumbers beside it."""
    rng = np.random.default_rng(0)
    tifffile.imwrite(path, rng.integers(50, 200, (bands, side, side)).astype(np.uint16), photometric="minisblack")
    lines = [f"{value:.3f}" for value in np.linspace(low, high, bands)]
    (path.parent / "wavenumbers.csv").write_text("\n".join(lines) + "\n")
    return path


def test_the_run_has_pooled_scores_beside_its_floors(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["pooled"]
    assert set(metrics["floors"]) == {"majority", "mean-spectrum"}
    assert metrics["scores"]["auc"]["mean"] is not None
    assert "pooled" not in metrics["members"][0]
    assert set(metrics["members"][0]["alone"]) == set(metrics["scores"])


def test_a_stack_gets_a_probability_a_map_and_spectra(run, tmp_path, zoo):
    code, out, err = zoo("predict", run, "--input", stack_file(tmp_path / "stack.tif"), "--out", "found")
    assert code == 0, err
    assert out == "found\n"
    names = sorted(path.name for path in Path("found").iterdir())
    assert "predictions.csv" in names
    assert "provenance.json" in names
    (map_file,) = Path("found").glob("*_attention.ome.tif")
    found = tifffile.imread(map_file)
    assert found.shape == (40, 40)
    assert np.nanmean(found) == pytest.approx(1, abs=0.01)
    assert len(list(Path("found").glob("*.png"))) == 2
    (row,) = csv.DictReader(Path("found/predictions.csv").read_text().splitlines())
    assert float(row["probability_control"]) + float(row["probability_high"]) == pytest.approx(1, abs=1e-4)


def test_a_stack_with_more_bands_is_carried_onto_the_models_axis(run, tmp_path, zoo):
    path = stack_file(tmp_path / "stack.tif", bands=40, low=2700, high=3100)
    code, _, err = zoo("predict", run, "--input", path, "--out", "found")
    assert code == 0, err


def test_falling_wavenumbers_are_turned_round_and_that_is_told(run, tmp_path, zoo):
    path = stack_file(tmp_path / "stack.tif", low=3050, high=2800)
    code, _, err = zoo("predict", run, "--input", path, "--out", "found")
    assert code == 0, err
    assert "note:" in err
    assert "fall" in err


def test_a_stack_of_another_range_is_refused(run, tmp_path, zoo):
    path = stack_file(tmp_path / "stack.tif", low=2000, high=2300)
    code, _, err = zoo("predict", run, "--input", path, "--out", "found")
    assert code == 3
    assert "covers 2000 to 2300 cm^-1 and the model needs 2800 to 3050" in err
    assert "Traceback" not in err


def test_a_stack_without_wavenumbers_is_refused_with_the_way_to_give_them(run, tmp_path, zoo):
    path = stack_file(tmp_path / "stack.tif")
    (tmp_path / "wavenumbers.csv").unlink()
    code, _, err = zoo("predict", run, "--input", path, "--out", "found")
    assert code == 3
    assert "wavenumbers.csv" in err


def test_predictions_of_bags_are_a_folder(run, tmp_path, zoo):
    code, _, err = zoo("predict", run, "--input", stack_file(tmp_path / "stack.tif"), "--out", "found.csv")
    assert code == 2
    assert "predictions of bags are a folder; name one that has no ending" in err


def test_one_animal_on_two_sides_is_refused(zoo):
    options = [part for option in SMALL if "split" not in option for part in ("--set", option)]
    split = "data.split={unit: animal, test: [M03, M04], val: [M03]}"
    code, _, err = zoo("train", "han", *options, "--set", split)
    assert code in {2, 3}
    assert "M03" in err
    assert "Traceback" not in err


def test_the_run_is_published_and_its_package_proves_itself(run, tmp_path, zoo):
    code, _, err = zoo("push", run, "--to", "./han-small")
    assert code == 0, err
    text = Path("han-small/README.md").read_text()
    assert "# han-small: trained on simulated data" in text
    assert "zoo predict han-small --input input --out predicted\n" in text
    assert "pipeline_tag: image-classification" in text
    assert config.read(Path("han-small")).fitted["classes"] == ["control", "high"]
    code, _, err = zoo("verify", "./han-small")
    assert code == 0, err


def test_a_bag_taken_in_parts_reaches_the_same_weights(tmp_path):
    from safetensors.torch import load_file

    import zoo as face

    options = [*SMALL, "encoder.base.dropout=0.0", "train.epochs=1"]
    runs = [
        face.train("han", [*options, f"train.max_instances={most}"], out=tmp_path / str(most), device="cpu")[0]
        for most in (16, 1000)
    ]
    one, other = (load_file(found.model_folder("holdout-seed0") / "model.safetensors") for found in runs)
    assert all(np.allclose(one[name], other[name], atol=2e-5) for name in one)


@pytest.mark.parametrize("head", ["abmil", "gated-abmil", "topk", "mean", "max"])
def test_every_head_for_bags_fits_the_recipe(head):
    assert fill(load("han", [f"head={{use: {head}}}"])).entries["heads", head]


def test_any_image_encoder_of_timm_reads_the_bands_too(tmp_path):
    import zoo as face

    base = "encoder.base={use: timm, model: test_resnet.r160_in1k}"
    options = [*SMALL, "data.tiles.size=32", "train.epochs=1", base]
    _, metrics = face.train("han", options, out=tmp_path / "timm", device="cpu")
    assert metrics["scores"]["auc"]["mean"] is not None


def test_physical_preprocessing_is_part_of_the_model_and_of_its_proof(tmp_path, zoo):
    import zoo as face

    steps = "[{use: svd-denoise, rank: 4}, {use: kramers-kronig}, {use: spectrum-normalise}]"
    measured = ["data.standardise=false", "data.relative=false", f"transforms={{train: {steps}, eval: {steps}}}"]
    face.train("han", [*SMALL, "train.epochs=1", *measured], out=tmp_path / "kk", device="cpu")
    code, _, err = zoo("push", tmp_path / "kk", "--to", "./kk-small")
    assert code == 0, err
    assert "kramers-kronig" in Path("kk-small/README.md").read_text()
