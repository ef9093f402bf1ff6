"""Transforms of albumentations change items by themselves, draw from our generator, and refuse in sentences."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.errors import DataError, MissingError
from zoo.transforms.albumentations import Albumentations

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # before it is imported
pytest.importorskip("albumentations")

import albumentations


def batch(items=6, channels=3, side=32):
    make = torch.Generator().manual_seed(1)
    image = torch.rand(items, channels, side, side, generator=make)
    return {"id": [str(number) for number in range(items)], "image": image}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pipeline(*blocks):
    return Albumentations(pipeline=[{"name": block} if isinstance(block, str) else block for block in blocks])


FLIP = {"name": "HorizontalFlip", "p": 1.0}
SOME = pipeline(
    {"name": "GridDistortion", "p": 0.5},
    {"name": "Downscale", "scale_range": [0.4, 0.8], "p": 0.5},
    {"name": "RandomBrightnessContrast", "brightness_limit": 0.3, "p": 0.7},
)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 8])
def test_the_same_generator_gives_the_same_batch_of_any_number_of_channels(channels):
    one, before = batch(channels=channels), batch(channels=channels)["image"]
    np.random.seed(1)  # noqa: NPY002 - another package might draw from it
    first = SOME(one, seeded())["image"]
    np.random.seed(2)  # noqa: NPY002
    assert torch.equal(first, SOME(one, seeded())["image"])
    assert not torch.equal(first, SOME(one, seeded(1))["image"])
    assert torch.equal(one["image"], before), "the batch given is left as it is"
    assert first.shape == before.shape
    assert first.is_contiguous()
    assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_each_item_draws_for_itself_and_its_views_draw_alike():
    one = batch(items=40)
    one["image"] = one["image"][:1].expand(40, -1, -1, -1)
    one["neighbourhood"] = one["image"].clone()
    changed = SOME(one, seeded())
    assert len(torch.unique(changed["image"], dim=0)) > 20
    assert torch.equal(changed["image"], changed["neighbourhood"])


def test_an_image_comes_out_as_albumentations_makes_it():
    one = batch(channels=3)
    changed = pipeline(FLIP, {"name": "Blur", "blur_limit": [3, 3], "p": 1.0})(one, seeded())["image"]
    blur = albumentations.Blur(blur_limit=(3, 3), p=1.0)
    for image, ours in zip(one["image"], changed, strict=True):
        theirs = blur(image=np.ascontiguousarray(image.flip(2).permute(1, 2, 0).numpy()))["image"]
        assert np.allclose(ours.permute(1, 2, 0), theirs, atol=1e-6)


def test_transforms_of_one_probability_are_not_applied_all_or_none():
    changed = pipeline({"name": "HorizontalFlip", "p": 0.5}, {"name": "VerticalFlip", "p": 0.5})
    one = batch(items=200, channels=1, side=8)
    out = changed(one, seeded())["image"]
    ways = [one["image"].flip(dimensions) for dimensions in ((), (3,), (2,), (2, 3))]
    shares = [float((out == way).flatten(1).all(1).float().mean()) for way in ways]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0.15


def test_blocks_in_a_group_are_chosen_from():
    group = {"name": "OneOf", "p": 1.0, "transforms": [FLIP, {"name": "SomeOf", "n": 1, "transforms": [
        {"name": "VerticalFlip", "p": 1.0}]}]}  # fmt: skip
    one = batch(items=60, channels=5, side=8)
    out = pipeline(group)(one, seeded())["image"]
    flipped = [(out == one["image"].flip(way)).flatten(1).all(1).float().mean() for way in (3, 2)]
    assert float(sum(flipped)) == pytest.approx(1)
    assert min(flipped) > 0.2


def test_what_interpolation_of_third_order_overshoots_is_cut_off():
    one = {"id": ["a"], "image": (torch.rand(1, 2, 32, 32, generator=seeded()) > 0.5).float()}
    turned = pipeline({"name": "Rotate", "limit": [30, 31], "interpolation": 2, "p": 1.0})(one, seeded())["image"]
    assert 0 <= float(turned.min()) <= float(turned.max()) <= 1


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (
            [{"name": "GridDistorsion"}],
            r"pipeline\.0: .* no transform of images called 'GridDistorsion'; near it: GridD",
        ),
        ([FLIP, {"name": "os.system"}], r"pipeline\.1: .* called 'os\.system'; names are those of its classes"),
        ([{"name": "__init__"}], "no transform of images called '__init__'"),
        ([{"name": "cv2"}], "no transform of images called 'cv2'"),
        ([{"name": "Compose", "transforms": [FLIP]}], "no transform of images called 'Compose'"),
        ([{"name": "BasicTransform"}], "no transform of images called 'BasicTransform'"),
        ([{"name": "DualTransform"}], "no transform of images called 'DualTransform'"),
        ([{"name": "Lambda"}], "no transform of images called 'Lambda'"),
        ([{"name": "Normalize"}], "no transform of images called 'Normalize'"),
        ([{"name": "CenterCrop3D", "size": [1, 1, 1]}], "no transform of images called 'CenterCrop3D'"),
        ([{"name": "GaussianBlur", "sigma": 1.0}], "GaussianBlur has no parameter 'sigma'; it has sigma_limit"),
        ([{"name": "HorizontalFlip", "strict": False}], "HorizontalFlip has no parameter 'strict'; it has p"),
        ([{"name": "HorizontalFlip", "p": 3}], r"HorizontalFlip refuses its parameters \(p: .*less than or equal to 1"),
        ([{"name": "GridDistortion", "num_steps": "many"}], r"refuses its parameters \(num_steps: Input should be a"),
        ([{"name": "Crop", "x_min": 9, "x_max": 3}], r"Crop refuses its parameters \(.*x_max"),
        ([{"name": "FDA"}], "FDA needs fda_metadata beside the image, which a batch does not have; leave it out"),
        ([{"name": "OneOf"}], r"pipeline\.0\.transforms takes a list of 1 to 64 blocks"),
        ([{"name": "OneOf", "transforms": [{"name": "Blurr"}]}], r"pipeline\.0\.transforms\.0: .* near it: .*Blur"),
        ([{"p": 1.0}], r"pipeline\.0 takes a block \{name: NAME, \.\.\.\}, not \{'p': 1\.0\}"),
        (["Blur"], r"pipeline\.0 takes a block \{name: NAME, \.\.\.\}, not 'Blur'"),
        ([], "pipeline has 0 blocks; it takes 1 to 64"),
        ([FLIP] * 65, "pipeline has 65 blocks; it takes 1 to 64"),
    ],
)
def test_a_block_that_is_wrong_is_refused_with_its_place_and_what_would_be_right(blocks, said):
    with pytest.raises(ValueError, match=said) as refused:
        Albumentations(pipeline=blocks)
    assert "\n" not in str(refused.value)


def test_groups_are_nested_no_deeper_than_anyone_needs():
    block = FLIP
    for _ in range(5):
        block = {"name": "Sequential", "transforms": [block]}
    with pytest.raises(ValueError, match="is nested deeper than 4 levels; write it flatter"):
        pipeline(block)


@pytest.mark.parametrize("name", ["MedianBlur", "RandomRotate90", "ToSepia", "D4", "NoOp", "Transpose"])
def test_classes_that_check_their_parameters_in_another_way_can_be_made(name):
    assert pipeline({"name": name, "p": 1.0})(batch(), seeded())["image"].shape == (6, 3, 32, 32)


@pytest.mark.parametrize(("low", "high"), [(-0.2, 0.5), (0.5, 1.5), (float("nan"), 0.5)])
def test_images_outside_0_and_1_are_refused_before_they_are_cut_off(low, high):
    one = batch(items=1)
    one["image"][0, 0, 0, :2] = torch.tensor([low, high])
    with pytest.raises(
        DataError, match=r"with values from .* and takes \[0, 1\]; put it before what leaves that range"
    ):
        pipeline(FLIP)(one, seeded())


@pytest.mark.parametrize(("name", "channels"), [("ColorJitter", 5), ("CLAHE", 4), ("RandomFog", 2), ("ToGray", 5)])
def test_a_transform_for_other_numbers_of_channels_says_so(name, channels):
    said = (
        f"albumentations: {name} cannot take an image of {channels} channels and 32 x 32 pixels .*3-channel.*leave it"
    )
    with pytest.raises(DataError, match=said) as refused:
        pipeline(FLIP, {"name": name, "p": 1.0})(batch(channels=channels), seeded())
    assert "\n" not in str(refused.value)


def test_an_image_of_another_size_is_refused():
    said = r"CenterCrop made \(16, 20, 3\) of float32, where \(32, 32, 3\) of float32 went in; .* transform resize"
    with pytest.raises(DataError, match=said):
        pipeline({"name": "CenterCrop", "height": 16, "width": 20, "p": 1.0})(batch(), seeded())


def test_without_the_package_the_command_that_installs_it_is_named(monkeypatch):
    real = builtins.__import__

    def none_of_it(name, *rest, **more):
        if name == "albumentations":
            raise ImportError("No module named 'albumentations'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", none_of_it)
    with pytest.raises(MissingError, match=r"pip install 'microscopy-zoo\[albumentations\]'"):
        pipeline(FLIP)


def test_nothing_is_imported_before_it_is_used_and_no_newer_version_is_looked_for():
    code = (
        "import sys, os, socket\n"
        "import zoo.transforms.albumentations as ours\n"
        "assert 'albumentations' not in sys.modules and 'cv2' not in sys.modules\n"
        "def refuse(*a, **k): raise SystemExit('the network was asked')\n"
        "socket.getaddrinfo = socket.create_connection = refuse\n"
        "ours.Albumentations(pipeline=[{'name': 'HorizontalFlip'}])\n"
        "assert 'albumentations' in sys.modules\n"
    )
    clean = {key: value for key, value in os.environ.items() if key != "NO_ALBUMENTATIONS_UPDATE"}
    where = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=where, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
