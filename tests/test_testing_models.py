"""Encoders, heads and losses that break a promise are told which, with the line and the way out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from zoo.contracts import Encoder
from zoo.testing import ContractError, check_encoder, check_head, check_loss
from zoo.testing.findings import Finding, place_of

HERE = Path(__file__)


def lines(check, part, **more):
    """Return what a part is refused with, by check; there is a line a failure."""
    with pytest.raises(ContractError) as raised:
        check(part, **more)
    told = [line.split(": ", 2) for line in str(raised.value).splitlines()]
    return {name: said for _, name, said in told}


def line_of(text):
    """Return where a line of this file is."""
    (number,) = [n for n, line in enumerate(HERE.read_text().splitlines(), 1) if line.strip() == text]
    return f"{HERE.name}:{number})"


class Good(nn.Module):
    """Mean of each channel [B, C, H, W] -> [B, F].

    References
    ----------
    Ours.
    """

    reads = ("image",)

    def __init__(self, *, in_chans: int, width: int = 4) -> None:
        super().__init__()
        self.out_features = width
        self.net = nn.Linear(in_chans, width)

    def forward(self, batch):
        return self.net(batch["image"].mean(dim=(2, 3)))


def test_a_part_that_keeps_its_promises_is_passed_with_what_was_looked_at():
    found = check_encoder(Good, width=3)
    assert {one.check for one in found if one.verdict == "PASS"} >= {
        *("signature", "docstring", "pickle-free", "builds", "reads", "shape", "batch"),
        *("gradient", "determinism", "independence", "safetensors"),
    }
    assert next(one.check for one in found if one.verdict == "SKIP") == "import"


class TooWide(Good):
    """Says another width."""

    def forward(self, batch):
        return super().forward(batch)[:, :3]


class Forgets(Good):
    """Counts batches in a plain attribute."""

    def __init__(self, *, in_chans: int) -> None:
        super().__init__(in_chans=in_chans)
        self.seen = torch.zeros(4)

    def forward(self, batch):
        found = super().forward(batch)
        if self.training:
            self.seen = self.seen + found.mean(dim=0).detach()
        return found + self.seen


class Extra(Good):
    """Keeps what no tensor holds."""

    def get_extra_state(self):
        return {"word": "secret"}

    def set_extra_state(self, state):
        pass


class Listed(Good):
    """Keeps its layers in a plain list."""

    def __init__(self, *, in_chans: int) -> None:
        super().__init__(in_chans=in_chans)
        self.layers = [nn.Linear(4, 4)]

    def forward(self, batch):
        return self.layers[0](super().forward(batch))


class Mixes(Good):
    """Takes away the mean over the batch."""

    def forward(self, batch):
        found = super().forward(batch)
        return found - found.mean(dim=0)


class Spoils(Good):
    """Changes its batch."""

    def forward(self, batch):
        batch["image"].mul_(0.5)
        return super().forward(batch)


class Idle(Good):
    """Has a layer that nothing goes through."""

    def __init__(self, *, in_chans: int) -> None:
        super().__init__(in_chans=in_chans)
        self.unused = nn.Linear(2, 2)


class Draws(Good):
    """Draws from numpy's generator in the constructor."""

    def __init__(self, *, in_chans: int) -> None:
        super().__init__(in_chans=in_chans)
        self.register_buffer("noise", torch.from_numpy(np.random.default_rng().random(4)))


