"""``st``: spatial transcriptomics on the first arrays, a folder of count tables, spot files and images."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from zoo.contracts import Origin
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.readers.sections import chosen
from zoo_spatial.readers.st_folder import files_of, open_section, sections_in
from zoo_spatial.section import Section
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views


def st(
    root: Path,
    *,
    pitch_um: float = 200.0,
    image: str | None = None,
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
    """Original spatial transcriptomics, as ST Pipeline, ST Spot Detector and STUtility write it.

    One folder holds, for each section NAME, ``NAME.tsv.gz`` or ``NAME.tsv`` (transcripts, spots ``10x12`` x genes), a
    spot file ``alignment_table_NAME.tsv``, ``NAME_selection.tsv`` or ``spot_data-selection-NAME.tsv`` (columns ``x``,
    ``y``, ``pixel_x``, ``pixel_y`` and, where some spots lie on glass, ``selected``) and the image ``NAME.jpg`` (or
    ``jpeg``, ``png``, ``tif``, ``tiff``). Spots that are not selected, or that only one of the tables has, are left
    out. Ensembl identifiers lose their version; two versions of one gene are added up.

    Parameters
    ----------
    root
        The folder.
    pitch_um
        Distance between the centres of neighbouring spots in micrometres, from which the size of a pixel follows: 200
        on arrays of 1,007 spots, 141 on those of about 2,000, whose rows are offset by half a step.
    image
        Where images are, if not beside the tables: a path with ``{section}`` for the section's name.
    sections
        Names of the sections to use; all that are found where not given.
    donors
        Whom a section was taken from (``{MOB1: mouse1, MOB2: mouse1}``); a section not named here is its own donor.
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
        The folder, or a file of a section, is not there.
    DataError
        Files cannot be read or do not fit together.
    ValueError
        The pitch is no distance.

    References
    ----------
    Stahl et al., Science 2016;353:78-82, doi:10.1126/science.aaf2403 (the assay).
    """
    if not 0 < pitch_um < float("inf"):
        raise ValueError(f"pitch_um is a distance in micrometres, more than 0, not {pitch_um}")
    return SpotDataset(
        open_sections=lambda: [
            _open(root, name, image=image, donor=(donors or {}).get(name, name), pitch_um=pitch_um)
            for name in track(chosen(sections_in(root), sections, donors=donors), "opening sections")
        ],
        views=views,
        panel=genes,
        scale=scale,
        near=near,
        centre=centre,
        correct=correct,
        blocks=blocks,
        provenance=origin.provenance(
            name=root.resolve().name, modality="histology", assay="spatial-transcriptomics", stain="h&e"
        ),
    )


st.terms = HARMONY  # type: ignore[attr-defined]  # it is read, never run


def _open(root: Path, name: str, *, image: str | None, donor: str, pitch_um: float) -> Section:
    return open_section(files_of(root, name, image), donor=donor, pitch_um=pitch_um)
