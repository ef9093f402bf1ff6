"""Fields of view cut from sections are the pixels they should be, from whichever level they come."""

import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zoo.errors import DataError, MissingError, RunError
from zoo_spatial.slides.pyramid import from_array, open_image


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(st.integers(-20, 140), st.integers(-20, 110), st.integers(1, 40))
@settings(max_examples=60)
def test_a_field_is_the_window_around_its_centre_with_the_edge_repeated_outside(x, y, side):
    image = noise(90, 120)
    field = from_array(image).fields(np.array([[x, y]], np.float32), side, side)[0].permute(1, 2, 0).numpy()
    left, top = x - side // 2, y - side // 2
    rows = np.clip(np.arange(top, top + side), 0, 89)
    columns = np.clip(np.arange(left, left + side), 0, 119)
    assert np.array_equal(field, image[np.ix_(rows, columns)])


def test_a_wider_field_is_cut_from_a_halved_level_and_holds_the_means_of_its_pixels():
    image = noise(1100, 1100)
    field = from_array(image).fields(np.array([[500, 600]], np.float32), 128, 64)[0].permute(1, 2, 0).numpy()
    window = image[536:664, 436:564].astype(float)
    means = window.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(field - means).max() <= 0.5 + 1e-9


def test_a_field_between_two_levels_is_resized_and_keeps_its_mean():
    image = np.full((1000, 1000, 3), 90, np.uint8)
    image[400:600, 400:600] = 200
    field = from_array(image).fields(np.array([[500, 500]], np.float32), 300, 100).float()
    assert field.shape == (1, 3, 100, 100)
    assert float(field.mean()) == pytest.approx((200 * 4 + 90 * 5) / 9, abs=1.5)


def test_an_overview_shows_the_whole_image_squeezed():
    image = np.zeros((600, 900, 3), np.uint8)
    image[:, 450:] = 255
    overview = from_array(image).overview(60)
    assert overview.shape == (3, 60, 60)
    assert overview[:, :, :28].max() == 0
    assert overview[:, :, 32:].min() == 255


def test_an_image_file_is_decoded_once_and_then_memory_mapped(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    image = noise(700, 800)
    Image.fromarray(image).save(path)
    first = open_image(path)
    assert np.array_equal(first.levels[0], image)
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("decoded again"))
    second = open_image(path)
    assert all(isinstance(level, np.memmap) for level in second.levels)
    assert np.array_equal(second.levels[1], from_array(image).levels[1])


def test_an_edited_image_is_decoded_anew(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(noise(300, 300)).save(path)
    open_image(path)
    Image.fromarray(noise(310, 300, seed=1)).save(path)
    assert open_image(path).shape == (310, 300)


def test_pillows_size_guard_is_lifted_for_the_decoder_only(tmp_path, monkeypatch):
    path = tmp_path / "big.png"
    Image.fromarray(noise(400, 400)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert open_image(path).shape == (400, 400)
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize(
    ("mode", "shape", "said"),
    [("L", (40, 40), "has 1 channel (mode L), H&E needs 3"), ("CMYK", (40, 40, 4), "has 4 channels (mode CMYK)")],
)
def test_a_grey_image_and_one_for_print_are_refused_with_the_way_out(tmp_path, mode, shape, said):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.zeros(shape, np.uint8), mode).save(path)
    with pytest.raises(DataError) as error:
        open_image(path)
    assert said in str(error.value)
    assert "save it as RGB" in str(error.value)


def test_an_opaque_alpha_channel_is_dropped_and_a_transparent_one_laid_on_white(tmp_path):
    image = np.dstack([noise(60, 80), np.full((60, 80), 255, np.uint8)])
    Image.fromarray(image).save(tmp_path / "opaque.png")
    assert np.array_equal(open_image(tmp_path / "opaque.png").levels[0], image[..., :3])
    image[:30, :, 3] = 0
    image[30:, :, 3] = 128
    Image.fromarray(image).save(tmp_path / "clear.png")
    laid = open_image(tmp_path / "clear.png").levels[0].astype(float)
    assert laid[:30].min() == 255
    expected = image[30:, :, :3] * (128 / 255) + 127
    assert np.abs(laid[30:] - expected).max() <= 0.5 + 1e-6


def test_a_format_that_starts_a_program_is_not_opened(tmp_path):
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="is no image that can be decoded"):
        open_image(tmp_path / "a.eps")


@given(st.integers(2, 700), st.integers(2, 700), st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_a_thumbnail_keeps_the_proportions_and_is_never_larger_than_asked_or_than_the_image(height, width, longest):
    thumbnail = from_array(np.full((height, width, 3), 77, np.uint8)).thumbnail(longest)
    most = min(longest, max(height, width))
    assert max(thumbnail.shape[:2]) == most
    assert thumbnail.shape[0] == pytest.approx(height * most / max(height, width), abs=1)
    assert thumbnail.shape[1] == pytest.approx(width * most / max(height, width), abs=1)
    assert thumbnail.min() == thumbnail.max() == 77


def test_a_pyramid_knows_its_pixel_size_only_where_it_was_told():
    assert from_array(noise(10, 10)).um_per_px is None
    assert from_array(noise(10, 10), 0.5).um_per_px == 0.5


def test_many_fields_of_a_mapped_image_are_cut_without_keeping_it_all_in_memory(tmp_path, monkeypatch):
    Image.fromarray(noise(600, 600)).save(tmp_path / "a.png")
    slide = open_image(tmp_path / "a.png")
    released = []
    monkeypatch.setattr("zoo_spatial.slides.fields.AT_ONCE", 10 * 32 * 32 * 3)
    monkeypatch.setattr("zoo_spatial.slides.pyramid.unmap", lambda level: released.append(level.shape))
    slide.fields(np.full((35, 2), 300, np.float32), 32, 32)
    assert len(released) == 4 * len(slide.levels)


@pytest.mark.parametrize("spoil", ["truncate", "text", "empty"])
def test_an_unreadable_image_gets_one_sentence_and_leaves_nothing_in_the_cache(tmp_path, spoil):
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(600, 600)).save(path)
    raw = path.read_bytes()
    path.write_bytes({"truncate": raw[: len(raw) // 2], "text": b"not an image", "empty": b""}[spoil])
    with pytest.raises(DataError) as error:
        open_image(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    assert [p for p in (tmp_path / "home" / "sections").iterdir() if p.suffix != ".lock"] == []


def test_a_full_disk_while_decoding_gets_one_sentence_and_leaves_no_half_image(tmp_path, monkeypatch):
    Image.fromarray(noise(900, 900)).save(tmp_path / "a.png")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        monkeypatch.setenv("ZOO_HOME", str(disk))
        with pytest.raises(RunError, match="the disk is full"):
            open_image(tmp_path / "a.png")
        assert [path for path in disk.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    finally:
        subprocess.run(["umount", disk], check=False)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"nowhere\.jpg: cannot be read"):
        open_image(tmp_path / "nowhere.jpg")
