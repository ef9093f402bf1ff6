"""What a model requires is there, or the sentence holds the command that brings it; nothing in it can be shell code."""

import shlex
from contextlib import suppress
from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from zoo import requirements
from zoo.errors import IntegrityError, MissingError
from zoo.requirements import check, check_parts, compatible

OWN = metadata.version("microscopy-zoo")


def lacking(requires):
    with pytest.raises(MissingError) as raised:
        check(requires, "model")
    assert raised.value.exit_code == 3
    return str(raised.value)


def senseless(requires):
    with pytest.raises(IntegrityError) as raised:
        check(requires, "model")
    assert raised.value.exit_code == 5
    assert str(raised.value).isprintable()
    return str(raised.value)


# --- ranges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.1", ">=2.1,<3"),
        ("1.0.0", ">=1.0.0,<2"),
        ("0.3.1", ">=0.3.1,<0.4"),
        ("0", ">=0,<0.1"),
        ("3", ">=3,<4"),
        ("2.0rc1", ">=2.0rc1,<3"),
        ("1.4+cuda", ">=1.4,<2"),
        ("1!2.0", ">=1!2.0,<1!3"),
        ("1!0.2", ">=1!0.2,<1!0.3"),
        ("a-checkout", "===a-checkout"),
    ],
)
def test_a_version_becomes_the_range_that_keeps_its_promises(version, expected):
    assert compatible(version) == expected


@st.composite
def versions(draw):
    number = st.integers(0, 30)
    release = ".".join(str(draw(number)) for _ in range(draw(st.integers(1, 4))))
    epoch = draw(st.sampled_from(["", "0!", "1!", "7!"]))
    pre = draw(st.sampled_from(["", "a1", "b2", "rc3"]))
    post, dev = draw(st.sampled_from(["", ".post4"])), draw(st.sampled_from(["", ".dev5"]))
    return f"{epoch}{release}{pre}{post}{dev}{draw(st.sampled_from(['', '+cu128', '+local.1']))}"


@given(versions())
def test_the_range_of_a_version_holds_that_version_and_not_the_next_major(version):
    allowed = SpecifierSet(compatible(version), prereleases=True)
    assert allowed.contains(version)
    assert not allowed.contains("99!0")
    assert not allowed.contains(f"{version.partition('!')[0]}!31" if "!" in version else "31")


# --- what is installed ---------------------------------------------------------------------------------------------


def test_what_is_installed_in_a_version_that_will_do_is_no_matter(dist):
    dist("my-lab", version="1.4")
    dist("early-lab", version="2.0rc1")
    check({}, "model")
    check({"my-lab": ">=1.2,<2", "My_Lab": "", "early-lab": ">=2.0rc1,<3", "microscopy-zoo": compatible(OWN)}, "model")


def test_a_version_that_is_none_is_the_same_as_itself(dist):
    dist("odd-lab", version="a-checkout")
    check({"odd-lab": compatible("a-checkout")}, "model")
    assert "a-checkout is installed" in lacking({"odd-lab": ">=1,<2"})


def test_a_stranger_that_is_not_installed_is_answered_with_the_command_after_a_look_at_who_makes_it():
    assert lacking({"no-such-lab": ">=1.2,<2"}) == (
        "model: needs no-such-lab >=1.2,<2 (is not installed); "
        "after a look at who makes it, install it with: pip install -U 'no-such-lab>=1.2,<2'"
    )


def test_a_stranger_that_is_installed_in_another_version_is_answered_with_both(dist):
    dist("my-lab", version="3.1")
    assert lacking({"my-lab": ">=1.2,<2"}) == (
        "model: needs my-lab >=1.2,<2 (3.1 is installed); "
        "after a look at who makes it, install it with: pip install -U 'my-lab>=1.2,<2'"
    )


def test_a_newer_zoo_is_answered_with_the_command_that_brings_it():
    assert lacking({"microscopy-zoo": ">=99"}) == (
        f"model: needs microscopy-zoo >=99 ({OWN} is installed); install it with: pip install -U 'microscopy-zoo>=99'"
    )


def test_a_plugin_that_zoo_knows_is_answered_with_its_own_command():
    sentence = lacking({"zoo-spatial": ">=99"})
    assert sentence.endswith("is installed); install it with: pip install ./plugins/zoo-spatial (in a checkout of zoo)")


def test_everything_that_is_lacking_is_told_at_once():
    sentence = lacking({"one-lab": ">=1", "microscopy-zoo": ">=99", "other-lab": "==2"})
    assert (
        f"needs one-lab >=1 (is not installed), microscopy-zoo >=99 ({OWN} is installed), other-lab ==2 (" in sentence
    )
    assert sentence.count("install it with: ") == 3


# --- what cannot be meant ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-r",
        "--index-url=x",
        "a b",
        "a;reboot",
        "$(reboot)",
        "`reboot`",
        "a\nb",
        "\x1b[2J",
        "../x",
        "a" * 65,
        "-",
        "é",
    ],
)
def test_a_name_that_is_none_is_refused_and_shown_in_quotes(name):
    assert senseless({name: ">=1"}) == f"model: requires {name[:80]!r}, which is no name of a distribution"


@pytest.mark.parametrize(
    "wanted",
    [
        "nonsense",
        ">=",
        ">=1; reboot",
        "===$(reboot)",
        "===`reboot`",
        "===a'b",
        "===$HOME",
        "===a|b&c",
        "===\x1b[2J",
        ">=1\n",
        "@ https://evil.example/x.whl",
        ">=" + "9" * 5000,
    ],
)
def test_a_range_that_is_none_or_could_be_shell_code_is_refused_and_shown_in_quotes(wanted):
    assert senseless({"my-lab": wanted}) == f"model: requires my-lab {wanted[:80]!r}, which is no range of versions"


names = st.text("ab-._ ;$`'\n", min_size=1, max_size=6)
ranges = st.text("0123.,<>=!~*+ ;$`'&|\n()", max_size=10).map(">={}".format) | st.text("ab;$`'&|()!", max_size=6).map(
    "==={}".format
)


@given(names, ranges)
def test_whatever_is_required_a_shell_sees_one_word(name, wanted):
    with suppress(IntegrityError):
        try:
            check({name: wanted}, "model")
        except MissingError as error:
            prose, _, command = str(error).partition("install it with: ")
            assert shlex.split(command) == ["pip", "install", "-U", f"{name}{wanted}"]
            assert not set("$`'&|;") & set(prose.replace("; after", ""))


# --- components ----------------------------------------------------------------------------------------------------


def test_components_that_are_installed_are_no_matter(tiny):
    check_parts([("heads", "tiny-scalar"), ("transforms", "flip")], "model")


def test_a_component_that_nobody_brings_is_told_with_the_model_that_needs_it():
    with pytest.raises(MissingError, match=r"^model: no head 'tiny-scalar' is installed") as raised:
        check_parts([("transforms", "flip"), ("heads", "tiny-scalar")], "model")
    assert raised.value.exit_code == 3


def test_a_component_that_two_claim_is_told_with_the_model_that_needs_it(dist):
    for name in ("one-lab", "other-lab"):
        dist(name, points={"heads": {"claimed": "m:x"}})
    with pytest.raises(MissingError, match=r"^model: head 'claimed' is claimed by one-lab 1\.0 and other-lab 1\.0; "):
        check_parts([("heads", "claimed")], "model")


def test_a_distribution_whose_metadata_name_no_version_is_not_installed(dist):
    site = dist("bare-lab")
    (site / "bare_lab-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: bare-lab\n")
    assert requirements._installed("bare-lab") is None
