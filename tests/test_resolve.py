"""Filling writes out every default with its origin; building hands down facts and nests components."""

from pathlib import Path

import pytest

from light import PLAIN
from zoo.document import dotted
from zoo.errors import MissingError, RecipeError
from zoo.recipe import parse
from zoo.resolve import fill


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "light_plugin"))


def filled(**blocks):
    """Fill the light recipe with some blocks replaced."""
    text = PLAIN
    for slot, block in blocks.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{slot}:")]
        text = "\n".join([*lines, f"{slot}: {block}"])
    return fill(parse(text, "light.yaml"))


# --- filling -------------------------------------------------------------------------------------------------------


def test_every_default_is_written_out_at_every_level():
    data = filled(encoder="{use: light-net, base: {use: light-pair, one: {use: light-net, width: 2}}}").data
    blocks = ["data", "encoder", "head", "loss", "task", "transforms", "sampler", "ensemble", "stages", "train"]
    assert list(data) == ["zoo", "name", "protocol", *blocks, "publish"]
    genes = {"top": 100, "select": "hvg", "window": {"size": 32, "step": None}, "more": []}
    assert data["data"] == {
        "use": "light-data",
        "donors": 4,
        "genes": genes,
        "near": 1.0,
        "split": {
            "unit": "donor",
            "scheme": "holdout",
            "test": ["D1"],
            "val": None,
            "stratify": None,
            "folds": None,
            "seed": 0,
        },
    }
    inner = {"use": "light-net", "width": 2, "base": None, "levels": [], "lr": 0.1, "bias": True}
    assert data["encoder"]["base"] == {"use": "light-pair", "one": inner, "width": 3}
    assert data["transforms"] == {"train": [], "eval": []}
    assert data["train"]["optimizer"] == "adamw"
    assert data["publish"] == {"licence": None, "licence_file": None, "tags": [], "card": None}
    assert data["protocol"] == "strict"


def test_a_part_of_a_nested_block_keeps_the_defaults_of_the_rest():
    data = filled(data="{use: light-data, genes: {window: {size: 8}}, split: {unit: u, test: [a]}}").data
    assert data["data"]["genes"] == {"top": 100, "select": "hvg", "window": {"size": 8, "step": None}, "more": []}


def test_every_value_has_an_origin_a_line_of_the_file_or_the_component_whose_default_it_is():
    block = "{use: light-net, lr: {body: 0.5}, base: {use: light-pair, one: {use: light-net, width: 2}}}"
    origins = {dotted(path): origin for path, origin in filled(encoder=block).origins.items()}
    assert origins["encoder.use"] == "light.yaml:7:11"
    assert origins["encoder.lr.body"] == "light.yaml:7:32"
    assert origins["encoder.width"] == "default of light-net"
    assert origins["encoder.base.width"] == "default of light-pair"
    assert origins["encoder.base.one.width"] == "light.yaml:7:90"
    assert origins["encoder.base.one.bias"] == "default of light-net"
    assert origins["data.genes.window.size"] == "default of light-data"
    assert origins["data.split.seed"] == origins["train.epochs"] == origins["protocol"] == "default of zoo"


def test_a_value_behind_an_alias_has_the_origin_of_the_alias():
    origins = filled(encoder="{use: light-net, levels: [&x {use: light-net}, *x]}").origins
    assert origins["encoder", "levels", 0, "use"] == "light.yaml:7:40"
    assert origins["encoder", "levels", 1, "use"] == "light.yaml:7:57"


def test_facts_that_are_not_stated_are_left_out_of_the_filled_recipe_and_stated_ones_stay():
    assert "in_chans" not in filled().data["encoder"]
    assert filled(encoder="{use: light-net, in_chans: 4}").data["encoder"]["in_chans"] == 4


def test_a_number_written_as_an_integer_or_as_a_float_is_the_same_recipe():
    one, other = filled(train="{lr: 1, weight_decay: 0}"), filled(train="{lr: 1.0, weight_decay: 0.0}")
    assert one.digest == other.digest


