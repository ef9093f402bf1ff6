"""Which of the sections that a folder holds are read."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.errors import MissingError


def chosen(found: list[str], sections: list[str] | None, **named: Mapping[str, str] | None) -> list[str]:
    """Return the sections to read; ``named`` holds what else a recipe says of sections by name.

    Raises
    ------
    MissingError
        A section is named that is not there.
    """
    for key, names in (("sections", sections), *named.items()):
        unknown = sorted(set(names or ()) - set(found))
        if unknown:
            raise MissingError(f"data.{key} names {', '.join(unknown)}, found are: {', '.join(found)}")
    return found if sections is None else sections
