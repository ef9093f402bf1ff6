"""What a recipe may say of its stages, and every way of saying it wrong, each at its line."""

import re
from pathlib import Path

import pytest
from conftest import TINY
from staged_runs import STAGED

from light import problems
from zoo.errors import MissingError, RecipeError
from zoo.recipe import load, shipped
from zoo.resolve import fill

TEXT = STAGED.read_text()
FIRST = "  - {use: train, name: first, loss: {use: tiny-square}, train: {epochs: 3, batch: 8, lr: 0.01}}"
SECOND = (
    "  - {use: train, name: second, begin: first, loss: {use: tiny-square}, train: {epochs: 2, batch: 8, lr: 0.01}}"
)
TRAIN = "train: {batch: 16, seeds: [0]}"


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.syspath_prepend(str(TINY))


def written(text, path="staged.yaml"):
    Path(path).write_text(text)
    return Path(path)


def filled(text=TEXT, *overrides):
    return fill(load(written(text), list(overrides)))


def test_the_recipe_of_these_tests_is_what_they_take_it_for():
    assert all(TEXT.count(line) == 1 for line in (FIRST, SECOND, TRAIN))
    assert [block["name"] for block in filled().data["stages"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("begin: first", "begin: frist", "10 stages.1.begin: 'frist' is no stage before this one, did you mean first?"),
        ("begin: first", "begin: zz", "10 stages.1.begin: 'zz' is no stage before this one; before it stand first"),
        ("begin: first", "begin: second", "10 stages.1.begin: 'second' is no stage before this one; before it stand"),
        ("name: first,", "name: first, begin: second,", "9 stages.0.begin: 'second' is no stage before this one; bef"),
        ("begin: first", "begin: 5", "10 stages.1.begin: should be a text, not 5; for a text, quote it: '5'"),
        ("name: second", "name: first", "10 stages.1.name: 'first' is the name of an earlier stage; give each one of"),
        ("name: second", "name: Se/cond", "10 stages.1.name: is 1 to 64 of a-z 0-9 . _ - and begins with a letter or"),
        ("name: second", "name: [a]", "10 stages.1.name: is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a di"),
        (
            "name: second",
            "name: 5",
            "10 stages.1.name: is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit",
        ),
        (
            "use: train, name: second",
            "name: second",
            "10 stages.1.use: is missing: name one of the stages (see 'zoo ls",
        ),
        (
            "use: train, name: second",
            "use: 3, name: second",
            "10 stages.1.use: is 3, not a name: name one of the stages",
        ),
        ("name: second,", "name: second, beginn: x,", "10 stages.1.beginn: unknown key, did you mean begin?"),
        ("name: second,", "nmae: second,", "10 stages.1.nmae: unknown key, did you mean name?"),
        ("epochs: 2", "epoch: 2", "10 stages.1.train.epoch: unknown key, did you mean epochs?"),
        ("epochs: 2", "epochs: 0", "10 stages.1.train.epochs: should be greater than or equal to 1, not 0"),
        ("epochs: 2", "seeds: [1]", "10 stages.1.train.seeds: unknown key; known here: accumulate, batch, "),
        ("epochs: 2", "early_stop: {patients: 1}", "10 stages.1.train.early_stop.patients: unknown key, did you mean"),
        (
            "begin: first, loss: {use: tiny-square}",
            "loss: {use: tiny-square, break: 3}",
            "10 stages.1.loss.break: unkn",
        ),
        (
            "begin: first, loss: {use: tiny-square}",
            "begin: first",
            "10 stages.1.loss: is missing, and there is no default",
        ),
        ("begin: first, loss: {use: tiny-square}", "loss: tiny-square", "10 stages.1.loss: takes a block {use: NAME,"),
        (
            "begin: first,",
            "transforms: {use: flip},",
            "10 stages.1.transforms: takes a list of blocks [{use: NAME, ...",
        ),
        ("begin: first,", "encoder: {use: tiny-linear, widht: 3},", "10 stages.1.encoder.widht: unknown key, did you"),
        ("begin: first,", "sampler: {},", "10 stages.1.sampler.use: is missing: name one of the samplers"),
        (
            TRAIN,
            "train: {epochs: 3}",
            "11 train.epochs: belongs to one training; at the top stand batch, precision, se",
        ),
        (
            TRAIN,
            "train: {lr: 3}",
            "11 train.lr: belongs to one training; at the top stand batch, precision, seeds, ten",
        ),
        (TRAIN, "loss: {use: tiny-square}", "11 loss: belongs to one training, and this recipe has stages; say it in"),
        (TRAIN, "sampler: {use: tiny-twice}", "11 sampler: belongs to one training, and this recipe has stages; say"),
        (TRAIN, "ensemble: {members: [{}, {}]}", "11 ensemble: belongs to one training, and this recipe has stages;"),
        (TRAIN, "transforms: {train: [{use: flip}]}", "11 transforms.train: belong to one training, and this recipe"),
        (f"{FIRST}\n{SECOND}", "  {}", "8 stages: should be a list, not {}"),
        (f"{FIRST}\n{SECOND}", "  []", "8 stages: should have at least 1 item, not 0"),
        (f"{FIRST}\n{SECOND}", "  train", "8 stages: should be a list, not 'train'"),
        (f"{FIRST}\n{SECOND}", "  [train]", "9 stages.0: should be a block {key: value, ...}, not 'train'"),
    ],
)
def test_a_mistake_is_told_at_its_line(old, new, message):
    assert TEXT.count(old) == 1, old
    found = [re.sub(r"^bad.yaml:(\d+):\d+ ", r"\1 ", line) for line in problems(TEXT.replace(old, new))]
    assert len(found) == 1, found
    assert found[0].startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "use: train, name: second",
            "use: trian, name: second",
            "stages.1.use: no stage 'trian' is installed, did you",
        ),
        (
            "begin: first, loss: {use: tiny-square}",
            "loss: {use: tiny-squar}",
            "stages.1.loss.use: no loss 'tiny-squar'",
        ),
        ("begin: first,", "transforms: [{use: flop}],", "stages.1.transforms.0.use: no transform 'flop' is installed,"),
    ],
)
def test_what_is_not_installed_is_told_at_its_line(old, new, message):
    with pytest.raises(MissingError, match=rf"staged.yaml:10:\d+ {re.escape(message)}"):
        filled(TEXT.replace(old, new))


