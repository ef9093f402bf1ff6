"""What is on the stand-in Hub, and what it answers: repositories, commits and blobs in memory, without any HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from urllib.parse import parse_qs, unquote

LARGE = 10 * 2**20  # from this size on a file goes to LFS whatever its name
SHORT = 7  # the shortest abbreviation of a commit that is understood
RIGHTLESS = "hf_other"  # a valid token of somebody who has no rights anywhere
NOBODY = "Invalid username or password."


class HubError(Exception):
    """What the Hub refuses: a status, a message and the code by which the client picks its exception."""

    def __init__(self, status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {}) | (headers or {})


@dataclass(frozen=True)
class Blob:
    """The content of a file; of an LFS file, git itself holds a pointer only."""

    data: bytes
    lfs: bool = False

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}", f"size {len(self.data)}")
        return "".join(f"{line}\n" for line in lines).encode()

    @cached_property
    def oid(self) -> str:
        """The id of the git blob: of the content, or of the pointer that stands for it."""
        stored = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.oid


@dataclass(frozen=True)
class Commit:
    """A tree with a place in the history."""

    sha: str
    tree: dict[str, Blob]
    title: str
    date: str
    parent: str | None


@dataclass
class Repo:
    """One model repository.

    ``allowed`` are the tokens that may download from it when it is gated, the owner's no exception, and that may see
    it when it is private, besides the owner's.
    """

    id: str
    private: bool = False
    gated: bool | str = False
    lfs: tuple[str, ...] = (".safetensors",)
    allowed: set[str] = field(default_factory=set)
    history: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def is_lfs(self, name: str, size: int) -> bool:
        """Say whether a file goes to LFS; an empty one never does."""
        return size > 0 and (name.endswith(self.lfs) or size >= LARGE)

    def write(self, tree: dict[str, Blob], title: str, parent: str | None) -> str:
        """Add a commit to the history and return its sha; no branch moves."""
        names = sorted((name, blob.oid) for name, blob in tree.items())
        sha = hashlib.sha1(json.dumps([self.id, title, parent, len(self.history), names]).encode()).hexdigest()
        date = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=len(self.history))
        self.history[sha] = Commit(sha, tree, title, f"{date:%Y-%m-%dT%H:%M:%S}.000Z", parent)
        return sha

    def replace(self, files: dict[str, bytes], title: str) -> Commit:
        """Commit to main a tree of exactly these files, with the .gitattributes that every repository has."""
        rules = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in self.lfs)
        files = {".gitattributes": rules.encode()} | files
        blobs = {name: Blob(data, self.is_lfs(name, len(data))) for name, data in files.items()}
        self.branches["main"] = self.write(blobs, title, self.branches.get("main"))
        return self.resolve("main")

    def resolve(self, revision: str) -> Commit:
        """Return the commit of a branch, a tag, a ``refs/pr/N`` or a sha, which may be shortened."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        sha = self.branches.get(name) or self.tags.get(name) or self.pulls.get(name)
        if sha is None and len(revision) >= SHORT:
            sha = next((known for known in self.history if known.startswith(revision)), None)
        if sha is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.history[sha]

    def chain(self, commit: Commit) -> list[Commit]:
        """Return a commit and what came before it, newest first."""
        commits = [commit]
        while commits[-1].parent:
            commits.append(self.history[commits[-1].parent])
        return commits

    def last_change(self, commit: Commit, name: str) -> Commit:
        """Return the commit that gave a file its present content."""
        chain = self.chain(commit)
        changes = (new for new, old in pairwise(chain) if old.tree.get(name) != commit.tree[name])
        return next(changes, chain[-1])

    def push(self, revision: str, lines: list[dict], objects: dict[str, bytes], *, create_pr: bool) -> tuple[str, str]:
        """Carry out a commit as the client sends it; return its sha and the ref that moved."""
        header, *operations = lines
        expected = header["value"].get("parentCommit")
        base = self.resolve(revision)
        if create_pr:
            base = self.resolve(expected) if expected else base
        elif expected and not base.sha.startswith(expected):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        refs = self.pulls if create_pr or revision in self.pulls else self.branches
        if refs is self.branches and revision not in refs:
            raise HubError(404, f"Not a branch: {revision}", "RevisionNotFound")
        moved = f"refs/pr/{len(self.pulls) + 1}" if create_pr else revision
        refs[moved] = self.write(changed(base.tree, operations, objects), header["value"]["summary"], base.sha)
        return refs[moved], moved


