"""Checks of whole recipes: from their text to a model that is read back, each mistake with its place."""

import os
from pathlib import Path

import pytest
from testing_lines import line

from zoo import document, recipe
from zoo.testing import recipes
from zoo.testing.trial import FOLDERS

RECIPES = Path(__file__).parent / "recipes"
WHOLE = ["fill", "data", "split", "builds", "steps", "scores", "package", "train"]
STRANGE = '''
import torch
from torch import nn


class Plain(nn.Module):
    """Linear features, scaled by a number that stands in no buffer."""

    reads = ("image",)

    def __init__(self, *, in_chans: int) -> None:
        super().__init__()
        self.out_features = 4
        self.linear = nn.Linear(in_chans * 4, 4)
        self.scale = torch.zeros(1)

    def forward(self, batch):
        if self.training:
            self.scale = self.scale + 1
        return self.scale * self.linear(batch["image"].flatten(1))


class Deaf(nn.Module):
    """A loss that hears nothing of the outputs."""

    def forward(self, outputs, batch):
        return 0 * outputs["value"].sum()


class Breaking(nn.Module):
    """A loss with a mistake."""

    def forward(self, outputs, batch):
        return outputs["valu"].mean()
'''


def looked(name, *overrides, **more):
    return list(recipes.examine(recipe.load(RECIPES / f"{name}.yaml", list(overrides)), **more))


def last(found):
    """Return the one finding that is no pass, which is the last."""
    assert all(one.verdict == "PASS" for one in found[:-1]), found
    return found[-1]


@pytest.fixture
def strange(tiny, dist):
    """Install three parts that are wrong."""
    points = {
        "encoders": {"plain": "strange:Plain"},
        "losses": {"deaf": "strange:Deaf", "breaking": "strange:Breaking"},
    }
    return dist("strange", files={"strange.py": STRANGE}, points=points)


def test_a_recipe_is_looked_at_from_its_text_to_a_whole_run_and_leaves_nothing_behind(tiny, tmp_path):
    before = {name: os.environ[name] for name in FOLDERS}
    found = list(recipes.examine(tiny))
    assert [(one.check, one.verdict) for one in found] == [(name, "PASS") for name in WHOLE]
    assert {name: os.environ[name] for name in FOLDERS} == before
    assert not list(tmp_path.iterdir())


def test_an_ensemble_and_stages_are_run_as_well(tiny):
    members = "ensemble={members: [{}, {encoder: {width: 4}}]}"
    assert {one.verdict for one in looked("tiny", members)} == {"PASS"}
    assert [(one.check, one.verdict) for one in looked("staged")] == [
        (name, "PASS") for name in ("fill", "data", "split", "train")
    ]


def test_every_mistake_of_a_recipe_is_told_with_its_place(tiny, tmp_path):
    text = tiny.read_text().replace("width: 8", "widht: 8").replace("epochs: 4", "epochs: four")
    (tmp_path / "wrong.yaml").write_text(text)
    found = list(recipes.examine(tmp_path / "wrong.yaml"))
    assert [one.check for one in found] == ["fill", "fill"]
    assert "encoder.widht: unknown key, did you mean width?" in found[0].message
    assert "train.epochs: should be an integer, not 'four'" in found[1].message
    lines = text.splitlines()
    for one, word in zip(found, ("widht", "four"), strict=True):
        file, number, _ = one.place.rsplit(":", 2)
        assert Path(file).name == "wrong.yaml"
        assert word in lines[int(number) - 1]


def test_a_recipe_that_is_not_there_is_told_as_zoo_tells_it():
    (found,) = recipes.examine("no-such-recipe")
    assert found.verdict == "FAIL"
    assert "there is no recipe 'no-such-recipe'" in found.message


@pytest.mark.parametrize(
    ("overrides", "check", "said"),
    [
        (["data.split.test=[g6]", "data.split.val=[g6]"], "split", "plate g6 stands in both val and test"),
        (["data.split.unit=donor"], "split", "data.split.unit 'donor' is not known to these data; they have: plate"),
        (["data={use: tiny-bags}", "data.bags=16"], "builds", "needs image in a batch; the dataset delivers instances"),
        (["loss.break_at=-1000"], "steps", "the loss became nan in epoch 1, batch 1"),
        (["loss.use=deaf"], "steps", "weights are the same after 2 steps; see that the loss depends on the outputs"),
        (["encoder.use=plain"], "package", "the model gives other outputs when it is read back: "),
    ],
)
def test_a_recipe_that_does_not_train_is_told_why_in_one_sentence(strange, overrides, check, said):
    found = last(looked("tiny", *overrides))
    assert (found.check, found.verdict) == (check, "FAIL")
    assert said in found.message
    assert "tiny.yaml" in found.place


def test_a_part_that_raises_in_a_recipe_is_told_with_its_own_line(strange):
    found = last(looked("tiny", "loss.use=breaking"))
    assert (found.check, found.message) == ("steps", "raises KeyError: 'valu'")
    assert line(found) == 'return outputs["valu"].mean()'


def test_data_that_are_not_here_are_named_with_the_setting_that_says_where_they_are(tmp_path):
    source = {
        **document.read(RECIPES.parent.parent / "recipes" / "han-folder.yaml").value,
        "name": "mine",
    }
    (tmp_path / "mine.yaml").write_text(document.dump(source))
    found = last(list(recipes.examine(tmp_path / "mine.yaml")))
    assert (found.check, found.verdict) == ("data", "SKIP")
    assert "needs what is not here: cars/fields.csv: there is no such table" in found.message
    assert found.message.endswith("say where the data are by --set data.root=DIR")


def test_a_large_recipe_is_tried_for_a_few_steps_and_not_trained_whole(tiny):
    found = last(looked("tiny", "data.items=320", steps=1))
    assert (found.check, found.verdict) == ("train", "SKIP")
    assert "320 items and 1 trainings are not trained whole here (at most 256); run zoo train" in found.message
