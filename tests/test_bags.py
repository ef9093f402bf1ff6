"""Bags are packed: they are divided, sampled and turned by whole rows, and no instance changes its bag."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.batches import in_parts
from zoo.errors import DataError
from zoo.heads.abmil import Abmil
from zoo.nn.given import Given
from zoo.transforms.affine import Affine
from zoo.transforms.bag_sample import BagSample
from zoo.transforms.blur import Blur
from zoo.transforms.channel_jitter import ChannelJitter
from zoo.transforms.elastic import Elastic
from zoo.transforms.erase import Erase
from zoo.transforms.flip import Flip
from zoo.transforms.rotate import Rotate

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=12)


def bags(sizes):
    """Return a batch whose instances know their bag and their number."""
    offsets = torch.tensor([0, *sizes]).cumsum(0)
    bag = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    number = torch.arange(len(bag))
    image = torch.stack([bag, number], dim=1).float()[:, :, None, None] * torch.ones(1, 1, 2, 2)
    return {"id": [f"b{i}" for i in range(len(sizes))], "offsets": offsets, "instances": image, "label": offsets[:-1]}


@given(SIZES, st.integers(1, 20))
def test_parts_are_whole_bags_that_keep_within_the_bound_and_make_up_the_batch(sizes, at_most):
    batch = bags(sizes)
    parts = list(in_parts(batch, at_most))
    assert torch.equal(torch.cat([part["instances"] for part, _ in parts]), batch["instances"])
    assert [name for part, _ in parts for name in part["id"]] == batch["id"]
    assert torch.equal(torch.cat([part["label"] for part, _ in parts]), batch["label"])
    assert sum(share for _, share in parts) == pytest.approx(1)
    for part, share in parts:
        assert share == pytest.approx(len(part["id"]) / len(sizes))
        assert len(part["instances"]) == int(part["offsets"][-1])
        assert len(part["instances"]) <= at_most or len(part["id"]) == 1
        owners = part["instances"][part["offsets"][:-1], 0, 0, 0].long()
        assert [f"b{int(owner)}" for owner in owners] == part["id"]


def test_without_a_bound_or_without_bags_a_batch_is_one_part():
    batch = bags([3, 4])
    assert [share for _, share in in_parts(batch, None)] == [1.0]
    plain = {"id": ["a", "b"], "image": torch.ones(2, 3, 4, 4)}
    assert [(part is plain, share) for part, share in in_parts(plain, 1)] == [(True, 1.0)]


def test_gradients_of_the_parts_add_up_to_those_of_the_whole():
    batch = bags([3, 1, 5, 2])
    weight = torch.nn.Parameter(torch.tensor(0.3))

    def loss(part):
        means = [rows.mean() for rows in part["instances"].split(part["offsets"].diff().tolist())]
        return (torch.stack(means) * weight).square().mean()

    loss(batch).backward()
    whole, weight.grad = weight.grad.clone(), None
    for part, share in in_parts(batch, 5):
        (loss(part) * share).backward()
    assert torch.allclose(weight.grad, whole)


@given(SIZES, st.integers(1, 9), st.integers(0, 99))
def test_a_sample_takes_instances_of_their_own_bag_in_their_old_order(sizes, at_most, seed):
    batch = bags(sizes)
    smaller = BagSample(at_most=at_most)(batch, torch.Generator().manual_seed(seed))
    assert smaller["offsets"].diff().tolist() == [min(size, at_most) for size in sizes]
    for bag, rows in enumerate(smaller["instances"].split(smaller["offsets"].diff().tolist())):
        assert (rows[:, 0] == bag).all()
        numbers = rows[:, 1, 0, 0]
        assert (numbers.diff() > 0).all()
    assert batch["offsets"].diff().tolist() == sizes


def test_a_sample_is_drawn_from_its_generator_alone_and_evenly():
    counts = torch.zeros(10)
    for seed in range(600):
        rows = BagSample(at_most=3)(bags([10]), torch.Generator().manual_seed(seed))["instances"][:, 1, 0, 0]
        counts[rows.long()] += 1
    assert counts.min() > 130
    assert counts.max() < 230
    again = BagSample(at_most=3)(bags([10]), torch.Generator().manual_seed(599))["instances"][:, 1, 0, 0]
    assert torch.equal(rows, again)


@given(SIZES, st.integers(1, 9), st.integers(0, 99))
def test_whatever_a_batch_has_of_instances_is_sampled_and_divided_with_them(sizes, at_most, seed):
    batch = bags(sizes)
    number = batch["instances"][:, 1, 0, 0]
    batch |= {"features": number[:, None].expand(-1, 5), "instance_label": number[:, None].repeat(1, 3)}
    smaller = BagSample(at_most=at_most)(batch, torch.Generator().manual_seed(seed))
    for some in (smaller, *(part for part, _ in in_parts(smaller, 4))):
        kept = some["instances"][:, 1, 0, 0]
        assert torch.equal(some["features"][:, 0], kept)
        assert torch.equal(some["instance_label"][:, 2], kept)
        assert len(some["label"]) == len(some["id"]) == len(some["offsets"]) - 1
    assert torch.equal(smaller["label"], batch["label"])


@pytest.mark.parametrize("rows", [2, 4, 8])
def test_what_items_share_stays_whole_however_many_rows_it_has(rows):
    batch = bags([3, 1, 2, 2]) | {"overview": torch.arange(rows).float(), "overview_index": torch.tensor([0, 1, 1, 0])}
    smaller = BagSample(at_most=1)(batch, torch.Generator().manual_seed(0))
    assert torch.equal(smaller["overview"], batch["overview"])
    found = [part["overview"][part["overview_index"]] for part, _ in in_parts(batch, 4)]
    assert torch.cat(found).tolist() == [0, 1, 1, 0]


def test_features_that_were_computed_before_go_through_as_they_are_in_32_bits():
    features, offsets = torch.randn(7, 5).half(), torch.tensor([0, 3, 7])
    encoder = Given(out_features=5)
    assert (encoder.reads, encoder.out_features, list(encoder.parameters())) == (("features",), 5, [])
    found = encoder({"features": features, "offsets": offsets})
    assert torch.equal(found, features.float())
    assert Abmil(in_features=5, num_classes=2)(found, {"offsets": offsets})["bag"].shape == (2, 2)
    with pytest.raises(DataError) as raised:
        encoder({"features": features[:, :4]})
    assert str(raised.value) == (
        "features of a batch are [7, 4], and 5 a row were announced; compute them anew with the encoder they are to "
        "come from"
    )


@pytest.mark.parametrize(
    "transform",
    [
        Flip(p=1.0),
        Rotate(),
        Rotate(degrees=30),
        ChannelJitter(brightness=0.2, contrast=0.2, gamma=0.2),
        Blur(p=1.0),
        Erase(p=1.0, fill="noise"),
        Affine(degrees=180, translate=0.1, flip=True),
        Elastic(p=1.0),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_transforms_change_instances_of_four_channels_and_nothing_else_of_a_bag(transform):
    batch = bags([3, 1, 4])
    batch |= {"instances": torch.rand(8, 4, 16, 16), "features": torch.rand(8, 5), "instance_label": torch.rand(8, 3)}
    before = {name: value.clone() for name, value in batch.items() if name != "id"}
    changed = transform(batch, torch.Generator().manual_seed(0))
    assert changed["instances"].shape == (8, 4, 16, 16)
    assert not torch.equal(changed["instances"], batch["instances"])
    assert changed["instances"].min() >= 0
    assert changed["instances"].max() <= 1 + 1e-6
    for name, value in before.items():
        assert torch.equal(batch[name], value)
        assert name == "instances" or torch.equal(changed[name], value)


def test_a_sample_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at_most is a number of instances of at least 1, not 0"):
        BagSample(at_most=0)


def test_every_instance_of_a_bag_is_mirrored_on_its_own():
    batch = bags([40, 24])
    batch["instances"] = torch.rand(64, 3, 4, 4)
    changed = Flip()(batch, torch.Generator().manual_seed(0))
    same = (changed["instances"] == batch["instances"]).flatten(1).all(1).float().mean()
    assert 0.1 < same < 0.5
    assert torch.equal(changed["offsets"], batch["offsets"])
