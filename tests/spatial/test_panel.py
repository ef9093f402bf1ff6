"""Genes are chosen on the spots that are shown, and counts are scaled as said."""

import numpy as np
import pytest

from zoo.errors import DataError
from zoo_spatial.panel import GenePanel, scaled, select


def expression(seed=0, spots=60, genes=40):
    rng = np.random.default_rng(seed)
    values = rng.gamma(2, 1, size=(spots, genes)).astype(np.float32)
    values[:, 7] *= 10
    values[:, 3] = 0
    return values, [f"G{i}" for i in range(genes)]


@pytest.mark.parametrize("how", ["hvg", "variance", "highest"])
def test_each_way_of_choosing_takes_the_number_asked_for_and_never_a_constant_gene(how):
    values, genes = expression()
    chosen = select(GenePanel(select=how, top=12), genes, values)
    assert len(chosen) == 12
    assert "G3" not in chosen
    assert chosen == sorted(chosen, key=genes.index)
    if how != "hvg":
        assert "G7" in chosen


def test_a_panel_larger_than_the_data_takes_every_gene_that_varies():
    values, genes = expression()
    assert len(select(GenePanel(select="variance", top=5000), genes, values)) == 39


def test_a_list_keeps_its_own_order_and_leaves_out_what_the_data_lack():
    values, genes = expression()
    assert select(GenePanel(select="list", names=["G9", "NOPE", "G2"]), genes, values) == ["G9", "G2"]


def test_an_empty_panel_gets_one_sentence():
    values, genes = expression()
    with pytest.raises(DataError, match="the gene panel is empty after selection: none of 40 genes varies over the 60"):
        select(GenePanel(), genes, np.ones_like(values))
    with pytest.raises(DataError, match=r"none of the 1 genes of data\.genes\.names is in the data"):
        select(GenePanel(select="list", names=["NOPE"]), genes, values)


def test_scales_are_what_they_say_and_a_spot_without_counts_becomes_zeros():
    counts = np.array([[1, 3], [0, 0]], np.float32)
    totals = np.array([8, 0], np.float32)
    natural = scaled(counts, "log1p", totals)
    assert natural[0] == pytest.approx(np.log1p([1250, 3750]), rel=1e-5)
    assert scaled(counts, "log10", totals)[0] == pytest.approx(np.log10([1251, 3751]), rel=1e-5)
    assert (natural[1] == 0).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [({"top": 0}, "top is a number"), ({"select": "list"}, "'names' goes with"), ({"names": ["A"]}, "names")],
)
def test_a_panel_that_cannot_be_chosen_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        GenePanel(**options)
