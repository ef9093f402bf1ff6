"""Folders of the first arrays: every name that their files go by, and every way in which they do not fit together."""

import gzip

import numpy as np
import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image
from scipy import sparse

from zoo.contracts import Origin
from zoo.errors import DataError, MissingError
from zoo_spatial.datasets.st import st
from zoo_spatial.genes.panel import GenePanel
from zoo_spatial.readers.st_genes import named, without_version
from zoo_spatial.views import Views

GRID = [(x, y) for x in range(2, 6) for y in range(3, 7)]
GENES = [f"ENSMUSG{i:011d}.{i % 3 + 1}" for i in range(12)]


def table(spots=GRID, genes=GENES, seed=0):
    rng = np.random.default_rng(seed)
    lines = ["\t" + "\t".join(genes)]
    lines += [f"{x}x{y}\t" + "\t".join(map(str, rng.poisson(3, len(genes)))) for x, y in spots]
    return "\n".join(lines) + "\n"


def spot_file(selected=lambda x, y: 1, grid=GRID):
    rows = ["x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected"]
    rows += [f"{x}\t{y}\t{x}.1\t{y}.1\t{x * 20}.5\t{y * 20}.25\t{selected(x, y)}" for x, y in grid]
    return "\n".join(rows) + "\n"


def picture(path, mode="RGB"):
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (160, 150, 3), dtype=np.uint8)).convert(mode).save(path)


def section(root, name="S1", *, spots="alignment_table_{}.tsv", image="jpg", zipped=True, seed=0):
    root.mkdir(exist_ok=True)
    if zipped:
        with gzip.open(root / f"{name}.tsv.gz", "wt") as file:
            file.write(table(seed=seed))
    else:
        (root / f"{name}.tsv").write_text(table(seed=seed))
    (root / spots.format(name)).write_text(spot_file())
    if image:
        picture(root / f"{name}.{image}")
    return root


def opened(root, **options):
    return st(root, views=Views(patch=16), genes=GenePanel(top=5), near=2, **options)


def refused(root, kind=DataError, **options):
    with pytest.raises(kind) as error:
        opened(root, **options).groups  # noqa: B018 - opening is what is asked for
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_becomes_sections_whose_donors_the_recipe_names(tmp_path):
    for seed, name in enumerate(("S1", "S2", "S3")):
        section(tmp_path, name, seed=seed)
    dataset = opened(tmp_path, donors={"S1": "mouse1", "S2": "mouse1"})
    assert [(one.name, one.donor) for one in dataset.sections] == [("S1", "mouse1"), ("S2", "mouse1"), ("S3", "S3")]
    assert len(dataset) == 48
    assert dataset.sections[0].um_per_px == pytest.approx(200 / 20)
    dataset.fit(np.arange(16))
    assert dataset.batch(np.array([0, 47]))["expression"].shape == (2, 5)


@pytest.mark.parametrize("spots", ["alignment_table_{}.tsv", "{}_selection.tsv", "spot_data-selection-{}.tsv"])
@pytest.mark.parametrize(("image", "zipped"), [("jpg", True), ("JPEG", False), ("png", True)])
def test_every_name_that_the_files_go_by_is_known(tmp_path, spots, image, zipped):
    section(tmp_path, "S1", spots=spots, image=image, zipped=zipped)
    assert [one.name for one in opened(tmp_path).sections] == ["S1"]


def test_images_may_lie_elsewhere(tmp_path):
    section(tmp_path / "tables", image=None)
    (tmp_path / "scans").mkdir()
    picture(tmp_path / "scans" / "S1_he.png")
    (found,) = opened(tmp_path / "tables", image="../scans/{section}_he.png").sections
    assert found.image.shape == (160, 150)
    assert "S9_he.png" in refused(tmp_path / "tables", MissingError, image="../scans/S9_he.png")


