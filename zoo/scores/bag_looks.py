"""Bags whose attention is worth a look, and what a dataset draws of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.figures.parts import Section
from zoo.scores.bag_tables import Bags

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.int64]

SUREST, LEAST_SURE, WRONG = 2, 2, 4
"""Bags of each sort whose attention is shown."""
SURE = "Surest"


def choose(bags: Bags) -> dict[int, str]:
    """Return the bags whose attention is worth a look, and why: surest, least sure and wrong ones, in this order.

    The surest are right and, where there are such, of another class than the control, whose attention finds nothing.
    The wrong ones are those that the model was surest of. Of each sort there is one a group as long as there are
    others, of the wrong ones first one a mistake.
    """
    labelled, said = bags.label >= 0, np.flatnonzero(bags.finite)
    by_sure = said[np.argsort(-bags.sure[said], kind="stable")].tolist()
    right = [bag for bag in by_sure if not labelled[bag] or bags.said[bag] == bags.label[bag]]
    found = [bag for bag in right if bags.said[bag] != bags.control] or right
    chosen = dict.fromkeys(_varied(found, [bags.groups], SUREST), SURE)
    least = [bag for bag in reversed(by_sure) if bag not in chosen]
    chosen |= dict.fromkeys(_varied(least, [bags.groups], LEAST_SURE), "Least sure")
    wrong = [bag for bag in by_sure if labelled[bag] and bags.said[bag] != bags.label[bag] and bag not in chosen]
    mistakes = list(zip(bags.label.tolist(), bags.said.tolist(), strict=True))
    return chosen | dict.fromkeys(_varied(wrong, [mistakes, bags.groups], WRONG), "Wrong")


def _varied(found: Sequence[int], sorts: Sequence[Sequence[Any]], most: int) -> list[int]:
    """Return the first bags, those first that are the first of their sort; of several sortings one after the other."""
    chosen: list[int] = []
    for sort in sorts:
        seen = {sort[bag] for bag in chosen}
        for bag in found:
            if sort[bag] not in seen:
                seen.add(sort[bag])
                chosen.append(bag)
    return [*chosen, *(bag for bag in found if bag not in set(chosen))][:most]


def sections(bags: Bags, dataset: Any, items: Labels) -> Iterator[Section]:
    """Give what the dataset draws of attention: nothing where it draws none, or where the model says none."""
    if bags.attended is None:
        return
    if hasattr(dataset, "attention_figures"):
        chosen = choose(bags)
        titles = [f"{why}: {_called(bags, bag)}" for bag, why in chosen.items()]
        keys = [f"attention-{number + 1}" for number in range(len(chosen))]
        shown = np.array(list(chosen), dtype=np.int64)
        drawn = dataset.attention_figures(items[shown], *_parts(bags, shown), titles, keys)
        best = next((key for key, why in zip(keys, chosen.values(), strict=True) if why == SURE), "")
        figures = [replace(one, card=one.key == best) for one in drawn]
        if figures:
            yield Section("attention", "Where it looks", figures, words=LOOKS_SAY, gallery=True)
    if hasattr(dataset, "attention_spectra"):
        number = bags.label if len(bags.known) else bags.said
        asked = np.flatnonzero((number >= 0) & bags.finite)
        names = [bags.called(int(number[bag])) for bag in asked]
        figures = list(dataset.attention_spectra(items[asked], *_parts(bags, asked), names)) if len(asked) else []
        if figures:
            yield Section("attended-spectra", "Attended spectra", figures, words=SPECTRA_SAY)


LOOKS_SAY = (
    "The model reads a bag by attending to its instances, and attention adds up to one in every bag, so that it lies "
    "somewhere in a control too. Shown are the bags that it is surest of (and right), least sure of, and wrong about."
)
SPECTRA_SAY = (
    "What sets apart what the model attends to. That a band differs says that attention goes with it, not that the "
    "model decides by it."
)


def _called(bags: Bags, bag: int) -> str:
    said = f"called {bags.called(int(bags.said[bag]))} ({bags.sure[bag]:.2f})"
    true = f"is {bags.called(int(bags.label[bag]))}, " if bags.label[bag] >= 0 else ""
    return f"{bags.names[bag]} {true}{said}"


def _parts(bags: Bags, chosen: Labels) -> tuple[NDArray[Any], Labels]:
    """Return attention and size of some bags."""
    attended = bags.attended
    if attended is None or not len(chosen):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    parts = [attended.attention[attended.of(bag)] for bag in chosen.tolist()]
    return np.concatenate(parts), attended.size[chosen]
