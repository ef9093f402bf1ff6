"""The page of a run shows genes, maps of tissue, sections and the joint space, whatever genes and groups there are."""

import csv
import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from spatial.sections_in_memory import section
from zoo.errors import DataError
from zoo.figures.parts import Look
from zoo.report import material
from zoo_spatial.genes import gene_scores
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.outputs import report_genes, report_maps, report_space
from zoo_spatial.outputs.gene_maps import GeneMaps
from zoo_spatial.outputs.report_scored import Scored
from zoo_spatial.spots import SpotDataset
from zoo_spatial.tasks.contrast import Contrast
from zoo_spatial.views import Views

ODD = ['HLA-"A"', "a<b>&c", "$x_1$", "MT-CO1", "ENSG00000000000012345678901234567890", "flat"]


def spots(*, sections=2, side=5, genes=ODD, donors=None, panel=None):
    """Return a dataset in memory; of a gene called flat there are no counts."""
    made = []
    for number in range(sections):
        one = section(f"S{number}", side=side, genes=len(genes), seed=number, donor=donors and donors[number])
        counts = one.counts * [name != "flat" for name in genes]
        made.append(replace(one, genes=list(genes), counts=counts.astype(np.float32)))
    panel = GenePanel(select="list", names=list(panel or genes))
    dataset = SpotDataset(open_sections=lambda: made, views=Views(patch=16), panel=panel)
    dataset.fit(np.arange(len(dataset)))
    return dataset


def guessed(dataset, noise=0.5, seed=0):
    """Return a prediction that is the truth with noise."""
    truth = dataset.expression
    return truth + np.random.default_rng(seed).normal(scale=noise, size=truth.shape).astype(np.float32)


def embedding(dataset, dim=8):
    """Return what is asked of a model: patches near their own spots."""

    def outputs(items):
        at = np.stack([np.random.default_rng(int(item)).normal(size=dim) for item in items]).astype(np.float32)
        return {"image": at + 0.01, "spot": at}

    return Look(lambda items, classes: None, outputs, np.empty(0, dtype=np.int64))


def parts_of(dataset, unit="donor", task=None, predicted=None, look=None, **said):
    items = np.arange(len(dataset))
    said = {"expression": guessed(dataset) if predicted is None else predicted, **said}
    truth, groups = {"expression": dataset.expression}, dataset.groups[unit]
    found = (task or Contrast()).report(said, truth, dataset=dataset, items=items, groups=groups, look=look)
    sections = list(found)
    return {part.key: part for one in sections for part in one.parts}, {one.key: one for one in sections}


def scored_of(dataset, unit="donor"):
    truth = {"expression": dataset.expression}
    return Scored.of({"expression": guessed(dataset)}, truth, dataset, np.arange(len(dataset)), dataset.groups[unit])


def test_all_that_is_shown_can_be_drawn_and_names_of_genes_survive_quotes_brackets_and_dollars(tmp_path):
    dataset = spots()
    task, look = Contrast(maps=GeneMaps(genes=ODD[:3])), embedding(dataset)
    said = {"expression": guessed(dataset), "novelty": np.linspace(0, 3, len(dataset), dtype=np.float32)}
    given = {"dataset": dataset, "items": np.arange(len(dataset)), "groups": dataset.groups["donor"], "look": look}
    folder = material.write(tmp_path / "m", task.report(said, {"expression": dataset.expression}, **given), {})
    told = json.loads((folder / "parts.json").read_text())
    assert told["problem"] == ""
    keys = [part["key"] for one in told["sections"] for part in one["parts"]]
    assert keys == [
        *("pcc-histogram", "pcc-by-level", "gene-list", "map-best", "maps-1", "maps-2"),
        *("section-list", "novelty-map", "space-plane", "space-retrieval"),
    ]
    assert sorted(path.stem for path in folder.glob("*.png")) == ["map-best", "pcc-histogram"]
    with (folder / "gene-list.csv").open(newline="") as file:
        assert [row["gene"] for row in csv.DictReader(file)] == ODD
    drawn = "".join(ET.parse(folder / "maps-1.svg").getroot().itertext())
    assert all(name in drawn for name in ODD[:3])
    assert all(path.stat().st_size < 300_000 for path in folder.glob("*.svg"))