def test_spots_on_glass_are_left_out_and_positions_are_those_of_the_spot(tmp_path):
    section(tmp_path)
    (tmp_path / "alignment_table_S1.tsv").write_text(spot_file(lambda x, y: int(x > 3)))
    (found,) = opened(tmp_path).sections
    assert found.ids[0] == "4x3"
    assert len(found.ids) == 8
    assert found.position_px[0].tolist() == [80.5, 60.25]
    assert found.counts[0].tolist() == [float(v) for v in table().splitlines()[9].split("\t")[1:]]


def test_versions_of_ensembl_ids_are_taken_off(tmp_path):
    (found,) = opened(section(tmp_path)).sections
    assert found.genes[:2] == ["ENSMUSG00000000000", "ENSMUSG00000000001"]
    assert found.gene_ids == found.genes
    assert found.notes == ()


def test_two_versions_of_one_gene_are_added_up_and_the_section_says_so(tmp_path):
    section(tmp_path, zipped=False)
    genes = ["ENSG00000182378.14", "ENSG00000182378.14_PAR_Y", "ENSG00000000003.1"]
    (tmp_path / "S1.tsv").write_text(table(genes=genes))
    (found,) = opened(tmp_path).sections
    assert found.genes == ["ENSG00000182378", "ENSG00000000003"]
    plain = np.array([line.split("\t")[1:] for line in table(genes=genes).splitlines()[1:]], dtype=np.float32)
    assert found.counts.tolist() == np.stack([plain[:, 0] + plain[:, 1], plain[:, 2]], axis=1).tolist()
    assert found.notes == ("section S1: 1 column was added to another of the same gene",)


def test_symbols_stay_as_they_are_and_have_no_ids_beside_them(tmp_path):
    section(tmp_path, zipped=False)
    (tmp_path / "S1.tsv").write_text(table(genes=["Penk", "AC004556.1", "Doc2g"]))
    (found,) = opened(tmp_path).sections
    assert found.genes == ["Penk", "AC004556.1", "Doc2g"]
    assert found.gene_ids is None


NAMES = some.sampled_from(["ENSG00000000001.1", "ENSG00000000001.2", "ENSG00000000002", "TP53", "GFP", ""])


@given(some.lists(some.tuples(NAMES, NAMES), min_size=1, max_size=8), some.booleans(), some.booleans())
def test_no_transcript_is_lost_and_no_name_stands_twice(pairs, with_ids, as_sparse):
    names, ids = zip(*pairs, strict=True)
    counts = np.random.default_rng(0).poisson(2, (3, len(names))).astype(np.float32)
    found = named(sparse.csr_matrix(counts) if as_sparse else counts, names, ids if with_ids else None)
    got = found.counts.toarray() if as_sparse else found.counts
    assert got.sum(axis=1).tolist() == counts.sum(axis=1).tolist()
    assert len(set(found.names)) == len(found.names) == got.shape[1]
    assert found.ids is None or len(found.ids) == len(found.names)


def test_a_symbol_of_two_genes_gives_way_to_their_ids_in_both_places():
    counts = np.array([[1, 2, 4]], dtype=np.float32)
    ids = ["ENSG00000000001.3", "ENSG00000000002", "ENSG00000000003"]
    found = named(counts, ["TBCE", "TP53", "TBCE"], ids)
    assert found.names == ["ENSG00000000001", "TP53", "ENSG00000000003"]
    assert found.ids == ["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"]
    assert found.notes == ("1 symbol stands twice; Ensembl ids take their place",)


@pytest.mark.parametrize(("gene", "plain"), [("ENSMUSG00000064339.12", "ENSMUSG00000064339"), ("RP11-34P13.7",) * 2])
def test_only_ensembl_ids_have_versions(gene, plain):
    assert without_version(gene) == plain


