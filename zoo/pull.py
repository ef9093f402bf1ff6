"""A model by name, address or folder to a verified folder on this machine.

Of the Hub a package is taken in an order in which little is fetched in vain and nothing believed too early: the commit,
the listing (names and sizes), the manifest, ``config.json`` with what it requires of this machine, and only then the
weights. Every file is held against the manifest; one that differs is taken out of the cache.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from zoo import atomic, bounded, config, folders, manifest, progress, requirements, verify
from zoo.catalogue import Source, folder_at, is_commit, source_of
from zoo.errors import IntegrityError, MissingError, RunError
from zoo.hub import Hub, Listed, blob_oid, offline
from zoo.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Pulled:
    """A package on this machine.

    Attributes
    ----------
    folder
        Where it lies.
    within
        Where its links may lead (:func:`zoo.manifest.names_in`).
    commit
        Of the Hub, empty for a package that did not come from there.
    manifest
        What is in it.
    """

    folder: Path
    within: Path
    commit: str
    manifest: Manifest

    @property
    def places(self) -> tuple[Path, Path]:
        """The folder, and where its links may lead."""
        return self.folder, self.within


def pull(text: str, device: str = "cpu") -> Pulled:
    """Bring a package to this machine and prove it (:mod:`zoo.verify`).

    Parameters
    ----------
    text
        See :func:`zoo.catalogue.source_of`.
    device
        Where the test vectors are run.

    Raises
    ------
    NetworkError
        The Hub cannot be reached, or does not show the repository.
    MissingError
        The package, a revision, or a plugin that it needs is not there.
    IntegrityError
        A file is not what was published.
    """
    pulled = fetch(source_of(text))
    verify.prove(pulled.folder, pulled.manifest, device)
    return pulled


def folder_of(text: str) -> Path:
    """Return the folder of a model: a run's, or that of a package, which is fetched if need be and proven."""
    path = folder_at(text)
    if path and not (path / manifest.NAME).is_file():
        return path
    return pull(text).folder


def fetch(source: Source) -> Pulled:
    """Bring a package to this machine and hold every file against its manifest; raises as :func:`pull`."""
    if source.folder:
        return Pulled(source.folder, source.folder, "", manifest.verified(source.folder, sha256=source.sha256))
    hub = Hub()
    revision = source.revision
    kept = _kept(hub, source, revision)
    if kept is None:
        revision = revision if source.pinned else hub.commit_of(source.repo, revision)
        kept = _kept(hub, source, revision) or _fetched(hub, source, revision)
    return kept


def _kept(hub: Hub, source: Source, revision: str) -> Pulled | None:
    """Return what was fetched of a commit before, whole; asks nobody."""
    if not offline() and not is_commit(revision):
        return None  # a branch or a tag may have moved
    folder = hub.snapshot(source.repo, revision)
    if folder is None or not (folder / manifest.NAME).is_file():
        return None
    home = hub.home(source.repo)
    listed = manifest.read(folder)
    if not all((folder / name).is_file() for name in listed.files):
        return None
    try:
        found = manifest.verified(folder, home, source.sha256)
    except IntegrityError:
        _quarantine_what_differs(folder, home, listed)
        raise
    return Pulled(folder, home, folder.name, found)


def _fetched(hub: Hub, source: Source, commit: str) -> Pulled:
    repo = source.repo
    listing = {name: item for name, item in hub.listing(repo, commit).items() if name not in manifest.IGNORED}
    if manifest.NAME not in listing:
        raise MissingError(f"{source}: is no package of zoo (it has no {manifest.NAME}); 'zoo push' makes one of a run")
    manifest.refuse_names([name for name in listing if name != manifest.NAME], str(source))
    found = _manifest(hub, source, commit, listing[manifest.NAME])
    _compare(found, listing, source)
    _small(config.NAME, found.files[config.NAME].size, source)
    folder = _file(hub, repo, commit, config.NAME, found).parent
    needed = config.read(folder)
    requirements.check(needed.requires, str(source))
    requirements.check_parts([(part.kind, part.name) for part in needed.components], str(source))
    _refuse_small_disk(hub, found, listing, folder)
    with progress.step(f"fetching {source}", found.size, progress.BYTES) as told:
        there = 0
        for name, item in found.files.items():
            _file(hub, repo, commit, name, found, told=told)
            there += item.size
            told.advance(there - told.done)  # what was in the cache already has not come
    _remember(hub, source, commit)
    return Pulled(folder, hub.home(repo), commit, found)


