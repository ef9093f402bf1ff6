"""``zoo plugin new``: four files that are a whole plugin, or a sentence and nothing."""

import ast
import errno
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from zoo import document, scaffold
from zoo.errors import UsageError, ZooError
from zoo.kinds import KINDS, singular
from zoo.registry import Entry, Registry

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}([._-][a-z0-9]{1,3}){0,2}|(no|null|true|y|[a-z0-9._-]{1,9})", fullmatch=True)
HELLO = Path(__file__).parent.parent / "plugins" / "zoo-hello"


@pytest.fixture
def install(dist):
    """Install what a plugin's own pyproject.toml says, as pip would: ``install(plugin)``."""

    def make(plugin):
        files = plugin.files()
        project = tomllib.loads(files["pyproject.toml"])["project"]
        points = {group.removeprefix("zoo."): names for group, names in project["entry-points"].items()}
        inside = {path: text for path, text in files.items() if path.startswith(plugin.package)}
        recipe = f"recipes/{plugin.part}.yaml"
        site = dist(project["name"], files={**inside, f"{plugin.package}/{recipe}": files[recipe]}, points=points)
        with next(site.glob("*.dist-info")).joinpath("METADATA").open("a") as metadata:
            metadata.write(f"License-Expression: {project['license']}\n")
        return site

    return make


def told(zoo, *arguments):
    code, out, err = zoo("plugin", "new", *arguments)
    assert not out
    assert len(err.splitlines()) == 1
    return code, err.removeprefix("error: ").rstrip("\n")


def test_a_new_plugin_is_four_files_and_the_commands_that_follow_are_told(zoo):
    code, out, err = zoo("plugin", "new", "my-lab-mil")
    assert code == 0
    assert out.splitlines() == [
        "my-lab-mil/pyproject.toml",
        "my-lab-mil/my_lab_mil/my_head.py",
        "my-lab-mil/tests/test_my_head.py",
        "my-lab-mil/recipes/my-head.yaml",
    ]
    assert sorted(str(path) for path in Path().rglob("*") if path.is_file()) == sorted(out.splitlines())
    assert [line.partition("#")[0].strip() for line in err.splitlines()] == [
        "pip install -e my-lab-mil",
        "zoo ls heads",
        "zoo plugin check my-lab-mil",
        "zoo train my-lab-mil/recipes/my-head.yaml",
        "zoo plugin ls",
    ]


def test_programs_are_told_the_same_and_paths_are_quoted_for_a_shell(zoo):
    code, out, err = zoo(
        *("plugin", "new", "lab", "--kind", "losses", "--part", "hinge.v2", "--out", "a b/lab", "--format", "json")
    )
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "distribution": "lab",
        "package": "lab",
        "kind": "losses",
        "part": "hinge.v2",
        "folder": "a b/lab",
        "files": [
            f"a b/lab/{path}"
            for path in ("pyproject.toml", "lab/hinge_v2.py", "tests/test_hinge_v2.py", "recipes/hinge.v2.yaml")
        ],
        "next": [
            "pip install -e 'a b/lab'",
            "zoo ls losses",
            "zoo plugin check lab",
            "zoo train 'a b/lab/recipes/hinge.v2.yaml'",
            "zoo plugin ls",
        ],
    }
    points = tomllib.loads(Path("a b/lab/pyproject.toml").read_text())["project"]["entry-points"]
    assert points == {"zoo.losses": {"hinge.v2": "lab.hinge_v2:HingeV2"}, "zoo.recipes": {"lab": "lab:recipes"}}


def test_the_test_of_a_new_plugin_has_three_lines():
    text = scaffold.plan("my-lab-mil").files()["tests/test_my_head.py"]
    assert [line for line in text.splitlines() if line] == [
        "from zoo.testing import check_head",
        "def test_my_head_keeps_what_its_kind_promises() -> None:",
        '    check_head("my-head")',
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_of_a_new_part_of_every_kind_is_right_and_names_it(kind, install):
    from zoo import recipe, resolve

    plugin = scaffold.plan(f"lab-{kind}", kind)
    assert plugin == scaffold.plan(f"lab-{kind}", singular(kind))
    site = install(plugin)
    path = site / plugin.package / "recipes" / f"{plugin.part}.yaml"
    filled = resolve.fill(recipe.load(path))
    assert filled.entries[kind, plugin.part].distribution == plugin.distribution
    assert filled.data["name"] == plugin.part
    lines = path.read_text().splitlines()
    assert plugin.part in lines[0]
    assert lines[1] == "# yaml-language-server: $schema=../zoo.schema.json"
    assert f"zoo train {plugin.part}" in path.read_text()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "heads"])  # of heads, zoo-hello is asked
