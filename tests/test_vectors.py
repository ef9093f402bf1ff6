"""Test vectors hold no data, tell a loaded model that is another, and pass for the one they were made of."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo import checkpoint, package, vectors
from zoo.api import train
from zoo.config import Tensor, Tolerance
from zoo.errors import IntegrityError
from zoo.vectors import deviation, make

ITEMS = np.arange(8)
WORDS = "the loaded model does not give what was published"


class Data:
    """A dataset that is a batch."""

    def __init__(self, **entries):
        self.entries = {name: torch.as_tensor(value) for name, value in entries.items()}

    def batch(self, items):
        return {"id": [str(i) for i in items], **{name: value[items] for name, value in self.entries.items()}}


def made_up(**entries):
    return vectors._made_up_batch(Data(**entries), np.arange(vectors.ITEMS))[0]


@pytest.fixture
def loaded(tiny_run):
    """Return the trained model of the tests' recipe as it is loaded."""
    return package.read(tiny_run / "model" / "holdout-seed0")


@pytest.fixture
def proof(loaded):
    """Return the test vectors of that model."""
    return make(loaded.contestant, loaded.dataset, ITEMS)


def refused(loaded, stored, tolerance):
    with pytest.raises(IntegrityError) as raised:
        deviation(loaded.contestant, stored, tolerance, "model")
    assert raised.value.exit_code == 5
    assert str(raised.value).startswith("model: ")
    assert "\n" not in str(raised.value)
    return str(raised.value)


# --- made-up input -------------------------------------------------------------------------------------------------


def test_made_up_input_has_the_shapes_types_bounds_and_roughly_the_moments_of_the_real_one():
    rng = np.random.default_rng(5)
    real = {
        "image": rng.integers(0, 256, (64, 3, 8, 8)).astype(np.uint8),
        "target": rng.normal(3, 2, (64, 50)).astype(np.float32),
        "mask": rng.integers(0, 2, (64, 9)).astype(bool),
    }
    found = made_up(**real)
    for name, value in real.items():
        first = torch.as_tensor(value[:4])
        assert (found[name].shape, found[name].dtype) == (first.shape, first.dtype)
        assert first.min() <= found[name].min()
        assert found[name].max() <= first.max()
        assert float(found[name].double().mean()) == pytest.approx(float(first.double().mean()), rel=0.2)
        assert float(found[name].double().std()) == pytest.approx(float(first.double().std()), rel=0.3)


odd = st.integers(-1000, 1000).map(lambda value: value + 0.37)


@given(arrays.arrays(np.float32, st.tuples(st.just(4), st.integers(1, 5)), elements=odd))
def test_made_up_input_holds_none_of_the_real_values(value):
    found = made_up(target=value)["target"].numpy()
    assert np.isfinite(found).all()
    assert not np.isin(found, value).any()


def test_a_lone_value_is_shifted_and_a_switch_stays_what_it_is():
    found = made_up(target=np.full(4, 0.37, np.float32), on=np.ones((4, 2), np.float32), off=np.zeros(4, np.float32))
    assert 0.29 < float(found["target"].min()) == float(found["target"].max()) < 0.34
    assert found["on"].eq(1).all()
    assert found["off"].eq(0).all()


def test_what_says_how_others_are_to_be_read_is_kept_and_texts_are_left_out():
    index, offsets = np.array([0, 0, 1, 1]), np.array([0, 2, 5, 9])
    found = made_up(overview_index=index, offsets=offsets, image=np.arange(40).reshape(4, 10))
    assert list(found) == ["overview_index", "offsets", "image"]
    assert found["overview_index"].tolist() == index.tolist()
    assert found["offsets"].tolist() == offsets.tolist()


def test_values_that_are_not_finite_or_not_there_harm_nothing():
    holes = np.array([[1.5, np.nan], [np.inf, 2.5], [-np.inf, 2.0], [1.75, np.nan]], np.float32)
    found = made_up(holes=holes, nothing=np.full((4, 2), np.nan, np.float32), empty=np.zeros((4, 0), np.float32))
    assert torch.isfinite(found["holes"]).all()
    assert 1.5 <= float(found["holes"].min()) <= float(found["holes"].max()) <= 2.5
    assert found["nothing"].eq(0).all()
    assert found["empty"].shape == (4, 0)


