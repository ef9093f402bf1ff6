"""A card is made of facts: nothing of a stranger's becomes markup, and what does not follow from the facts is found."""

import re
import shlex
import subprocess
import sys

import pytest
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from zoo import card, card_facts, card_sections, document, evaluate
from zoo.config import Config
from zoo.errors import IntegrityError
from zoo.verdict import Row, joined

FOLD = {"name": "holdout", "unit": "donor", "train": ["D1", "D2", "D3"], "val": ["D4"], "test": ["D5", "D6"]}
DATA = {
    "name": "Little brain",
    "kind": "real",
    "licence": "cc-by-4.0",
    "source": "doi:10.5281/zenodo.7.",
    "citation": "Nobody et al. 2026",
    "modality": "histology",
    "assay": "Visium",
    "stain": "H&E",
    "tissue": "brain",
    "species": "mouse, human",
    "datasets": ["org/little-brain", "10.5281/zenodo.7"],
}
TASK = {
    "task_type": "image-to-expression",
    "tags": ["gene-expression-prediction"],
    "scores": {"pearson": "mean over genes of Pearson's r", "mse": "mean squared error"},
    "metrics": {"pearson": "pearsonr", "mse": "mse"},
}
PARTS = [("encoders", "pixels"), ("heads", "numbers"), ("datasets", "little-brain"), ("tasks", "regress")]


def config(*, data=(), weights=(), task=(), **changes):
    """Make a config; ``data``, ``weights`` and ``task`` replace what the model says of them."""
    told = {
        "format": 2,
        "member": "holdout-seed0",
        "seed": 0,
        "fold": FOLD,
        "digest": "ab" * 32,
        "facts": {"num_genes": 30},
        "fitted": {"um_per_px": 0.65, "genes": [f"GENE{i}" for i in range(30)], "centre": [0.0]},
        "floors": ["mean", "ridge"],
        "components": [{"kind": kind, "name": name, "distribution": "zoo-lab"} for kind, name in PARTS],
        "requires": {"zoo-lab": ">=1,<2"},
        "made_with": {"zoo-lab": "1.0", "torch": "2.11"},
        "parameters": 1234567,
        "reads": {"image": {"shape": [3, 32, 32], "dtype": "uint8"}},
        "gives": {"expression": {"shape": [30], "dtype": "float32"}},
        "inputs": {"image": "an RGB image", "spots": "where the spots are"},
        "provenance": {"data": [DATA, *data] if not isinstance(data, list) else data, "weights": list(weights)},
        "task": dict(task) or TASK,
        "test": {"items": 4, "rtol": 0.001, "atol": {"output/expression": 0.002}},
    }
    return Config.model_validate({**told, **changes})


def metrics(*, ours=(0.5, 0.4), seeds=(0,), protocol="strict", names=("pearson", "mse")):
    """Return what ``metrics.json`` would hold: one value a test group, floors beside it."""
    first, second = names

    def member(seed):
        values = {"model": ours, "mean": (0.0, 0.1), "ridge": (0.3, 0.35)}
        scores = {
            name: {g: {first: v + seed / 100, second: 1 - v} for g, v in zip(FOLD["test"], found, strict=True)}
            for name, found in values.items()
        }
        counts = {group: {"spots": 6.0} for group in FOLD["test"]}
        return {"member": f"holdout-seed{seed}", "seed": seed, "fold": FOLD, "scores": scores, "counts": counts}

    members = [member(seed) for seed in seeds]
    directions = {first: True, second: False}
    joined = evaluate.summarise(members, directions, protocol)
    for one in members:
        found = evaluate.summarise([one], directions, protocol)["scores"]
        one["alone"] = {score: column["mean"] for score, column in found.items()}
    split = {"unit": "donor", "scheme": "holdout", "folds": 1}
    return {
        "recipe": "little",
        "protocol": protocol,
        "split": split,
        "seeds": list(seeds),
        **joined,
        "members": members,
    }


def facts(**changes):
    told = {
        "name": "little-brain",
        "address": "my-org/little-brain",
        "recipe": "little",
        "protocol": "strict",
        "config": config(),
        "metrics": metrics(),
        "licence": "apache-2.0",
        "tags": ["My lab", "gene-expression-prediction"],
        "prose": "",
        "references": {"pixels": ["Nobody 2025, arXiv:2501.00001", "doi:10.1000/xyz"]},
        "code": {"microscopy-zoo": "apache-2.0", "zoo-lab": "mit"},
        "commands": "zoo train little --seed 0",
    }
    return card.Facts(**{**told, **changes})


