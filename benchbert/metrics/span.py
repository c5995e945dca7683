"""Exact match and token F1 of extractive answers, as the official SQuAD scorers define them.

SQuAD 1.1: Rajpurkar et al. 2016, arXiv 1606.05250. SQuAD 2.0: Rajpurkar et al. 2018, arXiv 1806.03822. The two scorers
differ: 1.1 scores a missing prediction 0 and gives F1 0 to two empty answers; 2.0 drops golds that normalise to
nothing, compares with the empty answer by equality, and leaves a question without a prediction out of the total.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchbert.errors import DataError

__all__ = [
    "QuestionScores",
    "best_threshold",
    "exact_match",
    "normalise",
    "score_v1",
    "score_v2",
    "summary_v1",
    "summary_v2",
    "token_f1",
    "with_null_threshold",
]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, kw_only=True)
class QuestionScores:
    """Scores of single questions; all arrays are aligned with `ids`."""

    ids: tuple[str, ...]
    """Questions that count in the total."""
    exact: NDArray[np.float64]
    """Exact match, 0 or 1, of shape (n,)."""
    f1: NDArray[np.float64]
    """Token F1 in 0..1, of shape (n,)."""
    answerable: NDArray[np.bool_]
    """Whether the question has a gold answer, of shape (n,)."""
    answered: NDArray[np.bool_]
    """Whether the predicted text is not empty, of shape (n,)."""
    missing: tuple[str, ...]
    """Questions without a prediction: scored 0 in 1.1, not among `ids` in 2.0."""


def normalise(text: str) -> str:
    """An answer without case, ASCII punctuation, articles and surplus white space; Unicode dashes and quotes stay."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, gold: str) -> float:
    """1.0 where the normalised texts are equal, else 0.0."""
    return float(normalise(prediction) == normalise(gold))


