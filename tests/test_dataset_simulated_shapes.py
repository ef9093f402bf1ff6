"""Simulated shapes: what they promise as data, and that only the form tells the classes apart."""

import json

import numpy as np
import pytest
import torch

from zoo.datasets.simulated_shapes import SHAPES, SimulatedShapes
from zoo.errors import DataError
from zoo.tasks.classify import Classify
from zoo.tasks.mil import Mil

ALL = np.arange(48)


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )


def test_items_are_images_of_eight_bits_with_a_label_a_name_and_a_donor():
    data = SimulatedShapes()
    batch = data.batch(ALL)
    assert set(batch) == {"id", *data.provides} == {"id", "image", "label"}
    assert (batch["image"].shape, batch["image"].dtype) == ((48, 1, 16, 16), torch.uint8)
    assert len(data) == len(set(batch["id"])) == len(data.groups["donor"]) == 48
    assert (data.facts, data.classes) == ({"in_chans": 1, "num_classes": 2}, ["disc", "cross"])
    donors = np.array(data.groups["donor"])
    assert list(dict.fromkeys(donors)) == ["D1", "D2", "D3", "D4", "D5", "D6"]
    for donor in set(donors):
        assert np.bincount(data.labels[donors == donor]).tolist() == [4, 4]


@pytest.mark.parametrize("bags", [None, (4, 12)])
def test_an_item_follows_from_the_seed_and_its_number_alone(bags):
    data, again, other = (SimulatedShapes(instances=bags, seed=seed) for seed in (1, 1, 2))
    some = np.array([7, 3, 40])
    assert same(data.batch(some), again.batch(some))
    alone = [again.batch(np.array([item])) for item in some]
    entry = data.provides[0]
    assert torch.equal(data.batch(some)[entry], torch.cat([one[entry] for one in alone]))
    assert not same(data.batch(some), other.batch(some))


def test_a_bag_has_a_few_instances_of_its_class_and_knows_which():
    data = SimulatedShapes(instances=(4, 12), channels=2, classes=4)
    batch = data.batch(ALL)
    sizes = batch["offsets"].diff()
    assert batch["instances"].shape == (int(batch["offsets"][-1]), 2, 16, 16)
    assert sizes.tolist() == data.sizes.tolist()
    assert (sizes.min(), sizes.max()) == (4, 12)
    truth = torch.from_numpy(data.instance_truth(ALL)).split(sizes.tolist())
    shares = [float(bag.float().mean()) for bag in truth]
    assert 0 < min(shares) <= max(shares) < 0.34
    noiseless = SimulatedShapes(instances=(4, 12), noise=0, classes=4)
    lit = (noiseless.batch(ALL)["instances"] > 127).sum(dim=(1, 2, 3))
    assert ((lit > 20).numpy() == noiseless.instance_truth(ALL)).all()


def test_all_shapes_have_the_same_area_and_no_two_look_alike():
    data = SimulatedShapes(items=400, classes=4, noise=0, size=32)
    image = data.batch(np.arange(400))["image"][:, 0] > 127
    mean = [float(image[torch.from_numpy(data.labels == k)].float().mean()) for k in range(4)]
    assert max(mean) / min(mean) < 1.03
    edges = (image[:, 1:] ^ image[:, :-1]).sum(dim=(1, 2)).float()
    by_class = dict(zip(SHAPES, (edges[torch.from_numpy(data.labels == k)].mean() for k in range(4)), strict=True))
    assert by_class["ring"] > by_class["cross"] > 1.1 * by_class["disc"]
    assert by_class["disc"] > by_class["square"]


@pytest.mark.parametrize(("bags", "task"), [(None, Classify(num_classes=2)), ((4, 8), Mil(num_classes=2))])
def test_intensities_do_not_tell_the_classes(bags, task):
    data = SimulatedShapes(items=300, instances=bags)
    train, test = np.arange(200), np.arange(200, 300)
    truth = task.truth(data, test)
    for name, state in task.fit_floors(data, train).items():
        scores, _ = task.score(task.predict_floor(name, state, data, test), truth)
        assert scores["balanced_accuracy"] < 0.65, name


def test_a_small_network_learns_them_within_a_second():
    data = SimulatedShapes(items=96)
    batch = data.batch(np.arange(96))
    image, label = batch["image"].float() / 255, batch["label"]
    tested = torch.tensor([donor in {"D1", "D2"} for donor in data.groups["donor"]])
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)),
        *(torch.nn.Conv2d(16, 16, 3), torch.nn.ReLU(), torch.nn.AdaptiveMaxPool2d(1)),
        *(torch.nn.Flatten(), torch.nn.Linear(16, 2)),
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(15):
        for some in torch.randperm(int((~tested).sum())).split(8):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(image[~tested][some]), label[~tested][some]).backward()
            optimiser.step()
    assert (model(image[tested]).argmax(1) == label[tested]).float().mean() > 0.9