def test_a_part_of_a_model_with_a_rate_of_its_own_is_checked_in_a_stage_too():
    (line, *_) = problems(TEXT.replace("epochs: 2", "lr2: 1, epochs: 2"))
    assert "stages.1.train.lr2: unknown key, did you mean lr?" in line


def test_many_mistakes_are_told_in_one_pass_in_the_order_of_the_file():
    text = (
        TEXT.replace("begin: first", "begin: zz").replace("name: first", "name: First").replace(TRAIN, "train: {lr: 1}")
    )
    assert [re.sub(r"^bad.yaml:(\d+):\d+ (\S+): .*", r"\1 \2", line) for line in problems(text)] == [
        "9 stages.0.name",
        "10 stages.1.begin",
        "11 train.lr",
    ]


def test_more_stages_than_anyone_needs_are_refused():
    stages = "\n".join(f"  - {{use: train, name: s{n}, loss: {{use: tiny-square}}}}" for n in range(33))
    (line,) = problems(TEXT.replace(f"{FIRST}\n{SECOND}", stages))
    assert "stages: should have at most 32 items" in line


def test_without_stages_a_loss_is_needed_as_ever():
    text = TEXT.split("stages:")[0]
    (line,) = problems(text)
    assert line.split(" ", 1)[1] == "loss: is missing, and there is no default; give it a value"
    assert filled(f"{text}loss: {{use: tiny-square}}\n").data["stages"] is None


def test_stages_that_are_null_are_none():
    (line,) = problems(TEXT.split("stages:")[0] + "stages: null\n")
    assert "loss: is missing" in line


