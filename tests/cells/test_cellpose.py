"""Cellpose-SAM without its weights: what goes in and comes out, with a small network in its place, and what is said."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
import torch

from zoo.errors import DataError, MissingError
from zoo_cells.matching import matches
from zoo_cells.segmenters import cellpose_weights
from zoo_cells.segmenters.cellpose import Cellpose


def discs(centres, radius, shape=(100, 130)):
    y, x = np.indices(shape)
    out = np.zeros(shape, np.int32)
    for number, (cy, cx) in enumerate(centres, start=1):
        out[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    return out


TRUE = discs([(30, 30), (30, 90), (70, 60), (99, 110)], 14)
LIGHT = np.where(TRUE > 0, 200, 10).astype(np.uint8)
FIELD = {"microtubules": LIGHT, "er": LIGHT // 2, "nucleus": LIGHT // 3, "protein": LIGHT[::-1]}


class Small(torch.nn.Module):
    """A network of a few numbers: cells where the first channel is bright, flows up its smoothed slope."""

    backbone = "sam_vitl"

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.W2 = torch.nn.Parameter(torch.ones(1, dtype=dtype))
        self.seen = []

    @property
    def device(self):
        return self.W2.device

    @property
    def dtype(self):
        return torch.float32

    def load_model(self, path, device):
        state = torch.load(path, map_location=device, weights_only=True)
        self.W2.data.copy_(state["W2"])

    def forward(self, tiles):
        self.seen.append(tiles.clone())
        bright = tiles[:, :1]
        smooth = bright
        for _ in range(12):
            smooth = torch.nn.functional.avg_pool2d(smooth, 5, 1, 2)
        slopes = torch.stack(torch.gradient(smooth[:, 0], dim=(1, 2)), 1)
        flows = 5 * slopes / slopes.norm(dim=1, keepdim=True).clamp_min(1e-6)
        return torch.cat([flows, 12 * (bright - 0.5)], 1), torch.zeros(len(tiles), 256)


def with_small(segmenter):
    """Put the small network where the trained one would be, in Cellpose's own model."""
    models = cellpose_weights._cellpose()
    model = models.CellposeModel.__new__(models.CellposeModel)
    model.net, model.device, model.gpu, model.backbone = Small(), torch.device("cpu"), False, "sam_vitl"
    segmenter._network = model
    return segmenter


