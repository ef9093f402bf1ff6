"""The page that a plugin author reads first is executed."""

import doctest
import inspect

from zoo import contracts, stage_contract
from zoo.recipe import parse
from zoo.registry import KINDS
from zoo.resolve import fill


def test_the_whole_plugin_in_the_docstring_of_the_contracts_runs():
    found = doctest.testmod(contracts)
    assert found.attempted >= 5
    assert found.failed == 0


def test_the_whole_plugin_in_the_docstring_works_once_it_is_installed(dist, tiny):
    (example,) = doctest.DocTestFinder(recurse=False).find(contracts)
    statements = [item.source for item in example.examples]
    code = "".join(source for source in statements if source.startswith(("import", "from", "class")))
    dist("my-lab", files={"my_lab.py": code}, points=named_in(contracts.__doc__))
    text = tiny.read_text().replace("{use: tiny-linear, width: 8, dropout: 0.1}", "{use: mean-colour, scale: 2.0}")
    encoder = fill(parse(text)).build("encoder", {"in_chans": 3})
    assert (encoder.out_features, encoder.scale) == (3, 2.0)


def named_in(page):
    """Return the entry point that the page tells its reader to write."""
    assert '[project.entry-points."zoo.encoders"]' in page
    assert 'mean-colour = "my_lab:MeanColour"' in page
    return {"encoders": {"mean-colour": "my_lab:MeanColour"}}


def test_every_kind_has_a_protocol_and_every_protocol_and_method_has_a_docstring():
    assert set(stage_contract.PROTOCOLS) == set(KINDS)
    for protocol in stage_contract.PROTOCOLS.values():
        assert protocol.__doc__
        own = [member for name, member in vars(protocol).items() if not name.startswith("_") and callable(member)]
        assert all(inspect.getdoc(member) for member in own), protocol
