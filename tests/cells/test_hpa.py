"""The layout of the single-cell challenge: what is read, and what is refused in a sentence."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest
import tifffile
from conftest import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cells.kaggle_fields import COLOURS, Challenge
from zoo.contracts import Origin
from zoo.errors import DataError, MissingError
from zoo_cells.datasets.hpa import hpa
from zoo_cells.field import DamagedError
from zoo_cells.protein.kaggle import KaggleFolder
from zoo_cells.protein.label_table import read_labels
from zoo_cells.protein.locations import CHANNELS, LOCATIONS

FIELD = DATA / "hpa" / "field"


def refused(act, kind=DataError):
    with pytest.raises(kind) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_channels_are_put_in_order_by_their_colour_and_labels_taken_apart(tmp_path):
    Challenge(tmp_path)
    data = hpa(tmp_path)
    assert data.groups["field"] == ["a", "b", "c"]
    assert [np.flatnonzero(row).tolist() for row in data.label_sets] == [[0, 16], [18], [13]]
    batch = data.batch(np.array([2, 0]))
    assert batch["image"][:, :, 0, 0].tolist() == [[21, 22, 23, 24], [1, 2, 3, 4]]
    assert CHANNELS == ("microtubules", "protein", "nucleus", "er")
    assert data.notes == []
    assert data.provenance["kind"] == "real"


def test_images_lie_in_train_or_beside_the_table_or_where_the_recipe_says(tmp_path):
    Challenge(tmp_path / "beside", images=".")
    Challenge(tmp_path / "named", images="png/full")
    assert len(hpa(tmp_path / "beside")) == 3
    assert len(hpa(tmp_path / "named", images="png/full")) == 3
    assert "holds no image called {id}_{red,green,blue,yellow}.png" in refused(lambda: len(hpa(tmp_path / "named")))
    assert "data.images '..' leads out of" in refused(lambda: len(hpa(tmp_path / "named", images="..")))
    assert "data.table '../t.csv' leads out of" in refused(lambda: len(hpa(tmp_path / "named", table="../t.csv")))


def test_tiff_of_16_bits_is_read_as_it_is(tmp_path):
    made = Challenge(tmp_path, rows=[("a", "0")])
    for number, colour in enumerate(COLOURS):
        made.file("a", colour).unlink()
        tifffile.imwrite(made.folder / f"a_{colour}.TIF", np.full((9, 7), 1000 * number, np.uint16))
    image = hpa(tmp_path).batch(np.array([0]))["image"]
    assert (str(image.dtype), image[0, :, 0, 0].tolist()) == ("torch.uint16", [0, 1000, 2000, 3000])


def test_further_columns_of_the_table_are_groups(tmp_path):
    made = Challenge(tmp_path)
    made.rows = [("a", "0", "HPA1"), ("b", "1", "HPA1"), ("c", "2", "")]
    made.write(header="ID,Label,antibody")
    assert hpa(tmp_path, groups=["antibody"]).groups["antibody"] == ["HPA1", "HPA1", "none"]
    assert "has no column antibodies; did you mean antibody?" in refused(
        lambda: len(hpa(tmp_path, groups=["antibodies"]))
    )


def test_what_a_user_says_of_the_data_becomes_their_provenance(tmp_path):
    Challenge(tmp_path)
    data = hpa(tmp_path, origin=Origin(name="hpa", licence="cc-by-4.0"))
    assert (data.provenance["name"], data.provenance["licence"]) == ("hpa", "cc-by-4.0")


def test_a_missing_channel_is_named_with_its_field_or_the_field_left_out(tmp_path):
    made = Challenge(tmp_path)
    made.file("b", "yellow").unlink()
    said = refused(lambda: len(hpa(tmp_path)))
    assert said.endswith("field b has no image b_yellow (er); bring the files, or say data.skip_damaged: true")
    data = hpa(tmp_path, skip_damaged=True)
    assert data.groups["field"] == ["a", "c"]
    assert data.notes == ["1 of 3 fields lack a channel and are left out: b"]
    for name in "ac":
        made.file(name, "red").unlink()
    assert "none of 3 fields has all four channels" in refused(lambda: len(hpa(tmp_path, skip_damaged=True)))


def test_an_id_without_images_is_refused_or_left_out_and_images_without_an_id_are_told_of(tmp_path):
    made = Challenge(tmp_path)
    made.rows.append(("d", "3"))
    made.write()
    said = refused(lambda: len(hpa(tmp_path)))
    assert "train.csv:5: field d has no image in" in said
    assert said.endswith("bring its four images, or say data.skip_damaged: true")
    made.field("e")
    data = hpa(tmp_path, skip_damaged=True)
    assert data.groups["field"] == ["a", "b", "c"]
    assert data.notes == [
        "1 rows of train.csv have no image and are left out: d",
        "1 of 4 fields have no row in train.csv and are left out: e",
    ]


def test_a_table_of_other_images_is_told_from_one_that_lacks_some(tmp_path):
    made = Challenge(tmp_path)
    made.write("ID,Label\nx,0\ny,1\n")
    said = refused(lambda: len(hpa(tmp_path, skip_damaged=True)))
    assert "none of the 2 ids of train.csv has an image" in said
    assert said.endswith("point data.images at the folder of the images")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "ID,Label\na,19\n",
            "train.csv:2: label 19 is none of the 19 locations; numbers run from 0 (Nucleoplasm) to 18",
        ),
        ("ID,Label\na,0\nb,-1\n", "train.csv:3: label '-1' is not made of numbers joined by |; write 0|16 for"),
        ("ID,Label\na,0 16\n", "train.csv:2: label '0 16' is not made of numbers joined by |"),
        ("ID,Label\na,0|\n", "train.csv:2: label '0|' is not made of numbers"),
        ("ID,Label\na,Cytosol\n", "train.csv:2: label 'Cytosol' is not made of numbers"),
        ("ID,Label\na,0\nb,1\na,2\n", "train.csv:4: field a stands in line 2 already; join the labels of both with |"),
        ("ID,Label\na,0\n,1\n", "train.csv:3: has no ID; write one, or take the row away"),
        ("ID,Label\na,0\nb,\n", "train.csv:3: field b has no label; write its labels, or say data.unlabelled: drop"),
        ("ID,Target\na,0\n", "train.csv: has no column Label"),
        ("Image,Label\na,0\n", "train.csv: has no column ID"),
        ("ID,Label\n", "train.csv: has no row below its header"),
        ("ID,Label\na,0,1\n", "train.csv:2: has 3 cells, the header 2"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(tmp_path, text, said):
    Challenge(tmp_path).write(text)
    assert said in refused(lambda: len(hpa(tmp_path)))


def test_rows_without_labels_are_dropped_where_a_recipe_says_so(tmp_path):
    made = Challenge(tmp_path)
    made.write("ID,Label\na,0\nb,\nc,1\n")
    data = hpa(tmp_path, unlabelled="drop")
    assert data.groups["field"] == ["a", "c"]
    assert data.notes[0] == "1 rows of train.csv have no label and are left out"
    made.write("ID,Label\na,\n")
    assert "none of its 1 rows has a label" in refused(lambda: len(hpa(tmp_path, unlabelled="drop")))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(st.sets(st.integers(0, 18), min_size=1), min_size=1, max_size=8))
def test_labels_go_round_through_a_table_whatever_their_order(tmp_path, labels):
    rows = [f"f{number},{'|'.join(map(str, sorted(own, reverse=True)))}" for number, own in enumerate(labels)]
    (tmp_path / "t.csv").write_text("\n".join(["ID,Label", *rows]) + "\n")
    found, dropped = read_labels(tmp_path / "t.csv")
    assert [set(row.labels) for row in found] == labels
    assert dropped == 0


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec="utf-8", exclude_characters='\r\n",;\t'), max_size=20))
def test_any_label_is_numbers_of_locations_or_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "t.csv").write_text(f"ID,Label\na,{text}\n", encoding="utf-8")
    try:
        found, _ = read_labels(tmp_path / "t.csv")
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert all(0 <= label < len(LOCATIONS) for row in found for label in row.labels)


def test_channels_of_one_field_that_differ_are_named_when_they_are_read(tmp_path):
    made = Challenge(tmp_path)
    made.channel("a", "blue", np.zeros((9, 8), np.uint8))
    made.channel("b", "green", np.zeros((9, 7), np.uint16))
    data = hpa(tmp_path)
    said = refused(lambda: data.batch(np.array([0])))
    assert "the channels of field a differ, red 9 x 7 uint8, blue 9 x 8 uint8; save its channels with one size" in said
    assert "field b differ, red 9 x 7 uint8, green 9 x 7 uint16" in refused(lambda: data.batch(np.array([1])))


def test_a_corrupt_image_is_damaged_and_one_of_colour_is_not_a_channel(tmp_path):
    made = Challenge(tmp_path)
    whole = made.file("a", "green").read_bytes()
    made.file("a", "green").write_bytes(whole[:45])
    made.channel("b", "red", np.zeros((9, 7, 3), np.uint8))
    data = hpa(tmp_path)
    said = refused(lambda: data.batch(np.array([0])), DamagedError)
    assert "a_green.png: cannot be decoded" in said
    assert said.endswith("it is damaged; copy it anew, or leave field a out")
    assert "b_red.png: has 3 channels, the image of a colour has one" in refused(lambda: data.batch(np.array([1])))
    made.file("c", "red").unlink()
    assert "c_red.png: is not there any more" in refused(lambda: data.batch(np.array([2])), MissingError)


def test_two_files_of_one_channel_are_refused(tmp_path):
    made = Challenge(tmp_path)
    tifffile.imwrite(made.folder / "a_red.tif", np.zeros((9, 7), np.uint8))
    assert "a_red.png and a_red.tif are the same channel of one field; take one away" in refused(
        lambda: len(hpa(tmp_path))
    )


def test_folders_and_tables_that_are_not_there_are_missing(tmp_path):
    assert "there is no such folder; point data.root" in refused(lambda: len(hpa(tmp_path / "no")), MissingError)
    assert "there is no such table" in refused(lambda: len(hpa(tmp_path)), MissingError)


def test_new_fields_need_no_table_and_have_no_labels(tmp_path):
    Challenge(tmp_path / "old")
    Challenge(tmp_path / "new", rows=[("y", "1"), ("x", "1")], images=".")
    new = hpa(tmp_path / "old").open_new({"input": tmp_path / "new"})
    assert new.groups["field"] == ["x", "y"]
    assert set(new.label_sets.ravel()) == {-1}
    (tmp_path / "empty").mkdir()
    for path, said in ((tmp_path / "empty", "holds no image called"), (tmp_path / "old/train.csv", "is a file; give")):
        assert said in refused(lambda path=path: hpa(tmp_path / "old").open_new({"input": path}))


def test_the_stamp_of_a_field_follows_its_files(tmp_path):
    made = Challenge(tmp_path)
    before = [one.stamp for one in hpa(tmp_path).fields]
    made.channel("b", "green", np.full((9, 70), 3, np.uint8))
    after = [one.stamp for one in hpa(tmp_path).fields]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]


def test_thousands_of_fields_are_listed_without_opening_an_image(tmp_path):
    for number in range(2000):
        for colour in COLOURS:
            (tmp_path / f"{number:05d}_{colour}.png").touch()
    found = KaggleFolder(tmp_path).unlabelled()  # empty files, which none could open
    assert len(found) == 2000


def test_fields_of_files_can_be_read_in_another_process(tmp_path):
    Challenge(tmp_path)
    one = pickle.loads(pickle.dumps(hpa(tmp_path).fields[1]))
    assert one.read()[:, 0, 0].tolist() == [11, 12, 13, 14]
    assert one.truth is None


@pytest.mark.skipif(not FIELD.is_dir(), reason="no hpa in ZOO_TEST_DATA")
def test_a_real_field_is_read_with_and_without_a_table(tmp_path):
    new = hpa(tmp_path).open_new({"input": FIELD})
    batch = new.batch(np.array([0]))
    assert batch["id"] == ["57_F11_1"]
    assert (batch["image"].shape, str(batch["image"].dtype)) == ((1, 4, 1728, 1728), "torch.uint8")
    shutil.copytree(FIELD, tmp_path / "root")
    (tmp_path / "root" / "train.csv").write_text("ID,Label\n57_F11_1,13|16\n")
    assert np.flatnonzero(hpa(tmp_path / "root").label_sets[0]).tolist() == [13, 16]
