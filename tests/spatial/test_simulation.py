"""Simulated tissue: what a learner may rely on, and that colour alone is not enough."""

from functools import cache

import numpy as np
import pytest

from zoo.errors import DataError, ZooError
from zoo_spatial.simulation import CELL_TYPES, REGIONS, SimulatedSection, simulate_section
from zoo_spatial.simulation.counts import NICHES, Programmes, draw_programmes

SEED, GENES = 9, 200
TRAIN, TEST = (0, 1, 2, 3), (4, 5)


@cache
def tissue(donor, section=0, seed=SEED):
    return simulate_section(seed=seed, donor=donor, section=section, genes=GENES)


@cache
def small(donor, section):
    return simulate_section(seed=SEED, donor=donor, section=section, spots=6, genes=30)


def programmes(seed=SEED) -> Programmes:
    stream = np.random.SeedSequence((seed, 0)).spawn(4)[1]
    return draw_programmes(np.random.default_rng(stream), genes=GENES)


def expression(section: SimulatedSection):
    return np.log1p(section.counts / section.counts.sum(1, keepdims=True) * 1e4)


def colours(section: SimulatedSection):
    corners = section.position_px.astype(int) - 32
    patches = np.stack([section.image[y : y + 64, x : x + 64].reshape(-1, 3) for x, y in corners]).astype(float)
    shape = patches - patches.mean(1, keepdims=True)
    shape /= patches.std(1, keepdims=True)
    together = np.stack([(shape[..., a] * shape[..., b]).mean(1) for a, b in ((0, 1), (0, 2), (1, 2))], 1)
    quantiles = [np.percentile(patches, q, axis=1) for q in (10, 50, 90)]
    return np.concatenate([patches.mean(1), patches.std(1), *quantiles, together], 1)


def truth(section: SimulatedSection):
    return np.concatenate([section.composition, np.eye(len(REGIONS))[section.region]], 1)


def predict(features, train=TRAIN, test=TEST):
    """Predict expression of unseen donors by ridge regression on standardised features."""
    x, y = (np.concatenate([f(tissue(d)) for d in train]) for f in (features, expression))
    mean, spread = x.mean(0), x.std(0) + 1e-9
    x = (x - mean) / spread
    weights = np.linalg.solve(x.T @ x + 100 * np.eye(x.shape[1]), x.T @ (y - y.mean(0)))
    return (np.concatenate([features(tissue(d)) for d in test]) - mean) / spread @ weights + y.mean(0)


def correlation(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0) + 1e-12)


