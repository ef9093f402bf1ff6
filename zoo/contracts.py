"""What each kind of part promises. Read this page first when you write one.

A plugin is an ordinary package with a licence. Its ``pyproject.toml`` has a line a part, under the kind it is of::

    [project.entry-points."zoo.encoders"]
    mean-colour = "my_lab:MeanColour"

``zoo plugin new my-lab`` writes such a package. Once it is installed a recipe says ``encoder: {use: mean-colour}``, and
``zoo plugin check my-lab`` holds it against this page: for each kind what it promises, and a whole plugin, the file
``my_lab.py``, executed as it stands, and its line. For stages see :mod:`zoo.stage_contract`.

**Letters of shapes.** ``B`` items of a batch · ``C`` channels · ``H W`` height and width in pixels · ``F`` features of
an encoder · ``D`` dimensions of an embedding · ``G`` genes · ``K`` classes, or neighbours where it says so · ``S``
sections of a batch · ``N`` instances over all bags of a batch.

**A batch** is a mapping of named tensors. Images are floating point in [0, 1] when a part sees them (what a dataset
gives in 8 or 16 bits is divided by 255 or 65,535 on the device). An entry with a companion ``<entry>_index`` [B] is
shared: row ``index[b]`` belongs to item b (one ``overview`` for all spots of a section). Bags are packed, never padded:
``instances`` [N, C, H, W] of all bags in a row, those of bag b from ``offsets[b]`` to ``offsets[b + 1]`` of [B + 1].

**The signature is the schema.** A part is any callable: keyword names, types and defaults are what a recipe may say.
Annotate every parameter, with names that exist at run time (not under TYPE_CHECKING). What is handed to a part:

- what fills a slot, a parameter annotated with a protocol of this page: a recipe has a block there (``base: {use: timm,
  model: resnet18}``), and the part is given what was built of it;
- parameters named in :data:`FACTS`, filled in from what the dataset and the encoder declare;
- ``items``, numbers of items: wherever something is fitted, under the strict protocol, of the training groups alone;
- ``generator`` of a transform and ``rng`` of a sampler, which follow from seed, epoch and batch.

**State** lives in parameters and buffers of an ``nn.Module``, kept as safetensors, and of a fitted dataset or transform
in ``state()``, as plain JSON values; any other is lost. **No part** draws from a random state that all share (first
weights and dropout do: training seeds torch), prints, reads a pickle, or does work when it is imported, on the network
least of all. A user's mistake is a ValueError or one of :mod:`zoo.errors`: a sentence with value, bound and way out. A
docstring names the source under ``References``, and ``terms`` (:class:`Terms`) what weights or the like a part brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from zoo.provenance import HubTask, Origin, Provenance, Terms

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Batch = Mapping[str, Any]
    Outputs = dict[str, torch.Tensor]
    Arrays = dict[str, NDArray[Any]]
    Indices = NDArray[np.int64]

__all__ = ["FACTS", "PROTOCOLS", "Dataset", "Encoder", "Head", "Loss", "Sampler", "Segmenter", "Task", "Transform"]
__all__ += ["HubTask", "Origin", "Provenance", "Terms"]  # of zoo.provenance; an author finds all in one place

FACTS = ("in_features", "in_chans", "num_classes", "num_genes")
"""Names of parameters that follow from other parts of the recipe and may be left out."""


class Encoder(Protocol):
    """Turns a batch into features: an ``nn.Module`` with ``forward(batch) -> [B, F]``.

    ``reads`` names the entries of the batch it needs (checked before training), and ``makes``, which may be left out,
    those that it hands to encoders inside it; ``out_features`` is F. In evaluation mode the features of an item must
    not depend on which items share its batch; published methods in which they do say ``independent = False``. One that
    can show where it looks also has ``mapped(batch) -> [B, C, h, w]`` and ``pooled(map) -> [B, F]``, which in
    turn are the same as calling it. Any module that begins from published weights says so in ``provenance``
    (:class:`Provenance`), and one that wants a learning rate of its own has a name in ``part``: ``attention`` for
    ``train.lr: {encoder: 1e-4, encoder.attention: 5e-4}``.

    >>> import torch
    >>> class MeanColour(torch.nn.Module):  # zoo.encoders: mean-colour = "my_lab:MeanColour"
    ...     '''Mean of each channel over the patch: ``image`` [B, C, H, W] -> [B, C].'''
    ...     reads = ("image",)
    ...     def __init__(self, *, in_chans: int, scale: float = 1.0) -> None:
    ...         super().__init__()
    ...         self.out_features = in_chans
    ...         self.scale = torch.nn.Parameter(torch.full((in_chans,), scale))
    ...     def forward(self, batch):
    ...         return self.scale * batch["image"].mean(dim=(2, 3))
    >>> MeanColour(in_chans=3)({"image": torch.ones(2, 3, 8, 8)}).shape
    torch.Size([2, 3])
    """

    reads: tuple[str, ...]
    out_features: int

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Return features [B, F]."""


