"""A finished run to a package: the folder that is, file for file, a repository of the Hub."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo import atomic, bounded, card, config, document, licences, manifest, package, verify
from zoo.catalogue import REPO
from zoo.config import Config
from zoo.errors import MissingError, UsageError
from zoo.recipe import Recipe
from zoo.registry import Registry
from zoo.report import pictures
from zoo.report.drawing import TOGETHER
from zoo.run import Run, find_model
from zoo.schema import PublishSettings
from zoo.trace import references_of
from zoo.verdict import brought

PROSE = "card.md"
_HOME = re.compile(r"(?:/|~|[A-Za-z]:[\\/])")


@dataclass(frozen=True, slots=True)
class Wish:
    """What its maker says of a package; what is left out is taken from the recipe's ``publish`` block.

    Attributes
    ----------
    name, address
        Of the package, and what its users will type.
    member
        Which member of the run; the first if not given, so that nobody chooses by test score.
    licence, card
        As in the ``publish`` block.
    """

    name: str
    address: str
    member: str | None = None
    licence: str | None = None
    card: Path | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A package that is ready to go; ``repo`` is empty where it goes nowhere but its folder."""

    folder: Path
    repo: str
    notes: list[str]


def make(
    source: Path,
    to: str | None,
    *,
    member: str | None = None,
    licence: str | None = None,
    card_text: Path | None = None,
    public: bool = False,
) -> Made:
    """Make a package of a run, or take one that is made already, and prove it.

    Parameters
    ----------
    source
        A run folder or a package folder.
    to
        ``org/name`` of the Hub, or a folder; ``package`` in the run folder if not given.
    member, licence, card_text
        As in :class:`Wish`.
    public
        Whether everybody will be able to read it.

    Raises
    ------
    ZooError
        As :func:`assemble` and :func:`zoo.verify.prove`; :class:`UsageError` where data without a licence would be
        passed on to everybody.
    """
    repo = to if to and REPO.fullmatch(to) and not Path(to).is_dir() else ""
    if (source / manifest.NAME).is_file():
        if not repo:
            raise UsageError(f"{source}: is a package already; say with --to org/name where on the Hub it goes")
        folder = source
    else:
        run = Run.open(source)
        folder = run.folder / "package" if repo or not to else Path(to).expanduser()
        name = repo.partition("/")[2] or (folder.resolve().name if to else run.folder.resolve().parent.name)
        assemble(run, Wish(name, repo or (name if to else f"./{folder}"), member, licence, card_text), folder)
    verify.prove(folder, manifest.verified(folder))
    return Made(folder, repo, _notes(folder, public=public and bool(repo)))


def _notes(folder: Path, *, public: bool) -> list[str]:
    """Return what its maker must not overlook before the package leaves the house."""
    unlicensed = [d.get("name", "") for d in config.read(folder).provenance["data"] if d.get("licence") == "none"]
    if not unlicensed or not (folder / package.BANK).exists():
        return []
    what = f"{package.BANK} holds values of {', '.join(unlicensed)}, whose makers state no licence"
    if public:
        raise UsageError(f"{folder}: {what}; push it --private, or ask them")
    return [f"{what}; keep the repository private"]


def assemble(run: Run, wish: Wish, out: Path) -> Path:
    """Write the package of a run's member to a folder, whole or not at all, and return the folder.

    Raises
    ------
    MissingError
        The run has no scores or no such member yet, or was trained by a zoo that wrote no test vectors.
    UsageError
        The card would have a hole: no licence, or data of which nothing is known.
    """
    model = find_model(run.folder, wish.member)
    metrics = run.read_json(run.metrics_path)
    found = config.read(model)
    if metrics is None:
        raise MissingError(f"{run.folder}: has no scores yet; go on with: zoo train RECIPE --resume")
    if found.test is None:
        raise MissingError(f"{model}: was trained by an older zoo, which kept no test vectors; train it again")
    plain = document.read(run.recipe_path).value
    settings = _settings(plain)
    prose = _prose(wish, settings, out)
    figures = pictures.of_card(run.report_folder, model.name)
    facts = replace(_facts(wish, plain, found, metrics, prose), figures=list(map(_shown, figures)))
    holes = card.holes(facts)
    if holes:
        raise UsageError(f"{run.folder}: the card would have holes: {'; '.join(holes)}")
    texts = {
        "README.md": card.render(facts),
        "LICENSE": _licence_text(facts.licence, settings),
        **({PROSE: prose} if prose else {}),
        package.RECIPE: document.dump(without_places(plain)),
    }
    with _in_its_place(out) as folder:
        for name, text in texts.items():
            atomic.write_text(folder / name, text)
        for name in (config.NAME, package.WEIGHTS, package.VECTORS, package.BANK, package.FLOORS):
            if (model / name).exists():
                shutil.copyfile(model / name, folder / name)
        for figure in figures:
            atomic.write(folder / _name_of(figure), partial(_fill, figure.content))
        atomic.write_json(folder / "metrics.json", metrics)
        atomic.write_json(folder / "splits.json", run.read_json(run.splits_path))
        atomic.write_text(folder / manifest.NAME, manifest.of(folder).dump().decode())
    return out


