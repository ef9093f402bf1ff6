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
    assert other.min() > 2
    assert novelty.of(three_sections()[0][:5], bank).max() < 1e-3


def test_the_reach_is_measured_between_sections_not_within_one():
    images = np.concatenate([cloud(50, 0, 0, spread=0.01), cloud(50, 1, 1, spread=0.01)])
    apart = novelty.remember(images, ["S1"] * 50 + ["S2"] * 50)["reach"][0]
    together = novelty.remember(images, ["S1"] * 100)["reach"][0]
    assert apart > 0.9
    assert together < 0.01


def test_of_many_training_patches_some_are_kept_evenly(monkeypatch):
    monkeypatch.setattr(novelty, "MOST", 50)
    images, names = three_sections()
    seen = novelty.remember(images, names)["seen"]
    assert len(seen) == 45
    assert np.array_equal(seen, images[::4])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_patches_is_enough(count):
    bank = novelty.remember(cloud(count, 0, 0), ["S1"] * count)
    assert np.isfinite(novelty.of(cloud(4, 3, 1), bank)).all()


@given(st.integers(0, 2**31 - 1), st.floats(0.01, 100))
def test_novelty_is_finite_not_negative_and_blind_to_the_length_of_embeddings(seed, scale):
    bank = novelty.remember(*three_sections())
    new = cloud(8, seed % 16, seed)
    found = novelty.of(new, bank)
    assert (found >= -1e-5).all()
    assert np.allclose(found, novelty.of((new * np.float32(scale)), bank), atol=1e-2)
