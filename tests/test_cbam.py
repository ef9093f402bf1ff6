"""Attention over channels and places: what it computes, where it stands in a model, and what it leaves alone."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from zoo.encoders.timm import Timm
from zoo.errors import UsageError
from zoo.model import Model, Trainee
from zoo.nn import weights
from zoo.nn.cbam import Attention, Cbam
from zoo.optim import make_optimizer
from zoo.package import _without_values
from zoo.schema import TrainSettings
from zoo.signature import signature_of

PLACES = ["last", "blocks", [1], [2, 4]]
RESNETS = ["resnet10t", "resnet18", "test_resnet"]
OTHERS = ["test_convnext", "test_efficientnet", "regnety_002", "mobilenetv3_small_050"]


def made(model="test_resnet", at="last", in_chans=3, seed=0, **settings):
    torch.manual_seed(seed)
    return Timm(model=model, in_chans=in_chans, cbam=Attention(at=at, **settings) if at else None)


def awake(encoder):
    """Take attention, and blocks, away from first values at which places count alike and a block adds nothing."""
    torch.manual_seed(1)
    for module in encoder.modules():
        if isinstance(module, Cbam):
            for parameter in module.parameters():
                nn.init.normal_(parameter)
        elif isinstance(module, nn.BatchNorm2d) and not module.weight.any():
            nn.init.normal_(module.weight)
    return encoder.eval()


def images(in_chans=3, items=2, size=64):
    return {"image": torch.rand(items, in_chans, size, size, generator=torch.Generator().manual_seed(0))}


def by_hand(x, cbam):
    """Compute the attention of one item [C, h, w] with loops over channels and places."""
    first, _, second = cbam.channel

    def mlp(values):
        hidden = (first.weight @ values + (0 if first.bias is None else first.bias)).clamp(min=0)
        return second.weight @ hidden + (0 if second.bias is None else second.bias)

    flat = x.flatten(1)
    channel = torch.sigmoid(mlp(flat.sum(1) / flat.shape[1]) + mlp(torch.stack([row.max() for row in flat])))
    x = torch.stack([weight * plane for weight, plane in zip(channel, x, strict=True)])
    both = torch.stack([x.max(dim=0).values, x.sum(0) / len(x)])
    reach = cbam.spatial.weight.shape[-1] // 2
    wide = nn.functional.pad(both, [reach] * 4)
    place = torch.empty(x.shape[1:])
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            window = wide[:, row : row + 2 * reach + 1, column : column + 2 * reach + 1]
            place[row, column] = (window * cbam.spatial.weight[0]).sum()
    if cbam.norm is not None:
        spread = (cbam.norm.running_var + 1e-5).sqrt()
        place = (place - cbam.norm.running_mean) / spread * cbam.norm.weight + cbam.norm.bias
    return x * torch.sigmoid(place)


@pytest.mark.parametrize("settings", [{}, {"norm": False, "bias": False}, {"kernel": 3, "reduction": 2}])
def test_the_attention_is_that_of_the_paper_channel_by_channel_and_place_by_place(settings):
    cbam = awake(Cbam(6, **settings))
    if cbam.norm is not None:
        cbam.norm.running_mean.fill_(0.3)
        cbam.norm.running_var.fill_(2.5)
    x = torch.randn(3, 6, 5, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, wanted = cbam(x), torch.stack([by_hand(item, cbam) for item in x])
    assert found.shape == x.shape
    assert torch.allclose(found, wanted, atol=1e-6)
    assert not torch.allclose(found, x, atol=0.1)


@pytest.mark.parametrize(("channels", "hidden"), [(64, 4), (8, 1), (1, 1), (20, 1)])
def test_the_hidden_layer_has_a_number_even_where_channels_are_few(channels, hidden):
    cbam = Cbam(channels, reduction=16)
    assert cbam.channel[0].weight.shape == (hidden, channels)
    assert cbam(torch.rand(2, channels, 3, 3)).shape == (2, channels, 3, 3)


def test_a_map_keeps_its_memory_format_and_its_size_down_to_a_single_place():
    cbam = Cbam(8)
    last = torch.rand(2, 8, 7, 5).contiguous(memory_format=torch.channels_last)
    assert cbam(last).is_contiguous(memory_format=torch.channels_last)
    assert cbam(torch.rand(2, 8, 1, 1)).shape == (2, 8, 1, 1)
    assert torch.allclose(cbam.eval()(last), cbam(last.contiguous()), atol=1e-6)


def test_at_first_every_place_counts_one_half_and_both_layers_of_the_channels_have_no_bias_yet():
    cbam = Cbam(8).eval()
    x = torch.rand(2, 8, 4, 4)
    ratio = cbam(x) / x
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio), atol=1e-6)
    channel = torch.sigmoid(cbam.channel(x.mean((2, 3))) + cbam.channel(x.amax((2, 3))))
    assert torch.allclose(ratio[:, :, 0, 0], channel / 2, atol=1e-6)
    assert not cbam.channel[0].bias.any()
    bare = [name for name, _ in Cbam(8, norm=False, bias=False).named_parameters()]
    assert bare == ["channel.0.weight", "channel.2.weight", "spatial.weight"]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("model", RESNETS)
@pytest.mark.parametrize("in_chans", [2, 5])
def test_resnets_of_any_channels_take_it_at_every_place_and_all_its_weights_learn(model, at, in_chans):
    encoder = awake(made(model, at, in_chans)).train()
    found = encoder(images(in_chans))
    assert found.shape == (2, encoder.out_features)
    (found * torch.randn(found.shape)).sum().backward()
    attention = [module for module in encoder.modules() if getattr(module, "part", None) == "attention"]
    blocks = {"resnet10t": 4, "resnet18": 8, "test_resnet": 4}[model]
    assert len(attention) == (blocks if at == "blocks" else 1 if at == "last" else len(at))
    for module in attention:
        assert [n for n, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("at", ["last", [1, 3]])
@pytest.mark.parametrize("model", OTHERS)
def test_other_models_take_it_at_the_end_and_after_stages(model, at):
    encoder = awake(made(model, at, in_chans=4))
    batch = images(4)
    with torch.no_grad():
        before = encoder(batch)
        assert before.shape == (2, encoder.out_features)
        assert torch.equal(before, encoder.pooled(encoder.mapped(batch)))
        for module in encoder.modules():
            if isinstance(module, Cbam):
                module.norm.bias.add_(5)
        assert not torch.allclose(encoder(batch), before, rtol=0.01, atol=0)


@pytest.mark.parametrize("model", ["test_resnet", "test_convnext", "test_efficientnet", "test_mambaout", "test_vit"])
def test_without_it_a_model_computes_what_it_always_did(model):
    encoder = made(model, at=None).eval()
    size = 160 if model == "test_vit" else 64
    image = images(size=size)["image"]
    with torch.no_grad():
        wanted = encoder.net(((image - encoder.mean) / encoder.std).contiguous(memory_format=torch.channels_last))
        assert torch.equal(encoder({"image": image}), wanted)
    assert all(name.startswith("net.") for name in encoder.state_dict())


@pytest.mark.parametrize("at", PLACES)
def test_the_rest_of_the_model_begins_as_it_would_without(at):
    plain, with_it = made(at=None).state_dict(), made(at=at).state_dict()
    assert plain.keys() <= with_it.keys()
    assert all(torch.equal(value, with_it[name]) for name, value in plain.items())
    new = with_it.keys() - plain.keys()
    assert all(name.startswith("cbam.") or ".se." in name for name in new)


@pytest.mark.parametrize("at", [None, *PLACES])
def test_the_map_pooled_is_the_same_as_calling_the_encoder_and_has_a_gradient(at):
    encoder = awake(made("resnet10t", at))
    batch = images(items=3)
    found = encoder.mapped(batch)
    assert found.shape == (3, encoder.out_features, 2, 2)
    pooled = encoder.pooled(found)
    assert torch.equal(pooled, encoder(batch))
    (gradient,) = torch.autograd.grad(pooled.sum(), found)
    assert gradient.abs().sum() > 0


def test_a_map_whose_model_keeps_channels_last_comes_with_channels_first_and_stages_are_refused():
    with pytest.raises(ValueError, match=r"'test_mambaout' has no stages to stand after, not \[1, 3\]; say at: last"):
        made("test_mambaout", [1, 3])
    encoder = awake(made("test_mambaout", "last"))
    assert encoder.mapped(images()).shape == (2, 64, 2, 2)
    assert encoder.pooled(encoder.mapped(images())).shape == (2, 256) == (2, encoder.out_features)


@pytest.mark.parametrize("at", PLACES)
def test_a_deep_copy_has_attention_of_its_own(at):
    encoder = awake(made(at=at))
    other = copy.deepcopy(encoder)
    batch = images()
    with torch.no_grad():
        before = encoder(batch)
        assert torch.equal(other(batch), before)
        for module in other.modules():
            if isinstance(module, Cbam):
                module.channel[2].weight.mul_(-3)
        assert not torch.allclose(other(batch), before)
        assert torch.equal(encoder(batch), before)


@pytest.mark.parametrize("at", PLACES)
def test_a_package_is_built_without_values_and_computes_what_was_stored(at):
    trained = awake(made("resnet10t", at, in_chans=5))
    stored = Model(trained, nn.Linear(trained.out_features, 2)).state_dict()
    with weights.follow():
        empty = _without_values(lambda: Model(made("resnet10t", at, in_chans=5), nn.Linear(trained.out_features, 2)))
    assert all(parameter.is_meta for parameter in empty.parameters())
    empty.load_state_dict(stored, assign=True)
    with torch.no_grad():
        assert torch.equal(empty.encoder.eval()(images(5)), trained(images(5)))


def test_the_attention_learns_at_the_rate_that_a_recipe_gives_it():
    encoder = made(at=[3, 4])
    trainee = Trainee(Model(encoder, nn.Linear(encoder.out_features, 2)), nn.CrossEntropyLoss())
    rates = {"encoder": 1e-4, "encoder.attention": 5e-4, "head": 1e-3}
    groups = make_optimizer(trainee.parts(), TrainSettings(lr=rates)).param_groups
    at_rate = {group["lr"]: {id(parameter) for parameter in group["params"]} for group in groups}
    assert at_rate[5e-4] == {id(parameter) for parameter in encoder.cbam.parameters()}
    assert at_rate[1e-4] == {id(parameter) for parameter in encoder.net.parameters()}


def test_published_weights_reach_a_model_with_attention_in_its_blocks(monkeypatch):
    import timm

    create, wanted = timm.create_model, {}

    def fetched(model, *, pretrained, **options):
        net = create(model, pretrained=False, **options)
        if pretrained:  # the network is off: let these be the weights that would have come
            for parameter in net.parameters():
                nn.init.normal_(parameter)
            wanted.update(net.state_dict())
        return net

    monkeypatch.setattr(timm, "create_model", fetched)
    encoder = Timm(model="test_resnet", in_chans=3, pretrained=True, cbam=Attention(at="blocks"))
    assert wanted
    assert all(torch.equal(encoder.net.state_dict()[name], value) for name, value in wanted.items())
    assert encoder.provenance["name"] == "timm/test_resnet.r160_in1k"
    assert not any(module.norm.weight.any() for module in encoder.modules() if isinstance(module, Cbam))


@pytest.mark.parametrize("model", ["test_convnext", "test_efficientnet", "seresnet18", "test_vit"])
def test_blocks_that_cannot_take_it_are_refused_with_a_model_that_can(model):
    with pytest.raises(ValueError) as error:
        made(model, "blocks")
    assert str(error.value) == (
        f"cbam.at: '{model}' is no plain ResNet, whose blocks can take it; choose one (resnet50), or say at: last"
    )


def test_a_model_without_maps_is_refused_before_a_batch_is_read():
    with pytest.raises(
        ValueError, match=r"cbam: the model 'test_vit' makes no map .* choose one that does, such as res"
    ):
        made("test_vit", "last")
    with pytest.raises(ValueError, match="a stage that cbam stands after makes no map of 64 channels; say at: last"):
        made("test_vit", [2])
    with pytest.raises(UsageError, match="the model 'test_vit' makes no map that could be looked at place by place"):
        made("test_vit", None).mapped(images(size=160))


def test_a_stage_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError) as error:
        made("resnet10t", [2, 5])
    there = "stages 1 to 4 (layer1, layer2, layer3, layer4)"
    assert str(error.value) == f"cbam.at: 'resnet10t' has {there} to stand after, not [2, 5]; say at: last"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"at": []}, r"at lists stages, each once and counted from 1, not \[\]"),
        ({"at": [0, 1]}, r"each once and counted from 1, not \[0, 1\]"),
        ({"at": [2, 2]}, r"each once and counted from 1, not \[2, 2\]"),
        ({"reduction": 0}, "reduction is a number of channels of at least 1, not 0"),
        ({"kernel": 4}, "kernel is an odd number of pixels, .* not 4"),
        ({"kernel": -1}, "kernel is an odd number of pixels, .* not -1"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(settings, said):
    with pytest.raises(ValueError, match=said):
        Attention(**settings)


def test_a_recipe_says_where_it_stands_and_need_not_say_anything():
    schema = signature_of(Timm, "timm")
    assert schema.check({"model": "resnet18"})[0]["cbam"] is None
    values, mistakes = schema.check({"model": "resnet18", "cbam": {"at": [3, 4], "norm": False}})
    assert not mistakes
    assert values["cbam"] == Attention(at=[3, 4], norm=False)
    assert schema.check({"model": "resnet18", "cbam": {}})[0]["cbam"] == Attention()
    for wrong in ({"at": "first"}, {"att": "last"}, {"kernel": 4}):
        assert schema.check({"model": "resnet18", "cbam": wrong})[1], wrong


@pytest.mark.parametrize("model", ["mobilenetv3_small_050", "test_mambaout", "test_resnet"])
def test_the_features_promised_are_those_that_come(model):
    encoder = made(model, at=None).eval()
    with torch.no_grad():
        assert encoder(images(items=1, size=64)).shape == (1, encoder.out_features)
