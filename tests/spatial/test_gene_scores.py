"""Scores agree with scipy gene by gene, and say what they did with genes that have none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from zoo_spatial.genes import gene_scores, moments
from zoo_spatial.genes.gene_scores import hit_rate, pearson, score, spearman

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


def by_definition(predicted, truth):
    x, y = predicted.astype(np.float64), truth.astype(np.float64)
    return {
        "mean_predicted": x.mean(0),
        "mean_truth": y.mean(0),
        "variance_predicted": x.var(0),
        "variance_truth": y.var(0),
        "covariance": ((x - x.mean(0)) * (y - y.mean(0))).mean(0),
        "mse": ((x - y) ** 2).mean(),
        "mae": np.abs(x - y).mean(),
    }


def draw(spots, genes, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.log1p(rng.poisson(rng.gamma(0.5, 2, genes), (spots, genes))).astype(np.float32)
    return (0.2 * truth + rng.normal(size=truth.shape)).astype(np.float32), truth


@given(st.integers(1, 70), st.integers(1, 40), st.integers(0, 99), st.integers(1, 3), st.sampled_from([7, 16, 64]))
@settings(max_examples=25, deadline=None)
def test_moments_by_blocks_are_those_of_the_definition(spots, genes, seed, threads, rows):
    predicted, truth = draw(spots, genes, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "ROWS", rows)
        patch.setattr(moments, "LEAST_GENES", 8)
        patch.setattr(moments.torch, "get_num_threads", lambda: threads)
        patch.setattr(moments, "FEW", 0)
        found = moments.moments(predicted, truth)
    for name, expected in by_definition(predicted, truth).items():
        assert np.allclose(getattr(found, name), expected, rtol=1e-6, atol=1e-6), name


def test_the_compiled_sum_is_the_one_that_can_be_read():
    predicted, truth = draw(23, 9)
    found = []
    for fold in (moments.fold, moments.compiled()):
        shift, state, errors = np.zeros((2, 6), np.float32), np.zeros((5, 6)), np.zeros(2)
        for start in (0, 12):
            part = slice(start, start + 12)
            fold(predicted[part], truth[part], 2, start, shift, np.empty((5, 6), np.float32), state, errors)
        found.append((state, errors, shift))
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other, rtol=1e-5, atol=1e-6)
    assert np.allclose(found[1][0][0], predicted[:, 2:8].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("order", ["as measured", "sorted", "one spot first"])
def test_large_matrices_score_as_in_double_precision_whatever_the_order_of_spots(order):
    predicted, truth = draw(2500, 900)
    truth[:, :300] += 100
    truth[:, 300:310] = np.float32(3.3)
    predicted[:, 305:320] = np.float32(1e-7)
    if order == "sorted":
        rows = np.argsort(truth[:, 600:].sum(axis=1))
        predicted, truth = predicted[rows], truth[rows]
        truth[1250:, :200] += 50
    if order == "one spot first":
        truth[1:, 320:340] = 0
        truth[0, 320:340] = 5
    assert truth.size > moments.FEW
    expected = by_definition(predicted, truth)
    found = moments.moments(predicted, truth)
    assert found.mse == pytest.approx(expected["mse"], rel=1e-6)
    assert found.mae == pytest.approx(expected["mae"], rel=1e-6)
    sx, sy = np.sqrt(expected["variance_predicted"]), np.sqrt(expected["variance_truth"])
    varied = (sx > 1e-6) & (sy > 1e-6)
    by_gene = pearson(predicted, truth)
    assert np.abs(by_gene - expected["covariance"] / (sx * sy + 1e-30))[varied].max() < 1e-6
    assert np.isnan(by_gene[300:310]).all()
    assert (by_gene[310:320] == 0).all()


def test_a_first_block_unlike_all_others_costs_no_digits():
    predicted, truth = draw(20000, 110)
    for matrix in (predicted, truth):
        matrix[: moments.ROWS] += 300
    assert truth.size > moments.FEW
    found, expected = moments.moments(predicted, truth), by_definition(predicted, truth)
    for name in ("variance_predicted", "variance_truth", "covariance"):
        assert np.allclose(getattr(found, name), expected[name], rtol=4e-6), name


def test_the_number_of_threads_changes_no_digit(monkeypatch):
    predicted, truth = draw(300, 200)
    monkeypatch.setattr(moments, "FEW", 0)
    monkeypatch.setattr(moments, "LEAST_GENES", 32)
    monkeypatch.setattr(gene_scores, "RANKED", 3000)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(gene_scores.torch, "get_num_threads", lambda threads=threads: threads)
        found.append(score(predicted, truth))
    assert found[0] == found[1]


def test_matrices_are_read_from_files_of_either_precision(tmp_path):
    predicted, truth = draw(2500, 900)
    np.save(tmp_path / "predicted.npy", predicted)
    np.save(tmp_path / "truth.npy", truth.astype(np.float16))
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("predicted", "truth")]
    assert score(*mapped)[0] == pytest.approx(score(predicted, mapped[1].astype(np.float32))[0], abs=1e-6)


@given(values, st.integers(1, 60))
def test_ranks_taken_some_genes_at_a_time_are_those_of_scipy(truth, at_a_time):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gene_scores, "RANKED", at_a_time)
        found = spearman(truth[::-1].copy(), truth)
    ranks = stats.rankdata(truth[::-1], axis=0), stats.rankdata(truth, axis=0)
    expected = pearson(*(r.astype(np.float32) for r in ranks))
    assert np.allclose(found, expected, atol=1e-12, equal_nan=True)


def test_a_gene_with_a_value_that_is_no_number_scores_as_flat_where_predicted_and_not_at_all_where_true():
    predicted, truth = draw(20, 4)
    predicted[3, 0], truth[5, 1] = np.nan, np.nan
    for by_gene in (pearson(predicted, truth), spearman(predicted, truth)):
        assert by_gene[0] == 0
        assert np.isnan(by_gene[1])
        assert np.isfinite(by_gene[2:]).all()


def test_hits_looked_at_some_spots_at_a_time_are_those_of_a_sort(monkeypatch):
    predicted, truth = draw(100, 30)
    monkeypatch.setattr(gene_scores, "LOOKED_AT", 100)
    top = np.argsort(-predicted, axis=1, kind="stable")[:, :5]
    assert hit_rate(predicted, truth) == (top == truth.argmax(axis=1)[:, None]).any(axis=1).mean()


def test_of_genes_predicted_alike_only_the_first_can_be_hits():
    assert hit_rate(np.zeros((10, 10), np.float32), np.eye(10, dtype=np.float32)) == 0.5
    assert hit_rate(np.full((10, 10), np.nan, np.float32), np.eye(10, dtype=np.float32)) == 0
