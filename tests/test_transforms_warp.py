"""Images moved, bent and blurred for given numbers are those of torchvision, and the numbers are drawn as they say."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import ElasticTransform
from torchvision.transforms.v2 import functional as reference

from zoo.nn import warp
from zoo.transforms.affine import Affine
from zoo.transforms.elastic import Elastic


def batch(items=6, channels=3, high=32, wide=32):
    make = torch.Generator().manual_seed(1)
    return {"id": [str(i) for i in range(items)], "image": torch.rand(items, channels, high, wide, generator=make)}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def warped(images, angle=0.0, scale=1.0, shear=0.0, shift=(0.0, 0.0), **more):
    count = len(images)
    inverse = warp.inverse_matrices(
        torch.full((count,), math.radians(angle)),
        torch.full((count,), scale),
        torch.full((count,), math.radians(shear)),
    )
    return warp.warp(images, inverse, torch.tensor([shift] * count), **more)


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(-180, 180),
    scale=st.floats(0.5, 2),
    shear=st.floats(-30, 30),
    right=st.integers(-9, 9),
    down=st.integers(-9, 9),
    high=st.integers(5, 40),
    wide=st.integers(5, 40),
)
def test_moved_images_are_those_of_torchvision(angle, scale, shear, right, down, high, wide):
    images = batch(items=2, channels=2, high=high, wide=wide)["image"]
    expected = reference.affine(
        images, angle, [right, down], scale, [shear, 0.0], interpolation=reference.InterpolationMode.BILINEAR
    )
    # at the very edge of an image rounding decides between it and black
    off = (warped(images, angle, scale, shear, (right / wide, down / high)) - expected).abs()
    assert float((off > 1e-3).float().mean()) < 0.01


def test_affine_draws_evenly_from_the_ranges_it_is_given():
    transform = Affine(degrees=30, translate=0.1, scale=(0.5, 2.0), shear=10, flip=True)
    numbers = torch.rand(4000, 8, generator=seeded())
    inverse, shift = transform._maps(numbers)
    forward = torch.linalg.inv(inverse)
    zoom = forward.det().abs().sqrt()
    assert 0.5 <= float(zoom.min()) < 0.52
    assert 1.98 < float(zoom.max()) <= 2.0
    assert 0.099 < float(shift.abs().max()) <= 0.1
    mirrored = (forward.det() < 0).float().mean()
    assert 0.45 < float(mirrored) < 0.55
    unflipped, _ = Affine(degrees=30)._maps(numbers)
    angle = torch.atan2(unflipped[:, 0, 1], unflipped[:, 0, 0]).rad2deg()
    assert -30 <= float(angle.min()) < -29.5
    assert 29.5 < float(angle.max()) <= 30


def test_affine_with_nothing_to_do_but_mirror_gives_mirrored_images():
    one = batch(items=40)
    changed = Affine(flip=True)(one, seeded())["image"]
    ways = [one["image"].flip(dims) for dims in ([], [2], [3], [2, 3])]
    near = torch.stack([(changed - way).abs().amax((1, 2, 3)) < 1e-4 for way in ways])
    assert near.any(0).all()
    assert near.any(1).all(), "each of the four ways occurs"


@pytest.mark.parametrize(("fill", "expected"), [("zeros", 0.0), ("border", 0.25), ("reflect", 0.75)])
def test_what_lies_outside_is_what_fill_says(fill, expected):
    images = torch.full((1, 1, 8, 8), 0.75)
    images[..., 0] = 0.25
    moved = warped(images, shift=(0.5, 0.0), fill=fill)
    assert float(moved[0, 0, 4, 1]) == pytest.approx(expected, abs=1e-5)


def displacement_of_torchvision(side, alpha, sigma):
    """Pixels, away from the border, where torchvision's noise is reflected."""
    torch.manual_seed(0)
    drawn = ElasticTransform(alpha, sigma).make_params([torch.zeros(1, side, side)])["displacement"][0]
    margin = int(3 * sigma)
    return drawn.permute(2, 0, 1)[:, margin:-margin, margin:-margin] * side / 2


def displacement_of_ours(side, alpha, sigma):
    """Pixels by which a ramp along x, and one along y, is moved."""
    ramp = ((torch.arange(side) + 0.5) / side).expand(1, 1, side, side)
    images = torch.cat([ramp, ramp.transpose(2, 3)], dim=1)
    moved = Elastic(alpha=alpha, sigma=sigma)({"image": images, "id": ["a"]}, seeded())["image"] - images
    margin = int(3 * sigma)
    return moved[0, :, margin:-margin, margin:-margin] * side


def correlation(field, step):
    along = (field[..., step:] * field[..., :-step]).mean()
    down = (field[:, step:] * field[:, :-step]).mean()
    return float((along + down) / 2 / field.square().mean())


@pytest.mark.parametrize(("alpha", "sigma"), [(60, 6), (20, 3)])
def test_images_bend_as_far_and_as_smoothly_as_torchvision_bends_them(alpha, sigma):
    theirs, ours = (make(450, alpha, sigma) for make in (displacement_of_torchvision, displacement_of_ours))
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.1)
    for step in (sigma // 2, sigma, 2 * sigma):
        assert correlation(ours, step) == pytest.approx(correlation(theirs, step), abs=0.05)
        assert correlation(ours, step) == pytest.approx(math.exp(-(step**2) / (4 * sigma**2)), abs=0.07)


def test_bending_moves_every_pixel_alike_wherever_it_lies():
    bend = warp.Bend(60, 6)
    spread = warp._spread(97, 6, torch.device("cpu"))
    moved = spread @ bend.noise(800, (97, 97), seeded()) @ spread.T
    assert float(moved.std(dim=(0, 1)).max() / moved.std(dim=(0, 1)).min()) < 1.25
    assert float(moved.std()) == pytest.approx(0.0814 * 60 / 6, rel=0.03)


def test_an_image_that_is_turned_and_bent_in_one_step_is_the_one_turned_and_then_bent():
    smooth = torch.nn.functional.interpolate(torch.rand(1, 1, 6, 6, generator=seeded()), size=96, mode="bicubic")
    noise = warp.Bend(60, 6).noise(1, (96, 96), seeded())
    still = warped(warped(smooth, 40, 1.1), displaced=noise, sigma=6)
    once = warped(smooth, 40, 1.1, displaced=noise, sigma=6)
    middle = (slice(None), slice(None), slice(30, 66), slice(30, 66))
    assert torch.allclose(once[middle], still[middle], atol=0.01)
    assert not torch.allclose(once[middle], warped(smooth, 40, 1.1)[middle], atol=0.01)


@settings(max_examples=30, deadline=None)
@given(sigma=st.floats(0.1, 3), radius=st.integers(1, 5), high=st.integers(7, 30), wide=st.integers(7, 30))
def test_a_blurred_image_is_that_of_torchvision(sigma, radius, high, wide):
    images = batch(items=2, channels=2, high=high, wide=wide)["image"]
    size = 2 * radius + 1
    expected = reference.gaussian_blur(images, [size, size], [sigma, sigma])
    assert torch.allclose(warp.blurred(images, torch.full((2,), sigma), radius), expected, atol=1e-5)
