"""Image files of fields: what is read, and what is refused before it is decoded."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cells.screens import pixels
from zoo.errors import DataError, ZooError
from zoo_cells.field import DamagedError
from zoo_cells.images import look, read_planes

GREY = {"photometric": "minisblack"}


def refused(path, kind=DataError):
    with pytest.raises(kind) as caught:
        read_planes(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "options", "planes"),
    [
        ((9, 7), GREY, (1, 9, 7)),
        ((5, 9, 7), GREY, (5, 9, 7)),
        ((1, 9, 7), GREY, (1, 9, 7)),
        ((9, 7, 3), {"photometric": "rgb"}, (3, 9, 7)),
        ((90, 70, 4), GREY, (4, 90, 70)),
        ((5, 9, 7), {"imagej": True, "metadata": {"axes": "CYX"}}, (5, 9, 7)),
        ((1, 1, 4, 9, 7), {"ome": True, "metadata": {"axes": "TZCYX"}}, (4, 9, 7)),
        ((3, 9, 7), {**GREY, "planarconfig": "separate"}, (3, 9, 7)),
        ((4, 33, 33), {**GREY, "tile": (16, 16), "compression": "zlib"}, (4, 33, 33)),
    ],
)
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_channels_are_pages_samples_or_axes_and_values_stay_as_they_are(tmp_path, shape, options, planes, kind):
    values = pixels(0, shape, kind)
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    found = read_planes(tmp_path / "a.tif")
    last = shape[-1] in (3, 4) and len(shape) == 3
    np.testing.assert_array_equal(found, (np.moveaxis(values, -1, 0) if last else values).reshape(planes))
    assert found.dtype == np.dtype(kind)
    assert look(tmp_path / "a.tif").channels == planes[0]


def test_pages_that_were_written_one_by_one_are_channels(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(3):
            file.write(pixels(number), contiguous=False)
    np.testing.assert_array_equal(read_planes(tmp_path / "a.tif")[2], pixels(2))


def test_a_file_of_the_other_byte_order_has_the_same_values(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", pixels(0), byteorder=">")
    found = read_planes(tmp_path / "a.tif")
    assert found.dtype.isnative
    np.testing.assert_array_equal(found[0], pixels(0))


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((4, 3, 9, 7), {"ome": True, "metadata": {"axes": "ZCYX"}}, "has 4 planes of depth (axes ZCYX, 4 x 3 x 9 x 7)"),
        ((6, 9, 7), {"imagej": True, "metadata": {"axes": "ZYX"}}, "has 6 planes of depth"),
        ((6, 9, 7), {"imagej": True, "metadata": {"axes": "TYX"}}, "has 6 points in time"),
        ((2, 3, 9, 7), GREY, "a field has channels, height and width"),
        ((70, 9, 7), GREY, "has 70 channels, at most 64 are a field"),
        ((9, 7), {"photometric": "miniswhite"}, "its pixels are MINISWHITE"),
    ],
)
def test_films_stacks_and_inverted_images_are_refused(tmp_path, shape, options, said):
    tifffile.imwrite(tmp_path / "a.tif", pixels(0, shape), **options)
    assert said in refused(tmp_path / "a.tif")


def test_pages_of_several_sizes_are_no_field(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels(0, (32, 32)))
        file.write(pixels(0, (8, 8)))
    assert "holds 2 images, the first 32 x 32 uint16, number 2 8 x 8 uint16" in refused(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["int16", "uint32", "int8", "complex64"])
def test_types_without_an_agreed_brightest_value_are_refused_and_nothing_wraps(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", pixels(0, kind=kind))
    assert f"has values of type {kind}, known are uint8, uint16 and float32" in refused(tmp_path / "a.tif")


def test_floating_point_lies_between_0_and_1(tmp_path):
    values = np.linspace(0, 1, 63).reshape(9, 7)
    tifffile.imwrite(tmp_path / "a.tif", values)
    found = read_planes(tmp_path / "a.tif")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], values, atol=1e-7)
    for wrong in (values * 200, values - 0.5, np.where(values > 0.9, np.nan, values)):
        tifffile.imwrite(tmp_path / "a.tif", wrong.astype(np.float32))
        assert "0 to 1 are needed; save it as uint16" in refused(tmp_path / "a.tif")


def test_a_palette_that_only_colours_intensities_is_read_and_one_of_labels_is_not(tmp_path):
    ramp = np.zeros((3, 256), np.uint16)
    ramp[1] = np.arange(256) * 257
    tifffile.imwrite(tmp_path / "a.tif", pixels(0, kind="uint8"), photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(read_planes(tmp_path / "a.tif")[0], pixels(0, kind="uint8"))
    tifffile.imwrite(tmp_path / "a.tif", pixels(0, kind="uint8"), photometric="palette", colormap=ramp[:, ::-1])
    assert "its pixels are PALETTE" in refused(tmp_path / "a.tif")


def test_a_header_that_promises_more_than_any_camera_takes_is_refused_before_decoding(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", pixels(0, (9, 7)))
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        places = [file.pages[0].tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
    for place in places:
        data[place : place + 2] = struct.pack("<H", 60_000)
    (tmp_path / "a.tif").write_bytes(data)
    refused(tmp_path / "a.tif")


def test_a_png_bomb_is_refused_by_its_first_bytes(tmp_path):
    path = tmp_path / "a.png"
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)))
    assert "1 x 60000 x 60000 values, at most 16384 pixels a side are a field" in refused(path)


def test_png_of_colour_is_three_channels_and_its_other_kinds_are_refused(tmp_path):
    path = tmp_path / "a.png"
    colour = pixels(0, (9, 7, 3), "uint8")
    Image.fromarray(colour).save(path)
    np.testing.assert_array_equal(read_planes(path), np.moveaxis(colour, -1, 0))
    Image.fromarray(colour).quantize(8).save(path)
    assert "is a PNG of colour type 3" in refused(path)
    Image.fromarray(colour[..., 0] > 99).save(path)
    assert "with 1 bits" in refused(path)
    frames = [Image.fromarray(pixels(seed, kind="uint8")) for seed in (0, 1)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert "is an animated PNG" in refused(path)


def test_16_bits_of_colour_in_a_png_are_refused_because_they_would_lose_8(tmp_path):
    path = tmp_path / "a.png"
    head = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" + bytes(12))), (b"IEND", b"")]
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    assert np.asarray(Image.open(path)).dtype == np.uint8  # what the decoder would make of it
    assert "is a PNG of colour type 2 with 16 bits" in refused(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of files of each kind, and what they hold."""
    folder, values = tmp_path_factory.mktemp("whole"), pixels(0, (2, 40, 30), "uint16")
    tifffile.imwrite(folder / "plain.tif", values, **GREY)
    tifffile.imwrite(folder / "zip.tif", values, compression="zlib", **GREY)
    tifffile.imwrite(folder / "ome.ome.tif", values, metadata={"axes": "CYX"})
    Image.fromarray(values[0]).save(folder / "grey.png")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_was_cut_or_spoilt_is_read_as_it_was_or_refused_in_a_sentence(whole, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(whole)))
    content = bytearray(whole[name])
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(3):
            content[data.draw(st.integers(0, min(len(content) - 1, 400)))] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(content)
    try:
        found = read_planes(path)
    except ZooError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert found.ndim == 3


def test_a_file_that_lost_its_end_is_never_filled_up_with_zeros(whole, tmp_path):
    for name, content in whole.items():
        path = tmp_path / name
        path.write_bytes(content[: len(content) * 2 // 3])
        with pytest.raises(DamagedError):
            read_planes(path)
