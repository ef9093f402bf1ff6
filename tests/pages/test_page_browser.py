"""A page in a browser: it asks nobody for anything, can be sorted, searched, saved and read by everyone."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from zoo.report.material import Kept
from zoo.report.page import write

RECIPES = ("hiscmcl", "heclip", "han", "cell-drug", "hpa")
SVG = "{http://www.w3.org/2000/svg}"
TO = "\N{EN DASH}"
SERIOUS = {"serious", "critical"}


# axe-core takes long over thousands of elements; pictures have words of their own, and rows are like the first one
LIGHTEN = """
document.querySelectorAll(".drawing svg").forEach((one) => one.replaceChildren());
document.querySelectorAll("tbody tr:nth-child(n+3)").forEach((one) => one.remove());
"""


def violations(tab, **options):
    """Return what axe-core finds wrong that keeps somebody from reading the page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab.evaluate(LIGHTEN)
    found = axe.run(tab, options=options).response["violations"]
    return [(one["id"], node["html"][:200]) for one in found if one["impact"] in SERIOUS for node in one["nodes"]]


def column(tab, place, number):
    """Return what a column of a table shows."""
    return tab.locator(f"[id='{place}'] tbody tr > :nth-child({number})").all_inner_texts()


def header(tab, place, name):
    return tab.locator(f"[id='{place}'] thead button").filter(has_text=name)


def status(tab, place):
    return tab.locator(f"[id='{place}'] .status")


def saved(tab, place, kind):
    with tab.expect_download() as waiting:
        tab.locator(f"[id='{place}'] [data-save={kind}]").click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def pixels(tab, path):
    tab.screenshot(path=path)
    return np.asarray(Image.open(path).convert("L")).astype(float)


@pytest.fixture(scope="module")
def many(make, tmp_path_factory):
    """Return a page with 60 genes, text that a spreadsheet would run, a figure and a command."""
    rows = [["=1+1", -0.5, 3], ['a,"b"', None, 4], ["<i>x</i>", 0.25, 5]]
    parts = [make.genes(60), make.listing(rows, key="odd", title="Odd", sort="gene"), make.figure()]
    parts.append(Kept("code", "command", "The command", text="zoo train tiny \\\n  --set x=1\n"))
    return write(make.page(*parts), tmp_path_factory.mktemp("pages") / "page.html")


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_page_of_a_recipe_opens_by_itself_in_both_colours_and_everyone_can_use_it(
    recipe, page_of, opened, tmp_path
):
    path = page_of(recipe)
    size = path.stat().st_size
    tab = opened(path)
    loaded = tab.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    print(f"{recipe}: {size / 1e6:.1f} MB, usable after {loaded:.0f} ms")
    assert size < 15_000_000
    assert tab.locator("figure .drawing svg").count() >= 3
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    light = pixels(tab, tmp_path / "light.png")
    tab.emulate_media(color_scheme="dark")
    dark = pixels(tab, tmp_path / "dark.png")
    assert light.mean() > 200
    assert dark.mean() < 60
    assert min(light.std(), dark.std()) > 5  # something stands there
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert violations(tab) == []
    tab.emulate_media(color_scheme="light")
    assert violations(tab, runOnly=["color-contrast"]) == []  # all else is the same in both


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_table_of_a_recipe_is_sorted_by_every_column_and_loses_no_row(recipe, page_of, opened):
    tab = opened(page_of(recipe))
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = tab.locator(".listing:has(tbody tr:nth-child(4))").first
    place = found.get_attribute("id")
    before = sorted(column(tab, place, 1))
    rows = json.loads(tab.locator(f"[id='{place}:data']").text_content())["rows"]
    for button in found.locator("thead button").all():
        button.evaluate("(one) => one.click()")  # a mouse that moves over thousands of shapes takes seconds
        assert found.locator("[aria-sort]").count() == 1
    assert len(column(tab, place, 1)) == len(before) == min(len(rows), 15)
    if len(rows) <= 15:
        assert sorted(column(tab, place, 1)) == before


def test_headers_sort_by_click_and_by_key_and_say_so(many, opened):
    tab = opened(many)
    place = "all--genes"
    assert column(tab, place, 2)[:2] == ["0.983", "0.967"]
    header(tab, place, "pcc").click()
    assert column(tab, place, 2)[:2] == ["0.000", "0.017"]
    assert tab.locator("[id='all--genes'] th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert status(tab, place).inner_text() == f"Rows 1{TO}15 of 60; by pcc, low to high"
    header(tab, place, "gene").focus()
    tab.keyboard.press("Enter")
    assert column(tab, place, 1)[:3] == ["G0", "G1", "G2"]  # G10 comes later
    tab.keyboard.press("Space")
    assert column(tab, place, 1)[0] == "G59"
    header(tab, "all--odd", "pcc").click()
    assert column(tab, "all--odd", 2) == ["0.250", "-0.500", ""]
    header(tab, "all--odd", "pcc").click()
    assert column(tab, "all--odd", 2) == ["-0.500", "0.250", ""]
    assert column(tab, "all--odd", 1)[1] == "<i>x</i>"


def test_rows_are_filtered_by_any_text_or_by_that_of_a_column_and_leafed_through(many, opened):
    tab = opened(many)
    for _ in range(3):
        tab.get_by_role("button", name="Rows after these").click()
    assert status(tab, "all--genes").inner_text() == f"Rows 46{TO}60 of 60"
    assert tab.get_by_role("button", name="Rows after these").is_disabled()
    tab.get_by_label("Filter rows").fill("gene: g5")
    status(tab, "all--genes").filter(has_text="out of").wait_for()
    assert status(tab, "all--genes").inner_text() == "11 rows, out of 60"
    assert set(column(tab, "all--genes", 1)) == {"G5", *(f"G{n}" for n in range(50, 60))}
    tab.get_by_label("Filter rows").fill("nothing like it")
    status(tab, "all--genes").filter(has_text="No row holds that").wait_for()
    assert column(tab, "all--genes", 1) == []


def test_numbers_look_the_same_before_and_after_the_script_has_drawn_them(make, opened, tmp_path):
    rows = [[f"n{n}", value, value * 1e4, n] for n, value in enumerate([0.5, -12.345678, 3e-7, 0.0123456, 0.0, 1e20])]
    path = write(make.page(make.listing(rows, [*"abcd"])), tmp_path / "page.html")
    tab = opened(path)
    read = "[...document.querySelectorAll('tbody tr')].map((row) => [...row.children].map((one) => one.outerHTML))"
    before = tab.evaluate(read)
    header(tab, "all--genes", "a").click()
    assert tab.evaluate(read) == before


def test_a_table_is_saved_as_csv_that_no_spreadsheet_runs(many, opened):
    name, content = saved(opened(many), "all--odd", "csv")
    assert name == "odd.csv"
    assert not content.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(content.decode()))) == [
        ["gene", "pcc", "spots"],
        ["<i>x</i>", "0.25", "5"],
        ["'=1+1", "-0.5", "3"],
        ['a,"b"', "", "4"],
    ]


