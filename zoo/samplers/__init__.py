"""Registered samplers: one file, one name."""
