"""Files of the first spatial transcriptomics arrays: count tables, spot files, and sections made of both."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import atomic
from zoo.errors import DataError
from zoo_spatial.cache import folder_for
from zoo_spatial.readers.st_genes import named
from zoo_spatial.section import Section
from zoo_spatial.slides.slide import open_slide
from zoo_spatial.spot_table import Spots, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = "st-counts-1"
LEAST_SHARED = 0.5
SPOT = re.compile(r"\d+(?:\.\d+)?x\d+(?:\.\d+)?")
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Counts:
    """A count table: transcripts [n, genes], the spots of its rows and the genes of its columns."""

    path: Path
    values: NDArray[np.float32]
    spots: list[str]
    genes: list[str]


def read_counts(path: Path) -> Counts:
    """Read a table of spots x genes (tab separated, gzip or not), parsed once into the cache.

    Raises
    ------
    MissingError
        The file is not there.
    DataError
        It is no table of non-negative numbers, has genes for rows, or names a spot or a gene twice.
    """
    folder = folder_for(path, VERSION, lambda temporary: _parse_counts(path, temporary))
    names = json.loads((folder / "names.json").read_text())
    return Counts(path, np.load(folder / "counts.npy", mmap_mode="r"), names["spots"], names["genes"])


def _parse_counts(path: Path, folder: Path) -> None:
    table = read_table(path, index_col=0)
    spots, genes = table.index.astype(str).tolist(), table.columns.astype(str).tolist()
    if not spots or not genes:
        raise DataError(f"{path}: holds {len(spots)} spots and {len(genes)} genes; restore it from its source")
    if _are_spots(genes) and not _are_spots(spots):
        raise DataError(
            f"{path}: has genes for rows ({spots[0]} ...) and spots for columns ({genes[0]} ...), spots are to be the "
            "rows; transpose the table"
        )
    try:
        values = table.to_numpy(dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: holds a value that is no number ({error}); counts are a table of numbers") from error
    if not np.isfinite(values).all() or (values < 0).any():
        raise DataError(f"{path}: holds missing or negative counts; raw counts are needed")
    for what, names in (("spot", spots), ("gene", genes)):
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{path}: {what} {twice} stands twice; merge or remove one")
    with (folder / "counts.npy").open("wb") as file:
        np.save(file, values)
    atomic.write_json(folder / "names.json", {"spots": spots, "genes": genes})


def _are_spots(names: list[str]) -> bool:
    shown = names[:LOOKED_AT]
    return sum(SPOT.fullmatch(name) is not None for name in shown) > len(shown) / 2


def section_from(*, name: str, donor: str, image: Path, spots: Spots, counts: Counts, pitch_um: float) -> Section:
    """Join counts, spots and image; spots that only one of the files has are left out.

    Raises
    ------
    DataError
        Fewer than half of the spots of either file are in the other: they are not of one section.
    """
    row = {spot: number for number, spot in enumerate(counts.spots)}
    kept = [number for number, spot in enumerate(spots.ids) if spot in row]
    if len(kept) < LEAST_SHARED * min(len(spots.ids), len(counts.spots)) or not kept:
        raise DataError(
            f"section {name}: only {len(kept)} spots are in both {counts.path} ({len(counts.spots)} spots) and "
            f"{spots.path} ({len(spots.ids)} spots); are they of one section?"
        )
    rows = [row[spots.ids[number]] for number in kept]
    values = counts.values if rows == list(range(len(counts.values))) else counts.values[rows]
    genes = named(values, counts.genes)
    section = Section(
        name=name,
        donor=donor,
        image=open_slide(image),
        position_px=spots.position_px[kept],
        grid=spots.grid[kept],
        ids=[spots.ids[number] for number in kept],
        counts=genes.counts,
        genes=genes.names,
        gene_ids=genes.ids,
        notes=tuple(f"section {name}: {note}" for note in genes.notes),
    )
    return replace(section, um_per_px=pitch_um / section.pitch_px)