def test_a_figure_is_saved_as_svg_that_stands_alone_as_png_and_as_numbers(many, opened):
    tab = opened(many, dark=True)
    name, content = saved(tab, "all--curve", "svg")
    root = ET.fromstring(content.decode())
    assert name == "curve.svg"
    assert (root.tag, root.get("width")) == (f"{SVG}svg", "338pt")
    assert [root.find(f"{SVG}{tag}").text for tag in ("title", "desc")] == ["A curve", "A line that rises to 0.83."]
    assert b"currentColor" not in content
    assert b"Helvetica" in content
    _, content = saved(tab, "all--curve", "png")
    picture = Image.open(io.BytesIO(content)).convert("L")
    assert picture.size == (1408, 1000)
    assert picture.getextrema() == (0, 255)
    assert picture.getpixel((1400, 990)) == 255  # paper, also where the page is dark
    _, content = saved(tab, "all--curve", "csv")
    assert content == b"x,y\r\n0,0\r\n1,0.25\r\n"


def test_a_command_is_copied_or_marked_to_be_copied(many, opened):
    tab = opened(many)
    tab.get_by_role("button", name="Copy").click()
    said = tab.locator(".code [role=status]")
    said.filter(has_text="C").wait_for()
    assert said.inner_text() == "Copied" or tab.evaluate("getSelection().toString()").startswith("zoo train tiny")


def test_colours_are_changed_by_hand_and_remembered_for_as_long_as_the_browser_allows(many, opened):
    tab = opened(many)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(paper)
    tab.get_by_role("button", name="Dark colours").click()
    assert tab.evaluate(paper) != light
    assert tab.get_by_role("button", name="Light colours").is_visible()


def test_chapters_open_by_key_by_address_and_on_paper(make, opened, tmp_path):
    one = make.page(make.figure()).chapters[0]
    closed = [type(one)(key, key.upper(), one.sections, open=False) for key in ("b", "c")]
    tab = opened(write(make.page(chapters=[one, *closed]), tmp_path / "page.html"))
    is_open = "[...document.querySelectorAll('details')].map((one) => one.open)"
    tab.locator("#b summary").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate(is_open) == [True, False]
    tab.locator("nav a[href='#c']").press("Enter")
    tab.locator("#c[open]").wait_for(state="attached")
    tab.locator("#b summary").click()
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate(is_open) == [True, True]
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(is_open) == [False, True]
    tab.emulate_media(media="print", color_scheme="dark")
    assert not tab.locator("nav").is_visible()
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_first_stop_of_the_tabulator_leads_past_the_contents(many, opened):
    tab = opened(many)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_on_a_telephone_nothing_but_figures_and_tables_is_wider_than_the_screen(make, opened, tmp_path):
    wide = make.listing([["x" * 200, *range(30)]], [f"a long name of a column {n}" for n in range(31)])
    figure = make.figure(svg=make.drawing(width=690))
    tab = opened(write(make.page(wide, figure, title="y" * 90), tmp_path / "page.html"), width=360)
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    tab.wait_for_selector("[data-scrolls][tabindex='0']")
    assert violations(tab) == []


def test_without_scripts_the_first_rows_stand_there_and_no_button_does(many, opened):
    tab = opened(many, scripts=False)
    assert len(column(tab, "all--genes", 1)) == 15
    assert tab.locator("button:visible").count() == 0
    assert "nothing can be sorted or saved" in tab.inner_text("main")


def test_sixty_thousand_rows_are_sorted_and_filtered(make, opened, tmp_path):
    rows = [[f"cell {n}", (n * 7919 % 60_000) / 60_000, f"field {n % 300}"] for n in range(60_000)]
    page = make.page(make.listing(rows, ["cell", "score", "field"]))
    tab = opened(write(page, tmp_path / "page.html"))
    best = max(rows, key=lambda row: row[1])[0]
    for name, first in (("score", best), ("cell", "cell 0"), ("field", "cell 0")):
        took = tab.evaluate(
            "(name) => { const start = performance.now();"
            "[...document.querySelectorAll('thead button')].find((one) => one.textContent === name).click();"
            "return performance.now() - start; }",
            name,
        )
        print(f"60,000 rows by {name}: {took:.0f} ms")
        assert column(tab, "all--genes", 1)[0] == first
