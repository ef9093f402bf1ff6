"""What the README says is run."""

import re
import tomllib
from pathlib import Path

import pytest
import written

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    return [block.text for block in written.blocks("README.md") if block.language == language]


def test_the_recipe_of_the_readme_trains_with_the_part_of_the_readme(tmp_path, dist, zoo):
    (recipe,) = blocks("yaml")
    (part,) = blocks("python")
    (points,) = blocks("toml")
    named = tomllib.loads(points)["project"]["entry-points"]["zoo.encoders"]
    dist("my-lab", files={"my_lab.py": part}, points={"encoders": named})
    (tmp_path / "mine.yaml").write_text(recipe)
    code, out, err = zoo("train", "mine.yaml", "--out", "plain")
    assert code == 0, err
    assert "colour-ridge" in out
    code, out, err = zoo("train", "mine.yaml", "--set", "encoder={use: mean-colour}", "--out", "own")
    assert code == 0, err
    assert "encoder.model is dropped" in err


def test_every_verb_of_the_readme_exists_and_every_verb_is_in_the_readme():
    from zoo.cli.app import VERBS

    named = set(re.findall(r"^zoo (\w+)", "\n".join(blocks("")), flags=re.MULTILINE))
    assert named == set(VERBS)


def test_the_readme_names_exactly_two_set_up_commands_and_the_makefile_has_them():
    setup = README.split("## Set up")[1].split("## Use")[0]
    assert sorted(set(re.findall(r"make \w+", setup))) == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in ("demo", "test"))
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    "path", sorted(p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_between_the_documents_lead_somewhere(path):
    text = (ROOT / path).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / path).parent / target).exists(), f"{path} -> {target}"
