"""A push is one commit and then a tag, or nothing; every way it can fail is one sentence with its exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zoo import manifest, push
from zoo.errors import NetworkError, UsageError

ZOO = [sys.executable, "-c", "from zoo.cli import main; main()"]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def on_hub(hub, revision="main"):
    found = hub.files("lab/tiny", revision)
    return {name: data for name, data in found.items() if name != ".gitattributes"}


def requests(hub, method, part):
    return [line for line in hub.log if line.startswith(f"{method} ") and part in line]


def refused(folder, error=NetworkError, **options):
    with pytest.raises(error) as raised:
        push.push(folder, "lab/tiny", **options)
    assert "hf_test" not in str(raised.value)
    return str(raised.value)


def test_a_push_makes_a_private_repository_with_one_commit_that_holds_everything(hub, tiny_package):
    pushed = push.push(tiny_package, "lab/tiny")
    assert pushed.wrote
    assert hub.repos["lab/tiny"].private
    assert on_hub(hub) == contents(tiny_package)
    assert len(hub.commits("lab/tiny")) == 2
    assert pushed.commit == hub.head("lab/tiny")
    assert {change.what for change in pushed.changes} == {"new"}


def test_a_public_repository_is_made_only_when_it_is_asked_for(hub, tiny_package):
    push.push(tiny_package, "lab/tiny", private=False)
    assert not hub.repos["lab/tiny"].private


def test_the_tag_comes_last_and_names_the_commit(hub, tiny_package):
    pushed = push.push(tiny_package, "lab/tiny", tag="v1")
    assert hub.repos["lab/tiny"].tags == {"v1": pushed.commit}
    writes = [line.split()[1] for line in hub.log if line.startswith("POST")]
    assert "/commit/" in writes[-2]
    assert "/tag/" in writes[-1]


def test_what_did_not_change_is_not_committed_again(hub, tiny_package):
    first = push.push(tiny_package, "lab/tiny", tag="v1")
    again = push.push(tiny_package, "lab/tiny", tag="v1")
    assert not again.wrote
    assert again.commit == first.commit
    assert {change.what for change in again.changes} == {"same"}
    assert len(requests(hub, "POST", "/commit/")) == 1
    assert len(requests(hub, "POST", "/tag/")) == 1


def test_a_new_tag_on_what_did_not_change_is_only_a_tag(hub, tiny_package):
    first = push.push(tiny_package, "lab/tiny", tag="v1")
    push.push(tiny_package, "lab/tiny", tag="v2")
    assert hub.repos["lab/tiny"].tags == {"v1": first.commit, "v2": first.commit}
    assert len(requests(hub, "POST", "/commit/")) == 1


def test_what_a_package_no_longer_has_is_taken_away_in_the_same_commit(hub, tiny_package):
    (tiny_package / "card.md").write_text("More.")
    (tiny_package / manifest.NAME).write_bytes(manifest.of(tiny_package).dump())
    push.push(tiny_package, "lab/tiny")
    (tiny_package / "card.md").unlink()
    (tiny_package / manifest.NAME).write_bytes(manifest.of(tiny_package).dump())
    pushed = push.push(tiny_package, "lab/tiny")
    assert on_hub(hub) == contents(tiny_package)
    whats = {change.name: change.what for change in pushed.changes if change.what != "same"}
    assert whats == {"card.md": "gone", manifest.NAME: "changed"}
    assert len(hub.commits("lab/tiny")) == 3


def test_a_tag_that_is_there_with_another_content_is_refused_before_anything_is_written(hub, tiny_package):
    hub.add("lab/tiny", {"README.md": b"other"})
    hub.tag("lab/tiny", "v1")
    said = refused(tiny_package, UsageError, tag="v1")
    assert "is there already in lab/tiny with another content; nothing was written" in said
    assert not requests(hub, "POST", "/commit/")
    assert UsageError.exit_code == 2


def test_a_pull_request_leaves_main_alone(hub, tiny_package):
    hub.add("lab/tiny", {"README.md": b"other"})
    head = hub.head("lab/tiny")
    pushed = push.push(tiny_package, "lab/tiny", create_pr=True)
    assert hub.head("lab/tiny") == head
    assert on_hub(hub, "refs/pr/1") == contents(tiny_package)
    assert "/discussions/1" in pushed.pull_request
    assert "a pull request gets no tag" in refused(tiny_package, UsageError, create_pr=True, tag="v1")


def test_somebody_else_pushing_at_the_same_time_is_told_and_nothing_is_written(hub, tiny_package):
    hub.add("lab/tiny", {"README.md": b"other"})
    held = hub.pause("POST", "/api/models/lab/tiny/commit")
    command = [*ZOO, "push", tiny_package, "--to", "lab/tiny"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert held.arrived.wait(60)
    theirs = hub.add("lab/tiny", {"README.md": b"theirs"})
    held.set()
    _, err = child.communicate(timeout=60)
    assert child.returncode == 4
    assert "was changed by somebody else meanwhile, nothing was written; push again" in err
    assert hub.head("lab/tiny") == theirs


@pytest.mark.parametrize("place", ["/lfs/", "/api/models/lab/tiny/commit"])
def test_a_push_that_is_killed_leaves_no_half_model(hub, tiny_package, place):
    held = hub.pause("PUT" if place == "/lfs/" else "POST", place)
    command = [*ZOO, "push", tiny_package, "--to", "lab/tiny", "--tag", "v1"]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert held.arrived.wait(60)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    assert on_hub(hub) == {}
    assert hub.repos["lab/tiny"].tags == {}
    held.set()
    push.push(tiny_package, "lab/tiny", tag="v1")
    assert on_hub(hub) == contents(tiny_package)


def test_a_commit_whose_answer_is_lost_is_recognised_as_made(hub, tiny_package):
    hub.drop("POST", "/api/models/lab/tiny/commit", after=True)
    pushed = push.push(tiny_package, "lab/tiny", tag="v1")
    assert pushed.commit == hub.head("lab/tiny")
    assert hub.repos["lab/tiny"].tags == {"v1": pushed.commit}
    assert len(hub.commits("lab/tiny")) == 2


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("POST", "/api/repos/create"),
        ("GET", "/api/models/lab/tiny/refs"),
        ("POST", "/lab/tiny.git/info/lfs/objects/batch"),
        ("PUT", "/lfs/"),
        ("POST", "/api/models/lab/tiny/commit"),
        ("POST", "/api/models/lab/tiny/tag"),
    ],
)
def test_trouble_that_passes_is_waited_for(hub, tiny_package, method, place):
    hub.fail(method, place, 503)
    pushed = push.push(tiny_package, "lab/tiny", tag="v1")
    assert on_hub(hub) == contents(tiny_package)
    assert hub.repos["lab/tiny"].tags == {"v1": pushed.commit}


def test_trouble_that_does_not_pass_is_told(hub, tiny_package):
    hub.fail("POST", "/api/models/lab/tiny/commit", *[503] * 40)
    assert "answered 503, asked 4 times for lab/tiny" in refused(tiny_package)
    assert on_hub(hub) == {}


def test_without_a_token_nothing_is_sent(hub, tiny_package, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    said = refused(tiny_package)
    assert "needs a token; log in with 'hf auth login'" in said
    assert not hub.log


def test_a_token_that_is_refused(hub, tiny_package, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    said = refused(tiny_package)
    assert "refuses your token" in said
    assert "hf_wrong" not in said


def test_without_the_network_nothing_is_tried(hub, tiny_package, monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert "the network is switched off" in refused(tiny_package)
    assert not hub.log


def test_on_the_command_line_a_run_becomes_a_tagged_private_repository(hub, tiny_run, zoo):
    code, out, err = zoo("push", tiny_run, "--to", "lab/tiny", "--private", "--tag", "v1")
    assert code == 0, err
    assert f"pushed: {hub.url}/lab/tiny" in out
    assert "next: zoo pull lab/tiny@v1" in out
    assert "new" in err
    assert on_hub(hub) == contents(tiny_run / "package")
    code, out, _ = zoo("pull", "lab/tiny@v1")
    assert code == 0
    assert contents(Path(out.strip())) == contents(tiny_run / "package")
    code, out, _ = zoo("push", tiny_run, "--to", "lab/tiny", "--tag", "v1")
    assert (code, out.splitlines()[0]) == (0, f"nothing changed, no commit was made: {hub.url}/lab/tiny")


def test_a_dry_run_makes_the_package_and_sends_nothing(hub, tiny_run, zoo):
    code, out, err = zoo("push", tiny_run, "--to", "lab/tiny", "--dry-run")
    assert code == 0, err
    assert not hub.log
    assert out.strip() == str(tiny_run / "package")
    assert "model.safetensors" in err
    assert "lab/tiny" in (tiny_run / "package" / "README.md").read_text()


def test_a_package_that_was_pulled_can_be_pushed_elsewhere(hub, tiny_package, zoo):
    code, _, err = zoo("push", tiny_package, "--to", "lab/copy")
    assert code == 0, err
    assert {n: d for n, d in hub.files("lab/copy").items() if n != ".gitattributes"} == contents(tiny_package)


def test_where_to_has_to_be_said(tiny_run, tiny_package, zoo):
    code, _, err = zoo("push", tiny_run)
    assert code == 2
    assert "say where to, with --to org/name or --to ./folder, or --dry-run" in err
    code, _, err = zoo("push", tiny_package, "--to", "./elsewhere")
    assert code == 2
    assert "is a package already; say with --to org/name" in err
