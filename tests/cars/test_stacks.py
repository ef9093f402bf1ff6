"""Stacks are read with the numbers of their files, whatever they are kept in; a bad one is refused in a sentence."""

import struct

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import io

from zoo.errors import DataError, MissingError, ZooError
from zoo_cars import page_stacks, stack_file, tiff_stacks
from zoo_cars.stacks import open_stack, read_stack

BANDS, HEIGHT, WIDTH = 6, 5, 7


def numbers(kind="uint16", bands=BANDS):
    rng = np.random.default_rng(3)
    top = 1.0 if np.dtype(kind).kind == "f" else np.iinfo(kind).max
    return (rng.random((bands, HEIGHT, WIDTH)) * top).astype(kind)


def pages(folder, stack, name="Stack{:04d}.tif"):
    folder.mkdir(exist_ok=True)
    for number, page in enumerate(stack):
        path = folder / name.format(number)
        tifffile.imwrite(path, page) if path.suffix == ".tif" else Image.fromarray(page).save(path)
    return folder


def refused(path, kind=DataError, **options):
    with pytest.raises(kind) as error:
        read_stack(path, **options)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(str(path.parent if path.is_file() else path)), "a refusal names the place"
    return said


# --- what is read


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float16", "float32", "float64", ">u2"])
def test_a_stack_of_pages_keeps_its_numbers_whatever_their_type(tmp_path, kind):
    stack = numbers(kind)
    tifffile.imwrite(tmp_path / "a.tif", stack, byteorder=">" if kind[0] == ">" else None)
    np.save(tmp_path / "a.npy", stack)
    for path, axis in (("a.tif", None), ("a.npy", "first")):
        read, wavenumber_cm, um_per_px = read_stack(tmp_path / path, axis=axis)
        assert read.dtype == np.float32
        assert np.array_equal(read, stack.astype(np.float32))
        assert (wavenumber_cm, um_per_px) == (None, None)


@pytest.mark.parametrize("options", [{"bigtiff": True}, {"compression": "zlib"}, {"tile": (16, 16)}, {"imagej": True}])
def test_every_dialect_of_tiff_is_read(tmp_path, options):
    tifffile.imwrite(tmp_path / "a.tif", numbers(), **options)
    assert np.array_equal(read_stack(tmp_path / "a.tif")[0], numbers())


def test_pages_written_one_by_one_are_one_stack(tmp_path):
    for name, description in (("a.tif", None), ("b.tif", {})):
        with tifffile.TiffWriter(tmp_path / name) as file:
            for page in numbers():
                file.write(page, contiguous=False, metadata=description)
        assert np.array_equal(read_stack(tmp_path / name)[0], numbers())


def test_bands_stored_last_are_brought_to_the_front(tmp_path):
    last = np.ascontiguousarray(np.moveaxis(numbers(), 0, -1))
    np.save(tmp_path / "a.npy", last)
    tifffile.imwrite(tmp_path / "samples.tif", last, planarconfig="contig", photometric="minisblack")
    for path, axis in (("a.npy", "last"), ("samples.tif", None), ("samples.tif", "first")):
        assert np.array_equal(read_stack(tmp_path / path, axis=axis)[0], numbers()), path


def test_arrays_in_fortran_order_are_read_alike(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(numbers()))
    read = read_stack(tmp_path / "a.npy", axis="first")[0]
    assert np.array_equal(read, numbers())
    assert read.flags.c_contiguous


@pytest.mark.parametrize("name", ["Stack{:04d}.tif", "{}.tif", "day2_{:03d}_x.tif", "b{}.png", "B{}.TIF"])
def test_pages_of_a_folder_follow_the_number_in_their_names(tmp_path, name):
    stack = numbers("uint8", bands=12)
    (tmp_path / "field").mkdir()
    (tmp_path / "field" / "wavenumbers.csv").write_text("")
    (tmp_path / "field" / ".b13.png").write_text("")
    assert np.array_equal(read_stack(pages(tmp_path / "field", stack, name))[0], stack)


