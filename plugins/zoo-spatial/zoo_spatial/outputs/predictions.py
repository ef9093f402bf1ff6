"""Predicted expression as AnnData: written rows at a time, alone or beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.spots import SpotDataset

CHUNK_BYTES = 2**20
NAMES_AT_ONCE = 20_000
PLACES = ("section", "array_col", "array_row")


class PredictionFile:
    """An ``.h5ad`` being written; made by :func:`predictions_to`.

    Parameters
    ----------
    path
        Where the file goes in the end.
    file
        The open HDF5 file.
    spots
        How many rows will come.
    genes
        Names of the columns.
    columns
        Further values of each spot (``novelty``), which become columns of ``obs``.
    """

    def __init__(self, path: Path, file: Any, spots: int, genes: Sequence[str], columns: Sequence[str]) -> None:
        self._path = path
        rows = max(1, min(spots, CHUNK_BYTES // (4 * max(1, len(genes)))))
        self._x = file.create_dataset("X", (spots, len(genes)), "f4", chunks=(rows, len(genes)))
        self._x.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        self._obs = {name: file["obs"].create_dataset(name, (spots,), "f4") for name in columns}
        for column in self._obs.values():
            column.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        self.written = 0

    def add(self, expression: NDArray[np.float32], columns: Mapping[str, NDArray[np.float32]] | None = None) -> None:
        """Append the expression of the next spots [n, G] and their further values, each [n].

        Raises
        ------
        RunError
            The disk is full.
        ValueError
            There are more rows than spots, or the columns are not those that were announced.
        """
        columns = columns or {}
        end = self.written + len(expression)
        if end > len(self._x) or expression.shape[1:] != self._x.shape[1:]:
            raise ValueError(f"rows up to {end} of {expression.shape[1:]} genes do not fit a table of {self._x.shape}")
        if set(columns) != set(self._obs):
            raise ValueError(f"columns are {', '.join(self._obs) or 'none'}, not {', '.join(columns) or 'none'}")
        with atomic.disk_errors(self._path):
            self._x[self.written : end] = expression
            for name, values in columns.items():
                self._obs[name][self.written : end] = values
        self.written = end


@contextmanager
def predictions_to(
    path: Path, dataset: SpotDataset, facts: Mapping[str, str], columns: Sequence[str] = ()
) -> Iterator[PredictionFile]:
    """Write predictions rows at a time, so that those of a million points are never in memory together.

    The file has gene names in ``var``, spot names with ``section``, ``array_col``, ``array_row`` and ``columns`` in
    ``obs``, centres in pixels in ``obsm['spatial']``, and in ``uns['zoo']`` the facts, the scale and the size of the
    pixels. It appears whole when the block is left, and not at all where that fails.

    Parameters
    ----------
    path
        Where it goes.
    dataset
        Whose spots they are, in its order.
    facts
        Which recipe and model made them.
    columns
        Names of further values of each spot.

    Raises
    ------
    RunError
        The disk is full, or the folder cannot be written to.
    ValueError
        The block is left before every spot has its prediction.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with _begun(path, temporary) as file:
            with atomic.disk_errors(path):
                _describe(file, dataset, facts, columns)
                out = PredictionFile(path, file, len(dataset), dataset.genes, columns)
            yield out  # outside of the guard: what fails in the block is not this file's business
        if out.written != len(dataset):
            raise ValueError(f"{path}: {out.written} of {len(dataset)} spots have predictions")
        atomic.write(path, lambda beside: _moved(temporary, beside))
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _begun(path: Path, temporary: Path) -> Iterator[Any]:
    import h5py

    with atomic.disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = h5py.File(temporary, "w")
    try:
        yield file
    finally:
        with atomic.disk_errors(path):
            file.close()


def _moved(file: Path, place: Path) -> None:
    file.replace(place)


