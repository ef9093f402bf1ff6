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
def batch():
    image = torch.ones(64 * 2**20 // 4)
    doubled = image * 2
    (image + doubled).relu_()
for _ in range(5):
    batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    batch()
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""


def faults(*, hold):
    code = MEASURE.replace("{hold}", str(hold))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is that of Linux")
def test_large_blocks_that_were_freed_are_there_again_without_new_pages():
    given_back, held = faults(hold=False), faults(hold=True)
    if given_back < 1000:
        pytest.skip("this C library keeps what is freed without being told")
    assert held < given_back / 10


def test_where_the_c_library_has_no_such_setting_nothing_happens(monkeypatch):
    import ctypes

    from zoo import allocator

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    allocator.hold_memory()
