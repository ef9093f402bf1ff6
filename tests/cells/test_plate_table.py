"""Tables of strangers are read with bounds, joined by what they share, and refused in a sentence."""

import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cells.screens import Jump, write_csv
from zoo.errors import DataError, MissingError
from zoo_cells.joining import read_tables
from zoo_cells.rows import rows_of
from zoo_cells.table import Columns, read_table


def rows(table, **options):
    given = {"label": "treatment", "unlabelled": "refuse", "notes": [], **options}
    return rows_of(table, given.pop("columns", Columns()), **given)


def refused(path, text, kind=DataError):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(kind) as caught:
        read_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("well,treatment\nA01,a,b\n", ":2: has 3 cells, the header 2; put names with ',' between quotes"),
        ("well,treatment\nA01\n", ":2: has 1 cells, the header 2"),
        ("well,well\nA01,a\n", "two columns are called 'well'"),
        ("well,treatment\n", "has no row below its header"),
        ("", "has no row below its header"),
        (b"well\xff\xfe,x\nA01,1\n", "cannot be read as text"),
        ("well,treatment\nA01," + "x" * 200_000 + "\n", "is no row of a table"),
    ],
)
def test_text_that_is_no_table_is_refused_with_its_line(tmp_path, text, said):
    assert said in refused(tmp_path / "t.csv", text)


def test_an_index_that_a_data_frame_was_written_with_is_no_column_of_two_names(tmp_path):
    pd.DataFrame({"well": ["A01", "B01"], "treatment": ["x", "y"]}).to_csv(tmp_path / "t.csv")
    assert [row.label for row in rows(read_table(tmp_path / "t.csv"))] == ["x", "y"]


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo_cells.table.MOST_BYTES", 2**20)
    assert "is larger than 1 MiB" in refused(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 2**20))
    whole = gzip.compress(b"well,treatment\nA01,x\n")
    assert "cannot be read as text" in refused(tmp_path / "t.csv.gz", whole[:-9])


def test_parquet_holds_numbers_and_nothing_and_is_refused_where_it_is_broken(tmp_path):
    path = tmp_path / "t.parquet"
    frame = {"Metadata_Row": [1, 2], "Metadata_Col": [3.0, np.nan], "treatment": ["x", None], "list": [[1], [2]]}
    pd.DataFrame(frame).to_parquet(path)
    table = read_table(path)
    assert list(table.columns) == ["Metadata_Row", "Metadata_Col", "treatment"]
    assert table.columns["treatment"] == ["x", ""]
    content = path.read_bytes()
    for broken in (content[:-20], b"PAR1" + content[100:], b"", b"PAR1PAR1"):
        assert "cannot be read as Parquet" in refused(path, broken)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="wel,treatmn;\t\n\r\"'AB01\0é ", max_size=80))
def test_any_text_is_a_table_or_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    try:
        found = rows(read_table(tmp_path / "t.csv"))
    except DataError as error:
        assert str(error).startswith(str(tmp_path))  # noqa: PT017 - some are tables
    else:
        assert all(row.well and row.label for row in found)


def test_wells_that_are_empty_are_refused_with_their_lines(tmp_path):
    write_csv(tmp_path / "t.csv", [{"well": "", "treatment": "a"}, {"well": "A01", "treatment": "b"}])
    with pytest.raises(DataError, match=r"1 rows have no well \(lines 2\)"):
        rows(read_table(tmp_path / "t.csv"))


def test_null_and_none_are_names_of_genotypes_and_treatments(tmp_path):
    write_csv(tmp_path / "t.csv", [{"well": "A01", "genotype": "null"}, {"well": "A02", "genotype": "None"}])
    assert [row.label for row in rows(read_table(tmp_path / "t.csv"), label="genotype")] == ["null", "None"]


def test_illumination_functions_are_no_channels(tmp_path):
    jump = Jump(tmp_path / "screen", plates=("P",))
    found = rows(read_table(jump.root / "load_data.csv"))
    assert list(found[0].files) == ["DNA", "ER", "RNA"]


def test_columns_of_cellprofiler_have_image_before_their_names(tmp_path):
    cells = {"Image_FileName_DNA": "a.tif", "Image_PathName_DNA": "/x", "Image_Metadata_Plate": "P"}
    write_csv(tmp_path / "t.csv", [{**cells, "Image_Metadata_Well": "B02", "Image_Metadata_Compound": "c"}])
    (found,) = rows(read_table(tmp_path / "t.csv"))
    assert (found.plate, found.well, found.label, found.files) == ("P", "B02", "c", {"DNA": ("/x", "a.tif")})


def test_a_second_table_that_contradicts_itself_or_shares_nothing_is_refused(tmp_path):
    write_csv(tmp_path / "a.csv", [{"well": "A01", "site": "1"}])
    write_csv(tmp_path / "b.csv", [{"Well": "a1", "treatment": "x"}, {"Well": "A1", "treatment": "y"}])
    write_csv(tmp_path / "c.csv", [{"compound": "x"}])
    with pytest.raises(DataError, match=r"b.csv: A01 stands in lines 2 and 3 with different words; remove one"):
        read_tables(tmp_path, ["a.csv", "b.csv"], Columns())
    with pytest.raises(DataError, match=r"c.csv: shares no column with a.csv and names no well"):
        read_tables(tmp_path, ["a.csv", "c.csv"], Columns())
    with pytest.raises(MissingError, match="there is no such table"):
        read_tables(tmp_path, ["a.csv", "d.csv"], Columns())


def test_opening_a_plate_imports_neither_torch_nor_pandas(tmp_path):
    root = Jump(tmp_path / "screen").root
    code = f"""if True:
        import sys
        from pathlib import Path
        from zoo_cells.datasets.plate import plate
        data = plate(Path({str(root)!r}))
        len(data), data.groups, data.labels, data.facts
        print(sorted({{"torch", "pandas", "tifffile", "PIL", "scipy"}} & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr
