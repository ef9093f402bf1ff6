"""``zoo compare`` as its users see it: the table, the notes, JSON, and refusals with their exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zoo as face


@pytest.fixture(scope="module")
def _longer(tmp_path_factory):
    """Train another recipe on the same groups, once for all tests."""
    here = Path(__file__).parent.parent
    folder = tmp_path_factory.mktemp("longer") / "b"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(here / "tiny_plugin"))
        settings = ["name=longer", "train.epochs=8", "train.seeds=[0, 1]"]
        face.train(here / "recipes" / "tiny.yaml", settings, out=folder, device="cpu")
    return folder


@pytest.fixture
def runs(tiny_run, _longer, tmp_path):
    """Return two runs of two recipes that were tested on the same groups, copies of this test's own."""
    return tiny_run, shutil.copytree(_longer, tmp_path / "b")


def test_the_table_has_each_run_with_its_floors_and_its_lead_over_the_first(zoo, runs):
    code, out, err = zoo("compare", *runs)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split("  ")[0] == "score"
    assert "better than tiny by" in lines[0]
    first = [line for line in lines if line.startswith("r2 ")]
    assert [line.split()[1] for line in first] == ["tiny", "longer", "floor"]
    assert first[0].count("[") == 2  # its own interval and that of its margin
    assert first[1].count("[") == 3
    assert first[1].endswith(" of 2")
    found = json.loads(zoo("compare", *runs, "--format", "json")[1])
    pair = next(pair for pair in found["differences"] if pair["score"] == "r2")
    assert f"{pair['mean']:.3f}" in first[1]
    assert f"{found['runs'][0]['floors']['mean']['r2']['mean']:.3f}" in first[2]
    assert any(line.startswith("mse (lower is better)") for line in lines)
    notes = [line.removeprefix("note: ") for line in lines if line.startswith("note: ")]
    assert notes == found["notes"]
    assert "2 test groups: the interval is a rough one" in notes


def test_json_has_stable_keys_and_is_written_to_a_file_only_where_asked(zoo, runs, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = zoo("compare", *runs, "--score", "mse", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert list(found) == ["reference", "unit", "groups", "higher_is_better", "runs", "differences", "notes"]
    keys = ["run", "folder", "recipe", "protocol", "seeds", "scores", "floors", "above_floor"]
    assert list(found["runs"][0]) == keys
    assert list(found["differences"][0]) == [
        *("run", "against", "score", "mean", "interval", "better_groups", "groups"),
    ]
    assert zoo("compare", *runs, "--score", "mse", "--out", "kept.json")[0] == 0
    assert json.loads((tmp_path / "kept.json").read_text()) == found


def test_floors_that_differ_between_runs_have_a_row_each(zoo, runs):
    path = runs[1] / "metrics.json"
    found = json.loads(path.read_text())
    for member in found["members"]:
        member["scores"]["mean"]["g6"]["r2"] = -5.0
    path.write_text(json.dumps(found))
    lines = zoo("compare", *runs, "--score", "r2")[1].splitlines()
    floors = [line.split("  ")[2].strip() for line in lines if "floor mean" in line]
    assert [line for line in lines if "floor mean of tiny" in line]
    assert [line for line in lines if "floor mean of longer" in line]
    assert len(floors) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["RUN"], 2, "error: 1 run to compare; name two or more"),
        (["RUN", "RUN"], 2, "is named twice"),
        (["RUN", "hiscmcl"], 2, "hiscmcl: is a recipe, not a run"),
        (["RUN", "OTHER", "--score", "msee"], 2, "error: --score msee: is no score that all these runs have, did you"),
        (["RUN", "no/such/run"], 3, "there is no such folder"),
        (["RUN", "BEGUN"], 3, "has no scores yet; go on with: zoo train RECIPE --resume"),
        (["RUN", "DAMAGED"], 5, "metrics.json: is not valid JSON"),
        ([], 2, "Missing argument"),
    ],
)
def test_refusals_are_one_sentence_with_their_exit_code(zoo, tiny_run, tmp_path, arguments, code, said):
    places = {name: shutil.copytree(tiny_run, tmp_path / name.lower()) for name in ("OTHER", "BEGUN", "DAMAGED")}
    (places["BEGUN"] / "metrics.json").unlink()
    (places["DAMAGED"] / "metrics.json").write_text("{")
    found, out, err = zoo("compare", *({"RUN": tiny_run, **places}.get(a, a) for a in arguments))
    assert (found, out) == (code, "")
    assert said in err
    assert not arguments or len(err.splitlines()) == 1


def test_runs_whose_scores_are_by_group_are_compared_without_torch(runs, tmp_path):
    # the tests' task imports torch itself; one that does not stands in for it
    site = tmp_path / "light"
    info = site / "light_scores-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: light-scores\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo.tasks]\nlight-scores = light_scores:Scores\n")
    (site / "light_scores.py").write_text("class Scores:\n    scores = {'r2': True, 'mse': False}\n")
    for run in runs:
        path = run / "recipe.yaml"
        path.write_text(path.read_text().replace("tiny-regress", "light-scores"))
    code = "import sys; from zoo.compare import compare; compare(sys.argv[1:]); print(sorted(sys.modules))"
    paths = os.pathsep.join([str(site), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, runs)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "'zoo.compare'" in done.stdout
    assert "'torch'" not in done.stdout
