"""``zoo plugin ls`` tells what is installed and what is broken; nothing is imported that nobody named."""

import json
import sys
from pathlib import Path

import pytest

import zoo as face
from light import LIGHT_PLUGIN, PLAIN
from zoo import plugins, requirements
from zoo.registry import Registry
from zoo.shelves import Shelves

POINTS = {
    "heads": {"lab-head": "listed_lab.parts:Head"},
    "losses": {"lab-loss": "listed_lab.absent:Loss"},
    "recipes": {"my-lab": "listed_lab:recipes"},
    "models": {"lab-model": "listed_lab:models.toml"},
    "names": {"my-lab": "listed_lab:names.toml"},
    "commands": {"align": "listed_lab.parts:align"},
}
PARTS = "class Head:\n    '''A head.'''\ndef align() -> None:\n    '''Align.'''\n"


@pytest.fixture
def lab(dist):
    """Install a plugin that brings something of everything, and leaves a file behind when it is imported."""
    canary = Path("canary").resolve()
    files = {
        "listed_lab/__init__.py": f"open({str(canary)!r}, 'w').close()\n",
        "listed_lab/parts.py": PARTS,
        "listed_lab/recipes/lab-light.yaml": PLAIN,
        "listed_lab/models.toml": "[lab-model]\nsource = 'cards/absent'\n",
        "listed_lab/names.toml": '[heads.old-head]\nnow = "lab-head"\ngone = "2.0"\n',
    }
    dist("my-lab", files=files, points=POINTS, version="1.2")
    return canary


def of(name, zoo, *options):
    code, out, err = zoo("plugin", "ls", "--format", "json", *options)
    assert (code, err) == (0, "")
    found = json.loads(out)
    return next(plugin for plugin in found["plugins"] if plugin["distribution"] == name), found


def test_what_is_listed_for_machines_has_these_keys_and_no_others(lab, zoo):
    plugin, found = of("my-lab", zoo)
    assert list(found) == ["format", "plugins", "conflicts", "troubles"]
    assert found["format"] == 1
    recipe = plugin["recipes"][0].pop("file")
    assert recipe.endswith("/listed_lab/recipes/lab-light.yaml")
    absent = "module 'listed_lab.absent' is not there; reinstall my-lab"
    assert plugin["models"][0].pop("problem").endswith("sha256 is the 64 hex digits of the package's manifest.json")
    assert plugin == {
        "distribution": "my-lab",
        "version": "1.2",
        "licence": "",
        "left_out": False,
        "parts": [
            {"kind": "heads", "name": "lab-head", "target": "listed_lab.parts:Head", "problem": ""},
            {"kind": "losses", "name": "lab-loss", "target": "listed_lab.absent:Loss", "problem": absent},
        ],
        "recipes": [{"name": "lab-light"}],
        "models": [{"name": "lab-model"}],
        "commands": [{"name": "align", "target": "listed_lab.parts:align", "problem": ""}],
        "names": [{"kind": "heads", "name": "old-head", "now": "lab-head", "gone": "2.0", "over": False}],
    }
    assert [plugin["distribution"] for plugin in found["plugins"]] == sorted(
        {entry.distribution for entry in Registry().entries()}
    )


def test_zoo_itself_stands_among_the_plugins_with_its_licence_its_recipes_and_its_models(zoo):
    plugin, _ = of("microscopy-zoo", zoo)
    assert plugin["licence"] == "Apache-2.0"
    assert "hiscmcl" in {recipe["name"] for recipe in plugin["recipes"]}
    assert {"name": "han-cars", "problem": ""} in plugin["models"]
    assert not [part for part in plugin["parts"] if part["problem"]]


def test_people_read_one_row_a_plugin_and_below_what_is_broken_and_why(lab, zoo):
    code, out, err = zoo("plugin", "ls")
    assert code == 0
    (row,) = [line for line in out.splitlines() if line.startswith("my-lab ")]
    brings = "heads: lab-head; losses: lab-loss; 1 recipe; 1 model; verbs: align"
    assert row.split(maxsplit=2) == ["my-lab", "1.2", brings]
    first, second = err.splitlines()
    absent = "module 'listed_lab.absent' is not there; reinstall my-lab"
    assert first == f"error: loss lab-loss of my-lab 1.2 is broken: {absent}"
    assert second.startswith("error: model lab-model of my-lab 1.2 is broken: ")


