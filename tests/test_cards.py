"""The packages that this repository carries are what they say, small, in the catalogue, and can be used as told."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from zoo import bounded, catalogue, config, manifest
from zoo.registry import OWN_DISTRIBUTION, Registry

CARDS = Path(__file__).parent.parent / "cards"
NAMES = sorted(path.name for path in CARDS.iterdir() if path.is_dir())
MB = 1e6


def card(name):
    """Return the text of a card without its front matter."""
    return bounded.read_text(CARDS / name / "README.md").partition("\n---\n")[2].strip()


def blocks(name, language):
    """Return the fenced blocks of a card's part on how to use the model."""
    part = card(name).partition("## How to use it")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", part, flags=re.DOTALL)


@pytest.fixture
def section(tmp_path):
    """Lay a section that no model was trained on beside the user, under the names that the cards use."""
    from PIL import Image

    from zoo_spatial.simulation import simulate_section

    made = simulate_section(seed=7, donor=1, section=1, spots=5, genes=30, pitch_px=64)
    Image.fromarray(made.image).save(tmp_path / "image.jpg", quality=95)
    lines = [f"{x:.1f}\t{y:.1f}" for x, y in made.position_px]
    (tmp_path / "spots.tsv").write_text("pixel_x\tpixel_y\n" + "\n".join(lines) + "\n")
    return len(lines)


def test_every_package_is_in_the_catalogue_and_every_one_of_our_names_has_its_package():
    ours = [entry.name for entry in Registry().entries("models") if entry.distribution == OWN_DISTRIBUTION]
    assert sorted(ours) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_the_one_that_the_catalogue_pins(name):
    source = catalogue.source_of(name)
    assert source.folder == CARDS / name
    assert manifest.verified(source.folder, sha256=source.sha256).files


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_small(name):
    assert manifest.read(CARDS / name).size < 10 * MB
    assert sum(manifest.read(CARDS / other).size for other in NAMES) < 30 * MB


@pytest.mark.parametrize("name", NAMES)
def test_simulated_data_are_called_so_in_the_first_line_and_in_the_catalogue(name):
    kinds = {data["kind"] for data in config.read(CARDS / name).provenance["data"]}
    model = next(model for model in catalogue.models() if model.name == name)
    for kind in kinds - {"real"}:
        assert kind in card(name).splitlines()[0]
        assert kind in model.summary


@pytest.mark.parametrize("name", NAMES)
def test_a_card_can_be_read_by_the_hub(name):
    from huggingface_hub import ModelCard

    data = ModelCard((CARDS / name / "README.md").read_text()).data
    assert data.license
    assert data.library_name == "zoo"
    assert data.eval_results


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_proven_by_verify_and_shown(name, zoo):
    code, out, err = zoo("verify", name)
    assert code == 0, err
    assert "PASS  test vectors, CPU" in out
    code, out, _ = zoo("show", name)
    assert code == 0
    assert card(name).splitlines()[0] in out
    code, out, _ = zoo("ls", "models", "--format", "json")
    assert name in [row["name"] for row in json.loads(out)["entries"]]


def test_hiscmcl_sim_is_used_from_python_as_its_card_says(section, tmp_path):
    import anndata

    (program,) = blocks("hiscmcl-sim", "python")
    told = {}
    exec(compile(program, "card", "exec"), told)
    assert told["prediction"]["expression"].shape == (section, 200)
    written = anndata.read_h5ad(tmp_path / "predicted.h5ad")
    assert list(written.var_names) == config.read(CARDS / "hiscmcl-sim").fitted["genes"]


def test_hiscmcl_sim_is_used_from_the_command_line_as_its_card_says(section, zoo, monkeypatch):
    def nobody(*_, **__):
        raise AssertionError("this needs no network")

    monkeypatch.setattr(socket.socket, "connect", nobody)
    (commands,) = blocks("hiscmcl-sim", "sh")
    for line in commands.strip().splitlines():
        program, *arguments = line.split()
        assert program == "zoo"
        code, _, err = zoo(*arguments)
        assert code == 0, err
    assert Path("predicted.h5ad").exists()


@pytest.fixture
def pages(tmp_path):
    """Lay a field of an animal that no model has seen beside the user, as a folder of pages, as the card calls it."""
    import numpy as np
    import tifffile

    from zoo_cars.simulation import SimulatedField

    axis = np.linspace(2800.0, 3050.0, 32)
    made = SimulatedField(7, 99, 1, "high", 96, 1.5, axis, 300.0)
    folder = tmp_path / "input"
    folder.mkdir()
    for number, page in enumerate(made.stack()):
        tifffile.imwrite(folder / f"page_{number:03}.tif", page)
    (folder / "wavenumbers.csv").write_text("\n".join(f"{value:.4f}" for value in axis) + "\n")


def test_han_cars_is_used_as_its_card_says(pages, zoo, tmp_path):
    (program,) = blocks("han-cars", "python")
    told = {}
    exec(compile(program, "card", "exec"), told)
    assert told["prediction"]["probability"].shape == (1, 4)
    (commands,) = blocks("han-cars", "sh")
    for line in commands.strip().splitlines():
        code, _, err = zoo(*line.split()[1:])
        assert code == 0, err
    names = {path.name for path in (tmp_path / "predicted").iterdir()}
    assert {"predictions.csv", "input_attention.ome.tif", "input_attention.png", "input_spectra.csv"} <= names


def test_pulling_what_is_here_and_proven_imports_no_torch(zoo):
    assert zoo("pull", "hiscmcl-sim")[0] == 0
    script = "import sys; from zoo.cli import main; sys.argv = ['zoo', 'pull', 'hiscmcl-sim']; main()"
    after = "import atexit; atexit.register(lambda: print('torch' in sys.modules, 'huggingface_hub' in sys.modules)); "
    command = [sys.executable, "-c", f"import sys; {after}{script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == ["False", "False"]


def test_the_scores_of_a_package_can_be_had_again(zoo):
    code, out, err = zoo("eval", "hiscmcl-sim", "--format", "json")
    assert code == 0, err
    metrics = json.loads((CARDS / "hiscmcl-sim" / "metrics.json").read_text())
    member = config.read(CARDS / "hiscmcl-sim").member
    told = next(found for found in metrics["members"] if found["member"] == member)["scores"]["model"]
    again = json.loads(out)["members"][0]["scores"]["model"]
    assert {g: pytest.approx(s, abs=2e-3) for g, s in told.items()} == again
