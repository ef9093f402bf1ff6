"""Spatial transcriptomics for zoo: sections of tissue with spots, their images and their expression."""
