"""Files that predictions are written to, read back by the libraries that their users have."""

import subprocess
import sys

import anndata
import numpy as np
import pytest

from zoo.errors import RunError
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.outputs.predictions import predictions_to, write_anndata, write_scored
from zoo_spatial.section import Section
from zoo_spatial.slides.pyramid import from_array
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views

FACTS = {"recipe": "hiscmcl", "protocol": "strict"}


def section(name, spots=9, um_per_px=0.5):
    rng = np.random.default_rng(len(name))
    side = int(spots**0.5)
    grid = np.array([(x, y) for x in range(side) for y in range(side)], dtype=np.float32)
    return Section(
        name=name,
        donor="D1",
        image=from_array(np.zeros((100, 100, 3), dtype=np.uint8)),
        position_px=grid * 20 + 10,
        grid=grid,
        ids=[f"{x:.0f}x{y:.0f}" for x, y in grid],
        counts=rng.poisson(4, (len(grid), 6)).astype(np.float32),
        genes=[f"GENE{i}" for i in range(6)],
        um_per_px=um_per_px,
    )


@pytest.fixture
def dataset():
    """Return two sections with a panel of four genes; of one, the size of a pixel is not known."""
    made = SpotDataset(
        open_sections=lambda: [section("A"), section("B/2", um_per_px=None)],
        views=Views(patch=16),
        panel=GenePanel(select="variance", top=4),
    )
    made.fit(np.arange(len(made)))
    return made


def test_rows_that_come_a_few_at_a_time_make_one_table(dataset, tmp_path):
    path = tmp_path / "new" / "out.h5ad"
    novelty = np.linspace(0, 1, 18, dtype=np.float32)
    with predictions_to(path, dataset, FACTS, ("novelty",)) as out:
        for rows in np.array_split(np.arange(18), 5):
            out.add(dataset.expression[rows], {"novelty": novelty[rows]})
    table = anndata.read_h5ad(path)
    assert np.array_equal(table.X, dataset.expression)
    assert table.X.dtype == np.float32
    assert table.var_names.tolist() == dataset.genes
    assert table.obs_names.tolist() == [dataset.item_id(item) for item in range(18)]
    assert table.obs["section"].tolist() == ["A"] * 9 + ["B/2"] * 9
    assert table.obs["section"].dtype == "category"
    assert np.array_equal(table.obs[["array_col", "array_row"]].to_numpy(), dataset.grid)
    assert np.array_equal(table.obs["novelty"].to_numpy(), novelty)
    assert np.array_equal(table.obsm["spatial"], dataset.position_px)
    assert table.uns["zoo"] == {**FACTS, "scale": "log1p", "um_per_px": {"A": 0.5}}


def test_a_table_that_is_written_at_once_is_the_same_file(dataset, tmp_path):
    write_anndata(tmp_path / "a.h5ad", dataset.expression, dataset, FACTS)
    with predictions_to(tmp_path / "b.h5ad", dataset, FACTS) as out:
        out.add(dataset.expression[:7])
        out.add(dataset.expression[7:])
    assert (tmp_path / "a.h5ad").read_bytes() == (tmp_path / "b.h5ad").read_bytes()


def test_scanpy_reads_and_plots_nothing_less_than_it_does_of_its_own(dataset, tmp_path):
    import scanpy

    write_anndata(tmp_path / "out.h5ad", dataset.expression, dataset, FACTS, {"novelty": dataset.expression[:, 0]})
    table = scanpy.read_h5ad(tmp_path / "out.h5ad")
    scanpy.pp.pca(table, n_comps=2)
    table.write_h5ad(tmp_path / "again.h5ad")
    backed = scanpy.read_h5ad(tmp_path / "out.h5ad", backed="r")
    assert np.array_equal(backed.X[3:5], dataset.expression[3:5])


def test_a_block_that_fails_leaves_what_was_there_before(dataset, tmp_path):
    path = tmp_path / "out.h5ad"
    path.write_text("before")
    with pytest.raises(ValueError, match="rows up to 20"), predictions_to(path, dataset, FACTS) as out:
        out.add(np.zeros((20, 4), dtype=np.float32))
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["out.h5ad"]