def _describe(file: Any, dataset: SpotDataset, facts: Mapping[str, str], columns: Sequence[str]) -> None:
    """Write everything but the values: what anndata calls obs, var, obsm and uns."""
    import pandas as pd
    from anndata.io import write_elem

    file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    write_elem(file, "var", pd.DataFrame(index=pd.Index(dataset.genes, name="gene")))
    obs = file.create_group("obs")
    obs.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "spot"})
    obs.attrs["column-order"] = np.array([*PLACES, *columns], dtype=object)
    _write_names(obs, dataset)
    values = (pd.Categorical(dataset.groups["section"]), *dataset.grid.T)
    for name, column in zip(PLACES, values, strict=True):
        write_elem(obs, name, column if name == "section" else np.ascontiguousarray(column))
    write_elem(file, "obsm", {"spatial": dataset.position_px.astype(np.float64)})
    write_elem(file, "uns", {"zoo": facts_of(dataset, facts)})


def _write_names(obs: Any, dataset: SpotDataset) -> None:
    """Write the index of ``obs`` in pieces: a million names as Python texts take more memory than their spots."""
    import h5py

    spots = len(dataset)
    names = obs.create_dataset("spot", (spots,), h5py.string_dtype())
    names.attrs.update({"encoding-type": "string-array", "encoding-version": "0.2.0"})
    for start in range(0, spots, NAMES_AT_ONCE):
        end = min(start + NAMES_AT_ONCE, spots)
        names[start:end] = [dataset.item_id(item) for item in range(start, end)]


def described(dataset: SpotDataset, items: NDArray[np.int64]) -> Any:
    """Return ``obs`` of items, a data frame: their names, sections and places on the array."""
    import pandas as pd

    sections = dataset.groups["section"]
    names = pd.Index([dataset.item_id(int(item)) for item in items], name="spot", dtype=object)
    obs = pd.DataFrame({"section": pd.Categorical([sections[item] for item in items])}, index=names)
    obs[list(PLACES[1:])] = dataset.grid[items]
    return obs


def facts_of(dataset: SpotDataset, facts: Mapping[str, str]) -> dict[str, Any]:
    """Return what made predictions, their scale, and the size of the pixels of each section."""
    known = [section for section in dataset.sections if section.um_per_px is not None]
    sizes = {section.name.replace("/", "_"): section.um_per_px for section in known}  # HDF5 would nest at a slash
    return {**facts, "scale": dataset.scale, "um_per_px": sizes}


def write_anndata(
    path: Path,
    expression: NDArray[np.float32],
    dataset: SpotDataset,
    facts: Mapping[str, str],
    columns: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write predictions [n, G] of all spots at once, as :func:`predictions_to` does rows at a time."""
    with predictions_to(path, dataset, facts, tuple(columns or ())) as out:
        out.add(expression, columns)


def write_scored(  # noqa: PLR0917 - two tables, and what they are of
    path: Path,
    predicted: NDArray[np.float32],
    truth: NDArray[np.float32],
    dataset: SpotDataset,
    items: NDArray[np.int64],
    by_gene: Mapping[str, NDArray[np.float64]],
    facts: Mapping[str, str],
    columns: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write predictions beside what was measured.

    Parameters
    ----------
    path
        Where the ``.h5ad`` goes.
    predicted, truth
        Expression [n, G]; ``X``, and the layer ``truth``.
    dataset, items
        Whose spots they are, and which of them [n].
    by_gene
        Scores of each gene [G], which become columns of ``var``; the mean of the truth is added as ``mean_truth``.
    facts
        Which recipe and model made them.
    columns
        Further values of each spot [n].

    Raises
    ------
    RunError
        The disk is full, or the folder cannot be written to.
    """
    import anndata
    import pandas as pd

    var = pd.DataFrame(dict(by_gene), index=pd.Index(dataset.genes, name="gene"))
    if "mean_truth" not in var:
        var["mean_truth"] = truth.mean(axis=0, dtype=np.float64)
    obs = described(dataset, items).assign(**(columns or {}))
    table = anndata.AnnData(predicted, obs=obs, var=var, layers={"truth": truth})
    table.obsm["spatial"] = dataset.position_px[items].astype(np.float64)
    table.uns["zoo"] = facts_of(dataset, facts)
    atomic.write(path, table.write_h5ad)