def test_sixteen_bits_of_a_png_do_not_wrap(tmp_path):
    stack = numbers("uint16")
    assert np.array_equal(read_stack(pages(tmp_path / "field", stack, "{}.png"))[0], stack)


def test_names_of_pages_may_hold_wavenumbers_which_need_not_be_evenly_spaced(tmp_path):
    (tmp_path / "field").mkdir()
    for page, wavenumber in zip(numbers(), [3010, 2850, 2930, 2800, 2860, 2990], strict=True):
        tifffile.imwrite(tmp_path / "field" / f"day1 {wavenumber} cm-1.tif", page)
    read, wavenumber_cm, _ = read_stack(tmp_path / "field")
    assert wavenumber_cm.tolist() == [2800, 2850, 2860, 2930, 2990, 3010]
    assert np.array_equal(read[0], numbers()[3])


# --- what is refused


def test_a_missing_page_is_named(tmp_path):
    folder = pages(tmp_path / "field", numbers())
    (folder / "Stack0003.tif").unlink()
    assert "page 3 is missing (there are 2 and 4" in refused(folder)
    for number in range(0, 30, 5):
        tifffile.imwrite(pages(tmp_path / "fives", []) / f"{2800 + number}.tif", numbers()[0])
    assert open_stack(tmp_path / "fives").shape == (6, HEIGHT, WIDTH)
    (tmp_path / "fives" / "2810.tif").unlink()
    assert "page 2810 is missing (there are 2805 and 2815, and pages are numbered in steps of 5" in refused(
        tmp_path / "fives"
    )


def test_two_pages_of_one_number_and_pages_of_two_stacks_are_refused(tmp_path):
    folder = pages(tmp_path / "field", numbers())
    tifffile.imwrite(folder / "Stack03.tif", numbers()[0])
    assert "Stack0003.tif and Stack03.tif have one number; remove one" in refused(folder)
    tifffile.imwrite(folder / "Other0003.tif", numbers()[0])
    assert "differ in more than a number" in refused(folder)
    for number in range(4):
        tifffile.imwrite(pages(tmp_path / "grid", []) / f"x{number % 2}y{number // 2}.tif", numbers()[0])
    assert "2 numbers differ in the names of its pages" in refused(tmp_path / "grid")


def test_pages_of_another_size_or_type_are_named_with_both_sizes(tmp_path):
    folder = pages(tmp_path / "field", numbers())
    tifffile.imwrite(folder / "Stack0002.tif", numbers()[0, 1:])
    assert "Stack0002.tif: is 4 x 7 uint16, the first page Stack0000.tif 5 x 7 uint16" in refused(folder)
    tifffile.imwrite(folder / "Stack0002.tif", numbers("uint8")[0])
    assert "is 5 x 7 uint8" in refused(folder)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in (*numbers(), numbers()[0, 1:]):
            file.write(page, contiguous=False)
    assert "page 6 is 4 x 7 uint16, the first 5 x 7 uint16" in refused(tmp_path / "a.tif")


def test_a_page_that_is_no_page_is_refused(tmp_path, monkeypatch):
    folder = pages(tmp_path / "field", numbers("uint8"), "{}.png")
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(folder / "3.png")
    assert "3.png: is an image of mode RGB; a page is grey" in refused(folder)
    (folder / "3.png").write_bytes(b"no image")
    assert "3.png: the file is damaged or of another format" in refused(folder)
    folder = pages(tmp_path / "cut", numbers())
    (folder / "Stack0004.tif").write_bytes((folder / "Stack0004.tif").read_bytes()[:-9])
    assert "Stack0004.tif: is not whole, it was cut short; copy it anew" in refused(folder)
    folder = pages(tmp_path / "stacks", [numbers()] * 5)
    assert "is an image of shape (6, 5, 7); one grey page" in refused(folder)
    monkeypatch.setattr(page_stacks, "MOST_BANDS", 5)
    assert "holds 6 pages, 5 at most are read" in refused(pages(tmp_path / "many", numbers()))
    assert "holds no page (.png, .tif, .tiff)" in refused(pages(tmp_path / "bare", []), MissingError)


