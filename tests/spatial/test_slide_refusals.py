"""A file that is no slide, or claims what cannot be, gets one sentence and takes no memory."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial.slide_files import smooth, write
from zoo.errors import DataError, MissingError
from zoo_spatial.slides import tiff_segments, tiff_strips
from zoo_spatial.slides.slide import open_slide

IMAGE = smooth(400, 400)


def test_one_huge_compressed_strip_is_refused_with_the_way_to_save_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_strips, "MAX_STRIP_BYTES", 300_000)
    path = write(tmp_path / "a.tif", IMAGE[:400, :400], tile=None, rowsperstrip=400, compression="zlib")
    with pytest.raises(DataError, match=r"one compressed strip holds 400 x 400 pixels.*vips tiffsave") as error:
        open_slide(path)
    assert str(error.value).startswith(str(path))
    write(path, IMAGE[:400, :400], tile=None, rowsperstrip=400)
    assert open_slide(path).shape == (400, 400)


def test_a_damaged_tile_is_named_when_it_is_needed_and_not_before(tmp_path):
    path = write(tmp_path / "a.tif", IMAGE[:256, :256], compression="zlib")
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[15]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\0" * 40)
    slide = open_slide(path)
    slide.fields(np.array([[60, 60]], np.float32), 40, 40)
    with pytest.raises(DataError, match=r"a\.tif: tile 15 is damaged \(.*\); restore the file"):
        slide.fields(np.array([[220, 220]], np.float32), 40, 40)


@pytest.mark.parametrize(
    ("image", "options", "said"),
    [
        (np.zeros((80, 80), np.uint8), {"photometric": "minisblack"}, "has 1 channel (MINISBLACK, 8-bit)"),
        (
            np.zeros((80, 80), np.uint8),
            {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
            "PALETTE",
        ),
        (np.zeros((80, 80, 3), np.uint16), {}, "has 16 bits a channel, 8 are needed; scale it to 8-bit RGB"),
        (np.zeros((80, 80, 4), np.uint8), {"photometric": "separated"}, "has 4 channels (SEPARATED, 8-bit)"),
        (np.zeros((5, 80, 80), np.uint8), {"photometric": "minisblack"}, "in 5 pages (a stack, or fluorescence)"),
        (np.zeros((4, 80, 80, 3), np.uint8), {}, "holds 4 images of 80 x 80 pixels, a stack or a series"),
        (np.zeros((80, 80, 3), np.uint8), {"compression": "webp"}, "is compressed with WEBP, which is not read"),
        (np.zeros((80, 80, 3), np.uint8), {"photometric": "ycbcr"}, "holds YCbCr outside of JPEG"),
        (
            np.zeros((1, 80, 3), np.uint8),
            {"planarconfig": "contig"},
            "has 80 x 1 pixels; a section needs at least 2 x 2",
        ),
        (np.zeros((80, 80, 3), np.float32), {}, "has 32 bits a channel"),
        (np.zeros((16, 80, 80, 3), np.uint8), {"tile": (16, 16, 16), "volumetric": True}, "is a volume of 16 planes"),
    ],
)
def test_what_is_no_8_bit_rgb_slide_gets_one_sentence(tmp_path, image, options, said):
    path = write(tmp_path / "a.tif", image, **options)
    with pytest.raises(DataError) as error:
        open_slide(path)
    assert str(error.value).startswith(f"{path}: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_fluorescence_with_a_small_rgb_label_is_not_taken_for_its_label(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(np.zeros((300, 300), np.uint8), photometric="minisblack")
        tif.write(np.zeros((60, 60, 3), np.uint8), photometric="rgb")
    with pytest.raises(DataError, match="has 1 channel"):
        open_slide(tmp_path / "a.tif")


def claim(path, code, value):
    """Overwrite a tag of the first page."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages[0].tags[code].overwrite(value, dtype="I" if isinstance(value, tuple) else None)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({256: 1_500_000, 257: 1_500_000}, "claims 1500000 x 1500000 pixels, more than 100,000,000,000"),
        ({256: 60_000}, "60000 x 256 pixels need 3752 tiles, 16 are listed"),
        ({322: 60_000, 323: 60_000}, "its tiles are 60000 x 60000 pixels"),
        ({323: 0}, "its tiles are 64 x 0 pixels"),
        ({256: 300_000, 257: 300_000, 322: 16, 323: 16}, "claims 351,562,500 tiles of 16 x 16 pixels"),
        ({324: (2**31,) * 16}, "16 of 16 tiles lie beyond the end of the file"),
        ({325: (2**31,) * 16}, "16 of 16 tiles lie beyond the end of the file"),
        ({256: 0}, "has 0 x 256 pixels"),
    ],
)
def test_a_header_that_claims_too_much_is_not_believed(tmp_path, tags, said):
    path = write(tmp_path / "a.tif", IMAGE[:256, :256])
    for code, value in tags.items():
        claim(path, code, value)
    with pytest.raises(DataError) as error:
        open_slide(path)
    assert said in str(error.value)


