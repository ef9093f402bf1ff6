"""SpatialData stores, written by the library itself and read window by window."""

import json
import shutil
import sys

import anndata
import numpy as np
import pandas as pd
import pytest
import torch

from zoo.errors import DataError, MissingError, UsageError
from zoo_spatial.datasets.spatialdata import spatialdata
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.outputs.spatialdata_out import write_spatialdata
from zoo_spatial.readers.spatialdata_slide import ChunkedLevel, StoreSlide
from zoo_spatial.section import Section
from zoo_spatial.slides.pyramid import from_array
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views

library = pytest.importorskip("spatialdata", reason="the extra zoo-spatial[spatialdata] is not installed")
from spatialdata.models import Image2DModel, PointsModel, ShapesModel, TableModel  # noqa: E402
from spatialdata.transformations import Affine, Identity, Scale  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("ignore")]  # of a dozen libraries below spatialdata
HEX = [(2 * i + row % 2, row) for row in range(4) for i in range(6)]
PITCH = 40.0
ONTO = np.array([[0.0, 2.0, 10.0], [2.0, 0.0, 4.0], [0, 0, 1]])  # microns to pixels: axes swapped, doubled, moved


def smooth(height=330, width=410, seed=0):
    """Return an image in which neighbouring pixels are alike, so that halving it by any rule gives the same."""
    rng = torch.Generator().manual_seed(seed)
    small = torch.rand((1, 3, 6, 6), generator=rng) * 255
    return torch.nn.functional.interpolate(small, (height, width), mode="bicubic").clamp(0, 255).byte()[0].numpy()


def in_pixels():
    return np.array([((column + 2) * PITCH / 2, (row + 1) * PITCH * 3**0.5 / 2) for column, row in HEX])


def counts(seed=0):
    return np.random.default_rng(seed).poisson(3, (len(HEX), 8)).astype(np.float32)


def table(region="spots", seed=0, **obs):
    names = [f"{region}-{i}" for i in range(len(HEX))]
    frame = pd.DataFrame(np.array(HEX), columns=["array_col", "array_row"], index=names)
    frame = frame.assign(region=pd.Categorical([region] * len(HEX)), spot=[f"s{i}" for i in range(len(HEX))], **obs)
    var = pd.DataFrame(index=[f"GENE{i}" for i in range(8)])
    return anndata.AnnData(counts(seed), obs=frame, var=var)


def circles(transformations, xy=None):
    made = ShapesModel.parse(
        in_pixels() if xy is None else xy, geometry=0, radius=PITCH * 0.325, transformations=transformations
    )
    made.index = [f"s{i}" for i in range(len(made))]
    return made[::-1]  # rows of the table are not in the order of the shapes


def write(path, *, images, spots, tables):
    annotated = TableModel.parse(tables, region=list(spots), region_key="region", instance_key="spot")
    points = {name: one for name, one in spots.items() if not hasattr(one, "geometry")}
    shapes = {name: one for name, one in spots.items() if name not in points}
    library.SpatialData(images=images, shapes=shapes, points=points, tables={"table": annotated}).write(path)
    return path


def image(pixels, transformations=None, factors=(2, 2)):
    return Image2DModel.parse(
        pixels, dims=("c", "y", "x"), scale_factors=factors, transformations=transformations or {"global": Identity()}
    )


@pytest.fixture(scope="module")
def _store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "brain.zarr"
    return write(path, images={"he": image(smooth())}, spots={"spots": circles({"global": Identity()})}, tables=table())


@pytest.fixture
def store(_store, tmp_path):
    """Return a store of one section, a copy that a test may spoil."""
    return shutil.copytree(_store, tmp_path / "brain.zarr")


def opened(root, **options):
    return spatialdata(root, views=Views(patch=32), genes=GenePanel(top=4), near=2, **options)


def refused(root, kind=DataError, **options):
    with pytest.raises(kind) as error:
        opened(root, **options).groups  # noqa: B018 - opening is what is asked for
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_store_is_a_section_with_its_spots_counts_and_image(store):
    dataset = opened(store)
    (found,) = dataset.sections
    assert (found.name, found.donor) == ("brain", "brain")
    assert np.allclose(found.position_px, in_pixels())
    assert np.array_equal(found.counts, counts())
    assert found.grid[7].tolist() == [float(v) for v in HEX[7]]
    assert found.um_per_px == pytest.approx(65 / (PITCH * 0.65))
    dataset.fit(np.arange(12))
    assert dataset.batch(np.array([0, 23]))["image"].shape == (2, 3, 32, 32)
    assert [one.name for one in opened(store.parent, donors={"brain": "D1"}).sections] == ["brain"]


