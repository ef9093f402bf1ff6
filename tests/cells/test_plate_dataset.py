"""A plate as a dataset: copies, prepared pixels, fitted state, and new plates."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cells.screens import Jump, Wells, pixels, write_csv
from zoo.errors import DataError, UsageError
from zoo.nn.images import map_images
from zoo.transforms.percentile_scale import PercentileScale
from zoo_cells.datasets.plate import plate
from zoo_cells.field import Field
from zoo_cells.plates import PlateDataset


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "cache"))


class Halve:
    """Fits nothing."""

    def __call__(self, batch, generator):
        return map_images(batch, lambda images: images / 2)


class Centre:
    """Subtracts the mean that the training items have."""

    def __init__(self):
        self.mean, self.saw = None, []

    def fit(self, dataset, items):
        images = dataset.batch(items)["image"]
        self.saw = sorted(dataset.groups["well"][item] for item in items)
        white = {torch.uint8: 255, torch.uint16: 65535}.get(images.dtype, 1)
        self.mean = float(images.double().mean() / white)

    def state(self):
        return {"mean": self.mean}

    def restore(self, state):
        self.mean = state["mean"]

    def __call__(self, batch, generator):
        return map_images(batch, lambda images: images - self.mean)


def fields(count=8, plates=("",), kind="uint16", bright=None):
    found = []
    for plate_name in plates:
        for number in range(count):
            well = f"{'AB'[number % 2]}{number // 2 + 1:02d}"
            scale = (bright or {}).get(plate_name, 1)
            values = (pixels(len(found), (2, 16, 16), kind) * scale).astype(kind)
            label = ("control", "drug")[number % 2]
            name = "/".join(filter(None, (plate_name, well)))
            stamp = f"{name} {kind} {scale}"
            found.append(Field(name, plate_name, well, "", label, {}, ("a", "b"), stamp, lambda v=values: v))
    return found


def dataset(*, new=None, **options):
    made = options.pop("fields", fields())
    return PlateDataset(lambda: made, size=16, new_fields=lambda *_: new, **options)


def test_items_are_labelled_numbered_and_named():
    data = dataset(fields=fields(4, ("P2", "P1")))
    assert data.labels == [0, 1] * 4
    assert data.plates == ["P1", "P2"]
    batch = data.batch(np.array([0, 5]))
    assert batch["plate"].tolist() == [1, 0]
    assert batch["label"].tolist() == [0, 1]
    assert batch["label"].dtype == batch["plate"].dtype == torch.int64
    assert set(data.provides) < set(batch)
    np.testing.assert_array_equal(batch["image"][1].numpy(), data.fields[5].read())


def test_copies_bring_every_class_to_one_number_and_say_what_they_are_copies_of():
    some = [*fields(8), *[f for f in fields(40, ("P",)) if f.label == "drug"]]
    data = dataset(fields=some, copies=10)
    assert data.labels.count(0) == data.labels.count(1) == 10
    assert len(set(data.names)) == 20
    control = [name for name, label in zip(data.identity, data.labels, strict=True) if label == 0]
    assert len(set(control)) == 4  # all of them, each two or three times
    assert {control.count(name) for name in control} == {2, 3}
    drug = [name for name, label in zip(data.identity, data.labels, strict=True) if label == 1]
    assert len(set(drug)) == 10  # left out, none repeated
    assert data.identity == dataset(fields=some, copies=10).identity
    images = data.batch(np.arange(20))["image"]
    assert data.identity[0] == data.identity[1]
    assert data.names[1] == f"{data.names[0]}#2"
    assert torch.equal(images[0], images[1])


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_prepared_pixels_are_made_once_and_stay_in_the_bits_of_the_files(monkeypatch, kind):
    data = dataset(fields=fields(kind=kind), prepare=[Halve()])
    data.fit(np.arange(8))
    images = data.batch(np.arange(8))["image"]
    assert str(images.dtype) == f"torch.{kind}"
    raw = np.stack([one.read() for one in data.fields])
    np.testing.assert_allclose(images.numpy(), raw / 2, atol=0.51)
    again = dataset(fields=fields(kind=kind), prepare=[Halve()])
    monkeypatch.setattr("zoo_cells.prepared.Prepared._through", lambda *_: pytest.fail("prepared again"))
    again.fit(np.arange(8))
    assert torch.equal(again.batch(np.arange(8))["image"], images)


def test_each_transform_is_fitted_to_training_items_as_those_before_it_made_them():
    centre = Centre()
    data = dataset(prepare=[Halve(), centre])
    data.fit(np.array([1, 0]))
    raw = np.stack([data.fields[place].read() for place in (0, 1)])
    assert centre.saw == ["A01", "B01"]
    assert centre.mean == pytest.approx(raw.mean() / 2 / 65535, rel=1e-5)


def test_values_outside_0_and_1_are_kept_in_floating_point():
    data = dataset(prepare=[Centre()])
    data.fit(np.arange(8))
    images = data.batch(np.arange(8))["image"]
    assert images.dtype == torch.float32
    assert float(images.mean()) == pytest.approx(0, abs=1e-6)
    assert data.state()["wide"]


def test_another_fit_prepares_anew():
    centre = Centre()
    data = dataset(prepare=[centre])
    data.fit(np.arange(4))
    one = data.batch(np.array([0]))["image"]
    data.fit(np.arange(4, 8))
    assert not torch.equal(data.batch(np.array([0]))["image"], one)


def test_values_of_a_field_that_was_not_trained_on_are_cut_off_with_a_note():
    class Brighten:
        def __call__(self, batch, generator):
            return map_images(batch, lambda images: images * 300)

    data = dataset(fields=fields(8, ("P1", "P2"), bright={"P2": 9}), prepare=[Brighten()])
    data.fit(np.arange(8))
    assert data.notes == []
    images = data.batch(np.arange(16))["image"]
    assert str(images.dtype) == "torch.uint16"
    assert int(images.numpy()[8:].max()) == 65535
    assert "data.prepare makes values from" in data.notes[0]
    assert "cut off" in data.notes[0]


def test_a_plate_without_training_fields_is_scaled_by_its_own_pixels_and_that_is_noted():
    some = fields(8, ("P1", "P2"), bright={"P2": 9})
    data = dataset(fields=some, prepare=[PercentileScale(per="plate", low=0, high=100)])
    data.fit(np.arange(8))
    assert data.notes == ["1 plates that were not trained on are scaled by their own pixels: P2"]
    means = data.batch(np.arange(16))["image"].float().flatten(1).mean(1)
    assert float(means[8:].mean() / means[:8].mean()) == pytest.approx(1, rel=0.1)


def test_state_is_plain_and_restores_the_same_pixels_on_new_plates():
    some = fields(8, ("P1", "P2"), bright={"P2": 9})
    data = dataset(fields=some, prepare=[PercentileScale(per="plate", low=0, high=100)])
    data.fit(np.arange(16))
    state = json.loads(json.dumps(data.state()))
    unseen = fields(4, ("P2", "P9"), bright={"P2": 9, "P9": 30})
    other = dataset(fields=[], new=unseen, prepare=[PercentileScale(per="plate", low=0, high=100)])
    other.restore(state)
    new = other.open_new({"input": Path("new")})
    assert new.classes == ["control", "drug"]
    assert new.channels == ["a", "b"]
    assert new.facts == data.facts
    images = new.batch(np.arange(8))["image"].float().flatten(1).mean(1)
    assert float(images[4:].mean() / images[:4].mean()) == pytest.approx(1, rel=0.15)
    assert new.notes == ["1 plates that were not trained on are scaled by their own pixels: P9"]


def test_a_state_that_asks_for_absurd_sizes_is_refused():
    data = dataset()
    data.fit(np.arange(8))
    with pytest.raises(ValueError, match="size lies between 8 and 4096 pixels, not 1000000"):
        dataset().restore({**data.state(), "size": 10**6})


def test_a_restored_dataset_takes_the_fields_of_its_classes():
    data = dataset()
    data.fit(np.arange(8))
    other = dataset(fields=[*fields(8), *[Field("x", "", "C01", "", "else", {}, ("a", "b"), "x", lambda: None)]])
    other.restore(data.state())
    assert len(other) == 8
    assert other.labels == data.labels
    assert other.notes == ["1 fields of other classes (else) are left out"]


def test_training_fields_of_one_class_are_refused():
    data = dataset()
    with pytest.raises(DataError, match=r"one class only \(control\)"):
        data.fit(np.array([0, 2]))


@pytest.mark.parametrize("options", [{"size": 4}, {"copies": 0}])
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(ValueError):
        PlateDataset(fields, **options)


def test_fields_that_contradict_each_other_are_refused():
    twice = [*fields(2), *fields(1)]
    with pytest.raises(DataError, match="2 fields are called A01"):
        len(dataset(fields=twice))
    one = fields(2)
    other = Field("z", "", "C01", "", "drug", {}, ("b", "a"), "z", lambda: None)
    with pytest.raises(DataError, match="field z has the channels b, a, a, b are needed"):
        len(dataset(fields=[*one, other]))
    with pytest.raises(DataError, match="there is no field"):
        len(dataset(fields=[]))


@pytest.fixture
def trained(tmp_path):
    data = plate(Jump(tmp_path / "screen").root, channels=["DNA", "RNA"], size=16)
    data.fit(np.arange(24))
    return data


def test_a_folder_of_a_microscope_is_predicted_without_a_table_by_what_names_call_the_channels(trained, tmp_path):
    jump = Jump(tmp_path / "new", plates=("BR007",))
    other = plate(tmp_path / "nowhere", size=16)
    other.restore(json.loads(json.dumps(trained.state())))
    new = other.open_new({"input": jump.folder("BR007")})
    assert new.channels == ["DNA", "RNA"]
    assert new.labels == [-1] * 12
    assert new.names[1] == "A01/f2"
    assert new.fields[0].read.files[0].name.endswith("ch5sk1fk1fl1.tiff")
    assert new.batch(np.array([3]))["image"].shape == (1, 2, 16, 16)


def test_new_fields_have_labels_where_a_table_gives_them(trained, tmp_path):
    jump = Jump(tmp_path / "new", plates=("BR007",))
    new = trained.open_new({"input": jump.root, "table": jump.root / "load_data.csv"})
    assert new.labels == trained.labels[:12]
    layout = [{"well": "A01", "treatment": "DMSO"}, {"well": "A02", "treatment": "never seen"}]
    write_csv(jump.root / "layout.csv", layout)
    new = trained.open_new({"input": jump.root, "table": jump.root / "layout.csv"})
    assert len(new) == 12
    assert sorted(set(new.labels)) == [-1, 1]


def test_one_image_of_all_channels_is_a_field(tmp_path):
    wells = Wells(tmp_path / "wells")
    data = plate(wells.root, channels=["phase", "gfp"], images="images/{well}.tif", size=16)
    data.fit(np.arange(4))
    new = data.open_new({"input": wells.root / "images" / "B02.tif"})
    assert new.names == ["B02"]
    assert torch.equal(new.batch(np.array([0]))["image"], data.batch(np.array([3]))["image"])
    wells.image("B02.tif", pixels(0, (5, 24, 24), "uint8"))
    with pytest.raises(
        DataError, match="there is no channel phase, the images have 1, 2, 3, 4, 5; the model was trained on"
    ):
        data.open_new({"input": wells.root / "images" / "B02.tif"})


def test_new_input_that_lacks_a_channel_or_is_unknown_is_refused(trained, tmp_path):
    jump = Jump(tmp_path / "new", plates=("BR007",))
    for row in jump.rows:
        jump.file(row, "RNA").unlink()
    with pytest.raises(
        DataError, match="there is no channel RNA, the images have 4, 5; the model was trained on DNA, RNA"
    ):
        trained.open_new({"input": jump.folder("BR007")})
    with pytest.raises(UsageError, match="--picture is not known to these data; say --input FOLDER"):
        trained.open_new({"picture": jump.root})
