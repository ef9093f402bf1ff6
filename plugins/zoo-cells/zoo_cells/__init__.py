"""Cells and plates: readers of high-content screens and simulated plates."""
