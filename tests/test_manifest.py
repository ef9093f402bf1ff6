"""A manifest lists what a package may hold; names that lead outside, code, and files that differ are each refused."""

import hashlib
import json
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import manifest
from zoo.errors import IntegrityError, MissingError
from zoo.manifest import MAX_FILES, MAX_NAME, Item, Manifest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ENTRY = {"sha256": EMPTY, "size": 0}


@pytest.fixture
def package(tmp_path):
    """Make a package: ``package({"a.json": b"{}"})``."""

    def make(files):
        folder = tmp_path / "package"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        (folder / "manifest.json").write_bytes(manifest.of(folder).dump())
        return folder

    return make


@pytest.fixture
def sound(package):
    return package({"a.json": b"{}", "figures/b.svg": b"<svg/>", "LICENSE": b"MIT"})


def text_of(files, number=1):
    return json.dumps({"format": number, "files": files}).encode()


def refused(work, *arguments, kind=IntegrityError):
    with pytest.raises(kind) as raised:
        work(*arguments)
    assert raised.value.exit_code == {IntegrityError: 5, MissingError: 3}[kind]
    assert "\n" not in str(raised.value)
    return str(raised.value)


# --- writing and reading -------------------------------------------------------------------------------------------


def test_a_manifest_has_the_sha256_and_the_size_of_every_file_and_is_read_back_the_same(sound):
    found = manifest.of(sound)
    assert list(found.files) == ["LICENSE", "a.json", "figures/b.svg"]
    assert found.files["a.json"] == Item(hashlib.sha256(b"{}").hexdigest(), 2)
    assert found.size == 11
    assert manifest.read(sound) == found
    assert manifest.verified(sound) == found


def test_the_same_files_make_the_same_bytes_in_whatever_order_they_are_given():
    one, two = Item(EMPTY, 0), Item("0" * 64, 1)
    assert Manifest({"a": one, "b": two}).dump() == Manifest({"b": two, "a": one}).dump()


def test_what_the_hub_puts_into_a_repository_is_no_matter(sound):
    (sound / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    assert ".gitattributes" not in manifest.verified(sound).files


def test_a_folder_without_a_manifest_is_no_package():
    Path("folder").mkdir()
    sentence = refused(manifest.verified, Path("folder"), kind=MissingError)
    assert sentence == "folder: is no package of zoo (it has no manifest.json); 'zoo push' makes one of a run"


def test_a_manifest_of_a_newer_format_is_answered_with_the_command_that_upgrades():
    for files in ({"a.json": ENTRY}, [["a.json", EMPTY]], None):  # another format may keep its files otherwise
        sentence = refused(manifest.parse, text_of(files, 2), "m", kind=MissingError)
        assert sentence == "m: is of format 2, this zoo reads format 1; upgrade with: pip install -U microscopy-zoo"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not valid JSON (Expecting value: line 1 column 1 (char 0)); restore a copy"),
        (b"[" * 100_000, "is nested too deeply to be read; do not trust it"),
        (b"[]", "is no manifest (its format is None); pull the package again"),
        (b"{}", "is no manifest (its format is None); pull the package again"),
        (text_of({"a.json": ENTRY}, True), "is no manifest (its format is True); pull the package again"),
        (text_of({"a.json": ENTRY}, "1"), "is no manifest (its format is 1); pull the package again"),
        (text_of({"a.json": ENTRY}, 0), "is no manifest (its format is 0); pull the package again"),
        (text_of({"a.json": ENTRY}, 1.0), "is no manifest (its format is 1.0); pull the package again"),
        (text_of({}), "is no manifest (it lists no files); pull the package again"),
        (text_of([]), "is no manifest (it lists no files); pull the package again"),
        (text_of(None), "is no manifest (it lists no files); pull the package again"),
        (b'{"format": 1}', "is no manifest (it lists no files); pull the package again"),
    ],
)
def test_what_is_no_manifest_is_refused(content, why):
    assert refused(manifest.parse, content, "m") == f"m: {why}"


