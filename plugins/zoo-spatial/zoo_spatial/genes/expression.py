"""Expression of the spots of sections on the genes of a panel, chosen on the spots that may be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo.errors import DataError
from zoo_spatial.genes import harmony
from zoo_spatial.genes.gene_names import Dictionary, GeneNames, columns_for, renamed
from zoo_spatial.genes.gene_statistics import Shown
from zoo_spatial.genes.panel import choose
from zoo_spatial.genes.scales import columns_of, counts_in, scaled, totals_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.genes.panel import GenePanel
    from zoo_spatial.genes.scales import Scale
    from zoo_spatial.section import Section


class Expression:
    """What the spots of sections express.

    Counts may be dense or sparse; only the columns of the panel are ever dense as a whole. Sections may name their
    genes by symbol or by Ensembl id, as long as some section knows both or all are of one kind.

    Parameters
    ----------
    sections
        Returns the sections; called when they are first needed.
    panel, scale
        How genes are chosen, and on which scale they are delivered.
    centre
        Compare spots by how they differ from the mean of their section.
    correct
        ``harmony`` takes the differences between the sections that were shown to :meth:`fit` out of their expression
        (:func:`zoo_spatial.genes.harmony.corrected`). Sections that were not shown stay as measured: under the strict
        protocol the truth of test sections is never touched, under the published one everything is corrected together,
        test sections included, as the published code of HECLIP does.

    Attributes
    ----------
    genes
        The panel; empty before :meth:`fit` or :meth:`restore`.
    notes
        What a reader of the values must not overlook; rewritten when values are computed.
    """

    def __init__(
        self,
        sections: Callable[[], Sequence[Section]],
        panel: GenePanel,
        scale: Scale,
        *,
        centre: bool = False,
        correct: Literal["harmony"] | None = None,
    ) -> None:
        self.genes: list[str] = []
        self.notes: list[str] = []
        self._sections = sections
        self._panel = panel
        self._scale: Scale = scale
        self._centre = centre
        self._correct = correct
        self._ids: list[str | None] = []
        self._together: list[str] = []

    @property
    def labelled(self) -> bool:
        """Whether all sections have counts."""
        return all(section.counts is not None for section in self._sections())

    def fit(self, rows: Mapping[int, NDArray[np.int64]]) -> None:
        """Choose the panel on these rows of these sections only.

        Raises
        ------
        DataError
            The sections shown have no counts, share no gene or are of different species; no gene is left; or only part
            of a section that is to be corrected is shown.
        MissingError
            Sections are to be corrected and harmonypy is not installed.
        """
        shown = {number: self._sections()[number] for number in sorted(rows)}
        for section in shown.values():
            counts_in(section)
        together = self._whole(shown, rows) if self._correct else []
        candidates, columns = self._shared(list(shown))
        parts = [
            Shown.of(section, rows[number], places)
            for (number, section), places in zip(shown.items(), columns, strict=True)
        ]
        chosen = choose(self._panel, candidates, parts)
        self._take([candidates.names[gene] for gene in chosen], [candidates.ids[gene] for gene in chosen], together)

    def _whole(self, shown: Mapping[int, Section], rows: Mapping[int, NDArray[np.int64]]) -> list[str]:
        """Return the names of the sections that are corrected together, all of whose spots have to be shown."""
        harmony.installed()
        for number, section in shown.items():
            seen = len(np.unique(rows[number]))
            if seen < len(section.ids):
                raise DataError(
                    f"data.correct: harmony needs whole sections, and {seen} of {len(section.ids)} spots of section "
                    f"{section.name} are shown to the training; split by section or donor, or leave data.correct out"
                )
        return [section.name for section in shown.values()]

    def _shared(self, numbers: Sequence[int]) -> tuple[GeneNames, list[NDArray[np.int64]]]:
        """Return the genes that all of these sections have, in the order of the first, and where each has them."""
        first = self._dictionary.completed(self._tables[numbers[0]])
        columns = [columns_for(first, self._tables[number]) for number in numbers]
        common = np.logical_and.reduce([places >= 0 for places in columns])
        kept = np.flatnonzero(common & (columns[0] == np.arange(len(first.names))))
        if not len(kept):
            found = ", ".join(self._sections()[number].name for number in numbers)
            raise DataError(f"sections {found} share no gene, though each shares some with the first; leave one out")
        names, ids = [first.names[gene] for gene in kept], [first.ids[gene] for gene in kept]
        return GeneNames(first.owner, names, ids), [places[kept] for places in columns]

    @cached_property
    def _tables(self) -> list[GeneNames]:
        return [GeneNames.of(section) for section in self._sections()]

    @cached_property
    def _dictionary(self) -> Dictionary:
        return Dictionary.of(self._tables)

    def _take(self, genes: list[str], ids: list[str | None], together: list[str]) -> None:
        self.genes, self._ids, self._together = genes, ids, together
        for derived in ("values", "compared"):
            self.__dict__.pop(derived, None)

    def state(self) -> dict[str, Any]:
        """Return what was chosen as plain JSON: ``genes``, and ``gene_ids`` and ``corrected`` where there are any."""
        state: dict[str, Any] = {"genes": self.genes}
        if any(found and found != name for name, found in zip(self.genes, self._ids, strict=True)):
            state["gene_ids"] = self._ids
        if self._together:
            state["corrected"] = self._together
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned.

        Raises
        ------
        DataError
            The state names more or fewer Ensembl ids than genes.
        """
        genes = [str(gene) for gene in state["genes"]]
        ids = [str(found) if found else None for found in state.get("gene_ids") or [None] * len(genes)]
        if len(ids) != len(genes):
            raise DataError(f"the model names {len(genes)} genes and {len(ids)} Ensembl ids; take its package anew")
        self._take(genes, ids, [str(name) for name in state.get("corrected", [])])

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """Expression of the panel's genes on the chosen scale, all sections in order [n, G]."""
        self.notes.clear()
        panel = GeneNames.made("the gene panel", self.genes, self._ids)
        completed = self._dictionary.completed(panel)
        parts = [
            self._measured(section, table, panel, columns_for(completed, table))
            for section, table in self._labelled_tables()
        ]
        return np.concatenate(self._corrected(parts))

    def _labelled_tables(self) -> list[tuple[Section, GeneNames]]:
        for section in self._sections():
            counts_in(section)
        return list(zip(self._sections(), self._tables, strict=True))

    def _measured(
        self, section: Section, table: GeneNames, panel: GeneNames, columns: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        counts = columns_of(section, columns)
        totals = counts.sum(axis=1) if self._scale == "panel-log10" else totals_of(section)
        lacking, empty = int((columns < 0).sum()), int((totals == 0).sum())
        translated = renamed(panel, table, columns)
        if translated:
            genes = f"{translated:,} of {len(columns):,} of section {section.name}"
            self.notes.append(f"genes joined by Ensembl id: {genes}")
        if lacking:
            self.notes.append(f"section {section.name} lacks {lacking} genes of the panel; taken as 0")
        if empty:
            plural = "spot" if empty == 1 else "spots"
            self.notes.append(f"section {section.name} has {empty} {plural} without counts; taken as 0")
        return scaled(counts, self._scale, totals)

    def _corrected(self, parts: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Correct the sections that are corrected together; the others stay as they are."""
        if not self._together:
            return parts
        number = {section.name: place for place, section in enumerate(self._sections())}
        there = [number[name] for name in self._together if name in number]
        names = ", ".join(self._together)
        if len(self._together) == 1:
            self.notes.append(f"section {names} alone was shown, so that harmony had nothing to correct")
        elif there and len(there) < len(self._together):
            found = ", ".join(self._sections()[place].name for place in there)
            self.notes.append(
                f"harmony corrected sections {names} together and only {found} can be found here: all are as measured"
            )
        elif there:
            for place, part in zip(there, harmony.corrected([parts[place] for place in there]), strict=True):
                parts[place] = part
        return parts

    @cached_property
    def compared(self) -> NDArray[np.float32]:
        """Expression as spots are compared by it [n, G]: as it is, or centred on each section."""
        if not self._centre:
            return self.values
        ends = np.cumsum([len(section.ids) for section in self._sections()])
        parts = np.split(self.values, ends[:-1])
        return np.concatenate([part - part.mean(axis=0) for part in parts])
