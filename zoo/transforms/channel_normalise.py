"""``channel-normalise``: bring every channel to mean zero and standard deviation one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch

from zoo.batches import to_device
from zoo.errors import DataError, UsageError
from zoo.nn.images import map_images

if TYPE_CHECKING:
    from zoo.contracts import Dataset, Indices

FIT_ITEMS = 4
MOST_CHANNELS = 4096


class ChannelNormalise:
    """Subtract from every channel its mean and divide by its standard deviation; what comes out leaves [0, 1].

    Where neither is given, both are those of all training fields (``per: channel``; the transform stands in
    ``data.prepare`` then) or of each channel of each image by itself (``per: image``). A channel that does not vary
    becomes zero.

    Parameters
    ----------
    mean, std
        Of each channel, of images in [0, 1]; both or neither.
    per
        What mean and standard deviation are computed over, where they are not given.

    Raises
    ------
    ValueError
        Only one of them is given, they are of different lengths, or a number is out of bounds.
    UsageError
        It was never fitted.
    DataError
        The images have another number of channels.
    """

    def __init__(
        self,
        *,
        mean: list[float] | None = None,
        std: list[float] | None = None,
        per: Literal["image", "channel"] = "channel",
    ) -> None:
        if (mean is None) != (std is None):
            raise ValueError("mean and std are given together or not at all; give the other one as well")
        self.per = per
        self.given = mean is not None
        self.numbers = _checked(mean, std) if mean is not None and std is not None else None

    def fit(self, dataset: Dataset, items: Indices) -> None:
        """Compute mean and standard deviation of each channel over these items, unless they are given."""
        if self.given or self.per == "image":
            return
        pixels, total, squares = 0, torch.zeros(()), torch.zeros(())
        for start in range(0, len(items), FIT_ITEMS):
            image = dataset.batch(items[start : start + FIT_ITEMS])["image"]
            image = to_device({"image": image}, torch.device("cpu"))["image"].float()
            variance, mean = (value.double() for value in torch.var_mean(image, dim=(0, 2, 3), correction=0))
            count = image.numel() // image.shape[1]
            pixels, total = pixels + count, total + mean * count
            squares = squares + (variance + mean**2) * count
        if not pixels:
            raise DataError("channel-normalise is fitted on 0 training items; it needs at least 1")
        mean = total / pixels
        self.numbers = (mean.tolist(), (squares / pixels - mean**2).clamp(min=0).sqrt().tolist())

    def state(self) -> dict[str, Any]:
        """Return ``mean`` and ``std`` of each channel; nothing where nothing was fitted."""
        if self.given or self.numbers is None:
            return {}
        return {"mean": self.numbers[0], "std": self.numbers[1]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned.

        Raises
        ------
        DataError
            It is not what this transform would have kept.
        """
        if self.given or self.per == "image":
            return
        try:
            self.numbers = _checked(list(state["mean"]), list(state["std"]))
        except (KeyError, TypeError, ValueError) as error:
            what = "what was kept of channel-normalise is not a mean and a std of each channel"
            raise DataError(f"{what} ({error}); fit it anew by training again") from error

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the batch with normalised images [B, C, H, W]."""
        if self.per == "image" and not self.given:
            return map_images(batch, _each_by_itself)
        if self.numbers is None:
            way = "put it into data.prepare, which fits it to the training fields, give mean and std, or say per: image"
            raise UsageError(f"channel-normalise was never fitted; {way}")
        return map_images(batch, self._normalised)

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        mean, std = (images.new_tensor(column).view(-1, 1, 1) for column in self.numbers or ())
        if len(mean) != images.shape[1]:
            what = f"channel-normalise knows {len(mean)} channels and is handed images of {images.shape[1]}"
            raise DataError(f"{what}; give it one mean and std a channel, or fit it to these data")
        return _divided(images - mean, std)


def _each_by_itself(images: torch.Tensor) -> torch.Tensor:
    variance, mean = torch.var_mean(images, dim=(2, 3), correction=0, keepdim=True)
    return _divided(images - mean, variance.sqrt())


def _divided(centred: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    # rounding leaves a trace of variance in a channel that has none
    return centred.div_(torch.where(std > torch.finfo(std.dtype).eps, std, torch.inf))


def _checked(mean: list[float], std: list[float]) -> tuple[list[float], list[float]]:
    if not 1 <= len(mean) == len(std) <= MOST_CHANNELS:
        raise ValueError(f"mean has {len(mean)} numbers and std {len(std)}; both have one for each channel")
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in (*mean, *std)):
        raise ValueError("mean and std are finite numbers")
    if min(std) < 0:
        raise ValueError(f"std is at least 0, not {min(std)}")
    return mean, std
