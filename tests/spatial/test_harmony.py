"""Harmony corrects the sections that were shown, together and the same way each time, and touches no others."""

import json
import sys

import numpy as np
import pytest

from spatial.gene_sections import a_section, some_counts, whole
from zoo.errors import DataError, MissingError
from zoo_spatial.genes.expression import Expression
from zoo_spatial.genes.panel import GenePanel

PANEL = GenePanel(select="highest", top=12)


def sections_with_a_batch_effect():
    """Return three sections of the same two kinds of spot; the second section is louder in half of its genes."""
    rng = np.random.default_rng(0)
    kinds = rng.gamma(1, 6, size=(2, 30))
    found = []
    for name, loud in zip("ABC", (1, 6, 1), strict=True):
        mean = kinds[np.arange(60) % 2] * rng.gamma(9, 1 / 9, size=(60, 1))
        mean[:, ::2] *= loud
        found.append(a_section(name, rng.poisson(mean).astype(np.float32)))
    return found


def expression(sections, correct="harmony"):
    return Expression(lambda: sections, PANEL, "log1p", correct=correct)


def fitted(sections, shown=(0, 1, 2), **options):
    pytest.importorskip("harmonypy", reason="harmonypy is an extra (GPL-3): pip install 'zoo-spatial[harmony]'")
    found = expression(sections, **options)
    found.fit({number: rows for number, rows in whole(sections).items() if number in shown})
    return found


def gap(values):
    """Return how far the means of the first two sections lie apart."""
    return float(np.abs(values[:60].mean(axis=0) - values[60:120].mean(axis=0)).mean())


def test_sections_come_closer_and_the_panel_stays_the_same():
    sections = sections_with_a_batch_effect()
    plain, found = fitted(sections, correct=None), fitted(sections)
    assert found.genes == plain.genes
    assert gap(found.values) < 0.5 * gap(plain.values)
    kinds = found.values[0::2].mean(axis=0) - found.values[1::2].mean(axis=0)
    before = plain.values[0::2].mean(axis=0) - plain.values[1::2].mean(axis=0)
    assert np.corrcoef(kinds, before)[0, 1] > 0.9, "what differs between kinds of spot is not a batch effect"


def test_sections_that_were_not_shown_stay_as_measured():
    sections = sections_with_a_batch_effect()
    plain, found = fitted(sections, (0, 1), correct=None), fitted(sections, (0, 1))
    assert np.array_equal(found.values[120:], plain.values[120:])
    assert not np.allclose(found.values[:60], plain.values[:60])


def test_the_numbers_are_the_same_each_time_and_after_restoring_in_another_order():
    sections = sections_with_a_batch_effect()
    found = fitted(sections, (0, 1))
    assert found.state()["corrected"] == ["A", "B"]
    assert np.array_equal(fitted(sections, (0, 1)).values, found.values)
    other = expression([sections[2], sections[1], sections[0]])
    other.restore(json.loads(json.dumps(found.state())))
    assert np.array_equal(other.values[60:120], found.values[60:120])
    assert np.array_equal(other.values[120:], found.values[:60])


def test_as_many_spots_as_genes_are_not_mistaken_for_each_other():
    counts = [section.counts[:, :12] for section in sections_with_a_batch_effect()]
    sections = [a_section(name, found[:6]) for name, found in zip("AB", counts, strict=False)]
    more = [a_section(name, found[:6]) for name, found in zip("AB", counts, strict=False)]
    found = fitted(sections, (0, 1))
    assert found.values.shape == (12, 12)
    swapped = expression(more)
    swapped.restore({"genes": found.genes[:11], "corrected": ["A", "B"]})
    assert np.corrcoef(found.values[:, :11].ravel(), swapped.values.ravel())[0, 1] > 0.9


def test_a_spot_without_counts_stays_zero():
    sections = sections_with_a_batch_effect()
    sections[0].counts[5] = 0
    found = fitted(sections)
    assert not found.values[5].any()
    assert np.isfinite(found.values).all()


def test_one_section_alone_has_nothing_to_correct_and_this_is_noted():
    sections = sections_with_a_batch_effect()
    found = fitted(sections, (1,))
    assert np.array_equal(found.values, fitted(sections, (1,), correct=None).values)
    assert found.notes == ["section B alone was shown, so that harmony had nothing to correct"]


def test_part_of_a_section_is_refused():
    pytest.importorskip("harmonypy")
    sections = sections_with_a_batch_effect()
    with pytest.raises(DataError, match="41 of 60 spots of section B are shown to the training; split by section or"):
        expression(sections).fit({0: np.arange(60), 1: np.arange(41)})


def test_sections_of_which_only_some_are_found_again_stay_as_measured_and_this_is_noted():
    sections = sections_with_a_batch_effect()
    found = fitted(sections, (0, 1))
    other = expression(sections[1:])
    other.restore(found.state())
    plain = expression(sections[1:], correct=None)
    plain.restore({"genes": found.genes})
    assert np.array_equal(other.values, plain.values)
    assert other.notes == ["harmony corrected sections A, B together and only B can be found here: all are as measured"]


def test_new_sections_alone_are_as_measured_without_a_word():
    sections = sections_with_a_batch_effect()
    other = expression(sections[2:])
    other.restore(fitted(sections, (0, 1)).state())
    assert other.values.shape == (60, 12)
    assert other.notes == []


def test_nothing_is_printed_or_logged(capfd, caplog):
    assert fitted(sections_with_a_batch_effect()).values.any()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_without_harmonypy_the_sentence_says_how_it_comes(monkeypatch):
    monkeypatch.setitem(sys.modules, "harmonypy", None)
    sections = [a_section("A", some_counts(0)), a_section("B", some_counts(1))]
    with pytest.raises(MissingError, match=r"GPL-3.*pip install 'zoo-spatial\[harmony\]'"):
        expression(sections).fit(whole(sections))


def test_harmonypy_is_not_loaded_where_nothing_is_corrected():
    import subprocess

    code = "import sys, zoo_spatial.genes.expression; sys.exit('harmonypy' in sys.modules or 'scanpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
