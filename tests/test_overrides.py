"""``--set`` options are typed as YAML, go by path, and are refused where they lead nowhere."""

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from light import LIGHT, LIGHT_PLUGIN, problems, written
from zoo.errors import UsageError, ZooError
from zoo.recipe import load
from zoo.resolve import fill


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("train.lr=1e-4", "train.lr", 1e-4),
        ("train.epochs=7", "train.epochs", 7),
        ("train.tensorboard=true", "train.tensorboard", True),
        ("protocol=published", "protocol", "published"),
        ("data.genes.top=5", "data.genes.top", 5),
        ("data.genes.window.size=64", "data.genes.window.size", 64),
        ("transforms.train.1.by=0.25", "transforms.train.1.by", 0.25),
        ("transforms.train.0={use: flip, p: 0.1}", "transforms.train.0", {"use": "flip", "p": 0.1}),
        ("train.seeds.1=5", "train.seeds", [0, 5]),
        ("train.seeds=[3]", "train.seeds", [3]),
        ("train.early_stop.patience=3", "train.early_stop.patience", 3),
        ("head={use: light-head, dim: 9}", "head.dim", 9),
        ("train.lr={encoder: 1e-3}", "train.lr", {"encoder": 1e-3}),
        ("train.clip=", "train.clip", None),
        ("name=a=b", "name", "a=b"),
        ("data.split.test=['1', no]", "data.split.test", ["1", "no"]),
    ],
)
def test_an_override_is_typed_as_in_yaml_and_remembered_with_its_place(option, path, value):
    found = load(written(), [option])
    here = found.data
    for key in path.split("."):
        here = here[int(key) if isinstance(here, list) else key]
    assert here == value
    assert type(here) is type(value)
    assert found.overrides == [option]
    steps = tuple(int(key) if key.isdigit() else key for key in path.split("."))
    if option.startswith(f"{path}="):
        assert found.place(steps) == f"--set {option}"


def test_overrides_apply_in_order_and_beat_the_file():
    found = load(written(), ["train.epochs=3", "train.epochs=4"])
    assert found.data["train"]["epochs"] == 4
    assert fill(found).origins["train", "epochs"] == "--set train.epochs=4"


def test_an_override_of_the_component_drops_what_the_new_one_does_not_know():
    filled = fill(load(written(), ["data.use=light-files", "data.root=/d"]))
    assert filled.dropped == ["data.donors", "data.near"]
    assert filled.origins["data", "use"] == "--set data.use=light-files"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("trian.lr=1", "--set trian.lr=1 trian: unknown key, did you mean train?"),
        ("train.lrr=1", "--set train.lrr=1 train.lrr: unknown key, did you mean lr?"),
        ("data.genes.tpo=1", "--set data.genes.tpo=1 data.genes.tpo: unknown key, did you mean top?"),
        ("train.0.x=1", "--set train.0.x=1 train.0: unknown key; known here: "),
        ("head={dmi: 1}", "--set head={dmi: 1} head.dmi: unknown key, did you mean dim?"),
        ("train.epochs=two", "--set train.epochs=two train.epochs: should be an integer, not 'two'"),
        ("extends=other", "--set extends=other extends: unknown key"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused_with_the_option_as_its_place(option, message):
    assert any(line.startswith(message) for line in problems(LIGHT, option))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("train.lr", "--set train.lr: write it as path.to.key=value, for example --set train.lr=1e-4"),
        ("=3", "--set =3: write it as path.to.key=value"),
        ("train..lr=3", "--set train..lr=3: write it as path.to.key=value"),
        ("", "--set : write it as path.to.key=value"),
        ("train.lr=[1", "--set train.lr=[1: not valid YAML: while parsing a flow sequence"),
        ("train.lr=!!python/name:os.system x", "--set .*: tag 'tag:yaml.org,2002:python/name:os.system' is refused"),
        ("train.seeds.2=1", "'2' is not one of the positions 0 to 1 there; give the whole list to change its length"),
        ("train.seeds.-1=1", "'-1' is not one of the positions 0 to 1 there"),
        ("train.seeds.²=1", "'²' is not one of the positions 0 to 1 there"),
        ("train.seeds.0.x=1", "'train.seeds.0' holds the value 0, not a block"),
        ("train.seeds.0.x.y=1", "'train.seeds.0' holds the value 0, not a block"),
        ("name.x=1", "'name' holds the value 'light', not a block"),
    ],
)
def test_a_malformed_override_is_refused_with_exit_code_2(option, message):
    with pytest.raises(UsageError, match=re.escape(message).replace(r"\.\*", ".*")) as raised:
        load(written(), [option])
    assert raised.value.exit_code == 2


def test_a_position_in_an_empty_list_is_refused_in_words():
    with pytest.raises(UsageError, match="'0' is not one of the positions there, the list is empty"):
        load(written(), ["train.seeds=[]", "train.seeds.0=1"])


known = st.sampled_from(["data", "genes", "top", "train", "seeds", "0", "1", "use", "split", "transforms", "x"])
option_paths = st.lists(known | st.text(max_size=3), min_size=1, max_size=4).map(".".join)
option_values = st.sampled_from(["1", "[1]", "{use: flip}", "{}", "null", "x"]) | st.text(max_size=4)
option = st.builds("{}={}".format, option_paths, option_values)


@given(st.lists(option, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_override_raises_anything_but_an_error_on_purpose(options):
    with suppress(ZooError):
        fill(load(written(), options))
