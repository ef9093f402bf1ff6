"""``simulated-tissue``: H&E-like sections drawn from a field of cells of known types; simulated data, not a sample."""

from __future__ import annotations

from typing import Literal

from zoo.contracts import Provenance
from zoo.progress import track
from zoo_spatial.genes.harmony import TERMS as HARMONY
from zoo_spatial.genes.panel import GenePanel, Scale
from zoo_spatial.section import Section
from zoo_spatial.simulation import simulate_section
from zoo_spatial.slides.pyramid import from_array
from zoo_spatial.spots import SpotDataset
from zoo_spatial.views import Views

PROVENANCE: Provenance = {
    "name": "simulated-tissue",
    "kind": "simulated",
    "licence": "apache-2.0",
    "source": "the simulator in the package zoo-spatial",
    "modality": "histology",
    "assay": "spatial-transcriptomics",
    "stain": "h&e",
}


def simulated_tissue(
    *,
    donors: int = 6,
    sections: int = 1,
    spots: int = 12,
    genes: GenePanel = GenePanel(top=200),
    transcripts: int = 400,
    pitch: int = 64,
    views: Views = Views(patch=64),
    scale: Scale = "log1p",
    near: int = 6,
    centre: bool = False,
    correct: Literal["harmony"] | None = None,
    seed: int = 0,
) -> SpotDataset:
    """Simulate tissue with known truth, of any size, in seconds, without a network.

    Every donor has stains and a scanner of its own and shifts some genes; regions of tissue mix six cell types that
    differ in the shape and texture of their nuclei more than in colour; counts are drawn from the cells under each spot
    and from the region around it.

    Parameters
    ----------
    donors, sections
        How many donors (``D1``, ``D2`` ...), and sections of each (``D1-S1`` ...).
    spots
        Spots along each side of a section; those on glass are left out.
    genes
        How the panel is chosen on the training groups.
    transcripts
        Genes that are simulated (``SIM0001`` ...).
    pitch
        Distance between spots in pixels.
    views
        Fields of view in pixels.
    scale
        Of the expression.
    near
        Nearest spots that are delivered with each spot.
    centre
        Compare spots by how they differ from the mean of their section.
    correct
        ``harmony`` takes differences between the sections that are shown out of their expression (an extra).
    seed
        Of the organism; another seed has other programmes and shapes.

    Raises
    ------
    ValueError
        There would be no section.
    """
    for name, value in (("donors", donors), ("sections", sections)):
        if value < 1:
            raise ValueError(f"{name} is a number of at least 1, not {value}")
    return SpotDataset(
        open_sections=lambda: [
            _section(seed=seed, donor=donor, number=number, spots=spots, transcripts=transcripts, pitch=pitch)
            for donor in track(range(1, donors + 1), "simulating tissue", unit="donors")
            for number in range(1, sections + 1)
        ],
        views=views,
        panel=genes,
        scale=scale,
        near=near,
        centre=centre,
        correct=correct,
        provenance=PROVENANCE,
    )


simulated_tissue.terms = HARMONY  # type: ignore[attr-defined]  # it is read, never run


def _section(*, seed: int, donor: int, number: int, spots: int, transcripts: int, pitch: int) -> Section:
    made = simulate_section(seed=seed, donor=donor, section=number, spots=spots, genes=transcripts, pitch_px=pitch)
    return Section(
        name=made.name,
        donor=made.donor,
        image=from_array(made.image),
        position_px=made.position_px,
        grid=made.grid,
        ids=[f"{x:.0f}x{y:.0f}" for x, y in made.grid],
        counts=made.counts.astype("float32"),
        genes=made.genes,
        um_per_px=made.um_per_px,
    )
