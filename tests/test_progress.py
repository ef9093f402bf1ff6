"""How far long work is: told to whoever listens, drawn on a terminal, said now and then elsewhere, never on stdout."""

from __future__ import annotations

import os
import pty
import re
import sys
import threading
from dataclasses import dataclass, field

import pytest

from zoo import console, progress, push
from zoo.cli import watching
from zoo.cli.course import Course, duration
from zoo.training import Record

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


@dataclass
class Heard:
    """A listener that writes down what it is told."""

    told: list = field(default_factory=list)

    def began(self, step):
        self.told.append(("began", step.what, step.total))

    def moved(self, step):
        self.told.append(("moved", step.what, step.done))

    def ended(self, step):
        self.told.append(("ended", step.what, step.done))


@pytest.fixture
def heard():
    listener = Heard()
    with progress.listening(listener):
        yield listener


class Terminal:
    """A terminal in the place of stderr; what is written to it is read in a thread, as a real one does."""

    def __init__(self, monkeypatch):
        self.ours, self.theirs = pty.openpty()
        self.file = open(self.theirs, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - a file descriptor, closed below
        self.parts = []
        self.stop = threading.Event()
        self.monkeypatch = monkeypatch
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __call__(self):
        """Take the place of stderr, which pytest gives back to itself between a fixture and its test."""
        self.monkeypatch.setattr(sys, "stderr", self.file)

    def _read(self):
        while True:
            try:
                part = os.read(self.ours, 65536)
            except OSError:
                return
            if not part:
                return
            self.parts.append(part)

    def until(self, words):
        """Wait until words are shown: bars are drawn a few times a second."""
        for _ in range(500):
            if words in b"".join(self.parts).decode(errors="replace"):
                return
            self.stop.wait(0.02)
        pytest.fail(f"never shown: {words}")

    def text(self):
        """Return all that was written, and hang up."""
        if not self.file.closed:
            self.file.close()
            self.reader.join(10)
            os.close(self.ours)
        return b"".join(self.parts).decode()


@pytest.fixture
def terminal(monkeypatch):
    """Let stderr be a terminal of 100 columns that shows at once what has begun."""
    made = Terminal(monkeypatch)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(watching, "SHOWN_AFTER_S", 0.0)
    yield made
    made.text()


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that is put forward by hand."""
    time = {"now": 1000.0}
    monkeypatch.setattr(watching.time, "monotonic", lambda: time["now"])
    return time


def test_things_are_handed_back_untouched_where_nobody_listens():
    things = [1, 2, 3]
    assert progress.track(things, "counting") is things


def test_a_listener_is_told_how_many_of_how_many_are_done(heard):
    assert list(progress.track([1, 2], "counting")) == [1, 2]
    assert heard.told == [
        ("began", "counting", 2),
        ("moved", "counting", 1),
        ("moved", "counting", 2),
        ("ended", "counting", 2),
    ]


def test_work_that_fails_is_over_for_its_listener_too(heard):
    with pytest.raises(ValueError, match="no"), progress.step("trying", 5):
        raise ValueError("no")
    with pytest.raises(ZeroDivisionError):
        print([1 / number for number in progress.track(iter([0, 1]), "reading", total=2)])
    assert [told[:2] for told in heard.told if told[0] == "ended"] == [("ended", "trying"), ("ended", "reading")]


def test_work_of_another_thread_is_heard_and_that_of_a_forked_process_is_not(heard):
    thread = threading.Thread(target=lambda: list(progress.track("ab", "reading ahead")))
    thread.start()
    thread.join()
    assert ("ended", "reading ahead", 2) in heard.told
    child = os.fork()
    if not child:
        os._exit(0 if progress.track("ab", "elsewhere") == "ab" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_terminal_shows_bars_below_what_is_said_and_clears_them_at_the_end(terminal, capsys):
    terminal()
    with watching.watching(), progress.step("reading slides", 4, "slides") as told:
        told.advance(3)
        terminal.until("3 of 4 slides")
        console.say("a line")
    text = terminal.text()
    assert "reading slides" in text
    assert "3 of 4 slides" in text
    assert "━" in text
    assert "a line\r\n" in ESCAPE.sub("", text)
    assert COLOUR.search(text)
    assert text.rstrip().endswith("\x1b[2K\x1b[?25h"), "the bars are gone in the end, and the cursor is back"
    assert not capsys.readouterr().out


def test_a_training_on_a_terminal_shows_its_epochs_and_leaves_stdout_to_the_results(
    tiny, tmp_path, terminal, zoo, monkeypatch
):
    take = watching.Watch.take

    def seen(watch, record):  # a training this small is over before anything is drawn
        take(watch, record)
        if record.kind == "batch" and record.epoch == 3:
            terminal.until("holdout-seed0 epoch 4/4")

    monkeypatch.setattr(watching.Watch, "take", seen)
    terminal()
    code, out, _ = zoo("train", tiny, "--out", tmp_path / "run", "--device", "cpu")
    text = ESCAPE.sub("", terminal.text())
    assert code == 0, text
    assert "training " in text
    assert "of 5 batches" in text
    assert "holdout-seed0: epoch 4/4 loss" in text, "lines of the log are there as well"
    assert out.splitlines()[0].startswith("score  model")
    assert not ESCAPE.search(out)


def test_no_color_takes_the_colours_and_leaves_the_bars(terminal, monkeypatch):
    terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    with watching.watching(), progress.step("reading slides", 4, "slides"):
        terminal.until("reading slides")
    text = terminal.text()
    assert "reading slides" in text
    assert not COLOUR.search(text)


def test_a_narrow_terminal_gets_no_bar_and_no_broken_line(terminal, monkeypatch):
    terminal()
    monkeypatch.setenv("COLUMNS", "40")
    with watching.watching(), progress.step("reading slides of a section with a long name", 4, "slides"):
        terminal.until("0 of 4 slides")
    lines = ESCAPE.sub("", terminal.text()).replace("\r", "\n").splitlines()
    assert "━" not in "".join(lines)
    assert max(map(len, lines)) <= 40
    assert any(line.startswith("reading") and "…" in line and "0 of 4 slides" in line for line in lines)


@pytest.mark.parametrize("how", ["dumb", "quiet", "second process"])
def test_neither_a_dumb_terminal_nor_a_quiet_run_nor_a_second_process_gets_bars(how, terminal, monkeypatch):
    terminal()
    monkeypatch.setenv("TERM", "dumb" if how == "dumb" else "xterm")
    monkeypatch.setenv("RANK", "1" if how == "second process" else "0")
    console.set_level(quiet=how == "quiet")
    try:
        with watching.watching(), progress.step("stage x", told=True):
            pass
    finally:
        console.set_level()
    assert terminal.text() == ("stage x begins\r\n" if how == "dumb" else "")


def test_a_pipe_gets_lines_and_nothing_that_moves_a_cursor(tiny, tmp_path, zoo):
    code, out, err = zoo("train", tiny, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, err
    assert "\r" not in out + err
    assert "\x1b" not in out + err
    assert len(err.splitlines()) == 6, "a line for the member, its four epochs and its scores"


def test_where_there_are_no_bars_a_line_is_said_every_half_minute(capsys, clock):
    with watching.watching(), progress.step("reading slides", 100, "slides") as told:
        for _ in range(100):
            clock["now"] += 1
            told.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "reading slides: 30 of 100 slides, about 70 s left",
        "reading slides: 60 of 100 slides, about 40 s left",
        "reading slides: 90 of 100 slides, about 10 s left",
    ]


def test_a_line_is_said_of_the_whole_work_and_not_of_its_smallest_part(capsys, clock):
    with watching.watching(), progress.step("scoring", 8, "test groups") as whole:
        for _ in range(8):
            clock["now"] += 10
            list(progress.track("ab", "running the model"))
            whole.advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["scoring: 2 of 8 test groups", "scoring: 5 of 8 test groups"]


def test_where_there_are_no_bars_a_long_epoch_and_a_stage_tell_how_far_they_are(capsys, clock):
    with watching.watching() as watch:
        watch.take(plan())
        watch.take(Record("member", "a", 0, {}))
        for batch in range(1, 41):
            clock["now"] += 1
            watch.take(Record("batch", "a", 0, {"batch": batch, "batches": 40}, 10))
        assert watch.aside == ", about 6 min left"
        clock["now"] += 30
        watch.take(Record("progress", "all", 0, {"stage": "segment", "done": 3, "total": 9, "what": "field 3"}))
    told = capsys.readouterr().err.splitlines()
    assert told == ["a epoch 1/10: 30 of 40 batches, about 6 min left", "segment: field 3: 3 of 9, about 11 min left"]


def test_what_is_counted_in_bytes_is_said_in_megabytes(capsys, clock):
    with watching.watching(), progress.step("fetching", 4e6, progress.BYTES) as told:
        clock["now"] += 40
        told.advance(1.5e6)
    assert capsys.readouterr().err == "fetching: 1.5 MB of 4.0 MB, about 67 s left\n"


def plan(members=1, voters=1, stages=0, may_stop=False):
    return Record("plan", "", 0, {"members": members, "voters": voters, "stages": stages, "may_stop": may_stop})


def trained(course, time, *, epochs=10, batches=4, seconds=1.0, begin=0, end=None):
    """Take a training, or a part of it, from a clock that goes on."""
    course.take(Record("member", "m", 0, {}))
    for epoch in range(begin, epochs if end is None else end):
        for batch in range(1, batches + 1):
            time[0] += seconds
            course.take(Record("batch", "m", epoch, {"batch": batch, "batches": batches}, epochs))
        course.take(Record("epoch", "m", epoch, {}, epochs))


@pytest.fixture
def course():
    time = [0.0]
    found = Course(lambda: time[0])
    found.time = time
    return found


def test_the_time_left_is_that_of_the_epochs_of_all_members(course):
    course.take(plan(members=3))
    assert course.left is None
    trained(course, course.time, end=5)
    assert course.fraction == pytest.approx(1 / 6)
    assert course.left == pytest.approx(100)  # 20 of 120 batches took a second each
    trained(course, course.time, begin=5)
    course.take(Record("scored", "m", 0, {}))
    assert course.overall.what == "training, member 2/3"
    assert course.fraction == pytest.approx(1 / 3)


def test_a_training_that_is_resumed_is_timed_from_where_it_goes_on(course):
    course.take(plan())
    trained(course, course.time, begin=8, end=9)
    assert course.fraction == pytest.approx(0.9)
    assert course.left == pytest.approx(4)


def test_the_members_of_an_ensemble_are_parts_of_one(course):
    course.take(plan(members=2, voters=4))
    trained(course, course.time)
    trained(course, course.time)
    assert course.fraction == pytest.approx(1 / 4)
    assert course.left == pytest.approx(240)


def test_a_training_that_may_stop_early_takes_at_most_so_long(course):
    course.take(plan(may_stop=True))
    trained(course, course.time, end=5)
    assert course.time_left == "at most 20 s left"


def test_with_stages_the_time_left_is_that_of_the_training_until_one_member_is_done(course):
    course.take(plan(members=3, stages=2))
    course.time[0] = 50
    course.take(Record("stage", "all", 0, {}))
    trained(course, course.time, end=5)
    assert (course.at_work.left, course.overall.left) == ("about 20 s left", "")
    trained(course, course.time, begin=5)
    course.take(Record("stage", "m", 1, {}))
    course.time[0] = 150
    course.take(Record("scored", "m", 0, {}))
    assert course.left == pytest.approx(200)  # of three members one took 100 s, without what they share
    course.time[0] = 170
    assert course.overall.left == "about 3 min left"


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (75, "75 s"), (600, "10 min"), (12000, "3 h 20 min")])
def test_a_time_is_said_as_one_would_say_it(seconds, said):
    assert duration(seconds) == said


def test_a_pull_tells_of_every_byte_and_the_client_draws_no_bar_of_its_own(hub, tiny_package, heard, capfd):
    from zoo import pull
    from zoo.catalogue import source_of

    files = {
        path.relative_to(tiny_package).as_posix(): path.read_bytes()
        for path in tiny_package.rglob("*")
        if path.is_file()
    }
    hub.add("lab/tiny", files)
    size = pull.fetch(source_of("lab/tiny")).manifest.size
    assert ("ended", "fetching lab/tiny@main", size) in heard.told
    assert len([told for told in heard.told if told[:2] == ("moved", "fetching lab/tiny@main")]) >= len(files) - 1
    assert not capfd.readouterr().err


def test_a_push_lets_the_client_draw_bars_only_where_it_is_asked_to(hub, tiny_package, monkeypatch):
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled

    # the tests' Hub switches the bars off by the environment, which has the last word
    monkeypatch.setattr(sys.modules[are_progress_bars_disabled.__module__], "HF_HUB_DISABLE_PROGRESS_BARS", None)
    commit, without = HfApi.create_commit, []

    def watched(*arguments, **options):
        without.append(are_progress_bars_disabled())
        return commit(*arguments, **options)

    monkeypatch.setattr(HfApi, "create_commit", watched)
    push.push(tiny_package, "lab/tiny")
    push.push(tiny_package, "lab/other", bars=True)
    assert without == [True, False]
    assert not are_progress_bars_disabled()
