"""SpatialData stores (Zarr) to sections: a table, the shapes or points it annotates, and an image over both."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError, ZooError
from zoo_spatial.outputs.spatialdata_out import import_spatialdata
from zoo_spatial.readers.h5ad_counts import Counts
from zoo_spatial.readers.h5ad_files import check, column, donor_of, grid_of, rows_by
from zoo_spatial.readers.h5ad_frames import names_of
from zoo_spatial.readers.h5ad_image import um_per_px_of
from zoo_spatial.readers.spatialdata_slide import ChunkedLevel, StoreSlide
from zoo_spatial.section import Section

if TYPE_CHECKING:
    from numpy.typing import NDArray

METADATA = {"zarr.json", ".zarray", ".zmetadata"}
MOST_PIXELS = 10**11
MOST_CHUNK = 2**31
XY = ("x", "y")
ALIKE = 0.02
REDUCED = re.compile(r"(?:hi|low)res")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a recipe says of stores: which table, image and layer, the column of donors, the size of a pixel."""

    table: str | None = None
    image: str | None = None
    donor: str | None = None
    layer: str | None = None
    um_per_px: float | None = None


def stores_in(root: Path) -> list[Path]:
    """Return the store, or the stores (``*.zarr``) of a folder.

    Raises
    ------
    MissingError
        There is none.
    """
    if not root.is_dir():
        raise MissingError(f"{root}: there is no such folder; check data.root")
    if any((root / name).is_file() for name in ("zarr.json", ".zgroup")):
        return [root]
    found = sorted(path for path in root.glob("*.zarr") if path.is_dir())
    if not found:
        raise MissingError(f"{root}: is no SpatialData store and holds none (NAME.zarr); check data.root")
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries below, about each other's versions
            yield
    except ZooError:
        raise
    except Exception as error:  # a dozen libraries raise as many kinds, all of which mean that the store is damaged
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as SpatialData ({reason}); copy or write it again") from error


def _refuse_pickles(path: Path) -> None:
    """Refuse a store whose arrays are to be unpickled: a pickle of a stranger's can run anything."""
    for folder, _, files in os.walk(path):
        for name in METADATA.intersection(files):
            file = Path(folder) / name
            if "pickle" in json.dumps(_plain_json(file)):  # written anew, as a text may spell a letter as an escape
                raise DataError(f"{file}: asks to unpickle values, which can run anything; write the store without")


def _plain_json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except ValueError as error:
        raise DataError(f"{file}: is no JSON ({error}); copy or write the store again") from error


def _table_of(path: Path, name: str | None) -> Any:
    """Return the group of a table, as anndata lays it out."""
    import zarr

    _refuse_pickles(path)
    with _readable(path):
        tables = zarr.open_group(path, mode="r").get("tables")
        found = sorted(tables) if tables is not None else []
        chosen = name or ("table" if "table" in found or len(found) != 1 else found[0])
        if chosen not in found:
            raise MissingError(f"{path}: has no table {chosen} (found: {', '.join(found) or 'none'}); name data.table")
        check(path, tables[chosen])
        return tables[chosen]


def _keys(path: Path, table: Any) -> tuple[str, str]:
    """Return the columns that say which element a row belongs to, and which of its spots it is."""
    from anndata.io import read_elem

    if "uns/spatialdata_attrs" not in table:
        raise DataError(
            f"{path}: its table annotates no shapes or points (uns/spatialdata_attrs); link it to the spots"
        )
    keys = read_elem(table["uns/spatialdata_attrs"])
    return str(keys["region_key"]), str(keys["instance_key"])


def regions_in(path: Path, layout: Layout) -> dict[str, NDArray[np.int64]]:
    """Return the elements that the table annotates, with its rows of each; spots on glass are left out."""
    table = _table_of(path, layout.table)
    with _readable(path):
        return rows_by(path, table["obs"], _keys(path, table)[0])


def open_sections(path: Path, wanted: dict[str, tuple[str, NDArray[np.int64]]], layout: Layout) -> list[Section]:
    """Read sections of a store: ``wanted`` gives the element of each and the rows of the table.

    Raises
    ------
    MissingError
        The library, or an element that is named, is not there.
    DataError
        What is there cannot be used.
    """
    library, table = import_spatialdata(), _table_of(path, layout.table)
    with _readable(path):
        store = library.read_zarr(path, selection=("images", "shapes", "points"))
        counts = Counts(path, table, layout.layer)
        return [
            _section(path, store, table, counts, layout, name=name, region=region, rows=rows)
            for name, (region, rows) in wanted.items()
        ]


