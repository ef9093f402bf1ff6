"""``timm``: any image model of timm as an encoder."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from zoo.contracts import Provenance, Terms
from zoo.errors import NetworkError, UsageError
from zoo.nn.cbam import Attention, Cbam
from zoo.nn.weights import will_follow
from zoo.progress import step, without_bars_of_others

STEM = re.compile(r"(.*\.)?(act|bn|norm)\d?|.*stem.*")
"""Names of modules that timm lists beside a model's stages."""

COLOURS = 3


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
    extra_chans
        What channels beyond three begin from. ``timm``, as where nothing is given, takes the weights of red, green and
        blue in turn again and scales all by 3 / C. ``mean`` leaves those of the three as they are, with their own mean
        and standard deviation, and gives each further channel the mean of the three, of the weights and of both.
    drop_path
        Stochastic depth, for the models that have it.
    cbam
        Attention over channels and places, at the end (``{at: last}``), in every block of a ResNet (``{at: blocks}``),
        or after stages counted from 1 (``{at: [3, 4]}``). Its weights have a learning rate of their own where
        ``train.lr`` names ``encoder.attention``.

    Raises
    ------
    ValueError
        timm does not know the model, attention cannot stand there in it, or its first layer has no weights of three
        channels, or the data fewer, where the mean of them is asked for.
    NetworkError
        The weights cannot be fetched.

    References
    ----------
    Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861 (Apache-2.0; weights have licences of their own).
    CBAM: Woo et al., ECCV 2018, arXiv:1807.06521.
    """

    reads = ("image",)
    terms: ClassVar[Terms] = {
        "name": "published weights",
        "licence": "unknown",  # each model has its own; the card of a trained model has the one it began from
        "citation": "Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861",
        "source": "https://huggingface.co/timm",
        "when": "pretrained",
    }
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        *,
        model: str,
        in_chans: int,
        pretrained: bool = False,
        extra_chans: Literal["timm", "mean"] | None = None,
        drop_path: float = 0.0,
        cbam: Attention | None = None,
    ) -> None:
        if os.environ.get("ZOO_OFFLINE") == "1":
            os.environ["HF_HUB_OFFLINE"] = "1"  # read when timm is imported
        import timm
        from timm.data import resolve_data_config

        super().__init__()
        if not timm.is_model(model):
            near = difflib.get_close_matches(model, timm.list_models(), n=4)
            raise ValueError(f"timm has no model '{model}'; near it: {', '.join(near) or 'see timm.list_models()'}")
        options: dict[str, Any] = {"in_chans": in_chans, **({"drop_path_rate": drop_path} if drop_path else {})}
        means = extra_chans == "mean"
        if means and in_chans < COLOURS:
            raise ValueError(f"extra_chans: mean is for data of three channels or more, and these have {in_chans}")
        create = _with_means if means and in_chans > COLOURS else _create
        self.net = create(model, pretrained=pretrained and not will_follow(), **options)
        # some models have a layer between the pooling and the classifier
        self.out_features = int(getattr(self.net, "head_hidden_size", None) or self.net.num_features)
        if pretrained:
            self.provenance = _provenance(self.net.pretrained_cfg)
        facts = resolve_data_config(model=self.net)
        self.register_buffer("mean", _per_channel(facts["mean"], in_chans, means=means), persistent=False)
        self.register_buffer("std", _per_channel(facts["std"], in_chans, means=means), persistent=False)
        self.model = model
        self.cbam: nn.Module | None = None
        if cbam is not None:
            self._attend(cbam, options)
            if not will_follow():
                self._try(facts["input_size"])

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return features [B, F]."""
        if isinstance(self.cbam, Cbam):
            return self.pooled(self.mapped(batch))
        features: torch.Tensor = self.net(self._standard(batch["image"]))
        return features

    def mapped(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the map [B, C, h, w] that is pooled; UsageError where the model makes none."""
        found = self.net.forward_features(self._standard(batch["image"]))
        if not isinstance(found, torch.Tensor) or found.ndim != 4:  # noqa: PLR2004 - B C h w
            way = "choose one that does, such as resnet50 or convnext_tiny"
            raise UsageError(f"the model '{self.model}' makes no map that could be looked at place by place; {way}")
        found = found.permute(0, 3, 1, 2) if self._channels_come_last() else found
        return self.cbam(found) if isinstance(self.cbam, Cbam) else found

    def pooled(self, map: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the field's word, and the contract's
        """Return features [B, F] of a map that :meth:`mapped` made."""
        features: torch.Tensor = self.net.forward_head(map.permute(0, 2, 3, 1) if self._channels_come_last() else map)
        return features

    def _standard(self, image: torch.Tensor) -> torch.Tensor:
        # channels last is what convolutions are fastest with, on the CPU and on CUDA
        return ((image - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def _channels_come_last(self) -> bool:
        return str(getattr(self.net, "output_fmt", "")).endswith("NHWC")

    def _attend(self, cbam: Attention, options: dict[str, Any]) -> None:
        if cbam.at == "last":
            self.cbam = cbam.over(int(self.net.num_features))
        elif cbam.at == "blocks":
            self.net = _in_blocks(self.net, self.model, cbam, options)
        else:
            self.cbam = self._after_stages(cbam, list(cbam.at))

    def _after_stages(self, cbam: Attention, numbers: list[int]) -> nn.ModuleDict:
        stages = [] if self._channels_come_last() else _stages(self.net)
        if max(numbers) > len(stages):
            names = ", ".join(one["module"] for one in stages)
            has = f"stages 1 to {len(stages)} ({names})" if stages else "no stages"
            raise ValueError(f"cbam.at: '{self.model}' has {has} to stand after, not {numbers}; say at: last")
        attentions = nn.ModuleDict()
        for one in (stages[number - 1] for number in sorted(numbers)):
            attention = cbam.over(int(one["num_chs"]))
            self.net.get_submodule(one["module"]).register_forward_hook(attention.after)
            attentions[one["module"].replace(".", "_")] = attention
        return attentions

    def _try(self, size: tuple[int, ...]) -> None:
        """Refuse a model without maps before data are read, and not at the first batch."""
        image = torch.zeros(1, self.mean.shape[1], *size[1:])
        try:
            with torch.no_grad():
                self.eval().mapped({"image": image})
        except UsageError as error:
            raise ValueError(f"cbam: {error}") from error
        finally:
            self.train()


def _create(model: str, *, pretrained: bool, **options: Any) -> Any:
    import timm

    try:
        if not pretrained:
            return timm.create_model(model, pretrained=False, num_classes=0, **options)
        with step(f"bringing the weights of {model}"), without_bars_of_others():
            return timm.create_model(model, pretrained=True, num_classes=0, **options)
    except Exception as error:
        if not pretrained:
            raise
        raise NetworkError(
            f"the pretrained weights of '{model}' cannot be fetched ({type(error).__name__}); fetch them once with the "
            "network on, or set pretrained: false"
        ) from error


def _with_means(model: str, *, pretrained: bool, **options: Any) -> Any:
    """Return the model with the published weights for three channels, and their mean for each channel more."""
    net = _create(model, pretrained=False, **options)
    known = _create(model, pretrained=pretrained, **{**options, "in_chans": COLOURS}).state_dict()
    for name, value in net.state_dict().items():
        given = known[name]
        if given.shape != value.shape:
            if given.ndim != 4 or given.shape[1] != COLOURS:  # noqa: PLR2004 - out, in, high, wide
                what = f"'{name}' of '{model}' is {list(given.shape)} and has no weights of three channels to take"
                raise ValueError(f"extra_chans: mean: {what} the mean of; say extra_chans: timm")
            beyond = given.mean(dim=1, keepdim=True).expand(-1, options["in_chans"] - COLOURS, -1, -1)
            known[name] = torch.cat([given, beyond], dim=1)
    net.load_state_dict(known)
    return net


def _stages(net: Any) -> list[Mapping[str, Any]]:
    """Return name and channels of the modules after which the maps of a model become smaller, its stem left out."""
    modules = dict(net.named_modules())
    listed = getattr(net, "feature_info", [])
    return [one for one in listed if one["module"] in modules and not STEM.fullmatch(one["module"])]


def _in_blocks(plain: Any, model: str, cbam: Attention, options: dict[str, Any]) -> Any:
    """Return the model with attention in its residual blocks and all else as in the plain one."""
    from timm.models import ResNet

    refused = f"cbam.at: '{model}' is no plain ResNet, whose blocks can take it; choose one (resnet50), or say at: last"
    if not isinstance(plain, ResNet):
        raise ValueError(refused)  # noqa: TRY004 - a value of the recipe, and no argument of a wrong type
    slot = {"attn_layer": lambda channels, **_: cbam.over(channels)}
    net = _create(model, pretrained=False, block_args=slot, **options)
    ours = {name: module for name, module in net.named_modules() if isinstance(module, Cbam)}
    new = {f"{name}.{key}" for name, module in ours.items() for key in module.state_dict()}
    shapes = {name: value.shape for name, value in net.state_dict().items() if name not in new}
    # what a variant hands to its blocks, attention of its own above all, would be lost
    if not ours or shapes != {name: value.shape for name, value in plain.state_dict().items()}:
        raise ValueError(refused)
    net.load_state_dict(plain.state_dict(), strict=False)
    for module in ours.values():
        module.reset_parameters()
    return net


def _provenance(known: Mapping[str, Any]) -> Provenance:
    """Return where the published weights come from, as timm has it."""
    name = ".".join(str(known[key]) for key in ("architecture", "tag") if known.get(key))
    source = str(known.get("url") or f"https://huggingface.co/timm/{name}")
    return {"name": f"timm/{name}", "licence": str(known.get("license") or "none").lower(), "source": source}


def _per_channel(values: tuple[float, ...], in_chans: int, *, means: bool) -> torch.Tensor:
    numbers = torch.tensor(values)
    if means and len(values) == COLOURS:
        numbers = torch.cat([numbers, numbers.mean().repeat(in_chans - COLOURS)])
    elif len(values) != in_chans:
        numbers = numbers.mean().repeat(in_chans)
    return numbers.view(1, in_chans, 1, 1)