def test_an_image_a_colour_image_and_more_than_one_field_are_no_stack(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", numbers()[0])
    assert "is one image of 5 x 7, not a stack" in refused(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((BANDS, HEIGHT, 3), np.uint8), photometric="rgb")
    assert "its pages are RGB, a band is grey" in refused(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.ome.tif", np.zeros((3, *numbers().shape), "u2"), metadata={"axes": "ZCYX"})
    assert "has the axes ZCYX of 3 x 6 x 5 x 7" in refused(tmp_path / "c.ome.tif")
    with tifffile.TiffWriter(tmp_path / "d.ome.tif") as file:
        for _ in range(2):
            file.write(numbers(), metadata={"axes": "CYX"})
    assert "holds 2 images; save each field" in refused(tmp_path / "d.ome.tif")
    np.save(tmp_path / "a.npy", numbers()[0])
    assert "holds an array of shape (5, 7); a stack has three axes" in refused(tmp_path / "a.npy", axis="first")
    np.save(tmp_path / "a.npy", numbers()[:, :0])
    assert "has pages of 0 x 7 pixels; a page has one pixel at least" in refused(tmp_path / "a.npy", axis="first")


def test_too_few_bands_are_refused_and_an_array_without_an_axis_asks_for_it(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", numbers(bands=2))
    np.save(tmp_path / "a.npy", numbers(bands=3))
    assert "has 2 bands, a spectrum needs 4 at least" in refused(tmp_path / "a.tif")
    assert "has 3 bands" in refused(tmp_path / "a.npy", axis="first")
    assert "3 bands" in refused(pages(tmp_path / "field", numbers(bands=3)))
    assert "say axis: first or axis: last" in refused(tmp_path / "a.npy")


def test_complex_numbers_objects_and_structures_are_refused_and_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", numbers().astype(np.complex64))
    np.save(tmp_path / "b.npy", np.full(numbers().shape, None, dtype=object), allow_pickle=True)
    np.save(tmp_path / "c.npy", np.zeros(numbers().shape, dtype=[("x", "f4")]))
    np.save(tmp_path / "d.npy", numbers() > 5)
    io.savemat(tmp_path / "a.mat", {"stack": numbers().astype(complex)})
    io.savemat(tmp_path / "b.mat", {"stack": np.full(numbers().shape, "x", dtype=object), "made": {"stack": 1}})
    io.savemat(tmp_path / "c.mat", {"a": numbers(), "b": numbers()})
    for name, said in (
        ("a.npy", "holds complex numbers (complex64)"),
        ("b.npy", "Python objects"),
        ("c.npy", "holds values of type [('x', '<f4')]"),
        ("d.npy", "holds values of type bool"),
        ("a.mat", "holds complex numbers"),
        ("b.mat", "holds 0 numeric arrays of three axes"),
        ("c.mat", "holds 2 numeric arrays of three axes, one is needed"),
    ):
        assert said in refused(tmp_path / name, axis="first"), name


def test_a_value_that_is_not_finite_is_named_with_its_band(tmp_path):
    stack = numbers("float64")
    for value in (np.nan, np.inf, 1e200):
        stack[4, 2, 2] = value
        np.save(tmp_path / "a.npy", stack)
        with np.errstate(over="ignore"):
            assert "band 4 holds a value that is not finite" in refused(tmp_path / "a.npy", axis="first")


@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.mat"])
def test_an_empty_a_cut_and_an_unknown_file_are_refused(tmp_path, name):
    path = tmp_path / name
    {".tif": tifffile.imwrite, ".npy": np.save, ".mat": lambda p, x: io.savemat(p, {"stack": x})}[path.suffix](
        path, numbers()
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    said = refused(path, axis="first")
    assert "damaged or of another format" in said or "cut short" in said
    path.write_bytes(b"")
    assert "is empty; copy it anew" in refused(path)
    path.write_bytes(b"something else" * 20)
    said = refused(path, axis="first")
    assert "damaged or of another format" in said or "does not begin as a TIFF file does" in said
    path.unlink()
    assert "there is no such file" in refused(path, MissingError)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}, {"compression": "zlib"}], ids=str)
def test_a_tiff_that_was_cut_anywhere_is_refused_and_never_read_with_fewer_bands(tmp_path, options):
    compression = options.pop("compression", None)
    with tifffile.TiffWriter(tmp_path / "a.tif", **options) as file:
        for page in numbers():
            file.write(page, contiguous=False, metadata=None, compression=compression)
    whole = (tmp_path / "a.tif").read_bytes()
    assert np.array_equal(read_stack(tmp_path / "a.tif")[0], numbers())
    for end in range(1, len(whole), 41):
        (tmp_path / "a.tif").write_bytes(whole[:end])
        refused(tmp_path / "a.tif")


def test_pages_that_are_chained_in_a_circle_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", numbers(), metadata=None)
    whole = bytearray((tmp_path / "a.tif").read_bytes())
    (first,) = struct.unpack("<I", whole[4:8])
    (entries,) = struct.unpack("<H", whole[first : first + 2])
    whole[first + 2 + 12 * entries : first + 6 + 12 * entries] = struct.pack("<I", first)
    (tmp_path / "a.tif").write_bytes(whole)
    assert "chains more than 4096 pages" in refused(tmp_path / "a.tif")


def test_other_endings_are_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "a.czi").write_bytes(b"x")
    assert "ends in '.czi'; stacks are read from .tif, .tiff, .npy, .mat and folders" in refused(tmp_path / "a.czi")
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<HH", 0x0200, 0x4D49) + bytes(64))
    assert "of version 7.3; save it with -v7, or as .npy" in refused(tmp_path / "a.mat", axis="first")


