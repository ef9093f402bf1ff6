"""Transforms of spectra act bag by bag, as their formulas say, and leave the batch they are given as it is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal, sparse
from scipy.sparse.linalg import spsolve

from zoo.errors import DataError
from zoo.signature import signature_of
from zoo_cars import spectra
from zoo_cars.transforms.field_normalise import FieldNormalise
from zoo_cars.transforms.kramers_kronig import KramersKronig
from zoo_cars.transforms.spectrum_normalise import SpectrumNormalise
from zoo_cars.transforms.svd_denoise import SvdDenoise

TRANSFORMS = {
    "svd-denoise": lambda: SvdDenoise(rank=3),
    "kramers-kronig": KramersKronig,
    "kramers-kronig-field": lambda: KramersKronig(reference="field", percentile=20, span=None),
    "spectrum-l2": SpectrumNormalise,
    "spectrum-max": lambda: SpectrumNormalise(by="max"),
    "spectrum-snv": lambda: SpectrumNormalise(by="snv"),
    "field-spectrum": FieldNormalise,
    "field-level": lambda: FieldNormalise(by="level", percentile=90),
}
SIZES = [3, 1, 0, 4]


def batch(sizes=SIZES, bands=12, side=4, seed=0):
    make = torch.Generator().manual_seed(seed)
    return {
        "id": [f"f{i}" for i in range(len(sizes))],
        "instances": torch.rand(sum(sizes), bands, side, side, generator=make) + 0.5,
        "offsets": torch.tensor([0, *np.cumsum(sizes)]),
        "label": torch.zeros(len(sizes), dtype=torch.int64),
    }


def changed(transform, one):
    return transform(one, torch.Generator())["instances"]


def rows(tensor):
    """Return instances [N, C, H, W] as a matrix of pixels x bands."""
    return tensor.permute(0, 2, 3, 1).reshape(-1, tensor.shape[1]).double().numpy()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_keeps_the_shape_and_all_else_and_leaves_what_it_was_given(name):
    one, before = batch(), batch()
    after = TRANSFORMS[name]()(one, torch.Generator())
    assert after["instances"].shape == one["instances"].shape
    assert after["instances"].dtype == torch.float32
    assert torch.isfinite(after["instances"]).all()
    assert not torch.equal(after["instances"], before["instances"])
    assert torch.equal(one["instances"], before["instances"])
    assert {key: value is one[key] for key, value in after.items() if key != "instances"} == dict.fromkeys(
        ("id", "offsets", "label"), True
    )


@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_becomes_of_a_bag_depends_on_no_other_bag_and_not_on_how_much_is_done_at_once(name, monkeypatch):
    one = batch()
    together = changed(TRANSFORMS[name](), one)
    alone = [
        changed(
            TRANSFORMS[name](), {"instances": one["instances"][start:end], "offsets": torch.tensor([0, end - start])}
        )
        for start, end in ((0, 3), (3, 4), (4, 8))
    ]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    monkeypatch.setattr(spectra, "BYTES_AT_ONCE", 1)
    assert torch.allclose(together, changed(TRANSFORMS[name](), one), atol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_where_a_pixel_lies_in_its_bag_does_not_matter(name):
    one = batch()
    flipped = {**one, "instances": one["instances"].flip(3)}
    assert torch.allclose(changed(TRANSFORMS[name](), one).flip(3), changed(TRANSFORMS[name](), flipped), atol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_batch_of_empty_bags_stays_and_a_batch_without_bags_is_refused(name):
    assert changed(TRANSFORMS[name](), batch([0, 0])).shape == (0, 12, 4, 4)
    with pytest.raises(DataError, match="needs bags of tiles"):
        TRANSFORMS[name]()({"image": torch.rand(2, 3, 4, 4)}, torch.Generator())


@pytest.mark.parametrize("target", [SvdDenoise, KramersKronig, SpectrumNormalise, FieldNormalise])
def test_a_recipe_can_say_every_parameter(target):
    signature = signature_of(target, target.__name__)
    assert signature.check({})[1] == []
    assert signature.slots == {}
    assert signature.check({"nonsense": 1})[1]


def test_a_recipe_says_a_measured_reference_as_a_list():
    signature = signature_of(KramersKronig, "kramers-kronig")
    assert signature.check({"reference": [1.0, 2.0], "span": None})[0]["reference"] == [1.0, 2.0]
    assert signature.check({"reference": "wrong"})[1]


# --- svd-denoise


@given(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3), rank=st.integers(1, 9), seed=st.integers(0, 99))
def test_denoised_is_the_truncated_singular_value_decomposition_of_each_bag(sizes, rank, seed):
    one = batch(sizes, bands=9, side=3, seed=seed)
    denoised = changed(SvdDenoise(rank=rank), one)
    for start, end in zip(one["offsets"][:-1], one["offsets"][1:], strict=True):
        left, values, right = np.linalg.svd(rows(one["instances"][start:end]), full_matrices=False)
        expected = (left[:, :rank] * values[:rank]) @ right[:rank]
        assert np.allclose(rows(denoised[start:end]), expected, atol=1e-4)


def test_what_is_of_low_rank_stays_and_noise_on_it_is_taken_away():
    rng = np.random.default_rng(0)
    clean = rng.random((8 * 16, 3)) @ rng.random((3, 40)) + 1
    noisy = clean + rng.normal(0, 0.1, clean.shape)
    as_batch = [
        {"instances": torch.tensor(x.reshape(8, 4, 4, 40)).permute(0, 3, 1, 2).float(), "offsets": torch.tensor([0, 8])}
        for x in (clean, noisy)
    ]
    kept, denoised = (rows(changed(SvdDenoise(rank=4), one)) for one in as_batch)
    assert np.allclose(kept, clean, atol=1e-5)
    assert np.abs(denoised - clean).mean() < 0.4 * np.abs(noisy - clean).mean()


def test_a_rank_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="rank is a number of components of at least 1, not 0"):
        SvdDenoise(rank=0)
    with pytest.raises(DataError, match="keeps 20 components and the stack has 12 bands; set rank lower"):
        changed(SvdDenoise(rank=20), batch())


# --- normalisers


def test_spectra_are_brought_to_one_scale_and_those_without_signal_to_zero():
    one = batch()
    one["instances"][0, :, 0, 0] = 0
    one["instances"][0, :, 0, 1] = 3
    unit, highest, varied = (rows(changed(SpectrumNormalise(by=by), one)) for by in ("l2", "max", "snv"))
    assert np.allclose(np.linalg.norm(unit[1:], axis=1), 1, atol=1e-5)
    assert np.allclose(np.abs(highest[1:]).max(axis=1), 1, atol=1e-5)
    assert np.allclose(varied[2:].mean(axis=1), 0, atol=1e-5)
    assert np.allclose(varied[2:].std(axis=1, ddof=1), 1, atol=1e-5)
    assert (unit[0] == 0).all()
    assert (highest[0] == 0).all()
    assert (np.abs(varied[:2]) < 1e-6).all()


@given(factor=st.floats(0.01, 1000))
def test_the_strength_of_a_field_does_not_matter_once_it_is_normalised(factor):
    one = batch()
    for transform in (SpectrumNormalise(), FieldNormalise(), FieldNormalise(by="level"), KramersKronig(rounds=2)):
        brighter = changed(transform, {**one, "instances": one["instances"] * factor})
        assert torch.allclose(brighter, changed(transform, one), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("percentile", [10, 50, 100])
def test_a_field_is_divided_by_the_percentile_of_each_band_or_of_all(percentile):
    one = batch([5])
    values = rows(one["instances"])
    by_band = np.percentile(values, percentile, axis=0, method="inverted_cdf")
    whole = np.percentile(values, percentile, method="inverted_cdf")
    assert np.allclose(rows(changed(FieldNormalise(percentile=percentile), one)), values / by_band, atol=1e-5)
    level = FieldNormalise(by="level", percentile=percentile)
    assert np.allclose(rows(changed(level, one)), values / whole, atol=1e-5)


def test_standardised_instances_are_refused_with_what_is_needed_instead():
    one = batch([2, 5])
    one["instances"][2:, 7] -= 1.2
    with pytest.raises(DataError, match=r"in band 7 of field 1 of the batch; it has to be above 0, so deliver intens"):
        changed(FieldNormalise(), one)
    with pytest.raises(DataError, match=r"needs intensities above 0 and \d+% of these are not; deliver them as they"):
        changed(KramersKronig(), {**one, "instances": one["instances"] - 1})


# --- kramers-kronig


def cars(bands=100, pixels=64, seed=0, background=None):
    """Return CARS intensities and the imaginary part of chi / chi_NR [pixels, bands], of one to three Lorentz lines."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(2800, 3050, bands)
    lines = np.zeros((pixels, bands), dtype=complex)
    for pixel in range(pixels):
        for _ in range(rng.integers(1, 4)):
            centre, width = rng.uniform(2825, 3025), rng.uniform(6, 14)
            lines[pixel] += rng.uniform(0.2, 1.2) * width / (centre - axis - 1j * width)
    flat = np.ones(bands) if background is None else background(axis)
    return 1000 * flat**2 * np.abs(1 + lines) ** 2, lines.imag


