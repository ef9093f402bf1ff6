"""``manifest.json``: the sha256 and the size of every file of a package, and what may be a file of one at all.

Nothing here trusts a name or a length: a name with ``..``, an absolute path, a link that leads outside, two names that
differ in case only, a file that could hold code, a header of a hundred megabytes are each refused before use.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from zoo import bounded, progress
from zoo.errors import IntegrityError, MissingError

NAME = "manifest.json"
FORMAT = 1
MAX_FILES = 1_000
MAX_HEADER = 16 * 2**20
MAX_NAME = 255
MAX_SIDE = 16_384
"""Pixels of a side of a picture."""
IMAGES = "images"
"""The folder of the figures of a card."""
IGNORED = frozenset({".gitattributes"})
"""What the Hub itself puts into a repository."""
SUFFIXES = frozenset({".json", ".safetensors", ".yaml", ".md", ".html", ".png", ".svg", ".csv", ".tsv", ".cff"})
PICKLED = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5"})
_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Item:
    """One file as its manifest has it."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Name -> what the file is."""

    files: Mapping[str, Item]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(item.size for item in self.files.values())

    def dump(self) -> bytes:
        """Return the text of ``manifest.json``, the same for the same files."""
        files = {name: {"sha256": item.sha256, "size": item.size} for name, item in sorted(self.files.items())}
        return (json.dumps({"format": FORMAT, "files": files}, indent=1) + "\n").encode()


def of(folder: Path) -> Manifest:
    """Return the manifest of what lies in a folder, as it is now."""
    names = sorted(names_in(folder))
    refuse_names(names, str(folder))
    return Manifest({name: Item(sha256_of(folder / name), (folder / name).stat().st_size) for name in names})


