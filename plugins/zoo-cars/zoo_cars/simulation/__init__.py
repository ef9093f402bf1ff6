"""Simulated hyperspectral CARS of mouse liver, with the truth of where a made-up drug is.

It stands in for data that nobody can ship. What is in a pixel is known, the physics of the signal is that of the
textbooks, and what differs from animal to animal and from day to day is larger in a field's mean spectrum than what the
drug does to it: who wants to know the dose has to find the cells that took it up.
"""

from zoo_cars.simulation.liver import DOSES, Dose
from zoo_cars.simulation.simulated_field import SimulatedField

__all__ = ["DOSES", "Dose", "SimulatedField"]
