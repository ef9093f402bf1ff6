"""HECLIP and its family end to end, through the command line: both modes, own sections, slides without spots."""

import json

import anndata
import numpy as np
import pytest
import tifffile
from PIL import Image
from safetensors.torch import load_file

from spatial.visium_folders import Tissue, write_outs
from zoo import recipe
from zoo.api import train
from zoo.resolve import fill
from zoo_spatial.simulation import simulate_section

FAST = ["data.donors=3", "data.spots=6", "data.genes.top=12", "train.batch=16", "train.epochs=1", "data.views.size=32"]


def options(*settings):
    return [part for setting in settings for part in ("--set", setting)]


def trained(zoo, out, name="heclip", *settings):
    code, said, err = zoo("train", name, *options(*FAST, *settings), "--out", out, "--format", "json")
    assert code == 0, err
    return json.loads(said)


@pytest.fixture(scope="module")
def heclip(tmp_path_factory):
    """Return a finished run, which no test changes."""
    out = tmp_path_factory.mktemp("runs") / "heclip"
    train("heclip", FAST, out=out, device="cpu")
    return out


def test_the_four_systems_of_the_family_differ_in_a_handful_of_switches_and_in_nothing_else():
    filled = {name: fill(recipe.load(name)).data for name in ("heclip", "bleep", "mclstexp")}
    for slot in ("data", "encoder", "train", "transforms", "protocol"):
        assert filled["bleep"][slot] == filled["heclip"][slot] == filled["mclstexp"][slot]
    switches = {
        name: (
            data["head"]["dim"],
            data["head"]["spot"]["use"],
            data["loss"]["use"],
            data["loss"]["targets"],
            data["task"]["retrieve"]["key"],
            data["task"]["retrieve"]["k"],
            data["task"]["retrieve"]["weight"],
        )
        for name, data in filled.items()
    }
    assert switches == {
        "heclip": (None, "spot-expression", "image-centric", "row-normalised", "image", 50, "mean"),
        "bleep": (256, "spot-expression", "info-nce", "embeddings", "spot", 50, "mean"),
        "mclstexp": (256, "spot-transformer", "info-nce", "identity", "spot", 200, "inverse-square"),
    }


@pytest.mark.parametrize("name", ["bleep", "mclstexp"])
def test_bleep_and_mclstexp_train_by_name(name, tmp_path, zoo):
    assert trained(zoo, tmp_path / name, name)["counts"]


def test_its_second_mode_embeds_highly_expressed_genes_and_looks_spots_up(tmp_path, zoo):
    second = ["head.dim=16", "data.genes.select=highest", "task.retrieve.key=spot", "loss.targets=published"]
    metrics = trained(zoo, tmp_path / "heg", "heclip", *second)
    assert set(metrics["floors"]) == {"mean-expression", "colour-ridge"}
    config = json.loads((tmp_path / "heg/model/holdout-seed0/config.json").read_text())
    assert config["gives"]["image"]["shape"] == [16]


def test_in_gene_space_the_image_is_embedded_in_as_many_dimensions_as_there_are_genes(heclip):
    config = json.loads((heclip / "model/holdout-seed0/config.json").read_text())
    assert config["gives"]["image"]["shape"] == [12]
    assert config["gives"]["prediction/novelty"]["shape"] == []


def test_own_space_ranger_folders_take_the_place_of_simulated_tissue_in_the_very_same_recipe(tmp_path, zoo):
    for number in range(3):
        write_outs(tmp_path / "data" / f"V{number}" / "outs", Tissue(seed=number))
    own = ["data.use=visium", f"data.root={tmp_path / 'data'}"]
    code, _, err = zoo("train", "heclip", *options(*own, "train.epochs=1", "train.batch=16"), "--out", tmp_path / "own")
    assert code == 0, err
    assert "data.donors is dropped" in err
    split = json.loads((tmp_path / "own/splits.json").read_text())[0]
    assert len(split["train"]) == 2
    assert len(split["test"]) == 1


def test_one_section_alone_says_how_to_split_it_and_can_be_cut_into_blocks(tmp_path, zoo):
    write_outs(tmp_path / "outs", Tissue())
    own = ["data.use=visium", f"data.root={tmp_path}", "train.epochs=1", "train.batch=4"]
    code, _, err = zoo("train", "heclip", *options(*own), "--out", tmp_path / "one")
    assert code == 3
    assert "a share of donor cannot be held out: these data have one" in err
    blocks = ["data.blocks=4", "data.split.unit=section"]
    code, _, err = zoo("train", "heclip", *options(*own, *blocks), "--out", tmp_path / "blocks")
    assert code == 0, err
    split = json.loads((tmp_path / "blocks/splits.json").read_text())[0]
    assert min([*split["train"], *split["test"]]).endswith(".1")
    assert len(split["train"]) + len(split["test"]) == 4