def test_a_transposed_table_is_refused_in_one_sentence(tmp_path):
    section(tmp_path, zipped=False)
    rows = [line.split("\t") for line in table().splitlines()]
    (tmp_path / "S1.tsv").write_text("\n".join("\t".join(row) for row in zip(*rows, strict=True)) + "\n")
    said = refused(tmp_path)
    assert "has genes for rows (ENSMUSG00000000000.1 ...) and spots for columns (2x3 ...)" in said
    assert "transpose the table" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\tA\tB\n", "holds 0 spots and 2 genes"),
        ("\n".join(f"{x}x{y}" for x, y in GRID) + "\n", "0 genes"),
        (table().replace("\t3", "\tmany"), "holds a value that is no number"),
        (table().replace("\t3", "\t-3"), "holds missing or negative counts"),
        (table(spots=[GRID[0]] * 3), "spot 2x3 stands twice"),
        (table(spots=[(x + 90, y) for x, y in GRID]), "only 0 spots are in both"),
    ],
)
def test_a_bad_count_table_is_refused(tmp_path, text, said):
    section(tmp_path, zipped=False)
    (tmp_path / "S1.tsv").write_text(text)
    assert said in refused(tmp_path)


def test_a_table_that_was_cut_short_is_refused(tmp_path):
    section(tmp_path)
    whole = (tmp_path / "S1.tsv.gz").read_bytes()
    (tmp_path / "S1.tsv.gz").write_bytes(whole[: len(whole) // 2])
    assert "is no table that can be read" in refused(tmp_path)


def test_what_is_not_there_is_named_with_the_way_out(tmp_path):
    assert "there is no such folder; check data.root" in refused(tmp_path / "none", MissingError)
    assert "holds no count table NAME.tsv.gz or NAME.tsv" in refused(tmp_path, MissingError)
    section(tmp_path, image=None)
    assert "section S1 has no image" in refused(tmp_path, MissingError)
    picture(tmp_path / "S1.png")
    picture(tmp_path / "S1.jpg")
    assert "has the images S1.jpg and S1.png; remove one, or name one with data.image" in refused(tmp_path)
    (tmp_path / "S1.png").unlink()
    assert "data.sections names S7, found are: S1" in refused(tmp_path, MissingError, sections=["S7"])
    assert "data.donors names S8, found are: S1" in refused(tmp_path, MissingError, donors={"S8": "D"})
    (tmp_path / "alignment_table_S1.tsv").unlink()
    assert "section S1 has no spot file (alignment_table_S1.tsv or S1_selection.tsv" in refused(tmp_path, MissingError)


@pytest.mark.parametrize("pitch", [0.0, -200.0, float("nan"), float("inf")])
def test_a_pitch_that_is_no_distance_is_refused_at_once(tmp_path, pitch):
    with pytest.raises(ValueError, match="pitch_um is a distance in micrometres, more than 0"):
        st(tmp_path, pitch_um=pitch)


def test_the_recipe_says_where_the_data_come_from(tmp_path):
    known = st(tmp_path, origin=Origin(tissue="olfactory bulb", species="mouse", licence="mit")).provenance
    assert known["name"] == tmp_path.name
    assert known["kind"] == "real"
    assert (known["tissue"], known["licence"], known["assay"]) == ("olfactory bulb", "mit", "spatial-transcriptomics")


def test_the_olfactory_bulbs_of_staahl_are_read_as_they_were_published():
    root = DATA / "mob"
    if not root.is_dir():
        pytest.skip(f"no olfactory bulbs at {root}; set ZOO_TEST_DATA")
    dataset = opened(root, pitch_um=141.4, donors={"MOB1": "mouse1", "MOB2": "mouse1", "MOB3": "mouse2"})
    assert [len(one.ids) for one in dataset.sections] == [379, 407, 438]
    first = dataset.sections[0]
    assert first.genes[0] == "ENSMUSG00000064339"
    assert first.counts.shape == (379, 1000)
    assert 4.3 < first.um_per_px < 4.6
    assert dataset.notes == []
