"""Percentiles and normalising: of an image by itself, and fitted to training fields and to plates."""

import json

import numpy as np
import pytest
import torch
from field_images import IMAGES, applied, made, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from torchvision.transforms.v2 import functional as reference

from zoo.errors import DataError, UsageError
from zoo.transforms.channel_normalise import ChannelNormalise
from zoo.transforms.percentile_scale import PercentileScale


class Fields:
    """Items with images of any kind, each on a plate."""

    def __init__(self, image, plates=None, names=("P1", "P2", "P3")):
        self.image, self.seen = torch.as_tensor(image), []
        self.plates = list(names)
        self.groups = {"plate": [names[plate] for plate in plates]} if plates is not None else {"well": ["A"]}
        self.numbers = torch.tensor(plates) if plates is not None else None

    def batch(self, items):
        self.seen.extend(items.tolist())
        entries = {} if self.numbers is None else {"plate": self.numbers[items]}
        return {"id": [str(item) for item in items], "image": self.image[torch.from_numpy(items)], **entries}


def all_of(fields):
    return np.arange(len(fields.image))


@pytest.mark.parametrize(("low", "high"), [(0.5, 99.8), (0, 100), (10, 60), (60, 61), (49.9, 50.1)])
def test_percentiles_of_an_image_are_those_of_numpy(low, high):
    image = made(3, 2, 31, 17).numpy() ** 3
    found = applied(PercentileScale(low=low, high=high, per="image"), image)
    bounds = np.percentile(image.astype(np.float64), (low, high), axis=(2, 3), keepdims=True)
    assert np.allclose(found, np.clip((image - bounds[0]) / (bounds[1] - bounds[0]), 0, 1), atol=2e-5)


@given(IMAGES, some.floats(0.05, 1), some.floats(0, 1))
@hypothesis_settings(max_examples=60)
def test_percentiles_of_an_image_take_out_how_bright_and_contrasted_it_is(image, contrast, brightness):
    scale = PercentileScale(low=2, high=95, per="image")
    plain = applied(scale, image)
    assert 0 <= float(plain.min()) <= float(plain.max()) <= 1
    spread = np.percentile(image, 95, axis=(2, 3)) - np.percentile(image, 2, axis=(2, 3))
    changed = applied(scale, (image * contrast + brightness * (1 - contrast)).astype(np.float32))
    wide = torch.from_numpy(spread > 0.01)  # less is lost in the digits of 32 bits
    assert torch.allclose(plain[wide], changed[wide], atol=1e-3)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_percentiles_of_all_fields_are_those_of_numpy(kind):
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[kind]
    values = (made(11, 2, 13, 12).numpy() ** 2 * white).astype(kind)
    fields = Fields(values)
    scale = PercentileScale(low=1, high=97)
    scale.fit(fields, np.arange(7))
    assert max(fields.seen) == 6, "no other item is looked at"
    pixels = values[:7].transpose(1, 0, 2, 3).reshape(2, -1).astype(np.float64) / white
    expected = np.percentile(pixels, (1, 97), axis=1).T
    assert np.allclose(scale.state()["channel"], expected, atol=1e-9 if white > 1 else 1e-5)
    low, high = torch.from_numpy(expected.astype(np.float32))[..., None, None].unbind(1)
    scaled = (torch.from_numpy(values.astype(np.float32)) / white - low) / (high - low)
    assert torch.allclose(applied(scale, values), scaled.clamp(0, 1), atol=2e-5)


