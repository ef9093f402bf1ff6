"""A model is found by name, address or folder; what is broken in a catalogue is told, and harms nothing else."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import catalogue
from zoo.catalogue import source_of
from zoo.errors import MissingError, UsageError, ZooError
from zoo.registry import Entry, Registry

COMMIT, SHA256 = "abcde01234" * 4, "0123456789abcdef" * 4
HUB = f"""\
[my-model]
summary = "Counts cells, trained on forty slides."
source = "my-org/my-model"
revision = "{COMMIT}"
sha256 = "{SHA256}"
"""
INSIDE = f'[my-model]\nsource = "cards/my-model"\nsha256 = "{SHA256}"\n'


@pytest.fixture
def lab(dist):
    """Install a distribution that offers a model: ``lab(text of models.toml)``."""

    def make(table=HUB, name="my-lab", package="my_pkg", target="{}:models.toml", files=None, model="my-model"):
        files = {f"{package}/__init__.py": "raise RuntimeError('never run')\n", **(files or {})}
        files = files if table is None else {**files, f"{package}/models.toml": table}
        return dist(name, files=files, points={"models": {model: target.format(package)}}) / package

    return make


def listed(name="my-model"):
    (found,) = [model for model in catalogue.models() if model.name == name]
    return found


def refused(text, kind):
    with pytest.raises(kind) as raised:
        source_of(text)
    assert raised.value.exit_code == {UsageError: 2, MissingError: 3}[kind]
    assert str(raised.value).isprintable()
    return str(raised.value)


# --- what a user types ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "repo", "revision"),
    [
        ("org/name", "org/name", "main"),
        ("org/name@v1", "org/name", "v1"),
        ("org/name@refs/pr/1", "org/name", "refs/pr/1"),
        (f"org/name@{COMMIT}", "org/name", COMMIT),
        ("hf://org/name", "org/name", "main"),
        ("hf://org/name@v1.0", "org/name", "v1.0"),
        ("Org-1/Name_2.x", "Org-1/Name_2.x", "main"),
    ],
)
def test_an_address_is_a_repository_of_the_hub_at_a_revision(text, repo, revision):
    found = source_of(text)
    assert (found.name, found.folder, found.repo, found.revision, found.sha256) == (text, None, repo, revision, "")
    assert str(found) == f"{repo}@{revision}"
    assert found.pinned == (revision == COMMIT)


@pytest.mark.parametrize("text", ["org/name", "name", "./name", "a b/ü", "org/name@v1", "a/b/c", "..", "/tmp"])
def test_a_folder_that_is_there_is_taken_before_any_name_or_address(text):
    Path(text).mkdir(parents=True, exist_ok=True)
    found = source_of(text)
    assert (found.folder, found.repo) == (Path(text), "")
    assert str(found) == str(Path(text))


def test_a_folder_in_the_users_home_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert source_of("~/model").folder == tmp_path / "model"


def test_an_address_with_hf_is_the_hub_even_where_there_is_such_a_folder():
    Path("hf:/org/name").mkdir(parents=True)
    Path("org/name").mkdir(parents=True)
    assert (source_of("hf://org/name").folder, source_of("hf://org/name").repo) == (None, "org/name")


@pytest.mark.parametrize(
    "text",
    [
        "a/b/c",
        "../x",
        "/no/such",
        "~/no-such",
        "~nobody-at-all/x",
        "org/",
        "org/name@",
        "org/.name",
        "./name",
        "-o/name",
    ],
)
def test_a_path_that_leads_nowhere_is_a_missing_folder(text):
    way = "name a folder, org/name, or one of 'zoo ls models'"
    assert refused(text, MissingError) == f"{text}: there is no such folder; {way}"


@pytest.mark.parametrize("text", ["org/name@../../x", "org/name@a..b", "org/name@-x", "org/name@v1@v2", "org/name@a b"])
def test_a_revision_that_could_be_none_is_refused(text):
    assert "there is no such folder" in refused(text, MissingError)
    assert "is no model; say a folder, org/name, " in refused(f"hf://{text}", UsageError)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "Name", "-name", "a b", "name@v1", "é", "a\\b", "C:\\x", "a\0b", "\x1b[2J", "a\nb", "x" * 5000),
        *("hf://", "hf://name", "hf://a/b/c", "hf://../x", "hf://org/name@", "https:", "~nobody-at-all", "\ud800"),
    ],
)
def test_what_is_neither_name_nor_address_nor_folder_is_a_mistake_of_the_call(text):
    assert refused(text, UsageError) == (
        f"{text[:200]!r} is no model; say a folder, org/name, org/name@revision, hf://org/name@revision, "
        "or a name of 'zoo ls models'"
    )


@pytest.mark.parametrize("text", ["a/\x1b[2J", "a/b\0", "a/\nb", "a/" * 3000, "a/\ud800"])
def test_a_path_of_any_characters_and_length_is_told_on_one_short_line(text):
    assert len(refused(text, MissingError)) < 250


# --- names ---------------------------------------------------------------------------------------------------------


def test_a_name_is_a_pinned_address_of_the_hub(lab):
    lab()
    found = source_of("my-model")
    assert (found.repo, found.revision, found.sha256, found.pinned) == ("my-org/my-model", COMMIT, SHA256, True)
    assert listed().summary == "Counts cells, trained on forty slides."
    assert (listed().distribution, listed().source, listed().problem) == ("my-lab", found, "")


def test_a_name_may_be_a_folder_inside_the_package_or_beside_it(lab):
    package = lab(INSIDE, files={"cards/my-model/manifest.json": "{}"})
    assert source_of("my-model").folder == package.parent / "cards" / "my-model"
    (package / "cards" / "my-model").mkdir(parents=True)
    found = source_of("my-model")
    assert (found.folder, found.sha256) == (package / "cards" / "my-model", SHA256)


def test_a_name_that_is_unknown_is_answered_with_the_nearest_or_with_all(lab):
    lab()
    assert refused("my-modle", MissingError) == (
        "there is no model 'my-modle' in the catalogue, did you mean my-model?"
    )
    assert refused("xyzzy", MissingError).startswith("there is no model 'xyzzy' in the catalogue; known models: ")
    assert "my-model" in refused("xyzzy", MissingError)


def test_a_name_that_two_distributions_claim_is_refused_and_both_are_named(lab, zoo):
    lab()
    lab(name="other-lab", package="other_pkg")
    expected = "model 'my-model' is claimed by my-lab 1.0 and other-lab 1.0; uninstall one of them, or set ZOO_PLUGINS"
    assert refused("my-model", UsageError).startswith(expected)
    assert "my-model" not in [model.name for model in catalogue.models()]
    assert f"error: {expected}" in zoo("ls", "models")[2]


def test_a_name_that_zoo_plugins_leaves_out_is_told_with_its_distribution(lab, monkeypatch):
    lab()
    monkeypatch.setenv("ZOO_PLUGINS", "")
    assert "it comes with my-lab, which ZOO_PLUGINS leaves out, so add it there" in refused("my-model", MissingError)
    assert "my-model" not in [model.name for model in catalogue.models()]


BROKEN = {
    "no TOML": ("[my-model\n", "{}/models.toml: Expected ']'"),
    "no text": (None, "my_pkg:models.toml is no table of models inside a package; reinstall my-lab"),
    "no table": ("[other]\n", "{}/models.toml: has no table [my-model]"),
    "no table but a number": ("my-model = 1\n", "{}/models.toml: has no table [my-model]"),
    "a number of thousands of digits": (f"x = {'9' * 5000}\n", "{}/models.toml: Exceeds the limit"),
    "nested without end": (f"x = {'[' * 100_000}", "{}/models.toml: "),
    "no end": ("#" * 2**20 + "\n", "{}/models.toml: is longer than the 1,048,576 bytes"),
    "a branch": (HUB.replace(COMMIT, "main"), "{}/models.toml: [my-model]: source is org/name and revision the 40 hex"),
    "a short commit": (HUB.replace(COMMIT, COMMIT[:7]), "{}/models.toml: [my-model]: source is org/name and revision"),
    "no address": (HUB.replace("my-org/", "../"), "{}/models.toml: [my-model]: source is org/name and revision the 40"),
    "no sha256": (HUB.replace(SHA256, ""), "{}/models.toml: [my-model]: sha256 is the 64 hex digits of the package's"),
    "another sha256": (HUB.replace(SHA256, SHA256.upper()), "{}/models.toml: [my-model]: sha256 is the 64 hex digits"),
    "no revision": (HUB.replace("revision", "tag"), "{}/models.toml: [my-model]: the folder my-org/my-model is not"),
    "a list": (HUB.replace(f'"{COMMIT}"', "[1]"), "{}/models.toml: [my-model]: source, revision and sha256 are texts"),
    "a folder above": (INSIDE.replace("cards", ".."), "{}/models.toml: [my-model]: source '../my-model' is neither"),
    "a path of the root": (
        INSIDE.replace("cards/my-model", "/etc"),
        "{}/models.toml: [my-model]: source '/etc' is nei",
    ),
    "itself": (INSIDE.replace("cards/my-model", "."), "{}/models.toml: [my-model]: source '.' is neither a folder of"),
    "no folder": (INSIDE, "{}/models.toml: [my-model]: the folder cards/my-model is not there"),
    "a NUL": (INSIDE.replace("cards/", r"\u0000"), "{}/models.toml: [my-model]: the folder '\\x00my-model' is not"),
    "a long path": (INSIDE.replace("cards/", "x" * 300), "{}/models.toml: [my-model]: the folder xxxxxxxx"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_in_a_table_is_told_wherever_the_name_is_used(case, lab, zoo):
    table, problem = BROKEN[case]
    package = lab(table)
    found = listed()
    assert found.problem.startswith(problem.format(package))
    assert found.source is None
    expected = f"model 'my-model' of my-lab cannot be used: {problem.format(package)}"
    assert refused("my-model", MissingError).startswith(expected)
    code, out, err = zoo("ls", "models")
    assert code == 0
    assert f"error: models my-model of my-lab is broken: {problem.format(package)}" in err
    assert "my-model" in out


def test_a_table_that_is_no_utf_8_is_told_once_with_its_path(lab):
    package = lab()
    (package / "models.toml").write_bytes(b"\xff")
    assert listed().problem == f"{package}/models.toml: is not UTF-8 text (byte 0); restore a copy"


@pytest.mark.parametrize(
    "target",
    [
        *("{}", "{}:", "{}:.", "{}:gone.toml", "no_such_pkg:models.toml", "{}.inner:models.toml", "json.tool:x.toml"),
        *(
            "{}:../secret.toml",
            "{}:/etc/passwd",
            ":models.toml",
            ".{}:models.toml",
            "sys:models.toml",
            "{}:" + "x" * 300,
        ),
    ],
)
def test_a_target_that_is_no_file_inside_a_package_is_told_and_nothing_is_run_or_read(target, lab):
    lab(target=target, files={"secret.toml": HUB, "my_pkg/inner/models.toml": HUB})
    assert listed().problem == f"{target.format('my_pkg')} is no table of models inside a package; reinstall my-lab"


def test_a_registered_name_that_nobody_could_type_is_told(lab):
    lab(model="My Model")
    expected = "a name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit, not 'My Model'"
    assert listed("My Model").problem == expected


def test_one_broken_name_hides_no_other(lab, zoo):
    lab("[my-model\n", name="broken-lab", package="broken_pkg")
    lab(HUB.replace("[my-model]", "[sound]"), model="sound")
    assert listed("sound").problem == ""
    assert source_of("sound").repo == "my-org/my-model"
    code, out, _ = zoo("ls", "models")
    assert code == 0
    assert "Counts cells, trained on forty slides." in out


def test_a_summary_of_several_lines_is_shown_on_one(lab, zoo):
    lab(HUB.replace('"Counts cells, trained on forty slides."', '"""Counts\n  cells."""'))
    assert "Counts cells." in zoo("ls", "models")[1]


def test_programs_are_told_where_a_model_lies_and_its_sha256(lab, zoo):
    lab()
    (row,) = [
        row for row in json.loads(zoo("ls", "models", "--format", "json")[1])["entries"] if row["name"] == "my-model"
    ]
    assert (row["source"], row["sha256"], row["problem"]) == (f"my-org/my-model@{COMMIT}", SHA256, "")


# --- properties ----------------------------------------------------------------------------------------------------


pieces = st.lists(
    st.sampled_from(
        ["hf://", "org", "/", "@", "..", ".", "~", "v1", COMMIT, "\0", "\x1b", "\ud800", " ", "-", "x" * 100]
    )
)
texts = st.text(st.characters()) | pieces.map("".join)


@given(texts)
def test_whatever_is_typed_is_a_folder_that_is_there_an_address_or_an_error_on_purpose(text):
    with suppress(ZooError):
        found = source_of(text)
        assert found.folder is None or found.folder.is_dir()
        assert bool(found.folder) != bool(found.repo)
        assert not found.repo or catalogue.REPO.fullmatch(found.repo)
        assert ".." not in found.revision


@given(texts, texts)
def test_whatever_a_distribution_registers_the_catalogue_can_be_listed(name, target):
    entries = [Entry("models", name, f"{package}:{target}", "my-lab", "1.0") for package in ("zoo", target)]
    for entry in entries:
        (found,) = catalogue.models(Registry([entry]))
        assert found.problem
