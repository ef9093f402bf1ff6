"""Registered datasets: one file, one name."""
