"""Spots of sections as a dataset: fields of view, expression on the panel's scale, neighbours; groups by donor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from zoo.contracts import Provenance
from zoo.errors import DataError
from zoo_spatial import new_tissue
from zoo_spatial.blocks import in_blocks
from zoo_spatial.genes.expression import Expression
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.views import Cutter, Views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

ANOTHER_SIZE = 0.1


@dataclass
class SpotDataset:
    """A :class:`zoo.contracts.Dataset` over the spots of sections; sections are opened when first needed.

    Parameters
    ----------
    open_sections
        Makes the sections; called once.
    views, panel, scale
        What is cut, which genes, on which scale.
    near
        Nearest other spots of the same section to deliver with each spot; a section with fewer repeats the spot itself.
    centre
        Compare spots by how they differ from the mean of their section, which takes differences between sections away.
        What is predicted and scored stays on the full scale.
    correct
        ``harmony`` corrects the expression of the sections that are shown for differences between them
        (:class:`zoo_spatial.genes.expression.Expression`).
    blocks
        Cut every section into so many blocks that stand as sections (:func:`zoo_spatial.blocks.in_blocks`).
    provenance
        Where the sections come from.
    """

    open_sections: Callable[[], list[Section]]
    views: Views
    panel: GenePanel
    scale: Scale = "log1p"
    near: int = 0
    centre: bool = False
    correct: Literal["harmony"] | None = None
    blocks: int | None = None
    provenance: Provenance = field(default_factory=Provenance)
    um_per_px: float | None = None
    new: bool = False

    inputs: ClassVar[Mapping[str, str]] = new_tissue.INPUTS
    settings: ClassVar[Mapping[str, str]] = new_tissue.SETTINGS

    def __post_init__(self) -> None:
        """Refuse numbers of neighbours and of blocks that there cannot be."""
        if self.near < 0:
            raise ValueError(f"near is a number of spots of at least 0, not {self.near}")
        if self.blocks is not None and not 2 <= self.blocks <= 100:  # noqa: PLR2004 - one block is the section
            raise ValueError(f"blocks is a number between 2 and 100, not {self.blocks}")
        self._read = Expression(lambda: self.sections, self.panel, self.scale, centre=self.centre, correct=self.correct)

    @cached_property
    def sections(self) -> list[Section]:
        """The sections, opened now if they were not."""
        found = self.open_sections()
        if self.blocks:
            found = [block for section in found for block in in_blocks(section, self.blocks)]
        names = [section.name for section in found]
        if len(set(names)) != len(names):
            raise DataError(f"two sections are called {next(n for n in names if names.count(n) > 1)}; rename one")
        return found

    @cached_property
    def _cutter(self) -> Cutter:
        return Cutter(self.sections, self.views, self.um_per_px if self.new else None, keep=not self.new)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(len(section.ids) for section in self.sections)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def _section_of(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.sections)), np.diff(self._starts))

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """The donor and the section of each spot."""
        sections = [self.sections[number] for number in self._section_of]
        return {"donor": [s.donor for s in sections], "section": [s.name for s in sections]}

    @property
    def genes(self) -> list[str]:
        """The gene panel; empty until it is chosen."""
        return self._read.genes

    @property
    def notes(self) -> list[str]:
        """What a reader of the figures must not overlook."""
        opened = self.__dict__.get("sections", ())
        notes = [note for section in opened for note in section.notes] + list(self._read.notes)
        return list(dict.fromkeys([*notes, *self._on_resolution()]))

    def _on_resolution(self) -> list[str]:
        """Tell of sections whose patches show more or less tissue than those that the panel was chosen with."""
        known, notes = self.um_per_px, []
        if not known or self.views.patch_um:
            return []
        for section in self.__dict__.get("sections", ()):
            size = section.um_per_px
            if self.new and not size:
                notes.append(
                    f"the model knows {known:.2f} um per pixel and nothing says what {section.name} has; say it with "
                    "--um-per-px, or the fields of view may show more or less tissue than the model knows"
                )
            if not self.new and size and not np.isclose(size, known, rtol=ANOTHER_SIZE):
                notes.append(
                    f"section {section.name} has {size:.2f} um per pixel where {known:.2f} are usual, so its patches "
                    f"show {'more' if size > known else 'less'} tissue; give them in micrometres with "
                    "data.views.patch_um"
                )
        return notes

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
        sizes = [size for number in shown if (size := self.sections[number].um_per_px)]
        self.um_per_px = float(np.median(sizes)) if sizes else None
        self._read.fit({n: items[self._section_of[items] == n] - self._starts[n] for n in shown})

    @property
    def expression(self) -> NDArray[np.float32]:
        """Expression of the panel's genes on the chosen scale [n, G]."""
        return self._read.values

    @property
    def compared(self) -> NDArray[np.float32]:
        """Expression as spots are compared by it [n, G]: as it is, or centred on each section."""
        return self._read.compared

    @property
    def labelled(self) -> bool:
        """Whether the sections have counts."""
        return self._read.labelled

    def state(self) -> dict[str, Any]:
        """Return the chosen genes, and the size of the pixels they were seen with."""
        return {**self._read.state(), "um_per_px": self.um_per_px}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what was chosen."""
        self.um_per_px = state["um_per_px"]
        self._read.restore(state)

    def open_new(self, inputs: Mapping[str, Path], **settings: str) -> SpotDataset:
        """Return the same views and genes over new tissue (``--image`` with ``--spots`` or ``--grid``)."""
        section = new_tissue.open_new_tissue(inputs, settings)
        opened = SpotDataset(
            open_sections=lambda: [section],
            views=self.views,
            panel=self.panel,
            scale=self.scale,
            near=self.near,
            centre=self.centre,
            new=True,
        )
        opened.restore(self.state())
        return opened

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

    def batch(self, items: NDArray[np.int64]) -> dict[str, Any]:
        """Return the views, expression and neighbours of spots, on the CPU."""
        batch: dict[str, Any] = {"id": [self.item_id(item) for item in items], **self._cutter.batch(items)}
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
