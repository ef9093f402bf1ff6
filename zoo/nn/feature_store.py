"""Features of bags on disk: one file a bag, which says of what it was made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from zoo import atomic
from zoo.nn import fingerprint


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """Features [n, F] of bags under a folder that belongs to one encoder.

    A bag has one file, named by a digest of the bag's name; new content takes the place of the old, so the folder does
    not grow with every change. One bag is in memory at a time.
    """

    folder: Path

    def read(self, name: str, content: str) -> torch.Tensor | None:
        """Return what was kept of a bag, or None where nothing was, or of other content, or the file is damaged."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path(name), framework="pt") as file:
                header = json.loads((file.metadata() or {}).get("zoo", "{}"))
                if header != {"id": name, "content": content}:
                    return None
                features: torch.Tensor = file.get_tensor("features")
                return features
        except (SafetensorError, OSError, ValueError):
            return None

    def write(self, name: str, content: str, features: torch.Tensor) -> None:
        """Keep the features of a bag.

        Raises
        ------
        RunError
            The disk is full or cannot be written.
        """
        atomic.write_tensors(self._path(name), {"features": features}, {"id": name, "content": content})

    def _path(self, name: str) -> Path:
        return self.folder / f"{fingerprint.of_text(name)}.safetensors"
