"""Scores agree with scipy gene by gene, and say what they did with genes that have none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from zoo_spatial.gene_scores import hit_rate, pearson, score, spearman

values = arrays(np.float32, st.tuples(st.integers(3, 30), st.integers(1, 6)), elements=st.integers(-50, 50).map(float))


@given(values, st.integers(0, 1000))
def test_correlations_agree_with_scipy_where_scipy_has_one(truth, seed):
    predicted = np.random.default_rng(seed).normal(size=truth.shape).astype(np.float32)
    ours, ranks = pearson(predicted, truth), spearman(predicted, truth)
    for gene in range(truth.shape[1]):
        if truth[:, gene].std() == 0:
            assert np.isnan(ours[gene])
            continue
        assert ours[gene] == pytest.approx(stats.pearsonr(predicted[:, gene], truth[:, gene])[0], abs=1e-5)
        assert ranks[gene] == pytest.approx(stats.spearmanr(predicted[:, gene], truth[:, gene])[0], abs=1e-5)


def test_a_gene_predicted_constant_scores_zero_and_both_kinds_of_constants_are_counted():
    rng = np.random.default_rng(0)
    truth, predicted = rng.normal(size=(20, 4)).astype(np.float32), rng.normal(size=(20, 4)).astype(np.float32)
    truth[:, 0] = 2.0
    predicted[:, 1] = 3.0
    scores, counts = score(predicted, truth)
    by_gene = pearson(predicted, truth)
    assert np.isnan(by_gene[0])
    assert by_gene[1] == 0
    assert scores["pcc"] == pytest.approx(by_gene[1:].mean())
    assert counts == {"spots": 20, "genes": 4, "constant_truth": 1, "constant_predicted": 1}


def test_the_highest_genes_are_those_of_highest_mean_in_truth():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(40, 80)).astype(np.float32)
    truth[:, 30:] += 5
    predicted = rng.normal(size=truth.shape).astype(np.float32)
    predicted[:, 30:] = truth[:, 30:]
    assert score(predicted, truth)[0]["pcc_heg50"] == pytest.approx(1)
    assert score(predicted, truth)[0]["pcc"] < 0.8


def test_a_hit_is_the_truly_highest_gene_among_the_five_predicted_highest():
    truth = np.eye(10, dtype=np.float32)
    predicted = np.tile(np.arange(10, dtype=np.float32), (10, 1))
    assert hit_rate(predicted, truth) == 0.5
    assert hit_rate(predicted[:3, :3], truth[:3, :3]) == 1.0


def test_a_perfect_prediction_has_perfect_scores():
    truth = np.random.default_rng(2).normal(size=(30, 60)).astype(np.float32)
    scores, _ = score(truth, truth)
    assert scores == pytest.approx({"pcc": 1, "pcc_heg50": 1, "spearman": 1, "mse": 0, "mae": 0, "hit5": 1})
