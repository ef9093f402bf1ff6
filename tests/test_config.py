"""The config of a model is checked whole, older formats are migrated, newer ones are answered with the way out."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import config, package
from zoo.config import FORMAT, MIGRATIONS, Config
from zoo.errors import IntegrityError, MissingError
from zoo.predict import Predictor

GOLDEN = Path(__file__).parent / "golden" / "format-1"
PART = {"kind": "heads", "name": "tiny-scalar", "distribution": "zoo-tiny"}
GOOD = {
    "format": 2,
    "member": "holdout-seed0",
    "seed": 0,
    "fold": {"name": "holdout", "unit": "plate", "train": ["g0"], "val": [], "test": ["g1"]},
    "digest": "0" * 64,
    "facts": {"in_chans": 3},
    "fitted": {"shift": 0.5, "genes": ["A"]},
    "floors": ["mean"],
    "components": [PART],
    "requires": {"zoo-tiny": ">=1.0,<2"},
    "made_with": {"zoo-tiny": "1.0"},
    "test": {"items": 4, "rtol": 1e-3, "atol": {"output/value": 1e-4}},
}
OLD = json.loads((GOLDEN / "config.json").read_text())


def refused(value, kind=IntegrityError):
    with pytest.raises(kind) as raised:
        config.parse(value, "config.json")
    assert raised.value.exit_code == {IntegrityError: 5, MissingError: 3}[kind]
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_config_is_read_and_written_back_the_same():
    found = config.parse(GOOD, "config.json")
    assert (found.member, found.fold.test, found.fitted["genes"]) == ("holdout-seed0", ("g1",), ["A"])
    assert config.parse(found.model_dump(mode="json"), "again") == found


def test_a_folder_without_a_config_holds_no_model():
    with pytest.raises(MissingError, match=r"^here: holds no finished model; train it, or go on with --resume$"):
        config.read(Path("here"))


def test_a_config_that_is_damaged_is_refused_with_its_path():
    Path("config.json").write_text(json.dumps(GOOD)[:-20])
    with pytest.raises(IntegrityError, match=r"^config\.json: is not valid JSON \(.*\); restore a copy$"):
        config.read(Path())
    Path("config.json").write_text("[" * 100_000)
    with pytest.raises(IntegrityError, match=r"^config\.json: is nested too deeply to be read; do not trust it$"):
        config.read(Path())


@pytest.mark.parametrize("newer", [FORMAT + 1, 10**4200], ids=["the next", "one of 4200 digits"])
def test_a_newer_format_is_answered_with_the_command_that_upgrades(newer):
    sentence = refused({"format": newer, "what": "nobody knows"}, MissingError)
    assert sentence.startswith(f"config.json: is of format {newer}"[:100])
    assert sentence.endswith(f"this zoo reads formats 1 to {FORMAT}; upgrade with: pip install -U microscopy-zoo")
    assert len(sentence) < 300


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "None"),
        ([], "None"),
        ("text", "None"),
        ({}, "None"),
        ({"format": 0}, "0"),
        ({"format": -1}, "-1"),
        ({"format": True}, "True"),
        ({"format": 2.0}, "2.0"),
        ({"format": "\x1b[2J"}, r"'\x1b[2J'"),
        ({"format": [[[]]]}, "a list"),
        ({"format": "x" * 1000}, "x" * 120 + "..."),
    ],
)
def test_what_has_no_format_is_no_config(value, told):
    expected = f"config.json: is no config of a model (its format is {told}); pull or train it again"
    assert refused(value) == expected


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": None}, "seed: input should be a valid integer"),
        ({"nonsense": 1}, "nonsense: extra inputs are not permitted"),
        ({"\x1b[2J": 1}, r"'\x1b[2J': extra inputs are not permitted"),
        ({"fold": {**GOOD["fold"], "train": "g0"}}, "fold.train: input should be a valid tuple"),
        ({"components": [{**PART, "kind": "models"}]}, "components.0.kind: input should be 'encoders', 'heads'"),
        ({"components": [{**PART, "name": "../x"}]}, "components.0.name: string should match"),
        ({"member": "../../elsewhere"}, "member: string should match"),
        ({"parameters": -1}, "parameters: input should be greater than or equal to 0"),
        ({"requires": [], "made_with": 5}, "requires: input should be a valid dictionary and 1 more mistakes"),
    ],
)
def test_a_mistake_is_told_with_its_place(change, told):
    assert refused({**GOOD, **change}).startswith(f"config.json: {told}")


@pytest.mark.parametrize("key", [key for key in GOOD if key not in {"test", "format"}])
def test_a_key_that_is_missing_is_named(key):
    value = {name: value for name, value in GOOD.items() if name != key}
    assert refused(value) == f"config.json: {key}: field required; pull or train it again"


# --- migration -----------------------------------------------------------------------------------------------------


def test_every_older_format_has_a_migration_to_the_next():
    assert sorted(MIGRATIONS) == list(range(1, FORMAT))


def test_a_config_of_format_1_is_migrated():
    found = config.read(GOLDEN)
    assert found.format == FORMAT
    assert found.requires == {"zoo-tiny": ">=1.0,<2", "microscopy-zoo": ">=0.1.0,<0.2"}
    assert found.made_with == OLD["requires"]
    assert (found.components, found.reads, found.test) == ((), {}, None)


def test_a_model_of_format_1_still_predicts_the_very_same(tiny):
    new = np.random.default_rng(0).integers(0, 256, size=(3, 3, 2, 2)).astype(np.uint8)
    np.save("new.npy", new)
    found = Predictor(package.read(GOLDEN)).predict(input="new.npy")["value"]
    assert np.allclose(found, [0.21453264, 0.02709035, -0.06928106], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"requires": None}, "is not as a config is"),
        ({"requires": ["zoo-tiny"]}, "is not as a config is"),
        ({"requires": {"zoo-tiny": 1}}, "made_with.zoo-tiny: input should be a valid string"),
        ({"seed": "x"}, "seed: input should be a valid integer, unable to parse string as an integer"),
        ({"test": {}}, "test.items: field required and 2 more mistakes"),
    ],
)
def test_a_damaged_config_of_format_1_is_refused_like_any_other(change, told):
    assert refused({**OLD, **change}) == f"config.json: {told}; pull or train it again"


def test_a_config_of_format_1_that_requires_nothing_known_is_damaged():
    value = {key: value for key, value in OLD.items() if key != "requires"}
    assert refused(value) == "config.json: lacks 'requires'; pull or train it again"


def test_a_version_of_thousands_of_digits_is_a_version_that_is_not_installed():
    found = config.parse({**OLD, "requires": {"zoo-tiny": "9" * 5000}}, "config.json")
    assert found.requires["zoo-tiny"].startswith("===999")


# --- properties ----------------------------------------------------------------------------------------------------


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
changes = st.dictionaries(st.sampled_from([*Config.model_fields, "other"]), values, max_size=3)


@given(values)
def test_no_value_raises_anything_but_an_error_on_purpose(value):
    with suppress(IntegrityError, MissingError):
        config.parse(value, "x")


@given(st.sampled_from([GOOD, OLD]), changes)
def test_no_change_to_a_config_raises_anything_but_an_error_on_purpose(base, change):
    with suppress(IntegrityError, MissingError):
        config.parse({**base, **change}, "x")
