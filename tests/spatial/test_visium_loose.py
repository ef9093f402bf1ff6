"""Loose files of Visium: which belong together, and what is said where they do not."""

import gzip

import numpy as np
import pytest

from spatial.visium_folders import (
    HIRES,
    Tissue,
    put,
    reduced,
    sections_refused,
    write_h5,
    write_image,
    write_mtx,
    write_positions,
    write_scale,
)
from zoo.errors import MissingError
from zoo_spatial.datasets.visium_loose import visium_loose
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.views import Views

PSC = ("GSM7845914_PSC011_A1_VISIUM", "GSM7845915_PSC011_B1_VISIUM")


def opened(root, **options):
    return visium_loose(root, views=Views(patch=32), genes=GenePanel(top=5), near=3, **options)


def add(root, prefix, tissue, *, image=None):
    write_mtx(root, tissue, prefix=f"{prefix}_")
    write_positions(root / f"{prefix}_tissue_positions_list.csv.gz", tissue)
    if image:
        write_image(root / image, tissue.picture)


@pytest.fixture
def geo(tmp_path):
    """Two sections named as those of GSE245620."""
    add(tmp_path, PSC[0], Tissue(), image="GSM7845914_GEX_PSC011-4_A1_Merged.tif")
    add(tmp_path, PSC[1], Tissue(seed=1), image="GSM7845915_GEX_PSC011-4_B1_Merged.tif")
    put(tmp_path / "GSE245620_filelist.txt", "not of a section")
    return tmp_path


def test_files_of_a_geo_series_are_sections_by_their_prefix_with_the_image_of_their_accession(geo):
    dataset = opened(geo, donors=dict.fromkeys(PSC, "PSC011"))
    assert [section.name for section in dataset.sections] == list(PSC)
    for seed, section in enumerate(dataset.sections):
        tissue = Tissue(seed=seed)
        name = section.ids[5]
        assert section.donor == "PSC011"
        assert np.array_equal(section.counts[[5]].toarray()[0], tissue.counts_at(name))
    x, y = dataset.sections[1].position_px[8].astype(int)
    patch = dataset.sections[1].image.fields(dataset.sections[1].position_px[8:9], 32, 32)[0].permute(1, 2, 0)
    assert np.array_equal(patch.numpy(), Tissue(seed=1).picture[y - 16 : y + 16, x - 16 : x + 16])


def test_a_batch_comes_out_of_loose_files(geo):
    dataset = opened(geo)
    dataset.fit(np.arange(32))
    batch = dataset.batch(np.array([0, 63]))
    assert batch["image"].shape == (2, 3, 32, 32)
    assert batch["expression"].shape == (2, 5)
    assert batch["id"][1].startswith(PSC[1])


def test_sections_are_chosen_and_unknown_names_are_told_with_those_found(geo):
    assert [s.name for s in opened(geo, sections=[PSC[1]]).sections] == [PSC[1]]
    said = sections_refused(opened(geo, images={"A1": "x"}), MissingError)
    assert said == f"data.images names A1, found are: {', '.join(PSC)}"


def test_an_image_in_gzip_is_unpacked(tmp_path):
    tissue = Tissue()
    add(tmp_path, "GSM7697868_C73A1", tissue, image="GSM7697868_GEX_C73_A1_Merged.tiff")
    plain = tmp_path / "GSM7697868_GEX_C73_A1_Merged.tiff"
    put(tmp_path / f"{plain.name}.gz", plain.read_bytes())
    plain.unlink()
    assert opened(tmp_path).sections[0].image.shape == tissue.size


def test_hdf5_with_scale_factors_and_a_reduced_picture_alone_is_a_section(tmp_path):
    tissue = Tissue()
    write_h5(tmp_path / "GSM1_liver_filtered_feature_bc_matrix.h5", tissue)
    write_h5(tmp_path / "GSM1_liver_raw_feature_bc_matrix.h5", tissue)
    write_positions(tmp_path / "GSM1_liver_tissue_positions.csv.gz", tissue)
    write_scale(tmp_path / "GSM1_liver_scalefactors_json.json.gz")
    write_image(tmp_path / "picture.png", reduced(tissue.picture))
    put(tmp_path / "GSM1_liver_tissue_hires_image.png.gz", (tmp_path / "picture.png").read_bytes())
    (tmp_path / "picture.png").unlink()
    (section,) = opened(tmp_path).sections
    assert section.name == "GSM1_liver"
    assert section.image.shape == (150, 165)
    assert "reduced to 0.5 of the full image; name that with data.images: {GSM1_liver: FILE}" in section.notes[0]


def test_files_in_a_folder_for_each_section_need_no_prefix(tmp_path):
    for seed, name in enumerate(("A1", "B1")):
        tissue = Tissue(seed=seed)
        write_mtx(tmp_path / name, tissue, end="", features="genes.tsv")
        write_positions(tmp_path / name / "tissue_positions_list.csv", tissue)
        write_image(tmp_path / name / f"{name}.jpg", tissue.picture)
    assert [section.name for section in opened(tmp_path).sections] == ["A1", "B1"]


