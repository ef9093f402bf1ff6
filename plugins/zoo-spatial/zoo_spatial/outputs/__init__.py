"""Predictions written down: AnnData, SpatialData, and maps of genes."""
