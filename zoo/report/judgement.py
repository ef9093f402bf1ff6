"""What a reader has to know of a run first: what it was tested on, whether it beats its floors, what to beware of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zoo.card_facts import Margin
from zoo.figures.parts import Section
from zoo.report import cautions, material, rivals
from zoo.report.contents import Verdict
from zoo.report.facts import RunFacts
from zoo.report.material import Material
from zoo.report.words import between, counted, cut, known, listed, rounded

PROTOCOLS = {
    "strict": (
        "Strict protocol: all that is fitted to data (panels, normalisation, look-up of known items) has seen the "
        "training groups alone."
    ),
    "published": (
        "Published protocol, as the original code has it: what is fitted to data has seen the test groups too. Its "
        "scores flatter; compare them with no others."
    ),
}
_FIRST = {
    "simulated": "SIMULATED data, not measured ones. ",
    "semi-synthetic": "SEMI-SYNTHETIC data, part of them made up and not measured. ",
}
_MEANS = {
    "yes": "it beats its best floor",
    "no": "it does not beat its best floor",
    "unknown": "whether it would beat its best floor on further groups is not settled",
}


def of(facts: RunFacts, materials: Sequence[Material]) -> Verdict:
    """Return the verdict on a run."""
    score = main_score(facts)
    figure = rivals.one(facts.table, score, "verdict-picture", facts.work.scores.get(score, "")) if score else None
    picture = material.kept(Section("verdict", "Verdict", [figure])).parts[0] if figure else None
    lines = [what_was_done(facts), how_well(facts, score), PROTOCOLS.get(facts.protocol, "Its protocol is not known.")]
    return Verdict(clears(facts, score), lines, cautions.of(facts, materials), picture)


def main_score(facts: RunFacts) -> str:
    """Return the score that a task names first, empty where there are none."""
    return next(iter(facts.table.scores), "")


def clears(facts: RunFacts, score: str) -> str:
    """Return whether the model beats its best floor: yes, no, or unknown."""
    margin = facts.table.above_floor.get(score, Margin())
    if margin.mean is None:
        return "unknown"
    if margin.mean <= 0:
        return "no"
    sure = known(margin.interval) and margin.interval is not None and margin.interval[0] > 0
    return "yes" if sure else "unknown"


def what_was_done(facts: RunFacts) -> str:
    """Return recipe, task, data and groups in a sentence, whether the data are simulated before anything else."""
    task, dataset = facts.said("task", "use"), facts.said("data", "use")
    names = [origin.name for origin in facts.origins if origin.name and origin.name != dataset]
    what = f"Recipe {facts.name}" + (f", task {cut(task)}" if task else "")
    data = f" on {listed(names)}" if names else ""
    data += f" (dataset {cut(dataset)})" if dataset else ""
    tested = facts.test_groups
    held, who = ("fold by fold ", "the model of the fold") if len(facts.folds) > 1 else ("", "it")
    test = f"; tested {held}on {counted(len(tested), facts.unit)} that {who} was not trained on ({listed(tested)})"
    return f"{_FIRST.get(facts.kind, '')}{what}{data}{_tested(facts, test) if tested else ''}."


def _tested(facts: RunFacts, test: str) -> str:
    if any(set(fold.train) & set(fold.test) for fold in facts.folds):
        test = re.sub(" that .* was not trained on", "", test)
    elif "train and test" in cautions.copied(facts):
        test = test.replace(" was not trained on", " was not trained on, copies of some of which it was")
    folds, seeds = max(1, len(facts.folds)), max(1, len(facts.seeds))
    return f"{test}; {counted(folds, 'fold')}, {counted(seeds, 'seed')}"


def how_well(facts: RunFacts, score: str) -> str:
    """Return the main score beside its best floor in words, and whether the model beats it."""
    table = facts.table
    if not score:
        return f"It has no scores yet: {cautions.how_far(facts)}"
    column, margin, best = table.scores[score], table.above_floor.get(score, Margin()), table.best_floor(score)
    sure = f" (95 % interval {between(column.interval)})" if known(column.interval) else " (no interval)"
    ours = f"{score} {rounded(column.mean)}{sure if column.mean is not None else ''}"
    if best is None:
        return f"{ours}. No floor has a value, so that nobody can say how much of it is due to the model."
    floor = f"the best floor, {best[0]}, reaches {rounded(best[1])}"
    if margin.mean is None:
        return f"{ours}; {floor}."
    apart = f"{abs(margin.mean):.3f} {'better' if margin.mean > 0 else 'worse'} than" if margin.mean else "level with"
    whisker = f" (95 % interval of the difference {between(margin.interval)})" if known(margin.interval) else ""
    return f"{ours}; {floor}. The model is {apart} that{whisker}: {_MEANS[clears(facts, score)]}."
