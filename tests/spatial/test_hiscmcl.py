"""HisCMCL end to end: trained, scored, resumed, and asked about new tissue, through the command line."""

import json
import signal

import anndata
import numpy as np
import pytest
from PIL import Image

import children

FAST = [
    "encoder.base.base.model=test_resnet.r160_in1k",
    "data.donors=3",
    "data.spots=6",
    "data.split={test: [D3]}",
    "data.views={patch: 32, neighbourhood: 2, overview: 32}",
    "train.batch=16",
    "train.epochs=2",
]


def options(*settings):
    return [part for setting in settings for part in ("--set", setting)]


@pytest.fixture
def trained(tmp_path, zoo):
    code, out, err = zoo("train", "hiscmcl", *options(*FAST), "--out", tmp_path / "run", "--format", "json")
    assert code == 0, err
    return tmp_path / "run", json.loads(out)


def test_it_trains_and_reports_every_score_beside_both_floors(trained):
    _, metrics = trained
    assert list(metrics["scores"]) == ["pcc", "pcc_heg50", "spearman", "mse", "mae", "hit5"]
    assert list(metrics["floors"]) == ["mean-expression", "colour-ridge"]
    assert metrics["floors"]["mean-expression"]["pcc"]["mean"] == 0
    counts = metrics["members"][0]["counts"]["D3"]
    assert counts["genes"] == 200
    assert counts["spots"] > 20


def test_eval_on_the_same_data_agrees_and_on_other_data_uses_the_kept_panel_and_bank(trained, zoo):
    run, metrics = trained
    code, out, _ = zoo("eval", run, "--format", "json")
    assert code == 0
    assert json.loads(out)["scores"]["pcc"]["mean"] == pytest.approx(metrics["scores"]["pcc"]["mean"], abs=1e-5)
    code, out, _ = zoo("eval", run, "--set", "data.donors=5", "--format", "json")
    assert code == 0
    code, out, err = zoo("eval", run, "--set", "data.donors=2", "--format", "json")
    assert code == 3
    assert "hold no donor that the model has not seen" in err


def test_predict_writes_anndata_with_genes_positions_and_the_recipes_digest(trained, tmp_path, zoo):
    run, metrics = trained
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(tmp_path / "slide.jpg")
    (tmp_path / "spots.tsv").write_text("pixel_x\tpixel_y\n60\t70\n124\t70\n188\t140\n")
    out = tmp_path / "predicted.h5ad"
    arguments = ("predict", run, "--image", tmp_path / "slide.jpg", "--spots", tmp_path / "spots.tsv", "--out", out)
    code, said, err = zoo(*arguments)
    assert code == 0
    assert "the model knows 0.80 um per pixel and nothing says what slide has" in err
    assert said.strip() == str(out)
    table = anndata.read_h5ad(out)
    assert table.shape == (3, 200)
    assert table.obsm["spatial"].tolist() == [[60, 70], [124, 70], [188, 140]]
    assert table.uns["zoo"]["recipe_digest"] == metrics["digest"]
    assert table.uns["zoo"]["scale"] == "log1p"
    assert list(table.obs["section"]) == ["slide"] * 3
    assert np.isfinite(table.X).all()


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ({"--spots": None}, "where to predict; say --image FILE with --spots FILE or --grid 100um", 2),
        ({"--grid": "100um"}, "where to predict; say --image FILE with --spots FILE or --grid 100um", 2),
        ({"--um-per-px": "wide"}, "--um-per-px wide: is no number; write micrometres, for example 0.5", 2),
        ({"--um-per-px": "0"}, "--um-per-px 0: lies above 0 and up to 100 micrometres", 2),
        ({"--gird": "100um"}, "--gird is not known to this model, did you mean --grid?; it takes --image (", 2),
        ({"--image": "nowhere.jpg"}, "--image nowhere.jpg: there is no such file", 3),
        ({"--out": "x.csv"}, "name a file that ends in .h5ad", 2),
    ],
)
def test_predict_refuses_what_it_cannot_use_in_one_sentence(trained, tmp_path, zoo, change, said, code):
    Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(tmp_path / "s.jpg")
    (tmp_path / "s.tsv").write_text("pixel_x\tpixel_y\n60\t70\n100\t100\n")
    given = {"--image": tmp_path / "s.jpg", "--spots": tmp_path / "s.tsv", "--out": tmp_path / "x.h5ad", **change}
    arguments = [part for name, value in given.items() if value is not None for part in (name, value)]
    got, _, err = zoo("predict", trained[0], *arguments)
    assert got == code
    assert said in err
    assert err.count("error:") == 1


def test_killed_while_it_learns_it_resumes_to_the_same_weights_bit_for_bit(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    settings = [*FAST, "train.checkpoint_every=1"]
    assert children.run(children.train, "hiscmcl", settings, whole) == 0
    code = children.run(children.train_signalled_at_batch, "hiscmcl", settings, killed, 3, signal.SIGKILL, False)
    assert code == -signal.SIGKILL
    assert children.run(children.train, "hiscmcl", settings, killed, True) == 0
    assert children.weights(killed) == children.weights(whole)


def test_a_dataset_named_by_an_option_keeps_what_both_know_and_drops_the_rest(sections, tmp_path, zoo):
    code, out, err = zoo(
        "train",
        "hiscmcl",
        *options(*FAST, "data.use=her2st", f"data.root={sections.root}", "data.genes.top=10"),
        *options("data.split={unit: donor, test: [B]}", "train.epochs=1"),
        "--out",
        tmp_path / "own",
    )
    assert code == 0, err
    assert "data.donors is dropped" in err
    assert "pcc" in out


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("data.donors=0", "simulated-tissue: donors is a number of at least 1, not 0"),
        ("data.near=-1", "simulated-tissue: near is a number of spots of at least 0, not -1"),
        ("data.views.patch=4", "patch lies between 8 and 4096 pixels, not 4"),
        ("data.views.neighbourhood=0.5", "neighbourhood is wider than the patch, up to 64 times, not 0.5"),
    ],
)
def test_a_dataset_that_cannot_be_made_is_refused_at_its_place(zoo, setting, said):
    code, _, err = zoo("train", "hiscmcl", *options(*FAST, setting))
    assert code == 2
    assert said in err
    assert err.count("error:") == 1


def test_a_spot_can_be_read_without_its_neighbours(zoo, tmp_path):
    code, _, err = zoo("train", "hiscmcl", *options(*FAST, "data.near=0"), "--out", tmp_path / "alone")
    assert code == 0, err


def test_an_empty_gene_panel_gets_one_sentence_and_exit_3(zoo):
    code, _, err = zoo("train", "hiscmcl", *options(*FAST, "data.genes={select: list, names: [NOPE]}"))
    assert code == 3
    assert "none of the 1 genes of data.genes.names is in the data" in err


def test_a_test_group_that_does_not_exist_is_named_with_those_that_do(zoo):
    code, _, err = zoo("train", "hiscmcl", *options(*FAST, "data.split={test: [D9]}"))
    assert code == 3
    assert "data.split.test names donor D9, which these data do not have; they have: D1, D2, D3" in err
