"""Cells cut out of fields: found by a segmenter, kept on disk, served as bags."""
