"""A model folder is written whole and read back strictly: no code, no other file, no weight that does not fit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from zoo import config, contestant, experiment, package, recipe, resolve, vectors
from zoo.errors import IntegrityError, MissingError, RecipeError, RunError
from zoo.model import Model
from zoo.splits import make

WEIGHTS = "model.safetensors"
ITEMS = np.arange(8)
ODD = """\
import torch
from torch import nn


class Odd(nn.Module):
    reads = ("image",)
    out_features = 8

    def __init__(self, *, in_chans: int) -> None:
        super().__init__()
        self.one = nn.Linear(in_chans * 4, 8)
        {init}

    def forward(self, batch):
        x = self.one(batch["image"].flatten(1))
        return {forward}
"""


@pytest.fixture
def folder(tiny_run):
    """Return the model folder of a trained run."""
    return tiny_run / "model" / "holdout-seed0"


@pytest.fixture
def written(tiny, dist, request):
    """Write an untrained model with an encoder of one's own: ``written(init, forward) -> (model, folder)``."""

    def make_and_write(init="pass", forward="x"):
        module = f"odd_{abs(hash(request.node.nodeid))}"
        dist(
            "odd-lab",
            files={f"{module}.py": ODD.format(init=init, forward=forward)},
            points={"encoders": {"odd": f"{module}:Odd"}},
        )
        text = tiny.read_text().replace("{use: tiny-linear, width: 8, dropout: 0.1}", "{use: odd}")
        return write(resolve.fill(recipe.parse(text, "odd.yaml")), Path("model"))

    return make_and_write


def write(filled, folder):
    """Write the untrained model of a recipe and return it with its folder."""
    dataset = filled.build("data", {})
    (fold,) = make(filled.split, dataset.groups)
    experiment.fit_dataset(filled, dataset, fold)
    encoder = filled.build("encoder", dataset.facts)
    head = filled.build("head", {**dataset.facts, "in_features": encoder.out_features})
    made = contestant.prepare(Model(encoder, head).eval(), filled.build("task", {}), dataset, ITEMS, batch=8)
    about = {"member": "holdout-seed0", "seed": 0, "fold": fold.as_dict()}
    package.write(folder, filled, made, dataset, about=about, items=ITEMS)
    return made.model, folder


def proven(folder):
    """Read a model and return it once its test vectors have passed."""
    loaded = package.read(folder)
    stored = load_file(folder / package.VECTORS)
    vectors.deviation(loaded.contestant, stored, loaded.config.test, str(folder))
    return loaded


def same(one, other):
    states = one.state_dict(), other.state_dict()
    assert list(states[0]) == list(states[1])
    for name, value in states[0].items():
        assert value.dtype == states[1][name].dtype
        assert torch.equal(value, states[1][name]), name


