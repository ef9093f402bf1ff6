"""The rows of a 10x matrix: which are genes, of which genome, and what each is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError
from zoo_spatial.readers.tenx_text import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXPRESSION = "Gene Expression"
ENSEMBL = re.compile(r"ENS[A-Z]{0,6}G\d{6,}")
STEM = re.compile(r"(ENS[A-Z]{0,6}G)\d{6,}")
PREFIXED = re.compile(r"(.+?)_+(?=ENS[A-Z]{0,6}G\d)")
VERSIONED = re.compile(r"(ENS[A-Z]{0,6}G\d+)\.\d+")


@dataclass(frozen=True, slots=True)
class Features:
    """Rows of a matrix as the file lists them; ``kinds`` and ``genomes`` are empty where it does not say."""

    ids: list[str]
    names: list[str]
    kinds: list[str]
    genomes: list[str]


@dataclass(frozen=True, slots=True)
class Genes:
    """What was made of the features.

    Attributes
    ----------
    kept
        Numbers of the features that are genes of the genome.
    names
        Each once: the symbol, or the identifier where two genes have one symbol.
    ids
        Ensembl identifiers without version; None where the file has none.
    notes
        What was left out or renamed.
    """

    kept: NDArray[np.int64]
    names: list[str]
    ids: list[str] | None
    notes: tuple[str, ...]


def genes_of(path: Path, features: Features, genome: str | None) -> Genes:
    """Choose the genes and name them.

    Raises
    ------
    DataError
        There are none, two genomes without a choice between them, or an identifier twice.
    """
    kept, notes = _expressed(path, features)
    labels = _genomes([features.ids[row] for row in kept], [features.genomes[row] for row in kept if features.genomes])
    mine = _chosen(path, labels, genome)
    kept = kept[mine]
    prefix = {label for label in labels if label}
    ids = [_bare(features.ids[row], prefix) for row in kept]
    symbols = [_bare(features.names[row], prefix) for row in kept]
    names, renamed = _each_once(path, ids, symbols)
    if renamed:
        notes = (*notes, f"{renamed} genes share a symbol with another and are called by their identifier")
    known = any(ENSEMBL.match(name) for name in ids)
    return Genes(kept, names, [VERSIONED.sub(r"\1", name) for name in ids] if known else None, notes)


def _expressed(path: Path, features: Features) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if not features.kinds:
        return np.arange(len(features.ids)), ()
    kept = np.array([row for row, kind in enumerate(features.kinds) if kind == EXPRESSION], dtype=np.int64)
    others = Counter(kind for kind in features.kinds if kind != EXPRESSION)
    if not len(kept):
        found = ", ".join(shown(kind) for kind in sorted(others)[:5])
        raise DataError(f"{path}: has no feature of type {EXPRESSION} (found: {found}); a matrix of genes is needed")
    said = ", ".join(f"{number} of type {shown(kind)}" for kind, number in others.most_common(5))
    return kept, (f"features other than genes were left out ({said})",) if others else ()


def _genomes(ids: Sequence[str], stated: Sequence[str]) -> list[str]:
    """Return the genome of each gene: as stated, as its identifier is prefixed, or the stem of its Ensembl identifier.

    A gene of no known genome (a reporter, a transgene) has an empty name.
    """
    if len({name for name in stated if name}) > 1:
        return list(stated)
    prefixes = [match.group(1) if (match := PREFIXED.match(name)) else "" for name in ids]
    if len({*prefixes} - {""}) > 1:
        return prefixes
    stems = [match.group(1) if (match := STEM.match(name)) else "" for name in ids]
    one = next((name for name in stated if name), None)
    if one and len(set(stems) - {""}) < 2:  # noqa: PLR2004 - of one species, so what is stated names it best
        return [one] * len(ids)
    return stems


def _chosen(path: Path, labels: Sequence[str], genome: str | None) -> NDArray[np.int64]:
    found = Counter(label for label in labels if label)
    if genome is None and len(found) > 1:
        both = " and ".join(f"{shown(label)} ({number} genes)" for label, number in found.most_common(3))
        one = shown(found.most_common(1)[0][0])
        raise DataError(f"{path}: holds genes of two genomes, {both}; choose one, for example data.genome: {one}")
    if genome is not None and genome not in found:
        others = ", ".join(map(shown, found)) or "none named"
        raise DataError(f"{path}: holds no gene of {genome} (found: {others}); check data.genome")
    return np.array([row for row, label in enumerate(labels) if genome is None or label in {genome, ""}])


def _bare(name: str, prefixes: set[str]) -> str:
    for prefix in prefixes:
        if name.startswith(f"{prefix}_"):
            return name[len(prefix) :].lstrip("_")
    return name


def _each_once(path: Path, ids: Sequence[str], symbols: Sequence[str]) -> tuple[list[str], int]:
    """Return names of which no two are alike, and how many symbols gave way to an identifier."""
    times = Counter(symbols)
    names = [name if times[symbol] > 1 or not symbol else symbol for name, symbol in zip(ids, symbols, strict=True)]
    again = Counter(names).most_common(1)
    if again and again[0][1] > 1:
        raise DataError(f"{path}: gene {shown(again[0][0])} stands twice; merge or remove one")
    return names, sum(times[symbol] > 1 for symbol in symbols)
