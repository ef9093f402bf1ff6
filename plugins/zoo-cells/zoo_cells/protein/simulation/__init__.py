"""Simulated fields of cells with a protein in some of the 19 locations, and what is true of each cell."""
