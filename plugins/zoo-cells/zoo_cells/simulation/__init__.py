"""Simulated plates of stained cells, with the truth of what each treatment does to them; no sample was imaged.

It stands in for a screen that cannot be shipped: what a treatment changes is known, what a plate, a well's place on it
and the focus of a field change is larger than that in the mean of an image, and who wants to name the treatment has to
look at the cells.
"""

from zoo_cells.simulation.effects import CHANNELS, CONTROL, EFFECTS, Traits, traits
from zoo_cells.simulation.layout import Well, lay_out
from zoo_cells.simulation.simulated_field import SimulatedField

__all__ = ["CHANNELS", "CONTROL", "EFFECTS", "SimulatedField", "Traits", "Well", "lay_out", "traits"]