def test_the_digest_ignores_the_name_and_what_is_published_and_nothing_else():
    first = filled()
    assert filled(name="other").digest == first.digest
    assert filled(publish="{licence: mit, licence_file: L, tags: [a], card: C.md}").digest == first.digest
    assert filled(protocol="strict").digest == first.digest
    others = [
        filled(protocol="published"),
        filled(data="{use: light-data, split: {unit: donor, test: [D2]}}"),
        filled(data="{use: light-data, donors: 5, split: {unit: donor, test: [D1]}}"),
        filled(encoder="{use: light-net, width: 9}"),
        filled(head="{use: light-head, dim: 9}"),
        filled(task="{use: light-task, k: 9}"),
        filled(transforms="{train: [{use: light-shift}]}"),
        filled(transforms="{eval: [{use: light-shift}]}"),
        filled(train="{seeds: [1]}"),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == len(others) + 1


def test_what_is_to_be_published_stands_in_the_frame_with_its_origins():
    found = filled(publish="{licence: mit, tags: [brain, mouse]}")
    assert (found.frame.publish.licence, found.frame.publish.tags) == ("mit", ["brain", "mouse"])
    assert (found.frame.publish.licence_file, found.frame.publish.card) == (None, None)
    origins = {dotted(path): origin for path, origin in found.origins.items()}
    assert (origins["publish.licence"], origins["publish.card"]) == ("light.yaml:8:11", "default of zoo")


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{license: mit}", "light.yaml:8:11 publish.license: unknown key, did you mean licence?"),
        ("{sha256: x}", "light.yaml:8:11 publish.sha256: unknown key; known here: card, licence, licence_file, tags"),
        ("{licence: 5}", "light.yaml:8:11 publish.licence: should be a text, not 5; for a text, quote it: '5'"),
        ("{tags: brain}", "light.yaml:8:11 publish.tags: should be a list, not 'brain'"),
        ("{tags: [brain, 1]}", "light.yaml:8:25 publish.tags.1: should be a text, not 1; for a text, quote it: '1'"),
        ("mit", "light.yaml:8:1 publish: should be a block {key: value, ...}, not 'mit'"),
    ],
)
def test_a_mistake_in_what_is_to_be_published_is_told_at_its_line(block, told):
    with pytest.raises(RecipeError) as raised:
        filled(publish=block)
    assert str(raised.value) == told
    assert raised.value.exit_code == 2


def test_a_component_is_loaded_once_however_often_it_is_used():
    found = filled(encoder="{use: light-net, levels: [{use: light-net}, {use: light-net}]}")
    names = [name for kind, name in found.entries if kind == "encoders"]
    assert names == ["light-net"]
    assert found.entries["encoders", "light-net"].distribution == "zoo-light"


def test_a_component_that_is_not_installed_is_told_at_its_line_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-light")
    expected = r"light.yaml:7:8 head.use: no head 'clip' is installed; it comes with zoo-spatial.*pip install"
    with pytest.raises(MissingError, match=expected):
        filled(head="{use: clip}")


def test_a_component_that_cannot_be_imported_is_told_at_its_line(dist):
    dist("shaky", files={"shaky_r.py": "1 / 0"}, points={"heads": {"shaky": "shaky_r:X"}})
    with pytest.raises(MissingError, match=r"light.yaml:7:8 head.use: head 'shaky' is provided by shaky 1.0, which"):
        filled(head="{use: shaky}")


def test_a_component_whose_signature_is_no_schema_is_told_at_its_line(dist):
    dist("loose", files={"loose_r.py": "def f(*args): ...\n"}, points={"heads": {"loose": "loose_r:f"}})
    with pytest.raises(MissingError, match=r"light.yaml:7:8 head.use: 'loose': parameter '\*args' has no name"):
        filled(head="{use: loose}")


def test_a_name_that_two_distributions_claim_makes_the_recipe_wrong(dist):
    for name in ("one-lab", "other-lab"):
        dist(name, points={"heads": {"claimed": "m:x"}})
    with pytest.raises(RecipeError, match=r"head.use: head 'claimed' is claimed by one-lab 1.0 and other-lab 1.0"):
        filled(head="{use: claimed}")


# --- building ------------------------------------------------------------------------------------------------------


def test_a_component_is_built_with_its_values_as_python_objects():
    data = filled(data="{use: light-files, root: /a, units: [um, px], split: {unit: u, test: [a]}}").build("data", {})
    assert (data.root, data.units, data.genes.window.size) == (Path("/a"), ("um", "px"), 32)


