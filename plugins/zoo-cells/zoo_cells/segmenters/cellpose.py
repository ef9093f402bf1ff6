"""``cellpose``: Cellpose-SAM, a trained network for cells of any kind; its weights are for the user to fetch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zoo.contracts import Provenance, Terms
from zoo.errors import RunError
from zoo_cells.segmenters.cellpose_weights import found, loaded, place
from zoo_cells.segmenters.planes import checked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = 3
"""What the network takes; channels that are not there are zeros."""


class Cellpose:
    """Find cells with Cellpose-SAM (version 4; pip install 'zoo-cells[cellpose]'), on CUDA or, slowly, on the CPU.

    The weights (1.2 GB) are looked for at ``weights``, else in ``$CELLPOSE_LOCAL_MODELS_PATH`` or
    ``~/.cellpose/models``, and never fetched by zoo. They are loaded when the first field comes, in the process that
    segments, so that a segmenter which was not called can be pickled. Cells at the border are kept.

    Cellpose's code is under BSD-3, as its makers declare the weights to be; they say too that these were trained on
    images under CC BY-NC, so ask whether your use allows it.

    Parameters
    ----------
    model
        Name of the published weights; ``cpsam_v2`` is the newer.
    weights
        A file of weights, published or trained further.
    planes
        What the network sees, one to three; it knows no order of channels. The field has to have all of them.
    merge
        ``stack`` hands the planes on as channels; ``brightest`` makes one grey plane of them, each cut between its
        1st and 99th percentile first.
    diameter
        Of a usual cell in pixels, which is brought to 30; as the field is where not given.
    flow_threshold
        Of the mean squared error between the flows of a cell and those that the network gave; more keeps odder cells,
        0 keeps all.
    cellprob_threshold
        Of the logit of being a cell; less gives more and wider ones.
    min_size
        Least area of a cell, in pixels.
    max_size_fraction
        A cell that is more of the field than this is left out.
    batch_size
        Tiles of 256 x 256 pixels at once.
    bfloat16
        Compute in 16 bits, as Cellpose does; 32 take twice the time and memory.
    device
        ``auto`` takes CUDA where there is one; else a name of torch (``cpu``, ``cuda:1``, ``mps``).

    Raises
    ------
    ValueError
        A parameter is out of bounds.

    Notes
    -----
    Pachitariu, Rariden and Stringer 2025, doi:10.1101/2025.04.28.651001; defaults are Cellpose's own. What was
    published with the weakly supervised pipeline for the Human Protein Atlas is ``planes: [microtubules, protein, er],
    merge: brightest, flow_threshold: 0.5, cellprob_threshold: -0.8, min_size: 135`` with ``model: cpsam``; it lets the
    protein that is to be located say where cells are, which is why it is not the default.
    """

    terms: ClassVar[tuple[Terms, ...]] = (
        {
            "name": "weights of Cellpose-SAM",
            "licence": "bsd-3-clause",
            "citation": "Pachitariu, Rariden and Stringer 2025, doi:10.1101/2025.04.28.651001",
            "source": "https://huggingface.co/mouseland/cellpose-sam",
        },
        # of these its makers say CC BY-NC and no version
        {"name": "images that these weights were trained on", "licence": "other", "commercial": False},
    )

    def __init__(
        self,
        *,
        model: Literal["cpsam_v2", "cpsam"] = "cpsam_v2",
        weights: Path | None = None,
        planes: tuple[str, ...] = ("microtubules", "er", "nucleus"),
        merge: Literal["stack", "brightest"] = "stack",
        diameter: float | None = None,
        flow_threshold: float = 0.4,
        cellprob_threshold: float = 0.0,
        min_size: int = 15,
        max_size_fraction: float = 0.4,
        batch_size: int = 8,
        bfloat16: bool = True,
        device: str = "auto",
    ) -> None:
        if not 1 <= len(planes) <= CHANNELS or len(set(planes)) < len(planes):
            raise ValueError(f"planes are one to three different names, not {list(planes)}")
        if diameter is not None and not 1 <= diameter <= 2**14:
            raise ValueError(f"diameter is from 1 to 16384 pixels, or null to take the field as it is, not {diameter}")
        for name, value, least in (("flow_threshold", flow_threshold, 0), ("min_size", min_size, 0)):
            if not least <= value < float("inf"):
                raise ValueError(f"{name} is {least} or more, not {value}")
        if not 0 < max_size_fraction <= 1 or batch_size < 1:
            said = f"max_size_fraction {max_size_fraction} and batch_size {batch_size}"
            raise ValueError(f"max_size_fraction is above 0 and at most 1 and batch_size at least 1, not {said}")
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
            raise ValueError(f"device is auto, cpu, mps, cuda or cuda:NUMBER, not {device!r}")
        self.model, self.needs, self.merge, self.device, self.bfloat16 = model, tuple(planes), merge, device, bfloat16
        self.weights = None if weights is None else str(weights)
        self.stamp = _stamp(place(model, weights))
        self.settings = {
            "diameter": diameter,
            "flow_threshold": flow_threshold,
            "cellprob_threshold": cellprob_threshold,
            "min_size": min_size,
            "max_size_fraction": max_size_fraction,
            "batch_size": batch_size,
        }
        self._network: Any = None

    @property
    def provenance(self) -> Provenance:
        """Where the weights come from; of a file that was named only the name is known."""
        if self.weights is not None:
            return {"name": Path(self.weights).name, "licence": "none"}
        return {
            "name": f"Cellpose-SAM {self.model} (trained on images under CC BY-NC)",
            "licence": "bsd-3-clause",
            "source": "https://huggingface.co/mouseland/cellpose-sam",
            "citation": "Pachitariu, Rariden and Stringer 2025, doi:10.1101/2025.04.28.651001",
        }

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or another process needs; it loads the weights for itself."""
        return {**self.__dict__, "_network": None}

    def __call__(self, planes: Mapping[str, NDArray[Any]]) -> NDArray[np.int32]:
        """Return the cells of a field as labels [H, W].

        Raises
        ------
        MissingError
            The weights, the package or the device is not there.
        DataError
            A plane is not there, planes differ in size, a pixel is not finite, or the weights are not Cellpose-SAM's.
        RunError
            The GPU has too little memory.
        """
        import numpy as np

        chosen = {name: planes[name] for name in self.needs if name in planes}
        size = checked(chosen or planes, self.needs, who="cellpose")
        if all(plane.min() == plane.max() for plane in chosen.values()):
            return np.zeros(size, np.int32)
        image = self._image(list(chosen.values()))
        try:
            masks, _, _ = self._loaded().eval(image, channel_axis=-1, **self.settings)
        except RuntimeError as error:
            if "out of memory" not in str(error).lower():
                raise
            said = f"Cellpose-SAM ran out of memory on a field of {size[0]} x {size[1]} pixels"
            raise RunError(f"{said}; say a smaller batch_size than {self.settings['batch_size']}") from error
        return np.asarray(masks).reshape(size).astype(np.int32)

    def _image(self, planes: list[NDArray[Any]]) -> NDArray[np.float32]:
        """Return what Cellpose takes, [H, W, 3]; it scales each channel to its percentiles itself."""
        import numpy as np

        if self.merge == "brightest":
            planes = [np.maximum.reduce([_between_percentiles(plane) for plane in planes])]
        image = np.zeros((*planes[0].shape, CHANNELS), np.float32)
        for number, plane in enumerate(planes):
            image[..., number] = plane
        return image

    def _loaded(self) -> Any:
        if self._network is None:
            path = found(self.model, None if self.weights is None else Path(self.weights))
            self._network = loaded(path, device=self.device, bfloat16=self.bfloat16)
        return self._network


def _between_percentiles(plane: NDArray[Any]) -> NDArray[np.float32]:
    """Return a plane cut to its 1st and 99th percentile, from 0 to 1."""
    import numpy as np

    low, high = np.percentile(plane, [1, 99])
    cut: NDArray[Any] = np.clip((plane - low) / max(high - low, 1e-12), 0, 1)
    return cut.astype(np.float32)


def _stamp(path: Path) -> str:
    """Return what tells one file of weights from another, so that cells are found anew when it changes."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return f"{about.st_size} {about.st_mtime_ns}"
