"""Weights of classes that follow from the training items, and losses that take the logits of items and of bags."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from zoo.errors import DataError, UsageError
from zoo.losses.cross_entropy import CrossEntropy
from zoo.losses.ordinal import Ordinal
from zoo.signature import signature_of

LABELS = [0, 0, 0, 1, 2, 2, -1, 1, 0]


def data(labels=LABELS):
    return SimpleNamespace(labels=labels)


def items(*chosen):
    return np.array(chosen or range(len(LABELS)), dtype=np.int64)


def balanced(classes=3, **settings):
    return CrossEntropy(num_classes=classes, weights="balanced", **settings)


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=40).filter(lambda labels: max(labels) >= 0))
def test_balanced_weights_make_all_classes_count_alike_and_an_item_one_on_average(labels):
    loss = balanced(4)
    loss.fit(data(labels), np.arange(len(labels)))
    known = np.array([label for label in labels if label >= 0])
    weights = loss.weights.numpy()
    of_items = weights[known]
    shares = [of_items[known == label].sum() for label in np.unique(known)]
    assert np.allclose(shares, len(known) / 4)
    assert np.isclose(of_items.mean(), len(np.unique(known)) / 4)
    assert all(weights[label] == 0 for label in range(4) if label not in known)


def test_they_are_counted_over_the_training_items_and_no_others():
    loss = balanced()
    loss.fit(data(), items(0, 1, 3, 4, 6))
    assert torch.allclose(loss.weights, torch.tensor([4 / 6, 4 / 3, 4 / 3]))


def test_the_loss_is_that_of_the_weights_stated():
    label = torch.tensor([0, 1, 2, -1])
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    loss = balanced(smoothing=0.1)
    loss.fit(data(), items())
    stated = CrossEntropy(num_classes=3, weights=[8 / 12, 8 / 6, 8 / 6], smoothing=0.1)
    assert torch.allclose(loss({"logits": logits}, {"label": label}), stated({"logits": logits}, {"label": label}))
    assert not loss.state_dict(), "what is counted anew before every training is not stored"


def test_weights_that_were_not_counted_are_not_used():
    with pytest.raises(UsageError, match="weights: balanced follow from the training items; call fit first"):
        balanced()({"logits": torch.zeros(1, 3)}, {"label": torch.zeros(1, dtype=torch.int64)})


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 3.0]])
def test_a_loss_that_counts_nothing_needs_no_labels(weights):
    loss = CrossEntropy(num_classes=3, weights=weights)
    loss.fit(SimpleNamespace(), items())
    assert loss.weights.tolist() == (weights or [1.0] * 3)


@pytest.mark.parametrize(
    ("dataset", "error", "said"),
    [
        (
            SimpleNamespace(),
            UsageError,
            "weights: balanced goes by the labels of items, and the data have none; leave it",
        ),
        (data([-1] * 9), DataError, "none of the 9 training items has one; label some, or split the data anew"),
        (
            data([0, 3] * 5),
            DataError,
            "a training item has the label 3, and there are 3 classes from 0; mend the labels",
        ),
    ],
)
def test_labels_that_cannot_be_counted_get_a_sentence(dataset, error, said):
    with pytest.raises(error) as caught:
        balanced().fit(dataset, items())
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", [CrossEntropy, Ordinal])
def test_a_loss_takes_the_logits_of_items_or_else_those_of_bags(kind):
    logits = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0))
    label, loss = torch.tensor([0, 2]), kind(num_classes=3)
    of_items, of_bags = (
        float(loss({name: rows}, {"label": label})) for name, rows in zip(("logits", "bag"), logits, strict=True)
    )
    if kind is CrossEntropy:
        assert of_items == pytest.approx(float(functional.cross_entropy(logits[0], label)))
    assert of_items != of_bags
    both = {"bag": logits[1], "logits": logits[0]}
    assert float(loss(both, {"label": label})) == of_items
    with pytest.raises(UsageError, match="the head gives image, spot; choose a head such as mlp or abmil"):
        loss({"image": logits, "spot": logits}, {"label": label})


def test_a_recipe_says_balanced_or_numbers_and_nothing_else():
    schema = signature_of(CrossEntropy, "cross-entropy")
    assert schema.check({"weights": "balanced"})[0]["weights"] == "balanced"
    assert schema.check({"weights": [1.0, 2.0]})[0]["weights"] == [1.0, 2.0]
    assert schema.check({})[0]["weights"] is None
    assert "'balanced'" in str(schema.check({"weights": "equal"})[1][0].message)
