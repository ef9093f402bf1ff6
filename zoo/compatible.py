"""Whether the parts of a training go together, asked before anything is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import Problem, RecipeError

if TYPE_CHECKING:
    from zoo.training import Fit, Member


def check_fit(member: Member, fit: Fit) -> None:
    """Refuse parts that do not go together.

    Raises
    ------
    RecipeError
        The data lack what a part reads, or a setting names what this model or its task does not have.
    """
    lacking = sorted(_reads(fit.trainee) - set(member.dataset.provides))
    stop = member.filled.frame.train.early_stop
    where = member.filled.recipe.place
    if lacking:
        what = f"needs {', '.join(lacking)} in a batch; the dataset delivers {', '.join(member.dataset.provides)}"
        raise RecipeError([Problem(where(("encoder",)), "encoder", what)])
    if stop and not len(member.val):
        what = "needs validation groups; name them in data.split.val"
        raise RecipeError([Problem(where(("train", "early_stop")), "train.early_stop", what)])
    unknown = sorted(set(stop.weights) - {"loss", *member.task.scores}) if stop else []
    if unknown:
        known = ", ".join(["loss", *member.task.scores])
        what = f"'{unknown[0]}' is no score of the task; it has {known}"
        raise RecipeError([Problem(where(("train", "early_stop", "metric")), "train.early_stop.metric", what)])
    rates = member.filled.frame.train.lr
    parts = {"encoder", "head", "loss", *fit.trainee.parts()}
    strange = sorted(set(rates) - parts) if isinstance(rates, dict) else []
    if strange:
        what = f"'{strange[0]}' is no part of this model; it has {', '.join(sorted(parts))}"
        raise RecipeError([Problem(where(("train", "lr")), "train.lr", what)])


def _reads(module: Any) -> set[str]:
    """Return what a module and its parts read of a batch, without what it makes for its parts itself."""
    inside = {name for part in module.children() for name in _reads(part)}
    return {*getattr(module, "reads", ()), *(inside - set(getattr(module, "makes", ())))}