class Head(Protocol):
    """Turns features into named outputs: an ``nn.Module`` with ``forward(features, batch) -> {name: tensor}``.

    At prediction the batch lacks what is to be predicted; a head leaves out the outputs that would need it. Every
    output has B as its first dimension; a head for bags may return outputs with N rows (``attention`` [N], ``instance``
    [N, K]) beside ``size`` [B], the number of instances of each bag.

    >>> import torch
    >>> class OneLayer(torch.nn.Module):  # zoo.heads: one-layer = "my_lab:OneLayer"
    ...     '''A linear layer: features [B, F] -> ``logits`` [B, K].'''
    ...     def __init__(self, *, in_features: int, num_classes: int) -> None:
    ...         super().__init__()
    ...         self.layer = torch.nn.Linear(in_features, num_classes)
    ...     def forward(self, features, batch):
    ...         return {"logits": self.layer(features)}
    >>> OneLayer(in_features=3, num_classes=2)(torch.ones(4, 3), {})["logits"].shape
    torch.Size([4, 2])
    """

    def __call__(self, features: torch.Tensor, batch: Batch) -> Outputs:
        """Return named outputs for features [B, F]."""


class Loss(Protocol):
    """Scores outputs against a batch: ``loss(outputs, batch) -> scalar``, lower is better.

    Under data-parallel training a contrastive loss gathers its embeddings first (:func:`zoo.nn.gather`), so that it is
    the loss of the global batch. A loss that is fitted to data (weights of classes) may have a method
    ``fit(dataset, items)``, which is called once before training with the training items.

    >>> import torch
    >>> class Brier:  # zoo.losses: brier = "my_lab:Brier"
    ...     '''Squared distance of probabilities and truth: ``logits`` [B, K] against ``label`` [B] (-1: unknown).'''
    ...     def __call__(self, outputs, batch):
    ...         said, label = outputs["logits"].softmax(dim=1), batch["label"]
    ...         truth = torch.nn.functional.one_hot(label.clamp(min=0), said.shape[1])
    ...         return (said - truth)[label >= 0].square().sum() / (label >= 0).sum().clamp(min=1)
    >>> Brier()({"logits": torch.tensor([[0.0, 0.0], [9.0, 0.0]])}, {"label": torch.tensor([1, -1])})
    tensor(0.5000)
    """

    def __call__(self, outputs: Outputs, batch: Batch) -> torch.Tensor:
        """Return the loss as a scalar tensor."""


