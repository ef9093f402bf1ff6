"""The chapters of a run's page, in their order: verdict, results by member, data, training, how to make it again."""

from __future__ import annotations

from zoo.report import material
from zoo.report.facts import RunFacts
from zoo.report.page import Chapter, Page, Verdict
from zoo.run import Run


def of_run(facts: RunFacts) -> Page:
    """Return the page of a run."""
    chapters = [
        Chapter(found.name, found.name, found.sections, found.problem)
        for found in material.read_all(Run(facts.folder).report_folder)
    ]
    return Page(str(facts.data.get("name", "run")), "A run of zoo", Verdict("unknown", []), chapters)
