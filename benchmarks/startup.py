"""How long the command takes to answer, and whether torch was kept out of it.

python benchmarks/startup.py [--runs 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

LINES = (["--help"], ["ls"], ["ls", "encoders"], ["show", "spot-transformer"], ["show", "hiscmcl"])
PROBE = """
import sys
sys.argv = ["zoo", *{line!r}]
try:
    from zoo.cli import main
    main()
finally:
    print("torch" in sys.modules, file=sys.stderr)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    for line in LINES:
        took = []
        for _ in range(runs + 1):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "zoo", *line], capture_output=True, check=True)
            took.append(time.perf_counter() - began)
        probe = subprocess.run(
            [sys.executable, "-c", PROBE.format(line=line)], capture_output=True, text=True, check=False
        )
        torch = "torch loaded" if probe.stderr.strip().endswith("True") else "no torch"
        median = statistics.median(took[1:])
        print(
            f"zoo {' '.join(line):24} median {median:.3f} s (min {min(took[1:]):.3f}, max {max(took[1:]):.3f}), {torch}"
        )


if __name__ == "__main__":
    main()
