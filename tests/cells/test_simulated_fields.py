"""Simulated fields: drawn alone and always alike, what is in them, and what plate, place and camera do to them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage

from zoo_cells.simulation import CHANNELS, CONTROL, EFFECTS, SimulatedField, Traits, Well, traits
from zoo_cells.simulation.camera import OFFSET, WHITE, draw_plate, expose

MIDDLE = (3, 5)


def field(treatment=CONTROL, *, place=MIDDLE, site=1, plate=1, seed=0, size=96, channels=CHANNELS, effect=1.0):
    well = Well(*place, 8, 12, treatment)
    return SimulatedField(
        seed=seed, plate=plate, well=well, site=site, size=size, channels=tuple(channels), effect=effect
    )


def scenes(treatment, *, effect=1.0, sites=24):
    return [field(treatment, site=site, effect=effect).scene() for site in range(sites)]


def test_a_field_is_the_same_each_time_and_every_other_field_is_another():
    first, again = field().image(), field().image()
    assert first.tobytes() == again.tobytes()
    others = [field(site=2), field(place=(3, 6)), field(place=(4, 5)), field(plate=2), field(seed=1), field("actin-1")]
    assert len({first.tobytes(), *(other.image().tobytes() for other in others)}) == 7


def test_a_channel_does_not_depend_on_which_others_are_asked_for():
    all_five = field().image()
    two = field(channels=("Mito", "DNA")).image()
    assert np.array_equal(two, all_five[[4, 0]])


def test_counts_are_those_of_a_camera_of_twelve_bits_with_light_to_spare():
    images = np.stack([field(name, site=site).image() for name in EFFECTS for site in (1, 2)])
    assert images.dtype == np.uint16
    assert images.max() <= WHITE
    assert (images == WHITE).mean() < 0.001
    assert np.percentile(images, 0.1) > OFFSET
    assert (np.percentile(images, 99, axis=(0, 2, 3)) > 500).all()


def test_plates_differ_in_gain_and_background_of_every_channel():
    brightness = np.stack(
        [
            np.mean([field(plate=plate, site=site).image().mean(axis=(1, 2)) for site in range(6)], axis=0)
            for plate in range(1, 9)
        ]
    )
    within = np.stack([field(plate=1, site=site).image().mean(axis=(1, 2)) for site in range(6)])
    assert (np.log(brightness).std(axis=0) > 0.08).all()
    assert brightness.std(axis=0).mean() > within.std(axis=0).mean() / np.sqrt(6)
    floor = np.stack([np.percentile(field(plate=plate).image(), 0.5, axis=(1, 2)) for plate in range(1, 9)])
    assert (floor.std(axis=0) > 5).all()


def test_wells_at_the_rim_are_dimmer_and_hold_fewer_cells():
    rim = [(0, column) for column in range(12)] + [(7, column) for column in range(12)]
    middle = [(row, column) for row in (3, 4) for column in range(1, 11)]
    found = {}
    for name, places in (("rim", rim), ("middle", middle)):
        fields = [field(place=place, plate=plate, size=64) for place in places for plate in (1, 2, 3)]
        nuclei = [len(one.scene().radius_um) for one in fields]
        found[name] = (np.mean([one.image()[0].mean() for one in fields]), np.mean(nuclei))
    assert found["rim"][0] < 0.93 * found["middle"][0]
    assert found["rim"][1] < 0.95 * found["middle"][1]


def test_brightness_runs_across_the_columns_as_the_slope_of_the_plate_says():
    def light(plate, columns):
        places = [(row, column) for row in range(1, 7) for column in columns]
        fields = [field(place=place, plate=plate, size=48, channels=["AGP"]) for place in places]
        return np.log(np.mean([one.image().mean() - OFFSET for one in fields]))

    plates = range(1, 13)
    slopes = [draw_plate(np.random.default_rng((0, 1, plate))).slope[1] for plate in plates]
    seen = [light(plate, (8, 9, 10)) - light(plate, (1, 2, 3)) for plate in plates]
    assert np.corrcoef(slopes, seen)[0, 1] > 0.6


def test_a_field_is_darker_in_its_corners_than_in_its_middle():
    plate = draw_plate(np.random.default_rng(0))
    flat = np.ones((96, 96), np.float32)
    seen = expose(np.random.default_rng(1), flat, plate, channel="DNA", gain=1.0, focus_px=0.0).astype(float)
    corners = np.mean([seen[:12, :12], seen[:12, -12:], seen[-12:, :12], seen[-12:, -12:]])
    assert 0.6 < corners / seen[42:54, 42:54].mean() < 0.95


def test_noise_is_that_of_counting_and_a_field_out_of_focus_is_smoother():
    plate, flat = draw_plate(np.random.default_rng(0)), np.ones((64, 64), np.float32)
    bright, dim = (
        expose(np.random.default_rng(1), level * flat, plate, channel="DNA", gain=1.0, focus_px=0.0)[24:40, 24:40]
        for level in (2.0, 0.2)
    )
    spread = [ndimage.laplace(each.astype(float)).std() for each in (bright, dim)]
    light = [each.mean() - OFFSET for each in (bright, dim)]
    assert spread[0] / spread[1] == pytest.approx(np.sqrt(light[0] / light[1]), rel=0.15)
    dots = np.zeros((64, 64), np.float32)
    dots[8::16, 8::16] = 20
    sharp, soft = (
        expose(np.random.default_rng(1), dots, plate, channel="DNA", gain=1.0, focus_px=focus) for focus in (0.0, 1.5)
    )
    assert soft.max() < 0.6 * sharp.max()


def test_nuclei_hold_dna_mitochondria_lie_around_them_and_cortex_at_the_border():
    one = field(size=192, effect=0.0)
    image, scene = one.image().astype(float), one.scene()
    nucleus, cytoplasm = scene.nucleus > 0.9, (scene.inside > 0.9) & (scene.nucleus < 0.05)
    ground = scene.inside < 0.05
    assert image[0, nucleus].mean() > 2 * image[0, cytoplasm].mean()
    for channel in (1, 2, 3, 4):
        assert image[channel, cytoplasm].mean() > 1.2 * image[channel, ground].mean(), CHANNELS[channel]
    near, far = cytoplasm & (scene.reach_um < 6), cytoplasm & (scene.reach_um > 12)
    assert image[4, near].mean() > 1.2 * image[4, far].mean()
    border, deep = cytoplasm & (scene.rim_um < 2), cytoplasm & (scene.rim_um > 4)
    assert image[3, border].mean() > 1.1 * image[3, deep].mean()


def test_the_table_names_traits_that_there_are_and_effect_scales_them():
    usual = Traits()
    for name, changes in EFFECTS.items():
        assert all(hasattr(usual, trait) for trait in changes), name
        assert traits(name, 0.0) == usual
    assert traits(CONTROL) == usual
    strong, weak = traits("dna-1").nucleus_um, traits("dna-1", 0.5).nucleus_um
    assert usual.nucleus_um < weak < strong
    assert traits("tubulin-1", 3.0).binucleate <= 0.7


def test_truth_is_in_the_scenes_two_nuclei_larger_nuclei_and_condensed_ones():
    usual, one, two, dna = (scenes(name) for name in (CONTROL, "tubulin-1", "tubulin-2", "dna-1"))
    nuclei = [np.mean([len(s.radius_um) / len(s.angle) for s in group]) for group in (usual, one)]
    assert nuclei[0] < 1.1
    assert nuclei[1] > 1.3
    dividing = [np.mean([s.mitotic.mean() for s in group]) for group in (usual, two)]
    assert dividing[0] < 0.1
    assert dividing[1] > 0.2
    radius = [np.mean(np.concatenate([s.radius_um for s in group])) for group in (usual, dna)]
    assert radius[1] / radius[0] == pytest.approx(np.exp(EFFECTS["dna-1"]["nucleus_um"]), rel=0.05)


def test_kin_are_nearer_to_each_other_than_to_other_treatments():
    names = [name for name in EFFECTS if name[:-2] in {"tubulin", "actin", "ribosome", "er"}]
    usual = Traits()
    known = list(Traits.__dataclass_fields__)
    shift = {name: np.log([getattr(traits(name), t) / getattr(usual, t) for t in known]) for name in names}
    for name in names:
        others = {other: np.linalg.norm(shift[name] - shift[other]) for other in names if other != name}
        assert min(others, key=others.get)[:-2] == name[:-2], name


def test_a_field_costs_no_more_than_a_few_dozen_filters_of_its_size():
    image = field(channels=CHANNELS[:3]).image()

    def seconds(work):
        took = []
        for site in range(4):
            start = time.process_time()
            work(site)
            took.append(time.process_time() - start)
        return min(took)

    plane = image[0].astype(np.float64)
    filters = seconds(lambda _: [ndimage.gaussian_filter(plane, 12.0, truncate=2) for _ in range(10)])
    assert seconds(lambda site: field(channels=CHANNELS[:3], site=site).image()) < 9 * filters  # 4, where measured
