"""Where an encoder looked for a class: its last map weighted by what each channel adds to the class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from zoo.errors import UsageError

IMAGE_DIMENSIONS = 4


def gradcam(model: Any, batch: Mapping[str, Any], classes: torch.Tensor, output: str = "logits") -> torch.Tensor | None:
    """Return where the model looked in each image for a class [B, H, W], in [0, 1].

    The map of the encoder [B, C, h, w] is summed over channels, each weighted by the mean over places of the gradient
    of the class's logit; what speaks against the class is cut off. It is brought to the size of the image by bilinear
    interpolation and divided by its highest place, so that only places of one image can be compared. Where nothing
    speaks for the class all is 0.

    The model is run in evaluation mode with gradients, whatever stands around the call. Afterwards its modes are those
    before, and no parameter has a gradient that it had not.

    Parameters
    ----------
    model
        Encoder and head (:class:`zoo.model.Model`).
    batch
        As the model reads it: on its device, with ``image`` [B, C, H, W].
    classes
        Number of the class of each item [B].
    output
        Which of the head's outputs [B, K] is explained.

    Returns
    -------
    None where the batch has no ``image``, where the encoder has no ``mapped`` and ``pooled``
    (:class:`zoo.contracts.Encoder`) or a map without places, and where the head has no such output or one that does not
    follow from the map.

    References
    ----------
    Selvaraju et al., ICCV 2017, arXiv:1610.02391.
    """
    encoder = model.encoder
    if not (hasattr(encoder, "mapped") and hasattr(encoder, "pooled") and "image" in batch):
        return None
    with _evaluating(model), torch.inference_mode(mode=False):
        own = {name: _usable(value) for name, value in batch.items()}
        found = _mapped(encoder, own)
        if found is None or found.ndim != IMAGE_DIMENSIONS:
            return None
        found = found.detach().requires_grad_()
        with torch.enable_grad():
            # a copy, because what is pooled may be changed in place, and a leaf must not be
            outputs = model.head(encoder.pooled(found.clone()), own)
            gradient = _gradient(outputs.get(output), classes, found)
        return None if gradient is None else _seen(found.detach(), gradient, own["image"].shape[-2:])


def _mapped(encoder: Any, batch: Mapping[str, Any]) -> torch.Tensor | None:
    """Return the map of an encoder, None where it refuses: of the models it can be, not all have one."""
    try:
        with torch.no_grad():
            found: torch.Tensor = encoder.mapped(batch)
    except UsageError:
        return None
    return found


def _gradient(logits: torch.Tensor | None, classes: torch.Tensor, found: torch.Tensor) -> torch.Tensor | None:
    if logits is None or not logits.requires_grad:
        return None
    chosen = logits.gather(1, _usable(classes).to(logits.device).view(-1, 1))
    # items do not mix in evaluation mode, so that the gradient of the sum is that of each
    (gradient,) = torch.autograd.grad(chosen.sum(), found, allow_unused=True)
    return gradient


def _seen(found: torch.Tensor, gradient: torch.Tensor, size: torch.Size) -> torch.Tensor:
    weight = gradient.float().mean(dim=(2, 3), keepdim=True)
    seen = (weight * found.float()).sum(dim=1, keepdim=True).relu()
    wide = nn.functional.interpolate(seen, size=tuple(size), mode="bilinear", align_corners=False)[:, 0]
    return highest_is_one(wide)


def highest_is_one(maps: torch.Tensor) -> torch.Tensor:
    """Return maps [B, H, W] divided by the highest place of each; one that is 0 everywhere stays so."""
    highest = maps.amax(dim=(1, 2), keepdim=True)
    return torch.where(highest > 0, maps / highest.where(highest > 0, torch.ones_like(highest)), maps)


def _usable(value: Any) -> Any:
    """Return a tensor of which gradients can be taken: those made in inference mode cannot be kept for it."""
    return value.clone() if isinstance(value, torch.Tensor) and value.is_inference() else value


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode, and each back into its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
