"""Counts of 10x Genomics that are damaged, strange or do not fit together: each gets one sentence."""

import io

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import io as scipy_io
from scipy import sparse

from spatial.visium_folders import Tissue, attempted, put, refused, write_h5, write_mtx
from zoo.errors import MissingError
from zoo_spatial.readers import tenx_mtx, tenx_text
from zoo_spatial.readers.tenx_matrix import MatrixFiles, mtx_in, read_matrix

FILE = "filtered_feature_bc_matrix.h5"


def read(path):
    return read_matrix(MatrixFiles(path))


def test_transposed_counts_are_told_in_every_format(tmp_path):
    tissue = Tissue()
    said = refused(read, write_h5(tmp_path / FILE, tissue, transposed=True))
    assert "the counts are transposed (32 x 12, while 12 features and 32 barcodes are listed)" in said
    write_mtx(tmp_path / "m", tissue, transposed=True)
    assert "the counts are transposed" in refused(read_matrix, mtx_in(tmp_path / "m"))
    by_gene = sparse.csr_matrix(tissue.counts.T)
    parts = {name: getattr(by_gene, name) for name in ("data", "indices", "indptr")}
    said = refused(read, write_h5(tmp_path / "rows.h5", tissue, **parts))
    assert "transposed (compressed by feature); compress them by barcode" in said


def test_names_of_another_section_do_not_fit_the_counts(tmp_path):
    tissue = Tissue()
    write_mtx(tmp_path / "m", tissue)
    put(tmp_path / "m" / "barcodes.tsv.gz", "\n".join(tissue.barcodes[:-3]))
    said = refused(read_matrix, mtx_in(tmp_path / "m"))
    assert "the counts are 12 x 32, while 12 features and 29 barcodes are listed" in said


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_negative_and_missing_counts_are_refused(tmp_path, value):
    tissue = Tissue()
    tissue.counts = tissue.counts.astype(np.float32)
    tissue.counts[3, 4] = value
    assert "holds missing or negative counts" in refused(read, write_h5(tmp_path / FILE, tissue))
    write_mtx(tmp_path / "m", tissue)
    assert "missing or negative counts" in refused(read_matrix, mtx_in(tmp_path / "m"))


def test_a_barcode_that_stands_twice_is_named(tmp_path):
    tissue = Tissue()
    tissue.barcodes[5] = tissue.barcodes[2]
    said = refused(read, write_h5(tmp_path / FILE, tissue))
    assert f"barcode {tissue.barcodes[2]} stands twice" in said


def test_a_name_out_of_a_file_cannot_steer_a_terminal_or_break_the_line(tmp_path):
    tissue = Tissue()
    tissue.barcodes[5] = tissue.barcodes[2] = "AAAC\n\x1b[2J"
    assert r"barcode 'AAAC\n\x1b[2J' stands twice" in refused(read, write_h5(tmp_path / FILE, tissue))


def test_a_truncated_or_foreign_hdf5_is_named(tmp_path):
    path = write_h5(tmp_path / FILE, Tissue())
    path.write_bytes(path.read_bytes()[:-2000])
    assert f"{path}: cannot be read to its end" in refused(read, path)
    path.write_bytes(b"no HDF5 at all")
    assert "cannot be read to its end" in refused(read, path)
    with h5py.File(path, "w") as file:
        file["obs"] = file["X"] = [1.0]
    said = refused(read, path)
    assert "is no matrix of Space Ranger (it holds X, obs); give filtered_feature_bc_matrix.h5" in said
    assert "there is no such file" in refused(read, tmp_path / "gone.h5", kind=MissingError)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": None}, "its matrix has no data"),
        ({"data": np.array([b"many"])}, "not numbers"),
        ({"indices": np.full(4, 99)}, "do not fit together"),
        ({"indptr": np.arange(33)}, "do not fit together"),
        ({"shape": np.array([12])}, "its shape has 1 numbers"),
        ({"barcodes": np.arange(32)}, "not text"),
    ],
)
def test_lists_that_do_not_fit_together_are_named(tmp_path, changed, said):
    assert said in refused(read, write_h5(tmp_path / FILE, Tissue(), **changed))


def test_rows_that_run_backwards_are_no_crash(tmp_path):
    indptr = sparse.csr_matrix(Tissue().counts).indptr.astype(np.int64)
    indptr[5], indptr[6] = indptr[6], indptr[5]
    assert "do not fit together" in refused(read, write_h5(tmp_path / FILE, Tissue(), indptr=indptr))


def test_column_numbers_out_of_range_are_no_crash(tmp_path):
    counts = sparse.csr_matrix(Tissue().counts)
    for odd in (-1, 12, 2**40):
        indices = counts.indices.astype(np.int64)
        indices[7] = odd
        said = refused(read, write_h5(tmp_path / f"{odd}.h5", Tissue(), indices=indices))
        assert "out of range" in said or "do not fit together" in said


