"""What tests of contract checks share: the findings on a part, and the line that one points to."""

from pathlib import Path

from zoo.testing.hosting import subject_of


def findings(kind, part, module, **more):
    return {found.check: found for found in module.examine(subject_of(kind, part, **more))}


def line(found):
    """Return the line of source that a finding points to."""
    file, _, number = found.place.rpartition(":")
    return Path(file).read_text().splitlines()[int(number) - 1].strip()
