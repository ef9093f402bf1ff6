"""Encoder and head as one module; with the loss, the module that training wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from zoo.contracts import Batch, Outputs


class Model(nn.Module):
    """What is kept after training: batch -> named outputs."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch) -> Outputs:
        """Return the head's outputs for a batch."""
        outputs: Outputs = self.head(self.encoder(batch), batch)
        return outputs


class Trainee(nn.Module):
    """A model and its loss in one forward pass, so that data-parallel training sees every parameter."""

    def __init__(self, model: Model, loss: Any) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def parts(self) -> dict[str, nn.Module]:
        """Return the parts that may have a learning rate of their own."""
        parts = {"encoder": self.model.encoder, "head": self.model.head}
        return {**parts, "loss": self.loss} if isinstance(self.loss, nn.Module) else parts

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch; the loss itself is always computed in 32 bits."""
        outputs = self.model(batch)
        device = next(iter(outputs.values())).device.type
        with torch.autocast(device, enabled=False):
            loss: torch.Tensor = self.loss({name: value.float() for name, value in outputs.items()}, batch)
        return loss
