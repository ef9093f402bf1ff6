"""Hyperspectral stacks for zoo."""
