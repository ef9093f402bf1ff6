"""Predicted expression as AnnData."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo import atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_spatial.spots import SpotDataset


def write_anndata(path: Path, expression: NDArray[np.float32], dataset: SpotDataset, facts: Mapping[str, str]) -> None:
    """Write predictions [n, G] with gene names, spot names, ``obsm['spatial']`` in pixels and ``uns['zoo']``."""
    import anndata
    import pandas as pd

    sections = dataset.groups["section"]
    names = [dataset.item_id(item) for item in range(len(dataset))]
    obs = pd.DataFrame({"section": pd.Categorical(list(sections))}, index=pd.Index(names, name="spot"))
    obs[["array_col", "array_row"]] = dataset.grid
    table = anndata.AnnData(expression, obs=obs, var=pd.DataFrame(index=pd.Index(dataset.genes, name="gene")))
    table.obsm["spatial"] = dataset.position_px.astype(np.float64)
    table.uns["zoo"] = {**facts, "scale": dataset.scale}
    sizes = {section.name: section.um_per_px for section in dataset.sections if section.um_per_px is not None}
    table.uns["zoo"]["um_per_px"] = sizes
    atomic.write(path, table.write_h5ad)
