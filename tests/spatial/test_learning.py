"""A model that learns clears its floor: the claim the whole zoo rests on, at a size for tests."""

import json


def options(*settings):
    return [part for setting in settings for part in ("--set", setting)]


def test_hiscmcl_clears_both_floors_on_donors_it_has_not_seen(zoo, tmp_path):
    small = ["data.donors=6", "data.split={test: [D5, D6]}", "data.views.patch=32"]
    small += ["train.epochs=10", "train.batch=32", "train.lr=2e-3"]
    code, out, err = zoo("train", "hiscmcl", *options(*small), "--out", tmp_path / "run", "--format", "json")
    assert code == 0, err
    metrics = json.loads(out)
    for score in ("pcc", "pcc_heg50", "spearman", "mse"):
        assert metrics["above_floor"][score]["mean"] > 0.03, score


def test_the_recipe_for_real_tissue_runs_on_real_tissue(zoo, tmp_path, her2st_root):
    small = [f"data.root={her2st_root}", "data.sections=[C4, C5]", "data.genes.top=50", "train.epochs=1"]
    code, out, err = zoo("train", "hiscmcl-her2st", *options(*small), "--out", tmp_path / "run", "--format", "json")
    assert code == 0, err
    metrics = json.loads(out)
    assert metrics["members"][0]["counts"]["C5"]["spots"] == 181
    assert metrics["protocol"] == "strict"
    assert 0.1 < metrics["floors"]["colour-ridge"]["pcc"]["mean"] < 0.6, "the floor is that of real tissue"


def test_the_published_choices_run_on_real_tissue_and_say_that_they_flatter(zoo, tmp_path, her2st_root):
    small = [
        f"data.root={her2st_root}",
        "data.sections=[C4, C5]",
        "data.genes.top=50",
        "encoder={scales: [32, 48], base: {model: test_resnet.r160_in1k, pretrained: false}}",
        "data.views.size=32",
        "head.spot.heads=2",
        "train.epochs=1",
    ]
    arguments = ("hiscmcl-published", *options(*small), "--out", tmp_path / "run", "--format", "json")
    code, out, err = zoo("train", *arguments)
    assert code == 0, err
    metrics = json.loads(out)
    assert metrics["protocol"] == "published"
    assert "scores flatter" in " ".join(metrics["notes"])
    assert set(metrics["scores"]["pcc"]["by_group"]) == {"C4", "C5"}
