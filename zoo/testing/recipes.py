"""Whether a recipe trains: checked, opened, split, built, trained for a few steps, scored, kept and read back."""

from __future__ import annotations

import itertools
import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo import contestant, evaluate, experiment, infer, package, recipe, resolve, voters
from zoo.errors import MissingError, RecipeError, ZooError
from zoo.experiment import fit_dataset, folds_of
from zoo.model import Ensemble
from zoo.run import Run
from zoo.scoring import test_items
from zoo.testing import trial
from zoo.testing.findings import Finding, failed, is_own, own_folders, passed, sentence, shown, skipped
from zoo.testing.values import difference
from zoo.training import Fit

if TYPE_CHECKING:
    from zoo.contestant import Contestant
    from zoo.contracts import Dataset
    from zoo.filled import Filled
    from zoo.registry import Registry
    from zoo.splits import Split
    from zoo.training import Member
    from zoo.workbench import Workplace

MOST = 256
"""Items of all trainings together up to which a recipe is trained from end to end."""
REMEMBERED, TESTED = 64, 24
"""Training items that floors and banks are made of, and items of each test group that are scored."""
NEAR = 1e-5


def examine(
    named: str | Path | recipe.Recipe, *, steps: int = 2, registry: Registry | None = None
) -> Iterator[Finding]:
    """Look at a recipe from its text to a trained model; where one look fails, those behind it are left out.

    Parameters
    ----------
    named
        Its path or name, or the recipe itself.
    steps
        Batches that each of its models is trained for.
    registry
        The components to check it against; those installed where not given.
    """
    found, filled = _filled(named, registry)
    yield from found
    if filled is None:
        return
    with trial.own_folders() as folder:
        run = _Trial(filled, folder, steps)
        looks = [("data", run.opens), ("split", run.splits)]
        if not filled.data["stages"]:  # these hold several trainings, and are run whole or not at all
            looks += [("builds", run.builds), ("steps", run.trains), ("scores", run.scores), ("package", run.packs)]
        for check, look in [*looks, ("train", run.trains_whole)]:
            found = _looked(check, filled, look)
            yield from found
            if any(finding.verdict in {"FAIL", "SKIP"} for finding in found):
                return


def _filled(named: Any, registry: Registry | None) -> tuple[list[Finding], Filled | None]:
    """Return the filled recipe, or every mistake in it."""
    try:
        loaded = named if isinstance(named, recipe.Recipe) else recipe.load(named)
        return [passed("fill")], resolve.fill(loaded, registry)
    except RecipeError as error:
        told = [failed("fill", f"{p.path}: {p.message}" if p.path else p.message, p.place) for p in error.problems]
        return told, None
    except ZooError as error:
        return [failed("fill", sentence(error), str(named) if isinstance(named, str | Path) else "")], None


