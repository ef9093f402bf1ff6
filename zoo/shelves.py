"""The recipes that distributions bring: one line a distribution, and every YAML file of that folder has a name.

A distribution offers its recipes by one line in its ``pyproject.toml``::

    [project.entry-points."zoo.recipes"]
    my-lab = "my_package:recipes"

which is the folder ``recipes`` inside the package or, in a checkout, beside it. A recipe is called as its file is. The
folder is listed and nothing is imported; zoo's own recipes enter by the same door.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo import carried
from zoo.bounded import shown
from zoo.installed import Line
from zoo.kinds import NAME, NAME_RULE, RECIPES
from zoo.registry import OWN_DISTRIBUTION, Registry


@dataclass(frozen=True, slots=True)
class Shelved:
    """One recipe that a distribution brings."""

    name: str
    path: Path
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


def here() -> dict[str, Path]:
    """Return name -> file of the recipes of the working directory, which go before all others."""
    return {path.stem: path for path in sorted(Path("recipes").glob("*.yaml")) if path.is_file()}


class Shelves:
    """All recipes that the installed distributions bring.

    Attributes
    ----------
    found
        Name -> the recipe, of those that can be used by name.
    troubles
        Lines that name no folder, and files that cannot be named; a sentence each.
    """

    def __init__(self, registry: Registry) -> None:
        self.troubles: list[str] = []
        self._claims: dict[str, list[Shelved]] = {}
        for recipe in self._listed(registry.lines(RECIPES)):
            self._claims.setdefault(recipe.name, []).append(recipe)
        self._left_out = [line for line in registry.left_out if line.group == RECIPES]
        self.found = {name: one for name in self._claims if (one := self._one(name))}

    def _listed(self, lines: Iterable[Line]) -> Iterable[Shelved]:
        for line in lines:
            folder = carried.folder_of(line.target)
            if folder is None:
                what = f"{line.distribution}: its recipes {shown(line.target)} are no folder inside its package"
                self.troubles.append(f"{what}; reinstall or remove that package")
                continue
            try:
                paths = sorted(path for path in folder.iterdir() if path.suffix == ".yaml" and path.is_file())
            except OSError as error:
                what = f"{line.distribution}: its recipes cannot be listed ({folder}: {error.strerror})"
                self.troubles.append(f"{what}; reinstall or remove that package")
                continue
            for path in paths:
                if NAME.fullmatch(path.stem):
                    yield Shelved(path.stem, path, line.distribution, line.version)
                else:
                    what = f"{line.distribution}: its recipe {shown(path.stem)} cannot be named; {NAME_RULE}"
                    self.troubles.append(what)

    def _one(self, name: str) -> Shelved | None:
        """Return the recipe of a name: zoo's own before any other, and none where two plugins bring one."""
        claims = self._claims[name]
        own = [claim for claim in claims if claim.distribution == OWN_DISTRIBUTION]
        return (own or claims)[0] if own or len(claims) == 1 else None

    @property
    def conflicts(self) -> list[str]:
        """Names that more than one distribution brings, a sentence each."""
        return [self.conflict(name) for name in sorted(self._claims) if len(self._claims[name]) > 1]

    def conflict(self, name: str) -> str:
        """Return what can be said of a name that more than one distribution brings, empty for any other."""
        claims = self._claims.get(name, [])
        if len(claims) < 2:  # noqa: PLR2004 - two
            return ""
        winner = self._one(name)
        others = [claim for claim in claims if claim != winner]
        said = f"recipe '{name}' is brought by {' and '.join(map(str, claims))}"
        if winner:
            return f"{said}; zoo's own is meant by the name, and {others[0].path} is said by its path"
        paths = " or ".join(str(claim.path) for claim in claims)
        return f"{said}; say {paths}, or set ZOO_PLUGINS to a list of plugins without one of them"

    def by(self, distribution: str) -> dict[str, Path]:
        """Return name -> file of what one distribution brings, whoever else brings it too."""
        every = [claim for claims in self._claims.values() for claim in claims]
        return {claim.name: claim.path for claim in every if claim.distribution == distribution}

    def hidden(self, name: str) -> str:
        """Return the distribution that would bring a recipe and is left out by ``ZOO_PLUGINS``, empty if none."""
        for line in self._left_out:
            folder = carried.folder_of(line.target)
            if folder and NAME.fullmatch(name) and carried.is_(folder / f"{name}.yaml", Path.is_file):
                return line.distribution
        return ""
