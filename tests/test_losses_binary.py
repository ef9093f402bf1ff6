"""The loss of items with several labels: the published formula, weights from training items, instances of bags."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.batches import in_parts
from zoo.errors import DataError, UsageError
from zoo.heads.abmil import Abmil
from zoo.losses.binary_cross_entropy import BinaryCrossEntropy
from zoo.losses.cross_entropy import CrossEntropy
from zoo.signature import signature_of

K = 3
LABEL = torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 0]])
SIZES = [2, 1, 4, 3]
WEIGHTS = [1.0, 2.0, 0.5]


def made(**settings):
    return BinaryCrossEntropy(num_classes=K, **settings)


def logits(rows=len(LABEL), seed=0):
    return torch.randn(rows, K, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def bags(sizes=SIZES, seed=0):
    outputs = {"bag": logits(len(sizes), seed), "instance": logits(sum(sizes), seed + 1)}
    label = (logits(len(sizes), seed + 2) > 0).float()
    return outputs, {"label": label, "offsets": torch.tensor([0, *sizes]).cumsum(0)}


def formula(z, y, w=1.0):
    p = 1 / (1 + np.exp(-z.detach().double().numpy()))
    y = y.double().numpy()
    return -(np.array(w) * y * np.log(p) + (1 - y) * np.log(1 - p))


@pytest.mark.parametrize("name", ["logits", "bag"])
def test_it_is_the_published_formula_over_items_and_classes(name):
    z = logits()
    assert made()({name: z}, {"label": LABEL}).item() == pytest.approx(formula(z, LABEL).mean(), rel=1e-5)
    weighted = made(pos_weight=WEIGHTS)({name: z}, {"label": LABEL})
    assert weighted.item() == pytest.approx(formula(z, LABEL, WEIGHTS).mean(), rel=1e-5)


def test_rows_and_entries_that_are_not_known_are_left_out():
    z, label = logits(), LABEL.clone()
    label[1], label[2, 0] = -1, -1
    found = made(pos_weight=WEIGHTS)({"bag": z}, {"label": label})
    assert found.item() == pytest.approx(formula(z, LABEL, WEIGHTS)[label.numpy() >= 0].mean(), rel=1e-5)
    found.backward()
    assert ((z.grad == 0) == (label < 0)).all()


def test_a_batch_of_which_nothing_is_known_has_a_loss_of_zero_that_can_be_differentiated():
    outputs, batch = bags()
    unknown = {**batch, "label": torch.full((4, K), -1.0)}
    for settings in ({}, {"instance": 1.0}, {"instance": 1.0, "per": "bag"}):
        found = made(**settings)(outputs, unknown)
        assert found.item() == 0
        found.backward()
    assert (outputs["bag"].grad == 0).all()
    assert (outputs["instance"].grad == 0).all()


def test_instances_inherit_the_labels_of_their_bag():
    outputs, batch = bags()
    inherited = batch["label"].repeat_interleave(torch.tensor(SIZES), dim=0)
    of_instances = formula(outputs["instance"], inherited)
    found = made(bag=0.5, instance=2.0)(outputs, batch)
    wanted = 0.5 * formula(outputs["bag"], batch["label"]).mean() + 2 * of_instances.mean()
    assert found.item() == pytest.approx(wanted, rel=1e-5)
    alone = made(bag=0.0, instance=1.0, per="bag")({"instance": outputs["instance"]}, batch)
    by_bag = [rows.mean() for rows in np.split(of_instances, np.cumsum(SIZES)[:-1])]
    assert alone.item() == pytest.approx(np.mean(by_bag), rel=1e-5)


def test_labels_of_their_own_stand_before_those_of_the_bag_may_be_shares_and_may_be_unknown():
    outputs, batch = bags()
    own = torch.rand(sum(SIZES), K, generator=torch.Generator().manual_seed(5))
    own[0], own[3, 1], own[4] = torch.nan, -1, torch.nan
    known = (own >= 0).numpy()
    of_instances = formula(outputs["instance"], own)
    found = made(bag=0.0, instance=1.0)(outputs, {**batch, "instance_label": own})
    assert found.item() == pytest.approx(of_instances[known].mean(), rel=1e-5)
    found.backward()
    assert ((outputs["instance"].grad != 0).numpy() == known).all()
    per_bag = made(bag=0.0, instance=1.0, per="bag")(outputs, {**batch, "instance_label": own})
    ends = np.cumsum(SIZES)[:-1]
    parts = zip(np.split(of_instances, ends), np.split(known, ends), strict=True)
    assert per_bag.item() == pytest.approx(np.mean([rows[there].mean() for rows, there in parts]), rel=1e-5)


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8), at_most=st.integers(1, 12), seed=st.integers(0, 99))
def test_parts_of_a_batch_make_up_the_whole_where_every_bag_counts_alike(sizes, at_most, seed):
    outputs, batch = bags(sizes, seed)
    loss = made(instance=0.7, per="bag", pos_weight=WEIGHTS)
    both = {**batch, **{f"out_{name}": value.detach() for name, value in outputs.items()}}
    parts = [
        share * loss({"bag": part["out_bag"], "instance": part["out_instance"]}, part)
        for part, share in in_parts(both, at_most)
    ]
    assert torch.allclose(sum(parts), loss(outputs, batch), atol=1e-5)


@given(seed=st.integers(0, 99), smoothing=st.floats(0, 0.9), focal=st.floats(0, 4))
def test_focal_and_smoothing_change_the_targets_and_what_is_settled(seed, smoothing, focal):
    z = logits(seed=seed)
    soft = LABEL * (1 - smoothing) + smoothing / 2
    distance = (soft - z.detach().sigmoid()).abs().numpy()
    found = made(smoothing=smoothing, focal=focal)({"bag": z}, {"label": LABEL})
    assert found.item() == pytest.approx((formula(z, soft) * distance**focal).mean(), rel=1e-3, abs=1e-6)
    found.backward()
    assert z.grad.isfinite().all()


def test_a_target_that_is_met_has_a_finite_slope_with_any_focal_power():
    z = torch.tensor([[40.0, -40.0, 0.0]], requires_grad=True)
    made(focal=0.5)({"bag": z}, {"label": torch.tensor([[1.0, 0, 1]])}).backward()
    assert z.grad.isfinite().all()


@given(st.lists(st.lists(st.integers(0, 1), min_size=K, max_size=K), min_size=1, max_size=30), st.floats(0.1, 1))
def test_with_balanced_weights_having_a_class_and_lacking_it_count_alike(sets, power):
    sets = np.array(sets, dtype=np.int8)
    loss = made(pos_weight="balanced")
    loss.fit(SimpleNamespace(label_sets=sets), np.arange(len(sets)))
    having, lacking = sets.sum(0), (1 - sets).sum(0)
    both = (having > 0) & (lacking > 0)
    weights = loss.pos_weight.numpy()
    assert np.allclose((weights * having)[both], lacking[both])
    assert (weights[~both] == 1).all()
    rooted = made(pos_weight="balanced", power=power, most=1.5)
    rooted.fit(SimpleNamespace(label_sets=sets), np.arange(len(sets)))
    assert np.allclose(rooted.pos_weight.numpy()[both], np.minimum(weights[both] ** power, 1.5), rtol=1e-5)


def test_weights_are_counted_over_the_training_items_with_known_labels_and_no_others():
    sets = np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1], [-1, -1, -1], [1, 1, 1], [0, -1, 0]], dtype=np.int8)
    loss = made(pos_weight="balanced")
    loss.fit(SimpleNamespace(label_sets=sets), np.array([0, 1, 2, 3, 5]))
    assert loss.pos_weight.tolist() == [3.0, 1.0, 3.0]
    assert not loss.state_dict(), "what is counted anew before every training is not stored"
    assert not list(loss.parameters())


def test_a_class_that_one_item_of_a_thousand_has_is_bounded():
    sets = np.zeros((1000, K), dtype=np.int8)
    sets[0, 0], sets[:500, 1] = 1, 1
    loss = made(pos_weight="balanced")
    loss.fit(SimpleNamespace(label_sets=sets), np.arange(1000))
    assert loss.pos_weight.tolist() == [100.0, 1.0, 1.0]


def test_what_is_missing_is_said_with_the_way_out():
    outputs, batch = bags()
    with pytest.raises(UsageError) as raised:
        made(instance=0.5)({"bag": outputs["bag"]}, batch)
    assert str(raised.value) == (
        "the loss scores instances by 0.5, and the head gives bag; choose a head of bags such as gated-abmil, or set "
        "loss.instance to 0"
    )
    with pytest.raises(UsageError, match="pos_weight: balanced follows from the training items; call fit first"):
        made(pos_weight="balanced")(outputs, batch)
    with pytest.raises(UsageError) as raised:
        made()(outputs, {"label": torch.tensor([0, 2, 1, 1])})
    assert str(raised.value) == (
        "binary-cross-entropy needs label [4, 3], a row of 0 and 1 for each of the logits, and has [4]; bring label "
        "sets, or choose cross-entropy where an item has one class"
    )
    with pytest.raises(UsageError, match=r"needs instance_label \[10, 3\], .* and has \[4, 3\]"):
        made(instance=1.0)(outputs, {**batch, "instance_label": batch["label"]})


@pytest.mark.parametrize(
    ("dataset", "error", "said"),
    [
        (SimpleNamespace(labels=[0, 1, 2]), UsageError, "and these have no label_sets; leave it out, or choose what"),
        (
            SimpleNamespace(label_sets=np.full((3, K), -1)),
            DataError,
            "none of the 3 training items has them; label some, or split the data anew",
        ),
        (
            SimpleNamespace(label_sets=np.zeros((3, 5))),
            DataError,
            "the label sets have 5 classes, and the loss 3; mend the label sets, or num_classes",
        ),
    ],
)
def test_label_sets_that_cannot_be_counted_get_a_sentence(dataset, error, said):
    with pytest.raises(error) as raised:
        made(pos_weight="balanced").fit(dataset, np.arange(3))
    assert said in str(raised.value)
    made().fit(dataset, np.arange(3))


def test_a_loss_of_one_label_an_item_does_not_count_sets():
    with pytest.raises(UsageError, match="an item of these data may have several; choose what takes them, such as bin"):
        CrossEntropy(num_classes=K, weights="balanced").fit(SimpleNamespace(label_sets=np.eye(3)), np.arange(3))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pos_weight": [1.0, 2.0]}, r"pos_weight is 3 positive numbers, one a class, not \[1.0, 2.0\]"),
        ({"pos_weight": [1.0, 2.0, float("inf")]}, "pos_weight is 3 positive numbers"),
        ({"bag": -1.0}, "bag is a number from 0, not -1.0"),
        ({"instance": float("nan")}, "instance is a number from 0, not nan"),
        ({"bag": 0.0}, "bag and instance are both 0, so that nothing would be learnt"),
        ({"most": 0.0}, "most is a weight above 0, not 0.0"),
        ({"power": -0.5}, "power is a number from 0, not -0.5"),
        ({"focal": -2.0}, "focal is a number from 0, not -2.0"),
        ({"smoothing": 1.0}, "smoothing is a share from 0 up to but not 1, not 1.0"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(settings, said):
    with pytest.raises(ValueError, match=said):
        made(**settings)


def test_the_number_of_classes_follows_from_the_data_and_a_recipe_says_balanced_or_numbers():
    schema = signature_of(BinaryCrossEntropy, "binary-cross-entropy")
    assert set(schema.facts) == {"num_classes"}
    assert schema.check({"pos_weight": "balanced", "instance": 0.5, "per": "bag", "focal": 2.0})[1] == []
    assert "'balanced'" in str(schema.check({"pos_weight": "equal"})[1][0].message)


def test_labels_of_bags_teach_an_attention_of_each_class_and_instances_which_of_them_has_which():
    make = torch.Generator().manual_seed(0)
    sizes = torch.randint(3, 10, (80,), generator=make).tolist()
    label = (torch.rand(80, K, generator=make) < 0.4).float()
    offsets = torch.tensor([0, *sizes]).cumsum(0)
    features = torch.randn(sum(sizes), 6, generator=make)
    for k in range(K):
        features[offsets[:-1][label[:, k] == 1] + k, k] += 5
    torch.manual_seed(0)
    # without the labels that instances inherit, attention is free to point away from what a class shows in
    head, loss = Abmil(in_features=6, num_classes=K, per_class=True), made(instance=1.0)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    batch = {"offsets": offsets, "label": label}
    for _ in range(100):
        optimizer.zero_grad()
        loss(head(features, batch), batch).backward()
        optimizer.step()
    outputs = head.eval()(features, batch)
    assert ((outputs["bag"] > 0) == (label > 0)).float().mean() > 0.9
    planted = [(bag, k) for bag in range(80) for k in range(K) if label[bag, k]]
    for name in ("class_attention", "instance"):
        of_bags = outputs[name].split(sizes)
        assert np.mean([int(of_bags[bag][:, k].argmax()) == k for bag, k in planted]) > 0.7, name
