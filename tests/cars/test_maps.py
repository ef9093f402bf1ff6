"""Attention is drawn where it is, in files that other programs read."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from zoo_cars.attended import attended_pixels, attention_map
from zoo_cars.field import Field
from zoo_cars.maps import draw

PLACES = np.array([[0, 0], [0, 8], [8, 0], [8, 8]])


def drawn(tmp_path, um_per_px=0.5, name="mouse 1/field"):
    """Draw a field whose last tile is all that is attended to, and whose spectrum differs there."""
    stack = np.ones((6, 16, 16), np.float32)
    stack[2, 8:, 8:] = 5.0
    stack += np.linspace(0, 0.1, 256, dtype=np.float32).reshape(16, 16)
    axis = np.linspace(2800, 3050, 6)
    field = Field(name, "m1", "s1", "high", lambda: stack, axis, um_per_px)
    batch = {"tile_yx": torch.from_numpy(PLACES)}
    dataset = SimpleNamespace(fields=[field], tiles=SimpleNamespace(size=8), batch=lambda items: batch)
    draw(dataset, {"attention": np.array([0.1, 0.1, 0.1, 0.7]), "size": np.array([4])}, tmp_path)
    return tmp_path


def test_a_map_is_1_where_attention_is_even_and_keeps_its_place():
    found = attention_map(np.full(4, 0.25), PLACES, (16, 16), 8)
    assert np.allclose(found, 1)
    found = attention_map(np.array([0, 0, 0, 1.0]), PLACES, (16, 18), 8)
    assert np.allclose(found[8:, 8:16], 4)
    assert np.isnan(found[:, 16:]).all()
    assert np.nanmean(found) == pytest.approx(1)


def test_overlapping_tiles_give_their_mean():
    found = attention_map(np.array([1.0, 0.0]), np.array([[0, 0], [0, 4]]), (8, 12), 8)
    assert found[0].tolist() == [2.0] * 4 + [1.0] * 4 + [0.0] * 4


def test_attended_pixels_are_those_of_highest_attention():
    found = attention_map(np.array([0.1, 0.1, 0.1, 0.7]), PLACES, (16, 16), 8)
    assert attended_pixels(found).sum() == 64
    assert attended_pixels(found)[8:, 8:].all()


def test_a_field_leaves_a_map_with_its_pixel_size_a_picture_and_spectra(tmp_path):
    folder = drawn(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("mouse_1_field_attention.ome.tif", "mouse_1_field_attention.png"),
        *("mouse_1_field_spectra.csv", "mouse_1_field_spectra.png"),
    ]
    with tifffile.TiffFile(folder / "mouse_1_field_attention.ome.tif") as file:
        assert file.is_ome
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata
        assert file.asarray()[12, 12] == pytest.approx(2.8)
    assert Image.open(folder / "mouse_1_field_attention.png").size[0] > 600
    rows = list(csv.DictReader((folder / "mouse_1_field_spectra.csv").open()))
    assert [float(row["wavenumber_cm"]) for row in rows][::5] == [2800, 3050]
    peak = max(rows, key=lambda row: float(row["attended"]))
    assert float(peak["wavenumber_cm"]) == 2900
    assert float(peak["attended"]) > 4
    assert float(peak["others"]) < 2


def test_without_a_pixel_size_the_bar_counts_pixels_and_the_map_claims_no_size(tmp_path):
    with tifffile.TiffFile(drawn(tmp_path, um_per_px=None) / "mouse_1_field_attention.ome.tif") as file:
        assert "PhysicalSizeX" not in file.ome_metadata