def test_strips_beyond_what_is_decoded_are_refused_with_the_way_to_save_them(tmp_path):
    path = write(tmp_path / "a.tif", IMAGE[:256, :256], tile=None)
    claim(path, 256, 60_000)
    claim(path, 257, 60_000)
    with pytest.raises(DataError, match=r"has 60000 x 60000 pixels in strips, more than 2,000,000,000; save it tiled"):
        open_slide(path)


@pytest.mark.parametrize(
    ("compression", "encode"),
    [
        ("jpeg", imagecodecs.jpeg8_encode),
        ("jpeg2000", lambda image: imagecodecs.jpeg2k_encode(image, level=60)),
    ],
)
def test_a_tile_that_unpacks_into_far_more_than_a_tile_is_not_unpacked(tmp_path, compression, encode, monkeypatch):
    bomb = encode(np.zeros((3000, 3000, 3), np.uint8))
    monkeypatch.setattr(tiff_segments, "SLACK", 2**24)
    path = tmp_path / "a.tif"
    write(path, iter([bomb] * 4), shape=(128, 128, 3), dtype=np.uint8, compression=compression)
    with pytest.raises(DataError, match=r"tile 0 is damaged \(it claims 3000 x 3000 pixels, a tile has 64 x 64"):
        open_slide(path).fields(np.array([[30, 30]], np.float32), 32, 32)


def test_a_tile_larger_in_the_file_than_it_could_be_is_not_read(tmp_path):
    path = tmp_path / "a.tif"
    write(path, iter([bytes(200_000)] * 4), shape=(128, 128, 3), dtype=np.uint8, compression="zlib")
    with pytest.raises(DataError, match="one of its tiles takes 200,000 bytes where 90,112 are enough"):
        open_slide(path)


@pytest.mark.parametrize("keep", [4, 8, 100, 5000])
@pytest.mark.parametrize("layout", [{}, {"tile": None}])
def test_a_file_that_was_cut_short_gets_one_sentence(tmp_path, keep, layout):
    path = write(tmp_path / "a.tif", IMAGE[:256, :256], **layout)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError) as error:
        open_slide(path).thumbnail(10)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"II*\0" + b"\xff" * 200, b"MM\0+" + b"\1" * 50, b"a TIFF, honestly"]
)
def test_a_file_that_only_claims_to_be_a_tiff_gets_one_sentence(tmp_path, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        open_slide(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_what_is_not_there_is_missing_and_a_folder_is_no_slide(tmp_path):
    with pytest.raises(MissingError, match=r"nowhere\.tif: cannot be read"):
        open_slide(tmp_path / "nowhere.tif")
    with pytest.raises(MissingError, match="Is a directory"):
        open_slide(tmp_path)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_spoilt_header_ends_in_anything_but_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "spoilt.tif"
    layout = data.draw(st.sampled_from([{}, {"tile": None}, {"compression": "jpeg"}, {"compression": "zlib"}]))
    write(path, IMAGE[:128, :130], **layout)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(4, min(500, len(raw) - 1)))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        slide = open_slide(path)
        if max(slide.shape) < 1000:
            slide.fields(np.array([[64, 64]], np.float32), 32, 32)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - the file may as well be fine
