"""Where a training runs, and in which precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import UsageError

if TYPE_CHECKING:
    from accelerate import Accelerator


def accelerator_for(precision: str, device: str = "auto") -> Accelerator:
    """Return the accelerator of the device asked for; ``auto`` is CUDA where there is one.

    Raises
    ------
    UsageError
        CUDA was asked for and is not there, or the precision does not exist on the device.
    """
    import torch
    from accelerate import Accelerator, DistributedDataParallelKwargs

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: no CUDA device is there; leave it out, or say --device cpu")
    cpu = device == "cpu" or not torch.cuda.is_available()
    if cpu and precision == "fp16":
        raise UsageError("train.precision fp16 needs a CUDA device; on the CPU use fp32 or bf16")
    if precision == "auto":
        precision = "bf16" if not cpu and torch.cuda.is_bf16_supported() else "fp32"
    # a head may have outputs that a loss does not use; without this, data-parallel training would refuse them
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=cpu, mixed_precision="no" if precision == "fp32" else precision, kwargs_handlers=[parallel])
