"""``zoo doctor`` tells what is wrong and the way out; ``zoo ls runs`` tells how far each run got."""

import json

import zoo as face


def test_doctor_passes_a_sound_machine_and_names_every_component_that_loads(zoo):
    code, out, _ = zoo("doctor", "--format", "json")
    found = {line["what"]: line for line in json.loads(out)}
    assert code == 0
    assert "multilevel" in found["encoders"]["detail"]
    assert found["device"]["verdict"] in {"PASS", "WARN"}
    assert {"python", "runs", "cache"} <= set(found)


def test_doctor_fails_on_a_component_that_cannot_be_imported_and_names_its_package(zoo, dist):
    dist(
        "lab-broken", files={"lab_broken.py": "raise OSError('no licence')"}, points={"heads": {"mine": "lab_broken:X"}}
    )
    code, out, _ = zoo("doctor")
    assert code == 3
    assert "FAIL" in out
    assert "lab-broken 1.0" in out
    assert "no licence" in out


def test_doctor_fails_on_a_runs_folder_that_cannot_be_written(zoo, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "file" / "runs"))
    code, out, _ = zoo("doctor")
    assert code == 3
    assert "set ZOO_RUNS or ZOO_HOME" in out


def test_runs_are_listed_with_how_far_they_got(zoo, tiny, tmp_path):
    run, _ = face.train(tiny, ["train.epochs=1"], device="cpu")
    code, out, _ = zoo("ls", "runs")
    assert code == 0
    assert "finished" in out
    assert str(run.folder) in out
    assert run.folder.parent == tmp_path / "runs" / "tiny"


def test_the_version_is_that_of_the_distribution(zoo):
    from importlib.metadata import version

    assert zoo("--version")[1].strip() == f"zoo {version('microscopy-zoo')}"


def test_ls_finds_a_part_that_fails_only_when_imported_if_asked_to_import(zoo, dist):
    files = {"lab_late.py": "class X:\n    '''A part.'''\nraise OSError('no licence')"}
    dist("lab-late", files=files, points={"heads": {"late": "lab_late:X"}})
    code, out, err = zoo("ls", "heads")
    assert (code, "A part." in out, err) == (0, True, "")
    code, out, err = zoo("ls", "heads", "--load")
    assert code == 0
    assert "heads late of lab-late 1.0 is broken" in err
    assert "no licence" in err
    assert "clip" in out
