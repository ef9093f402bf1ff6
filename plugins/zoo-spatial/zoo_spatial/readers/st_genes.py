"""Names of genes as tables spell them, brought to one spelling each: symbols, or Ensembl ids without version."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENSEMBL = re.compile(r"(ENS[A-Z]{0,6}G\d{11})(?:\.\d+)?(?:_PAR_Y)?")
MOSTLY = 0.5


def without_version(gene: str) -> str:
    """Return ``ENSMUSG00000064339`` for ``ENSMUSG00000064339.1``; any other name as it stands."""
    found = ENSEMBL.fullmatch(gene)
    return found.group(1) if found else gene


def are_ensembl(genes: Sequence[str]) -> bool:
    """Say whether most of the names are Ensembl identifiers."""
    return sum(ENSEMBL.fullmatch(gene) is not None for gene in genes) > MOSTLY * len(genes)


@dataclass(frozen=True, slots=True)
class Genes:
    """Columns of a count table.

    Attributes
    ----------
    counts
        Transcripts [n, G], dense or sparse.
    names
        Of the columns, each once.
    ids
        Ensembl identifiers of the columns; None where the source has none.
    notes
        What was done to the names.
    """

    counts: Any
    names: list[str]
    ids: list[str] | None
    notes: tuple[str, ...] = ()


def named(counts: Any, names: Sequence[str], ids: Sequence[str] | None = None) -> Genes:
    """Give every column one name.

    Ensembl identifiers lose their version. A symbol that stands twice is replaced, in all its places, by the
    identifiers; columns that still have one name are added up, as both counted that gene's transcripts.

    Parameters
    ----------
    counts
        Transcripts [n, genes], an array or ``scipy.sparse.csr_matrix``.
    names, ids
        Of the columns; ``ids`` where the source has identifiers beside its names, empty where it lacks one.
    """
    plain = [without_version(name) for name in names]
    if ids is None:
        found = plain if are_ensembl(plain) else None
    else:
        found = [without_version(one) or name for one, name in zip(ids, plain, strict=True)]
    notes = []
    if found is not None and found is not plain:
        times = Counter(plain)
        replaced = sum(number > 1 for number in times.values())
        plain = [one if times[name] > 1 else name for name, one in zip(plain, found, strict=True)]
        if replaced:
            notes.append(f"{_several(replaced, 'symbol stands', 'symbols stand')} twice; Ensembl ids take their place")
    place = {name: number for number, name in enumerate(dict.fromkeys(plain))}
    again = len(plain) - len(place)
    if not again:
        return Genes(counts, plain, found, tuple(notes))
    notes.append(f"{_several(again, 'column was', 'columns were')} added to another of the same gene")
    id_of = dict(zip(reversed(plain), reversed(found), strict=True)) if found is not None else None
    summed = _summed(counts, np.array([place[name] for name in plain]), len(place))
    return Genes(summed, list(place), [id_of[name] for name in place] if id_of else None, tuple(notes))


def _several(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _summed(counts: Any, place: NDArray[np.int64], columns: int) -> Any:
    """Add columns [n, genes] up at their places [n, G]."""
    from scipy import sparse

    ones = np.ones(len(place), dtype=np.float32)
    onto = sparse.csr_matrix((ones, (np.arange(len(place)), place)), shape=(len(place), columns))
    if sparse.issparse(counts):
        return (counts @ onto).tocsr()
    return np.asarray((onto.T @ counts.T).T, dtype=np.float32)
