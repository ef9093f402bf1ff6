"""Fields that a table names are read with their labels, animals, wavenumbers and masks, or refused in a sentence."""

import csv

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo.contracts import Origin
from zoo.errors import DataError, MissingError, ZooError
from zoo.signature import signature_of
from zoo_cars.datasets.cars_folder import cars_folder
from zoo_cars.field_files import read_mask
from zoo_cars.field_table import Columns, read_table
from zoo_cars.fields import Tiles

BANDS, HEIGHT, WIDTH = 6, 16, 24
AXIS = [2800.0 + 10 * band for band in range(BANDS)]
ANIMALS = {"m1": "control", "m2": "control", "m3": "high", "m4": "high", "m5": "low", "m6": "low"}


class Folder:
    """A table of six fields of six animals in three classes, each a TIFF; every part can be spoilt by a test."""

    def __init__(self, root) -> None:
        self.root = root
        root.mkdir()
        self.rows = [{"file": f"{animal}.tif", "label": label, "animal": animal} for animal, label in ANIMALS.items()]
        for number, animal in enumerate(ANIMALS):
            tifffile.imwrite(root / f"{animal}.tif", self.stack(number))
        (root / "wavenumbers.csv").write_text("\n".join(map(str, AXIS)))
        self.write()

    @staticmethod
    def stack(seed=0, kind="uint16"):
        return np.random.default_rng(seed).integers(1, 200, (BANDS, HEIGHT, WIDTH)).astype(kind)

    def write(self, mark=",", **of_first):
        self.rows[0] |= of_first
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with (self.root / "fields.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, names, delimiter=mark)
            table.writeheader()
            table.writerows(self.rows)
        return self


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "study")


def opened(folder, **options):
    return cars_folder(folder.root, tiles=Tiles(size=8), **options)


def fields(folder, **options):
    return opened(folder, **options).open_fields()


def refused(folder, kind=(DataError, MissingError), **options):
    with pytest.raises(kind) as error:
        fields(folder, **options)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(str(folder.root)), "a refusal names the place"
    return said


# --- what is read


def test_each_row_is_a_field_with_its_label_animal_and_wavenumbers(folder):
    found = fields(folder)
    assert [(field.name, field.animal, field.label) for field in found] == [(a, a, ANIMALS[a]) for a in ANIMALS]
    assert [field.slide for field in found] == list(ANIMALS)
    assert all(field.wavenumber_cm.tolist() == AXIS for field in found)
    assert found[2].um_per_px is None
    assert found[2].truth is None
    assert np.array_equal(found[2].open_stack(), folder.stack(2))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_that_may_be_left_out_are_used_and_the_table_may_be_of_any_spreadsheet(folder, mark):
    folder.write(mark, slide="S7", field="liver, left", um_per_px="0.5", animal=" m1 ")
    text = (folder.root / "fields.csv").read_text()
    (folder.root / "fields.csv").write_text(f"\ufeff{text}\n{mark * 5}\n", encoding="utf-8")
    first, second = fields(folder)[:2]
    assert (first.name, first.animal, first.slide, first.um_per_px) == ("liver, left", "m1", "S7", 0.5)
    assert (second.name, second.slide, second.um_per_px) == ("m2", "m2", None)


def test_columns_may_have_other_names(folder):
    text = (folder.root / "fields.csv").read_text().replace("label", "dose").replace("animal", "mouse")
    (folder.root / "fields.csv").write_text(text)
    assert fields(folder, columns=Columns(label="dose", animal="mouse"))[0].label == "control"
    assert "has no column label (found: file, dose, mouse); name the columns in data.columns" in refused(folder)


def test_stacks_of_every_kind_stand_beside_each_other(folder):
    pages = folder.root / "pages"
    pages.mkdir()
    for band, page in enumerate(folder.stack()):
        tifffile.imwrite(pages / f"{band}.tif", page)
    np.save(folder.root / "a.npy", np.moveaxis(folder.stack(), 0, 2))
    folder.rows[1]["file"] = "a.npy"
    folder.write(file="pages")
    first, second = (field.open_stack() for field in fields(folder, axis="last")[:2])
    assert np.array_equal(first, second)


def test_the_nearest_file_of_wavenumbers_counts_and_then_the_stack_itself(folder):
    pages = folder.root / "pages"
    pages.mkdir()
    for band, page in enumerate(folder.stack()):
        tifffile.imwrite(pages / f"{band}.tif", page)
    (pages / "wavenumbers.txt").write_text("\n".join(str(n + 1) for n in AXIS))
    folder.write(file="pages")
    found = fields(folder)
    assert found[0].wavenumber_cm[0] == AXIS[0] + 1
    assert found[1].wavenumber_cm[0] == AXIS[0]
    (folder.root / "wavenumbers.csv").unlink()
    for number, animal in enumerate(ANIMALS):
        about = {"axes": "CYX", "Channel": {"Name": [f"{n + 2} cm-1" for n in AXIS]}}
        tifffile.imwrite(folder.root / f"{animal}.tif", folder.stack(number), ome=True, metadata=about)
    assert fields(folder)[1].wavenumber_cm[0] == AXIS[0] + 2


