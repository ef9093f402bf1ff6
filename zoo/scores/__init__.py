"""Scores that several tasks share, computed once over collected predictions; no names in recipes."""
