"""What a component says of itself is read from its source, and none of its code is run."""

import sys

import pytest

from zoo.carried import package_folder
from zoo.registry import Entry, Registry
from zoo.trace import references_of, source_of

RICH = '''\
"""A module."""

import zoo


class Rich:
    """First line
    and second of ``one`` paragraph.

    References
    ----------
    doi:10.0000/rich
    """

    def other(self, x): ...

    def __init__(self, first: int, second: str = "a", *, third: float = 1e-3, fourth=None) -> None:
        raise RuntimeError("never run")


def function(*, size: int | None = None):
    """Make something."""


raise RuntimeError("never imported")
'''


def entry(target):
    return Entry("heads", "x", target, "my-lab", "1.0")


def test_file_line_signature_and_docstring_are_read_without_importing(dist):
    site = dist("rich", files={"rich_mod.py": RICH}, points={"heads": {"rich": "rich_mod:Rich"}})
    source = source_of(Registry().find("heads", "rich"))
    assert (source.file, source.line, source.problem) == (str(site / "rich_mod.py"), 6, "")
    assert source.signature.splitlines() == ["first: int", "second: str = 'a'", "third: float = 0.001", "fourth = None"]
    assert source.summary == "First line and second of one paragraph."
    assert "doi:10.0000/rich" in source.doc
    assert "rich_mod" not in sys.modules


def test_a_function_is_traced_like_a_class(dist):
    dist("rich", files={"rich_fun.py": RICH})
    source = source_of(entry("rich_fun:function"))
    assert (source.signature, source.summary, source.line) == ("size: int | None = None", "Make something.", 21)


def test_a_module_inside_a_package_is_found_and_its_package_is_not_run(dist):
    site = dist("deep")
    (site / "deep_pkg" / "inner").mkdir(parents=True)
    (site / "deep_pkg" / "__init__.py").write_text("raise RuntimeError('never run')")
    (site / "deep_pkg" / "inner" / "part.py").write_text("class Part:\n    '''A part.'''\n")
    (site / "deep_pkg" / "face").mkdir()
    (site / "deep_pkg" / "face" / "__init__.py").write_text("from deep_pkg.inner.part import Part\n")
    assert source_of(entry("deep_pkg.inner.part:Part")).summary == "A part."
    assert source_of(entry("deep_pkg.face:Part")).problem == ""
    assert source_of(entry("deep_pkg:Part")).problem.endswith("defines no 'Part'; reinstall my-lab")
    assert source_of(entry("deep_pkg.gone:Part")).problem == "module 'deep_pkg.gone' is not there; reinstall my-lab"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import no_such_pkg", "needs the package 'no_such_pkg', which is not installed; install it, or rein"),
        ("from no_such_pkg.a import b", "needs the package 'no_such_pkg'"),
        ("def", "cannot be read as Python (invalid syntax"),
        ("x = 1", "defines no 'X'; reinstall my-lab"),
        (b"\xff\xfe", "cannot be read as Python ('utf-8' codec"),
        (b"a\0b", "cannot be read as Python"),
    ],
)
def test_what_can_be_seen_to_be_broken_is_said(code, problem, dist, request):
    module = f"seen_{abs(hash(request.node.name))}"
    site = dist("seen")
    (site / f"{module}.py").write_bytes(code if isinstance(code, bytes) else code.encode())
    assert problem in source_of(entry(f"{module}:X")).problem


@pytest.mark.parametrize(
    "code",
    [
        "X = int",
        "X: type = int",
        "from pathlib import Path as X",
        "from pathlib import *",
        "def __getattr__(name): return int",
        "if True:\n    class X: pass",
        "try:\n    import no_such_pkg\nexcept ImportError:\n    X = int",
        "try:\n    pass\nfinally:\n    def X(): pass",
        "with open('x'):\n    X = int",
        "if False:\n    import no_such_pkg\nelse:\n    X = int",
    ],
)
def test_what_may_well_be_right_is_not_called_broken(code, dist, request):
    module = f"right_{abs(hash(request.node.name))}"
    dist("right", files={f"{module}.py": code})
    assert source_of(entry(f"{module}:X")).problem == ""


def test_a_dotted_attribute_is_traced_to_its_class(dist):
    dist("dotted", files={"dotted_mod.py": "class Outer:\n    '''Outer.'''\n    class Inner: pass\n"})
    assert source_of(entry("dotted_mod:Outer.Inner")).problem == ""


def test_a_compiled_module_is_not_called_broken(dist):
    from importlib.machinery import EXTENSION_SUFFIXES

    site = dist("fast")
    (site / "fast_pkg").mkdir()
    (site / "fast_pkg" / "__init__.py").write_text("")
    (site / "fast_pkg" / f"core{EXTENSION_SUFFIXES[0]}").write_bytes(b"\x7fELF")
    assert source_of(entry("fast_pkg.core:X")).problem == ""


@pytest.mark.parametrize("target", ["", ":X", "a..b:X", ".a:X", "nothing_here:X"])
def test_a_target_that_leads_nowhere_is_a_missing_module(target):
    assert "is not there; reinstall my-lab" in source_of(entry(target)).problem


# --- references ----------------------------------------------------------------------------------------------------


SOURCES = '''\
class Many:
    """What it does.

    References
    ----------
    First, A. A title
    over two lines. doi:10.0000/first



    Second, B. *Another*. arXiv:0000.00000

    Notes
    -----
    Not a reference.
    """

class None_:
    """What it does. References are not a section here."""

class Empty:
    """What it does.

    References
    ----------
    """
'''


def test_references_are_the_paragraphs_of_their_section_each_on_one_line(dist):
    dist("cited", files={"cited_mod.py": SOURCES, "cited_rich.py": RICH})
    assert references_of(entry("cited_mod:Many")) == [
        "First, A. A title over two lines. doi:10.0000/first",
        "Second, B. *Another*. arXiv:0000.00000",
    ]
    assert references_of(entry("cited_rich:Rich")) == ["doi:10.0000/rich"]
    assert "cited_mod" not in sys.modules


@pytest.mark.parametrize("target", ["cited_mod:None_", "cited_mod:Empty", "cited_mod:Gone", "cited_gone:X"])
def test_a_component_without_references_has_none(target, dist):
    dist("cited", files={"cited_mod.py": SOURCES})
    assert references_of(entry(target)) == []


# --- folders of packages -------------------------------------------------------------------------------------------


def test_the_folder_of_a_package_is_found_and_the_package_is_not_run(dist):
    site = dist("cold", files={"cold_pkg/__init__.py": "raise RuntimeError('never run')", "cold_pkg/inner/x.py": ""})
    assert package_folder("cold_pkg") == site / "cold_pkg"
    assert package_folder("cold_pkg.inner") is None
    assert "cold_pkg" not in sys.modules


def test_a_folder_without_code_is_a_package_too(dist):
    site = dist("bare", files={"bare_pkg/models.toml": ""})
    assert package_folder("bare_pkg") == site / "bare_pkg"


@pytest.mark.parametrize("name", ["", ".", "no_such_pkg", "sys", "this", "json.tool", ".json", "a b", "a\0b"])
def test_what_is_no_package_has_no_folder(name):
    assert package_folder(name) is None
