"""Files appear whole or not at all: written beside their place, flushed to disk, then renamed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import RunError

if TYPE_CHECKING:
    import torch


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what a full or read-only disk raises into one sentence that names the folder and what is left."""
    try:
        yield
    except OSError as error:
        raise _named(path, error) from error


def _named(path: Path, error: OSError) -> RunError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return RunError(
            f"{path}: the disk is full ({_free(path.parent)} MB left); nothing written before is lost, "
            "make room and go on with --resume"
        )
    return RunError(f"{path}: cannot be written ({error.strerror or error}); check the folder's permissions")


def _free(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free // 2**20


def write(path: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write a temporary file beside ``path``, then put it in its place in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            fill(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(text.encode())

    write(path, fill)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any] | None = None) -> None:
    """Write tensors as safetensors; ``metadata`` goes into the header as one JSON text.

    One text, because two or more keys there make the bytes of equal files differ between processes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    header = {"zoo": json.dumps(metadata, sort_keys=True)} if metadata is not None else {"format": "pt"}
    separate = _unshared(tensors)

    def fill(temporary: Path) -> None:
        try:
            save_file(separate, temporary, metadata=header)
        except SafetensorError as error:
            number = errno.ENOSPC if "space" in str(error).lower() or "os error 28" in str(error).lower() else errno.EIO
            raise OSError(number, str(error)) from error

    write(path, fill)


def _unshared(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return contiguous tensors of which no two share memory, as the format demands."""
    seen: set[int] = set()
    separate: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        if own.untyped_storage().data_ptr() in seen or own.untyped_storage().nbytes() != own.nbytes:
            own = own.clone()
        seen.add(own.untyped_storage().data_ptr())
        separate[name] = own
    return separate
