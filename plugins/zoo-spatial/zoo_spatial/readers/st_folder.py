"""One folder of spatial transcriptomics: which files belong to which section, whatever dialect names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.st_files import read_counts, section_from
from zoo_spatial.section import Section
from zoo_spatial.spot_table import read_spots

SPOT_FILES = (
    "alignment_table_{}.tsv",
    "{}_selection.tsv",
    "spot_data-selection-{}.tsv",
    "spot_data-all-{}.tsv",
    "{}_spots.tsv",
    "{}_spots.csv",
)
COUNT_ENDINGS = (".tsv.gz", ".tsv")
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one section."""

    name: str
    counts: Path
    spots: Path
    image: Path


def sections_in(root: Path) -> list[str]:
    """Return the names of the sections of a folder: every count table that is no spot file.

    Raises
    ------
    MissingError
        There is no such folder, or no table in it.
    """
    if not root.is_dir():
        raise MissingError(f"{root}: there is no such folder; check data.root")
    tables = {path.name: path for ending in COUNT_ENDINGS for path in root.glob(f"*{ending}")}
    bare = {_bare(name) for name in tables}
    beside = {pattern.format(name) for name in bare for pattern in SPOT_FILES}
    names = sorted({_bare(name) for name in tables if name.removesuffix(".gz") not in beside} - {""})
    if not names:
        raise MissingError(
            f"{root}: holds no count table NAME.tsv.gz or NAME.tsv (spots x genes); put each section's there, "
            "with its image NAME.jpg and its spot file NAME_selection.tsv"
        )
    return names


def _bare(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".tsv")


def files_of(root: Path, name: str, image: str | None = None) -> Files:
    """Find the files of a section.

    Parameters
    ----------
    root, name
        The folder, and the section.
    image
        Where images are, a path in which ``{section}`` stands for the name, from ``root`` unless absolute.

    Raises
    ------
    MissingError
        One of the files is not there.
    DataError
        Two images claim to be the section's.
    """
    counts = [root / f"{name}{ending}" for ending in COUNT_ENDINGS if (root / f"{name}{ending}").is_file()]
    spots = [path for path in (root / pattern.format(name) for pattern in SPOT_FILES) if path.is_file()]
    if not spots:
        wanted = " or ".join(pattern.format(name) for pattern in SPOT_FILES[:3])
        raise MissingError(
            f"{root}: section {name} has no spot file ({wanted}); add it, or leave it out of data.sections"
        )
    return Files(name, counts[0], spots[0], _image(root, name, image))


def _image(root: Path, name: str, image: str | None) -> Path:
    if image is not None:
        return root / image.replace("{section}", name)
    found = sorted(p for p in root.glob("*") if p.stem == name and p.suffix.lower() in IMAGE_ENDINGS)
    if not found:
        endings = ", ".join(IMAGE_ENDINGS)
        raise MissingError(
            f"{root}: section {name} has no image ({name} with {endings}); add it, or name it with data.image"
        )
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"{root}: section {name} has the images {names}; remove one, or name one with data.image")
    return found[0]


def open_section(files: Files, *, donor: str, pitch_um: float) -> Section:
    """Read a section from its files."""
    spots, counts = read_spots(files.spots), read_counts(files.counts)
    return section_from(name=files.name, donor=donor, image=files.image, spots=spots, counts=counts, pitch_um=pitch_um)
