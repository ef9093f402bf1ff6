"""Everything a run needs to go on, in one safetensors file that is replaced in one step; no pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import atomic
from zoo.errors import IntegrityError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn


@dataclass(slots=True)
class Progress:
    """How far a member's training got.

    ``batch`` counts the batches of the running epoch that are done; ``cool_epoch`` and ``cool_step`` are those from
    which the learning rate falls to its end, -1 before.
    """

    epoch: int = 0
    batch: int = 0
    steps: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    best: float | None = None
    best_epoch: int = -1
    waited: int = 0
    stopped: bool = False
    cool_epoch: int = -1
    cool_step: int = -1


@dataclass(frozen=True, slots=True)
class Keeper:
    """The last checkpoint and the best weights of a member; of several processes the first writes.

    Attributes
    ----------
    folder
        Where both lie.
    module, optimizer
        What is kept, unwrapped.
    scaler
        Of 16-bit gradients, None where there is none.
    writes
        Whether this process is the one that writes.
    """

    folder: Path
    module: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: Any
    writes: bool

    @property
    def last(self) -> Path:
        """The file of the last checkpoint."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The file of the best weights."""
        return self.folder / "best.safetensors"

    def keep(self, progress: Progress) -> None:
        """Write the last checkpoint."""
        if self.writes:
            save(self.last, self.module, self.optimizer, progress, self.scaler)

    def keep_best(self) -> None:
        """Write the weights as the best so far; nothing goes on from them, so the optimizer's state is left out."""
        if self.writes:
            atomic.write_tensors(self.best, _weights(self.module), {})

    def resume(self) -> Progress:
        """Go back to the last checkpoint; where there is none, write one of the beginning."""
        if self.last.exists():
            return load(self.last, self.module, self.optimizer, self.scaler)
        self.keep(Progress())
        return Progress()

    def restore_best(self) -> None:
        """Put the best weights in place."""
        tensors, _ = read_tensors(self.best)
        load_weights(self.best, self.module, _part(tensors, "model."))


def save(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, scaler: Any) -> None:
    """Write weights, optimizer state and progress."""
    import torch

    tensors = _weights(module)
    for number, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{number}.{key}"] = torch.as_tensor(value)
    scale = scaler.state_dict() if scaler is not None else {}
    atomic.write_tensors(path, tensors, {"progress": asdict(progress), "scaler": scale})


def load(path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, scaler: Any) -> Progress:
    """Read back what :func:`save` wrote.

    Raises
    ------
    IntegrityError
        The file is damaged or belongs to another model.
    """
    tensors, header = read_tensors(path)
    groups = optimizer.state_dict()["param_groups"]
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, key = rest.partition(".")
            state.setdefault(int(number), {})[key] = tensor
    load_weights(path, module, _part(tensors, "model."))
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    if scaler is not None and header.get("scaler"):
        scaler.load_state_dict(header["scaler"])
    return Progress(**header["progress"])


def _weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {f"model.{name}": tensor for name, tensor in module.state_dict().items()}


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def load_weights(path: Path, module: nn.Module, tensors: dict[str, torch.Tensor], *, assign: bool = False) -> None:
    """Load weights strictly, with one sentence where they do not fit; ``assign`` takes the tensors themselves."""
    for name, own in module.state_dict().items():
        if name in tensors and tensors[name].dtype != own.dtype:
            have = f"'{name}' is {tensors[name].dtype}, the recipe's model has {own.dtype}"
            raise IntegrityError(f"{path}: the weights do not fit the recipe's model ({have}); restore a copy")
    try:
        module.load_state_dict(tensors, strict=True, assign=assign)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise IntegrityError(f"{path}: the weights do not fit the recipe's model ({first})") from error


def read_tensors(path: Path, *, mapped: bool = False) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors of a safetensors file and the header that :func:`zoo.atomic.write_tensors` gave it.

    Mapped tensors are pages of the file, read when they are first touched; the file must not be cut short meanwhile.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("zoo", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            if not mapped:  # copied, because this process writes the file anew while it holds them
                tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f"{path}: cannot be read as safetensors ({error}); remove it or restore a copy") from error
    return tensors, header


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as a safetensors file; none where there are none."""
    import torch

    if arrays:
        atomic.write_tensors(path, {name: torch.from_numpy(value) for name, value in arrays.items()})


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return what :func:`write_arrays` wrote, as pages of the file.

    Raises
    ------
    IntegrityError
        The file is damaged, or holds numbers that arrays do not have.
    """
    if not path.exists():
        return {}
    tensors, _ = read_tensors(path, mapped=True)
    try:
        return {name: value.numpy() for name, value in tensors.items()}
    except TypeError as error:
        raise IntegrityError(
            f"{path}: holds numbers of a kind that arrays do not have ({error}); restore a copy"
        ) from error
