"""Which image a section of Visium is seen on, and how it is held against what Space Ranger says of it."""

import numpy as np
import pytest

from spatial.visium_folders import (
    PITCH,
    Tissue,
    put,
    reduced,
    sections_refused,
    write_image,
    write_outs,
    write_scale,
)
from zoo.errors import MissingError, UsageError
from zoo_spatial.datasets.visium import visium


@pytest.fixture
def tissue():
    return Tissue()


@pytest.fixture
def outs(tmp_path, tissue):
    return write_outs(tmp_path / "S1" / "outs", tissue)


def only(dataset):
    (section,) = dataset.sections
    return section


def test_without_the_full_image_patches_come_from_the_reduced_one_and_a_note_says_so(tmp_path, tissue):
    full = only(visium(write_outs(tmp_path / "full", tissue)))
    section = only(visium(write_outs(tmp_path / "S1", tissue, image=None)))
    assert section.image.shape == (150, 165)
    assert np.allclose(section.position_px * 2, full.position_px)
    assert section.um_per_px == pytest.approx(2 * full.um_per_px)
    said = "patches come from tissue_hires_image.png, reduced to 0.5 of the full image; name that with data.image"
    assert section.notes == (f"section S1: {said}",)


def test_the_pictures_that_space_ranger_derives_are_not_taken_for_the_image(outs):
    for name in ("aligned_fiducials.jpg", "detected_tissue_image.jpg", "cytassist_image.tiff"):
        write_image(outs / name, np.zeros((40, 40, 3), dtype=np.uint8))
    assert only(visium(outs)).image.shape == (300, 330)


def test_the_image_is_found_one_level_up(tmp_path, tissue):
    write_outs(tmp_path / "S1" / "outs", tissue, image=None)
    write_image(tmp_path / "S1" / "slide.jpg", tissue.picture)
    write_outs(tmp_path / "S2", tissue, image=None)
    write_outs(tmp_path / "S22", tissue, image=None)
    write_image(tmp_path / "S2_he.tif", tissue.picture)
    write_image(tmp_path / "S22.tif", tissue.picture)
    assert [s.image.shape for s in visium(tmp_path).sections] == [tissue.size] * 3


@pytest.mark.parametrize("image", ["scan.tif", "*.tif", "../pictures/{section}.tif", "TMP/pictures/{section}*"])
def test_the_image_can_be_named_by_file_pattern_or_path(tmp_path, outs, tissue, image):
    write_image(tmp_path / "S1" / "pictures" / "S1.tif", tissue.picture)
    (outs / "other.jpg").write_bytes(b"")
    said = sections_refused(visium(outs))
    assert "section S1 has 2 images (other.jpg, scan.tif); say which with data.image" in said
    named = image.replace("TMP", str(tmp_path / "S1"))
    assert only(visium(outs, image=named)).image.shape == tissue.size


def test_a_reduced_picture_can_be_asked_for(outs):
    section = only(visium(outs, image="spatial/tissue_lowres_image.png"))
    assert section.position_px.max() < 165 / 2
    assert "reduced to 0.25 of the full image" in section.notes[0]


def test_an_image_that_is_not_there_is_named(outs):
    said = sections_refused(visium(outs, image="{section}.svs"), MissingError)
    assert said == f"section S1: no file is called {outs / 'S1.svs'}; check data.image"
    assert "is no pattern of file names" in sections_refused(visium(outs, image="**x.tif"), UsageError)


def test_without_any_image_the_sentence_says_how_to_name_one(tmp_path, tissue):
    outs = write_outs(tmp_path / "S1", tissue, image=None)
    (outs / "spatial" / "tissue_hires_image.png").unlink()
    assert sections_refused(visium(outs), MissingError) == "section S1: has no image; name it with data.image"


def test_an_image_whose_size_does_not_fit_the_scale_factors_is_refused_with_the_numbers(outs, tissue):
    write_image(outs / "scan.tif", np.pad(tissue.picture, ((0, 40), (0, 0), (0, 0))))
    said = sections_refused(visium(outs))
    assert f"{outs / 'scan.tif'}: is 330 x 340 pixels" in said
    assert "tissue_hires_image.png (165 x 150) over tissue_hires_scalef (0.5) says 330 x 300" in said


def test_a_size_that_differs_by_rounding_is_taken(outs, tissue):
    write_image(outs / "spatial" / "tissue_hires_image.png", reduced(tissue.picture, 151 / 300))
    assert only(visium(outs)).notes == ()


def test_spots_outside_the_image_are_counted(tmp_path, tissue):
    tissue.pixels[-1] = (5000, 20)
    said = sections_refused(visium(write_outs(tmp_path / "S1", tissue)))
    assert "1 of 32 spots lie outside the image of 330 x 300 pixels" in said


def test_without_scale_factors_a_full_image_is_taken_unchecked_and_a_reduced_one_is_not(outs):
    (outs / "spatial" / "scalefactors_json.json").unlink()
    section = only(visium(outs))
    assert section.um_per_px == pytest.approx(100 / PITCH, rel=0.02)
    assert "nothing beside the image says what size it should have" in section.notes[0]
    (outs / "scan.tif").unlink()
    said = sections_refused(visium(outs), MissingError)
    assert "scalefactors_json.json: has no tissue_hires_scalef, without which spots have no place" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[1]", "holds no scale factors"),
        ('{"tissue_hires_scalef": 0}', "tissue_hires_scalef is a number above 0, not 0.0"),
        ('{"tissue_hires_scalef": NaN}', "tissue_hires_scalef is a number above 0, not nan"),
        ('{"spot_diameter_fullres": "89"}', "spot_diameter_fullres is a number above 0, not '89'"),
        ('{"spot_diameter_fullres": true}', "not True"),
        (" " * (2**20 + 1), "unpacks to more than 1,048,576 bytes"),
    ],
)
def test_scale_factors_that_are_none_get_one_sentence(outs, text, said):
    put(outs / "spatial" / "scalefactors_json.json", text)
    assert said in sections_refused(visium(outs))


def test_a_spot_diameter_that_contradicts_the_pitch_is_noted(outs):
    write_scale(outs / "spatial" / "scalefactors_json.json", spot_diameter_fullres=40.0)
    section = only(visium(outs))
    assert section.um_per_px == pytest.approx(100 / PITCH, rel=0.02)
    assert "spots 39 px apart make 2.54 um per pixel, spot_diameter_fullres makes 1.62" in section.notes[0]
