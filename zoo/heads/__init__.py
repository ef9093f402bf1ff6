"""Registered heads: one file, one name."""
