"""Folders of derived files that are built once and then memory-mapped; they appear whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from zoo.atomic import disk_errors
from zoo.errors import MissingError
from zoo.folders import cache_home


def folder_for(source: Path, version: str, build: Callable[[Path], None]) -> Path:
    """Return the folder of files derived from ``source``, building it first where it is not there.

    The folder's name follows from the source's path, size and time of change, and from ``version``, so an edited source
    is read anew. Two processes that want the same folder build it once; a build that fails leaves nothing.

    Raises
    ------
    MissingError
        The source cannot be read.
    RunError
        The disk is full.
    """
    try:
        facts = source.stat()
    except OSError as error:
        raise MissingError(f"{source}: cannot be read ({error.strerror}); check data.root") from error
    key = f"{source.resolve()}|{facts.st_size}|{facts.st_mtime_ns}|{version}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:20]
    folder = cache_home() / "sections" / f"{source.name}-{digest}"
    if folder.is_dir():
        return folder
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f".{folder.name}.lock").open("a")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _build(folder, build)
    return folder


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed; we hold the lock
    try:
        with disk_errors(folder):
            temporary.mkdir()
            build(temporary)
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