def test_components_nest_alone_and_in_lists_and_an_empty_slot_is_null():
    base, level = "{use: light-pair, one: {use: light-net, width: 2}}", "{use: light-net, width: 3}"
    net = filled(encoder=f"{{use: light-net, base: {base}, levels: [{level}]}}").build("encoder", {"in_chans": 3})
    assert net.base.one.width == 2
    assert [level.width for level in net.levels] == [3]
    assert net.base.one.base is None
    assert net.base.one.levels == []


def test_transforms_are_built_in_order():
    found = filled(transforms="{train: [{use: light-shift, by: 1}, {use: light-shift, by: 2}]}")
    assert [shift.by for shift in found.build_transforms("train", {})] == [1.0, 2.0]
    assert found.build_transforms("eval", {}) == []


def test_facts_that_other_parts_declare_are_handed_to_every_component_that_asks():
    found = filled(encoder="{use: light-net, base: {use: light-pair, one: {use: light-net}}}")
    net = found.build("encoder", {"in_chans": 5, "num_classes": 7})
    assert (net.in_chans, net.base.one.in_chans, net.base.num_classes) == (5, 5, 7)
    assert found.build("head", {"in_features": 9}).in_features == 9


def test_a_fact_with_a_default_takes_it_where_no_part_declares_another():
    found = filled(encoder="{use: light-pair, one: {use: light-net}}")
    assert found.build("encoder", {"in_chans": 1}).num_classes == 2


def test_a_fact_that_is_stated_and_agrees_is_taken():
    assert filled(encoder="{use: light-net, in_chans: 4}").build("encoder", {"in_chans": 4}).in_chans == 4


def test_a_fact_that_is_stated_where_nobody_declares_it_is_taken():
    assert filled(head="{use: light-head, in_features: 4}").build("head", {}).in_features == 4


def test_a_fact_that_disagrees_is_refused_with_both_numbers_at_its_line():
    expected = r"^light.yaml:7:27 encoder.in_chans: the recipe states 4, but the data and the parts before it give 3; "
    with pytest.raises(RecipeError, match=expected):
        filled(encoder="{use: light-net, in_chans: 4}").build("encoder", {"in_chans": 3})


def test_a_fact_that_nobody_declares_is_asked_for():
    expected = r"encoder.in_chans: is needed here, and neither the dataset nor the encoder declares it; state it"
    with pytest.raises(RecipeError, match=expected):
        filled().build("encoder", {})


def test_what_a_constructor_refuses_is_told_at_the_line_of_its_block():
    found = filled(data="{use: light-data, donors: 13, split: {unit: donor, test: [D1]}}")
    with pytest.raises(RecipeError, match=r"^light.yaml:7:1 data: light-data: 13 donors are never invited$"):
        found.build("data", {})


def test_what_a_nested_constructor_refuses_is_told_at_its_own_line(dist):
    code = "def picky(*, n: int = 0) -> None:\n    raise ValueError('n is never right')\n"
    dist("picky", files={"picky_r.py": code}, points={"encoders": {"picky": "picky_r:picky"}})
    found = filled(encoder="{use: light-net, levels: [{use: light-net}, {use: picky}]}")
    with pytest.raises(RecipeError, match=r"^light.yaml:7:54 encoder.levels.1: picky: n is never right$"):
        found.build("encoder", {"in_chans": 1})


def test_the_tests_own_trainable_plugin_builds(tiny):
    found = fill(parse(tiny.read_text(), "tiny.yaml"))
    dataset = found.build("data", {})
    encoder = found.build("encoder", dataset.facts)
    assert encoder.out_features == 8
    assert fill(parse(tiny.read_text().replace("tiny-square", "tiny-contrast"), "t")).build("loss", {})


def test_a_setting_that_is_null_changes_no_digest():
    one, other, clipped = (
        fill(parse(f"{PLAIN}train: {{{train}}}\n"))
        for train in ("epochs: 2", "epochs: 2, clip: null", "epochs: 2, clip: 1.0")
    )
    assert one.data["train"]["clip"] is None
    assert one.digest == other.digest != clipped.digest
    del one.data["train"]["clip"]
    assert one.digest == other.digest
