"""Recipes with stages, trained in this process: what ran, what was kept, and stages of a stranger's distribution."""

from pathlib import Path

from zoo import experiment
from zoo.folders import cache_home

STAGED = Path(__file__).parent / "recipes" / "staged.yaml"


def train(recipe=STAGED, *overrides, out, first=None, resume=False):
    """Train to the end; return every record."""
    run, filled = experiment.start(recipe, list(overrides), out=Path(out), resume=resume, first=first)
    return list(experiment.train(run, filled, "cpu", first))


def ran(records):
    """Return ``member stage`` of the stages that were run, in order."""
    return [f"{r.member} {r.values['stage']}" for r in records if r.kind == "stage" and not r.values["kept"]]


def kept(records):
    """Return ``member stage`` of those that were taken over."""
    return [f"{r.member} {r.values['stage']}" for r in records if r.kind == "stage" and r.values["kept"]]


def metrics_of(records):
    return records[-1].values


def kept_folder(stage):
    """Return the one folder that holds what a stage made."""
    (found,) = (cache_home() / "stages").glob(f"{stage}-*")
    return found


STAGES_PY = '''
import json
from pathlib import Path

from torch import nn

from zoo.contracts import Encoder, Head, Loss
from zoo.schema import FitSettings
from zoo.stage_contract import Block, Made, Taken


class Look:
    """Write down which items a stage is handed."""

    def __init__(self, *, log: str, ask: str = "train"):
        self.log, self.ask = log, ask

    def run(self, work):
        import numpy as np

        work.folder.mkdir(parents=True, exist_ok=True)
        found = [work.dataset.groups["plate"][item] for side in self.ask.split() for item in work.items(side)]
        with Path(self.log).open("a") as file:
            file.write(json.dumps(sorted(set(found))) + chr(10))
        yield work.progress(1, 1, "looked")
        return Made(arrays={"seen": np.zeros(3)}, summary={"seen": len(found)})


class Once:
    """Something that hangs on neither split nor seed."""

    fitted = False

    def __init__(self, *, log: str, size: int = 1, ask: bool = False):
        self.log, self.ask = log, ask

    def run(self, work):
        if self.ask:
            work.items("train")
        with Path(self.log).open("a") as file:
            file.write("once" + chr(10))
        yield work.progress(1, 1, "once")


class Fail:
    """Raise in the middle."""

    def __init__(self, *, text: str = "no luck"):
        self.text = text

    def run(self, work):
        yield work.progress(1, 2, "half")
        raise ValueError(self.text)


class Signalled:
    """Send this process a signal in the middle, unless a file is there."""

    def __init__(self, *, unless: str):
        self.unless = unless

    def run(self, work):
        import os
        import signal

        yield work.progress(1, 3, "first")
        if not Path(self.unless).exists():
            Path(self.unless).touch()
            os.kill(os.getpid(), signal.SIGTERM)
        yield work.progress(2, 3, "second")


class Empty:
    """Return nothing and yield nothing."""

    def __init__(self):
        pass

    def run(self, work):
        return None
        yield


class Bare(nn.Module):
    """An embedding, and nothing that the task could read."""

    def __init__(self, *, in_features: int):
        super().__init__()
        self.out = nn.Linear(in_features, 4)

    def forward(self, features, batch):
        return {"embedding": self.out(features), "other": features[:, :4]}


class Two:
    """Train twice within one stage."""

    def __init__(self, *, loss: Block[Loss], train: FitSettings = FitSettings(), head: Block[Head] | None = None):
        self.loss, self.train, self.head = loss, train, head

    def run(self, work):
        one = yield from work.fit("one", head=self.head, loss=self.loss, train=self.train)
        two = yield from work.fit("two", head=self.head, loss=self.loss, train=self.train, begin=one)
        scores = work.score(two)
        return Made(model=two, others={"one": one}, summary={"r2": scores["r2"]})
'''
NAMES = {name.lower(): f"strange_stages:{name}" for name in ("Look", "Once", "Fail", "Signalled", "Empty", "Two")}
HEADS = {"bare": "strange_stages:Bare"}


def install(dist):
    """Install stages of a stranger: look, once, fail, signalled, empty and two; and the head ``bare``."""
    dist("strange-stages", files={"strange_stages.py": STAGES_PY}, points={"stages": NAMES, "heads": HEADS})


def with_stages(text, path="strange.yaml"):
    """Write a recipe like the tests' own with other stages before its own, a line of YAML each; return its path."""
    own = STAGED.read_text().replace("stages:\n", f"stages:\n{text}", 1)
    Path(path).write_text(own)
    return Path(path)
