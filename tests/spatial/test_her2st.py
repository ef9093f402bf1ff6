"""The her2st reader on the real layout, and every bad input the layout invites."""

import gzip

import numpy as np
import pytest

from zoo.errors import DataError, MissingError
from zoo_spatial.datasets.her2st import her2st
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.views import Views

SMALL = Views(patch=32, neighbourhood=2, overview=16)


def opened(folder, **options):
    return her2st(folder.root, views=SMALL, genes=GenePanel(top=10), near=3, **options)


def refused(dataset, kind=DataError):
    with pytest.raises(kind) as error:
        dataset.groups  # noqa: B018 - opening is what is asked for
    assert "\n" not in str(error.value)
    return str(error.value)


def test_sections_are_found_with_their_donors_and_joined_by_spot(sections):
    dataset = opened(sections)
    assert len(dataset) == 75
    assert [s.name for s in dataset.sections] == ["A1", "A2", "B1"]
    assert dataset.groups["donor"][0] == "A"
    assert dataset.groups["donor"][-1] == "B"
    assert dataset.item_id(30) == "A2:11x10"
    assert dataset.sections[0].um_per_px == pytest.approx(200 / 50, rel=1e-3)


def test_the_root_of_the_repository_is_taken_as_well_as_its_data_folder(tmp_path):
    from spatial.conftest import Her2stFolder

    folder = Her2stFolder(tmp_path / "repo" / "data").add("A1")
    assert len(her2st(tmp_path / "repo", views=SMALL)) == len(opened(folder)) == 25


def test_sections_can_be_chosen_and_an_unknown_one_is_named_with_those_found(sections):
    assert len(opened(sections, sections=["A2"])) == 25
    assert "names Z9, found are: A1, A2, B1" in refused(opened(sections, sections=["Z9"]), MissingError)


def test_a_batch_holds_the_views_the_expression_and_the_nearest_spots(sections):
    dataset = opened(sections)
    dataset.fit(np.arange(50))
    batch = dataset.batch(np.array([0, 30, 74]))
    assert batch["image"].shape == batch["neighbourhood"].shape == (3, 3, 32, 32)
    assert batch["overview"].shape == (3, 3, 16, 16)
    assert batch["overview_index"].tolist() == [0, 1, 2]
    assert batch["expression"].shape == (3, 10)
    assert batch["near_expression"].shape == (3, 3, 10)
    assert batch["near_offset"][0].abs().max() == pytest.approx(1.0, abs=1e-3)
    assert batch["id"] == ["A1:10x10", "A2:11x10", "B1:14x14"]
    assert set(dataset.provides) == set(batch) - {"id", "overview_index"}


def test_near_spots_never_come_from_another_section(sections):
    dataset = opened(sections)
    dataset.fit(np.arange(75))
    near, _ = dataset._near
    assert (dataset._section_of[near] == dataset._section_of[:, None]).all()


def test_the_panel_is_chosen_on_the_spots_that_are_shown_and_on_no_others(sections):
    dataset = opened(sections)
    dataset.fit(np.arange(25))
    alone = list(dataset.genes)
    with gzip.open(sections.counts("B1"), "rt") as file:
        lines = file.read().splitlines()
    lines[1:] = [line.split("\t")[0] + "\t" + "\t".join(["900"] * 30) for line in lines[1:]]
    with gzip.open(sections.counts("B1"), "wt") as file:
        file.write("\n".join(lines))
    changed = opened(sections)
    changed.fit(np.arange(25))
    assert changed.genes == alone


def test_what_was_fitted_can_be_kept_and_restored(sections):
    dataset = opened(sections)
    dataset.fit(np.arange(50))
    other = opened(sections)
    other.restore(dataset.state())
    assert np.array_equal(other.expression, dataset.expression)


def test_genes_that_a_section_lacks_count_as_zero_and_are_noted(folder):
    folder.add("A1", genes=30).add("B1", genes=5, seed=1)
    dataset = opened(folder)
    dataset.fit(np.arange(25))
    assert dataset.expression.shape == (50, 10)
    assert "section B1 lacks" in dataset.notes[0]


def test_spots_that_only_one_file_has_are_left_out(folder):
    folder.add("A1", drop=[(10, 10), (14, 14)])
    assert len(opened(folder)) == 23


