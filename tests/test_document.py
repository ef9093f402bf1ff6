"""YAML text becomes plain values with places; surprising YAML is tamed and hostile YAML gets one clear line."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo import document
from zoo.document import MAX_BYTES, MAX_KEY, Place, dump, parse, read, scalar
from zoo.errors import MissingError, RecipeError, ZooError

letters = st.characters(exclude_categories=["Cs"])
tricky = st.sampled_from(
    [
        *("1e-4", "no", "~", "", "#x", "null", "True", "010", "0x1f", "1:30", "2024-01-01", ".inf", "- a", "a: b"),
        *("'", '"', "\\", "\n", " x ", "\t", "<<", "*a", "&a", "!t", "@", "%", "`", "---", "...", "[", "{", "?", "|"),
        *("é", "\u2028", "\x85", "\x07", "\ufeff", "😀", "=", "1_000", "1e5", ".", "-", "+1", "-.5", "word " * 40),
    ]
)
texts = tricky | st.text(letters)
keys = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20) | tricky.filter(str.isprintable)


def short_enough(key):
    return len(key) <= MAX_KEY


numbers = st.integers() | st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys.filter(short_enough), inner, max_size=4),
    max_leaves=12,
)


def refused(text):
    with pytest.raises(RecipeError) as raised:
        parse(text, "x.yaml")
    (problem,) = raised.value.problems
    assert "\n" not in str(problem)
    return str(problem)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1.0E+3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("010", 10),
        ("+7", 7),
        ("-0", 0),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_plain_scalars_follow_the_core_schema(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("no", "yes", "on", "off", "NO", "Yes", "y", "n", "2024-01-01", "12:30:45", "1:30", "0o17", "0x1F", "0b1"),
        *("1_000", "1e", "1.2.3", "nULL", "tRue", "--1", "1-", "e5", ".e5", ".", "١٢", "9" * 200),
    ],
)
def test_scalars_that_yaml_would_turn_into_something_else_stay_text(text):
    assert parse(f"a: {text}", "x").value == {"a": text}


def test_quoted_scalars_are_text_whatever_they_look_like():
    assert parse("[\"1\", 'true', \"null\", '']", "x").value == ["1", "true", "null", ""]


def test_every_key_and_item_has_its_line_and_column():
    places = parse("a: 1\nb:\n  c: [x, {d: 2}]\n", "f.yaml").places
    assert {path: str(place) for path, place in places.items()} == {
        ("a",): "f.yaml:1:1",
        ("b",): "f.yaml:2:1",
        ("b", "c"): "f.yaml:3:3",
        ("b", "c", 0): "f.yaml:3:7",
        ("b", "c", 1): "f.yaml:3:10",
        ("b", "c", 1, "d"): "f.yaml:3:11",
    }


def test_a_place_without_a_line_is_its_source_alone():
    assert str(Place("--set a=1")) == "--set a=1"


def test_aliases_become_copies_that_stand_where_the_alias_stands():
    found = parse("a: &x {b: [1]}\nc: *x\n", "f")
    assert found.value == {"a": {"b": [1]}, "c": {"b": [1]}}
    assert found.value["a"]["b"] is not found.value["c"]["b"]
    assert str(found.places["c", "b", 0]) == "f:2:4"


def test_an_empty_document_is_null():
    assert parse("", "x").value is None
    assert parse("# nothing but a comment\n", "x").value is None


HOSTILE = {
    "python/object/apply": (
        "a: 1\nb: !!python/object/apply:os.system ['touch ran']",
        "x.yaml:2:4 tag 'tag:yaml.org,2002:python/object/apply:os.system' is refused: a recipe holds plain data only",
    ),
    "python/name": ("!!python/name:os.system x", "tag 'tag:yaml.org,2002:python/name:os.system' is refused"),
    "a plain type": ("a: !!int '3'", "tag 'tag:yaml.org,2002:int' is refused"),
    "a tag with an escape sequence": ("a: !%1B%5B31m x", r"tag '!\x1b[31m' is refused"),
    "a tag on a key": ("!!str a: 1", "a key is plain text"),
    "a bomb of aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{c}: &{c} [{','.join(['*' + b] * 9)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)),
        "more than 20000 values once aliases are expanded; refused",
    ),
    "an alias of itself": ("a: &a [*a]", "x.yaml:1:8 alias '*a' points nowhere, or at itself"),
    "a chain of aliases": (
        "k0: &k0 [x]\n" + "".join(f"k{i}: &k{i} [*k{i - 1}]\n" for i in range(1, 180)),
        "nested deeper than 32 levels; refused",
    ),
    "an alias of nothing": ("a: *b", "alias '*b' points nowhere"),
    "a merge key": ("a: &a {b: 1}\nc: {<<: *a}", "x.yaml:2:5 '<<' is not supported; a recipe inherits with 'extends'"),
    "deep lists": ("[" * 100_000, "nested deeper than 32 levels; refused"),
    "deep blocks": ("{a: " * 100_000, "nested deeper than 32 levels; refused"),
    "deep dashes": ("- " * 100_000, "nested deeper than 32 levels; refused"),
    "many values": ("[" + "1," * 120_000 + "]", "more than 20000 values"),
    "a NUL": ("a: b\nc: d\0", r"x.yaml:2:5 the character '\x00' is not allowed in YAML; remove it"),
    "a control character": ("a: \x1b[31m", r"x.yaml:1:4 the character '\x1b' is not allowed"),
    "a lone surrogate": ("a: \udc80", r"the character '\udc80' is not allowed"),
    "an escaped surrogate": ('a: "\\ud800"', "x.yaml:1:4 half of a surrogate pair is no character"),
    "an escape that is no character": ('a: "\\UFFFFFFFF"', "not valid YAML"),
    "a huge version": (f"%YAML 1.{'9' * 5000}\n---\na: 1", "not valid YAML"),
    "a second document": ("a: 1\n---\nb: 2", "x.yaml:2:1 a second document starts here; a recipe is one document"),
    "a key that is a block": ("{a: 1}: 2", "a key is plain text, not a block, a list, an alias or a tag"),
    "a key that is a list": ("? [a]\n: 2", "a key is plain text"),
    "a key that is an alias": ("a: &a x\n*a : 2", "a key is plain text"),
    "a key with an escape sequence": ('"\\e[31m": 1', r"a key is up to 200 printable characters, not '\x1b[31m'"),
    "a key without an end": (f"? {'k' * 50_000}\n: 1", "a key is up to 200 printable characters, not 'kkk"),
    "a key that stands twice": ("a: 1\nb: 2\na: 3", "x.yaml:3:1 key 'a' stands twice in one block; keep one"),
    "a key that stands twice in the depth": ("a: {b: 1, b: 2}", "x.yaml:1:11 key 'b' stands twice"),
    "a tab": ("a:\n\tb: 1", "x.yaml:2:1 not valid YAML: while scanning for the next token found character '\\t'"),
    "an open bracket": ("a: [1, 2", "not valid YAML: while parsing a flow sequence expected ',' or ']'"),
    "another version": ("%YAML 3.0\n---\na: 1", "not valid YAML: found incompatible YAML document"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_is_refused_in_one_line_and_at_once(case):
    text, message = HOSTILE[case]
    begun = time.process_time()
    assert message in refused(text)
    assert time.process_time() - begun < 2
    assert not Path("ran").exists()


@pytest.mark.parametrize("text", ["\n" * 250_000, "a: " + "b " * 120_000, "#\n" * 125_000, "a: >\n" + "  b\n" * 60_000])
def test_large_text_within_the_limit_takes_no_time_worth_mention(text):
    begun = time.process_time()
    parse(text, "x")
    assert time.process_time() - begun < 2


FILES = {
    "50 MB": (b"# comment\n" * 5_000_000, "is larger than 256 kB, so it is no recipe"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "is not UTF-8 text (byte 0xff at 0); save it as UTF-8"),
    "Latin-1": ("a: Grün\n".encode("latin-1"), "is not UTF-8 text (byte 0xfc at 5); save it as UTF-8"),
    "UTF-16 without a mark": ("a: 1\n".encode("utf-16-le"), r"x.yaml:1:2 the character '\x00' is not allowed"),
    "a pickle": (b"\x80\x04\x95\x1a", "is not UTF-8 text (byte 0x80 at 0)"),
    "too large by one": (b"#" * (MAX_BYTES + 1), "is larger than 256 kB"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_recipe_is_refused_in_one_line(case, tmp_path):
    content, message = FILES[case]
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(RecipeError) as raised:
        read(tmp_path / "x.yaml")
    assert message in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "x.yaml"))
    assert raised.value.exit_code == 2


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "x.yaml").write_bytes("a: é\n".encode("utf-8-sig"))
    assert read(tmp_path / "x.yaml").value == {"a": "é"}


def test_a_folder_is_refused_and_a_missing_file_is_missing(tmp_path):
    with pytest.raises(RecipeError, match="is a directory; give the path of a YAML file in it"):
        read(tmp_path)
    with pytest.raises(MissingError, match=r"nothing.yaml: cannot be read \(No such file or directory\)"):
        read(tmp_path / "nothing.yaml")


@given(plain)
@example("\x85 \u2028")
@example({"use": "1e-4", "on": "no", "": ["~", ""], "<<": 1})
@settings(max_examples=200, deadline=None)
def test_what_is_dumped_is_read_back_as_the_very_same_values(value):
    back = parse(dump(value), "x").value
    assert back == value
    assert repr(back) == repr(value)  # 1 is not 1.0, and neither is True


def test_not_a_number_is_dumped_and_read_back():
    assert repr(parse(dump([float("nan")]), "x").value) == "[nan]"


yaml_like = st.lists(
    st.sampled_from(["a", "b: ", "- ", "? ", ": ", "\n", "\n  ", "[", "]", "{", "}", ", ", "&a ", "*a", "!x ", "!!y "])
    | st.sampled_from(["'", '"', "\\x", "\\U", "|", ">", "%YAML 1.1", "%TAG ! x", "---\n", "...\n", "\t", "1e5", "<<"])
    | st.text(max_size=3),
    max_size=25,
).map("".join)


@given(st.text() | yaml_like)
@settings(max_examples=400, deadline=None)
def test_no_text_raises_anything_but_an_error_on_purpose(text):
    with suppress(ZooError):
        document.parse(text, "x")
