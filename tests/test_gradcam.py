"""Grad-CAM finds what a model looks at, leaves the model as it was, and is read for items of a dataset."""

import numpy as np
import pytest
import torch
from torch import nn

from zoo import explain
from zoo.errors import UsageError
from zoo.model import Model
from zoo.nn.gradcam import gradcam, highest_is_one
from zoo.seeds import derive


class Conv(nn.Module):
    """A small encoder that can show where it looks."""

    reads = ("image",)

    def __init__(self, channels=2, features=8):
        super().__init__()
        self.out_features = features
        self.net = nn.Sequential(
            nn.Conv2d(channels, features, 3, stride=2, padding=1), nn.BatchNorm2d(features), nn.ReLU(), nn.Dropout(0.5)
        )

    def mapped(self, batch):
        return self.net(batch["image"])

    def pooled(self, found):
        return found.mean(dim=(2, 3))

    def forward(self, batch):
        return self.pooled(self.mapped(batch))


class Linear(nn.Module):
    def __init__(self, features=8, classes=3, output="logits"):
        super().__init__()
        self.fc, self.output = nn.Linear(features, classes), output

    def forward(self, features, batch):
        return {self.output: self.fc(features)}


def squares(sizes=(32, 32), places=((4, 6), (20, 18), (8, 22)), channel=0, seed=0):
    """Return dim noise [B, 2, H, W] with a bright square of 6 pixels in one channel at each of the places."""
    image = torch.rand(len(places), 2, *sizes, generator=torch.Generator().manual_seed(seed)) * 0.1
    for item, (y, x) in enumerate(places):
        image[item, channel, y : y + 6, x : x + 6] = 1
    return image


def made_by_hand():
    """Return a model whose class 1 follows from channel 0 and whose class 2 from channel 1 of the image."""
    model = Model(Conv(), Linear())
    with torch.no_grad():
        conv = model.encoder.net[0]
        conv.weight.zero_()
        conv.bias.zero_()
        for feature in range(8):
            conv.weight[feature, feature % 2] = 1 / 9
        model.head.fc.weight.zero_()
        model.head.fc.weight[1, 0::2] = 1
        model.head.fc.weight[2, 1::2] = 1
    return model


def peak(seen):
    return divmod(int(seen.argmax()), seen.shape[1])


def test_the_map_of_a_model_made_for_bright_squares_is_highest_on_the_square():
    places = ((4, 6), (20, 18), (8, 22))
    seen = gradcam(made_by_hand(), {"image": squares(places=places)}, torch.ones(3, dtype=torch.int64))
    assert seen.shape == (3, 32, 32)
    for found, (y, x) in zip(seen, places, strict=True):
        assert y <= peak(found)[0] < y + 6
        assert x <= peak(found)[1] < x + 6
        inside = found[y : y + 6, x : x + 6].mean()
        assert inside > 5 * found.mean()


def test_the_map_is_that_of_the_class_asked_for():
    image = squares(channel=0) + squares(places=((24, 2), (2, 2), (24, 2)), channel=1, seed=1)
    one, two = (gradcam(made_by_hand(), {"image": image}, torch.full((3,), k)) for k in (1, 2))
    assert peak(one[0])[0] < 12
    assert peak(two[0])[0] > 22


def test_a_trained_model_looks_at_the_square_that_tells_its_classes_apart():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = Model(Conv(channels=1), Linear(classes=2))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)

    def drawn(count):
        image, label = torch.from_numpy(rng.random((count, 1, 24, 24))).float() * 0.3, torch.arange(count) % 2
        places = rng.integers(2, 16, size=(count, 2))
        for item in range(1, count, 2):
            y, x = places[item]
            image[item, 0, y : y + 6, x : x + 6] = 1
        return {"image": image}, label, places

    for _ in range(60):
        batch, label, _ = drawn(32)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(batch)["logits"], label).backward()
        optimiser.step()
    batch, label, places = drawn(40)
    with torch.no_grad():
        assert (model.eval()(batch)["logits"].argmax(1) == label).float().mean() > 0.95
    seen = gradcam(model, batch, label)
    hits = [
        places[item][0] - 1 <= peak(seen[item])[0] <= places[item][0] + 6
        and places[item][1] - 1 <= peak(seen[item])[1] <= places[item][1] + 6
        for item in range(1, 40, 2)
    ]
    assert np.mean(hits) > 0.9


