"""Files of AnnData, written by anndata itself, as the libraries of the field leave them."""

import h5py
import numpy as np
import pytest
from scipy import sparse

from spatial.h5ad_tables import (
    FULL,
    HEX,
    PITCH,
    SPOTS,
    counts,
    full_image,
    opened,
    positions,
    refused,
    several,
    table,
    written,
)
from zoo.contracts import Origin
from zoo.errors import MissingError
from zoo_spatial.datasets.h5ad import h5ad

__all__ = ["written"]
pytestmark = pytest.mark.filterwarnings("ignore:Observation names are not unique")  # barcodes of several sections


def test_a_file_of_visium_is_a_section_over_the_reduced_image_that_scanpy_kept(written):
    dataset = opened(written(table()))
    (found,) = dataset.sections
    assert found.name == found.donor == "S1"
    assert found.image.shape == (80, 100)
    assert np.allclose(found.position_px, positions() / 4)
    assert found.grid[7].tolist() == [float(v) for v in HEX[7]]
    assert found.genes[0] == "GENE0"
    assert found.gene_ids[0] == "ENSG00000000000"
    assert found.counts.toarray().tolist() == counts().tolist()
    assert found.um_per_px == pytest.approx(4 * 100 / PITCH)
    assert "patches come from the reduced image inside the file (1 pixel for 4.0)" in found.notes[0]
    dataset.fit(np.arange(12))
    assert dataset.batch(np.array([0, 23]))["expression"].shape == (2, 5)


def test_a_folder_of_files_has_a_section_each(written, tmp_path):
    for seed, name in enumerate(("A", "B")):
        written(table(seed), f"{name}.h5ad")
    assert [one.name for one in opened(tmp_path).sections] == ["A", "B"]
    assert [one.name for one in opened(tmp_path, sections=["B"]).sections] == ["B"]
    assert "data.sections names Q, found are: A, B" in refused(tmp_path, MissingError, sections=["Q"])


@pytest.mark.parametrize("stored", [sparse.csr_matrix, sparse.csc_matrix, np.asarray])
def test_columns_tell_sections_and_donors_of_one_file_apart(written, stored):
    made = several()
    made.X = stored(made.X.toarray())
    found = opened(written(made), section="sample_id", donor="subject").sections
    assert [(one.name, one.donor) for one in found] == [("151507", "Br1"), ("151508", "Br1"), ("151669", "Br2")]
    for seed, one in enumerate(found):
        got = one.counts if isinstance(one.counts, np.ndarray) else one.counts.toarray()
        assert got.tolist() == counts(seed).tolist()
    assert found[0].genes[3] == "GENE3"
    assert found[0].gene_ids[3] == "ENSG00000000003"


def test_categories_are_read_as_anndata_0_7_wrote_them(written):
    path = written(several())
    with h5py.File(path, "r+") as file:
        for name in ("sample_id", "subject"):
            codes, texts = file["obs"][name]["codes"][:], file["obs"][name]["categories"][:]
            del file["obs"][name]
            file["obs"][name] = codes
            file["obs"].require_group("__categories")[name] = texts
        file["obs/_index"].attrs.clear()
        file["obs"].attrs["encoding-version"] = "0.1.0"
    found = opened(path, section="sample_id", donor="subject").sections
    assert [(one.name, one.donor) for one in found] == [("151507", "Br1"), ("151508", "Br1"), ("151669", "Br2")]
    assert found[0].ids[0] == "AAAAAAAAAA-1"


def test_an_export_of_spatiallibd_takes_its_images_from_a_folder(written, tmp_path):
    path = written(several(picture=False))
    (tmp_path / "images").mkdir()
    for sample in ("151507", "151508", "151669"):
        full_image(tmp_path / "images" / f"{sample}.png")
    found = opened(
        path, section="sample_id", donor="subject", donors={"151508": "other"}, image="images/{section}.png"
    ).sections
    assert [one.donor for one in found] == ["Br1", "other", "Br2"]
    assert found[1].image.shape == FULL
    assert found[1].um_per_px == pytest.approx(100 / PITCH)
    assert found[1].notes == ()


def test_the_image_that_the_data_were_made_from_is_used_where_it_is_there(written, tmp_path):
    made = table()
    made.uns["spatial"]["V1"]["metadata"]["source_image_path"] = "/scanner/slides/full.png"
    path = written(made)
    assert opened(path).sections[0].image.shape == (80, 100)
    full_image(tmp_path / "full.png")
    assert opened(path).sections[0].image.shape == FULL


