"""A training ends with five lines on stdout: the score, how sure it is, its floor, the page, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo.cli import ending


def column(mean, interval=None, groups=6):
    return {"mean": mean, "interval": interval, "by_group": dict.fromkeys(map(str, range(groups)), mean)}


def metrics(found, floor=None, margin=None, interval=None, unit="donor"):
    """Return metrics with one score, ``auc``, beside one floor."""
    return {
        "scores": {"auc": found, "f1": column(0.1)},
        "floors": {"frequencies": {"auc": column(floor)}} if floor is not None else {},
        "above_floor": {
            "auc": {"floor": "frequencies" if margin is not None else None, "mean": margin, "interval": interval}
        },
        "split": {"unit": unit, "scheme": "named", "folds": 1},
    }


def lines(found, page="runs/x/report.html", why=""):
    return dict(line.split(": ", 1) for line in ending.lines(found, Path("runs/x"), page, why))


def test_the_five_lines_say_the_first_score_its_interval_and_how_far_it_is_from_its_best_floor():
    found = metrics(column(0.83, [0.7, 0.9]), 0.5, 0.33, [0.2, 0.41])
    assert lines(found) == {
        "score": "auc 0.830",
        "interval": "95% [0.700, 0.900], over 6 test donors",
        "floor": "frequencies 0.500; the model is 0.330 above it [0.200, 0.410]",
        "page": "runs/x/report.html",
        "next": "zoo eval runs/x",
    }


@pytest.mark.parametrize(
    ("mean", "floor", "margin", "interval", "said"),
    [
        (0.45, 0.5, -0.05, [-0.1, 0.01], "; the model does not beat it, it is 0.050 below it [-0.100, 0.010]"),
        (0.5, 0.5, 0.0, None, "; the model does not beat it, they are equal"),
        (0.52, 0.5, 0.02, [-0.1, 0.1], "; the model is 0.020 above it [-0.100, 0.100]; the interval holds 0, so that"),
        (0.52, 0.5, 0.02, None, "; the model is 0.020 above it"),
        (0.3, 0.5, 0.2, [0.1, 0.3], "; the model is 0.200 better than it [0.100, 0.300]"),
        (0.6, 0.5, -0.1, None, "; the model does not beat it, it is 0.100 worse than it"),
    ],
)
def test_a_model_that_does_not_beat_its_floor_is_told_so_plainly(mean, floor, margin, interval, said):
    # the last two are of a score of which less is better
    assert lines(metrics(column(mean), floor, margin, interval))["floor"].startswith(f"frequencies 0.500{said}")


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_score_without_a_value_is_said_in_words(nothing):
    said = lines(metrics(column(nothing), 0.5))
    assert said["score"] == "auc has no value"
    assert said["interval"] == "none: too little has a value, over 6 test donors"
    assert said["floor"] == "none to compare with: neither has a value"
    assert lines(metrics(column(0.5)))["floor"] == "none to compare with: the task has none"


@pytest.mark.parametrize(("groups", "unit", "said"), [(1, "plate", "none: 1 test plate"), (0, "assay", "none: 0 test")])
def test_a_single_group_has_no_interval(groups, unit, said):
    assert lines(metrics(column(0.5, groups=groups), unit=unit))["interval"].startswith(said)


def test_a_run_without_a_page_says_why_and_how_to_get_one():
    said = lines(metrics(column(0.5)), "", "--no-report")["page"]
    assert said == "none (--no-report); zoo report runs/x writes one"


def test_a_training_ends_with_them_and_nothing_else_behind(tiny, tmp_path, zoo, monkeypatch):
    monkeypatch.delenv("ZOO_REPORT")
    code, out, err = zoo("train", tiny, "--out", tmp_path / "run", "--device", "cpu", "--set", "train.epochs=1")
    assert code == 0, err
    *before, score, interval, floor, page, following = out.splitlines()
    assert before[-1] == f"run: {tmp_path / 'run'}"
    assert score.startswith("score: r2 ")
    assert interval.endswith(", over 2 test plates")
    assert floor.startswith("floor: mean -0.0")
    assert page == f"page: {tmp_path / 'run' / 'report.html'}"
    assert (tmp_path / "run" / "report.html").is_file()
    assert following == f"next: zoo eval {tmp_path / 'run'}"


def test_what_a_program_reads_names_the_page_or_null(tiny, tmp_path, zoo, monkeypatch):
    asked = ("train", tiny, "--device", "cpu", "--set", "train.epochs=1", "--format", "json")
    code, out, err = zoo(*asked, "--out", tmp_path / "without")
    assert (code, json.loads(out)["page"]) == (0, None), err
    monkeypatch.delenv("ZOO_REPORT")
    _, out, _ = zoo(*asked, "--out", tmp_path / "with")
    assert json.loads(out)["page"] == str(tmp_path / "with" / "report.html")
    _, out, _ = zoo(
        "train", tiny, "--out", tmp_path / "off", "--device", "cpu", "--set", "train.epochs=1", "--no-report"
    )
    assert f"page: none (--no-report); zoo report {tmp_path / 'off'} writes one" in out
