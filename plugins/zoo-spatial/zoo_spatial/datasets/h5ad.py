"""``h5ad``: sections in files of AnnData, as scanpy, squidpy and spatialLIBD leave them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo.contracts import Origin
from zoo.errors import DataError
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.readers.h5ad_files import Layout, files_in, open_sections, rows_by_section
from zoo_spatial.readers.sections import chosen
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views

if TYPE_CHECKING:
    from zoo_spatial.section import Section


def h5ad(
    root: Path,
    *,
    image: str | None = None,
    section: str | None = None,
    donor: str | None = None,
    layer: str | None = None,
    positions: str = "spatial",
    um_per_px: float | None = None,
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
    """Spots, counts and images in ``.h5ad`` files.

    Each file is a section called as the file is, or holds several that a column of ``obs`` tells apart. Raw counts are
    taken from ``X``, else from ``raw``, else from a layer called ``counts``: from the first that holds whole numbers.
    Positions are pixels of the full image, x and y. The image is the file that ``image`` names, else the one that
    ``uns['spatial'][...]['metadata']['source_image_path']`` names if it is there, else the reduced ``hires`` copy that
    scanpy keeps in ``uns``, with a note. Spots with ``in_tissue`` 0 are left out. Genes are called by their symbols
    where the file has them, in the index of ``var`` or in a column such as ``gene_name``.

    Objects of spatialLIBD become such a file with zellkonverter; they hold no full image, so say
    ``section: sample_id, donor: subject, image: images/{section}.tif``.

    Parameters
    ----------
    root
        A file, or a folder of them.
    image
        Where images are, a path from the files' folder with ``{section}`` for the section's name.
    section, donor
        Columns of ``obs`` that say which section a spot is of, and whom it was taken from.
    layer
        The layer that holds raw counts.
    positions
        Key of ``obsm`` under which positions are.
    um_per_px
        Size in micrometres of a pixel of the full image; where not given, what the scale factors of Visium say.
    sections
        Names of the sections to use; all that are found where not given.
    donors
        Whom a section was taken from, before what ``donor`` says; a section of which neither says it is its own donor.
    views
        Fields of view, in pixels of the image that is used.
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
        A file, a column, a layer or an image is not there.
    DataError
        A file cannot be read, or holds no raw counts, no positions or no RGB image.
    ValueError
        The size of a pixel is no length.

    References
    ----------
    Virshup et al., J Open Source Softw 2024;9:4371, doi:10.21105/joss.04371 (AnnData).
    """
    if um_per_px is not None and not 0 < um_per_px < float("inf"):
        raise ValueError(f"um_per_px is a length in micrometres, more than 0, not {um_per_px}")
    layout = Layout(section, donor, layer, positions, image, um_per_px)
    return SpotDataset(
        open_sections=lambda: _open(root, layout, sections, donors),
        views=views,
        panel=genes,
        scale=scale,
        near=near,
        centre=centre,
        correct=correct,
        blocks=blocks,
        provenance=origin.provenance(name=root.resolve().name.removesuffix(".h5ad"), modality="histology", stain="h&e"),
    )


h5ad.terms = HARMONY  # type: ignore[attr-defined]  # it is read, never run


def _open(root: Path, layout: Layout, wanted: list[str] | None, donors: dict[str, str] | None) -> list[Section]:
    found = {path: rows_by_section(path, layout.section) for path in files_in(root)}
    file_of: dict[str, Path] = {}
    for path, rows in found.items():
        for name in rows:
            if name in file_of:
                raise DataError(f"section {name} is in {file_of[name].name} and in {path.name}; rename one")
            file_of[name] = path
    names = chosen(list(file_of), wanted, donors=donors)
    read = [
        one
        for path, rows in track(found.items(), "reading files")
        for one in open_sections(path, {name: rows[name] for name in rows if name in names}, layout)
    ]
    by_name = {one.name: replace(one, donor=(donors or {}).get(one.name, one.donor)) for one in read}
    return [by_name[name] for name in names]
