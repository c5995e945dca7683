"""The same metrics as `evaluate.Metric` instances: no download, and they work with `evaluate.combine`.

    import evaluate
    from benchbert.metrics import as_evaluate
    both = evaluate.combine([as_evaluate.load("accuracy"), as_evaluate.load("f1")])
    both.compute(predictions=[0, 1], references=[0, 0])

GLUE metrics are fractions, None where undefined. `squad` and `squad_v2` take and give what evaluate's metrics of these
names do, in percent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError, UnknownNameError
from benchbert.metrics import classification, correlation, span

if TYPE_CHECKING:
    import evaluate

__all__ = ["NAMES", "load"]

NAMES = ("accuracy", "f1", "matthews_correlation", "pearson", "spearman", "squad", "squad_v2")
"""What `load` knows."""

_CLASSES = 10_000
"""Numbers from here on are no classes: a table of all pairs of them would fill the memory."""

_GLUE = "Wang et al. 2018, GLUE, arXiv 1804.07461"
_CITATIONS = {
    "accuracy": _GLUE,
    "f1": _GLUE,
    "matthews_correlation": "Matthews 1975; Gorodkin 2004, doi 10.1016/j.compbiolchem.2004.09.006",
    "pearson": _GLUE,
    "spearman": _GLUE,
    "squad": "Rajpurkar et al. 2016, arXiv 1606.05250",
    "squad_v2": "Rajpurkar et al. 2018, arXiv 1806.03822",
}


def load(name: str, *, keep_in_memory: bool = True) -> evaluate.Metric:
    """A metric by name.

    Args:
        name: One of `NAMES`.
        keep_in_memory: Hold added batches in memory; false writes them to evaluate's cache folder.

    Raises:
        UnknownNameError: no metric has that name.
    """
    if name not in NAMES:
        raise UnknownNameError("metrics", name, NAMES)
    return _metric_class()(name, keep_in_memory=keep_in_memory)


@cache
def _metric_class() -> Callable[..., Any]:
    """The `evaluate.Metric` subclass; made on demand, since evaluate takes three seconds to import."""
    import evaluate

    class BenchbertMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate ships no types
        """One of `NAMES`, chosen by its name."""

        def __init__(self, metric: str, **options: Any) -> None:
            self.metric = metric
            super().__init__(**options)

        def _info(self) -> evaluate.MetricInfo:
            return evaluate.MetricInfo(
                description=f"benchbert's {self.metric}",
                citation=_CITATIONS[self.metric],
                inputs_description="predictions and references, one each an example",
                features=_features(self.metric),
                module_name=f"benchbert_{self.metric}",
            )

        def _compute(
            self, predictions: Sequence[Any], references: Sequence[Any], **options: Any
        ) -> Mapping[str, float | None]:
            return compute(self.metric, predictions, references, **options)

    return BenchbertMetric


def _features(metric: str) -> Any:
    import datasets

    if metric.startswith("squad"):
        prediction = {"id": datasets.Value("string"), "prediction_text": datasets.Value("string")}
        if metric == "squad_v2":
            prediction["no_answer_probability"] = datasets.Value("float64")
        answers = {
            "text": datasets.Sequence(datasets.Value("string")),
            "answer_start": datasets.Sequence(datasets.Value("int32")),
        }
        return datasets.Features(
            {"predictions": prediction, "references": {"id": datasets.Value("string"), "answers": answers}}
        )
    # Classes too: an integer feature would cut 0.9 to class 0 before anybody could refuse it.
    number = datasets.Value("float64")
    return datasets.Features({"predictions": number, "references": number})


def compute(
    metric: str, predictions: Sequence[Any], references: Sequence[Any], no_answer_threshold: float = 1.0
) -> dict[str, float | None]:
    """What the metric of that name says of these predictions; the keys of its evaluate namesake for SQuAD.

    Raises:
        DataError: a value that is no class or no finite number, a missing or repeated question.
    """
    if metric.startswith("squad"):
        return _span(metric, predictions, references, no_answer_threshold)
    if metric == "pearson":
        return {metric: correlation.pearson(references, predictions)}
    if metric == "spearman":
        return {metric: correlation.spearman(references, predictions)}
    if len(references) == 0:
        return {metric: None}
    truth, guesses = _classes(references, "reference"), _classes(predictions, "prediction")
    confusion = classification.confusion_matrix(truth, guesses, max(int(truth.max()), int(guesses.max()), 1) + 1)
    return {metric: float(classification.METRICS[metric](confusion))}


def _classes(values: Sequence[Any], what: str) -> NDArray[np.int64]:
    """The values as class numbers.

    Raises:
        DataError: one is none (names its place).
    """
    for place, value in enumerate(values):
        is_class = isinstance(value, int | float | np.number) and math.isfinite(value) and value == int(value)
        if not (is_class and 0 <= value < _CLASSES):
            raise DataError(f"{what} {place} (from 0) is {value!r}: it should be a class, a whole number from 0")
    return np.asarray(values, dtype=np.int64)


def _span(
    metric: str, predictions: Sequence[Any], references: Sequence[Any], threshold: float
) -> dict[str, float | None]:
    golds = _by_id(references, lambda row: list(row["answers"]["text"]), "reference")
    texts = _by_id(predictions, _text, "prediction")
    if lost := [question for question in golds if question not in texts]:
        raise DataError(f"no prediction for question {lost[0]!r} ({len(lost)} in all): give one for every reference")
    if metric == "squad":
        return dict(span.summary_v1(span.score_v1(golds, texts)))
    null_scores = _by_id(predictions, _null_probability, "prediction")
    return dict(span.summary_v2(span.score_v2(golds, texts), null_scores, threshold=threshold))


def _text(row: Mapping[str, Any]) -> str:
    text = row["prediction_text"]
    if not isinstance(text, str):
        raise DataError(f"question {row['id']!r}: the prediction is {text!r}, not a text; no answer is an empty one")
    return text


def _null_probability(row: Mapping[str, Any]) -> float:
    value = row.get("no_answer_probability")
    if value is None or not math.isfinite(value):
        raise DataError(f"question {row['id']!r} has no no_answer_probability: squad_v2 needs one, a finite number")
    return float(value)


def _by_id(rows: Sequence[Any], read: Callable[[Any], Any], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in rows:
        if row["id"] in found:
            raise DataError(f"two {what}s have the id {row['id']!r}: give one each")
        found[row["id"]] = read(row)
    return found
