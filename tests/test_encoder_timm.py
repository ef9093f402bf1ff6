"""The timm encoder: its normalisation, its weights, and what it says when these cannot be had."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from zoo.encoders.timm import Timm
from zoo.errors import NetworkError
from zoo.nn import weights


def test_weights_that_cannot_be_fetched_get_one_sentence_quickly():
    with pytest.raises(NetworkError) as error:
        Timm(model="resnet18", in_chans=3, pretrained=True)
    assert "the pretrained weights of 'resnet18' cannot be fetched" in str(error.value)
    assert "set pretrained: false" in str(error.value)
    assert error.value.exit_code == 4


def test_no_weights_are_fetched_where_trained_ones_follow():
    with weights.follow():
        assert Timm(model="resnet18", in_chans=3, pretrained=True).out_features == 512


def test_an_image_of_the_models_own_mean_becomes_zero_before_the_first_layer():
    encoder = Timm(model="test_resnet.r160_in1k", in_chans=3).eval()
    seen = []
    encoder.net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder({"image": encoder.mean.expand(1, 3, 32, 32)})
    assert torch.allclose(seen[0], torch.zeros(1))


def test_other_than_three_channels_share_the_average_mean():
    five = Timm(model="test_resnet.r160_in1k", in_chans=5)
    three = Timm(model="test_resnet.r160_in1k", in_chans=3)
    assert torch.allclose(five.mean, three.mean.mean().expand(1, 5, 1, 1))
    assert "mean" not in five.state_dict(), "constants do not travel with the weights"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Let timm find weights for ``test_resnet`` in a file, and return them."""
    torch.manual_seed(0)
    make, model = timm.create_model, timm.create_model("test_resnet.r160_in1k", num_classes=0)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    there = {"file": str(tmp_path / "weights.safetensors"), "num_classes": 0}
    monkeypatch.setattr(timm, "create_model", lambda name, **said: make(name, pretrained_cfg_overlay=there, **said))
    return model.state_dict()


def first(encoder):
    return encoder.net.state_dict()["conv1.0.weight"]


def test_a_fourth_channel_begins_from_red_again_and_all_are_scaled_unless_told(published):
    rgb = published["conv1.0.weight"]
    found = first(Timm(model="test_resnet.r160_in1k", in_chans=4, pretrained=True))
    assert torch.allclose(found, torch.cat([rgb, rgb[:, :1]], dim=1) * 3 / 4)


@pytest.mark.parametrize("chans", [3, 4, 6])
def test_channels_beyond_three_begin_from_the_mean_of_the_three_that_stay_as_they_are(published, chans):
    encoder = Timm(model="test_resnet.r160_in1k", in_chans=chans, pretrained=True, extra_chans="mean")
    rgb, found = published["conv1.0.weight"], first(encoder)
    assert torch.equal(found[:, :3], rgb)
    assert torch.allclose(found[:, 3:], rgb.mean(1, keepdim=True).expand(-1, chans - 3, -1, -1))
    others = {name: value for name, value in encoder.net.state_dict().items() if value.shape != found.shape}
    assert all(torch.equal(value, published[name]) for name, value in others.items())
    three = Timm(model="test_resnet.r160_in1k", in_chans=3)
    assert torch.equal(encoder.mean[:, :3], three.mean)
    assert torch.allclose(encoder.std[:, 3:], three.std.mean().expand(1, chans - 3, 1, 1))
    assert encoder({"image": torch.rand(2, chans, 32, 32)}).shape == (2, encoder.out_features)
    assert encoder.provenance["name"] == "timm/test_resnet.r160_in1k"


def test_a_trained_encoder_of_four_channels_is_taken_up_again_whatever_they_began_from(published):
    settings = {"model": "test_resnet.r160_in1k", "in_chans": 4, "pretrained": True, "extra_chans": "mean"}
    trained = Timm(**settings).eval()
    with weights.follow():
        again = Timm(**settings).eval()
    again.load_state_dict(trained.state_dict())
    image = {"image": torch.rand(2, 4, 32, 32)}
    assert torch.equal(again(image), trained(image))


def test_the_mean_of_three_channels_needs_three():
    with pytest.raises(ValueError, match="extra_chans: mean is for data of three channels or more, and these have 2"):
        Timm(model="test_resnet.r160_in1k", in_chans=2, extra_chans="mean")
    with pytest.raises(ValueError, match=r"extra_chans: mean: '.*' of 'tresnet_m' is .* say extra_chans: timm"):
        Timm(model="tresnet_m", in_chans=4, extra_chans="mean")
