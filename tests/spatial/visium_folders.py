"""Files of Visium as the pipelines write them, by the libraries that read them elsewhere; a test may spoil each."""

import csv
import gzip
import io
import json
from dataclasses import dataclass, field

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from scipy import io as scipy_io
from scipy import sparse

from zoo.errors import DataError, ZooError

COLUMNS = ["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"]
PITCH = 40.0
HIRES = 0.5


def refused(call, *arguments, kind=DataError):
    """Return the one sentence that a call is refused with."""
    with pytest.raises(kind) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def attempted(call, *arguments):
    """Return what a call returns, or None and what it was refused with."""
    try:
        return call(*arguments), ""
    except ZooError as error:
        return None, str(error)


def sections_refused(dataset, kind=DataError):
    """Return the one sentence that opening a dataset is refused with."""
    return refused(lambda: dataset.sections, kind=kind)


def barcode(number):
    letters = "ACGT"
    return "".join(letters[(number >> 2 * place) & 3] for place in range(8)) * 2 + "-1"


def hexagonal(rows=6, columns=6):
    """Array rows and columns as Visium numbers them, with centres 100 um apart."""
    grid = [(row, 2 * column + row % 2) for row in range(rows) for column in range(columns)]
    pixels = [(50 + row * PITCH * 3**0.5 / 2, 40 + column * PITCH / 2) for row, column in grid]
    return grid, pixels


@dataclass
class Tissue:
    """One section in memory: positions of all spots, counts of those in tissue, and its image."""

    seed: int = 0
    genes: int = 12
    species: str = "ENSG"
    outside: int = 4
    size: tuple[int, int] = (300, 330)
    grid: list = field(init=False)
    pixels: list = field(init=False)

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.grid, self.pixels = hexagonal()
        self.names = [barcode(number) for number in range(len(self.grid))]
        self.in_tissue = [0] * self.outside + [1] * (len(self.grid) - self.outside)
        order = rng.permutation(np.flatnonzero(self.in_tissue))  # the matrix has an order of its own
        self.barcodes = [self.names[spot] for spot in order]
        self.counts = rng.poisson(2, (len(order), self.genes)).astype(np.int32)
        self.ids = [f"{self.species}{number:011d}" for number in range(self.genes)]
        self.symbols = [f"GENE{number}" for number in range(self.genes)]
        self.kinds = ["Gene Expression"] * self.genes
        self.genomes = ["GRCh38"] * self.genes
        self.picture = rng.integers(0, 255, (*self.size, 3), dtype=np.uint8)

    @property
    def table(self):
        rows = zip(self.names, self.in_tissue, self.grid, self.pixels, strict=True)
        return pd.DataFrame([(n, t, *g, round(p[0]), round(p[1])) for n, t, g, p in rows], columns=COLUMNS)

    def counts_at(self, name):
        return self.counts[self.barcodes.index(name)]


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_positions(path, tissue):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        tissue.table.to_parquet(path, index=False)
        return path
    return put(path, tissue.table.to_csv(index=False, header="_list" not in path.name))


def write_h5(path, tissue, *, transposed=False, **changed):
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = sparse.csc_matrix(tissue.counts if transposed else tissue.counts.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        parts = {
            "barcodes": np.array(tissue.barcodes, dtype="S"),
            "data": counts.data,
            "indices": counts.indices.astype(np.int64),
            "indptr": counts.indptr.astype(np.int64),
            "shape": np.array(counts.shape, dtype=np.int32),
        }
        for name, values in {**parts, **changed}.items():
            if values is not None:
                group.create_dataset(name, data=values, compression="gzip")
        features = group.create_group("features")
        columns = {"id": tissue.ids, "name": tissue.symbols, "feature_type": tissue.kinds, "genome": tissue.genomes}
        for name, values in columns.items():
            features.create_dataset(name, data=np.array(values, dtype="S"))
    return path


def write_h5_of_version_2(path, tissues):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for genome, tissue in tissues.items():
            counts = sparse.csc_matrix(tissue.counts.T)
            group = file.create_group(genome)
            group["barcodes"] = np.array(tissue.barcodes, dtype="S")
            group["genes"] = np.array(tissue.ids, dtype="S")
            group["gene_names"] = np.array(tissue.symbols, dtype="S")
            for name in ("data", "indices", "indptr"):
                group[name] = getattr(counts, name)
            group["shape"] = np.array(counts.shape)
    return path


def write_mtx(folder, tissue, *, prefix="", end=".gz", features="features.tsv", transposed=False):
    held = io.BytesIO()
    scipy_io.mmwrite(held, sparse.coo_matrix(tissue.counts if transposed else tissue.counts.T))
    columns = [tissue.ids, tissue.symbols, *([tissue.kinds] if features.startswith("features") else [])]
    rows = io.StringIO()
    csv.writer(rows, delimiter="\t", lineterminator="\n").writerows(zip(*columns, strict=True))
    put(folder / f"{prefix}matrix.mtx{end}", held.getvalue())
    put(folder / f"{prefix}{features}{end}", rows.getvalue())
    put(folder / f"{prefix}barcodes.tsv{end}", "\n".join(tissue.barcodes) + "\n")


def write_scale(path, **changed):
    held = {
        "tissue_hires_scalef": HIRES,
        "tissue_lowres_scalef": HIRES / 2,
        "spot_diameter_fullres": 0.65 * PITCH,
        "fiducial_diameter_fullres": PITCH,
    }
    return put(path, json.dumps({**held, **changed}))


def write_image(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in {".tif", ".tiff", ".btf"}:
        tifffile.imwrite(path, picture, photometric="rgb", tile=(128, 128), compression="zlib")
    else:
        Image.fromarray(picture).save(path)
    return path


def reduced(picture, factor=HIRES):
    size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
    return np.asarray(Image.fromarray(picture).resize(size))


def write_outs(outs, tissue, *, positions="tissue_positions.csv", image="scan.tif"):
    """Write one output folder of Space Ranger, with the full image beside it."""
    write_positions(outs / "spatial" / positions, tissue)
    write_h5(outs / "filtered_feature_bc_matrix.h5", tissue)
    write_scale(outs / "spatial" / "scalefactors_json.json")
    write_image(outs / "spatial" / "tissue_hires_image.png", reduced(tissue.picture))
    write_image(outs / "spatial" / "tissue_lowres_image.png", reduced(tissue.picture, HIRES / 2))
    if image:
        write_image(outs / image, tissue.picture)
    return outs
