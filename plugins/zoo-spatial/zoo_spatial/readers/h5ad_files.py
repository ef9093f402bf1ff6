"""Files of AnnData (``.h5ad``) to sections: which rows are which section, where the spots lie, whose tissue it is."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError, ZooError
from zoo_spatial.readers.h5ad_counts import Counts
from zoo_spatial.readers.h5ad_frames import column_names, column_of, names_of, numbers_of
from zoo_spatial.readers.h5ad_image import Picture, picture_of, um_per_px_of
from zoo_spatial.section import Section

if TYPE_CHECKING:
    from numpy.typing import NDArray

BARCODE = re.compile(r"[ACGT]{8,}(?:-\d+)?(?:[-_]\w+)?|\d+x\d+")
PIXELS = ("pxl_col_in_fullres", "pxl_row_in_fullres")
ARRAY = ("array_col", "array_row")
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file keeps things, as a recipe says it.

    Attributes
    ----------
    section, donor
        Columns of ``obs``.
    layer
        Of ``layers``.
    positions
        Key of ``obsm``.
    image
        A path with ``{section}``.
    um_per_px
        Size of a pixel of the positions.
    """

    section: str | None = None
    donor: str | None = None
    layer: str | None = None
    positions: str = "spatial"
    image: str | None = None
    um_per_px: float | None = None


def files_in(root: Path) -> list[Path]:
    """Return the file, or the files of a folder.

    Raises
    ------
    MissingError
        There is none.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise MissingError(f"{root}: there is no such file or folder; check data.root")
    found = sorted(root.glob("*.h5ad"))
    if not found:
        raise MissingError(f"{root}: holds no .h5ad file; point data.root at one, or at a folder of them")
    return found


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file, turning whatever its contents make the libraries raise into one sentence."""
    import h5py

    try:
        with warnings.catch_warnings(), h5py.File(path, "r") as file:
            warnings.simplefilter("ignore")  # anndata warns of each column of an old file, which is read all the same
            check(path, file)
            yield file
    except ZooError:
        raise
    except Exception as error:  # h5py and anndata raise a dozen kinds, all of which mean that the file is damaged
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as AnnData ({reason}); copy or write it again") from error


def check(path: Path, file: Any) -> None:
    """Refuse what is no AnnData, is empty, or has genes for rows."""
    import h5py

    if "matrix" in file and "obs" not in file:
        raise DataError(f"{path}: is a matrix of Space Ranger, not AnnData; read its folder with data.use: visium")
    lacking = [name for name in ("obs", "var") if name not in file]
    if lacking:
        raise DataError(f"{path}: is HDF5 but no AnnData (it has no {' and no '.join(lacking)}); write it with anndata")
    if any(isinstance(file[name], h5py.Dataset) for name in ("obs", "var")):
        raise DataError(f"{path}: was written before anndata 0.7; read it with anndata and write it again")
    spots, genes = names_of(file["obs"]), names_of(file["var"])
    if not spots or not genes:
        raise DataError(f"{path}: holds {len(spots)} spots and {len(genes)} genes; write it again with both")
    if _are_barcodes(genes) and not _are_barcodes(spots):
        raise DataError(
            f"{path}: has genes for rows ({spots[0]} ...) and spots for columns ({genes[0]} ...); write it transposed "
            "(adata.T)"
        )


def _are_barcodes(names: list[str]) -> bool:
    shown = names[:LOOKED_AT]
    return sum(BARCODE.fullmatch(name) is not None for name in shown) > len(shown) / 2


def rows_by_section(path: Path, column: str | None) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each section of a file, in tissue; the file is a section where no column says otherwise."""
    with opened(path) as file:
        if column is not None:
            return rows_by(path, file["obs"], column)
        return {path.name.removesuffix(".h5ad"): np.flatnonzero(_in_tissue(path, file["obs"]))}


def rows_by(path: Path, obs: Any, name: str) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each value of a column of ``obs``; spots that ``in_tissue`` puts on glass are left out."""
    values, kept = column(path, obs, name), _in_tissue(path, obs)
    return {str(value): np.flatnonzero(kept & (values == value)) for value in dict.fromkeys(values[kept].tolist())}


def _in_tissue(path: Path, obs: Any) -> NDArray[np.bool_]:
    if "in_tissue" not in obs:
        return np.ones(len(names_of(obs)), dtype=bool)
    stated = np.char.lower(column(path, obs, "in_tissue").astype(str))
    kept: NDArray[np.bool_] = ~np.isin(stated, ("0", "0.0", "false"))
    if not kept.any():
        raise DataError(f"{path}: none of {len(kept)} spots lies in tissue (obs column in_tissue); restore its values")
    return kept


