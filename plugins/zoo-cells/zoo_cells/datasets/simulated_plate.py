"""``simulated-plate``: wells of stained cells under invented treatments; simulated data, not a screen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from zoo.contracts import Provenance, Transform
from zoo_cells.field import Field
from zoo_cells.fingerprint import digest
from zoo_cells.plates import PlateDataset
from zoo_cells.reader import Reader
from zoo_cells.simulation import CHANNELS, CONTROL, EFFECTS, SimulatedField, Well, lay_out, traits
from zoo_cells.simulation.camera import expose
from zoo_cells.simulation.cells import grow
from zoo_cells.simulation.stains import dna

PROVENANCE: Provenance = {
    "name": "simulated-plate",
    "kind": "simulated",
    "licence": "apache-2.0",
    "source": "the simulator in the package zoo-cells",
    "modality": "fluorescence-microscopy",
    "assay": "simulated Cell Painting",
    "tissue": "simulated cell culture",
}
SHOWN = ("DNA", "AGP", "Mito")
"""Stains that show what the first treatments do."""
RARE_WELLS = 2
"""Wells of a rare treatment on each plate."""
LEAST = {"plates": 1, "treatments": 2, "wells": 1, "control_wells": 1, "rare": 0, "sites": 1, "size": 32, "seed": 0}
MOST = {"plates": 1_000, "treatments": len(EFFECTS), "sites": 1_000, "size": 2_048}
STRONGEST = 3.0


def simulated_plate(
    *,
    plates: int = 2,
    treatments: int = 8,
    wells: int = 8,
    control_wells: int = 24,
    rare: int = 2,
    sites: int = 3,
    size: int = 96,
    channels: list[str] | None = None,
    effect: float = 1.0,
    confounded: bool = False,
    prepare: list[Transform] = [],  # noqa: B006 - read, never changed; the default of a slot is an empty list
    copies: int | None = None,
    seed: int = 0,
) -> PlateDataset:
    """Simulate plates of fluorescent cells with known truth, in seconds, without a network.

    Counts are those of a camera of 12 bits, in 16. What each treatment does stands in
    :data:`zoo_cells.simulation.EFFECTS`: ``tubulin-1`` and ``tubulin-2``, ``actin-1`` and ``actin-2`` resemble each
    other, ``inert-1`` does next to nothing, and most of what they do is a matter of shape and texture. Plates differ in
    gain, background and illumination; rows and columns have a gradient, wells at the rim are dimmer and emptier; wells
    differ in stain and density, fields in focus and haze, cells in how much they take up. Treatments are dealt out over
    the wells at random. A field is drawn when it is first needed, each from a seed of its own.

    Parameters
    ----------
    plates
        How many (``P1``, ``P2`` ...), each with every treatment.
    treatments
        How many of :data:`~zoo_cells.simulation.EFFECTS`, from its top: the untreated ``DMSO`` and invented ones.
    wells, control_wells
        Wells of each treatment, and of ``DMSO``, on each plate; the plate is the smallest of 24 to 1,536 wells.
    rare
        How many treatments have two wells a plate instead: the last that do something.
    sites
        Fields of each well.
    size
        Pixels along each side of a field, of 1 um each.
    channels
        Of ``DNA``, ``RNA``, ``ER``, ``AGP`` and ``Mito``; where not given DNA, AGP and Mito, which show what the first
        eight treatments do.
    effect
        Scales what treatments do; at 0 nothing tells them apart but their place.
    confounded
        Give each treatment columns of its own, the same on all plates, as real plates often have: place and treatment
        cannot be told apart then.
    prepare
        Transforms that draw nothing, fitted on training fields and applied once to each field.
    copies
        Bring each class to so many items before anything is split, as the published script did.
    seed
        Of the study; another seed has other plates.

    Raises
    ------
    ValueError
        There would be no plate, a channel is unknown, or wells do not fit on any plate.
    """
    _check(plates, treatments, wells, control_wells, rare, sites, size, seed)
    if not (math.isfinite(effect) and 0 <= effect <= STRONGEST):
        raise ValueError(f"effect lies between 0 and {STRONGEST:g}, not {effect}")
    shown = tuple(channels) if channels is not None else SHOWN
    if not shown or len(set(shown)) != len(shown) or set(shown) - set(CHANNELS):
        raise ValueError(f"channels are of {', '.join(CHANNELS)}, each once, not {', '.join(shown) or 'none'}")
    numbers = _numbers(treatments, wells, control_wells, rare)
    layouts = [lay_out(numbers, plate=plate, seed=seed, confounded=confounded) for plate in range(1, plates + 1)]
    make = partial(SimulatedField, seed=seed, size=size, channels=shown, effect=effect)
    reader = Reader()

    def new_fields(inputs: Mapping[str, Path], new: PlateDataset) -> list[Field]:
        return reader.unseen(inputs, new.channels, new.aliases, new.notes)

    return PlateDataset(
        lambda: [
            _field(make(plate=plate, well=well, site=site))
            for plate, layout in enumerate(layouts, 1)
            for well in layout
            for site in range(1, sites + 1)
        ],
        provenance=PROVENANCE,
        size=size,
        prepare=prepare,
        copies=copies,
        classes=list(numbers),
        new_fields=new_fields,
    )


def _check(*values: int) -> None:
    for (name, least), value in zip(LEAST.items(), values, strict=True):
        most = MOST.get(name)
        if value < least or (most is not None and value > most):
            bound = f"from {least} to {most}" if most is not None else f"of at least {least}"
            raise ValueError(f"{name} is a number {bound}, not {value}")


def _numbers(treatments: int, wells: int, control_wells: int, rare: int) -> dict[str, int]:
    """Return how many wells each treatment has on a plate."""
    names = list(EFFECTS)[:treatments]
    active = [name for name in names if name != CONTROL and not name.startswith("inert")]
    if rare > len(active):
        raise ValueError(f"rare is at most {len(active)}, the treatments that do something, not {rare}")
    few = active[len(active) - rare :]
    usual = {CONTROL: control_wells} | dict.fromkeys(few, min(RARE_WELLS, wells))
    return {name: usual.get(name, wells) for name in names}


def _field(made: SimulatedField) -> Field:
    plate, well, site = f"P{made.plate}", made.well.name, str(made.site)
    return Field(
        name=f"{plate}/{well}/{site}",
        plate=plate,
        well=well,
        site=site,
        label=made.well.treatment,
        groups={},
        channels=made.channels,
        stamp=_stamp(made),
        read=made.image,
    )


def _stamp(made: SimulatedField) -> str:
    """Return what the pixels follow from: the settings, and the code of the simulator."""
    return digest(made, [SimulatedField, Well, traits, grow, dna, expose])