def read(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises
    ------
    MissingError
        There is none: the folder is no package.
    IntegrityError
        It is damaged, or names what no package may hold.
    """
    path = folder / NAME
    if not path.is_file():
        raise MissingError(f"{folder}: is no package of zoo (it has no {NAME}); 'zoo push' makes one of a run")
    return parse(bounded.read_bytes(path, bounded.MAX_JSON), str(path))


def parse(content: bytes, source: str) -> Manifest:
    """Check the text of a manifest; raises as :func:`read`."""
    value = bounded.parse_json(content, source)
    found = value.get("format") if isinstance(value, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        what = f"is no manifest (its format is {bounded.shown(found)})"
        raise IntegrityError(f"{source}: {what}; pull the package again")
    if found > FORMAT:  # asked first: another format may keep its files otherwise
        what = f"is of format {bounded.shown(found)}, this zoo reads format {FORMAT}"
        raise MissingError(f"{source}: {what}; upgrade with: pip install -U microscopy-zoo")
    if not isinstance(value.get("files"), dict) or not value["files"]:
        raise IntegrityError(f"{source}: is no manifest (it lists no files); pull the package again")
    refuse_names(value["files"], source)
    return Manifest({name: _item(found, f"{source}: {name}") for name, found in value["files"].items()})


def _item(value: Any, source: str) -> Item:
    sha256, size = (value.get("sha256"), value.get("size")) if isinstance(value, dict) else (None, None)
    good = isinstance(sha256, str) and _SHA256.fullmatch(sha256) and isinstance(size, int) and size >= 0
    if not good or isinstance(size, bool):
        raise IntegrityError(f"{source} has no sha256 and size that could be checked; pull the package again")
    return Item(str(sha256), int(size or 0))


def refuse_names(names: Iterable[str], source: str) -> None:
    """Refuse names that leave the folder, fall together, could hold code, or are too many.

    Raises
    ------
    IntegrityError
        For the first such name; the sentence says why.
    """
    folded: dict[str, str] = {}
    for number, name in enumerate(names):
        if number >= MAX_FILES:
            raise IntegrityError(f"{source}: lists more than the {MAX_FILES} files that a package may have")
        why = _refusal(name)
        if why:
            raise IntegrityError(f"{source}: lists {name[:120]!r}, {why}")
        other = folded.setdefault(name.lower(), name)
        if other != name:
            raise IntegrityError(f"{source}: lists {other} and {name}, which are one file on some disks; rename one")


def _refusal(name: str) -> str:
    if name in IGNORED:
        return ""
    steps = name.split("/")
    if len(name) > MAX_NAME:
        return f"which has {len(name):,} characters, and a name has at most {MAX_NAME}; shorten it"
    if not all(_STEP.fullmatch(step) for step in steps):
        return "which is no plain name inside the package; do not use it"
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in PICKLED:
        return (
            "which may hold pickled objects, and those can run code when they are read; on a machine that may be lost, "
            "convert it: torch.load(path, weights_only=True), then safetensors.torch.save_file(tensors, new)"
        )
    if suffix not in SUFFIXES and steps[-1] != "LICENSE":
        return f"and zoo takes no such file; a package holds LICENSE and {', '.join(sorted(SUFFIXES))}"
    return ""


def names_in(folder: Path, within: Path | None = None) -> list[str]:
    """Return the names of a folder's files, its manifest left out.

    Parameters
    ----------
    folder
        A package.
    within
        Where links may lead (the cache of the Hub keeps its files as links); nowhere outside the folder if not given.

    Raises
    ------
    IntegrityError
        A link leads elsewhere, or something is no plain file.
    """
    home = (within or folder).resolve()
    way = "replace it by the file itself"
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() and not _leads_into(home, path):
            raise IntegrityError(f"{folder}: {bounded.shown(name)} is a link that leads outside the package; {way}")
        if path.is_dir() and not path.is_symlink():
            continue
        if not path.is_file():
            raise IntegrityError(f"{folder}: {bounded.shown(name)} is no plain file; remove it from the package")
        if name != NAME and name not in IGNORED:
            found.append(name)
        if len(found) > MAX_FILES:
            raise IntegrityError(f"{folder}: has more than the {MAX_FILES} files that a package may have")
    return found


def _leads_into(home: Path, link: Path) -> bool:
    try:
        return link.resolve().is_relative_to(home)
    except (OSError, RuntimeError):  # it leads to itself
        return False


def verified(folder: Path, within: Path | None = None, sha256: str = "") -> Manifest:
    """Read the manifest of a folder and hold every file against it; ``sha256`` is its own where somebody pins it.

    Raises
    ------
    MissingError, IntegrityError
        As :func:`read` and :func:`check`, and where it is not the pinned one.
    """
    if (folder / NAME).is_file():
        names_in(folder, within)  # before anything is read: the manifest itself may be a link
    found = read(folder)
    if sha256 and sha256_of(folder / NAME) != sha256:
        pin = f"sha256 {sha256[:12]}..."
        raise IntegrityError(
            f"{folder / NAME}: is not the one that the catalogue pins ({pin}); pull or install it again"
        )
    check(folder, found, within)
    return found


def check(folder: Path, manifest: Manifest, within: Path | None = None) -> None:
    """Hold every file of a folder against its manifest, reading each once in pieces.

    Raises
    ------
    IntegrityError
        A file is missing, too many, of another size, of another content, or has an unreasonable header.
    """
    there = names_in(folder, within)
    refuse_names(there, str(folder))
    for name in sorted(set(there) ^ set(manifest.files)):
        what = "is missing, but its manifest names it" if name in manifest.files else "is not named by its manifest"
        way = "pull the package again" if name in manifest.files else "remove it, or push the package anew"
        raise IntegrityError(f"{folder / name}: {what}; {way}")
    with progress.step("checking files", manifest.size, progress.BYTES) as told:
        for name, item in manifest.files.items():
            check_file(folder / name, item)
            told.advance(item.size)


def check_file(path: Path, item: Item) -> None:
    """Hold one file against its manifest; raises as :func:`check`."""
    size = path.stat().st_size
    if size != item.size:
        raise IntegrityError(f"{path}: has {size:,} bytes, its manifest says {item.size:,}; pull the package again")
    found = sha256_of(path)
    if found != item.sha256:
        short = f"sha256 {found[:12]}..., its manifest says {item.sha256[:12]}..."
        raise IntegrityError(f"{path}: is not the file that was published ({short}); pull the package again")
    if path.suffix.lower() == ".safetensors":
        check_header(path)
    if path.suffix.lower() == ".png":
        check_picture(path)


def check_header(path: Path) -> None:
    """Refuse a safetensors file whose header is larger than any model needs, before anything parses it."""
    with path.open("rb") as file:
        start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0  # noqa: PLR2004 - a 64-bit number
    if not 2 <= length <= min(MAX_HEADER, path.stat().st_size - 8):  # noqa: PLR2004 - no shorter than {}
        raise IntegrityError(
            f"{path}: says that its header has {length:,} bytes, zoo reads 2 to {MAX_HEADER:,}; do not trust it"
        )


def check_picture(path: Path) -> None:
    """Refuse a file that says it is a PNG and is none, or is larger than any screen, before anything draws it."""
    with path.open("rb") as file:
        start = file.read(24)
    if len(start) < 24 or start[:8] != b"\x89PNG\r\n\x1a\n" or start[12:16] != b"IHDR":  # noqa: PLR2004 - up to its sides
        raise IntegrityError(f"{path}: is no PNG picture, though it is called one; do not trust it")
    width, height = struct.unpack(">II", start[16:24])
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        what = f"says that it has {width:,} x {height:,} pixels, zoo takes pictures up to {MAX_SIDE:,} a side"
        raise IntegrityError(f"{path}: {what}; do not trust it")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, read in pieces: the memory needed does not depend on its size."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IntegrityError(f"{path}: cannot be read ({error.strerror or error}); restore a copy") from error
