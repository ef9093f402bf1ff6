"""What a stranger wrote is read with a bound, and whatever is wrong with it is one sentence."""

import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import bounded
from zoo.errors import IntegrityError


def refused(read, *arguments):
    with pytest.raises(IntegrityError) as raised:
        read(*arguments)
    assert raised.value.exit_code == 5
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_file_is_read_up_to_its_bound_and_one_byte_more_is_refused():
    Path("x").write_bytes(b"12345")
    assert bounded.read_bytes(Path("x"), 5) == b"12345"
    expected = "x: is longer than the 4 bytes that zoo reads of such a file; do not trust it"
    assert refused(bounded.read_bytes, Path("x"), 4) == expected


def test_a_file_without_end_costs_no_more_than_the_bound():
    class Endless(io.BytesIO):
        def read(self, size=-1):
            assert 0 < size <= 2**24 + 1
            return b"1" * size

    class Path:
        def open(self, mode):
            return Endless()

    assert "is longer than the 1,048,576 bytes" in refused(bounded.read_text, Path())
    assert "is longer than the 16,777,216 bytes" in refused(bounded.read_json, Path())


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("gone", "No such file or directory"),
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", "embedded null byte"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_reason(path, why):
    assert refused(bounded.read_bytes, Path(path), 9) == f"{path}: cannot be read ({why}); restore a copy"


def test_text_is_utf_8():
    Path("x").write_bytes("é".encode())
    assert bounded.read_text(Path("x")) == "é"
    Path("x").write_bytes(b"ab\xff")
    assert refused(bounded.read_text, Path("x")) == "x: is not UTF-8 text (byte 2); restore a copy"


def test_json_is_read():
    Path("x").write_text('{"a": [1, null]}')
    assert bounded.read_json(Path("x")) == {"a": [1, None]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not valid JSON (Expecting value"),
        (b'{"a": ', "is not valid JSON (Expecting value"),
        (b"\xff\xfe\xff", "is not valid JSON ("),
        (b"1" * 5000, "is not valid JSON (Exceeds the limit"),
        (b"[" * 1_000_000, "is nested too deeply to be read; do not trust it"),
        (b'{"a":' * 1_000_000, "is nested too deeply to be read; do not trust it"),
    ],
    ids=["empty", "cut short", "no text", "a number of 5000 digits", "deep lists", "deep mappings"],
)
def test_what_is_no_json_or_a_bomb_is_refused(content, why):
    Path("x.json").write_bytes(content)
    assert refused(bounded.read_json, Path("x.json")).startswith(f"x.json: {why}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("fold.name", "fold.name"),
        ("é", "é"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("a\nb", r"'a\nb'"),
        ("\ud800", r"'\ud800'"),
        (7, "7"),
        (None, "None"),
        ([[1]], "a list"),
        ({"a": 1}, "a mapping"),
        ("x" * 1000, "x" * 120 + "..."),
    ],
)
def test_a_message_shows_a_value_short_on_one_line_and_harmless_to_a_terminal(value, text):
    assert bounded.shown(value) == text


@given(st.text(st.characters()))
def test_whatever_the_text_what_a_message_shows_of_it_can_be_printed(text):
    assert bounded.shown(text).isprintable()
    assert len(bounded.shown(text)) < 130


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_raise_anything_but_an_error_on_purpose(content):
    with suppress(IntegrityError):
        bounded.parse_json(content, "x")