def without_places(value: Any) -> Any:
    """Return plain values with paths of this machine cut to their last step; whose machine it was is nobody's business.

    >>> without_places({"data": {"root": "/home/me/her/data", "sections": ["a/b"]}})
    {'data': {'root': 'data', 'sections': ['a/b']}}
    """
    if isinstance(value, dict):
        return {key: without_places(child) for key, child in value.items()}
    if isinstance(value, list):
        return [without_places(child) for child in value]
    if isinstance(value, str) and _HOME.match(value):
        return re.split(r"[\\/]", value.rstrip("\\/"))[-1] or "."
    return value


def _fill(content: bytes, place: Path) -> None:
    place.write_bytes(content)


def _shown(figure: pictures.Picture) -> card.Shown:
    of = "" if figure.of == TOGETHER else figure.of
    return card.Shown(_name_of(figure), figure.title, figure.alt, figure.caption, of)


def _name_of(figure: pictures.Picture) -> str:
    return f"{manifest.IMAGES}/{figure.key}.png"


def _facts(wish: Wish, plain: dict[str, Any], found: Config, metrics: dict[str, Any], prose: str) -> card.Facts:
    settings = _settings(plain)
    registry = Registry()
    entries = [registry.find(part.kind, part.name) for part in found.components]
    references = {entry.name: lines for entry in entries if (lines := references_of(entry))}
    seeds = " ".join(f"--seed {seed}" for seed in metrics["seeds"])
    return card.Facts(
        name=wish.name,
        address=wish.address,
        recipe=plain["name"],
        protocol=metrics["protocol"],
        config=found,
        metrics=metrics,
        licence=(wish.licence or settings.licence or "").lower(),
        tags=settings.tags,
        prose=prose,
        references=references,
        code={name: licences.of_distribution(name) for name in found.requires},
        commands=f"zoo train {package.RECIPE} {seeds}",  # this one: the recipe of that name may have been overridden
        terms=brought(Recipe(plain), registry),
    )


def _settings(plain: dict[str, Any]) -> PublishSettings:
    return PublishSettings.model_validate(plain.get("publish") or {})


def _prose(wish: Wish, settings: PublishSettings, out: Path) -> str:
    """Return the hand-written part of the card: the file that was named, else the one that lies there from before."""
    named = wish.card or (Path(settings.card) if settings.card else None)
    if named:
        if not named.is_file():
            raise MissingError(f"{named}: there is no such card text; name another with --card")
        return bounded.read_text(named)
    for path in (out / PROSE, Path("cards") / wish.name / PROSE):
        if path.is_file():
            return bounded.read_text(path)
    return ""


def _licence_text(licence: str, settings: PublishSettings) -> str:
    if settings.licence_file:
        path = Path(settings.licence_file)
        if not path.is_file():
            raise MissingError(f"{path}: there is no such file; publish.licence_file names the text of the licence")
        return bounded.read_text(path)
    text = licences.text_of(licence)
    if text is None:
        raise UsageError(f"licence {licence}: zoo has no text of it; name a file that has by publish.licence_file")
    return text


@contextmanager
def _in_its_place(out: Path) -> Iterator[Path]:
    """Fill a folder beside its place, then put it there in one step; what was there before goes only then."""
    made, old = (out.with_name(f".{out.name}.{os.getpid()}.{end}") for end in ("new", "old"))
    with atomic.disk_errors(out):
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        try:
            yield made
            if out.exists():
                _refuse_others(out)
                out.rename(old)
            made.rename(out)
        except BaseException:
            if old.exists() and not out.exists():
                old.rename(out)
            raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def _refuse_others(out: Path) -> None:
    """Refuse to replace a folder that is not a package."""
    names = {path.name for path in out.iterdir()}
    if names - {PROSE} and manifest.NAME not in names:
        raise UsageError(f"{out}: holds something that is no package; name another folder")