def test_what_zoo_plugins_leaves_out_is_listed_as_such_and_not_examined(lab, zoo, monkeypatch):
    monkeypatch.setenv("ZOO_PLUGINS", "")
    plugin, _ = of("my-lab", zoo)
    assert plugin["left_out"]
    assert [part["name"] for part in plugin["parts"]] == ["lab-head", "lab-loss"]
    assert not [part for part in plugin["parts"] if part["problem"]]
    _, out, err = zoo("plugin", "ls")
    (row,) = [line for line in out.splitlines() if line.startswith("my-lab ")]
    assert "left out by ZOO_PLUGINS (heads: lab-head; losses: lab-loss; 1 model; verbs: align)" in row
    assert err == ""


def test_a_plugin_whose_fault_shows_only_when_it_is_imported_is_found_when_asked(dist):
    code = "raise OSError('no licence')\nclass Sly: pass\n"
    site = dist("sly", files={"sly_part.py": code}, points={"heads": {"sly": "sly_part:Sly"}})
    registry = Registry([Registry().find("heads", "sly")])
    (read,) = plugins.listed(registry)["plugins"]
    assert read["parts"][0]["problem"] == ""
    (loaded,) = plugins.listed(registry, load=True)["plugins"]
    said = f"cannot be imported (OSError: no licence) at {site}/sly_part.py:1; reinstall or remove that package"
    assert loaded["parts"][0]["problem"].endswith(said)


def test_a_name_that_two_claim_stands_with_both_and_among_the_conflicts(lab, dist, zoo):
    dist("other-lab", points={"heads": {"lab-head": "other:Head"}})
    plugin, found = of("other-lab", zoo)
    assert [part["name"] for part in plugin["parts"]] == ["lab-head"]
    assert found["conflicts"][0].startswith("head 'lab-head' is claimed by my-lab 1.2 and other-lab 1.0; uninstall one")


def test_a_group_that_is_nearly_one_of_ours_is_told(dist):
    dist("my-lab", points={"encoder": {"x": "y:Z"}, "of-a-zoo-to-come": {"x": "y:Z"}})
    assert Registry().troubles == ["my-lab: its entry points 'zoo.encoder' are of no kind, did you mean zoo.encoders?"]


def test_troubles_with_recipes_and_with_verbs_are_told_together(dist):
    dist("my-lab", points={"recipes": {"my-lab": "absent:recipes"}, "commands": {"train": "a:b"}})
    registry = Registry()
    verb, recipes = plugins.troubles(registry, Shelves(registry))
    assert verb.startswith("my-lab: its command 'train' is a verb of zoo itself")
    assert recipes.startswith("my-lab: its recipes absent:recipes are no folder inside its package")


# --- trust ---------------------------------------------------------------------------------------------------------


def test_nothing_that_is_asked_of_zoo_imports_a_plugin_that_nobody_named(lab, zoo, monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))
    for arguments in (
        ["--help"],
        ["ls"],
        ["ls", "recipes"],
        ["plugin", "ls"],
        ["show", "lab-head"],
        ["show", "old-head"],
        ["show", "lab-light"],
        ["show", "lab-light", "--filled"],
        ["check", "lab-light"],
        ["check", "lab-light", "--set", "head.use=lab-haed"],
        ["show", "lab-model"],
        ["no-such-verb"],
    ):
        zoo(*arguments)
        assert not lab.exists(), arguments


def test_opening_a_model_imports_no_plugin_that_its_recipe_does_not_name(lab, tiny, monkeypatch):
    monkeypatch.setattr(requirements, "_installed", {"zoo-tiny": "1.0", "microscopy-zoo": "0.1.0"}.get)
    package = Path(__file__).parent / "golden" / "0.1" / "package"
    face.load(str(package))
    assert not lab.exists()


def test_naming_a_part_of_it_does_import_the_plugin(lab, zoo, monkeypatch):
    monkeypatch.syspath_prepend(str(LIGHT_PLUGIN))
    zoo("check", "lab-light", "--set", "head.use=lab-head")
    assert lab.exists()
    del sys.modules["listed_lab"], sys.modules["listed_lab.parts"]
