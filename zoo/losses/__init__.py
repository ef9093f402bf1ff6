"""Registered losses: one file, one name."""
