"""Whether a package is what was published, and whether this machine makes of it what its maker's did."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from zoo import atomic, bounded, card, config, folders, manifest, requirements
from zoo.errors import IntegrityError, ZooError
from zoo.figures.parts import KEY
from zoo.manifest import Manifest
from zoo.progress import track
from zoo.report.material import CARD_BYTES, CARD_FIGURES

CARD, METRICS = "README.md", "metrics.json"


@dataclass(frozen=True, slots=True)
class Check:
    """One step: ``PASS``, ``FAIL`` or ``SKIP``, what was found, and the exit code of a failure."""

    what: str
    verdict: str
    detail: str
    exit_code: int = 0


def examine(folder: Path, within: Path | None = None, sha256: str = "") -> Iterator[Check]:
    """Yield every check of a package; after one that fails nothing that builds on it is tried.

    Parameters
    ----------
    folder
        A package.
    within
        Where its links may lead (:func:`zoo.manifest.names_in`).
    sha256
        Of its manifest, where the catalogue pins one.
    """
    for what, step in track(_steps(folder, within, sha256), "proving", unit="checks"):
        try:
            detail = step()
        except ZooError as error:
            yield Check(what, "FAIL", str(error), error.exit_code)
            return
        yield Check(what, "PASS" if detail else "SKIP", detail or "there is no CUDA device")


def prove(folder: Path, found: Manifest, device: str = "cpu") -> None:
    """Build a package whose files were checked and run its test vectors, unless these very versions did so before.

    Raises
    ------
    ZooError
        As the first check that fails.
    """
    stamp = folders.cache_home() / "proven" / f"{hashlib.sha256(found.dump()).hexdigest()}-{device}.json"
    versions = _versions(folder)
    if stamp.is_file() and bounded.read_json(stamp) == versions:
        return
    _card(folder)
    _vectors(folder, device)
    atomic.write_json(stamp, versions)


def _steps(folder: Path, within: Path | None, sha256: str) -> list[tuple[str, Callable[[], str]]]:
    return [
        ("files", partial(_files, folder, within, sha256)),
        ("config", partial(_config, folder)),
        ("requires", partial(_requires, folder)),
        ("card", partial(_card, folder)),
        ("test vectors, CPU", partial(_vectors, folder, "cpu")),
        ("test vectors, CUDA", partial(_vectors, folder, "cuda")),
    ]


def _files(folder: Path, within: Path | None, sha256: str) -> str:
    found = manifest.verified(folder, within, sha256)
    return f"{len(found.files)} files, {found.size / 2**20:.1f} MB, each with the sha256 of the manifest"


def _config(folder: Path) -> str:
    found = config.read(folder)
    return f"format {config.FORMAT}, {len(found.components)} components, {found.parameters:,} parameters"


def _requires(folder: Path) -> str:
    found = config.read(folder)
    requirements.check(found.requires, str(folder))
    requirements.check_parts([(part.kind, part.name) for part in found.components], str(folder))
    return ", ".join(f"{name} {metadata.version(name)}" for name in found.requires)


def _card(folder: Path) -> str:
    found = config.read(folder)
    for name in (CARD, METRICS):
        if not (folder / name).is_file():
            raise IntegrityError(f"{folder}: has no {name}; publish the run again with 'zoo push'")
    text, figures = bounded.read_text(folder / CARD), _figures(folder)
    wrong = card.disagreements(text, found, bounded.read_json(folder / METRICS), figures)
    if wrong:
        raise IntegrityError(f"{folder / CARD}: {wrong[0]}; publish the run again with 'zoo push'")
    more = f", and shows {len(figures)} {'figure' if len(figures) == 1 else 'figures'}" if figures else ""
    return f"says what metrics.json holds{more}"


def _figures(folder: Path) -> list[str]:
    """Return the names of a card's figures, which are few, small, and called as zoo calls them."""
    found = [name for name in manifest.read(folder).files if name.startswith(f"{manifest.IMAGES}/")]
    for number, name in enumerate(found):
        stem, size = name.removeprefix(f"{manifest.IMAGES}/").removesuffix(".png"), (folder / name).stat().st_size
        why = (
            f"is figure {number + 1} of the card, which takes {CARD_FIGURES}" * (number >= CARD_FIGURES)
            or f"has {size:,} bytes, and a figure of a card has at most {CARD_BYTES:,}" * (size > CARD_BYTES)
            or "is no name of a figure (images/NAME.png)" * (not name.endswith(".png") or not KEY.fullmatch(stem))
        )
        if why:
            raise IntegrityError(f"{folder / name}: {why}; publish the run again with 'zoo push'")
    return found


def _vectors(folder: Path, device: str) -> str:
    """Return how near the loaded model comes; empty where there is no such device."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return ""
    from zoo import checkpoint, package, vectors

    loaded = package.read(folder, device=device)
    tolerance, path = loaded.config.test, folder / package.VECTORS
    if tolerance is None or not path.is_file():
        raise IntegrityError(
            f"{folder}: has no test vectors, so nothing shows that it is what was trained; train it anew"
        )
    stored, _ = checkpoint.read_tensors(path, mapped=True)
    worst = vectors.deviation(loaded.contestant, stored, tolerance, str(folder))
    return f"{tolerance.items} items reproduced, largest deviation {worst:.1e} of what is allowed"


def _versions(folder: Path) -> dict[str, str]:
    """Return the versions that a proof is good for."""
    needed = config.read(folder).requires
    requirements.check(needed, str(folder))
    return {name: metadata.version(name) for name in (*needed, "torch")}
