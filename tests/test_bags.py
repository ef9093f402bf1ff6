"""Bags are packed: they are divided, sampled and turned by whole rows, and no instance changes its bag."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.batches import in_parts
from zoo.transforms.bag_sample import BagSample
from zoo.transforms.flip import Flip

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
