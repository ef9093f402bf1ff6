"""Asking what there is starts in no time, because nothing heavy is imported for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "torch",
    "torchvision",
    "timm",
    "accelerate",
    "numpy",
    "scipy",
    "pandas",
    "anndata",
    "scanpy",
    "huggingface_hub",
}
SCRIPT = """\
import json, sys
from zoo.cli import main
sys.argv = ["zoo", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("MODULES", json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def modules_after(*arguments):
    """Run the command in a fresh interpreter and return what it printed and the packages it imported."""
    command = [sys.executable, "-c", SCRIPT, json.dumps([str(argument) for argument in arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    out, _, modules = done.stdout.rpartition("MODULES ")
    return out, set(json.loads(modules))


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "doctor"),
        (["--version"], "zoo 0."),
        (["train", "--help"], "--resume"),
        (["ls"], "multilevel"),
        (["ls", "models"], "hiscmcl-sim"),
        (["show", "hiscmcl-sim"], "simulated"),
        (["ls", "--format", "json"], "multilevel"),
        (["show", "multilevel"], "levels"),
        (["show", ROOT / "recipes" / "hiscmcl.yaml"], "encoder:"),
    ],
    ids=[
        "help",
        "version",
        "help of a verb",
        "ls",
        "ls models",
        "show a model",
        "ls as json",
        "show a name",
        "show a recipe",
    ],
)
def test_asking_imports_nothing_heavy(arguments, shown):
    out, modules = modules_after(*arguments)
    assert shown in out
    assert not HEAVY & modules


def test_importing_zoo_imports_nothing_heavy_and_not_even_its_dependencies():
    code = "import json, sys, zoo; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "zoo" in json.loads(out)
    assert not {*HEAVY, "pydantic", "typer", "yaml"} & set(json.loads(out))


def test_checking_a_recipe_of_light_parts_imports_pydantic_but_no_torch(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "light_plugin"))
    blocks = "".join(f"{slot}: {{use: light-{part}}}\n" for slot, part in [("encoder", "net"), ("head", "head")])
    text = f"zoo: 1\nname: x\n{blocks}loss: {{use: light-loss}}\ntask: {{use: light-task}}\n"
    (tmp_path / "x.yaml").write_text(text + "data: {use: light-data, split: {unit: u, test: [a]}}\n")
    out, modules = modules_after("check", "x.yaml")
    assert out == "x.yaml: is right\n"
    assert "pydantic" in modules
    assert not HEAVY & modules


def test_what_a_distribution_offers_to_pydantic_is_not_imported(dist, monkeypatch, tmp_path):
    site = dist("canary", files={"canary.py": "open('sung', 'w')\nplugin = None\n"})
    (site / "canary-1.0.dist-info" / "entry_points.txt").write_text("[pydantic]\ncanary = canary:plugin\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS", raising=False)
    _, modules = modules_after("ls", "recipes")
    assert "pydantic" in modules
    assert "canary" not in modules
    assert not (tmp_path / "sung").exists()
