"""The head ``mlp``: layers as they are stated, dropout where it is stated, and logits that a loss can take."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zoo.errors import UsageError
from zoo.heads.mlp import Mlp
from zoo.losses.cross_entropy import CrossEntropy
from zoo.signature import plain, signature_of

F, K = 6, 3


def made(**settings):
    torch.manual_seed(0)
    return Mlp(in_features=F, num_classes=K, **settings)


def features(items=5):
    return torch.randn(items, F, generator=torch.Generator().manual_seed(0))


def test_the_published_head_is_layer_for_layer_what_was_published():
    head = Mlp(in_features=2048, num_classes=300, sizes=(1024, 512), dropout=(0.5, 0.4, 0.3))
    kinds = [nn.Dropout, *[nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout] * 2, nn.Linear]
    assert [type(layer) for layer in head.layers] == kinds
    assert [layer.p for layer in head.layers if isinstance(layer, nn.Dropout)] == [0.5, 0.4, 0.3]
    linear = [(layer.in_features, layer.out_features) for layer in head.layers if isinstance(layer, nn.Linear)]
    assert linear == [(2048, 1024), (1024, 512), (512, 300)]


def test_without_sizes_it_is_one_linear_layer():
    head = made()
    (linear,) = [layer for layer in head.layers if isinstance(layer, nn.Linear)]
    wanted = features() @ linear.weight.T + linear.bias
    assert torch.allclose(head(features(), {})["logits"], wanted, atol=1e-6)


@given(sizes=st.lists(st.integers(1, 9), max_size=3), share=st.sampled_from([0.0, 0.4]), norm=st.booleans())
def test_it_gives_logits_of_every_item_and_every_layer_learns(sizes, share, norm):
    head = made(sizes=tuple(sizes), dropout=share, norm=norm).train()
    assert sum(isinstance(layer, nn.Dropout) and layer.p == share for layer in head.layers) == len(sizes) + 1
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in head.layers) == norm * len(sizes)
    outputs = head(features(), {})
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {"logits": (5, K)}
    CrossEntropy(num_classes=K)(outputs, {"label": torch.tensor([0, 1, 2, 0, 1])}).backward()
    assert [name for name, parameter in head.named_parameters() if parameter.grad is None] == []


def test_dropout_acts_in_training_and_not_in_evaluation():
    head = made(sizes=(8,), dropout=0.5)
    torch.manual_seed(0)
    one, other = (head.train()(features(), {})["logits"] for _ in range(2))
    assert not torch.equal(one, other)
    assert torch.equal(*(head.eval()(features(), {})["logits"] for _ in range(2)))


def test_in_evaluation_an_item_alone_has_the_logits_it_has_in_company():
    head = made(sizes=(8, 4)).eval()
    together = head(features(), {})["logits"]
    for row in range(5):
        assert torch.allclose(head(features()[row : row + 1], {})["logits"], together[row : row + 1], atol=1e-6)


def test_a_batch_of_one_item_cannot_be_trained_on_where_it_is_normalised():
    with pytest.raises(UsageError) as error:
        made(sizes=(8,)).train()(features(1), {})
    assert str(error.value) == (
        "a batch of 1 item cannot be normalised, at least 2 can; "
        "set train.batch higher, train.drop_last: true, or head.norm: false"
    )
    for head in (made(sizes=(8,), norm=False), made()):
        assert head.train()(features(1), {})["logits"].shape == (1, K)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sizes": (4, 0)}, r"sizes are widths of at least 1, not \[4, 0\]"),
        ({"sizes": (4,), "dropout": (0.5,)}, "one before each linear layer; 1 sizes make 2 linear layers, not 1"),
        ({"dropout": (0.5, 0.4)}, "0 sizes make 1 linear layers, not 2"),
        ({"dropout": 1.0}, "dropout is a probability from 0 up to but not 1, not 1.0"),
        ({"sizes": (4,), "dropout": (0.5, -0.1)}, "from 0 up to but not 1, not -0.1"),
        ({"dropout": float("nan")}, "from 0 up to but not 1, not nan"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(settings, said):
    with pytest.raises(ValueError, match=said):
        made(**settings)


def test_a_recipe_states_lists_and_its_filled_form_is_the_same_again():
    schema = signature_of(Mlp, "mlp")
    stated = {"sizes": [1024, 512], "dropout": [0.5, 0.4, 0.3]}
    values, mistakes = schema.check(stated)
    assert not mistakes
    head = Mlp(**{**values, "in_features": F, "num_classes": K})
    assert [layer.p for layer in head.layers if isinstance(layer, nn.Dropout)] == [0.5, 0.4, 0.3]
    filled = {key: value for key, value in plain(schema.model, stated).items() if value is not None}
    assert filled == {**stated, "norm": True}
    assert schema.check({"sizes": [8], "dropout": 0.5})[0]["dropout"] == 0.5
    assert set(schema.facts) == {"in_features", "num_classes"}