def test_what_was_fitted_is_plain_and_a_new_dataset_takes_it_back():
    data, other = SimulatedShapes(classes=3), SimulatedShapes(classes=3)
    data.fit(ALL)
    other.restore(json.loads(json.dumps(data.state())))
    assert other.classes == ["disc", "cross", "ring"]
    assert same(data.batch(ALL), other.batch(ALL))


def test_they_say_of_themselves_that_they_are_simulated():
    assert SimulatedShapes.provenance["kind"] == "simulated"
    assert "SIMULATED" in SimulatedShapes.__doc__


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_new_images_are_read_from_a_file_as_they_stand_there(tmp_path, kind):
    images = np.random.default_rng(0).integers(0, 2, (3, 1, 20, 10)).astype(kind)
    np.save(tmp_path / "mine.npy", images)
    new = SimulatedShapes().open_new({"input": tmp_path / "mine.npy"})
    batch = new.batch(np.array([2, 0]))
    assert torch.equal(batch["image"], torch.from_numpy(images[[2, 0]]))
    assert (batch["id"], batch["label"].tolist(), len(new)) == (["mine-3", "mine-1"], [-1, -1], 3)


def test_new_images_are_one_bag_where_items_are_bags(tmp_path):
    np.save(tmp_path / "mine.npy", np.zeros((5, 1, 16, 16), np.uint8))
    new = SimulatedShapes(instances=(4, 6)).open_new({"input": tmp_path / "mine.npy"})
    batch = new.batch(np.array([0]))
    assert (len(new), batch["offsets"].tolist(), batch["id"], new.sizes.tolist()) == (1, [0, 5], ["mine"], [5])
    assert new.instance_truth(np.array([0])) is None


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 16, 16), np.uint8), "has shape [2, 16, 16], and the model takes an array [n, 1, H, W]; save it"),
        (np.zeros((0, 1, 16, 16), np.uint8), "has shape [0, 1, 16, 16], and the model takes an array [n, 1, H, W]"),
        (np.full((1, 1, 4, 4), 7.0), "holds float64; save uint8, uint16, or floating point within [0, 1]"),
        (np.zeros((1, 1, 4, 4), np.int64), "holds int64; save uint8, uint16, or floating point within [0, 1]"),
        (np.full((1, 1, 4, 4), np.nan), "holds float64; save uint8, uint16, or floating point within [0, 1]"),
    ],
)
def test_a_file_that_holds_no_such_images_is_refused_in_a_sentence(tmp_path, array, sentence):
    np.save(tmp_path / "mine.npy", array)
    with pytest.raises(DataError) as raised:
        SimulatedShapes().open_new({"input": tmp_path / "mine.npy"})
    assert sentence in str(raised.value)


def test_a_file_that_is_no_array_is_refused_and_no_pickle_is_opened(tmp_path):
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    for name in ("pickle.npy", "text.npy"):
        with pytest.raises(DataError, match=rf"{name}: cannot be read as \.npy .*; save it with numpy\.save"):
            SimulatedShapes().open_new({"input": tmp_path / name})


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"items": 0}, "items is a number from 1 to 1000000, not 0"),
        ({"size": 7}, "size is a number from 8 to 1024, not 7"),
        ({"classes": 5}, "classes is a number from 2 to 4, not 5"),
        ({"channels": 0}, "channels is a number from 1 to 64, not 0"),
        ({"noise": float("nan")}, "noise is a number from 0.0 to 1.0, not nan"),
        ({"seed": -1}, "seed is a number from 0 to 2147483647, not -1"),
        ({"items": 5, "donors": 6}, "items is at least donors (6), not 5"),
        ({"instances": (3, 2)}, "instances are two numbers from 1 to 1000, the smaller first, not [3, 2]"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_in_a_sentence(parameters, sentence):
    with pytest.raises(ValueError) as raised:
        SimulatedShapes(**parameters)
    assert str(raised.value) == sentence


@pytest.mark.parametrize("size", [8, 16, 33])
@pytest.mark.parametrize("classes", [2, 4])
def test_every_size_can_be_drawn(size, classes):
    data = SimulatedShapes(size=size, classes=classes, channels=3)
    assert data.batch(np.arange(6))["image"].shape == (6, 3, size, size)
