"""Spots of sections as a dataset: fields of view, expression on the panel's scale, neighbours; groups by donor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from zoo.contracts import Provenance
from zoo.errors import DataError, UsageError
from zoo_spatial.colour import GLIMPSE, levelling, recoloured
from zoo_spatial.kept_fields import KeptFields
from zoo_spatial.panel import GenePanel, Scale, counts_of, scaled, select, shared_genes, totals_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

    OpenNew = Callable[[Mapping[str, Path]], list[Section]]


@dataclass(frozen=True, slots=True)
class Views:
    """What is cut from the image for each spot.

    Attributes
    ----------
    patch
        Side of the spot's own field of view, in pixels of the image.
    size
        Side it is delivered in; as cut where not given.
    neighbourhood
        Side of a wider field around the spot, in patches; none where not given.
    overview
        Side in pixels of the squeezed image of the whole section; none where not given.
    colour
        ``section`` shifts and scales each channel so that the patches of every section have the same mean and spread,
        which takes differences of stain and scanner away. It looks at a section's own pixels and at nothing else.
    """

    patch: int = 224
    size: int | None = None
    neighbourhood: float | None = None
    overview: int | None = None
    colour: Literal["as-is", "section"] = "as-is"

    def __post_init__(self) -> None:
        """Refuse fields of view that hold nothing."""
        for name in ("patch", "size", "overview"):
            value = getattr(self, name)
            if value is not None and not 8 <= value <= 4096:  # noqa: PLR2004 - less shows nothing, more is a section
                raise ValueError(f"{name} lies between 8 and 4096 pixels, not {value}")
        if self.neighbourhood is not None and not 1 < self.neighbourhood <= 64:  # noqa: PLR2004 - as above
            raise ValueError(f"neighbourhood is wider than the patch, up to 64 times, not {self.neighbourhood}")


@dataclass
class SpotDataset:
    """A :class:`zoo.contracts.Dataset` over the spots of sections; sections are opened when first needed.

    Parameters
    ----------
    open_sections
        Makes the sections; called once.
    open_new_sections
        Makes sections of new, unlabelled input from the files that ``zoo predict`` was given.
    views, panel, scale
        What is cut, which genes, on which scale.
    near
        Nearest other spots of the same section to deliver with each spot; a section with fewer repeats the spot itself.
    centre
        Compare spots by how they differ from the mean of their section, which takes differences between sections away.
        What is predicted and scored stays on the full scale.
    provenance
        Where the sections come from.
    """

    open_sections: Callable[[], list[Section]]
    open_new_sections: OpenNew
    views: Views
    panel: GenePanel
    scale: Scale = "log1p"
    near: int = 0
    centre: bool = False
    provenance: Provenance = field(default_factory=Provenance)
    notes: list[str] = field(default_factory=list)
    genes: list[str] = field(default_factory=list)
    um_per_px: float | None = None

    inputs: ClassVar[Mapping[str, str]] = {
        "image": "an RGB image of an H&E section (JPEG, PNG)",
        "spots": "a table of spots with the columns pixel_x and pixel_y (TSV)",
    }

    def __post_init__(self) -> None:
        """Refuse a number of neighbours that there cannot be."""
        if self.near < 0:
            raise ValueError(f"near is a number of spots of at least 0, not {self.near}")

    @cached_property
    def sections(self) -> list[Section]:
        """The sections, opened now if they were not."""
        found = self.open_sections()
        names = [section.name for section in found]
        if len(set(names)) != len(names):
            raise DataError(f"two sections are called {next(n for n in names if names.count(n) > 1)}; rename one")
        return found

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(len(section.ids) for section in self.sections)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def _section_of(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.sections)), np.diff(self._starts))

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """The donor and the section of each spot."""
        sections = [self.sections[number] for number in self._section_of]
        return {"donor": [s.donor for s in sections], "section": [s.name for s in sections]}

    @property
    def facts(self) -> Mapping[str, int]:
        """Channels of the images, and genes of the panel once it is chosen."""
        return {"in_chans": 3, **({"num_genes": len(self.genes)} if self.genes else {})}

    @property
    def provides(self) -> tuple[str, ...]:
        """Names of a batch's entries."""
        views = [("neighbourhood", self.views.neighbourhood), ("overview", self.views.overview)]
        names = ["image", *(name for name, wanted in views if wanted), "position", "expression"]
        return (*names, "near_expression", "near_offset")

    def fit(self, items: NDArray[np.int64]) -> None:
        """Choose the gene panel on these spots only."""
        shown = sorted(set(self._section_of[items].tolist()))
        sections = [self.sections[number] for number in shown]
        candidates = shared_genes(sections)
        parts = []
        for number, section in zip(shown, sections, strict=True):
            rows = items[self._section_of[items] == number] - self._starts[number]
            counts, _ = counts_of(section, candidates)
            parts.append(scaled(counts[rows], "log1p", totals_of(section)[rows]))
        sizes = [section.um_per_px for section in sections if section.um_per_px]
        self.um_per_px = float(np.median(sizes)) if sizes else None
        self._set_genes(select(self.panel, candidates, np.concatenate(parts)))

    def _set_genes(self, genes: list[str]) -> None:
        self.genes = genes
        for derived in ("expression", "compared"):
            self.__dict__.pop(derived, None)

    @cached_property
    def expression(self) -> NDArray[np.float32]:
        """Expression of the panel's genes on the chosen scale [n, G]."""
        self.notes.clear()
        return np.concatenate([self._scaled(section) for section in self.sections])

    @cached_property
    def compared(self) -> NDArray[np.float32]:
        """Expression as spots are compared by it [n, G]: as it is, or centred on each section."""
        if not self.centre:
            return self.expression
        pairs = zip(self._starts[:-1], self._starts[1:], strict=True)
        parts = [self.expression[start:end] for start, end in pairs]
        return np.concatenate([part - part.mean(axis=0) for part in parts])

    def _scaled(self, section: Section) -> NDArray[np.float32]:
        counts, lacking = counts_of(section, self.genes)
        totals = counts.sum(axis=1) if self.scale == "panel-log10" else totals_of(section)
        empty = int((totals == 0).sum())
        if lacking:
            self.notes.append(f"section {section.name} lacks {len(lacking)} genes of the panel; taken as 0")
        if empty:
            plural = "spot" if empty == 1 else "spots"
            self.notes.append(f"section {section.name} has {empty} {plural} without counts; taken as 0")
        return scaled(counts, self.scale, totals)

    @property
    def labelled(self) -> bool:
        """Whether the sections have counts."""
        return all(section.counts is not None for section in self.sections)

    def state(self) -> dict[str, Any]:
        """Return the chosen genes, and the size of the pixels they were seen with."""
        return {"genes": self.genes, "um_per_px": self.um_per_px}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what was chosen."""
        self.um_per_px = state["um_per_px"]
        self._set_genes(list(state["genes"]))

    def open_new(self, inputs: Mapping[str, Path]) -> SpotDataset:
        """Return the same views and genes over new sections (``--image``, ``--spots``)."""
        unknown = sorted(set(inputs) - {"image", "spots"})
        if unknown or len(inputs) < 2:  # noqa: PLR2004 - both are needed
            said = f"--{unknown[0]} is not known to these data" if unknown else "an image and its spots are needed"
            raise UsageError(f"{said}; say --image FILE --spots FILE")
        sections = self.open_new_sections(inputs)
        new = SpotDataset(
            lambda: sections, self.open_new_sections, self.views, self.panel, self.scale, self.near, self.centre
        )
        new.restore(self.state())
        if self.um_per_px:
            new.notes.append(
                f"the model knows {self.um_per_px:.2f} um per pixel and nothing says what {inputs['image'].name} has; "
                "resize it first if it differs"
            )
        return new

    @cached_property
    def _near(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Numbers of each spot's nearest others [n, K], and where they lie, in spot pitches [n, K, 2]."""
        from scipy.spatial import cKDTree

        indices, offsets = [], []
        for start, section in zip(self._starts[:-1], self.sections, strict=True):
            k = min(self.near + 1, len(section.ids))
            _, found = cKDTree(section.position_px).query(
                section.position_px, k=range(1, k + 1)
            )  # a range keeps two axes
            own = np.arange(len(found))[:, None]
            found = np.concatenate([found[:, 1:], np.repeat(own, self.near + 1 - k, axis=1)], axis=1)
            indices.append(found + start)
            offsets.append((section.position_px[found] - section.position_px[:, None]) / section.pitch_px)
        return np.concatenate(indices), np.concatenate(offsets).astype(np.float32)

    @cached_property
    def _overviews(self) -> NDArray[np.uint8]:
        found = [section.image.overview(self.views.overview or 8)[None] for section in self.sections]
        if self.views.colour == "section":
            found = [recoloured(overview, table) for overview, table in zip(found, self._tables, strict=True)]
        return torch.cat(found).numpy()

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return the views, expression and neighbours of spots, on the CPU."""
        batch: dict[str, Any] = {"id": [self.item_id(item) for item in items]}
        batch.update({name: fields.of(items) for name, fields in self._fields.items()})
        if self.views.overview:
            present, index = np.unique(self._section_of[items], return_inverse=True)
            batch["overview"] = torch.from_numpy(self._overviews[present])
            batch["overview_index"] = torch.from_numpy(index)
        batch["position"] = torch.from_numpy(self.grid[items])
        if self.labelled:
            batch["expression"] = torch.from_numpy(self.compared[items])
            near, offset = self._near
            batch["near_expression"] = torch.from_numpy(self.compared[near[items]])
            batch["near_offset"] = torch.from_numpy(offset[items])
        return batch

    def item_id(self, item: int) -> str:
        """Return ``SECTION:SPOT``."""
        section = self.sections[self._section_of[item]]
        return f"{section.name}:{section.ids[item - self._starts[self._section_of[item]]]}"

    @cached_property
    def grid(self) -> NDArray[np.float32]:
        """Column and row of each spot [n, 2]."""
        return np.concatenate([section.grid for section in self.sections]).astype(np.float32)

    @cached_property
    def position_px(self) -> NDArray[np.float32]:
        """Centres of the spots in pixels, x and y [n, 2]."""
        return np.concatenate([section.position_px for section in self.sections])

    @cached_property
    def _fields(self) -> dict[str, KeptFields]:
        """The fields of view that are delivered, by their name in a batch."""
        size = self.views.size or self.views.patch
        widths = {"image": float(self.views.patch)}
        if self.views.neighbourhood:
            widths["neighbourhood"] = self.views.patch * self.views.neighbourhood
        return {
            name: KeptFields(len(self), size, partial(self._cut, field_px=width, size=size))
            for name, width in widths.items()
        }

    def _cut(self, items: NDArray[np.int64], *, field_px: float, size: int) -> torch.Tensor:
        """Cut the fields of spots that may lie on several sections."""
        number = self._section_of[items]
        fields = torch.empty((len(items), 3, size, size), dtype=torch.uint8, memory_format=torch.channels_last)
        for section in np.unique(number).tolist():
            rows = np.flatnonzero(number == section)
            cut = self.sections[section].image.fields(self.position_px[items[rows]], field_px, size)
            if self.views.colour == "section":
                cut = recoloured(cut, self._tables[section])
            fields[torch.from_numpy(rows)] = cut
        return fields

    @cached_property
    def _tables(self) -> list[NDArray[np.uint8]]:
        """For each section, what every value of every channel becomes (see :class:`Views`)."""
        return [
            levelling(section.image.fields(section.position_px, self.views.patch, GLIMPSE)) for section in self.sections
        ]
