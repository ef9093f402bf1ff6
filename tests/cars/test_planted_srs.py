"""A line is planted in real spectra where the truth says, and nowhere else; blocks of the stack share no pixel."""

import numpy as np
import pytest
from conftest import DATA

from zoo.errors import MissingError
from zoo.signature import signature_of
from zoo_cars.datasets import planted_srs as module
from zoo_cars.datasets.planted_srs import Line, planted_srs

ROOT = DATA / "srs"
BAGS, TILES, SIZE = 32, 9, 10


@pytest.fixture
def root():
    if not (ROOT / "stack").is_dir():
        pytest.skip(f"no stimulated Raman stack at {ROOT}; set ZOO_TEST_DATA")
    return ROOT


def fields(root, **options):
    return planted_srs(root, **{"bags": BAGS, "tiles": TILES, "size": SIZE, **options}).open_fields()


def tiles_of(array):
    """Return a mosaic [C, H, W] as tiles [9, C, pixels]."""
    cut = array.reshape(len(array), 3, SIZE, 3, SIZE).transpose(1, 3, 0, 2, 4)
    return cut.reshape(TILES, len(array), SIZE * SIZE)


def test_the_data_say_first_and_last_that_they_are_semi_synthetic(root):
    dataset = planted_srs(root)
    assert dataset.provenance["kind"] == "semi-synthetic"
    assert dataset.provenance["licence"] == "gpl-3.0"
    assert "SEMI-SYNTHETIC" in planted_srs.__doc__.splitlines()[0]
    assert "semi-synthetic" in dataset.notes[0]
    assert "over 2800 to 3050 cm^-1 by assumption" in dataset.notes[0]


def test_bags_of_both_classes_come_from_every_block(root):
    found = fields(root)
    assert len(found) == BAGS
    assert len({field.name for field in found}) == BAGS
    blocks = {field.animal for field in found}
    assert len(blocks) == 16
    for block in blocks:
        assert sorted(field.label for field in found if field.animal == block) == ["control", "planted"]


def test_a_bag_holds_tiles_of_its_block_turned_and_mirrored_and_of_no_other(root):
    stack = module._Plan(root, 2, 1, 50, 0.5, 1, Line(), 4, (2800.0, 3050.0), 0).stack
    assert stack.shape == (100, 200, 200)
    numbered = fields(root, bags=8, blocks=2, tiles=1, size=100)
    for field in (field for field in numbered if field.label == "control"):
        row, column = map(int, field.animal.split("-")[1:])
        block = stack[:, row * 100 : row * 100 + 100, column * 100 : column * 100 + 100]
        found = field.open_stack()
        turned = [np.rot90(way, turns, axes=(1, 2)) for way in (block, block[:, :, ::-1]) for turns in range(4)]
        assert any(np.array_equal(found, one) for one in turned)


def test_the_line_is_where_the_truth_says_and_nowhere_else(root):
    found = fields(root, line=Line(amplitude=0.2))
    clean = {field.name: field for field in fields(root, line=Line(amplitude=1e-9, gain=0.0))}
    bands = np.abs(found[0].wavenumber_cm - 2925) < 20
    for field in found:
        added = tiles_of(field.open_stack()) - tiles_of(clean[field.name].open_stack())
        carries = tiles_of(field.truth[None]).all(axis=(1, 2))
        assert carries.sum() == (2 if field.label == "planted" else 0)
        assert (tiles_of(field.truth[None]).any(axis=(1, 2)) == carries).all(), "a tile carries the line whole or not"
        assert (added[~carries] == 0).all()
        assert np.abs(added[carries][:, ~bands]).max(initial=0) <= 1
        for tile in np.flatnonzero(carries):
            local = tiles_of(clean[field.name].open_stack())[tile].mean()
            assert added[tile].mean(axis=1).max() == pytest.approx(0.2 * local, rel=0.15)


def test_planted_tiles_keep_the_whole_numbers_of_the_original(root):
    for field in fields(root):
        stack = field.open_stack()
        assert np.array_equal(stack, stack.round())
        assert 0 <= stack.min() <= stack.max() <= 255