def test_a_stage_without_a_name_is_called_by_what_it_uses():
    data = filled(TEXT.replace("name: first, ", "").replace("begin: first", "begin: train")).data
    assert [block["name"] for block in data["stages"]] == ["train", "second"]
    (line,) = problems(TEXT.replace("name: first, ", "").replace("name: second, begin: first, ", ""))
    assert "stages.1.name: 'train' is the name of an earlier stage" in line


def test_every_default_of_a_stage_is_written_out():
    block = filled().data["stages"][1]
    assert list(block)[:2] == ["use", "name"]
    assert block["train"]["optimizer"] == "adamw"
    assert block["loss"] == {"use": "tiny-square", "break_at": 1e9}
    assert (block["encoder"], block["transforms"], block["features"]) == (None, [], None)
    assert set(block["train"]) >= {"epochs", "batch", "early_stop"}
    assert "seeds" not in block["train"]


def test_the_top_keeps_only_what_all_stages_share():
    data = filled().data
    assert data["train"] == {"batch": 16, "precision": "auto", "seeds": [0], "tensorboard": False}
    assert (data["loss"], data["sampler"], data["ensemble"]) == (None, None, None)


def test_a_filled_recipe_fills_to_itself_and_has_the_same_digest():
    once = filled()
    written(once.recipe.dump(), "filled.yaml")
    again = fill(load("filled.yaml"))
    assert again.data == once.data
    assert again.digest == once.digest


def test_every_value_has_its_origin():
    origins = {".".join(map(str, path)): origin for path, origin in filled().origins.items()}
    assert origins["stages.1.train.epochs"] == "staged.yaml:10:80"
    assert origins["stages.1.train.optimizer"] == "default of train"
    assert origins["stages.1.loss.break_at"] == "default of tiny-square"


def test_a_value_of_a_stage_is_set_by_its_number():
    data = filled(TEXT, "stages.1.train.epochs=7", "stages.0.loss.break_at=3.5").data
    assert data["stages"][1]["train"]["epochs"] == 7
    assert data["stages"][0]["loss"]["break_at"] == 3.5
    with pytest.raises(RecipeError, match=r"--set stages\.1\.train\.epochs=no .*should be an integer"):
        filled(TEXT, "stages.1.train.epochs=no")


def test_a_recipe_may_extend_one_with_stages():
    written(TEXT, "parent.yaml")
    text = "zoo: 1\nextends: parent.yaml\nname: child\nencoder: {width: 5}\n"
    data = filled(text).data
    assert data["encoder"]["width"] == 5
    assert [block["name"] for block in data["stages"]] == ["first", "second"]
    own = f"{text}stages: [{{use: train, loss: {{use: tiny-square}}}}]\n"
    assert [block["name"] for block in filled(own).data["stages"]] == ["train"]


def test_a_recipe_that_extends_one_of_a_single_training_takes_its_loss_back():
    parent = TEXT.split("stages:")[0] + "loss: {use: tiny-square}\ntrain: {epochs: 2}\n"
    written(parent, "parent.yaml")
    text = "zoo: 1\nextends: parent.yaml\nname: child\nstages: [{use: train, loss: {use: tiny-square}}]\n"
    found = problems(text)
    assert [line.split(" ")[1] for line in found] == ["loss:", "train.epochs:"]


def test_the_digest_leaves_out_what_no_stage_says():
    recipe = filled(TEXT.split("stages:")[0] + "loss: {use: tiny-square}\n")
    before = recipe.digest
    del recipe.data["stages"]
    assert recipe.digest == before, "a recipe of one training has the digest that it had before there were stages"


def test_the_digest_follows_what_a_stage_says():
    assert filled(TEXT, "stages.1.train.epochs=7").digest != filled().digest
    assert filled(TEXT, "name=other").digest == filled().digest


def test_shipped_recipes_with_stages_have_names_and_fill_to_themselves():
    for path in shipped().values():
        data = load(path).data
        if "stages" not in data:
            continue
        once = fill(load(path))
        written(once.recipe.dump(), "whole.yaml")
        assert fill(load("whole.yaml")).digest == once.digest
