"""What all tests share: no network, folders of their own, one thread, and the command line in this process."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("zoo", deadline=None, derandomize=True, database=None)
settings.load_profile("zoo")

HERE = Path(__file__).parent
TINY = HERE / "tiny_plugin"
DATA = Path(os.environ.get("ZOO_TEST_DATA", HERE.parent.parent / "shared" / "data"))

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("ZOO_REPORT", "off")  # for fixtures that train for many tests; see own_folders


_settled = {"modules": 0}


@pytest.fixture(autouse=True)
def _garbage():
    """Take what large libraries left when they were imported out of every later search for garbage: it stays anyhow."""
    if len(sys.modules) > _settled["modules"] + 300:
        gc.collect()
        gc.freeze()
        _settled["modules"] = len(sys.modules)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Give every test a cache, a runs folder and a working directory of its own."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("ZOO_PLUGINS", raising=False)
    monkeypatch.setenv("ZOO_REPORT", "off")  # figures take seconds a run; what is about pages asks for them
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(monkeypatch):
    """Install the tests' plugin for this process and the ones it starts; return its recipe."""
    monkeypatch.syspath_prepend(str(TINY))
    paths = [str(TINY), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    return HERE / "recipes" / "tiny.yaml"


@pytest.fixture
def zoo(monkeypatch, capsys):
    """Run the command line in this process: ``zoo("check", "x.yaml") -> (code, stdout, stderr)``."""

    def run(*arguments):
        from zoo.cli import main

        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def her2st_root():
    """Return the real her2st sections, or skip with the reason."""
    root = DATA / "her2st" / "data"
    if not root.is_dir():
        pytest.skip(f"no her2st data at {root}; set ZOO_TEST_DATA")
    return root


@pytest.fixture
def dist(tmp_path, monkeypatch):
    """Install a throw-away distribution: ``dist("name", files={...}, points={"encoders": {"x": "mod:X"}})``."""

    modules, before = set(), set(sys.modules)

    def make(name, *, files=None, points=None, version="1.0"):
        site = tmp_path / "site" / name
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = []
        for kind, names in (points or {}).items():
            lines.append(f"[zoo.{kind}]")
            lines.extend(f"{key} = {target}" for key, target in names.items())
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for file, text in (files or {}).items():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text(text)
            modules.add(Path(file).parts[0].removesuffix(".py"))
        monkeypatch.syspath_prepend(str(site))
        return site

    yield make
    # what one test has imported would be found in the place of another's file of the same name
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in modules:
            del sys.modules[name]


@pytest.fixture(scope="session")
def _tiny_run(tmp_path_factory):
    """Train the tests' recipe once, with a licence, for all tests that only read the run."""
    import zoo as face

    folder = tmp_path_factory.mktemp("tiny") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TINY))
        face.train(HERE / "recipes" / "tiny.yaml", ["publish.licence=apache-2.0"], out=folder, device="cpu")
    return folder


@pytest.fixture
def tiny_run(tiny, _tiny_run, tmp_path):
    """Return a finished run of the tests' recipe, a copy of its own."""
    return shutil.copytree(_tiny_run, tmp_path / "tiny-run")


@pytest.fixture
def tiny_package(tiny_run, tmp_path):
    """Return the package of that run, as it would be pushed to ``lab/tiny``."""
    from zoo.publish import Wish, assemble
    from zoo.run import Run

    return assemble(Run.open(tiny_run), Wish("tiny", "lab/tiny"), tmp_path / "tiny-package")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """Start a Hub on the loopback interface and point everything at it."""
    from hub_server import HubServer, talking_to, without_waiting

    from zoo import hub as zoo_hub

    with HubServer() as server:
        talking_to(server, monkeypatch, tmp_path)
        without_waiting(monkeypatch)
        monkeypatch.setattr(zoo_hub, "PAUSE_S", 0.0)
        yield server
