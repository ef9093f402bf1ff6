"""Sections that are counts and names of genes and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from zoo_spatial.section import Section

GLASS = SimpleNamespace(shape=(10_000, 10_000))


def a_section(name, counts, genes=None, gene_ids=None):
    """Return a section of these counts [n, G]; its image is never looked at."""
    spots, width = (2, 0) if counts is None else counts.shape
    place = np.arange(spots, dtype=np.float32)
    return Section(
        name=name,
        donor=name,
        image=GLASS,
        position_px=np.stack([place, place], axis=1),
        grid=np.stack([place, place], axis=1),
        ids=[f"spot{number}" for number in range(spots)],
        counts=counts,
        genes=[f"GENE{number}" for number in range(width)] if genes is None else genes,
        gene_ids=gene_ids,
    )


def some_counts(seed=0, spots=40, genes=30):
    """Return counts whose genes differ in mean and spread [n, G]."""
    rng = np.random.default_rng(seed)
    mean = (rng.gamma(0.5, 4, size=genes) + 0.1) * rng.uniform(0.5, 2, size=(spots, 1))
    return rng.poisson(mean).astype(np.float32)


def human(number):
    """Return a human Ensembl id."""
    return f"ENSG{number:011d}"


def mouse(number):
    """Return a mouse Ensembl id."""
    return f"ENSMUSG{number:011d}"


def whole(sections):
    """Return all rows of all sections."""
    return {number: np.arange(len(section.ids)) for number, section in enumerate(sections)}
