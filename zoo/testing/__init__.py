"""Contract checks that any test suite can run: whether a part keeps what its kind promises.

A plugin's test is three lines::

    from zoo.testing import check_head

    def test_my_head_keeps_what_heads_promise():
        check_head("my-head")

It raises :class:`ContractError`, a line for each promise that is broken, with file and line. What each kind promises is
on the page :mod:`zoo.contracts`. A whole distribution is gone through by a test that asks for ``zoo_part``
(:mod:`zoo.testing.pytest_plugin`), and by ``zoo plugin check``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.testing.checks import (
        check,
        check_dataset,
        check_encoder,
        check_head,
        check_loss,
        check_part,
        check_recipe,
        check_sampler,
        check_segmenter,
        check_stage,
        check_task,
        check_transform,
    )
    from zoo.testing.findings import ContractError, Finding

__all__ = [
    "ContractError",
    "Finding",
    "check",
    "check_dataset",
    "check_encoder",
    "check_head",
    "check_loss",
    "check_part",
    "check_recipe",
    "check_sampler",
    "check_segmenter",
    "check_stage",
    "check_task",
    "check_transform",
]


def __getattr__(name: str) -> Any:
    """Import the checks when one is asked for: they need torch, and the pytest plugin stands in this package too."""
    if name in {"ContractError", "Finding"}:
        from zoo.testing import findings

        return getattr(findings, name)
    if name in __all__:
        from zoo.testing import checks

        return getattr(checks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
