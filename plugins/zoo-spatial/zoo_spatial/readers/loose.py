"""Files of Visium without Space Ranger's folders, as GEO and downloads give them: sections share a prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zoo.errors import DataError, MissingError
from zoo_spatial.readers.space_ranger import is_picture
from zoo_spatial.readers.tenx_matrix import MatrixFiles
from zoo_spatial.readers.tenx_section import Files
from zoo_spatial.readers.tenx_text import listed

WITHIN = r"(?:(?:filtered|raw)_(?:feature_bc_matrix|gene_bc_matrices)[_.-])?"
ROLES = {
    "positions": re.compile(r"tissue_positions(?:_list)?\.(?:csv|parquet)$"),
    "filtered": re.compile(r"filtered_(?:feature_bc_matrix|gene_bc_matrices(?:_h5)?)\.h5$"),
    "raw": re.compile(r"raw_(?:feature_bc_matrix|gene_bc_matrices(?:_h5)?)\.h5$"),
    "matrix": re.compile(WITHIN + r"matrix\.mtx$"),
    "features": re.compile(WITHIN + r"(?:features|genes)\.tsv$"),
    "barcodes": re.compile(WITHIN + r"barcodes\.tsv$"),
    "scale": re.compile(r"scalefactors_json\.json$"),
    "hires": re.compile(r"tissue_hires_image\.png$"),
}
COUNTS = ("filtered", "matrix", "raw")
ACCESSION = re.compile(r"GSM\d+")


@dataclass(slots=True)
class Group:
    """Files of one prefix, by what they are."""

    name: str
    parts: dict[str, Path] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)

    @property
    def accession(self) -> str:
        """GEO's number of the sample; empty where the prefix has none."""
        found = ACCESSION.search(self.name)
        return found.group() if found else ""

    @property
    def has_counts(self) -> bool:
        """Whether there is a matrix."""
        return any(role in self.parts for role in COUNTS)


def groups_in(root: Path) -> dict[str, Group]:
    """Return the sections of a folder by name: files of one prefix in it, or in a folder just below.

    A file without a prefix belongs to the section that its folder is called by. An image whose name does not begin
    with the prefix belongs to the section of the same GEO accession, or to the only section there is.

    Raises
    ------
    MissingError
        There is no such folder, or nothing of Visium in it.
    DataError
        Two files claim to be the same of a section.
    """
    paths = [path for folder in [root, *filter(Path.is_dir, listed(root))] for path in _files(folder)]
    found: dict[str, Group] = {}
    images = []
    for path in paths:
        name, role = _role(path)
        if role:
            _add(found.setdefault(name, Group(name)), role, path)
        elif is_picture(path):
            images.append(path)
    whole = _merged([group for group in found.values() if group.has_counts or "positions" in group.parts])
    if not whole:
        held = ", ".join(path.name for path in paths[:5]) or "nothing"
        raise MissingError(
            f"{root}: holds no counts or positions of Visium (PREFIX_matrix.mtx.gz or "
            f"PREFIX_filtered_feature_bc_matrix.h5, PREFIX_tissue_positions_list.csv; found: {held}); check data.root"
        )
    _give_images(whole, images)
    return {group.name: group for group in sorted(whole, key=lambda group: group.name)}


def _files(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.is_file() and not path.name.startswith(".")]


def _role(path: Path) -> tuple[str, str]:
    """Return the prefix of a file and what it is; an empty role where it is none of a section's tables."""
    name = path.name.removesuffix(".gz")
    for role, pattern in ROLES.items():
        found = pattern.search(name)
        if found and (found.start() == 0 or not name[found.start() - 1].isalnum()):
            return name[: found.start()].rstrip("_.- ") or path.resolve().parent.name, role
    return "", ""


def _add(group: Group, role: str, path: Path) -> None:
    other = group.parts.get(role)
    if other and other.name.removesuffix(".gz") != path.name.removesuffix(".gz"):
        raise DataError(
            f"{path.parent}: section {group.name} has both {other.name} and {path.name}; remove one of the two"
        )
    group.parts.setdefault(role, path)  # an unpacked copy, which comes before its gzip, is as good and quicker to read


def _merged(groups: list[Group]) -> list[Group]:
    """Join the one group of an accession that has counts with the one that has positions."""
    kept = list(groups)
    for group in groups:
        if group.has_counts or not group.accession:
            continue
        partners = [other for other in kept if other.accession == group.accession and other is not group]
        if len(partners) == 1 and "positions" not in partners[0].parts:
            partners[0].parts = {**group.parts, **partners[0].parts}
            kept.remove(group)
    return kept


def _give_images(groups: list[Group], images: Iterable[Path]) -> None:
    for path in images:
        named = [group for group in groups if _begins(path.name, group.name)]
        number = ACCESSION.search(path.name)
        of_sample = [group for group in groups if number and group.accession == number.group()]
        owners = [max(named, key=lambda group: len(group.name))] if named else of_sample or groups
        if len(owners) == 1:
            owners[0].images.append(path)


def _begins(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and not name[len(prefix) : len(prefix) + 1].isalnum()


def files_of(root: Path, group: Group, images: Mapping[str, str]) -> Files:
    """Say which file is what of a section.

    Parameters
    ----------
    root
        The folder from which ``images`` are named.
    group
        What was found of the section.
    images
        Section -> image, for images that cannot be told from their names.

    Raises
    ------
    MissingError
        One of the files is not there.
    DataError
        Two images claim to be the section's.
    """
    matrix = _matrix(group)
    positions = group.parts.get("positions")
    if positions is None or matrix is None:
        lacking = "positions (tissue_positions_list.csv)" if matrix else "counts (matrix.mtx or .h5)"
        raise MissingError(f"section {group.name}: has no {lacking} (found: {_listed(group)}); add the file")
    image = root / images[group.name] if group.name in images else _image(group)
    way_out = f"data.images: {{{group.name}: FILE}}"
    return Files(group.name, positions, matrix, group.parts.get("scale"), image, group.parts.get("hires"), way_out)


def _matrix(group: Group) -> MatrixFiles | None:
    for role in COUNTS:
        if role in group.parts and role != "matrix":
            return MatrixFiles(group.parts[role])
        if role in group.parts:
            lacking = [name for name in ("features", "barcodes") if name not in group.parts]
            if lacking:
                raise MissingError(
                    f"section {group.name}: has {group.parts[role].name} but no {' and no '.join(lacking)} "
                    f"(found: {_listed(group)}); add the file"
                )
            return MatrixFiles(group.parts[role], group.parts["features"], group.parts["barcodes"])
    return None


def _listed(group: Group) -> str:
    return ", ".join(sorted(path.name for path in [*group.parts.values(), *group.images])[:8])


def _image(group: Group) -> Path | None:
    if len(group.images) > 1:
        names = ", ".join(path.name for path in group.images[:4])
        raise DataError(
            f"section {group.name}: has {len(group.images)} images ({names}); "
            f"say which with data.images: {{{group.name}: FILE}}"
        )
    return group.images[0] if group.images else None
