"""What parts declare of where they come from: plain data, of which cards and verdicts on licences are made.

A plugin author finds these names in :mod:`zoo.contracts`, too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict, cast


class Provenance(TypedDict, total=False):
    """Where data, or the weights that a model began from, come from; a model card is made of it.

    ``name``; ``kind`` says whether the data were measured; ``licence`` is an SPDX identifier in lower case, or ``none``
    where their makers state none; ``source`` a URL or DOI; ``datasets`` identifiers on the Hub. The others are words of
    the field (``brain``, ``mouse``, ``h&e``).
    """

    name: str
    kind: Literal["real", "simulated", "semi-synthetic"]
    licence: str
    source: str
    citation: str
    modality: str
    assay: str
    stain: str
    tissue: str
    species: str
    datasets: list[str]


class Terms(TypedDict, total=False):
    """Terms of their own under which something stands that a part brings: weights that it fetches, a program it runs.

    A part declares them as a class attribute ``terms``, one of these or a tuple of them, written as a literal, so that
    they can be read without importing the part::

        class Pretrained(nn.Module):
            terms = {"name": "weights of X", "licence": "cc-by-nc-4.0", "gated": True, "when": "pretrained"}

    ``name`` says of what; ``licence`` is an SPDX identifier in lower case, ``none`` where its makers state none, or
    ``unknown``; ``commercial`` whether commercial use is allowed, only where the licence does not tell; ``gated``
    whether its makers ask for an agreement before the download; ``citation`` and ``source`` how to cite it and where it
    is from. ``when`` names the parameter that has to be set (true, or not null) for it to be used; without it, it
    always is.
    """

    name: str
    licence: str
    commercial: bool
    gated: bool
    citation: str
    source: str
    when: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a user's own data come from: what a recipe says of it, and what becomes of it a :class:`Provenance`.

    Attributes
    ----------
    name
        Of the data; the name of the folder where not given.
    licence
        An identifier of SPDX in lower case, ``none`` where there is none.
    source, citation
        A URL or DOI, and how to cite.
    tissue, species, stain, assay
        Words of the field (``liver``, ``mouse``, ``h&e``).
    """

    name: str = ""
    licence: str = "none"
    source: str = ""
    citation: str = ""
    tissue: str = ""
    species: str = ""
    stain: str = ""
    assay: str = ""

    def provenance(self, **known: Any) -> Provenance:
        """Return what is known of measured data; what a user says stands before what a reader knows."""
        told = {key: value for key, value in asdict(self).items() if value}
        found: Any = {"kind": "real", **known, **told}
        return cast("Provenance", found)


class HubTask(TypedDict, total=False):
    """How the Hub calls what a task does.

    ``task_type`` is a word of ours or theirs; ``pipeline_tag`` one of the Hub's fixed list, left out where none fits;
    ``tags`` name the method; ``scores`` say what each score is, and ``metrics`` which of the Hub's metrics it is;
    ``writes`` is the ending, without its dot, of the file that predictions are written to, or ``/`` for a folder.
    """

    writes: str
    task_type: str
    pipeline_tag: str
    tags: list[str]
    scores: dict[str, str]
    metrics: dict[str, str]
