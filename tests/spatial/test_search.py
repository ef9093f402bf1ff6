"""The search finds exactly what sorting all cosines finds, however it is cut, and says what it cannot search."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo_spatial import search
from zoo_spatial.search import Plan, Vectors, nearest, plan_of


def draw(n, m, width, seed=0, kind="normal"):
    rng = np.random.default_rng(seed)
    queries, keys = (rng.normal(size=(count, width)).astype(np.float32) for count in (n, m))
    if kind == "clustered" and m:
        centres = rng.normal(size=(3, width))
        queries, keys = ((centres[rng.integers(0, 3, len(v))] + 0.01 * v).astype(np.float32) for v in (queries, keys))
    if kind == "repeated" and m:
        keys = keys[rng.integers(0, max(m // 5, 1), m)]
    if kind == "zeros" and m:
        queries[::3], keys[::4] = 0, 0
    if kind == "opposite" and m and n:
        keys = -np.abs(keys)
        queries = np.abs(queries)
    return queries, keys


def on_grid(vectors):
    return Vectors.read(vectors, 0, "key", "cpu").unit.numpy().astype(np.float64)


def sorted_out(queries, keys, k):
    cosine = (on_grid(queries) @ on_grid(keys).T).astype(np.float32)
    index = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(cosine, index, axis=1), index


kinds = st.sampled_from(["normal", "clustered", "repeated", "zeros", "opposite"])
cuts = st.builds(
    Plan,
    st.integers(1, 40),
    st.integers(1, 30),
    st.integers(1, 20).map(lambda groups: groups * search.GROUP),
    st.sampled_from([None, torch.bfloat16, torch.float32]),
)


@given(st.integers(0, 40), st.integers(1, 400), st.integers(1, 20), st.integers(1, 60), kinds, cuts, st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_it_finds_what_a_sort_finds_however_the_work_is_cut(n, m, width, k, kind, cut, seed):
    queries, keys = draw(n, m, width, seed, kind)
    k = min(k, m)
    if min(cut.columns, m) // search.GROUP < 2 * k:
        cut = Plan(cut.queries, cut.rows, cut.columns, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "plan_of", lambda *_, **__: cut)
        cosine, index = nearest(queries, keys, k)
    expected, order = sorted_out(queries, keys, k)
    assert np.array_equal(cosine, expected)
    assert np.array_equal(index, order)


@given(kinds, st.integers(1, 6), st.sampled_from([torch.bfloat16, torch.float32]), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_first_product_of_low_precision_loses_nothing(kind, k, first, seed):
    queries, keys = draw(30, 1500, 16, seed, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "plan_of", lambda *_, **__: Plan(30, 16, 512, first))
        cosine, index = nearest(queries, keys, k)
    expected, order = sorted_out(queries, keys, k)
    assert np.array_equal(cosine, expected)
    assert np.array_equal(index, order)


def test_a_query_with_more_candidates_than_are_scored_one_by_one_is_scored_in_full(monkeypatch):
    queries, keys = draw(20, 2000, 16, kind="clustered")
    monkeypatch.setattr(search, "_most", lambda k: k)
    monkeypatch.setattr(search, "plan_of", lambda *_, **__: Plan(20, 7, 640, torch.bfloat16))
    assert np.array_equal(nearest(queries, keys, 5)[1], sorted_out(queries, keys, 5)[1])


@pytest.mark.parametrize("budget", [8e6, 3e7, 1e9])
def test_large_work_under_any_budget_agrees_with_cosines_in_double_precision(budget):
    queries, keys = draw(300, 6000, 64)
    cosine, index = nearest(queries, keys, 10, budget_bytes=budget)
    units = [v.astype(np.float64) / np.linalg.norm(v, axis=1, keepdims=True) for v in (queries, keys)]
    every = units[0] @ units[1].T
    assert np.abs(cosine - np.take_along_axis(every, index, axis=1)).max() < 1e-6
    best = -np.sort(-every, axis=1)[:, :10]
    assert np.abs(cosine - best).max() < 1e-6
    assert np.array_equal(index, nearest(queries, keys, 10)[1])


def test_the_length_of_vectors_plays_no_part():
    queries, keys = draw(5, 50, 8)
    scaled = keys * np.float32(2) ** np.arange(-25, 25)[:, None].astype(np.float32)
    assert np.array_equal(nearest(queries, keys, 9)[1], nearest(queries * 2**20, scaled, 9)[1])


def test_of_equal_keys_the_lower_index_comes_first_and_zeros_have_cosine_zero():
    keys = np.float32([[1, 0], [0, 0], [1, 0], [2, 0], [-1, 0]])
    cosine, index = nearest(np.float32([[3, 0], [0, 0]]), keys, 9)
    assert index.tolist() == [[0, 2, 3, 1, 4], [0, 1, 2, 3, 4]]
    assert cosine.tolist() == [[1, 1, 1, 0, -1], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_keys_are_read_from_a_file_of_either_precision(tmp_path, dtype):
    queries, keys = draw(20, 3000, 24)
    np.save(tmp_path / "keys.npy", keys.astype(dtype))
    mapped = np.load(tmp_path / "keys.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    found = nearest(queries, mapped, 7, budget_bytes=8e6)
    for part, expected in zip(found, nearest(queries, keys.astype(dtype).astype(np.float32), 7), strict=True):
        assert np.array_equal(part, expected)


def test_no_queries_have_no_neighbours():
    cosine, index = nearest(np.empty((0, 4), np.float32), np.ones((9, 4), np.float32), 3)
    assert cosine.shape == index.shape == (0, 3)


def test_a_budget_is_kept_and_one_too_small_says_what_suffices():
    with pytest.raises(ValueError, match=r"budget of 0\.1 MB is too small.*at least (.*) MB") as refused:
        nearest(*draw(4, 9, 256), 3, budget_bytes=1e5)
    enough = float(str(refused.value).split()[-2]) * 1e6
    assert plan_of(4, 9, 256, 3, budget=enough).rows == search.LEAST_ROWS
    assert plan_of(4, 9, 256, 3, budget=1e9).rows == search.ROWS


def test_products_of_lower_precision_than_asked_for_change_nothing(monkeypatch):
    queries, keys = draw(40, 3000, 32, kind="clustered")
    monkeypatch.setattr(search, "plan_of", lambda *_, **__: Plan(40, 40, 1024, torch.float32))
    monkeypatch.setattr(search.torch, "mm", lambda one, other: (one.bfloat16() @ other.bfloat16()).float())
    assert np.array_equal(nearest(queries, keys, 8)[1], sorted_out(queries, keys, 8)[1])


@pytest.mark.parametrize("where", ["queries", "keys"])
def test_a_vector_that_is_not_finite_is_named(where):
    queries, keys = draw(600, 600, 4)
    {"queries": queries, "keys": keys}[where][500, 2] = np.nan
    with pytest.raises(DataError, match=r"(query|key) 500 has a value that is not finite"):
        nearest(queries, keys, 2)


@pytest.mark.parametrize(
    ("shapes", "k", "error", "said"),
    [
        (((2, 3), (0, 3)), 1, DataError, "no keys"),
        (((2, 3), (5, 4)), 1, ValueError, "same length"),
        (((2, 3), (5, 3)), 0, ValueError, "at least 1, not 0"),
    ],
)
def test_what_cannot_be_searched_is_refused(shapes, k, error, said):
    with pytest.raises(error, match=said):
        nearest(*(np.ones(shape, np.float32) for shape in shapes), k)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_the_same():
    queries, keys = draw(500, 20000, 64)
    for part, expected in zip(nearest(queries, keys, 20, device="cuda"), nearest(queries, keys, 20), strict=True):
        assert np.array_equal(part, expected)