def as_bag(intensity):
    pixels, bands = intensity.shape
    stack = torch.tensor(intensity.reshape(-1, 4, 4, bands)).permute(0, 3, 1, 2).float()
    return {"instances": stack, "offsets": torch.tensor([0, pixels // 16])}


def agreement(found, truth):
    return np.array([np.corrcoef(one, other)[0, 1] for one, other in zip(found, truth, strict=True)])


def slow(axis):
    return 1 + 0.3 * np.sin((axis - 2800) / 100)


def test_the_imaginary_part_of_lorentz_lines_is_retrieved():
    intensity, truth = cars()
    found = rows(changed(KramersKronig(span=None), as_bag(intensity)))
    assert agreement(found, truth).mean() > 0.99
    assert agreement(found, truth).min() > 0.95
    corrected = rows(changed(KramersKronig(), as_bag(intensity)))
    assert agreement(corrected, truth).mean() > 0.96
    assert agreement(intensity, truth).mean() < 0.6, "which the intensities themselves are not"


def test_noise_of_counted_photons_does_not_spoil_it():
    intensity, truth = cars()
    counted = np.random.default_rng(1).poisson(intensity).astype(float)
    assert agreement(rows(changed(KramersKronig(), as_bag(counted))), truth).mean() > 0.95


def test_the_phase_error_of_a_background_that_varies_slowly_is_taken_away():
    intensity, truth = cars(background=slow)
    left = rows(changed(KramersKronig(span=None), as_bag(intensity)))
    corrected = rows(changed(KramersKronig(), as_bag(intensity)))
    assert agreement(corrected, truth).mean() > 0.95
    assert agreement(corrected, truth).mean() > agreement(left, truth).mean() + 0.05


def test_a_measured_reference_and_empty_pixels_of_the_field_do_the_same():
    intensity, truth = cars(background=slow)
    reference = (1000 * slow(np.linspace(2800, 3050, 100)) ** 2).tolist()
    measured = rows(changed(KramersKronig(reference=reference, span=None), as_bag(intensity)))
    assert agreement(measured, truth).min() > 0.95
    empty = np.tile(np.array(reference), (64, 1))
    mixed = as_bag(np.concatenate([intensity, empty]))
    field = KramersKronig(reference="field", percentile=50, span=None)
    assert agreement(rows(changed(field, mixed))[:64], truth).mean() > 0.9


def test_a_few_pixels_without_signal_do_no_harm():
    intensity, truth = cars()
    intensity[5, 50] = 0
    intensity[6, 7] = -3
    found = rows(changed(KramersKronig(), as_bag(intensity)))
    assert np.isfinite(found).all()
    assert agreement(found, truth)[7:].mean() > 0.95


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reference": [1.0, 0.0]}, "reference holds intensities above 0, not 0.0"),
        ({"percentile": 0}, "percentile lies above 0 and at most at 100, not at 0"),
        ({"span": 0.0}, "span is a share of the axis above 0, not 0.0"),
        ({"asymmetry": 0.7}, "asymmetry lies between 0 and 0.5, not at 0.7"),
        ({"rounds": 0}, "rounds is a number of at least 1, not 0"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(options, said):
    with pytest.raises(ValueError, match=said):
        KramersKronig(**options)
    if "percentile" in options:
        with pytest.raises(ValueError, match=said):
            FieldNormalise(**options)


def test_a_reference_of_another_length_is_refused_with_both():
    with pytest.raises(DataError, match="a reference of 3 values and the stack has 12 bands"):
        changed(KramersKronig(reference=[1.0, 2.0, 3.0]), batch())


def test_the_hilbert_transform_of_the_real_part_is_the_imaginary_part_and_that_of_a_constant_nothing():
    axis = np.linspace(-40, 40, 400)
    line = 1 / (0 - axis - 1j * 2)
    found = spectra.hilbert(torch.tensor(line.real[None])).numpy()[0]
    assert np.abs(found - line.imag)[100:300].max() < 0.05 * line.imag.max()
    assert np.corrcoef(found, signal.hilbert(np.pad(line.real, 400))[400:800].imag)[0, 1] > 0.99
    assert torch.allclose(spectra.hilbert(torch.full((2, 7), 3.0)), torch.zeros(2, 7), atol=1e-6)


@given(bands=st.integers(4, 40), span=st.floats(0.1, 2), asymmetry=st.floats(0.001, 0.4), rounds=st.integers(1, 4))
def test_the_baseline_is_what_a_sparse_solver_gives(bands, span, asymmetry, rounds):
    values = np.random.default_rng(bands).random((3, bands))
    difference = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(bands - 2, bands))
    penalty = (span * bands / (2 * np.pi)) ** 4 * difference.T @ difference
    found = spectra.baseline(torch.tensor(values), span=span, asymmetry=asymmetry, rounds=rounds).numpy()
    for one, line in zip(values, found, strict=True):
        weights = np.ones(bands)
        for _ in range(rounds):
            expected = spsolve((sparse.diags(weights) + penalty).tocsc(), weights * one)
            weights = np.where(one > expected, asymmetry, 1 - asymmetry)
        assert np.allclose(line, expected, atol=1e-7)
