"""Predicted expression as a SpatialData store, which napari-spatialdata and the like open over the image."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.errors import MissingError, UsageError
from zoo_spatial.outputs.predictions import described, facts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.section import Section
    from zoo_spatial.spots import SpotDataset


def import_spatialdata() -> Any:
    """Return the library.

    Raises
    ------
    MissingError
        The extra that brings it is not installed.
    """
    try:
        import spatialdata
    except ImportError as error:
        raise MissingError(
            f"SpatialData needs the package spatialdata ({error}); pip install 'zoo-spatial[spatialdata]'"
        ) from error
    return spatialdata


def ready(path: Path) -> Any:
    """Return the library, after a look at whether a store can be written at ``path``; raises as below."""
    library = import_spatialdata()
    if path.exists():
        raise UsageError(f"--out {path}: is there already, and a store is not written over; remove it or name another")
    return library


def write_spatialdata(
    path: Path,
    expression: NDArray[np.float32],
    dataset: SpotDataset,
    facts: Mapping[str, str],
    columns: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write predictions [n, G] as a SpatialData store of Zarr.

    Each section's spots are circles in pixels of its image, in a coordinate system called as the section is; the table
    ``predictions`` annotates them. The store appears whole or not at all.

    Parameters
    ----------
    path
        Where it goes, a folder that ends in ``.zarr``.
    expression
        Of all spots of the dataset.
    dataset
        Whose spots they are.
    facts
        Which recipe and model made them.
    columns
        Further values of each spot (``novelty``).

    Raises
    ------
    MissingError
        The extra ``spatialdata`` is not installed.
    UsageError
        There is something at ``path`` already.
    RunError
        The disk is full, or the folder cannot be written to.
    """
    library = ready(path)
    names = _element_names([section.name for section in dataset.sections])
    circles = {names[section.name]: _circles(section, names[section.name]) for section in dataset.sections}
    store = library.SpatialData(
        shapes=circles, tables={"predictions": _table(expression, dataset, facts, columns or {}, names)}
    )
    temporary = path.with_name(f".{path.name}.part")
    try:
        with atomic.disk_errors(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of zarr, about its own next release
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(temporary, ignore_errors=True)
            store.write(temporary)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _element_names(sections: list[str]) -> dict[str, str]:
    """Return what each section is called in the store, which takes letters, digits and ``_.-`` only."""
    names: dict[str, str] = {}
    for section in sections:
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", section).lstrip("_.") or "section"
        taken = {name.lower() for name in names.values()} | {"predictions"}
        names[section] = next(
            name
            for number in range(len(sections) + 1)
            if (name := f"{plain}_{number}" if number else plain).lower() not in taken
        )
    return names


def _circles(section: Section, system: str) -> Any:
    from spatialdata.models import ShapesModel
    from spatialdata.transformations import Identity

    circles = ShapesModel.parse(
        section.position_px.astype(np.float64),
        geometry=0,
        radius=section.pitch_px / 4,  # of the first arrays and of Visium alike, a spot is about half the pitch wide
        transformations={system: Identity()},
    )
    circles.index = section.ids
    return circles


def _table(
    expression: NDArray[np.float32],
    dataset: SpotDataset,
    facts: Mapping[str, str],
    columns: Mapping[str, NDArray[np.float32]],
    names: Mapping[str, str],
) -> Any:
    import anndata
    import pandas as pd
    from spatialdata.models import TableModel

    obs = described(dataset, np.arange(len(dataset))).assign(**columns)
    obs["region"] = pd.Categorical([names[section] for section in obs["section"]], list(names.values()))
    obs["spot"] = [name for section in dataset.sections for name in section.ids]
    table = anndata.AnnData(expression, obs=obs, var=pd.DataFrame(index=pd.Index(dataset.genes, name="gene")))
    table.obs.index.name = None  # the column has its name
    table.obsm["spatial"] = dataset.position_px.astype(np.float64)
    table.uns["zoo"] = facts_of(dataset, facts)
    return TableModel.parse(table, region=list(names.values()), region_key="region", instance_key="spot")
