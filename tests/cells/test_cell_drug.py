"""The recipes of treatments from end to end, small: trained, scored, predicted, published; made-up and real plates."""

import csv
import json

import numpy as np
import pytest
import tifffile
from conftest import DATA

import zoo as face
from zoo import recipe, resolve
from zoo.errors import DataError
from zoo.run import Run

SMALL = [
    "data.plates=1",
    "data.treatments=3",
    "data.wells=5",
    "data.control_wells=6",
    "data.rare=1",
    "data.sites=2",
    "data.size=32",
    "encoder.model=resnet10t",
    "head.sizes=[16]",
    "sampler.to=8",
    "train.epochs=2",
]
VOTERS = "ensemble={members: [{}, {head: {dropout: [0.6, 0.5]}}]}"
GASTRULOIDS = DATA / "gastruloids"
needs_gastruloids = pytest.mark.skipif(not GASTRULOIDS.is_dir(), reason=f"{GASTRULOIDS} is not there")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell-drug")
    patch = pytest.MonkeyPatch()
    patch.setenv("ZOO_HOME", str(folder / "home"))
    run, metrics = face.train("cell-drug", [*SMALL, VOTERS], out=folder / "run", device="cpu")
    yield run, metrics
    patch.undo()


def test_the_recipe_trains_members_that_vote_and_prints_them_beside_floors(trained):
    run, metrics = trained
    assert list(metrics["floors"]) == ["majority", "intensity"]
    assert list(metrics["ensemble"]) == ["member 1", "member 2"]
    assert {"balanced_accuracy", "accuracy", "f1", "f1_weighted", "auc", "ap", "ece", "top_2"} == set(metrics["scores"])
    (split,) = json.loads(run.splits_path.read_text())
    assert not {*split["train"], *split["val"]} & set(split["test"])


def test_a_run_leaves_tables_and_pictures_of_its_evaluation(trained):
    found = {path.name for path in (trained[0].folder / "evaluation/seed42").iterdir()}
    pictures = {"confusion.png", "roc.png", "precision_recall.png", "calibration.png"}
    assert found >= {*pictures, "classes.csv", "groups.csv", "confused.csv", "items.csv", "confusion.csv", "roc.csv"}


def test_eval_shows_where_the_model_looked_and_gives_the_same_scores(trained, tmp_path, zoo):
    run, metrics = trained
    code, out, err = zoo("eval", run.folder, "--out", tmp_path / "found", "--format", "json")
    assert code == 0, err
    again = json.loads(out)
    assert again["scores"]["auc"]["mean"] == pytest.approx(metrics["scores"]["auc"]["mean"], abs=1e-6)
    assert [path for path in again["files"] if "/overlays/best_1" in path]
    assert [path for path in again["files"] if "/overlays/worst_1" in path]


def test_predict_reads_a_folder_of_fields_without_labels(trained, tmp_path, zoo):
    rng = np.random.default_rng(0)
    for well in ("A01", "A02"):
        for channel in ("DNA", "AGP", "Mito"):
            pixels = rng.integers(100, 4000, (40, 40)).astype(np.uint16)
            tifffile.imwrite(tmp_path / f"{well[0]} - {well[1:]}(fld 1 wv {channel} - {channel}).tif", pixels)
    code, _, err = zoo("predict", trained[0].folder, "--input", tmp_path, "--out", tmp_path / "predictions.csv")
    assert code == 0, err
    with (tmp_path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["well"] for row in rows] == ["A01", "A02"]
    shares = [sum(float(v) for k, v in row.items() if k.startswith("probability_")) for row in rows]
    assert shares == pytest.approx([1, 1], abs=1e-4)


def test_the_ensemble_is_one_package_that_proves_itself(trained, tmp_path, zoo):
    code, _, err = zoo("push", trained[0].folder, "--to", tmp_path / "pack")
    assert code == 0, err
    card = (tmp_path / "pack/README.md").read_text()
    assert "# pack: trained on simulated data, not on measured ones" in card
    assert "| member 2 |" in card
    code, out, err = zoo("verify", tmp_path / "pack")
    assert code == 0, err + out


def test_the_published_protocol_says_that_it_flatters_and_repeats_images_on_both_sides(tmp_path):
    small = [*SMALL, VOTERS, "data.copies=10", "sampler=null"]
    run, metrics = face.train("cell-drug-published", small, out=tmp_path / "run", device="cpu")
    assert any("published protocol" in note and "flatter" in note for note in metrics["notes"])
    (split,) = json.loads(run.splits_path.read_text())
    assert split["val"] == split["test"]


def test_the_strict_protocol_refuses_copies_on_two_sides(tmp_path):
    leaky = [*SMALL, "data.copies=10", "data.split={unit: item, test: 0.3, stratify: true}", "train.early_stop=null"]
    with pytest.raises(DataError) as raised:
        face.train("cell-drug", leaky, out=tmp_path / "run", device="cpu")
    assert "would stand in both train and val, as copies" in str(raised.value)
    assert "protocol: published" in str(raised.value)


def test_a_treatment_with_one_well_is_named(tmp_path, zoo):
    lonely = ["data.wells=1", "data.rare=0", "train.epochs=1"]
    options = [part for value in [*SMALL, *lonely] for part in ("--set", value)]
    code, _, err = zoo("train", "cell-drug", *options, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 3
    assert "class 'tubulin-1' has one group, " in err
    assert "Traceback" not in err


@needs_gastruloids
def test_real_gastruloids_are_tested_on_the_column_that_was_not_trained_on(tmp_path):
    settings = [f"data.root={GASTRULOIDS}", "data.size=32", "train.epochs=1", "encoder.model=resnet10t"]
    run, metrics = face.train("gastruloids", settings, out=tmp_path / "run", device="cpu")
    folds = json.loads(run.splits_path.read_text())
    treatment = {"01": "control", "02": "control", "04": "matrigel5", "05": "matrigel5"}
    treatment |= {"07": "pre2i", "08": "pre2i", "10": "pre2i_cleaned", "11": "pre2i_cleaned"}
    for fold in folds:
        assert sorted(treatment[c] for c in fold["test"]) == sorted(treatment[c] for c in fold["train"])
        assert len(fold["test"]) == 4
    assert metrics["counts"]["01"]["items"] == 8
    assert Run(run.folder).status["state"] == "finished"


@needs_gastruloids
def test_the_recipe_with_the_published_sizes_has_five_members_and_runs_on_a_real_plate(tmp_path):
    small = ["data.size=32", "encoder.pretrained=false", "train.epochs=1", "train.batch=8", "sampler.to=4"]
    members = "ensemble.members=[{encoder: {model: resnet10t}}, {encoder: {model: resnet10t}, head: {dropout: 0.6}}]"
    assert len(resolve.fill(recipe.load("cell-drug-plate")).members) == 5
    settings = [f"data.root={GASTRULOIDS}", *small, members]
    run, _ = face.train("cell-drug-plate", settings, out=tmp_path / "run", device="cpu")
    rates = run.records()[0]["lr"]
    assert rates["encoder.attention"] / rates["encoder"] == pytest.approx(5)
    assert rates["head"] / rates["encoder"] == pytest.approx(10)


@needs_gastruloids
def test_the_recipe_of_simulated_plates_takes_a_real_one_by_naming_its_reader(tmp_path, zoo):
    options = [
        "data.use=plate",
        f"data.root={GASTRULOIDS}",
        "data.table=metadata.csv",
        "data.size=32",
        "train.epochs=1",
        VOTERS,
    ]
    options = [part for value in options for part in ("--set", value)]
    code, out, err = zoo("train", "cell-drug", *options, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "member 2" in out
