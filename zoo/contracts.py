"""What each kind of component promises. Read this page first when you write one.

Letters of shapes
-----------------
``B`` items of a batch · ``C`` channels · ``H W`` height and width in pixels · ``F`` features of an encoder ·
``D`` dimensions of an embedding · ``G`` genes · ``K`` classes, or neighbours where it says so · ``S`` sections of a
batch · ``N`` instances over all bags of a batch.

A batch is a mapping of named tensors. Images are floating point in [0, 1] when a component sees them (integers of 8 and
16 bits that a dataset gives are divided by 255 and 65,535 on the device). An entry with a companion ``<entry>_index``
[B] is shared: row ``index[b]`` belongs to item b (one ``overview`` for all spots of a section). Bags are packed, never
padded: ``instances`` [N, C, H, W] are those of all bags one after the other, and bag b has rows ``offsets[b]`` to
``offsets[b + 1]`` of ``offsets`` [B + 1].

A component is any callable whose signature is its schema: keyword names, types and defaults are what a recipe may say.
Annotate every parameter; a parameter annotated with one of the protocols below is a slot that a recipe fills with a
block of its own (``base: {use: timm, model: resnet18}``). Parameters named in :data:`FACTS` need no value in the
recipe: they are filled in from what the dataset and the encoder declare.

A whole plugin
--------------
The file ``my_lab.py`` and one line in its ``pyproject.toml`` (``[project.entry-points."zoo.encoders"]``,
``mean-colour = "my_lab:MeanColour"``) are a plugin::

    >>> import torch
    >>> from torch import nn
    >>> class MeanColour(nn.Module):
    ...     '''Mean of each channel over the patch: ``image`` [B, C, H, W] -> [B, C].'''
    ...     reads = ("image",)
    ...     def __init__(self, *, in_chans: int, scale: float = 1.0) -> None:
    ...         super().__init__()
    ...         self.out_features = in_chans
    ...         self.scale = scale
    ...     def forward(self, batch):
    ...         return self.scale * batch["image"].mean(dim=(2, 3))
    >>> encoder = MeanColour(in_chans=3)
    >>> encoder({"image": torch.ones(2, 3, 8, 8)}).shape
    torch.Size([2, 3])

and a recipe says ``encoder: {use: mean-colour, scale: 2.0}``. Stages, which are made of other kinds, have a page of
their own, :mod:`zoo.stage_contract`.
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
    those that it hands to the encoders inside it instead; ``out_features`` is F. In evaluation
    mode the features of an item must not depend on which items share its batch. Any module of a model that begins from
    published weights says so in an attribute ``provenance`` (:class:`Provenance`).

    Any module inside a model that wants a learning rate of its own says by which name in an attribute ``part``
    (``part = "attention"``): a recipe may say ``train.lr: {encoder: 1e-4, encoder.attention: 5e-4}``. An encoder that
    can show where it looks has two methods besides, ``mapped(batch) -> [B, C, h, w]`` and ``pooled(map) -> [B, F]``,
    one after the other the same as calling it.
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
    """

    def __call__(self, features: torch.Tensor, batch: Batch) -> Outputs:
        """Return named outputs for features [B, F]."""


class Loss(Protocol):
    """Scores outputs against a batch: ``loss(outputs, batch) -> scalar``, lower is better.

    Under data-parallel training a contrastive loss gathers its embeddings first (:func:`zoo.nn.gather`), so that it is
    the loss of the global batch. A loss that is fitted to data (weights of classes) may have a method
    ``fit(dataset, items)``, which is called once before training with the training items.
    """

    def __call__(self, outputs: Outputs, batch: Batch) -> torch.Tensor:
        """Return the loss as a scalar tensor."""