def score(features):
    """Mean correlation over the half of the genes that varies most among the training donors."""
    variable = np.concatenate([expression(tissue(d)) for d in TRAIN]).var(0).argsort()[-GENES // 2 :]
    seen = np.concatenate([expression(tissue(d)) for d in TEST])
    return correlation(predict(features), seen)[variable].mean()


def test_the_same_seed_gives_identical_bytes():
    first, again = (simulate_section(seed=3, donor=1, section=2, spots=4, genes=60) for _ in range(2))
    for field in ("image", "grid", "position_px", "counts", "composition", "region"):
        assert getattr(first, field).tobytes() == getattr(again, field).tobytes()


def test_another_seed_donor_or_section_gives_another_image():
    images = {
        simulate_section(seed=s, donor=d, section=c, spots=4, genes=60).image.tobytes()
        for s, d, c in ((3, 1, 2), (4, 1, 2), (3, 2, 2), (3, 1, 3))
    }
    assert len(images) == 4


def test_shapes_and_types_are_as_declared():
    section = tissue(0)
    n = len(section.grid)
    assert (section.name, section.donor) == ("D0-S0", "D0")
    assert section.image.shape == (13 * 64, 13 * 64, 3)
    assert section.counts.shape == (n, GENES)
    assert section.genes[:2] == ["SIM0001", "SIM0002"]
    assert section.composition.shape == (n, len(CELL_TYPES))
    assert section.cell_types == list(CELL_TYPES)
    dtypes = {
        "image": np.uint8,
        "grid": np.float32,
        "position_px": np.float32,
        "counts": np.int32,
        "composition": np.float32,
        "region": np.int32,
    }
    assert {field: getattr(section, field).dtype for field in dtypes} == dtypes
    np.testing.assert_allclose(section.composition.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(section.position_px, (section.grid + 1) * 64)
    assert set(np.unique(section.region)) <= set(range(len(REGIONS)))


@pytest.mark.parametrize("donor", TRAIN + TEST)
def test_spots_lie_on_tissue_and_most_positions_are_kept(donor):
    section = tissue(donor)
    assert 108 <= len(section.grid) < 144
    near = [section.image[y - 16 : y + 16, x - 16 : x + 16].mean() for x, y in section.position_px.astype(int)]
    corner = section.image[:8, :8].mean()
    assert corner > 220
    assert np.median(near) < corner - 30


def test_totals_are_those_of_a_shallow_spot_assay():
    totals = np.concatenate([tissue(d).counts.sum(1) for d in TRAIN])
    assert totals.min() > 1000
    assert totals.max() < 20_000
    assert 3000 < np.median(totals) < 8000


def test_donors_share_gene_programmes():
    mean = [expression(tissue(d)).mean(0) for d in (0, 1)]
    stranger = expression(tissue(0, seed=SEED + 1)).mean(0)
    assert np.corrcoef(mean[0], mean[1])[0, 1] > 0.9
    assert np.corrcoef(mean[0], stranger)[0, 1] < 0.5


def test_donors_differ_in_stain_more_than_sections_of_a_donor():
    def stain(donor, section):
        image = small(donor, section).image.astype(float)
        density = -np.log(np.clip(image, 1, None) / image[:8, :8].mean((0, 1))).mean((0, 1))
        return density / np.linalg.norm(density)

    within = [np.linalg.norm(stain(d, 0) - stain(d, 1)) for d in TRAIN]
    between = [np.linalg.norm(stain(a, 0) - stain(b, 0)) for a in TRAIN for b in TRAIN if a < b]
    assert np.mean(between) > 2 * np.mean(within)


def test_sections_of_a_donor_resemble_each_other_without_being_the_same():
    def agreement(a, b):
        regions = [{tuple(g): r for g, r in zip(s.grid, s.region, strict=True)} for s in (a, b)]
        return np.mean([regions[0][g] == regions[1][g] for g in regions[0].keys() & regions[1].keys()])

    within = [agreement(small(d, 0), small(d, 1)) for d in TRAIN]
    between = [agreement(small(a, 0), small(b, 0)) for a in TRAIN for b in TRAIN if a < b]
    assert 0.5 < np.mean(within) < 1
    assert np.mean(within) > np.mean(between) + 0.2


def test_a_marker_follows_the_share_of_its_type():
    share = np.concatenate([tissue(d).composition for d in TRAIN])
    seen = np.concatenate([expression(tissue(d)) for d in TRAIN])
    for kind in range(len(CELL_TYPES)):
        markers = programmes().marker_of == kind
        assert markers.sum() >= 12
        own = correlation(seen[:, markers].mean(1), share[:, kind])
        others = [correlation(seen[:, markers].mean(1), share[:, k]) for k in range(len(CELL_TYPES)) if k != kind]
        assert own > 0.6
        assert own > max(others) + 0.3


def test_a_niche_programme_follows_the_neighbours_beyond_the_spot_itself():
    own, other = (CELL_TYPES.index(name) for name in NICHES[0])
    genes = programmes().niche_of == 0
    rest, around = [], []
    for donor in TRAIN:
        section = tissue(donor)
        gap = np.linalg.norm(section.grid[:, None] - section.grid[None], axis=2)
        neighbours = (gap > 0) & (gap < 2.3)
        with_niche = section.composition[:, own] > 0.25
        level = expression(section)[:, genes].mean(1)[with_niche]
        local = np.column_stack([truth(section), np.ones(len(section.grid))])[with_niche]
        outside = (neighbours @ section.composition[:, other] / neighbours.sum(1))[with_niche]
        for values, kept in ((level, rest), (outside, around)):
            kept.append(values - local @ np.linalg.lstsq(local, values, rcond=None)[0])
    assert correlation(np.concatenate(rest), np.concatenate(around)) > 0.3


def test_housekeeping_genes_tell_little_about_the_tissue():
    house = programmes().housekeeping
    seen = np.concatenate([expression(tissue(d)) for d in TEST])
    known = correlation(predict(truth), seen)
    assert known[house].mean() < known[programmes().marker_of >= 0].mean() - 0.2


def test_colour_says_something_and_leaves_room_below_the_truth():
    floor, oracle = score(colours), score(truth)
    assert 0.08 < floor < 0.38
    assert oracle > 0.58
    assert oracle - floor > 0.28


def test_pitch_and_pixel_size_may_change():
    section = simulate_section(seed=0, donor=0, section=0, spots=5, genes=40, pitch_px=32, um_per_px=1.6)
    assert section.image.shape == (6 * 32, 6 * 32, 3)
    assert section.um_per_px == 1.6


def test_a_single_spot_is_enough():
    section = simulate_section(seed=0, donor=0, section=0, spots=1, genes=30, pitch_px=25)
    assert section.counts.shape == (1, 30)
    assert section.counts.sum() > 0


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("spots", 0, "1 to"),
        ("genes", 3, "30 to"),
        ("pitch_px", 4, "16 to"),
        ("um_per_px", 0.0, "0.25 to"),
        ("um_per_px", float("nan"), "0.25 to"),
        ("seed", -1, "0 to"),
        ("donor", -1, "0 to"),
        ("section", -1, "0 to"),
    ],
)
def test_an_impossible_argument_is_answered_with_value_bound_and_way_out(name, value, bound):
    arguments = {"seed": 0, "donor": 0, "section": 0, name: value}
    with pytest.raises(DataError, match=f"^{name} is {value}, .*{bound}.*: .+\\.$") as caught:
        simulate_section(**arguments)
    assert isinstance(caught.value, ZooError)


def test_spots_too_close_to_catch_cells_are_refused():
    with pytest.raises(DataError, match=r"pitch of 8 um.*at least 20 um.*raise pitch_px"):
        simulate_section(seed=0, donor=0, section=0, pitch_px=16, um_per_px=0.5)
