"""What parts bring with terms of their own is read without importing them, and joined over a recipe into a verdict."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from light import PLAIN
from zoo import recipe
from zoo.registry import Registry
from zoo.resolve import fill
from zoo.terms import declared, problems, terms_of
from zoo.verdict import brought, verdict_of

ATLAS = {
    "name": "weights of Atlas",
    "licence": "cc-by-nc-4.0",
    "gated": True,
    "citation": "Nobody 2024",
    "source": "doi:10.1000/atlas",
    "when": "pretrained",
}
OTHER = "is not on the Hub's list, 'other' is for terms of their own; say commercial beside it"
NET = f"""
raise RuntimeError("nobody imports this")
class Net:
    '''An encoder.'''
    terms = {ATLAS}
    def __init__(self, *, in_chans: int, pretrained: bool = False, base: Encoder | None = None) -> None: ...
"""


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "light_plugin"))


def entry_of(name):
    return Registry().named(name)[0]


def recipe_with(**blocks):
    """Return the light recipe with some blocks replaced."""
    lines = [line for line in PLAIN.splitlines() if line.partition(":")[0] not in blocks]
    return recipe.parse("\n".join([*lines, *(f"{slot}: {block}" for slot, block in blocks.items())]), "light.yaml")


# --- reading -------------------------------------------------------------------------------------------------------


def test_terms_are_read_from_a_class_that_is_never_imported(dist):
    dist("atlas", files={"atlas_net.py": NET}, points={"encoders": {"atlas": "atlas_net:Net"}})
    assert terms_of(entry_of("atlas")) == [ATLAS]
    assert "atlas_net" not in sys.modules


def test_terms_of_a_function_and_names_in_them_are_followed_through_modules(dist):
    files = {
        "pkg/__init__.py": "from .data import mine as handed_on\n",
        "pkg/data.py": "from pkg.words import GPL as THE\nA = {'name': 'a', 'licence': 'mit'}\n"
        "def mine(): ...\nmine.terms = (A, THE)\n",
        "pkg/words.py": "LICENCE = 'gpl-3.0'\nGPL = {'name': 'b', 'licence': LICENCE}\n",
    }
    dist("follow", files=files, points={"datasets": {"mine": "pkg:handed_on"}})
    assert terms_of(entry_of("mine")) == [{"name": "a", "licence": "mit"}, {"name": "b", "licence": "gpl-3.0"}]


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        ("{'name': f'x'}", "terms is no literal; write it out, so that it can be read without importing the part"),
        ("ELSEWHERE", "terms names 'ELSEWHERE', which cannot be followed to a literal; write it out"),
        ("CIRCLE", "terms names 'CIRCLE', which cannot be followed to a literal; write it out"),
    ],
)
def test_terms_that_cannot_be_read_are_told_with_the_way_out(terms, what, dist):
    text = f"CIRCLE = CIRCLE\nclass X:\n    terms = {terms}\n"
    dist("bad", files={"bad_terms.py": text}, points={"heads": {"bad": "bad_terms:X"}})
    assert declared(entry_of("bad")) == (None, [what])
    assert terms_of(entry_of("bad")) == []


def test_a_part_without_terms_and_one_without_source_bring_none(dist):
    dist("none", files={"none_terms.py": "class X: pass\n"}, points={"heads": {"x": "none_terms:X", "y": "absent_z:Y"}})
    assert declared(entry_of("x")) == (None, [])
    assert declared(entry_of("y")) == (None, [])


# --- their form ----------------------------------------------------------------------------------------------------


def test_what_is_well_formed_has_no_problems():
    assert problems(None) == problems(ATLAS) == problems((ATLAS, {"name": "x", "licence": "none"})) == []
    assert problems({"name": "x", "licence": "other", "commercial": True}, ["a"]) == []
    assert problems(ATLAS, ["model", "pretrained"]) == []


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        ("mit", "terms: is a table such as {'name': 'weights of X', 'licence': 'cc-by-4.0'}, not 'mit'"),
        ({"name": "x"}, "terms: has no licence; say its identifier, none, or unknown"),
        ({"licence": "mit"}, "terms: has no name; say of what the terms are"),
        ({"name": "x", "license": "mit", "licence": "mit"}, "terms: unknown key 'license', did you mean licence?"),
        ({"name": "x", "licence": "mit", "gated": "yes"}, "terms: gated is True or False, not 'yes'"),
        ({"name": "", "licence": "mit"}, "terms: name is a text, not ''"),
        (
            {"name": "x", "licence": "CC-BY-4.0"},
            "terms: licence 'CC-BY-4.0' is not on the Hub's list, did you mean cc-by-4.0?",
        ),
        (
            {"name": "x", "licence": "house rules"},
            f"terms: licence 'house rules' {OTHER}",
        ),
        (
            {"name": "x", "licence": "mit", "commercial": False},
            "terms: commercial is False, but mit tells of itself that it is True; leave commercial out",
        ),
        ({**ATLAS, "when": "weights"}, "terms: when is 'weights', no parameter of the part; it has model, pretrained"),
    ],
)
def test_what_is_wrong_with_terms_is_said_in_a_sentence(terms, what):
    assert problems(terms, ["model", "pretrained"]) == [what]


PLAIN_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["mit", "other"])
KEYS = st.sampled_from([*ATLAS, "commercial"]) | st.text(max_size=9) | st.integers()


@given(st.recursive(PLAIN_VALUES | st.dictionaries(KEYS, PLAIN_VALUES), lambda inner: st.lists(inner, max_size=3)))
@settings(max_examples=60)
def test_of_anything_at_all_it_is_said_what_is_wrong_and_nothing_raised(terms):
    assert all(isinstance(what, str) and what.startswith("terms") for what in problems(terms, ["pretrained"]))


def test_of_several_terms_the_wrong_one_is_numbered():
    assert problems((ATLAS, {"name": "x"}))[0].startswith("terms[1]: has no licence")


@pytest.mark.parametrize("entry", Registry().entries(), ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_terms_of_installed_parts_are_well_formed(entry):
    assert declared(entry)[1] == []


# --- over a recipe -------------------------------------------------------------------------------------------------


def test_terms_count_where_their_parameter_is_set_and_not_otherwise(dist):
    dist("atlas", files={"atlas_net.py": NET}, points={"encoders": {"atlas": "atlas_net:Net"}})
    assert brought(recipe_with(encoder="{use: atlas}")) == []
    (row,) = brought(recipe_with(encoder="{use: atlas, pretrained: true}"))
    assert (row.part, row.what, row.gated, row.commercial) == ("encoder atlas", "weights of Atlas", True, False)
    verdict = verdict_of(recipe_with(encoder="{use: atlas, pretrained: true}")).verdict
    assert "because of weights of Atlas (encoder atlas) under cc-by-nc-4.0" in verdict.sentence
    assert "it needs an agreement: weights of Atlas (encoder atlas)" in verdict.sentence


def test_a_default_that_sets_the_parameter_counts(dist):
    text = NET.replace("pretrained: bool = False", "pretrained: bool = True")
    dist("atlas", files={"atlas_net.py": text}, points={"encoders": {"atlas": "atlas_net:Net"}})
    assert brought(recipe_with(encoder="{use: atlas}"))
    assert not brought(recipe_with(encoder="{use: atlas, pretrained: false}"))


ATLAS_SET = "{use: atlas, pretrained: true}"


@pytest.mark.parametrize(
    "blocks",
    [
        {"encoder": f"{{use: light-net, base: {ATLAS_SET}}}"},
        {"encoder": f"{{use: light-net, levels: [{{use: light-net}}, {ATLAS_SET}]}}"},
        {"encoder": f"{{use: atlas, base: {{use: light-pair, one: {ATLAS_SET}}}}}"},
        {"ensemble": f"{{members: [{{}}, {{encoder: {ATLAS_SET}}}]}}"},
        {"stages": f"[{{use: train, encoder: {ATLAS_SET}}}]"},
    ],
    ids=["slot", "list", "twice nested", "member", "stage"],
)
def test_parts_are_found_wherever_a_recipe_names_them(blocks, dist):
    dist("atlas", files={"atlas_net.py": NET}, points={"encoders": {"atlas": "atlas_net:Net"}})
    assert [row.label for row in brought(recipe_with(**blocks))] == ["weights of Atlas (encoder atlas)"]


def test_code_data_and_own_licence_stand_beside_what_parts_bring(dist):
    text = "class Files:\n    def __init__(self, *, root: Path, origin: Origin = Origin()) -> None: ...\n"
    dist("files", files={"own_files.py": text}, points={"datasets": {"files": "own_files:Files"}})
    stated = "{use: files, root: x, origin: {name: ours, licence: cc-by-4.0, citation: We 2026}}"
    ruling = verdict_of(recipe_with(data=stated, publish="{licence: MIT}"))
    rows = {row.label: (row.licence, row.citation) for row in ruling.rows}
    assert rows["data ours (dataset files)"] == ("cc-by-4.0", "We 2026")
    assert rows["this model"] == ("mit", "")
    assert rows["code (files)"] == ("none", "")
    silent = verdict_of(recipe_with(data="{use: files, root: x}"))
    assert "no licence is stated for data (dataset files)" in silent.verdict.sentence


def test_a_part_that_is_not_installed_leaves_the_verdict_unclear():
    ruling = verdict_of(recipe_with(head="{use: nowhere}"))
    assert ruling.verdict.commercial is None
    assert "head 'nowhere' is not installed, so that its terms are not known" in ruling.verdict.sentence


def test_terms_that_cannot_be_read_leave_it_unclear_too(dist):
    dist("bad", files={"bad_terms.py": "class X:\n    terms = made()\n"}, points={"heads": {"bad": "bad_terms:X"}})
    assert (
        "the terms of terms that cannot be read (head bad)"
        in verdict_of(recipe_with(head="{use: bad}")).verdict.sentence
    )


@pytest.mark.parametrize(
    "text", ["encoder: 3", "stages: {a: 1}", "ensemble: {members: 3}", "transforms: [1]", "data: {origin: 1}"]
)
def test_what_is_no_recipe_yet_has_a_verdict_all_the_same(text):
    assert verdict_of(recipe.parse(text)).verdict.commercial is None


def test_a_filled_recipe_brings_what_it_brought_before():
    for name in ("heclip-published", "cell-drug-plate", "hpa-kaggle"):
        found = recipe.load(name)
        assert set(brought(fill(found).recipe)) == set(brought(found))


# --- shown ---------------------------------------------------------------------------------------------------------


def test_show_tells_behind_a_recipe_what_it_brings_and_what_that_allows_and_is_a_recipe_still(zoo):
    code, out, err = zoo("show", "heclip-published")
    assert (code, err) == (0, "")
    told = out.partition("\n\n# licences of what it brings\n")[2].splitlines()
    assert all(line.startswith("# ") for line in told)
    assert [line.split()[1:] for line in told if "published weights  " in line] == [
        ["encoder", "timm", "published", "weights", "unknown", "unclear"]
    ]
    assert told[-1].startswith("# Whether commercial use is allowed is unclear; no licence is stated for")
    assert recipe.parse(out).data == recipe.parse(out.partition("# licences of")[0]).data


def test_show_as_json_has_rows_and_verdict(zoo):
    found = json.loads(zoo("show", "heclip-published", "--format", "json")[1])["licences"]
    assert found["commercial"] is None
    keys = {"part", "what", "licence", "commercial", "gated", "citation", "source"}
    assert all(set(row) == keys for row in found["rows"])
    assert "harmonypy" in found["sentence"]


def test_show_of_a_part_tells_what_it_brings(zoo):
    assert "it brings published weights (licence unknown, where 'pretrained' is set)\n" in zoo("show", "timm")[1]
    facts = json.loads(zoo("show", "timm", "--format", "json")[1])
    assert facts[0]["terms"][0]["when"] == "pretrained"


def test_show_of_a_broken_recipe_shows_it_and_says_why_there_is_no_verdict(zoo):
    Path("broken.yaml").write_text("a: [1\n")
    code, out, err = zoo("show", "broken.yaml")
    assert (code, out) == (0, "# broken.yaml\na: [1\n")
    assert err.startswith("note: what its licences allow cannot be told: broken.yaml:")
