"""Counts of 10x Genomics' pipelines, whichever of their formats they come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.tenx_genes import genes_of
from zoo_spatial.readers.tenx_h5 import read_h5
from zoo_spatial.readers.tenx_mtx import read_mtx
from zoo_spatial.readers.tenx_raw import Raw, checked
from zoo_spatial.readers.tenx_text import listed

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ROWS = ("features.tsv", "genes.tsv")


@dataclass(frozen=True, slots=True)
class MatrixFiles:
    """The file or files of one matrix: an ``.h5``, or ``.mtx`` with its rows and columns."""

    path: Path
    features: Path | None = None
    barcodes: Path | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of one section.

    Attributes
    ----------
    path
        The file they were read from.
    counts
        Transcripts [barcodes, genes] of float32.
    barcodes, genes
        Names of rows and columns, each once.
    gene_ids
        Ensembl identifiers of the genes; None where the file has none.
    notes
        What was left out or renamed.
    """

    path: Path
    counts: csr_matrix
    barcodes: list[str]
    genes: list[str]
    gene_ids: list[str] | None
    notes: tuple[str, ...]


def matrix_in(folder: Path) -> MatrixFiles | None:
    """Find the matrix of one output folder: filtered before raw, HDF5 before Matrix Market; None where there is none.

    A file of 10x's downloads, which has the name of the data before its own, is taken where it is the only one.

    Raises
    ------
    DataError
        Two files claim to be it.
    """
    for kind in ("filtered", "raw"):
        named = sorted(folder.glob(f"*{kind}_feature_bc_matrix.h5")) or sorted(folder.glob(f"{kind}_gene_bc_*h5.h5"))
        exact = [path for path in named if path.name == f"{kind}_feature_bc_matrix.h5"]
        if len(named) > 1 and not exact:
            raise DataError(f"{folder}: holds {' and '.join(path.name for path in named[:3])}; leave one of them there")
        if named:
            return MatrixFiles((exact or named)[0])
        for name in (f"{kind}_feature_bc_matrix", f"{kind}_gene_bc_matrices"):
            if (folder / name).is_dir():
                return mtx_in(folder / name)
    return None


def mtx_in(folder: Path) -> MatrixFiles:
    """Find ``matrix.mtx``, its features and its barcodes in a folder, gzip or not, or one genome's folder below.

    Raises
    ------
    MissingError
        One of the three is not there.
    DataError
        There is a folder for each of two genomes.
    """
    below = [path for path in listed(folder) if path.is_dir()]
    if below and not any(folder.glob("matrix.mtx*")):
        if len(below) > 1:
            names = " and ".join(path.name for path in below[:3])
            raise DataError(f"{folder}: holds genes of two genomes, {names}; leave one of the folders there")
        return mtx_in(below[0])
    return MatrixFiles(_one(folder, "matrix.mtx"), _one(folder, *ROWS), _one(folder, "barcodes.tsv"))


def _one(folder: Path, *names: str) -> Path:
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    found = ", ".join(path.name for path in listed(folder)[:6]) or "nothing"
    raise MissingError(f"{folder}: has no {' or '.join(names)} (found: {found}); restore the folder from its source")


def read_matrix(files: MatrixFiles, genome: str | None = None) -> Matrix:
    """Read counts; features that are no genes are left out.

    Parameters
    ----------
    files
        Where they are.
    genome
        Which of two genomes to keep.

    Raises
    ------
    MissingError
        A file is not there.
    DataError
        It cannot be read, its parts do not fit, or it holds what are no counts of the genes of one genome.
    """
    raw = _read(files, genome)
    counts = checked(raw)
    genes = genes_of(files.path, raw.features, genome)
    if len(genes.kept) < counts.shape[1]:
        counts = counts[:, genes.kept]
    return Matrix(files.path, counts, raw.barcodes, genes.names, genes.ids, genes.notes)


def _read(files: MatrixFiles, genome: str | None) -> Raw:
    if files.features is None or files.barcodes is None:
        return read_h5(files.path, genome)
    return read_mtx(files.path, files.features, files.barcodes)
