"""The recipes of proteins in cells from end to end, tiny: trained in stages, predicted, scored; and what goes wrong."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import anndata
import numpy as np
import pytest
import tifffile
from conftest import DATA
from PIL import Image

import zoo as face
from cells.kaggle_fields import COLOURS, Challenge
from zoo_cells.datasets.simulated_cells import simulated_cells
from zoo_cells.protein.locations import LOCATIONS

QUICK = [
    "stages.0.crops.size=32",
    "stages.0.crops.pad=4",
    "stages.0.processes=0",
    "stages.1.train.epochs=1",
    "stages.3.train.epochs=2",
    "stages.4.rounds=1",
    "stages.4.instance_train.epochs=1",
    "stages.4.bag_train.epochs=1",
]
DRAWN = ["antibodies=38", "fields=1", "size=128", "diameter=40", "rare=2"]
SMALL = [*QUICK, *(f"data.{one}" for one in DRAWN)]
OWN = [*QUICK, "encoder.base.model=test_resnet", "encoder.base.pretrained=false", "head.hidden=16"]
STAGES = ["segment", "weak", "embed", "mil", "refine", "calibrate"]
FIELD = DATA / "hpa" / "field"


def said(settings):
    return [word for one in settings for word in ("--set", one)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train the simulated recipe once; give its folder, what it reached, and where its stages are kept."""
    folder = tmp_path_factory.mktemp("hpa")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        run, metrics = face.train("hpa", SMALL, out=folder / "run", device="cpu")
    return run, metrics, folder / "home"


@pytest.fixture
def kept(trained, monkeypatch):
    """Return the run, with its kept stages in reach."""
    monkeypatch.setenv("ZOO_HOME", str(trained[2]))
    return trained[0].folder


@pytest.fixture(scope="module")
def _atlas(tmp_path_factory):
    """Write simulated fields as the challenge lays them out."""
    root = tmp_path_factory.mktemp("atlas") / "atlas"
    fields = simulated_cells(antibodies=38, fields=1, size=128, diameter=40, rare=2).fields
    made = Challenge(root, rows=[(one.name, "|".join(map(str, one.labels))) for one in fields])
    for one in fields:
        for colour, plane in zip(COLOURS, one.read(), strict=True):
            made.channel(one.name, colour, plane)
    return root


@pytest.fixture
def atlas(_atlas, tmp_path):
    """Return a folder of the challenge that a test may spoil."""
    return shutil.copytree(_atlas, tmp_path / "atlas")


@pytest.fixture
def few(_atlas, tmp_path):
    """Return a folder with four fields and no labels."""
    (tmp_path / "few").mkdir()
    for number in range(1, 5):
        for colour in COLOURS:
            shutil.copy(_atlas / "train" / f"A0{number}-1_{colour}.png", tmp_path / "few")
    return tmp_path / "few"


def spoiled(path, size=None):
    """Make an image black, or another size."""
    image = Image.open(path)
    (image.resize(size) if size else Image.new(image.mode, image.size)).save(path)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:700])


def test_the_recipe_trains_in_stages_and_tells_what_each_reached(trained):
    run, metrics, _ = trained
    assert list(metrics["floors"]) == ["inherited", "intensity", "majority"]
    assert list(metrics["scores"])[:2] == ["cell_map", "image_map"]
    assert next(iter(metrics["stages"])) == "stage weak"
    assert any("round 1" in name or name == "stage mil" for name in metrics["stages"])
    assert json.loads((run.folder / "stages" / "holdout-seed0-refine" / "rounds.json").read_text())[0]["round"] == 1