def test_falling_wavenumbers_are_turned_round_with_their_stack_and_noted(folder):
    (folder.root / "wavenumbers.csv").write_text("\n".join(map(str, AXIS[::-1])))
    dataset = opened(folder)
    first = dataset.open_fields()[0]
    assert first.wavenumber_cm.tolist() == AXIS
    assert np.array_equal(first.open_stack(), folder.stack()[::-1])
    assert "the wavenumbers of m1.tif fall; they and its bands were turned round" in dataset.notes


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.npy"])
def test_a_mask_is_the_truth_of_its_field(folder, name):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[3:7, 5:9] = 255
    save = {"m.png": lambda p: Image.fromarray(mask).save(p), "m.tif": lambda p: tifffile.imwrite(p, mask)}
    save.get(name, lambda p: np.save(p, mask > 0))(folder.root / name)
    first, second = fields(folder.write(mask=name))[:2]
    assert np.array_equal(first.truth, mask > 0)
    assert second.truth is None


def test_classes_choose_rows_and_say_how_many_were_left_out(folder):
    dataset = opened(folder, classes=["control", "high"])
    assert [field.label for field in dataset.open_fields()] == ["control", "control", "high", "high"]
    assert "2 fields of other classes (low) are left out" in dataset.notes
    assert "names the class medium, found are: control, high, low" in refused(folder, classes=["control", "medium"])
    assert "data.classes names high alone; a model needs two classes" in refused(folder, classes=["high"])


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, ["control", "high", "low"]),
        ({"control": "low"}, ["low", "control", "high"]),
        ({"classes": ["high", "low", "control"], "control": "control"}, ["control", "high", "low"]),
    ],
)
def test_the_control_comes_first(folder, options, order):
    dataset = opened(folder, **options)
    assert len(dataset) == 6
    assert dataset.classes == order
    assert dataset.labels.tolist() == [order.index(label) for label in ANIMALS.values()]
    assert "names the class none, found are: control, high, low" in refused(folder, control="none")


def test_an_animal_of_two_classes_is_noted(folder):
    dataset = opened(folder.write(animal="m3"))
    assert len(dataset) == 6
    assert "animal m3 has fields of 2 classes; is its label the field's own?" in dataset.notes


# --- what is refused


def test_a_missing_table_and_a_file_that_is_not_there_are_named(folder):
    assert "there is no such table" in refused(folder, MissingError, table="other.csv")
    assert "fields.csv:2: names " in refused(folder.write(mask="no.png"), MissingError)
    said = refused(folder.write(file="no.tif", mask=""), MissingError)
    assert "fields.csv:2: names " in said
    assert "no.tif, which is not there; correct the row or restore the file" in said


@pytest.mark.parametrize("value", ["", "NaN", " ", "n/a"])
@pytest.mark.parametrize("column", ["label", "animal", "file"])
def test_an_empty_cell_that_is_needed_is_named_with_its_line(folder, column, value):
    assert f"fields.csv:2: the column {column} is empty; fill it in or remove the row" in refused(
        folder.write(**{column: value})
    )


def test_rows_that_say_one_thing_twice_are_refused(folder):
    assert "two rows name the file " in refused(folder.write(file="m2.tif"))
    assert "two rows are called m2; remove or rename one" in refused(folder.write(file="m1.tif", field="m2"))
    folder.rows.append(dict(folder.rows[1]))
    assert "two rows name the file " in refused(folder.write(field=""))


def test_one_name_in_two_spellings_is_refused(folder):
    assert "the animals 'M2' and 'm2' differ in upper and lower case only; spell one" in refused(
        folder.write(animal="M2")
    )
    assert "the labels 'Control' and 'control' differ" in refused(folder.write(label="Control", animal="m1"))