def _looked(check: str, filled: Filled, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Take one look; whatever is raised has its line in the recipe, or in the part that raised it."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except RecipeError as error:
        return [*found, *(failed(check, f"{p.path}: {p.message}", p.place) for p in error.problems)]
    except MissingError as error:
        return [*found, skipped(check, _missing(filled, error), filled.recipe.place(("data",)))]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a part may raise anything
        return [*found, failed(check, sentence(error), _place(error, filled))]
    return found or [passed(check)]


def _missing(filled: Filled, error: MissingError) -> str:
    """Return what is not here, and the setting that says where it is."""
    said = f"needs what is not here: {sentence(error)}"
    setting = next((key for key in ("root", "path", "file") if key in filled.data["data"]), "")
    known = not setting or f"data.{setting}" in said
    return said if known else f"{said}; say where the data are by --set data.{setting}=DIR"


def _place(error: BaseException, filled: Filled) -> str:
    """Return the last line of a traceback that lies in one of the recipe's parts, else the recipe."""
    homes = [home for entry in filled.entries.values() for home in own_folders(entry.target.partition(":")[0])]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_own(frame.filename, homes):
            return f"{shown(frame.filename)}:{frame.lineno}"
    return filled.recipe.place(())


@dataclass
class _Trial:
    """A recipe on its way from data to a model; each look leaves behind what the next needs."""

    filled: Filled
    folder: Path
    steps: int
    fits: list[Fit] = field(default_factory=list)

    @cached_property
    def untouched(self) -> Dataset:
        """The data as no stage has touched them."""
        found: Dataset = self.filled.build("data", {})
        return found

    @cached_property
    def folds(self) -> list[Split]:
        """The folds."""
        return folds_of(self.filled, self.untouched)

    @cached_property
    def member(self) -> Member:
        """The first training, over data that are fitted."""
        fit_dataset(self.filled, self.untouched, self.folds[0])
        return trial.member_of(self.filled, self.untouched, self.folds[0])

    @cached_property
    def place(self) -> Workplace:
        """What is trained with."""
        return trial.workplace(self.filled, self.folder / "steps")

    def opens(self) -> Iterator[Finding]:
        """Open the data."""
        if not len(self.untouched):
            yield failed("data", "there are no items; see what the data block asks for", self._at("data"))

    def splits(self) -> Iterator[Finding]:
        """Split them: no group may stand on two sides, and no side that is needed be empty."""
        for fold in self.folds:
            both = set(fold.train) & set(fold.test)
            if both:
                what = f"{fold.unit} {min(both)} stands in train and test; give it to one side"
                yield failed("split", what, self._at("data", "split"))

    def builds(self) -> Iterator[Finding]:
        """Build what is trained, and look whether the data provide all that it reads."""
        for member in voters.of(self.member) if self.filled.members else [self.member]:
            fit = Fit(member, self.place.run, self.place.accelerator, self.place.interrupts)
            self.place.check(member, fit)
            self.fits.append(fit)
        yield from ()

    def trains(self) -> Iterator[Finding]:
        """Train for a few batches: the loss is finite, and weights change."""
        for fit in self.fits:
            was = {name: value.detach().clone() for name, value in fit.trainee.named_parameters()}
            batches = (record for record in fit.records() if record.kind == "batch")
            for _ in itertools.islice(batches, self.steps):
                pass
            moving = {name: value for name, value in fit.trainee.named_parameters() if value.requires_grad}
            if moving and all(torch.equal(was[name], value) for name, value in moving.items()):
                what = f"{len(moving)} weights are the same after {self.steps} steps"
                yield failed("steps", f"{what}; see that the loss depends on the outputs", self._at("loss"))

    @cached_property
    def trained(self) -> Contestant:
        """The model with what it is scored with, remembering a few training items."""
        member = self.member
        models = [fit.trainee.model.eval() for fit in self.fits]
        model = Ensemble(models).eval() if self.filled.members else models[0]
        known = trial.spread(member.train, REMEMBERED)
        views = self.filled.build_transforms("eval", member.facts)
        batch = self.filled.frame.train.batch
        found = contestant.prepare(model, member.task, member.dataset, known, batch=batch, transforms=views)
        found.floors.update(member.task.fit_floors(member.dataset, known))
        return found

    def scores(self) -> Iterator[Finding]:
        """Score the model beside its floors on the test groups."""
        groups = test_items(self.member.dataset, self.folds[0])
        few = {name: trial.spread(items, TESTED) for name, items in groups.items()}
        result = evaluate.by_group(self.trained, self.member.dataset, few)
        task, about = self.member.task, {"member": "check", "seed": self.member.seed}
        table = evaluate.summarise([{**about, **result}], task.scores, self.filled.frame.protocol, task)
        if not any(_is_number(column["mean"]) for column in table["scores"].values()):
            what = f"none of {', '.join(table['scores'])} has a value on the test groups; test on more items"
            yield failed("scores", what, self._at("task"))
        if not table["floors"]:
            yield failed("scores", "no floor is scored beside the model; let the task fit one", self._at("task"))

    def packs(self) -> Iterator[Finding]:
        """Write the model as a package, read it back, and hold both against each other."""
        member, folder = self.member, self.folder / "package"
        about = {"member": member.name, "seed": member.seed, "fold": self.folds[0].as_dict()}
        package.write(folder, self.filled, self.trained, member.dataset, about=about, items=member.train)
        loaded = package.read(folder).contestant
        items, batch = trial.spread(member.train, TESTED), self.filled.frame.train.batch
        results = [
            infer.outputs(one.model, member.dataset, items, batch=batch, transforms=one.transforms)
            for one in (self.trained, loaded)
        ]
        apart = difference(*results, tolerance=NEAR)
        if apart:
            what = f"the model gives other outputs when it is read back: {apart}"
            yield failed("package", f"{what}; keep all that it needs in parameters and buffers", self._at("encoder"))

    def trains_whole(self) -> Iterator[Finding]:
        """Train from end to end as ``zoo train`` does, each training for one epoch."""
        trainings = len(self.folds) * max(1, len(self.filled.members))
        items = len(self.untouched) * trainings
        if items > MOST:
            what = f"{len(self.untouched)} items and {trainings} trainings are not trained whole here (at most {MOST})"
            yield skipped("train", f"{what}; run zoo train", self._at("data"))
            return
        filled = trial.short(self.filled)
        run = Run.create(filled.frame.name, filled.digest, self.folder / "whole")
        last = None
        for record in experiment.train(run, filled, "cpu"):
            last = record
        if last is None or last.kind != "run":
            yield failed("train", "the run ended without a result; run zoo train", self._at("train"))

    def _at(self, *path: str) -> str:
        return self.filled.recipe.place(path)


def _is_number(value: Any) -> bool:
    with suppress(TypeError):
        return math.isfinite(value)
    return False