class Transform(Protocol):
    """Changes a whole batch on its device, drawing only from the generator it is given (a generator of the CPU).

    Drawing from nothing else is what makes a resumed run equal to an uninterrupted one, and a batch change alike on
    every device.

    A transform that is fitted to data may have ``fit(dataset, items)``, ``state()`` and ``restore(state)``, as a
    dataset has. It stands in a slot of the dataset then (``data.prepare``), which fits it and keeps what was fitted.
    """

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the changed batch; the one given is left as it is."""


class Sampler(Protocol):
    """Says which training items an epoch takes, how often each, and in which order: batches are cut from that order.

    It is called anew for every epoch, always with the same items, and draws from nothing but the generator it is given.
    Every epoch has the same number of items. What it is handed are the items of the training groups, so that no item
    that it repeats can stand on another side.
    """

    def __call__(self, items: Indices, dataset: Dataset, *, batch: int, rng: np.random.Generator) -> Indices:
        """Return the items of an epoch in their order, for batches of ``batch``."""


class Segmenter(Protocol):
    """Finds the cells of a field: planes of one field by what they show -> a label image [H, W].

    ``needs`` names the planes without which it cannot work (``("nucleus",)``); of the others it takes what it knows and
    the field has. It runs in processes of its own, a field at a time, so that it has to be possible to pickle it, and
    what is heavy is loaded when the first field comes.
    """

    needs: tuple[str, ...]

    def __call__(self, planes: Mapping[str, NDArray[Any]]) -> NDArray[np.int32]:
        """Return 0 for background and 1 to n for the pixels of n cells; planes are uint8, uint16 or float32 [H, W]."""


class Dataset(Protocol):
    """Items, the groups they belong to, and whatever has to be fitted to data.

    ``fit`` is called once before any batch is read, and is handed only the items it may look at: under the strict
    protocol those of the training groups, under the published protocol all. Gene panels, normalisers and the like are
    fitted there and nowhere else. ``state`` returns what was fitted as plain values, ``restore`` takes it back; a
    package stores it, and its card shows those called ``genes``, ``classes``, ``channels``, ``um_per_px`` and
    ``wavenumber_cm``.

    Three attributes may be left out: ``provenance`` (:class:`Provenance`), without which a model cannot be published;
    ``inputs``, which says of each file that ``zoo predict`` takes what it is (``{"image": "an RGB image"}`` for
    ``--image FILE``); and ``settings``, which says the same of options that are no files (``{"um_per_px": "..."}`` for
    ``--um-per-px 0.5``). Data that say nothing else take ``--input``.

    Data with labels have ``labels`` (the number of the class of each item, -1 where it is not known) and ``classes``
    (their names); a split can then deal out the groups of each class, and refuses a class that would be tested and
    never learnt. Data of which an item may have several labels, or none, have ``label_sets`` in the place of
    ``labels``: [n, K] of 1 (has it) and 0 (has it not), a row of -1 where nobody knows; ``label`` of a batch is
    floating point [B, K] then. Where several items are copies of one image, ``identity`` names what each is a copy of:
    under the strict protocol copies never stand on two sides. Data of bags may say in ``sizes`` how many instances
    each item has, and data that are read from files in ``stamp`` what their items follow from (a digest of names,
    sizes and times of change), so that what was made of them can be found again.
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
        """Return a dataset of the same fitted state over new, unlabelled input (``zoo predict``).

        Data without ``settings`` need no ``**settings`` either.
        """


class Task(Protocol):
    """Knows what a prediction is, how it is scored, and which trivial rivals it has to beat.

    ``scores`` names the scores, the main one first, and says of each whether higher is better. They are computed for
    each test group and averaged over groups; with ``pooled = True`` (which may be left out) they are computed over the
    items of all test groups together, as an AUC has to be where a group has one label, and their interval comes from
    drawing groups anew. ``needs_bank`` says whether prediction looks up the training items. An
    attribute ``hub`` (:class:`HubTask`) may be left out; a card is the better for it.

    Predictions of a slide may be too many to hold at once: a task may have ``write_parts(parts, dataset, path,
    facts)``, which takes those of some items after the other, in order, in the place of ``write``. And a task may have
    ``write_scored(predicted, truth, *, dataset, items, folder, facts)``, with which ``zoo eval --out`` lays what was
    predicted for a test group beside what was measured; it returns the files it wrote. ``write_evaluation(predicted,
    truth, *, dataset, items, groups, folder, facts, explain)`` does so for the items of all test groups at once:
    ``groups`` names the group of each, and ``explain(items, classes)`` gives where the model looked in each item for
    that class [n, H, W] in [0, 1], None where it cannot say.

    A task whose probabilities can be calibrated has ``calibrate(outputs, dataset, items)``, which fits numbers to
    validation items; ``predict`` is given them in the bank from then on.

    A pooled task may have two more methods. ``brief(predicted, truth)`` returns what of both is kept of a test group
    until all groups are there: few numbers an item, which ``score`` takes as well; the truth that it returns does not
    depend on what was predicted. ``resampled(predicted, truth, weight)`` returns each score for R weightings of the
    items at once [R], ``weight`` [R, n]; without it ``score`` is called for each drawing of groups.
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


PROTOCOLS = {
    "encoders": Encoder,
    "heads": Head,
    "losses": Loss,
    "datasets": Dataset,
    "segmenters": Segmenter,
    "transforms": Transform,
    "samplers": Sampler,
    "tasks": Task,
}
