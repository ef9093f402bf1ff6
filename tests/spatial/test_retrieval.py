"""Retrieval finds the nearest known spots and weights them as it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(("options", "said"), [({"k": 0}, "k is a number"), ({"temperature": 0.0}, "greater than 0")])
def test_settings_that_find_nothing_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Retrieve(**options)
