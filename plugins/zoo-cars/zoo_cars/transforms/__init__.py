"""Registered transforms: one file, one name."""