def test_the_map_is_the_gradients_mean_times_the_map_summed_over_channels():
    torch.manual_seed(1)
    model = Model(Conv(), Linear()).eval()
    batch, classes = {"image": torch.rand(2, 2, 16, 16)}, torch.tensor([0, 2])
    found = model.encoder.mapped(batch)
    found.retain_grad()
    logits = model.head(model.encoder.pooled(found), batch)["logits"]
    (logits[0, 0] + logits[1, 2]).backward()
    looped = []
    for item in range(2):
        summed = sum(found.grad[item, c].mean() * found[item, c] for c in range(8)).detach().clamp(min=0)
        wide = nn.functional.interpolate(summed[None, None], size=(16, 16), mode="bilinear")[0, 0]
        looped.append(wide / wide.max() if wide.max() > 0 else wide)
    assert gradcam(model, batch, classes) == pytest.approx(torch.stack(looped), abs=1e-6)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradients_are_taken_whatever_stands_around_the_call(around):
    model = made_by_hand()
    with around():
        batch = {"image": squares() * 1, "id": ["a", "b", "c"]}
        seen = gradcam(model, batch, torch.ones(3, dtype=torch.int64) * 1)
    assert seen.max() == 1
    assert not seen.requires_grad
    assert torch.equal(seen, gradcam(model, {"image": squares()}, torch.ones(3, dtype=torch.int64)))


