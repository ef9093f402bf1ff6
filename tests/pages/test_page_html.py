"""A page as text: what stands in it is text, every id once, tables typed and in order, never larger than it may be."""

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from zoo.figures.files import Table
from zoo.report import columns
from zoo.report.contents import Chapter, Page, Verdict
from zoo.report.layout import FEW_ROWS
from zoo.report.material import Kept, KeptSection
from zoo.report.page import rendered, write

BAD = """<b>"O'Neil" & Söhne</b></script><script>alert(1)</script>"""


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, *names):
        return [attrs for tag, attrs in self.found if tag in names]


def islands(text):
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', text, re.DOTALL)
    return {place: json.loads(content) for place, content in found}


def first_column(text):
    return [unescape(value) for value in re.findall(r'<th scope="row"[^>]*>(.*?)</th>', text)]


def test_names_with_signs_are_text_wherever_they_stand(make):
    verdict = Verdict("no", [BAD], [BAD], make.figure("picture", BAD, alt=BAD))
    parts = [make.listing([[BAD, 0.5, 1]], title=BAD, caption=BAD), make.figure("curve", BAD, alt=BAD, caption=BAD)]
    parts.append(Kept("code", "command", BAD, text=BAD))
    chapter = Chapter("all", BAD, [KeptSection("one", BAD, BAD, False, parts)], BAD)
    text = rendered(Page(BAD, BAD, verdict, [chapter], BAD, {BAD: BAD}))
    elements = Elements(text)
    kinds = [attrs.get("type", "run") for attrs in elements.named("script")]
    assert kinds.count("run") == 1
    assert not elements.named("b")
    assert islands(text)["all--genes:data"]["rows"] == [[BAD, 0.5, 1]]
    assert first_column(text) == [BAD]
    assert [attrs["aria-label"] for attrs in elements.named("div") if attrs.get("role") == "img"] == [BAD, BAD]


def test_no_id_occurs_twice_where_members_have_the_same_figures_and_all_that_is_pointed_at_is_there(make):
    section = KeptSection("looks", "Looks", "", False, [make.figure(), make.listing([["A", 1, 2]]), make.figure()])
    chapters = [Chapter(key, key, [section, section], open=key == "a") for key in ("a", "b", "a")]
    elements = Elements(rendered(make.page(chapters=chapters)))
    ids = [attrs["id"] for _, attrs in elements.found if "id" in attrs]
    assert len(ids) == len(set(ids)) > 30
    pointed = [attrs["href"][1:] for attrs in elements.named("a")]
    pointed += [attrs[name] for _, attrs in elements.found for name in ("aria-labelledby", "for") if name in attrs]
    pointed += [attrs["clip-path"][5:-1] for attrs in elements.named("g") if "clip-path" in attrs]
    assert set(pointed) <= set(ids)


def test_the_policy_lets_this_script_run_and_no_other_and_nothing_is_fetched(make):
    text = rendered(make.page(make.figure(), make.genes(40)))
    policy = Elements(text).named("meta")[1]["content"]
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    addresses = set(re.findall(r'https?://[^"\s)]+', text))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_headings_descend_one_by_one_and_every_figure_has_words(make):
    elements = Elements(rendered(make.page(make.figure(), make.genes(40))))
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    drawn = [attrs for attrs in elements.named("div") if attrs.get("class") == "drawing"]
    assert [attrs["aria-label"] for attrs in drawn] == ["A line that rises to 0.83."] * 2
    assert len(elements.named("main")) == len(elements.named("nav")) == len(elements.named("footer")) == 1


def test_closed_chapters_are_folded_and_named_among_the_contents(make):
    chapters = [Chapter("a", "Open", []), Chapter("b", "Closed", [], "Why it is empty.", open=False)]
    text = rendered(make.page(chapters=chapters))
    assert [attrs["id"] for attrs in Elements(text).named("details")] == ["b"]
    assert '<a href="#b">Closed</a>' in text
    assert "Why it is empty." in text


@pytest.mark.parametrize(
    ("clears", "said"),
    [("yes", "Better than its floors"), ("no", "Not better than its floors"), ("unknown", "Undecided"), ("", None)],
)
def test_a_verdict_is_said_in_words(make, clears, said):
    text = rendered(make.page(verdict=Verdict(clears, [])))
    assert re.findall(r"</svg>([^<]+)</p>", text) == ([said] if said else [])