def test_each_plate_is_scaled_by_its_own_percentiles_and_an_unknown_one_by_all():
    image = made(9, 1, 20, 20)
    exposed = image * torch.tensor([0.2, 0.5, 0.9]).repeat(3).view(-1, 1, 1, 1)
    fields = Fields(exposed, plates=[0, 1, 2] * 3)
    scale = PercentileScale(low=0, high=100, per="plate")
    scale.fit(fields, np.array([0, 1, 3, 4, 6, 7]))
    assert scale.known == {"P1", "P2"}
    with pytest.raises(DataError, match="knows no bounds of plate 'P3'; its dataset has to add the fields of every"):
        applied(scale, exposed[2:3], plate=torch.tensor([2]))
    scale.add(fields, "P3", np.array([2, 5, 8]))
    scaled = applied(scale, exposed, plate=fields.numbers).view(3, 3, -1)
    assert torch.allclose(scaled.amax(dim=(0, 2)), torch.ones(3), atol=1e-3)
    assert torch.allclose(scaled.amin(dim=(0, 2)), torch.zeros(3), atol=1e-3)
    together = applied(scale, exposed[:1], plate=torch.tensor([-1]))
    assert float(together.max()) == pytest.approx(0.2 / 0.5, abs=0.01), "P1 among the plates trained on"


def test_plates_are_found_by_name_when_they_are_numbered_otherwise_and_after_a_restore():
    fields = Fields(made(6, 2, 9, 9), plates=[0, 1, 2, 0, 1, 2])
    fitted, restored = PercentileScale(per="plate"), PercentileScale(per="plate")
    fitted.fit(fields, all_of(fields))
    restored.restore(json.loads(json.dumps(fitted.state())))
    restored.number(["P3", "P1", "P2"])
    one = fields.image[:3]
    before = applied(fitted, one, plate=torch.tensor([0, 1, 2]))
    assert torch.equal(before, applied(restored, one, plate=torch.tensor([1, 2, 0])))
    assert restored.state() == fitted.state()


@pytest.mark.parametrize("per", ["image", "channel"])
def test_an_empty_channel_becomes_zero_and_no_number_is_lost(per):
    image = made(2, 3, 16, 16)
    image[:, 1] = 0.3
    scale = PercentileScale(per=per)
    scale.fit(Fields(image), np.arange(2))
    scaled = applied(scale, image)
    assert bool(torch.isfinite(scaled).all())
    assert float(scaled[:, 1].abs().max()) == 0
    assert float(scaled[:, 0].max()) == 1


def test_the_percentiles_of_a_real_field_of_16_bits_become_0_and_1():
    field = read("cellpainting", "r01c01f01p01-*.tiff")
    scale = PercentileScale(per="channel")
    scale.fit(Fields(field), np.array([0]))
    scaled = applied(scale, field).numpy()
    low, high = np.percentile(field, (0.5, 99.8), axis=(2, 3), keepdims=True)
    assert float((high / 65535).min()) < 0.5, "of its range it uses little"
    assert np.allclose(scaled, np.clip((field - low) / (high - low), 0, 1), atol=1e-5)