class Transform(Protocol):
    """Changes a whole batch on its device, drawing only from the generator it is given (a generator of the CPU).

    Drawing from nothing else is what makes a resumed run equal to an uninterrupted one, and a batch change alike on
    every device. One that is fitted to data may have ``fit(dataset, items)``, ``state()`` and ``restore(state)``, as a
    dataset has; it stands in a slot of the dataset then (``data.prepare``), which fits it and keeps what was fitted.

    >>> import torch
    >>> from zoo.nn.images import draw, map_images
    >>> class Dim:  # zoo.transforms: dim = "my_lab:Dim"
    ...     '''Make each image, or instance of a bag, darker by a share of its own, up to ``most``.'''
    ...     def __init__(self, *, most: float = 0.5) -> None:
    ...         self.most = most
    ...     def __call__(self, batch, generator):
    ...         light = 1 - self.most * draw(batch, generator, columns=1)[:, :, None, None]
    ...         return map_images(batch, lambda image: image * light.to(image.device))
    >>> Dim(most=0.0)({"image": torch.ones(2, 1, 8, 8)}, torch.Generator())["image"].min()
    tensor(1.)
    """

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the changed batch; the one given is left as it is."""


class Sampler(Protocol):
    """Says which training items an epoch takes, how often each, and in which order: batches are cut from that order.

    It is called anew for every epoch, always with the same items, and draws from nothing but the generator it is given.
    Every epoch has the same number of items, all of the training groups: what is repeated is on no other side.

    >>> import numpy as np
    >>> class Half:  # zoo.samplers: half = "my_lab:Half"
    ...     '''Take half of the items, others in every epoch.'''
    ...     def __call__(self, items, dataset, *, batch, rng):
    ...         return rng.permutation(items)[: (len(items) + 1) // 2]
    >>> len(Half()(np.arange(9), None, batch=2, rng=np.random.default_rng(0)))
    5
    """

    def __call__(self, items: Indices, dataset: Dataset, *, batch: int, rng: np.random.Generator) -> Indices:
        """Return the items of an epoch in their order, for batches of ``batch``."""


class Segmenter(Protocol):
    """Finds the cells of a field: planes of one field by what they show -> a label image [H, W].

    ``needs`` names the planes without which it cannot work (``("nucleus",)``); of others it takes what it knows and the
    field has. It runs in processes of its own, a field at a time: it can be pickled, and loads late what is heavy.

    >>> import numpy as np
    >>> class Bright:  # zoo.segmenters: bright = "my_lab:Bright"
    ...     '''Connected pixels brighter than ``times`` the median of the field are a cell.'''
    ...     needs = ("nucleus",)
    ...     def __init__(self, *, times: float = 2.0) -> None:
    ...         self.times = times
    ...     def __call__(self, planes):
    ...         from scipy import ndimage
    ...         over = planes["nucleus"] > self.times * np.median(planes["nucleus"])
    ...         return ndimage.label(over)[0].astype(np.int32)
    >>> Bright()({"nucleus": np.array([[9, 1, 8, 1], [9, 1, 1, 1]], dtype=np.uint8)}).tolist()
    [[1, 0, 2, 0], [1, 0, 0, 0]]
    """

    needs: tuple[str, ...]

    def __call__(self, planes: Mapping[str, NDArray[Any]]) -> NDArray[np.int32]:
        """Return 0 for background and 1 to n for the pixels of n cells; planes are uint8, uint16 or float32 [H, W]."""


class Dataset(Protocol):
    """Items, the groups they belong to, and whatever has to be fitted to data.

    ``fit`` is called once before any batch is read, and is handed only the items it may look at: under the strict
    protocol those of the training groups, under the published protocol all. Gene panels, normalisers and the like are
    fitted there and nowhere else. A package stores what ``state`` returns, and its card shows those called ``genes``,
    ``classes``, ``channels``, ``um_per_px`` and ``wavenumber_cm``. These attributes may be left out:

    - ``inputs``, the files that ``zoo predict`` takes (``{"image": "an RGB image"}`` for ``--image FILE``; ``--input``
      without it), and ``settings``, options that are no files (``{"um_per_px": "..."}`` for ``--um-per-px 0.5``);
    - ``labels``, the number of the class of each item (-1: not known), and ``classes``, their names: a split can then
      deal out the groups of each class, and refuses a class that would be tested and never learnt;
    - ``label_sets`` in the place of ``labels`` where an item may have several, or none: [n, K] of 1 (has it) and 0 (has
      it not), a row of -1 where nobody knows; ``label`` of a batch is floating point [B, K] then;
    - ``provenance`` (:class:`Provenance`), without which no model can be published; ``identity``, what each is a copy
      of (under the strict protocol copies never stand on two sides); ``sizes``, how many instances each bag has;
      ``stamp``, a digest of what items read from files follow from (names, sizes and times of change), so that what was
      made of them is found again.

    >>> import numpy as np
    >>> import torch
    >>> class Stripes:  # zoo.datasets: stripes = "my_lab:Stripes"
    ...     '''SIMULATED stripes, upright or lying, as counts; the highest that is learnt from becomes 1.'''
    ...     provides, classes, facts = ("image", "label"), ["upright", "lying"], {"in_chans": 1, "num_classes": 2}
    ...     provenance = {"name": "stripes", "kind": "simulated", "licence": "cc0-1.0", "source": "my_lab.py"}
    ...     def __init__(self, *, items: int = 48, seed: int = 0) -> None:
    ...         rng, number, self.most = np.random.default_rng(seed), np.arange(items), 1.0
    ...         upright = 30 + 20 * np.sin(np.arange(16) + rng.uniform(0, 6, (items, 1, 1, 1))).repeat(16, axis=2)
    ...         self.labels, self.groups = number % 2, {"donor": [f"D{n // 2 % 6 + 1}" for n in number]}
    ...         self.images = rng.poisson(np.where(self.labels.reshape(-1, 1, 1, 1), upright.swapaxes(2, 3), upright))
    ...     def __len__(self): return len(self.images)
    ...     def fit(self, items): self.most = float(self.images[items].max())
    ...     def state(self): return {"most": self.most}
    ...     def restore(self, state): self.most = state["most"]
    ...     def batch(self, items):
    ...         image = torch.from_numpy(self.images[items] / self.most).float().clamp(max=1)
    ...         return {"id": [str(n) for n in items], "image": image, "label": torch.from_numpy(self.labels[items])}
    ...     def open_new(self, inputs):
    ...         new, images = Stripes(), np.load(inputs["input"])
    ...         new.images, new.labels, new.most = images, np.full(len(images), -1), self.most
    ...         new.groups = {"donor": ["new"] * len(images)}
    ...         return new
    """

    def __len__(self) -> int:
        """Return the number of items."""

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Unit -> the group of each item, for example ``{"donor": ["D1", "D1", "D2"]}``."""

    @property
    def facts(self) -> Mapping[str, int]:
        """What other parts may ask for (see :data:`FACTS`); complete once fitted."""

    @property
    def provides(self) -> tuple[str, ...]:
        """Names of the entries that a batch will hold."""

    def fit(self, items: Indices) -> None:
        """Fit what depends on data to these items only."""

    def state(self) -> dict[str, Any]:
        """Return what was fitted, as plain JSON values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned."""

    def batch(self, items: Indices) -> Batch:
        """Return the named tensors of these items, on the CPU, with ``id`` as a list of text."""

    def open_new(self, inputs: Mapping[str, Path], **settings: str) -> Dataset:
        """Return new, unlabelled input as a dataset of the same fitted state; ``**settings`` only where it has some."""


class Task(Protocol):
    """Knows what a prediction is, how it is scored, and which trivial rivals it has to beat.

    ``scores`` names the scores, the main one first, and says of each whether higher is better. They are computed for
    each test group and averaged, or with ``pooled = True`` over the items of all test groups together, as an AUC has to
    be where a group has one label; their interval comes from drawing groups anew. ``needs_bank`` says whether
    prediction looks up the training items. ``pooled``, ``hub`` (:class:`HubTask`) and these methods may be left out:

    - ``write_parts(parts, dataset, path, facts)``, in the place of ``write`` where predictions of a slide are too many
      to hold at once, takes those of some items after the other, in order;
    - ``write_scored(predicted, truth, *, dataset, items, folder, facts)``, for ``zoo eval --out``, lays what was
      predicted for a test group beside what was measured, and returns the files it wrote;
    - ``write_evaluation(predicted, truth, *, dataset, items, groups, folder, facts, explain)`` does so for all test
      groups at once: ``groups`` names that of each item, ``explain`` is as of :class:`zoo.figures.parts.Look`;
    - ``report(predicted, truth, *, dataset, items, groups, look)`` gives a page its sections (:mod:`zoo.figures`);
    - ``calibrate(outputs, dataset, items)`` fits numbers to validation items; ``predict`` then has them in the bank;
    - of a pooled task, ``brief(predicted, truth)``, what of both is kept until all groups are there (few numbers an
      item, which ``score`` takes as well; the truth no matter what was predicted), and ``resampled(predicted, truth,
      weight)``, each score for R weightings [R, n] of the items at once [R], in place of a ``score`` a drawing.

    >>> import numpy as np
    >>> from zoo import atomic
    >>> from zoo.scores import classification, floors
    >>> class Hits:  # zoo.tasks: hits = "my_lab:Hits"
    ...     '''The class of each item, from ``logits`` [B, K]; the floor is how frequent each class is.'''
    ...     scores, needs_bank, hub = {"accuracy": True}, False, {"writes": "json"}
    ...     def bank(self, outputs, dataset, items): return {}
    ...     def predict(self, outputs, bank): return {"probability": classification.softmax(outputs["logits"])}
    ...     def truth(self, dataset, items): return {"label": np.asarray(dataset.labels)[items]}
    ...     def score(self, predicted, truth):
    ...         right = (predicted["probability"].argmax(axis=1) == truth["label"])[truth["label"] >= 0]
    ...         return {"accuracy": float(right.mean()) if len(right) else float("nan")}, {"items": float(len(right))}
    ...     def fit_floors(self, dataset, items):
    ...         label = floors.labelled(dataset.labels, items, "items")[1]
    ...         return {"frequency": {"probability": floors.frequencies(label, len(dataset.classes))}}
    ...     def predict_floor(self, name, state, dataset, items):
    ...         return {"probability": np.tile(state["probability"], (len(items), 1))}
    ...     def write(self, predicted, dataset, path, facts):
    ...         atomic.write_json(path, {**facts, "said": predicted["probability"].argmax(axis=1).tolist()})
    """

    scores: Mapping[str, bool]
    needs_bank: bool

    def bank(self, outputs: Arrays, dataset: Dataset, items: Indices) -> Arrays:
        """Return what prediction must remember of the training items."""

    def predict(self, outputs: Arrays, bank: Arrays) -> Arrays:
        """Return predictions for the outputs of a model."""

    def truth(self, dataset: Dataset, items: Indices) -> Arrays:
        """Return what predictions are held against."""

    def score(self, predicted: Arrays, truth: Arrays) -> tuple[dict[str, float], dict[str, float]]:
        """Return scores, and counts worth knowing beside them (genes that were constant, for instance)."""

    def fit_floors(self, dataset: Dataset, items: Indices) -> dict[str, Arrays]:
        """Fit the trivial rivals on these items: name -> numbers."""

    def predict_floor(self, name: str, state: Arrays, dataset: Dataset, items: Indices) -> Arrays:
        """Return what a rival predicts."""

    def write(self, predicted: Arrays, dataset: Dataset, path: Path, facts: Mapping[str, str]) -> None:
        """Write predictions for new data to a file; ``facts`` say which recipe and model made them."""


PROTOCOLS: dict[str, Any] = {"encoders": Encoder, "heads": Head, "losses": Loss, "datasets": Dataset}
PROTOCOLS |= {"segmenters": Segmenter, "transforms": Transform, "samplers": Sampler, "tasks": Task}