def change(folder, **facts):
    """Write other values into ``config.json``."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def refused(folder, kind=IntegrityError, *, overrides=None):
    with pytest.raises(kind) as raised:
        package.read(folder, overrides)
    assert raised.value.exit_code == {IntegrityError: 5, MissingError: 3, RecipeError: 2}[kind]
    assert "\n" not in str(raised.value)
    return str(raised.value)


# --- writing and reading -------------------------------------------------------------------------------------------


def test_a_model_folder_holds_no_code_and_nothing_that_could_become_code(folder):
    names = {"config.json", "floors.safetensors", "model.safetensors", "recipe.yaml", "test_vectors.safetensors"}
    assert {path.name for path in folder.iterdir()} == names


def test_a_config_says_what_the_model_is_made_of_and_what_goes_in_and_comes_out(folder):
    found = config.read(folder)
    assert (found.format, found.member, found.seed, found.fold.test) == (2, "holdout-seed0", 0, ("g6", "g7"))
    assert {(part.kind, part.name, part.distribution) for part in found.components} == {
        ("datasets", "tiny-groups", "zoo-tiny"),
        ("encoders", "tiny-linear", "zoo-tiny"),
        ("heads", "tiny-scalar", "zoo-tiny"),
        ("losses", "tiny-square", "zoo-tiny"),
        ("tasks", "tiny-regress", "zoo-tiny"),
        ("transforms", "flip", "microscopy-zoo"),
    }
    assert found.requires == {"microscopy-zoo": ">=0.1.0,<0.2", "zoo-tiny": ">=1.0,<2"}
    assert set(found.made_with) == {"microscopy-zoo", "zoo-tiny", "torch", "python"}
    assert found.parameters == 12 * 8 + 8 + 8 + 1
    assert (sorted(found.reads), sorted(found.gives)) == (
        ["image", "target"],
        ["embedding", "other", "prediction/value", "value"],
    )
    assert found.inputs == {"input": "images as a .npy file"}
    assert found.provenance["data"][0]["licence"] == "cc0-1.0"
    assert found.task["task_type"] == "image-regression"
    assert found.shared == {}


def test_a_model_comes_back_with_its_weights_floors_and_what_its_data_were_fitted_to(folder):
    loaded = package.read(folder)
    assert not loaded.contestant.model.training
    state = loaded.contestant.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in load_file(folder / WEIGHTS).items())
    assert loaded.dataset.shift == config.read(folder).fitted["shift"] != 0
    assert (
        loaded.contestant.floors["mean"]["mean"].tolist()
        == load_file(folder / "floors.safetensors")["mean/mean"].tolist()
    )
    assert loaded.config.digest == loaded.filled.digest


def test_a_model_that_was_read_and_written_again_is_the_same_to_the_byte(folder):
    loaded = package.read(folder)
    about = {key: loaded.config.model_dump()[key] for key in ("member", "seed", "fold")}
    items = loaded.dataset.groups["plate"]
    train = np.array([i for i, group in enumerate(items) if group in loaded.config.fold.train])
    package.write(Path("again"), loaded.filled, loaded.contestant, loaded.dataset, about=about, items=train)
    for path in folder.iterdir():
        assert (Path("again") / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_recipe_is_pointed_at_other_data_by_an_option(folder):
    loaded = package.read(folder, ["data.items=16"])
    assert (len(loaded.dataset), loaded.filled.recipe.overrides) == (16, ["data.items=16"])
    assert loaded.dataset.shift == config.read(folder).fitted["shift"]


def test_a_folder_has_a_config_only_once_everything_else_is_there(written, monkeypatch):
    def full(path, tensors, metadata=None):
        raise RunError(f"{path}: the disk is full")

    monkeypatch.setattr("zoo.atomic.write_tensors", full)
    with pytest.raises(RunError, match="the disk is full"):
        written()
    assert "holds no finished model; train it, or go on with --resume" in refused(Path("model"), MissingError)


def test_what_prediction_remembers_of_the_training_items_comes_back(tiny, dist):
    code = (
        "from zoo_tiny import TinyRegress\n\n\n"
        "class Nearest(TinyRegress):\n    needs_bank = True\n\n"
        "    def bank(self, outputs, dataset, items):\n        return {'known': outputs['embedding']}\n\n"
        "    def predict(self, outputs, bank):\n        return {'value': outputs['value'] + bank['known'].sum()}\n"
    )
    dist("bank-lab", files={"bank_lab_task.py": code}, points={"tasks": {"nearest": "bank_lab_task:Nearest"}})
    _, folder = write(
        resolve.fill(recipe.parse(tiny.read_text().replace("tiny-regress", "nearest"), "x")), Path("model")
    )
    assert proven(folder).contestant.bank["known"].shape == (8, 8)
    (folder / "bank.safetensors").unlink()
    with pytest.raises(IntegrityError, match=r"cannot be run on its test vectors \(KeyError: 'known'\)"):
        proven(folder)


# --- models of every make ------------------------------------------------------------------------------------------


def test_weights_that_are_one_are_stored_once_and_come_back_with_one_value(written):
    model, folder = written(
        "self.two = nn.Linear(12, 8)\n        self.two.weight = self.one.weight", "x + self.two.bias"
    )
    assert model.encoder.two.weight is model.encoder.one.weight
    assert config.read(folder).shared == {"encoder.two.weight": "encoder.one.weight"}
    assert config.read(folder).parameters == 12 * 8 + 8 + 8 + 8 + 1
    assert "encoder.two.weight" not in load_file(folder / WEIGHTS)
    same(model, proven(folder).contestant.model)


VIEWS = {
    "a part": "self.register_buffer('some', self.one.weight.detach()[:4])",
    "turned": "self.register_buffer('a', self.one.weight.detach()[:, :8]); self.register_buffer('b', self.a.T)",
}


@pytest.mark.parametrize("case", VIEWS)
def test_another_view_of_a_weight_is_a_weight_of_its_own(case, written):
    model, folder = written(VIEWS[case])
    assert config.read(folder).shared == {}
    same(model, proven(folder).contestant.model)


def test_weights_without_values_are_not_taken_for_one(written):
    init = "self.a = nn.Parameter(torch.zeros(0))\n        self.b = nn.Parameter(torch.zeros(0))"
    model, folder = written(init)
    assert config.read(folder).shared == {}
    same(model, proven(folder).contestant.model)


BUFFERS = {
    "kept": "self.register_buffer('seen', torch.tensor([3]))",
    "kept and made of a weight": "self.register_buffer('seen', self.one.weight.detach() * 2)",
    "not kept": "self.register_buffer('seen', torch.tensor([3.0]), persistent=False)",
    "not kept and like a weight": "self.register_buffer('seen', torch.ones_like(self.one.bias), persistent=False)",
}


@pytest.mark.parametrize("case", BUFFERS)
def test_buffers_come_back(case, written):
    model, folder = written(BUFFERS[case], "x * self.seen.mean(dtype=torch.float32)")
    loaded = proven(folder)
    same(model, loaded.contestant.model)
    assert torch.equal(loaded.contestant.model.encoder.seen, model.encoder.seen)


LOOKS = {
    "asks for a number": "self.scale = 2.0 if float(self.one.weight.detach().abs().sum()) > 0 else 1.0",
    "decides by one": "self.scale = 2.0 if (self.one.weight != 0).any() else 1.0",
    "makes an array of it": "self.scale = 2.0 if self.one.weight.detach().numpy().std() > 0 else 1.0",
    "lists it": "self.scale = 2.0 if self.one.bias.tolist() else 1.0",
}


@pytest.mark.parametrize("case", LOOKS)
def test_a_part_that_looks_at_its_own_weights_while_it_is_built_can_be_loaded(case, written):
    model, folder = written(LOOKS[case], "x * self.scale")
    loaded = proven(folder)
    assert loaded.contestant.model.encoder.scale == model.encoder.scale == 2.0
    same(model, loaded.contestant.model)


def test_what_a_part_refuses_when_it_is_loaded_is_told_as_when_it_is_trained(written, monkeypatch):
    _, folder = written("import os\n        if 'ODD_BROKEN' in os.environ:\n            raise ValueError('not today')")
    monkeypatch.setenv("ODD_BROKEN", "1")
    assert refused(folder, RecipeError).endswith("encoder: odd: not today")


def test_weights_have_no_values_before_the_stored_ones_come(written, monkeypatch):
    _, folder = written("import os\n        self.lazy = not os.environ.get('ODD_LAZY') or self.one.weight.is_meta")
    monkeypatch.setenv("ODD_LAZY", "1")
    encoder = package.read(folder).contestant.model.encoder
    assert encoder.lazy
    assert not encoder.one.weight.is_meta


# --- what does not fit ---------------------------------------------------------------------------------------------


def lose(stored):
    del stored["head.out.bias"]


def add(stored):
    stored["head.more"] = torch.zeros(1)


def widen(stored):
    stored["head.out.weight"] = torch.zeros(1, 9)


def halve(stored):
    stored["head.out.weight"] = stored["head.out.weight"].half()


def count(stored):
    stored["head.out.weight"] = stored["head.out.weight"].long()


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lose, 'Missing key(s) in state_dict: "head.out.bias".'),
        (add, 'Unexpected key(s) in state_dict: "head.more".'),
        (widen, "size mismatch for head.out.weight: copying a param with shape torch.Size([1, 9])"),
        (halve, "'head.out.weight' is torch.float16, the recipe's model has torch.float32"),
        (count, "'head.out.weight' is torch.int64, the recipe's model has torch.float32"),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_the_first_that_does_not(work, why, folder):
    stored = load_file(folder / WEIGHTS)
    work(stored)
    save_file(stored, folder / WEIGHTS)
    sentence = refused(folder)
    assert sentence.startswith(f"{folder / WEIGHTS}: the weights do not fit the recipe's model (")
    assert why in sentence


@pytest.mark.parametrize(
    ("shared", "why"),
    [
        ({"head.more": "head.out.bias"}, 'Unexpected key(s) in state_dict: "head.more".'),
        ({"head.out.weight": "head.out.bias"}, "size mismatch for head.out.weight"),
    ],
)
def test_weights_that_are_said_to_be_one_have_to_fit_too(shared, why, folder):
    change(folder, shared=shared)
    assert why in refused(folder)


def test_a_weight_that_is_said_to_be_one_that_is_not_stored_is_missing(folder):
    stored = load_file(folder / WEIGHTS)
    lose(stored)
    save_file(stored, folder / WEIGHTS)
    change(folder, shared={"head.out.bias": "head.gone"})
    assert 'Missing key(s) in state_dict: "head.out.bias".' in refused(folder)


@pytest.mark.parametrize("name", [WEIGHTS, "floors.safetensors"])
@pytest.mark.parametrize("damage", ["cut short", "no safetensors", "empty", "a header without end", "a deep header"])
def test_a_file_of_tensors_that_is_damaged_is_refused(damage, name, folder):
    path = folder / name
    content = path.read_bytes()
    if damage == "a deep header":
        save_file(load_file(path), path, metadata={"zoo": "[" * 100_000})
    else:
        other = {"cut short": content[:-1], "no safetensors": b"PK" * 50, "empty": b""}
        path.write_bytes(other.get(damage, (2**40).to_bytes(8, "little") + content[8:]))
    sentence = refused(folder)
    assert sentence.startswith(f"{path}: cannot be read as safetensors (")
    assert sentence.endswith("; remove it or restore a copy")


def test_numbers_of_a_kind_that_arrays_do_not_have_are_refused(folder):
    save_file({"mean/mean": torch.zeros(1, dtype=torch.bfloat16)}, folder / "floors.safetensors")
    assert "floors.safetensors: holds numbers of a kind that arrays do not have (" in refused(folder)


def test_a_file_that_is_not_there_is_told(folder):
    (folder / WEIGHTS).unlink()
    assert refused(folder).startswith(f"{folder / WEIGHTS}: cannot be read as safetensors (")
    (folder / "recipe.yaml").unlink()
    assert refused(folder, MissingError).startswith(f"{folder / 'recipe.yaml'}: cannot be read (No such file")


def test_what_was_fitted_has_to_suit_the_data(folder):
    change(folder, fitted={"more": 1})
    what = "what was fitted does not fit the recipe's data (KeyError: 'shift')"
    assert refused(folder) == f"{folder}/config.json: {what}; restore a copy"


# --- what is refused before anything is built ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            "extends: ../../recipe.yaml",
            "extends: the recipe of a model is whole and reads no other file; do not use it",
        ),
        ("extends: /etc/passwd", "extends: the recipe of a model is whole and reads no other file; do not use it"),
        (
            "more: !!python/object/apply:os.system ['true']",
            "tag 'tag:yaml.org,2002:python/object/apply:os.system' is re",
        ),
        ("_target_: os.system", "_target_: unknown key"),
    ],
)
def test_a_recipe_of_a_model_that_reaches_out_is_refused(line, why, folder):
    path = folder / "recipe.yaml"
    path.write_text(path.read_text() + line + "\n")
    sentence = refused(folder, RecipeError)
    assert sentence.startswith(str(path))
    assert why in sentence


def test_a_plugin_that_is_not_installed_is_told_before_the_recipe_is_read(folder):
    change(folder, requires={"no-such-lab": ">=1"})
    (folder / "recipe.yaml").unlink()
    assert refused(folder, MissingError) == (
        f"{folder}: needs no-such-lab >=1 (is not installed); "
        "after a look at who makes it, install it with: pip install -U 'no-such-lab>=1'"
    )


def test_a_component_that_is_not_installed_is_told_at_its_line(folder):
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace("tiny-scalar", "huge-scalar"))
    assert "head.use: no head 'huge-scalar' is installed, did you mean tiny-scalar?" in refused(folder, MissingError)


def test_a_model_of_a_newer_format_is_answered_with_the_command_that_upgrades(folder):
    change(folder, format=99)
    assert refused(folder, MissingError).endswith("upgrade with: pip install -U microscopy-zoo")


def test_an_option_that_leads_nowhere_is_told(folder):
    sentence = refused(folder, RecipeError, overrides=["data.nonsense=1"])
    assert sentence == "--set data.nonsense=1 data.nonsense: unknown key; known here: items, log, seed, split, use"


def test_a_copy_of_a_model_folder_is_a_model_folder(folder):
    shutil.copytree(folder, "elsewhere/model")
    shutil.rmtree(folder)
    assert proven(Path("elsewhere/model")).config.member == "holdout-seed0"