def test_given_numbers_normalise_as_torchvision_does():
    image = made(4, 3, 8, 8)
    mean, std = [0.2, 0.5, 0.9], [0.1, 0.25, 0.7]
    normalised = applied(ChannelNormalise(mean=mean, std=std), image)
    assert torch.allclose(normalised, reference.normalize(image, mean, std), atol=1e-6)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_fitted_channels_have_mean_zero_and_spread_one_over_the_training_items(kind):
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[kind]
    values = (made(9, 3, 15, 15).numpy() * np.array([0.2, 0.6, 1])[:, None, None] * white).astype(kind)
    fields = Fields(values)
    normalise = ChannelNormalise()
    normalise.fit(fields, np.arange(7))
    assert max(fields.seen) == 6, "no other item is looked at"
    again = ChannelNormalise()
    again.restore(json.loads(json.dumps(normalise.state())))
    normalised = applied(again, values)[:7].double()
    assert torch.allclose(normalised.mean(dim=(0, 2, 3)), torch.zeros(3, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(normalised.std(dim=(0, 2, 3), correction=0), torch.ones(3, dtype=torch.float64), atol=1e-4)


def test_an_image_by_itself_is_normalised_channel_by_channel_and_an_even_channel_becomes_zero():
    image = made(2, 3, 40, 40) * 0.2 + 0.1
    image[1, 2] = 0.7
    normalised = applied(ChannelNormalise(per="image"), image)
    assert torch.allclose(normalised.mean(dim=(2, 3)), torch.zeros(2, 3), atol=1e-5)
    assert torch.allclose(normalised.std(dim=(2, 3), correction=0).flatten()[:5], torch.ones(5), atol=1e-4)
    assert float(normalised[1, 2].abs().max()) < 1e-5


def test_numbers_that_are_given_are_not_fitted_anew():
    normalise = ChannelNormalise(mean=[0.1], std=[0.2])
    normalise.fit(Fields(made(2, 1, 4, 4)), np.arange(2))
    assert normalise.state() == {}
    assert float(applied(normalise, torch.full((1, 1, 2, 2), 0.5)).mean()) == pytest.approx(2)


@pytest.mark.parametrize("transform", [PercentileScale(), PercentileScale(per="plate"), ChannelNormalise()])
def test_what_was_never_fitted_says_where_it_belongs(transform):
    with pytest.raises(UsageError, match=r"was never fitted; put it into data\.prepare, .* or say per: image"):
        applied(transform, made(1, 1, 4, 4), plate=torch.zeros(1, dtype=torch.int64))
    assert transform.state() == {}


@pytest.mark.parametrize("transform", [PercentileScale(), ChannelNormalise()])
def test_images_of_other_channels_than_it_was_fitted_to_are_refused(transform):
    transform.fit(Fields(made(2, 3, 4, 4)), np.arange(2))
    with pytest.raises(DataError, match=r"3 channels and is handed images of 5; .*fit it to"):
        applied(transform, made(1, 5, 4, 4))


@pytest.mark.parametrize("transform", [PercentileScale(), PercentileScale(per="plate"), ChannelNormalise()])
def test_nothing_is_fitted_to_no_items(transform):
    with pytest.raises(DataError, match="is fitted on 0 training items; it needs at least 1"):
        transform.fit(Fields(made(2, 1, 4, 4), plates=[0, 0]), np.array([], dtype=np.int64))


def test_data_without_plates_are_told_to_scale_by_channel():
    scale = PercentileScale(per="plate")
    with pytest.raises(DataError, match="these have only well; say per: channel"):
        scale.fit(Fields(made(2, 1, 4, 4)), np.arange(2))
    scale.fit(Fields(made(2, 1, 4, 4), plates=[0, 1]), np.arange(2))
    with pytest.raises(DataError, match="a batch without the entry 'plate'; say per: channel"):
        applied(scale, made(1, 1, 4, 4))
    with pytest.raises(DataError, match="no bounds of plate 7 of 3"):
        applied(scale, made(1, 1, 4, 4), plate=torch.tensor([7]))


@pytest.mark.parametrize(
    ("transform", "state"),
    [
        (PercentileScale(), {}),
        (PercentileScale(), {"channel": [[0.5, 0.1]]}),
        (PercentileScale(), {"channel": [[0.1, 7.0]]}),
        (PercentileScale(), {"channel": [["a", "b"]]}),
        (PercentileScale(), {"channel": []}),
        (PercentileScale(), {"channel": [[float("nan"), 1.0]]}),
        (PercentileScale(per="plate"), {"channel": [[0.0, 1.0]]}),
        (PercentileScale(per="plate"), {"all": [[0.0, 1.0]], "plate": {"P1": [[0.0, 1.0]] * 2}}),
        (PercentileScale(per="plate"), {"all": [[0.0, 1.0]], "plate": [1]}),
        (ChannelNormalise(), {"mean": [0.1]}),
        (ChannelNormalise(), {"mean": [0.1], "std": [-0.1]}),
        (ChannelNormalise(), {"mean": 3, "std": [0.1]}),
    ],
)
def test_what_was_kept_and_has_been_spoilt_is_refused(transform, state):
    with pytest.raises(DataError, match="fit it anew by training again"):
        transform.restore(state)