def test_one_class_is_not_enough_to_learn_from(folder):
    for row in folder.rows:
        row["label"] = "control"
    assert "all fields have the label control; a model needs two classes at least" in refused(folder.write())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column file (found: none)"),
        ("file,label,animal\n", "has a header and no row"),
        ("file,label,animal,label\nm1.tif,a,b,c\n", "two columns are called 'label'; rename one"),
        ("file,label,animal\nm1.tif,control,m1,more\n", "fields.csv:2: has more cells than the header"),
        (
            "file,label,animal,um_per_px\nm1.tif,control,m1,0.5um\n",
            "um_per_px is '0.5um'; give a number in micrometres",
        ),
        ("file,label,animal,um_per_px\nm1.tif,control,m1,-2\n", "um_per_px is -2; the side of a pixel is above 0"),
        ("file,label,animal\nm1.tif,control,m1\n".encode("utf-16"), "cannot be read as text"),
        (f"file,label,animal\nm1.tif,{'x' * 140_000},m1\n", "fields.csv:2: is no row of a table (field larger than"),
        (f"file,label,animal\n{'x' * 999}.tif,control,m1\n", "which is not there; correct the row"),
        ("x" * (2**26 + 1), "is larger than 64 MiB, which no table of fields is"),
    ],
    ids=["empty", "header", "twice", "cells", "unit", "negative", "utf-16", "long-cell", "long-name", "large"],
)
def test_a_table_that_is_none_is_refused_with_the_line(folder, text, said):
    (folder.root / "fields.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert said in refused(folder)


@given(text=st.text(st.sampled_from('ab,;\t"\n \x00\u2028'), max_size=60), header=st.booleans())
def test_any_text_is_a_table_or_refused_in_a_sentence(tmp_path_factory, text, header):
    path = tmp_path_factory.mktemp("any") / "fields.csv"
    path.write_text("file,label,animal\n" * header + text, encoding="utf-8")
    with pytest.raises(ZooError, match=r"\A.*\Z"):
        read_table(path, Columns())


def test_absent_wavenumbers_are_refused_with_how_to_give_them(folder):
    (folder.root / "wavenumbers.csv").unlink()
    said = refused(folder, MissingError)
    assert "nothing says which wavenumbers its 6 bands have; put a file wavenumbers.csv beside it" in said
    (folder.root / "wavenumbers.csv").write_text("2800\n2810\n")
    assert "gives 2 wavenumbers for 6 bands" in refused(folder)


def test_a_mask_of_another_size_or_kind_is_refused(folder):
    np.save(folder.root / "m.npy", np.ones((HEIGHT, WIDTH - 1)))
    assert "the mask is 16 x 23 and its stack 16 x 24 pixels" in refused(folder.write(mask="m.npy"))
    np.save(folder.root / "m.npy", np.full((HEIGHT, WIDTH), None, dtype=object), allow_pickle=True)
    assert "damaged or of another format" in refused(folder)
    with pytest.raises(MissingError, match=r"gone.npy: there is no such file"):
        read_mask(folder.root / "gone.npy", (HEIGHT, WIDTH))
    with pytest.raises(MissingError, match=r"gone.png: there is no such file"):
        read_mask(folder.root / "gone.png", (HEIGHT, WIDTH))
    np.save(folder.root / "m.npy", np.ones((2, HEIGHT, WIDTH)))
    assert "a mask is numbers of height x width" in refused(folder)


def test_a_damaged_stack_is_refused_where_it_is_named(folder):
    (folder.root / "m1.tif").write_bytes((folder.root / "m1.tif").read_bytes()[:900])
    assert "m1.tif" in refused(folder)


# --- as a dataset


def test_the_table_is_read_as_the_recipe_reads_it(folder):
    signature = signature_of(cars_folder, "cars-folder")
    said = {"root": str(folder.root), "columns": {"label": "dose"}, "axis": "last", "origin": {"licence": "cc-by-4.0"}}
    values, mistakes = signature.check(said)
    assert mistakes == []
    assert values["columns"] == Columns(label="dose")
    assert signature.check({**said, "columns": {"lable": "dose"}})[1][0].unknown
    assert read_table(folder.root / "fields.csv", Columns())[0].label == "control"


def test_a_card_hears_where_the_data_come_from(folder):
    told = opened(folder, origin=Origin(name="liver", licence="cc-by-4.0", tissue="liver")).provenance
    assert told == {"name": "liver", "kind": "real", "modality": "cars", "licence": "cc-by-4.0", "tissue": "liver"}
    assert opened(folder).provenance["name"] == "study"


def test_batches_hold_the_bags_of_their_fields_and_groups_are_animals(folder):
    dataset = opened(folder)
    assert len(dataset) == 6
    assert list(dataset.groups["animal"]) == list(ANIMALS)
    dataset.fit(np.arange(6))
    batch = dataset.batch(np.array([0, 4]))
    assert batch["instances"].shape == (12, BANDS, 8, 8)
    assert batch["offsets"].tolist() == [0, 6, 12]
    measured = opened(folder, standardise=False)
    measured.fit(np.arange(6))
    first = measured.batch(np.array([0]))["instances"][0].numpy()
    assert np.array_equal(first, folder.stack()[:, :8, :8].astype(np.float32))


def test_a_new_stack_is_opened_without_a_label_on_the_axis_of_the_model(folder, tmp_path):
    dataset = opened(folder)
    dataset.fit(np.arange(6))
    new = tmp_path / "new"
    new.mkdir()
    tifffile.imwrite(new / "x.tif", folder.stack(9))
    (new / "wavenumbers.csv").write_text("\n".join(map(str, AXIS)))
    found = dataset.open_new({"input": new / "x.tif"})
    assert len(found) == 1
    assert found.batch(np.array([0]))["instances"].shape == (6, BANDS, 8, 8)
