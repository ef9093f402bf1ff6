"""``zoo-hello``: the plugin that a stranger would write, trained and asked what its head promises."""

import json
import runpy
from pathlib import Path

import pytest
import torch

from zoo.registry import Registry

HELLO = Path(__file__).parent.parent / "plugins" / "zoo-hello"
BATCH = {"offsets": torch.tensor([0, 3, 4, 9])}


@pytest.fixture
def head():
    """Build the head by the door that a recipe would take."""
    torch.manual_seed(0)

    def make(**parameters):
        return Registry().find("heads", "hello-head").load()(in_features=5, num_classes=2, **parameters)

    return make


@pytest.fixture
def features():
    return torch.randn(9, 5, generator=torch.Generator().manual_seed(1))


def test_a_bag_is_the_mean_of_its_instances_where_sharpness_is_small_and_their_maximum_where_it_is_large(
    head, features
):
    for sharpness, of_bag in ((1e-3, lambda rows: rows.mean(dim=0)), (1e3, lambda rows: rows.amax(dim=0))):
        outputs = head(sharpness=sharpness)(features, BATCH)
        bags = [of_bag(outputs["instance"][start:end]) for start, end in ((0, 3), (3, 4), (4, 9))]
        torch.testing.assert_close(outputs["bag"], torch.stack(bags), atol=5e-3, rtol=0)


def test_attention_adds_up_to_one_in_each_bag_and_is_how_the_logits_change(head, features):
    module = head(sharpness=2.0)
    outputs = module(features, BATCH)
    torch.testing.assert_close(
        torch.segment_reduce(outputs["attention"], "sum", offsets=BATCH["offsets"]), torch.ones(3)
    )
    (change,) = torch.autograd.grad(outputs["bag"].sum(), outputs["instance"])
    torch.testing.assert_close(outputs["attention"], change.mean(dim=1))


def test_large_logits_neither_overflow_nor_vanish(head, features):
    outputs = head()(features * 1e4, BATCH)
    assert all(torch.isfinite(value).all() for value in outputs.values())


def test_sharpness_is_learnt(head, features):
    module = head()
    module(features, BATCH)["bag"].sum().backward()
    assert module.log_sharpness.grad.abs() > 0


@pytest.mark.parametrize("sharpness", [0.0, -1.0, float("nan"), float("inf")])
def test_a_sharpness_that_is_none_is_refused(head, sharpness):
    with pytest.raises(ValueError, match=rf"^sharpness is a number above 0, not {sharpness}$"):
        head(sharpness=sharpness)


def test_it_trains_and_is_scored_beside_its_floors_by_its_name(zoo):
    few = ("--set", "train.epochs=1", "--set", "data.items=36", "--set", "train.batch=12")
    code, out, err = zoo("train", "hello-head", *few, "--device", "cpu", "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    assert set(found["scores"]) == set(found["above_floor"])
    assert {"majority", "mean-spectrum"} <= set(found["floors"])
    assert json.loads((Path(found["run"]) / "status.json").read_text())["state"] == "finished"


def test_its_own_test_passes():
    tests = runpy.run_path(str(HELLO / "tests" / "test_hello_head.py"))
    tests["test_hello_head_keeps_what_its_kind_promises"]()


def test_it_passes_the_checks_of_plugins(zoo):
    code, out, err = zoo("plugin", "check", "zoo-hello", "--format", "json")
    assert (code, json.loads(out)["passed"]) == (0, True), err