def test_spots_without_a_prediction_are_no_file(dataset, tmp_path):
    with (
        pytest.raises(ValueError, match="3 of 18 spots have predictions"),
        predictions_to(tmp_path / "out.h5ad", dataset, FACTS) as out,
    ):
        out.add(dataset.expression[:3])
    assert not list(tmp_path.glob("*out.h5ad*"))


@pytest.mark.parametrize(
    ("rows", "genes", "columns", "said"),
    [
        (19, 4, {"novelty": 19}, "rows up to 19"),
        (2, 3, {"novelty": 2}, "do not fit a table"),
        (2, 4, {}, "columns are novelty, not none"),
        (2, 4, {"novelty": 2, "other": 2}, "columns are novelty, not novelty, other"),
    ],
)
def test_rows_of_another_shape_are_refused(dataset, tmp_path, rows, genes, columns, said):
    values = {name: np.zeros(number, dtype=np.float32) for name, number in columns.items()}
    with (
        pytest.raises(ValueError, match=said),
        predictions_to(tmp_path / "out.h5ad", dataset, FACTS, ("novelty",)) as out,
    ):
        out.add(np.zeros((rows, genes), dtype=np.float32), values)


def test_a_folder_that_cannot_be_made_is_one_sentence(dataset, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written") as error:
        write_anndata(tmp_path / "file" / "out.h5ad", dataset.expression, dataset, FACTS)
    assert "\n" not in str(error.value)


def test_what_fails_in_the_block_is_not_blamed_on_the_file(dataset, tmp_path):
    with pytest.raises(FileNotFoundError), predictions_to(tmp_path / "out.h5ad", dataset, FACTS):
        (tmp_path / "no image").read_bytes()


def test_predictions_stand_beside_what_was_measured(dataset, tmp_path):
    items = np.array([2, 3, 11])
    truth = dataset.expression[items]
    pcc = np.array([0.5, 0.1, np.nan, -0.2])
    columns = {"novelty": np.ones(3, dtype=np.float32)}
    write_scored(tmp_path / "D1.h5ad", truth * 2, truth, dataset, items, {"pcc": pcc}, FACTS, columns)
    table = anndata.read_h5ad(tmp_path / "D1.h5ad")
    assert np.array_equal(table.layers["truth"] * 2, table.X)
    assert np.array_equal(table.var["pcc"].to_numpy(), pcc, equal_nan=True)
    assert table.var["mean_truth"].to_numpy() == pytest.approx(truth.mean(axis=0))
    assert table.obs_names.tolist() == ["A:0x2", "A:1x0", "B/2:0x2"]
    assert table.obs["novelty"].tolist() == [1.0, 1.0, 1.0]
    assert np.array_equal(table.obsm["spatial"], dataset.position_px[items])
    assert table.uns["zoo"]["recipe"] == "hiscmcl"


MANY = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
import anndata.io, h5py, numpy as np, pandas
from zoo_spatial.outputs.predictions import predictions_to

class Points(SimpleNamespace):
    def __len__(self):
        return len(self.grid)

spots, genes = 100_000, 400
flat = np.zeros((spots, 2), dtype=np.float32)
points = Points(
    genes=[f"G{i}" for i in range(genes)], groups={"section": ["S"] * spots}, scale="log1p", grid=flat,
    position_px=flat, sections=[SimpleNamespace(name="S", um_per_px=0.5)], item_id=lambda item: f"S:{item}x0",
)
rows = np.ones((4000, genes), dtype=np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with predictions_to(Path(sys.argv[1]), points, {}) as out:
    for _ in range(spots // len(rows)):
        out.add(rows)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_a_hundred_thousand_points_are_never_in_memory_together(tmp_path):
    path = tmp_path / "out.h5ad"
    done = subprocess.run([sys.executable, "-c", MANY, path], capture_output=True, text=True, check=True)
    assert path.stat().st_size > 150 * 2**20
    assert float(done.stdout) < 75
    table = anndata.read_h5ad(path, backed="r")
    assert table.shape == (100_000, 400)
    assert table.obs_names[99_999] == "S:99999x0"
