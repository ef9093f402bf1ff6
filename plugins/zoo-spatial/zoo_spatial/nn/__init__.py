"""Shared parts without names in recipes."""
