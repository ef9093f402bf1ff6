"""Names are promises: the reviewed table of public names is what is installed."""

import re
from pathlib import Path

from zoo.registry import Registry

TABLE = Path(__file__).with_name("public_names.txt")
# whose names are promises of this repository
OURS = {"microscopy-zoo", "zoo-spatial", "zoo-cells", "zoo-cars"}


def reviewed():
    lines = [line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    assert all(len(line) == 3 for line in lines)
    return [tuple(line) for line in lines]


def test_the_table_holds_exactly_the_names_that_are_installed():
    installed = {(e.kind, e.name, e.distribution) for e in Registry().entries() if e.distribution in OURS}
    written = set(reviewed())
    assert installed - written == set(), "new names: review them, then add them to tests/public_names.txt"
    assert written - installed == set(), "a published name is gone: that breaks recipes; bring it back"


def test_the_table_is_sorted_and_says_nothing_twice():
    assert reviewed() == sorted(set(reviewed()))


def test_public_names_are_lower_case_words_joined_by_dashes_and_perhaps_the_number_of_their_meaning():
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(\.v[0-9]+)?", name) for _, name, _ in reviewed())


def test_a_published_name_is_a_component_that_can_be_traced():
    from zoo.trace import source_of

    for entry in Registry().entries():
        if entry.distribution in OURS:
            source = source_of(entry)
            assert (source.problem, bool(source.line), bool(source.summary)) == ("", True, True), entry
