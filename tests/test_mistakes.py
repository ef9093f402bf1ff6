"""Every mistake in a recipe is told in one pass, each with its place, the value, and what would be right."""

import json
import re

import pytest

from light import LIGHT, LIGHT_PLUGIN, problems, written
from zoo.registry import Registry


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))


WRONG = """\
zoo: 1
nmae: light
name: Light!
protocol: lenient
data: {use: light-data, doners: 3, genes: {tpo: 20, window: {sise: 3}, more: [{stop: 1}]}, split: {unti: donor, val: 2}}
encoder: {use: light-net, width: 0, bias: no, base: {use: light-pair, one: {use: light-net, widht: 3}}, levels: [{}, 5]}
head: 5
loss: {use: light-loss, temperature: 1}
task: {use: light-task, k: "5"}
transforms: {trian: [], train: [{use: light-shift, yb: 1}, flip]}
train: {epoch: 2, batch: 0, lr: {heads: 1e-3}, optimizer: sgd, early_stop: {patients: 1}, seeds: [-1], clip: .inf}
"""
EXPECTED = [
    "bad.yaml:2:1 nmae: unknown key, did you mean name?",
    "bad.yaml:3:1 name: is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not 'Light!'",
    "bad.yaml:4:1 protocol: should be 'strict' or 'published', not 'lenient'",
    "bad.yaml:5:25 data.doners: unknown key, did you mean donors?",
    "bad.yaml:5:44 data.genes.tpo: unknown key, did you mean top?",
    "bad.yaml:5:62 data.genes.window.sise: unknown key, did you mean size?",
    "bad.yaml:5:80 data.genes.more.0.stop: unknown key, did you mean step?",
    "bad.yaml:5:92 data.split.unit: is missing, and there is no default; give it a value",
    "bad.yaml:5:100 data.split.unti: unknown key, did you mean unit?",
    "bad.yaml:5:113 data.split.val: should be a list or less than 1 or 'test', not 2",
    "bad.yaml:6:27 encoder.width: should be greater than or equal to 1, not 0",
    "bad.yaml:6:37 encoder.bias: should be true or false, not 'no'",
    "bad.yaml:6:93 encoder.base.one.widht: unknown key, did you mean width?",
    "bad.yaml:6:114 encoder.levels.0.use: is missing: name one of the encoders (see 'zoo ls encoders')",
    "bad.yaml:6:118 encoder.levels.1: takes a block {use: NAME, ...}, not 5",
    "bad.yaml:7:1 head: should be a block {key: value, ...}, not 5",
    "bad.yaml:8:25 loss.temperature: unknown key; known here: use",
    "bad.yaml:9:25 task.k: should be an integer, not '5'",
    "bad.yaml:10:14 transforms.trian: unknown key, did you mean train?",
    "bad.yaml:10:52 transforms.train.0.yb: unknown key; known here: by, use",
    "bad.yaml:10:60 transforms.train.1: should be a block {key: value, ...}, not 'flip'",
    "bad.yaml:11:9 train.epoch: unknown key, did you mean epochs?",
    "bad.yaml:11:19 train.batch: should be greater than or equal to 1, not 0",
    (
        "bad.yaml:11:34 train.lr.heads: should be 'encoder', 'head', 'loss' or a part inside one of them such as "
        "'encoder.attention', not 'heads'"
    ),
    "bad.yaml:11:48 train.optimizer: should be 'adamw' or 'adam', not 'sgd'",
    "bad.yaml:11:77 train.early_stop.patients: unknown key, did you mean patience?",
    "bad.yaml:11:99 train.seeds.0: should be greater than or equal to 0, not -1",
    "bad.yaml:11:104 train.clip: should be a finite number, not inf",
]


def test_all_mistakes_are_told_in_one_pass_in_the_order_of_the_file_with_place_path_and_nearest_name():
    found = [line for line in problems(WRONG) if "train.lr: should be a number" not in line]
    assert found == EXPECTED


def test_check_prints_a_line_a_mistake_on_stderr_and_leaves_with_2(zoo):
    code, out, err = zoo("check", written(WRONG, "bad.yaml"))
    assert code == 2
    assert out == ""
    assert all(re.match(r"error: \S*bad\.yaml:\d+:\d+ [a-z_.0-9]+: \S", line) for line in err.splitlines())
    assert len(err.splitlines()) >= len(EXPECTED)


