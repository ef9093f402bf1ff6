"""Licences meet in a model: one sentence says what they allow together, because of which part, and what is not kept."""

import pytest

from zoo import licences
from zoo.errors import MissingError

# the list of https://huggingface.co/docs/hub/repositories-licenses
HUB = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m afl-3.0
artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0
cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0
epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0
odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license llama2 gemma
unknown other
"""


def judged(*, model="apache-2.0", **others):
    return licences.verdict({**{f"{what} (x)": licence for what, licence in others.items()}, "this model": model})


def test_every_licence_in_the_table_is_on_the_list_of_the_hub_and_the_other_way_round():
    assert sorted(licences._TERMS) == sorted(HUB.split())


def test_every_licence_that_the_finer_tables_name_is_in_the_table():
    named = {*licences._ALIKE, *licences._UNCHANGED, *licences._CLASSIFIERS.values()}
    named.update(other for others in licences._ALIKE.values() for other in others)
    assert all(map(licences.known, named))


@pytest.mark.parametrize("licence", ["", "none", "Apache-2.0", "apache", "mit and isc"])
def test_what_is_not_on_the_list_is_not_known(licence):
    assert not licences.known(licence)


def test_commercial_use_is_allowed_where_every_part_allows_it():
    found = judged(code="apache-2.0", data="cc-by-4.0", weights="mit")
    assert found == licences.Verdict(True, "Commercial use is allowed by every part.")


def test_one_part_is_enough_to_forbid_commercial_use_and_it_is_named():
    found = judged(code="apache-2.0", data="cc-by-nc-4.0")
    assert found.commercial is False
    assert found.sentence == "Commercial use is not allowed, because of data (x) under cc-by-nc-4.0."


def test_all_the_parts_that_forbid_it_are_named():
    assert "data (x) under cc-by-nc-4.0 and weights (x) under cc-by-nc-nd-4.0" in (
        judged(data="cc-by-nc-4.0", weights="cc-by-nc-nd-4.0").sentence
    )


def test_data_without_a_licence_leave_it_unclear():
    found = judged(code="apache-2.0", data="none")
    assert found.commercial is None
    assert found.sentence == "Whether commercial use is allowed is unclear; no licence is stated for data (x)."


def test_a_licence_that_nobody_knows_leaves_it_unclear_and_is_shown_as_it_is_written():
    found = judged(data="my own\nterms")
    assert found.commercial is None
    assert r"'my own\nterms' of data (x) is no licence of the Hub's list" in found.sentence


@pytest.mark.parametrize("licence", ["other", "unknown", "cc", "gemma"])
def test_terms_that_have_to_be_read_leave_it_unclear(licence):
    found = judged(weights=licence)
    assert found.commercial is None
    assert f"the terms of weights (x) ('{licence}') have to be read" in found.sentence


def test_what_is_forbidden_stays_forbidden_where_another_part_is_unclear_and_both_are_said():
    found = judged(data="none", weights="cc-by-nc-4.0")
    assert found.commercial is False
    assert "because of weights (x) under cc-by-nc-4.0; no licence is stated for data (x)" in found.sentence


@pytest.mark.parametrize(("flag", "commercial"), [(True, True), (False, False)])
def test_terms_of_their_own_allow_what_their_makers_say(flag, commercial):
    found = licences.verdict({"weights (x)": "other"}, commercial={"weights (x)": flag})
    assert found.commercial is commercial
    assert ("because of weights (x) under other" in found.sentence) is not flag


def test_what_a_licence_tells_of_itself_cannot_be_said_otherwise():
    assert licences.verdict({"weights (x)": "cc-by-nc-4.0"}, commercial={"weights (x)": True}).commercial is False


def test_an_agreement_that_is_needed_and_what_is_not_known_are_said():
    found = licences.verdict({"w (x)": "mit"}, gated=["w (x)"], unknown=["head 'y' is not installed"])
    assert found.commercial is None
    assert found.sentence == (
        "Whether commercial use is allowed is unclear; head 'y' is not installed; it needs an agreement: w (x)."
    )


def test_of_no_parts_nothing_is_known():
    assert licences.verdict({}).commercial is None


@pytest.mark.parametrize(
    ("part", "model", "kept"),
    [
        ("cc-by-sa-4.0", "apache-2.0", False),
        ("cc-by-sa-4.0", "cc-by-sa-4.0", True),
        ("cc-by-sa-4.0", "gpl-3.0", True),
        ("cc-by-sa-3.0", "cc-by-sa-4.0", True),
        ("cc-by-sa-4.0", "cc-by-sa-3.0", False),
        ("cc-by-nc-sa-4.0", "apache-2.0", False),
        ("gpl-3.0", "apache-2.0", False),
        ("gpl-3.0", "agpl-3.0", True),
        ("agpl-3.0", "gpl-3.0", False),
        ("lgpl-3.0", "apache-2.0", True),
        ("mpl-2.0", "apache-2.0", True),
    ],
)
def test_share_alike_that_the_model_does_not_keep_is_said(part, model, kept):
    sentence = judged(data=part, model=model).sentence
    said = f"data (x) under {part} asks for the same licence, and this model is under {model}"
    assert (said in sentence) is not kept


def test_share_alike_is_said_where_the_model_states_no_licence_too():
    assert "this model is under no known licence" in judged(data="cc-by-sa-4.0", model="none").sentence


def test_parts_that_may_not_be_changed_are_named():
    found = judged(data="cc-by-nd-4.0")
    assert found.commercial is True
    assert "data (x) under cc-by-nd-4.0 may not be passed on in changed form" in found.sentence


def test_a_model_may_itself_forbid_changes():
    assert judged(model="cc-by-nd-4.0").sentence == "Commercial use is allowed by every part."


def test_uses_that_a_licence_forbids_are_said():
    assert "some uses are forbidden by weights (x) under openrail" in judged(weights="openrail").sentence


def test_a_verdict_is_one_sentence():
    sentence = judged(data="cc-by-nc-sa-4.0", weights="openrail", code="gpl-3.0").sentence
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\n" not in sentence


def test_the_text_of_our_own_licence_is_at_hand():
    text = licences.text_of("apache-2.0")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("licence", ["mit", "cc-by-4.0", "other", "", "none"])
def test_the_text_of_any_other_licence_is_the_users_to_bring(licence):
    assert licences.text_of(licence) is None


def test_in_a_checkout_that_is_not_installed_the_text_is_that_beside_the_package(monkeypatch):
    monkeypatch.setattr(licences, "OWN_DISTRIBUTION", "not-installed-anywhere")
    assert "Apache License" in licences.text_of("apache-2.0")


def test_a_licence_beside_installed_packages_may_be_anyones_and_is_not_taken(monkeypatch, tmp_path):
    (tmp_path / "zoo").mkdir()
    (tmp_path / "LICENSE").write_text("All rights reserved")
    monkeypatch.setattr(licences, "OWN_DISTRIBUTION", "not-installed-anywhere")
    monkeypatch.setattr(licences, "__file__", str(tmp_path / "zoo" / "licences.py"))
    assert licences.text_of("apache-2.0") is None


def test_our_own_distribution_states_its_licence():
    assert licences.of_distribution("microscopy-zoo") == "apache-2.0"


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        ("License-Expression: Apache-2.0", "apache-2.0"),
        ("License-Expression: GPL-3.0-or-later", "gpl-3.0"),
        ("License-Expression: LGPL-3.0-only", "lgpl-3.0"),
        ("License-Expression: GPL-2.0+", "gpl-2.0"),
        ("License-Expression: MIT OR Apache-2.0", "mit or apache-2.0"),
        ("License-Expression: MIT\nClassifier: License :: OSI Approved :: BSD License", "mit"),
        ("Classifier: License :: OSI Approved :: MIT License", "mit"),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)", "gpl-3.0"),
        ("Classifier: License :: OSI Approved\nClassifier: Topic :: MIT License", "none"),
        ("License: BSD-3-Clause", "bsd-3-clause"),
        ("License: see the file", "none"),
        ("Summary: says nothing", "none"),
    ],
)
def test_the_licence_of_a_distribution_is_read_from_its_metadata(dist, lines, licence):
    site = dist("some-plugin")
    (metadata,) = site.glob("*.dist-info/METADATA")
    metadata.write_text(f"Metadata-Version: 2.4\nName: some-plugin\nVersion: 1.0\n{lines}\n")
    assert licences.of_distribution("some-plugin") == licence


def test_two_classifiers_that_differ_are_both_told_and_leave_it_unclear(dist):
    (metadata,) = dist("some-plugin").glob("*.dist-info/METADATA")
    both = "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: OSI Approved :: BSD License\n"
    metadata.write_text(f"Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.0\n{both}")
    assert licences.of_distribution("some-plugin") == "bsd, mit"
    assert judged(code=licences.of_distribution("some-plugin")).commercial is None


def test_a_distribution_that_is_not_installed_is_refused_with_the_command():
    with pytest.raises(MissingError, match=r"not-there: is not installed.*pip install not-there"):
        licences.of_distribution("not-there")