def test_a_page_of_next_to_nothing_is_a_page(make):
    empty = [make.listing([]), make.listing([], []), make.figure(svg="", table=None), Kept("code", "x", "Text")]
    text = rendered(make.page(*empty))
    assert text.count("There are no rows.") == 2
    assert "There is no picture of this figure." in text
    assert "<h1>x</h1>" in rendered(Page("x", "", Verdict("", []), []))


def test_rows_come_in_the_order_that_is_asked_for_with_empty_ones_last(make):
    rows = [["D10", 0.2, 1], ["D2", float("nan"), 2], ["d1", 0.9, 3], [None, float("inf"), 4]]
    assert first_column(rendered(make.page(make.listing(rows, sort="-pcc"))))[:2] == ["d1", "D10"]
    assert first_column(rendered(make.page(make.listing(rows, sort="gene")))) == ["d1", "D2", "D10"]
    text = rendered(make.page(make.listing(rows, sort="-pcc")))
    assert re.findall(r'aria-sort="(\w+)">(\w+)', text) == [("descending", "pcc")]
    assert [row[1] for row in islands(text)["all--genes:data"]["rows"]] == [0.9, 0.2, None, None]


def test_columns_of_numbers_are_told_from_codes_words_and_gaps():
    rows = [["007", "1", "0.5", "nan", "1_0", "5"], ["12", "2", "", "NA", "2", "1e3"], ["3", "-1", "inf", "x", "3"]]
    found = columns.typed(Table(list("abcdef"), rows))
    assert [digits is None for digits in found.digits] == [True, False, False, True, True, False]
    assert found.rows[1] == ["12", 2, None, "NA", "2", 1000.0]
    assert found.rows[2] == ["3", -1, None, "x", "3", None]
    assert columns.typed(Table(["a"], [[2**60], [True]])).rows == [[str(2**60)], ["yes"]]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([0.81234567, 0.5, 0.0], ["0.812", "0.500", "0.000"]),
        ([12.3456, 0.04321, -3.0], ["12.35", "0.0432", "-3.00"]),
        ([1234.56, 2], ["1235", "2"]),
        ([0.01234, 2e-7], ["0.0123", "2.00e-7"]),
        ([3e-9, 0.0], ["3.00e-9", "0.000000"]),
        ([1e20, 1.0], ["1.00e20", "1"]),
        ([7, 12000], ["7", "12000"]),
    ],
)
def test_numbers_are_shown_with_the_digits_that_count(column, said):
    found = columns.typed(Table(["x"], [[value] for value in column]))
    assert [columns.shown(row[0], found.digits[0]) for row in found.rows] == said


def test_a_page_that_is_too_large_says_what_it_leaves_out_and_where_that_lies(make):
    many = make.figure("points", table=Table(["x", "y"], [[n / 7, n / 3] for n in range(3000)]))
    large = make.figure("large", "Large", svg=make.drawing(words="x" * 60_000), table=None)
    sections = [KeptSection("s", "S", "", False, [many, make.genes(3000), large])]
    chapters = [Chapter("a", "A", sections), Chapter("b", "B", sections, open=False, folder="report/fold1-seed0")]
    page = make.page(chapters=chapters)
    whole = len(rendered(page).encode())

    slightly = rendered(page, whole - 1000)
    assert slightly.count("The numbers behind this figure are too many for this page") == 1
    assert slightly.count("This page would have been too large") == 1
    most = len(rendered(page, 1).encode()) + 70_000  # one of the large figures still fits
    tight = rendered(page, most)
    assert len(tight.encode()) <= most
    assert "they are in the run folder, report/fold1-seed0/points.csv" in tight
    assert "all of them are in the run folder, report/fold1-seed0/genes.csv" in tight
    assert "it is in the run folder, report/fold1-seed0/large.svg" in tight
    assert "x" * 60_000 in tight  # that of the open chapter is still there
    assert len(islands(tight)["b--genes:data"]["rows"]) == FEW_ROWS
    assert "they are not kept beside it" in rendered(page, 1)  # nothing more can be taken: a page all the same


def test_a_page_is_written_whole(make, tmp_path):
    path = write(make.page(make.figure()), tmp_path / "deep" / "page.html")
    assert path.read_text().endswith("</html>")