def column(path: Path, obs: Any, name: str) -> NDArray[Any]:
    """Return a column of ``obs`` without gaps."""
    if name not in obs:
        raise MissingError(f"{path}: obs has no column {name}, it has: {', '.join(column_names(obs)[:20])}")
    values = column_of(obs, name)
    if values.isna().any():
        raise DataError(f"{path}: obs column {name} is empty for {int(values.isna().sum())} spots; fill it in")
    return np.asarray(values)


def open_sections(path: Path, wanted: Mapping[str, NDArray[np.int64]], layout: Layout) -> list[Section]:
    """Read sections of a file: ``wanted`` gives the rows of each.

    Raises
    ------
    MissingError
        A column, a layer or an image is not there.
    DataError
        What is there cannot be used.
    """
    with opened(path) as file:
        counts = Counts(path, file, layout.layer)
        read = [_read(path, file, layout, counts, name=name, rows=rows) for name, rows in wanted.items()]
    return [_section(parts, picture, layout) for parts, picture in read]


def _read(
    path: Path, file: Any, layout: Layout, counts: Counts, *, name: str, rows: NDArray[np.int64]
) -> tuple[dict[str, Any], Picture]:
    names = names_of(file["obs"])
    ids = [names[row] for row in rows]
    if len(set(ids)) != len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise DataError(
            f"{path}: spot {twice} stands twice in section {name}; name the obs column that tells sections apart with "
            "data.section, or make the names unique"
        )
    position = _positions(path, file, layout.positions, rows, ids)
    genes, notes = counts.of(name, rows)
    parts = {
        "name": name,
        "donor": donor_of(path, file["obs"], name, rows, layout.donor),
        "position_px": position,
        "grid": grid_of(file["obs"], rows, position),
        "ids": ids,
        "counts": genes.counts,
        "genes": genes.names,
        "gene_ids": genes.ids,
        "notes": tuple(f"section {name}: {note}" for note in (*notes, *genes.notes)),
    }
    return parts, picture_of(path, file, name, layout.image, several=layout.section is not None)


def donor_of(path: Path, obs: Any, name: str, rows: NDArray[np.int64], key: str | None) -> str:
    """Return whose tissue a section is, by the column ``key`` of ``obs``."""
    if key is None:
        return name
    found = sorted(set(map(str, column(path, obs, key)[rows])))
    if len(found) > 1:
        raise DataError(
            f"{path}: section {name} is of the donors {', '.join(found[:5])} (obs column {key}), not of one"
        )
    return found[0]


def _positions(path: Path, file: Any, key: str, rows: NDArray[np.int64], ids: list[str]) -> NDArray[np.float32]:
    """Return x and y of spots in pixels of the full image [n, 2]."""
    values = _stored_positions(path, file, key)[rows]
    gaps = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(gaps):
        raise DataError(
            f"{path}: {len(gaps)} of {len(rows)} spots have no position (first: {ids[gaps[0]]}); leave them out"
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def _stored_positions(path: Path, file: Any, key: str) -> NDArray[np.float64]:
    from anndata.io import read_elem

    obs, places = file["obs"], file.get("obsm", {})
    if key in places:
        stored = read_elem(places[key])
        columns = [str(name) for name in getattr(stored, "columns", ())]
        if columns == list(reversed(PIXELS)):  # SpatialExperiment names its columns and may have rows first
            stored = stored[list(PIXELS)]
        values = np.asarray(stored)
    elif all(name in obs for name in PIXELS):
        values = np.stack([numbers_of(obs, name) for name in PIXELS], axis=1)
    else:
        found = f"it has: {', '.join(places)}" if len(places) else "it is empty"
        raise DataError(
            f'{path}: has no positions of spots in obsm["{key}"] ({found}); name their key with data.positions'
        )
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind not in "fiu":  # noqa: PLR2004 - x and y
        raise DataError(
            f'{path}: obsm["{key}"] has the shape {values.shape} of {values.dtype}, x and y in pixels are needed '
            f"({values.shape[0]}, 2)"
        )
    return values.astype(np.float64)


def grid_of(obs: Any, rows: NDArray[np.int64], position: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return column and row of spots on the array [n, 2], their positions where ``obs`` does not say them."""
    if not all(name in obs for name in ARRAY):
        return position
    grid = np.stack([numbers_of(obs, name)[rows] for name in ARRAY], axis=1).astype(np.float32)
    return grid if np.isfinite(grid).all() else position


def _section(parts: dict[str, Any], picture: Picture, layout: Layout) -> Section:
    slide = picture.open()
    position = parts["position_px"]
    full = layout.um_per_px or um_per_px_of(position, parts["grid"], picture.factors)
    size = full / picture.scale if full else slide.um_per_px
    moved = {**parts, "position_px": position * np.float32(picture.scale), "notes": (*parts["notes"], *picture.notes)}
    return Section(image=slide, um_per_px=size, **moved)