def test_a_gene_has_the_mean_of_its_correlations_in_test_groups_and_one_that_never_varies_has_none():
    dataset = spots(donors=["D1", "D2"])
    parts, _ = parts_of(dataset)
    table = parts["gene-list"].table
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    predicted, truth, donor = guessed(dataset), dataset.expression, np.asarray(dataset.groups["donor"])
    each = [gene_scores.pearson(predicted[donor == d], truth[donor == d]) for d in ("D1", "D2")]
    for place, name in enumerate(ODD[:-1]):
        assert [rows[name]["pcc D1"], rows[name]["pcc D2"]] == pytest.approx([one[place] for one in each], abs=1e-4)
        assert rows[name]["pcc"] == pytest.approx(np.mean([one[place] for one in each]), abs=1e-4)
    assert rows["flat"]["rank"] is None
    assert np.isnan(rows["flat"]["pcc"])
    assert sorted(row["rank"] for row in rows.values() if row["rank"]) == [1, 2, 3, 4, 5]
    assert "5 genes" in parts["pcc-histogram"].alt


def test_where_nothing_varies_a_sentence_stands_in_the_place_of_figures_and_no_map_is_drawn():
    parts, sections = parts_of(spots(genes=["flat", "other"]), predicted=np.zeros((50, 2), dtype=np.float32))
    assert "pcc-histogram" in parts  # the other gene varies, and was predicted the same everywhere
    dataset = spots(genes=["flat", "other"])
    dataset.expression[:] = 1
    parts, sections = parts_of(dataset, predicted=dataset.expression * 0.5)
    assert sections["genes"].words == "No gene varies in what was measured, so that none has a correlation."
    assert set(parts) == {"gene-list", "section-list"}


@pytest.mark.parametrize(("sections", "side", "genes"), [(1, 2, ["A"]), (7, 3, ["A", "flat"])])
def test_one_gene_one_section_four_spots_and_many_groups_have_a_page(tmp_path, sections, side, genes):
    dataset = spots(sections=sections, side=side, genes=["A", "B", "flat"], panel=genes)
    parts, kept = parts_of(dataset, look=embedding(dataset))
    few = [
        replace(part, card=False) for key, part in parts.items() if key in {"pcc-histogram", "pcc-by-level", "map-best"}
    ]
    material.write(tmp_path / "m", [replace(kept["genes"], parts=few)], {})
    assert json.loads((tmp_path / "m" / "parts.json").read_text())["problem"] == ""
    assert len(parts["section-list"].table.rows) == sections
    assert sum(key.startswith("maps-") for key in parts) == min(sections, 4)
    assert ("pcc S0" in parts["gene-list"].table.columns) == (1 < sections <= 6)


def test_of_twenty_thousand_genes_all_are_listed_and_some_are_drawn():
    dataset, count = spots(sections=1), 20_000
    truth = np.random.default_rng(0).normal(size=(len(dataset), count)).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=truth.shape).astype(np.float32)
    dataset._read.genes = [f"G{number}" for number in range(count)]
    scored = Scored(truth + noise, truth, dataset, np.arange(len(dataset)), np.array(["S0"] * len(dataset)))
    genes, listing = report_genes.sections(scored)
    level = genes.parts[1]
    assert len(level.numbers.rows) == 5000
    assert "5000 of 20000 genes are drawn" in level.caption
    assert {scored.names[scored.ranked[0]], scored.names[scored.ranked[-1]]} < {row[0] for row in level.numbers.rows}
    assert len(listing.parts[0].table.rows) == count


def test_maps_are_of_the_genes_that_the_recipe_names_then_the_best_and_the_worst():
    dataset = spots()
    parts, sections = parts_of(dataset, task=Contrast(maps=GeneMaps(genes=["MT-CO1", "TP53"], best=1, worst=1)))
    scored = scored_of(dataset)
    ends = [scored.names[scored.ranked[0]], scored.names[scored.ranked[-1]]]
    shown = [name.removesuffix(" measured") for name in parts["maps-1"].numbers.columns[2::2]]
    assert shown == list(dict.fromkeys(["MT-CO1", *ends]))
    assert "maps of TP53, not in the panel" in sections["maps"].words
    first = parts["maps-1"].numbers.rows[0]
    assert first[:2] == pytest.approx(dataset.position_px[int(parts["maps-1"].title.removeprefix("Section S")) * 25])


def test_sections_that_are_shown_go_from_the_best_to_the_worst_and_the_rest_is_told():
    dataset = spots(sections=9, side=3)
    parts, sections = parts_of(dataset)
    scored = scored_of(dataset)
    mean = {f"Section {name}": np.nanmean(values) for name, values in scored.by_section.items()}
    shown = [parts[f"maps-{number}"].title for number in range(1, 5)]
    assert shown == sorted(shown, key=lambda title: -mean[title])
    assert (mean[shown[0]], mean[shown[-1]]) == (max(mean.values()), min(mean.values()))
    assert "4 of 9 sections are shown" in sections["maps"].words


