"""``timm``: any image model of timm as an encoder."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from zoo.contracts import Provenance
from zoo.errors import NetworkError
from zoo.nn.weights import will_follow


class Timm(nn.Module):
    """Pooled features of a timm model: ``image`` [B, C, H, W] in [0, 1] -> [B, F].

    The mean and standard deviation that the model's weights were trained with are applied inside, so a recipe cannot
    get them wrong; without pretrained weights they are the model's published defaults all the same. With other than
    three channels their average stands in for each channel.

    Parameters
    ----------
    model
        A name of ``timm.list_models()``.
    pretrained
        Start from the published weights (needs the network once; they are kept in the Hugging Face cache).
    in_chans
        Channels of ``image``; filled in from the dataset.
    drop_path
        Stochastic depth, for the models that have it.

    Raises
    ------
    ValueError
        timm does not know the model.
    NetworkError
        The weights cannot be fetched.

    References
    ----------
    Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861 (Apache-2.0; weights have licences of their own).
    """

    reads = ("image",)

    def __init__(self, *, model: str, in_chans: int, pretrained: bool = False, drop_path: float = 0.0) -> None:
        if os.environ.get("ZOO_OFFLINE") == "1":
            os.environ["HF_HUB_OFFLINE"] = "1"  # read when timm is imported
        import timm
        from timm.data import resolve_data_config

        super().__init__()
        if not timm.is_model(model):
            near = difflib.get_close_matches(model, timm.list_models(), n=4)
            raise ValueError(f"timm has no model '{model}'; near it: {', '.join(near) or 'see timm.list_models()'}")
        options: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
        self.net = _create(model, pretrained=pretrained and not will_follow(), in_chans=in_chans, **options)
        self.out_features = int(self.net.num_features)
        if pretrained:
            self.provenance = _provenance(self.net.pretrained_cfg)
        facts = resolve_data_config(model=self.net)
        self.register_buffer("mean", _per_channel(facts["mean"], in_chans), persistent=False)
        self.register_buffer("std", _per_channel(facts["std"], in_chans), persistent=False)

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [B, F]."""
        image = (batch["image"] - self.mean) / self.std
        # channels last is what convolutions are fastest with, on the CPU and on CUDA
        features: torch.Tensor = self.net(image.contiguous(memory_format=torch.channels_last))
        return features


def _create(model: str, *, pretrained: bool, in_chans: int, **options: Any) -> Any:
    import timm

    try:
        return timm.create_model(model, pretrained=pretrained, in_chans=in_chans, num_classes=0, **options)
    except Exception as error:
        if not pretrained:
            raise
        raise NetworkError(
            f"the pretrained weights of '{model}' cannot be fetched ({type(error).__name__}); fetch them once with the "
            "network on, or set pretrained: false"
        ) from error


def _provenance(known: Mapping[str, Any]) -> Provenance:
    """Return where the published weights come from, as timm has it."""
    name = ".".join(str(known[key]) for key in ("architecture", "tag") if known.get(key))
    source = str(known.get("url") or f"https://huggingface.co/timm/{name}")
    return {"name": f"timm/{name}", "licence": str(known.get("license") or "none").lower(), "source": source}


def _per_channel(values: tuple[float, ...], in_chans: int) -> torch.Tensor:
    numbers = torch.tensor(values)
    if len(values) != in_chans:
        numbers = numbers.mean().repeat(in_chans)
    return numbers.view(1, in_chans, 1, 1)
