"""``frozen``: an encoder that does not learn, whose features of bags are kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Self, cast

import torch
from torch import nn

from zoo.contracts import Encoder
from zoo.folders import cache_home
from zoo.nn import fingerprint
from zoo.nn.feature_store import FeatureStore
from zoo.nn.segments import Segments


class Frozen(nn.Module):
    """The base encoder in evaluation mode and without gradients: what the base reads -> what it returns.

    With ``keep``, the features of each bag are computed once and then read from
    ``features/<base>/<bag>.safetensors`` in the cache folder (``ZOO_HOME``). ``<base>`` is a digest of the base's
    weights, settings and code and of device and precision, ``<bag>`` one of the bag's ``id``. The file holds a digest
    of the bag's instances (shape, dtype, every byte), and features of other instances are never served: another patch
    size, other data under the same id or a transform make them anew. A bag is encoded by itself, so that its features
    are the same in whatever batch it comes and whichever bags were kept before.

    What it costs: instances are still read and hashed, about a millisecond a megabyte of what the model sees (32-bit
    pixels), and on CUDA copied back for it, so keeping pays where the base costs more than that. Bags of few instances
    fill a device badly the first time. On disk an instance takes 4 F bytes (2 F in 16 bits) and a changed bag takes
    the place of the old; nothing is ever removed. With transforms that draw anew for every batch no features can be
    used again: set ``keep: false``. A batch without ``id`` is encoded and not kept.

    Parameters
    ----------
    base
        Any encoder; with ``keep`` one that reads ``instances`` and nothing else, as ``per-instance`` does.
    keep
        Keep the features of bags on disk.

    Raises
    ------
    ValueError
        The features are to be kept of something that is no bag.
    DataError
        A bag is empty, or the offsets do not cover the instances.
    RunError
        The cache folder is full or cannot be written.

    References
    ----------
    Ours.
    """

    def __init__(self, *, base: Encoder, keep: bool = True) -> None:
        super().__init__()
        if keep and tuple(base.reads) != ("instances",):
            reads = ", ".join(base.reads)
            raise ValueError(f"keep is for a base that reads instances alone, and this one reads {reads}; set it false")
        self.base = cast("nn.Module", base)
        self.keep = keep
        self.reads = base.reads
        self.out_features = base.out_features
        self.base.requires_grad_(requires_grad=False).eval()
        self._known: tuple[Any, str] = (None, "")

    def train(self, mode: bool = True) -> Self:
        """Leave the base in evaluation mode, whatever is asked of the rest."""
        super().train(mode)
        self.base.eval()
        return self

    @torch.no_grad()
    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the base's features."""
        if not self.keep or "id" not in batch:
            features: torch.Tensor = self.base(batch)
            return features
        instances = batch["instances"]
        bounds = Segments.of(batch, len(instances)).offsets.tolist()
        store = FeatureStore(cache_home() / "features" / self._identity(instances.device.type))
        bags = zip(batch["id"], pairwise(bounds), strict=True)
        return torch.cat([self._of_bag(store, name, instances[start:end]) for name, (start, end) in bags])

    def _of_bag(self, store: FeatureStore, name: str, instances: torch.Tensor) -> torch.Tensor:
        content = fingerprint.of_tensor(instances)
        features = store.read(name, content)
        if features is None:
            offsets = torch.tensor([0, len(instances)], device=instances.device)
            features = self.base({"id": [name], "instances": instances, "offsets": offsets})
            store.write(name, content, features)
        return features.to(instances.device)

    def _identity(self, device: str) -> str:
        """Return what decides the features of given instances, digested anew only where a weight was written to."""
        tensors = [*self.base.parameters(), *self.base.buffers()]
        seen = [(t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors]  # noqa: SLF001
        if self._known[0] != seen:
            self._known = (seen, fingerprint.of_module(self.base))
        precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else "as they are"
        return fingerprint.of_text(f"{self._known[1]} {device} {precision}")
