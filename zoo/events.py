"""TensorBoard events, where a recipe asks for them; ``metrics.jsonl`` is written always and holds the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import MissingError


def write(folder: Path, epoch: int, values: Mapping[str, Any]) -> None:
    """Append the numbers of an epoch to the folder's event file.

    Raises
    ------
    MissingError
        TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingError("train.tensorboard needs the package: pip install 'microscopy-zoo[tensorboard]'") from error
    with SummaryWriter(str(folder)) as writer:
        for name, value in values.items():
            numbers = value.items() if isinstance(value, Mapping) else [("", value)]
            for part, number in numbers:
                writer.add_scalar(f"{name}/{part}".rstrip("/"), number, epoch)
