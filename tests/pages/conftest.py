"""What the tests of pages share: made-up pages, trained recipes with their pages, and a browser."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from zoo.figures.files import Table
from zoo.report.contents import Chapter, Page, Verdict
from zoo.report.material import Kept, KeptSection

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VOTERS = "ensemble={members: [{}, {head: {dropout: [0.6, 0.5]}}]}"
CUT = "{use: segment, segmenter: {use: watershed}, crops: {size: 32, pad: 4}, processes: 0}"
LEARN = "{use: train, name: mil, loss: {use: binary-cross-entropy, instance: 1.0}, train: {epochs: 1, batch: 16}}"
# the five recipes, as small as they still train
RECIPES = {
    "hiscmcl": [
        *("encoder.base.base.model=test_resnet.r160_in1k", "data.donors=3", "data.spots=6", "data.split={test: [D3]}"),
        *("data.views={patch: 32, neighbourhood: 2, overview: 32}", "train.batch=16", "train.epochs=1"),
    ],
    "heclip": [
        *("data.donors=3", "data.spots=6", "data.genes.top=12", "data.views.size=32"),
        *("train.batch=16", "train.epochs=1"),
    ],
    "han": [
        *("data.animals=4", "data.fields=2", "data.size=32", "data.bands=12", "data.tiles.size=8"),
        *("data.split={unit: animal, test: [M03, M04]}", "data.doses=[control, high]", "encoder.base.width=8"),
        *("train.epochs=1", "train.batch=2", "train.max_instances=20"),
    ],
    "cell-drug": [
        *("data.plates=1", "data.treatments=3", "data.wells=5", "data.control_wells=6", "data.rare=1", "data.sites=2"),
        *("data.size=32", "encoder.model=resnet10t", "head.sizes=[16]", "sampler.to=8", "train.epochs=1", VOTERS),
    ],
    "hpa": [
        *("data.antibodies=38", "data.fields=1", "data.size=128", "data.diameter=40", "data.rare=2"),
        f"stages=[{CUT}, {LEARN}]",
    ],
}


def drawing(width=338, height=240, words="an axis"):
    """Return an SVG as zoo draws them, of so many points."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><defs><clipPath id="frame">'
        f'<rect width="{width}" height="{height}"/></clipPath></defs><g clip-path="url(#frame)">'
        '<path d="M 10 200 L 300 20" style="stroke: currentColor; fill: none"/></g>'
        f'<text x="20" y="20" style="font-family: system-ui, sans-serif; fill: currentColor">{words}</text></svg>'
    )


def figure(key="curve", title="A curve", **words):
    told = {"caption": "Further up is better.", "alt": "A line that rises to 0.83.", "svg": drawing(), **words}
    return Kept("figure", key, title, **{"table": Table(["x", "y"], [[0, 0.0], [1, 0.25]]), **told})


def listing(rows, columns=("gene", "pcc", "spots"), key="genes", title="Genes", **words):
    return Kept("listing", key, title, table=Table(list(columns), rows), **words)


def page(*parts, **changed):
    """Return a page with one chapter of one section."""
    sections = [KeptSection("looks", "How it looks", "A first paragraph.\n\nA second one.", False, list(parts))]
    told = {
        "title": "tiny",
        "kicker": "A run of zoo",
        "verdict": Verdict("yes", ["One line.", "Another.", "A third."], ["Only one test group."], figure("verdict")),
        "chapters": [Chapter("all", "All test groups", sections)],
    }
    return Page(**{**told, **changed})


@pytest.fixture(scope="session")
def make():
    """Return what makes pages and what is on them."""
    return SimpleNamespace(page=page, figure=figure, listing=listing, drawing=drawing, genes=genes)


def genes(number):
    """Return a listing of so many genes with correlations that differ."""
    rows = [[f"G{n}", ((n * 7919) % number) / number, n % 50] for n in range(number)]
    return listing(rows, sort="-pcc", caption="Each gene with its correlation.")


@pytest.fixture(scope="session")
def browser():
    """Return a browser without a network, or skip with the reason."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine ({', '.join(BROWSERS)}); install one to try the page in it")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as started:
        try:
            chromium = started.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        except api.Error as error:
            pytest.skip(f"{found} does not start: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser):
    """Open pages: ``opened(path, dark=False, width=1300)``; at the end none has complained or asked for anything."""
    contexts, complaints = [], []

    def opens(path, *, dark=False, width=1300, scripts=True):
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            accept_downloads=True,
            java_script_enabled=scripts,
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        own = path.as_uri()
        tab.on("request", lambda asked: asked.url.startswith((own, "data:", "blob:")) or complaints.append(asked.url))
        tab.goto(own, wait_until="load")
        return tab

    yield opens
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """Return the page of a recipe, which is trained when it is first asked for."""
    kept = {}

    def trained(name):
        if name not in kept:
            import zoo as face

            folder = tmp_path_factory.mktemp("page-run")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("ZOO_HOME", str(folder / "home"))
                patch.delenv("ZOO_REPORT", raising=False)
                face.train(name, RECIPES[name], out=folder / name, device="cpu")
            kept[name] = folder / name / "report.html"
        return kept[name]

    return trained
