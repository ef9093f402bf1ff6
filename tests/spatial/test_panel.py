"""Genes are chosen on the spots that are shown, alike for dense and sparse counts, and counts are scaled as said."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix

from spatial.gene_sections import a_section, some_counts
from zoo.errors import DataError
from zoo_spatial.genes import gene_statistics
from zoo_spatial.genes.gene_names import GeneNames
from zoo_spatial.genes.gene_statistics import Shown, dispersion, statistics
from zoo_spatial.genes.panel import GenePanel, choose, scaled

HOW = ["hvg", "variance", "highest"]


def counts_with_a_loud_gene(seed=0, spots=60, genes=40):
    counts = some_counts(seed, spots, genes)
    counts[:, 7] = np.random.default_rng(seed).poisson(90, size=spots)
    counts[:, 3] = 0
    return counts


def shown(counts, name="A", rows=None):
    section = a_section(name, counts)
    rows = np.arange(counts.shape[0]) if rows is None else rows
    return Shown.of(section, rows, np.arange(counts.shape[1]))


def chosen(panel, *counts):
    sections = [shown(found, name) for found, name in zip(counts, "ABCD", strict=False)]
    names = [f"GENE{number}" for number in range(counts[0].shape[1])]
    return [names[gene] for gene in choose(panel, GeneNames.made("section A", names), sections)]


def scanpy_rank(values):
    """Return what scanpy says of log-scaled expression [n, G]."""
    import anndata
    import scanpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = scanpy.pp.highly_variable_genes(anndata.AnnData(values), n_top_genes=3, flavor="seurat", inplace=False)
    return np.nan_to_num(table["dispersions_norm"].to_numpy(), nan=-np.inf)


@pytest.mark.parametrize("how", HOW)
def test_each_way_of_choosing_takes_the_number_asked_for_and_never_a_constant_gene(how):
    genes = chosen(GenePanel(select=how, top=12), counts_with_a_loud_gene())
    assert len(genes) == 12
    assert "GENE3" not in genes
    assert genes == sorted(genes, key=lambda name: int(name[4:]))
    if how == "highest":
        assert "GENE7" in genes


def test_the_highest_and_the_most_variable_genes_are_those_of_the_log_scale():
    counts = counts_with_a_loud_gene()
    values = scaled(counts, "log1p", counts.sum(axis=1))
    for how, figure in (("highest", values.mean(axis=0)), ("variance", values.var(axis=0))):
        expected = {f"GENE{gene}" for gene in np.argsort(-figure)[:9]}
        assert set(chosen(GenePanel(select=how, top=9), counts)) == expected


@pytest.mark.parametrize("seed", range(4))
def test_dispersion_is_scanpys_to_the_last_bit(seed):
    counts = some_counts(seed, spots=70, genes=120)
    values = scaled(counts, "log1p", counts.sum(axis=1))
    figures = statistics([shown(counts)], linear=True)
    assert np.array_equal(dispersion(figures.mean, figures.variance), scanpy_rank(values))


def test_dispersion_is_scanpys_on_a_real_section(her2st_root):
    import pandas as pd

    counts = pd.read_csv(her2st_root / "ST-cnts" / "C2.tsv.gz", sep="\t", index_col=0).to_numpy(np.float32)
    counts = counts[:, counts.any(axis=0)]
    figures = statistics([shown(csr_matrix(counts))], linear=True)
    expected = scanpy_rank(scaled(counts, "log1p", counts.sum(axis=1)))
    assert np.array_equal(dispersion(figures.mean, figures.variance), expected)


@settings(deadline=None, max_examples=60)
@given(
    counts=arrays(np.float32, st.tuples(st.integers(2, 12), st.integers(2, 15)), elements=st.integers(0, 9)),
    how=st.sampled_from(HOW),
    block=st.integers(1, 200),
)
@example(counts=np.eye(3, 9, dtype=np.float32), how="hvg", block=1)
def test_sparse_counts_give_the_panel_of_dense_ones_whatever_is_read_at_a_time(counts, how, block):
    panel = GenePanel(select=how, top=4)
    try:
        expected = chosen(panel, counts, counts[::-1])
    except DataError as error:
        with pytest.raises(DataError, match=str(error)[:60]):
            chosen(panel, csr_matrix(counts), csr_matrix(counts[::-1]))
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gene_statistics, "BLOCK_NUMBERS", block)
        assert chosen(panel, csr_matrix(counts), counts[::-1]) == expected


@pytest.mark.parametrize("linear", [False, True])
def test_figures_are_the_same_to_the_last_bit_whatever_is_read_at_a_time(linear, monkeypatch):
    counts = some_counts(spots=3000, genes=29) * np.random.default_rng(0).integers(1, 9999, size=(3000, 29))
    counts = counts.astype(np.float32)
    expected = statistics([shown(counts)], linear=linear)
    for numbers in (1, 3000 * 7, 3000 * 28):
        monkeypatch.setattr(gene_statistics, "BLOCK_NUMBERS", numbers)
        found = statistics([shown(csr_matrix(counts))], linear=linear)
        assert np.array_equal(found.mean, expected.mean)
        assert np.array_equal(found.variance, expected.variance)


def test_sparse_counts_are_never_made_dense_as_a_whole(monkeypatch):
    made = []
    monkeypatch.setattr(gene_statistics, "BLOCK_NUMBERS", 400)
    monkeypatch.setattr(gene_statistics, "dense", lambda block: made.append(block.shape) or block.toarray())
    chosen(GenePanel(top=5), csr_matrix(some_counts(spots=40, genes=90)))
    assert max(width for _, width in made) <= 10


def test_only_the_rows_that_are_shown_count():
    counts = some_counts(spots=40)
    alone = shown(counts[:20])
    counts[20:] = 900
    part = shown(counts, rows=np.arange(20))
    for linear in (False, True):
        one, other = statistics([alone], linear=linear), statistics([part], linear=linear)
        assert np.array_equal(one.mean, other.mean)
        assert np.array_equal(one.variance, other.variance)


def test_a_panel_larger_than_the_data_takes_every_gene_that_varies():
    counts = counts_with_a_loud_gene()
    assert len(chosen(GenePanel(select="variance", top=5000), counts)) == int((counts.max(0) > counts.min(0)).sum())


def test_union_takes_the_genes_of_any_section_and_intersection_those_of_every_one():
    parts = [some_counts(seed) for seed in (1, 2, 3)]
    each = [set(chosen(GenePanel(select="highest", top=12), part)) for part in parts]
    assert set(chosen(GenePanel(select="highest", top=12, over="union"), *parts)) == set.union(*each)
    assert set(chosen(GenePanel(select="highest", top=12, over="intersection"), *parts)) == set.intersection(*each)
    assert set.intersection(*each) != set.union(*each)


def test_an_intersection_that_is_empty_gets_one_sentence():
    one, other = np.zeros((4, 6), np.float32), np.zeros((4, 6), np.float32)
    one[:, :3], other[:, 3:] = some_counts(1, 4, 3) + np.eye(4, 3), some_counts(2, 4, 3) + np.eye(4, 3)
    with pytest.raises(
        DataError, match=r"top 2 of each of sections A, B; raise data\.genes\.top, or say .*over: union"
    ):
        chosen(GenePanel(select="highest", top=2, over="intersection"), one, other)


def test_a_list_keeps_its_own_order_and_leaves_out_what_the_data_lack():
    counts = some_counts()
    assert chosen(GenePanel(select="list", names=["GENE9", "NOPE", "GENE2", "GENE9"]), counts) == ["GENE9", "GENE2"]


def test_an_empty_panel_gets_one_sentence():
    counts = np.ones((60, 40), np.float32)
    with pytest.raises(DataError, match="the gene panel is empty after selection: none of 40 genes varies over the 60"):
        chosen(GenePanel(), counts)
    with pytest.raises(DataError, match=r"over the 60 training spots of section B; check the counts"):
        chosen(GenePanel(over="union"), some_counts(0, 60, 40), counts)
    with pytest.raises(DataError, match=r"none of the 1 genes of data\.genes\.names is in the data"):
        chosen(GenePanel(select="list", names=["NOPE"]), counts)


def test_scales_are_what_they_say_and_a_spot_without_counts_becomes_zeros():
    counts = np.array([[1, 3], [0, 0]], np.float32)
    totals = np.array([8, 0], np.float32)
    natural = scaled(counts, "log1p", totals)
    assert natural[0] == pytest.approx(np.log1p([1250, 3750]), rel=1e-5)
    assert scaled(counts, "cpm", totals)[0] == pytest.approx(np.log1p([125_000, 375_000]), rel=1e-5)
    assert scaled(counts, "log10", totals)[0] == pytest.approx(np.log10([1251, 3751]), rel=1e-5)
    assert (natural[1] == 0).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top": 0}, "top is a number"),
        ({"select": "list"}, "'names' goes with"),
        ({"names": ["A"]}, "names"),
        ({"select": "list", "names": ["A"], "over": "union"}, "'over: union' goes with a selection by figures"),
    ],
)
def test_a_panel_that_cannot_be_chosen_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        GenePanel(**options)