def test_large_items_make_fewer_of_them():
    large = torch.zeros(8, vectors.MAX_BYTES // 2 + 1, dtype=torch.uint8)
    batch, number = vectors._made_up_batch(Data(image=large), np.arange(8))
    assert (number, len(batch["image"])) == (1, 1)
    batch, number = vectors._made_up_batch(Data(image=large[:, :-1]), np.arange(8))
    assert (number, len(batch["image"])) == (2, 2)


def test_as_many_items_are_taken_as_there_are():
    assert vectors._made_up_batch(Data(x=np.ones(3)), np.arange(3))[1] == 3


# --- what is stored ------------------------------------------------------------------------------------------------


def test_input_outputs_and_predictions_are_stored_and_described(proof):
    names = ["input/image", "input/target", "output/embedding", "output/other", "output/value", "prediction/value"]
    assert sorted(proof.tensors) == names
    assert proof.tolerance.items == 4
    assert sorted(proof.tolerance.atol) == names[2:]
    assert proof.shapes("input/") == {
        "image": Tensor(shape=(3, 2, 2), dtype="uint8"),
        "target": Tensor(shape=(), dtype="float32"),
    }
    given = proof.shapes("output/", "prediction/")
    assert sorted(given) == ["embedding", "other", "prediction/value", "value"]
    assert given["embedding"] == Tensor(shape=(8,), dtype="float32")


def test_no_value_of_the_real_items_is_stored(loaded, proof):
    real = loaded.dataset.batch(ITEMS)
    assert not torch.isin(proof.tensors["input/target"], real["target"]).any()
    assert not any(torch.equal(one, other) for one in proof.tensors["input/image"] for other in real["image"])


def test_the_same_model_makes_the_same_vectors(loaded, proof):
    again = make(loaded.contestant, loaded.dataset, ITEMS)
    assert again.tolerance == proof.tolerance
    assert all(torch.equal(again.tensors[name], value) for name, value in proof.tensors.items())


# --- what is told --------------------------------------------------------------------------------------------------


def test_the_model_that_they_were_made_of_passes(loaded, proof):
    assert deviation(loaded.contestant, proof.tensors, proof.tolerance, "model") < 0.01


@pytest.mark.parametrize("name", ["encoder.net.1.weight", "encoder.net.1.bias", "head.out.weight", "head.out.bias"])
def test_a_weight_that_was_changed_is_caught(name, loaded, proof):
    with torch.no_grad():
        loaded.contestant.model.get_parameter(name).view(-1)[0] += 0.1
    sentence = refused(loaded, proof.tensors, proof.tolerance)
    assert sentence.startswith(f"model: {WORDS} (")
    assert sentence.endswith("times the tolerance); it was built by other code, or its files do not belong together")


def test_outputs_that_are_not_numbers_never_pass(loaded, proof):
    stored = {**proof.tensors, "output/value": torch.full((4,), torch.nan)}
    assert f"{WORDS} (output/value is off by inf times" in refused(loaded, stored, proof.tolerance)
    with torch.no_grad():
        loaded.contestant.model.get_parameter("head.out.bias").fill_(torch.nan)
    assert f"{WORDS} (prediction/value is off by inf times" in refused(loaded, proof.tensors, proof.tolerance)
    for wanted in (torch.nan, torch.inf):
        stored = dict(proof.tensors)
        stored |= dict.fromkeys(["output/value", "prediction/value"], torch.full((4,), wanted))
        assert f"{WORDS} (prediction/value is off by inf times" in refused(loaded, stored, proof.tolerance)


@pytest.mark.parametrize("wide", [0.02, 1e9, float("inf"), float("nan"), -1.0, -1e9])
def test_a_tolerance_that_tolerates_everything_proves_nothing(wide, loaded, proof):
    known = f"{WORDS} (", "allows its test vectors a deviation so wide that they prove nothing; push it anew"
    relative = proof.tolerance.model_copy(update={"rtol": wide})
    assert any(words in refused(loaded, proof.tensors, relative) for words in known)
    one = {**proof.tolerance.atol, "output/value": wide}
    absolute = proof.tolerance.model_copy(update={"atol": one})
    assert any(words in refused(loaded, proof.tensors, absolute) for words in known)


def test_vectors_of_no_items_show_nothing(loaded, proof):
    stored = {name: value[:0] for name, value in proof.tensors.items()}
    assert f"{WORDS} (" in refused(loaded, stored, proof.tolerance)


def test_an_output_of_another_shape_is_caught(loaded, proof):
    stored = {**proof.tensors, "output/value": proof.tensors["output/value"][:, None]}
    assert f"{WORDS} (output/value is off by inf times" in refused(loaded, stored, proof.tolerance)


@pytest.mark.parametrize("lost", ["output/other", "prediction/value"])
def test_an_output_that_was_not_stored_is_named(lost, loaded, proof):
    stored = {name: value for name, value in proof.tensors.items() if name != lost}
    sentence = refused(loaded, stored, proof.tolerance)
    assert sentence.startswith(
        "model: the model gives output/embedding, output/other, output/value, prediction/value, "
    )
    assert lost not in sentence.partition("stored are")[2]


def test_an_output_without_a_tolerance_and_one_that_no_model_gives_are_refused(loaded, proof):
    nothing = Tolerance(items=4, rtol=1e-3, atol={})
    assert "the model gives output/embedding" in refused(loaded, proof.tensors, nothing)
    stored = {**proof.tensors, "output/more": torch.ones(4)}
    assert "output/more" in refused(loaded, stored, proof.tolerance)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"input/image": None}, r"KeyError: 'image'"),
        ({"input/image": torch.zeros(4, 5, 2, 2)}, "mat1 and mat2 shapes cannot be multiplied"),
        ({"input/image": torch.zeros(())}, "Error: "),
        ({"input/target": torch.zeros(3)}, "RuntimeError: The size of tensor a (4) must match"),
    ],
    ids=["missing", "of other channels", "a number", "of other items"],
)
def test_input_that_the_model_cannot_read_is_told_in_one_sentence(change, what, loaded, proof):
    stored = {name: value for name, value in {**proof.tensors, **change}.items() if value is not None}
    sentence = refused(loaded, stored, proof.tolerance)
    assert sentence.startswith("model: the loaded model cannot be run on its test vectors (")
    assert what in sentence
    assert sentence.endswith("; its files do not belong together")


