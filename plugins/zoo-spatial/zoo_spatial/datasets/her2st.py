"""``her2st``: the HER2-positive breast tumours of Andersson et al., in the layout of their repository."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from zoo.contracts import Provenance, Terms
from zoo.errors import MissingError
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.readers.sections import chosen
from zoo_spatial.readers.st_files import read_counts, section_from
from zoo_spatial.section import Section
from zoo_spatial.spot_table import read_spots
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views

PITCH_UM = 200.0
PROVENANCE: Provenance = {
    "name": "her2st",
    "kind": "real",
    "licence": "none",
    "source": "https://github.com/almaan/her2st",
    "citation": "Andersson et al., Nat Commun 2021;12:6012, doi:10.1038/s41467-021-26271-2",
    "modality": "histology",
    "assay": "spatial-transcriptomics",
    "stain": "h&e",
    "tissue": "breast",
    "species": "human",
}
DATA: Terms = {
    "name": "its sections",
    "licence": "none",
    "citation": "Andersson et al., Nat Commun 2021;12:6012, doi:10.1038/s41467-021-26271-2",
    "source": "https://github.com/almaan/her2st",
}
WHERE = "it comes from https://github.com/almaan/her2st (also doi:10.5281/zenodo.3957257)"


def her2st(
    root: Path,
    *,
    sections: list[str] | None = None,
    views: Views = Views(),
    genes: GenePanel = GenePanel(),
    scale: Scale = "log1p",
    near: int = 6,
    centre: bool = False,
    correct: Literal["harmony"] | None = None,
) -> SpotDataset:
    """Spatial transcriptomics of 36 sections of 8 HER2-positive breast tumours (about 11,500 spots in all).

    The original layout is read as it is: ``ST-cnts/C2.tsv.gz`` (or ``.tsv``), ``ST-spotfiles/C2_selection.tsv`` and
    ``ST-imgs/C/C2/*.jpg``. Sections are found, not listed by hand; the donor is the section's first letter. Images are
    decoded once into ``ZOO_HOME``; the spot pitch of 200 um gives the size of a pixel.

    Parameters
    ----------
    root
        The folder that holds ``ST-cnts``.
    sections
        Names of the sections to use; all that are found where not given.
    views
        Fields of view, in pixels of the full image (273 px are 200 um).
    genes
        How the panel is chosen on the training groups.
    scale
        Of the expression.
    near
        Nearest spots that are delivered with each spot.
    centre
        Compare spots by how they differ from the mean of their section.
    correct
        ``harmony`` takes differences between the sections that are shown out of their expression (an extra).

    Raises
    ------
    MissingError
        The folder or a section's file is not there.
    DataError
        Files cannot be read or do not fit together.

    References
    ----------
    Andersson et al., Nat Commun 2021;12:6012, doi:10.1038/s41467-021-26271-2. The repository has no licence file: read
    and measure with it, do not redistribute it.
    """
    return SpotDataset(
        open_sections=lambda: [
            _section(_data(root), name) for name in track(_names(_data(root), sections), "opening sections")
        ],
        views=views,
        panel=genes,
        scale=scale,
        near=near,
        centre=centre,
        correct=correct,
        provenance=PROVENANCE,
    )


her2st.terms = (DATA, HARMONY)  # type: ignore[attr-defined]  # it is read, never run


def _data(root: Path) -> Path:
    """Return the folder with the three subfolders; the repository's own root is taken too."""
    for folder in (root, root / "data"):
        if (folder / "ST-cnts").is_dir():
            return folder
    raise MissingError(f"{root}: has no folder ST-cnts; point data.root at the data folder of her2st, {WHERE}")


def _names(data: Path, wanted: list[str] | None) -> list[str]:
    found = sorted({path.name.split(".")[0] for path in (data / "ST-cnts").glob("*.tsv*")})
    if not found:
        raise MissingError(f"{data / 'ST-cnts'}: holds no .tsv.gz or .tsv file; {WHERE}")
    return chosen(found, wanted)


def _section(data: Path, name: str) -> Section:
    counts = next(iter(sorted((data / "ST-cnts").glob(f"{name}.tsv*"))))
    images = sorted((data / "ST-imgs" / name[0] / name).glob("*.jp*g"))
    if not images:
        raise MissingError(f"{data / 'ST-imgs' / name[0] / name}: holds no JPEG for section {name}; {WHERE}")
    spots = read_spots(data / "ST-spotfiles" / f"{name}_selection.tsv")
    return section_from(
        name=name, donor=name[0], image=images[0], spots=spots, counts=read_counts(counts), pitch_um=PITCH_UM
    )
