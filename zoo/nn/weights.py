"""Whether trained weights are about to be loaded, so that a part need not fetch those it would start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FOLLOW: ContextVar[bool] = ContextVar("weights_follow", default=False)


@contextmanager
def follow() -> Iterator[None]:
    """Within this block, whatever is built has its weights replaced right after."""
    token = _FOLLOW.set(True)
    try:
        yield
    finally:
        _FOLLOW.reset(token)


def will_follow() -> bool:
    """Return whether the weights of what is being built will be replaced."""
    return _FOLLOW.get()