def of_kind(*kinds):
    return config(data=[{**DATA, "kind": kind} for kind in kinds])


def front(text):
    return document.parse(text.split("---\n")[1], "README.md").value


def section(text, title):
    """Return what stands under a ``## `` heading."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table(text, first):
    """Return the cells of the table whose header begins with a cell."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


# what a card may not lack


def test_a_whole_card_has_no_holes():
    assert card.holes(facts()) == []


def test_a_card_without_a_licence_is_a_hole():
    assert card.holes(facts(licence="")) == [
        "no licence of the model: say publish.licence in the recipe or --licence",
    ]


@pytest.mark.parametrize("licence", ["none", "apache", "Apache-2.0", "mit or isc"])
def test_a_licence_that_is_not_on_the_list_of_the_hub_is_a_hole(licence):
    (hole,) = card.holes(facts(licence=licence))
    assert hole.startswith(f"licence '{licence}' is not on the Hub's list: say publish.licence in the recipe")
    assert "'other' is for a licence of your own" in hole


def test_data_of_which_nothing_is_known_are_a_hole():
    assert card.holes(facts(config=config(provenance={}))) == [
        "no name, kind and licence of the data: give the dataset 'little-brain' an attribute 'provenance'",
    ]


@pytest.mark.parametrize(
    ("key", "way"),
    [
        ("name", "say what they are called"),
        ("kind", "say real, simulated or semi-synthetic"),
        ("licence", "say its identifier, or none where their makers state none"),
    ],
)
def test_what_the_data_do_not_say_is_a_hole(key, way):
    told = {name: value for name, value in DATA.items() if name != key}
    assert card.holes(facts(config=config(data=[told]))) == [
        f"no {key} of the data: {way} in 'provenance' of the dataset 'little-brain'",
    ]


def test_data_of_no_kind_that_a_card_knows_are_a_hole():
    (hole,) = card.holes(facts(config=of_kind("measured")))
    assert hole.startswith("kind of the data is 'measured': say real, simulated or semi-synthetic")


def test_none_is_an_answer_to_the_licence_of_the_data():
    assert card.holes(facts(config=config(data=[{**DATA, "licence": "none"}]))) == []


@pytest.mark.parametrize(
    "empty", [{}, {"scores": {"pearson": {"mean": None}}}, {"scores": {"pearson": {"mean": float("nan")}}}]
)
def test_a_card_without_scores_is_a_hole(empty):
    (hole,) = card.holes(facts(metrics=empty))
    assert hole.startswith("no scores: metrics.json holds none; train with test groups")


def test_all_holes_are_told_at_once():
    assert len(card.holes(facts(licence="", metrics={}, config=config(data=[{}])))) == 5


# what the Hub reads


def test_the_hub_reads_the_metadata_as_they_are_meant():
    data = ModelCard(card.render(facts())).data
    assert isinstance(data, ModelCardData)
    assert data.license == "apache-2.0"
    assert data.library_name == "zoo"
    assert data.datasets == ["org/little-brain"]
    assert data.metrics == ["mse", "pearsonr"]
    assert data.model_name == "little-brain"


def test_the_hub_and_our_own_reader_read_the_same_metadata():
    text = card.render(facts())
    hub = ModelCard(text).data.to_dict()
    assert hub == front(text)


def test_tags_are_those_of_task_data_and_user_sorted_and_unique():
    assert ModelCard(card.render(facts())).data.tags == [
        *("assay:visium", "gene-expression-prediction", "histology", "my-lab", "real-data", "species:human"),
        *("species:mouse", "stain:h&e", "tissue:brain"),
    ]


def test_each_score_is_one_result_with_its_mean_interval_and_best_floor():
    results = ModelCard(card.render(facts())).data.eval_results
    assert [(found.metric_type, found.metric_value) for found in results] == [("pearsonr", 0.45), ("mse", 0.55)]
    first = results[0]
    assert (first.task_type, first.dataset_type, first.dataset_name) == (
        *("image-to-expression", "org/little-brain", "Little brain"),
    )
    assert first.metric_name == (
        "pearson: mean over 2 test groups (donor); 95% interval [0.400, 0.500]; best floor ridge 0.325"
    )


def test_the_best_floor_is_the_lowest_where_lower_is_better():
    found = card_facts.material(config(), metrics()).table
    assert found.best_floor("pearson") == ("ridge", pytest.approx(0.325))
    assert found.best_floor("mse") == ("ridge", pytest.approx(0.675))


