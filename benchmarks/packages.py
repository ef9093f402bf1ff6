"""What a package costs beside its bare weights: writing, proving, loading, pulling again; and the memory of a proof.

python benchmarks/packages.py [--runs 7]

The peer writes the same weights with ``safetensors.torch.save_file`` and reads them into the same model with
``load_file`` and ``load_state_dict``, each with one pass of sha256. Every line is a ratio of two times of this process.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from zoo import contestant, manifest, package, recipe, resolve, vectors
from zoo.model import Model

ROOT = Path(__file__).parent.parent
RECIPE = """
zoo: 1
name: large
data:
  use: simulated-tissue
  donors: 2
  spots: 4
  transcripts: 60
  genes: {top: 50}
  views: {patch: 64}
  split: {unit: donor, test: [D2]}
encoder: {use: timm, model: resnet50}
head: {use: clip, dim: 64, spot: {use: spot-transformer, dim: 64}}
loss: {use: info-nce}
task: {use: contrast}
"""
FOLD = {"name": "holdout", "unit": "donor", "train": ["D1"], "val": [], "test": ["D2"]}
ABOUT = {"member": "holdout-seed0", "seed": 0, "fold": FOLD}
PEAK = """
import resource, sys
from pathlib import Path
from zoo import manifest
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
manifest.verified(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
PULL = "import sys; from zoo.cli import main; sys.argv = ['zoo', 'pull', sys.argv[1]]; main()"


def best_ms(call: Callable[[], object], runs: int) -> float:
    """Return the shortest of several times, in milliseconds."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return min(took) * 1e3


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flushed(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def write_and_load(folder: Path, runs: int) -> None:
    """Compare a package of about 100 MB with its bare weights."""
    filled = resolve.fill(recipe.parse(RECIPE))
    dataset = filled.build("data", {})
    dataset.fit(np.arange(16))
    facts = dict(dataset.facts)

    def built() -> Model:
        encoder = filled.build("encoder", facts)
        return Model(encoder, filled.build("head", {**facts, "in_features": encoder.out_features})).eval()

    model, items = built(), np.arange(16)
    trained = contestant.prepare(model, filled.build("task", facts), dataset, items, batch=8)
    bare, whole = folder / "bare.safetensors", folder / "package"

    def bare_write() -> None:
        save_file(model.state_dict(), bare, {"format": "pt"})
        sha256_of(bare)

    def flushed_write() -> None:
        save_file(model.state_dict(), bare, {"format": "pt"})
        flushed(bare)
        sha256_of(bare)

    def bare_load(into: Model) -> None:
        sha256_of(bare)
        into.load_state_dict(load_file(bare))

    def package_write() -> None:
        package.write(whole, filled, trained, dataset, about=ABOUT, items=items)
        (whole / manifest.NAME).write_bytes(manifest.of(whole).dump())

    def package_load() -> None:
        manifest.verified(whole)
        package.read(whole)

    peer, durable, ours = best_ms(bare_write, runs), best_ms(flushed_write, runs), best_ms(package_write, runs)
    proof = best_ms(lambda: vectors.make(trained, dataset, items), runs)
    size = bare.stat().st_size / 1e6
    print(f"write, {size:.0f} MB: bare save + sha256 {peer:.0f} ms, flushed to the disk {durable:.0f} ms")
    print(f"  package {ours:.0f} ms, of which running the model for its test vectors {proof:.0f} ms")
    flushed_ratio, ratio = (ours - proof) / durable, (ours - proof) / peer
    print(f"  without the test vectors {flushed_ratio:.2f} times the flushed peer, {ratio:.2f} times the other")
    given, made = best_ms(lambda: bare_load(model), runs), best_ms(lambda: bare_load(built()), runs)
    ours = best_ms(package_load, runs)
    print(f"load: bare load + sha256 {given:.0f} ms into a model that is built, {made:.0f} ms with building it")
    print(f"  package {ours:.0f} ms, built and verified: {ours / made:.2f} and {ours / given:.2f} times")


def pull_again(folder: Path, runs: int) -> None:
    """Time ``zoo pull`` of a cached, pinned package as a process, and count what it asks."""
    sys.path.insert(0, str(ROOT / "tests"))
    from hub_server import HubServer

    files = {path.name: path.read_bytes() for path in (ROOT / "cards" / "hiscmcl-sim").iterdir()}
    with HubServer() as server:
        commit = server.add("lab/model", files)
        own = {"HF_ENDPOINT": server.url, "HF_HOME": str(folder / "hf"), "ZOO_HOME": str(folder / "home")}
        environment = {**os.environ, **own, "HF_HUB_DISABLE_XET": "1"}
        environment.pop("HF_HUB_OFFLINE", None)

        def pull() -> None:
            command = [sys.executable, "-c", PULL, f"lab/model@{commit}"]
            subprocess.run(command, env=environment, capture_output=True, check=True)

        pull()
        asked = len(server.log)
        took = best_ms(pull, runs)
        asked = len(server.log) - asked
    bare = best_ms(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True), runs)
    print(f"pull again, cached and pinned: {took:.0f} ms, {asked} requests; 'import torch' alone {bare:.0f} ms")


def memory_of_a_proof(folder: Path) -> None:
    """Show that hashing and checking needs no more memory for a larger package."""
    for megabytes in (1, 100, 1000):
        whole = folder / f"{megabytes}"
        whole.mkdir()
        block = {"x": torch.zeros(megabytes * 250_000)}
        save_file(block, whole / "model.safetensors", {"format": "pt"})
        (whole / manifest.NAME).write_bytes(manifest.of(whole).dump())
        command = [sys.executable, "-c", PEAK, str(whole)]
        more = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        print(f"verifying the files of {megabytes:5} MB: {more / 1024:.1f} MB more at the peak")
        (whole / "model.safetensors").unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as place:
        write_and_load(Path(place), runs)
        pull_again(Path(place), runs)
        memory_of_a_proof(Path(place))


if __name__ == "__main__":
    main()
