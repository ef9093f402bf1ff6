"""Reductions over packed bags are those of each bag by itself, whatever the bags' sizes, at the cost of their rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.errors import DataError
from zoo.nn.segments import Segments

SIZES = st.lists(st.one_of(st.integers(1, 4), st.integers(1, 60)), min_size=1, max_size=12)
K = 3
OURS = {
    "sum": lambda bags, rows: bags.sum(rows),
    "mean": lambda bags, rows: bags.mean(rows),
    "max": lambda bags, rows: bags.max(rows),
    "top mean": lambda bags, rows: bags.top_mean(rows, K),
    "softmax": lambda bags, rows: bags.softmax(rows),
}
OF_A_BAG = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0),
    "max": lambda rows: rows.amax(0),
    "top mean": lambda rows: rows.topk(min(K, len(rows)), dim=0).values.mean(0),
    "softmax": lambda rows: rows.softmax(0),
}


def segments(sizes, device="cpu"):
    return Segments.of({"offsets": torch.tensor([0, *sizes], device=device).cumsum(0)}, sum(sizes))


def looped(name, rows, sizes):
    done = [OF_A_BAG[name](bag) for bag in rows.split(list(sizes))]
    return torch.cat(done) if name == "softmax" else torch.stack(done)


def values_and_gradients(name, sizes, shape, seed, scale=1.0):
    """Return ours and the loop's values, and the gradients of a random sum of either."""
    make = torch.Generator().manual_seed(seed)
    start = torch.randn(shape, generator=make) * scale
    one, other = start.clone().requires_grad_(), start.clone().requires_grad_()
    ours, wanted = OURS[name](segments(sizes), one), looped(name, other, sizes)
    weight = torch.randn(wanted.shape, generator=make)
    (ours * weight).sum().backward()
    (wanted * weight).sum().backward()
    return (ours, wanted), (one.grad, other.grad)


@pytest.mark.parametrize("name", OURS)
@settings(max_examples=40)
@given(sizes=SIZES, columns=st.sampled_from([None, 1, 4]), seed=st.integers(0, 99))
def test_values_and_gradients_are_those_of_each_bag_by_itself(name, sizes, columns, seed):
    shape = (sum(sizes),) if columns is None else (sum(sizes), columns)
    values, gradients = values_and_gradients(name, sizes, shape, seed, scale=3.0)
    assert values[0].shape == values[1].shape
    assert torch.allclose(*values, atol=1e-5)
    assert torch.allclose(*gradients, atol=1e-5)


@pytest.mark.parametrize("name", OURS)
def test_a_bag_of_one_and_a_bag_of_fifty_thousand_share_a_batch(name):
    sizes = [1, 50_000, 1, 7]
    values, gradients = values_and_gradients(name, sizes, (sum(sizes), 2), seed=0)
    assert torch.allclose(*values, atol=1e-5, rtol=1e-5)
    assert torch.allclose(*gradients, atol=1e-5)


@pytest.mark.parametrize("name", OURS)
def test_gradients_agree_with_finite_differences_twice_over(name):
    rows = torch.randn(9, 2, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(0))
    bags = segments([4, 1, 4])
    assert torch.autograd.gradcheck(lambda x: OURS[name](bags, x), rows)
    assert torch.autograd.gradgradcheck(lambda x: OURS[name](bags, x), rows)


