"""Wavenumbers are read, checked and carried onto another axis, or refused in a sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError, MissingError
from zoo_cars.axis import beside, checked, onto, read_wavenumbers


def refused(call, kind=DataError):
    with pytest.raises(kind) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


def written(tmp_path, text, name="wavenumbers.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "2800\n2810.5\n2.82e3\n",
        "wavenumber\n2800\n2810.5\n2820",
        "\ufeffRaman shift (cm^-1)\r\n2800\r\n2810.5\r\n2820\r\n",
        "# of the C-H region\n\n 2800, \n2810.5 # lipid\n\n2820",
        '"2800"\n"2810.5"\n"2820"\n',
    ],
)
def test_wavenumbers_are_read_one_a_line_with_or_without_a_header(tmp_path, text):
    assert read_wavenumbers(written(tmp_path, text)).tolist() == [2800, 2810.5, 2820]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2800\n28l0\n", "wavenumbers.csv:2: '28l0' is no number; give one wavenumber in cm^-1 a line"),
        ("2800,2810\n2820\n", "wavenumbers.csv:1: '2800,2810' is no number"),
        ("shift\nunit\n2800", "wavenumbers.csv:2: 'unit' is no number"),
        ("shift\n", "holds no number"),
        ("", "holds no number"),
        (b"\xff\xfe2\x008\x00", "cannot be read as text"),
        ("1\n" * 600_000, "is larger than 1 MiB, which no list of wavenumbers is"),
    ],
    ids=["letter", "two-columns", "two-headers", "header-only", "empty", "utf-16", "large"],
)
def test_a_file_that_is_no_list_of_numbers_is_refused_with_the_line(tmp_path, text, said):
    assert said in refused(lambda: read_wavenumbers(written(tmp_path, text)))


def test_a_missing_file_is_refused_and_the_nearest_folder_is_asked_first(tmp_path):
    assert "there is no such file" in refused(lambda: read_wavenumbers(tmp_path / "x.txt"), MissingError)
    near = tmp_path / "near"
    near.mkdir()
    assert beside([near, tmp_path]) is None
    written(tmp_path, "1")
    assert beside([near, tmp_path]) == tmp_path / "wavenumbers.csv"
    written(near, "1", "wavenumbers.txt")
    assert beside([near, tmp_path]) == near / "wavenumbers.txt"


def test_falling_wavenumbers_are_turned_round_and_said_to_have_fallen():
    values, fell = checked(np.array([2850.0, 2830, 2800]), 3, where="x")
    assert (values.tolist(), fell) == ([2800, 2830, 2850], True)
    assert checked(np.array([2800.0, 2801, 2900]), 3, where="x")[1] is False


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([2800, 2810], "x: gives 2 wavenumbers for 3 bands; give one for each band"),
        ([[2800, 2810, 2820]], "gives 3 wavenumbers for 3 bands"),
        ([2800, np.nan, 2820], "the wavenumber of band 1 is nan"),
        ([2800, 2820, 2810], "but go from 2820 to 2810 after band 1"),
        ([2800, 2800, 2810], "but go from 2800 to 2800 after band 0"),
        ([2810, 2800, 2800], "but go from 2800 to 2800 after band 1"),
        ([2800, 2800, 2800], "but go from 2800 to 2800"),
        ([2800, 2810, 2800], "but go from 2810 to 2800 after band 1"),
        ([1, 2, 3], "lie between 300 and 4500 cm^-1, these between 1 and 3; convert wavelengths or band numbers"),
        ([2800, 2900, 5000], "these between 2800 and 5000"),
    ],
)
def test_wavenumbers_that_cannot_be_are_refused(values, said):
    assert said in refused(lambda: checked(np.array(values, dtype=float), 3, where="x"))


def stack_on(axis, seed=0):
    return np.random.default_rng(seed).normal(size=(len(axis), 2, 3)).astype(np.float32)


def test_equal_axes_return_the_very_stack():
    axis = np.array([2800.0, 2810, 2830])
    stack = stack_on(axis)
    assert onto(stack, axis, axis.copy()) is stack


@given(
    axis=st.lists(st.floats(400, 4400), min_size=4, max_size=30, unique_by=lambda x: round(x, 1)).map(sorted),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_another_axis_inside_gets_what_linear_interpolation_gives(axis, places):
    axis = np.array(axis)
    wanted = np.sort(axis[0] + np.array(places) * (axis[-1] - axis[0]))
    stack = stack_on(axis)
    found = onto(stack, axis, wanted)
    assert found.dtype == np.float32
    expected = [[np.interp(wanted, axis, stack[:, row, column]) for column in range(3)] for row in range(2)]
    assert np.allclose(found, np.moveaxis(np.array(expected), 2, 0), atol=1e-5)


def test_every_other_band_is_taken_as_it_is():
    axis = np.linspace(2800, 2900, 11)
    stack = stack_on(axis)
    assert np.array_equal(onto(stack, axis, axis[1::2]), stack[1::2])


@pytest.mark.parametrize("wanted", [[2790, 2850], [2850, 2920], [2000, 2100], [2800 - 0.2, 2900]])
def test_an_axis_that_is_not_covered_is_refused_with_both_ranges(wanted):
    axis = np.linspace(2800, 2900, 11)
    said = refused(lambda: onto(stack_on(axis), axis, np.array(wanted, dtype=float)))
    assert f"covers 2800 to 2900 cm^-1 and the model needs {wanted[0]:g} to {wanted[1]:g}" in said


def test_rounding_at_the_ends_is_no_reason_to_refuse():
    axis = np.linspace(2800, 2900, 11)
    stack = stack_on(axis)
    assert np.allclose(onto(stack, axis, np.array([2799.95, 2850, 2900.05])), stack[[0, 5, 10]])
