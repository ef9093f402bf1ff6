"""Memory that is freed between batches is kept, so that the system need not clear it again."""

import json
import subprocess
import sys

import pytest

MEASURE = """
import json, resource
import torch
from zoo import allocator
torch.set_num_threads(1)
if {hold}:
    allocator.hold_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64 * 2**20 // 4)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(json.dumps([faults() for _ in range(3)]))
"""


def faults(*, hold):
    code = MEASURE.replace("{hold}", str(hold))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is that of Linux")
def test_a_large_block_that_was_freed_is_there_again_without_new_pages():
    given_back, held = faults(hold=False), faults(hold=True)
    assert max(held) < min(given_back) / 10 or max(given_back) < 100, (given_back, held)
    assert max(held) < 100


def test_where_the_c_library_has_no_such_setting_nothing_happens(monkeypatch):
    import ctypes

    from zoo import allocator

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    allocator.hold_memory()