def test_a_new_part_of_every_kind_keeps_what_its_kind_promises(kind, install):
    from zoo import testing

    plugin = scaffold.plan(f"lab-{kind}", kind)
    install(plugin)
    found = getattr(testing, f"check_{singular(kind)}")(plugin.part)
    told = [str(one) for one in found if one.verdict != "PASS"]
    assert [one for one in told if "CUDA" not in one and "no file of yours" not in one] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_part_of_every_kind_says_what_it_does_and_where_it_comes_from(kind, install):
    from zoo.trace import references_of, source_of

    plugin = scaffold.plan(f"lab-{kind}", kind)
    install(plugin)
    entry = Registry().find(kind, plugin.part)
    source = source_of(entry)
    assert (source.problem, bool(source.summary)) == ("", True)
    assert references_of(entry)
    assert "$" not in Path(source.file).read_text()
    assert all(len(line) <= 120 for line in Path(source.file).read_text().splitlines())


def test_a_recipe_that_runs_on_what_a_plugin_brings_makes_that_a_requirement():
    requires = {
        kind: tomllib.loads(scaffold.plan("lab", kind).files()["pyproject.toml"])["project"]["dependencies"]
        for kind in KINDS
    }
    core = requires.pop("segmenters")
    assert {tuple(one) for one in requires.values()} == {("microscopy-zoo>=0.1,<0.2",)}
    assert core == ["microscopy-zoo>=0.1,<0.2", "zoo-cells>=0.1,<0.2"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_never_takes_the_name_of_what_its_own_file_imports(kind):
    for part in ("any", "mapping", "none", "dataset", "path", "segments"):
        plugin = scaffold.plan("lab", kind, part)
        tree = ast.parse(plugin.files()[f"lab/{part}.py"])
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert plugin.class_name not in imported
        assert plugin.class_name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


@settings(max_examples=60)
@given(
    name=NAMES | st.text(max_size=12),
    part=NAMES | st.text(max_size=12),
    kind=st.sampled_from(KINDS),
)
@example(name="class", part="x", kind="heads")
@example(name="lab", part="null", kind="heads")
@example(name="my.lab", part="a.v2", kind="tasks")
def test_names_are_refused_or_make_files_that_can_be_read(name, part, kind):
    try:
        plugin = scaffold.plan(name, kind, part)
    except UsageError as error:
        event("refused")
        sentence = str(error)
        assert (len(sentence.splitlines()), "; try " in sentence) == (1, True)
        return
    files = plugin.files()
    assert len(files) == 4
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == name
    target = project["entry-points"][f"zoo.{kind}"][part]
    assert target == f"{plugin.package}.{plugin.module}:{plugin.class_name}"
    tree = ast.parse(files[f"{plugin.package}/{plugin.module}.py"])
    assert plugin.class_name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    ast.parse(f"import {plugin.package}.{plugin.module}")
    ast.parse(files[f"tests/test_{plugin.module}.py"])
    assert document.parse(files[f"recipes/{part}.yaml"], "recipe").value["name"] == part


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("My_Lab MIL",),
            (
                "NAME should be 1 to 64 of a-z 0-9, with single - _ or . between them, and begin with a letter, "
                "not 'My_Lab MIL'; try my-lab-mil"
            ),
        ),
        (
            ("lab", "--part", "3d-Head"),
            (
                "--part should be 1 to 64 of a-z 0-9, with single - _ or . between them, and begin with a letter, "
                "not '3d-Head'; try my-3d-head"
            ),
        ),
        (("lab", "--kind", "haed"), "--kind 'haed' is no kind of part, did you mean head?"),
        (
            ("lab", "--kind", "quux"),
            (
                "--kind 'quux' is no kind of part, say one of encoder, head, loss, dataset, segmenter, transform, "
                "sampler, stage, task"
            ),
        ),
        (("lab", "--part", "null"), "--part 'null' is no text to YAML, which recipes are written in; try my-null"),
        (("lambda",), "NAME 'lambda' is a word of Python's, which no module can be called; try my-lambda"),
        (
            ("json",),
            "NAME 'json' makes a package 'json', and Python has a module of that name; choose another name",
        ),
        (
            ("lab", "--part", "mlp"),
            "head 'mlp' is that of microscopy-zoo 0.1.0 already; choose another name with --part",
        ),
    ],
)
def test_names_that_cannot_be_used_are_refused_in_one_sentence(zoo, arguments, sentence):
    assert told(zoo, *arguments) == (2, sentence)
    assert not list(Path().iterdir())


def test_a_package_that_is_installed_is_refused_with_its_place(zoo):
    code, sentence = told(zoo, "torch")
    assert code == 2
    assert re.fullmatch(
        r"NAME 'torch' makes a package 'torch', and there is a module of that name at \S+/torch/__init__\.py; "
        "choose another name",
        sentence,
    )


def test_a_part_of_a_plugin_that_is_known_and_not_installed_is_refused():
    with pytest.raises(UsageError, match=r"^segmenter 'watershed' is that of zoo-cells, which is not"):
        scaffold.refuse_taken(scaffold.plan("lab", "segmenter", "watershed"), Registry([]))


