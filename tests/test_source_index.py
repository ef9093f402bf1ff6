"""What sources told is kept between listings, for as long as the files stay as they were."""

import json
import os
from pathlib import Path

import pytest

from zoo import source_index
from zoo.registry import Entry
from zoo.trace import source_of, sources_of

GOOD = "import json\nclass Good:\n    '''A good part.'''\n    def __init__(self, *, size: int = 1) -> None: ...\n"


@pytest.fixture
def entry(dist, monkeypatch):
    """Install a part whose file counts as settled at once."""
    monkeypatch.setattr(source_index, "SETTLED_S", -1.0)
    dist("kept", files={"kept_mod.py": GOOD})
    return Entry("heads", "x", "kept_mod:Good", "kept", "1.0")


def index():
    """Return the file of the index."""
    (path,) = Path(os.environ["ZOO_HOME"]).glob("sources-*.json")
    return path


def unread(monkeypatch):
    """Let reading a source fail."""

    def fail(text, name):
        raise AssertionError(f"{name} is read again")

    monkeypatch.setattr(source_index, "outline_of", fail)


def test_a_second_listing_tells_the_same_and_reads_no_source(entry, monkeypatch):
    first = sources_of([entry])
    assert first == [source_of(entry)]
    unread(monkeypatch)
    assert sources_of([entry]) == first


def test_a_changed_file_is_read_again_even_with_its_old_size_and_dates(entry):
    path = Path(sources_of([entry])[0].file)
    dates = path.stat()
    path.write_text(GOOD.replace("good part", "fine part"))
    os.utime(path, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    assert path.stat().st_size == dates.st_size
    assert sources_of([entry])[0].summary == "A fine part."


def test_a_file_written_just_now_is_not_taken_for_settled(entry, monkeypatch):
    monkeypatch.setattr(source_index, "SETTLED_S", 60.0)
    sources_of([entry])
    assert not list(Path(os.environ["ZOO_HOME"]).glob("*"))


def test_what_is_told_of_a_kept_source_follows_what_is_installed_now(entry, dist):
    path = Path(sources_of([entry])[0].file)
    path.write_text(GOOD.replace("import json", "import kept_need"))
    assert "needs the package 'kept_need'" in sources_of([entry])[0].problem
    dist("need", files={"kept_need.py": ""})
    assert sources_of([entry])[0].problem == ""
    path.unlink()
    assert "module 'kept_mod' is not there" in sources_of([entry])[0].problem


def broken(key, value):
    return lambda items: {name: {**item, key: value} for name, item in items.items()}


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda items: [], lambda items: "x", lambda items: dict.fromkeys(items, 3)),
        lambda items: {name: {"stamp": item["stamp"]} for name, item in items.items()},
        *(broken("stamp", None), broken("imports", [1]), broken("imports", "json"), broken("line", "1")),
        *(broken("signature", None), broken("doc", ["x"]), broken("defined", 1)),
    ],
)
def test_an_index_that_holds_something_else_is_ignored_and_written_anew(damage, entry, monkeypatch):
    sound = sources_of([entry])
    text = index().read_text()
    index().write_text(json.dumps(damage(json.loads(text))))
    assert sources_of([entry]) == sound
    assert json.loads(index().read_text()) == json.loads(text)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_an_index_that_is_no_json_is_ignored_and_written_anew(content, entry):
    sound = sources_of([entry])
    index().write_bytes(content)
    assert sources_of([entry]) == sound
    assert json.loads(index().read_text())


def test_a_cache_that_cannot_be_written_is_no_error(entry, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        monkeypatch.setenv("ZOO_HOME", str(home))
        assert sources_of([entry])[0].summary == "A good part."


def test_the_index_is_bounded_and_keeps_what_was_asked_for_last(entry, dist, monkeypatch):
    monkeypatch.setattr(source_index, "MOST", 2)
    files = {f"kept_{name}.py": f"class Good:\n    '''{name}'''\n" for name in "abc"}
    dist("more", files=files)
    for name in "abc":
        sources_of([entry, Entry("heads", name, f"kept_{name}:Good", "more", "1.0")])
    assert [Path(key.partition(":")[0]).stem for key in json.loads(index().read_text())] == ["kept_mod", "kept_c"]


def test_a_docstring_too_long_to_keep_is_told_all_the_same(entry, dist):
    dist("long", files={"kept_long.py": f"class Good:\n    '''{'x' * 9000}'''\n"})
    long = Entry("heads", "long", "kept_long:Good", "long", "1.0")
    assert [len(source.doc) for source in sources_of([long, entry])] == [9000, 12]
    assert len(json.loads(index().read_text())) == 1
