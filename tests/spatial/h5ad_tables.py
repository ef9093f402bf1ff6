"""Tables of AnnData as scanpy and spatialLIBD leave them, for tests to write, spoil and read."""

import anndata
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import sparse

from zoo.errors import DataError
from zoo_spatial.datasets.h5ad import h5ad
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.views import Views

SPOTS, GENES = 24, 15
HEX = [(2 * i + row % 2, row) for row in range(4) for i in range(6)]
PITCH = 40.0
FULL = (320, 400)


def positions():
    """Centres of a hexagonal array of Visium, ``PITCH`` pixels apart."""
    return np.array([((column + 2) * PITCH / 2, (row + 1) * PITCH * 3**0.5 / 2) for column, row in HEX])


def counts(seed=0):
    return np.random.default_rng(seed).poisson(3, (SPOTS, GENES)).astype(np.float32)


def space_ranger(scale=0.25, **factors):
    """What scanpy keeps of a section of Visium."""
    hires = np.random.default_rng(1).random((int(FULL[0] * scale), int(FULL[1] * scale), 3)).astype(np.float32)
    known = {"tissue_hires_scalef": scale, "spot_diameter_fullres": PITCH * 0.65, **factors}
    return {"images": {"hires": hires}, "scalefactors": known, "metadata": {"chemistry_description": "v1"}}


def table(seed=0, *, x=None, library="V1", picture=True):
    """A section as scanpy reads it from Space Ranger."""
    names = ["".join("ACGT"[i // 4**k % 4] for k in range(10)) + "-1" for i in range(SPOTS)]
    obs = pd.DataFrame(np.array(HEX), columns=["array_col", "array_row"], index=names).assign(in_tissue=1)
    ids = [f"ENSG{i:011d}" for i in range(GENES)]
    var = pd.DataFrame({"gene_ids": ids}, index=[f"GENE{i}" for i in range(GENES)])
    made = anndata.AnnData(sparse.csr_matrix(counts(seed)) if x is None else x, obs=obs, var=var)
    made.obsm["spatial"] = positions()
    if picture:
        made.uns["spatial"] = {library: space_ranger()}
    return made


def several(picture=True):
    """Three sections of two donors in one table, with the same barcodes in each, as spatialLIBD exports them."""
    parts = [table(seed, picture=False) for seed in range(3)]
    for part, sample, subject in zip(parts, ("151507", "151508", "151669"), ("Br1", "Br1", "Br2"), strict=True):
        part.obs["sample_id"], part.obs["subject"] = sample, subject
    obs = pd.concat([part.obs for part in parts])
    var = pd.DataFrame({"gene_name": parts[0].var_names}, index=parts[0].var["gene_ids"].to_numpy())
    joined = anndata.AnnData(sparse.vstack([part.X for part in parts]).tocsr(), obs=obs, var=var)
    joined.obsm["spatial"] = np.concatenate([part.obsm["spatial"] for part in parts])
    if picture:
        joined.uns["spatial"] = {sample: space_ranger() for sample in ("151507", "151508", "151669")}
    return joined


def full_image(path, size=FULL):
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)


def opened(root, **options):
    return h5ad(root, views=Views(patch=16), genes=GenePanel(top=5), near=2, **options)


def refused(root, kind=DataError, **options):
    with pytest.raises(kind) as error:
        opened(root, **options).groups  # noqa: B018 - opening is what is asked for
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def written(tmp_path):
    """Write a table and return its path."""

    def write(made, name="S1.h5ad"):
        made.write_h5ad(tmp_path / name)
        return tmp_path / name

    return write
