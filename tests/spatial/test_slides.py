"""Slides in TIFF show the same fields as the same pixels in memory, from as few tiles as are needed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spatial.slide_files import shrunk, smooth, write, write_ome, write_svs
from zoo_spatial.slides import fields, heap, tiff_segments, tiff_slide
from zoo_spatial.slides.pyramid import Pyramid, from_array
from zoo_spatial.slides.slide import open_slide
from zoo_spatial.slides.tiff_slide import TiledSlide
from zoo_spatial.slides.tile_cache import TileCache

IMAGE = smooth(1150, 1300)
MEMORY = from_array(IMAGE)
CENTRES = np.random.default_rng(1).uniform((-60, -60), (1360, 1210), (12, 2)).astype(np.float32)


def apart(slide, other, field, size):
    pair = (one.fields(CENTRES, field, size).int() for one in (slide, other))
    return int(torch.sub(*pair).abs().max())


@pytest.fixture
def decoded(monkeypatch):
    """The tiles that are decoded, by their place."""
    found = []
    real = tiff_segments.Segments.rgb
    monkeypatch.setattr(
        tiff_segments.Segments, "rgb", lambda self, row, col: found.append((row, col)) or real(self, row, col)
    )
    return found


@pytest.mark.parametrize("layout", [{}, {"tile": (240, 256)}, {"tile": None}, {"tile": None, "rowsperstrip": 50}])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits", "jpeg2000"])
def test_a_lossless_tiff_shows_what_the_same_pixels_in_memory_show(tmp_path, compression, layout):
    path = write(tmp_path / "a.tif", IMAGE[:330, :400], compression=compression, **layout)
    slide, memory = open_slide(path), from_array(IMAGE[:330, :400])
    assert isinstance(slide, Pyramid if layout.get("tile", 1) is None else TiledSlide)
    assert slide.shape == (330, 400)
    assert slide.um_per_px is None
    assert apart(slide, memory, 64, 64) == 0
    assert apart(slide, memory, 150, 64) == 0


@pytest.mark.parametrize(
    ("field", "size"), [(64, 64), (100, 64), (256, 64), (300, 70), (777, 48), (30, 64), (2400, 32)]
)
def test_fields_of_every_width_agree_with_those_of_the_image_in_memory(tmp_path, field, size):
    slide = open_slide(write(tmp_path / "a.tif", IMAGE, compression="zlib", predictor=True))
    assert apart(slide, MEMORY, field, size) == 0


@given(
    st.integers(20, 150), st.integers(20, 150), st.integers(0, 2**32 - 1), st.sampled_from([16, 48, 80]),
    st.floats(1, 300), st.integers(8, 40),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_field_of_any_small_tiled_image_agrees(tmp_path_factory, height, width, seed, tile, field, size):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    path = write(tmp_path_factory.getbasetemp() / "any.tif", image, tile=(tile, tile))
    centres = rng.uniform((-50, -50), (width + 50, height + 50), (5, 2)).astype(np.float32)
    expected = from_array(image).fields(centres, field, size)
    assert torch.equal(open_slide(path).fields(centres, field, size), expected)


@pytest.mark.parametrize("layout", [{}, {"tile": None, "rowsperstrip": 64}])
def test_jpeg_differs_by_what_jpeg_loses(tmp_path, layout):
    path = write(tmp_path / "a.tif", IMAGE, compression="jpeg", compressionargs={"level": 95}, **layout)
    slide = open_slide(path)
    assert apart(slide, MEMORY, 64, 64) < 40
    assert (slide.fields(CENTRES, 64, 64).float() - MEMORY.fields(CENTRES, 64, 64).float()).abs().mean() < 3
    assert apart(slide, MEMORY, 512, 64) < 10


@pytest.mark.parametrize("options", [{"bigtiff": True}, {"byteorder": ">"}, {"bigtiff": True, "byteorder": ">"}])
def test_bigtiff_and_either_byte_order_are_read(tmp_path, options):
    assert (
        apart(
            open_slide(write(tmp_path / "a.btf", IMAGE[:200, :200], **options)), from_array(IMAGE[:200, :200]), 50, 50
        )
        == 0
    )


@pytest.mark.parametrize("layout", [{}, {"tile": None}, {"tile": None, "rowsperstrip": 40, "compression": "zlib"}])
def test_channels_that_are_stored_one_after_the_other_are_put_together(tmp_path, layout):
    image = IMAGE[:300, :280]
    path = write(tmp_path / "a.tif", image.transpose(2, 0, 1), planarconfig="separate", **layout)
    assert apart(open_slide(path), from_array(image), 60, 60) == 0


def test_the_reduced_copies_of_an_ome_tiff_are_used_for_wide_fields(tmp_path, decoded):
    slide = open_slide(write_ome(tmp_path / "a.ome.tif", IMAGE, [shrunk(IMAGE, 1), shrunk(IMAGE, 2)], um=0.36))
    assert [level.shape[:2] for level in slide.levels] == [(1150, 1300), (575, 650), (287, 325)]
    assert slide.scales == (1.0, 2.0, 4.0)
    assert slide.um_per_px == pytest.approx(0.36)
    assert apart(slide, MEMORY, 64, 64) == 0
    decoded.clear()
    assert apart(slide, MEMORY, 300, 64) <= 2
    assert {row for row, _ in decoded} <= set(range(5))
    overview = slide.overview(200).int()
    assert int((overview - MEMORY.overview(200).int()).abs().max()) <= 2


def test_an_svs_is_its_slide_and_not_its_thumbnail_label_or_macro(tmp_path):
    slide = open_slide(write_svs(tmp_path / "a.svs", IMAGE, [shrunk(IMAGE, 2)]))
    assert [level.shape[:2] for level in slide.levels] == [(1150, 1300), (287, 325)]
    assert slide.um_per_px == pytest.approx(0.499)
    assert apart(slide, MEMORY, 256, 64) <= 2
    thumbnail = slide.thumbnail(200).astype(int)
    assert thumbnail.shape == (177, 200, 3)
    assert np.abs(thumbnail - MEMORY.thumbnail(200)).max() <= 4


def test_aperios_ycbcr_in_jpeg_2000_comes_out_as_rgb(tmp_path):
    image = IMAGE[:128, :128]
    path = write(tmp_path / "a.svs", np.asarray(Image.fromarray(image).convert("YCbCr")), compression=33003)
    assert apart(open_slide(path), from_array(image), 40, 40) <= 3


def test_only_the_tiles_that_are_touched_are_decoded_and_each_once(tmp_path, decoded):
    slide = open_slide(write(tmp_path / "a.tif", IMAGE))
    slide.fields(np.array([[100, 100], [900, 900], [104, 104], [902, 902]], np.float32), 60, 60)
    assert sorted(decoded) == sorted({*decoded})
    assert set(decoded) == {(1, 1), (1, 2), (2, 1), (2, 2), (13, 13), (13, 14), (14, 13), (14, 14)}


def test_scattered_fields_come_in_the_order_asked_for_though_neighbours_are_read_together(
    tmp_path, decoded, monkeypatch
):
    slide = open_slide(write(tmp_path / "a.tif", IMAGE))
    small = TileCache(60 * 64 * 64 * 3)
    monkeypatch.setattr(slide.levels[0], "_cache", small)
    grid = np.stack(np.meshgrid(np.arange(40, 1300, 40), np.arange(40, 1150, 40)), -1).reshape(-1, 2).astype(np.float32)
    grid = np.random.default_rng(0).permutation(grid)
    assert torch.equal(slide.fields(grid, 48, 48), MEMORY.fields(grid, 48, 48))
    assert small.held <= small.most
    assert len(decoded) < 1.25 * len(set(decoded))


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 400)), max_size=80), st.integers(100, 1000))
def test_the_cache_never_holds_more_than_its_bound(asked, most):
    cache, sizes = TileCache(most), {}
    for number, drawn in asked:
        size = sizes.setdefault(number, drawn)
        tile = cache.get((0, number), lambda number=number, size=size: np.full(size, number, np.uint8))
        assert tile.tolist() == [number] * size
        assert cache.held == sum(tile.nbytes for tile in cache._tiles.values())
        assert cache.held <= max(most, size)


def test_a_slide_without_reduced_copies_is_read_once_for_them_and_they_are_kept(tmp_path, decoded, monkeypatch):
    monkeypatch.setattr(tiff_slide, "KEPT_PIXELS", 100_000)
    path = write(tmp_path / "a.tif", IMAGE, compression="zlib")
    first = open_slide(path)
    thumbnail = first.thumbnail(300)
    assert np.array_equal(thumbnail, MEMORY.thumbnail(300))
    assert sorted(decoded) == [(row, column) for row in range(18) for column in range(21)]
    decoded.clear()
    second = open_slide(path)
    assert np.array_equal(second.thumbnail(300), thumbnail)
    assert apart(second, MEMORY, 600, 100) == 0
    assert decoded == []


def test_a_tile_that_the_file_leaves_out_is_glass(tmp_path):
    blank = [None if number == 5 else np.full((64, 64, 3), 80, np.uint8) for number in range(16)]
    path = tmp_path / "a.tif"
    write(path, iter(blank), shape=(256, 256, 3), dtype=np.uint8)
    level = open_slide(path).levels[0].window(0, 0, 256, 256)
    assert level[64:128, 64:128].min() == 255
    assert level[:64].max() == 80


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
def test_transparency_in_a_tiff_is_laid_on_white(tmp_path, kind):
    image = np.full((64, 64, 4), 100, np.uint8)
    image[:, 32:, 3] = 255
    image[:, :32, 3] = 100 if kind == "assocalpha" else 0
    level = open_slide(write(tmp_path / "a.tif", image, extrasamples=[kind])).levels[0].window(0, 0, 64, 64)
    assert level[:, 32:].min() == level[:, 32:].max() == 100
    assert set(level[:, :32].ravel().tolist()) == {100 if kind == "unspecified" else 255}


def test_a_file_is_what_it_begins_with_and_not_what_it_is_called(tmp_path):
    Image.fromarray(IMAGE[:100, :100]).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    assert apart(open_slide(tmp_path / "a.tif"), from_array(IMAGE[:100, :100]), 50, 50) == 0


def test_strips_are_decoded_one_at_a_time(tmp_path, decoded):
    slide = open_slide(write(tmp_path / "a.tif", IMAGE, tile=None, rowsperstrip=100, compression="zlib"))
    assert decoded == [(row, 0) for row in range(12)]
    assert apart(open_slide(tmp_path / "a.tif"), slide, 64, 64) == 0
    assert len(decoded) == 12


def held_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


@pytest.mark.skipif(heap._malloc_trim() is None, reason="the C library cannot give memory back")
def test_free_memory_between_what_is_kept_goes_back_to_the_system():
    blocks = [np.ones(100_000, dtype=np.uint8) for _ in range(2000)]
    kept = blocks[::50]
    before = held_mb()
    del blocks
    heap.trim()
    assert before - held_mb() > 120
    assert all(block.all() for block in kept)


def test_memory_is_given_back_while_many_fields_are_cut(tmp_path, monkeypatch):
    write(tmp_path / "s.tiff", IMAGE)
    given = []
    monkeypatch.setattr(tiff_slide, "trim", lambda: given.append(True))
    monkeypatch.setattr(fields, "AT_ONCE", 4 * 50 * 50 * 3)
    open_slide(tmp_path / "s.tiff").fields(CENTRES, 100, 32)
    assert len(given) == 3
