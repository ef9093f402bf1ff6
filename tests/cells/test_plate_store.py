"""Decoded fields are kept between runs: whole or not at all, whoever is killed and whoever else is at work."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cells.screens import pixels
from zoo.errors import DataError, RunError
from zoo_cells.cache import Store
from zoo_cells.field import Field
from zoo_cells.fingerprint import digest
from zoo_cells.pixels import FieldPixels
from zoo_cells.resizing import resized


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "cache"))


def a_field(number, read=None, stamp=None, channels=("a", "b")):
    values = pixels(number, (2, 12, 10))
    return Field(f"f{number}", "", "A01", "", "", {}, channels, stamp or f"s{number}", read or (lambda: values))


def never():
    pytest.fail("decoded again")


def test_fields_are_decoded_once_and_found_by_the_next_run():
    places = np.array([3, 0, 3])
    first = FieldPixels([a_field(n) for n in range(5)], size=None).read(places)
    np.testing.assert_array_equal(first[0], pixels(3, (2, 12, 10)))
    again = FieldPixels([a_field(n, never) for n in range(5)], size=None)
    np.testing.assert_array_equal(again.read(places), first)


def test_only_fields_that_are_asked_for_are_decoded():
    fields = [a_field(0), a_field(1, never), a_field(2)]
    assert len(FieldPixels(fields, size=8).read(np.array([2, 0]))) == 2


@pytest.mark.parametrize("change", [{"stamp": "edited"}, {"channels": ("b", "a")}])
def test_a_changed_file_or_other_channels_are_decoded_anew(change):
    FieldPixels([a_field(0)], size=None).read(np.array([0]))
    seen = []
    FieldPixels([a_field(0, lambda: seen.append(1) or pixels(1, (2, 12, 10)), **change)], size=None).read(np.array([0]))
    assert seen == [1]


def test_a_store_that_was_cut_short_is_made_anew():
    held = FieldPixels([a_field(0), a_field(1)], size=None)
    held.read(np.array([0, 1]))
    file = held.store.folder / "pixels.npy"
    os.truncate(file, file.stat().st_size - 50)
    again = FieldPixels([a_field(0), a_field(1)], size=None)
    np.testing.assert_array_equal(again.read(np.array([1]))[0], pixels(1, (2, 12, 10)))


def run(code, tmp_path, **more):
    setup = """
        import os, signal, sys
        import numpy as np
        from cells.screens import pixels
        from zoo_cells.cache import Store
        from zoo_cells.field import Field
        from zoo_cells.pixels import FieldPixels
        def fields(count):
            return [Field(f"f{n}", "", "A01", "", "", {}, ("a", "b"), f"s{n}", lambda n=n: pixels(n, (2, 12, 10)))
                    for n in range(count)]
    """
    text = textwrap.dedent(setup) + textwrap.dedent(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", text], env=environment, stderr=subprocess.PIPE, **more)


def test_a_process_killed_while_it_writes_leaves_no_field_half_written(tmp_path):
    killed = run(
        """
        def kill(self, rows):  # the pixels of these rows are in the file, and nobody says so
            with (self.folder / "pixels.npy").open("r+b") as file:
                file.seek(-100, 2)
                file.write(bytes(100))
            os.kill(os.getpid(), signal.SIGKILL)
        FieldPixels(fields(4), None).read(np.array([0]))
        Store._mark = kill
        FieldPixels(fields(4), None).read(np.array([1, 2, 3]))
        """,
        tmp_path,
    )
    assert killed.wait() == -signal.SIGKILL, killed.stderr.read()
    held = FieldPixels([a_field(n, never if n == 0 else None) for n in range(4)], size=None)
    assert held.store.has(np.arange(4)).tolist() == [True, False, False, False]
    for place, values in enumerate(held.read(np.arange(4))):
        np.testing.assert_array_equal(values, pixels(place, (2, 12, 10)))


def test_two_processes_fill_one_store_together(tmp_path):
    code = """
        held, order = FieldPixels(fields(60), 16), np.random.default_rng(int(sys.stdin.readline())).permutation(60)
        for place in order:
            held.read(order[:1] * 0 + place)
    """
    both = [run(code, tmp_path, stdin=subprocess.PIPE) for _ in range(2)]
    for seed, one in enumerate(both):
        one.stdin.write(f"{seed}\n".encode())
        one.stdin.flush()
    for one in both:
        assert one.wait() == 0, one.stderr.read()
    held = FieldPixels([a_field(n, never) for n in range(60)], size=16)
    for place, values in enumerate(held.read(np.arange(60))):
        np.testing.assert_array_equal(values, resized(pixels(place, (2, 12, 10)), 16))
    assert len(list(held.store.folder.parent.glob("[!.]*"))) == 1


def test_a_full_disk_is_one_sentence_and_loses_nothing_that_was_kept(tmp_path):
    code = """
        import resource
        from zoo.errors import RunError
        held = FieldPixels(fields(40), None)
        held.read(np.array([0, 1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        try:
            held.read(np.array([30]))
        except RunError as error:
            print(error, file=sys.stderr)
    """
    done = run(code, tmp_path)
    assert done.wait() == 0
    said = done.stderr.read().decode()
    assert "the disk is full" in said
    assert len(said.splitlines()) == 1
    again = FieldPixels([a_field(n, never) for n in range(40)], size=None)
    np.testing.assert_array_equal(again.read(np.array([1]))[0], pixels(1, (2, 12, 10)))


def test_a_cache_that_cannot_be_written_is_said_in_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError, match="cannot be written"):
        FieldPixels([a_field(0)], size=None).read(np.array([0]))


def test_a_field_that_is_no_image_of_its_channels_is_refused():
    with pytest.raises(DataError, match="field f0 is 3 x 4 int64, and 2 channels are named"):
        FieldPixels([a_field(0, lambda: np.zeros((3, 4), np.int64))], size=None).read(np.array([0]))


def test_rows_of_any_type_come_back_as_they_were_written():
    for kind in ("uint8", "uint16", "float32"):
        store = Store(f"key-{kind}", 3)
        assert not store.is_open
        store.create((2, 5), kind)
        values = np.arange(10).reshape(2, 5).astype(kind)
        store.write([2], [values])
        assert store.first == 2
        assert store.read(np.array([2])).dtype == np.dtype(kind)
        np.testing.assert_array_equal(Store(f"key-{kind}", 3).read(np.array([2]))[0], values)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(8, 40), st.integers(0, 2**16))
def test_resizing_by_area_keeps_the_mean_and_the_range(height, width, size, seed):
    image = np.random.default_rng(seed).random((2, height, width)).astype(np.float32)
    small = resized(image, size)
    assert small.shape == (2, size, size)
    np.testing.assert_allclose(small.mean(axis=(1, 2)), image.mean(axis=(1, 2)), rtol=1e-4)
    assert small.min() >= image.min() - 1e-5
    assert small.max() <= image.max() + 1e-5


def test_resizing_by_a_whole_factor_is_the_mean_of_blocks_and_rounds():
    image = pixels(0, (1, 24, 36))
    blocks = image.reshape(1, 12, 2, 12, 3).mean(axis=(2, 4))
    assert np.abs(resized(image, 12) - blocks).max() <= 0.5 + 1e-4
    assert resized(np.full((1, 30, 30), 65535, np.uint16), 11).min() == 65535


class Setting:
    def __init__(self, value):
        self.value = value


def test_a_fingerprint_follows_from_settings_arrays_and_tensors_and_from_nothing_else():
    import torch

    assert digest(Setting(1)) == digest(Setting(1))
    held = [
        Setting(v) for v in (1, 2, "1", None, [1], np.ones(2), np.zeros(2), torch.ones(2), torch.float32, Setting(1))
    ]
    assert len({digest(one) for one in held}) == len(held)
    assert digest(Setting(torch.ones(2))) == digest(Setting(torch.ones(2)))
