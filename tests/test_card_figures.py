"""The most telling figures of a run stand on its card, in its package, and among its events; others are refused."""

import json
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure as Drawing

from zoo import manifest, publish, push, verify
from zoo.errors import IntegrityError
from zoo.figures.parts import Figure, Section
from zoo.report import material, pictures
from zoo.run import Run

TINY = Path(__file__).parent / "tiny_plugin"
MEMBER = "holdout-seed0"


def figure(key, *, title="Residuals", alt="A line from 0 to 1.", caption="Read it upwards.", card=True):
    return Figure(key, title, alt, Drawing(figsize=(1, 1)), caption=caption, card=card)


def draw(run, figures, member=MEMBER):
    about = {"member": member, "seed": 0, "fold": {"name": "holdout", "test": ["g6", "g7"]}}
    return material.write(run / "report" / member, [Section("fit", "Fit", figures)], about)


def packaged(run, out):
    return publish.assemble(Run.open(run), publish.Wish("tiny", "lab/tiny"), out)


def sealed(folder):
    """Make the manifest fit what was changed."""
    (folder / manifest.NAME).write_bytes(manifest.of(folder).dump())


def images(folder):
    return sorted(path.name for path in (folder / manifest.IMAGES).iterdir())


def card_check(folder):
    return next(check for check in verify.examine(folder) if check.what == "card")


@pytest.fixture(scope="session")
def _shown(_tiny_run, tmp_path_factory):
    """Return a package whose card has two figures."""
    place = tmp_path_factory.mktemp("shown")
    run = shutil.copytree(_tiny_run, place / "run")
    shutil.rmtree(run / "report", ignore_errors=True)
    draw(run, [figure("residuals"), figure("kept-apart", card=False), figure("roc", title="ROC")])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TINY))
        return packaged(run, place / "package")


@pytest.fixture
def shown(tiny, _shown, tmp_path):
    return shutil.copytree(_shown, tmp_path / "shown")


def test_a_card_shows_the_figures_that_a_task_wants_there_with_their_words(shown):
    assert images(shown) == ["residuals.png", "roc.png"]
    text = (shown / "README.md").read_text()
    part = text.partition("## Figures\n")[2].partition("\n## ")[0]
    assert "![A line from 0 to 1.](images/residuals.png)" in part
    assert "**Residuals.** Read it upwards. Of the test groups of member holdout-seed0. SIMULATED data" in part
    assert part.count("SIMULATED") == 2
    assert text.index("## Scores") < text.index("## Figures") < text.index("## Data and splits")
    assert {"images/residuals.png", "images/roc.png"} <= set(manifest.verified(shown).files)
    assert card_check(shown).detail == "says what metrics.json holds, and shows 2 figures"


def test_the_figures_are_pushed_with_the_package_and_come_back(shown, hub, zoo):
    pushed = push.push(shown, "lab/tiny")
    assert {"images/residuals.png", "images/roc.png"} <= {change.name for change in pushed.changes}
    code, _, err = zoo("verify", "lab/tiny")
    assert code == 0, err
    (shown / "images" / "roc.png").unlink()
    (shown / "README.md").write_text(
        (shown / "README.md").read_text().replace("images/roc.png", "images/residuals.png")
    )
    sealed(shown)
    gone = [change.name for change in push.push(shown, "lab/tiny").changes if change.what == "gone"]
    assert gone == ["images/roc.png"]


def test_a_run_without_figures_makes_a_card_without_them(tiny_run, tmp_path):
    shutil.rmtree(tiny_run / "report", ignore_errors=True)
    folder = packaged(tiny_run, tmp_path / "package")
    assert not (folder / "images").exists()
    assert "## Figures" not in (folder / "README.md").read_text()
    assert card_check(folder).detail == "says what metrics.json holds"


def test_at_most_three_figures_stand_on_a_card_those_of_all_groups_first(tiny_run, tmp_path):
    draw(tiny_run, [figure(f"member-{n}") for n in range(3)] + [figure("both")])
    draw(tiny_run, [figure("together", title="Together"), figure("both", title="Of all")], member="all")
    found = pictures.of_card(tiny_run / "report", MEMBER)
    assert [(picture.key, picture.of) for picture in found] == [
        ("together", "all"),
        ("both", "all"),
        ("member-0", MEMBER),
    ]
    text = (packaged(tiny_run, tmp_path / "package") / "README.md").read_text()
    assert "**Together.** Read it upwards. Of all test groups." in text


def test_figures_of_another_member_are_not_on_the_card(tiny_run):
    draw(tiny_run, [figure("residuals")], member="holdout-seed9")
    assert not pictures.of_card(tiny_run / "report", MEMBER)


