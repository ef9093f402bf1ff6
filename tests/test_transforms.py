"""Transforms change whole batches as they say, and draw from nothing but their generator."""

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from zoo.transforms.colour_jitter import ColourJitter
from zoo.transforms.flip import Flip
from zoo.transforms.rotate import Rotate


def batch(items=8, channels=3, side=12):
    make = torch.Generator().manual_seed(1)
    return {
        "id": [str(i) for i in range(items)],
        "image": torch.rand(items, channels, side, side, generator=make),
        "neighbourhood": torch.rand(items, channels, side, side, generator=make),
        "overview": torch.rand(2, channels, side, side, generator=make),
        "overview_index": torch.arange(items) % 2,
        "expression": torch.rand(items, 5, generator=make),
    }


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


ALL = [Flip(), Rotate(), Rotate(degrees=90), ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4)]


@pytest.mark.parametrize("transform", ALL, ids=lambda t: type(t).__name__)
def test_the_same_generator_gives_the_same_batch_and_the_one_given_is_left_as_it_is(transform):
    one, before = batch(), batch()
    torch.manual_seed(5)
    first = transform(one, seeded())
    torch.manual_seed(6)
    second = transform(one, seeded())
    assert torch.equal(first["image"], second["image"])
    assert not torch.equal(first["image"], transform(one, seeded(1))["image"])
    assert torch.equal(one["image"], before["image"])
    assert torch.equal(first["expression"], before["expression"])
    assert torch.equal(first["overview"], before["overview"]), "what several items share stays as it is"


@pytest.mark.parametrize("transform", [Flip(), Rotate()])
def test_all_views_of_an_item_are_turned_alike(transform):
    one = batch()
    one["neighbourhood"] = one["image"].clone()
    changed = transform(one, seeded())
    assert torch.equal(changed["image"], changed["neighbourhood"])


@pytest.mark.parametrize("transform", [Flip(), Rotate(), Flip(vertical=False)])
def test_flips_and_quarter_turns_lose_no_pixel_and_use_every_way(transform):
    one = batch(items=64, channels=5)
    changed = transform(one, seeded())["image"]
    assert torch.equal(changed.flatten(2).sort().values, one["image"].flatten(2).sort().values)
    same = (changed == one["image"]).flatten(1).all(1).float().mean()
    assert 0.1 < same < 0.7
    if not getattr(transform, "dimensions", (3, 2))[1:]:
        assert torch.equal(changed.sort(dim=3).values, one["image"].sort(dim=3).values), "rows stay where they were"


def test_turning_by_an_angle_agrees_with_torchvision():
    one = batch(items=1, side=31)
    turned = Rotate(degrees=180)(one, seeded(3))["image"]
    angle = float((torch.rand(1, 1, generator=seeded(3)) * 2 - 1) * 180)
    expected = [reference.rotate(one["image"], sign * angle, reference.InterpolationMode.BILINEAR) for sign in (1, -1)]
    assert min(float((turned - image).abs().mean()) for image in expected) < 0.01


def test_jitter_agrees_with_torchvision_item_by_item():
    one = batch(items=4)
    jitter = ColourJitter(brightness=0.3, contrast=0.3, saturation=0.3)
    changed = jitter(one, seeded())["image"]
    factors = 1 + (torch.rand(4, 3, generator=seeded()) * 2 - 1) * 0.3
    for item, (brightness, contrast, saturation) in enumerate(factors.tolist()):
        image = reference.adjust_brightness(one["image"][item], brightness)
        image = reference.adjust_saturation(reference.adjust_contrast(image, contrast), saturation)
        assert torch.allclose(changed[item], image, atol=2e-3)


@pytest.mark.parametrize("channels", [1, 4, 6])
def test_jitter_takes_any_number_of_channels(channels):
    changed = ColourJitter(brightness=0.3, contrast=0.3)(batch(channels=channels), seeded())["image"]
    assert changed.shape[1] == channels
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Flip(p=1.5), "p is a probability between 0 and 1, not 1.5"),
        (lambda: Rotate(degrees=400), "degrees lies between 0 and 180, not 400"),
        (lambda: ColourJitter(contrast=3), "contrast lies between 0 and 1, not 3"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(make, said):
    with pytest.raises(ValueError, match=said):
        make()
