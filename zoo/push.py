"""A package to a repository of the Hub: one commit with everything, then the tag; nothing changed, nothing written."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from zoo import manifest
from zoo.errors import NetworkError, UsageError
from zoo.hub import Hub, Listed, blob_oid
from zoo.progress import without_bars_of_others


@dataclass(frozen=True, slots=True)
class Change:
    """A file and what a push does with it: ``new``, ``changed``, ``same`` or ``gone``."""

    name: str
    what: str
    size: int


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push; ``commit`` is the one that holds the package, ``wrote`` whether it is a new one."""

    address: str
    commit: str
    wrote: bool
    changes: list[Change]
    pull_request: str = ""


def push(
    folder: Path,
    repo: str,
    *,
    private: bool = True,
    tag: str | None = None,
    create_pr: bool = False,
    message: str = "",
    bars: bool = False,
) -> Pushed:
    """Push a package.

    Parameters
    ----------
    folder
        A package (:func:`zoo.publish.assemble`).
    repo
        ``org/name``; made if it is not there.
    private
        Of a repository that is made now; one that is there stays as it is.
    tag
        Set on the commit at the end.
    create_pr
        Ask the owners of the repository to take it, instead of committing to ``main``.
    message
        Of the commit.
    bars
        Let the client of the Hub draw on stderr how far it is with what it sends.

    Raises
    ------
    UsageError
        The tag is there already with another content.
    NetworkError
        The Hub cannot be reached, refuses the token, or somebody else pushed at the same time.
    """
    if create_pr and tag:
        raise UsageError(f"--tag {tag}: a pull request gets no tag; set it when it is merged")
    hub = Hub()
    _refuse_without_token(hub, repo)
    hub.ask(lambda: hub.api.create_repo(repo, private=private, exist_ok=True), repo)
    branches, tags = hub.refs(repo)
    head = branches["main"]
    changes = _changes(folder, hub.listing(repo, head))
    if tag in tags and any(change.what != "same" for change in _changes(folder, hub.listing(repo, tags[tag]))):
        way = "nothing was written; a tag is a promise, so choose another"
        raise UsageError(f"--tag {tag}: is there already in {repo} with another content; {way}")
    with nullcontext() if bars else without_bars_of_others():
        found = _commit(hub, repo, folder, changes, head, create_pr=create_pr, message=message)
    commit, request = found or (head, "")
    if tag and tag not in tags:
        hub.ask(lambda: hub.api.create_tag(repo, tag=tag, revision=commit), repo, commit)
    return Pushed(f"{hub.endpoint}/{repo}", commit, found is not None, changes, request)


def _refuse_without_token(hub: Hub, repo: str) -> None:
    from huggingface_hub import get_token

    if not get_token():
        way = "log in with 'hf auth login', or set HF_TOKEN to a token that may write"
        raise NetworkError(f"{repo}: pushing to {hub.endpoint} needs a token; {way}")


def _commit(
    hub: Hub, repo: str, folder: Path, changes: list[Change], head: str, *, create_pr: bool, message: str
) -> tuple[str, str] | None:
    """Make the one commit, None where there is nothing to commit."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    changed = [change.name for change in changes if change.what in {"new", "changed"}]
    gone = [change.name for change in changes if change.what == "gone"]
    if not changed and not gone:
        return None

    def commit() -> tuple[str, str]:
        # made anew for each try: the client writes into its operations
        operations = [CommitOperationAdd(name, folder / name) for name in changed]
        removals = [CommitOperationDelete(name) for name in gone]
        done = hub.api.create_commit(
            repo,
            [*operations, *removals],
            commit_message=message or f"Publish {repo.partition('/')[2]} with zoo",
            parent_commit=head,
            create_pr=create_pr,
        )
        return str(done.oid), str(done.pr_url or "")

    try:
        return hub.ask(commit, repo, head)
    except NetworkError:
        # the answer may have been lost after the commit was made
        now = hub.refs(repo)[0]["main"]
        if now == head or create_pr or any(c.what != "same" for c in _changes(folder, hub.listing(repo, now))):
            raise
        return now, ""


def _changes(folder: Path, there: dict[str, Listed]) -> list[Change]:
    """Return every file of the package or the repository and what a push would do with it."""
    names = [*manifest.names_in(folder), manifest.NAME]
    changes = []
    for name in sorted({*names, *there} - manifest.IGNORED):
        if name not in names:
            changes.append(Change(name, "gone", there[name].size))
            continue
        size = (folder / name).stat().st_size
        what = "new" if name not in there else "same" if _is(folder / name, size, there[name]) else "changed"
        changes.append(Change(name, what, size))
    return changes


def _is(path: Path, size: int, there: Listed) -> bool:
    if size != there.size:
        return False
    if there.sha256:
        return manifest.sha256_of(path) == there.sha256
    return blob_oid(path.read_bytes()) == there.oid
