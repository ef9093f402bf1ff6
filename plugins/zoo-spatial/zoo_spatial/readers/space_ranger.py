"""Folders that Space Ranger writes: which sections they hold, and which files are whose."""

from __future__ import annotations

import glob
from pathlib import Path

from zoo.errors import DataError, MissingError, UsageError
from zoo_spatial.readers.positions import FILES
from zoo_spatial.readers.tenx_matrix import matrix_in
from zoo_spatial.readers.tenx_section import Files
from zoo_spatial.readers.tenx_text import listed

IMAGE_ENDINGS = (".tif", ".tiff", ".btf", ".jpg", ".jpeg", ".png", ".svs", ".ndpi")
DERIVED = (
    "tissue_hires_image",
    "tissue_lowres_image",
    "aligned_fiducials",
    "aligned_tissue_image",
    "detected_tissue_image",
    "cytassist_image",
    "barcode_fluorescence_intensity",
)
BINNED = "binned_outputs"


def is_picture(path: Path) -> bool:
    """Say whether a file is an image that is none of those that Space Ranger derives."""
    stem = path.name.removesuffix(".gz")
    return stem.lower().endswith(IMAGE_ENDINGS) and not any(name in stem for name in DERIVED)


def sections_in(root: Path) -> dict[str, Path]:
    """Return the output folder of each section, by the section's name.

    ``root`` is an output folder, or holds one as ``outs``, or holds folders that are one or hold one; a section is
    called by the folder it stands in, ``outs`` aside.

    Raises
    ------
    MissingError
        There is no such folder, or no output of Space Ranger in it.
    """
    folders = [path for path in listed(root) if path.is_dir()]
    own = _outs(root)
    if own:
        named = root.resolve()
        return {named.parent.name if named.name == "outs" else named.name: own}
    below = {path.name: _outs(path) for path in folders}
    found = {name: path for name, path in below.items() if path}
    if not found:
        raise MissingError(
            f"{root}: holds no output of Space Ranger, which is a folder with spatial/ and "
            "filtered_feature_bc_matrix.h5, by itself or in folders of sections; check data.root"
        )
    return found


def _outs(folder: Path) -> Path | None:
    for path in (folder, folder / "outs"):
        if (path / BINNED).is_dir() or (path / "spatial").is_dir():
            return path
    return None


def files_of(name: str, outs: Path, *, image: str | None, bin_um: int) -> Files:
    """Find the files of a section.

    Parameters
    ----------
    name, outs
        The section, and its output folder.
    image
        Name or glob of the image in that folder or in the one above, or a path from the root of the file system;
        ``{section}`` stands for the section's name.
    bin_um
        Side of the bins to read where there are several (Visium HD).

    Raises
    ------
    MissingError
        Positions, counts or the image that was named are not there.
    DataError
        Two files claim to be one of them.
    """
    folder = _binned(name, outs, bin_um) if (outs / BINNED).is_dir() else outs
    spatial = folder / "spatial"
    positions = next((spatial / file for file in FILES if (spatial / file).is_file()), None)
    if positions is None:
        raise MissingError(f"{spatial}: section {name} has no {' or '.join(FILES)}; restore the folder")
    matrix = matrix_in(folder)
    if matrix is None:
        raise MissingError(
            f"{folder}: section {name} has no filtered_feature_bc_matrix.h5 nor a folder of that name; put it there"
        )
    scale, hires = spatial / "scalefactors_json.json", spatial / "tissue_hires_image.png"
    found = _named(name, outs, image) if image else _beside(name, outs)
    return Files(
        name,
        positions,
        matrix,
        scale=scale if scale.is_file() else None,
        image=found,
        hires=hires if hires.is_file() else None,
    )


def _binned(name: str, outs: Path, bin_um: int) -> Path:
    folder = outs / BINNED / f"square_{bin_um:03d}um"
    if not folder.is_dir():
        found = ", ".join(path.name for path in listed(outs / BINNED)) or "nothing"
        raise MissingError(f"{outs / BINNED}: section {name} has no {folder.name} (found: {found}); check data.bin_um")
    return folder


def _named(name: str, outs: Path, image: str) -> Path:
    pattern = image.replace("{section}", glob.escape(name))
    whole = Path(pattern).is_absolute()
    places = [(Path("/"), pattern.lstrip("/"))] if whole else [(outs, pattern), (outs.parent, pattern)]
    for folder, wanted in places:
        try:
            found = sorted(path for path in folder.glob(wanted) if path.is_file())
        except (ValueError, NotImplementedError) as error:
            raise UsageError(f"data.image: {image} is no pattern of file names ({error})") from error
        if found:
            return _only(name, folder, found)
    raise MissingError(f"section {name}: no file is called {places[0][0] / places[0][1]}; check data.image")


def _beside(name: str, outs: Path) -> Path | None:
    """Find the image in the output folder or in the one above, where it has to bear the section's name."""
    above = outs.parent
    for folder in (outs, above):
        found = [path for path in listed(folder) if path.is_file() and is_picture(path)]
        if folder == above and outs.name != "outs":
            found = [path for path in found if path.name.startswith(name) and not path.name[len(name)].isalnum()]
        if found:
            return _only(name, folder, found)
    return None


def _only(name: str, folder: Path, found: list[Path]) -> Path:
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:4])
        raise DataError(f"{folder}: section {name} has {len(found)} images ({names}); say which with data.image")
    return found[0]
