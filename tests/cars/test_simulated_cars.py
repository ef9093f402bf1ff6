"""Simulated CARS: the physics of its spectra, what an animal changes, and that only looking closely tells the dose."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import UsageError
from zoo_cars.datasets.simulated_cars import simulated_cars
from zoo_cars.fields import Tiles
from zoo_cars.simulation import DOSES, SimulatedField
from zoo_cars.simulation.liver import Scene
from zoo_cars.simulation.microscope import draw_session, expose
from zoo_cars.simulation.spectra import LINES, Line, intensity, susceptibility

AXIS = np.linspace(2800.0, 3050.0, 32)
TRAIN, TEST = range(1, 13), range(13, 29)
NAMES = list(DOSES)


@cache
def field(animal, number=1, *, dose=None, seed=0, size=96, photons=300.0):
    dose = dose or NAMES[(animal - 1) % len(NAMES)]
    return SimulatedField(
        seed=seed,
        animal=animal,
        number=number,
        dose=dose,
        size=size,
        um_per_px=1.5,
        wavenumber_cm=AXIS,
        photons=photons,
    )


def water(size=32):
    """Return a field with nothing in it but water."""
    return Scene({"water": np.ones((size, size), np.float32)}, np.zeros((size, size), bool))


def auc(positive, score):
    pairs = score[positive][:, None] - score[~positive]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean())


@given(st.floats(2820, 3030), st.floats(4, 20), st.floats(0.05, 3), st.floats(0.1, 1) | st.floats(-1, -0.1))
def test_a_single_line_has_the_dispersive_shape_of_cars(position, half_width, strength, background):
    axis = np.linspace(2000.0, 4000.0, 4001)
    found = intensity(susceptibility([Line(position, half_width, strength)], axis), background)
    amplitude = strength * half_width
    detuning = position - axis
    # |NR + A / (d - iG)|^2 written out, without a complex number
    lorentzian = detuning**2 + half_width**2
    expected = background**2 + 2 * background * amplitude * detuning / lorentzian + amplitude**2 / lorentzian
    assert np.allclose(found, expected, rtol=1e-9)
    peak, dip = float(axis[found.argmax()]), float(axis[found.argmin()])
    # on a positive background the maximum lies below the line and the dip above it, on a negative one it is turned
    below, above = (peak, dip) if background > 0 else (dip, peak)
    assert below - 0.5 <= position <= above + 0.5
    # both lie where the derivative is zero, d^2 + d A / NR - G^2 = 0 for the detuning d
    roots = np.roots([1, amplitude / background, -(half_width**2)]).real
    assert sorted([position - peak, position - dip]) == pytest.approx(sorted(roots), abs=0.6)


def test_the_background_alone_is_flat_and_a_line_alone_a_lorentzian():
    assert np.ptp(intensity(np.zeros(50, complex), 1.3)) == 0
    axis = np.linspace(2700.0, 3000.0, 301)
    alone = intensity(susceptibility([Line(2850, 10, 2.0)], axis), 0.0)
    assert alone.max() == pytest.approx(4.0)
    assert axis[alone.argmax()] == 2850
    assert alone[axis == 2860] == pytest.approx(2.0), "half of the height at half of the width"


def test_lines_shift_as_told_and_broadening_keeps_their_area():
    axis = np.linspace(2000.0, 4000.0, 8001)
    narrow = susceptibility([Line(2900, 10, 1.0)], axis).imag
    moved = susceptibility([Line(2900, 10, 1.0)], axis, shift_cm=4.0).imag
    broad = susceptibility([Line(2900, 10, 1.0)], axis, broadening=1.5).imag
    assert axis[moved.argmax()] - axis[narrow.argmax()] == pytest.approx(4.0)
    assert broad.sum() == pytest.approx(narrow.sum(), rel=0.01)


@pytest.mark.parametrize(
    ("substance", "position"), [("lipid", 2850), ("protein", 2932), ("nucleic acid", 2967), ("drug", 2992)]
)
def test_substances_have_their_strongest_line_of_the_c_h_region_where_the_tables_say(substance, position):
    axis = np.arange(2800.0, 3051.0)
    assert abs(axis[susceptibility(LINES[substance], axis).imag.argmax()] - position) <= 3


def relative_noise(photons):
    """Return how much pixels of pure water scatter in a band, beside what illumination does to them."""
    session = draw_session(np.random.default_rng(0))
    exposed = [
        expose(np.random.default_rng(1), water(), session, AXIS, shift_cm=0.0, photons=each) for each in (photons, 1e7)
    ]
    ratio = exposed[0] / exposed[1]
    return float((ratio / ratio.mean(axis=(1, 2), keepdims=True)).std())


def test_more_photons_give_less_noise_as_counting_does():
    noise = [relative_noise(photons) for photons in (100.0, 1000.0, 10_000.0)]
    assert noise[0] / noise[1] == pytest.approx(10**0.5, rel=0.1)
    assert noise[1] / noise[2] == pytest.approx(10**0.5, rel=0.1)


def test_the_same_seed_animal_and_number_give_the_same_bytes_and_others_do_not():
    first, again = (field.__wrapped__(2, 3, size=32) for _ in range(2))
    assert first.stack().tobytes() == again.stack().tobytes()
    assert first.scene().drugged.tobytes() == again.scene().drugged.tobytes()
    others = [field(2, 3, size=32), field(3, 3, size=32), field(2, 4, size=32), field(2, 3, size=32, seed=1)]
    assert len({other.stack().tobytes() for other in others}) == 4


def test_fields_of_two_doses_differ_in_the_drug_and_in_nothing_else():
    scenes = {dose: field(1, dose=dose).scene() for dose in ("control", "high")}
    assert scenes["high"].drugged.any()
    for name, amount in scenes["control"].amounts.items():
        same = np.array_equal(amount, scenes["high"].amounts[name])
        assert same is (name != "drug"), name
    assert not scenes["control"].amounts["drug"].any()
    assert (scenes["high"].amounts["drug"] > 0).tolist() == scenes["high"].drugged.tolist()


def test_amount_share_and_shift_rise_with_the_dose_and_the_drug_stays_sparse():
    scenes = {dose: [field(animal, dose=dose).scene() for animal in range(1, 25)] for dose in NAMES}
    share = [np.mean([scene.drugged.mean() for scene in scenes[dose]]) for dose in NAMES]
    amount = [np.mean([scene.amounts["drug"].sum() for scene in scenes[dose]]) for dose in NAMES]
    shift = [DOSES[dose].shift_cm for dose in NAMES]
    for values in (share, amount, shift):
        assert values[0] == 0
        assert values == sorted(set(values))
    assert 0.005 < share[1] < share[3] < 0.07


def test_nuclei_hold_nucleic_acid_and_little_lipid_and_sinusoids_hold_water():
    scene = field(1).scene()
    amounts = scene.amounts
    nucleus, sinusoid = amounts["nucleic acid"] > 0.9, amounts["water"] > 0.99
    cytoplasm = (amounts["nucleic acid"] < 0.1) & (amounts["protein"] > 0.5)
    assert amounts["lipid"][nucleus].mean() < 0.5 * amounts["lipid"][cytoplasm].mean()
    assert amounts["protein"][sinusoid].max() < 0.1
    assert 0.02 < nucleus.mean() < 0.2
    assert 0.02 < sinusoid.mean() < 0.5
    stack = field(1).stack()
    band = {name: stack[np.abs(AXIS - position).argmin()] for name, position in (("lipid", 2850), ("dna", 2960))}
    assert band["dna"][nucleus].mean() > 1.5 * band["dna"][cytoplasm].mean()
    droplets = amounts["lipid"] > 1.2
    assert band["lipid"][droplets].mean() > 1.5 * band["lipid"][cytoplasm].mean()


def test_animals_differ_in_the_mean_spectrum_by_more_than_the_drug_changes_it():
    control = np.stack([field(animal, dose="control").stack().mean(axis=(1, 2)) for animal in range(1, 13)])
    high = np.stack([field(animal, dose="high").stack().mean(axis=(1, 2)) for animal in range(1, 13)])
    of_the_drug = np.abs(np.log(high / control).mean(axis=0)).max()
    of_animals = np.log(control).std(axis=0).max()
    assert of_animals > 2 * of_the_drug


def test_the_spectrum_of_drugged_pixels_differs_clearly_from_that_of_their_neighbours():
    scene, stack = field(4).scene(), field(4).stack()
    alike = ~scene.drugged & (scene.amounts["protein"] > 0.6) & (scene.amounts["nucleic acid"] < 0.1)
    ratio = stack[:, scene.drugged].mean(axis=1) / stack[:, alike].mean(axis=1)
    assert AXIS[ratio.argmax()] == pytest.approx(2992 + DOSES["high"].shift_cm, abs=10)
    assert ratio.max() > 1.5


def bags(animals):
    """Return stacks, drug masks and labels (1: high) of two fields of each animal; control and high by turns."""
    fields = [field(a, number, dose=("control", "high")[a % 2]) for a in animals for number in (1, 2)]
    label = np.array([one.dose == "high" for one in fields])
    return [one.stack() for one in fields], [one.scene().drugged for one in fields], label


def test_the_mean_spectrum_is_a_weak_guess_where_the_best_tile_is_a_good_one():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    (seen, masks, known), (unseen, _, wanted) = bags(TRAIN), bags(TEST)
    means = [np.stack([stack.mean(axis=(1, 2)) for stack in stacks]) for stacks in (seen, unseen)]
    scaler = StandardScaler().fit(means[0])
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(means[0]), known)
    weak = auc(wanted, model.decision_function(scaler.transform(means[1])))

    def relative(stack):
        return np.log(stack + 1) - np.log(stack + 1).mean(axis=(1, 2), keepdims=True)

    def tiles(stack):
        return relative(stack).reshape(32, 6, 16, 6, 16).mean(axis=(2, 4)).reshape(32, -1)

    drugged = [n for n, mask in enumerate(masks) if mask.any()]
    fingerprint = np.mean([relative(seen[n])[:, masks[n]].mean(axis=1) for n in drugged], axis=0)
    noise = np.cov(np.concatenate([tiles(seen[n]) for n in np.flatnonzero(~known)], axis=1))
    matched = np.linalg.solve(noise + 1e-3 * np.eye(32), fingerprint)
    good = auc(wanted, np.array([(matched @ tiles(stack)).max() for stack in unseen]))
    assert weak < 0.8
    assert good > 0.9


def test_a_field_takes_milliseconds():
    field(1, size=64).stack()
    took = []
    for _ in range(3):
        start = time.process_time()
        field(1, size=64).stack()
        took.append(time.process_time() - start)
    assert min(took) < 0.05


def test_the_dataset_names_animals_doses_and_units():
    data = simulated_cars(animals=5, fields=2, size=32, bands=8)
    assert data.groups["animal"][:3] == ["M01", "M01", "M02"]
    assert data.groups["field"][:3] == ["M01-1", "M01-2", "M02-1"]
    assert [one.label for one in data.fields[::2]] == ["control", "low", "medium", "high", "control"]
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0]
    data.fit(np.arange(len(data)))
    assert data.state()["classes"] == NAMES
    assert data.state()["wavenumber_cm"] == pytest.approx(np.linspace(2800, 3050, 8).tolist())
    assert data.um_per_px == 1.5
    assert data.batch(np.arange(10))["offsets"].diff().tolist() == [4] * 10
    assert data.instance_truth(np.arange(len(data))).shape == (40,)
    assert data.provenance["kind"] == "simulated"
    assert "simulated" in data.provenance["tissue"]
    assert "simulated" in data.provenance["species"]


def test_a_window_in_the_fingerprint_region_sees_the_drug_too():
    data = simulated_cars(animals=4, fields=1, size=48, bands=24, window_cm=(950.0, 1450.0), doses=["control", "high"])
    one = next(each for each in data.fields if each.truth.any())
    ratio = one.open_stack()[:, one.truth].mean(axis=1) / one.open_stack()[:, ~one.truth].mean(axis=1)
    assert abs(one.wavenumber_cm[ratio.argmax()] - 1030) < 25 or abs(one.wavenumber_cm[ratio.argmax()] - 1385) < 25


def test_relative_fields_have_the_same_mean_in_every_band():
    data = simulated_cars(animals=2, fields=1, size=32, bands=8, doses=["control", "high"], relative=True)
    data.fit(np.arange(2))
    tiles = data.batch(np.arange(2))["instances"]
    assert np.allclose(tiles.reshape(2, 4, 8, 256).mean(dim=(1, 3)), 0, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"animals": 0}, "animals is a number of at least 1, not 0"),
        ({"fields": 0}, "fields is a number of at least 1, not 0"),
        ({"bands": 3}, "bands is a number of at least 4, not 3"),
        ({"size": 8}, "size is a number of at least 16, not 8"),
        ({"doses": ["control", "huge"]}, "doses are of control, low, medium, high, not huge"),
    ],
)
def test_a_study_that_cannot_be_is_refused_with_the_bound(options, said):
    with pytest.raises(ValueError, match=said):
        simulated_cars(**options)


def test_new_input_is_a_stack_and_nothing_else():
    data = simulated_cars(animals=2, fields=1, size=32, bands=8, tiles=Tiles(size=8), doses=["control", "high"])
    data.fit(np.arange(2))
    with pytest.raises(UsageError, match="--spots is not known to these data"):
        data.open_new({"spots": Path("x.tsv")})
