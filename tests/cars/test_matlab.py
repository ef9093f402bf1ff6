"""Numeric arrays of MATLAB files are read as SciPy reads them; all else is listed, left closed, or refused."""

import struct
import zlib

import numpy as np
import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st
from scipy import io

from zoo.errors import DataError
from zoo_cars import matlab
from zoo_cars.stacks import open_stack, read_stack

BANDS, HEIGHT, WIDTH = 6, 5, 7


def numbers():
    return np.random.default_rng(3).integers(0, 2**16, (BANDS, HEIGHT, WIDTH)).astype("uint16")


def refused(path):
    with pytest.raises(DataError) as error:
        read_stack(path, axis="first")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_matlab_file_is_read_with_its_wavenumbers(tmp_path):
    axis = np.linspace(2800, 2900, BANDS)
    io.savemat(tmp_path / "a.mat", {"stack": numbers(), "Wavenumbers": axis, "note": "x"}, do_compression=True)
    read, wavenumber_cm, _ = read_stack(tmp_path / "a.mat", axis="first")
    assert np.array_equal(read, numbers())
    assert wavenumber_cm.tolist() == axis.tolist()


def test_a_matlab_file_whose_values_are_cut_inside_its_compression_is_refused(tmp_path):
    io.savemat(tmp_path / "a.mat", {"stack": numbers()}, do_compression=True)
    whole = (tmp_path / "a.mat").read_bytes()
    cut = zlib.compress(zlib.decompress(whole[136:])[:-40])
    (tmp_path / "a.mat").write_bytes(whole[:128] + struct.pack("<II", 15, len(cut)) + cut)
    assert "the values of stack are cut short or damaged" in refused(tmp_path / "a.mat")


@given(
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    kind=st.sampled_from(["u1", "i2", "u4", "f4", "f8", "i8"]),
    name=st.sampled_from(["a", "abcd", "stack_of_many_bands"]),
    packed=st.booleans(),
)
def test_our_reader_of_matlab_files_agrees_with_scipy(tmp_path_factory, shape, kind, name, packed):
    path = tmp_path_factory.mktemp("mat") / "a.mat"
    array = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    held = {"first": "text", name: array, "made": {"x": 1}, "cells": np.array([1, "b"], dtype=object)}
    io.savemat(path, held, do_compression=packed)
    listed = {found.name: found for found in matlab.variables(path)}
    assert [found.kind for found in listed.values()] == ["text", "numeric", "structure", "cell"]
    read = matlab.values(path, listed[name])
    assert read.dtype == array.dtype
    assert np.array_equal(read, io.loadmat(path)[name])


def element(kind, data, order="<"):
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def variable(name=b"stack", group=6, shape=(4, 2, 3), flags=0, order="<"):
    """Return an array of zeros as MATLAB writes it."""
    parts = [element(6, struct.pack(f"{order}II", flags | group, 0), order)]
    parts += [element(5, struct.pack(f"{order}{len(shape)}i", *shape), order), element(1, name, order)]
    values = element(9, np.arange(abs(np.prod(shape)), dtype=f"{order}f8").tobytes(), order)
    return element(14, b"".join(parts) + values, order)


def matlab_file(path, *elements, order="<"):
    mark = b"IM" if order == "<" else b"MI"
    path.write_bytes(bytes(124) + struct.pack(f"{order}H", 0x0100) + mark + b"".join(elements))
    return path


def test_files_of_either_byte_order_are_read_and_objects_beside_an_array_are_left_alone(tmp_path):
    wanted = np.arange(24).reshape((4, 2, 3), order="F")
    for order in "<>":
        held = [variable(group=17, order=order), variable(order=order), variable(name=b"", order=order)]
        path = matlab_file(tmp_path / "a.mat", *held, order=order)
        assert np.array_equal(read_stack(path, axis="first")[0], wanted)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (variable(name=b"a\nb"), "the variable at byte 128 is damaged (its name is no name)"),
        (variable(shape=(4, -2, 3)), "is damaged (its shape is (4, -2, 3))"),
        (element(14, b"12345678"), "the variable at byte 128 is damaged"),
        (element(15, b"nothing that was packed"), "the file is damaged (Error -3"),
        (variable(flags=0x0200), "found: stack (logical 4 x 2 x 3)"),
        (variable(group=1), "found: stack (cell 4 x 2 x 3)"),
        (variable()[:90], "damaged or was cut short at byte 128"),
        (variable() + b"1234", "the file was cut short"),
        (variable(shape=(4, 2, 300))[:120].replace(b"\x14", b"\x15"), "cut short"),
    ],
)
def test_a_matlab_variable_that_is_damaged_or_no_array_is_refused(tmp_path, spoilt, said):
    assert said in refused(matlab_file(tmp_path / "a.mat", spoilt))


def test_a_matlab_file_that_is_spoilt_after_it_was_listed_is_refused(tmp_path):
    path = matlab_file(tmp_path / "a.mat", variable())
    file = open_stack(path, axis="first")
    matlab_file(path, element(14, b"12345678"))
    with pytest.raises(DataError, match="stack is damaged"):
        file.read()


def test_a_file_that_matlab_wrote_is_read_as_scipy_reads_it():
    path = DATA / "srs" / "celegans_spec_init.mat"
    if not path.is_file():
        pytest.skip(f"no spectra at {path}; set ZOO_TEST_DATA")
    (found,) = matlab.variables(path)
    assert np.array_equal(matlab.values(path, found), io.loadmat(path)[found.name])
    assert "holds 0 numeric arrays of three axes" in refused(path)