def test_a_manifest_without_end_is_refused_before_it_is_parsed(sound):
    os.truncate(sound / "manifest.json", 2**24 + 1)
    assert refused(manifest.verified, sound) == (
        f"{sound}/manifest.json: is longer than the 16,777,216 bytes that zoo reads of such a file; do not trust it"
    )


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        EMPTY,
        {},
        {"sha256": EMPTY},
        {"size": 0},
        {"sha256": EMPTY, "size": True},
        {"sha256": EMPTY, "size": -1},
        {"sha256": EMPTY, "size": 1.0},
        {"sha256": EMPTY, "size": "0"},
        {"sha256": EMPTY, "size": None},
        {"sha256": EMPTY.upper(), "size": 0},
        {"sha256": EMPTY[:-1], "size": 0},
        {"sha256": f"{EMPTY}\n", "size": 0},
        {"sha256": "g" * 64, "size": 0},
        {"sha256": "\N{FULLWIDTH DIGIT ZERO}" * 64, "size": 0},
        {"sha256": 0, "size": 0},
    ],
)
def test_an_entry_that_could_not_be_checked_is_refused(entry):
    expected = "m: a.json has no sha256 and size that could be checked; pull the package again"
    assert refused(manifest.parse, text_of({"a.json": entry}), "m") == expected


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x.json", "a/../../b", "a/../b.json", "a/./b.json", "a//b.json", "a/", "/etc/x.json"),
        *("//host/x.json", "C:/x.json", "C:x.json", "a\\b.json", "..\\x.json", "a\0.json", "a\n.json", "\x1b[2J.json"),
        *("~/x.json", "~root/x.json", "-rf.json", ".hidden.json", "a/.git/x.json", "a b.json", "é.json", "\ud800.json"),
        *("a.json\n", "a.json ", "$(reboot).json", "`reboot`.json", "%2e%2e/x.json", "x.json?y", "*.json", "a:b.json"),
        "x" * 129,
    ],
)
def test_a_name_that_is_not_plainly_inside_the_package_is_refused(name):
    sentence = refused(manifest.refuse_names, ["a.json", name], "m")
    assert sentence == f"m: lists {name[:120]!r}, which is no plain name inside the package; do not use it"
    assert sentence.isprintable()
    assert "no plain name" in refused(manifest.parse, text_of({name: ENTRY}), "m")


def test_a_name_longer_than_any_disk_takes_is_refused_in_a_short_sentence():
    name = "/".join(["a" * 100] * 1000)
    sentence = refused(manifest.refuse_names, [name], "m")
    assert sentence.endswith(f"', which has 100,999 characters, and a name has at most {MAX_NAME}; shorten it")
    assert len(sentence) < 250


@pytest.mark.parametrize(
    "suffix", ["pt", "pth", "bin", "pkl", "pickle", "ckpt", "joblib", "npy", "npz", "h5", "PT", "Bin"]
)
def test_a_file_that_may_hold_pickled_objects_is_refused_with_the_way_to_convert_it(suffix):
    sentence = refused(manifest.refuse_names, [f"weights/model.{suffix}"], "m")
    assert sentence == (
        f"m: lists 'weights/model.{suffix}', which may hold pickled objects, and those can run code when they are "
        "read; on a machine that may be lost, convert it: torch.load(path, weights_only=True), then "
        "safetensors.torch.save_file(tensors, new)"
    )


@pytest.mark.parametrize(
    "name", ["setup.py", "run.sh", "model.so", "a.zip", "a.tar.gz", "README", "license", "a.json.", "LICENSE.exe"]
)
def test_a_file_of_a_kind_that_no_package_holds_is_refused_with_those_it_may(name):
    sentence = refused(manifest.refuse_names, [name], "m")
    assert sentence.startswith(f"m: lists {name!r}, and zoo takes no such file; a package holds LICENSE and .cff, .csv")


@pytest.mark.parametrize(
    "name", ["LICENSE", "README.md", "a/b/c.png", "model.safetensors", "A-1_b.2.json", ".gitattributes"]
)
def test_a_plain_name_is_taken(name):
    manifest.refuse_names([name], "m")


def test_two_names_that_differ_in_case_only_are_refused():
    sentence = refused(manifest.parse, text_of({"README.md": ENTRY, "readme.md": ENTRY}), "m")
    assert sentence == "m: lists README.md and readme.md, which are one file on some disks; rename one"


def test_a_package_has_a_bounded_number_of_files(package):
    names = [f"{number}.json" for number in range(MAX_FILES + 1)]
    manifest.refuse_names(names[:-1], "m")
    expected = f"m: lists more than the {MAX_FILES} files that a package may have"
    assert refused(manifest.refuse_names, names, "m") == expected
    folder = package({"0.json": b""})
    for name in names:
        (folder / name).touch()
    assert refused(manifest.verified, folder).endswith(f"has more than the {MAX_FILES} files that a package may have")


