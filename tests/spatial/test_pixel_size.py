"""The size of a pixel is what the file states, and nothing where what it states cannot be."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spatial.slide_files import shrunk, smooth, write, write_ome, write_svs
from zoo_spatial.slides.slide import open_slide

IMAGE = smooth(130, 150)


def size_of(path):
    return open_slide(path).um_per_px


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [
        ((20_000, 20_000), "CENTIMETER", 0.5),
        ((50_800, 50_800), "INCH", 0.5),
        ((20_000, 20_200), "CENTIMETER", 0.4975),
        ((20_000, 21_000), "CENTIMETER", None),
        ((72, 72), "INCH", None),
        ((96, 96), "INCH", None),
        ((300, 300), "INCH", None),
        ((1, 1), "CENTIMETER", None),
        ((1, 1), "NONE", None),
        ((20_000, 20_000), "NONE", None),
        ((0, 0), "CENTIMETER", None),
        ((10_000_000, 10_000_000), "CENTIMETER", None),
    ],
)
@pytest.mark.parametrize("tile", [(64, 64), None])
def test_the_tags_of_the_resolution_count_where_they_are_of_a_microscope(tmp_path, resolution, unit, size, tile):
    path = write(tmp_path / "a.tif", IMAGE, resolution=resolution, resolutionunit=unit, tile=tile)
    assert size_of(path) == (size and pytest.approx(size, rel=1e-3))


def described(path, text, **options):
    tifffile.imwrite(
        path, IMAGE, photometric="rgb", tile=(64, 64), metadata=None, description=text.encode(), **options
    )  # fmt: skip
    return path


def ome(attributes, before=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" SizeX="150" SizeY="130" {attributes}></Pixels></Image></OME>'
    )


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('PhysicalSizeX="0.25" PhysicalSizeY="0.25"', 0.25),
        ('PhysicalSizeX="0.25"', 0.25),
        ("PhysicalSizeX='250' PhysicalSizeXUnit='nm' PhysicalSizeY='250' PhysicalSizeYUnit='nm'", 0.25),
        ('PhysicalSizeX="0.0005" PhysicalSizeXUnit="mm" PhysicalSizeY="0.5" PhysicalSizeYUnit="&#181;m"', 0.5),
        ('PhysicalSizeX="0.5" PhysicalSizeXUnit="\u03bcm"', 0.5),
        ('PhysicalSizeX="0.5" PhysicalSizeXUnit="pixel"', None),
        ('PhysicalSizeX="0.5" PhysicalSizeY="0.6"', None),
        ('PhysicalSizeX="nan"', None),
        ('PhysicalSizeX="-0.5"', None),
        ('PhysicalSizeX="353"', None),
        ("", None),
    ],
)
def test_ome_xml_states_the_size_with_its_unit(tmp_path, attributes, size):
    assert size_of(described(tmp_path / "a.tif", ome(attributes))) == pytest.approx(size)


def test_the_size_is_that_of_the_image_it_was_stated_for(tmp_path):
    label = '<Image><Pixels SizeX="20" SizeY="20" PhysicalSizeX="9" PhysicalSizeY="9"/></Image>'
    text = ome('PhysicalSizeX="0.25" PhysicalSizeY="0.25"').replace("<Image ID", f"{label}<Image ID", 1)
    assert size_of(described(tmp_path / "a.tif", text)) == pytest.approx(0.25)


def test_entities_of_a_strangers_xml_are_never_expanded(tmp_path):
    bomb = '<!DOCTYPE o [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    text = ome('PhysicalSizeX="&i;" PhysicalSizeY="&i;"', before=f"{bomb}]>")
    assert size_of(described(tmp_path / "a.tif", text)) is None


@pytest.mark.parametrize(
    ("said", "size"),
    [("MPP = 0.2520", 0.252), ("MPP=0.5", 0.5), ("MPP = 0", None), ("MPP = x", None), ("AppMag = 40", None)],
)
def test_aperios_description_states_micrometres_per_pixel(tmp_path, said, size):
    assert size_of(write_svs(tmp_path / "a.svs", IMAGE, [], said=f"AppMag = 40|{said}|Left = 3")) == pytest.approx(size)


def test_imagejs_own_unit_counts_and_not_that_of_the_tag(tmp_path):
    text = "ImageJ=1.54f\nunit=micron\nmin=0\n"
    path = described(tmp_path / "a.tif", text, resolution=(4, 4), resolutionunit="NONE")
    assert size_of(path) == pytest.approx(0.25)


def test_ome_xml_comes_before_the_tags(tmp_path):
    path = described(tmp_path / "a.tif", ome('PhysicalSizeX="0.25"'), resolution=(20_000, 20_000), resolutionunit=3)
    assert size_of(path) == pytest.approx(0.25)


def test_an_ome_pyramid_states_the_size_of_its_finest_copy(tmp_path):
    assert size_of(write_ome(tmp_path / "a.ome.tif", IMAGE, [shrunk(IMAGE, 1)], um=0.263)) == pytest.approx(0.263)


def test_dots_per_inch_of_a_photograph_are_for_printers(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.jpg", dpi=(5000, 5000))
    assert size_of(tmp_path / "a.jpg") is None


@given(st.text(max_size=200), st.sampled_from(["", "<OME><Pixels ", "Aperio|MPP = ", "ImageJ=1\nunit="]))
@settings(max_examples=60, deadline=None)
def test_no_description_can_do_worse_than_not_to_say(tmp_path_factory, text, start):
    path = described(tmp_path_factory.getbasetemp() / "said.tif", start + text)
    size = size_of(path)
    assert size is None or 0.05 <= size <= 20
    assert open_slide(path).shape == np.shape(IMAGE)[:2]