def test_fields_are_those_of_the_same_image_in_memory(store):
    (found,) = opened(store).sections
    whole = from_array(np.ascontiguousarray(smooth().transpose(1, 2, 0)))
    centres = np.concatenate([found.position_px, [[0, 0], [409, 329], [205.5, 329.9]]]).astype(np.float32)
    for field_px, size in ((32, 32), (33, 33), (90, 32), (500, 24)):
        got, expected = found.image.fields(centres, field_px, size), whole.fields(centres, field_px, size)
        assert got.shape == expected.shape == (27, 3, size, size)
        off = (got.int() - expected.int()).abs().float()
        assert off.mean() <= (0 if field_px == size else 3)  # the store's reduced copies were made by another rule
    assert (found.image.overview(64).int() - whole.overview(64).int()).abs().float().mean() <= 3
    assert found.image.thumbnail(200).shape == whole.thumbnail(200).shape == (161, 200, 3)
    assert found.image.shape == (330, 410)


NOISE = np.random.default_rng(5).integers(0, 255, (3, 610, 530), dtype=np.uint8)


@pytest.mark.parametrize("chunk", [100, 1000])
@pytest.mark.parametrize(("field_px", "size"), [(40, 40), (41, 41), (150, 32), (900, 64)])
def test_an_image_without_reduced_copies_is_halved_as_one_in_memory_is(chunk, field_px, size):
    import dask.array

    slide = StoreSlide([(1.0, ChunkedLevel(dask.array.from_array(NOISE, chunks=(3, chunk, chunk))))])
    whole = from_array(np.ascontiguousarray(NOISE.transpose(1, 2, 0)))
    centres = np.random.default_rng(6).uniform((0, 0), (530, 610), (12, 2)).astype(np.float32)
    assert torch.equal(slide.fields(centres, field_px, size), whole.fields(centres, field_px, size))
    assert np.array_equal(slide.thumbnail(300), whole.thumbnail(300))
    assert torch.equal(slide.overview(200), whole.overview(200))


def test_spots_are_brought_onto_the_pixels_of_the_image_by_the_system_that_both_have(tmp_path):
    moved = np.linalg.inv(ONTO)
    um = in_pixels() @ moved[:2, :2].T + moved[:2, 2]
    large = image(smooth(), {"um": Affine(moved, input_axes=("x", "y"), output_axes=("x", "y"))}, None)
    small = image(smooth()[:, ::4, ::4], {"um": Scale([2, 2], axes=("x", "y"))}, None)
    other = image(np.zeros((3, 900, 900), dtype=np.uint8), {"elsewhere": Identity()}, None)
    mask = image(np.zeros((1, 800, 800), dtype=np.uint8), {"um": Identity()}, None)
    path = write(
        tmp_path / "a.zarr",
        images={"small_hires": small, "large": large, "other": other, "mask": mask},
        spots={"spots": circles({"um": Identity()}, um)},
        tables=table(),
    )
    (found,) = opened(path).sections
    assert found.image.shape == (330, 410)
    assert np.allclose(found.position_px, in_pixels(), atol=1e-3)
    assert found.notes == ()
    assert "has no RGB image in a coordinate system of spots" in refused(path, image="other")
    assert "has no image he (found: " in refused(path, MissingError, image="he")
    (reduced,) = opened(path, image="small_hires").sections
    assert np.allclose(reduced.position_px, um / 2, atol=1e-3)
    assert reduced.notes == ("section a: patches come from the reduced image small_hires",)


def test_regions_are_sections_and_points_are_spots_as_well(tmp_path):
    joined = anndata.concat([table("left", 0, subject="D1"), table("right", 1, subject="D2")])
    joined.layers["logcounts"] = np.log1p(joined.X)
    points = PointsModel.parse(
        pd.DataFrame(in_pixels(), columns=["x", "y"], index=[f"s{i}" for i in range(len(HEX))]),
        transformations={"global": Identity()},
    )
    path = write(
        tmp_path / "two.zarr",
        images={"he": image(smooth(), factors=None)},
        spots={"left": circles({"global": Identity()}), "right": points},
        tables=joined,
    )
    found = opened(path, donor="subject", um_per_px=0.7).sections
    assert [(one.name, one.donor, one.um_per_px) for one in found] == [("left", "D1", 0.7), ("right", "D2", 0.7)]
    assert np.array_equal(found[1].counts, counts(1))
    assert np.allclose(found[1].position_px, in_pixels())
    assert [one.name for one in opened(path, sections=["right"]).sections] == ["right"]
    assert "data.sections names up, found are: left, right" in refused(path, MissingError, sections=["up"])
    assert "has no layer umi (layers: logcounts)" in refused(path, MissingError, layer="umi")


