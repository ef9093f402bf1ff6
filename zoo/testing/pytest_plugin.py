"""For pytest: a test that asks for ``zoo_part`` runs once for each part that a distribution brings.

A test suite needs no more than this, and is told of every part by its kind and name (``[head:my-head]``)::

    import pytest
    from zoo.testing import check_part

    @pytest.mark.zoo("my-lab-mil")
    def test_every_part_keeps_its_promises(zoo_part):
        check_part(zoo_part)

pytest finds this plugin where the package is installed. It does nothing in suites that do not ask for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ARGUMENT, MARK = "zoo_part", "zoo"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    what = "run once for each part that these installed distributions bring, given as zoo_part"
    config.addinivalue_line("markers", f"{MARK}(distribution, ...): {what}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test its parts."""
    if ARGUMENT not in metafunc.fixturenames:
        return
    import pytest

    from zoo.errors import ZooError
    from zoo.testing import distribution

    asked = [name for mark in metafunc.definition.iter_markers(MARK) for name in mark.args]
    if not asked:
        way = f'@pytest.mark.{MARK}("my-lab-mil")'
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: asks for {ARGUMENT}; say of which distribution: {way}")
    try:
        names = [distribution.named(name)[0] for name in asked]
    except ZooError as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    parts = [part for name in names for part in distribution.parts_of(name)]
    metafunc.parametrize(ARGUMENT, parts, ids=[str(part) for part in parts])
