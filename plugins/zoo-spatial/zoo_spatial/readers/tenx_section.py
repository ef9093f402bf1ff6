"""A section of Visium, made of the files that a reader found for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.positions import Positions, read_positions
from zoo_spatial.readers.tenx_matrix import Matrix, MatrixFiles, read_matrix
from zoo_spatial.readers.tenx_scale import ScaleFactors, check_size, pixel_size, read_scale_factors
from zoo_spatial.readers.tenx_text import shown, unpacked
from zoo_spatial.section import Section
from zoo_spatial.slides.slide import open_slide

if TYPE_CHECKING:
    from zoo_spatial.slides.slide import Slide

LEAST_SHARED = 0.5
SUFFIX = re.compile(r"-\d+$")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one section; a reader finds them, :func:`open_section` reads them.

    Attributes
    ----------
    name
        Of the section.
    positions, matrix
        Where its spots and its counts are.
    scale
        ``scalefactors_json.json``.
    image
        The full-resolution image, or the reduced one where that was asked for.
    hires
        Space Ranger's reduced picture, which stands in where there is no image.
    way_out
        How a full image would be named in a recipe.
    """

    name: str
    positions: Path
    matrix: MatrixFiles
    scale: Path | None = None
    image: Path | None = None
    hires: Path | None = None
    way_out: str = "data.image"


def open_section(files: Files, *, donor: str, genome: str | None = None) -> Section:
    """Read a section: spots in tissue with their counts, over the full image or, for want of it, the reduced one.

    Raises
    ------
    MissingError
        A file is not there.
    DataError
        A file cannot be read, or two do not fit together.
    """
    positions = read_positions(files.positions)
    matrix = read_matrix(files.matrix, genome)
    scale = read_scale_factors(files.scale) if files.scale else None
    image, factor, notes = _image(files, scale)
    spots, rows, joined = _joined(files.name, positions, matrix)
    section = Section(
        name=files.name,
        donor=donor,
        image=image,
        position_px=positions.position_px[spots] * factor,
        grid=positions.grid[spots],
        ids=[positions.barcodes[spot] for spot in spots],
        counts=matrix.counts if rows == list(range(len(matrix.barcodes))) else matrix.counts[rows],
        genes=matrix.genes,
        gene_ids=matrix.gene_ids,
    )
    um_per_px, doubts = pixel_size(section, scale, factor)
    told = tuple(f"section {files.name}: {note}" for note in (*notes, *joined, *matrix.notes))
    return replace(section, um_per_px=um_per_px, notes=(*told, *doubts))


def _image(files: Files, scale: ScaleFactors | None) -> tuple[Slide, float, tuple[str, ...]]:
    """Return the image, its pixels per pixel of the full image, and what to note of it."""
    path = files.image or files.hires
    if path is None:
        raise MissingError(f"section {files.name}: has no image; name it with {files.way_out}")
    factor = _factor(files, path, scale)
    image = open_slide(unpacked(path))
    if factor is not None:
        said = f"patches come from {path.name}, reduced to {factor:.3g} of the full image"
        return image, factor, (f"{said}; name that with {files.way_out}",)
    if scale and files.hires:
        check_size(path, image, scale, hires=unpacked(files.hires), way_out=files.way_out)
        return image, 1.0, ()
    return image, 1.0, ("nothing beside the image says what size it should have; it was not checked",)


def _factor(files: Files, path: Path, scale: ScaleFactors | None) -> float | None:
    """Return by how much one of Space Ranger's own pictures was reduced; None for any other image."""
    reduced = next((kind for kind in ("hires", "lowres") if f"tissue_{kind}_image" in path.name), None)
    if reduced is None:
        return None
    factor = getattr(scale, reduced) if scale else None
    if factor is None:
        where = scale.path if scale else files.positions.parent / "scalefactors_json.json"
        raise MissingError(
            f"{where}: has no tissue_{reduced}_scalef, without which spots have no place on {path.name}; "
            f"restore the file, or name the full image with {files.way_out}"
        )
    return float(factor)


def _joined(name: str, positions: Positions, matrix: Matrix) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Return the numbers of the spots that both files have, their rows of the matrix, and what to note.

    Some tools drop the ``-1`` of a barcode; where hardly any barcode is shared with it, they are compared without.
    """
    spots, rows = _shared(positions.barcodes, matrix.barcodes)
    least = LEAST_SHARED * min(len(positions.barcodes), len(matrix.barcodes))
    notes: tuple[str, ...] = ()
    if len(spots) < least or not spots:
        bare = [[SUFFIX.sub("", barcode) for barcode in names] for names in (positions.barcodes, matrix.barcodes)]
        found = _shared(*bare)
        if len(found[0]) < least or not found[0] or any(len(set(names)) != len(names) for names in bare):
            raise DataError(_strangers(name, positions, matrix, len(spots)))
        spots, rows = found
        notes = (f"barcodes of {positions.path.name} and {matrix.path.name} differ in their suffix; compared without",)
    lost = len(positions.barcodes) - len(spots)
    if lost:
        plural = "spot" if lost == 1 else "spots"
        notes = (*notes, f"{lost} {plural} in tissue are not in {matrix.path.name} and were left out")
    return spots, rows, notes


def _shared(spots: list[str], columns: list[str]) -> tuple[list[int], list[int]]:
    row = {barcode: number for number, barcode in enumerate(columns)}
    kept = [number for number, barcode in enumerate(spots) if barcode in row]
    return kept, [row[spots[number]] for number in kept]


def _strangers(name: str, positions: Positions, matrix: Matrix, shared: int) -> str:
    there = f"{positions.path} ({len(positions.barcodes)} in tissue, {shown(positions.barcodes[0])} ...)"
    here = f"{matrix.path} ({len(matrix.barcodes)}, {shown((matrix.barcodes or ['none'])[0])} ...)"
    return f"section {name}: only {shared} barcodes are in both {there} and {here}; give the files of one section"
