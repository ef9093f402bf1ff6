"""What was predicted for a test section lies beside what was measured, as a table and as maps of genes."""

import json

import anndata
import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError
from zoo_spatial.genes import gene_scores
from zoo_spatial.outputs.gene_maps import GeneMaps, draw

NAMES = [f"G{n}" for n in range(10)]
SCORES = np.array([0.1, 0.9, np.nan, -0.4, 0.5, 0.2, 0.8, 0.0, 0.3, -0.9])


def test_named_genes_come_first_then_the_best_then_the_worst_and_none_twice_or_without_a_score():
    assert [NAMES[c] for c in GeneMaps(best=2, worst=2).chosen(NAMES, SCORES)] == ["G1", "G6", "G3", "G9"]
    assert [NAMES[c] for c in GeneMaps(genes=["G9", "G2"], best=1, worst=1).chosen(NAMES, SCORES)] == ["G9", "G2", "G1"]
    assert [NAMES[c] for c in GeneMaps(best=20, worst=20).chosen(NAMES, SCORES)] == [
        NAMES[c] for c in np.argsort(-SCORES, kind="stable")[:9]
    ]


def test_a_gene_that_is_not_in_the_panel_is_refused():
    said = "task.maps.genes names TP53, which is not in the panel of 10 genes; its gene names look like G0"
    with pytest.raises(DataError, match=said):
        GeneMaps(genes=["TP53"]).chosen(NAMES, SCORES)


@pytest.mark.parametrize("values", [{"best": -1}, {"best": 0, "worst": 0}, {"best": 39}])
def test_no_map_and_more_maps_than_anybody_looks_at_are_refused(values):
    with pytest.raises(ValueError, match="genes, best and worst are 1 to 40 maps together"):
        GeneMaps(**values)


def test_a_map_shows_spots_where_they_lie_and_the_picture_has_a_row_a_gene(tmp_path):
    place = np.array([(x, y) for x in range(12) for y in range(6)], dtype=np.float32) * 50
    values = place[:, :1] / 600
    shown = {"truth": values, "predicted": values * 0.5, "position_px": place, "title": "S1"}
    draw(tmp_path / "one.png", names=["A"], by_gene=[0.5], **shown)
    both = {**shown, "truth": np.repeat(values, 2, axis=1), "predicted": np.repeat(values, 2, axis=1)}
    draw(tmp_path / "two.png", names=["A", "B"], by_gene=[0.5, float("nan")], **both)
    one, two = (Image.open(tmp_path / f"{name}.png").convert("RGB") for name in ("one", "two"))
    assert two.height > 1.5 * one.height
    pixels = np.asarray(one)
    bright = (pixels[..., 0] > 200) & (pixels[..., 1] > 180) & (pixels[..., 2] < 100)  # the yellow end of the scale
    assert bright.any()
    assert (pixels[..., 0].astype(int) != pixels[..., 1]).mean() > 0.02


def test_values_that_are_all_alike_and_a_single_spot_are_drawn_all_the_same(tmp_path):
    flat = np.zeros((1, 1), dtype=np.float32)
    place = np.zeros((1, 2), dtype=np.float32)
    draw(tmp_path / "flat.png", names=["A"], by_gene=[0], truth=flat, predicted=flat, position_px=place, title="S")
    assert Image.open(tmp_path / "flat.png").size[0] > 100


FAST = [
    "data.donors=3",
    "data.sections=2",
    "data.spots=5",
    "data.genes.top=12",
    "data.split={test: [D3], seed: 0}",
    "data.views={patch_um: null, patch: 32, size: null}",
    "train={batch: 16, epochs: 1}",
]


def test_eval_writes_truth_and_prediction_and_maps_of_each_section_and_scores_that_agree(tmp_path, zoo):
    given = [part for setting in FAST for part in ("--set", setting)]
    assert zoo("train", "heclip", *given, "--out", tmp_path / "run")[0] == 0
    maps = "task.maps={genes: [], best: 1, worst: 1}"
    code, out, err = zoo("eval", tmp_path / "run", "--out", tmp_path / "scored", "--set", maps, "--format", "json")
    assert code == 0, err
    files = json.loads(out)["files"]
    folder = tmp_path / "scored" / "holdout-seed0"
    assert files == [str(folder / name) for name in ("D3.h5ad", "D3-D3-S1.png", "D3-D3-S2.png")]
    table = anndata.read_h5ad(folder / "D3.h5ad")
    assert sorted(set(table.obs["section"])) == ["D3-S1", "D3-S2"]
    again = gene_scores.pearson(table.X, table.layers["truth"])
    assert np.allclose(again, table.var["pcc"], equal_nan=True, atol=1e-6)
    assert np.nanmean(again) == pytest.approx(json.loads(out)["scores"]["pcc"]["mean"], abs=1e-6)
    assert (table.obs["novelty"] >= 0).all()
    assert table.uns["zoo"]["group"] == "D3"
    code, out, _ = zoo("eval", tmp_path / "run", "--out", tmp_path / "again", "--set", maps)
    assert out.splitlines()[-3:] == [line.replace("scored", "again") for line in files]
