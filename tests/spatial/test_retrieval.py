"""Retrieval finds the nearest known spots and weights them as it says."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import DataError, UsageError
from zoo_spatial.retrieval import Retrieve, retrieve


def draw(n, m, dim, genes, seed=0):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(n, dim)), rng.normal(size=(m, dim)), rng.normal(size=(m, genes))
    return [part.astype(np.float32) for part in parts]


def by_hand(queries, keys, values, how):
    found = []
    for query in queries:
        cosine = keys @ query / np.linalg.norm(keys, axis=1) / np.linalg.norm(query)
        nearest = np.argsort(-cosine)[: how.k]
        gaps = (
            np.abs(keys[nearest] - query).sum(1)
            if how.distance == "l1"
            else np.linalg.norm(keys[nearest] - query, axis=1)
        )
        weights = {
            "mean": np.ones(len(nearest)),
            "inverse-square": 1 / gaps**2,
            "softmax": np.exp(cosine[nearest] / how.temperature),
        }[how.weight]
        found.append(weights / weights.sum() @ values[nearest])
    return np.array(found)


@given(
    st.sampled_from(["mean", "inverse-square", "softmax"]),
    st.sampled_from(["l1", "l2"]),
    st.integers(1, 40),
    st.integers(0, 99),
)
@settings(max_examples=40)
def test_it_agrees_with_the_definition_written_out_by_hand(weight, distance, k, seed):
    queries, keys, values = draw(6, 25, 8, 5, seed)
    how = Retrieve(k=k, weight=weight, distance=distance)
    assert np.allclose(retrieve(queries, keys, values, how), by_hand(queries, keys, values, how), atol=1e-4)


def test_a_spot_met_exactly_is_returned_instead_of_dividing_by_zero():
    _, keys, values = draw(1, 20, 8, 5)
    assert np.allclose(retrieve(keys, keys, values, Retrieve(k=5)), values, atol=1e-4)


def test_a_prediction_does_not_depend_on_which_queries_are_asked_together():
    queries, keys, values = draw(50, 30, 8, 5)
    together = retrieve(queries, keys, values, Retrieve(k=7))
    apart = np.concatenate([retrieve(queries[i : i + 1], keys, values, Retrieve(k=7)) for i in range(50)])
    assert np.allclose(together, apart, atol=1e-6)


@given(
    st.sampled_from(["mean", "inverse-square", "softmax"]),
    st.integers(1, 80),
    st.sampled_from([9.0, 12.0, 30.0]),
    st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_a_budget_changes_memory_and_nothing_else(weight, k, budget_mb, seed):
    queries, keys, values = draw(40, 60, 8, 3000, seed)
    whole = retrieve(queries, keys, values, Retrieve(k=k, weight=weight))
    cut = retrieve(queries, keys, values, Retrieve(k=k, weight=weight, budget_mb=budget_mb))
    assert np.allclose(whole, cut, atol=2e-6)


@pytest.mark.parametrize("k", [5, 400])
def test_a_bank_of_half_precision_is_read_from_disk(tmp_path, k):
    queries, keys, values = draw(30, 300, 8, 40)
    for name, array in (("keys", keys), ("values", values)):
        np.save(tmp_path / f"{name}.npy", array.astype(np.float16))
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("keys", "values")]
    found = retrieve(queries, *mapped, Retrieve(k=k))
    assert found.dtype == np.float32
    assert np.allclose(found, by_hand(queries, *(m.astype(np.float32) for m in mapped), Retrieve(k=k)), atol=1e-4)


def test_many_neighbours_among_many_spots_are_added_up_like_few():
    queries, keys, values = draw(20, 2000, 8, 5)
    how = Retrieve(k=20, weight="softmax")
    assert np.allclose(retrieve(queries, keys, values, how), by_hand(queries, keys, values, how), atol=1e-5)


def test_no_queries_get_no_expression():
    queries, keys, values = draw(0, 20, 8, 5)
    assert retrieve(queries, keys, values, Retrieve()).shape == (0, 5)


def test_a_bank_of_unequal_parts_is_refused():
    queries, keys, values = draw(3, 20, 8, 5)
    with pytest.raises(DataError, match="20 keys but expression of 19 spots"):
        retrieve(queries, keys, values[1:], Retrieve())


def test_a_budget_that_does_not_suffice_says_what_does():
    with pytest.raises(ValueError, match=r"too small to find the nearest 5 of 20 .* at least"):
        retrieve(*draw(3, 20, 8, 5), Retrieve(k=5, budget_mb=0.01))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"k": 0}, "k is a number"),
        ({"temperature": 0.0}, "greater than 0"),
        ({"budget_mb": 0.0}, "budget_mb is a number of megabytes greater than 0, not 0.0"),
        ({"budget_mb": float("inf")}, "not inf"),
    ],
)
def test_settings_that_find_nothing_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Retrieve(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_cuda_that_is_not_there_is_told_and_none_is_needed():
    keys = np.eye(4, dtype=np.float32)
    with pytest.raises(UsageError, match=r"task.retrieve.device is cuda, and no CUDA device is there; leave it out"):
        retrieve(keys, keys, keys, Retrieve(device="cuda"))
    assert np.allclose(retrieve(keys, keys, keys, Retrieve(k=1, device="cpu")), keys)
