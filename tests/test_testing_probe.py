"""What a part does at import is found in a process of its own, and named with file and line."""

import pytest

from zoo.registry import Registry
from zoo.testing import probe

PLAIN = """\
from torch import nn


class Head(nn.Module):
    '''Nothing much.'''

    def __init__(self, *, in_features: int) -> None:
        super().__init__()

    def forward(self, features, batch):
        return {"value": features}
"""
BAD = {
    "raises": ("1 / 0\n", "raises ZeroDivisionError: division by zero when it is imported", "bad_raises.py:1"),
    "needs": (
        "import not_there_at_all.deeper\n",
        "needs the package 'not_there_at_all', which is not installed: pip install not_there_at_all",
        "bad_needs.py:1",
    ),
    "prints": ("import sys\nprint('hello')\n", "prints 'hello' when it is imported", "bad_prints.py:2"),
    "warns": ("import sys\nsys.stderr.write('look')\n", "prints 'look' when it is imported", "bad_warns.py:2"),
    "leaves": ("import os\n\nos._exit(3)\n", "ends the process when it is imported (os._exit(3))", "bad_leaves.py:3"),
    "exits": ("raise SystemExit(2)\n", "ends the process (SystemExit 2)", "bad_exits.py:1"),
    "crashes": (
        "import ctypes\nctypes.string_at(0)\n",
        "ends the process when it is imported (Fatal Python error: Segmentation fault)",
        "bad_crashes.py:2",
    ),
    "asks": (
        "import urllib.request\n\nurllib.request.urlopen('http://example.invalid/x')\n",
        "asks the network for 'http://example.invalid/x' when it is imported",
        "bad_asks.py:3",
    ),
    "hides": (
        "import socket\n\ntry:\n    socket.create_connection(('example.invalid', 80))\nexcept Exception:\n    pass\n",
        "asks the network for 'example.invalid' when it is imported",
        "bad_hides.py:4",
    ),
    "runs": ("import subprocess\nsubprocess.run(['true'])\n", "starts the process 'true'", "bad_runs.py:2"),
    "wrong": ("x = (\n", "raises SyntaxError", "bad_wrong.py:1"),
    "inside": (
        "from bad_inside import nothing\n",
        "raises ImportError: cannot import name",
        "bad_inside.py:1",
    ),
}


@pytest.fixture
def told(dist):
    """Return what the probe says of the import of a head in a module of this text."""

    def tell(name, text, target=None):
        module = f"bad_{name}"
        points = {"heads": {f"bad-{name}": target or f"{module}:Head"}}
        dist(f"lab-{name}", files={f"{module}.py": text}, points=points)
        return probe.probe(Registry().find("heads", f"bad-{name}"))

    return tell


@pytest.mark.parametrize("name", BAD)
def test_what_an_import_should_not_do_is_told_with_its_line(told, name):
    text, sentence, place = BAD[name]
    (found,) = told(name, text + PLAIN)
    assert found.verdict == "FAIL"
    assert sentence in found.message
    assert found.place.endswith(place)


@pytest.mark.parametrize(
    ("target", "why"),
    [("not_a_module:Head", "there is no module 'not_a_module'"), ("bad_nowhere:Heed", "has no attribute 'Heed'")],
)
def test_an_entry_point_that_points_nowhere_is_told_with_its_line_in_the_metadata(told, target, why):
    (found,) = told("nowhere", PLAIN, target)
    assert found.message.startswith(f"{target} points nowhere (")
    assert why in found.message
    assert "correct the line in the pyproject.toml of lab-nowhere" in found.message
    assert found.place.endswith("entry_points.txt:2")


def test_an_import_that_does_not_end_is_told_with_the_line_it_stays_at(told, monkeypatch):
    monkeypatch.setattr(probe, "LIMIT_S", 1)
    (found,) = told("sleeps", "import time\nwhile True:\n    time.sleep(0.01)\n")
    assert "it did not end in 1 s" in found.message
    assert found.place.endswith("bad_sleeps.py:3")


def test_a_slow_import_is_warned_of_with_what_took_the_time(dist):
    dist("lab-slow", files={"slow_part.py": PLAIN}, points={"heads": {"slow": "slow_part:Head"}})
    entry = Registry().find("heads", "slow")
    assert [found.verdict for found in probe.probe(entry)] == ["PASS"]
    (found,) = probe.probe(entry, slow_s=0.0)
    assert (found.verdict, "slow_part (" in found.message) == ("WARN", True)


def test_parts_of_ours_say_nothing_when_they_are_imported():
    for entry in Registry().entries("heads"):
        assert [found.verdict for found in probe.probe(entry)] == ["PASS"], entry
