"""The stand-in for the Hub, asked by the library that asks the real one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from hub_server import HubServer, talking_to, without_waiting

WEIGHTS = bytes(range(256)) * 400
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "notes/a.md": b"# A"}
DOWNLOAD = """
import sys
from huggingface_hub import hf_hub_download, upload_file
if sys.argv[1] == "up":
    upload_file(path_or_fileobj=sys.argv[2], path_in_repo="model.safetensors", repo_id="lab/model")
else:
    print(hf_hub_download("lab/model", "model.safetensors"))
"""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with HubServer() as server:
        talking_to(server, monkeypatch, tmp_path)
        without_waiting(monkeypatch)
        yield server


@pytest.fixture
def api(hub):
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub.url, token=hub.token)


def added(files):
    from huggingface_hub import CommitOperationAdd

    return [CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in files.items()]


def push(api, files, **options):
    return api.create_commit("lab/model", added(files), commit_message="Add files", **options).oid


def pull(hub, name, tmp_path, **options):
    from huggingface_hub import hf_hub_download

    path = hf_hub_download("lab/model", name, cache_dir=tmp_path / "cache", endpoint=hub.url, **options)
    return Path(path).read_bytes()


def asked(hub, method, part):
    return [line for line in hub.log if line.startswith(f"{method} ") and part in line]


def raw(hub, path, method="GET", data=None, **headers):
    request = urllib.request.Request(hub.url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def status(error):
    return error.value.response.status_code


def test_a_model_is_created_pushed_tagged_listed_and_pulled_with_the_library_as_it_is(hub, api, tmp_path):
    url = api.create_repo("lab/model", private=True)
    assert (url.repo_id, url.endpoint, hub.repos["lab/model"].private) == ("lab/model", hub.url, True)
    first = hub.head("lab/model")
    sha = push(api, FILES | {"README.md": b"# A card\n"}, parent_commit=first)
    api.create_tag("lab/model", tag="v1", revision=sha)
    assert hub.commits("lab/model") == [sha, first]
    assert hub.repos["lab/model"].tags == {"v1": sha}
    assert hub.files("lab/model", "v1").keys() == {".gitattributes", "README.md", *FILES}
    refs = api.list_repo_refs("lab/model")
    assert [(ref.name, ref.ref, ref.target_commit) for ref in refs.tags] == [("v1", "refs/tags/v1", sha)]
    assert [(ref.name, ref.target_commit) for ref in refs.branches] == [("main", sha)]
    assert api.model_info("lab/model", revision="v1").sha == sha
    assert {name: pull(hub, name, tmp_path, revision="v1") for name in FILES} == FILES
    assert [line.split("?")[0].replace(sha, "SHA").replace(first, "FIRST") for line in hub.log[:7]] == [
        "POST /api/repos/create",
        "POST /api/validate-yaml",
        "POST /api/models/lab/model/preupload/main",
        "POST /lab/model.git/info/lfs/objects/batch",
        f"PUT /lfs/{hashlib.sha256(WEIGHTS).hexdigest()}",
        "POST /lfs/verify",
        "POST /api/models/lab/model/commit/main",
    ]


def test_a_listing_states_sizes_git_ids_and_the_sha256_of_lfs_files(hub, api):
    sha = hub.add("lab/model", FILES)
    entries = {entry.path: entry for entry in api.list_repo_tree("lab/model", recursive=True, revision=sha)}
    assert entries.keys() == {".gitattributes", "notes", *FILES}
    config, weights = entries["config.json"], entries["model.safetensors"]
    assert (config.size, config.blob_id, config.lfs) == (2, hashlib.sha1(b"blob 2\0{}").hexdigest(), None)
    assert (weights.size, weights.lfs.sha256) == (len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    top = {entry.path for entry in api.list_repo_tree("lab/model")}
    assert top == {".gitattributes", "config.json", "model.safetensors", "notes"}
    assert [entry.path for entry in api.list_repo_tree("lab/model", "notes")] == ["notes/a.md"]
    found = api.get_paths_info("lab/model", ["config.json", "notes", "absent"])
    assert [entry.path for entry in found] == ["config.json", "notes"]


def test_a_listing_can_say_which_commit_changed_a_file_last(hub, api):
    first = hub.add("lab/model", FILES)
    second = hub.add("lab/model", FILES | {"config.json": b"[]"})
    entries = api.list_repo_tree("lab/model", recursive=True, expand=True)
    last = {entry.path: entry.last_commit.oid for entry in entries if entry.last_commit}
    assert last == {".gitattributes": first, "config.json": second, "model.safetensors": first, "notes/a.md": first}
    assert [commit.commit_id for commit in api.list_repo_commits("lab/model")] == [second, first]


def test_added_again_a_repository_holds_the_new_files_only_and_its_old_commits_still_answer(hub, tmp_path):
    first = hub.add("lab/model", FILES)
    hub.tag("lab/model", "v1")
    second = hub.add("lab/model", {"other.json": b"1"})
    assert hub.commits("lab/model") == [second, first]
    assert hub.files("lab/model").keys() == {".gitattributes", "other.json"}
    assert pull(hub, "config.json", tmp_path, revision="v1") == b"{}"
    assert pull(hub, "config.json", tmp_path, revision=first) == b"{}"


def test_file_names_are_taken_as_they_are(hub, api, tmp_path):
    hub.add("lab/model", {"../evil": b"1", "A.json": b"2", "a.json": b"3", "ü ?#%.json": b"4"})
    names = {entry.path for entry in api.list_repo_tree("lab/model", recursive=True)}
    assert names >= {"../evil", "A.json", "a.json", "ü ?#%.json"}
    assert pull(hub, "A.json", tmp_path) == b"2"
    assert pull(hub, "ü ?#%.json", tmp_path) == b"4"


def test_a_push_of_what_is_there_already_makes_no_commit_and_uploads_nothing(hub, api):
    sha = hub.add("lab/model", FILES)
    assert push(api, FILES) == sha
    assert not asked(hub, "PUT", "")
    assert hub.commits("lab/model") == [sha]


def test_a_commit_on_a_stale_parent_is_refused_and_changes_nothing(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    stale = hub.add("lab/model", FILES)
    head = hub.add("lab/model", FILES | {"new.json": b"1"})
    with pytest.raises(HfHubHTTPError) as error:
        push(api, {"config.json": b"[]"}, parent_commit=stale)
    assert status(error) == 412
    assert hub.head("lab/model") == head


def test_of_two_commits_on_one_parent_at_the_same_time_one_wins(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    parent = hub.add("lab/model", FILES)
    results = []

    def attempt(text):
        try:
            results.append(push(api, {"config.json": text}, parent_commit=parent))
        except HfHubHTTPError as error:
            results.append(error.response.status_code)

    threads = [threading.Thread(target=attempt, args=(b"%d" % n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(412) == 3
    assert hub.commits("lab/model") == [hub.head("lab/model"), parent]
    assert hub.head("lab/model") in results


def test_a_pull_request_leaves_main_alone(hub, api):
    head = hub.add("lab/model", FILES)
    info = api.create_commit("lab/model", added({"config.json": b"[]"}), commit_message="Propose", create_pr=True)
    assert (info.pr_revision, hub.head("lab/model")) == ("refs/pr/1", head)
    assert hub.files("lab/model", "refs/pr/1")["config.json"] == b"[]"
    (pull_request,) = api.list_repo_refs("lab/model", include_pull_requests=True).pull_requests
    assert (pull_request.ref, pull_request.target_commit) == ("refs/pr/1", info.oid)


def test_a_commit_can_delete_files_and_folders(hub, api):
    from huggingface_hub import CommitOperationDelete

    hub.add("lab/model", FILES)
    gone = [CommitOperationDelete("config.json"), CommitOperationDelete("notes/")]
    api.create_commit("lab/model", gone, commit_message="Delete")
    assert hub.files("lab/model").keys() == {".gitattributes", "model.safetensors"}


def test_a_repository_and_a_tag_are_made_once(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    sha = hub.add("lab/model", FILES)
    hub.tag("lab/model", "v1")
    for attempt in (lambda: api.create_repo("lab/model"), lambda: api.create_tag("lab/model", tag="v1")):
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status(error) == 409
    assert api.create_repo("lab/model", exist_ok=True).repo_id == "lab/model"
    hub.add("lab/model", {})
    api.create_tag("lab/model", tag="v1", exist_ok=True)
    assert hub.repos["lab/model"].tags == {"v1": sha}
    api.delete_tag("lab/model", tag="v1")
    assert hub.repos["lab/model"].tags == {}


def test_what_is_not_there_is_missed_by_the_exception_of_its_kind(hub, api, tmp_path):
    from huggingface_hub import errors

    hub.add("lab/model", FILES)
    with pytest.raises(errors.RevisionNotFoundError):
        pull(hub, "config.json", tmp_path, revision="v9")
    with pytest.raises(errors.RevisionNotFoundError):
        api.create_tag("lab/model", tag="v1", revision="v9")
    with pytest.raises(errors.EntryNotFoundError):
        pull(hub, "absent.json", tmp_path)
    with pytest.raises(errors.EntryNotFoundError):
        list(api.list_repo_tree("lab/model", "absent"))
    with pytest.raises(errors.RepositoryNotFoundError) as error:
        api.model_info("lab/absent")
    assert status(error) == 404


def test_a_private_repository_is_seen_by_its_owner_and_by_those_allowed_only(hub, api):
    from huggingface_hub.errors import RepositoryNotFoundError

    hub.add("lab/model", FILES, private=True)
    assert api.model_info("lab/model").private
    for token, code in ((False, 401), ("hf_other", 404)):
        with pytest.raises(RepositoryNotFoundError) as error:
            api.model_info("lab/model", token=token)
        assert status(error) == code
    hub.repos["lab/model"].allowed.add("hf_friend")
    assert api.model_info("lab/model", token="hf_friend").id == "lab/model"


def test_a_gated_repository_is_listed_for_all_and_downloaded_by_those_allowed(hub, api, tmp_path):
    from huggingface_hub.errors import GatedRepoError

    hub.add("lab/model", FILES, gated=True)
    assert api.model_info("lab/model", token=False).gated == "manual"
    for token, code in ((False, 401), (hub.token, 403), ("hf_other", 403)):
        with pytest.raises(GatedRepoError) as error:
            pull(hub, "config.json", tmp_path, token=token)
        assert status(error) == code
    hub.repos["lab/model"].allowed.add(hub.token)
    assert pull(hub, "config.json", tmp_path) == b"{}"


def test_a_token_that_nobody_has_is_refused_even_where_none_is_needed(hub, api):
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    hub.add("lab/model", FILES)
    assert api.model_info("lab/model", token=False).id == "lab/model"
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header") as error:
        api.model_info("lab/model", token="hf_wrong")
    assert status(error) == 401
    assert not isinstance(error.value, RepositoryNotFoundError)
    with pytest.raises(HfHubHTTPError):
        api.whoami(token="hf_wrong")
    assert (api.whoami()["name"], api.whoami(token="hf_other")["name"]) == ("tester", "other")


@pytest.mark.parametrize(("token", "code"), [(False, 401), ("hf_other", 403)])
def test_only_the_owner_writes(hub, api, token, code):
    from huggingface_hub.errors import HfHubHTTPError

    sha = hub.add("lab/model", FILES)
    for attempt in (
        lambda: api.create_repo("lab/other", token=token),
        lambda: api.create_tag("lab/model", tag="v1", token=token),
        lambda: push(api, {"config.json": b"[]"}, token=token),
    ):
        with pytest.raises(HfHubHTTPError) as error:
            attempt()
        assert status(error) == code
    assert (hub.commits("lab/model"), hub.repos.keys()) == ([sha], {"lab/model"})


@pytest.mark.parametrize(("chunk", "ranges"), [(1000, [1000, 3000]), (None, [])])
def test_a_download_that_is_cut_goes_on_after_the_last_chunk_that_was_whole(hub, tmp_path, monkeypatch, chunk, ranges):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", chunk or constants.DOWNLOAD_CHUNK_SIZE)
    hub.add("lab/model", FILES)
    hub.cut("model.safetensors", 1500)
    hub.cut("model.safetensors", 2500)
    assert pull(hub, "model.safetensors", tmp_path) == WEIGHTS
    assert len(asked(hub, "GET", "model.safetensors")) == 3
    assert hub.ranges == [("model.safetensors", first) for first in ranges]


def test_the_end_of_a_file_can_be_asked_for(hub):
    hub.add("lab/model", FILES)
    code, headers, body = raw(hub, "/lab/model/resolve/main/model.safetensors", Range="bytes=2000-")
    assert (code, body) == (206, WEIGHTS[2000:])
    assert headers["Content-Range"] == f"bytes 2000-{len(WEIGHTS) - 1}/{len(WEIGHTS)}"


def test_the_head_of_a_file_says_all_that_its_download_needs(hub):
    sha = hub.add("lab/model", FILES)
    weights = hashlib.sha256(WEIGHTS).hexdigest()
    code, headers, body = raw(hub, "/lab/model/resolve/main/model.safetensors", "HEAD")
    assert (code, body, headers["X-Repo-Commit"]) == (200, b"", sha)
    assert (headers["X-Linked-Etag"], headers["X-Linked-Size"]) == (f'"{weights}"', str(len(WEIGHTS)))
    _, headers, _ = raw(hub, "/lab/model/resolve/main/config.json", "HEAD")
    assert headers["ETag"] == f'"{hashlib.sha1(b"blob 2" + bytes(1) + b"{}").hexdigest()}"'
    assert "X-Linked-Etag" not in headers


def test_a_planned_status_is_answered_once_each_and_then_the_truth(hub, api):
    from huggingface_hub.errors import HfHubHTTPError

    hub.add("lab/model", FILES)
    hub.fail("GET", "/api/models/lab/model", 500, 418)
    for code in (500, 418):
        with pytest.raises(HfHubHTTPError) as error:
            api.model_info("lab/model")
        assert status(error) == code
    assert api.model_info("lab/model").id == "lab/model"


def test_a_planned_status_can_be_for_a_file_and_the_library_does_not_repeat_its_download(hub, tmp_path):
    from huggingface_hub.errors import HfHubHTTPError

    hub.add("lab/model", FILES)
    hub.fail("GET", "model.safetensors", 503)
    assert pull(hub, "config.json", tmp_path) == b"{}"
    with pytest.raises(HfHubHTTPError) as error:
        pull(hub, "model.safetensors", tmp_path)
    assert status(error) == 503
    hub.fail("HEAD", "model.safetensors", 503, 503)
    assert pull(hub, "model.safetensors", tmp_path) == WEIGHTS


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_commit_is_lost_or_only_its_answer_is(hub, api, after):
    sha = hub.add("lab/model", FILES)
    hub.drop("POST", "/api/models/lab/model/commit", after=after)
    with pytest.raises(Exception, match="disconnected without sending a response"):
        push(api, {"config.json": b"[]"}, parent_commit=sha)
    assert len(hub.commits("lab/model")) == (2 if after else 1)
    assert (hub.files("lab/model")["config.json"] == b"[]") is after


def test_an_upload_that_is_dropped_or_refused_for_now_is_repeated_by_the_library(hub, api):
    hub.add("lab/model", {})
    hub.drop("PUT", "/lfs/")
    hub.fail("PUT", "/lfs/", 503)
    push(api, {"model.safetensors": WEIGHTS})
    assert len(asked(hub, "PUT", "/lfs/")) == 3
    assert hub.files("lab/model")["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_the_library_takes_bytes_that_were_tampered_with_and_a_size_that_is_a_lie(hub, api, tmp_path, name):
    hub.add("lab/model", FILES)
    (before,) = api.get_paths_info("lab/model", [name])
    hub.tamper[name] = b"something else"
    hub.lie[name] = 1
    (after,) = api.get_paths_info("lab/model", [name])
    assert (after.size, after.blob_id) == (1, before.blob_id)
    assert pull(hub, name, tmp_path) == b"something else"
    assert hub.files("lab/model")[name] == FILES[name]


def test_an_upload_with_another_sha256_and_a_commit_without_its_upload_are_refused(hub):
    hub.add("lab/model", {})
    oid = hashlib.sha256(WEIGHTS).hexdigest()
    assert raw(hub, f"/lfs/{oid}", "PUT", WEIGHTS[1:])[0] == 400
    verified = b'{"oid": "%s", "size": 5}' % oid.encode()
    assert raw(hub, "/lfs/verify", "POST", verified, Authorization="Bearer hf_test")[0] == 404
    lines = b'{"key": "header", "value": {"summary": "x"}}\n'
    lines += b'{"key": "lfsFile", "value": {"path": "x", "oid": "%s"}}\n' % oid.encode()
    code, _, body = raw(hub, "/api/models/lab/model/commit/main", "POST", lines, Authorization="Bearer hf_test")
    assert (code, b"was not uploaded" in body) == (400, True)
    assert len(hub.commits("lab/model")) == 1


def test_what_the_stand_in_does_not_do_it_says(hub):
    code, _, body = raw(hub, "/api/datasets/lab/data")
    assert code == 404
    assert b"no route for GET /api/datasets/lab/data" in body


def test_a_paused_request_waits_until_it_is_released(hub, api):
    sha = hub.add("lab/model", FILES)
    pause = hub.pause("POST", "/api/models/lab/model/commit")
    thread = threading.Thread(target=push, args=(api, {"config.json": b"[]"}))
    thread.start()
    assert pause.arrived.wait(5)
    assert hub.head("lab/model") == sha
    pause.set()
    thread.join()
    assert hub.files("lab/model")["config.json"] == b"[]"


@pytest.mark.parametrize(("way", "method", "place"), [("up", "PUT", "/lfs/"), ("down", "GET", "model.safetensors")])
def test_a_client_in_another_process_can_be_killed_in_the_middle(hub, tmp_path, way, method, place):
    sha = hub.add("lab/model", FILES)
    (tmp_path / "new").write_bytes(WEIGHTS[::-1])
    hub.cut("model.safetensors", 1000)
    pause = hub.pause(method, place, skip=0 if way == "up" else 1)
    client = subprocess.Popen([sys.executable, "-c", DOWNLOAD, way, tmp_path / "new"], stderr=subprocess.DEVNULL)
    assert pause.arrived.wait(20)
    client.kill()
    client.wait()
    pause.set()
    assert hub.commits("lab/model") == [sha]
    assert not list(tmp_path.rglob("model.safetensors"))
    assert len(list(tmp_path.rglob("*.incomplete"))) == (way == "down")


def unanswered(server):
    with suppress(OSError):
        raw(server, "/api/whoami-v2")


def test_the_end_of_the_server_releases_whoever_waits():
    with HubServer() as server:
        pause = server.pause("GET", "/")
        thread = threading.Thread(target=unanswered, args=(server,))
        thread.start()
        assert pause.arrived.wait(5)
        start = time.monotonic()
    thread.join()
    assert time.monotonic() - start < 1


def test_the_library_is_afterwards_as_it_was(tmp_path):
    from huggingface_hub import constants, hf_api

    before = {name: value for name, value in vars(constants).items() if name.isupper()}
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        talking_to(server, patch, tmp_path)
        assert server.url == constants.ENDPOINT
        assert Path(constants.HF_HUB_CACHE) == tmp_path / "hf" / "hub"
        assert not constants.HF_HUB_OFFLINE
        assert constants.HF_HUB_DISABLE_XET
        assert hf_api.api.whoami()["name"] == "tester"
    assert {name: value for name, value in vars(constants).items() if name.isupper()} == before
    assert constants.HF_HUB_OFFLINE
    assert hf_api.api.endpoint == constants.ENDPOINT
