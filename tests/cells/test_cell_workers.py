"""Fields are segmented in processes: one that dies costs its field, and none is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import children  # its server has torch imported, so that processes start at once
from cells.cell_fields import Threshold, a_field, fields, sleeping
from zoo.errors import DataError, MissingError, RunError, UsageError
from zoo_cells.segmented.bags import CellBags
from zoo_cells.segmented.crops import Crops
from zoo_cells.segmented.workers import outcomes

assert children.CONTEXT


def bags(*given, processes=2, **codes):
    codes = {int(name[1:]): how for name, how in codes.items()}
    return CellBags(fields(*given), segmenter=Threshold(codes=codes), crops=Crops(size=16), processes=processes)


def test_processes_make_what_one_process_makes():
    together = bags(*range(5)).batch([0, 4])["instances"]
    for path in (Path(os.environ["ZOO_HOME"]) / "cells").rglob("*.safetensors"):
        path.unlink()
    alone = bags(*range(5), processes=0).batch([0, 4])["instances"]
    assert (together == alone).all()


def test_a_process_that_dies_costs_its_field_and_no_other():
    data = bags(*range(9), c3="die", c5="leave")
    steps = list(data.prepare())
    assert (len(steps), steps[-1][:2]) == (9, (9, 9))
    assert data.groups["field"] == ["f0", "f1", "f2", "f4", "f6", "f7", "f8"]
    assert sorted(data.notes) == [
        "field f3 is left out: the segmenter's process died (exit code -11)",
        "field f5 is left out: the segmenter's process died (exit code 3)",
    ]


def test_processes_that_all_die_stop_the_run():
    with pytest.raises(DataError, match=r"of 4 fields could not be segmented, the first is .*died \(exit code -11\)"):
        len(bags(*range(4), c0="die", c1="die", c2="die", c3="die"))


def test_what_every_field_would_meet_stops_all_processes():
    with pytest.raises(MissingError, match="the weights are not there; fetch them"):
        len(bags(*range(6), c2="weights"))


def test_what_cannot_be_handed_to_a_process_is_said_with_the_way_out():
    with pytest.raises(UsageError, match=r"cannot be handed to another process .*say processes: 0"):
        len(bags(0, a_field(1, lambda: None, stamp="x")))


def test_a_process_that_never_comes_to_work_is_no_fault_of_a_field():
    with pytest.raises(RunError, match=r"could not be started \(exit code 1\).*processes: 0"):
        list(outcomes(Fatal(), [(0, None), (1, None)], 1))


class Fatal:
    def __reduce__(self):
        return sys.exit, (1,)


def gone(pid):
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def within(seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_no_process_is_left_when_the_work_is_given_up(tmp_path):
    work = outcomes(sleeping, [(0, tmp_path / "a"), (1, tmp_path / "b"), (2, None)], 2)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal comes at any point of it
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 1.5)
        next(work)
    pids = [int(path.read_text()) for path in tmp_path.iterdir()]
    assert all(map(gone, pids))


def interrupt(*_):
    raise KeyboardInterrupt


def test_no_process_is_left_when_the_first_is_killed(tmp_path):
    code = textwrap.dedent(
        """
        import sys
        from cells.cell_fields import sleeping
        from zoo_cells.segmented.workers import outcomes
        if __name__ == "__main__":
            list(outcomes(sleeping, [(0, sys.argv[1])], 1))
        """
    )
    (tmp_path / "script.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen([sys.executable, tmp_path / "script.py", str(tmp_path / "pid")], env=environment)
    assert within(40, (tmp_path / "pid").exists)
    first.kill()
    first.wait()
    assert within(5, lambda: gone(int((tmp_path / "pid").read_text())))