def test_a_stained_image_that_is_gone_leaves_the_maps():
    dataset = spots(sections=1)

    class Gone:
        shape = (240, 240)

        def thumbnail(self, longest):
            raise DataError("the image is damaged")

    dataset.sections[0] = replace(dataset.sections[0], image=Gone())
    parts, _ = parts_of(dataset)
    assert "map-best" in parts


def test_neighbouring_spots_of_a_huge_section_are_averaged_and_none_is_lost():
    place = np.random.default_rng(0).uniform(0, 1000, size=(20_000, 2))
    at, values = report_maps.merged(place, place[:, :1] + 1, 5000)
    assert 3000 < len(at) <= 5000
    assert np.allclose(values[:, 0], at[:, 0] + 1)
    same, kept = report_maps.merged(place[:100], place[:100, :1], 5000)
    assert np.array_equal(same, place[:100])
    assert np.array_equal(kept, place[:100, :1])


def test_the_rank_of_its_own_spot_is_none_where_a_patch_lies_on_it_and_the_middle_where_all_are_alike():
    near = np.eye(6)
    assert report_space.own_rank(near, near).tolist() == [0] * 6
    assert report_space.own_rank(near, np.roll(near, 1, axis=0)).tolist() == [3] * 6  # 1 nearer, 4 alike: 1 + 4 / 2
    assert report_space.own_rank(np.ones((5, 2)), np.ones((5, 2))).tolist() == [2] * 5
    assert report_space.among(np.array([0, 2, 9]), 3) == pytest.approx(2 / 3)


def test_main_directions_are_those_of_a_whole_decomposition_in_more_and_in_fewer_dimensions_than_points():
    rng = np.random.default_rng(0)
    for shape in ((60, 9), (20, 300)):
        values = rng.normal(size=shape) @ np.diag(np.geomspace(9, 0.1, shape[1]))
        size = np.linalg.svd(values - values.mean(axis=0), compute_uv=False)
        places, share = report_space.main_directions(values)
        assert share == pytest.approx((size**2 / (size**2).sum())[:2], rel=1e-4)
        assert np.linalg.norm(places, axis=0) == pytest.approx(size[:2], rel=1e-4)
    assert report_space.main_directions(np.ones((4, 1)))[0].shape == (4, 2)


def test_a_model_that_embeds_no_spots_and_one_that_is_not_at_hand_have_no_joint_space():
    dataset = spots(sections=1)
    only = Look(lambda items, classes: None, lambda items: {"image": np.ones((len(items), 3))}, np.arange(0))
    assert "space" not in parts_of(dataset, look=only)[1]
    assert "space" not in parts_of(dataset, look=None)[1]
    found = parts_of(dataset, look=embedding(dataset))[0]["space-retrieval"]
    assert "k of 1: 100.0% (chance 4.0%)" in found.alt


def test_simulated_tissue_is_called_so_beneath_the_picture_and_in_words():
    dataset = spots(sections=1)
    dataset.provenance = {"kind": "simulated"}
    parts, sections = parts_of(dataset)
    assert "The tissue is SIMULATED." in sections["maps"].words
    assert any(text.get_text() == "SIMULATED tissue" for text in parts["map-best"].drawing.axes[0].texts)


SMALL = ["data.donors=3", "data.spots=5", "data.genes.top=12", "data.split={test: [D3], seed: 0}"]
SMALL += ["data.views={patch_um: null, patch: 32, size: null}", "train={batch: 16, epochs: 1}"]


def test_training_leaves_the_figures_in_the_run_with_the_score_that_it_reports(tmp_path, zoo, monkeypatch):
    monkeypatch.delenv("ZOO_REPORT")
    given = [part for setting in SMALL for part in ("--set", setting)]
    code, _, err = zoo("train", "heclip", *given, "--out", tmp_path / "run")
    assert code == 0, err
    (folder,) = (tmp_path / "run" / "report").iterdir()
    told = json.loads((folder / "parts.json").read_text())
    assert told["problem"] == ""
    assert [one["key"] for one in told["sections"]] == ["genes", "gene-table", "maps", "sections", "novelty", "space"]
    with (folder / "section-list.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    scores = json.loads((tmp_path / "run" / "results" / "holdout-seed0.json").read_text())["scores"]["model"]["D3"]
    assert float(row["pcc"]) == pytest.approx(scores["pcc"], abs=1e-4)
    assert float(row["pcc_heg50"]) == pytest.approx(scores["pcc_heg50"], abs=1e-4)