def test_shot_noise_grows_with_what_is_planted():
    tile = np.full((100, 40, 40), 100, np.float32)
    axis = np.linspace(2800, 3050, 100)
    rng = np.random.default_rng
    spread = {gain: Line(amplitude=0.5, gain=gain).planted(tile, axis, rng(0)).std(axis=(1, 2)) for gain in (0.0, 0.2)}
    assert spread[0.0].max() == 0
    assert spread[0.2][50] == pytest.approx(np.sqrt(0.2 * 50), rel=0.1)
    assert spread[0.2][0] == 0


def test_a_bag_is_the_same_each_time_it_is_opened_and_another_seed_is_another_bag(root):
    first, again, other = fields(root), fields(root), fields(root, seed=1)
    assert [field.label for field in first] == [field.label for field in again]
    stack = first[3].open_stack()
    assert np.array_equal(stack, first[3].open_stack())
    assert np.array_equal(stack, again[3].open_stack())
    assert not np.array_equal(stack, other[3].open_stack())


def test_a_filter_for_the_line_finds_it_and_brightness_does_not(root):
    found = fields(root, bags=64, line=Line(amplitude=0.05))
    near = np.abs(found[0].wavenumber_cm - 2925) < 40
    offset = found[0].wavenumber_cm[near] - 2925
    shape = np.exp(-4 * np.log(2) * (offset / 15) ** 2)
    fit = np.linalg.pinv(np.stack([np.ones_like(offset), offset, offset**2, shape], axis=1))[3]
    spectra = np.concatenate([tiles_of(field.open_stack()).mean(axis=2) for field in found])
    truth = np.concatenate([tiles_of(field.truth[None]).all(axis=(1, 2)) for field in found])
    assert ranked(spectra[:, near] @ fit / spectra.mean(axis=1), truth) > 0.99
    assert 0.35 < ranked(spectra.mean(axis=1), truth) < 0.65


def ranked(scores, truth):
    """Return the area under the ROC curve."""
    return (scores[truth][:, None] > scores[~truth][None]).mean()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bags": 31}, "bags is at least 2 for each of 16 blocks, not 31 in all"),
        ({"tiles": 0}, "tiles is a number of at least 1, not 0"),
        ({"positives": 0.0}, "positives is a share above 0 and at most 1, not 0.0"),
        ({"planted": 1.5}, "planted is a share above 0 and at most 1, not 1.5"),
        ({"line": Line(position_cm=2000)}, "line.position_cm lies inside 2800 to 3050, not at 2000"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(tmp_path, options, said):
    with pytest.raises(ValueError, match=said):
        planted_srs(tmp_path, **options)


def test_a_line_that_is_none_and_a_tile_larger_than_a_block_are_refused(root):
    with pytest.raises(ValueError, match=r"line.amplitude is greater than 0, not 0"):
        Line(amplitude=0)
    with pytest.raises(ValueError, match=r"line.gain is at least 0, not -1"):
        Line(gain=-1)
    with pytest.raises(ValueError, match="size is at most 50 pixels, the side of a block, not 60"):
        fields(root, size=60)[0].open_stack()


def test_a_missing_stack_says_where_it_comes_from(tmp_path):
    with pytest.raises(MissingError, match=r"has no stack/Stack0000.tif; point data.root at the stack, it comes from"):
        fields(tmp_path)[0].open_stack()


def test_a_new_stack_needs_wavenumbers_like_any_other(root):
    with pytest.raises(MissingError, match="nothing says which wavenumbers its 100 bands have"):
        planted_srs(root).open_new_fields({"input": root / "stack"})


def test_a_recipe_can_say_every_parameter():
    signature = signature_of(planted_srs, "planted-srs")
    values, mistakes = signature.check({"root": "x", "line": {"amplitude": 0.2}, "window_cm": [2800, 3000]})
    assert mistakes == []
    assert values["line"] == Line(amplitude=0.2)
    assert signature.check({"root": "x", "line": {"height": 1}})[1][0].unknown


def test_batches_hold_a_tile_for_each_instance_and_groups_are_blocks(root):
    dataset = planted_srs(root, bags=BAGS)
    dataset.fit(np.arange(BAGS))
    batch = dataset.batch(np.array([0, 3]))
    assert batch["instances"].shape == (2 * TILES, 100, SIZE, SIZE)
    assert len(set(dataset.groups["animal"])) == 16
