"""What an installed distribution carries besides code: files and folders of its package, found without importing it."""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo import bounded
from zoo.errors import ZooError

_SITES = {"site-packages", "dist-packages"}


def package_folder(package: str) -> Path | None:
    """Return the folder of an installed top-level package, without running any of it."""
    if not package.isidentifier():  # to look for a part of a package, Python would run the package
        return None
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = tuple(spec.submodule_search_locations or ()) if spec else ()
    return Path(folders[0]) if folders else None


def folder_of(target: str) -> Path | None:
    """Return the folder that ``package:path`` names: inside the package, or in a checkout beside it; None if neither.

    What lies beside a package among installed ones is somebody else's.
    """
    package, _, path = target.partition(":")
    home = package_folder(package)
    if home is None or not stays(path):
        return None
    homes = (home,) if home.parent.name in _SITES else (home, home.parent)
    return next((place / path for place in homes if is_(place / path, Path.is_dir)), None)


def file_of(target: str) -> Path | None:
    """Return the file that ``package:path`` names inside the package, None if it names none."""
    package, _, path = target.partition(":")
    home = package_folder(package)
    return home / path if home and stays(path) and is_(home / path, Path.is_file) else None


def table_of(file: Path) -> tuple[dict[str, Any], str]:
    """Return the table of a TOML file, or why there is none."""
    try:
        return tomllib.loads(bounded.read_text(file)), ""
    except ZooError as error:
        return {}, str(error)
    except (ValueError, RecursionError) as error:  # TOML's own mistakes, and a number of thousands of digits
        return {}, f"{file}: {error}"


def stays(path: str) -> bool:
    """Return whether a path leads from a folder to something inside it."""
    steps = Path(path).parts
    return bool(steps) and ".." not in steps and not Path(path).is_absolute()


def is_(path: Path, what: Callable[[Path], bool]) -> bool:
    """Return what ``Path.is_dir`` or ``Path.is_file`` says, False for a path that cannot be."""
    try:
        return what(path)
    except (OSError, ValueError):  # longer than a path can be, or with a NUL
        return False
