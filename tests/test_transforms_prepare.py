"""Transforms that prepare fields by themselves: even contrast, smoothing, one size."""

import cv2
import numpy as np
import pytest
import torch
from field_images import IMAGES, applied, made, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from scipy import ndimage
from torchvision.transforms.v2 import functional as reference

from zoo.nn.reflect import reflected
from zoo.transforms.channel_normalise import ChannelNormalise
from zoo.transforms.clahe import Clahe
from zoo.transforms.denoise import Denoise
from zoo.transforms.percentile_scale import PercentileScale
from zoo.transforms.resize import Resize

LOOK_UP = "bilinear mean of tables that OpenCV rounds first"
EACH = [
    Clahe(),
    PercentileScale(per="image"),
    ChannelNormalise(per="image"),
    ChannelNormalise(mean=[0.4, 0.5, 0.6], std=[0.1, 0.2, 0.3]),
    Denoise(),
    Resize(size=(9, 14)),
]


def evened_by_opencv(image, clip=2.0, tiles=8):
    clahe = cv2.createCLAHE(clip, (tiles, tiles))
    return np.stack([[clahe.apply(channel) for channel in item] for item in image])


def grey_levels_apart(image, *, clip=2.0, tiles=8):
    ours = applied(Clahe(clip=clip, tiles=tiles), image).numpy() * 255
    return float(np.abs(ours - evened_by_opencv(image, clip, tiles)).max())


@pytest.mark.parametrize("transform", EACH, ids=lambda one: type(one).__name__)
def test_what_prepares_draws_nothing_and_leaves_the_batch_and_what_is_shared_as_they_are(transform):
    batch = {"id": ["a", "b"], "image": made(2, 3, 12, 10), "overview": made(1, 3, 12, 10)}
    batch |= {"overview_index": torch.zeros(2, dtype=torch.int64), "second": made(2, 3, 12, 10, seed=1)}
    before = {name: value.clone() for name, value in batch.items() if name != "id"}
    generator = torch.Generator().manual_seed(3)
    changed = transform(batch, generator)
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(3).get_state())
    assert all(torch.equal(batch[name], value) for name, value in before.items())
    assert torch.equal(changed["overview"], before["overview"])
    assert not torch.equal(changed["image"], before["image"])
    assert changed["image"].shape == changed["second"].shape


@pytest.mark.parametrize("transform", EACH, ids=lambda one: type(one).__name__)
def test_an_item_comes_out_the_same_whoever_shares_its_batch(transform):
    images = made(9, 3, 30, 31)
    together = applied(transform, images)
    alone = torch.cat([applied(transform, image[None]) for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("clip", [0.0, 0.5, 2.0, 40.0])
@pytest.mark.parametrize("tiles", [1, 3, 8])
@pytest.mark.parametrize("shape", [(2, 3, 64, 64), (1, 2, 67, 100), (1, 1, 64, 101), (2, 1, 5, 9), (1, 1, 1, 1)])
def test_evening_agrees_with_opencv_to_a_grey_level(shape, tiles, clip):
    rng = np.random.default_rng(0)
    narrow = rng.normal(80, 9, shape).clip(0, 255).astype(np.uint8)
    assert grey_levels_apart(narrow, clip=clip, tiles=tiles) <= 1.01, LOOK_UP
    assert grey_levels_apart(rng.integers(0, 256, shape, dtype=np.uint8), clip=clip, tiles=tiles) <= 1.01


def test_evening_agrees_with_opencv_on_fields_of_8_bits():
    assert grey_levels_apart(read("gastruloids/images", "0[1-4]?.tif")) <= 1.01


def test_evening_agrees_with_opencv_on_fields_of_16_bits_with_as_many_levels():
    field = read("cellpainting", "r01c01f01p01-*.tiff")[:, :, :256, :256]
    ours = applied(Clahe(bins=65536), field).numpy() * 65535
    assert np.abs(ours - evened_by_opencv(field)).max() <= 1.01


@given(IMAGES, some.integers(1, 9), some.floats(0, 50), some.sampled_from([2, 37, 256, 1000]))
@hypothesis_settings(max_examples=40)
def test_evening_keeps_to_0_and_1_and_to_the_order_of_a_tile(image, tiles, clip, bins):
    evened = applied(Clahe(clip=clip, tiles=tiles, bins=bins), image)
    assert evened.shape == image.shape
    assert 0 <= float(evened.min()) <= float(evened.max()) <= 1
    # with one tile every pixel is looked up in the same table
    pixels = torch.from_numpy(image)[0, 0].flatten()
    one = applied(Clahe(clip=clip, tiles=1, bins=bins), image)[0, 0].flatten()
    assert bool((one[pixels.argsort()].diff() >= 0).all())


def test_evening_takes_what_lies_outside_for_black_or_white():
    image = made(1, 2, 32, 32) * 3 - 1
    assert torch.equal(applied(Clahe(), image), applied(Clahe(), image.clamp(0, 1)))
    assert bool(torch.isfinite(applied(Clahe(), torch.full((1, 1, 16, 16), torch.nan))).all())


def test_evening_is_the_same_in_parts_as_at_once(monkeypatch):
    image = made(7, 3, 40, 40)
    whole = applied(Clahe(), image), applied(Denoise(), image)
    for name in ("clahe", "denoise"):
        monkeypatch.setattr(f"zoo.transforms.{name}.PIXELS_ON_CPU", 4 * 1600)
    assert torch.equal(applied(Clahe(), image), whole[0])
    assert torch.equal(applied(Denoise(), image), whole[1])


@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.7, 4.0])
@pytest.mark.parametrize("shape", [(1, 2, 40, 33), (2, 1, 3, 5), (1, 1, 1, 7)])
def test_smoothing_is_the_gaussian_of_scipy_however_small_the_image(shape, sigma):
    image = made(*shape).numpy()
    radius = max(1, round(3 * sigma))
    expected = ndimage.gaussian_filter(image, sigma, mode="mirror", radius=radius, axes=(2, 3))
    assert np.allclose(applied(Denoise(sigma=sigma), image), expected, atol=2e-6)