def test_a_root_without_the_layout_says_where_the_data_come_from(tmp_path):
    said = refused(her2st(tmp_path / "nowhere"), MissingError)
    assert "has no folder ST-cnts" in said
    assert "https://github.com/almaan/her2st" in said


def test_a_missing_image_names_its_folder(sections):
    sections.image("A2").unlink()
    assert "holds no JPEG for section A2" in refused(opened(sections), MissingError)


def test_an_unreadable_image_is_named(sections):
    sections.image("A2").write_bytes(sections.image("A2").read_bytes()[:900])
    assert "the image is damaged" in refused(opened(sections))


@pytest.mark.parametrize(("mode", "channels"), [("L", "1 channel"), ("CMYK", "4 channels")])
def test_an_image_with_one_or_four_channels_is_refused(folder, mode, channels):
    folder.add("A1", mode=mode)
    assert f"has {channels}" in refused(opened(folder))


def test_spots_outside_the_image_are_counted_and_the_first_is_named(sections):
    text = sections.spots("A1").read_text().replace("50.5\t50.25", "5000.5\t50.25", 1)
    sections.spots("A1").write_text(text)
    said = refused(opened(sections))
    assert "section A1: 1 of 25 spots lie outside the image of 330 x 320 pixels (first: 10x10 at 5000" in said


def test_counts_and_spots_of_different_sections_are_refused(sections):
    text = sections.spots("A1").read_text()
    sections.spots("A1").write_text("\n".join([text.splitlines()[0]] + [f"9{line}" for line in text.splitlines()[1:]]))
    said = refused(opened(sections))
    assert "only 0 spots are in both" in said
    assert "are they of one section?" in said


def test_a_section_with_one_spot_is_refused(folder):
    folder.add("A1", side=1)
    said = refused(opened(folder))
    assert said == "section A1 has 1 spot, at least 2 are needed; leave it out with data.sections"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\tG1\tG2\n10x10\t1\tmany\n", "holds a value that is no number"),
        ("\tG1\tG2\n10x10\t1\t-4\n", "holds missing or negative counts"),
        ("\tG1\tG2\n10x10\t1\t2\n10x10\t1\t2\n", "spot 10x10 stands twice"),
        ("", "is no table that can be read"),
    ],
)
def test_a_count_table_that_is_none_gets_one_sentence(sections, text, said):
    sections.counts("A1").write_bytes(gzip.compress(text.encode()))
    assert said in refused(opened(sections))


def test_a_count_table_that_is_no_gzip_gets_one_sentence(sections):
    sections.counts("A1").write_bytes(b"not gzip")
    assert "is no table that can be read" in refused(opened(sections))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x\ty\n1\t2\n", "has no column pixel_x or pixel_y (found: x, y)"),
        ("x\ty\tpixel_x\tpixel_y\n1\t2\tleft\t3\n", "holds a position that is no number"),
        ("x\ty\tpixel_x\tpixel_y\n1\t2\t\t3\n", "lacks the position of a spot"),
        ("x\ty\tpixel_x\tpixel_y\n1\t2\t3\t3\n1\t2\t3\t3\n", "spot 1x2 stands twice"),
    ],
)
def test_a_spot_file_that_is_none_gets_one_sentence(sections, text, said):
    sections.spots("A1").write_text(text)
    assert said in refused(opened(sections))


def test_a_missing_spot_file_is_named(sections):
    sections.spots("A1").unlink()
    assert "A1_selection.tsv: there is no such file" in refused(opened(sections), MissingError)


def test_real_sections_open_with_the_numbers_of_their_record(her2st_root):
    dataset = her2st(her2st_root, sections=["C2", "C5"], views=Views(patch=224, neighbourhood=2))
    assert [len(s.ids) for s in dataset.sections] == [187, 181]
    dataset.fit(np.arange(187))
    assert len(dataset.genes) == 785
    assert dataset.sections[0].um_per_px == pytest.approx(200 / 273, rel=0.08)
    batch = dataset.batch(np.array([0, 200]))
    assert batch["image"].shape == (2, 3, 224, 224)
    assert 100 < float(batch["image"].float().mean()) < 240, "tissue, neither glass nor black"
