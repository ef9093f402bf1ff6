"""Whether a task keeps what :class:`zoo.contracts.Task` promises, over an untrained model of its recipe."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np

from zoo import checkpoint, infer
from zoo.contracts import HubTask
from zoo.explain import explainer
from zoo.figures import parts
from zoo.model import Model
from zoo.scores import pooling
from zoo.testing import reports, trial
from zoo.testing.findings import Finding, failed, place_of, skipped, warned
from zoo.testing.values import Look, difference, looked_at

if TYPE_CHECKING:
    from zoo.contracts import Arrays, Dataset, Indices
    from zoo.testing.subject import Subject

    Scores = Mapping[str, float]

SOME, MOST_WRITTEN = 24, 400
"""Items of a side that are scored, and items of all data up to which predictions of them are written."""
NEAR = 1e-6
FACTS = {"recipe": "check", "recipe_digest": "", "member": "check", "protocol": "strict"}
ALWAYS = ("scores", "predict", "stored", "score", "order", "direction", "floors", "write", "hub")


def examine(subject: Subject) -> Iterator[Finding]:
    """Look at a task: what it predicts, how it scores that, what its floors do, and what it writes."""
    yield from looked_at(subject, _Checks, runs)


def runs(subject: Subject) -> None:
    """Predict two items and score them; raises what the task raises in a recipe that it is not made for."""
    checks = _Checks(subject)
    items = checks.side("train")[:2]
    checks.task.score(checks.predicted(items), checks.task.truth(checks.data, items))


class _Checks:
    """A task, a model whose outputs it understands, and a few items to score."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.task: Any = subject.make()
        self.target = type(self.task)

    def looks(self) -> list[tuple[str, Look]]:
        """Give the looks at it; those at methods that may be left out where it has them."""
        maybe = [name for name in ("calibrate", "brief", "resampled", "report") if hasattr(self.task, name)]
        return [(name, getattr(self, name)) for name in (*ALWAYS, *maybe)]

    @cached_property
    def data(self) -> Dataset:
        """The data of the recipe."""
        found: Dataset = self.subject.dataset
        return found

    @cached_property
    def model(self) -> Model:
        """Encoder and head of the recipe, with their first weights."""
        return Model(self.subject.encoder, self.subject.head).eval()

    def side(self, name: str) -> Indices:
        """Return some items of a side, spread over it."""
        items = np.asarray(self.subject.items(name), dtype=np.int64)
        return trial.spread(items, SOME)

    def outputs(self, items: Indices) -> Arrays:
        """Return the outputs of the model for items; read one by one, so that their order cannot change a digit."""
        views = self.subject.filled.build_transforms("eval", self.subject.facts)
        return infer.outputs(self.model, self.data, items, batch=1, transforms=views)

    @cached_property
    def bank(self) -> Arrays:
        """What prediction remembers of training items."""
        if not self.task.needs_bank:
            return {}
        found: Arrays = self.task.bank(self.outputs(self.side("train")), self.data, self.side("train"))
        return found

    def predicted(self, items: Indices) -> Arrays:
        """Return what is predicted for items."""
        found: Arrays = self.task.predict(self.outputs(items), self.bank)
        return found

    @cached_property
    def tested(self) -> tuple[Arrays, Arrays]:
        """What is predicted for test items, and what was measured."""
        return self.predicted(self.side("test")), self.task.truth(self.data, self.side("test"))

    def values(self, predicted: Arrays, truth: Arrays) -> dict[str, float]:
        """Return the scores alone."""
        found: dict[str, float] = self.task.score(predicted, truth)[0]
        return found

    def scores(self) -> Iterator[Finding]:
        """Look whether it names its scores, and says of each whether higher is better."""
        told = self.task.scores
        wrong = [name for name, up in told.items() if not isinstance(name, str) or not isinstance(up, bool)]
        if not told or wrong:
            what = f"scores is {dict(told)}; name each score, the main one first, with True where higher is better"
            yield self.failed("scores", what, "scores")

    def predict(self) -> Iterator[Finding]:
        """Look whether predictions are arrays of finite numbers."""
        found = self.predicted(self.side("test"))
        if not found:
            yield self.failed("predict", "predicts nothing; return {name: array}", "predict")
        for name, values in found.items():
            if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub" or not values.ndim:
                what = f"'{name}' is {_shown(values)}; return an array with a row for each item"
                yield self.failed("predict", what, "predict")
            elif not np.isfinite(values).all():
                count = int((~np.isfinite(values)).sum())
                what = f"{count} values of '{name}' are no finite numbers; a run is refused for them"
                yield self.failed("predict", f"{what}, so bound what divides", "predict")

    def stored(self) -> Iterator[Finding]:
        """Look whether bank and floors can be kept with a model."""
        floors = self.task.fit_floors(self.data, self.side("train"))
        kept = [
            ("bank", self.bank, "bank"),
            *((f"floor {name}", state, "fit_floors") for name, state in floors.items()),
        ]
        with tempfile.TemporaryDirectory() as folder:
            for number, (what, arrays, method) in enumerate(kept):
                strange = [n for n, v in arrays.items() if not isinstance(v, np.ndarray) or v.dtype.kind not in "fiub"]
                if strange:
                    said = f"'{strange[0]}' of the {what} is {_shown(arrays[strange[0]])}"
                    yield self.failed("stored", f"{said}; a model keeps arrays of numbers, so return one", method)
                    continue
                path = Path(folder) / f"{number}.safetensors"
                checkpoint.write_arrays(path, arrays)
                apart = difference(dict(arrays), checkpoint.read_arrays(path))
                if apart:
                    yield self.failed("stored", f"the {what} is another when it is read back: {apart}", method)

    def score(self) -> Iterator[Finding]:
        """Look whether it gives the scores it names, as numbers, and counts beside them."""
        found, counts = self.task.score(*self.tested)
        yield from self._named("score", found, "the model")
        for name, value in counts.items():
            if not isinstance(value, int | float) or isinstance(value, bool):
                yield self.failed("score", f"count '{name}' is {_shown(value)}; return a number", "score")

    def _named(self, check: str, found: Scores, who: str) -> Iterator[Finding]:
        told = list(self.task.scores)
        if set(found) != set(told):
            what = f"gives {', '.join(sorted(found))} for {who}, and scores names {', '.join(sorted(told))}"
            yield self.failed(check, f"{what}; give exactly those", "score")
        for name, value in found.items():
            if not isinstance(value, int | float) or np.isinf(value):
                what = f"{name} of {who} is {value!r}; return a finite number, or NaN where there is none"
                yield self.failed(check, what, "score")

    def order(self) -> Iterator[Finding]:
        """Score the items the other way round."""
        turned = self.side("test")[::-1].copy()
        once = self.values(*self.tested)
        then = self.values(self.predicted(turned), self.task.truth(self.data, turned))
        for name in sorted(set(once) & set(then)):
            if not np.isclose(once[name], then[name], rtol=NEAR, atol=NEAR, equal_nan=True):
                what = f"{name} is {once[name]:.4g}, and {then[name]:.4g} for the same items the other way round"
                yield self.failed("order", f"{what}; a score does not hang on the order of items", "score")

    def direction(self) -> Iterator[Finding]:
        """Score a perfect prediction, where one can be made of the truth: it is no worse than an untrained model."""
        perfect = _perfect(*self.tested)
        if perfect is None:
            yield skipped("direction", "no perfect prediction can be made of truth, whose names and shapes are others")
            return
        model, best = self.values(*self.tested), self.values(perfect, self.tested[1])
        for name, up in self.task.scores.items():
            worse = (model[name] - best[name]) * (1 if up else -1)
            if worse > NEAR:
                side = "higher" if up else "lower"
                what = f"{name} is {best[name]:.4g} where all is predicted as it was measured"
                said = f"{what}, and {model[name]:.4g} for an untrained model, though {side} is said to be better"
                yield self.failed("direction", f"{said}; correct scores, or the score", "scores")

    def floors(self) -> Iterator[Finding]:
        """Fit the trivial rivals, and score them like the model."""
        items, (predicted, truth) = self.side("test"), self.tested
        floors = self.task.fit_floors(self.data, self.side("train"))
        if not floors:
            what = (
                "has no floor; every score stands beside that of a trivial rival, so fit one (the mean, the majority)"
            )
            yield self.failed("floors", what, "fit_floors")
        for name, state in floors.items():
            said = self.task.predict_floor(name, state, self.data, items)
            shapes = {key: (value.shape, predicted[key].shape) for key, value in said.items() if key in predicted}
            wrong = [key for key, (own, model) in shapes.items() if own != model]
            if not shapes or wrong:
                told = f"'{wrong[0]}' {list(shapes[wrong[0]][0])}" if wrong else ", ".join(said) or "nothing"
                model = f"{list(shapes[wrong[0]][1])}" if wrong else ", ".join(predicted)
                what = f"floor '{name}' predicts {told}, and the model {model}"
                yield self.failed("floors", f"{what}; predict the same", "predict_floor")
                continue
            yield from self._named("floors", self.values(said, truth), f"floor '{name}'")

    def calibrate(self) -> Iterator[Finding]:
        """Fit to items what outputs are to be predicted with from then on."""
        items = self.side("train")
        fitted = self.task.calibrate(self.outputs(items), self.data, items)
        found = self.task.predict(self.outputs(self.side("test")), {**self.bank, **fitted})
        if set(found) != set(self.tested[0]):
            what = f"calibrated it predicts {', '.join(sorted(found))}, and before {', '.join(sorted(self.tested[0]))}"
            yield self.failed("calibrate", f"{what}; predict the same", "predict")

    def brief(self) -> Iterator[Finding]:
        """Look whether what is kept of a test group is scored as all of it."""
        predicted, truth = self.tested
        said, known = self.task.brief(predicted, truth)
        once = self.values(predicted, truth)
        kept = (pooling.arrays(pooling.plain(said)), pooling.arrays(pooling.plain(known)))
        for how, values in (("what brief keeps", self.values(said, known)), ("that, as JSON", self.values(*kept))):
            apart = _apart(once, values)
            if apart:
                yield self.failed("brief", f"{how} is scored otherwise: {apart}; keep what score needs", "brief")
                return
        other = {name: value[::-1].copy() for name, value in predicted.items()}
        if difference(known, self.task.brief(other, truth)[1]):
            what = "the truth that it returns hangs on what was predicted; rivals are held against one truth"
            yield self.failed("brief", what, "brief")

    def resampled(self) -> Iterator[Finding]:
        """Weigh every item by one: the scores are those of all items."""
        predicted, truth = self.tested
        brief = getattr(self.task, "brief", None)
        said, known = brief(predicted, truth) if brief else (predicted, truth)
        count, rows = len(self.side("test")), len(next(iter(known.values())))
        if rows != count:
            what = f"the first of what truth returns has {rows} rows for {count} items"
            yield self.failed("resampled", f"{what}; let that have one an item, for items are counted by it", "truth")
            return
        found = self.task.resampled(said, known, np.ones((2, count), dtype=np.int64))
        shaped = {name: np.broadcast_to(found[name], (2,)) for name in self.task.scores if name in found}
        apart = _apart(self.values(said, known), {name: float(values[1]) for name, values in shaped.items()})
        if apart:
            what = f"every item weighed by 1 gives other scores: {apart}"
            yield self.failed("resampled", f"{what}; return each score for each weighting [R]", "resampled")

    def write(self) -> Iterator[Finding]:
        """Write predictions to a file of the ending that it names."""
        ending = (getattr(self.task, "hub", None) or {}).get("writes")
        if ending is None or len(self.data) > MOST_WRITTEN:
            what = f"predictions of {len(self.data)} items are not written here, at most {MOST_WRITTEN} are"
            way = "give a smaller recipe by recipe=PATH"
            none = "nothing was written: hub['writes'] names no ending of a file; name one"
            yield skipped("write", none if ending is None else f"{what}; {way}")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("predictions" if ending == "/" else f"predictions.{ending}")
            self.task.write(self.predicted(np.arange(len(self.data))), self.data, path, FACTS)
            there = any(path.iterdir()) if ending == "/" and path.is_dir() else path.is_file() and ending != "/"
            if not there:
                have = ", ".join(sorted(one.name for one in Path(folder).iterdir())) or "nothing"
                what = f"was asked for {path.name}, and wrote {have}; write to the path, or correct hub['writes']"
                yield self.failed("write", what, "write")

    def report(self) -> Iterator[Finding]:
        """Let it show what was predicted: with the model at hand, and where scores are pooled without it."""
        (predicted, truth), items = self.tested, self.side("test")
        views = self.subject.filled.build_transforms("eval", self.subject.facts)
        explain = explainer(self.model, self.data, views, 1)
        look = parts.Look(explain, self.outputs, self.side("train"), self.bank)
        everyone = self.data.groups[self.subject.fold.unit]
        shared = {"dataset": self.data, "items": items, "groups": [everyone[item] for item in items]}
        for what in reports.wrong(lambda: self.task.report(predicted, truth, **shared, look=look)):
            yield self.failed("report", what, "report")
        if not getattr(self.task, "pooled", False):
            return
        kept = self.task.brief(predicted, truth) if hasattr(self.task, "brief") else (predicted, truth)
        told = [pooling.arrays(pooling.plain(arrays)) for arrays in kept]
        # what follows from these alone is as a rule among what was drawn above
        for what in reports.wrong(lambda: self.task.report(*told, **shared, look=None), draw=False):
            yield self.failed("report", f"asked for all folds, without a model: {what}", "report")

    def hub(self) -> Iterator[Finding]:
        """Look whether a card can say what it does."""
        told = getattr(self.task, "hub", None)
        if told is None:
            what = "has no hub, so that a card does not say what its scores are; add task_type, scores and writes"
            yield warned("hub", what, place_of(self.target))
            return
        unknown = sorted(set(told) - set(get_type_hints(HubTask)))
        strange = [name for key in ("scores", "metrics") for name in told.get(key, {}) if name not in self.task.scores]
        if unknown:
            known = ", ".join(get_type_hints(HubTask))
            yield self.failed("hub", f"has the key '{unknown[0]}'; a card knows {known}", "hub")
        if strange:
            what = f"tells of score '{strange[0]}', and scores names {', '.join(self.task.scores)}; correct one"
            yield self.failed("hub", what, "hub")

    def failed(self, check: str, message: str, name: str) -> Finding:
        """Return a broken promise, with the line that has to do with it."""
        return failed(check, message, place_of(self.target, name) or place_of(self.subject.target))


def _perfect(predicted: Arrays, truth: Arrays) -> Arrays | None:
    """Return the predictions with what was measured in their places, None where there is nothing of the kind."""
    same = {name: truth[name] for name in truth if name in predicted and truth[name].shape == predicted[name].shape}
    probability, label = predicted.get("probability"), truth.get("label")
    if probability is not None and label is not None and label.ndim == 1 and len(label) == len(probability):
        known = (label >= 0)[:, None]
        same["probability"] = np.where(known, np.eye(probability.shape[1])[label], probability)
    return {**predicted, **same} if same else None


def _apart(one: Scores, other: Scores) -> str:
    """Return which score differs, or is not there, and how."""
    for name, value in one.items():
        if name not in other or not np.isclose(value, other[name], rtol=NEAR, atol=NEAR, equal_nan=True):
            return f"{name} is {value:.4g}, and then {f'{other[name]:.4g}' if name in other else 'not there'}"
    return ""


def _shown(value: Any) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