def _section(
    path: Path,
    store: Any,
    table: Any,
    counts: Counts,
    layout: Layout,
    *,
    name: str,
    region: str,
    rows: NDArray[np.int64],
) -> Section:
    element, obs = _spots(path, store, region), table["obs"]
    image, slide, onto = _image(path, store, element, region=region, wanted=layout.image, section=name)
    instances = column(path, obs, _keys(path, table)[1])[rows]
    position, radius = _placed(path, element, region, instances, onto)
    genes, notes = counts.of(name, rows)
    names, grid = names_of(obs), grid_of(obs, rows, position)
    if REDUCED.search(image):
        notes = (*notes, f"patches come from the reduced image {image}")
    return Section(
        name=name,
        donor=donor_of(path, obs, name, rows, layout.donor),
        image=slide,
        position_px=position,
        grid=grid,
        ids=[names[row] for row in rows],
        counts=genes.counts,
        genes=genes.names,
        gene_ids=genes.ids,
        um_per_px=layout.um_per_px or um_per_px_of(position, grid, {"spot_diameter_fullres": 2 * radius}),
        notes=tuple(f"section {name}: {note}" for note in (*notes, *genes.notes)),
    )


def _spots(path: Path, store: Any, region: str) -> Any:
    for kind in (store.shapes, store.points):
        if region in kind:
            return kind[region]
    found = ", ".join([*store.shapes, *store.points]) or "none"
    raise DataError(f"{path}: its table annotates {region}, which is neither shapes nor points (found: {found})")


def _placed(
    path: Path, element: Any, region: str, instances: NDArray[Any], onto: NDArray[np.float64]
) -> tuple[NDArray[np.float32], float]:
    """Return the centres of spots in pixels of the image [n, 2], and their radius there, 0 where they have none."""
    import pandas as pd

    if hasattr(element, "geometry"):
        centres = element.geometry.centroid
        xy, index = np.stack([centres.x, centres.y], axis=1), element.index
        radius = float(np.median(element["radius"])) if "radius" in element else 0.0
    else:
        frame = element[list(XY)].compute()
        xy, index, radius = frame.to_numpy(dtype=np.float64), frame.index, 0.0
    found = pd.Index(index).get_indexer(pd.Index(instances).astype(index.dtype))
    if (found < 0).any():
        lost = instances[int(np.flatnonzero(found < 0)[0])]
        raise DataError(f"{path}: {int((found < 0).sum())} rows of its table are not in {region} (first: {lost})")
    placed = xy[found] @ onto[:2, :2].T + onto[:2, 2]
    if not np.isfinite(placed).all():
        raise DataError(f"{path}: a spot of {region} has no position; leave it out")
    return placed.astype(np.float32), radius * float(np.sqrt(abs(np.linalg.det(onto[:2, :2]))))


def _image(
    path: Path, store: Any, element: Any, *, region: str, wanted: str | None, section: str
) -> tuple[str, StoreSlide, NDArray[np.float64]]:
    """Return the image's name, the image, and the affine map [3, 3] of the spots' coordinates onto its pixels.

    Where none is named it is the largest RGB image that shares a coordinate system with the spots.
    """
    named = wanted.replace("{section}", section) if wanted else None
    listed = ", ".join(store.images) or "none"
    if named and named not in store.images:
        raise MissingError(f"{path}: has no image {named} (found: {listed}); name another with data.image")
    found = []
    for one in [named] if named else sorted(store.images):
        levels, onto = _levels(store.images[one]), _onto(element, store.images[one])
        if onto is not None and levels[0].shape[0] == 3:  # noqa: PLR2004 - RGB
            found.append((one, levels, onto))
    if not found:
        raise DataError(
            f"{path}: has no RGB image in a coordinate system of {region} (images: {listed}); "
            "add one, or a transformation between them"
        )
    best, levels, onto = max(found, key=lambda pair: pair[1][0].size)
    return best, _slide(path, best, levels), onto


def _levels(element: Any) -> list[Any]:
    """Return the dask arrays [C, H, W] of an image, the largest first."""
    if hasattr(element, "children"):
        arrays = [next(iter(node.ds.data_vars.values())) for node in element.children.values()]
    else:
        arrays = [element]
    return sorted((array.transpose("c", "y", "x").data for array in arrays), key=lambda data: -data.size)


def _slide(path: Path, name: str, levels: list[Any]) -> StoreSlide:
    first = levels[0]
    if first.dtype != np.uint8:
        raise DataError(f"{path}: image {name} holds {first.dtype}, RGB of 8 bits is needed; convert it")
    if first.size > 3 * MOST_PIXELS or max(np.prod(level.chunksize) for level in levels) > MOST_CHUNK:
        raise DataError(f"{path}: image {name} of {first.shape} or one of its chunks is too large; write it in chunks")
    found = []
    for data in levels:
        down, across = first.shape[1] / data.shape[1], first.shape[2] / data.shape[2]
        if abs(down / across - 1) < ALIKE:
            found.append(((down + across) / 2, ChunkedLevel(data)))
    return StoreSlide(found)


def _onto(element: Any, image: Any) -> NDArray[np.float64] | None:
    """Return the map of the spots onto an image's pixels; None where they share no coordinate system."""
    from spatialdata.transformations import get_transformation

    spots, pixels = get_transformation(element, get_all=True), get_transformation(image, get_all=True)
    shared = sorted(set(spots) & set(pixels), key=lambda name: (name != "global", name))
    if not shared:
        return None
    there, back = (maps[shared[0]].to_affine_matrix(XY, XY) for maps in (spots, pixels))
    onto: NDArray[np.float64] = np.linalg.inv(back) @ there
    return onto