def test_a_model_is_left_as_it_was():
    model = made_by_hand()
    model.train()
    model.encoder.net[1].eval()
    model.head.fc.weight.requires_grad_(requires_grad=False)
    model.head.fc.bias.grad = torch.full((3,), 7.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradcam(model, {"image": squares()}, torch.ones(3, dtype=torch.int64))
    assert model.training
    assert not model.encoder.net[1].training
    assert model.encoder.net[3].training
    assert not model.head.fc.weight.requires_grad
    assert model.encoder.net[0].weight.requires_grad
    assert model.head.fc.bias.grad.tolist() == [7, 7, 7]
    assert all(p.grad is None for name, p in model.named_parameters() if name != "head.fc.bias")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_items_do_not_depend_on_who_shares_their_batch():
    model, image, classes = made_by_hand(), squares(), torch.tensor([1, 2, 1])
    together = gradcam(model, {"image": image}, classes)
    alone = torch.cat([gradcam(model, {"image": image[i : i + 1]}, classes[i : i + 1]) for i in range(3)])
    assert together == pytest.approx(alone, abs=1e-6)


def test_what_speaks_against_a_class_is_no_place_to_look_at_and_all_is_nothing_then():
    model = made_by_hand()
    with torch.no_grad():
        model.head.fc.weight[1].mul_(-1)
    seen = gradcam(model, {"image": squares()}, torch.ones(3, dtype=torch.int64))
    assert seen.abs().max() == 0
    assert highest_is_one(torch.zeros(2, 3, 3)).abs().max() == 0


class Pooled(nn.Module):
    reads, out_features = ("image",), 2

    def forward(self, batch):
        return batch["image"].mean(dim=(2, 3))


class Tokens(Conv):
    def mapped(self, batch):
        return super().mapped(batch).flatten(2)

    def pooled(self, found):
        return found.mean(dim=2)


class Refusing(Conv):
    def mapped(self, batch):
        raise UsageError("this model makes no map")


class Deaf(Conv):
    def pooled(self, found):
        return torch.ones(len(found), 8)


@pytest.mark.parametrize(
    "model",
    [
        Model(Pooled(), Linear(2)),
        Model(Tokens(), Linear()),
        Model(Refusing(), Linear()),
        Model(Conv(), Linear(output="bag")),
        Model(Deaf(), Linear()),
    ],
    ids=["no-map", "no-places", "refuses", "no-such-output", "does-not-follow"],
)
def test_a_model_that_cannot_say_where_it_looks_gives_none(model):
    batch = {"image": squares()}
    assert gradcam(model, batch, torch.ones(3, dtype=torch.int64)) is None
    assert gradcam(made_by_hand(), {"instances": squares()}, torch.ones(3, dtype=torch.int64)) is None


class Fields:
    """Squares as 16-bit images; remembers what was read."""

    places = tuple((2 + 3 * i, 22 - 3 * i) for i in range(7))

    def __init__(self):
        self.images = (squares(places=self.places) * 65535).to(torch.uint16)
        self.read = []

    def __len__(self):
        return len(self.places)

    def batch(self, items):
        self.read.append(items.tolist())
        return {"id": [f"f{i}" for i in items], "image": self.images[items]}


def test_items_of_a_dataset_are_explained_in_their_order_a_batch_at_a_time():
    dataset, items = Fields(), np.array([5, 0, 3, 1, 6])
    found = explain.explainer(made_by_hand(), dataset, (), 2)(items, np.ones(5, dtype=np.int64))
    assert found.shape == (5, 32, 32)
    assert dataset.read == [[5, 0], [3, 1], [6]]
    assert found.min() >= 0
    assert found.max() == 1
    for seen, item in zip(found, items, strict=True):
        y, x = dataset.places[item]
        assert y <= peak(seen)[0] < y + 6
        assert x <= peak(seen)[1] < x + 6


def test_each_item_is_explained_for_the_class_asked_of_it():
    dataset, items, classes = Fields(), np.arange(3), np.array([1, 2, 1])
    explained = explain.explainer(made_by_hand(), dataset, (), 2)
    found = explained(items, classes)
    for place, k in enumerate(classes):
        one = explained(items[place : place + 1], np.array([k]))
        assert found[place] == pytest.approx(one[0], abs=1e-6)
        other = explained(items[place : place + 1], np.array([3 - k]))
        assert np.abs(found[place] - other[0]).max() > 0.1


def test_items_are_transformed_as_for_prediction():
    class Noted:
        def __init__(self):
            self.seeds = []

        def __call__(self, batch, generator):
            self.seeds.append(generator.initial_seed())
            assert batch["image"].max() <= 1
            return {**batch, "image": batch["image"].flip(3)}

    transform, dataset = Noted(), Fields()
    found = explain.explainer(made_by_hand(), dataset, [transform], 4)(np.arange(7), np.ones(7, dtype=np.int64))
    assert transform.seeds == [derive("eval", 0), derive("eval", 1)]
    _, x = dataset.places[0]
    assert 32 - (x + 6) <= peak(found[0])[1] < 32 - x


class Members(nn.Module):
    def __init__(self, *members):
        super().__init__()
        self.members = nn.ModuleList(members)


def test_an_ensemble_looks_where_its_members_do_on_the_mean_and_those_that_cannot_say_are_left_out():
    dataset, items, classes = Fields(), np.arange(3), np.array([1, 1, 2])
    torch.manual_seed(0)
    able = [made_by_hand(), Model(Conv(), Linear())]
    each = [explain.explainer(model, dataset, (), 4)(items, classes) for model in able]
    found = explain.explainer(Members(*able, Model(Pooled(), Linear(2))), dataset, (), 4)(items, classes)
    mean = np.mean(each, axis=0)
    assert found == pytest.approx(mean / mean.max(axis=(1, 2), keepdims=True), abs=1e-6)
    assert found.max(axis=(1, 2)) == pytest.approx(1)


def test_where_no_member_can_say_or_nothing_is_asked_there_is_none():
    mute = Members(Model(Pooled(), Linear(2)), Model(Pooled(), Linear(2)))
    for model, items in ((mute, np.arange(2)), (made_by_hand(), np.arange(0))):
        asked = np.ones(len(items), dtype=np.int64)
        assert explain.explainer(model, Fields(), (), 4)(items, asked) is None