def test_compression_that_needs_a_package_names_it(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", numbers())
    monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", {})
    assert "pip install imagecodecs" in refused(tmp_path / "a.tif", MissingError)


def test_what_would_not_fit_into_memory_is_refused_by_its_header(tmp_path, monkeypatch):
    header = np.lib.format.header_data_from_array_1_0(np.zeros(0, "u1")) | {"shape": (100, 2**14, 2**14)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(100 * 2**28 + 128)  # a hole: nothing is written
    assert "100 bands of 16384 x 16384 pixels take 100.0 GiB in memory, 4 at most" in refused(
        tmp_path / "a.npy", axis="first"
    )
    tifffile.imwrite(tmp_path / "a.tif", numbers())
    monkeypatch.setattr(stack_file, "MOST_BYTES", 64)
    assert "in memory" in refused(tmp_path / "a.tif")
    monkeypatch.setattr(tiff_stacks, "MOST_BANDS", 5)
    assert "chains more than 5 pages" in refused(tmp_path / "a.tif")
    np.save(tmp_path / "b.npy", np.zeros((stack_file.MOST_BANDS + 1, 1, 1)))
    assert "has 4097 bands, 4096 at most are read" in refused(tmp_path / "b.npy", axis="first")


def damage(whole, places):
    """Return a file with some bytes replaced and, maybe, its end cut off."""
    spoilt = bytearray(whole)
    for place, value in places:
        spoilt[place % len(spoilt)] = value
    return bytes(spoilt)


@given(
    places=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 300),
    name=st.sampled_from(["a.ome.tif", "b.tif", "a.npy", "a.mat"]),
)
def test_a_spoilt_file_is_read_as_a_stack_or_refused_in_a_sentence(tmp_path_factory, places, cut, name):
    path = tmp_path_factory.mktemp("spoilt") / name
    stack = numbers("uint8")
    if path.suffix == ".tif":
        tifffile.imwrite(path, stack, metadata={"axes": "CYX"} if "ome" in name else {}, compression="zlib")
    elif path.suffix == ".npy":
        np.save(path, stack)
    else:
        io.savemat(path, {"stack": stack}, do_compression=bool(cut % 2))
    path.write_bytes(damage(path.read_bytes()[: -cut or None] or b"x", places))
    said = ""
    try:
        read = read_stack(path, axis="first" if path.suffix != ".tif" else None)[0]
    except ZooError as error:
        read, said = numbers(), str(error)
    assert read.ndim == 3
    assert np.isfinite(read).all()
    assert "\n" not in said
