"""Heads for bags keep their contract: attention adds up, and a bag is scored by what is in it and nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo.heads.abmil import Abmil
from zoo.heads.gated_abmil import GatedAbmil
from zoo.heads.max import Max
from zoo.heads.mean import Mean
from zoo.heads.topk import Topk
from zoo.signature import signature_of

F, K = 6, 3
HEADS = {"abmil": Abmil, "gated-abmil": GatedAbmil, "topk": Topk, "mean": Mean, "max": Max}
SIZES = [4, 1, 7, 2]


def made(name, **settings):
    torch.manual_seed(0)
    return HEADS[name](in_features=F, num_classes=K, **settings)


def bags(sizes=SIZES, seed=0):
    features = torch.randn(sum(sizes), F, generator=torch.Generator().manual_seed(seed))
    return features, {"offsets": torch.tensor([0, *sizes]).cumsum(0), "id": [f"b{i}" for i in range(len(sizes))]}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("hidden", [None, 5])
def test_a_head_returns_what_it_promises_and_every_weight_learns(name, hidden):
    head = made(name, dropout=0.1, **({"hidden": hidden} if hidden else {})).train()
    features, batch = bags()
    features.requires_grad_()
    outputs = head(features, batch)
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    assert shapes == {"bag": (4, K), "instance": (14, K), "attention": (14,), "size": (4,)}
    assert {value.dtype for value in outputs.values()} == {torch.float32}
    assert outputs["size"].tolist() == SIZES
    (outputs["bag"] * torch.randn(4, K)).sum().backward()
    still = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("name", HEADS)
@settings(max_examples=25)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_attention_adds_up_to_one_in_each_bag_and_a_bag_alone_is_scored_as_in_company(name, sizes, seed):
    head = made(name).eval()
    features, batch = bags(sizes, seed)
    with torch.no_grad():
        outputs = head(features, batch)
        for bag, (rows, attention) in enumerate(
            zip(features.split(sizes), outputs["attention"].split(sizes), strict=True)
        ):
            assert attention.sum() == pytest.approx(1, abs=1e-5)
            assert attention.min() >= 0
            alone = head(rows, {"offsets": torch.tensor([0, len(rows)])})
            assert torch.allclose(alone["bag"][0], outputs["bag"][bag], atol=1e-5)
            assert torch.allclose(alone["attention"], attention, atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_the_order_of_instances_within_a_bag_does_not_matter(name):
    head = made(name).eval()
    features, batch = bags()
    turned = torch.cat([rows.flip(0) for rows in features.split(SIZES)])
    one, other = head(features, batch), head(turned, batch)
    assert torch.allclose(one["bag"], other["bag"], atol=1e-6)
    backwards = torch.cat([rows.flip(0) for rows in other["attention"].split(SIZES)])
    assert torch.allclose(one["attention"], backwards, atol=1e-6)


@pytest.mark.parametrize("name", ["abmil", "gated-abmil"])
def test_bag_logits_are_the_linear_layer_on_the_mean_weighted_by_the_attention_of_the_paper(name):
    head = made(name, hidden=4).eval()
    features, batch = bags()
    outputs = head(features, batch)
    for bag, rows in enumerate(features.split(SIZES)):
        parts = (rows @ head.project.weight.T + head.project.bias).split(head.widths, dim=1)
        inner = parts[0].tanh() if name == "abmil" else parts[0].tanh() * parts[1].sigmoid()
        attention = (inner @ head.weigh.weight.T).softmax(dim=0).T
        pooled = attention @ rows @ head.project.weight[-K:].T + head.project.bias[-K:]
        assert torch.allclose(outputs["attention"].split(SIZES)[bag], attention[0], atol=1e-6)
        assert torch.allclose(outputs["bag"][bag], pooled[0], atol=1e-5)
        assert torch.allclose(outputs["instance"].split(SIZES)[bag], parts[-1], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "of_a_bag"),
    [
        ("mean", lambda rows: rows.mean(0)),
        ("max", lambda rows: rows.amax(0)),
        ("topk", lambda rows: rows.topk(min(3, len(rows)), dim=0).values.mean(0)),
    ],
)
def test_bag_logits_without_attention_are_the_mean_the_maximum_or_the_mean_of_the_highest_logits(name, of_a_bag):
    head = made(name, **({"k": 3} if name == "topk" else {})).eval()
    features, batch = bags()
    outputs = head(features, batch)
    wanted = torch.stack([of_a_bag(rows) for rows in head.classify(features).split(SIZES)])
    assert torch.allclose(outputs["bag"], wanted, atol=1e-6)


def test_attention_without_attention_is_the_share_of_choices_that_fell_on_an_instance():
    features, batch = bags()
    one, few = made("max").eval()(features, batch), made("topk", k=2).eval()(features, batch)
    for rows, logits in zip(one["attention"].split(SIZES), one["instance"].split(SIZES), strict=True):
        assert torch.allclose(rows, torch.bincount(logits.argmax(0), minlength=len(logits)) / K)
    for rows, logits in zip(few["attention"].split(SIZES), few["instance"].split(SIZES), strict=True):
        chosen = logits.topk(min(2, len(logits)), dim=0).indices.flatten()
        assert torch.allclose(rows, torch.bincount(chosen, minlength=len(logits)) / len(chosen))
    even = made("mean").eval()(features, batch)["attention"]
    assert torch.allclose(even, torch.cat([torch.full((n,), 1 / n) for n in SIZES]))


def test_the_highest_one_is_the_maximum_and_more_than_there_are_is_the_mean():
    features, batch = bags()
    for k, other in ((1, "max"), (99, "mean")):
        one, same = made("topk", k=k).eval()(features, batch), made(other).eval()(features, batch)
        assert torch.allclose(one["bag"], same["bag"], atol=1e-6)
        assert torch.allclose(one["attention"], same["attention"], atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_in_mixed_precision_attention_still_adds_up_and_outputs_have_32_bits(name):
    head = made(name)
    features, batch = bags([300, 1])
    with torch.autocast("cpu", torch.bfloat16):
        outputs = head(features.bfloat16(), batch)
    assert {value.dtype for value in outputs.values()} == {torch.float32}
    assert [float(rows.sum()) for rows in outputs["attention"].detach().split([300, 1])] == pytest.approx(
        [1, 1], abs=1e-5
    )


@pytest.mark.parametrize("name", HEADS)
def test_an_empty_bag_is_refused_by_name(name):
    with pytest.raises(DataError, match=r"bag 1 \('b1'\) of the batch has no instance"):
        made(name)(torch.randn(3, F), {"offsets": torch.tensor([0, 2, 2, 3]), "id": ["b0", "b1", "b2"]})


@pytest.mark.parametrize("name", ["abmil", "gated-abmil"])
@settings(max_examples=25)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_an_attention_of_each_class_adds_up_to_one_and_weighs_the_logits_of_its_class(name, sizes, seed):
    head = made(name, per_class=True).eval()
    features, batch = bags(sizes, seed)
    with torch.no_grad():
        outputs = head(features, batch)
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    b, n = len(sizes), sum(sizes)
    assert shapes == {"bag": (b, K), "instance": (n, K), "attention": (n,), "size": (b,), "class_attention": (n, K)}
    assert torch.allclose(outputs["attention"], outputs["class_attention"].mean(1))
    weighted = outputs["instance"] * outputs["class_attention"]
    for bag, (rows, attention) in enumerate(
        zip(weighted.split(sizes), outputs["class_attention"].split(sizes), strict=True)
    ):
        assert torch.allclose(attention.sum(0), torch.ones(K), atol=1e-5)
        assert torch.allclose(rows.sum(0), outputs["bag"][bag], atol=1e-5)


@pytest.mark.parametrize("name", ["abmil", "gated-abmil"])
def test_attentions_of_classes_that_are_one_and_the_same_are_the_attention_of_all(name):
    one, each = made(name).eval(), made(name, per_class=True).eval()
    assert {key: value.shape for key, value in one.state_dict().items() if key != "weigh.weight"} == {
        key: value.shape for key, value in each.state_dict().items() if key != "weigh.weight"
    }
    with torch.no_grad():
        each.project.load_state_dict(one.project.state_dict())
        each.weigh.weight.copy_(one.weigh.weight.expand(K, -1))
    alone, same = one(*bags()), each(*bags())
    assert all(torch.allclose(same[key], value, atol=1e-6) for key, value in alone.items())
    assert "class_attention" not in alone


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hidden": 0}, "hidden is a width of at least 1, not 0"),
        ({"dropout": 1.0}, "dropout is a probability from 0 up to but not 1, not 1.0"),
        ({"dropout": -0.1}, "dropout is a probability from 0 up to but not 1, not -0.1"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(name, wrong, said):
    with pytest.raises(ValueError, match=said):
        made(name, **wrong)


def test_to_take_none_of_the_instances_is_refused():
    with pytest.raises(ValueError, match="k is a number of instances of at least 1, not 0"):
        made("topk", k=0)


@pytest.mark.parametrize("name", HEADS)
def test_a_recipe_may_say_the_settings_and_leaves_out_what_follows_from_other_parts(name):
    read = signature_of(HEADS[name], name)
    assert set(read.facts) == {"in_features", "num_classes"}
    assert read.check({"hidden": 8, "dropout": 0.2})[1] == []
    assert (read.check({"per_class": True})[1] == []) is ("abmil" in name)
    assert read.check({"hidden": "wide"})[1] != []


@pytest.mark.parametrize("name", ["abmil", "gated-abmil", "max", "topk"])
def test_a_head_taught_with_labels_of_bags_finds_the_instances_that_make_them(name):
    make = torch.Generator().manual_seed(0)
    sizes = torch.randint(2, 12, (60,), generator=make).tolist()
    features, batch = bags(sizes)
    label = torch.arange(60) % 2
    planted = batch["offsets"][:-1][label == 1]
    features[planted, 0] += 4
    head = made(name, **({"k": 1} if name == "topk" else {}))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(head(features, batch)["bag"], label).backward()
        optimizer.step()
    outputs = head.eval()(features, batch)
    assert (outputs["bag"].argmax(1) == label).float().mean() > 0.9
    points = outputs["attention"] if "abmil" in name else outputs["instance"][:, 1]
    found = [int(rows.argmax()) == 0 for rows, known in zip(points.split(sizes), label, strict=True) if known]
    assert sum(found) / len(found) > 0.9
