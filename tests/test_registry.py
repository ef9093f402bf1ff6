"""Names come from installed metadata, lazily; what is broken is named and harms nothing else."""

import sys
import tomllib
from pathlib import Path

import pytest

from zoo.errors import MissingError, UsageError
from zoo.registry import KINDS, Entry, Registry, known_plugins, singular

ROOT = Path(__file__).parent.parent
GOOD = "class Good:\n    def __init__(self, *, size: int = 1) -> None:\n        self.size = size\n"


def test_a_name_is_found_through_the_entry_points_of_an_installed_distribution(dist):
    dist("stranger", files={"stranger_a.py": GOOD}, points={"encoders": {"good-a": "stranger_a:Good"}}, version="2.3")
    entry = Registry().find("encoders", "good-a")
    assert (entry.distribution, entry.version, entry.target) == ("stranger", "2.3", "stranger_a:Good")
    assert entry.load()(size=3).size == 3


def test_zoos_own_parts_enter_by_the_same_door():
    assert Registry().find("transforms", "flip").distribution == "microscopy-zoo"
    assert Registry().find("heads", "clip").distribution == "zoo-spatial"


def test_looking_up_a_name_imports_nothing_and_loading_it_imports_that_one_module(dist):
    files = {"lazy_one.py": GOOD, "lazy_two.py": GOOD}
    dist("lazy", files=files, points={"encoders": {"one": "lazy_one:Good", "two": "lazy_two:Good"}})
    entry = Registry().find("encoders", "one")
    assert not {"lazy_one", "lazy_two"} & set(sys.modules)
    entry.load()
    assert "lazy_one" in sys.modules
    assert "lazy_two" not in sys.modules


def test_a_name_of_another_kind_is_not_found_under_this_one(dist):
    dist("stranger", files={"stranger_b.py": GOOD}, points={"heads": {"good-b": "stranger_b:Good"}})
    with pytest.raises(MissingError, match=r"^no encoder 'good-b' is installed; 'good-b' is one of the heads$"):
        Registry().find("encoders", "good-b")


def test_the_object_may_be_an_attribute_of_an_attribute_and_extras_of_the_entry_point_do_not_matter(dist):
    code = "class Outer:\n    class Inner:\n        pass\n"
    dist("nested", files={"nested_mod.py": code}, points={"heads": {"inner": "nested_mod:Outer.Inner [gpu]"}})
    assert Registry().find("heads", "inner").load().__name__ == "Inner"


