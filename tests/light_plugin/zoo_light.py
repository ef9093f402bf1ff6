"""A stranger's plugin for the tests of the static spine: signatures of every sort, and nothing that takes time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from zoo.contracts import Encoder


@dataclass(frozen=True)
class Window:
    """A field of view."""

    size: int = 32
    step: int | None = None


@dataclass(frozen=True)
class Panel:
    """Which genes."""

    top: int = 100
    select: Literal["hvg", "all"] = "hvg"
    window: Window = Window()
    more: list[Window] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse what no panel is."""
        if self.top < 1:
            raise ValueError(f"top is a number of genes of at least 1, not {self.top}")


class LightData:
    """Data that need nothing."""

    def __init__(self, *, donors: int = 4, genes: Panel = Panel(), near: float = 1.0) -> None:
        if donors == 13:
            raise ValueError("13 donors are never invited")
        self.donors, self.genes, self.near = donors, genes, near


class LightFiles:
    """Data that need a folder."""

    def __init__(self, *, root: Path, genes: Panel = Panel(), units: tuple[str, ...] = ("um",)) -> None:
        self.root, self.genes, self.units = root, genes, units


class LightNet:
    """An encoder with slots."""

    reads = ("image",)

    def __init__(
        self,
        *,
        in_chans: int,
        width: Annotated[int, Field(ge=1, le=64)] = 8,
        base: Encoder | None = None,
        levels: Sequence[Encoder] = (),
        lr: float | dict[str, float] = 0.1,
        bias: bool = True,
    ) -> None:
        self.in_chans, self.width, self.base, self.levels, self.lr, self.bias = in_chans, width, base, levels, lr, bias
        self.out_features = width


class LightPair:
    """An encoder that is nothing without another."""

    def __init__(self, *, one: Encoder, width: int = 3, num_classes: int = 2) -> None:
        self.one, self.width, self.num_classes = one, width, num_classes


class LightHead:
    """A head."""

    def __init__(self, *, in_features: int, dim: int = 4) -> None:
        self.in_features, self.dim = in_features, dim


class _Module:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take anything, as the constructor of a torch module does."""


class LightLoss(_Module):
    """A loss without a constructor of its own; what it inherits takes anything."""


def light_task(*, k: int = 5, copy: bool = False) -> dict[str, Any]:
    """Make a task; ``copy`` is also the name of a method of pydantic's."""
    return {"k": k, "copy": copy}


class LightShift:
    """A transform."""

    def __init__(self, *, by: float = 0.1) -> None:
        self.by = by
