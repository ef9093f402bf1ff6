"""What is cut from a section's image for each spot, and the cutting of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from zoo.errors import DataError
from zoo_spatial.colour import GLIMPSE, levelling, recoloured
from zoo_spatial.kept_fields import KeptFields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section

MOST_LEVELLED = 4_000
"""Patches of a section that its colours are levelled by; a slide may have a million points."""


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
    patch_um
        Side of the spot's own field of view in micrometres, in the place of ``patch``; sections of different
        resolution then show the same tissue. It is delivered in ``size`` pixels, or in ``patch`` where that is not
        given. The size of a section's pixels has to be known.
    """

    patch: int = 224
    size: int | None = None
    neighbourhood: float | None = None
    overview: int | None = None
    colour: Literal["as-is", "section"] = "as-is"
    patch_um: float | None = None

    def __post_init__(self) -> None:
        """Refuse fields of view that hold nothing."""
        for name in ("patch", "size", "overview"):
            value = getattr(self, name)
            if value is not None and not 8 <= value <= 4096:  # noqa: PLR2004 - less shows nothing, more is a section
                raise ValueError(f"{name} lies between 8 and 4096 pixels, not {value}")
        if self.neighbourhood is not None and not 1 < self.neighbourhood <= 64:  # noqa: PLR2004 - as above
            raise ValueError(f"neighbourhood is wider than the patch, up to 64 times, not {self.neighbourhood}")
        if self.patch_um is not None and not 1 <= self.patch_um <= 20_000:  # noqa: PLR2004 - a nucleus to a section
            raise ValueError(f"patch_um lies between 1 and 20000 micrometres, not {self.patch_um}")

    @property
    def side(self) -> int:
        """Side in pixels of what is delivered."""
        return self.size or self.patch

    def patch_px(self, section: Section, known_um_per_px: float | None) -> float:
        """Return the side of a spot's field of view in pixels of a section.

        Parameters
        ----------
        section
            Whose image is cut.
        known_um_per_px
            Size of the pixels that a trained model knows; a section of another size is then cut to show as much tissue.

        Raises
        ------
        DataError
            The patch is given in micrometres, and the size of the section's pixels is not known.
        """
        if self.patch_um is not None:
            if not section.um_per_px:
                raise DataError(
                    f"section {section.name}: nothing says how large its pixels are, and data.views.patch_um is "
                    f"{self.patch_um:g} um; give the patch in pixels (data.views.patch_um=null), or the size of a pixel"
                )
            return self.patch_um / section.um_per_px
        if known_um_per_px and section.um_per_px:
            return self.patch * known_um_per_px / section.um_per_px
        return float(self.patch)


class Cutter:
    """Cuts the fields of view of spots that may lie on several sections.

    Parameters
    ----------
    sections
        Where the spots are, one section after the other.
    views
        What is cut.
    known_um_per_px
        Of a model that meets new tissue; None where the model is still to be trained.
    keep
        Whether spots are asked for more than once.
    """

    def __init__(
        self, sections: Sequence[Section], views: Views, known_um_per_px: float | None = None, *, keep: bool = True
    ) -> None:
        self.sections = sections
        self.views = views
        sizes = [len(section.ids) for section in sections]
        self.section_of = np.repeat(np.arange(len(sections)), sizes)
        self.position_px = np.concatenate([section.position_px for section in sections])
        self._patch_px = [views.patch_px(section, known_um_per_px) for section in sections]
        widths = {"image": 1.0, **({"neighbourhood": views.neighbourhood} if views.neighbourhood else {})}
        self._fields = {
            name: KeptFields(len(self.position_px), views.side, partial(self._cut, patches=width), keep=keep)
            for name, width in widths.items()
        }

    def batch(self, spots: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        """Return the views of spots by their name in a batch."""
        found = {name: fields.of(spots) for name, fields in self._fields.items()}
        if self.views.overview:
            present, index = np.unique(self.section_of[spots], return_inverse=True)
            found["overview"] = torch.from_numpy(self._overviews[present])
            found["overview_index"] = torch.from_numpy(index)
        return found

    def _cut(self, spots: NDArray[np.int64], *, patches: float) -> torch.Tensor:
        """Cut fields that are so many patches wide."""
        number, size = self.section_of[spots], self.views.side
        fields = torch.empty((len(spots), 3, size, size), dtype=torch.uint8, memory_format=torch.channels_last)
        for section in np.unique(number).tolist():
            rows = np.flatnonzero(number == section)
            image, width = self.sections[section].image, self._patch_px[section] * patches
            cut = image.fields(self.position_px[spots[rows]], width, size)
            if self.views.colour == "section":
                cut = recoloured(cut, self._tables[section])
            fields[torch.from_numpy(rows)] = cut
        return fields

    @cached_property
    def _overviews(self) -> NDArray[np.uint8]:
        found = [section.image.overview(self.views.overview or 8)[None] for section in self.sections]
        if self.views.colour == "section":
            found = [recoloured(overview, table) for overview, table in zip(found, self._tables, strict=True)]
        return torch.cat(found).numpy()

    @cached_property
    def _tables(self) -> list[NDArray[np.uint8]]:
        """For each section, what every value of every channel becomes (see :class:`Views`)."""
        tables = []
        for section, width in zip(self.sections, self._patch_px, strict=True):
            step = -(-len(section.ids) // MOST_LEVELLED)
            tables.append(levelling(section.image.fields(section.position_px[::step], width, GLIMPSE)))
        return tables
