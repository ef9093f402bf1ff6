"""``zoo plugin check``: all that a distribution brings, its mistakes with file and line, whatever they do."""

import json
import subprocess
import sys

import pytest

from zoo.testing import distribution
from zoo.testing.distribution import Part, examined, parts_of

HEAD = """\
import torch
from torch import nn


class Good(nn.Module):
    '''Logits of items: features [B, F] -> ``logits`` [B, K].

    References
    ----------
    Ours.
    '''

    def __init__(self, *, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.net = nn.Linear(in_features, num_classes)

    def forward(self, features, batch):
        return {"logits": self.net(features)}


class Wrong(Good):
    '''Ours: the number of rows is wrong.'''

    def forward(self, features, batch):
        return {"logits": self.net(features)[:-1]}


class Crashes(Good):
    '''Ours: ends the process when it is called.'''

    def forward(self, features, batch):
        import ctypes

        return ctypes.string_at(0)


class Leaves(Good):
    '''Ours: ends the process in another way.'''

    def forward(self, features, batch):
        import os

        os._exit(0)


class Loose(Good):
    '''Ours: a parameter that nobody can check.'''

    def __init__(self, *, in_features: int, width=3) -> None:
        super().__init__(in_features=in_features, num_classes=width)
"""
LICENCE = "License-Expression: Apache-2.0\n"


@pytest.fixture
def lab(dist):
    """Install a distribution with good and bad parts; return its folder."""
    heads = {"a-crash": "lab_heads:Crashes", "b-leaver": "lab_heads:Leaves", "c-good": "lab_heads:Good"}
    heads |= {"d-wrong": "lab_heads:Wrong", "e-loose": "lab_heads:Loose", "mean": "lab_heads:Good"}
    heads |= {"f-nowhere": "lab_heads:Nobody", "g-needy": "lab_needy:Head", "h-loud": "lab_loud:Good"}
    files = {"lab_heads.py": HEAD, "lab_needy.py": "import not_there_at_all\n", "lab_loud.py": f"{HEAD}\nprint('hi')\n"}
    site = dist("my-lab", files=files, points={"heads": heads, "hats": {"x": "y:z"}})
    info = site / "my_lab-1.0.dist-info"
    (info / "METADATA").write_text((info / "METADATA").read_text() + LICENCE)
    return site


def test_every_part_is_gone_through_and_each_mistake_named_with_its_line(lab, zoo):
    code, out, _ = zoo("plugin", "check", "my-lab", "--format", "json")
    told = json.loads(out)
    assert code == 5
    assert set(told) == {"distribution", "version", "parts", "passed"}
    assert (told["distribution"], told["version"], told["passed"]) == ("my-lab", "1.0", False)
    wrong = {
        part["name"]: [(c["check"], c["message"], c["place"]) for c in part["checks"] if c["verdict"] == "FAIL"]
        for part in told["parts"]
    }
    assert wrong["c-good"] == []
    expected = {
        "my-lab": ("entry points", "'zoo.hats' are of no kind that zoo knows; known are encoders", "entry_points.txt"),
        "a-crash": ("process", "ends the process (Fatal Python error: Segmentation fault)", "lab_heads.py:34"),
        "b-leaver": ("outputs", "calls os._exit(0)", "lab_heads.py:43"),
        "d-wrong": ("outputs", "'logits' is [3, 2] for 4 items; its first dimension is B", "lab_heads.py:24"),
        "e-loose": ("signature", "parameter 'width' has no annotation", "lab_heads.py:49"),
        "f-nowhere": ("import", "lab_heads:Nobody points nowhere", "entry_points.txt:8"),
        "g-needy": ("import", "pip install not_there_at_all", "lab_needy.py:1"),
        "h-loud": ("import", "prints 'hi' when it is imported", "lab_loud.py:52"),
        "mean": ("name", "head 'mean' is claimed by my-lab 1.0 and microscopy-zoo", "entry_points.txt:7"),
    }
    for name, (check, sentence, place) in expected.items():
        (found,) = wrong[name]
        assert found[0] == check, name
        assert sentence in found[1], name
        assert found[2].endswith(place), (name, found)


def test_zoo_ls_still_lists_what_is_there(lab, zoo):
    code, out, err = zoo("ls", "heads")
    assert code == 0
    assert "c-good" in out
    assert "gated-abmil" in out
    assert "head 'mean' is claimed by my-lab 1.0 and microscopy-zoo" in err
    assert "g-needy of my-lab 1.0 is broken: needs the package 'not_there_at_all'" in err