def test_a_reduced_image_of_8_bits_is_taken_as_it_is(written):
    made = table()
    pixels = np.random.default_rng(3).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    made.uns["spatial"]["V1"]["images"]["hires"] = pixels
    assert np.array_equal(opened(written(made)).sections[0].image.thumbnail(100), pixels)


@pytest.mark.parametrize(
    ("factors", "um"),
    [
        ({"spot_diameter_fullres": PITCH * 0.65}, 65 / (PITCH * 0.65)),
        ({"spot_diameter_fullres": 3.0}, 100 / PITCH),  # of another assay; the array is that of Visium
        ({"microns_per_pixel": 0.5}, 0.5),
    ],
)
def test_the_size_of_a_pixel_follows_from_the_scale_factors_or_the_array(written, tmp_path, factors, um):
    made = table()
    made.uns["spatial"]["V1"]["scalefactors"] = factors
    full_image(tmp_path / "he.png")
    path = written(made)
    assert opened(path, image="he.png").sections[0].um_per_px == pytest.approx(um)
    assert opened(path, image="he.png", um_per_px=0.4).sections[0].um_per_px == pytest.approx(0.4)


def test_nothing_is_made_up_where_nothing_says_how_large_a_pixel_is(written, tmp_path):
    made = table(picture=False)
    made.obs = made.obs.drop(columns=["array_col", "array_row"])
    full_image(tmp_path / "he.png")
    (found,) = opened(written(made), image="he.png").sections
    assert found.um_per_px is None
    assert np.array_equal(found.grid, found.position_px)


def scaled(made):
    made.X = sparse.csr_matrix(np.log1p(made.X.toarray()))
    return made


def test_counts_are_found_beside_values_that_were_scaled(written):
    in_raw = table()
    in_raw.raw = in_raw.copy()
    in_raw = scaled(in_raw)[:, :10].copy()
    (found,) = opened(written(in_raw)).sections
    assert found.counts.toarray().tolist() == counts().tolist()
    assert "counts are taken from raw, as X holds scaled values" in found.notes[0]
    in_layer = table()
    in_layer.layers["counts"] = in_layer.X.copy()
    in_layer.layers["umi"] = in_layer.X.copy() * 2
    path = written(scaled(in_layer), "S2.h5ad")
    assert opened(path).sections[0].counts.toarray().tolist() == counts().tolist()
    assert opened(path, layer="umi").sections[0].counts.toarray().tolist() == (counts() * 2).tolist()


def test_scaled_values_alone_are_refused_with_the_layers_there_are(written):
    made = table()
    made.layers["logcounts"] = np.log1p(counts())
    path = written(scaled(made))
    said = refused(path)
    assert "holds no raw counts (X holds " in said
    assert "name the layer that does with data.layer (layers: logcounts)" in said
    assert "has no layer umi (layers: logcounts)" in refused(path, MissingError, layer="umi")
    assert "holds no raw counts" in refused(path, layer="logcounts")


def test_counts_that_were_corrected_are_taken_with_a_note(written):
    made = table(x=counts() * 12.3)
    assert "counts in X are no whole numbers, as after a correction" in opened(written(made)).sections[0].notes[0]


def test_spots_on_glass_are_left_out_before_their_positions_are_looked_at(written):
    made = table()
    made.obs["in_tissue"] = [0] * 4 + [1] * (SPOTS - 4)
    made.obsm["spatial"][0] = np.nan
    path = written(made)
    assert len(opened(path)) == SPOTS - 4
    made.obs["in_tissue"] = 0
    assert "none of 24 spots lies in tissue" in refused(written(made))


def test_positions_that_spatialexperiment_put_into_obs_are_found(written):
    made = table()
    made.obs["pxl_col_in_fullres"], made.obs["pxl_row_in_fullres"] = made.obsm["spatial"].T
    del made.obsm["spatial"]
    assert np.allclose(opened(written(made)).sections[0].position_px, positions() / 4)


def test_the_size_of_a_pixel_is_a_length_and_the_recipe_says_where_data_come_from(tmp_path):
    with pytest.raises(ValueError, match="um_per_px is a length in micrometres, more than 0, not -1"):
        h5ad(tmp_path, um_per_px=-1.0)
    known = h5ad(tmp_path / "brain.h5ad", origin=Origin(assay="visium", species="human")).provenance
    assert (known["name"], known["assay"], known["kind"]) == ("brain", "visium", "real")
