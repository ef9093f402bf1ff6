"""Names of files and wells mean what the microscope that wrote them meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo_cells.names import channel_in, parse
from zoo_cells.scan import File, images_below
from zoo_cells.wells import column_of, letters_of, row_of, well_at, well_of


def told(*paths, pattern=None, plates=()):
    found = parse([File(path, 1, 1) for path in paths], pattern=pattern, root="screen", plates=plates)
    return [(one.plate, one.well, one.site, one.channel) for one in found]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("r01c01f01p01-ch2sk1fk1fl1.tiff", ("", "A01", "1", "2")),
        ("r16c24f09p01-ch12sk1fk1fl1.tiff", ("", "P24", "9", "12")),
        ("r02c03f10.png", ("", "B03", "10", "")),
        ("B7_01_1_3_DAPI_001.tif", ("", "B07", "3", "DAPI")),
        ("D6_01_3_2_RFP_001.tif", ("", "D06", "2", "RFP")),
        ("A - 01(fld 1 wv DAPI - DAPI).tif", ("", "A01", "1", "DAPI")),
        ("H - 12(fld 25 wv FITC).tif", ("", "H12", "25", "FITC")),
        ("A - 01(fld 3 wv Cy5 - Cy5 z 1).tif", ("", "A01", "3", "Cy5")),
        ("plate 7_B07_s1_w1.tif", ("plate 7", "B07", "1", "1")),
        ("exp_1_B07_s2_w31A2B3C4D-0123-4567-89AB-0123456789AB.tif", ("exp_1", "B07", "2", "3")),
        ("G10_w2.TIF", ("", "G10", "", "2")),
        ("01A.tif", ("", "A01", "", "")),
        ("C3_f12.png", ("", "C03", "12", "")),
    ],
)
def test_names_of_microscopes_are_understood(name, meant):
    assert told(f"folder/{name}") == [meant]


@pytest.mark.parametrize("name", ["scan.tif", "r99c01f01.tiff", "Image0001.tif", "A00.tif", "ZZ99.tif"])
def test_other_names_are_refused_with_an_example_of_a_pattern(name):
    with pytest.raises(DataError, match=r"has no name of a microscope.*images/\{well\}_\{site\}_\{channel\}.tif"):
        told(name)


def test_the_dialect_that_most_names_fit_is_taken():
    names = ["r01c01f01p01-ch1sk1fk1fl1.tiff", "r01c02f01p01-ch1sk1fk1fl1.tiff", "A01.tif"]
    assert [one[1] for one in told(*names)] == ["A01", "A02"]


def test_a_pattern_reads_any_layout_and_its_last_part_the_folder_of_the_images_alone():
    pattern = "{plate}/raw/*_{row}-{column}_s{site}_{channel}.tif"
    assert told("P1/raw/x_2-10_s03_mito.tif", pattern=pattern) == [("P1", "B10", "3", "mito")]
    assert told("x_2-10_s03_mito.tif", pattern=pattern) == [("", "B10", "3", "mito")]
    assert told("A01/A01_1.tif", "A01/B01_1.tif", pattern="{well}/{well}_{site}.tif") == [("", "A01", "1", "")]


def test_letters_of_a_pattern_that_mean_something_to_regular_expressions_stand_for_themselves():
    assert told("a+(b).A01.tif", pattern="a+(b).{well}.tif") == [("", "A01", "", "")]
    with pytest.raises(DataError, match="no image fits"):
        told("aab.A01.tif", pattern="a+(b).{well}.tif")


def test_plates_are_the_folders_that_differ_and_those_of_a_table_where_it_has_some():
    paths = ["run/P1__2020/Images/A01.tif", "run/P2__2021/Images/A01.tif"]
    assert [one[0] for one in told(*paths)] == ["P1", "P2"]
    assert [one[0] for one in told("B-1_x/A01.tif", "B-12_x/A01.tif", plates=["B-1", "B-12"])] == ["B-1", "B-12"]
    assert [one[0] for one in told("A01/A01_1.tif", "B01/B01_1.tif")] == ["", ""]


def test_a_channel_is_read_from_a_name():
    assert channel_in("r01c01f01p01-ch05sk1fk1fl1.tiff") == "5"
    assert channel_in("whatever.tif") == ""


def test_folders_are_looked_into_without_masks_hidden_files_and_circles(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "back").symlink_to(tmp_path)
    for name in ("x.tif", "a/y.TIFF", "a/b/z.png", "a/b/.w.tif", "x_MaskCells.tiff", "x_thumb.tif", "notes.txt", "tif"):
        (tmp_path / name).write_bytes(b"1")
    assert [file.path for file in images_below(tmp_path)] == ["a/b/z.png", "a/y.TIFF", "x.tif"]


def test_folders_that_never_end_are_refused(tmp_path):
    deep = tmp_path
    for _ in range(14):
        deep = deep / "d"
    deep.mkdir(parents=True)
    with pytest.raises(DataError, match="more than 12 folders deep"):
        images_below(tmp_path)


rows = st.integers(1, 48).map(letters_of)
columns = st.integers(1, 72)


@given(rows, columns, st.sampled_from(["{r}{c}", "{r}{c:02d}", "{r}{c:03d}", "{r} - {c:02d}", "{c:02d}{r}", "{r}_{c}"]))
def test_a_well_has_one_name_however_it_is_spelt(row, column, spelling):
    name = well_of(spelling.format(r=row, c=column))
    assert name == well_of(name.lower()) == f"{row}{column:02d}"
    assert (row_of(name), column_of(name)) == (row, f"{column:02d}")


@given(st.integers(1, 48), columns)
def test_a_row_and_a_column_make_the_same_well_as_numbers_letters_or_decimals(row, column):
    assert well_at(str(row), str(column)) == well_at(letters_of(row), f"{column}.0") == f"{letters_of(row)}{column:02d}"


@given(st.text(max_size=20))
def test_no_text_breaks_the_reading_of_wells_and_names(text):
    assert well_of(text) == well_of(well_of(text))
    assert isinstance(channel_in(text), str)


@given(st.text(alphabet="{}welplatsicorn*/._-[(\\+", max_size=30))
def test_no_pattern_ends_in_anything_but_a_sentence(pattern):
    try:
        told("images/A01_1_2.tif", pattern=pattern)
    except DataError as error:
        assert "data.images" in str(error)  # noqa: PT017 - some are understood