@pytest.mark.parametrize(
    ("part", "check", "said", "at"),
    [
        (TooWide, "shape", "gives [4, 3] for 4 items, and out_features says 4; return [B, out_features], or", None),
        (Forgets, "safetensors", "self.seen is not in its state_dict", "self.seen = torch.zeros(4)"),
        (Extra, "safetensors", "'_extra_state' of its state is no tensor", "def get_extra_state(self):"),
        (Listed, "safetensors", "self.layers is not in its state_dict", "self.layers = [nn.Linear(4, 4)]"),
        (Mixes, "independence", "for 4 items one by one and in one batch, in evaluation mode", None),
        (Spoils, "batch", "changes 'image' of the batch it is given, which others read after it", None),
        (
            Idle,
            "gradient",
            "does not reach 2 of 4 parameters, 'unused.weight' for one",
            "self.unused = nn.Linear(2, 2)",
        ),
        (
            Draws,
            "determinism",
            "'noise' has other values when it is built again from the same seed",
            'self.register_buffer("noise", torch.from_numpy(np.random.default_rng().random(4)))',
        ),
    ],
)
def test_an_encoder_that_breaks_a_promise_is_told_which(part, check, said, at):
    told = lines(check_encoder, part)
    assert list(told) == [check]
    assert said in told[check]
    assert (line_of(at) if at else f"{HERE.name}:") in told[check]


class Elsewhere(Good):
    """Reads what the data do not have."""

    reads = ("volume",)


class Wrapper(nn.Module):
    """Hands on another encoder."""

    reads = ("image",)

    def __init__(self, *, base: Encoder) -> None:
        super().__init__()
        self.base, self.out_features = base, base.out_features

    def forward(self, batch):
        return self.base(batch)


class Bare:
    def __init__(self, *, in_chans: int) -> None:
        pass


class Loose(Good):
    """A parameter that nobody can check."""

    def __init__(self, *, in_chans: int, width=4) -> None:
        super().__init__(in_chans=in_chans, width=width)


class Picky(Good):
    """Needs to be told."""

    def __init__(self, *, in_chans: int, depth: int) -> None:
        super().__init__(in_chans=in_chans, width=depth)


def test_what_no_recipe_suits_is_left_out_with_the_ways_out():
    (last,) = [one for one in check_encoder(Elsewhere) if one.check == "reads"]
    assert last.verdict == "SKIP"
    assert "reads 'volume', which a batch of simulated-shapes does not have; it has image, label" in last.message
    (last,) = [one for one in check_encoder(Picky) if one.check == "builds"]
    assert last.verdict == "SKIP"
    assert "its parameter 'depth' has no default, and no recipe states it; ship a recipe" in last.message
    assert not [one for one in check_encoder(Picky, depth=2) if one.check == "builds" and one.verdict == "SKIP"]


def test_a_part_that_takes_another_is_lent_that_of_the_recipe():
    assert {one.verdict for one in check_encoder(Wrapper) if one.check == "independence"} == {"PASS"}


def test_a_part_without_annotations_or_a_docstring_is_told_where():
    said = lines(check_encoder, Loose)["signature"]
    assert "parameter 'width' has no annotation" in said
    assert line_of("def __init__(self, *, in_chans: int, width=4) -> None:") in said
    assert "has no docstring; say in one sentence" in lines(check_encoder, Bare)["docstring"]