def test_another_task_is_caught_by_its_predictions(loaded, proof):
    class Doubled(type(loaded.contestant.task)):
        def predict(self, outputs, bank):
            return {"value": outputs["value"] * 2}

    other = replace(loaded, contestant=replace(loaded.contestant, task=Doubled()))
    assert f"{WORDS} (prediction/value is off by" in refused(other, proof.tensors, proof.tolerance)


@pytest.fixture
def fast_products():
    """Let CUDA compute as fast as a user's process may have asked for."""
    matmul = torch.backends.cuda.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, "tf32"
    yield
    matmul.fp32_precision = before


@pytest.mark.usefixtures("fast_products")
def test_cuda_is_exact_within_the_block_and_after_it_what_the_process_had_set():
    kinds = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
    before = [kind.fp32_precision for kind in kinds]
    with suppress(KeyError), vectors.exact():
        assert [kind.fp32_precision for kind in kinds] == ["ieee"] * 3
        raise KeyError
    assert [kind.fp32_precision for kind in kinds] == before
    assert "tf32" in before


def test_a_model_whose_images_change_in_evaluation_too_is_proven_all_the_same(tiny, tmp_path):
    settings = ["transforms.eval=[{use: flip}, {use: rotate}]", "train.epochs=1"]
    run, _ = train(tiny, settings, out=tmp_path / "run", device="cpu")
    folder = run.folder / "model" / "holdout-seed0"
    again = package.read(folder)
    stored, _ = checkpoint.read_tensors(folder / package.VECTORS)
    assert deviation(again.contestant, stored, again.config.test, "run") < 1
