"""A patch that is unlike anything a model has seen has a large novelty; one of a section like the others, about 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_spatial import novelty


def cloud(n, at, seed, spread=0.1, dim=16):
    rng = np.random.default_rng(seed)
    centre = np.zeros(dim, dtype=np.float32)
    centre[at] = 1
    return (centre + spread * rng.normal(size=(n, dim))).astype(np.float32)


def three_sections():
    return np.concatenate([cloud(60, 0, seed) for seed in range(3)]), [f"S{n}" for n in range(3) for _ in range(60)]


def test_a_section_like_the_others_reaches_1_in_a_twentieth_of_its_patches_and_other_tissue_goes_far_beyond():
    bank = novelty.remember(*three_sections())
    alike, other = novelty.of(cloud(400, 0, 9), bank), novelty.of(cloud(100, 5, 9), bank)
    assert 0.005 < (alike > 1).mean() < 0.15
    assert other.min() > 1.5
    assert novelty.of(three_sections()[0][:5], bank).max() < 5e-3  # what is kept is rounded to half precision


def test_the_reach_is_measured_between_sections_not_within_one():
    jitter = np.random.default_rng(0).normal(scale=0.01, size=(100, 1))
    images = (np.repeat([[0.0], [10.0]], 50, axis=0) + jitter).astype(np.float32)
    apart = novelty.remember(images, ["S1"] * 50 + ["S2"] * 50)["reach"][0]
    together = novelty.remember(images, ["S1"] * 100)["reach"][0]
    assert apart == pytest.approx(2, abs=0.02)  # of the spread, which is half the gap
    assert together < 0.01


def test_of_many_training_patches_some_are_kept_evenly(monkeypatch):
    monkeypatch.setattr(novelty, "MOST", 50)
    images, names = three_sections()
    bank = novelty.remember(images, names)
    assert len(bank["seen"]) == 45
    assert bank["seen"].dtype == np.float16
    assert np.allclose(bank["seen"] * bank["seen_spread"] + bank["seen_mean"], images[::4], atol=2e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_patches_is_enough(count):
    bank = novelty.remember(cloud(count, 0, 0), ["S1"] * count)
    assert np.isfinite(novelty.of(cloud(4, 3, 1), bank)).all()


@given(st.integers(0, 2**31 - 1), st.floats(0.01, 100), st.floats(-100, 100))
def test_novelty_does_not_depend_on_the_scale_or_origin_of_features_and_is_the_nearest_distance(seed, scale, shift):
    images, names = three_sections()
    bank = novelty.remember(images, names)
    moved = novelty.remember((images * scale + shift).astype(np.float32), names)
    new = cloud(8, seed % 16, seed)
    found = novelty.of(new, bank)
    assert np.allclose(found, novelty.of((new * scale + shift).astype(np.float32), moved), rtol=0.05, atol=0.05)
    standard = (new - bank["seen_mean"]) / bank["seen_spread"]
    by_hand = np.linalg.norm(standard[:, None] - bank["seen"][None].astype(np.float32), axis=2).min(axis=1)
    assert np.allclose(found, by_hand / bank["reach"], rtol=1e-4)


def test_features_that_never_vary_in_training_count_where_they_do_in_new_tissue():
    images, names = three_sections()
    images[:, 3] = 1
    bank = novelty.remember(images, names)
    new = images[:2].copy()
    new[0, 3] = 2
    assert novelty.of(new, bank)[0] > 100
    assert np.isfinite(novelty.of(new, bank)).all()
