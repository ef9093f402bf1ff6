"""Members of one recipe are trained each for itself, vote, and are one package; with one process or several."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import children
import zoo as face
from zoo import package, recipe, resolve
from zoo.errors import RecipeError
from zoo.run import Run

VOTERS = "ensemble={members: [{encoder: {width: 4}}, {encoder: {use: tiny-gated}, train: {lr: 0.02}}, {seed: 7}]}"


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def filled(tiny, *overrides):
    return resolve.fill(recipe.load(tiny, list(overrides)))


def mistakes(tiny, *overrides):
    with pytest.raises(RecipeError) as raised:
        filled(tiny, *overrides)
    return [str(problem) for problem in raised.value.problems]


def test_a_member_is_the_recipe_with_its_own_values_laid_over(tiny):
    one, two, three = filled(tiny, VOTERS).members
    assert [m.data["encoder"]["use"] for m in (one, two, three)] == ["tiny-linear", "tiny-gated", "tiny-linear"]
    assert [m.data["encoder"]["width"] for m in (one, two, three)] == [4, 8, 8]
    assert [m.frame.train.lr for m in (one, two, three)] == [0.01, 0.02, 0.01]
    assert one.data["encoder"]["dropout"] == 0.1
    assert "dropout" not in two.data["encoder"], "what the other encoder does not know is dropped"


def test_a_filled_ensemble_reads_back_as_the_same(tiny):
    first = filled(tiny, VOTERS)
    again = resolve.fill(recipe.parse(first.recipe.dump()))
    assert again.digest == first.digest
    assert [m.data for m in again.members] == [m.data for m in first.members]
    assert [own["seed"] for own in first.data["ensemble"]["members"]] == [0, 1, 7]


def test_a_recipe_without_an_ensemble_has_the_digest_that_it_always_had(tiny):
    assert filled(tiny).data["ensemble"] is None
    assert filled(tiny).digest == filled(tiny, "ensemble=null", "sampler=null").digest


def test_mistakes_in_members_name_member_and_key(tiny):
    assert mistakes(tiny, "ensemble={members: [{encoder: {widht: 4}}, {}]}")[0].endswith(
        "ensemble.members.0.encoder.widht: unknown key, did you mean width?"
    )
    found = mistakes(tiny, "ensemble={members: [{encodr: {width: 4}, seed: x}, {train: {seeds: [1]}, head: 5}]}")
    assert any(
        "ensemble.members.0.encodr: is nothing that a member has to itself, did you mean encoder?" in f for f in found
    )
    assert any("ensemble.members.0.seed: is a whole number from 0, not 'x'" in f for f in found)
    assert any("ensemble.members.1.train: the seeds are those of the run; a member has one 'seed'" in f for f in found)
    assert any("ensemble.members.1.head: takes a block, not '5'" in f for f in found)
    assert any("at least 2" in f for f in mistakes(tiny, "ensemble={members: [{}]}"))
    assert any("vote" in f for f in mistakes(tiny, "ensemble={members: [{}, {}], vote: hard}"))


def test_the_vote_is_the_mean_of_what_members_predict_and_each_is_scored(tiny, tmp_path):
    run, metrics = face.train(tiny, [VOTERS], out=tmp_path / "run", device="cpu")
    assert list(metrics["ensemble"]) == ["member 1", "member 2", "member 3"]
    assert list(metrics["floors"]) == ["mean"]
    loaded = package.read(run.model_folder("holdout-seed0"))
    items = np.arange(8)
    each = loaded.contestant.predict_each(loaded.dataset, items)
    voted = np.mean([each[f"member {n}"]["value"] for n in (1, 2, 3)], axis=0)
    assert np.allclose(loaded.contestant.predict(loaded.dataset, items)["value"], voted, atol=1e-6)
    assert [path.name for path in run.models()] == ["holdout-seed0"], "one package"
    assert {line["member"] for line in run.records()} == {f"holdout-seed0-m{n}" for n in (1, 2, 3)}


def test_each_member_has_its_own_seed_and_is_what_it_would_be_alone(tiny, tmp_path):
    run, _ = face.train(tiny, ["ensemble={members: [{}, {seed: 3}]}"], out=tmp_path / "run", device="cpu")
    weights = load_file(run.model_folder("holdout-seed0") / "model.safetensors")
    for number, seed in enumerate((0, 3)):
        alone, _ = face.train(tiny, [f"train.seeds=[{seed}]"], out=tmp_path / f"alone{seed}", device="cpu")
        single = load_file(alone.model_folder(f"holdout-seed{seed}") / "model.safetensors")
        assert all(torch.equal(weights[f"members.{number}.{name}"], value) for name, value in single.items())


def test_the_command_line_prints_vote_and_members_and_evaluates_and_predicts_with_the_vote(tiny, tmp_path, zoo):
    code, out, err = zoo("train", tiny, "--set", VOTERS, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("vote", "member "))] == [
        "vote",
        *["member"] * 3,
    ]
    assert "the score is that of the vote of 3 members, each of which is scored beside it" in out
    code, out, err = zoo("eval", tmp_path / "run", "--format", "json")
    assert code == 0, err
    again, first = json.loads(out), json.loads((tmp_path / "run/metrics.json").read_text())
    assert again["ensemble"]["member 2"]["r2"]["mean"] == pytest.approx(first["ensemble"]["member 2"]["r2"]["mean"])
    np.save(tmp_path / "new.npy", np.random.default_rng(1).integers(0, 256, (5, 3, 2, 2)).astype(np.uint8))
    code, _, err = zoo("predict", tmp_path / "run", "--input", tmp_path / "new.npy", "--out", tmp_path / "p.npy")
    assert code == 0, err
    assert np.load(tmp_path / "p.npy").shape == (5,)


def test_a_killed_ensemble_goes_on_to_the_same_weights(tiny, tmp_path):
    settings = [VOTERS, "train.checkpoint_every=3"]
    assert children.run(children.train, tiny, settings, tmp_path / "whole") == 0
    for batch in (3, 25, 40):
        out = tmp_path / f"killed{batch}"
        kill = (tiny, settings, out, batch, signal.SIGKILL, False)
        assert children.run(children.train_signalled_at_batch, *kill) == -signal.SIGKILL
        assert children.run(children.train, tiny, settings, out, True) == 0
        assert children.weights(out) == children.weights(tmp_path / "whole")


def test_two_processes_take_turns_at_the_members_and_reach_the_same_weights(tiny, tmp_path):
    face.train(tiny, [VOTERS, "train.seeds=[0, 1]"], out=tmp_path / "one", device="cpu")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "zoo"]
    command = [
        "train",
        tiny,
        "--set",
        VOTERS,
        "--set",
        "train.seeds=[0, 1]",
        "--out",
        tmp_path / "two",
        "--device",
        "cpu",
    ]
    done = subprocess.run(
        [*launch, *map(str, command)], capture_output=True, text=True, check=False, env=os.environ, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for seed in (0, 1):
        one, two = (load_file(tmp_path / n / f"model/holdout-seed{seed}/model.safetensors") for n in ("one", "two"))
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert len(Run(tmp_path / "two").records()) == len(Run(tmp_path / "one").records())


def test_a_process_that_fails_ends_the_run_with_its_reason(tiny, tmp_path):
    broken = "ensemble={members: [{}, {loss: {break_at: -100.0}}]}"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "zoo"]
    command = ["train", tiny, "--set", broken, "--out", tmp_path / "two", "--device", "cpu"]
    done = subprocess.run(
        [*launch, *map(str, command)], capture_output=True, text=True, check=False, env=os.environ, timeout=240
    )
    assert done.returncode != 0
    assert "the loss became nan" in done.stderr


def test_a_task_that_looks_up_training_items_refuses_an_ensemble(tiny, tmp_path, monkeypatch):
    import zoo_tiny

    monkeypatch.setattr(zoo_tiny.TinyRegress, "needs_bank", True)
    with pytest.raises(RecipeError) as raised:
        face.train(tiny, [VOTERS], out=tmp_path / "run", device="cpu")
    assert "votes on what members predict, and this task looks its predictions up" in str(raised.value)


def test_an_ensemble_is_published_as_one_package_whose_card_shows_every_member(tiny, tmp_path, zoo):
    face.train(tiny, [VOTERS, "train.epochs=1"], out=tmp_path / "run", device="cpu")
    code, _, err = zoo("push", tmp_path / "run", "--to", tmp_path / "pack", "--licence", "apache-2.0")
    assert code == 0, err
    text = (tmp_path / "pack/README.md").read_text()
    for row in ("| vote |", "| member 1 |", "| member 3 |", "| encoder | tiny-gated |", "| encoder | tiny-linear |"):
        assert row in text, row
    assert "No group stands on two sides." in text
    code, out, err = zoo("verify", tmp_path / "pack")
    assert code == 0, err
    assert "4 items reproduced" in out


def test_a_card_says_when_the_test_groups_decided_when_to_stop(tiny, tmp_path, zoo):
    published = ["protocol=published", "data.split={unit: plate, test: [g6, g7], val: test}", "train.epochs=1"]
    face.train(tiny, published, out=tmp_path / "run", device="cpu")
    code, _, err = zoo("push", tmp_path / "run", "--to", tmp_path / "pack", "--licence", "apache-2.0")
    assert code == 0, err
    text = (tmp_path / "pack/README.md").read_text()
    assert (
        "The validation groups are the test groups: when to stop was decided on them, and the scores flatter." in text
    )
    assert "No group stands on two sides." not in text


def test_whoever_waits_for_members_of_other_processes_stops_at_a_signal_or_at_their_failure(tmp_path):
    from zoo import voters
    from zoo.errors import Interrupted, RunError
    from zoo.interrupts import Interrupts

    run, interrupts = Run(tmp_path), Interrupts()
    voters.note_failure(run, "RunError: the disk is full", rank=3)
    with pytest.raises(RunError, match="another process failed, RunError: the disk is full; go on with --resume"):
        voters._wait_for(tmp_path / "absent", run, interrupts)
    voters.forget_failures(run)
    interrupts.signal_number = signal.SIGTERM
    with pytest.raises(Interrupted) as raised:
        voters._wait_for(tmp_path / "absent", run, interrupts)
    assert raised.value.exit_code == 143
