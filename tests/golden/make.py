"""Keep what a release writes: ``python tests/golden/make.py 0.1`` fills the new folder ``tests/golden/0.1``.

Run it once, from the commit of the release, with the plugins of this repository installed; see README.md beside it.
"""

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def main(release):
    target = HERE / release
    target.mkdir()  # what is there already is never written again
    sys.path.insert(0, str(ROOT / "tests" / "tiny_plugin"))
    write_recipes(target / "recipes.json")
    write_package(target)


def write_recipes(path):
    """Write what every shipped recipe means: one line each, its digest and all its values."""
    from zoo import recipe
    from zoo.resolve import fill

    found = {name: fill(recipe.load(file)) for name, file in recipe.shipped_by("microscopy-zoo").items()}
    lines = [
        f"{json.dumps(name)}: {json.dumps({'digest': filled.digest, 'filled': filled.data}, sort_keys=True)}"
        for name, filled in sorted(found.items())
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def write_package(target):
    """Train the tests' recipe, make a package of it, and keep what it predicts of an input."""
    import numpy as np

    import zoo
    from zoo.publish import Wish, assemble
    from zoo.run import Run

    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        zoo.train(ROOT / "tests" / "recipes" / "tiny.yaml", ["publish.licence=apache-2.0"], out=run, device="cpu")
        assemble(Run.open(run), Wish("tiny", "lab/tiny"), target / "package")
    np.save(target / "input.npy", np.random.default_rng(0).integers(0, 256, (5, 3, 2, 2), dtype=np.uint8))
    zoo.load(str(target / "package")).predict(input=target / "input.npy").write(target / "predicted.npy")


if __name__ == "__main__":
    main(sys.argv[1])