BROKEN = {
    "raises on import": ("raise RuntimeError('no\\nluck')", "b{}:Good", r"RuntimeError: no luck"),
    "leaves the process": ("import sys; sys.exit(7)", "b{}:Good", r"SystemExit: 7"),
    "is no Python": ("def", "b{}:Good", r"SyntaxError"),
    "lacks the module": ("", "b{}_absent:Good", r"ModuleNotFoundError: No module named 'b\d_absent'"),
    "lacks the attribute": ("", "b{}:Good", r"AttributeError: module 'b\d' has no attribute 'Good'"),
    "lacks a dependency": ("import no_such_package_at_all", "b{}:Good", r"No module named 'no_such_package_at_all'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_plugin_that_cannot_be_imported_is_named_with_version_and_reason_and_others_still_load(case, dist):
    number = list(BROKEN).index(case)
    code, target, reason = BROKEN[case]
    dist("broken", files={f"b{number}.py": code}, points={"heads": {"bad": target.format(number)}}, version="0.9")
    dist("sound", files={f"s{number}.py": GOOD}, points={"heads": {"sound": f"s{number}:Good"}})
    registry = Registry()
    assert registry.find("heads", "sound").load()().size == 1
    with pytest.raises(MissingError, match=reason) as raised:
        registry.find("heads", "bad").load()
    assert str(raised.value).startswith("head 'bad' is provided by broken 0.9, which cannot be imported (")
    assert str(raised.value).endswith("; reinstall or remove that package")
    assert "\n" not in str(raised.value)


def test_a_name_that_two_distributions_claim_is_refused_and_both_are_named(dist):
    dist("one-lab", files={"one_lab.py": GOOD}, points={"losses": {"same": "one_lab:Good"}})
    dist("other-lab", files={"other_lab.py": GOOD}, points={"losses": {"same": "other_lab:Good"}}, version="4")
    registry = Registry()
    with pytest.raises(UsageError, match=r"loss 'same' is claimed by one-lab 1\.0 and other-lab 4; uninstall one of"):
        registry.find("losses", "same")
    assert [str(conflict).split(";")[0] for conflict in registry.conflicts()] == [
        "loss 'same' is claimed by one-lab 1.0 and other-lab 4"
    ]
    assert "same" not in [entry.name for entry in registry.entries()]


def test_the_way_out_of_a_conflict_that_the_message_names_works(dist, monkeypatch):
    dist("one-lab", files={"one_lab.py": GOOD}, points={"losses": {"same": "one_lab:Good"}})
    dist("other-lab", files={"other_lab.py": GOOD}, points={"losses": {"same": "other_lab:Good"}})
    monkeypatch.setenv("ZOO_PLUGINS", "other-lab")
    assert Registry().find("losses", "same").distribution == "other-lab"


def test_two_kinds_may_use_one_name(dist):
    points = {"heads": {"both": "both_kinds:Good"}, "losses": {"both": "both_kinds:Good"}}
    dist("both-kinds", files={"both_kinds.py": GOOD}, points=points)
    assert [entry.kind for entry in Registry().named("both")] == ["heads", "losses"]
    assert not Registry().conflicts()


def test_a_distribution_that_is_listed_twice_on_the_path_is_no_conflict_and_the_first_counts(dist, monkeypatch):
    old = dist("twice", files={"twice_mod.py": GOOD}, points={"heads": {"twice": "twice_mod:Good"}}, version="1.0")
    new = old.parent / "newer"
    (new / "twice-2.0.dist-info").mkdir(parents=True)
    (new / "twice-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: Twice\nVersion: 2.0\n")
    (new / "twice-2.0.dist-info" / "entry_points.txt").write_text("[zoo.heads]\ntwice = twice_mod:Good\n")
    monkeypatch.syspath_prepend(str(new))
    assert not Registry().conflicts()
    assert Registry().find("heads", "twice").version == "2.0"
    monkeypatch.syspath_prepend(str(old))
    assert not Registry().conflicts()
    assert Registry().find("heads", "twice").version == "1.0"


@pytest.mark.parametrize(
    ("file", "content"),
    [("entry_points.txt", b"[zoo.heads]\nno equals sign\n"), ("entry_points.txt", b"[zoo.heads]\nx = \xff\n")],
)
def test_metadata_that_cannot_be_read_are_reported_and_hide_no_other_name(file, content, dist):
    site = dist("damaged", points={"heads": {"x": "y:z"}})
    (site / "damaged-1.0.dist-info" / file).write_bytes(content)
    registry = Registry()
    assert registry.find("transforms", "flip")
    assert len(registry.troubles) == 1
    assert "damaged" in registry.troubles[0]
    assert registry.troubles[0].endswith("reinstall or remove that package")


def test_a_distribution_without_a_name_is_reported_and_hides_no_other(dist):
    site = dist("nameless", points={"heads": {"x": "y:z"}})
    (site / "nameless-1.0.dist-info" / "METADATA").unlink()
    registry = Registry()
    assert registry.find("transforms", "flip")
    assert "nameless-1.0.dist-info: its metadata cannot be read" in registry.troubles[0]


def test_zoo_plugins_limits_who_takes_part_and_empty_switches_strangers_off(dist, monkeypatch):
    dist("my_lab", files={"my_lab.py": GOOD}, points={"heads": {"mine": "my_lab:Good"}})
    assert {e.distribution for e in Registry().entries()} >= {"microscopy-zoo", "zoo-spatial", "my-lab"}
    monkeypatch.setenv("ZOO_PLUGINS", "My.Lab")
    assert {e.distribution for e in Registry().entries()} == {"microscopy-zoo", "my-lab"}
    monkeypatch.setenv("ZOO_PLUGINS", " my-lab , zoo_spatial")
    assert {e.distribution for e in Registry().entries()} == {"microscopy-zoo", "zoo-spatial", "my-lab"}
    monkeypatch.setenv("ZOO_PLUGINS", "")
    assert {e.distribution for e in Registry().entries()} == {"microscopy-zoo"}
    with pytest.raises(MissingError, match=r"it comes with my-lab, which ZOO_PLUGINS leaves out, so add it there$"):
        Registry().find("heads", "mine")


def test_a_name_in_zoo_plugins_that_is_nobodys_is_reported(monkeypatch):
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-spatail")
    assert Registry().troubles == [
        "ZOO_PLUGINS names 'zoo-spatail', which is no installed plugin; correct it, or install it"
    ]


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(MissingError, match=r"^no transform 'flpi' is installed, did you mean flip\?$"):
        Registry().find("transforms", "flpi")


def test_a_name_that_is_near_to_nothing_is_answered_with_all_there_are():
    names = ", ".join(entry.name for entry in Registry().entries("transforms"))
    assert "colour-jitter" in names
    expected = rf"^no transform 'xyzzy' is installed; installed transforms: {names}$"
    with pytest.raises(MissingError, match=expected):
        Registry().find("transforms", "xyzzy")
    with pytest.raises(MissingError, match=r"installed tasks: none$"):
        Registry([]).find("tasks", "xyzzy")


def test_a_name_that_a_known_plugin_would_bring_is_answered_with_the_command_that_installs_it(monkeypatch):
    expected = "no head 'clip' is installed; it comes with zoo-spatial: pip install"
    with pytest.raises(MissingError, match=expected) as raised:
        Registry([]).find("heads", "clip")
    assert raised.value.exit_code == 3
    monkeypatch.setenv("ZOO_PLUGINS", "")
    with pytest.raises(MissingError, match=r"zoo-spatial, which ZOO_PLUGINS leaves out.*pip install"):
        Registry().find("heads", "clip")


def test_a_name_with_control_characters_is_shown_without_them():
    with pytest.raises(MissingError, match=r"no head '\\x1b\[31mred' is installed"):
        Registry().find("heads", "\x1b[31mred")


def test_kinds_have_a_singular():
    words = "encoder head loss dataset segmenter transform sampler stage task"
    assert [singular(kind) for kind in KINDS] == words.split()


def test_entries_are_sorted_by_kind_and_name():
    entries = [Entry("heads", name, "m:x", "d", "1") for name in ("b", "a")] + [Entry("encoders", "c", "m:x", "d", "1")]
    assert [entry.name for entry in Registry(entries).entries()] == ["c", "a", "b"]
    assert [entry.name for entry in Registry(entries).entries("heads")] == ["a", "b"]


def test_the_table_of_known_plugins_agrees_with_what_the_plugins_declare():
    declared = {}
    for path in sorted((ROOT / "plugins").glob("*/pyproject.toml")):
        project = tomllib.loads(path.read_text())["project"]
        for group, names in project["entry-points"].items():
            for name in names:
                declared[group.removeprefix("zoo."), name] = project["name"]
    known = {(kind, name): found[0] for kind, names in known_plugins().items() for name, found in names.items()}
    # a plugin that is there to be copied is nobody's answer to a missing name
    assert known == {key: plugin for key, plugin in declared.items() if plugin != "zoo-hello"}


def test_a_name_that_no_recipe_could_say_is_told_and_left_out(dist):
    dist("zoo-odd", points={"heads": {"my head": "odd:Head", "good": "odd:Head", "x" * 101: "odd:Head"}})
    registry = Registry()
    assert [entry.name for entry in registry.entries("heads") if entry.distribution == "zoo-odd"] == ["good"]
    told = [trouble for trouble in registry.troubles if "zoo-odd" in trouble]
    assert len(told) == 2
    assert "zoo-odd: its head 'my head' cannot be named in a recipe; a name is 1 to 100 of" in told[0]
