"""Every part of ours keeps what its kind promises, by the very checks that strangers' parts go through."""

from pathlib import Path

import pytest

from cars.test_cars_folder import Folder
from cells.kaggle_fields import Challenge
from cells.screens import Wells
from spatial.conftest import Her2stFolder
from spatial.h5ad_tables import table
from spatial.visium_folders import Tissue, write_outs
from zoo.recipe import parse
from zoo.testing import check_part

TINY = Path(__file__).parent / "recipes" / "bags.yaml"
SPOTS = """\
zoo: 1
name: spots
data:
  use: simulated-tissue
  donors: 3
  spots: 6
  pitch: 32
  genes: {select: variance, top: 12}
  views: {patch: 24, neighbourhood: 2, overview: 24}
  split: {unit: donor, test: [D3]}
encoder:
  use: dihedral
  base: {use: multilevel, levels: [spot, neighbourhood, global], base: {use: timm, model: test_resnet}}
head: {use: clip, dim: 8, spot: {use: spot-transformer, dim: 8, heads: 2, layers: 1}}
loss: {use: info-nce}
task: {use: contrast, retrieve: {key: spot, k: 4}}
train: {epochs: 1, batch: 8}
"""
FIELDS = """\
zoo: 1
name: fields
data:
  use: simulated-cars
  animals: 6
  fields: 1
  size: 32
  bands: 8
  tiles: {size: 16}
  split: {unit: animal, test: [M05, M06]}
encoder: {use: per-instance, base: {use: han-spectral, width: 8}}
head: {use: gated-abmil, hidden: 8}
loss: {use: ordinal}
task: {use: mil, kind: ordinal}
transforms: {train: [{use: svd-denoise, rank: 4}]}
train: {epochs: 1, batch: 2}
"""
CELLS = """\
zoo: 1
name: cells
data:
  use: simulated-cells
  antibodies: 40
  rare: 2
  fields: 1
  size: 128
  split: {unit: antibody, test: 0.3, stratify: true}
encoder: {use: per-instance, base: {use: timm, model: test_resnet}}
head: {use: gated-abmil, hidden: 8}
task: {use: cells, level: cells}
stages:
  - {use: segment, segmenter: {use: watershed}, crops: {size: 32, pad: 4}, processes: 1}
  - {use: train, loss: {use: binary-cross-entropy}, train: {epochs: 1, batch: 8}}
train: {batch: 8}
"""
LEVELS = "use: multilevel, levels: [spot, neighbourhood, global]"
EXPRESSION, BATCH = "use: spot-expression", "use: batch-transformer, heads: 2, head_dim: 4, layers: 1"
INSTEAD = {
    **{f"encoder:{name}": {"recipe": SPOTS} for name in ("dihedral", "multilevel", "spot-transformer")},
    "head:clip": {"recipe": SPOTS},
    "loss:info-nce": {"recipe": SPOTS},
    "loss:binary-cross-entropy": {"recipe": TINY},
    "transform:resize": {"size": 16},
    "transform:bag-sample": {"at_most": 2},
    "segmenter:watershed": {"recipe": CELLS},
    "task:cells": {"recipe": CELLS},
    "transform:albumentations": {"pipeline": [{"name": "HorizontalFlip", "p": 0.5}]},
    "dataset:simulated-tissue": {"recipe": SPOTS},
    "task:contrast": {"recipe": SPOTS},
    "loss:image-centric": {"recipe": SPOTS.replace("info-nce", "image-centric")},
    "encoder:rescale": {"recipe": SPOTS.replace(LEVELS, "use: rescale, scales: [32]")},
    "encoder:spot-expression": {
        "recipe": SPOTS.replace("use: spot-transformer, dim: 8, heads: 2, layers: 1", EXPRESSION)
    },
    "encoder:batch-transformer": {"recipe": SPOTS.replace("use: spot-transformer, dim: 8, heads: 2, layers: 1", BATCH)},
    "dataset:simulated-cars": {"recipe": FIELDS},
    "transform:svd-denoise": {"recipe": FIELDS},
    "transform:kramers-kronig": {
        "recipe": FIELDS.replace("svd-denoise, rank: 4", "kramers-kronig").replace(
            "bands: 8", "bands: 8\n  standardise: false"
        )
    },
}
"""What is looked at in another recipe than would be found, because it needs a value, or that recipe takes longer."""
NO_FILES = {
    "dataset:planted-srs": "needs the stack of C. elegans, see tests/cars/test_planted_srs.py",
    "dataset:spatialdata": "needs a zarr store, see tests/spatial/test_spatialdata.py",
    "dataset:st": "needs sections, see tests/spatial/test_st.py",
    "dataset:visium-loose": "needs loose files, see tests/spatial/test_visium_loose.py",
    "segmenter:cellpose": "needs weights of 1.2 GB, see tests/cells/test_cellpose.py",
}


def her2st(root):
    folder = Her2stFolder(root)
    for seed, name in enumerate(("A1", "B1")):
        folder.add(name, seed=seed)
    return {"root": str(root), "genes": {"top": 8}, "views": {"patch": 32}}


def plate(root):
    Wells(root)
    return {"root": str(root), "size": 16}


def hpa(root):
    Challenge(root, rows=[(f"f{number}", ("0|16", "18")[number % 2]) for number in range(8)])
    return {"root": str(root)}


def cars_folder(root):
    Folder(root)
    return {"root": str(root), "tiles": {"size": 8}}


def visium(root):
    for number in (1, 2):
        write_outs(root / f"S{number}" / "outs", Tissue())
    return {"root": str(root), "genes": {"top": 5}, "views": {"patch": 32}, "near": 3}


def h5ad(root):
    root.mkdir()
    for number in (1, 2):
        table(number).write_h5ad(root / f"S{number}.h5ad")
    return {"root": str(root), "genes": {"top": 5}, "views": {"patch": 16}}


READERS = {"her2st": her2st, "plate": plate, "hpa": hpa, "cars-folder": cars_folder, "visium": visium, "h5ad": h5ad}


@pytest.mark.zoo("microscopy-zoo", "zoo-spatial", "zoo-cells", "zoo-cars", "zoo-hello")
@pytest.mark.usefixtures("tiny")
def test_every_part_keeps_what_its_kind_promises(zoo_part, tmp_path):
    if zoo_part.kind in {"recipes", "stages"}:
        pytest.skip("trains whole models; recipes and stages are checked in tests/test_testing_recipes.py")
    if str(zoo_part) in NO_FILES:
        pytest.skip(NO_FILES[str(zoo_part)])
    reader = READERS.get(zoo_part.name)
    options = reader(tmp_path / "files") if reader else INSTEAD.get(str(zoo_part), {})
    if isinstance(options.get("recipe"), str):
        options = {"recipe": parse(options["recipe"])}
    found = check_part(zoo_part, **options)
    assert not [finding for finding in found if finding.check == "builds" and finding.verdict == "SKIP"]
