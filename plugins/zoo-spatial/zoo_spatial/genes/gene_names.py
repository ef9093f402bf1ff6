"""Genes of several sections brought together: by Ensembl id where both sides know it, else by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

ENSEMBL = re.compile(r"(ENS[A-Z]{0,6}G)(\d{11})(?:\.\d+)?", re.ASCII)
SPECIES = {
    "ENSBTAG": "cow",
    "ENSCAFG": "dog",
    "ENSDARG": "zebrafish",
    "ENSG": "human",
    "ENSGALG": "chicken",
    "ENSMMUG": "macaque",
    "ENSMUSG": "mouse",
    "ENSRNOG": "rat",
    "ENSSSCG": "pig",
    "ENSXETG": "frog",
}
EXAMPLES = 2


@dataclass(frozen=True, slots=True)
class GeneNames:
    """What genes are called.

    Attributes
    ----------
    owner
        Whose genes they are, as a sentence says it (``section A1``).
    names
        Symbols, or Ensembl ids without their version [G].
    ids
        Ensembl ids without their version; None where a gene's is not known [G].
    """

    owner: str
    names: list[str]
    ids: list[str | None]

    @classmethod
    def of(cls, section: Section) -> GeneNames:
        """Return the names of a section's genes.

        Raises
        ------
        DataError
            It has genes of two species.
        """
        return _of_one_species(cls.made(f"section {section.name}", section.genes, section.gene_ids))

    @classmethod
    def made(cls, owner: str, genes: Iterable[str], gene_ids: Sequence[str | None] | None = None) -> GeneNames:
        """Return names without versions; a name that is an Ensembl id is known by it."""
        names = [_plain(gene) for gene in genes]
        known = [_plain(found) if found else None for found in gene_ids or [None] * len(names)]
        return cls(owner, names, [found or _id_in(name) for found, name in zip(known, names, strict=True)])

    @property
    def kind(self) -> str:
        """How most genes are called, with the first of them."""
        by_id = sum(name == found for name, found in zip(self.names, self.ids, strict=True))
        kind = "Ensembl id" if 2 * by_id > len(self.names) else "symbol"
        return f"{self.owner} names its genes by {kind} ({_examples(self.names)})"


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Symbols and Ensembl ids that stand side by side in some section; the first section to name a gene is followed."""

    ids: dict[str, str]
    symbols: dict[str, str]

    @classmethod
    def of(cls, tables: Iterable[GeneNames]) -> Dictionary:
        """Collect what the sections know."""
        ids: dict[str, str] = {}
        symbols: dict[str, str] = {}
        for table in tables:
            for name, found in zip(table.names, table.ids, strict=True):
                if found and found != name:
                    ids.setdefault(name, found)
                    symbols.setdefault(found, name)
        return cls(ids, symbols)

    def completed(self, table: GeneNames) -> GeneNames:
        """Return the same genes by symbol where one is known, with the ids that are known."""
        ids = [found or self.ids.get(name) for name, found in zip(table.names, table.ids, strict=True)]
        taken = set(table.names)
        names = []
        for name, found in zip(table.names, ids, strict=True):
            symbol = self.symbols.get(name, name) if found == name else name
            names.append(name if symbol in taken else symbol)
            taken.add(names[-1])
        return GeneNames(table.owner, names, ids)


def columns_for(wanted: GeneNames, table: GeneNames) -> NDArray[np.int64]:
    """Return where each wanted gene stands in a section, -1 where it does not [G].

    A gene is found by its Ensembl id where both sides know one, else by its name; no column is given to two genes.

    Raises
    ------
    DataError
        The two are of different species, or share no gene.
    """
    _same_species(wanted, table)
    by_id, by_name = _places(table.ids), _places(table.names)
    columns = [by_id.get(found, -1) if found else -1 for found in wanted.ids]
    taken = set(columns)
    for gene, name in enumerate(wanted.names):
        column = by_name.get(name, -1)
        if columns[gene] < 0 and column not in taken:
            columns[gene] = column
    found = np.array(columns, dtype=np.int64)
    if not (found >= 0).any():
        raise DataError(
            f"{wanted.owner} and {table.owner} share no gene: {wanted.kind}, {table.kind}; name both by one kind, or "
            "add a section that has symbols and Ensembl ids"
        )
    return found


def renamed(wanted: GeneNames, table: GeneNames, columns: NDArray[np.int64]) -> int:
    """Return how many genes were found under another name than their own."""
    return sum(column >= 0 and table.names[column] != name for name, column in zip(wanted.names, columns, strict=True))


def _places(names: Sequence[str | None]) -> dict[str | None, int]:
    """Return the first place of each name."""
    return {name: place for place, name in reversed(list(enumerate(names)))}


def _plain(name: str) -> str:
    found = ENSEMBL.fullmatch(name)
    return found[1] + found[2] if found else name


def _id_in(name: str) -> str | None:
    return name if ENSEMBL.fullmatch(name) else None


def _examples(names: Sequence[str]) -> str:
    return ", ".join([*names[:EXAMPLES], *(["..."] if len(names) > EXAMPLES else [])])


def _prefixes(table: GeneNames) -> Counter[str]:
    """Count the species that the ids speak of."""
    matches = (ENSEMBL.fullmatch(found) for found in table.ids if found)
    return Counter(match[1] for match in matches if match)


def _species(prefix: str) -> str:
    return f"{SPECIES.get(prefix, 'other')} genes ({prefix}...)"


def _of_one_species(table: GeneNames) -> GeneNames:
    counted = _prefixes(table).most_common()
    if len(counted) > 1:
        found = " and ".join(f"{number} {_species(prefix)}" for prefix, number in counted)
        raise DataError(f"{table.owner} mixes species: {found}; keep the genes of one")
    return table


def _same_species(first: GeneNames, second: GeneNames) -> None:
    one, other = _prefixes(first), _prefixes(second)
    if one and other and not set(one) & set(other):
        raise DataError(
            f"{first.owner} names {_species(next(iter(one)))}, {second.owner} {_species(next(iter(other)))}; leave one "
            "species out, or translate one to the orthologues of the other first"
        )
    shared = set(first.names) & set(second.names)
    mine = {name.casefold(): name for name in sorted(set(first.names) - shared)}
    theirs = {name.casefold(): name for name in sorted(set(second.names) - shared)}
    alike = sorted(mine.keys() & theirs.keys())
    if len(alike) > len(shared) and not set(one) & set(other):
        raise DataError(
            f"{len(alike)} genes of {first.owner} ({_examples([mine[name] for name in alike])}) are in {second.owner} "
            f"only when case is ignored ({_examples([theirs[name] for name in alike])}), {len(shared)} as they stand, "
            "as of human and mouse; leave one species out, or translate one to the orthologues of the other first"
        )
