"""``visium-loose``: files of Visium that share a prefix, as GEO and downloads give them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from zoo.contracts import Origin
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.readers.loose import files_of, groups_in
from zoo_spatial.readers.sections import chosen
from zoo_spatial.readers.tenx_section import open_section
from zoo_spatial.section import Section
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views


def visium_loose(
    root: Path,
    *,
    images: dict[str, str] | None = None,
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
    """Visium in loose files: ``GSM7845914_PSC011_A1_VISIUM_matrix.mtx.gz`` and whatever else has that prefix.

    A section is called by the prefix that its files share: ``PREFIX_matrix.mtx`` with ``PREFIX_features.tsv`` (or
    ``genes.tsv``) and ``PREFIX_barcodes.tsv``, or ``PREFIX_filtered_feature_bc_matrix.h5``; with
    ``PREFIX_tissue_positions_list.csv`` (or ``tissue_positions.csv``); and, where they are there,
    ``PREFIX_scalefactors_json.json`` and ``PREFIX_tissue_hires_image.png``. All lie in ``root`` or in folders just
    below it, gzip or not; files without a prefix belong to the section that their folder is called by. The image is the
    picture of that prefix, or of its GEO accession (``GSM7845914_GEX_PSC011-4_A1_Merged.tif``), or the only one. The
    liver sections of GSE240429 and GSE245620, on which BLEEP and HECLIP were trained, come so.

    Parameters
    ----------
    root
        The folder.
    images
        Section -> image (from ``root``), for images that cannot be told from their names.
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
    GSE240429 and GSE245620, https://www.ncbi.nlm.nih.gov/geo/
    """

    def opened() -> list[Section]:
        found = groups_in(root)
        names = chosen(list(found), sections, donors=donors, images=images)
        return [
            open_section(files_of(root, found[name], images or {}), donor=(donors or {}).get(name, name), genome=genome)
            for name in track(names, "opening sections")
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


visium_loose.terms = HARMONY  # type: ignore[attr-defined]  # it is read, never run