@pytest.mark.parametrize("name", OURS)
def test_rows_of_16_bits_are_accumulated_in_32(name):
    rows = torch.randn(4000, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    done = OURS[name](segments([3999, 1]), rows)
    assert done.dtype == torch.float32
    assert torch.allclose(done, looped(name, rows.detach().float(), [3999, 1]), atol=1e-5, rtol=1e-5)
    done.sum().backward()
    assert rows.grad.dtype == torch.bfloat16
    assert rows.grad.isfinite().all()


def test_softmax_takes_scores_of_any_size_and_is_blind_to_what_is_added_to_a_bag():
    bags = segments([3, 2])
    scores = torch.tensor([1.0, 2.0, 3.0, -1.0, 1.0])
    raised = scores + torch.tensor([1e4, 1e4, 1e4, -1e5, -1e5])
    assert torch.allclose(bags.softmax(raised), bags.softmax(scores), atol=1e-2)
    assert torch.allclose(bags.sum(bags.softmax(raised)), torch.ones(2))
    assert bags.softmax(torch.tensor([0.0, -torch.inf, 0.0, 5.0, -torch.inf])).tolist() == [0.5, 0, 0.5, 1, 0]


def test_rows_that_tie_share_a_maximum_and_the_first_of_them_is_among_the_highest():
    bags = segments([4, 1])
    rows = torch.tensor([2.0, 5.0, 5.0, 1.0, 7.0], requires_grad=True)
    assert bags.max_shares(rows).tolist() == [0, 0.5, 0.5, 0, 1]
    assert bags.top_shares(rows, 1).tolist() == [0, 1, 0, 0, 1]
    assert bags.top_shares(rows, 3).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 1])
    bags.max(rows).sum().backward()
    assert rows.grad.tolist() == [0, 0.5, 0.5, 0, 1]


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", OURS)
def test_a_number_that_is_not_finite_stays_in_its_own_bag(name, wrong):
    rows = torch.randn(9, generator=torch.Generator().manual_seed(0))
    rows[4] = wrong
    rows.requires_grad_()
    done = OURS[name](segments([3, 3, 3]), rows)
    wanted = looped(name, rows.detach(), [3, 3, 3])
    assert torch.allclose(done, wanted, atol=1e-6, equal_nan=True)
    done.sum().backward()
    assert rows.grad[[0, 1, 2, 6, 7, 8]].isfinite().all()


class Watch(TorchDispatchMode):
    """Counts operations and notes the largest tensor that any of them makes."""

    def __init__(self):
        super().__init__()
        self.operations, self.largest = 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        done = function(*args, **(kwargs or {}))
        self.operations += 1
        tensors = [value for value in (done if isinstance(done, tuple) else (done,)) if isinstance(value, torch.Tensor)]
        self.largest = max([self.largest, *(value.numel() for value in tensors)])
        return done


@pytest.mark.parametrize("name", OURS)
def test_the_work_follows_from_the_rows_and_neither_from_the_number_of_bags_nor_from_the_longest(name):
    seen = []
    for sizes in ([2] * 300, [300, *[1] * 300], [598, 1, 1]):
        with Watch() as watch:
            rows = torch.zeros(600, 2, requires_grad=True)
            OURS[name](segments(sizes), rows).sum().backward()
        seen.append((watch.operations, watch.largest))
    assert len({operations for operations, _ in seen}) == 1
    assert max(largest for _, largest in seen) == 1200


@pytest.mark.parametrize(
    ("offsets", "said"),
    [
        ([0, 2, 2, 5], r"bag 1 \('b'\) of the batch has no instance \(offsets 2 to 2\); every bag holds at least one"),
        ([0, 2, 5, 5], r"bag 2 \('c'\) of the batch has no instance \(offsets 5 to 5\)"),
        ([0, 4, 3, 5], r"bag 1 \('b'\) of the batch has no instance \(offsets 4 to 3\)"),
        ([0, 1, 2, 4], "offsets lead from 0 to 4, but there are 5 instances; they lead from 0 to the number of"),
        ([1, 2, 3, 5], "offsets lead from 1 to 5, but there are 5 instances"),
        ([5], "offsets lead from 5 to 5, but there are 5 instances"),
        ([], "offsets lead nowhere, but there are 5 instances"),
    ],
)
def test_offsets_that_are_no_bags_are_refused_with_their_place(offsets, said):
    with pytest.raises(DataError, match=said):
        Segments.of({"id": ["a", "b", "c"], "offsets": torch.tensor(offsets, dtype=torch.long)}, 5)


def test_an_empty_bag_without_a_name_is_refused_by_its_number():
    with pytest.raises(DataError, match=r"bag 0 of the batch has no instance \(offsets 0 to 0\)"):
        Segments.of({"offsets": torch.tensor([0, 0, 5])}, 5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", OURS)
def test_cuda_agrees_with_the_loop_and_gives_the_same_bits_again(name):
    sizes = [1, 50_000, 3, 400]
    rows = torch.randn(sum(sizes), 3, generator=torch.Generator().manual_seed(0))
    bags = segments(sizes, "cuda")
    done = [OURS[name](bags, rows.cuda()).cpu() for _ in range(3)]
    assert torch.allclose(done[0], looped(name, rows, sizes), atol=1e-5, rtol=1e-5)
    assert torch.equal(done[0], done[1])
    assert torch.equal(done[0], done[2])
