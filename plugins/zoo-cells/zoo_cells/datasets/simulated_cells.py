"""``simulated-cells``: fields of cells with a protein in 19 places and truth of each cell; simulated data, no atlas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.contracts import Provenance
from zoo_cells.fingerprint import digest
from zoo_cells.protein.cell_field import CellField
from zoo_cells.protein.fields import ProteinFields
from zoo_cells.protein.kaggle import KaggleFolder
from zoo_cells.protein.simulation import camera, cytoplasmic, geometry, noise, nuclear, stains
from zoo_cells.protein.simulation.antibodies import deal
from zoo_cells.protein.simulation.field import SimulatedCells

PROVENANCE: Provenance = {
    "name": "simulated-cells",
    "kind": "simulated",
    "licence": "apache-2.0",
    "source": "the simulator in the package zoo-cells",
    "modality": "fluorescence-microscopy",
    "assay": "simulated immunofluorescence",
    "tissue": "simulated cell culture",
}
BOUNDS = {
    "antibodies": (1, 100_000),
    "fields": (1, 1_000),
    "size": (96, 2_048),
    "diameter": (32, 256),
    "deviate": (0, 0.9),
    "rare": (1, 1_000),
    "batches": (1, 1_000),
    "seed": (0, 2**31 - 1),
}
DRAWN_BY = [
    *(SimulatedCells, geometry.grow, stains.paint, camera.expose, noise.smooth),
    *(nuclear.nucleoplasm, cytoplasmic.reticulum),
]
"""One thing of each module whose code the pixels follow from."""


def simulated_cells(
    *,
    antibodies: int = 120,
    fields: int = 2,
    size: int = 256,
    diameter: float = 56.0,
    deviate: float = 0.35,
    rare: int = 5,
    batches: int = 6,
    seed: int = 0,
) -> ProteinFields:
    """Simulate fields of cells with a stained protein and what is true of each cell, without a network.

    A protein has one to three of the 19 locations, common ones (``Nucleoplasm``, ``Cytosol``) in many proteins and rare
    ones (``Aggresome``, ``Mitotic spindle``) in few; ``Negative`` stands alone. All fields of it carry its locations as
    labels, though each cell lacks each of them with the probability ``deviate``: a cell without any is ``Negative``, or
    now and then has the protein elsewhere. The label of a field is therefore wrong for many of its cells, and a
    spindle is there only in cells that divide. Microtubules and endoplasmic reticulum are drawn once and followed by
    a protein that lies there. Staining batches differ in gain, background and blur, fields in focus and haze, cells in
    how much of the protein they have; a field of 256 pixels has about 20 cells, cut ones among them. Pixels have 8
    bits. Each field is drawn when it is needed, from a seed of its own.

    Parameters
    ----------
    antibodies
        How many proteins, a group ``antibody`` each (``A001`` ...).
    fields
        Fields of each.
    size
        Pixels along each side of a field.
    diameter
        Of a cell that has room, in pixels; all that is in it grows with it.
    deviate
        How likely a cell lacks a label of its field; one whole cell at least has each.
    rare
        How many proteins at least have each location, where there are enough of them: 19 times as many.
    batches
        How many stainings the proteins are dealt out to, a group ``batch`` each (``B1`` ...).
    seed
        Of the study; another seed has other proteins.

    Raises
    ------
    ValueError
        A number lies out of its bounds.
    """
    _check(locals())
    labels = deal(antibodies, rare=rare, seed=seed)
    batch_of = 1 + np.random.default_rng((seed, 0, 1)).permutation(antibodies) % batches
    width = len(str(antibodies))

    def listed() -> list[CellField]:
        return [
            _field(
                SimulatedCells(seed, number, int(batch_of[number - 1]), one, own, size, float(diameter), deviate), width
            )
            for number, own in enumerate(labels, 1)
            for one in range(1, fields + 1)
        ]

    def new_fields(inputs: Mapping[str, Path]) -> list[CellField]:
        return KaggleFolder(inputs["input"]).unlabelled()

    return ProteinFields(listed, provenance=PROVENANCE, new_fields=new_fields)


def _check(values: Mapping[str, float]) -> None:
    for name, (least, most) in BOUNDS.items():
        if not (math.isfinite(values[name]) and least <= values[name] <= most):
            raise ValueError(f"{name} is a number from {least} to {most}, not {values[name]}")
    if values["diameter"] > values["size"] / 2:
        raise ValueError(f"diameter is at most half of size ({values['size']}), not {values['diameter']:g}")


def _field(made: SimulatedCells, width: int) -> CellField:
    return CellField(
        name=f"A{made.antibody:0{width}d}-{made.number}",
        labels=made.labels,
        groups={"antibody": f"A{made.antibody:0{width}d}", "batch": f"B{made.batch}"},
        stamp=digest(made, DRAWN_BY),
        read=made.image,
        truth=made.truth,
    )
