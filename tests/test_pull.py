"""Packages come from the Hub whole and true, or not at all; every failure is one sentence with its exit code."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from zoo import manifest, pull
from zoo.catalogue import Source
from zoo.errors import IntegrityError, MissingError, NetworkError, RunError

ZOO = [sys.executable, "-c", "from zoo.cli import main; main()"]


def contents(folder):
    """Return the files of a package."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def with_manifest(files):
    """Return files with a manifest that fits them."""
    items = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in files.items()
        if name != manifest.NAME
    }
    return {**files, manifest.NAME: json.dumps({"format": 1, "files": items}).encode()}


def changed(files, **values):
    """Return files with other values in ``config.json``."""
    config = {**json.loads(files["config.json"]), **values}
    return with_manifest({**files, "config.json": json.dumps(config).encode()})


@pytest.fixture
def files(tiny_package):
    return contents(tiny_package)


@pytest.fixture
def on_hub(hub, files):
    """Put the package on the Hub as ``lab/tiny`` and return the commit."""
    return hub.add("lab/tiny", files)


def refused(error, text="lab/tiny"):
    """Return the sentence with which a pull is refused."""
    with pytest.raises(error) as raised:
        pull.pull(text)
    assert "hf_test" not in str(raised.value)
    return str(raised.value)


def test_a_package_arrives_as_it_was_published_and_is_proven(on_hub, files, zoo):
    code, out, err = zoo("pull", "lab/tiny")
    assert code == 0, err
    assert contents(Path(out.strip())) == files
    assert "verified, 9 files" in err
    assert on_hub[:12] in err


@pytest.mark.parametrize("text", ["lab/tiny", "lab/tiny@main", "lab/tiny@v1", "hf://lab/tiny@v1", "lab/tiny@{}"])
def test_a_revision_is_a_branch_a_tag_or_a_commit(text, hub, on_hub):
    hub.tag("lab/tiny", "v1")
    assert pull.pull(text.format(on_hub)).commit == on_hub


def test_a_pinned_package_that_is_here_needs_no_request(hub, on_hub):
    first = pull.pull(f"lab/tiny@{on_hub}")
    asked = len(hub.log)
    assert pull.pull(f"lab/tiny@{on_hub}") == first
    assert len(hub.log) == asked


def test_a_branch_that_is_here_needs_one_request_and_follows_when_it_moves(hub, on_hub, files):
    pull.pull("lab/tiny")
    asked = len(hub.log)
    assert pull.pull("lab/tiny").commit == on_hub
    assert len(hub.log) == asked + 1
    newer = hub.add("lab/tiny", with_manifest({**files, "card.md": b"More."}))
    assert pull.pull("lab/tiny").commit == newer


@pytest.mark.parametrize("name", ["ZOO_OFFLINE", "HF_HUB_OFFLINE"])
@pytest.mark.parametrize("revision", ["", "@v1", "@commit"])
def test_without_the_network_what_was_pulled_works(hub, on_hub, monkeypatch, name, revision):
    hub.tag("lab/tiny", "v1")
    text = "lab/tiny" + revision.replace("commit", on_hub)
    pull.pull(text)
    asked = len(hub.log)
    monkeypatch.setenv(name, "1")
    assert pull.pull(text).commit == on_hub
    assert len(hub.log) == asked


