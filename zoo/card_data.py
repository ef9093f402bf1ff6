"""The metadata at the top of a model card, as the Hub reads it, and what in it does not follow from the facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zoo import document
from zoo.card_facts import KINDS, Facts, Material, Origin, bounds, dataset_of, rounded
from zoo.errors import RecipeError

_FRONT = re.compile(r"\A---\n(.*?\n)---(?:\n|\Z)", re.DOTALL)
_HUB_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_DOI = re.compile(r"10\.\d{4,}/")
_TAG = 80
_SHOWN = 120
_OVER = re.compile(r": (?:mean|pooled) over ")


def front_matter(facts: Facts, found: Material) -> str:
    """Return the YAML block at the top of a card."""
    return f"---\n{document.dump(metadata(facts, found))}---\n"


def metadata(facts: Facts, found: Material) -> dict[str, Any]:
    """Return what the Hub reads of a card; what is empty is left out."""
    own = facts.licence == "other"
    datasets = [name for origin in found.data for name in origin.datasets if _is_hub_id(name)]
    bases = _unique(origin.name for origin in found.weights if "/" in origin.name and _is_hub_id(origin.name))
    fields = {
        "license": facts.licence,
        "license_name": f"{facts.name}-licence" if own else "",
        "license_link": "LICENSE" if own else "",
        "library_name": "zoo",
        "pipeline_tag": found.work.pipeline_tag,
        "tags": _tags(facts, found),
        "datasets": _unique(datasets),
        "base_model": bases[0] if len(bases) == 1 else bases,
        # unsaid, the Hub guesses, and takes several bases for a merge
        "base_model_relation": "finetune" if bases else "",
        "metrics": _unique(found.work.metrics.get(score, "") for score in found.table.scores),
        "model-index": _model_index(facts, found),
    }
    return {name: value for name, value in fields.items() if value}


def _model_index(facts: Facts, found: Material) -> list[dict[str, Any]]:
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    first = found.data[0] if found.data else Origin()
    linked = [name for name in first.datasets if _is_hub_id(name)]
    about: dict[str, Any] = {
        "task_type": found.work.task_type or found.work.pipeline_tag or "other",
        "dataset_type": linked[0] if linked else dataset_of(facts.config),
        "dataset_name": first.name or dataset_of(facts.config),
        "dataset_split": "test",
    }
    results = [
        EvalResult(**about, metric_type=result.type, metric_value=result.value, metric_name=result.name)
        for result in _results(found)
    ]
    return eval_results_to_model_index(facts.name, results) if results else []


@dataclass(frozen=True, slots=True)
class _Result:
    score: str
    type: str
    value: float
    name: str


def _results(found: Material) -> Iterator[_Result]:
    """Give one result of the model-index for each score that has a value."""
    table = found.table
    for score, column in table.scores.items():
        if column.mean is None:
            continue
        how = "pooled" if table.pooled else "mean"
        said = [f"{score}: {how} over {table.groups(score)} test groups ({table.split.unit})"]
        said += [f"95% interval {bounds(column.interval)}"] if column.interval else ["no interval"]
        floor = table.best_floor(score)
        said += [f"best floor {floor[0]} {rounded(floor[1])}"] if floor else ["no floor"]
        yield _Result(score, found.work.metrics.get(score) or score, column.mean, "; ".join(said))


def split_off(text: str) -> tuple[str, str]:
    """Return the front matter of a card without its lines of dashes, empty where there is none, and the rest."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    match = _FRONT.match(plain)
    return (match[1], plain[match.end() :]) if match else ("", plain)


def index_disagreements(front: str, found: Material) -> list[str]:
    """Return where the model-index of a front matter is not what follows from ``metrics.json``."""
    if not front:
        return ["README.md has no front matter, so the Hub shows none of the scores of metrics.json"]
    try:
        value = document.parse(front, "README.md").value
    except RecipeError as error:
        return [f"README.md: its front matter cannot be read ({error})"]
    wanted = {result.score: result for result in _results(found)}
    stated = list(_inside(_inside(_inside([value], "model-index"), "results"), "metrics"))
    scores = [_score_of(metric) for metric in stated]
    lacking = [
        f"README.md gives no {score!r} in its model-index, metrics.json gives {result.value!r}"
        for score, result in wanted.items()
        if score not in scores
    ]
    wrong = [_difference(metric, score, wanted.get(score)) for metric, score in zip(stated, scores, strict=True)]
    return [*lacking, *(sentence for sentence in wrong if sentence)]


def _difference(metric: Mapping[str, Any], score: str, wanted: _Result | None) -> str:
    value = metric.get("value")
    if wanted is None:
        return f"README.md gives {_cut(score)} as {_cut(value)} in its model-index, metrics.json has no such score"
    if value != wanted.value or isinstance(value, bool):
        return f"README.md gives {_cut(score)} as {_cut(value)} in its model-index, metrics.json as {wanted.value!r}"
    for key in ("name", "type"):
        if metric.get(key) != getattr(wanted, key):
            said, follows = _cut(metric.get(key)), _cut(getattr(wanted, key))
            return f"README.md calls a result {said} in its model-index, from metrics.json follows {follows}"
    return ""


def _score_of(metric: Mapping[str, Any]) -> str:
    return _OVER.split(str(metric.get("name") or metric.get("type")))[0]


def _inside(values: Iterable[Any], key: str) -> Iterator[dict[str, Any]]:
    """Give the blocks in the lists that values have under a key; a stranger may have written anything there."""
    for value in values:
        listed = value.get(key) if isinstance(value, dict) else None
        yield from (item for item in listed if isinstance(item, dict)) if isinstance(listed, list) else ()


def _cut(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _is_hub_id(name: str) -> bool:
    return bool(_HUB_ID.fullmatch(name)) and not _DOI.match(name)


def _tags(facts: Facts, found: Material) -> list[str]:
    tags = [*found.work.tags, *facts.tags]
    for origin in found.data:
        tags += [f"{origin.kind}-data"] if origin.kind in KINDS else []
        tags += origin.modality.split(",")
        for key in ("tissue", "species", "assay", "stain"):
            tags += [f"{key}:{word.strip()}" for word in getattr(origin, key).split(",") if word.strip()]
    return _unique(map(_tag, tags))


def _tag(text: str) -> str:
    """Return a text as the Hub writes tags: lower case, no spaces, nothing but letters, digits and ``:&+./_-``."""
    return re.sub(r"[^\w:&+./-]", "", "-".join(text.lower().split()))[:_TAG]


def _unique(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value})
