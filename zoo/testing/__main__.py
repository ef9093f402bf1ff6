"""The process in which parts are checked: writes a line of JSON a finding, and ``end`` behind each part.

It is started by :mod:`zoo.testing.distribution`, and takes the number of the pipe to write to, and the parts.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from zoo.errors import ZooError
from zoo.kinds import COMMANDS, NAMED
from zoo.registry import Registry
from zoo.testing import probe
from zoo.testing.distribution import Part
from zoo.testing.findings import Finding, failed, sentence


class LeavingError(RuntimeError):
    """A part would have ended the process."""


def main(number: str, listed: str) -> None:
    """Check parts one after the other."""
    faulthandler.enable()
    import torch  # noqa: F401 - before the process that parts are imported in is forked

    probe.fork(int(number))
    _stay()
    from zoo.testing import checks

    with os.fdopen(int(number), "w") as pipe:
        for part in (Part(**one) for one in json.loads(listed)):
            for finding in _found(part, checks.findings):
                pipe.write(json.dumps(finding.as_dict()) + "\n")
                pipe.flush()
            pipe.write("end\n")
            pipe.flush()


def _found(part: Part, findings: Callable[..., Iterator[Finding]]) -> Iterator[Finding]:
    """Give what is found of a part; a mistake in a check is told, and is not the end of the others."""
    try:
        registry = _own(part)
        if part.kind == COMMANDS:
            yield from probe.probe(registry.find(part.kind, part.name))
        else:
            yield from findings(part.kind, part.file or part.name, registry=registry)
    except ZooError as error:
        yield failed("builds", sentence(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as it says
        yield failed("check", f"could not be checked: {sentence(error)}")


def _own(part: Part) -> Registry:
    """Return a registry in which names that others claim too are those of this distribution."""
    registry = Registry()
    twice = {(conflict.kind, conflict.name) for conflict in registry.conflicts()}
    if not twice:
        return registry
    every = [entry for kind in NAMED for entry in registry.claims(kind)]
    return Registry([e for e in every if (e.kind, e.name) not in twice or e.distribution == part.distribution])


def _stay() -> None:
    """Let no part end this process without a word; processes that parts start may end themselves."""
    leave, here = os._exit, os.getpid()

    def refused(code: int) -> Any:
        if os.getpid() != here:
            leave(code)
        raise LeavingError(f"calls os._exit({code})")

    os._exit = refused  # type: ignore[assignment] # as it says


if __name__ == "__main__":
    main(*sys.argv[1:3])