def test_a_figure_that_is_too_large_for_a_card_is_left_out(tiny_run):
    folder = draw(tiny_run, [figure("large"), figure("small")])
    with (folder / "large.png").open("ab") as file:
        file.write(b"\0" * material.CARD_BYTES)
    assert [picture.key for picture in pictures.of_card(tiny_run / "report", MEMBER)] == ["small"]


def test_words_of_a_figure_never_become_markup(tiny_run, tmp_path):
    strange = "a ](javascript:x) [b] <img src=x> *c* | `d`"
    draw(tiny_run, [figure("odd", title=strange, alt=strange, caption=strange)])
    folder = packaged(tiny_run, tmp_path / "package")
    part = (folder / "README.md").read_text().partition("## Figures\n")[2].partition("\n## ")[0]
    assert "<img" not in part
    assert "](javascript" not in part
    assert part.count("](") == 1
    assert card_check(folder).verdict == "PASS"


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"format": 1, "sections": [{"parts": [{"key": "../../secret", "png": "../../secret.png"}]}]}, ""),
        ({"format": 1, "sections": [{"parts": [{"key": "a", "png": "b.png"}]}]}, ""),
        ({"format": 99, "sections": "?"}, ""),
        ({"format": 1, "sections": [3]}, "is not as zoo writes it"),
        ({"format": 1, "sections": [{"parts": [{"key": "gone", "png": "gone.png"}]}]}, "gone.png: cannot be read"),
    ],
)
def test_a_strange_index_gives_no_figures_or_a_sentence(tiny_run, told, problem):
    folder = tiny_run / "report" / MEMBER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / material.INDEX).write_text(json.dumps(told))
    if not problem:
        assert not pictures.of_card(tiny_run / "report", MEMBER)
        return
    with pytest.raises(IntegrityError, match=problem):
        pictures.of_card(tiny_run / "report", MEMBER)


def png(width=2, height=2):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 40


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"GIF89a" + b"\0" * 40, "is no PNG picture, though it is called one"),
        (b"", "is no PNG picture"),
        (png(width=99_999), "says that it has 99,999 x 2 pixels, zoo takes pictures up to 16,384 a side"),
        (png(height=0), "says that it has 2 x 0 pixels"),
    ],
    ids=["another format", "empty", "too wide", "no height"],
)
def test_a_picture_that_is_none_is_refused_with_the_files(shown, content, problem):
    (shown / "images" / "roc.png").write_bytes(content)
    sealed(shown)
    with pytest.raises(IntegrityError, match=problem):
        manifest.verified(shown)


def more(shown):
    for name in ("third", "fourth"):
        (shown / "images" / f"{name}.png").write_bytes(png())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (more, "is figure 4 of the card, which takes 3"),
        (lambda shown: (shown / "images" / "b.png").write_bytes(png() + b"\0" * 300_000), "has at most 300,000"),
        (lambda shown: (shown / "images" / "Upper.png").write_bytes(png()), "is no name of a figure"),
        (lambda shown: (shown / "images" / "table.csv").write_text("a\n"), "is no name of a figure"),
        (lambda shown: (shown / "images" / "b.png").write_bytes(png()), "does not show images/b.png"),
        (lambda shown: (shown / "images" / "roc.png").unlink(), "shows 'images/roc.png', which the package lacks"),
    ],
)
def test_a_card_whose_figures_are_not_as_zoo_makes_them_fails_its_step(shown, change, problem):
    change(shown)
    sealed(shown)
    found = card_check(shown)
    assert (found.verdict, found.exit_code) == ("FAIL", IntegrityError.exit_code)
    assert problem in found.detail


def test_a_run_that_asks_for_events_has_its_figures_among_them(tiny, zoo, monkeypatch, tmp_path):
    import zoo_tiny
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def report(self, predicted, truth, **asked):
        yield Section("fit", "Fit", [figure("residuals"), figure("aside", card=False)])

    monkeypatch.delenv("ZOO_REPORT")
    monkeypatch.setattr(sys.modules[zoo_tiny.__name__].TinyRegress, "report", report, raising=False)
    out = tmp_path / "run"
    code, _, err = zoo("train", tiny, "--set", "train.tensorboard=true", "--set", "train.epochs=1", "--out", out)
    assert code == 0, err
    events = EventAccumulator(str(out / "tensorboard" / MEMBER)).Reload()
    assert events.Tags()["images"] == ["report/residuals"]
    (shown,) = events.Images("report/residuals")
    assert np.array([shown.width, shown.height]).min() > 50
