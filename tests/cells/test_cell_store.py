"""Cells are kept a field a file: whole or not at all, found again quickly, made anew where they are damaged."""

import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors.torch
from hypothesis import given
from hypothesis import strategies as st

import children
from cells.cell_fields import Drawn, Threshold, a_field, fields, mask_of
from zoo.errors import RunError
from zoo_cells.segmented.bags import CellBags
from zoo_cells.segmented.crops import Crops, cut
from zoo_cells.segmented.store import CellStore


def bags(*given, **more):
    return CellBags(fields(*given), segmenter=Threshold(**more), crops=Crops(size=16), processes=0)


def files(data):
    return sorted(CellStore(data.key).folder.rglob("*.safetensors"))


def file_of(data, number):
    return data._index.store.path(data._index.names[number])


@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 60))
def test_a_mask_comes_back_as_it_was(seed, height, width):
    labels = np.random.default_rng(seed).integers(0, 4, (height, width)).astype(np.int32)
    made = cut(np.zeros((4, height, width), np.uint8), labels, Crops(size=8, min_area=1))
    store = CellStore("masks")
    store.write("abcd", made)
    np.testing.assert_array_equal(store.mask("abcd"), made.mask)
    np.testing.assert_array_equal(store.read("abcd", ("area",))["area"].numpy(), made.area)


def test_every_cell_has_a_row_in_the_table_beside_the_files():
    data = bags(0, a_field(9, Drawn(places=())), 1)
    len(data)
    (path,) = CellStore(data.key).folder.glob("*.parquet")
    table = pq.read_table(path).to_pydict()
    assert table["field"] == ["f0"] * 4 + ["f1"] * 4
    assert table["item"] == [0] * 4 + [2] * 4
    assert table["cell"] == [1, 2, 3, 4] * 2
    assert (CellStore(data.key).folder / table["file"][0]).is_file()
    known = data.cell_table([0, 1])
    for name in ("y0", "x1", "centroid_y", "area"):
        np.testing.assert_array_equal(table[name], known[name])


@pytest.mark.parametrize("spoil", ["cut", "empty", "junk", "gone"])
def test_a_stored_field_that_is_damaged_is_made_anew(spoil):
    data = bags(0, 1)
    whole = data.batch(np.array([1]))["instances"].numpy().copy()
    path = file_of(data, 1)
    spoil_file(path, spoil)
    np.testing.assert_array_equal(data.batch(np.array([1]))["instances"], whole)
    spoil_file(path, spoil)
    again = bags(0, 1)
    np.testing.assert_array_equal(again.mask(1), mask_of())
    np.testing.assert_array_equal(again.batch(np.array([1]))["instances"], whole)


def spoil_file(path, how):
    content = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "junk": b"\xff" * 99}[how])


@pytest.mark.parametrize("spoil", ["cut", "empty", "junk", "gone"])
def test_a_table_that_is_damaged_is_written_anew_and_so_are_files_that_are(spoil):
    data = bags(0, 1, 2)
    assert data.sizes == [4, 4, 4]
    (table,) = CellStore(data.key).folder.glob("*.parquet")
    spoil_file(table, spoil)
    spoil_file(file_of(data, 2), spoil)
    assert bags(0, 1, 2).sizes == [4, 4, 4]
    assert pq.read_table(table).num_rows == 12


def test_a_field_that_has_other_cells_when_it_is_made_anew_stops_the_run():
    data = bags(0, 1)
    len(data)
    file_of(data, 1).unlink()
    data._index.fields[1] = a_field(1, Drawn(places=((30, 30),)))
    with pytest.raises(RunError, match="was damaged, and made again it has other cells than before; begin the run"):
        data.batch(np.array([1]))


def killed_at(number, home, limit=None):
    """Segment ten fields in a process that dies at the numbered one, in the middle of writing it."""
    from zoo import atomic

    os.environ["ZOO_HOME"] = home
    real, left = atomic.os.fsync, [number]

    def fsync(handle):
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)

    atomic.os.fsync = fsync
    len(bags(*range(10)))


def test_a_run_that_was_killed_goes_on_where_it_was():
    assert children.run(killed_at, 8, os.environ["ZOO_HOME"]) == -signal.SIGKILL
    data = bags(*range(10))
    done = len(files(data))
    assert 0 < done < 10
    steps = list(data.prepare())
    assert [one[0] for one in steps] == list(range(done - hidden(data) + 1, 11))
    assert data.sizes == [4] * 10


def hidden(data):
    return sum(path.name.startswith(".") for path in files(data))


def test_a_full_disk_is_one_sentence_and_what_was_done_is_kept(monkeypatch):
    real, left = safetensors.torch.save_file, [2]

    def full(*arguments, **more):
        left[0] -= 1
        if left[0] < 0:
            raise safetensors.SafetensorError("I/O error: No space left on device (os error 28)")
        real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", full)
        with pytest.raises(RunError, match="the disk is full") as raised:
            len(bags(0, 1, 2))
    assert len(str(raised.value).splitlines()) == 1
    data = bags(0, 1, 2)
    assert len(files(data)) == 2
    assert list(data.prepare()) == [(3, 3, "f2")]


@pytest.mark.skipif(not shutil.which("mount") or os.geteuid() != 0, reason="only root can mount a disk that is small")
def test_a_disk_that_fills_stops_all_processes_with_its_sentence(tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "none", disk]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        monkeypatch.setenv("ZOO_HOME", str(disk))
        data = CellBags(fields(*range(60)), segmenter=Threshold(), crops=Crops(size=16), processes=2)
        with pytest.raises(RunError, match=r"the disk is full .* nothing written before is lost"):
            len(data)
        assert len(files(data)) > 1
    finally:
        subprocess.run(["umount", disk], check=True)


def test_ten_thousand_fields_are_looked_up_without_asking_for_each():
    data = bags(*range(2))
    len(data)
    store, source = CellStore(data.key), file_of(data, 0)
    for number in range(10_000):
        name = f"{number % 256:02x}{number:018d}"
        store.path(name).parent.mkdir(exist_ok=True)
        os.link(source, store.path(name))
    paths = [path for folder in store.folder.iterdir() if folder.is_dir() for path in folder.iterdir()]
    began = time.perf_counter()
    assert len(store.there()) == 10_002
    looked_up = time.perf_counter() - began
    began = time.perf_counter()
    assert len([path.read_bytes() for path in paths]) >= 10_002
    assert looked_up < time.perf_counter() - began
    shutil.rmtree(store.folder)
