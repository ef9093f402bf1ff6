"""What a reader of a run must not overlook, a sentence each, the gravest first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from zoo.intervals import FEW_GROUPS
from zoo.report import trainings
from zoo.report.facts import RunFacts, inside
from zoo.report.material import Material
from zoo.report.words import counted, cut, known, listed, number, plural, sentence

MOST = 20
"""Sentences that are given."""
_SAID_HERE = re.compile(r"\d+ test groups?: |published protocol: |the model does not beat its best floor in ")
"""Notes of ``metrics.json`` that are told in other words."""
_STATES = {
    "running": "was still running when this page was made",
    "interrupted": "was interrupted",
    "failed": "ended with an error",
    "unknown": "does not say how far it got",
}
_SIMULATED = {
    "simulated": (
        "The data are simulated: the scores say how well the model learns the simulation, and nothing of real samples."
    ),
    "semi-synthetic": (
        "The data are partly made up: the scores do not say how well the model does on measured ones alone."
    ),
}


def of(facts: RunFacts, materials: Sequence[Material]) -> list[str]:
    """Return the sentences."""
    told = [
        *_unfinished(facts),
        *_sides(facts),
        *_copies(facts),
        *([_SIMULATED[facts.kind]] if facts.kind in _SIMULATED else []),
        *_kind(facts),
        *_behind(facts),
        *_beside(facts),
        *_groups(facts),
        *_trainings(facts),
        *(sentence(note) for note in facts.table.notes if not _SAID_HERE.match(note)),
        *(f"Not every figure could be drawn ({one.name}): {cut(one.problem, 300)}" for one in materials if one.problem),
        *(f"Of this folder not everything could be read: {cut(note, 300)}" for note in facts.notes),
    ]
    told = list(dict.fromkeys(told))
    more = [f"{len(told) - MOST} more such notes are left out here."] if len(told) > MOST else []
    return [*told[:MOST], *more]


def how_far(facts: RunFacts) -> str:
    """Return how far a run without scores got."""
    done = {line["member"] for line in facts.records}
    epochs = f", {counted(len(facts.records), 'epoch')} of {counted(len(done), 'training')} told of" if done else ""
    planned = f" of {len(facts.planned)}" if facts.planned else ""
    scored = len(facts.results) or len(facts.members)
    return f"{scored}{planned} {'member' if scored == 1 and not planned else 'members'} scored{epochs}."


def _unfinished(facts: RunFacts) -> Iterator[str]:
    if facts.state != "finished":
        state = _STATES.get(facts.state, f"is in the state {cut(facts.state, 40)}")
        reason = facts.status.get("reason")
        why = f" ({cut(reason, 300)})" if reason else ""
        when = f"; last written {cut(facts.status.get('updated'), 40)}" if facts.status.get("updated") else ""
        way = "" if facts.state in {"running", "unknown"} else " Go on with the same command and --resume."
        yield f"The run {state}{why}{when}. {sentence(how_far(facts))}{way}"
    elif facts.metrics is None:
        yield "There is no metrics.json, so that the page has no scores."


def _sides(facts: RunFacts) -> Iterator[str]:
    for one, other, consequence in (
        ("train", "test", "the scores say nothing of groups that the model has not seen"),
        ("train", "val", "when to stop was decided on groups that it was trained on"),
    ):
        both = [g for fold in facts.folds for g in getattr(fold, one) if g in set(getattr(fold, other))]
        if both:
            names = list(dict.fromkeys(both))
            yield f"{listed(names)} stand in both {one} and {other}: {consequence}."
    if any(fold.val and set(fold.val) == set(fold.test) for fold in facts.folds):
        yield "The validation groups are the test groups: when to stop was decided on them, and the scores flatter."
    elif any(set(fold.val) & set(fold.test) for fold in facts.folds):
        yield "Some validation groups are test groups too: when to stop was decided on them, and the scores flatter."


def _copies(facts: RunFacts) -> Iterator[str]:
    told = ", ".join(f"{most:,} in {pair}" for pair, most in copied(facts).items())
    if told:
        yield (
            f"Copies of one original stand on two sides (originals: {told}): the model is asked for what it has seen, "
            "and the scores flatter."
        )


def copied(facts: RunFacts) -> dict[str, int]:
    """Return pair of sides -> how many originals have copies on both, in the fold with most of them.

    Validation groups that are the test groups are told of elsewhere.
    """
    found: dict[str, int] = {}
    for fold in facts.folds:
        pairs = inside(facts.census, "copies", fold.name)
        for pair in pairs if isinstance(pairs, dict) else ():
            if pair != "val and test" or set(fold.val) != set(fold.test):
                name = cut(str(pair).replace("val", "validation"), 40)
                found[name] = max(found.get(name, 0), int(number(inside(pairs, pair, "count")) or 0))
    return found


def _kind(facts: RunFacts) -> Iterator[str]:
    if facts.configs and not facts.kind:
        yield "The dataset does not say whether its data are real or simulated."


def _behind(facts: RunFacts) -> Iterator[str]:
    margins = facts.table.above_floor.items()
    behind = [score for score, margin in margins if margin.mean is not None and margin.mean <= 0]
    if behind:
        yield f"The model does not beat its best floor in {listed(behind, 20)}."


def _beside(facts: RunFacts) -> Iterator[str]:
    """Tell of intervals that their own score lies outside of, which reads like a mistake and is none."""
    found = [
        score
        for score, column in facts.table.scores.items()
        if column.mean is not None
        and column.interval is not None
        and known(column.interval)
        and not column.interval[0] <= column.mean <= column.interval[1]
    ]
    if found:
        yield (
            f"The interval of {listed(found, 20)} does not hold the score itself: where few groups have a class, "
            "groups that are drawn anew leave classes out, and the mean over classes shifts."
        )


def _groups(facts: RunFacts) -> Iterator[str]:
    tested, unit = len(facts.test_groups), facts.unit
    if not tested or not facts.table.scores:
        return
    if tested == 1:
        yield f"Tested on a single {unit}: no interval can be given, and the next {unit} may be quite different."
    elif tested < FEW_GROUPS:
        yield f"Tested on {counted(tested, unit)} only: intervals are rough, and more {plural(unit)} may move them."
    if len(facts.seeds) == 1:
        yield "Trained with one seed: what another seed would change is in no interval."


def _trainings(facts: RunFacts) -> Iterator[str]:
    every = trainings.of(facts)
    found: dict[str, list[str]] = {}
    for training, what in trainings.troubled(every, trainings.directions(facts)):
        found.setdefault(what.partition(":")[0], []).append(f"{training.name} ({what.partition(': ')[2]})")
    for kind, told in found.items():
        advice = "train longer" if kind == "not converged" else "stop earlier (train.early_stop)"
        yield (
            f"{len(told)} of {counted(len(every), 'training')} {'is' if len(told) == 1 else 'are'} {kind}; {advice}: "
            f"{'; '.join(told[:2])}{' and others' if len(told) > 2 else ''}. The rule stands under Training."  # noqa: PLR2004
        )
