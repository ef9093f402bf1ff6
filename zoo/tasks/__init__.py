"""Registered tasks: one file, one name."""