def test_a_prefix_that_begins_another_does_not_take_its_image(tmp_path):
    sizes = {"A1": (300, 330), "A10": (310, 340), "A1_rescan": (320, 350)}
    for prefix, size in sizes.items():
        add(tmp_path, prefix, Tissue(size=size), image=f"{prefix}_he.tif")
    assert {s.name: s.image.shape for s in opened(tmp_path).sections} == sizes
    (tmp_path / "A1_he.tif").rename(tmp_path / "A12_he.tif")
    assert "section A1: has no image" in sections_refused(opened(tmp_path), MissingError)


def test_the_only_image_belongs_to_the_only_section(tmp_path):
    add(tmp_path, "V1_Liver", Tissue(), image="slide.tif")
    assert opened(tmp_path).sections[0].image.shape == (300, 330)


def test_positions_of_the_same_accession_are_joined_to_the_counts(tmp_path):
    tissue = Tissue()
    write_mtx(tmp_path, tissue, prefix="GSM7_counts_")
    write_positions(tmp_path / "GSM7_spatial_tissue_positions_list.csv", tissue)
    write_image(tmp_path / "GSM7.tif", tissue.picture)
    assert [section.name for section in opened(tmp_path).sections] == ["GSM7_counts"]


def test_an_unpacked_copy_beside_its_gzip_is_no_second_file(geo):
    packed = geo / f"{PSC[0]}_barcodes.tsv.gz"
    put(geo / f"{PSC[0]}_barcodes.tsv", gzip.decompress(packed.read_bytes()))
    packed.write_bytes(b"damaged")
    assert len(opened(geo).sections) == 2


def test_an_image_is_held_against_the_reduced_picture(geo):
    tissue = Tissue()
    write_scale(geo / f"{PSC[0]}_scalefactors_json.json")
    write_image(geo / f"{PSC[0]}_tissue_hires_image.png", reduced(tissue.picture, 0.6))
    assert "over tissue_hires_scalef (0.5) says 396 x 360" in sections_refused(opened(geo))
    write_image(geo / f"{PSC[0]}_tissue_hires_image.png", reduced(tissue.picture, HIRES))
    assert opened(geo).sections[0].notes == ()


# --- what does not fit ------------------------------------------------------------------------------------------------


def test_a_folder_without_such_files_says_what_is_looked_for(tmp_path):
    assert "nowhere: cannot be read (No such file or directory)" in sections_refused(
        opened(tmp_path / "nowhere"), MissingError
    )
    put(tmp_path / "notes.txt", "x")
    said = sections_refused(opened(tmp_path), MissingError)
    assert "holds no counts or positions of Visium" in said
    assert "found: notes.txt" in said


def test_a_missing_partner_is_told_with_what_was_found(geo):
    (geo / f"{PSC[0]}_features.tsv.gz").unlink()
    said = sections_refused(opened(geo), MissingError)
    assert f"section {PSC[0]}: has {PSC[0]}_matrix.mtx.gz but no features (found: " in said
    assert f"{PSC[0]}_barcodes.tsv.gz" in said
    (geo / f"{PSC[0]}_matrix.mtx.gz").unlink()
    assert f"section {PSC[0]}: has no counts (matrix.mtx or .h5) (found: " in sections_refused(
        opened(geo), MissingError
    )
    assert len(opened(geo, sections=[PSC[1]]).sections) == 1


def test_counts_without_positions_are_told(geo):
    (geo / f"{PSC[1]}_tissue_positions_list.csv.gz").unlink()
    said = sections_refused(opened(geo), MissingError)
    assert f"section {PSC[1]}: has no positions (tissue_positions_list.csv) (found: " in said


def test_two_files_that_claim_to_be_the_same_are_named(geo):
    write_positions(geo / f"{PSC[0]}_tissue_positions.csv", Tissue())
    said = sections_refused(opened(geo))
    assert f"section {PSC[0]} has both {PSC[0]}_tissue_positions.csv and {PSC[0]}_tissue_positions_list.csv.gz" in said


def test_two_images_are_named_and_one_can_be_chosen(geo):
    write_image(geo / "GSM7845914_second.jpg", Tissue().picture)
    said = sections_refused(opened(geo))
    assert "has 2 images (GSM7845914_GEX_PSC011-4_A1_Merged.tif, GSM7845914_second.jpg)" in said
    assert f"say which with data.images: {{{PSC[0]}: FILE}}" in said
    assert len(opened(geo, images={PSC[0]: "GSM7845914_second.jpg"}).sections) == 2


def test_a_section_without_an_image_says_how_to_name_one(geo):
    (geo / "GSM7845914_GEX_PSC011-4_A1_Merged.tif").rename(geo / "a.tif")
    said = sections_refused(opened(geo), MissingError)
    assert said == f"section {PSC[0]}: has no image; name it with data.images: {{{PSC[0]}: FILE}}"
    assert len(opened(geo, images={PSC[0]: "a.tif"}).sections) == 2