def changed(tree: dict[str, Blob], operations: list[dict], objects: dict[str, bytes]) -> dict[str, Blob]:
    """Return a tree after the operations of a commit; the tree itself stays as it is."""
    tree = dict(tree)
    for operation in operations:
        value = operation["value"]
        name = value["path"]
        match operation["key"]:
            case "file":
                tree[name] = Blob(base64.b64decode(value["content"]))
            case "lfsFile" if value["oid"] in objects:
                tree[name] = Blob(objects[value["oid"]], lfs=True)
            case "deletedFile" if name in tree:
                del tree[name]
            case "deletedFile":
                raise HubError(404, f"A file with this name doesn't exist: {name}", "EntryNotFound")
            case "deletedFolder":
                tree = {path: blob for path, blob in tree.items() if not path.startswith(name.rstrip("/") + "/")}
            case other:
                raise HubError(400, f"{other} of {name}: its content was not uploaded, or the operation is unknown")
    return tree


def folders(tree: dict[str, Blob]) -> list[str]:
    """Return the folders of a tree, outer ones first."""
    parts = [name.split("/")[:-1] for name in tree]
    return sorted({"/".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)} - {""})


def within(name: str, folder: str, *, recursive: bool) -> bool:
    """Say whether an entry belongs to the listing of a folder; the root is the empty name."""
    return name.rpartition("/")[0] == folder or (recursive and (not folder or name.startswith(folder + "/")))


