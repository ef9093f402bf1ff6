"""Real plates and fields of public repositories are read as they came."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cells.screens import write_csv
from zoo_cells.datasets.plate import plate

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
GASTRULOIDS, PAINTING = DATA / "gastruloids", DATA / "cellpainting"


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "cache"))


@pytest.mark.skipif(not GASTRULOIDS.is_dir(), reason="no gastruloids in ZOO_TEST_DATA")
def test_the_plate_of_gastruloids_needs_no_more_than_its_folder():
    data = plate(GASTRULOIDS)
    assert len(data) == 64
    assert data.classes == ["control", "matrigel5", "pre2i", "pre2i_cleaned"]
    assert [data.labels.count(label) for label in range(4)] == [16] * 4
    assert data.names[:2] == ["01A", "02A"]
    assert data.groups["well"][:2] == ["A01", "A02"]
    assert sorted(set(data.groups["column"])) == ["01", "02", "04", "05", "07", "08", "10", "11"]
    assert sorted(set(data.groups["plate_row"])) == list("ABCDEFGH")
    by_column = {data.groups["column"][item]: data.labels[item] for item in range(64)}
    assert list(by_column.values()) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert data.notes == []
    whole = plate(GASTRULOIDS, channels=["brightfield", "gfp"], size=None, images="images/{well}.tif")
    batch = whole.batch(np.array([63]))
    assert batch["image"].shape == (1, 2, 270, 270)
    expected = tifffile.imread(GASTRULOIDS / "images" / f"{batch['id'][0]}.tif")
    np.testing.assert_array_equal(batch["image"][0].numpy(), expected)


@pytest.mark.skipif(not PAINTING.is_dir(), reason="no cellpainting in ZOO_TEST_DATA")
def test_a_field_of_jump_is_read_by_its_names_and_by_its_table(tmp_path):
    images = tmp_path / "BR00117006__2020-11-08T18_18_00-Measurement1" / "Images"
    images.mkdir(parents=True)
    for number in (2, 3, 5):
        for column in (1, 2):
            name = f"r01c{column:02d}f01p01-ch{number}sk1fk1fl1.tiff"
            shutil.copy(PAINTING / f"r01c01f01p01-ch{number}sk1fk1fl1.tiff", images / name)
    layout = [{"Metadata_Plate": "BR00117006", "Metadata_Well": f"A0{c}", "pert_iname": f"t{c}"} for c in (1, 2)]
    write_csv(tmp_path / "metadata.csv", layout)
    data = plate(tmp_path, channels=["ch5", "ch2"])
    assert data.names == ["BR00117006/A01/f1", "BR00117006/A02/f1"]
    image = data.batch(np.array([0]))["image"]
    assert (image.shape, str(image.dtype)) == ((1, 2, 224, 224), "torch.uint16")
    raw = tifffile.imread(PAINTING / "r01c01f01p01-ch5sk1fk1fl1.tiff")
    assert float(image[0, 0].float().mean()) == pytest.approx(raw.mean(), abs=0.5)


@pytest.mark.skipif(not PAINTING.is_dir(), reason="no cellpainting in ZOO_TEST_DATA")
def test_fields_of_a_cytation_are_read_without_the_masks_beside_them(tmp_path):
    shutil.copytree(PAINTING / "nf1", tmp_path / "images")
    genotypes = [{"Well": "B7", "genotype": "wild type"}, {"Well": "D6", "genotype": "null"}]
    write_csv(tmp_path / "wells.csv", genotypes)
    data = plate(tmp_path, label="genotype", channels=["RFP", "DAPI"], size=None)
    assert data.names == ["B7/f3", "D6/f2"]
    assert data.groups["well"] == ["B07", "D06"]
    assert data.notes == []
    image = data.batch(np.array([1]))["image"]
    assert image.shape == (1, 2, 904, 1224)
    np.testing.assert_array_equal(image[0, 1].numpy(), tifffile.imread(PAINTING / "nf1" / "D6_01_1_2_DAPI_001.tif"))
