"""Fields of view show as much tissue as was asked for, whatever the resolution of the image."""

import numpy as np
import pytest
import torch

from spatial.sections_in_memory import section
from zoo.errors import DataError
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Cutter, Views


def ramp(width, per_px):
    """Return an image whose red channel says where one is, in units that do not depend on the resolution."""
    across = np.clip(np.arange(width) * per_px, 0, 255).astype(np.uint8)
    return np.repeat(np.broadcast_to(across, (width, width))[..., None], 3, axis=2).copy()


def test_a_patch_in_micrometres_shows_the_same_tissue_in_sections_of_different_resolution():
    coarse = section("coarse", um_per_px=1.0, pitch=20, image=ramp(140, 1.0))
    fine = section("fine", um_per_px=0.5, pitch=40, image=ramp(280, 0.5))
    found = Cutter([coarse, fine], Views(patch_um=32, size=16)).batch(np.array([14, 14 + 36]))["image"]
    assert found.shape == (2, 3, 16, 16)
    assert (found[0].int() - found[1].int()).abs().max() <= 2
    spread = found[0, 0].float().max() - found[0, 0].float().min()
    assert 26 <= spread <= 32


def test_without_a_size_a_patch_in_micrometres_is_delivered_in_the_pixels_of_patch():
    assert Cutter([section()], Views(patch=24, patch_um=20)).batch(np.array([0]))["image"].shape == (1, 3, 24, 24)


def test_a_patch_in_micrometres_needs_the_size_of_a_pixel():
    said = (
        "section S1: nothing says how large its pixels are, and data.views.patch_um is 50 um; give the patch in pixels"
    )
    with pytest.raises(DataError, match=said):
        Cutter([section(um_per_px=None)], Views(patch_um=50))


@pytest.mark.parametrize("size", [0.5, 20_001, -3])
def test_a_patch_that_is_no_piece_of_tissue_is_refused(size):
    with pytest.raises(ValueError, match="patch_um lies between 1 and 20000 micrometres, not"):
        Views(patch_um=size)


def test_new_tissue_of_another_resolution_is_cut_to_show_what_the_model_knows():
    known = Cutter([section(um_per_px=1.0, pitch=20, image=ramp(140, 1.0))], Views(patch=32, size=16))
    new = Cutter([section(um_per_px=0.5, pitch=40, image=ramp(280, 0.5))], Views(patch=32, size=16), 1.0)
    pair = [cutter.batch(np.array([14]))["image"].int() for cutter in (known, new)]
    assert (pair[0] - pair[1]).abs().max() <= 2


def test_colours_of_many_points_are_levelled_by_some_of_them(monkeypatch):
    from zoo_spatial import views

    one = section(side=12, pitch=20)
    whole = Cutter([one], Views(patch=16, colour="section"))._tables[0]
    monkeypatch.setattr(views, "MOST_LEVELLED", 40)
    some = Cutter([one], Views(patch=16, colour="section"))._tables[0]
    assert np.abs(whole.astype(int) - some.astype(int)).max() < 12
    assert not np.array_equal(whole, some)


def test_blocks_stand_as_sections_whose_neighbours_and_means_are_their_own():
    whole = SpotDataset(
        lambda: [section(side=9)], Views(patch=16), GenePanel(select="variance", top=4), near=3, centre=True
    )
    cut = SpotDataset(
        lambda: [section(side=9)], Views(patch=16), GenePanel(select="variance", top=4), near=3, centre=True, blocks=9
    )
    assert len(cut) == len(whole) == 81
    names = cut.groups["section"]
    assert sorted(set(names)) == [f"S1.{n}" for n in range(1, 10)]
    assert set(cut.groups["donor"]) == {"S1"}
    assert {names.count(name) for name in set(names)} == {9}
    cut.fit(np.arange(40))
    near, _ = cut._near
    assert all(names[item] == names[other] for item in range(81) for other in near[item])
    means = [cut.compared[[n == name for n in names]].mean(axis=0) for name in set(names)]
    assert np.abs(means).max() < 1e-5
    assert sorted(map(tuple, cut.position_px.tolist())) == sorted(map(tuple, whole.position_px.tolist()))
    assert torch.equal(cut.batch(np.array([5]))["position"], torch.from_numpy(cut.grid[[5]]))


@pytest.mark.parametrize("blocks", [2, 3, 4, 6, 7, 25])
def test_blocks_share_out_every_spot_once_and_about_evenly(blocks):
    data = SpotDataset(lambda: [section(side=9)], Views(patch=16), GenePanel(), blocks=blocks)
    sizes = [data.groups["section"].count(name) for name in set(data.groups["section"])]
    assert len(sizes) == blocks
    assert sum(sizes) == 81
    assert max(sizes) - min(sizes) <= 3


def test_more_blocks_than_spots_allow_are_refused():
    data = SpotDataset(lambda: [section(side=3)], Views(patch=16), GenePanel(), blocks=9)
    with pytest.raises(DataError, match=r"section S1 has 9 spots, too few for 9 blocks; lower data\.blocks"):
        len(data)
    with pytest.raises(ValueError, match="blocks is a number between 2 and 100, not 1"):
        SpotDataset(lambda: [section()], Views(), GenePanel(), blocks=1)


def test_sections_of_another_resolution_are_told_where_patches_are_in_pixels_and_not_where_they_are_in_micrometres():
    def notes(views):
        data = SpotDataset(lambda: [section("A"), section("B"), section("C", um_per_px=0.9)], views, GenePanel(top=4))
        data.fit(np.arange(len(data)))
        return data.notes

    (said,) = notes(Views(patch=16))
    assert said == (
        "section C has 0.90 um per pixel where 0.50 are usual, so its patches show more tissue; "
        "give them in micrometres with data.views.patch_um"
    )
    assert notes(Views(patch_um=16)) == []
