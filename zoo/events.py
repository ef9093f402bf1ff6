"""TensorBoard events, where a recipe asks for them; ``metrics.jsonl`` and the run's page hold the same always."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import MissingError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def write(folder: Path, epoch: int, values: Mapping[str, Any]) -> None:
    """Append the numbers of an epoch to the folder's event file.

    Raises
    ------
    MissingError
        TensorBoard is not installed.
    """
    with _writer(folder) as writer:
        for name, value in values.items():
            numbers = value.items() if isinstance(value, Mapping) else [("", value)]
            for part, number in numbers:
                writer.add_scalar(f"{name}/{part}".rstrip("/"), number, epoch)


def show(folder: Path, pictures: Mapping[str, bytes], epoch: int = 0) -> None:
    """Append pictures to the folder's event file; raises as :func:`write`.

    Parameters
    ----------
    folder
        Of the member.
    pictures
        Tag -> the content of a PNG file.
    epoch
        After which they were drawn.
    """
    import numpy as np
    from PIL import Image

    if not pictures:
        return
    with _writer(folder) as writer:
        for tag, content in pictures.items():
            pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
            writer.add_image(tag, pixels, epoch, dataformats="HWC")


def _writer(folder: Path) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter as Writer
    except ImportError as error:
        raise MissingError("train.tensorboard needs the package: pip install 'microscopy-zoo[tensorboard]'") from error
    return Writer(str(folder))
