"""Transforms that augment draw for every item by itself, and give what torchvision gives for the same numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as reference

from zoo.nn import warp
from zoo.transforms.affine import Affine
from zoo.transforms.blur import Blur
from zoo.transforms.channel_jitter import ChannelJitter
from zoo.transforms.elastic import Elastic
from zoo.transforms.erase import Erase
from zoo.transforms.shot_noise import ShotNoise

EVERY = {
    "affine": lambda **more: Affine(degrees=180, translate=0.15, scale=(0.75, 1.25), shear=15, flip=True, **more),
    "affine that bends": lambda **more: Affine(degrees=20, elastic_alpha=60, **more),
    "elastic": Elastic,
    "erase": lambda p=1.0: Erase(p=p),
    "erase to the mean": lambda p=1.0: Erase(p=p, fill="mean"),
    "erase with noise": lambda p=1.0: Erase(p=p, fill="noise"),
    "channel-jitter": lambda **more: ChannelJitter(brightness=0.3, contrast=0.3, gamma=0.2, **more),
    "blur": lambda p=1.0: Blur(sigma=(0.5, 2.0), p=p),
    "shot-noise": lambda p=1.0: ShotNoise(p=p),
}
every = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def batch(items=6, channels=3, high=32, wide=32, **more):
    make = torch.Generator().manual_seed(1)
    images = 0.1 + 0.8 * torch.rand(items, channels, high, wide, generator=make)
    return {"id": [str(i) for i in range(items)], "image": images, **more}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def is_changed(before, after):
    return (before != after).flatten(1).any(1)


@every
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(make):
    one, transform = batch(), make()
    torch.manual_seed(5)
    first = transform(one, seeded())["image"]
    torch.manual_seed(6)
    assert torch.equal(first, transform(one, seeded())["image"])
    assert not torch.equal(first, transform(one, seeded(1))["image"])


@every
def test_the_batch_given_is_left_as_it_is_and_so_is_what_items_share(make):
    overview = torch.rand(2, 3, 32, 32, generator=seeded(4))
    one = batch(overview=overview.clone(), overview_index=torch.arange(6) % 2, expression=torch.ones(6, 4))
    changed = make()(one, seeded())
    assert torch.equal(one["image"], batch()["image"])
    assert torch.equal(changed["overview"], overview)
    assert torch.equal(changed["expression"], one["expression"])
    assert changed["id"] == one["id"]


@every
def test_items_of_a_batch_have_draws_of_their_own(make):
    one = batch(items=5)
    one["image"] = one["image"][:1].repeat(5, 1, 1, 1)
    changed = make()(one, seeded())["image"]
    assert all(not torch.equal(changed[i], changed[j]) for i in range(5) for j in range(i))


@every
@pytest.mark.parametrize("channels", range(1, 8))
def test_any_number_of_channels_is_taken_and_values_stay_in_0_to_1(make, channels):
    changed = make()(batch(items=3, channels=channels), seeded())["image"]
    assert changed.shape == (3, channels, 32, 32)
    assert changed.dtype == torch.float32
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1


@every
def test_every_instance_of_a_bag_changes_by_itself(make):
    one = batch(items=4)
    image = one.pop("image")[:1].repeat(4, 1, 1, 1)
    bags = {"id": ["a", "b"], "instances": image, "offsets": torch.tensor([0, 3, 4])}
    changed = make()(bags, seeded())["instances"]
    assert changed.shape == image.shape
    assert all(not torch.equal(changed[i], changed[j]) for i in range(4) for j in range(i))


@every
def test_views_of_an_item_change_alike(make):
    one = batch()
    one["neighbourhood"] = one["image"].clone()
    changed = make()(one, seeded())
    assert torch.equal(changed["image"], changed["neighbourhood"])


@every
def test_of_a_share_of_the_items_the_others_stay_as_they_are_to_the_last_digit(make):
    one = batch(items=200, channels=1, high=16, wide=16)
    changed = is_changed(one["image"], make(p=0.3)(one, seeded())["image"])
    assert 0.2 < float(changed.float().mean()) < 0.4
    assert torch.equal(make(p=0.0)(one, seeded())["image"], one["image"])


@every
@pytest.mark.parametrize("budget", [1, 2**13, 2**30])
def test_the_parts_in_which_a_batch_is_worked_on_do_not_show(make, budget, monkeypatch):
    one, transform = batch(items=7), make()
    whole = transform(one, seeded())["image"]
    monkeypatch.setattr(warp, "IN_CACHE", budget)
    assert torch.allclose(transform(one, seeded())["image"], whole, atol=1e-5)


@every
def test_a_batch_of_no_items_stays_one(make):
    changed = make()({"id": [], "image": torch.zeros(0, 3, 8, 8)}, seeded())
    assert changed["image"].shape == (0, 3, 8, 8)


@settings(max_examples=40, deadline=None)
@given(
    low=st.floats(0.01, 0.4),
    more=st.floats(0, 0.5),
    ratio=st.floats(0.2, 1),
    wider=st.floats(1, 10),
    high=st.integers(6, 60),
    wide=st.integers(6, 60),
)
def test_what_is_erased_is_one_rectangle_of_the_size_asked_for(low, more, ratio, wider, high, wide):
    one = batch(items=8, channels=2, high=high, wide=wide)
    scale = (low, low + more)
    changed = Erase(p=1, scale=scale, ratio=(ratio, ratio * wider))(one, seeded())["image"]
    erased = changed == 0
    assert torch.equal(erased[:, 0], erased[:, 1]), "all channels alike"
    assert torch.equal(changed[~erased], one["image"][~erased])
    for item in erased[:, 0]:
        rows, columns = item.any(1).sum(), item.any(0).sum()
        assert int(item.sum()) == int(rows * columns)
        if ratio <= high / wide <= ratio * wider:  # a shape that fits exists: sides are rounded to whole pixels
            assert (rows - 1) * (columns - 1) <= scale[1] * high * wide
            assert (rows + 1) * (columns + 1) >= scale[0] * high * wide


def test_shapes_of_what_is_erased_are_drawn_from_the_range():
    one = batch(items=300, channels=1, high=100, wide=100)
    erased = Erase(p=1)(one, seeded())["image"][:, 0] == 0
    tall = erased.any(2).sum(1) / erased.any(1).sum(1)
    assert 0.25 < float(tall.min()) < 0.4
    assert 2.6 < float(tall.max()) < 3.7
    assert 0.4 < float((tall > 1).float().mean()) < 0.6
    assert erased.any(0).any(0).all(), "up to the sides"
    assert erased.any(0).any(1).all(), "up to the top and the bottom"


def test_erased_places_hold_the_mean_of_their_channel_or_noise():
    one = batch(items=4, channels=3)
    mean = Erase(p=1, fill="mean")(one, seeded())["image"]
    erased = Erase(p=1)(one, seeded())["image"] == 0
    means = one["image"].mean((2, 3), keepdim=True).expand_as(mean)
    assert torch.allclose(mean[erased], means[erased], atol=1e-5)
    noise = Erase(p=1, fill="noise")(one, seeded())["image"][erased]
    assert float(noise.std()) == pytest.approx(1 / math.sqrt(12), rel=0.2)


def test_jitter_gives_each_channel_what_torchvision_gives_a_grey_image_of_it():
    one = batch(items=3, channels=5)
    one["image"] = 0.3 + 0.3 * one["image"]  # torchvision cuts off in between, which these values do not reach
    changed = ChannelJitter(brightness=0.2, contrast=0.3, gamma=0.2)(one, seeded())["image"]
    generator = seeded()
    torch.rand(3, 1, generator=generator)
    factors = 1 + (torch.rand(3, 15, generator=generator).view(3, 5, 3) * 2 - 1) * torch.tensor([0.2, 0.3, 0.2])
    for item in range(3):
        for channel in range(5):
            brightness, contrast, gamma = factors[item, channel].tolist()
            grey = reference.adjust_gamma(one["image"][item, channel : channel + 1], gamma)
            grey = reference.adjust_contrast(reference.adjust_brightness(grey, brightness), contrast)
            assert torch.allclose(changed[item, channel], grey[0], atol=1e-4)
    assert len({round(float(factor), 6) for factor in factors.flatten()}) == factors.numel()


def test_gamma_keeps_black_and_white():
    images = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).repeat(20, 1, 1, 1)
    changed = ChannelJitter(gamma=0.5)({"id": ["a"] * 20, "image": images}, seeded())["image"]
    assert torch.allclose(changed, images, atol=1e-6)


def test_blur_draws_evenly_and_reaches_three_sigmas_or_what_size_says():
    assert Blur(sigma=(0.1, 1.0)).radius == 3
    assert Blur(sigma=(0.1, 1.5)).radius == 5
    assert Blur(size=3).radius == 1
    point = torch.zeros(400, 1, 9, 9)
    point[:, :, 4, 4] = 1
    one = {"id": ["a"] * 400, "image": point}
    blurred = Blur(sigma=(0.5, 1.0), p=1)(one, seeded())["image"][:, 0]
    assert torch.allclose(blurred.sum((1, 2)), torch.ones(400), atol=1e-5)
    sigma = (-2 * (blurred[:, 4, 5] / blurred[:, 4, 4]).log()).rsqrt()
    assert 0.5 <= float(sigma.min()) + 1e-4 < 0.52
    assert 0.98 < float(sigma.max()) <= 1.0 + 1e-4
    assert float(sigma.mean()) == pytest.approx(0.75, abs=0.03)


def test_an_image_smaller_than_the_blur_is_blurred_as_far_as_it_goes():
    images = torch.rand(2, 1, 2, 3, generator=seeded())
    changed = Blur(sigma=(2.0, 2.0), p=1)({"id": ["a", "b"], "image": images}, seeded())["image"]
    assert float(changed.std()) < float(images.std())
    dot = torch.rand(2, 1, 1, 1, generator=seeded())
    assert torch.equal(Blur(p=1)({"id": ["a", "b"], "image": dot}, seeded())["image"], dot)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Affine(degrees=200), "degrees lies between 0 and 180, not 200"),
        (lambda: Affine(translate=-0.1), "translate lies between 0 and 1, not -0.1"),
        (lambda: Affine(shear=90), "shear lies between 0 and 80, not 90"),
        (lambda: Affine(shear=float("nan")), "shear lies between 0 and 80, not nan"),
        (lambda: Affine(scale=(1.2, 0.8)), r"scale is \[smallest, largest\] between 0.01 and 100, not \[1.2, 0.8\]"),
        (lambda: Affine(scale=(0.0, 1.0)), r"scale is \[smallest, largest\] between 0.01 and 100, not \[0.0, 1.0\]"),
        (lambda: Affine(elastic_alpha=-1), "elastic_alpha lies between 0 and 10000, not -1"),
        (lambda: Affine(elastic_sigma=0), "elastic_sigma lies between 1 and 1000, not 0"),
        (lambda: Affine(p=2), "p is a probability between 0 and 1, not 2"),
        (lambda: Elastic(sigma=0.5), "sigma lies between 1 and 1000, not 0.5"),
        (lambda: Elastic(alpha=float("inf")), "alpha lies between 0 and 10000, not inf"),
        (lambda: Erase(scale=(0.5, 1.5)), r"scale is \[smallest, largest\] between 0 and 1, not \[0.5, 1.5\]"),
        (lambda: Erase(ratio=(0.0, 1.0)), r"ratio is \[smallest, largest\] between 0.01 and 100, not \[0.0, 1.0\]"),
        (lambda: ChannelJitter(contrast=3), "contrast lies between 0 and 1, not 3"),
        (lambda: ChannelJitter(gamma=1), "gamma lies between 0 and 0.9, not 1"),
        (lambda: Blur(sigma=(0.0, 1.0)), r"sigma is \[smallest, largest\] between 0.01 and 50, not \[0.0, 1.0\]"),
        (lambda: Blur(size=4), "size is an odd number of pixels between 1 and 300, not 4"),
        (lambda: Blur(p=-1), "p is a probability between 0 and 1, not -1"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_shot_noise_has_the_variance_of_counted_photons_and_of_the_readout():
    level = torch.tensor([0.25, 0.64]).view(2, 1, 1, 1)
    one = {"id": ["dim", "bright"], "image": level.expand(2, 1, 200, 200).clone()}
    found = ShotNoise(photons=(100.0, 100.0), readout=0.02, p=1.0)(one, seeded())["image"]
    assert found.mean((1, 2, 3)).tolist() == pytest.approx([0.25, 0.64], abs=0.002)
    assert found.var((1, 2, 3)).tolist() == pytest.approx([0.0029, 0.0068], rel=0.03)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"photons": (0.0, 5.0)}, "photons is [smallest, largest] between 1 and 1e+06, not [0.0, 5.0]"),
        ({"readout": 2.0}, "readout lies between 0 and 1, not 2.0"),
    ],
)
def test_shot_noise_that_cannot_be_is_refused(settings, sentence):
    with pytest.raises(ValueError) as refused:
        ShotNoise(**settings)
    assert str(refused.value) == sentence