def test_an_image_that_is_not_of_8_bits_is_refused(tmp_path):
    path = write(
        tmp_path / "a.zarr",
        images={"he": image(smooth().astype(np.uint16), factors=None)},
        spots={"spots": circles({"global": Identity()})},
        tables=table(),
    )
    assert "image he holds uint16, RGB of 8 bits is needed" in refused(path)


def test_a_store_that_asks_to_unpickle_is_not_opened(store):
    file = store / "tables" / "table" / "X" / "zarr.json"
    said = json.loads(file.read_text())
    said["codecs"] = [{"name": "numcodecs.pickle", "configuration": {"id": "pickle"}}]
    file.write_text(json.dumps(said, indent=1))
    assert f"{file}: asks to unpickle values, which can run anything" in refused(store)


def test_what_is_not_a_store_or_is_damaged_is_one_sentence(store, tmp_path):
    assert "there is no such folder" in refused(tmp_path / "none", MissingError)
    (tmp_path / "empty").mkdir()
    assert "is no SpatialData store and holds none" in refused(tmp_path / "empty", MissingError)
    assert "has no table other (found: table)" in refused(store, MissingError, table="other")
    shutil.rmtree(store / "shapes" / "spots")
    assert "cannot be read as SpatialData" in refused(store) or "neither shapes nor points" in refused(store)


def test_rows_that_annotate_no_spot_are_refused(tmp_path):
    path = write(
        tmp_path / "a.zarr",
        images={"he": image(smooth(), factors=None)},
        spots={"spots": circles({"global": Identity()})[:-3]},
        tables=table(),
    )
    assert "3 rows of its table are not in spots (first: s0)" in refused(path)


def test_without_the_library_the_way_to_it_is_said(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "spatialdata", None)
    assert "pip install 'zoo-spatial[spatialdata]'" in refused(store, MissingError)


@pytest.mark.parametrize("size", [0.0, -1.0, float("inf")])
def test_the_size_of_a_pixel_is_a_length(tmp_path, size):
    with pytest.raises(ValueError, match="um_per_px is a length in micrometres, more than 0"):
        spatialdata(tmp_path, um_per_px=size)


def predicted():
    """Return a dataset of two sections whose names no store could have as they are."""
    grid = np.array(HEX, dtype=np.float32)
    sections = [
        Section(
            name=name,
            donor="D",
            image=from_array(np.zeros((330, 410, 3), dtype=np.uint8)),
            position_px=in_pixels().astype(np.float32),
            grid=grid,
            ids=[f"{x:.0f}x{y:.0f}" for x, y in grid],
            counts=counts(),
            genes=[f"GENE{i}" for i in range(8)],
        )
        for name in ("A 1", "A/1")
    ]
    made = SpotDataset(open_sections=lambda: sections, views=Views(patch=32), panel=GenePanel(top=3))
    made.fit(np.arange(len(made)))
    return made


def test_predictions_become_a_store_that_the_library_reads(tmp_path):
    dataset, path = predicted(), tmp_path / "out.zarr"
    novelty = np.linspace(0, 1, len(dataset), dtype=np.float32)
    write_spatialdata(path, dataset.expression, dataset, {"recipe": "hiscmcl"}, {"novelty": novelty})
    store = library.read_zarr(path)
    found = store.tables["predictions"]
    assert set(store.shapes) == {"A_1", "A_1_1"}
    assert np.array_equal(found.X, dataset.expression)
    assert found.var_names.tolist() == dataset.genes
    assert np.array_equal(found.obs["novelty"].to_numpy(), novelty)
    assert found.uns["zoo"]["recipe"] == "hiscmcl"
    joined, rows = library.join_spatialelement_table(
        sdata=store, spatial_element_names="A_1_1", table_name="predictions"
    )
    assert np.allclose([(one.x, one.y) for one in joined["A_1_1"].geometry], in_pixels())
    assert rows.obs["section"].unique().tolist() == ["A/1"]
    with pytest.raises(UsageError, match="is there already, and a store is not written over"):
        write_spatialdata(path, dataset.expression, dataset, {})
    assert [one.name for one in tmp_path.iterdir() if one.suffix != ""] == ["out.zarr"]
