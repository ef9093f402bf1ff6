"""``plate`` reads screens as microscopes and programs write them, with treatments, plates and wells."""

import gzip
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from cells.screens import CHANNELS, SIDE, Jump, Wells, pixels, write_csv
from zoo.contracts import Origin
from zoo.errors import DataError, MissingError
from zoo.signature import signature_of
from zoo_cells.datasets.plate import plate
from zoo_cells.table import Columns


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "cache"))


@pytest.fixture
def jump(tmp_path):
    return Jump(tmp_path / "screen")


@pytest.fixture
def wells(tmp_path):
    return Wells(tmp_path / "wells")


def refused(root, kind=DataError, **options):
    with pytest.raises(kind) as caught:
        len(plate(root, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def notes(root, **options):
    data = plate(root, **options)
    len(data)
    return data.notes


def test_load_data_of_another_machine_is_read_without_a_word_in_the_recipe(jump):
    data = plate(jump.root)
    assert len(data) == 24
    assert data.channels == list(CHANNELS)
    assert data.classes == ["AMG900", "DMSO", "aloxistatin"]
    assert data.facts == {"in_chans": 3, "num_classes": 3}
    assert data.plates == ["BR001", "BR002"]
    assert data.notes == []
    assert data.names[0] == "BR001/A01/f1"
    assert data.groups["well"][0] == "BR001/A01"
    assert data.groups["plate_row"][-1] == "BR002/B"
    assert data.groups["column"][-1] == "BR002/03"
    assert len(set(data.groups["item"])) == 24
    assert [data.classes[label] for label in data.labels[:6:2]] == ["DMSO", "aloxistatin", "AMG900"]


def test_a_batch_holds_the_pixels_of_the_right_files_in_the_right_order(jump):
    data = plate(jump.root, size=None, channels=["ER", "DNA"])
    batch = data.batch(np.array([13, 2]))
    row = jump.rows[13]
    assert batch["id"] == ["BR002/A01/f2", "BR001/A02/f1"]
    assert batch["plate"].tolist() == [1, 0]
    assert str(batch["image"].dtype) == "torch.uint16"
    for number, channel in enumerate(("ER", "DNA")):
        np.testing.assert_array_equal(batch["image"][0, number].numpy(), tifffile.imread(jump.file(row, channel)))


def test_channels_of_a_table_are_found_by_column_and_by_number_in_names(jump):
    assert plate(jump.root, channels=["OrigRNA"]).channels == ["OrigRNA"]
    assert plate(jump.root, images="*/Images/r{row}c{column}f{site}p01-ch{channel}sk1fk1fl1.tiff").channels == list(
        "345"
    )
    said = refused(jump.root, channels=["DNA", "Mitto"])
    assert said == "there is no channel Mitto, the images have DNA, ER, RNA"
    assert "both 5" in refused(
        jump.root, images="*/Images/r{row}c{column}f{site}p01-ch{channel}*", channels=["5", "ch5"]
    )


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "parquet"])
def test_tables_are_csv_with_any_mark_gzipped_or_parquet(wells, ending):
    (wells.root / "plate.csv").unlink()
    name = f"plate.{ending}"
    if ending == "parquet":
        pd.DataFrame(wells.rows).to_parquet(wells.root / name)
    elif ending == "csv.gz":
        text = "well;treatment\r\n" + "\r\n".join(f"{row['well']};{row['treatment']}" for row in wells.rows)
        (wells.root / name).write_bytes(gzip.compress(text.encode("utf-8-sig")))
    else:
        wells.write(name, "\t" if ending == "tsv" else ",")
    data = plate(wells.root)
    assert data.classes == ["control", "drug"]
    assert data.channels == ["1", "2"]
    assert data.groups["well"] == ["A01", "A02", "B01", "B02"]