def test_the_best_floor_is_the_one_that_the_margin_names():
    columns = {"a": {"s": {"mean": 0.1}}, "b": {"s": {"mean": 0.2}}}
    margin = {"floor": "b", "mean": 0.3}
    table = {"scores": {"s": {"mean": 0.5}}, "floors": columns, "above_floor": {"s": margin}}
    assert card_facts.Table.model_validate(table).best_floor("s") == ("b", 0.2)
    table["above_floor"] = {"s": {"floor": None, "mean": None}}
    assert card_facts.Table.model_validate(table).best_floor("s") is None


def test_data_that_are_not_on_the_hub_are_called_by_the_component_that_reads_them():
    text = card.render(facts(config=config(data=[{**DATA, "datasets": ["10.5281/zenodo.7"]}])))
    assert "datasets" not in front(text)
    assert ModelCard(text).data.eval_results[0].dataset_type == "little-brain"


def test_a_score_without_a_value_is_no_result_but_stands_in_the_table():
    found = metrics(ours=(float("nan"), float("nan")))
    text = card.render(facts(metrics=found))
    assert "model-index" not in front(text)
    assert table(text, "score")[2][0] == "pearson"
    assert table(text, "score")[2][2] == "-"


def test_the_pipeline_tag_is_there_where_the_task_has_one_and_only_there():
    assert "pipeline_tag" not in front(card.render(facts()))
    tagged = facts(config=config(task={**TASK, "pipeline_tag": "image-classification"}))
    assert ModelCard(card.render(tagged)).data.pipeline_tag == "image-classification"


def test_weights_that_the_model_began_from_are_its_base():
    began = [{"name": "lab/net.v1", "licence": "apache-2.0"}, {"name": "a thesis"}]
    data = ModelCard(card.render(facts(config=config(weights=began)))).data
    assert data.base_model == "lab/net.v1"
    assert data["base_model_relation"] == "finetune"
    assert "base_model" not in front(card.render(facts()))


def test_a_licence_of_its_own_has_a_name_and_a_link():
    data = ModelCard(card.render(facts(licence="other"))).data
    assert (data.license, data.license_name, data.license_link) == ("other", "little-brain-licence", "LICENSE")


@pytest.mark.parametrize(
    "name", ["no", "1e3", "2026-01-01", "a: b", "---", "#", "x\n---\ny", "\u2028", "\x07", "'\"", ""]
)
def test_names_that_yaml_could_take_for_something_else_stay_names(name):
    text = card.render(facts(config=config(data=[{**DATA, "name": name}]), tags=[name]))
    hub = ModelCard(text).data
    assert hub.to_dict() == front(text)
    assert hub.eval_results[0].dataset_name == (card_facts.one_line(name) or "little-brain")


# the text


def test_the_same_facts_give_the_same_text():
    assert card.render(facts()) == card.render(facts())


def test_the_order_of_tags_and_versions_changes_nothing():
    one, other = facts(tags=["b", "a"]), facts(tags=["a", "b"], code={"zoo-lab": "mit", "microscopy-zoo": "apache-2.0"})
    assert card.render(one) == card.render(other)


@pytest.mark.parametrize(
    ("kinds", "title"),
    [
        (["real"], "# little-brain"),
        (["simulated"], "# little-brain: trained on simulated data, not on measured ones"),
        (["semi-synthetic"], "# little-brain: trained on semi-synthetic data, part of them made up and not measured"),
        (
            ["real", "simulated"],
            "# little-brain: trained on semi-synthetic data, part of them made up and not measured",
        ),
    ],
)
def test_the_first_line_says_so_where_data_were_not_measured(kinds, title):
    text = card.render(facts(config=of_kind(*kinds)))
    assert text.split("---\n", 2)[2].lstrip().split("\n")[0] == title
    assert {f"{kind}-data" for kind in kinds} <= set(front(text)["tags"])


def test_the_sections_stand_in_their_order():
    text = card.render(facts(prose="## Ethics\n\nNone.\n"))
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        *("What it is", "How to use it", "Scores", "Data and splits", "Input and output", "Intended use", "Limits"),
        *("Ethics", "Licences", "References", "How it was made", "Proof"),
    ]


def test_the_parts_and_their_size_are_told():
    text = section(card.render(facts()), "What it is")
    assert "recipe little under the strict protocol; 1,234,567 trained values" in text
    assert ["encoder", "pixels", "zoo-lab"] in table(text, "kind")