@dataclass
class Hub:
    """All repositories, and what was uploaded to LFS, by sha256."""

    token: str = "hf_test"
    user: str = "tester"
    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    lie: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, repo_id: str, files: dict[str, bytes], *, private=False, gated=False, lfs=(".safetensors",)) -> str:
        """Commit exactly these files to main and return the sha; the options count for a new repository only."""
        with self.lock:
            title = "Replace all files" if repo_id in self.repos else "initial commit"
            repo = self.repos.setdefault(repo_id, Repo(repo_id, private, gated, tuple(lfs)))
            commit = repo.replace(files, title)
            self.objects |= {blob.sha256: blob.data for blob in commit.tree.values() if blob.lfs}
            return commit.sha

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Return the files of a revision, the .gitattributes among them."""
        return {name: blob.data for name, blob in self.repos[repo_id].resolve(revision).tree.items()}

    def head(self, repo_id: str) -> str:
        return self.repos[repo_id].branches["main"]

    def commits(self, repo_id: str) -> list[str]:
        """Return the commits of main, newest first."""
        repo = self.repos[repo_id]
        return [commit.sha for commit in repo.chain(repo.resolve("main"))]

    def tag(self, repo_id: str, name: str, sha: str | None = None):
        """Set a tag, or move it."""
        self.repos[repo_id].tags[name] = sha or self.head(repo_id)


@dataclass(frozen=True)
class Content:
    """The answer that is a file."""

    name: str
    commit: Commit
    blob: Blob


ROUTES = {
    "GET /api/whoami-v2": "whoami",
    "POST /api/validate-yaml": "validate_yaml",
    "POST /api/repos/create": "create_repo",
    "GET /api/models/{repo}": "info",
    "GET /api/models/{repo}/revision/{rev}": "info",
    "GET /api/models/{repo}/refs": "refs",
    "GET /api/models/{repo}/commits/{rev}": "commits",
    "GET /api/models/{repo}/tree/{rev}": "tree",
    "GET /api/models/{repo}/tree/{rev}/{path}": "tree",
    "POST /api/models/{repo}/paths-info/{rev}": "paths_info",
    "POST /api/models/{repo}/preupload/{rev}": "preupload",
    "POST /api/models/{repo}/commit/{rev}": "commit",
    "POST /api/models/{repo}/tag/{rev}": "create_tag",
    "DELETE /api/models/{repo}/tag/{rev}": "delete_tag",
    r"POST /{repo}\.git/info/lfs/objects/batch": "lfs_batch",
    "PUT /lfs/{oid}": "lfs_put",
    "POST /lfs/verify": "lfs_verify",
    "GET /{repo}/resolve/{rev}/{path}": "resolve",
}
FIELDS = {"repo": "[^/]+/[^/]+", "rev": "[^/]+", "path": ".+", "oid": "[0-9a-f]{64}"}


def compiled(route: str) -> re.Pattern[str]:
    """Turn the fields of a route into groups of the same names."""
    return re.compile(re.sub(r"\{(\w+)\}", lambda match: f"(?P<{match[1]}>{FIELDS[match[1]]})", route))


PATTERNS = [(compiled(route), name) for route, name in ROUTES.items()]


def route(method: str, path: str) -> tuple[str | None, dict[str, str]]:
    """Find the method of ``Api`` for a request, and the fields of its route."""
    for pattern, name in PATTERNS:
        if match := pattern.fullmatch(f"{method} {path}"):
            return name, {key: unquote(value) for key, value in match.groupdict().items()}
    return None, {}


@dataclass
class Api:
    """One request to the Hub, without its HTTP: a method for each route, which returns JSON or a file."""

    hub: Hub
    token: str | None
    query: dict[str, str]
    body: bytes

    def whoami(self):
        if self.token is None:
            raise HubError(401, NOBODY)
        name = self.hub.user if self.token == self.hub.token else "other"
        access = {"displayName": "test", "role": "write"}
        return {"type": "user", "name": name, "orgs": [], "auth": {"accessToken": access}}

    def validate_yaml(self):
        return {"errors": [], "warnings": []}

    def create_repo(self):
        self.check_write()
        asked = json.loads(self.body)
        repo_id = f"{asked.get('organization') or self.hub.user}/{asked['name']}"
        url = f"{self.hub.url}/{repo_id}"
        if repo_id in self.hub.repos:  # the client, told that this is well, reads the address from the refusal
            return 409, {"error": "You already created this model repo", "url": url}
        self.hub.add(repo_id, {}, private=asked.get("visibility") == "private")
        return {"url": url, "name": repo_id, "id": repo_id}

    def info(self, repo: str, rev: str = "main"):
        found, commit = self.at(repo, rev)
        gated = "manual" if found.gated is True else found.gated
        about = {"id": repo, "modelId": repo, "author": repo.partition("/")[0], "sha": commit.sha, "gated": gated}
        about |= {"private": found.private, "lastModified": commit.date, "tags": [], "downloads": 0, "likes": 0}
        return about | {"siblings": [{"rfilename": name} for name in sorted(commit.tree)]}

    def refs(self, repo: str):
        def listed(refs: dict[str, str], kind: str) -> list[dict]:
            names = {name.removeprefix("refs/pr/"): sha for name, sha in refs.items()}
            return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in names.items()]

        found = self.readable(repo)
        shown = {"branches": listed(found.branches, "heads"), "tags": listed(found.tags, "tags"), "converts": []}
        return shown | ({"pullRequests": listed(found.pulls, "pr")} if "include_prs" in self.query else {})

    def commits(self, repo: str, rev: str):
        found, commit = self.at(repo, rev)
        authors = [{"user": self.hub.user}]
        chain = found.chain(commit)
        return [{"id": c.sha, "title": c.title, "message": "", "date": c.date, "authors": authors} for c in chain]

    def tree(self, repo: str, rev: str, path: str = ""):
        found, commit = self.at(repo, rev)
        recursive, expand = (self.query.get(key, "").lower() in {"1", "true"} for key in ("recursive", "expand"))
        inner = folders(commit.tree)
        if path and path not in inner:
            raise HubError(404, f"{path} does not exist on {rev}", "EntryNotFound")
        names = [name for name in (*inner, *sorted(commit.tree)) if within(name, path, recursive=recursive)]
        return [self.entry(found, commit, name, expand=expand) for name in names]

    def paths_info(self, repo: str, rev: str):
        found, commit = self.at(repo, rev)
        form = parse_qs(self.body.decode())
        expand = form.get("expand") == ["true"]
        known = {*commit.tree, *folders(commit.tree)}
        return [self.entry(found, commit, name, expand=expand) for name in form.get("paths", []) if name in known]

    def entry(self, repo: Repo, commit: Commit, name: str, *, expand: bool) -> dict:
        """Describe a file or a folder as listings do; this is where the server lies about sizes."""
        blob = commit.tree.get(name)
        if blob is None:
            return {"type": "directory", "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0, "path": name}
        size = self.hub.lie.get(name, len(blob.data))
        entry = {"type": "file", "oid": blob.oid, "size": size, "path": name}
        if blob.lfs:
            entry["lfs"] = {"oid": blob.sha256, "size": size, "pointerSize": len(blob.pointer)}
        if expand:
            last = repo.last_change(commit, name)
            entry["lastCommit"] = {"id": last.sha, "title": last.title, "date": last.date}
        return entry

    def preupload(self, repo: str, rev: str):
        found = self.writable(repo)
        tree = found.resolve(rev).tree

        def told(file: dict) -> dict:
            mode = "lfs" if found.is_lfs(file["path"], file["size"]) else "regular"
            known = {"oid": tree[file["path"]].etag} if file["path"] in tree else {}
            return {"path": file["path"], "shouldIgnore": False, "uploadMode": mode} | known

        return {"files": [told(file) for file in json.loads(self.body)["files"]]}

    def commit(self, repo: str, rev: str):
        lines = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        create_pr = "create_pr" in self.query
        sha, moved = self.writable(repo).push(rev, lines, self.hub.objects, create_pr=create_pr)
        url = f"{self.hub.url}/{repo}"
        answer = {"success": True, "commitOid": sha, "commitUrl": f"{url}/commit/{sha}"}
        return answer | ({"pullRequestUrl": f"{url}/discussions/{moved.rpartition('/')[2]}"} if create_pr else {})

    def create_tag(self, repo: str, rev: str):
        found = self.writable(repo)
        name = json.loads(self.body)["tag"]
        if name in found.tags:
            raise HubError(409, "Tag reference exists already")
        found.tags[name] = found.resolve(rev).sha
        return {}

    def delete_tag(self, repo: str, rev: str):
        if self.writable(repo).tags.pop(rev, None) is None:
            raise HubError(404, f"Invalid rev id: {rev}", "RevisionNotFound")
        return {}

    def lfs_batch(self, repo: str):
        self.writable(repo)

        def told(file: dict) -> dict:
            links = {"upload": f"{self.hub.url}/lfs/{file['oid']}", "verify": f"{self.hub.url}/lfs/verify"}
            actions = {"actions": {key: {"href": link, "header": {}} for key, link in links.items()}}
            return {"oid": file["oid"], "size": file["size"]} | ({} if file["oid"] in self.hub.objects else actions)

        return {"transfer": "basic", "objects": [told(file) for file in json.loads(self.body)["objects"]]}

    def lfs_put(self, oid: str):
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise HubError(400, "The content has not the sha256 it was announced with")
        self.hub.objects[oid] = self.body
        return {}

    def lfs_verify(self):
        asked = json.loads(self.body)
        if len(self.hub.objects.get(asked["oid"], b"")) != asked["size"]:
            raise HubError(404, "The object is not there, or has another size")
        return {}

    def resolve(self, repo: str, rev: str, path: str):
        found, commit = self.at(repo, rev)
        if found.gated and self.token not in found.allowed:
            why = "and you are not in the authorized list" if self.token else "You must be authenticated to access it"
            raise HubError(403 if self.token else 401, f"Access to model {repo} is restricted. {why}.", "GatedRepo")
        if path not in commit.tree:
            raise HubError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.sha})
        return Content(path, commit, commit.tree[path])

    def at(self, repo: str, rev: str) -> tuple[Repo, Commit]:
        found = self.readable(repo)
        return found, found.resolve(rev)

    def readable(self, repo_id: str) -> Repo:
        """Return a repository; one that may not be seen is answered like one that is not there."""
        repo = self.hub.repos.get(repo_id)
        if repo is None or (repo.private and self.token not in {self.hub.token, *repo.allowed}):
            raise HubError(404 if self.token else 401, "Repository not found" if self.token else NOBODY, "RepoNotFound")
        return repo

    def writable(self, repo_id: str) -> Repo:
        repo = self.readable(repo_id)
        self.check_write()
        return repo

    def check_token(self):
        """Refuse a token that nobody has, wherever it is shown."""
        allowed = {token for repo in self.hub.repos.values() for token in repo.allowed}
        if self.token not in {None, self.hub.token, RIGHTLESS, *allowed}:
            raise HubError(401, "Invalid credentials in Authorization header")

    def check_write(self):
        if self.token is None:
            raise HubError(401, NOBODY)
        if self.token != self.hub.token:
            raise HubError(403, "Forbidden: you have not the rights to do this")
