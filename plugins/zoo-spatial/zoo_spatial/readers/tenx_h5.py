"""Matrices that Cell Ranger and Space Ranger write as HDF5: the layout of today, and that of version 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.tenx_genes import Features
from zoo_spatial.readers.tenx_raw import Raw, check_shape, whole
from zoo_spatial.readers.tenx_text import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_VALUES = 2**30
VALUES_PER_BYTE = 100
PARTS = {"barcodes", "data", "gene_names", "genes", "indices", "indptr", "shape"}
DAMAGED = "{}: cannot be read to its end ({}); restore it from its source"


def read_h5(path: Path, genome: str | None = None) -> Raw:
    """Read ``*_feature_bc_matrix.h5`` or, of version 2, ``*_gene_bc_matrices_h5.h5``.

    Raises
    ------
    MissingError
        There is no such file.
    DataError
        It is no HDF5, was cut short, or holds no such matrix.
    """
    with _opened(path) as file:
        group, features = _matrix(path, file, genome)
        barcodes = _texts(path, group, "barcodes")
        shape = _numbers(path, group, "shape", np.int64)
        if len(shape) != 2:  # noqa: PLR2004 - features and barcodes
            raise DataError(f"{path}: its shape has {len(shape)} numbers, not 2; it is no matrix of Space Ranger")
        check_shape(path, (int(shape[0]), int(shape[1])), len(features.ids), len(barcodes))
        data, indices = _numbers(path, group, "data", np.float32), _numbers(path, group, "indices", np.int32)
        indptr = _numbers(path, group, "indptr", np.int64)
    counts = whole(path, (data, indices, indptr), features=len(features.ids), barcodes=len(barcodes))
    return Raw(path, counts, barcodes, features)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    if not path.is_file():
        raise MissingError(f"{path}: there is no such file; check data.root")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (DataError, MissingError):
        raise
    except Exception as error:  # HDF5 raises a dozen kinds, all of which mean that the file is damaged
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(DAMAGED.format(path, said)) from error


def _matrix(path: Path, file: Any, genome: str | None) -> tuple[Any, Features]:
    if "matrix" in file and "features" in file["matrix"]:
        group = file["matrix"]
        listed = group["features"]
        kinds = _texts(path, listed, "feature_type") if "feature_type" in listed else []
        genomes = _texts(path, listed, "genome") if "genome" in listed else []
        ids, names = _texts(path, listed, "id"), _texts(path, listed, "name")
    else:
        group, label = _of_version_2(path, file, genome)
        ids, names = _texts(path, group, "genes"), _texts(path, group, "gene_names")
        kinds, genomes = [], [label] * len(ids)
    if {len(names), len(kinds) or len(ids), len(genomes) or len(ids)} != {len(ids)}:
        raise DataError(f"{path}: lists {len(ids)} identifiers and {len(names)} names of features; it is damaged")
    return group, Features(ids, names, kinds, genomes)


def _of_version_2(path: Path, file: Any, genome: str | None) -> tuple[Any, str]:
    found = [name for name in file if hasattr(file[name], "keys") and set(file[name]) >= PARTS]
    if not found:
        holds = ", ".join(map(shown, sorted(file)[:6])) or "nothing"
        raise DataError(f"{path}: is no matrix of Space Ranger (it holds {holds}); give filtered_feature_bc_matrix.h5")
    if genome is None and len(found) > 1:
        raise DataError(
            f"{path}: holds genes of two genomes, {' and '.join(map(shown, found[:3]))}; choose one, for example "
            f"data.genome: {shown(found[0])}"
        )
    if genome is not None and genome not in found:
        raise DataError(f"{path}: holds no gene of {genome} (found: {', '.join(map(shown, found))}); check data.genome")
    name = genome or found[0]
    return file[name], name


def _dataset(path: Path, group: Any, name: str) -> Any:
    """Return a dataset that lies in this file and is no larger than a file of its size can hold in earnest."""
    import h5py

    link = group.get(name, getlink=True)
    if link is None:
        raise DataError(f"{path}: its matrix has no {name}; restore it from its source")
    item = group[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(item, h5py.Dataset) or item.ndim != 1 or item.external or item.is_virtual:
        raise DataError(f"{path}: {name} is no plain list inside this file; do not trust it")
    most = min(MOST_VALUES, VALUES_PER_BYTE * path.stat().st_size)
    if item.size > most:
        raise DataError(f"{path}: {name} claims {item.size:,} values, more than the {most:,} that such a file can hold")
    return item


def _numbers(path: Path, group: Any, name: str, kind: type) -> NDArray[Any]:
    item = _dataset(path, group, name)
    if item.dtype.kind not in ("iuf" if kind is np.float32 else "iu"):
        raise DataError(f"{path}: {name} holds {item.dtype}, not numbers; it is no matrix of Space Ranger")
    values = item[:]
    if kind is np.int32 and len(values) and (values.min() < 0 or values.max() > np.iinfo(np.int32).max):
        raise DataError(f"{path}: {name} holds a number out of range; restore it from its source")
    numbers: NDArray[Any] = values.astype(kind, copy=False)
    return numbers


def _texts(path: Path, group: Any, name: str) -> list[str]:
    import h5py

    item = _dataset(path, group, name)
    if h5py.check_string_dtype(item.dtype) is None:
        raise DataError(f"{path}: {name} holds {item.dtype}, not text; it is no matrix of Space Ranger")
    return [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in item[:]]