def test_smoothing_is_the_gaussian_of_opencv():
    image = made(1, 1, 60, 50).numpy()
    assert np.allclose(applied(Denoise(), image)[0, 0], cv2.GaussianBlur(image[0, 0], (5, 5), 0.8), atol=2e-6)
    noisy = made(1, 1, 200, 200)
    assert float(applied(Denoise(), noisy).std()) < 0.5 * float(noisy.std())


@given(some.floats(0, 1, width=32), some.floats(0.1, 8), some.integers(1, 20), some.integers(1, 20))
def test_what_is_even_stays_as_it_is_when_it_is_smoothed_or_brought_to_another_size(grey, sigma, height, width):
    even = torch.full((1, 2, height, width), grey)
    assert torch.allclose(applied(Denoise(sigma=sigma), even), even, atol=1e-5)
    sized = applied(Resize(size=(7, 11)), even)
    assert sized.shape == (1, 2, 7, 11)
    assert torch.allclose(sized, torch.full_like(sized, grey), atol=1e-6)


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (90, 17)])
def test_sizes_change_as_torchvision_changes_them(size):
    image = made(2, 5, 64, 48)
    expected = reference.resize(image, list(size), reference.InterpolationMode.BILINEAR, antialias=True)
    assert torch.allclose(applied(Resize(size=size), image), expected, atol=1e-6)


@given(IMAGES, some.integers(1, 60))
@hypothesis_settings(max_examples=40)
def test_no_pixel_leaves_the_range_of_the_image_when_its_size_changes(image, side):
    sized = applied(Resize(size=side), image)
    assert sized.shape[2:] == (side, side)
    assert float(sized.min()) >= image.min()
    assert float(sized.max()) <= image.max()


@given(some.integers(1, 9), some.integers(0, 30))
def test_places_are_reflected_as_numpy_pads(size, beyond):
    row = np.arange(size)
    expected = np.pad(row, beyond, mode="reflect")
    assert reflected(torch.arange(-beyond, size + beyond), size).tolist() == expected.tolist()


def test_images_of_16_bits_floating_point_keep_their_type():
    image = made(1, 2, 24, 24).half()
    for transform in (Clahe(), ChannelNormalise(per="image"), ChannelNormalise(mean=[0.5] * 2, std=[0.2] * 2)):
        assert applied(transform, image).dtype == torch.float16


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Clahe(clip=-1), "clip is a finite number of at least 0, not -1"),
        (lambda: Clahe(tiles=0), "tiles lies between 1 and 64, not 0"),
        (lambda: Clahe(bins=1), "bins lies between 2 and 65536, not 1"),
        (lambda: PercentileScale(low=50, high=50), "0 <= low < high <= 100 holds of percentiles, not of low 50 and"),
        (lambda: PercentileScale(high=101), "not of low 0.5 and high 101"),
        (lambda: Denoise(sigma=0), "sigma is above 0 and at most 32 pixels, not 0"),
        (lambda: Resize(size=(0, 4)), r"size lies between 1 and 16384 pixels, not \(0, 4\)"),
        (lambda: ChannelNormalise(mean=[0.5]), "mean and std are given together or not at all"),
        (lambda: ChannelNormalise(mean=[0.5], std=[0.1, 0.2]), "mean has 1 numbers and std 2; both have one for each"),
        (lambda: ChannelNormalise(mean=[0.5], std=[-1]), "std is at least 0, not -1"),
        (lambda: ChannelNormalise(mean=[float("nan")], std=[1]), "mean and std are finite numbers"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(make, said):
    with pytest.raises(ValueError, match=said):
        make()
