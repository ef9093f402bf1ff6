"""How large a page is, and how soon a reader can use it.

python benchmarks/page.py [PAGE ...] [--genes 20000] [--runs 5]

Each page is opened in the Chromium of this machine as a file, without a network, each time in a window that remembers
nothing. Beside the given pages (``report.html`` of a run folder) a made-up one with as many genes, 12 figures and 6
columns is measured. "usable" is when the whole page has been read and its script has run, "loaded" when all of it has
been laid out; "sort" is the first sort by a column of numbers and "text" by names, "filter" the first search through
all columns, each with the table drawn anew. Medians, in milliseconds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from zoo.figures import style, svg
from zoo.figures.files import Table
from zoo.report.contents import Chapter, Page, Verdict
from zoo.report.material import Kept, KeptSection
from zoo.report.page import write

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOADED = """
() => {
  const [seen] = performance.getEntriesByType("navigation");
  return { usable: seen.domContentLoadedEventEnd, loaded: seen.loadEventEnd };
}
"""
# the longest listing: its last column of numbers, its first one, a search
HANDLED = """
() => {
  const boxes = [...document.querySelectorAll(".listing:has(table)")];
  const rows = (box) => JSON.parse(document.getElementById(`${box.id}:data`).textContent).rows.length;
  if (!boxes.length) return {};
  const box = boxes.reduce((a, b) => (rows(a) >= rows(b) ? a : b));
  const buttons = [...box.querySelectorAll("thead button")];
  const took = (act) => {
    const start = performance.now();
    act();
    void box.offsetHeight;
    return performance.now() - start;
  };
  const found = { rows: rows(box), sort: took(() => buttons.at(-1).click()), text: took(() => buttons[0].click()) };
  const search = box.querySelector("input");
  if (!search) return found;
  search.value = "1";
  return new Promise((resolve) => {
    const now = window.setTimeout;
    window.setTimeout = (act) => now(() => resolve({ ...found, filter: took(act) }), 0);
    search.dispatchEvent(new Event("input"));
  });
}
"""
NAMES = ("usable", "loaded", "sort", "text", "filter")


def made_up(genes: int) -> Page:
    """Return a page with a listing of so many genes and twelve figures, a third of them with thousands of points."""
    rng = np.random.default_rng(0)
    figures = []
    for number in range(12):
        drawing = style.figure(4.7, 3.4)
        axes = style.tidy(drawing.subplots())
        x, y = rng.normal(size=(2, 3000 if number % 3 == 0 else 200))
        axes.plot(x, y, ".", color=style.COLOURS[0], rasterized=len(x) > style.MANY)
        key = f"figure-{number}"
        table = Table(["x", "y"], list(zip(x.tolist(), y.tolist(), strict=True)))
        figures.append(
            Kept("figure", key, f"Figure {number}", "Points.", "Points.", svg=svg.drawn(drawing, key), table=table)
        )
    values = rng.random((genes, 5))
    rows = [[f"GENE{n}", *map(float, value)] for n, value in enumerate(values)]
    columns = ["gene", "pcc", "floor", "margin", "mean", "sd"]
    listing = Kept("listing", "genes", "Genes", sort="-pcc", table=Table(columns, rows))
    sections = [
        KeptSection("looks", "How it looks", parts=figures),
        KeptSection("all", "Genes", parts=[listing]),
    ]
    return Page(
        "made up", "Benchmark", Verdict("unknown", ["Nothing was trained."]), [Chapter("results", "Results", sections)]
    )


def measured(browser: Browser, path: Path, runs: int) -> dict[str, Any]:
    """Return the median of each time for a page, and the rows of its longest listing."""
    found: list[dict[str, Any]] = []
    for _ in range(runs):
        context = browser.new_context(viewport={"width": 1300, "height": 900})
        tab = context.new_page()
        tab.goto(path.resolve().as_uri(), wait_until="load")
        tab.wait_for_timeout(50)
        found.append({**tab.evaluate(LOADED), **tab.evaluate(HANDLED)})
        context.close()
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SystemExit(f"no Chromium on this machine ({', '.join(BROWSERS)})")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        made = write(made_up(asked.genes), Path(folder) / f"{asked.genes}-genes.html")
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        print(f"{'page':<28}{'MB':>7}{'rows':>8}" + "".join(f"{name:>8}" for name in NAMES))
        for path in [*asked.pages, made]:
            found = measured(browser, path, asked.runs)
            name = path.name if path.name != "report.html" else path.resolve().parent.name
            times = "".join(f"{found[key]:>8.0f}" if key in found else f"{'-':>8}" for key in NAMES)
            print(f"{name[:27]:<28}{path.stat().st_size / 1e6:>7.2f}{found.get('rows', 0):>8.0f}{times}")
        browser.close()


if __name__ == "__main__":
    main()
