"""What a page shows of predicted expression: genes, maps, sections, and the joint space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_spatial.outputs import report_genes, report_maps, report_sections, report_space

if TYPE_CHECKING:
    from zoo.figures.parts import Look, Section
    from zoo_spatial.outputs.gene_maps import GeneMaps
    from zoo_spatial.outputs.report_scored import Scored


def sections(scored: Scored, *, maps: GeneMaps, look: Look | None) -> Iterator[Section]:
    """Yield the sections of a page, each made when it is asked for.

    Parameters
    ----------
    scored
        What was predicted and measured.
    maps
        The genes that the recipe wants to be drawn.
    look
        Asks the model; without it the joint space is left out.
    """
    yield from report_genes.sections(scored)
    yield from report_maps.sections(scored, maps)
    yield from report_sections.sections(scored)
    if look is not None:
        yield from report_space.sections(scored, look)