def test_a_second_table_adds_what_it_knows_of_each_well_and_a_third_of_each_compound(jump):
    for row in jump.rows:
        row.pop("Metadata_pert_iname")
    jump.write()
    layout = [{"well_position": f"{r}{c}", "broad_sample": f"BRD-{c}"} for r in "AB" for c in (1, 2, 3)]
    write_csv(jump.root / "platemap.txt", layout, "\t")
    write_csv(jump.root / "compounds.csv", [{"broad_sample": f"BRD-{c}", "pert_iname": f"drug {c}"} for c in (1, 2, 3)])
    data = plate(jump.root, table=["load_data.csv", "platemap.txt", "compounds.csv"])
    assert data.classes == ["drug 1", "drug 2", "drug 3"]
    assert data.labels == [0, 0, 1, 1, 2, 2] * 4
    assert "tables (compounds.csv, load_data.csv, platemap.txt); name one" in refused(jump.root)


def test_rows_and_columns_stand_for_a_well_and_further_columns_become_groups(wells):
    wells.rows = [
        {"Row": row, "Col": f"{column}.0", "Metadata_drug": drug, "Metadata_Batch": "b1", "line": f"L{column}"}
        for row, drug in ((1, "control"), (2, "drug"))
        for column in (1, 2)
    ]
    data = plate(wells.write().root, columns=Columns(groups=("line",)))
    assert data.groups["well"] == ["A01", "A02", "B01", "B02"]
    assert data.groups["line"] == ["L1", "L2", "L1", "L2"]
    assert data.groups["batch"] == ["b1"] * 4
    assert refused(wells.root, columns=Columns(groups=("lyne",))).endswith("has no column lyne; did you mean line?")


def test_the_label_is_any_column_that_the_recipe_names(wells):
    for row in wells.rows:
        row["dose"] = row["well"][-1]
    assert plate(wells.write().root, label="dose").classes == ["1", "2"]
    assert "has no column dosis; did you mean dose?" in refused(wells.root, label="dosis")


def test_names_of_channels_are_given_to_pages_that_have_none_and_taken_from_those_that_have(wells):
    assert plate(wells.root, channels=["phase", "gfp"]).channels == ["phase", "gfp"]
    assert plate(wells.root, channels=["2"]).batch(np.array([0]))["image"].shape == (1, 1, 224, 224)
    for place, row in enumerate(wells.rows):
        file = wells.root / "images" / f"{row['well']}.tif"
        file.unlink()
        metadata = {"axes": "CYX", "Channel": {"Name": ["Hoechst", "Actin"]}}
        tifffile.imwrite(file.with_suffix(".ome.tif"), pixels(place, (2, SIDE, SIDE)), metadata=metadata)
    data = plate(wells.root, images="images/{well}.ome.tif", channels=["Actin"], size=None)
    np.testing.assert_array_equal(data.batch(np.array([1]))["image"][0, 0].numpy(), pixels(1, (2, SIDE, SIDE))[1])
    assert "there is no channel Actine, the images have Hoechst, Actin; did you mean Actin?" in refused(
        wells.root, images="images/{well}.ome.tif", channels=["Actine"]
    )


def test_png_of_8_and_16_bits_is_read_as_it_is(wells):
    shutil.rmtree(wells.root / "images")
    (wells.root / "images").mkdir()
    for place, row in enumerate(wells.rows):
        Image.fromarray(pixels(place) * 300).save(wells.root / "images" / f"{row['well']}.png")
    data = plate(wells.root, size=None)
    assert str(data.batch(np.array([2]))["image"].dtype) == "torch.uint16"
    np.testing.assert_array_equal(data.batch(np.array([2]))["image"][0, 0].numpy(), pixels(2) * 300)


def test_masks_and_thumbnails_beside_images_are_no_images(wells):
    wells.image("A01_MaskNuclei.tiff", pixels(9))
    wells.image("A01_thumb.tif", pixels(9))
    assert len(plate(wells.root)) == 4
    assert notes(wells.root) == []