def test_a_package_with_a_file_that_no_package_holds_gets_no_manifest(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"x")
    assert "may hold pickled objects" in refused(manifest.of, tmp_path)


pieces = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "a", "B", ".json", "LICENSE", "\0", "~", "C:", " ", "\n", "-", "é", "x" * 100]
    ),
    max_size=8,
)


@given(pieces.map("".join) | st.text(st.characters()))
def test_whatever_the_name_what_is_taken_lies_inside_the_folder(name):
    with suppress(IntegrityError):
        manifest.refuse_names([name], "m")
        path = Path("/folder") / name
        assert Path(os.path.normpath(path)) == path
        assert path.is_relative_to("/folder")
        assert path != Path("/folder")
        assert name.isprintable()


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_file_that_was_cut_short_is_told_by_its_size(sound):
    (sound / "a.json").write_bytes(b"{")
    expected = f"{sound}/a.json: has 1 bytes, its manifest says 2; pull the package again"
    assert refused(manifest.verified, sound) == expected


def test_a_file_that_was_changed_and_kept_its_size_is_told_by_its_sha256(sound):
    (sound / "a.json").write_bytes(b"[]")
    sentence = refused(manifest.verified, sound)
    found, wanted = hashlib.sha256(b"[]").hexdigest()[:12], hashlib.sha256(b"{}").hexdigest()[:12]
    assert sentence.startswith(f"{sound}/a.json: is not the file that was published (sha256 {found}..., its manifest")
    assert sentence.endswith(f"says {wanted}...); pull the package again")


def test_a_file_that_is_missing_is_named(sound):
    (sound / "figures" / "b.svg").unlink()
    expected = f"{sound}/figures/b.svg: is missing, but its manifest names it; pull the package again"
    assert refused(manifest.verified, sound) == expected


@pytest.mark.parametrize("name", ["more.json", "figures/more.svg"])
def test_a_file_that_is_too_many_is_named(name, sound):
    (sound / name).write_bytes(b"{}")
    expected = f"{sound}/{name}: is not named by its manifest; remove it, or push the package anew"
    assert refused(manifest.verified, sound) == expected


@pytest.mark.parametrize(
    ("name", "why"), [("model.pt", "pickled"), (".git/x.json", "no plain name"), ("x.py", "no such")]
)
def test_a_file_too_many_that_no_package_holds_is_refused_for_what_it_is(name, why, sound):
    (sound / name).parent.mkdir(exist_ok=True)
    (sound / name).write_bytes(b"x")
    assert why in refused(manifest.verified, sound)


@pytest.mark.parametrize("name", ["manifest.json", ".gitattributes"])
def test_a_manifest_that_names_what_is_no_part_of_a_package_is_refused(name, sound):
    found = manifest.of(sound)
    (sound / ".gitattributes").touch()
    (sound / "manifest.json").write_bytes(Manifest({**found.files, name: Item(EMPTY, 0)}).dump())
    assert "is missing, but its manifest names it" in refused(manifest.verified, sound)


def test_a_manifest_that_is_not_the_pinned_one_is_refused(sound):
    pinned = manifest.sha256_of(sound / "manifest.json")
    assert manifest.verified(sound, sha256=pinned)
    (sound / "a.json").write_bytes(b"[]")
    (sound / "manifest.json").write_bytes(manifest.of(sound).dump())
    assert refused(manifest.verified, sound, None, pinned) == (
        f"{sound}/manifest.json: is not the one that the catalogue pins (sha256 {pinned[:12]}...); "
        "pull or install it again"
    )


def test_the_sha256_of_a_file_that_cannot_be_read_is_told_with_the_reason():
    sentence = refused(manifest.sha256_of, Path("gone.json"))
    assert sentence == "gone.json: cannot be read (No such file or directory); restore a copy"


# --- links ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.json", "/", "..", "a-loop.json"])
def test_a_link_that_leads_outside_the_package_or_to_itself_is_refused(target, sound):
    (sound.parent / "secret.json").write_bytes(b"{}")
    (sound / "a-loop.json").symlink_to(target)
    expected = f"{sound}: a-loop.json is a link that leads outside the package; replace it by the file itself"
    assert refused(manifest.verified, sound) == expected


