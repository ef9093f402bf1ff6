"""What is predicted of cells as AnnData, a row a cell, with the masks of their fields beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import atomic
from zoo.errors import DataError
from zoo_cells.outputs.mask_files import write_masks

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from zoo.contracts import Arrays

BOX = ("y0", "x0", "y1", "x1")
CENTRE = ("centroid_y", "centroid_x")
BETWEEN = "|"
"""Stands between the names of several locations, as in the tables of the challenge."""


def write_cells(path: Path, predicted: Arrays, dataset: Any, facts: Mapping[str, str]) -> None:
    """Write ``path`` and, before it, the masks into ``<stem>_masks/``, so that whoever sees the one has the others.

    ``X`` holds the probability of each location [N, K]; ``var`` the locations with the ``threshold`` from which each is
    called; ``obs`` the ``field``, the number of the ``cell`` in its mask, what is ``predicted`` (names with ``|``
    between them, empty for none), the ``attention`` it gets in its field, box (end exclusive), centroid and area in
    pixels, and the path of the ``mask`` beside the file; ``obsm["image_probability"]`` what is said of the field as a
    whole; ``uns["zoo"]`` which recipe and model made it.

    Raises
    ------
    DataError
        The predictions are of other cells than the data have.
    """
    items = np.arange(len(dataset))
    table = dataset.cell_table(items)
    if len(table["cell"]) != len(predicted["cell"]):
        raise DataError(
            f"the model tells of {len(predicted['cell'])} cells and the data have {len(table['cell'])}; leave what "
            "drops cells out of transforms.eval"
        )
    fields = names_of(table, len(items))
    folder = path.with_name(f"{path.stem}_masks")
    masks = [f"{folder.name}/{mask.name}" for mask in write_masks(folder, dataset, fields)]
    made = _anndata(predicted, table, dataset, facts, masks)

    def fill(temporary: Path) -> None:
        made.write_h5ad(temporary, compression="gzip")

    atomic.write(path, fill)


def names_of(table: Mapping[str, NDArray[Any]], items: int) -> list[str]:
    """Return the name of the field of each item, from a table of cells of which every item has some."""
    names = dict(zip(table["item"].tolist(), table["field"].tolist(), strict=True))
    return [str(names[item]) for item in range(items)]


def called(probability: NDArray[Any], threshold: NDArray[Any], classes: Sequence[str]) -> list[str]:
    """Return the names of the locations that each row is called [n], of probabilities and thresholds [n, K]."""
    return joined(probability >= threshold, classes)


def joined(labels: NDArray[np.bool_], classes: Sequence[str]) -> list[str]:
    """Return the names of the labels of each row [n, K], empty for one without."""
    return [BETWEEN.join(classes[k] for k in np.flatnonzero(row).tolist()) for row in labels]


def _anndata(
    predicted: Arrays, table: Mapping[str, NDArray[Any]], dataset: Any, facts: Mapping[str, str], masks: list[str]
) -> AnnData:
    import anndata
    import pandas as pd

    classes, item = list(dataset.classes), table["item"]
    threshold = predicted["cell_threshold"][item]
    obs = {
        "field": pd.Categorical(table["field"]),
        "cell": table["cell"],
        "predicted": pd.Categorical(called(predicted["cell"], threshold, classes)),
        "attention": predicted["attention"],
        **{name: table[name] for name in (*BOX, *CENTRE, "area")},
        "mask": pd.Categorical.from_codes(item, categories=masks),
    }
    index = pd.Index([f"{field}_{cell}" for field, cell in zip(table["field"], table["cell"], strict=True)])
    return anndata.AnnData(
        X=predicted["cell"].astype(np.float32),
        obs=pd.DataFrame(obs, index=index),
        var=pd.DataFrame({"threshold": threshold.mean(axis=0)}, index=pd.Index(classes)),
        obsm={"image_probability": predicted["probability"][item].astype(np.float32)},
        uns={"zoo": dict(facts)},
    )