def test_treatments_without_images_and_images_without_rows_are_noted_with_names_and_counts(wells):
    wells.rows = [row for row in wells.rows if row["well"] != "A02"]
    wells.rows += [{"well": f"C0{n}", "treatment": "lost"} for n in (1, 2)] + [{"well": "C03", "treatment": "drug"}]
    data = plate(wells.write().root)
    assert len(data) == 3
    assert data.notes == [
        "1 fields have no row in plate.csv and are left out: images/A02.tif",
        "1 treatments of plate.csv have no image (rows of each): lost (2)",
        "1 more rows of plate.csv have no image: C03",
    ]


def test_a_table_none_of_whose_rows_has_an_image_is_refused(wells, jump):
    for row in wells.rows:
        row["well"] = "H" + row["well"][1:]
    wells.rows = wells.rows[:2]
    said = refused(wells.write().root)
    assert "none of its 2 rows has an image (first row: H01, first image: A01)" in said
    for row in jump.rows:
        row["FileName_OrigDNA"] = row["FileName_OrigER"] = row["FileName_OrigRNA"] = "gone.tiff"
    assert "none of its 24 rows has an image, the first names 'gone.tiff'" in refused(jump.write().root)


def test_images_that_no_row_names_are_noted(jump):
    tifffile.imwrite(jump.folder("BR001") / "r05c05f01p01-ch1sk1fk1fl1.tiff", pixels(0))
    assert "1 of 73 images are named by no row of load_data.csv: BR001__" in notes(jump.root)[0]


def test_files_that_were_renamed_to_another_format_are_found_by_their_stem(jump):
    for row in jump.rows:
        for channel in CHANNELS:
            file = jump.file(row, channel)
            Image.fromarray(tifffile.imread(file)).save(file.with_suffix(".png"))
            file.unlink()
    assert len(plate(jump.root)) == 24


def test_a_channel_that_is_missing_is_named_with_its_field_or_skipped_and_counted(jump):
    jump.file(jump.rows[3], "ER").unlink()
    said = refused(jump.root)
    assert said.startswith("field BR001/A02/f2 has no channel ER")
    assert "data.skip_damaged: true" in said
    data = plate(jump.root, skip_damaged=True)
    assert len(data) == 23
    assert data.notes == ["1 of 24 fields lack a channel and are left out: BR001/A02/f2"]
    assert len(plate(jump.root, channels=["DNA", "RNA"])) == 24


def test_a_corrupt_file_is_named_or_skipped_and_counted(jump):
    file = jump.file(jump.rows[5], "DNA")
    file.write_bytes(file.read_bytes()[:300])
    data = plate(jump.root)
    with pytest.raises(DataError) as caught:
        data.batch(np.arange(24))
    assert str(file) in str(caught.value)
    assert "it is damaged; copy it anew" in str(caught.value)
    data.batch(np.arange(5))  # the others are read
    data = plate(jump.root, skip_damaged=True)
    assert len(data) == 23
    assert data.notes[0].startswith(f"1 of 24 fields are damaged and left out, the first: {file}: cannot be decoded")
    assert len(data.batch(np.arange(23))["id"]) == 23


def test_mixed_depths_are_refused_with_two_files_and_their_types(wells):
    wells.image("B01.tif", pixels(0, (2, SIDE, SIDE), "uint16"))
    data = plate(wells.root)
    with pytest.raises(
        DataError, match=r"field B01 \(.*B01.tif\) has values of type uint16, field A01 \(.*\) of uint8"
    ):
        data.batch(np.arange(4))


def test_mixed_sizes_are_refused_only_where_none_is_asked_for(wells):
    wells.image("B02.tif", pixels(0, (2, SIDE, SIDE + 4), "uint8"))
    assert plate(wells.root, size=16).batch(np.arange(4))["image"].shape == (4, 2, 16, 16)
    with pytest.raises(
        DataError, match=r"field B02 .* has 2 x 24 x 28 values, field A01 .* 2 x 24 x 24; say data.size"
    ):
        plate(wells.root, size=None).batch(np.arange(4))


