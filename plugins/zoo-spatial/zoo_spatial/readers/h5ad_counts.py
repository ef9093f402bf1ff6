"""Raw counts in AnnData, of HDF5 or of Zarr: which of its matrices holds them, and rows of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.h5ad_frames import column_of, names_of
from zoo_spatial.readers.st_genes import Genes, are_ensembl, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

IDS = ("gene_ids", "gene_id", "ensembl", "ensembl_id", "ensembl_gene_id", "feature_id", "ENSEMBL")
SYMBOLS = ("gene_name", "gene_names", "symbol", "gene_symbol", "gene_symbols", "feature_name", "SYMBOL")
USUAL_LAYERS = ("counts", "raw_counts", "raw")
LOOKED_AT = 100_000
LOG_SCALED = 30.0
"""Log-scaled expression stays below: the natural log of all transcripts of a deeply sequenced spot is about 14."""


class Counts:
    """The matrix of a file that holds raw counts.

    ``X`` is taken where it holds whole numbers, else ``raw``, else a layer called ``counts``; a layer that is named is
    taken or refused, and nothing else is looked at.

    Raises
    ------
    MissingError
        The file has no such layer.
    DataError
        No matrix holds counts.
    """

    def __init__(self, path: Path, file: Any, layer: str | None) -> None:
        self.path = path
        self.where, self._notes = _chosen(path, file, layer)
        self._matrix = _matrices(file)[self.where]
        self._whole: Any = None
        var = file["raw/var"] if self.where == "raw" else file["var"]
        self._names, self._ids = _gene_names(var)

    def of(self, section: str, rows: NDArray[np.int64]) -> tuple[Genes, tuple[str, ...]]:
        """Return the counts of rows with the names of their genes, and what must be known of them."""
        counts = self._rows(rows)
        if counts.shape[1] != len(self._names):
            wide = f"{counts.shape[1]} columns and var {len(self._names)} genes"
            raise DataError(f"{self.path}: {self.where} has {wide}; the file is damaged, write it again")
        values = counts if isinstance(counts, np.ndarray) else counts.data
        if not np.isfinite(values).all() or (values < 0).any():
            raise DataError(
                f"{self.path}: {self.where} holds negative or missing values in section {section}; {WANTED}"
            )
        notes = self._notes
        if not _are_whole(values):
            notes = (*notes, f"counts in {self.where} are no whole numbers, as after a correction; taken as they are")
        return named(counts, self._names, self._ids), notes

    def _rows(self, rows: NDArray[np.int64]) -> Any:
        """Return rows as float32, dense as a dense matrix is stored and else ``csr_matrix``."""
        from anndata.io import sparse_dataset
        from scipy import sparse

        if _is_dense(self._matrix):
            return np.asarray(self._matrix[int(rows[0]) : int(rows[-1]) + 1][rows - rows[0]], dtype=np.float32)
        if self._matrix.attrs["encoding-type"] == "csr_matrix":
            found = sparse_dataset(self._matrix)[rows]
        else:  # columns are stored one after the other, so rows are in all of the file
            self._whole = sparse_dataset(self._matrix).to_memory().tocsr() if self._whole is None else self._whole
            found = self._whole[rows]
        found = sparse.csr_matrix(found, dtype=np.float32)
        found.check_format(full_check=True)  # indices out of bounds would read foreign memory
        return found


WANTED = "raw counts are needed"


def _matrices(file: Any) -> dict[str, Any]:
    found = {"X": file.get("X"), "raw": file.get("raw/X")}
    found |= {f"layers/{name}": file["layers"][name] for name in file["layers"]} if "layers" in file else {}
    return {name: matrix for name, matrix in found.items() if _is_matrix(matrix)}


def _is_dense(stored: Any) -> bool:
    return hasattr(stored, "ndim")  # a group, of HDF5 as of Zarr, has none


def _is_matrix(stored: Any) -> bool:
    if stored is not None and _is_dense(stored):
        return stored.ndim == 2 and stored.dtype.kind in "fiu"  # noqa: PLR2004 - rows and columns
    return stored is not None and stored.attrs.get("encoding-type") in {"csr_matrix", "csc_matrix"}


def _chosen(path: Path, file: Any, layer: str | None) -> tuple[str, tuple[str, ...]]:
    found = _matrices(file)
    layers = ", ".join(name.removeprefix("layers/") for name in found if name.startswith("layers/")) or "none"
    if layer is not None:
        if f"layers/{layer}" not in found:
            raise MissingError(f"{path}: has no layer {layer} (layers: {layers}); name another with data.layer")
        found = {f"layers/{layer}": found[f"layers/{layer}"]}
    order = [name for name in ("X", "raw", *(f"layers/{one}" for one in USUAL_LAYERS)) if name in found] or list(found)
    shown = {name: _glimpse(found[name]) for name in order}
    usable = [name for name in order if _are_whole(shown[name])] or [n for n in order if not _log_scaled(shown[n])]
    if not usable:
        first = f"{order[0]} holds {_example(shown[order[0]])}" if order else "it has no X"
        raise DataError(
            f"{path}: holds no raw counts ({first}, which is no count); name the layer that does with data.layer "
            f"(layers: {layers})"
        )
    note = f"counts are taken from {usable[0]}, as X holds scaled values"
    return usable[0], (note,) if usable[0] != "X" and "X" in order else ()


def _glimpse(matrix: Any) -> NDArray[Any]:
    """Return values that are not 0, from the beginning of a matrix."""
    if _is_dense(matrix):
        rows = max(1, LOOKED_AT // max(1, matrix.shape[1]))
        values = np.asarray(matrix[:rows]).ravel()
    else:
        values = np.asarray(matrix["data"][:LOOKED_AT])
    shown: NDArray[Any] = values[values != 0]
    return shown


def _are_whole(values: NDArray[Any]) -> bool:
    return bool((values >= 0).all() and (values == np.round(values)).all())


def _log_scaled(values: NDArray[Any]) -> bool:
    return bool(len(values) and (not (values >= 0).all() or values.max() < LOG_SCALED))


def _example(values: NDArray[Any]) -> str:
    odd = values[(values != np.round(values)) | (values < 0)]
    return f"{odd[0]:.4g}"


def _gene_names(var: Any) -> tuple[list[str], list[str] | None]:
    """Return names of genes, symbols where there are any, and Ensembl identifiers where there are any."""
    index = names_of(var)
    if are_ensembl(index):
        symbols = _text(var, SYMBOLS)
        return ([one or name for one, name in zip(symbols, index, strict=True)], index) if symbols else (index, None)
    ids = _text(var, IDS)
    return index, ids if ids and are_ensembl([one for one in ids if one]) else None


def _text(var: Any, columns: tuple[str, ...]) -> list[str] | None:
    found = next((name for name in columns if name in var), None)
    if found is None:
        return None
    values = column_of(var, found)
    return [str(value) for value in values.where(values.notna(), "")]
