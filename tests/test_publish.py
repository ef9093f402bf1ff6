"""A run becomes a package: whole, without a hole in its card, and without a word of whose machine it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import zoo as face
from zoo import manifest, publish, verdict
from zoo.errors import MissingError, UsageError
from zoo.publish import Wish, assemble, without_places
from zoo.run import Run

FILES = {
    "LICENSE",
    "README.md",
    "config.json",
    "floors.safetensors",
    "manifest.json",
    "metrics.json",
    "model.safetensors",
    "recipe.yaml",
    "splits.json",
    "test_vectors.safetensors",
}


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_package_holds_what_the_plan_of_the_house_says(tiny_package):
    assert names(tiny_package) == FILES
    assert "Apache License" in (tiny_package / "LICENSE").read_text()
    assert manifest.verified(tiny_package).files.keys() == FILES - {"manifest.json"}


def test_the_same_run_gives_the_same_bytes(tiny_run, tmp_path):
    wish = Wish("tiny", "lab/tiny")
    one, other = (assemble(Run.open(tiny_run), wish, tmp_path / name) for name in ("one", "other"))
    assert (one / "manifest.json").read_bytes() == (other / "manifest.json").read_bytes()


def test_its_card_tells_what_the_parts_of_the_recipe_bring(tiny_run, tmp_path, monkeypatch):
    brought = {"tiny-linear": [{"name": "weights of Atlas", "licence": "cc-by-nc-4.0", "citation": "Nobody 2024"}]}
    monkeypatch.setattr(verdict, "terms_of", lambda entry: brought.get(entry.name, []))
    card = (assemble(Run.open(tiny_run), Wish("tiny", "lab/tiny"), tmp_path / "out") / "README.md").read_text()
    assert "| weights of Atlas (encoder tiny-linear) | cc-by-nc-4.0 |" in card
    assert "because of weights of Atlas (encoder tiny-linear) under cc-by-nc-4.0" in card
    assert "- weights of Atlas (encoder tiny-linear): Nobody 2024" in card


def test_a_run_that_has_no_scores_yet_is_told_to_go_on(tiny_run, tmp_path):
    (tiny_run / "metrics.json").unlink()
    with pytest.raises(MissingError, match="has no scores yet; go on with: zoo train RECIPE --resume"):
        assemble(Run.open(tiny_run), Wish("tiny", "lab/tiny"), tmp_path / "out")


def test_a_run_of_an_older_zoo_has_no_test_vectors_and_is_trained_again(tiny_run, tmp_path):
    model = tiny_run / "model" / "holdout-seed0"
    shutil.rmtree(model)
    shutil.copytree(Path(__file__).parent / "golden" / "format-1", model)
    with pytest.raises(MissingError, match="was trained by an older zoo, which kept no test vectors; train it again"):
        assemble(Run.open(tiny_run), Wish("tiny", "lab/tiny"), tmp_path / "out")


def test_a_member_that_is_not_there(tiny_run, tmp_path):
    with pytest.raises(MissingError, match="has no member 'seed9'; it has holdout-seed0"):
        assemble(Run.open(tiny_run), Wish("tiny", "lab/tiny", member="seed9"), tmp_path / "out")


def test_without_a_licence_nothing_is_published(tiny, tmp_path, zoo):
    run, _ = face.train(tiny, out=tmp_path / "run", device="cpu")
    code, _, err = zoo("push", run.folder, "--to", "lab/tiny")
    assert code == 2
    assert "the card would have holes" in err
    assert "--licence" in err
    assert not (run.folder / "package").exists()
    code, _, err = zoo("push", run.folder, "--to", "./here", "--licence", "Apache-2.0")
    assert code == 0, err


def test_data_of_which_nothing_is_known_are_a_hole(tiny_run, tmp_path):
    path = tiny_run / "model" / "holdout-seed0" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "provenance": {"data": [], "weights": []}}))
    with pytest.raises(UsageError, match="the card would have holes"):
        assemble(Run.open(tiny_run), Wish("tiny", "lab/tiny"), tmp_path / "out")


def test_a_licence_of_which_zoo_has_no_text_needs_a_file(tiny, tmp_path, zoo):
    run, _ = face.train(tiny, ["publish.licence=mit"], out=tmp_path / "run", device="cpu")
    code, _, err = zoo("push", run.folder, "--dry-run")
    assert code == 2
    assert "licence mit: zoo has no text of it; name a file that has by publish.licence_file" in err
    (tmp_path / "MIT.txt").write_text("Do as you like.")
    more = ["publish.licence=mit", "publish.licence_file=MIT.txt"]
    run, _ = face.train(tiny, more, out=tmp_path / "other", device="cpu")
    code, _, err = zoo("push", run.folder, "--dry-run")
    assert code == 0, err
    assert (run.folder / "package" / "LICENSE").read_text() == "Do as you like."


def test_the_prose_is_taken_from_the_file_that_is_named_or_lies_there_from_before(tiny_run, zoo, tmp_path):
    (tmp_path / "mine.md").write_text("Written by hand.\n\n## Limits\n\nNone known.\n")
    code, _, err = zoo("push", tiny_run, "--to", "./cards/tiny", "--card", "mine.md")
    assert code == 0, err
    text = Path("cards/tiny/README.md").read_text()
    assert "Written by hand." in text
    assert "None known." in text
    code, _, err = zoo("push", tiny_run, "--to", "./cards/tiny")
    assert code == 0, err
    assert Path("cards/tiny/README.md").read_text() == text
    code, _, err = zoo("push", tiny_run, "--to", "lab/tiny", "--dry-run")
    assert "Written by hand." in (tiny_run / "package" / "README.md").read_text()
    code, _, err = zoo("push", tiny_run, "--dry-run", "--card", "absent.md")
    assert (code, "there is no such card text" in err) == (3, True)


def test_paths_of_the_machine_are_cut_to_their_last_step(tiny, tmp_path, zoo):
    log = tmp_path / "secret" / "log.json"
    log.parent.mkdir()
    options = [f"data.log={log}", "publish.licence=apache-2.0"]
    run, _ = face.train(tiny, options, out=tmp_path / "run", device="cpu")
    code, _, err = zoo("push", run.folder, "--to", "./out")
    assert code == 0, err
    for path in Path("out").iterdir():
        assert b"secret" not in path.read_bytes(), path
    assert "log: log.json" in Path("out/recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("/home/me/data", "data"),
        ("~/data/", "data"),
        ("C:\\work\\data", "data"),
        ("D:/x", "x"),
        ("a/b", "a/b"),
        ("/", "."),
    ],
)
def test_what_looks_like_a_place_is_cut(value, kept):
    assert without_places({"a": [value, 1]}) == {"a": [kept, 1]}


def test_a_folder_that_is_no_package_is_never_replaced(tiny_run, zoo, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("...")
    code, _, err = zoo("push", tiny_run, "--to", "./thesis")
    assert code == 2
    assert "holds something that is no package" in err
    assert names(tmp_path / "thesis") == {"chapter1.tex"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".thesis")]


KILLED = """
import os, signal, sys
real, left = os.fsync, [int(sys.argv.pop(1))]
def fsync(handle):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(handle)
os.fsync = fsync
from zoo.cli import main
main()
"""


@pytest.mark.parametrize("number", [1, 4, 9])
def test_a_push_into_a_folder_that_is_killed_leaves_the_package_that_was_there(tiny_package, tiny_run, number):
    before = {path.name: path.read_bytes() for path in tiny_package.iterdir()}
    command = [sys.executable, "-c", KILLED, str(number), "push", str(tiny_run), "--to", str(tiny_package)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in tiny_package.iterdir()} == before


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(tiny_package, tiny_run, zoo, monkeypatch):
    before = names(tiny_package)

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("zoo.publish.shutil.copyfile", full)
    code, _, err = zoo("push", tiny_run, "--to", tiny_package)
    assert code == 1
    assert "the disk is full" in err
    assert names(tiny_package) == before


def test_values_of_data_without_a_licence_are_not_given_to_everybody(tiny_package):
    path = tiny_package / "config.json"
    value = json.loads(path.read_text())
    value["provenance"]["data"][0]["licence"] = "none"
    path.write_text(json.dumps(value))
    assert publish._notes(tiny_package, public=True) == []
    (tiny_package / "bank.safetensors").write_bytes(b"")
    (note,) = publish._notes(tiny_package, public=False)
    assert "whose makers state no licence; keep the repository private" in note
    with pytest.raises(UsageError, match="push it --private, or ask them"):
        publish._notes(tiny_package, public=True)