def test_a_file_that_was_replaced_by_a_link_to_the_same_content_outside_is_refused(sound):
    (sound.parent / "same.json").write_bytes(b"{}")
    (sound / "a.json").unlink()
    (sound / "a.json").symlink_to("../same.json")
    assert "a.json is a link that leads outside the package" in refused(manifest.verified, sound)


def test_a_manifest_that_is_a_link_is_refused_before_it_is_read(sound):
    (sound.parent / "secret").write_text("not JSON")
    (sound / "manifest.json").unlink()
    (sound / "manifest.json").symlink_to("../secret")
    assert "manifest.json is a link that leads outside the package" in refused(manifest.verified, sound)


def test_the_name_of_a_link_does_nothing_to_a_terminal(sound):
    (sound / "\x1b[2J").symlink_to("/etc")
    assert refused(manifest.verified, sound).isprintable()


def test_a_folder_inside_that_is_a_link_is_refused_wherever_it_leads(sound):
    (sound / "more").symlink_to("figures")
    assert refused(manifest.verified, sound) == f"{sound}: more is no plain file; remove it from the package"


def test_what_is_neither_file_nor_folder_is_refused(sound):
    os.mkfifo(sound / "pipe.json")
    assert refused(manifest.verified, sound) == f"{sound}: pipe.json is no plain file; remove it from the package"
    (sound / "pipe.json").unlink()
    (sound / "broken.json").symlink_to("gone.json")
    assert refused(manifest.verified, sound) == f"{sound}: broken.json is no plain file; remove it from the package"


def test_links_may_lead_where_a_cache_keeps_its_files_and_nowhere_else(tmp_path):
    home = tmp_path / "cache"
    (home / "blobs").mkdir(parents=True)
    (home / "snapshot").mkdir()
    (home / "blobs" / "1").write_bytes(b"{}")
    (home / "snapshot" / "a.json").symlink_to("../blobs/1")
    text = Manifest({"a.json": Item(hashlib.sha256(b"{}").hexdigest(), 2)}).dump()
    (home / "snapshot" / "manifest.json").write_bytes(text)
    assert list(manifest.verified(home / "snapshot", home).files) == ["a.json"]
    assert "leads outside" in refused(manifest.verified, home / "snapshot")
    (home / "snapshot" / "a.json").unlink()
    (home / "snapshot" / "a.json").symlink_to("../../other")
    assert "leads outside" in refused(manifest.verified, home / "snapshot", home)


# --- headers of safetensors ----------------------------------------------------------------------------------------


def weights(length, rest=b"{}"):
    return struct.pack("<Q", length) + rest


@pytest.mark.parametrize(
    ("content", "length"),
    [
        (weights(100 * 2**20), "104,857,600"),
        (weights(2**64 - 1), "18,446,744,073,709,551,615"),
        (weights(3), "3"),
        (weights(1), "1"),
        (weights(0), "0"),
        (b"1234567", "0"),
        (b"", "0"),
    ],
    ids=["100 MB", "all there is", "more than the file", "less than {}", "none", "cut short", "empty"],
)
def test_a_header_of_unreasonable_length_is_refused_before_anything_parses_it(content, length, package, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    folder = package({"model.safetensors": content})
    expected = f"says that its header has {length} bytes, zoo reads 2 to 16,777,216; do not trust it"
    assert refused(manifest.verified, folder) == f"{folder}/model.safetensors: {expected}"


def test_a_header_of_100_mb_that_is_really_there_is_refused(package, monkeypatch):
    monkeypatch.setattr(manifest, "MAX_HEADER", 10)
    folder = package({"sub/MODEL.SAFETENSORS": weights(11, b" " * 20)})
    assert "says that its header has 11 bytes, zoo reads 2 to 10" in refused(manifest.verified, folder)


def test_a_header_of_a_reasonable_length_is_taken(package):
    assert manifest.verified(package({"model.safetensors": weights(2)}))


# --- properties ----------------------------------------------------------------------------------------------------


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just(EMPTY),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["format", "files", "sha256", "size", "a.json"]) | st.text(), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_anything_but_an_error_on_purpose(content):
    with suppress(IntegrityError, MissingError):
        manifest.parse(content, "m")


@given(values)
def test_no_list_of_files_raises_anything_but_an_error_on_purpose_and_what_is_taken_can_be_written(files):
    with suppress(IntegrityError, MissingError):
        found = manifest.parse(text_of(files), "m")
        assert manifest.parse(found.dump(), "again") == found