def test_channels_of_one_field_with_different_types_or_sizes_are_refused(jump):
    tifffile.imwrite(jump.file(jump.rows[0], "ER"), pixels(0, kind="uint8"))
    with pytest.raises(DataError, match=r"24 x 24 of uint8, .* 24 x 24 of uint16; the channels of a field"):
        plate(jump.root).batch(np.array([0]))


def test_another_number_of_channels_than_the_first_field_has_is_refused(wells):
    wells.image("B01.tif", pixels(0, (3, SIDE, SIDE), "uint8"))
    with pytest.raises(DataError, match=r"B01.tif: has 3 channels, 2 are needed"):
        plate(wells.root).batch(np.arange(4))


def test_rows_that_say_the_same_twice_are_named(wells, jump):
    wells.rows.append({"well": "a1", "treatment": "drug"})
    assert "lines 2 and 6 are both of a1; remove one" in refused(wells.write().root)
    jump.rows.append(jump.rows[4])
    assert "lines 6 and 26 are both of BR001/A03/1" in refused(jump.write().root)


@pytest.mark.parametrize("empty", ["", "NaN", " n/a "])
def test_rows_without_a_label_are_named_or_dropped_where_the_recipe_says_so(wells, empty):
    wells.rows[2]["treatment"] = empty
    said = refused(wells.write().root)
    assert "1 rows have no label (lines 4); fill them in" in said
    data = plate(wells.root, unlabelled="drop")
    assert len(data) == 3
    assert "1 of 4 rows have no label and are left out" in data.notes


def test_labels_that_differ_in_case_only_are_refused(wells):
    wells.rows[0]["treatment"] = "Control"
    assert "the labels 'Control' and 'control' differ in upper and lower case only" in refused(wells.write().root)


def test_a_table_that_names_no_well_and_one_that_is_not_there_are_refused(wells):
    wells.rows = [{"place": row["well"], "treatment": row["treatment"]} for row in wells.rows]
    said = refused(wells.write().root)
    assert "no column says which well (found: place, treatment); name it in data.columns.well" in said
    assert len(plate(wells.root, columns=Columns(well="place"))) == 4
    (wells.root / "plate.csv").unlink()
    assert "has no table, so no treatment is known" in refused(wells.root, MissingError)
    assert "there is no such table" in refused(wells.root, MissingError, table="plates.csv")
    assert "there is no such folder" in refused(wells.root / "nowhere", MissingError)


def test_a_file_that_two_rows_name_is_refused(jump):
    jump.rows[1]["FileName_OrigDNA"] = jump.rows[0]["FileName_OrigDNA"]
    said = refused(jump.write().root)
    assert "r01c01f01p01-ch5sk1fk1fl1.tiff is the image of lines 2 and 3" in said


def test_nothing_outside_the_folder_is_read(jump, wells, tmp_path):
    jump.rows[0]["FileName_OrigDNA"] = "../../../secret.tiff"
    said = refused(jump.write().root)
    assert "load_data.csv:2: '../../../secret.tiff' leads out of the folder of the images" in said
    assert "'../plate.csv' leads out of" in refused(wells.root, table="../plate.csv")
    assert "leads out of data.root" in refused(wells.root, images="../{well}.tif")


def test_files_of_one_name_on_several_plates_are_told_apart_or_refused(jump):
    for row in jump.rows:
        for channel in CHANNELS:
            row.pop(f"PathName_Orig{channel}")
    assert plate(jump.write().root).fields[-1].read.files[0].parent.parent.name.startswith("BR002")
    for row in jump.rows:
        row["Metadata_Plate"] = row["Metadata_Plate"].replace("BR", "P")
    said = refused(jump.write().root)
    assert "load_data.csv:2: 'r01c01f01p01-ch5sk1fk1fl1.tiff' may be BR001__" in said