def test_what_was_made_is_kept_and_the_plan_and_from_say_so(kept, tmp_path, zoo):
    code, out, _ = zoo("show", "hpa", "--plan", *said(SMALL))
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[1:]] == STAGES
    assert all(line.endswith("kept") for line in out.splitlines()[1:])
    code, _, err = zoo("train", "hpa", *said(SMALL), "--from", "mil", "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0
    told = [line for line in err.splitlines() if ": stage " in line and (" kept " in line or " made in " in line)]
    assert [line.split()[2] for line in told] == STAGES
    assert ["kept from before" in line for line in told] == [True, True, True, False, False, False]


def test_prediction_gives_a_row_a_cell_and_masks_beside_it(kept, few, tmp_path, zoo):
    code, out, err = zoo("predict", kept, "--input", few, "--out", tmp_path / "cells.h5ad", "--device", "cpu")
    assert (code, out) == (0, f"{tmp_path / 'cells.h5ad'}\n"), err
    found = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert list(found.var_names) == list(LOCATIONS)
    assert ((found.X >= 0) & (found.X <= 1)).all()
    assert set(found.obs["field"]) == {f"A0{number}-1" for number in range(1, 5)}
    np.testing.assert_allclose(found.obs.groupby("field", observed=True)["attention"].sum(), 1, atol=1e-4)
    assert {"cell", "predicted", "y0", "x0", "y1", "x1", "centroid_y", "centroid_x", "area"} <= set(found.obs)
    assert found.obsm["image_probability"].shape == found.shape
    for name, cells in found.obs.groupby("mask", observed=True):
        mask = tifffile.imread(tmp_path / name)
        assert mask.shape == (128, 128)
        np.testing.assert_array_equal(np.bincount(mask.ravel())[1:], cells["area"])
        y, x = (cells[["centroid_y", "centroid_x"]].to_numpy().T).round().astype(int)
        assert (mask[y, x] == cells["cell"]).mean() > 0.5


def test_evaluation_writes_tables_and_pictures_of_fields_and_cells(kept, trained, tmp_path, zoo):
    code, out, _ = zoo("eval", kept, "--out", tmp_path / "found", "--device", "cpu", "--format", "json")
    assert code == 0
    again, first = json.loads(out)["scores"]["cell_map"]["mean"], trained[1]["scores"]["cell_map"]["mean"]
    assert again == pytest.approx(first, abs=1e-3)
    folder = tmp_path / "found" / "holdout-seed0"
    assert {path.name for path in folder.iterdir()} == {
        "images.csv", "cells.csv", "per_class.csv", "gallery.png", "fields", "provenance.json"
    }  # fmt: skip
    with (folder / "cells.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (folder / "images.csv").open() as file:
        images = list(csv.DictReader(file))
    assert [row["field"] for row in images] == list(dict.fromkeys(row["field"] for row in rows))
    assert [int(row["cells"]) for row in images] == list(Counter(row["field"] for row in rows).values())


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"{FIELD} is not there")
def test_a_real_field_goes_through(kept, tmp_path, zoo):
    code, _, err = zoo("predict", kept, "--input", FIELD, "--out", tmp_path / "cells.h5ad", "--device", "cpu")
    assert (code, "1 item predicted" in err) == (0, True)
    found = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert 10 <= found.n_obs <= 16
    assert tifffile.imread(tmp_path / "cells_masks" / "57_F11_1.ome.tif").shape == (1728, 1728)


def test_fields_of_the_challenge_are_learnt_and_what_cannot_be_used_is_left_out_and_told_of(atlas, tmp_path, zoo):
    for colour in COLOURS:
        spoiled(atlas / "train" / f"A20-1_{colour}.png")
    spoiled(atlas / "train" / "A21-1_red.png", (100, 100))
    cut_short(atlas / "train" / "A22-1_blue.png")
    here = [f"data.root={atlas}", "stages.0.crops.most=13"]
    code, out, err = zoo("train", "hpa-kaggle", *said([*OWN, *here]), "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "no cell was found in 1 fields, which are left out: A20-1" in out
    assert "field A21-1 is left out: " in out
    assert "the channels of field A21-1 differ, red 100 x 100 uint8, green 128 x 128 uint8" in out
    assert "A22-1_blue.png: cannot be decoded" in out
    assert "13 of one field are kept (crops.most), and is left out" in out
    assert out.splitlines()[1].startswith("image_map")
    with (tmp_path / "run" / "evaluation" / "seed42" / "images.csv").open() as file:
        assert not {"A20-1", "A21-1", "A22-1"} & {row["field"] for row in csv.DictReader(file)}


def no_channel(atlas):
    (atlas / "train" / "A05-1_green.png").unlink()


def label_19(atlas):
    path = atlas / "train.csv"
    path.write_text(path.read_text().replace("A03-1,", "A03-1,19|"))


def no_images(atlas):
    with (atlas / "train.csv").open("a") as file:
        file.write("ZZ,3\n")


def no_table(atlas):
    (atlas / "train.csv").unlink()


def nothing(atlas):
    shutil.rmtree(atlas)


def most_corrupt(atlas):
    for path in (atlas / "train").glob("*_blue.png"):
        cut_short(path)


@pytest.mark.parametrize(
    ("spoil", "settings", "sentence"),
    [
        (no_channel, [], "field A05-1 has no image A05-1_green (protein); bring the files, or say data.skip_damaged: "),
        (label_19, [], "label 19 is none of the 19 locations; numbers run from 0 (Nucleoplasm) to 18 (Negative)"),
        (no_images, [], "train.csv:40: field ZZ has no image in "),
        (no_table, [], "train.csv: there is no such table; "),
        (nothing, [], "there is no such folder; point data.root at the table and the images"),
        (most_corrupt, [], " of 38 fields could not be segmented, the first is A01-1: "),
        (None, ["stages.0.crops.most=1"], "38 of 38 fields have too many cells and none is left: field A01-1 has "),
        (
            None,
            ["stages.0.segmenter.use=cellpose"],
            "the weights of Cellpose-SAM are not there, and zoo does not",
        ),
        (None, ["data.groups=[antibody]"], "antibody"),
        (None, ["data.split.unit=antibody"], "antibody"),
    ],
)
def test_data_that_cannot_be_used_are_refused_in_a_sentence(
    atlas, tmp_path, zoo, monkeypatch, spoil, settings, sentence
):
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path / "none"))
    if spoil:
        spoil(atlas)
    here = [*OWN, f"data.root={atlas}", *settings]
    code, out, err = zoo("train", "hpa-kaggle", *said(here), "--out", tmp_path / "run", "--device", "cpu")
    assert (code, out) == (3, "")
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert sentence in last
    assert "Traceback" not in err


