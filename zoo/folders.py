"""Where things are kept: derived files in the cache, runs where the user works."""

from __future__ import annotations

import os
from pathlib import Path

PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$"
"""What a name looks like that a folder may be called by; it cannot lead out of the folder above."""


def cache_home() -> Path:
    """Return ``ZOO_HOME``, or ``zoo`` in the user's cache folder."""
    home = os.environ.get("ZOO_HOME")
    return Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zoo"


def runs_folder() -> Path:
    """Return the folder of all runs: ``ZOO_RUNS``, or ``runs`` in the working directory."""
    return Path(os.environ.get("ZOO_RUNS") or "runs")


def page_wanted() -> bool:
    """Return whether runs get a page; ``ZOO_REPORT=off`` is for where there are many (``zoo report RUN`` makes one)."""
    return os.environ.get("ZOO_REPORT", "").lower() not in {"off", "0", "no"}


def hub_cache() -> Path:
    """Return the cache in which the Hugging Face libraries keep what they fetched; zoo has none of its own."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HF_HOME") or Path(cache) / "huggingface").expanduser() / "hub"
