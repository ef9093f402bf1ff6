"""What sources told when they were last read, kept so that a listing parses only files that are new or changed.

One JSON file in the cache, ``ZOO_HOME/sources-<python>.json``. It is a convenience and nothing more: where it is
missing, damaged or cannot be written, the sources are read again.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo import atomic, bounded, outline
from zoo.errors import ZooError
from zoo.folders import cache_home
from zoo.outline import Outline, outline_of

MOST = 1000
"""Names kept; those that were not asked for the longest go first."""
MOST_TEXT = 8000
"""Characters of docstring and signature; a name with more is read anew each time."""
SETTLED_S = 2.0
"""A file that changed less long ago may change again without its times telling: clocks of file systems are coarse."""


class SourceIndex:
    """Outlines by file and name, each good for as long as its file stays as it was.

    A file is taken for the same while its inode, its size, its time of modification and its time of change are; the
    last cannot be set, so that a copy which keeps the dates of another file is told from it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self._asked: dict[str, Any] = {}
        self._changed = False
        self._reader = _stamp(Path(outline.__file__))
        with suppress(ZooError, OSError, RuntimeError):  # RuntimeError: a user without a home
            found = bounded.read_json(_file())
            self._kept = found if isinstance(found, dict) else {}

    def outline(self, path: Path, name: str) -> Outline:
        """Return what a file of Python tells of a name; raises as :func:`zoo.outline.outline_of`, and ``OSError``."""
        key = f"{path}:{name}"
        stamp = [*self._reader, *_stamp(path)]
        known = _known(self._kept.get(key), stamp)
        if known is None:
            known = outline_of(path.read_text(encoding="utf-8"), name)
            if len(known.doc) + len(known.signature) > MOST_TEXT or not _settled(stamp):
                return known
            self._changed = True
        self._asked[key] = {"stamp": stamp, **asdict(known)}
        return known

    def save(self) -> None:
        """Write what is new, if anything is; a full or read-only disk is none of a listing's business."""
        if not self._changed:
            return
        items = {**{key: value for key, value in self._kept.items() if key not in self._asked}, **self._asked}
        with suppress(ZooError, OSError, RuntimeError):
            atomic.write_text(_file(), json.dumps(dict(list(items.items())[-MOST:]), separators=(",", ":")))


def _file() -> Path:
    return cache_home() / f"sources-{sys.implementation.cache_tag}.json"  # a Python reads its own syntax


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _settled(stamp: list[int]) -> bool:
    return time.time() - max(stamp[-2:]) / 1e9 > SETTLED_S


def _known(item: Any, stamp: list[int]) -> Outline | None:
    """Return a kept outline that still holds; None of anything else that the file may have been made to hold."""
    if not isinstance(item, dict) or item.get("stamp") != stamp:
        return None
    imports, defined, line, signature, doc = (item.get(key) for key in Outline.__slots__)
    if not (isinstance(imports, list) and all(isinstance(name, str) for name in imports)):
        return None
    if isinstance(defined, bool) and isinstance(line, int) and isinstance(signature, str) and isinstance(doc, str):
        return Outline(imports, defined, line, signature, doc)
    return None
