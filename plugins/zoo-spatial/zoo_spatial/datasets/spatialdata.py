"""``spatialdata``: sections in SpatialData stores, the Zarr layout of scverse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo.contracts import Origin
from zoo.errors import DataError
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.outputs.spatialdata_out import import_spatialdata
from zoo_spatial.readers.sections import chosen
from zoo_spatial.readers.spatialdata_files import Layout, open_sections, regions_in, stores_in
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo_spatial.section import Section


def spatialdata(
    root: Path,
    *,
    table: str | None = None,
    image: str | None = None,
    donor: str | None = None,
    layer: str | None = None,
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
    """Spots, counts and images in SpatialData stores, as spatialdata-io makes them of Visium and other assays.

    The table's region and instance keys say which shapes (circles, polygons) or points its rows are; each region is a
    section. A store with one region gives a section called as the store is, one with several calls them as the regions
    are. The image is read window by window, at the resolution that a field of view needs; spots are brought onto its
    pixels by the transformations of a coordinate system that both have. Counts are found as ``h5ad`` finds them. Needs
    the extra ``zoo-spatial[spatialdata]``.

    Parameters
    ----------
    root
        A store, or a folder of stores ``NAME.zarr``.
    table
        Name of the table, where a store has several.
    image
        Name of the image, ``{section}`` standing for the section's name; else the largest that shares a coordinate
        system with the spots.
    donor
        Column of the table's ``obs`` that says whom a spot was taken from.
    layer
        The layer that holds raw counts.
    um_per_px
        Size in micrometres of a pixel of the image; where not given, what the array of Visium says.
    sections
        Names of the sections to use; all that are found where not given.
    donors
        Whom a section was taken from, before what ``donor`` says; a section of which neither says it is its own donor.
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
        The library, a store, or what is named in it is not there.
    DataError
        A store cannot be read, or has no raw counts, no spots or no RGB image.
    ValueError
        The size of a pixel is no length.

    References
    ----------
    Marconato et al., Nat Methods 2025;22:58-62, doi:10.1038/s41592-024-02212-x.
    """
    if um_per_px is not None and not 0 < um_per_px < float("inf"):
        raise ValueError(f"um_per_px is a length in micrometres, more than 0, not {um_per_px}")
    layout = Layout(table, image, donor, layer, um_per_px)
    return SpotDataset(
        open_sections=lambda: _open(root, layout, sections, donors),
        views=views,
        panel=genes,
        scale=scale,
        near=near,
        centre=centre,
        correct=correct,
        blocks=blocks,
        provenance=origin.provenance(name=root.resolve().name.removesuffix(".zarr"), modality="histology", stain="h&e"),
    )


spatialdata.terms = HARMONY  # type: ignore[attr-defined]  # it is read, never run


def _open(root: Path, layout: Layout, wanted: list[str] | None, donors: dict[str, str] | None) -> list[Section]:
    import_spatialdata()
    places: dict[str, tuple[Path, str, NDArray[np.int64]]] = {}
    for path in stores_in(root):
        regions = regions_in(path, layout)
        for region, rows in regions.items():
            name = region if len(regions) > 1 else path.name.removesuffix(".zarr")
            if name in places:
                raise DataError(f"section {name} is in {places[name][0].name} and in {path.name}; rename one")
            places[name] = (path, region, rows)
    read: dict[str, Section] = {}
    names = chosen(list(places), wanted, donors=donors)
    for path in track(dict.fromkeys(places[name][0] for name in names), "reading stores"):
        mine = {name: places[name][1:] for name in names if places[name][0] == path}
        read.update({section.name: section for section in open_sections(path, mine, layout)})
    return [replace(read[name], donor=(donors or {}).get(name, read[name].donor)) for name in names]