def test_check_as_json_holds_place_path_and_message_of_every_mistake(zoo):
    code, out, err = zoo("check", written(WRONG, "bad.yaml"), "--format", "json")
    assert (code, err) == (2, "")
    found = json.loads(out)["problems"]
    assert {"path", "place", "message"} == set(found[0])
    assert {"nmae", "data.genes.tpo", "head", "train.clip"} <= {problem["path"] for problem in found}


def test_unknown_components_stand_among_the_other_mistakes_at_their_lines():
    text = LIGHT.replace("light-head", "light-haed").replace("light-loss", "lost").replace("width", "widht")
    losses = ", ".join(entry.name for entry in Registry().entries("losses"))
    assert "light-loss" in losses
    assert problems(text) == [
        "bad.yaml:4:27 encoder.widht: unknown key, did you mean width?",
        "bad.yaml:5:8 head.use: no head 'light-haed' is installed, did you mean light-head?",
        f"bad.yaml:6:8 loss.use: no loss 'lost' is installed; installed losses: {losses}",
    ]


def test_a_recipe_that_is_right_but_lacks_parts_leaves_with_3_and_names_them_all(zoo):
    text = LIGHT.replace("light-head", "x-head").replace("light-loss", "x-loss")
    code, _, err = zoo("check", written(text))
    assert code == 3
    assert [line.split()[2] for line in err.splitlines()] == ["head.use:", "loss.use:"]


@pytest.mark.parametrize(
    ("stated", "way"),
    [("2", "upgrade with: pip install -U microscopy-zoo"), ("0", "write zoo: 1")],
)
def test_a_recipe_of_another_format_is_refused_before_anything_else_is_looked_at(stated, way):
    text = WRONG.replace("zoo: 1", f"zoo: {stated}")
    expected = f"bad.yaml:1:1 zoo: the recipe is of format {stated}, this zoo reads format 1; {way}"
    assert problems(text) == [expected]


@pytest.mark.parametrize("stated", ["one", "true", "1.0", "null"])
def test_a_format_that_is_no_number_is_refused(stated):
    assert any(
        line.startswith("bad.yaml:1:1 zoo: should be an integer") for line in problems(LIGHT.replace("1", stated, 1))
    )


def test_missing_blocks_are_all_named():
    found = problems("zoo: 1\nname: x\n")
    assert [line.split()[1] for line in found] == ["data:", "encoder:", "head:", "loss:", "task:"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("split: {unit: donor, test: [D1]}", "near: 2", "data.split: is missing: name the unit and the test groups"),
        ("split: {unit: donor, test: [D1]}", "split: D1", "data.split: is 'D1': name the unit and the test groups"),
        ("test: [D1]", "test: [1]", "data.split.test.0: should be a text, not 1; for a text, quote it: '1'"),
        ("test: [D1]", "scheme: k-fold", "data.split: 'folds' belongs to scheme 'k-fold', and to it alone"),
        (
            "test: [D1]",
            "scheme: holdout",
            "data.split: a holdout split names its test groups, test: [NAME, ...], or their share, test: 0.3",
        ),
        ("use: light-head", "use: 5", "head.use: is 5, not a name: name one of the heads (see 'zoo ls heads')"),
        ("use: light-head", "dim: 5", "head.use: is missing: name one of the heads"),
        ("seeds: [0, 1]", "seeds: []", "train.seeds: should have at least 1 item, not 0"),
        ("genes: {top: 20}", "genes: {top: 0}", "data.genes: top is a number of genes of at least 1, not 0"),
        ("genes: {top: 20}", "genes: 7", "data.genes: should be a block {key: value, ...}, not 7"),
        ("width: 4", "levels: {use: x}", "encoder.levels: takes a list of blocks [{use: NAME, ...}, ...], not {'u"),
        ("use: light-net, width: 4", "use: light-pair", "encoder.one: is missing, and there is no default"),
        ("use: light-net, width: 4", "use: light-pair, one:", "encoder.one: takes a block {use: NAME, ...}, not null"),
    ],
)
def test_a_single_mistake_is_a_sentence_with_value_and_way_out(old, new, message):
    assert old in LIGHT
    text = LIGHT.replace(old, new).replace("near: 2.5, ", "")
    (line,) = problems(text)
    assert re.sub(r"^bad.yaml:\d+:\d+ ", "", line).startswith(message)