def test_without_the_network_what_was_not_pulled_is_refused_without_trying(hub, on_hub, monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert "the network is switched off" in refused(NetworkError)
    assert not hub.log


def test_no_token_is_needed_for_what_is_public(hub, on_hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert pull.pull("lab/tiny").commit == on_hub


def test_a_repository_that_is_not_there(hub):
    assert "has no repository lab/tiny that your token may see" in refused(NetworkError)
    assert NetworkError.exit_code == 4


def test_a_private_repository_without_a_token(hub, files, monkeypatch):
    hub.add("lab/tiny", files, private=True)
    monkeypatch.delenv("HF_TOKEN")
    said = refused(NetworkError)
    assert "shows no repository lab/tiny without a token" in said
    assert "HF_TOKEN" in said


def test_a_private_repository_with_a_token(hub, files):
    commit = hub.add("lab/tiny", files, private=True)
    assert pull.pull("lab/tiny").commit == commit


def test_a_token_that_is_refused(hub, on_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    said = refused(NetworkError)
    assert "refuses your token" in said
    assert "hf_wrong" not in said


@pytest.mark.parametrize("token", ["hf_test", ""])
def test_a_gated_repository(hub, files, monkeypatch, token):
    hub.add("lab/tiny", files, gated=True)
    if not token:
        monkeypatch.delenv("HF_TOKEN")
    said = refused(NetworkError)
    assert "is gated; ask for access at" in said


def test_a_revision_that_is_not_there(on_hub):
    assert "has no revision 'v7'" in refused(MissingError, "lab/tiny@v7")
    assert "has no revision" in refused(MissingError, f"lab/tiny@{'0' * 40}")


def test_a_repository_that_is_no_package(hub):
    hub.add("lab/tiny", {"README.md": b"hello"})
    assert "is no package of zoo" in refused(MissingError)


def test_a_hub_that_cannot_be_reached(hub, on_hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    said = refused(NetworkError)
    assert "http://127.0.0.1:9 cannot be reached" in said
    assert "ZOO_OFFLINE=1" in said


def test_a_mirror_is_named_by_the_environment(hub, on_hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
    assert pull.pull("lab/tiny").commit == on_hub


@pytest.mark.parametrize(
    "place",
    ["/api/models/lab/tiny/revision", "/api/models/lab/tiny/tree", "model.safetensors", "manifest.json"],
)
def test_trouble_that_passes_is_waited_for(hub, on_hub, files, place):
    hub.fail("GET", place, 503, 502)
    pulled = pull.pull("lab/tiny")
    assert contents(pulled.folder) == files


@pytest.mark.parametrize("place", ["/api/models/lab/tiny/revision", "model.safetensors"])
def test_a_connection_that_breaks_is_made_again(hub, on_hub, files, place):
    hub.drop("GET", place, times=2)
    assert contents(pull.pull("lab/tiny").folder) == files


@pytest.mark.parametrize("times", [2, 99])
def test_trouble_of_the_faster_protocol_is_treated_alike(on_hub, files, monkeypatch, times):
    from huggingface_hub import HfApi

    real, left = HfApi.hf_hub_download, [times]

    def broken(*given, **options):
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("Data processing error: CAS service error")
        return real(*given, **options)

    monkeypatch.setattr(HfApi, "hf_hub_download", broken)
    if times == 2:
        assert contents(pull.pull("lab/tiny").folder) == files
    else:
        assert "cannot be reached (RuntimeError), asked 4 times for lab/tiny" in refused(NetworkError)


def test_trouble_that_does_not_pass_is_told(hub, on_hub):
    hub.fail("GET", "/api/models/lab/tiny/revision", *[503] * 40)
    assert "answered 503, asked 4 times for lab/tiny" in refused(NetworkError)


def test_a_file_that_is_cut_short_on_the_way_is_fetched_again(hub, on_hub, files):
    hub.cut("model.safetensors", 100, times=2)
    assert contents(pull.pull("lab/tiny").folder) == files


def test_a_file_that_is_cut_short_every_time_is_never_taken_for_whole(hub, on_hub):
    hub.cut("model.safetensors", 100, times=100)
    refused(NetworkError)
    assert not list(Path(os.environ["HF_HOME"]).rglob("snapshots/*/model.safetensors"))


def test_a_file_of_the_same_size_and_another_content_is_quarantined_and_the_next_pull_is_well(hub, on_hub, files):
    bad = bytearray(files["model.safetensors"])
    bad[-1] ^= 1
    hub.tamper["model.safetensors"] = bytes(bad)
    said = refused(IntegrityError)
    assert "is not the file that was published" in said
    assert "was moved to" in said
    assert IntegrityError.exit_code == 5
    kept = list((Path(os.environ["ZOO_HOME"]) / "quarantine").rglob("*model.safetensors"))
    assert [path.read_bytes() for path in kept] == [bytes(bad)]
    hub.tamper.clear()
    assert contents(pull.pull("lab/tiny").folder) == files


def test_a_file_that_changes_in_the_cache_is_quarantined_and_fetched_anew(hub, on_hub, files):
    pulled = pull.pull(f"lab/tiny@{on_hub}")
    path = (pulled.folder / "model.safetensors").resolve()
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    assert "is not the file that was published" in refused(IntegrityError, f"lab/tiny@{on_hub}")
    assert contents(pull.pull(f"lab/tiny@{on_hub}").folder) == files


def test_a_manifest_that_was_changed_on_the_way(hub, on_hub, files):
    hub.tamper["manifest.json"] = files["manifest.json"].replace(b'"size": ', b'"size":  ', 1)
    assert "manifest.json was changed (it is not the one of its commit)" in refused(IntegrityError)


def test_a_manifest_that_is_not_the_one_of_the_catalogue(hub, on_hub):
    source = Source("tiny", repo="lab/tiny", revision=on_hub, sha256="0" * 64)
    with pytest.raises(IntegrityError, match="the catalogue pins another sha256"):
        pull.fetch(source)


def test_what_the_catalogue_pins_is_checked_in_the_cache_too(hub, on_hub):
    pull.pull(f"lab/tiny@{on_hub}")
    with pytest.raises(IntegrityError, match="is not the one that the catalogue pins"):
        pull.fetch(Source("tiny", repo="lab/tiny", revision=on_hub, sha256="0" * 64))


def test_a_file_that_is_missing(hub, files):
    hub.add("lab/tiny", {name: data for name, data in files.items() if name != "model.safetensors"})
    assert "model.safetensors is missing, but the manifest names it" in refused(IntegrityError)


def test_a_manifest_without_a_config_is_no_package(hub, files):
    hub.add("lab/tiny", with_manifest({name: data for name, data in files.items() if name != "config.json"}))
    assert "its manifest names no config.json" in refused(IntegrityError)


def test_a_cache_that_cannot_be_written_is_not_called_trouble_of_the_network(on_hub, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    assert "cannot be written" in refused(RunError)


def test_a_file_that_is_too_many(hub, files):
    hub.add("lab/tiny", {**files, "more.json": b"{}"})
    assert "more.json is not named by the manifest" in refused(IntegrityError)


@pytest.mark.parametrize("name", ["weights.pt", "pytorch_model.bin", "state.pkl"])
def test_pickles_are_refused_with_the_way_to_convert_them(hub, files, name):
    hub.add("lab/tiny", with_manifest({**files, name: b"x"}))
    said = refused(IntegrityError)
    assert "pickled objects" in said
    assert "safetensors.torch.save_file" in said
    assert not [line for line in hub.log if "/resolve/" in line]


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "run.py", "a\\b.json", "M.json"]
)
def test_names_that_leave_the_folder_or_hold_code_are_refused_before_anything_is_fetched(hub, files, name):
    extra = {name: b"{}", "m.json": b"{}"}
    hub.add("lab/tiny", with_manifest({**files, **extra}))
    refused(IntegrityError)
    assert not [line for line in hub.log if "/resolve/" in line]


def test_a_listing_that_lies_about_a_size(hub, on_hub, files):
    hub.lie["model.safetensors"] = 10**9
    assert "model.safetensors has 1,000,000,000 bytes, the manifest says" in refused(IntegrityError)


def test_a_manifest_that_is_too_long_is_not_fetched(hub, on_hub):
    hub.lie["manifest.json"] = 10**9
    assert "manifest.json has 1,000,000,000 bytes, zoo reads 16,777,216" in refused(IntegrityError)
    assert not [line for line in hub.log if "/resolve/" in line]


def test_a_header_of_a_hundred_megabytes_is_not_parsed(hub, files):
    bomb = (100 * 2**20).to_bytes(8, "little") + files["model.safetensors"][8:]
    hub.add("lab/tiny", with_manifest({**files, "model.safetensors": bomb}))
    assert "says that its header has 104,857,600 bytes" in refused(IntegrityError)


def test_a_package_of_a_newer_format(hub, files):
    hub.add("lab/tiny", changed(files, format=99))
    assert "is of format 99, this zoo reads formats 1 to 2; upgrade with: pip install -U" in refused(MissingError)
    assert MissingError.exit_code == 3


def test_a_plugin_that_is_not_installed_is_told_before_the_weights_are_fetched(hub, files):
    hub.add("lab/tiny", changed(files, requires={"zoo-absent": ">=2,<3", "zoo-spatial": ">=99"}))
    said = refused(MissingError)
    assert "needs zoo-absent >=2,<3 (is not installed), zoo-spatial >=99" in said
    assert "pip install -U 'zoo-absent>=2,<3'" in said
    assert not [line for line in hub.log if "safetensors" in line and "/resolve/" in line]


def test_a_component_that_no_installed_plugin_brings(hub, files):
    recipe = files["recipe.yaml"].replace(b"tiny-linear", b"tiny-other")
    hub.add("lab/tiny", with_manifest({**files, "recipe.yaml": recipe}))
    assert "no encoder 'tiny-other' is installed" in refused(MissingError)
    parts = [{"kind": "encoders", "name": "multilevel-2", "distribution": "zoo-spatial"}]
    asked = len(hub.log)
    hub.add("lab/tiny", changed(files, components=parts))
    assert "no encoder 'multilevel-2' is installed, did you mean multilevel?" in refused(MissingError)
    assert not [line for line in hub.log[asked:] if "safetensors" in line and "/resolve/" in line]


def test_a_component_of_a_plugin_that_is_switched_off(hub, files, monkeypatch):
    parts = [{"kind": "encoders", "name": "multilevel", "distribution": "zoo-spatial"}]
    hub.add("lab/tiny", changed(files, components=parts))
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-tiny")
    assert "it comes with zoo-spatial, which ZOO_PLUGINS leaves out" in refused(MissingError)


def test_a_recipe_that_reads_other_files_is_refused(hub, files):
    recipe = files["recipe.yaml"] + b"extends: /etc/passwd\n"
    hub.add("lab/tiny", with_manifest({**files, "recipe.yaml": recipe}))
    with pytest.raises(Exception, match="the recipe of a model is whole and reads no other file"):
        pull.pull("lab/tiny")


def test_weights_that_belong_to_another_model_are_found_by_the_test_vectors(hub, files):
    import torch
    from safetensors.torch import load, save

    other = {name: value + 0.1 for name, value in load(files["model.safetensors"]).items()}
    hub.add("lab/tiny", with_manifest({**files, "model.safetensors": save(other, {"format": "pt"})}))
    said = refused(IntegrityError)
    assert "does not give what was published" in said
    assert isinstance(next(iter(other.values())), torch.Tensor)


def test_a_card_that_tells_another_score_is_refused(hub, files):
    metrics = files["metrics.json"].replace(b'"mean": 0.', b'"mean": 0.9')
    hub.add("lab/tiny", with_manifest({**files, "metrics.json": metrics}))
    assert "README.md" in refused(IntegrityError)


def test_a_disk_that_is_too_full_is_told_before_the_weights_come(hub, on_hub, monkeypatch):
    monkeypatch.setattr("zoo.pull.shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    said = refused(RunError)
    assert "the disk is too full" in said
    assert "HF_HOME" in said


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
sys.argv = ["zoo", "pull", "lab/tiny"]
from zoo.cli import main
main()
"""


def test_a_disk_that_fills_during_the_download_is_one_sentence_and_the_next_pull_goes_on(hub, files, tmp_path):
    large = with_manifest({**files, "card.md": b"x" * 100_000})
    hub.add("lab/tiny", large)
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert "the disk is full; make room or set HF_HOME, then pull again" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(pull.pull("lab/tiny").folder) == large


def test_two_pulls_of_one_name_at_the_same_time_both_end_well(on_hub, files):
    both = [subprocess.Popen([*ZOO, "pull", "lab/tiny"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = [child.communicate(timeout=60)[0].strip() for child in both]
    assert [child.returncode for child in both] == [0, 0]
    assert folders[0] == folders[1]
    assert contents(Path(folders[0])) == files


def test_a_pull_that_is_killed_leaves_nothing_that_is_taken_for_whole(hub, on_hub, files):
    held = hub.pause("GET", "model.safetensors")
    child = subprocess.Popen([*ZOO, "pull", "lab/tiny"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert held.arrived.wait(30)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    held.set()
    assert contents(pull.pull("lab/tiny").folder) == files


def test_a_folder_of_ones_own_is_proven_in_place_and_never_moved(tiny_package, zoo):
    code, out, _ = zoo("pull", tiny_package)
    assert (code, out.strip()) == (0, str(tiny_package))
    with (tiny_package / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    code, _, err = zoo("pull", tiny_package)
    assert code == 5
    assert "is not the file that was published" in err
    assert (tiny_package / "model.safetensors").exists()


def test_links_in_a_folder_lead_nowhere_else(tiny_package, tmp_path, zoo):
    (tmp_path / "secret.json").write_text("{}")
    (tiny_package / "more.json").symlink_to(tmp_path / "secret.json")
    code, _, err = zoo("pull", tiny_package)
    assert code == 5
    assert "is a link that leads outside the package" in err


def test_from_python_a_name_is_all_it_takes(on_hub, tmp_path):
    import numpy as np

    import zoo as face

    np.save(tmp_path / "new.npy", np.zeros((3, 3, 2, 2), np.uint8))
    model = face.load("lab/tiny")
    prediction = model.predict(input=tmp_path / "new.npy")
    assert prediction["value"].shape == (3,)
    assert len(prediction) == 3
    prediction.write(tmp_path / "out.npy")
    assert np.array_equal(np.load(tmp_path / "out.npy"), prediction["value"])
    assert set(model.inputs) == {"input"}


def test_predict_and_eval_take_a_name_of_the_hub_too(on_hub, tmp_path, zoo):
    import numpy as np

    np.save(tmp_path / "new.npy", np.zeros((3, 3, 2, 2), np.uint8))
    code, out, err = zoo("predict", "lab/tiny", "--input", "new.npy", "--out", "out.npy")
    assert (code, out) == (0, "out.npy\n"), err
    code, out, err = zoo("eval", "lab/tiny")
    assert code == 0, err
    assert "r2     0.254" in out


def test_a_proof_is_given_once_and_again_when_a_version_changes(on_hub, monkeypatch):
    from zoo import verify

    runs = []
    real = verify._vectors
    monkeypatch.setattr(verify, "_vectors", lambda *given: runs.append(given) or real(*given))
    pull.pull("lab/tiny")
    pull.pull("lab/tiny")
    assert len(runs) == 1
    monkeypatch.setattr(verify.metadata, "version", lambda name: "1.0")
    monkeypatch.setattr("zoo.requirements.check", lambda *given: None)
    pull.pull("lab/tiny")
    assert len(runs) == 2


def test_several_models_are_pulled_in_one_go_and_told_as_json(hub, on_hub, files, zoo):
    hub.add("lab/other", files)
    code, out, _ = zoo("pull", "lab/tiny", "lab/other", "--format", "json")
    assert code == 0
    assert [entry["model"] for entry in json.loads(out)] == ["lab/tiny", "lab/other"]
