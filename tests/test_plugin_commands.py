"""A plugin brings verbs: listed without being imported, imported when called, never in the place of one of ours."""

import sys
from itertools import count

import pytest

from zoo import doctor
from zoo.registry import Registry

APP = """\
import typer
from zoo.errors import DataError
app = typer.Typer()
@app.command()
def spots(path: str, *, times: int = 1):
    '''Align spots.'''
    typer.echo(f"{path} {times}")
@app.command()
def refuse():
    raise DataError("the slide has no pixel size; say --um-per-px")
"""
NUMBERS = count()
FUNCTION = "def align(path: str, *, times: int = 1) -> None:\n    '''Align it.'''\n    print(path * times)\n"


@pytest.fixture
def verb(dist):
    """Install a plugin with one verb: ``verb(code)`` or ``verb(code, "module:attribute")``."""

    def make(code, attribute="app", *, name="align", distribution="my-lab"):
        module = f"{distribution.replace('-', '_')}_verb_{next(NUMBERS)}"
        points = {"commands": {name: f"{module}:{attribute}"}}
        return dist(distribution, files={f"{module}.py": code}, points=points) / f"{module}.py"

    return make


def test_the_help_lists_a_verb_of_a_plugin_with_its_origin_and_imports_nothing_of_it(verb, zoo):
    module = verb("raise RuntimeError('nobody asked for code')\n").stem
    code, out, _ = zoo("--help")
    assert code == 0
    assert [line.split() for line in out.splitlines() if "my-lab" in line] == [["align", "from", "my-lab", "1.0"]]
    assert "\n  train " in out
    assert module not in sys.modules


def test_an_app_of_typer_is_a_group_of_verbs(verb, zoo):
    verb(APP)
    assert zoo("align", "spots", "a.csv", "--times", 3)[:2] == (0, "a.csv 3\n")
    code, out, _ = zoo("align", "--help")
    assert code == 0
    assert "zoo align" in out
    assert "Align spots." in out
    assert "completion" not in out


def test_a_function_is_a_verb(verb, zoo):
    verb(FUNCTION, "align")
    assert zoo("align", "ab", "--times", 2)[:2] == (0, "abab\n")
    code, _, err = zoo("align", "ab", "--tines", 2)
    assert code == 2
    assert "No such option: --tines" in err


def test_what_a_verb_refuses_has_its_sentence_and_its_exit_code_as_ours_have(verb, zoo):
    verb(APP)
    assert zoo("align", "refuse") == (3, "", "error: the slide has no pixel size; say --um-per-px\n")


def test_a_verb_of_ours_stays_what_it_is_and_the_claim_is_told(verb, zoo):
    module = verb("def train() -> None:\n    print('mine')\n", "train", name="train").stem
    assert "Train a recipe" in zoo("train", "--help")[1]
    said = "my-lab: its command 'train' is a verb of zoo itself, which stays what it is; give yours another name"
    assert Registry().troubles == [said]
    code, _, err = zoo("plugin", "ls")
    assert (code, err) == (0, f"error: {said}\n")
    assert module not in sys.modules


def test_a_verb_that_two_plugins_bring_is_refused_and_both_are_named(verb, zoo):
    verb(FUNCTION, "align")
    verb(FUNCTION, "align", distribution="other-lab")
    said = "command 'align' is claimed by my-lab 1.0 and other-lab 1.0; uninstall one of them, or set ZOO_PLUGINS to a"
    code, _, err = zoo("align", "x")
    assert code == 2
    assert err.startswith(f"error: {said} list of plugins without it")
    assert "align" not in zoo("--help")[1]
    assert said in zoo("plugin", "ls")[2]


def test_zoo_plugins_leaves_out_verbs_too(verb, zoo, monkeypatch):
    verb(FUNCTION, "align")
    monkeypatch.setenv("ZOO_PLUGINS", "")
    assert "align" not in zoo("--help")[1]
    said = (
        "error: no command 'align' is installed; it comes with my-lab, which ZOO_PLUGINS leaves out, so add it there\n"
    )
    assert zoo("align", "x") == (3, "", said)


def test_a_verb_that_does_not_exist_is_answered_with_the_nearest_a_plugins_too(verb, zoo):
    verb(FUNCTION, "align")
    assert "No such command 'aling'. Did you mean 'align', 'train'?" in zoo("aling")[2]
    assert "No such command 'trian'. Did you mean 'train'?" in zoo("trian")[2]


BROKEN = {
    "raises": ("import os\nraise OSError('no\\nlicence')\n", "(OSError: no licence) at {file}:2"),
    "lacks a package": (
        "x = 1\n\nimport no_such_pkg\n",
        "(ModuleNotFoundError: No module named 'no_such_pkg') at {file}:3",
    ),
    "is no Python": ("def app(:\n", " at {file}:1"),
    "leaves": ("import sys\nsys.exit(0)\n", "(SystemExit: 0) at {file}:2"),
    "lacks the attribute": ("", "has no attribute 'app')"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_verb_that_cannot_be_imported_is_one_sentence_with_file_and_line(case, verb, zoo):
    code, reason = BROKEN[case]
    file = verb(code)
    found, out, err = zoo("align", "x")
    assert (found, out, err.count("\n")) == (3, "", 1)
    assert err.startswith("error: command 'align' is provided by my-lab 1.0, which cannot be imported (")
    assert err.endswith(f"{reason.format(file=file)}; reinstall or remove that package\n")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("app = 3\n", "is a int and no function or app of typer; reinstall it"),
        ("class app: pass\n", "is a type and no function or app of typer; reinstall it"),
        ("import typer\napp = typer.Typer()\n", "cannot be called (RuntimeError: Could not get a command"),
        ("def app(x: 'Absent'): pass\n", "cannot be called (NameError: name 'Absent' is not defined); reinstall it"),
    ],
)
def test_what_is_no_verb_is_told_with_its_target(code, reason, verb, zoo):
    file = verb(code)
    found, _, err = zoo("align")
    assert (found, err.count("\n")) == (3, 1)
    assert err.startswith(f"error: command 'align' of my-lab 1.0 ({file.stem}:app) {reason}")


def test_a_mistake_in_a_plugins_verb_is_no_traceback(verb, zoo):
    verb("def app():\n    raise KeyError('spots')\n")
    code, _, err = zoo("align")
    assert (code, err) == (1, "error: unexpected KeyError: 'spots' (a mistake in zoo or a plugin; -v shows where)\n")


def test_doctor_imports_verbs_too_and_fails_on_one_that_cannot_be(verb, monkeypatch):
    monkeypatch.setattr(doctor, "KINDS", ())
    file = verb("raise OSError('no licence')\n")
    (found,) = doctor._components()
    assert (found.verdict, found.what) == ("FAIL", "commands")
    assert f"(OSError: no licence) at {file}:1;" in found.detail
