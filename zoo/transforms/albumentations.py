"""``albumentations``: hand images to transforms of the package albumentations."""

from __future__ import annotations

import difflib
import inspect
import os
import random
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

import torch

from zoo.contracts import Terms
from zoo.errors import DataError, MissingError
from zoo.nn.images import draw, map_images

NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
GROUPS = ("OneOf", "RandomOrder", "Sequential", "SomeOf")
APART = {"FromFloat", "Lambda", "Normalize", "ToFloat", "ToTensorV2"}
"""Those made out of functions, and those that change what the numbers of an image mean, which is not theirs to do."""
MOST_BLOCKS, DEEPEST = 64, 4
HALF_SEED = 2**24
SLACK = 1e-6


class Albumentations:
    """Change every item by itself with transforms of albumentations 2.0.8, by the names they have there.

    ``pipeline: [{name: GridDistortion, p: 0.5}, {name: OneOf, transforms: [{name: Blur}, {name: Downscale}]}]``. Every
    parameter is one of the class of that name; ``OneOf``, ``SomeOf``, ``RandomOrder`` and ``Sequential`` hold further
    blocks in ``transforms``. Each item draws from a seed of its own, which comes from the generator, and all transforms
    of an item draw from one stream: given the same seed each, as albumentations would, those of equal ``p`` would
    always be applied together.

    Images go through numpy on the CPU, one after the other: the transforms that stand beside this one do theirs a batch
    at a time. Images have to lie in [0, 1], because some transforms there cut off what does not without a word; where
    one overshoots (interpolation of third order) it is cut off here. Height, width and channels have to stay.

    Parameters
    ----------
    pipeline
        Blocks of ``name`` and parameters, applied in their order.

    Raises
    ------
    ValueError
        A name is no transform of images there, or a parameter is not one of its own.
    MissingError
        The package is not installed.
    DataError
        Images lie outside [0, 1] or change their shape, or a transform cannot take their number of channels.

    References
    ----------
    Buslaev et al., Albumentations: fast and flexible image augmentations, doi:10.3390/info11020125 (MIT).
    """

    terms: ClassVar[Terms] = {
        "name": "the package albumentations",
        "licence": "mit",
        "citation": "Buslaev et al., doi:10.3390/info11020125",
        "source": "https://github.com/albumentations-team/albumentations",
    }

    def __init__(self, *, pipeline: list[dict[str, Any]]) -> None:
        if not 1 <= len(pipeline) <= MOST_BLOCKS:
            raise ValueError(
                f"pipeline has {len(pipeline)} blocks; it takes 1 to {MOST_BLOCKS}, each {{name: NAME, ...}}"
            )
        library = _library()
        made = [_built(library, block, ("pipeline", place), DEEPEST) for place, block in enumerate(pipeline)]
        # one at a time, so that the one that cannot take an image can be named
        self.steps = [(block["name"], library.Compose([one])) for block, one in zip(pipeline, made, strict=True)]

    def __call__(self, batch: Mapping[str, Any], generator: torch.Generator) -> Mapping[str, Any]:
        """Return the batch with changed images [B, C, H, W]; what belongs to one item draws the same numbers."""
        halves = (draw(batch, generator, 2) * HALF_SEED).long()
        seeds = (halves[:, 0] * HALF_SEED + halves[:, 1]).tolist()
        return map_images(batch, partial(self._changed, seeds=seeds))

    def _changed(self, images: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        if not images.numel():
            return images
        low, high = (float(value) for value in images.aminmax())
        if not (low >= -SLACK and high <= 1 + SLACK):
            what = f"albumentations is handed an image with values from {low:g} to {high:g}, and takes [0, 1]"
            raise DataError(f"{what}; put it before what leaves that range (channel-normalise)")
        # a copy in any case: some of these transforms write into what they are given
        pixels = images.detach().float().cpu().permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format).numpy()
        for place, seed in enumerate(seeds):
            pixels[place] = self._item(pixels[place], seed)
        changed = torch.from_numpy(pixels).clamp_(0, 1).permute(0, 3, 1, 2).contiguous()
        return changed.to(images.device, images.dtype)

    def _item(self, pixels: Any, seed: int) -> Any:
        """Return an image [H, W, C] after every step."""
        import numpy as np

        stream, simple = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 - augmentation
        for name, step in self.steps:
            step.set_random_state(stream, simple)
            shape = pixels.shape
            pixels = _applied(name, step, pixels)
            if pixels.shape != shape or pixels.dtype != np.float32:
                became = f"{tuple(pixels.shape)} of {pixels.dtype}, where {shape} of float32 went in"
                raise DataError(f"albumentations: {name} made {became}; leave it out, or use the transform resize")
        return pixels


