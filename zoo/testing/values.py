"""What checks of several kinds need: batches held against each other, plain values, and who draws random numbers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from zoo.batches import rows_of
from zoo.errors import DataError, MissingError, UsageError
from zoo.testing.findings import Finding, attempt, passed, sentence, skipped
from zoo.testing.standing import SETTINGS

if TYPE_CHECKING:
    from zoo.testing.subject import Subject

Look = Callable[[], Iterable[Finding]]
"""What is asked of a part: yields what is wrong, nothing where all is well."""
INDEX, OFFSETS = "_index", "offsets"


class Checks(Protocol):
    """A part, and what is asked of it."""

    target: Any

    def looks(self) -> Iterable[tuple[str, Look]]:
        """Give the looks at it by their names, in order."""


def examined(target: Any, looks: Iterable[tuple[str, Look]]) -> Iterator[Finding]:
    """Take one look at a part after the other, each by its name; one that has nothing to say is passed.

    Whatever a look raises is a failure of that look, and the next goes on; where files, weights or a package are not
    here, which is no fault of the part, none does.
    """
    for check, look in looks:
        missing: MissingError | None = None
        with attempt(check, target) as found:
            try:
                found.extend(look())
            except MissingError as error:
                missing = error
        if missing is not None:
            yield skipped(check, f"cannot be looked at here: {sentence(missing)}")
            return
        yield from found or [passed(check)]


def looked_at(
    subject: Subject, checks_of: Callable[[Subject], Checks], runs: Callable[[Subject], Any] | None = None
) -> Iterator[Finding]:
    """Build what is asked of a part, and ask it; a part that cannot be built fails in one sentence.

    Parameters
    ----------
    subject
        The part.
    checks_of
        Builds it, and has what is asked of it.
    runs
        Shows whether it goes with the recipe that was chosen.
    """
    with attempt("builds", subject.target) as refused:
        checks = checks_of(subject)
    if not refused and runs is not None:
        refused = _unsuited(subject, runs)
    yield from refused or examined(checks.target, checks.looks())


def _unsuited(subject: Subject, runs: Callable[[Subject], Any]) -> list[Finding]:
    """Return a SKIP where a part refuses, by a sentence of its own, a recipe of ours that it was put into.

    A recipe of its own distribution names it, and has to suit it.
    """
    file = Path(next(iter(subject.filled.recipe.files), ""))
    try:
        runs(subject)
    except (UsageError, DataError) as error:
        if SETTINGS in file.parents:
            what = f"refuses the recipe '{file.stem}' of these checks ({sentence(error)})"
            return [skipped("runs", f"{what}; ship a recipe that names it, or give one by recipe=PATH")]
    except (Exception, SystemExit):  # noqa: BLE001 - whatever else it raises is told of look by look
        return []
    return []


def copied(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch that shares no memory with the one given."""
    return {name: value.clone() if isinstance(value, torch.Tensor) else list(value) for name, value in batch.items()}


def difference(one: Mapping[str, Any], other: Mapping[str, Any], *, tolerance: float = 0.0) -> str:
    """Return what differs between two mappings of tensors, arrays and lists, empty where nothing does.

    Parameters
    ----------
    one, other
        Name -> value.
    tolerance
        Absolute and relative, of numbers.
    """
    if set(one) != set(other):
        return f"has {', '.join(sorted(one))} once and {', '.join(sorted(other))} then"
    told = ((name, _apart(one[name], other[name], tolerance)) for name in one)
    return next((f"'{name}' {how}" for name, how in told if how), "")


def _apart(one: Any, other: Any, tolerance: float) -> str:
    if not isinstance(one, torch.Tensor | np.ndarray):
        return "" if one == other else "is not the same"
    a, b = (np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value) for value in (one, other))
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"is {a.dtype} {list(a.shape)} once and {b.dtype} {list(b.shape)} then"
    if a.dtype.kind not in "fiub" or np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=a.dtype.kind == "f"):
        return ""
    return f"is off by up to {np.nanmax(np.abs(a.astype(np.float64) - b.astype(np.float64))):.3g}"


def items_of(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a batch holds of each of its items: rows of bags, of their instances, and of what items share."""
    names = [name for name in batch if name != OFFSETS and not name.endswith(INDEX)]
    return [
        {name: own for name in names if (own := _own(batch, name, item)) is not None} for item in range(size(batch))
    ]


def size(batch: Mapping[str, Any]) -> int:
    """Return how many items a batch has."""
    return len(batch["id"]) if "id" in batch else len(next(iter(batch.values())))


def _own(batch: Mapping[str, Any], name: str, item: int) -> Any:
    value = batch[name]
    if f"{name}{INDEX}" in batch:
        return value[batch[f"{name}{INDEX}"][item]]
    if OFFSETS not in batch:
        return value[item] if len(value) == size(batch) else None
    what = rows_of(name, batch)
    if what == "instances":
        start, end = batch[OFFSETS][item : item + 2].tolist()
        return value[start:end]
    return value[item] if what == "bags" else None


def kept(state: Any) -> tuple[Any, str]:
    """Return what was fitted as it comes back from a file, or the sentence on why it cannot be written to one."""
    strange = not_plain(state, "state")
    if strange:
        return None, f"{strange}, which no JSON has; return text, whole numbers, finite floats, lists and dictionaries"
    return json.loads(json.dumps(state)), ""


def not_plain(value: Any, path: str = "") -> str:
    """Return where a value holds what JSON does not have, and what that is; empty where it can be written and read."""
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            return f"{path or 'it'} has the key {wrong[0]!r}, which comes back as a text"
        return next((said for key, one in value.items() if (said := not_plain(one, f"{path}.{key}".strip(".")))), "")
    if isinstance(value, list | tuple):
        return next((said for place, one in enumerate(value) if (said := not_plain(one, f"{path}[{place}]"))), "")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return f"{path or 'it'} is {type(value).__name__} {str(value)[:40]}"
    return ""


@contextmanager
def everyones_generators(seed: int) -> Iterator[list[str]]:
    """Seed the generators that all code of a process shares; the yielded list holds, at the end, who of them was used.

    They are left as they were found.
    """
    was = _states()
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - this very generator is watched
    torch.manual_seed(seed)
    begun, used = _states(), list[str]()
    try:
        yield used
    finally:
        used.extend(name for name, state in _states().items() if not _same(state, begun[name]))
        random.setstate(was["random"])
        np.random.set_state(was["numpy.random"])  # noqa: NPY002 - as above
        torch.set_rng_state(was["torch"])


def _states() -> dict[str, Any]:
    return {
        "random": random.getstate(),
        "numpy.random": np.random.get_state(),  # noqa: NPY002 - as above
        "torch": torch.get_rng_state(),
    }


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, other))
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
