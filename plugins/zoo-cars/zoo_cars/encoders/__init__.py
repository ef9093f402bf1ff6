"""Registered encoders: one file, one name."""
