"""The spectral encoder sees single pixels and their bands, each tile by itself."""

import pytest
import torch

from zoo_cars.encoders.han_spectral import HanSpectral


def made(**options):
    torch.manual_seed(0)
    return HanSpectral(in_chans=12, **options).eval()


def test_features_have_the_size_that_is_declared_for_any_number_of_bands():
    for bands in (4, 31, 100):
        encoder = HanSpectral(in_chans=bands, width=8)
        assert encoder({"image": torch.randn(3, bands, 6, 6)}).shape == (3, encoder.out_features) == (3, 16)


def test_a_tile_does_not_see_the_others_of_its_batch():
    encoder, tiles = made(), torch.randn(5, 12, 8, 8)
    alone = torch.cat([encoder({"image": tile[None]}) for tile in tiles])
    assert torch.allclose(encoder({"image": tiles}), alone, atol=1e-5)


def test_without_neighbours_a_tile_is_a_set_of_pixels():
    encoder, tile = made(blocks=0), torch.randn(1, 12, 4, 4)
    shuffled = tile.flatten(2)[:, :, torch.randperm(16)].reshape(1, 12, 4, 4)
    assert torch.allclose(encoder({"image": tile}), encoder({"image": shuffled}), atol=1e-5)
    assert not torch.allclose(made(blocks=1)({"image": tile}), made(blocks=1)({"image": shuffled}), atol=1e-3)


def test_one_pixel_that_differs_is_not_averaged_away():
    encoder, tile = made(blocks=0), torch.zeros(1, 12, 16, 16)
    one = tile.clone()
    one[0, 3, 5, 5] = 8.0
    assert (encoder({"image": one}) - encoder({"image": tile})).abs().max() > 0.1


def test_every_parameter_gets_a_gradient_and_the_weights_of_bands_lie_between_0_and_2():
    encoder, tiles = made(), torch.randn(4, 12, 6, 6)
    encoder({"image": tiles}).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())
    weights = encoder.weights(tiles)
    assert weights.shape == (4, 12)
    assert ((weights > 0) & (weights < 2)).all()


@pytest.mark.parametrize("options", [{"width": 0}, {"hidden": 0}, {"depth": 0}, {"blocks": -1}])
def test_sizes_that_make_no_network_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} is a number of at least"):
        HanSpectral(in_chans=4, **options)
