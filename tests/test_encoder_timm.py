"""The timm encoder: its normalisation, its weights, and what it says when these cannot be had."""

import pytest
import torch

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
