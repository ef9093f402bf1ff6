"""Encoders over bags: each instance by itself, and a frozen base whose kept features are never another bag's."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from zoo.encoders.frozen import Frozen
from zoo.encoders.per_instance import PerInstance
from zoo.errors import DataError, RunError
from zoo.folders import cache_home
from zoo.nn import fingerprint

F = 5


class Small(nn.Module):
    """An image encoder with everything that evaluation mode and gradients change; counts what it was shown."""

    reads = ("image",)

    def __init__(self, *, scale=1.0, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.out_features = F
        self.scale = scale
        self.net = nn.Sequential(nn.Conv2d(3, F, 3), nn.BatchNorm2d(F), nn.Dropout(0.5))
        self.shown = []

    def forward(self, batch):
        self.shown.append(len(batch["image"]))
        return self.net(batch["image"]).mean((2, 3)) * self.scale


class Elsewhere(Small):
    reads = ("image", "position")


def bags(sizes=(3, 1, 4), seed=0, side=6, names=None):
    make = torch.Generator().manual_seed(seed)
    return {
        "id": list(names or [f"b{i}" for i in range(len(sizes))]),
        "instances": torch.rand(sum(sizes), 3, side, side, generator=make),
        "offsets": torch.tensor([0, *sizes]).cumsum(0),
    }


def frozen(**settings):
    small = Small(**settings)
    return Frozen(base=PerInstance(base=small)), small


def part(batch, bag):
    start, end = batch["offsets"][bag : bag + 2].tolist()
    return {
        "id": batch["id"][bag : bag + 1],
        "instances": batch["instances"][start:end],
        "offsets": torch.tensor([0, end - start]),
    }


def kept():
    return sorted((cache_home() / "features").rglob("*.safetensors"))


def test_each_instance_has_the_features_that_the_base_gives_to_its_image():
    small, batch = Small().eval(), bags()
    encoder = PerInstance(base=small).eval()
    assert encoder.reads == ("instances",)
    assert encoder.out_features == F
    assert torch.equal(encoder(batch), small({"image": batch["instances"]}))


@pytest.mark.parametrize("at_once", [1, 3, 8, 100])
def test_no_more_instances_go_through_at_once_than_are_allowed_and_the_features_are_the_same(at_once):
    small, batch = Small().eval(), bags()
    wanted = small({"image": batch["instances"]})
    small.shown.clear()
    found = PerInstance(base=small, at_once=at_once).eval()(batch)
    assert torch.allclose(found, wanted, atol=1e-6)
    assert sum(small.shown) == 8
    assert max(small.shown) <= at_once


def test_the_base_learns_through_its_instances():
    encoder = PerInstance(base=Small(), at_once=3).train()
    encoder(bags()).square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PerInstance(base=Small(), at_once=0), "at_once is a number of instances of at least 1, not 0"),
        (
            lambda: PerInstance(base=Elsewhere()),
            "base reads image, position, but an instance has its image and nothing",
        ),
        (lambda: Frozen(base=Small()), "keep is for a base that reads instances alone, and this one reads image; set"),
    ],
)
def test_a_base_or_a_setting_that_cannot_be_used_is_refused_with_the_way_out(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_frozen_base_neither_learns_nor_drops_nor_counts_whatever_mode_it_is_asked_for():
    encoder, small = frozen()
    before = {name: value.clone() for name, value in small.state_dict().items()}
    encoder.train()
    assert encoder.training
    assert not any(part.training for part in small.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    features = encoder({name: value for name, value in bags().items() if name != "id"})
    assert not features.requires_grad
    assert torch.equal(features, small.eval()({"image": bags()["instances"]}))
    assert all(torch.equal(value, before[name]) for name, value in small.state_dict().items())


def test_a_frozen_base_of_images_is_not_asked_for_bags():
    small = Small()
    encoder = Frozen(base=small, keep=False)
    assert encoder.reads == ("image",)
    assert encoder({"image": torch.rand(2, 3, 6, 6), "id": ["a", "b"]}).shape == (2, F)
    assert kept() == []


def test_the_second_epoch_reads_features_and_they_are_the_same_to_the_last_bit():
    encoder, small = frozen()
    first = encoder(bags())
    assert small.shown == [3, 1, 4]
    assert torch.equal(encoder.train()(bags()), first)
    assert small.shown == [3, 1, 4]
    again, other = frozen()
    assert torch.equal(again(bags()), first)
    assert other.shown == []


def test_features_of_a_bag_do_not_depend_on_its_batch_nor_on_which_bags_were_kept(tmp_path, monkeypatch):
    batch = bags()
    whole = frozen()[0](batch)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "another"))
    encoder = frozen()[0]
    encoder(part(batch, 1))
    assert torch.equal(encoder(batch), whole)


@pytest.mark.parametrize(
    "changed",
    [
        bags(seed=1),
        bags(side=7),
        {**bags(), "instances": bags()["instances"].double().float().nextafter(torch.tensor(2.0))},
        {**bags(), "instances": bags()["instances"].transpose(2, 3)},
    ],
    ids=["other pixels", "another patch size", "the last bit of each pixel", "turned"],
)
def test_a_changed_bag_is_never_served_the_features_it_had(changed):
    encoder, small = frozen()
    encoder(bags())
    found = encoder(changed)
    assert small.shown == [3, 1, 4] * 2
    assert torch.allclose(found, small({"image": changed["instances"]}), atol=1e-6)
    assert len(kept()) == 3, "the new took the place of the old"


def test_one_changed_pixel_of_one_instance_makes_only_its_bag_anew():
    encoder, small = frozen()
    batch = bags()
    first = encoder(batch)
    batch["instances"] = batch["instances"].clone()
    batch["instances"][5, 1, 2, 3] += 1e-3
    second = encoder(batch)
    assert small.shown == [3, 1, 4, 4]
    assert torch.equal(first[:4], second[:4])
    assert not torch.equal(first[5], second[5])


def test_two_bags_that_swap_names_or_have_instances_that_moved_between_them_are_made_anew():
    encoder, small = frozen()
    encoder(bags())
    encoder(bags(names=["b2", "b1", "b0"]))
    assert small.shown == [3, 1, 4, 3, 4]
    moved = {**bags(), "offsets": torch.tensor([0, 2, 4, 8])}
    assert torch.allclose(encoder(moved), small({"image": moved["instances"]}), atol=1e-6)


@pytest.mark.parametrize("settings", [{"seed": 1}, {"scale": 2.0}], ids=["weights", "a plain setting"])
def test_another_base_has_features_of_its_own(settings):
    first = frozen()[0](bags())
    encoder, small = frozen(**settings)
    assert not torch.allclose(encoder(bags()), first)
    assert small.shown == [3, 1, 4]
    assert len(kept()) == 6


def test_weights_that_are_loaded_later_are_noticed():
    encoder, small = frozen()
    first = encoder(bags())
    small.load_state_dict(Small(seed=1).state_dict())
    assert not torch.allclose(encoder(bags()), first)
    small.net[1].running_mean += 1
    encoder(bags())
    assert small.shown == [3, 1, 4] * 3


def test_precisions_are_kept_apart():
    encoder, small = frozen()
    exact = encoder(bags())
    with torch.autocast("cpu", torch.bfloat16):
        rough = encoder(bags())
        assert torch.equal(encoder(bags()), rough)
    assert not torch.equal(exact, rough.float())
    assert torch.equal(encoder(bags()), exact)
    assert small.shown == [3, 1, 4] * 2


@pytest.mark.parametrize("damage", [lambda data: data[:-7], lambda data: b"", lambda data: b"\xff" * len(data)])
def test_a_damaged_file_is_made_anew(damage):
    encoder, small = frozen()
    first = encoder(bags())
    for path in kept():
        path.write_bytes(damage(path.read_bytes()))
    assert torch.equal(encoder(bags()), first)
    assert small.shown == [3, 1, 4] * 2
    assert torch.equal(encoder(bags()), first)
    assert small.shown == [3, 1, 4] * 2


def test_what_is_kept_are_the_features_alone_one_file_a_bag():
    encoder, _ = frozen()
    features = encoder(bags(names=["../up", "with space", "b" * 300]))
    files = [load_file(path) for path in kept()]
    assert sorted(len(file["features"]) for file in files) == [1, 3, 4]
    assert all(list(file) == ["features"] for file in files)
    assert len(features) == sum(len(file["features"]) for file in files)
    assert {path.parent.parent for path in kept()} == {cache_home() / "features"}


def test_without_names_nothing_is_kept():
    encoder, small = frozen()
    batch = {name: value for name, value in bags().items() if name != "id"}
    assert torch.equal(encoder(batch), encoder(batch))
    assert small.shown == [8, 8]
    assert kept() == []


def test_features_kept_in_evaluation_serve_training():
    encoder, small = frozen()
    with torch.inference_mode():
        encoder.eval()(bags())
    head = nn.Linear(F, 1)
    head(encoder.train()(bags())).sum().backward()
    assert head.weight.grad.isfinite().all()
    assert small.shown == [3, 1, 4]


def test_an_empty_bag_is_refused_before_anything_is_kept():
    batch = {**bags(), "offsets": torch.tensor([0, 3, 3, 8])}
    with pytest.raises(DataError, match=r"bag 1 \('b1'\) of the batch has no instance"):
        frozen()[0](batch)
    assert kept() == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match=r"file/features/.*cannot be written \(Not a directory\)"):
        frozen()[0](bags())


def test_a_digest_tells_content_shape_and_type_apart_and_not_where_a_tensor_lies():
    one = torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2)
    others = [one.flatten(), one.int(), one.bfloat16(), one.flip(0), torch.where(one == 0, -0.0, one), one[:0]]
    assert len({fingerprint.of_tensor(tensor) for tensor in [one, *others]}) == 7
    laid = one.contiguous(memory_format=torch.channels_last)
    assert fingerprint.of_tensor(laid) == fingerprint.of_tensor(one)
    assert fingerprint.of_tensor(torch.cat([one, one])[2:]) == fingerprint.of_tensor(one)
    assert fingerprint.of_tensor(one.clone().requires_grad_()) == fingerprint.of_tensor(one)


def test_a_module_has_the_same_digest_in_either_mode_and_another_with_other_parts():
    one = nn.Sequential(nn.Conv2d(3, 4, 3, stride=1), nn.ReLU())
    other = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU())
    other.load_state_dict(one.state_dict())
    third = nn.Sequential(one[0], nn.Tanh())
    assert fingerprint.of_module(one.train()) == fingerprint.of_module(one.eval())
    assert len({fingerprint.of_module(module) for module in (one, other, third)}) == 3
