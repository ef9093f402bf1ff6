"""A trained model is asked about new input by names that it declares, and answers part by part."""

import numpy as np
import pytest

from zoo import predict
from zoo.api import load
from zoo.errors import UsageError


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "new.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, size=(11, 3, 2, 2)).astype(np.uint8))
    return path


def test_values_of_parts_are_those_of_all_items_at_once_and_no_part_is_larger_than_asked_for(
    tiny_run, images, monkeypatch
):
    prediction = load(tiny_run).predict(input=images)
    monkeypatch.setattr(predict, "PART", 4)
    parts = [part["value"] for part in prediction.parts()]
    assert [len(part) for part in parts] == [4, 4, 3]
    assert np.allclose(np.concatenate(parts), prediction["value"], atol=1e-6)
    assert len(prediction) == 11


def test_a_task_that_can_write_part_by_part_is_never_handed_all_items(tiny_run, images, tmp_path, monkeypatch):
    model = load(tiny_run)
    got = []

    def write_parts(parts, dataset, path, facts):
        got.extend((len(part["value"]), path.name, facts["recipe"]) for part in parts)

    monkeypatch.setattr(model.loaded.contestant.task, "write_parts", write_parts, raising=False)
    monkeypatch.setattr(predict, "PART", 6)
    prediction = model.predict(input=images)
    prediction.write(tmp_path / "out.json")
    assert got == [(6, "out.json", "tiny"), (5, "out.json", "tiny")]
    assert "values" not in vars(prediction)


def test_settings_reach_the_data_as_text_and_are_not_taken_for_files(tiny_run, images, monkeypatch):
    model = load(tiny_run)
    data = type(model.loaded.dataset)
    seen = {}

    def open_new(self, inputs, *, scale="1"):
        seen.update(inputs=inputs, scale=scale)
        return self

    monkeypatch.setattr(data, "settings", {"scale": "a factor"}, raising=False)
    monkeypatch.setattr(data, "open_new", open_new)
    model.predict(input=images, scale=2.5)
    assert seen == {"inputs": {"input": images}, "scale": "2.5"}


def test_a_name_that_the_model_does_not_know_is_answered_with_those_that_it_does(tiny_run, images):
    with pytest.raises(UsageError) as error:
        load(tiny_run).predict(imput=images)
    assert str(error.value) == (
        "--imput is not known to this model, did you mean --input?; it takes --input (images as a .npy file)"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--input"], "--input: needs a value, for example --input FILE"),
        (["--input", "--other", "x"], "--input: needs a value"),
        (["new.npy"], "new.npy: say input as --NAME VALUE, for example --image section.tiff"),
        (["--in put", "x"], "--in put: say input as --NAME VALUE"),
        (["--input", "a", "--input=b"], "--input: is said twice; say it once"),
        (["--input", "nowhere.npy"], "--input nowhere.npy: there is no such file"),
    ],
)
def test_the_command_line_refuses_input_that_it_cannot_read_in_one_sentence(tiny_run, tmp_path, zoo, words, said):
    code, _, err = zoo("predict", tiny_run, "--out", tmp_path / "out.json", *words)
    assert code in {2, 3}
    assert said in err
    assert err.count("error:") == 1


def test_a_value_may_follow_an_equals_sign(tiny_run, images, tmp_path, zoo):
    code, out, err = zoo("predict", tiny_run, f"--input={images}", "--out", tmp_path / "out.json")
    assert (code, out.strip()) == (0, str(tmp_path / "out.json")), err


def test_eval_says_that_a_task_writes_no_files_where_it_does_not(tiny_run, tmp_path, zoo):
    code, _, err = zoo("eval", tiny_run, "--out", tmp_path / "scored")
    assert code == 2
    assert "writes no files; leave it out" in err
