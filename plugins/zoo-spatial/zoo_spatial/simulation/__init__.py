"""Simulated tissue: H&E-like sections with spatial transcriptomics counts and the truth behind both.

The sections stand in for data that cannot be shipped. Regions, cell types and gene programmes are known, so a learner
can be compared with an oracle that was told the composition. The image is built so that shape, texture and
neighbourhood of nuclei say more about expression than colour does.
"""

from zoo_spatial.simulation.cells import CELL_TYPES
from zoo_spatial.simulation.layout import REGIONS
from zoo_spatial.simulation.section import SimulatedSection, simulate_section

__all__ = ["CELL_TYPES", "REGIONS", "SimulatedSection", "simulate_section"]