def test_the_commands_are_a_block_of_their_own_built_from_the_options_of_the_model():
    text = section(card.render(facts()), "How to use it")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    pull, predict = (shlex.split(line) for line in block.splitlines())
    given = [word for option in ("image", "spots") for word in (f"--{option}", card.EXAMPLE_FILES[option])]
    assert pull == ["zoo", "pull", "my-org/little-brain"]
    assert predict == ["zoo", "predict", "my-org/little-brain", *given, "--out", card.PREDICTED]
    assert "- spots: where the spots are" in text


def test_the_python_of_a_card_runs(monkeypatch):
    import zoo

    done = []

    class Model:
        def predict(self, **inputs):
            done.append(inputs)
            return self

        def write(self, out):
            done.append(out)

    monkeypatch.setattr(zoo, "load", lambda address: done.append(address) or Model(), raising=False)
    (block,) = re.findall(r"```python\n(.*?)```", card.render(facts()), re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    assert done == ["my-org/little-brain", {"image": "image.jpg", "spots": "spots.tsv"}, "predicted.out"]


def test_a_model_that_says_nothing_of_its_input_takes_input():
    assert "--input input --out predicted.out" in card.render(facts(config=config(inputs={})))


def test_the_file_that_is_written_ends_as_the_task_says():
    text = card.render(facts(config=config(task={**TASK, "writes": "h5ad"})))
    assert "--out predicted.h5ad\n" in text
    assert 'prediction.write("predicted.h5ad")' in text
    assert "predicted.out" not in text


@pytest.mark.parametrize("ending", ["x; rm -rf ~", ".h5ad", "a/b", "x" * 40])
def test_an_ending_that_is_none_is_not_taken(ending):
    assert "--out predicted.out\n" in card.render(facts(config=config(task={**TASK, "writes": ending})))


def test_an_option_that_would_do_something_in_a_shell_is_left_out():
    text = card.render(facts(config=config(inputs={"image": "an image", "x; rm -rf ~": "a trap", "$(id)": "a trap"})))
    assert "rm -rf" not in text
    assert "$(id)" not in text


def test_an_address_is_quoted_for_the_shell():
    assert "zoo pull 'my cards/x'" in card.render(facts(address="my cards/x"))


def test_scores_stand_beside_their_floors_with_meaning_and_interval():
    rows = table(card.render(facts()), "score")
    assert rows[0] == [
        *(
            "score",
            "meaning",
            "model",
            "95% interval",
            "floor: mean",
            "floor: ridge",
            "above best floor",
            "95% interval",
        ),
    ]
    assert rows[2] == [
        *("pearson", "mean over genes of Pearson's r", "0.450", "[0.400, 0.500]", "0.050", "0.325", "0.125"),
        "[0.050, 0.200]",
    ]
    assert [row[0] for row in rows[2:]] == ["pearson", "mse"]


def test_the_spread_over_seeds_stands_there_where_there_were_several():
    text = card.render(facts(metrics=metrics(seeds=(0, 1, 2))))
    rows = table(text, "score")
    assert rows[0][4] == "sd over seeds"
    assert rows[2][4] == "0.010"
    assert "sd over seeds" not in card.render(facts())


def test_the_models_of_earlier_stages_stand_before_the_one_that_came_of_them():
    found = metrics()
    found["stages"] = {"stage weak": found["floors"]["ridge"]}
    text = section(card.render(facts(metrics=found)), "Scores")
    assert [row[0] for row in table(text, "")[2:]] == ["stage weak", "model"]
    assert table(text, "")[2][1] == "0.325"


def test_every_note_of_the_metrics_stands_under_the_table():
    found = metrics(ours=(0.1, 0.1), protocol="published")
    text = section(card.render(facts(metrics=found)), "Scores")
    assert len(found["notes"]) == 3
    for note in found["notes"]:
        assert f"- {note}\n" in text
    assert "- the model does not beat its best floor in pearson, mse" in text


def test_the_member_that_is_shipped_is_told_with_its_own_scores():
    several = facts(metrics=metrics(seeds=(0, 1, 2)), config=config(member="holdout-seed2", seed=2))
    assert (
        "Only member holdout-seed2 of the 3 trained is shipped; alone, on the groups that it was tested on, it reaches "
        "pearson 0.470, mse 0.550." in card.render(several)
    )
    assert "One member was trained, holdout-seed0, and it is the one that is shipped" in card.render(facts())


def test_data_and_sides_of_the_split_are_told():
    text = section(card.render(facts()), "Data and splits")
    assert ["species", "mouse, human"] in table(text, "data")
    assert ["train", "3", "D1, D2, D3"] in table(text, "side")
    assert "Scheme holdout, folds 1, seeds 0" in text
    assert "No group stands on two sides." in text


def test_sides_that_share_a_group_are_not_said_to_be_apart():
    shared = {**FOLD, "val": ["D1"]}
    assert "No group stands on two sides" not in card.render(facts(config=config(fold=shared)))


def test_many_groups_are_counted_and_the_first_are_named():
    fold = {**FOLD, "train": [f"T{i}" for i in range(40)]}
    assert ["train", "40", "T0, T1, T2, T3, T4, T5, T6, T7, ..."] in (
        table(card.render(facts(config=config(fold=fold))), "side")
    )


@pytest.mark.parametrize(
    ("protocol", "meaning"),
    [("strict", "the training groups only"), ("published", "the test groups too, and the scores flatter")],
)
def test_the_protocol_is_told_in_a_sentence(protocol, meaning):
    text = section(card.render(facts(protocol=protocol)), "Data and splits")
    assert f"Protocol {protocol}: what is fitted to data has seen {meaning}." in text


def test_what_goes_in_and_comes_out_is_told_with_units():
    text = section(card.render(facts()), "Input and output")
    assert ["pixel size (um_per_px)", "0.65"] in table(text, "what")
    assert ["genes", "30: GENE0, GENE1, GENE2, GENE3, GENE4, GENE5, GENE6, GENE7, ..."] in table(text, "what")
    assert ["reads", "image", "n x 3 x 32 x 32", "uint8"] in table(text, "side")
    assert ["gives", "expression", "n x 30", "float32"] in table(text, "side")


def test_classes_channels_and_wavenumbers_are_told_where_they_were_fitted():
    fitted = {"classes": {"control": 0, "high": 1}, "channels": ["DNA", "ER"], "wavenumber_cm": [2800.0, 2850.5]}
    rows = table(card.render(facts(config=config(fitted=fitted))), "what")
    assert ["classes", "2: control, high"] in rows
    assert ["channels", "2: DNA, ER"] in rows
    assert ["wavenumbers (wavenumber_cm)", "2: 2800, 2850.5"] in rows


def test_what_was_fitted_beside_these_is_not_told():
    assert "centre" not in card.render(facts())


# the author's prose


def test_prose_opens_the_card_and_its_sections_come_in():
    prose = "# A title\n\nWe made it at night.\n\n## Limits\n\nOnly mice.\n\n## Ethics\n\nNo one was harmed.\n"
    text = card.render(facts(prose=prose))
    assert "# little-brain\n\nWe made it at night.\n\n## What it is" in text
    assert section(text, "Limits").strip() == "Only mice."
    assert section(text, "Ethics").strip() == "No one was harmed."
    assert "A title" not in text


def test_headings_inside_a_block_of_code_are_no_sections():
    prose = "Look:\n\n```sh\n# comment\n## comment\n```\n\n~~~~\n## a\n~~~\n## b\n~~~~\n\n## Ethics\n\nNone.\n"
    opening, sections = card_sections.of_prose(prose)
    assert "# comment\n## comment" in opening
    assert "## b" in opening
    assert sections == [("Ethics", "None.")]


def test_where_the_author_says_nothing_the_facts_speak():
    text = card.render(facts(config=config(fitted={"um_per_px": 0.5, "genes": ["A", "B"]})))
    assert "histology, H&E, brain, mouse, human), at 0.5 um per pixel" in section(text, "Intended use")
    assert "not made for diagnosis" in section(text, "Intended use")
    limits = section(text, "Limits")
    assert "- Tested on 2 groups (donor) of the same source" in limits
    assert "- Made for 0.5 um per pixel" in limits
    assert "- It knows the 2 genes" in limits


def test_predictions_of_a_model_of_simulated_data_are_said_to_mean_nothing():
    text = card.render(facts(config=of_kind("simulated")))
    assert "its predictions for measured data mean nothing" in section(text, "Intended use")
    assert "The data are simulated" in section(text, "Limits")


def test_an_empty_section_of_the_author_does_not_replace_the_facts():
    assert "Tested on 2 groups" in section(card.render(facts(prose="## Limits\n")), "Limits")


# licences, references, proof


def test_licences_of_all_parts_and_their_verdict_are_told():
    text = section(
        card.render(facts(config=config(weights=[{"name": "lab/net", "licence": "cc-by-nc-4.0"}]))), "Licences"
    )
    assert table(text, "part")[2:] == [
        ["code (microscopy-zoo)", "apache-2.0"],
        ["code (zoo-lab)", "mit"],
        ["data (Little brain)", "cc-by-4.0"],
        ["weights (lab/net)", "cc-by-nc-4.0"],
        ["this model", "apache-2.0"],
    ]
    assert "Commercial use is not allowed, because of weights (lab/net) under cc-by-nc-4.0." in text


def test_what_it_means_that_data_have_no_licence_is_told_with_the_bank():
    text = section(card.render(facts(config=config(data=[{**DATA, "licence": "none"}]))), "Licences")
    assert "The makers of Little brain state no licence: only they can allow others to use the data" in text
    assert "bank.safetensors, that file holds values derived from the training data" in text
    assert "bank.safetensors" not in card.render(facts())


def test_parts_are_what_a_verdict_takes():
    rows = card_facts.parts(facts(), card_facts.material(facts().config, facts().metrics))
    assert "data (Little brain)" in [row.label for row in rows]
    assert joined(rows).commercial is True


def test_what_parts_bring_is_told_with_its_licence_its_citation_and_the_agreement_it_asks_for():
    atlas = Row("encoder pixels", "weights of Atlas", "other", False, gated=True, citation="Nobody 2024")
    text = card.render(facts(terms=[atlas]))
    told = section(text, "Licences")
    assert "| weights of Atlas (encoder pixels) | other |" in told
    assert "Commercial use is not allowed, because of weights of Atlas (encoder pixels) under other" in told
    assert "it needs an agreement: weights of Atlas (encoder pixels)." in told
    assert "- weights of Atlas (encoder pixels): Nobody 2024" in section(text, "References")


def test_what_data_and_weights_tell_of_themselves_goes_before_what_parts_say_of_them():
    same = Row("dataset little", "its images", "none", None, source=DATA["source"])
    some = Row("encoder pixels", "published weights", "unknown", None)
    known = config(weights=[{"name": "lab/net", "licence": "mit"}])
    assert "its images" not in card.render(facts(terms=[same]))
    assert "published weights" in card.render(facts(terms=[some]))
    assert "published weights" not in card.render(facts(terms=[some], config=known))


def test_references_are_addresses_that_can_be_followed():
    text = section(card.render(facts()), "References")
    assert "- pixels: Nobody 2025, https://arxiv.org/abs/2501.00001\n- pixels: https://doi.org/10.1000/xyz\n" in text
    assert "- data (Little brain): Nobody et al. 2026, https://doi.org/10.5281/zenodo.7." in text


def test_how_it_was_made_and_how_it_is_proven_are_told():
    text = card.render(facts())
    made = section(text, "How it was made")
    assert "```text\nzoo train little --seed 0\n```" in made
    assert "ab" * 32 in made
    assert ["torch", "2.11"] in table(made, "made with")
    assert "zoo verify my-org/little-brain" in section(text, "Proof")
    assert "for 4 made-up items" in section(text, "Proof")
    assert "made-up items" not in card.render(facts(config=config(test=None)))


# what a stranger wrote stays text

MARKUP = [
    *("a|b", "a\\|b", "a\\", "`x`", "``", "<script>alert(1)</script>", "<!--", "[x](http://evil)", "![x](http://evil)"),
    *(
        "a\nb",
        "a\r\n\r\n# b",
        "\u2028## b",
        "# b",
        "--- | ---",
        "&lt;b&gt;",
        "&#124;",
        "**b**",
        "\u202etxet",
        "\x1b[2J",
        "\x00",
    ),
]
texts = st.sampled_from(MARKUP) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def read_as_markdown(text):
    """Return the tokens that a reader of markdown with tables makes of a text, those inside paragraphs included."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [inner for token in tokens for inner in (token.children if token.type == "inline" else [token])]


@given(texts)
@example("|" * 50)
@example("_x_ __y__ ~~z~~ *** a_b _")
@example("1. x")
@example("12) x")
@example("- x")
@example("-")
@example("#")
@example("[a][b] [a]: c")
def test_a_reader_of_markdown_takes_a_cell_for_text(text):
    for before, after in [("- ", ""), ("| x | y |\n| --- | --- |\n| z | ", " |")]:
        tokens = read_as_markdown(before + card_sections.plain(text) + after)
        if text.strip() == "-" and before == "- ":  # what a table has where there is no value, and no list ever has
            continue
        kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
        table = {"table", "thead", "tbody", "tr", "th", "td"}
        assert kinds <= {"text", "text_special", "bullet_list", "list_item", "paragraph", *table}
        shown = "".join(token.content for token in tokens if token.type.startswith("text")).removeprefix("xyz")
        assert shown == card_facts.one_line(text)


@settings(max_examples=30)
@given(texts)
def test_any_name_in_a_cell_keeps_the_columns_of_every_table(text):
    name = text.strip() or "x"
    strange = config(
        data=[{**DATA, "name": name, "citation": name}],
        task={**TASK, "scores": {"pearson": name}},
        fold={**FOLD, "unit": name, "train": [name]},
        fitted={"genes": [name], "um_per_px": name},
        made_with={name: name},
        gives={name: {"shape": [1], "dtype": name}},
        inputs={"image": name},
    )
    whole = card.render(facts(config=strange, references={name: [name]}, code={name: name}, recipe=name, protocol=name))
    plain = card.render(facts())
    body = whole.split("\n---\n", 1)[1]
    for first, columns in {"kind": 3, "score": 8, "side": 3, "what": 2, "part": 2, "made with": 2}.items():
        assert {len(row) for row in table(body, first)} == {columns}
    assert re.findall(r"^#.*", body, re.MULTILINE) == re.findall(r"^#.*", plain.split("\n---\n", 1)[1], re.MULTILINE)
    assert "<script" not in body
    assert "](http" not in body


@settings(max_examples=30)
@given(texts, texts)
def test_any_name_of_a_score_keeps_the_card_in_agreement_with_its_metrics(one, other):
    names = (card_facts.one_line(one) or "x", f"{card_facts.one_line(other)} 2")
    strange = facts(metrics=metrics(names=names))
    text = card.render(strange)
    assert {len(row) for row in table(text, "score")} == {8}
    assert card.disagreements(text, strange.config, strange.metrics) == []
    assert len(ModelCard(text).data.eval_results) == 2


def test_a_long_text_is_cut():
    assert len(card_sections.plain("x" * 5000)) < 600


def test_a_command_with_backticks_does_not_end_its_block():
    text = section(card.render(facts(commands="zoo train x\n```\n## Scores\n")), "How it was made")
    assert "````text\nzoo train x\n```" in text


# what does not follow from the facts


def disagreements(text, **changes):
    made = facts(**changes)
    return card.disagreements(text, made.config, made.metrics)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prose": "We.\n\n## Limits\n\nMany.\n", "licence": "other", "tags": []},
        {"metrics": metrics(seeds=(0, 1, 2))},
        {"config": of_kind("simulated")},
        {"config": of_kind("real", "simulated")},
        {"config": config(provenance={}, task={"tags": []})},
    ],
)
def test_a_card_as_it_was_made_agrees(changes):
    assert disagreements(card.render(facts(**changes)), **changes) == []


def test_a_card_with_the_line_ends_of_another_system_agrees():
    assert disagreements(card.render(facts()).replace("\n", "\r\n")) == []


def test_a_score_of_the_model_index_that_was_made_better_is_told_with_both_values():
    text = card.render(facts()).replace("value: 0.45", "value: 0.95")
    assert disagreements(text) == ["README.md gives 'pearson' as 0.95 in its model-index, metrics.json as 0.45"]


def test_a_score_that_is_missing_from_the_model_index_is_told():
    text = re.sub(r"    - type: mse\n.*\n.*\n", "", card.render(facts()), count=1)
    assert disagreements(text) == ["README.md gives no 'mse' in its model-index, metrics.json gives 0.55"]


def test_a_score_that_nobody_measured_is_told():
    text = card.render(facts()).replace("    metrics:\n", "    metrics:\n    - {type: f1, value: 0.99, name: F1}\n", 1)
    assert disagreements(text) == ["README.md gives 'F1' as 0.99 in its model-index, metrics.json has no such score"]


def test_a_floor_that_was_made_lower_is_told():
    text = card.render(facts()).replace("best floor ridge 0.325", "best floor ridge 0.025")
    (told,) = disagreements(text)
    assert "ridge 0.025" in told
    assert "from metrics.json follows 'pearson: mean over 2" in told


def test_a_row_of_the_table_that_was_changed_is_told_with_both():
    text = card.render(facts()).replace("| 0.450 |", "| 0.950 |")
    (told,) = disagreements(text)
    assert "README.md has '| pearson | mean over genes of Pearson's r | 0.950 |" in told.replace('"', "'")
    assert "| 0.450 |" in told


def test_a_row_of_the_table_that_was_taken_out_is_told():
    text = re.sub(r"\| mse \|.*\n", "", card.render(facts()))
    (told,) = disagreements(text)
    assert told.startswith("README.md has no such row in its table of scores, from metrics.json follows '| mse |")


def test_rows_that_were_put_in_another_order_are_told():
    row = next(line for line in card.render(facts()).split("\n") if line.startswith("| mse |"))
    text = card.render(facts()).replace(row, "").replace("\n## Scores", f"\n{row}\n## Scores")
    assert disagreements(text) == [
        "README.md has the rows of its table of scores apart, from metrics.json follows one table",
    ]


@pytest.mark.parametrize("title", ["# little-brain", "# little-brain: trained on data", "little-brain"])
def test_a_title_that_hides_that_data_are_simulated_is_told(title):
    simulated = of_kind("simulated")
    text = card.render(facts(config=simulated)).replace(
        "# little-brain: trained on simulated data, not on measured ones", title
    )
    (told,) = disagreements(text, config=simulated)
    assert told == (
        f"README.md begins with {title!r}, from config.json follows a title "
        "'# NAME: trained on simulated data, not on measured ones'"
    )


def test_a_kind_that_no_card_knows_is_told():
    (told,) = disagreements(card.render(facts()), config=of_kind("measured"))
    assert told.startswith("config.json says that the kind of the data is 'measured', a card knows real, simulated")


@pytest.mark.parametrize("text", ["", "# little-brain\n", "--- \n# x", "---\nlicense: mit\n"])
def test_a_card_without_front_matter_is_told(text):
    assert any("README.md has no front matter" in told for told in disagreements(text))


@pytest.mark.parametrize("block", ["a: [", "a: !!python/object:os.system x", "a: 1\na: 2", "&a [*a]", "[" * 100])
def test_front_matter_that_cannot_be_read_is_told(block):
    text = f"---\n{block}\n---\n" + card.render(facts()).split("\n---\n", 1)[1]
    (told,) = disagreements(text)
    assert told.startswith("README.md: its front matter cannot be read (README.md:")
    assert "\n" not in told


@pytest.mark.parametrize("index", ["x", "[x]", "[{results: 3}]", "[{results: [{metrics: {}}]}]", "{a: b}", "null"])
def test_a_model_index_of_another_shape_holds_no_score(index):
    text = f"---\nmodel-index: {index}\n---\n" + card.render(facts()).split("\n---\n", 1)[1]
    assert len([told for told in disagreements(text) if "gives no " in told]) == 2


@settings(max_examples=40)
@given(st.text(max_size=200))
def test_any_readme_gets_sentences_and_no_traceback(text):
    for told in disagreements(f"---\n{text}\n---\n{text}"):
        assert "\n" not in told


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"metrics": {"scores": {"pearson": {"mean": "high"}}}}, "metrics.json: scores.pearson.mean"),
        ({"metrics": {"scores": [1]}}, "metrics.json: scores"),
        ({"config": config(task={"tags": "x"})}, "config.json: task.tags"),
        ({"config": config(data=[{"name": 3}])}, "config.json: provenance.data.0.name"),
    ],
)
def test_files_that_are_not_as_zoo_writes_them_are_refused_with_the_place(changes, place):
    for check in (lambda: disagreements("", **changes), lambda: card.holes(facts(**changes))):
        with pytest.raises(IntegrityError) as raised:
            check()
        assert str(raised.value).startswith(f"{place}: ")
        assert str(raised.value).endswith("; pull or train the model again")


def test_the_module_is_imported_without_anything_heavy():
    code = "import sys, zoo.card; print(*{'torch', 'numpy', 'pandas', 'huggingface_hub'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_pooled_scores_are_called_so_in_the_text_and_in_the_model_index():
    pooled = metrics() | {"pooled": True}
    text = card.render(facts(metrics=pooled))
    assert "Each score is over the items of all test groups together (donor)" in text
    assert "pooled over 2 test groups (donor)" in ModelCard(text).data.eval_results[0].metric_name
    assert card.disagreements(text, config(), pooled) == []
    assert card.disagreements(text, config(), metrics())


def test_settings_beside_files_are_listed_as_the_command_line_writes_them_and_traps_are_not():
    found = config(settings={"um_per_px": "size of a pixel", "x; rm": "a trap"})
    text = card.render(facts(config=found))
    assert "- `--um-per-px`: size of a pixel" in text
    assert "a trap" not in text