def test_what_was_found_is_shown_as_a_table_with_a_count(lab, zoo):
    code, out, _ = zoo("plugin", "check", "my-lab", "--only", "f-nowhere")
    head, name, broken, sentence, count = out.splitlines()
    assert code == 5
    assert head.split() == ["part", "check", "verdict"]
    assert name.split() == ["head", "f-nowhere", "name", "PASS"]
    assert broken.split() == ["head", "f-nowhere", "import", "FAIL"]
    assert sentence.startswith("    lab_heads:Nobody points nowhere (")
    assert count == "my-lab 1.0: 1 passed, 1 failed"


def test_a_part_that_does_not_come_to_an_end_has_failed_and_the_others_go_on(lab):
    found = [findings[-1] for _, findings in examined("my-lab", only=["a-crash", "c-good"], limit_s=0.01)]
    assert [one.message.partition(";")[0] for one in found] == ["does not end within 0.01 s"] * 2


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("my-lob", 3, "'my-lob' is not installed; did you mean my-lab? else pip install -e FOLDER"),
        ("pytest", 3, "brings nothing to zoo; register a part in its pyproject.toml"),
        ("./project", 3, "'not-here' is not installed; pip install -e project"),
        ("./empty", 2, "empty/pyproject.toml: says no name under [project]"),
        ("./nothing", 2, "nothing/pyproject.toml: cannot be read (No such file or directory)"),
    ],
)
def test_what_is_no_installed_plugin_is_answered_with_the_way_out(lab, zoo, tmp_path, asked, code, said):
    for name, text in (("project", '[project]\nname = "not-here"\n'), ("empty", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(text)
    found, _, err = zoo("plugin", "check", asked)
    assert found == code
    assert said in err


def test_a_part_that_is_not_there_is_answered_with_near_names(lab, zoo):
    code, _, err = zoo("plugin", "check", "my-lab", "--only", "c-goods")
    assert (code, "my-lab has no part 'c-goods'; did you mean c-good?" in err) == (3, True)


def test_a_plugin_that_is_left_out_is_not_looked_at(lab, zoo, monkeypatch):
    monkeypatch.setenv("ZOO_PLUGINS", "")
    code, _, err = zoo("plugin", "check", "my-lab")
    assert (code, "ZOO_PLUGINS leaves out my-lab; add it there" in err) == (3, True)


def test_a_folder_stands_for_the_distribution_it_is_the_project_of(lab, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "pyproject.toml").write_text('[project]\nname = "My_Lab"\n')
    assert distribution.named("./here") == ("my-lab", "1.0")


def test_parts_are_called_by_their_kind_and_name():
    parts = parts_of("zoo-hello")
    assert [str(part) for part in parts] == ["head:hello-head", "recipe:hello-head"]
    assert parts[0] == Part("heads", "hello-head", "zoo-hello")


def test_neither_the_verb_nor_the_plugin_of_pytest_imports_torch():
    code = (
        "import sys, zoo.cli.plugin_check, zoo.testing.pytest_plugin\n"
        "import zoo.testing\n"
        "print([n for n in ('torch', 'numpy', 'pydantic') if n in sys.modules])\n"
        "import zoo.testing.distribution\n"
        "print([n for n in ('torch', 'numpy', 'pandas', 'huggingface_hub') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]


SUITE = """\
import pytest

from zoo.testing import check_part


@pytest.mark.zoo({names})
def test_parts(zoo_part):
    assert zoo_part.name
"""


@pytest.fixture
def collected(tmp_path, capsys):
    """Collect a test suite that asks for parts of these distributions; return what pytest says."""

    def collect(names):
        path = tmp_path / f"test_{tmp_path.name}_{len(list(tmp_path.glob('test_*')))}.py"  # imported by its name
        path.write_text(SUITE.format(names=names))
        capsys.readouterr()
        pytest.main(
            ["-c", "/dev/null", "-p", "no:cacheprovider", "--strict-markers", "--collect-only", "-q", str(path)]
        )
        return "".join(capsys.readouterr())

    return collect


def test_a_suite_of_a_plugin_runs_once_for_each_part(collected):
    said = collected('"zoo-hello"')
    assert "::test_parts[head:hello-head]" in said
    assert "::test_parts[recipe:hello-head]" in said


def test_a_suite_that_names_no_installed_plugin_is_told_so(collected):
    assert "'zoo-hallo' is not installed; did you mean zoo-hello" in collected('"zoo-hallo"')
    assert 'asks for zoo_part; say of which distribution: @pytest.mark.zoo("my-lab-mil")' in collected("")
