"""Figures as SVG and PNG: harmless whoever made them, in the colours of their page, and told apart by every eye."""

import itertools
import re
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo.figures import style, svg
from zoo.figures.files import Table
from zoo.figures.parts import Figure, Listing, Section

WHITE, DARK = "#ffffff", "#14171a"
# Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1
WITHOUT = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
OPENING = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


def linear(colour):
    found = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(found <= 0.04045, found / 12.92, ((found + 0.055) / 1.055) ** 2.4)


def lab(light):
    x, y, z = (XYZ @ np.clip(light, 0, 1)) / (0.95047, 1, 1.08883)
    a, b, c = (np.cbrt(v) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in (x, y, z))
    return np.array([116 * b - 16, 500 * (a - b), 200 * (b - c)])


def ratio(one, other):
    low, high = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def drawing(label="a line"):
    figure = style.figure(4, 3)
    axes = style.tidy(figure.subplots())
    axes.plot([0, 1], [0, 1], label=style.short(label))
    axes.legend(frameon=False)
    return figure


@pytest.mark.parametrize("eye", WITHOUT)
def test_every_eye_tells_the_colours_of_lines_apart(eye):
    for one, other in itertools.combinations(style.COLOURS, 2):
        apart = np.linalg.norm(lab(np.array(WITHOUT[eye]) @ linear(one)) - lab(np.array(WITHOUT[eye]) @ linear(other)))
        assert apart > 15, f"{one} and {other} are {apart:.1f} apart (CIELAB)"


@pytest.mark.parametrize("colour", [*style.COLOURS, style.GREY])
def test_a_line_stands_out_from_a_white_page_and_from_a_dark_one(colour):
    assert ratio(colour, WHITE) >= 3
    assert ratio(colour, DARK) >= 3


def test_words_stay_words_and_black_becomes_the_colour_of_the_page():
    text = svg.drawn(drawing("<b>bold</b> & 5$ or 6$"), "roc")
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; 5$ or 6$" in text
    assert "currentColor" in text
    assert "#000000" not in text
    assert "<style" not in text
    assert set(re.findall(r'id="([^"]+)"', text)) == set(re.findall(r'id="(roc\.[^"]+)"', text))


def test_a_figure_under_one_key_is_the_same_text_each_time():
    assert svg.drawn(drawing(), "one") == svg.drawn(drawing(), "one")
    assert svg.drawn(drawing(), "one") != svg.drawn(drawing(), "other")


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"><path d="M0 0" onClick="alert(1)"/></g>',
        '<a href="javascript:alert(1)"><text>x</text></a>',
        '<image xlink:href="https://evil.example/x.png"/>',
        '<use href="https://evil.example/x.svg#y"/>',
        '<path style="fill: url(https://evil.example/x)"/>',
        "<style>@import url(https://evil.example/x.css)</style>",
        "<foreignObject><iframe xmlns='http://www.w3.org/1999/xhtml' src='https://evil.example'/></foreignObject>",
        '<image href="data:image/svg+xml;base64,PHN2Zz4="/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<image xlink:href="data:image/png;base64,%%%"/>',
    ],
)
def test_a_figure_of_a_stranger_keeps_its_shapes_and_nothing_that_acts(inside):
    text = svg.cleaned(f"{OPENING}<path d='M0 0L1 1'/>{inside}</svg>", "x")
    assert "M0 0L1 1" in text
    for bad in ("script", "alert", "evil", "onload", "onClick", "foreignObject", "svg+xml", "animate"):
        assert bad not in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no xml at all", "is no SVG"),
        ("<svg>", "is no SVG"),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "is no SVG"),
        ("<!DOCTYPE svg [<!ENTITY a 'aaaa'>]>" + OPENING + "&a;</svg>", "declaration"),
    ],
)
def test_what_is_no_figure_is_refused_in_a_sentence(text, why):
    with pytest.raises(ValueError, match=why):
        svg.cleaned(text, "x")


@given(st.text(max_size=40))
def test_any_name_can_stand_in_a_figure(name):
    text = style.short(name)
    assert len(text.replace(r"\$", "$")) <= style.LONGEST
    assert text.isprintable()
    figure = style.figure(2, 1)
    figure.text(0.5, 0.5, text)
    assert svg.cleaned(svg.drawn(figure, "name"), "again").startswith("<svg")


def test_a_picture_of_grains_becomes_a_small_png_for_the_card():
    figure, rng = style.figure(6, 6), np.random.default_rng(0)
    figure.subplots().imshow(rng.random((400, 400, 3)), interpolation="nearest")
    found = svg.png(figure, 300_000)
    assert len(found) <= 300_000
    assert Image.open(BytesIO(found)).format == "PNG"


def test_a_part_without_words_or_with_a_key_that_is_no_file_name_is_refused():
    with pytest.raises(ValueError, match="no alt text"):
        Figure("roc", "ROC", alt="", drawing=None)
    with pytest.raises(ValueError, match="is no key"):
        Section("../up", "Up", [])
    with pytest.raises(ValueError, match="has no title"):
        Section("above", "", [])
    with pytest.raises(ValueError, match="no column '-pcc'"):
        Listing("genes", "Genes", Table(["gene"], []), sort="-pcc")
