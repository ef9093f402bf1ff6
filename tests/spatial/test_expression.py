"""Expression of sections: the panel that was fitted, on new sections too, dense or sparse, whatever names they use."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix

from spatial.gene_sections import a_section, human, mouse, some_counts, whole
from zoo.errors import DataError
from zoo_spatial.genes.expression import Expression
from zoo_spatial.genes.panel import GenePanel


def expression(sections, panel=None, scale="log1p", **options):
    return Expression(lambda: sections, panel or GenePanel(top=8), scale, **options)


def fitted(sections, panel=None, scale="log1p", rows=None, **options):
    found = expression(sections, panel, scale, **options)
    found.fit(whole(sections) if rows is None else rows)
    return found


def refused(sections, **options):
    with pytest.raises(DataError) as error:
        fitted(sections, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("scale", ["log1p", "cpm", "log10", "panel-log10"])
@settings(deadline=None, max_examples=25)
@given(counts=arrays(np.float32, st.tuples(st.integers(2, 9), st.integers(2, 9)), elements=st.integers(0, 9)))
def test_sparse_counts_give_the_values_of_dense_ones(scale, counts):
    counts[0] = np.arange(counts.shape[1])
    counts[1] = 0
    dense = fitted([a_section("A", counts)], scale=scale)
    sparse = fitted([a_section("A", csr_matrix(counts))], scale=scale)
    assert sparse.genes == dense.genes
    assert np.array_equal(sparse.values, dense.values)
    assert sparse.notes == dense.notes
    assert any("has" in note and "without counts; taken as 0" in note for note in dense.notes)


def test_sparse_sections_of_other_columns_order_and_lacking_genes_are_filled_with_zeros():
    counts = some_counts()
    lacking = [f"GENE{number}" for number in range(29, 9, -1)]
    first, second = a_section("A", counts), a_section("B", csr_matrix(counts[:, 29:9:-1]), lacking)
    found = fitted([first, second], GenePanel(select="highest", top=25), rows={0: np.arange(40)})
    for column, gene in enumerate(found.genes):
        truth = counts[:, int(gene[4:])] if int(gene[4:]) > 9 else np.zeros(40)
        assert (found.values[40:, column] > 0).tolist() == (truth > 0).tolist()
    lost = sum(int(gene[4:]) <= 9 for gene in found.genes)
    assert found.notes == [f"section B lacks {lost} genes of the panel; taken as 0"]


def test_state_is_the_genes_alone_where_nothing_else_was_used():
    found = fitted([a_section("A", some_counts())])
    assert found.state() == {"genes": found.genes}
    other = expression([a_section("A", some_counts())])
    assert other.genes == []
    other.restore(json.loads(json.dumps(found.state())))
    assert np.array_equal(other.values, found.values)


def test_a_panel_that_is_chosen_anew_brings_new_values():
    sections = [a_section("A", some_counts())]
    found = fitted(sections)
    before = found.values, found.compared
    found.restore({"genes": found.genes[:3]})
    assert found.values.shape == (40, 3)
    assert found.values is not before[0]
    assert found.compared is not before[1]


def test_notes_are_written_anew_each_time_values_are_computed():
    counts = some_counts()
    counts[4] = 0
    found = fitted([a_section("A", counts)])
    for _ in range(2):
        found.restore(found.state())
        assert found.values.shape == (40, 8)
        assert found.notes == ["section A has 1 spot without counts; taken as 0"]


def test_centred_expression_has_no_mean_on_any_section_and_values_keep_theirs():
    sections = [a_section("A", some_counts(0)), a_section("B", some_counts(1) * 3)]
    found = fitted(sections, centre=True)
    for part in (slice(0, 40), slice(40, 80)):
        assert np.abs(found.compared[part].mean(axis=0)).max() < 1e-5
        assert found.values[part].mean() > 0.1
    assert fitted(sections).compared is not None
    plain = fitted(sections)
    assert plain.compared is plain.values


def test_sections_without_counts_are_unlabelled_and_get_one_sentence():
    sections = [a_section("A", some_counts()), a_section("B", None)]
    found = fitted(sections, rows={0: np.arange(40)})
    assert not found.labelled
    assert fitted(sections[:1]).labelled
    with pytest.raises(DataError, match="section B has no counts; only predictions can be made for it"):
        found.values  # noqa: B018 - computing is what is asked for
    assert "section B has no counts" in refused(sections)


def test_symbols_and_ids_are_joined_through_a_third_section_and_this_is_noted():
    counts, symbols = some_counts(), [f"GENE{number}" for number in range(30)]
    ids = [f"{human(number)}.{number}" for number in range(30)]
    by_symbol, by_id = a_section("A", counts, symbols), a_section("B", csr_matrix(counts), ids)
    both = a_section("C", counts, symbols, ids)
    found = fitted([by_id, by_symbol, both])
    assert set(found.genes) <= set(symbols), "symbols are what a reader wants to see"
    assert np.array_equal(found.values[:40], found.values[40:80])
    assert np.array_equal(found.values[:40], found.values[80:])
    assert found.notes == ["genes joined by Ensembl id: 8 of 8 of section B"]
    assert "names its genes by Ensembl id" in refused([by_id, by_symbol])


def test_a_restored_panel_meets_new_data_that_name_genes_otherwise():
    counts, symbols = some_counts(), [f"GENE{number}" for number in range(30)]
    ids = [human(number) for number in range(30)]
    trained = fitted([a_section("A", counts, symbols, ids)])
    assert trained.state()["gene_ids"] == [human(int(gene[4:])) for gene in trained.genes]
    for section in (a_section("N", counts, symbols), a_section("N", counts, [f"{gene}.7" for gene in ids])):
        new = expression([section])
        new.restore(json.loads(json.dumps(trained.state())))
        assert np.array_equal(new.values, trained.values)
    assert new.notes == ["genes joined by Ensembl id: 8 of 8 of section N"]


def test_a_panel_of_ids_alone_meets_data_that_have_symbols_beside_them():
    counts, ids = some_counts(), [human(number) for number in range(30)]
    trained = fitted([a_section("A", counts, ids)])
    assert trained.state() == {"genes": trained.genes}
    new = expression([a_section("N", counts, [f"GENE{number}" for number in range(30)], ids)])
    new.restore(trained.state())
    assert np.array_equal(new.values, trained.values)


def test_an_id_that_stands_twice_in_two_versions_is_one_gene():
    genes = [f"{human(number // 2)}.{number}" for number in range(30)]
    found = fitted([a_section("A", some_counts(), genes)], GenePanel(top=50))
    assert found.genes == [human(number) for number in range(15)]


def test_genes_can_be_listed_by_either_name():
    ids = [human(number) for number in range(30)]
    found = fitted([a_section("A", some_counts(), None, ids)], GenePanel(select="list", names=[f"{ids[4]}.2", "GENE2"]))
    assert found.genes == ["GENE4", "GENE2"]


def test_new_data_without_a_gene_of_the_panel_or_of_another_species_are_refused():
    trained = fitted([a_section("A", some_counts(), None, [human(number) for number in range(30)])])
    for genes, said in (
        ([f"OTHER{number}" for number in range(30)], "the gene panel and section N share no gene"),
        ([mouse(number) for number in range(30)], "the gene panel names human genes"),
    ):
        new = expression([a_section("N", some_counts(), genes)])
        new.restore(trained.state())
        with pytest.raises(DataError, match=said):
            new.values  # noqa: B018 - computing is what is asked for


def test_sections_that_share_genes_only_two_by_two_get_one_sentence():
    genes = (["A", "B"], ["A", "C"], ["B", "C"])
    sections = [
        a_section(name, some_counts(1, 9, 2) + 1, found) for name, found in zip(("X", "Y", "Z"), genes, strict=True)
    ]
    assert refused(sections).startswith("sections X, Y, Z share no gene, though each shares some with the first")


def test_a_state_whose_parts_do_not_fit_together_is_refused():
    found = expression([a_section("A", some_counts())])
    with pytest.raises(DataError, match="names 2 genes and 1 Ensembl ids; take its package anew"):
        found.restore({"genes": ["GENE1", "GENE2"], "gene_ids": [human(1)]})


def test_a_real_visium_matrix_joins_its_own_ids_and_symbols():
    import h5py
    from conftest import DATA

    path = DATA / "visium" / "filtered_feature_bc_matrix.h5"
    if not path.is_file():
        pytest.skip(f"no Visium matrix at {path}; set ZOO_TEST_DATA")
    with h5py.File(path) as file:
        matrix = file["matrix"]
        parts = (matrix["data"][:].astype(np.float32), matrix["indices"][:], matrix["indptr"][:])
        counts = csr_matrix(parts, shape=tuple(matrix["shape"][:][::-1]))
        ids, symbols = (matrix["features"][key][:].astype(str).tolist() for key in ("id", "name"))
    sections = [
        a_section("IDS", counts, ids),
        a_section("BOTH", counts, symbols, ids),
        a_section("SYMBOLS", counts.toarray(), symbols),
    ]
    found = fitted(sections, GenePanel(top=20, over="union"))
    assert len(found.genes) == 20
    assert set(found.genes) <= set(symbols)
    one, other, third = np.split(found.values, 3)
    assert np.array_equal(one, other)
    assert np.array_equal(one, third)