def test_a_small_file_that_claims_a_vast_list_is_not_believed(tmp_path):
    path = write_h5(tmp_path / FILE, Tissue(), data=None)
    with h5py.File(path, "a") as file:
        file["matrix"].create_dataset("data", shape=(2**34,), dtype="i4", chunks=(2**20,), compression="gzip")
    assert "data claims 17,179,869,184 values, more than" in refused(read, path)


def test_a_list_that_lies_in_another_file_is_not_followed(tmp_path):
    with h5py.File(tmp_path / "elsewhere.h5", "w") as file:
        file["data"] = np.arange(3)
    linked, stored = (write_h5(tmp_path / name, Tissue(), data=None) for name in ("a.h5", "b.h5"))
    with h5py.File(linked, "a") as file:
        file["matrix"]["data"] = h5py.ExternalLink("elsewhere.h5", "data")
    with h5py.File(stored, "a") as file:
        file["matrix"].create_dataset("data", shape=(3,), dtype="i8", external=[(tmp_path / "elsewhere.h5", 0, 24)])
    assert "data is no plain list inside this file" in refused(read, linked)
    assert "data is no plain list inside this file" in refused(read, stored)


HEAD = "%%MatrixMarket matrix coordinate integer general\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no sparse Matrix Market file"),
        ("gene,1\n", "is no sparse Matrix Market file"),
        (HEAD.replace("coordinate", "array") + "12 32\n", "is no sparse Matrix Market file"),
        (HEAD.replace("general", "symmetric") + "12 32 1\n1 1 1\n", "is a matrix of integer symmetric"),
        (HEAD.replace("integer", "complex") + "12 32 1\n1 1 1 0\n", "is a matrix of complex general"),
        (HEAD + "% nothing follows\n", "does not state its rows, columns and values"),
        (HEAD + "12 32 many\n", "does not state its rows, columns and values"),
        (HEAD + "12 32 999999999999\n1 1 1\n", "states 999,999,999,999 values, more than"),
        (HEAD + "12 32 -1\n1 1 1\n", "states -1 values"),
        (HEAD + "12 32 2\n1 1 1\n", "is damaged"),
        (HEAD + "12 32 1\n13 1 1\n", "is damaged"),
        (HEAD + "12 32 1\n1 1 x\n", "is damaged"),
        (HEAD + "12 32 1\n1 1 9999999999999999999999\n", "is damaged"),
    ],
)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_matrix_market_file_that_is_none_gets_one_sentence(tmp_path, text, said, end):
    write_mtx(tmp_path / "m", Tissue(), end=end)
    put(tmp_path / "m" / f"matrix.mtx{end}", text)
    assert said in refused(read_matrix, mtx_in(tmp_path / "m"))


def test_a_gzip_that_is_cut_short_or_a_bomb_gets_one_sentence(tmp_path):
    write_mtx(tmp_path / "m", Tissue())
    path = tmp_path / "m" / "matrix.mtx.gz"
    path.write_bytes(path.read_bytes()[:-30])
    assert f"{path}: cannot be read to its end" in refused(read_matrix, mtx_in(tmp_path / "m"))
    put(path, HEAD + "12 32 1\n1 1 1\n" + "\n" * 10**6)
    assert "unpacks to more than" in refused(read_matrix, mtx_in(tmp_path / "m"))
    bomb = put(tmp_path / "m" / "barcodes.tsv.gz", b"\n" * (tenx_text.MOST_TEXT + 1))
    assert f"{bomb}: unpacks to more than 67,108,864 bytes" in refused(read_matrix, mtx_in(tmp_path / "m"))


def test_a_missing_partner_is_named_with_what_is_there(tmp_path):
    write_mtx(tmp_path / "m", Tissue(), end="")
    (tmp_path / "m" / "features.tsv").unlink()
    said = refused(mtx_in, tmp_path / "m", kind=MissingError)
    assert "has no features.tsv or genes.tsv (found: barcodes.tsv, matrix.mtx)" in said


def test_the_parser_of_matrix_market_agrees_with_scipy_and_never_crashes(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    lists = some.lists(some.tuples(some.integers(1, 4), some.integers(1, 3), some.integers(0, 9)), max_size=12)

    @settings(max_examples=60, deadline=None)
    @given(
        entries=lists, claimed=some.integers(-1, 14) | some.none(), junk=some.sampled_from(["", "x", "\n", "9 9 9\n"])
    )
    def check(entries, claimed, junk):
        count = len(entries) if claimed is None else claimed
        text = HEAD + f"4 3 {count}\n" + "".join(f"{r} {c} {v}\n" for r, c, v in entries) + junk
        put(folder / "matrix.mtx", text)
        put(folder / "features.tsv", "A\nB\nC\nD\n")
        put(folder / "barcodes.tsv", "X\nY\nZ\n")
        files = (folder / "matrix.mtx", folder / "features.tsv", folder / "barcodes.tsv")
        found, said = attempted(tenx_mtx.read_mtx, *files)
        if found is None:
            assert "\n" not in said
            assert claimed is not None or junk.strip()
            return
        expected = scipy_io.mmread(io.BytesIO(text.encode())).T.toarray()
        assert np.array_equal(found.counts.toarray(), expected)

    check()
