"""The weights of Cellpose-SAM: found where they lie, never fetched unasked, and read as what they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import DataError, MissingError

SIGNS = ("W2", "encoder.patch_embed.proj.weight", "encoder.pos_embed", "out.weight")
"""Tensors by which a file of Cellpose-SAM is known; those of Cellpose 3 and of its DINO models lack one."""


def place(model: str, weights: Path | None) -> Path:
    """Return where the weights should be: the file that was named, or where Cellpose keeps those of this name."""
    if weights is not None:
        return weights.expanduser()
    folder = os.environ.get("CELLPOSE_LOCAL_MODELS_PATH")
    return (Path(folder) if folder else Path.home() / ".cellpose" / "models") / model


def found(model: str, weights: Path | None) -> Path:
    """Return the file of the weights.

    It is looked for before Cellpose is: an unknown name makes Cellpose warn and fetch 1.2 GB, which nobody asked for.

    Raises
    ------
    MissingError
        If it is not there.
    """
    path = place(model, weights)
    if path.is_file():
        return path
    fetch = f"python -c \"from cellpose.models import CellposeModel as M; M(pretrained_model='{model}')\""
    ways = "name another file by weights, " if weights is not None else ""
    raise MissingError(
        f"{path}: the weights of Cellpose-SAM are not there, and zoo does not fetch them (1.2 GB, trained on images "
        f"that are licensed for non-commercial use); run {fetch} once on a machine with a network and copy "
        f"~/.cellpose/models/{model} here, {ways}or say use: watershed, which needs none"
    )


def loaded(path: Path, *, device: str, bfloat16: bool) -> Any:
    """Return a ``CellposeModel`` of these weights on a device.

    Raises
    ------
    MissingError
        If Cellpose is not installed, or another version of it than 4, or there is no such device.
    DataError
        If the file is none of Cellpose-SAM's.
    """
    import torch

    where = _device(device)
    models = _cellpose()
    refuse_strangers(path)
    try:
        return models.CellposeModel(pretrained_model=str(path), device=torch.device(where), use_bfloat16=bfloat16)
    except (KeyError, ValueError) as error:
        raise _no_weights(path, str(error)) from error
    except RuntimeError as error:
        if "out of memory" in str(error).lower():
            said = f"Cellpose-SAM does not fit into the memory of {where}; take another device, or fewer processes"
            raise MissingError(said) from error
        raise _no_weights(path, str(error)) from error


def _cellpose() -> Any:
    """Import Cellpose without its change to how the whole process multiplies matrices."""
    from importlib.metadata import PackageNotFoundError, version

    way = "pip install 'zoo-cells[cellpose]' brings it, or say use: watershed, which needs none"
    try:
        has = version("cellpose")
        with _precision_kept():
            from cellpose import models
    except (PackageNotFoundError, ImportError) as error:
        raise MissingError(f"the package cellpose is not there ({error}); {way}") from error
    if not has.startswith("4."):
        raise MissingError(f"cellpose {has} is installed, and Cellpose-SAM is version 4; {way}")
    return models


@contextmanager
def _precision_kept() -> Iterator[None]:
    """Put back how CUDA multiplies matrices: importing Cellpose allows products of 19 bits everywhere."""
    import torch

    matmul: Any = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    try:
        yield
    finally:
        matmul.fp32_precision = before


def refuse_strangers(path: Path) -> None:
    """Look at the names of the tensors, which are mapped and not read; nothing but tensors is unpickled.

    Raises
    ------
    DataError
        If the file is none of Cellpose-SAM's: cut off, of version 3, of another network, or no file of weights.
    """
    import pickle

    import torch

    try:
        names = set(torch.load(path, map_location="cpu", mmap=True, weights_only=True))
    except (RuntimeError, ValueError, EOFError, KeyError, TypeError, OSError, pickle.UnpicklingError) as error:
        raise _no_weights(path, str(error)) from error
    lacks = [sign for sign in SIGNS if not {sign, f"module.{sign}"} & names]
    if lacks:
        raise _no_weights(path, f"it has no tensor {lacks[0]}")


def _no_weights(path: Path, why: str) -> DataError:
    first = (why.strip() or "it cannot be read").splitlines()[0].rstrip(".")[:160]
    return DataError(f"{path}: is no file of Cellpose-SAM's weights ({first}); fetch it anew, or take cpsam_v2")


def _device(name: str) -> str:
    import torch

    there = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if there else "cpu"
    if name.startswith("cuda") and not there:
        raise MissingError(f"device {name} was asked for, and this machine has no CUDA; say device: auto, or cpu")
    return name
