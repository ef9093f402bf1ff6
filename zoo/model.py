"""Encoder and head as one module; with the loss, the module that training wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.optim import Part

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


class Ensemble(nn.Module):
    """Several models of one recipe: batch -> the outputs of each, under names that begin with its number and a slash.

    What they make of a batch together is for a task to say (:class:`zoo.contestant.Contestant`): predictions can be
    averaged, outputs not always.
    """

    def __init__(self, members: list[Model]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, batch: Batch) -> Outputs:
        """Return the outputs of every member."""
        return {f"{i}/{name}": value for i, member in enumerate(self.members) for name, value in member(batch).items()}


class Trainee(nn.Module):
    """A model and its loss in one forward pass, so that data-parallel training sees every parameter."""

    def __init__(self, model: Model, loss: Any) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def parts(self) -> dict[str, Part]:
        """Return the parts that may have a learning rate of their own: encoder, head, loss, and those inside them.

        A module with an attribute ``part`` is one by that name, with all modules of the same name.
        """
        whole = {"encoder": self.model.encoder, "head": self.model.head}
        if isinstance(self.loss, nn.Module):
            whole["loss"] = self.loss
        own = {name: _named(module) for name, module in whole.items()}
        taken = {id(p) for inside in own.values() for parameters in inside.values() for p in parameters}
        return {
            **{name: Part([p for p in module.parameters() if id(p) not in taken]) for name, module in whole.items()},
            **{f"{name}.{part}": Part(found, name) for name, inside in own.items() for part, found in inside.items()},
        }

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return the loss of a batch; the loss itself is always computed in 32 bits."""
        outputs = self.model(batch)
        device = next(iter(outputs.values())).device.type
        with torch.autocast(device, enabled=False):
            loss: torch.Tensor = self.loss({name: value.float() for name, value in outputs.items()}, batch)
        return loss


def _named(module: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the parameters of the modules inside that name their part, each once."""
    found: dict[str, list[nn.Parameter]] = {}
    seen: set[int] = set()
    for inside in module.modules():
        part = getattr(inside, "part", None)
        if isinstance(part, str):
            new = [p for p in inside.parameters() if id(p) not in seen]
            seen.update(map(id, new))
            found.setdefault(part, []).extend(new)
    return found