def token_f1(prediction: str, gold: str, *, empty_is_answer: bool) -> float:
    """F1 over the multisets of normalised tokens.

    Args:
        prediction: Predicted text.
        gold: Gold text.
        empty_is_answer: 2.0: when either is empty, 1.0 if both are, else 0.0. 1.1: no common token is always 0.0.
    """
    guess, truth = normalise(prediction).split(), normalise(gold).split()
    if empty_is_answer and (not guess or not truth):
        return float(guess == truth)
    common = sum((Counter(guess) & Counter(truth)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(guess), common / len(truth)
    return 2 * precision * recall / (precision + recall)


def score_v1(golds: Mapping[str, Sequence[str]], predictions: Mapping[str, str]) -> QuestionScores:
    """SQuAD 1.1: maximum over golds, a missing prediction scores 0.

    Raises:
        DataError: a question without a gold answer (names it).
    """
    exact, f1 = np.zeros(len(golds)), np.zeros(len(golds))
    for row, (question, answers) in enumerate(golds.items()):
        if not answers:
            raise DataError(f"question {question!r} has no gold answer: SQuAD 1.1 has none such, score it as squad_v2")
        if question in predictions:
            text = predictions[question]
            exact[row] = max(exact_match(text, gold) for gold in answers)
            f1[row] = max(token_f1(text, gold, empty_is_answer=False) for gold in answers)
    return QuestionScores(
        ids=tuple(golds),
        exact=exact,
        f1=f1,
        answerable=np.ones(len(golds), dtype=np.bool_),
        answered=np.array([bool(predictions.get(q)) for q in golds], dtype=np.bool_),
        missing=tuple(q for q in golds if q not in predictions),
    )


def score_v2(golds: Mapping[str, Sequence[str]], predictions: Mapping[str, str]) -> QuestionScores:
    """SQuAD 2.0: an unanswerable question's gold is the empty text; questions without a prediction are left out."""
    ids = tuple(question for question in golds if question in predictions)
    exact, f1 = np.zeros(len(ids)), np.zeros(len(ids))
    for row, question in enumerate(ids):
        # Whether a question is answerable follows from its raw golds, the comparison from those that say something.
        answers = [gold for gold in golds[question] if normalise(gold)] or [""]
        text = predictions[question]
        exact[row] = max(exact_match(text, gold) for gold in answers)
        f1[row] = max(token_f1(text, gold, empty_is_answer=True) for gold in answers)
    return QuestionScores(
        ids=ids,
        exact=exact,
        f1=f1,
        answerable=np.array([bool(golds[q]) for q in ids], dtype=np.bool_),
        answered=np.array([bool(predictions[q]) for q in ids], dtype=np.bool_),
        missing=tuple(q for q in golds if q not in predictions),
    )


def with_null_threshold(scores: QuestionScores, null_scores: Mapping[str, float], threshold: float) -> QuestionScores:
    """The scores when every question whose null score exceeds the threshold is answered with the empty text.

    Raises:
        DataError: a question without a finite null score (names it).
    """
    null = _null_scores(scores, null_scores)
    silent = null > threshold
    unanswerable = (~scores.answerable).astype(np.float64)
    return replace(
        scores,
        exact=np.where(silent, unanswerable, scores.exact),
        f1=np.where(silent, unanswerable, scores.f1),
        answered=scores.answered & ~silent,
    )


def best_threshold(
    scores: QuestionScores, values: NDArray[np.float64], null_scores: Mapping[str, float]
) -> tuple[float, float]:
    """The best mean that any null threshold gives, and that threshold: tuned on these very questions.

    Args:
        scores: Scores of the texts without a threshold.
        values: `scores.exact` or `scores.f1`.
        null_scores: Question -> null score; ties are taken in this order, as the official scorer takes them.

    Returns:
        Best mean in 0..1, and its threshold.
    """
    _null_scores(scores, null_scores)
    row_of = {question: row for row, question in enumerate(scores.ids)}
    current = float((~scores.answerable).sum())
    best, threshold = current, 0.0
    for question in sorted(null_scores, key=null_scores.__getitem__):
        row = row_of.get(question)
        if row is None:
            continue
        if scores.answerable[row]:
            current += float(values[row])
        elif scores.answered[row]:
            current -= 1.0
        if current > best:
            best, threshold = current, null_scores[question]
    return best / len(scores.ids), threshold


def _null_scores(scores: QuestionScores, null_scores: Mapping[str, float]) -> NDArray[np.float64]:
    for question in scores.ids:
        if question not in null_scores:
            raise DataError(f"no null probability for question {question!r}: give one for every prediction")
        if not np.isfinite(null_scores[question]):
            raise DataError(f"the null probability of question {question!r} is {null_scores[question]}: not a number")
    return np.array([null_scores[question] for question in scores.ids], dtype=np.float64)


def summary_v1(scores: QuestionScores) -> dict[str, float]:
    """`exact_match` and `f1` in percent, the keys of the official 1.1 scorer.

    Raises:
        DataError: no question at all.
    """
    _not_empty(scores)
    return {"exact_match": 100.0 * float(scores.exact.mean()), "f1": 100.0 * float(scores.f1.mean())}


def summary_v2(
    scores: QuestionScores, null_scores: Mapping[str, float] | None = None, *, threshold: float = 1.0
) -> dict[str, float]:
    """All keys of the official 2.0 scorer, in its order, in percent.

    Args:
        scores: Scores of the texts as given.
        null_scores: Question -> null score; None: no threshold, and no `best_*` keys.
        threshold: Null threshold of the headline; the official default for probabilities is 1.0.

    Raises:
        DataError: no question at all, or one without a null score.
    """
    _not_empty(scores)
    shown = scores if null_scores is None else with_null_threshold(scores, null_scores, threshold)
    result = _part("", shown, np.ones(len(shown.ids), dtype=np.bool_))
    for prefix, chosen in (("HasAns_", shown.answerable), ("NoAns_", ~shown.answerable)):
        if chosen.any():
            result |= _part(prefix, shown, chosen)
    if null_scores is not None:
        for name, values in (("exact", scores.exact), ("f1", scores.f1)):
            best, at = best_threshold(scores, values, null_scores)
            result |= {f"best_{name}": 100.0 * best, f"best_{name}_thresh": at}
    return result


def _part(prefix: str, scores: QuestionScores, chosen: NDArray[np.bool_]) -> dict[str, float]:
    return {
        f"{prefix}exact": 100.0 * float(scores.exact[chosen].mean()),
        f"{prefix}f1": 100.0 * float(scores.f1[chosen].mean()),
        f"{prefix}total": int(chosen.sum()),
    }


def _not_empty(scores: QuestionScores) -> None:
    if not scores.ids:
        raise DataError("there is no question to score: the references are empty or no prediction belongs to them")
