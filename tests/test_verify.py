"""``zoo verify`` proves a package again, step by step, and says at which step it fails."""

from __future__ import annotations

import json

import pytest
import torch

from zoo import manifest, verify


def verdicts(folder):
    return [(check.what, check.verdict) for check in verify.examine(folder)]


def sealed(folder):
    """Make the manifest fit what was changed."""
    (folder / manifest.NAME).write_bytes(manifest.of(folder).dump())


def test_a_whole_package_passes_every_step(tiny_package, zoo):
    code, out, err = zoo("verify", tiny_package)
    assert code == 0, err
    lines = out.splitlines()
    for step in ("files", "config", "requires", "card", "test vectors, CPU"):
        assert any(line.startswith(f"PASS  {step}") for line in lines), out
    assert "each with the sha256 of the manifest" in out
    assert "items reproduced, largest deviation" in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device_its_step_is_skipped_and_says_so(tiny_package):
    assert verdicts(tiny_package)[-1] == ("test vectors, CUDA", "SKIP")


def test_after_a_file_that_differs_nothing_is_opened(tiny_package, zoo):
    with (tiny_package / "config.json").open("a") as file:
        file.write(" ")
    code, out, err = zoo("verify", tiny_package, "--format", "json")
    assert code == 5
    assert [check["verdict"] for check in json.loads(out)["checks"]] == ["FAIL"]
    assert "config.json: has" in err


def test_a_card_that_lies_fails_its_step(tiny_package):
    path = tiny_package / "README.md"
    path.write_text(path.read_text().replace("0.254", "0.954"))
    sealed(tiny_package)
    assert verdicts(tiny_package)[-1] == ("card", "FAIL")


@pytest.mark.parametrize("name", ["README.md", "metrics.json"])
def test_a_package_without_a_card_or_scores_fails_its_step(tiny_package, name):
    (tiny_package / name).unlink()
    sealed(tiny_package)
    *_, last = verify.examine(tiny_package)
    assert (last.what, last.verdict, last.exit_code) == ("card", "FAIL", 5)
    assert f"has no {name}" in last.detail


def test_a_package_without_test_vectors_proves_nothing(tiny_package):
    (tiny_package / "test_vectors.safetensors").unlink()
    sealed(tiny_package)
    *_, last = verify.examine(tiny_package)
    assert (last.what, last.verdict) == ("test vectors, CPU", "FAIL")
    assert "has no test vectors, so nothing shows that it is what was trained" in last.detail


def test_other_code_that_gives_other_outputs_is_found(tiny_package, monkeypatch):
    import zoo_tiny

    monkeypatch.setattr(zoo_tiny.TinyScalar, "forward", lambda self, features, batch: {"value": features.sum(1)})
    *_, last = verify.examine(tiny_package)
    assert (last.what, last.verdict) == ("test vectors, CPU", "FAIL")
    assert "stored are" in last.detail


def test_a_plugin_that_is_missing_fails_its_step_with_exit_code_3(tiny_package, zoo):
    path = tiny_package / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "requires": {"zoo-absent": ">=1"}}))
    sealed(tiny_package)
    code, out, err = zoo("verify", tiny_package)
    assert code == 3
    assert "FAIL  requires" in out
    assert "zoo-absent" in err


def test_a_name_is_verified_where_it_lies(hub, tiny_package, zoo):
    hub.add("lab/tiny", {path.name: path.read_bytes() for path in tiny_package.iterdir()})
    code, out, err = zoo("verify", "lab/tiny")
    assert code == 0, err
    assert "PASS  test vectors, CPU" in out
