"""A run that was stopped goes on to the very same numbers, however and whenever it was stopped."""

import json
import signal

import pytest

import children
from zoo.run import Run

SETTINGS = ["train.checkpoint_every=3", "train.seeds=[0, 1]", "train.epochs=3"]


@pytest.fixture
def uninterrupted(tiny, tmp_path):
    assert children.run(children.train, tiny, SETTINGS, tmp_path / "whole") == 0
    return tmp_path / "whole"


def finish(tiny, out, settings=SETTINGS):
    assert children.run(children.train, tiny, settings, out, True) == 0
    return children.weights(out)


@pytest.mark.parametrize("write", [4, 6, 8, 11, 17, 23, 28, 33])
def test_killed_in_the_middle_of_any_write_it_resumes_to_the_same_weights_bit_for_bit(
    tiny, tmp_path, uninterrupted, write
):
    out = tmp_path / "killed"
    code = children.run(children.train_killed_at_write, tiny, SETTINGS, out, write, False)
    assert code == -signal.SIGKILL
    assert finish(tiny, out) == children.weights(uninterrupted)


@pytest.mark.parametrize("batch", [1, 2, 4, 7, 14])
def test_killed_between_any_two_batches_it_resumes_to_the_same_weights_bit_for_bit(
    tiny, tmp_path, uninterrupted, batch
):
    out = tmp_path / "killed"
    kill = (tiny, SETTINGS, out, batch, signal.SIGKILL, False)
    assert children.run(children.train_signalled_at_batch, *kill) == -signal.SIGKILL
    assert finish(tiny, out) == children.weights(uninterrupted)


def test_killed_again_and_again_it_still_ends_with_the_same_weights_and_the_same_log(tiny, tmp_path, uninterrupted):
    out = tmp_path / "killed"
    children.run(children.train_killed_at_write, tiny, SETTINGS, out, 9, False)
    for write in (4, 7, 12):
        assert children.run(children.train_killed_at_write, tiny, SETTINGS, out, write, True) == -signal.SIGKILL
    assert finish(tiny, out) == children.weights(uninterrupted)
    losses = [
        [(line["member"], line["epoch"], line["loss"]) for line in Run(f).records()] for f in (out, uninterrupted)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("which", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_writes_a_checkpoint_exits_with_its_code_and_resumes_to_the_same_weights(
    tiny, tmp_path, uninterrupted, which, code
):
    out = tmp_path / "stopped"
    settings = [option for option in SETTINGS if "checkpoint_every" not in option]
    stopped = children.run(children.train_signalled_at_batch, tiny, settings, out, 8, which, False)
    assert stopped == code
    assert Run(out).status["state"] == "interrupted"
    assert finish(tiny, out, settings) == children.weights(uninterrupted)


@pytest.mark.parametrize(("which", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_a_member_is_scored_stops_at_once_and_resumes_to_the_same_weights(
    tiny, tmp_path, uninterrupted, which, code
):
    out = tmp_path / "stopped"
    assert children.run(children.train_signalled_while_scored, tiny, SETTINGS, out, which, False) == code
    assert Run(out).status["state"] == "interrupted"
    assert children.weights(out) == {}
    assert finish(tiny, out) == children.weights(uninterrupted)


def test_early_stopping_keeps_the_best_weights_through_a_kill(tiny, tmp_path):
    settings = ["train.early_stop={patience: 2, metric: r2}", "train.epochs=12", "train.lr=0.1"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert children.run(children.train, tiny, settings, whole) == 0
    epochs = Run(whole).records()
    best = max(epochs, key=lambda line: line["val_r2"])
    assert len(epochs) < 12, "it stopped early"
    assert best["epoch"] + 3 == len(epochs), "two epochs were waited for after the best"
    assert children.run(children.train_killed_at_write, tiny, settings, killed, 16, False) == -signal.SIGKILL
    assert finish(tiny, killed, settings) == children.weights(whole)


def test_resuming_with_other_settings_is_refused_and_names_what_changed(tiny, tmp_path, zoo):
    out = tmp_path / "killed"
    children.run(children.train_killed_at_write, tiny, SETTINGS, out, 12, False)
    code, _, err = zoo("train", tiny, "--set", "train.lr=0.5", "--out", out, "--resume")
    assert code == 1
    assert "was begun with other settings" in err
    assert "train.lr" in err


def test_resume_finds_the_newest_run_that_did_not_finish(tiny, tmp_path, zoo, monkeypatch):
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    code, _, err = zoo("train", tiny, "--resume")
    assert code == 3
    assert "there is no run of 'tiny' to resume" in err
    children.run(
        children.train_killed_at_write, tiny, [], tmp_path / "runs" / "tiny" / "20260101T000000-aaaa", 8, False
    )
    code, out, _ = zoo("train", tiny, "--resume")
    assert code == 0
    assert "20260101T000000-aaaa" in out
    code, _, err = zoo("train", tiny, "--resume")
    assert code == 3
    assert "is finished" in err


def test_half_a_line_in_the_log_is_no_obstacle(tiny, tmp_path):
    out = tmp_path / "killed"
    children.run(children.train_killed_at_write, tiny, SETTINGS, out, 14, False)
    with Run(out).log_path.open("a") as file:
        file.write('{"member": "holdout-se')
    finish(tiny, out)
    assert all(json.loads(line) for line in Run(out).log_path.read_text().splitlines())
