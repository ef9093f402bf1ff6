"""What strangers put into files of AnnData that nothing can be learnt from: one sentence each."""

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from spatial.h5ad_tables import SPOTS, counts, refused, several, space_ranger, table, written
from zoo.errors import DataError, MissingError

__all__ = ["written"]
pytestmark = pytest.mark.filterwarnings("ignore:Observation names are not unique")  # barcodes of several sections


def spoilt(change):
    made = table()
    change(made)
    return made


def without_positions(made):
    del made.obsm["spatial"]
    made.obsm["X_pca"] = np.zeros((SPOTS, 5))


def without_one_position(made):
    made.obsm["spatial"][3, 1] = np.nan


def in_three_dimensions(made):
    made.obsm["spatial"] = np.zeros((SPOTS, 3))


def without_image(made):
    del made.uns["spatial"]


def without_scale(made):
    made.uns["spatial"]["V1"]["scalefactors"] = {"spot_diameter_fullres": 2.0}


def with_a_scale_of_nothing(made):
    made.uns["spatial"]["V1"]["scalefactors"]["tissue_hires_scalef"] = 0.0


def grey(made):
    made.uns["spatial"]["V1"]["images"]["hires"] = np.zeros((80, 100), dtype=np.float32)


def spots_twice(made):
    made.obs_names = ["AAAAAAAAAA-1"] * SPOTS


def negative(made):
    made.X = sparse.csr_matrix(counts() - 3)


def off_the_image(made):
    made.obsm["spatial"] = made.obsm["spatial"] * 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            without_positions,
            'has no positions of spots in obsm["spatial"] (it has: X_pca); name their key with data.pos',
        ),
        (without_one_position, "1 of 24 spots have no position (first: TAAAAAAAAA-1)"),
        (in_three_dimensions, 'obsm["spatial"] has the shape (24, 3)'),
        (without_image, "has no image of section S1 (uns/spatial has: none); name its file with data.image"),
        (without_scale, "does not say how its image hires is scaled (tissue_hires_scalef); name data.image"),
        (with_a_scale_of_nothing, "scale factor tissue_hires_scalef is 0.0, it lies above 0"),
        (grey, "its image hires has the shape (80, 100), RGB is needed"),
        (spots_twice, "spot AAAAAAAAAA-1 stands twice in section S1; name the obs column that tells sections apart"),
        (negative, "holds no raw counts (X holds -1, which is no count)"),
        (off_the_image, "spots lie outside the image"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(written, change, said):
    kind = MissingError if change is without_image else DataError
    assert said in refused(written(spoilt(change)), kind)


def test_columns_that_are_not_there_or_have_gaps_are_named(written):
    made = several()
    made.obs["sample"] = pd.Categorical(["151507"] * 71 + [None])
    path = written(made)
    assert "obs has no column slide, it has: array_col" in refused(path, MissingError, section="slide")
    assert "obs column sample is empty for 1 spots" in refused(path, section="sample")
    assert "spot AAAAAAAAAA-1 stands twice in section S1; name the obs column" in refused(path)


def test_a_section_of_two_donors_is_refused(written):
    made = table()
    made.obs["subject"] = ["Br1"] * 20 + ["Br2"] * 4
    assert "section S1 is of the donors Br1, Br2 (obs column subject), not of one" in refused(
        written(made), donor="subject"
    )


def test_one_image_is_not_taken_for_several_sections(written):
    made = several()
    made.uns["spatial"] = {"151507": space_ranger()}
    assert "has no image of section 151508" in refused(written(made), MissingError, section="sample_id")
    made = table()
    made.uns["spatial"]["V2"] = space_ranger()
    said = refused(written(made), MissingError)
    assert "has no image of section S1 (uns/spatial has: V1, V2)" in said
    assert "say with data.section which obs column tells sections apart" in said


def test_one_section_in_two_files_is_refused(written, tmp_path):
    written(several(), "a.h5ad")
    written(several(), "b.h5ad")
    assert "section 151507 is in a.h5ad and in b.h5ad; rename one" in refused(tmp_path, section="sample_id")


def test_genes_in_the_place_of_spots_are_refused(written):
    made = table(picture=False).T.copy()
    assert "has genes for rows (GENE0 ...) and spots for columns (AAAAAAAAAA-1 ...)" in refused(written(made))


def test_an_empty_table_is_refused(written):
    assert "holds 0 spots and 15 genes" in refused(written(table()[:0].copy()))


def test_files_that_are_something_else_are_refused(tmp_path, written):
    text = tmp_path / "text.h5ad"
    text.write_text("no HDF5")
    assert f"{text}: cannot be read as AnnData" in refused(text)
    cut = written(table(), "cut.h5ad")
    cut.write_bytes(cut.read_bytes()[:-2000])
    assert "cannot be read as AnnData" in refused(cut)
    with h5py.File(tmp_path / "matrix.h5ad", "w") as file:
        file.create_group("matrix")
    assert "is a matrix of Space Ranger, not AnnData; read its folder" in refused(tmp_path / "matrix.h5ad")
    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file.create_group("obs")
    assert "is HDF5 but no AnnData (it has no var)" in refused(tmp_path / "other.h5ad")
    assert "there is no such file or folder" in refused(tmp_path / "none.h5ad", MissingError)
    (tmp_path / "empty").mkdir()
    assert "holds no .h5ad file" in refused(tmp_path / "empty", MissingError)


def test_indices_that_point_outside_of_the_matrix_are_refused(written):
    path = written(table())
    with h5py.File(path, "r+") as file:
        file["X/indices"][3] = 10**6
    assert "cannot be read as AnnData" in refused(path)


def test_a_matrix_that_is_narrower_than_its_genes_is_refused(written):
    path = written(table(x=counts()))
    with h5py.File(path, "r+") as file:
        attributes = dict(file["X"].attrs)
        del file["X"]
        file["X"] = counts()[:, :4]
        file["X"].attrs.update(attributes)
    assert "X has 4 columns and var 15 genes" in refused(path)
