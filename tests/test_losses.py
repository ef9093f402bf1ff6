"""Losses of labelled bags: what is unknown does not count, and a far mistake costs more where classes are ordered."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from zoo.losses.cross_entropy import CrossEntropy
from zoo.losses.ordinal import Ordinal
from zoo.signature import signature_of

K = 4
LABEL = torch.tensor([0, 3, 1, 2, 2])
LOSSES = [CrossEntropy(num_classes=K, smoothing=0.1, weights=[1.0, 2.0, 0.5, 3.0]), Ordinal(num_classes=K)]
BY_NAME = [type(loss).__name__ for loss in LOSSES]


def logits(seed=0, items=len(LABEL)):
    return torch.randn(items, K, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_cross_entropy_is_that_of_pytorch():
    bag = logits()
    assert torch.allclose(
        CrossEntropy(num_classes=K)({"bag": bag}, {"label": LABEL}), functional.cross_entropy(bag, LABEL)
    )
    smooth = CrossEntropy(num_classes=K, smoothing=0.2)({"bag": bag}, {"label": LABEL})
    assert torch.allclose(smooth, functional.cross_entropy(bag, LABEL, label_smoothing=0.2))


def test_smoothing_of_the_other_classes_alone_can_be_stated():
    bag, wrong = logits(), 0.1
    target = torch.full((len(LABEL), K), wrong / (K - 1)).scatter_(1, LABEL[:, None], 1 - wrong)
    wanted = -(target * bag.log_softmax(1)).sum(1).mean()
    stated = CrossEntropy(num_classes=K, smoothing=wrong * K / (K - 1))({"bag": bag}, {"label": LABEL})
    assert torch.allclose(stated, wanted)


def test_weights_count_for_a_bag_by_itself_too():
    weights = [1.0, 2.0, 0.5, 3.0]
    loss, plain = CrossEntropy(num_classes=K, weights=weights), CrossEntropy(num_classes=K)
    for item, label in enumerate(LABEL.tolist()):
        one, batch = {"bag": logits()[item : item + 1]}, {"label": LABEL[item : item + 1]}
        assert torch.allclose(loss(one, batch), weights[label] * plain(one, batch))


@pytest.mark.parametrize("loss", LOSSES, ids=BY_NAME)
def test_parts_of_a_batch_weighted_by_their_items_make_up_the_whole(loss):
    bag = logits()
    parts = [loss({"bag": bag[rows]}, {"label": LABEL[rows]}) * len(LABEL[rows]) for rows in (slice(2), slice(2, 5))]
    assert torch.allclose(sum(parts) / 5, loss({"bag": bag}, {"label": LABEL}))


@pytest.mark.parametrize("loss", LOSSES, ids=BY_NAME)
def test_items_without_a_label_are_left_out(loss):
    bag, label = logits(), LABEL.clone()
    label[[1, 4]] = -1
    known = label != -1
    found = loss({"bag": bag}, {"label": label})
    assert torch.allclose(found, loss({"bag": bag[known]}, {"label": label[known]}))
    found.backward()
    assert (bag.grad[~known] == 0).all()
    assert (bag.grad[known] != 0).all()


@pytest.mark.parametrize("loss", LOSSES, ids=BY_NAME)
def test_a_batch_without_labels_has_a_loss_of_zero_that_can_be_differentiated(loss):
    bag = logits()
    found = loss({"bag": bag}, {"label": torch.full((5,), -1)})
    assert found.item() == 0
    found.backward()
    assert (bag.grad == 0).all()


@pytest.mark.parametrize("loss", LOSSES, ids=BY_NAME)
def test_a_loss_has_no_weights_of_its_own_and_nothing_to_store(loss):
    assert not list(loss.parameters())
    assert not loss.state_dict()


def test_a_far_dose_costs_more_than_a_near_one_and_plain_cross_entropy_knows_no_difference():
    sure = torch.eye(K) * 6
    ordered, plain = Ordinal(num_classes=K), CrossEntropy(num_classes=K)
    costs = [float(ordered({"bag": row[None]}, {"label": torch.tensor([0])})) for row in sure]
    assert costs == sorted(costs)
    assert costs[3] > costs[2] + 0.1 > costs[1] + 0.2
    flat = [float(plain({"bag": row[None]}, {"label": torch.tensor([0])})) for row in sure[1:]]
    assert flat == pytest.approx([flat[0]] * 3)


def test_targets_fall_off_by_a_factor_of_e_a_step_and_meeting_them_costs_nothing():
    loss = Ordinal(num_classes=3)
    wanted = torch.tensor([1.0, torch.e**-1, torch.e**-2])
    assert torch.allclose(loss.targets[0], wanted / wanted.sum())
    met = loss.targets.log()[[1]].requires_grad_()
    found = loss({"bag": met}, {"label": torch.tensor([1])})
    found.backward()
    assert found.item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(met.grad, torch.zeros(1, 3), atol=1e-6)


def test_positions_say_which_doses_lie_near_each_other():
    loss = Ordinal(num_classes=3, positions=[0.0, 2.0, 2.5])
    assert loss.targets[1, 2] > 4 * loss.targets[1, 0]


@given(st.integers(2, 9), st.integers(0, 99))
def test_with_a_steep_scale_it_is_plain_cross_entropy_and_it_is_never_negative(classes, seed):
    make = torch.Generator().manual_seed(seed)
    outputs = {"bag": torch.randn(6, classes, generator=make) * 3}
    batch = {"label": torch.randint(0, classes, (6,), generator=make)}
    steep, plain = Ordinal(num_classes=classes, scale=60.0), CrossEntropy(num_classes=classes)
    assert torch.allclose(steep(outputs, batch), plain(outputs, batch), atol=1e-5)
    assert Ordinal(num_classes=classes)(outputs, batch) >= -1e-6


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CrossEntropy(num_classes=K, smoothing=1.0), "smoothing is a share from 0 up to but not 1, not 1.0"),
        (
            lambda: CrossEntropy(num_classes=K, weights=[1.0, 2.0]),
            r"weights are 4 positive numbers, .* not \[1.0, 2.0\]",
        ),
        (lambda: CrossEntropy(num_classes=2, weights=[1.0, 0.0]), "weights are 2 positive numbers, one a class"),
        (lambda: Ordinal(num_classes=K, scale=0.0), "scale is greater than 0, not 0.0"),
        (lambda: Ordinal(num_classes=3, positions=[0.0, 1.0]), "positions are 3 rising numbers, one a class, not"),
        (lambda: Ordinal(num_classes=3, positions=[0.0, 2.0, 1.0]), r"not \[0.0, 2.0, 1.0\]"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("kind", [CrossEntropy, Ordinal])
def test_the_number_of_classes_follows_from_the_data(kind):
    assert set(signature_of(kind, "loss").facts) == {"num_classes"}