class Sums(nn.Module):
    """Logits, and the sum over all of them."""

    def __init__(self, *, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.net = nn.Linear(in_features, num_classes)

    def forward(self, features, batch):
        found = self.net(features)
        return {"logits": found, "all": found.sum()}


class Peeks(Sums):
    """Needs the label."""

    def forward(self, features, batch):
        return {"logits": self.net(features) + batch["label"][:, None]}


class Lists(Sums):
    """Gives a list."""

    def forward(self, features, batch):
        return [self.net(features)]


class Falls(Sums):
    """Fails in a line of its own."""

    def forward(self, features, batch):
        return {"logits": features @ self.net.weight}


@pytest.mark.parametrize(
    ("part", "check", "said"),
    [
        (Sums, "outputs", "'all' is [] for 4 items; its first dimension is B, or N of bags"),
        (Peeks, "prediction", "reads 'label' of the batch, and what is to be predicted (label) is not known then"),
        (Lists, "outputs", 'gives a list of other things; return named tensors, {"logits": ...}'),
        (Falls, "outputs", "raises RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_a_head_that_breaks_a_promise_is_told_which(part, check, said):
    told = lines(check_head, part)
    assert said in told[check]
    assert f"{HERE.name}:" in told[check]


class Rows(nn.Module):
    """A number an item."""

    def forward(self, outputs, batch):
        return nn.functional.cross_entropy(outputs["logits"], batch["label"], reduction="none")


class Cut(Rows):
    """Learns nothing."""

    def forward(self, outputs, batch):
        return super().forward(outputs, batch).mean().detach()


class Roots(Rows):
    """Not a number for what it may be given."""

    def forward(self, outputs, batch):
        return (outputs["logits"] - outputs["logits"].max()).sqrt().mean()


def test_a_loss_that_breaks_a_promise_is_told_which():
    assert "gives float32 [4]; return one number, such as the mean" in lines(check_loss, Rows)["scalar"]
    assert "reaches none of the outputs (logits), so that nothing is learnt" in lines(check_loss, Cut)["gradient"]
    assert "gives nan for the outputs of an untrained head (logits)" in lines(check_loss, Roots)["scalar"]


PICKLES = """\
import yaml
from numpy import load
from torch import load as fetch, nn


class Pickles(nn.Module):
    '''Reads what may run.'''

    reads = ("image",)

    def __init__(self, *, in_chans: int, file: str = "") -> None:
        super().__init__()
        self.out_features = in_chans
        if file:
            self.load_state_dict(fetch(file))
            self.words = yaml.load(file, Loader=yaml.SafeLoader), yaml.load(file, yaml.Loader)
            self.tables = load(file), load(file, allow_pickle=True), fetch(file, weights_only=True), eval(file)

    def forward(self, batch):
        return batch["image"].mean(dim=(2, 3))
"""


def test_a_part_that_runs_what_it_reads_is_told_every_line(dist):
    dist("lab-pickles", files={"bad_pickles.py": PICKLES}, points={"encoders": {"pickles": "bad_pickles:Pickles"}})
    with pytest.raises(ContractError) as raised:
        check_encoder("pickles")
    licence, *told = sorted(str(raised.value).splitlines())
    assert "lab-pickles states no licence, so that nobody may use it; say license" in licence
    assert [line.split("pickle-free: ")[1].split(";")[0] for line in told] == [
        "eval(file) runs what it was given",
        "fetch(file) may run what the file says",
        "load(file, allow_pickle=True) runs whatever the file says",
        "yaml.load(file, yaml.Loader) builds whatever the file names",
    ]
    assert [line.rpartition("bad_pickles.py:")[2] for line in told] == ["17)", "15)", "17)", "16)"]


def test_terms_that_are_not_well_formed_are_told_where_they_stand(dist):
    text = PICKLES.partition("        if file:")[0] + "\n    terms = {'name': 'weights', 'licence': 'mitt'}\n"
    text += '\n    def forward(self, batch):\n        return batch["image"].mean(dim=(2, 3))\n'
    site = dist("lab-terms", files={"bad_terms.py": text}, points={"encoders": {"terms": "bad_terms:Pickles"}})
    metadata = next(site.glob("*/METADATA"))
    metadata.write_text(metadata.read_text() + "Classifier: License :: OSI Approved :: MIT License\n")
    told = lines(check_encoder, "terms")
    assert list(told) == ["licence"]
    assert "licence 'mitt'" in told["licence"]
    assert told["licence"].endswith("bad_terms.py:15)")


def test_a_place_is_the_line_that_sets_a_value_and_else_where_it_is_declared():
    assert place_of(Forgets, "seen").endswith(line_of("self.seen = torch.zeros(4)")[:-1])
    assert place_of(Elsewhere, "reads").endswith(line_of('reads = ("volume",)')[:-1])
    assert place_of(len) == ""
    assert str(Finding("shape", "FAIL", "is wrong", "x.py:1")) == "shape: is wrong (x.py:1)"
