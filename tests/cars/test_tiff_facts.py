"""A TIFF says which wavenumbers its bands have and how large its pixels are, in the ways that programs write it."""

import numpy as np
import pytest
import tifffile

from zoo_cars.stacks import read_stack

BANDS, HEIGHT, WIDTH = 6, 5, 7


def numbers():
    return np.random.default_rng(3).integers(0, 2**16, (BANDS, HEIGHT, WIDTH)).astype("uint16")


def ome(path, names=None, unit="nm", **more):
    about = {"axes": "CYX", "PhysicalSizeX": 250, **({"PhysicalSizeXUnit": unit} if unit else {}), **more}
    tifffile.imwrite(path, numbers(), metadata={**about, **({"Channel": {"Name": names}} if names else {})})
    return read_stack(path)[1:]


@pytest.mark.parametrize("name", ["{} cm-1", "{}", "CARS {}cm^-1", "{}.5 1/cm"])
def test_channel_names_of_ome_give_wavenumbers(tmp_path, name):
    found, _ = ome(tmp_path / "a.ome.tif", [name.format(2800 + 10 * band) for band in range(BANDS)])
    assert found.tolist() == [2800 + 10 * band + (0.5 if ".5" in name else 0) for band in range(BANDS)]


@pytest.mark.parametrize("names", [None, [f"{band}" for band in range(BANDS)], ["2850 cm-1"] * 5 + ["DAPI"]])
def test_names_without_a_wavenumber_each_give_none(tmp_path, names):
    assert ome(tmp_path / "a.ome.tif", names)[0] is None


def test_annotations_and_slice_labels_give_wavenumbers_and_one_number_too_few_gives_none(tmp_path):
    axis = [2800.0 + band for band in range(BANDS)]
    text = ", ".join(map(str, axis))
    assert ome(tmp_path / "a.ome.tif", MapAnnotation={"Namespace": "x", "Wavenumbers (cm-1)": text})[0].tolist() == axis
    tifffile.imwrite(tmp_path / "b.tif", numbers(), metadata={"wavenumber_cm": axis})
    assert read_stack(tmp_path / "b.tif")[1].tolist() == axis
    tifffile.imwrite(tmp_path / "c.tif", numbers(), imagej=True, metadata={"Labels": [f"{n} cm-1" for n in axis]})
    assert read_stack(tmp_path / "c.tif")[1].tolist() == axis
    tifffile.imwrite(tmp_path / "d.tif", numbers(), metadata={"wavenumber_cm": axis[1:]})
    assert read_stack(tmp_path / "d.tif")[1] is None


def test_a_lambda_axis_folded_into_the_channels_gives_wavenumbers(tmp_path):
    value = '<Modulo><ModuloAlongC Type="lambda" Start="2800" Step="10" End="2850" Unit="cm-1"/></Modulo>'
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYCZT" Type="uint16" SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="{BANDS}" SizeZ="1" SizeT="1">'
        f'<TiffData IFD="0" PlaneCount="{BANDS}"/></Pixels></Image><StructuredAnnotations><XMLAnnotation ID="A:0" '
        f'Namespace="openmicroscopy.org/omero/dimension/modulo"><Value>{value}</Value></XMLAnnotation>'
        "</StructuredAnnotations></OME>"
    )
    tifffile.imwrite(tmp_path / "a.tif", numbers(), description=xml, metadata=None)
    read, wavenumber_cm, _ = read_stack(tmp_path / "a.tif")
    assert np.array_equal(read, numbers())
    assert wavenumber_cm.tolist() == [2800, 2810, 2820, 2830, 2840, 2850]


@pytest.mark.parametrize(("unit", "size"), [("nm", 0.25), ("µm", 250), (None, 250), ("mm", 250e3), ("pixel", None)])
def test_the_size_of_a_pixel_is_read_with_its_unit(tmp_path, unit, size):
    found = ome(tmp_path / "a.ome.tif", unit=unit)[1]
    assert found is None if size is None else found == pytest.approx(size)


def test_the_resolution_of_plain_tiff_counts_where_its_unit_is_a_length_that_somebody_set(tmp_path):
    for name, options, size in (
        ("a.tif", {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}, 0.5),
        ("b.tif", {"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ("c.tif", {"resolution": (4, 4), "imagej": True, "metadata": {"unit": "um"}}, 0.25),
        ("d.tif", {"resolution": (4, 4), "imagej": True, "metadata": {"unit": "pixel"}}, None),
    ):
        tifffile.imwrite(tmp_path / name, numbers(), **options)
        found = read_stack(tmp_path / name)[2]
        assert found == (size if size is None else pytest.approx(size)), name
