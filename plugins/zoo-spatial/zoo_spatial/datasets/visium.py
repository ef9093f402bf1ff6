"""``visium``: output folders of Space Ranger, of Visium and of Visium HD."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from zoo.contracts import Origin
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.readers.sections import chosen
from zoo_spatial.readers.space_ranger import files_of, sections_in
from zoo_spatial.readers.tenx_section import open_section
from zoo_spatial.section import Section
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views


def visium(
    root: Path,
    *,
    image: str | None = None,
    bin_um: int = 8,
    genome: str | None = None,
    sections: list[str] | None = None,
    donors: dict[str, str] | None = None,
    views: Views = Views(),
    genes: GenePanel = GenePanel(),
    scale: Scale = "log1p",
    near: int = 6,
    centre: bool = False,
    correct: Literal["harmony"] | None = None,
    blocks: int | None = None,
    origin: Origin = Origin(),
) -> SpotDataset:
    """Visium as Space Ranger writes it: spots in tissue with their counts, over the image it was given.

    ``root`` is one output folder (``outs``, or the folder around it), or holds one for each section. Positions of
    every version are read (``tissue_positions_list.csv``, ``tissue_positions.csv``, ``tissue_positions.parquet``), and
    counts as ``filtered_feature_bc_matrix.h5`` or as a folder of that name, raw ones where there are no filtered ones.
    The full-resolution image is no part of the output: the one image beside it, or a level up, is taken. Without
    one, patches come from ``tissue_hires_image.png``, and a note says so. Pixels are sized by the 100 um between
    spots, or as Visium HD states.

    Parameters
    ----------
    root
        The folder.
    image
        The image, where it is not found: its name or a glob from the output folder or the one above
        (``"*_scan.tif"``), or a path from the root of the file system; ``{section}`` stands for the section's name.
    bin_um
        Side of the bins that are the spots of Visium HD, in micrometres.
    genome
        Which genome's genes to keep where the reference has two (``GRCh38``).
    sections
        Names of the sections to use; all that are found where not given.
    donors
        Whom a section was taken from (``{S1: D1, S2: D1}``); a section not named here is its own donor.
    views
        Fields of view, in pixels of the image.
    genes
        How the panel is chosen on the training groups.
    scale
        Of the expression.
    near
        Nearest spots that are delivered with each spot.
    centre
        Compare spots by how they differ from the mean of their section.
    correct
        ``harmony`` takes differences between sections out of their expression.
    blocks
        Cut every section into so many blocks that stand as sections, to train and test within one section.
    origin
        Where the data come from, for the model card.

    Raises
    ------
    MissingError
        The folder, a file of a section, or a section that is named is not there.
    DataError
        Files cannot be read or do not fit together.

    References
    ----------
    https://www.10xgenomics.com/support/software/space-ranger/latest/analysis/outputs/output-overview
    """

    def opened() -> list[Section]:
        found = sections_in(root)
        return [
            open_section(
                files_of(name, found[name], image=image, bin_um=bin_um),
                donor=(donors or {}).get(name, name),
                genome=genome,
            )
            for name in track(chosen(list(found), sections, donors=donors), "opening sections")
        ]

    return SpotDataset(
        open_sections=opened,
        views=views,
        panel=genes,
        scale=scale,
        near=near,
        centre=centre,
        correct=correct,
        blocks=blocks,
        provenance=origin.provenance(name=root.resolve().name, modality="histology", assay="visium", stain="h&e"),
    )


visium.terms = HARMONY  # type: ignore[attr-defined]  # it is read, never run
