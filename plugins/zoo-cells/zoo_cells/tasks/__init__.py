"""Tasks over cells."""
