"""Where Space Ranger says that spots lie: every version's file, and what a damaged one is answered with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from spatial.visium_folders import Tissue, attempted, put, refused, write_positions
from zoo.errors import MissingError
from zoo_spatial.readers.positions import read_positions


@pytest.mark.parametrize(
    "name",
    ["tissue_positions_list.csv", "tissue_positions_list.csv.gz", "tissue_positions.csv", "tissue_positions.parquet"],
)
def test_positions_of_every_version_have_x_from_the_column_and_y_from_the_row(tmp_path, name):
    tissue = Tissue()
    found = read_positions(write_positions(tmp_path / name, tissue))
    table = tissue.table[tissue.table.in_tissue == 1]
    assert found.barcodes == table.barcode.tolist()
    assert np.array_equal(found.position_px[:, 0], table.pxl_col_in_fullres)
    assert np.array_equal(found.position_px[:, 1], table.pxl_row_in_fullres)
    assert np.array_equal(found.grid, table[["array_col", "array_row"]])


def test_columns_are_found_by_name_where_there_is_a_header(tmp_path):
    tissue = Tissue()
    table = tissue.table[[*tissue.table.columns[::-1]]]
    found = read_positions(put(tmp_path / "tissue_positions.csv", table.to_csv()))
    assert np.array_equal(found.position_px, read_positions(write_positions(tmp_path / "list.csv", tissue)).position_px)


ROW = "AAAC-1,1,0,0,10,20\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\xff\xfe", "is no table of text"),
        ("barcode,x,y\nA,1,2\n", "has no column in_tissue or array_row"),
        (ROW + "AAAG-1,1,0\n", "row 2 has 3 columns, 6 are needed"),
        (ROW + "AAAG-1,1,0,0,left,20\n", "holds a position that is no number"),
        (ROW + "AAAG-1,1,0,0,nan,20\n", "lacks a position of AAAG-1"),
        (ROW + "AAAG-1,7,0,0,1,20\n", "in_tissue is 0 or 1, not 7"),
        (ROW + ROW, "barcode AAAC-1 stands twice"),
        (ROW.replace(",1,", ",0,"), "none of its 1 spots lies in tissue"),
    ],
)
def test_a_position_file_that_is_none_gets_one_sentence(tmp_path, text, said):
    path = put(tmp_path / "tissue_positions_list.csv", text.encode("latin-1"))
    found = refused(read_positions, path)
    assert found.startswith(str(path))
    assert said in found


def test_a_parquet_file_that_is_none_gets_one_sentence(tmp_path):
    path = write_positions(tmp_path / "tissue_positions.parquet", Tissue())
    path.write_bytes(path.read_bytes()[:-60])
    assert "is no table that can be read" in refused(read_positions, path)
    Tissue().table.drop(columns="in_tissue").to_parquet(path)
    assert "has no column in_tissue" in refused(read_positions, path)
    Tissue().table.assign(pxl_row_in_fullres="left").to_parquet(path)
    assert "is no table that can be read" in refused(read_positions, path)
    path.unlink()
    assert "there is no such file" in refused(read_positions, path, kind=MissingError)


def test_any_text_is_positions_or_one_sentence(tmp_path):
    path = tmp_path / "tissue_positions.csv"
    cells = some.sampled_from(["AAAC-1", "", "1", "0", "-3", "1e400", "nan", '"', "barcode", "in_tissue", "é", "\x00"])
    rows = some.lists(some.lists(cells, max_size=7), max_size=4)

    @settings(max_examples=150, deadline=None)
    @given(rows=rows)
    def check(rows):
        put(path, "\n".join(",".join(row) for row in rows))
        found, said = attempted(read_positions, path)
        assert "\n" not in said
        if found:
            assert len(found.barcodes) == len(found.position_px) >= 1
            assert np.isfinite(found.position_px).all()

    check()