@pytest.fixture
def _cellpose_there():
    pytest.importorskip("cellpose", reason="cellpose is not installed; pip install 'zoo-cells[cellpose]'")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give Cellpose an empty folder of models."""
    monkeypatch.setenv("CELLPOSE_LOCAL_MODELS_PATH", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.mark.usefixtures("_cellpose_there")
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_cells_come_back_as_labels_of_the_field(kind):
    field = {name: plane.astype(kind) for name, plane in FIELD.items()}
    found = with_small(Cellpose(flow_threshold=0))(field)
    assert found.dtype == np.int32
    assert found.shape == TRUE.shape
    assert set(np.unique(found)) == {0, 1, 2, 3, 4}
    assert len(matches(found, TRUE, 0.75)) == 4  # the one at the border as well


@pytest.mark.usefixtures("_cellpose_there")
def test_the_network_sees_the_planes_in_their_order_each_scaled_to_its_percentiles():
    segmenter = with_small(Cellpose(planes=("er", "protein"), flow_threshold=0))
    segmenter(FIELD)
    [tiles] = segmenter._network.net.seen
    assert tiles.shape == (1, 3, 256, 256)
    inside = tiles[0, :, 78:178, 63:193]
    assert inside[0].numpy() == pytest.approx((FIELD["er"] > 10).astype(float))
    assert inside[1].numpy() == pytest.approx((FIELD["protein"] > 10).astype(float))
    assert not inside[2].any()


@pytest.mark.usefixtures("_cellpose_there")
def test_the_brightest_plane_counts_where_that_is_asked_for():
    left, right = (np.where(number == TRUE, 90, 5).astype(np.uint8) for number in (1, 2))
    segmenter = with_small(Cellpose(planes=("er", "nucleus"), merge="brightest", flow_threshold=0))
    found = segmenter({"er": left, "nucleus": right.astype(np.uint16) * 200})
    assert len(matches(found, np.where(TRUE < 3, TRUE, 0), 0.75)) == 2


@pytest.mark.usefixtures("_cellpose_there")
def test_the_least_size_and_the_threshold_of_cells_reach_cellpose():
    assert with_small(Cellpose(flow_threshold=0, min_size=500))(FIELD).max() == 3
    assert with_small(Cellpose(flow_threshold=0, cellprob_threshold=20))(FIELD).max() == 0


def test_a_field_in_which_nothing_was_stained_has_no_cells_and_loads_nothing(home):
    dark = np.full((40, 50), 7, np.uint16)
    found = Cellpose(planes=("er",))({"er": dark})
    assert found.shape == (40, 50)
    assert not found.any()


@pytest.mark.usefixtures("_cellpose_there")
def test_a_segmenter_can_be_pickled_and_leaves_its_network_behind(home):
    copy = pickle.loads(pickle.dumps(with_small(Cellpose(diameter=20))))
    assert copy.settings["diameter"] == 20
    assert copy._network is None
    with pytest.raises(MissingError):
        copy(FIELD)


@pytest.mark.parametrize("offline", ["0", "1"])
def test_weights_that_are_not_there_are_not_fetched_and_the_ways_to_get_them_are_told(home, monkeypatch, offline):
    monkeypatch.setenv("ZOO_OFFLINE", offline)
    monkeypatch.setattr(cellpose_weights, "_cellpose", lambda: pytest.fail("Cellpose was asked before the file"))
    with pytest.raises(MissingError) as caught:
        Cellpose()(FIELD)
    said = str(caught.value)
    assert caught.value.exit_code == 3
    assert "\n" not in said
    assert said.startswith(f"{home / 'cpsam_v2'}: the weights of Cellpose-SAM are not there, and zoo does not fetch")
    assert "M(pretrained_model='cpsam_v2')" in said
    assert said.endswith("or say use: watershed, which needs none")
    assert not list(home.iterdir())


def test_a_named_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingError, match=r"mine.pth: the weights .*name another file by weights"):
        Cellpose(weights=tmp_path / "mine.pth")(FIELD)


def test_weights_are_looked_for_where_cellpose_keeps_them(home, monkeypatch, tmp_path):
    assert cellpose_weights.place("cpsam", None) == home / "cpsam"
    monkeypatch.delenv("CELLPOSE_LOCAL_MODELS_PATH")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cellpose_weights.place("cpsam", None) == tmp_path / ".cellpose" / "models" / "cpsam"


def test_without_the_package_the_sentence_names_what_brings_it(home, monkeypatch):
    from importlib import metadata

    def absent(name):
        raise metadata.PackageNotFoundError(name)

    torch.save(dict.fromkeys(cellpose_weights.SIGNS, torch.ones(1)), home / "cpsam_v2")
    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(MissingError, match=r"pip install 'zoo-cells\[cellpose\]' brings it, or say use: watershed"):
        Cellpose()(FIELD)
    monkeypatch.setattr(metadata, "version", lambda _: "3.1.0")
    with pytest.raises(MissingError, match=r"cellpose (3.1.0 is installed|is not there)"):
        Cellpose()(FIELD)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no file of Cellpose-SAM's weights"),
        (b"<html>not found</html>", "is no file of Cellpose-SAM's weights"),
        ({"W2": torch.ones(1), "encoder.cls_token": torch.ones(1)}, "has no tensor encoder.patch_embed.proj.weight"),
        ({"downsample.conv": torch.ones(1)}, "has no tensor W2"),
        (Small, "is no file of Cellpose-SAM's weights"),
    ],
    ids=["empty", "a page", "another network", "version 3", "a pickle of code"],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path, content, why):
    path = tmp_path / "weights"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(DataError, match=why) as caught:
        cellpose_weights.refuse_strangers(path)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("_cellpose_there")
def test_weights_that_are_there_are_loaded_by_cellpose_itself_and_precision_stays(home, monkeypatch):
    models = cellpose_weights._cellpose()
    monkeypatch.setattr(models, "CPSAM", Small)
    before = torch.backends.cuda.matmul.fp32_precision
    torch.save({**dict.fromkeys(cellpose_weights.SIGNS, torch.ones(1)), "W2": torch.tensor([3.0])}, home / "cpsam_v2")
    segmenter = Cellpose(device="cpu", flow_threshold=0)
    assert len(matches(segmenter(FIELD), TRUE, 0.75)) == 4
    assert segmenter._network.net.W2.item() == 3
    assert torch.backends.cuda.matmul.fp32_precision == before


@pytest.mark.usefixtures("_cellpose_there")
def test_importing_cellpose_does_not_change_how_matrices_are_multiplied():
    import subprocess
    import sys

    code = inspect.cleandoc("""
        import torch
        from zoo_cells.segmenters import cellpose_weights
        before = torch.backends.cuda.matmul.fp32_precision
        cellpose_weights._cellpose()
        assert torch.backends.cuda.matmul.fp32_precision == before != "tf32"
    """)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_a_device_that_is_not_there_is_named(home):
    torch.save(dict.fromkeys(cellpose_weights.SIGNS, torch.ones(1)), home / "cpsam_v2")
    with pytest.raises(MissingError, match="device cuda:1 was asked for, and this machine has no CUDA"):
        Cellpose(device="cuda:1")(FIELD)


def test_a_field_that_lacks_a_plane_is_refused_before_anything_is_loaded():
    with pytest.raises(DataError, match="cellpose needs a plane of er, and the field has microtubules, nucleus"):
        Cellpose()({"microtubules": LIGHT, "nucleus": LIGHT})


def test_where_weights_come_from_is_said_of_published_ones_and_not_guessed_of_others(tmp_path):
    assert Cellpose().provenance["licence"] == "bsd-3-clause"
    assert "CC BY-NC" in Cellpose().provenance["name"]
    assert Cellpose(weights=tmp_path / "mine").provenance == {"name": "mine", "licence": "none"}


def test_another_file_of_weights_gives_another_stamp(home):
    before = Cellpose().stamp
    (home / "cpsam_v2").write_bytes(b"1234")
    assert Cellpose().stamp != before


@pytest.mark.parametrize(
    "wrong",
    [
        {"planes": ()},
        {"planes": ("er", "er")},
        {"diameter": 0.5},
        {"flow_threshold": -1},
        {"min_size": -1},
        {"max_size_fraction": 0},
        {"batch_size": 0},
        {"device": "tpu"},
    ],
)
def test_parameters_out_of_bounds_are_refused_by_name(wrong):
    [name] = wrong
    with pytest.raises(ValueError, match=name):
        Cellpose(**wrong)