@pytest.fixture
def slide(tmp_path):
    """Return a slide of simulated tissue as a tiled TIFF that states its pixels as 0.8 um."""
    made = simulate_section(seed=0, donor=2, section=1, spots=6, genes=40, pitch_px=64)
    path = tmp_path / "slide.tiff"
    size = {"resolution": (1e4 / 0.8, 1e4 / 0.8), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, made.image, tile=(128, 128), compression="zlib", photometric="rgb", **size)
    return path


def test_a_slide_without_spots_is_predicted_at_points_over_its_tissue(heclip, slide, tmp_path, zoo):
    out = tmp_path / "grid.h5ad"
    code, said, err = zoo("predict", heclip, "--image", slide, "--grid", "40um", "--out", out)
    assert (code, said.strip()) == (0, str(out)), err
    assert "nothing says" not in err
    table = anndata.read_h5ad(out)
    assert table.n_vars == 12
    assert table.n_obs > 30
    steps = np.diff(np.unique(table.obsm["spatial"][:, 0]))
    assert np.allclose(steps, 40 / 0.8, atol=0.01)
    assert np.isfinite(table.X).all()
    assert (table.obs["novelty"] >= 0).all()
    assert table.uns["zoo"]["um_per_px"]["slide"] == pytest.approx(0.8)


def test_what_is_unlike_the_training_tissue_has_a_larger_novelty(heclip, slide, tmp_path, zoo):
    noise = np.random.default_rng(0).integers(0, 256, tifffile.imread(slide).shape, dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    (tmp_path / "spots.tsv").write_text("pixel_x\tpixel_y\n" + "".join(f"{x}\t{x}\n" for x in range(60, 360, 30)))
    found = {}
    for name in ("slide.tiff", "noise.png"):
        given = ("--image", tmp_path / name, "--spots", tmp_path / "spots.tsv", "--um-per-px", "0.8")
        assert zoo("predict", heclip, *given, "--out", tmp_path / "out.h5ad")[0] == 0
        found[name] = float(np.median(anndata.read_h5ad(tmp_path / "out.h5ad").obs["novelty"]))
    assert found["noise.png"] > 2 * found["slide.tiff"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"--grid": "wide"}, "--grid takes a length with its unit, such as 100um or 0.1mm, not 'wide'"),
        ({"--grid": "0um"}, "--grid lies between 0.5 um and 10 mm, not 0um"),
        ({"--grid": "40um", "--spots": "spots.tsv"}, "--spots spots.tsv: there is no such file"),
        ({"--grid": "40um", "--image": "plain.png"}, "does not say how large its pixels are; add --um-per-px NUMBER"),
    ],
)
def test_a_grid_that_cannot_be_laid_is_refused_in_one_sentence(heclip, slide, tmp_path, zoo, given, said):
    Image.fromarray(tifffile.imread(slide)).save(tmp_path / "plain.png")
    named = {"--image": slide.name, **given}
    words = [word for name, value in named.items() for word in (name, tmp_path / value if name == "--image" else value)]
    code, _, err = zoo("predict", heclip, *words, "--out", tmp_path / "out.h5ad")
    assert code in {2, 3}
    assert said in err
    assert err.count("error:") == 1
    assert not (tmp_path / "out.h5ad").exists()


def test_runs_of_the_family_are_compared_over_the_donors_they_share(heclip, tmp_path, zoo):
    trained(zoo, tmp_path / "bleep", "bleep")
    code, out, err = zoo("compare", heclip, tmp_path / "bleep", "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    assert {one["score"] for one in found["differences"]} >= {"pcc", "mse"}
    assert any("simulated" in note for note in found["notes"])


def test_a_bank_in_half_precision_is_half_as_large_and_scores_the_same(heclip, tmp_path, zoo):
    metrics = trained(zoo, tmp_path / "half", "heclip", "task.store=float16")
    banks = [folder / "model/holdout-seed0/bank.safetensors" for folder in (heclip, tmp_path / "half")]
    tensors = [load_file(bank) for bank in banks]
    assert [str(found["expression"].dtype) for found in tensors] == ["torch.float32", "torch.float16"]
    whole = json.loads((heclip / "metrics.json").read_text())
    assert metrics["scores"]["mse"]["mean"] == pytest.approx(whole["scores"]["mse"]["mean"], rel=1e-3)


def test_a_store_that_is_there_already_is_refused_before_anything_is_predicted(heclip, slide, tmp_path, zoo):
    pytest.importorskip("spatialdata", reason="needs the extra zoo-spatial[spatialdata]")
    (tmp_path / "there.zarr").mkdir()
    code, _, err = zoo("predict", heclip, "--image", slide, "--grid", "40um", "--out", tmp_path / "there.zarr")
    assert code == 2
    assert "there.zarr: is there already, and a store is not written over; remove it or name another" in err