def test_new_fields_that_cannot_be_used_are_left_out_or_refused(kept, few, tmp_path, zoo):
    out = tmp_path / "cells.h5ad"
    cut_short(few / "A01-1_blue.png")
    code, _, err = zoo("predict", kept, "--input", few, "--out", out, "--device", "cpu")
    assert code == 0
    assert "note: field A01-1 is left out" in err
    assert set(anndata.read_h5ad(out).obs["field"]) == {"A02-1", "A03-1", "A04-1"}
    (few / "A01-1_blue.png").unlink()
    code, _, err = zoo("predict", kept, "--input", few, "--out", out, "--device", "cpu")
    assert (code, err.count("\n")) == (3, 1)
    assert err.endswith("field A01-1 has no image A01-1_blue (nucleus); bring the files, or leave it out\n")
    for path in few.glob("A01-1_*"):
        path.unlink()
    code, _, err = zoo("predict", kept, "--input", few, "--out", tmp_path / "cells.csv", "--device", "cpu")
    assert code == 2
    assert "cells become AnnData, a row each; name a file that ends in .h5ad" in err


def files_of(home):
    return sorted((home / "cells").rglob("*.safetensors"))


def test_a_disk_that_fills_while_cells_are_cut_out_is_a_sentence_and_resume_goes_on(atlas, tmp_path, zoo, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "none", disk]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    here = ["train", "hpa-kaggle", *said([*OWN, f"data.root={atlas}"]), "--out", tmp_path / "run", "--device", "cpu"]
    try:
        monkeypatch.setenv("ZOO_HOME", str(disk))
        code, _, err = zoo(*here)
        assert code == 1
        assert "the disk is full" in err.splitlines()[-1]
        done = {path.name: path.stat().st_mtime_ns for path in files_of(disk)}
        assert done
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        code, _, err = zoo(*here, "--resume")
        assert code == 0, err
        now = {path.name: path.stat().st_mtime_ns for path in files_of(disk)}
        assert len(now) == 38
        assert {name: now[name] for name in done} == done
    finally:
        subprocess.run(["umount", disk], check=True)


def test_killed_while_it_segments_it_goes_on_with_what_is_left(atlas, tmp_path, zoo):
    home, run = tmp_path / "home", tmp_path / "run"
    given = [*said([*OWN, f"data.root={atlas}", "stages.0.processes=1"]), "--out", str(run), "--device", "cpu"]
    command = [sys.executable, "-m", "zoo", "train", "hpa-kaggle", *given]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while len(files_of(home)) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    done = {path.name: path.stat().st_mtime_ns for path in files_of(home)}
    assert len(done) >= 3
    code, _, err = zoo("train", "hpa-kaggle", *given, "--resume")
    assert code == 0, err
    now = {path.name: path.stat().st_mtime_ns for path in files_of(home)}
    assert len(now) == 38
    assert {name: now[name] for name in done} == done