def test_a_part_that_two_plugins_claim_is_refused_with_both():
    claims = [Entry("heads", "x", f"{name}:X", name, "1.0") for name in ("one", "two")]
    with pytest.raises(UsageError, match=r"^head 'x' is claimed by one 1.0 and two 1.0; .*name with --part$"):
        scaffold.refuse_taken(scaffold.plan("lab", "head", "x"), Registry(claims))


def test_a_part_that_zoo_plugins_leaves_out_is_still_somebodys(dist, monkeypatch):
    dist("theirs", points={"heads": {"x": "theirs:X"}})
    monkeypatch.setenv("ZOO_PLUGINS", "")
    with pytest.raises(UsageError, match=r"^no head 'x' .*theirs, which ZOO_PLUGINS leaves out"):
        scaffold.refuse_taken(scaffold.plan("lab", "head", "x"))


def test_a_part_called_as_a_recipe_of_another_distribution_is_refused(zoo):
    sentence = "the recipe of the part would be called 'han', as one of microscopy-zoo 0.1.0 is"
    assert told(zoo, "lab", "--part", "han") == (2, f"{sentence}; choose another name with --part")


def test_a_name_that_a_part_had_before_is_not_given_to_another(dist):
    table = '[heads.old]\nnow = "mlp"\n'
    dist("theirs", files={"theirs/names.toml": table}, points={"names": {"theirs": "theirs:names.toml"}})
    with pytest.raises(UsageError, match=r"^head 'old' is a name that theirs 1.0 had for another part; choose another"):
        scaffold.refuse_taken(scaffold.plan("lab", "head", "old"))


def test_what_is_there_already_is_left_alone_and_an_empty_folder_is_filled(zoo):
    Path("lab").mkdir()
    Path("lab/notes.txt").write_text("mine")
    assert told(zoo, "lab") == (
        2,
        "lab: there is a folder with files in it; remove it, or name another place with --out DIR",
    )
    assert told(zoo, "lab", "--out", "lab/notes.txt") == (
        2,
        "lab/notes.txt: there is a file; remove it, or name another place with --out DIR",
    )
    assert Path("lab/notes.txt").read_text() == "mine"
    Path("empty").mkdir()
    assert zoo("plugin", "new", "lab", "--out", "empty")[0] == 0
    assert sorted(path.name for path in Path("empty").iterdir()) == ["lab", "pyproject.toml", "recipes", "tests"]


def test_a_place_that_cannot_be_written_is_told(zoo):
    Path("file").write_text("")
    assert told(zoo, "lab", "--out", "file/lab") == (
        1,
        "file/lab: cannot be written (Not a directory); nothing was, so name another place with --out DIR",
    )


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_fills_up_in_between_leaves_nothing(monkeypatch, there):
    written = Path.write_bytes

    def full(path, data):
        if path.suffix == ".yaml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, data)

    if there:
        Path("lab").mkdir()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ZooError, match=r"^lab: cannot be written \(No space left on device\); nothing was"):
        scaffold.write(scaffold.plan("lab"), Path("lab"))
    assert [str(path) for path in Path().rglob("*")] == (["lab"] if there else [])


def test_a_new_plugin_costs_no_heavy_import(tmp_path):
    code = (
        "import sys; from zoo.cli import main; sys.argv = ['zoo', 'plugin', 'new', 'lab']; "
        "\ntry: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'numpy', 'pandas', 'huggingface_hub') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_zoo_hello_is_what_a_new_plugin_is_byte_for_byte():
    files = scaffold.plan("zoo-hello", "head", "hello-head").files()
    for path, text in files.items():
        assert (HELLO / path).read_bytes() == text.encode(), path
    cached = {"__pycache__", ".pytest_cache"}
    there = {str(path.relative_to(HELLO)) for path in HELLO.rglob("*") if path.is_file() and not cached & {*path.parts}}
    assert there == set(files)


def test_recipes_travel_in_the_wheel_and_are_read_where_they_stand_while_one_works_on_them(tmp_path, monkeypatch):
    build = pytest.importorskip("hatchling.build", reason="hatchling builds wheels, and it is not installed here")
    plugin = scaffold.plan("my-lab-mil")
    scaffold.write(plugin, tmp_path / "lab")
    monkeypatch.chdir(tmp_path / "lab")
    names = {}
    for kind in ("build_wheel", "build_editable"):
        with zipfile.ZipFile(tmp_path / getattr(build, kind)(str(tmp_path))) as wheel:
            names[kind] = {name for name in wheel.namelist() if ".dist-info" not in name}
    assert names["build_wheel"] == {"my_lab_mil/my_head.py", "my_lab_mil/recipes/my-head.yaml"}
    assert names["build_editable"] == {"_editable_impl_my_lab_mil.pth"}