def _manifest(hub: Hub, source: Source, commit: str, listed: Listed) -> Manifest:
    """Fetch the manifest; what arrives is held against the catalogue, or else against the commit's own listing."""
    _small(manifest.NAME, listed.size, source)
    path = hub.download(source.repo, commit, manifest.NAME)
    content = bounded.read_bytes(path, bounded.MAX_JSON)
    sha256 = hashlib.sha256(content).hexdigest()
    wanted = source.sha256 or listed.sha256 or sha256
    if sha256 != wanted or (not listed.sha256 and listed.oid != blob_oid(content)):
        where = _quarantine(hub.home(source.repo), path)
        pin = "the catalogue pins another sha256" if sha256 != wanted else "it is not the one of its commit"
        raise IntegrityError(f"{source}: {manifest.NAME} was changed ({pin}); it was moved to {where}, do not use it")
    return manifest.parse(content, str(path))


def _compare(found: Manifest, listing: dict[str, Listed], source: Source) -> None:
    """Refuse a repository that lacks a file of its manifest, has one more, or states other sizes."""
    if config.NAME not in found.files:
        raise IntegrityError(f"{source}: its manifest names no {config.NAME}; tell its owner to push it again")
    names = set(listing) - {manifest.NAME}
    for name in sorted(set(found.files) ^ names):
        what = "is missing, but the manifest names it" if name in found.files else "is not named by the manifest"
        raise IntegrityError(f"{source}: {name} {what}; tell its owner to push it again")
    for name, item in found.files.items():
        if listing[name].size != item.size:
            what = f"has {listing[name].size:,} bytes, the manifest says {item.size:,}"
            raise IntegrityError(f"{source}: {name} {what}; tell its owner to push it again")


def _small(name: str, size: int, source: Source) -> None:
    if size > bounded.MAX_JSON:
        raise IntegrityError(f"{source}: {name} has {size:,} bytes, zoo reads {bounded.MAX_JSON:,}; do not trust it")


def _file(hub: Hub, repo: str, commit: str, name: str, found: Manifest, *, told: progress.Step | None = None) -> Path:
    path = hub.download(repo, commit, name, told)
    try:
        manifest.check_file(path, found.files[name])
    except IntegrityError as error:
        where = _quarantine(hub.home(repo), path)
        raise IntegrityError(f"{error}; the file that came was moved to {where}") from error
    return path


def _quarantine_what_differs(folder: Path, home: Path, listed: Manifest) -> None:
    """Take the files of a cached package that differ from its manifest out of the cache; the next pull fetches them."""
    for name, item in listed.files.items():
        try:
            manifest.check_file(folder / name, item)
        except IntegrityError:
            _quarantine(home, folder / name)


def _quarantine(home: Path, path: Path) -> Path:
    """Move a file and what links to it out of the cache, so that nobody takes it for the real one; return where to."""
    blob = path.resolve()
    kept = folders.cache_home() / "quarantine" / home.name / f"{blob.name[:40]}-{path.name}"
    with atomic.disk_errors(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        if blob.is_relative_to(home.resolve()) and blob.is_file():
            shutil.move(blob, kept)
        path.unlink(missing_ok=True)
    return kept


def _refuse_small_disk(hub: Hub, found: Manifest, listing: dict[str, Listed], folder: Path) -> None:
    """Refuse to begin what the disk cannot hold."""
    needed = sum(item.size for name, item in found.files.items() if name in listing and not (folder / name).exists())
    left = shutil.disk_usage(folder).free
    if needed > left:
        have = f"{needed / 2**20:,.0f} MB are to come, {left / 2**20:,.0f} MB are left"
        raise RunError(f"{hub.cache}: the disk is too full ({have}); make room or set HF_HOME, then pull again")


def _remember(hub: Hub, source: Source, commit: str) -> None:
    """Write down which commit a branch or a tag was, as the cache's own format has it, for use without the network."""
    if not source.pinned:
        atomic.write_text(hub.home(source.repo) / "refs" / source.revision, commit)
