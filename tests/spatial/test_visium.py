"""Output folders of Space Ranger: every layout, and what a folder that does not fit together is answered with."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from spatial.visium_folders import (
    PITCH,
    Tissue,
    put,
    sections_refused,
    write_h5,
    write_image,
    write_mtx,
    write_outs,
    write_positions,
    write_scale,
)
from zoo.contracts import Origin
from zoo.errors import MissingError
from zoo_spatial.datasets.visium import visium
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.views import Views

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
SMALL = Views(patch=32)
PANEL = GenePanel(top=5)


def opened(root, **options):
    return visium(root, **{"views": SMALL, "genes": PANEL, "near": 3, **options})


@pytest.fixture
def tissue():
    return Tissue()


@pytest.fixture
def outs(tmp_path, tissue):
    return write_outs(tmp_path / "S1" / "outs", tissue)


def only(dataset):
    (section,) = dataset.sections
    return section


# --- what is read -----------------------------------------------------------------------------------------------------


def test_spots_in_tissue_come_with_their_own_counts_position_and_place_on_the_array(outs, tissue):
    section = only(opened(outs))
    assert section.ids == tissue.names[4:], "the first four are not in tissue"
    assert section.genes == tissue.symbols
    assert section.gene_ids == tissue.ids
    for spot in (0, 11, 31):
        name = section.ids[spot]
        row = tissue.table.set_index("barcode").loc[name]
        assert np.array_equal(section.counts[[spot]].toarray()[0], tissue.counts_at(name))
        assert section.position_px[spot].tolist() == [row.pxl_col_in_fullres, row.pxl_row_in_fullres]
        assert section.grid[spot].tolist() == [row.array_col, row.array_row]
    assert section.image.shape == tissue.size
    assert section.um_per_px == pytest.approx(100 / PITCH, rel=0.02)
    assert section.notes == ()


def test_a_patch_shows_the_pixels_around_its_spot(outs, tissue):
    dataset = opened(outs)
    dataset.fit(np.arange(32))
    x, y = only(dataset).position_px[9].astype(int)
    patch = dataset.batch(np.array([9]))["image"][0].permute(1, 2, 0).numpy()
    assert np.array_equal(patch, tissue.picture[y - 16 : y + 16, x - 16 : x + 16])


@pytest.mark.parametrize("root", ["S1/outs", "S1", "."])
def test_the_output_folder_the_folder_around_it_and_one_of_many_are_all_taken(outs, root):
    section = only(opened(outs.parents[1] / root))
    assert (section.name, section.donor) == ("S1", "S1")


def test_folders_of_sections_are_sections_and_donors_are_told(tmp_path):
    for seed, name in enumerate(("A1", "A2", "B1")):
        write_outs(tmp_path / name, Tissue(seed=seed))
    (tmp_path / "figures").mkdir()
    dataset = opened(tmp_path, donors={"A1": "A", "A2": "A"})
    assert [(s.name, s.donor) for s in dataset.sections] == [("A1", "A"), ("A2", "A"), ("B1", "B1")]
    dataset.fit(np.arange(64))
    batch = dataset.batch(np.array([0, 40, 95]))
    assert batch["image"].shape == (3, 3, 32, 32)
    assert batch["expression"].shape == (3, 5)
    assert [name.split(":")[0] for name in batch["id"]] == ["A1", "A2", "B1"]
    assert dataset.groups["donor"][0] == dataset.groups["donor"][32] == "A"
    assert [s.name for s in opened(tmp_path, sections=["B1", "A1"]).sections] == ["B1", "A1"]
    said = sections_refused(opened(tmp_path, sections=["Z9"]), MissingError)
    assert said == "data.sections names Z9, found are: A1, A2, B1"
    said = sections_refused(opened(tmp_path, donors={"Z9": "Z"}), MissingError)
    assert said == "data.donors names Z9, found are: A1, A2, B1"


def test_nothing_is_opened_before_it_is_asked_for(tmp_path):
    assert "nowhere: cannot be read (No such file or directory); check data.root" in sections_refused(
        opened(tmp_path / "nowhere"), MissingError
    )


def test_provenance_says_visium_and_what_the_recipe_says_of_its_origin(outs):
    origin = Origin(name="liver", tissue="liver", species="human")
    found = opened(outs, origin=origin).provenance
    assert (found["assay"], found["kind"], found["tissue"], found["name"]) == ("visium", "real", "liver", "liver")


@pytest.mark.parametrize("positions", ["tissue_positions_list.csv", "tissue_positions.csv", "tissue_positions.parquet"])
@pytest.mark.parametrize("form", ["h5", "mtx", "raw"])
def test_every_layout_gives_the_same_section(tmp_path, tissue, positions, form):
    whole = only(opened(write_outs(tmp_path / "one", tissue)))
    outs = write_outs(tmp_path / "two", tissue, positions=positions)
    if form != "h5":
        (outs / "filtered_feature_bc_matrix.h5").unlink()
    if form == "mtx":
        write_mtx(outs / "filtered_feature_bc_matrix", tissue)
    if form == "raw":
        raw = Tissue()
        raw.barcodes = [*tissue.barcodes, *tissue.names[:4]]
        raw.counts = np.concatenate([tissue.counts, np.ones((4, tissue.genes), dtype=np.int32)])
        write_h5(outs / "raw_feature_bc_matrix.h5", raw)
    section = only(opened(outs))
    assert section.ids == whole.ids
    assert np.array_equal(section.position_px, whole.position_px)
    assert np.array_equal(section.counts.toarray(), whole.counts.toarray())


def test_a_spot_without_counts_is_kept(tmp_path, tissue):
    tissue.counts[3] = 0
    dataset = opened(write_outs(tmp_path / "S1", tissue))
    dataset.fit(np.arange(32))
    assert len(dataset) == 32
    row = only(dataset).ids.index(tissue.barcodes[3])
    assert not dataset.expression[row].any()
    assert any("1 spot" in note for note in dataset.notes)


# --- Visium HD --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hd(tmp_path, tissue):
    outs = tmp_path / "HD" / "outs"
    for side in (8, 16):
        folder = outs / "binned_outputs" / f"square_{side:03d}um"
        write_outs(folder, tissue, positions="tissue_positions.parquet", image=None)
        write_scale(folder / "spatial" / "scalefactors_json.json", microns_per_pixel=0.27, bin_size_um=float(side))
    write_image(outs / "scan.btf", tissue.picture)
    return outs


def test_visium_hd_is_read_in_bins_of_8_um_with_the_pixel_size_it_states(hd, tissue):
    section = only(opened(hd))
    assert section.name == "HD"
    assert section.um_per_px == 0.27
    assert section.ids == tissue.names[4:]
    assert section.notes == ()


def test_bins_of_another_size_can_be_chosen_and_those_found_are_named(hd):
    put(hd / "binned_outputs" / "square_016um" / "spatial" / "scalefactors_json.json", '{"bin_size_um": 16.0}')
    assert only(opened(hd, bin_um=16)).um_per_px == pytest.approx(16 / PITCH, rel=0.02)
    said = sections_refused(opened(hd, bin_um=2), MissingError)
    assert "section HD has no square_002um (found: square_008um, square_016um); check data.bin_um" in said


def test_a_reduced_image_of_visium_hd_has_larger_pixels(hd):
    (hd / "scan.btf").unlink()
    assert only(opened(hd)).um_per_px == pytest.approx(0.54)


# --- what does not fit ------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_output_says_what_is_looked_for(tmp_path):
    assert "holds no output of Space Ranger" in sections_refused(opened(tmp_path), MissingError)


def test_missing_positions_and_counts_are_named(outs):
    (outs / "spatial" / "tissue_positions.csv").rename(outs / "kept.csv")
    said = sections_refused(opened(outs), MissingError)
    assert "section S1 has no tissue_positions.parquet or tissue_positions.csv or tissue_positions_list.csv" in said
    (outs / "kept.csv").rename(outs / "spatial" / "tissue_positions.csv")
    (outs / "filtered_feature_bc_matrix.h5").unlink()
    assert "section S1 has no filtered_feature_bc_matrix.h5" in sections_refused(opened(outs), MissingError)


def test_positions_and_counts_of_different_sections_are_refused(outs, tissue):
    tissue.names = [f"N{name}" if number < 24 else name for number, name in enumerate(tissue.names)]
    write_positions(outs / "spatial" / "tissue_positions.csv", tissue)
    said = sections_refused(opened(outs))
    assert "section S1: only 12 barcodes are in both" in said
    assert f"tissue_positions.csv (32 in tissue, {tissue.names[4]} ...)" in said
    assert "give the files of one section" in said


@pytest.mark.parametrize("suffix", ["", "-7"])
def test_barcodes_that_differ_in_their_suffix_are_compared_without_and_it_is_noted(outs, tissue, suffix):
    before = only(opened(outs))
    tissue.barcodes = [name.replace("-1", suffix) for name in tissue.barcodes]
    write_h5(outs / "filtered_feature_bc_matrix.h5", tissue)
    section = only(opened(outs))
    assert np.array_equal(section.counts.toarray(), before.counts.toarray())
    assert "differ in their suffix; compared without" in section.notes[0]


def test_aggregated_counts_whose_barcodes_are_alike_but_for_the_suffix_are_refused(outs, tissue):
    half = [name.replace("-1", "") for name in tissue.barcodes[:16]]
    tissue.barcodes = [f"{name}-{number}" for number in (2, 3) for name in half]
    write_h5(outs / "filtered_feature_bc_matrix.h5", tissue)
    assert "only 0 barcodes are in both" in sections_refused(opened(outs))


def test_spots_without_a_row_of_counts_are_left_out_and_noted(outs, tissue):
    tissue.barcodes, tissue.counts = tissue.barcodes[:-3], tissue.counts[:-3]
    write_h5(outs / "filtered_feature_bc_matrix.h5", tissue)
    section = only(opened(outs))
    assert len(section.ids) == 29
    assert section.notes == (
        "section S1: 3 spots in tissue are not in filtered_feature_bc_matrix.h5 and were left out",
    )


def test_empty_tissue_is_refused(tmp_path, tissue):
    tissue.in_tissue = [0] * 36
    said = sections_refused(opened(write_outs(tmp_path / "S1", tissue)))
    assert "none of its 36 spots lies in tissue" in said


def test_bad_counts_are_refused_through_the_dataset_and_a_genome_can_be_chosen(outs, tissue):
    write_h5(outs / "filtered_feature_bc_matrix.h5", tissue, transposed=True)
    assert "the counts are transposed" in sections_refused(opened(outs))
    tissue.genomes[6:] = ["mm10"] * 6
    write_h5(outs / "filtered_feature_bc_matrix.h5", tissue)
    assert "two genomes, GRCh38 (6 genes) and mm10 (6 genes)" in sections_refused(opened(outs))
    assert only(opened(outs, genome="mm10")).genes == tissue.symbols[6:]


# --- real data --------------------------------------------------------------------------------------------------------


@pytest.fixture
def mouse_brain():
    root = DATA / "visium"
    if not root.is_dir():
        pytest.skip(f"{root} is not there; set ZOO_TEST_DATA to read a real output of Space Ranger")
    return root


def test_a_real_output_opens_with_the_numbers_of_its_record(mouse_brain):
    dataset = visium(mouse_brain, views=Views(patch=64), genes=GenePanel(top=20))
    section = only(dataset)
    assert section.counts.shape == (2695, 100)
    assert section.genes[:2] == ["Xkr4", "Gm1992"]
    assert section.gene_ids[0] == "ENSMUSG00000051951"
    assert section.image.shape == (1998, 2000)
    factor = json.loads((mouse_brain / "spatial" / "scalefactors_json.json").read_text())["tissue_hires_scalef"]
    assert section.um_per_px == pytest.approx(65 / 89.4725 / factor, rel=0.02), "pitch and spot diameter agree"
    assert [note for note in section.notes if "spot_diameter" in note] == []
    dataset.fit(np.arange(1500))
    batch = dataset.batch(np.array([0, 2000]))
    assert batch["image"].shape == (2, 3, 64, 64)
    assert batch["expression"].shape == (2, len(dataset.genes))
