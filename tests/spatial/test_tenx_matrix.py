"""Counts and positions of 10x Genomics: every layout, and what a damaged or a strange file is answered with."""

import gzip

import numpy as np
import pytest

from spatial.visium_folders import (
    Tissue,
    put,
    refused,
    write_h5,
    write_h5_of_version_2,
    write_mtx,
)
from zoo_spatial.readers.tenx_matrix import MatrixFiles, matrix_in, mtx_in, read_matrix

FILE = "filtered_feature_bc_matrix.h5"


def read(path, genome=None):
    return read_matrix(MatrixFiles(path), genome)


def same(matrix, tissue):
    assert matrix.barcodes == tissue.barcodes
    assert matrix.genes == tissue.symbols
    assert matrix.gene_ids == tissue.ids
    assert matrix.counts.dtype == np.float32
    assert np.array_equal(matrix.counts.toarray(), tissue.counts)


# --- layouts ---------------------------------------------------------------------------------------------------------


def test_hdf5_of_today_is_read_as_spots_by_genes(tmp_path):
    tissue = Tissue()
    same(read(write_h5(tmp_path / FILE, tissue)), tissue)


def test_hdf5_of_version_2_is_read_alike(tmp_path):
    tissue = Tissue()
    same(read(write_h5_of_version_2(tmp_path / FILE, {"GRCh38": tissue})), tissue)


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("features", ["features.tsv", "genes.tsv"])
def test_matrix_market_is_read_alike_gzip_or_not(tmp_path, end, features):
    tissue = Tissue()
    write_mtx(tmp_path / "filtered_feature_bc_matrix", tissue, end=end, features=features)
    put(tmp_path / "filtered_feature_bc_matrix" / "notes.txt", "not of the matrix")
    same(read_matrix(mtx_in(tmp_path / "filtered_feature_bc_matrix")), tissue)


def test_a_text_that_is_gzip_by_name_alone_is_read(tmp_path):
    tissue = Tissue()
    write_mtx(tmp_path / "m", tissue)
    packed = tmp_path / "m" / "barcodes.tsv.gz"
    packed.write_bytes(gzip.decompress(packed.read_bytes()))
    same(read_matrix(mtx_in(tmp_path / "m")), tissue)


def test_a_matrix_of_a_genome_folder_is_found_below(tmp_path):
    tissue = Tissue()
    write_mtx(tmp_path / "filtered_gene_bc_matrices" / "GRCh38", tissue, end="", features="genes.tsv")
    same(read_matrix(matrix_in(tmp_path)), tissue)


def test_the_filtered_matrix_is_taken_before_the_raw_one_and_hdf5_before_text(tmp_path):
    assert matrix_in(tmp_path) is None
    write_h5(tmp_path / "raw_feature_bc_matrix.h5", Tissue())
    assert matrix_in(tmp_path).path.name == "raw_feature_bc_matrix.h5"
    write_mtx(tmp_path / "filtered_feature_bc_matrix", Tissue())
    assert matrix_in(tmp_path).path.name == "matrix.mtx.gz"
    write_h5(tmp_path / "V1_Mouse_Brain_filtered_feature_bc_matrix.h5", Tissue())
    assert matrix_in(tmp_path).path.name.startswith("V1_")
    write_h5(tmp_path / "V2_filtered_feature_bc_matrix.h5", Tissue())
    said = refused(matrix_in, tmp_path)
    assert "holds V1_Mouse_Brain_filtered_feature_bc_matrix.h5 and V2_filtered_feature_bc_matrix.h5" in said
    write_h5(tmp_path / FILE, Tissue())
    assert matrix_in(tmp_path).path.name == FILE


# --- genes -----------------------------------------------------------------------------------------------------------


def test_features_that_are_no_genes_are_left_out_and_noted(tmp_path):
    tissue = Tissue()
    tissue.kinds[-2:] = ["Antibody Capture"] * 2
    matrix = read(write_h5(tmp_path / FILE, tissue))
    assert matrix.genes == tissue.symbols[:-2]
    assert np.array_equal(matrix.counts.toarray(), tissue.counts[:, :-2])
    assert matrix.notes == ("features other than genes were left out (2 of type Antibody Capture)",)


def test_a_matrix_without_genes_is_refused(tmp_path):
    tissue = Tissue()
    tissue.kinds = ["Antibody Capture"] * tissue.genes
    said = refused(read, write_h5(tmp_path / FILE, tissue))
    assert "has no feature of type Gene Expression (found: Antibody Capture)" in said