def test_a_layout_without_plates_holds_for_each_plate_and_one_with_plates_for_those(jump):
    layout = [{"well": f"{row}{column}", "treatment": f"t{column}"} for row in "AB" for column in (1, 2, 3)]
    write_csv(jump.root / "layout.csv", layout)
    data = plate(jump.root, table="layout.csv")
    assert data.plates == ["BR001", "BR002"]
    assert len(data) == 24
    write_csv(jump.root / "layout.csv", [{"barcode": "BR002", **row} for row in layout])
    data = plate(jump.root, table="layout.csv", channels=["ch5"])
    assert data.plates == ["BR002"]
    assert data.notes[0].startswith("12 fields have no row in layout.csv")


def test_several_plates_of_a_table_need_a_path_that_says_which(wells):
    wells.rows = [{"plate": f"P{number}", **row} for number in (1, 2) for row in wells.rows]
    said = refused(wells.write().root)
    assert "has 2 plates (P1, P2), and nothing in the path of images/A01.tif says which; keep each plate in a" in said


def test_two_planes_of_one_field_are_refused_and_one_of_them_can_be_chosen(jump):
    row = jump.rows[0]
    shutil.copy(jump.file(row, "DNA"), jump.folder("BR001") / "r01c01f01p02-ch5sk1fk1fl1.tiff")
    write_csv(jump.root / "layout.csv", [{"well": f"A{n}", "treatment": f"t{n}"} for n in (1, 2, 3)])
    said = refused(jump.root, table="layout.csv")
    assert "are both channel 5 of field BR001/A01/1; planes or points in time?" in said
    pattern = "{plate}__*/Images/r{row}c{column}f{site}p01-ch{channel}sk1fk1fl1.tiff"
    assert len(plate(jump.root, table="layout.csv", images=pattern)) == 12


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("images/{wel}.tif", "has {wel}, known are {plate}, {well}"),
        ("images/{site}.tif", "names no well"),
        ("pictures/{well}.tif", "no image fits data.images 'pictures/{well}.jpg'"),
        ("*/*/*/*/{well}.tif", "3 stars"),
    ],
)
def test_patterns_that_mean_nothing_are_refused(wells, pattern, said):
    pattern = pattern.replace("pictures/{well}.tif", "pictures/{well}.jpg")
    assert said in refused(wells.root, images=pattern)


def test_classes_are_chosen_and_those_with_few_groups_left_out(jump):
    data = plate(jump.root, classes=["DMSO", "AMG900"])
    assert data.classes == ["DMSO", "AMG900"]
    assert data.notes == ["8 fields of other classes (aloxistatin) are left out"]
    assert "data.classes names AMG901, which no field has; did you mean AMG900?" in refused(
        jump.root, classes=["DMSO", "AMG901"]
    )
    for row in jump.rows[2:4]:
        row["Metadata_pert_iname"] = "rare"
    data = plate(jump.write().root, least_groups={"well": 2})
    assert "rare" not in data.classes
    assert data.notes[0] == "1 classes with fewer than 2 groups of well are left out: rare"
    assert "names the unit donor, these data have plate, well" in refused(jump.root, least_groups={"donor": 2})


def test_nothing_is_decoded_at_opening(jump, monkeypatch):
    monkeypatch.setattr("zoo_cells.channels.read_planes", lambda _: pytest.fail("decoded"))
    assert len(plate(jump.root).groups["well"]) == 24


def test_the_origin_is_what_a_card_says(wells):
    data = plate(wells.root, origin=Origin(name="my plate", licence="cc0-1.0"))
    assert data.provenance == {
        "kind": "real",
        "name": "my plate",
        "licence": "cc0-1.0",
        "modality": "fluorescence-microscopy",
    }


def test_the_signature_is_a_schema_with_a_slot_for_transforms():
    signature = signature_of(plate, "plate")
    assert signature.slots["prepare"].kind == "transforms"
    given = {"root": "x", "columns": {"well": "w", "groups": ["line"]}, "least_groups": {"well": 2}, "size": None}
    values, mistakes = signature.check({**given, "table": ["a.csv", "b.csv"]})
    assert not mistakes
    assert values["columns"].groups == ("line",)
