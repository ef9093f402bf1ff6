"""Genes of several sections are brought together by id and by symbol, and species are kept apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.gene_sections import human, mouse
from zoo.errors import DataError
from zoo_spatial.genes.gene_names import Dictionary, GeneNames, columns_for, renamed

SYMBOLS = ["TP53", "GAPDH", "ACTB", "CD3E"]
IDS = [human(number) for number in range(4)]


def names(owner, genes, gene_ids=None):
    return GeneNames.made(f"section {owner}", genes, gene_ids)


def refused(first, second):
    with pytest.raises(DataError) as error:
        columns_for(first, second)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_symbols_are_joined_by_symbol():
    assert columns_for(names("A", SYMBOLS), names("B", ["ACTB", "TP53", "MYC"])).tolist() == [1, -1, 0, -1]


def test_versions_of_ensembl_ids_are_ignored():
    first = names("A", [f"{gene}.12" for gene in IDS])
    assert columns_for(first, names("B", [f"{gene}.3" for gene in reversed(IDS)])).tolist() == [3, 2, 1, 0]
    assert first.names == IDS


def test_a_symbol_that_ends_like_a_version_is_left_as_it_is():
    assert names("A", ["FO538757.1", "ENSA", "RP11-34P13.7"]).names == ["FO538757.1", "ENSA", "RP11-34P13.7"]


def test_an_id_is_followed_before_a_symbol_that_was_renamed():
    first = names("A", ["SEPT9", "ACTB"], IDS[:2])
    second = names("B", ["ACTB", "SEPTIN9"], [IDS[1], IDS[0]])
    columns = columns_for(first, second)
    assert columns.tolist() == [1, 0]
    assert renamed(first, second, columns) == 1


def test_no_column_is_given_to_two_genes():
    first = names("A", ["TP53", "GAPDH"], [IDS[0], IDS[1]])
    assert columns_for(first, names("B", ["TP53"], [IDS[1]])).tolist() == [-1, 0]


def test_symbols_and_ids_are_joined_through_a_section_that_has_both():
    symbols, ids, both = names("A", SYMBOLS), names("B", IDS), names("C", SYMBOLS[:3], IDS[:3])
    dictionary = Dictionary.of([symbols, ids, both])
    assert columns_for(dictionary.completed(symbols), ids).tolist() == [0, 1, 2, -1]
    assert columns_for(dictionary.completed(ids), symbols).tolist() == [0, 1, 2, -1]
    assert dictionary.completed(ids).names == [*SYMBOLS[:3], IDS[3]]


def test_a_few_ids_among_symbols_stay_genes_of_their_own():
    mixed = names("A", [*SYMBOLS, human(99)])
    assert columns_for(mixed, names("B", [human(99), "TP53"])).tolist() == [1, -1, -1, -1, 0]


def test_symbols_and_ids_without_a_bridge_are_refused_with_examples_of_both():
    said = refused(names("A", SYMBOLS), names("B", IDS))
    assert "section A and section B share no gene" in said
    assert "section A names its genes by symbol (TP53, GAPDH, ...)" in said
    assert "section B names its genes by Ensembl id (ENSG00000000000, ENSG00000000001, ...)" in said
    assert "add a section that has symbols and Ensembl ids" in said


def test_two_species_are_told_apart_by_their_ids():
    said = refused(names("A", SYMBOLS, IDS), names("B", [mouse(number) for number in range(4)]))
    assert said.startswith("section A names human genes (ENSG...), section B mouse genes (ENSMUSG...)")
    assert "orthologues" in said


def test_two_species_are_told_apart_by_the_case_of_their_symbols():
    said = refused(names("A", SYMBOLS), names("B", ["Trp53", "Gapdh", "Actb", "Cd3e"]))
    assert "3 genes of section A (ACTB, CD3E, ...) are in section B only when case is ignored (Actb, Cd3e, ...)" in said
    assert "0 as they stand" in said


def test_a_few_symbols_in_another_case_are_no_other_species():
    assert columns_for(names("A", ["TP53", "ACTB", "C1ORF5"]), names("B", ["C1orf5", "TP53", "ACTB"])).tolist() == [
        1,
        2,
        -1,
    ]


def test_species_whose_ids_agree_are_not_judged_by_the_case_of_their_symbols():
    found = columns_for(names("A", ["TP53", "ACTB"], IDS[:2]), names("B", ["tp53", "actb"], IDS[:2]))
    assert found.tolist() == [0, 1]


def test_a_section_that_mixes_species_is_refused():
    from spatial.gene_sections import a_section

    section = a_section("A", np.ones((3, 3), np.float32), [human(1), mouse(1), mouse(2)])
    with pytest.raises(DataError, match=r"section A mixes species: 2 mouse genes \(ENSMUSG\.\.\.\) and 1 human genes"):
        GeneNames.of(section)


@given(
    first=st.lists(st.sampled_from(range(12)), min_size=1, unique=True),
    second=st.lists(st.sampled_from(range(12)), min_size=1, unique=True),
    kinds=st.tuples(st.sampled_from(["symbol", "id", "both"]), st.sampled_from(["symbol", "id", "both"])),
)
def test_whatever_two_sections_call_their_genes_they_share_the_same_ones(first, second, kinds):
    def called(owner, genes, kind):
        symbols, ids = [f"S{gene}" for gene in genes], [f"{human(gene)}.{gene}" for gene in genes]
        return names(owner, ids if kind == "id" else symbols, ids if kind == "both" else None)

    one, other = called("A", first, kinds[0]), called("B", second, kinds[1])
    dictionary = Dictionary.of([one, other, called("C", range(12), "both")])
    if not set(first) & set(second):
        assert "share no gene" in refused(dictionary.completed(one), other)
        return
    found = columns_for(dictionary.completed(one), other)
    assert found.tolist() == [second.index(gene) if gene in second else -1 for gene in first]
