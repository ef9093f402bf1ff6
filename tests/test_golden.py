"""What earlier releases wrote is read today: recipes mean what they meant, packages prove themselves and predict."""

import json
from pathlib import Path

import numpy as np
import pytest

import zoo as face
from zoo import recipe, requirements, verify
from zoo.config import FORMAT
from zoo.resolve import fill

GOLDEN = Path(__file__).parent / "golden"
RELEASES = sorted(path for path in GOLDEN.iterdir() if (path / "recipes.json").is_file())


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request):
    return request.param


@pytest.fixture
def package(release, tiny, monkeypatch):
    """Return a package of an earlier release; what it says of versions it can be read by is set aside."""
    folder = release / "package"
    made_with = json.loads((folder / "config.json").read_text())["made_with"]
    monkeypatch.setattr(requirements, "_installed", made_with.get)
    return folder


def test_there_is_something_of_every_format():
    formats = {json.loads(path.read_text())["format"] for path in GOLDEN.glob("**/config.json")}
    assert formats == set(range(1, FORMAT + 1)), "a new format: keep what it writes, see tests/golden/README.md"


def test_a_recipe_of_an_earlier_release_means_today_what_it_meant_then(release, tmp_path):
    kept = json.loads((release / "recipes.json").read_text())
    assert len(kept) > 10
    for name, then in kept.items():
        (tmp_path / f"{name}.yaml").write_text(recipe.Recipe(then["filled"]).dump())
        today = fill(recipe.load(tmp_path / f"{name}.yaml"))
        assert today.digest == then["digest"], f"{name}: a default or a name has another meaning now"


def test_a_recipe_that_was_shipped_is_shipped_today_and_means_the_same(release):
    shipped = recipe.shipped_by("microscopy-zoo")
    for name, then in json.loads((release / "recipes.json").read_text()).items():
        digest = fill(recipe.load(shipped[name])).digest
        assert digest == then["digest"], f"{name}: a published recipe is a promise; give the changed one another name"


def test_a_package_of_an_earlier_release_proves_itself_today(package):
    checks = list(verify.examine(package))
    assert not [check for check in checks if check.verdict == "FAIL"]
    assert [check.verdict for check in checks].count("PASS") >= 5


def test_a_package_of_an_earlier_release_predicts_today_what_it_predicted_then(package):
    found = face.load(str(package)).predict(input=package.parent / "input.npy")
    assert np.allclose(found["value"], np.load(package.parent / "predicted.npy"), rtol=1e-3, atol=1e-4)
