"""Samplers: which training items an epoch takes, and what holds of every epoch whatever the data."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.batches import Order
from zoo.errors import DataError, UsageError
from zoo.samplers.balanced_batch import BalancedBatch
from zoo.samplers.resample import Resample
from zoo.samplers.weighted import Weighted
from zoo.signature import signature_of

SAMPLERS = {"resample": Resample, "weighted": Weighted, "balanced-batch": BalancedBatch}
PLATE = [0] * 50 + [1] * 9 + [2] * 18 + [3] * 2 + [-1] * 7
"""Labels of 86 items, most of one class, as wells of a plate are most of them controls."""

labels = st.lists(st.integers(-1, 4), min_size=1, max_size=60).filter(lambda found: max(found) >= 0)
seeds = st.integers(0, 2**31)


def drawn(sampler, found=PLATE, items=None, *, batch=16, seed=0):
    items = np.arange(len(found)) if items is None else np.asarray(items)
    return sampler(items, SimpleNamespace(labels=found), batch=batch, rng=np.random.default_rng(seed))


def counted(items, found=PLATE):
    return np.bincount(np.array(found)[items], minlength=max(found) + 1).tolist()


def known(found):
    return sorted({label for label in found if label >= 0})


@pytest.mark.parametrize("name", SAMPLERS)
@given(found=labels, seed=seeds, data=st.data())
def test_every_item_drawn_is_a_labelled_one_of_those_handed_over_and_the_generator_decides(name, found, seed, data):
    several = st.lists(st.sampled_from(range(len(found))), min_size=1, unique=True)
    items = data.draw(several.filter(lambda chosen: any(found[item] >= 0 for item in chosen)))
    sampler, batch = SAMPLERS[name](), 4 * len({found[item] for item in items if found[item] >= 0})
    before = list(items)
    epoch = drawn(sampler, found, items, batch=batch, seed=seed)
    assert epoch.dtype == np.int64
    assert set(epoch.tolist()) <= {item for item in items if found[item] >= 0}
    assert np.array_equal(epoch, drawn(sampler, found, items, batch=batch, seed=seed))
    assert len(drawn(sampler, found, items, batch=batch, seed=seed + 1)) == len(epoch) > 0
    assert items == before


@given(found=labels, to=st.integers(1, 30), seed=seeds)
def test_resample_brings_every_class_to_the_number_and_repeats_its_items_evenly(found, to, seed):
    epoch = drawn(Resample(to=to), found, seed=seed)
    assert {label: counted(epoch, found)[label] for label in known(found)} == dict.fromkeys(known(found), to)
    times = np.bincount(epoch, minlength=len(found))
    for label in known(found):
        own = times[np.array(found) == label]
        assert own.max() - own.min() <= 1


def test_resample_leaves_out_others_in_every_epoch_and_with_fixed_the_same():
    epochs = [drawn(Resample(to=20), seed=seed) for seed in range(3)]
    controls = [frozenset(epoch[epoch < 50].tolist()) for epoch in epochs]
    assert len(set(controls)) == 3
    fixed = [drawn(Resample(to=20, fixed=True), seed=seed) for seed in range(3)]
    assert len({tuple(sorted(epoch.tolist())) for epoch in fixed}) == 1
    assert len({tuple(epoch.tolist()) for epoch in fixed}) == 3, "the order is another one all the same"
    other = drawn(Resample(to=20, fixed=True, seed=1))
    assert sorted(other.tolist()) != sorted(fixed[0].tolist())


def test_resample_shuffles_classes_among_each_other():
    found = np.array(PLATE)[drawn(Resample(to=20))]
    assert len(np.flatnonzero(np.diff(found))) > 40


def test_weighted_draws_classes_alike_items_alike_or_in_between():
    items = 40_000
    alike = np.array(counted(drawn(Weighted(items=items)))) / items
    assert np.allclose(alike, 0.25, atol=0.01)
    as_they_are = np.array(counted(drawn(Weighted(power=0.0, items=items)))) / items
    assert np.allclose(as_they_are, np.array([50, 9, 18, 2]) / 79, atol=0.01)
    between = np.array(counted(drawn(Weighted(power=0.5, items=items)))) / items
    roots = np.sqrt([50, 9, 18, 2])
    assert np.allclose(between, roots / roots.sum(), atol=0.01)
    within = np.bincount(drawn(Weighted(items=items)))[:50] / items
    assert np.allclose(within, 0.25 / 50, atol=0.003), "items of one class are alike"


def test_weighted_takes_as_many_as_there_are_labelled_items_unless_told():
    assert len(drawn(Weighted())) == 79
    assert len(drawn(Weighted(items=500))) == 500


def test_weighted_survives_a_power_that_leaves_nothing_to_all_but_the_rarest():
    assert set(np.array(PLATE)[drawn(Weighted(power=5000.0))].tolist()) == {3}


@given(found=labels, each=st.integers(1, 6), seed=seeds, data=st.data())
def test_every_balanced_batch_has_as_many_items_of_each_of_its_classes(found, each, seed, data):
    classes = data.draw(st.integers(1, len(known(found))))
    epoch = drawn(BalancedBatch(classes=classes), found, batch=classes * each, seed=seed)
    batches = epoch.reshape(-1, classes * each)
    sizes = np.bincount([label for label in found if label >= 0])
    assert len(batches) == -(-sizes.sum() // (classes * each))
    of_class = np.zeros(len(sizes), dtype=int)
    for batch in batches:
        have = np.bincount(np.array(found)[batch], minlength=len(sizes))
        assert sorted(have[have > 0].tolist()) == [each] * classes
        of_class += have > 0
        for item, times in zip(*np.unique(batch, return_counts=True), strict=True):
            assert times <= -(-each // sizes[found[item]]), "an item twice, where others of its class did not come"
    there = of_class[known(found)]
    assert there.max() - there.min() <= 1
    times = np.bincount(epoch, minlength=len(found))
    for label in known(found):
        own = times[np.array(found) == label]
        assert own.max() - own.min() <= 1


def test_the_shares_of_two_devices_and_the_parts_of_a_batch_are_balanced_too():
    epoch = drawn(BalancedBatch(), batch=16)
    for start in range(0, len(epoch), 8):
        assert counted(epoch[start : start + 8]) == [2, 2, 2, 2]
    sampler, dataset = BalancedBatch(), SimpleNamespace(labels=PLATE)
    orders = [
        Order(
            np.arange(len(PLATE)),
            batch=16,
            seed=0,
            drop_last=True,
            rank=rank,
            world=2,
            draw=lambda rng: sampler(np.arange(len(PLATE)), dataset, batch=16, rng=rng),
        )
        for rank in (0, 1)
    ]
    for order in orders:
        shares = order.epoch(3)
        assert len(shares) == 5
        assert [counted(share) for share in shares] == [[2, 2, 2, 2]] * 5


def test_balanced_batches_are_as_many_as_told():
    assert len(drawn(BalancedBatch(classes=2, batches=7), batch=8)) == 56


@pytest.mark.parametrize("name", SAMPLERS)
def test_data_without_labels_and_items_without_any_get_a_sentence(name):
    with pytest.raises(UsageError) as usage:
        SAMPLERS[name]()(np.arange(3), SimpleNamespace(), batch=4, rng=np.random.default_rng(0))
    said = f"sampler {name} goes by the labels of items, and the data have none; leave it out, or bring labels"
    assert str(usage.value) == said
    with pytest.raises(DataError) as data:
        drawn(SAMPLERS[name](), PLATE, [80, 81, 85])
    said = f"sampler {name} goes by the labels of items, and none of the 3 training items has one; label some, or split"
    assert str(data.value).startswith(said)


def test_a_batch_that_cannot_be_shared_out_is_refused_with_both_numbers_and_one_that_can():
    with pytest.raises(UsageError) as error:
        drawn(BalancedBatch(classes=3), batch=32)
    assert str(error.value) == (
        "sampler balanced-batch: train.batch is 32, which 3 classes cannot share evenly; "
        "set train.batch to 30, or choose other classes"
    )
    with pytest.raises(
        UsageError, match=r"train\.batch is 3, which 4 classes cannot share evenly; set train\.batch to 4"
    ):
        drawn(BalancedBatch(), batch=3)
    with pytest.raises(UsageError, match="to have 5 classes, and the training items have 4; set classes to 4 or lower"):
        drawn(BalancedBatch(classes=5), batch=20)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Resample(to=0), "to is a number of items of at least 1, not 0"),
        (lambda: Resample(seed=-1), "seed is a whole number from 0, not -1"),
        (lambda: Weighted(power=-1.0), "power is a number from 0, not -1.0"),
        (lambda: Weighted(power=float("inf")), "power is a number from 0, not inf"),
        (lambda: Weighted(power=float("nan")), "power is a number from 0, not nan"),
        (lambda: Weighted(items=0), "items is a number of at least 1, not 0"),
        (lambda: BalancedBatch(classes=0), "classes is a number of at least 1, not 0"),
        (lambda: BalancedBatch(batches=0), "batches is a number of at least 1, not 0"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_with_the_bound(make, said):
    with pytest.raises(ValueError, match=said):
        make()


SETS = np.array([[1, 0, 0]] * 30 + [[1, 1, 0]] * 6 + [[1, 0, 1]] * 2 + [[0, 0, 0]] * 4 + [[-1, -1, -1]] * 5)
"""Label sets of 47 items: a class that nearly all have, two rarer ones beside it, none, and not known."""


def drawn_of_sets(sampler, sets=SETS, *, seed=0):
    data = SimpleNamespace(label_sets=sets, classes=["a", "b", "c"])
    return sampler(np.arange(len(sets)), data, batch=12, rng=np.random.default_rng(seed))


def test_an_item_with_several_labels_is_drawn_as_often_as_its_rarest_asks_for():
    times = np.bincount(drawn_of_sets(Weighted(items=60_000)), minlength=len(SETS))
    weights = np.array([1 / 38] * 30 + [1 / 6] * 6 + [1 / 2] * 2 + [1 / 4] * 4 + [0] * 5)
    assert np.allclose(times / 60_000, weights / weights.sum(), atol=0.01)
    assert times[-5:].sum() == 0
    assert len(drawn_of_sets(Weighted())) == 42


@given(
    sets=st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=30).filter(
        lambda rows: max(map(max, rows)) >= 0
    ),
    seed=seeds,
)
def test_whatever_is_known_of_label_sets_only_items_of_which_something_is_are_drawn(sets, seed):
    sets = np.array(sets)
    epoch = drawn_of_sets(Weighted(), sets, seed=seed)
    known = np.flatnonzero((sets >= 0).any(axis=1))
    assert len(epoch) == len(known)
    assert set(epoch.tolist()) <= set(known.tolist())


@pytest.mark.parametrize("name", ["resample", "balanced-batch"])
def test_samplers_of_one_class_an_item_say_which_takes_several(name):
    with pytest.raises(UsageError) as raised:
        drawn_of_sets(SAMPLERS[name]())
    assert str(raised.value) == (
        f"sampler {name} goes by the one label of an item, and an item of these data may have several; choose what "
        "takes them, such as binary-cross-entropy or the sampler weighted"
    )


def test_label_sets_of_which_nothing_is_known_get_a_sentence():
    with pytest.raises(DataError, match="none of the 5 training items has them; label some, or split the data anew"):
        drawn_of_sets(Weighted(), SETS[-5:])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_recipe_need_say_nothing_more_than_the_name(name):
    assert not signature_of(SAMPLERS[name], name).check({})[1]


def test_an_epoch_of_a_hundred_thousand_items_is_made_up_in_a_blink():
    found = np.random.default_rng(0).integers(0, 300, 100_000)
    started = time.perf_counter()
    for sampler in (Resample(to=300), Weighted(), BalancedBatch(classes=50)):
        assert len(drawn(sampler, found, batch=500)) >= 90_000
    assert time.perf_counter() - started < 10, "0.2 s where nothing else runs"
