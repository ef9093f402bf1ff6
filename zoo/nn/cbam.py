"""Attention over the channels of a map, then over its places (CBAM), and where in a model it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Attention:
    """Where a model looks again at its own maps, with a :class:`Cbam` at each place.

    Attributes
    ----------
    at
        ``last``: after the last layers, before the pooling. ``blocks``: in every residual block, before the addition.
        A list: after the stages of these numbers, counted from 1.
    reduction
        Channels for each hidden number of the channel attention.
    kernel
        Side of the convolution of the spatial attention, odd.
    norm, bias
        See :class:`Cbam`.
    """

    at: Literal["last", "blocks"] | list[int] = "last"
    reduction: int = 16
    kernel: int = 7
    norm: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        """Refuse what no layer can be made of."""
        if isinstance(self.at, list) and (not self.at or len({*self.at}) < len(self.at) or min(self.at) < 1):
            raise ValueError(f"at lists stages, each once and counted from 1, not {self.at}")
        if self.reduction < 1:
            raise ValueError(f"reduction is a number of channels of at least 1, not {self.reduction}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel is an odd number of pixels, so that a map keeps its size, not {self.kernel}")

    def over(self, channels: int) -> Cbam:
        """Return the attention over a map of so many channels."""
        return Cbam(channels, reduction=self.reduction, kernel=self.kernel, norm=self.norm, bias=self.bias)


class Cbam(nn.Module):
    """Convolutional block attention: x [B, C, h, w] -> [B, C, h, w].

    First every channel is weighted, by ``sigmoid(mlp(mean of x) + mlp(maximum of x))`` with mean and maximum over the
    places of a channel; then every place, by ``sigmoid(norm(conv([maximum, mean])))`` with maximum and mean over the
    channels of a place, in this order.

    The defaults are the authors' code: a batch normalisation after the convolution, whose weight begins at zero, so
    that at first every place counts one half, and a bias in the layers of the channels. Without both, it is what a
    published classifier of cell images uses, and its convolution begins as PyTorch's do.

    Parameters
    ----------
    channels
        C.
    reduction
        The hidden layer has C / reduction numbers, at least one.
    kernel
        Side of the convolution over places, odd.
    norm
        Batch normalisation (eps 1e-5, momentum 0.01) after the convolution. With this momentum its statistics are
        those of the data to 95 % after 300 steps only, and evaluation uses them: a training of fewer does without it.
    bias
        In the two layers of the channels, from zero.

    References
    ----------
    Woo, Park, Lee, Kweon, ECCV 2018, arXiv:1807.06521. Code consulted: Jongchan/attention-module at 459efad (MIT), and
    QianXingLuo/cell-drug-classification at 9ab7380.
    """

    part = "attention"

    def __init__(
        self, channels: int, *, reduction: int = 16, kernel: int = 7, norm: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.channels = channels
        hidden = max(1, channels // reduction)
        self.channel = nn.Sequential(
            nn.Linear(channels, hidden, bias=bias), nn.ReLU(), nn.Linear(hidden, channels, bias=bias)
        )
        self.spatial = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, eps=1e-5, momentum=0.01) if norm else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Take first values again; a model that this stands in may have given its own to every convolution."""
        layers: list[Any] = [self.channel[0], self.channel[2]]
        for layer in layers:
            layer.reset_parameters()
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        self.spatial.reset_parameters()
        if self.norm is not None:
            nn.init.kaiming_normal_(self.spatial.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(self.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the map [B, C, h, w], weighted."""
        weight = self.channel(x.mean(dim=(2, 3))) + self.channel(x.amax(dim=(2, 3)))
        x = x * weight.sigmoid()[:, :, None, None]
        place = self.spatial(torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1))
        if self.norm is not None:
            place = self.norm(place)
        weighted: torch.Tensor = x * place.sigmoid()
        return weighted

    def after(self, _stage: nn.Module, _given: Any, made: Any) -> torch.Tensor:
        """Return what a stage made, weighted: a forward hook of the stage, which a deep copy takes along."""
        if not (isinstance(made, torch.Tensor) and made.ndim == 4 and made.shape[1] == self.channels):  # noqa: PLR2004
            raise ValueError(f"a stage that cbam stands after makes no map of {self.channels} channels; say at: last")
        weighted: torch.Tensor = self(made)
        return weighted