def _applied(name: str, step: Any, pixels: Any) -> Any:
    try:
        return step(image=pixels)["image"]
    except Exception as error:  # whatever another package says of an image that it cannot take
        height, width, channels = pixels.shape
        said = _line(error)
        what = f"albumentations: {name} cannot take an image of {channels} channels and {height} x {width} pixels"
        raise DataError(f"{what} ({said}); leave it out, or choose one that can") from error


def _library() -> ModuleType:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would look for a newer version over the network
    try:
        import albumentations
    except ImportError as error:
        way = "pip install 'microscopy-zoo[albumentations]'"
        raise MissingError(f"the transform albumentations needs the package of that name ({error}); {way}") from error
    return albumentations  # type: ignore[no-any-return]


def _built(library: ModuleType, block: Any, path: tuple[str | int, ...], depth: int) -> Any:
    """Build a block and the blocks nested in it."""
    where = ".".join(str(part) for part in path)
    if not isinstance(block, Mapping) or not isinstance(block.get("name"), str):
        raise ValueError(f"{where} takes a block {{name: NAME, ...}}, not {block!r:.60}")  # noqa: TRY004 - a recipe's value
    parameters = {key: value for key, value in block.items() if key != "name"}
    kind = _class(library, block["name"], where)
    _refuse_unknown(kind, parameters, where)
    if block["name"] in GROUPS:
        parameters["transforms"] = _nested(library, parameters.get("transforms"), path, depth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that another transform would be faster, and the like
        try:
            made = kind(**parameters, **_strict(kind))
        except Exception as error:
            raise ValueError(f"{where}: {block['name']} refuses its parameters ({_reasons(error)})") from error
    more = set(getattr(made, "targets_as_params", ())) - {"image"}
    if more:
        what = f"needs {' and '.join(sorted(more))} beside the image, which a batch does not have"
        raise ValueError(f"{where}: {block['name']} {what}; leave it out")
    return made


def _strict(kind: Any) -> dict[str, bool]:
    """Return what makes a class refuse what it cannot validate; else it warns, and takes its defaults."""
    owner = next(one for one in kind.__mro__ if "__init__" in vars(one))
    return {"strict": True} if "InitSchema" in vars(owner) else {}


def _nested(library: ModuleType, blocks: Any, path: tuple[str | int, ...], depth: int) -> list[Any]:
    where = ".".join(str(part) for part in path)
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= MOST_BLOCKS:
        raise ValueError(f"{where}.transforms takes a list of 1 to {MOST_BLOCKS} blocks {{name: NAME, ...}}")
    if depth <= 1:
        raise ValueError(f"{where} is nested deeper than {DEEPEST} levels; write it flatter")
    inner = ((*path, "transforms", place) for place in range(len(blocks)))
    return [_built(library, block, here, depth - 1) for here, block in zip(inner, blocks, strict=True)]


def _class(library: ModuleType, name: str, where: str) -> Any:
    """Return the class of that name, which is no path and can be made from plain values."""
    known = _names(library)
    if not NAME.fullmatch(name) or name not in known:
        near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
        hint = f"near it: {', '.join(near)}" if near else "names are those of its classes, such as GridDistortion"
        raise ValueError(f"{where}: albumentations has no transform of images called '{name:.60}'; {hint}")
    return getattr(library, name)


def _names(library: ModuleType) -> list[str]:
    bases = (library.ImageOnlyTransform, library.DualTransform)
    classes = {name: kind for name, kind in vars(library).items() if inspect.isclass(kind) and NAME.fullmatch(name)}
    flat = [
        name for name, kind in classes.items() if issubclass(kind, bases) and not issubclass(kind, library.Transform3D)
    ]
    return sorted({*flat, *GROUPS} - {base.__name__ for base in bases} - APART)


def _refuse_unknown(kind: Any, parameters: Mapping[str, Any], where: str) -> None:
    takes = [name for name in inspect.signature(kind.__init__).parameters if name not in {"self", "strict"}]
    for name in parameters:
        if name not in takes:
            near = difflib.get_close_matches(str(name), takes, n=2) or takes
            raise ValueError(f"{where}: {kind.__name__} has no parameter '{name!s:.60}'; it has {', '.join(near)}")


def _reasons(error: BaseException) -> str:
    """Return in one line what is wrong with which parameter."""
    errors = getattr(error.__cause__, "errors", None)
    if errors is None:
        return _line(error)
    found: Sequence[Any] = errors()
    each = [f"{'.'.join(str(part) for part in item['loc'][:1]) or 'it'}: {item['msg']}" for item in found]
    return "; ".join(dict.fromkeys(each))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