def test_genes_that_share_a_symbol_are_called_by_their_identifier(tmp_path):
    tissue = Tissue()
    tissue.symbols[3] = tissue.symbols[7] = "TBCE"
    matrix = read(write_h5(tmp_path / FILE, tissue))
    assert [matrix.genes[3], matrix.genes[7]] == [tissue.ids[3], tissue.ids[7]]
    assert len(set(matrix.genes)) == tissue.genes
    assert matrix.notes == ("2 genes share a symbol with another and are called by their identifier",)


def test_versions_of_identifiers_are_dropped_and_names_of_no_database_are_no_identifiers(tmp_path):
    tissue = Tissue()
    bare = list(tissue.ids)
    tissue.ids = [f"{name}.5" for name in bare]
    assert read(write_h5(tmp_path / FILE, tissue)).gene_ids == bare
    tissue.ids = list(tissue.symbols)
    assert read(write_h5(tmp_path / "other.h5", tissue)).gene_ids is None


def test_an_identifier_that_stands_twice_is_named(tmp_path):
    tissue = Tissue()
    tissue.ids[1] = tissue.ids[0]
    tissue.symbols[1] = tissue.symbols[0]
    assert f"gene {tissue.ids[0]} stands twice" in refused(read, write_h5(tmp_path / FILE, tissue))


def barnyard(prefix=""):
    tissue = Tissue()
    for row in range(8, 12):
        tissue.genomes[row] = "mm10"
        tissue.ids[row] = tissue.ids[row].replace("ENSG", "ENSMUSG")
    if prefix:
        tissue.ids = [f"{g}{prefix}{name}" for g, name in zip(tissue.genomes, tissue.ids, strict=True)]
        tissue.symbols = [f"{g}{prefix}{name}" for g, name in zip(tissue.genomes, tissue.symbols, strict=True)]
    return tissue


@pytest.mark.parametrize("prefix", ["_", "___"])
def test_two_genomes_are_named_and_one_can_be_chosen(tmp_path, prefix):
    path = write_h5(tmp_path / FILE, barnyard(prefix))
    said = refused(read, path)
    assert "holds genes of two genomes, GRCh38 (8 genes) and mm10 (4 genes)" in said
    assert "choose one, for example data.genome: GRCh38" in said
    mouse = read(path, "mm10")
    assert mouse.genes == ["GENE8", "GENE9", "GENE10", "GENE11"]
    assert mouse.gene_ids[0] == "ENSMUSG00000000008"
    assert np.array_equal(mouse.counts.toarray(), Tissue().counts[:, 8:])
    assert "holds no gene of rn6 (found: GRCh38, mm10); check data.genome" in refused(read, path, "rn6")


def test_two_genomes_are_seen_in_text_that_names_none(tmp_path):
    write_mtx(tmp_path / "prefixed", barnyard("_"))
    assert "GRCh38 (8 genes) and mm10 (4 genes)" in refused(read_matrix, mtx_in(tmp_path / "prefixed"))
    write_mtx(tmp_path / "bare", barnyard())
    assert "ENSG (8 genes) and ENSMUSG (4 genes)" in refused(read_matrix, mtx_in(tmp_path / "bare"))
    assert len(read_matrix(mtx_in(tmp_path / "bare"), "ENSMUSG").genes) == 4


def test_one_human_gene_in_a_mouse_reference_is_told_and_a_reporter_belongs_to_any_genome(tmp_path):
    tissue = Tissue(species="ENSMUSG")
    tissue.genomes = ["mm10"] * tissue.genes
    tissue.ids[0] = tissue.symbols[0] = "EGFP"
    assert len(read(write_h5(tmp_path / FILE, tissue)).genes) == tissue.genes
    tissue.ids[1] = "ENSG00000000001"
    assert "ENSMUSG (10 genes) and ENSG (1 genes)" in refused(read, write_h5(tmp_path / "h.h5", tissue))
    assert "EGFP" in read(tmp_path / "h.h5", "ENSMUSG").genes


def test_two_genomes_of_version_2_are_named_and_one_can_be_chosen(tmp_path):
    mouse = Tissue(seed=1, species="ENSMUSG")
    path = write_h5_of_version_2(tmp_path / FILE, {"hg19": Tissue(), "mm10": mouse})
    assert "two genomes, hg19 and mm10; choose one, for example data.genome: hg19" in refused(read, path)
    same(read(path, "mm10"), mouse)
    assert "holds no gene of rn6 (found: hg19, mm10)" in refused(read, path, "rn6")
