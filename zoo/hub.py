"""Talking to the Hugging Face Hub: commits, listings, downloads, each patient and each failure one sentence.

The client library does the protocol. What it leaves open is here: retries with growing pauses, errors as sentences with
an exit code, and no trust in what arrives (:mod:`zoo.pull` holds every file against its manifest).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from zoo import folders, hub_errors
from zoo.errors import NetworkError, RunError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from zoo.progress import Step

T = TypeVar("T")
TRIES = 4
PAUSE_S = 0.5
PUBLIC = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a repository as its listing has it; ``sha256`` of large files, ``oid`` that git has of the others."""

    size: int
    oid: str
    sha256: str | None


def blob_oid(content: bytes) -> str:
    """Return what git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def offline() -> bool:
    """Return whether the user has forbidden the network."""
    truths = {"1", "true", "yes", "on"}
    return any(os.environ.get(name, "").lower() in truths for name in ("ZOO_OFFLINE", "HF_HUB_OFFLINE"))


def _counted(told: Step | None) -> Any:
    """Return what the client takes for a class of bars: one draws nothing, and tells how many bytes have come."""

    class Counted:
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            self.n, self.total = 0, total
            self.update(initial)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def update(self, n: float | None = 1) -> None:
            self.n += int(n or 0)
            if told:
                told.advance(n or 0)

        def nothing(self, *_: Any, **__: Any) -> None:
            return None

        # as bytes come over the network, which may be fewer or more than those of the file
        update_transfer = nothing
        set_postfix_str = set_transfer_postfix_str = set_description = refresh = close = nothing

    return Counted


class Hub:
    """One Hub, as the environment names it (``HF_ENDPOINT``, ``HF_TOKEN``, ``HF_HOME``)."""

    def __init__(self) -> None:
        self.endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or PUBLIC
        self.cache = folders.hub_cache()

    @cached_property
    def api(self) -> HfApi:
        """The client."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, library_name="zoo")

    def snapshot(self, repo: str, revision: str) -> Path | None:
        """Return the folder of what was fetched of a revision before, None where nothing was; asks nobody."""
        home = self.home(repo)
        commit = home / "refs" / revision
        known = commit.read_text().strip() if commit.is_file() else revision
        folder = home / "snapshots" / known
        return folder if folder.is_dir() and folder.parent == home / "snapshots" else None

    def home(self, repo: str) -> Path:
        """Return the folder of the cache in which a repository is kept."""
        return self.cache / f"models--{repo.replace('/', '--')}"

    def commit_of(self, repo: str, revision: str) -> str:
        """Return the commit of a revision."""
        info = self.ask(lambda: self.api.model_info(repo, revision=revision), repo, revision)
        return str(info.sha)

    def listing(self, repo: str, commit: str) -> dict[str, Listed]:
        """Return every file of a commit."""

        def listed() -> dict[str, Listed]:
            found = {}
            for item in self.api.list_repo_tree(repo, revision=commit, recursive=True):
                size = getattr(item, "size", None)
                if size is not None:  # folders have none
                    large = getattr(item, "lfs", None)
                    found[item.path] = Listed(size, str(getattr(item, "blob_id", "")), large.sha256 if large else None)
            return found

        return self.ask(listed, repo, commit)

    def refs(self, repo: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return branches and tags with their commits."""
        found = self.ask(lambda: self.api.list_repo_refs(repo), repo)
        return (
            {branch.name: branch.target_commit for branch in found.branches},
            {tag.name: tag.target_commit for tag in found.tags},
        )

    def download(self, repo: str, commit: str, name: str, told: Step | None = None) -> Path:
        """Fetch one file into the cache; one that is there already is not asked for again.

        Bytes that arrive are ``told``.
        """

        def fetch() -> str:
            bars = _counted(told)
            return str(self.api.hf_hub_download(repo, name, revision=commit, cache_dir=self.cache, tqdm_class=bars))

        with self._room():
            return Path(self.ask(fetch, repo, commit))

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in hub_errors.FULL:
                raise RunError(f"{self.cache}: cannot be written ({error.strerror or error}); set HF_HOME") from error
            raise RunError(f"{self.cache}: the disk is full; make room or set HF_HOME, then pull again") from error

    def ask(self, call: Callable[[], T], repo: str, revision: str = "") -> T:
        """Make a request, again with growing pauses while the trouble may pass.

        Raises
        ------
        NetworkError, MissingError, UsageError
            One sentence for each way in which it can fail; none holds the token.
        """
        if offline():
            way = "pull it once with the network, or unset ZOO_OFFLINE and HF_HUB_OFFLINE"
            raise NetworkError(f"{repo}: the network is switched off, and this is not in {self.cache}; {way}")
        tries = 0
        while True:
            tries += 1
            try:
                return call()
            except Exception as error:  # the client raises many kinds, and those of its HTTP library
                answer = hub_errors.cause(error)
                if not hub_errors.passing(answer) or tries == TRIES:
                    raise hub_errors.told(answer, hub_errors.Asked(self.endpoint, repo, revision, TRIES)) from error
                time.sleep(PAUSE_S * 2 ** (tries - 1))
