"""How alike two models answer: agreement, flips between right and wrong, and the calibration of each.

Means over pairs of checkpoints with one seed each, where they have seeds in common; else over all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.aligned import Aligned
from benchbert.comparison.measured import Measured
from benchbert.metrics.calibration import BINS, confidences, expected_calibration_error
from benchbert.metrics.span import normalise
from benchbert.tasks.multi_label import membership

__all__ = ["Agreement", "agreement_of", "same_answers"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A student's answers beside its teacher's, on one task and split."""

    agreement: float | None
    """Share of examples with the same answer (texts as SQuAD normalises them; of a row with many labels or words all
    of them); None: regression."""
    kept_right: float | None
    """Share that both get right; for a span an exact match. None: regression."""
    kept_wrong: float | None
    """Share that both get wrong."""
    flipped_to_wrong: float | None
    """Share that the teacher gets right and the student wrong."""
    flipped_to_right: float | None
    """Share that the teacher gets wrong and the student right."""
    student_ece: float | None
    """Expected calibration error of the student's decisions: classes, each label of a row with many, tags of words;
    None: no probabilities, as for spans, regression, and words whose logits were not kept."""
    teacher_ece: float | None
    """The same of the teacher."""
    bins: int
    """Equal-width bins of the calibration error."""
    pairs: int
    """Pairs of checkpoints that it is the mean over."""


def agreement_of(measured: Measured) -> Agreement:
    """Agreement of the first model (the student) with the second (the teacher)."""
    aligned, students = measured.aligned, len(measured.our_seeds)
    pairs = _pairs(measured.our_seeds, measured.their_seeds)
    if aligned.head == "regression":
        return Agreement(
            agreement=None,
            kept_right=None,
            kept_wrong=None,
            flipped_to_wrong=None,
            flipped_to_right=None,
            student_ece=None,
            teacher_ece=None,
            bins=BINS,
            pairs=len(pairs),
        )
    right = _right(measured)
    said = _said(aligned)
    rows = []
    for s, t in pairs:
        student, teacher = right[s], right[students + t]
        same = float((said[s] == said[students + t]).mean())
        cells = (student & teacher, ~student & ~teacher, ~student & teacher, student & ~teacher)
        rows.append([same, *(float(cell.mean()) for cell in cells)])
    same, both, neither, to_wrong, to_right = (float(value) for value in np.mean(rows, axis=0))
    student, teacher = range(students), range(students, len(right))
    return Agreement(
        agreement=same,
        kept_right=both,
        kept_wrong=neither,
        flipped_to_wrong=to_wrong,
        flipped_to_right=to_right,
        student_ece=_calibration(aligned, student),
        teacher_ece=_calibration(aligned, teacher),
        bins=BINS,
        pairs=len(pairs),
    )


def same_answers(aligned: Aligned, students: Sequence[int], teachers: Sequence[int]) -> float | None:
    """Share of the examples with the same answer, mean over the pairs of checkpoints; None: numbers have none.

    Args:
        aligned: the predictions, the student's checkpoints first.
        students: seeds of the student's checkpoints.
        teachers: seeds of the teacher's.
    """
    if aligned.head == "regression":
        return None
    said = _said(aligned)
    shares = [float((said[s] == said[len(students) + t]).mean()) for s, t in _pairs(students, teachers)]
    return float(np.mean(shares))


def _pairs(students: Sequence[int], teachers: Sequence[int]) -> list[tuple[int, int]]:
    """Places of the checkpoints to hold against each other."""
    common = [(i, teachers.index(seed)) for i, seed in enumerate(students) if seed in teachers]
    return common or [(i, j) for i in range(len(students)) for j in range(len(teachers))]


def _said(aligned: Aligned) -> np.ndarray:
    """What each checkpoint answered, of shape (checkpoints, n): classes, or numbers for normalised texts or lists."""
    if aligned.head == "classification":
        return aligned.guesses
    if aligned.head == "span":
        texts = [[normalise(text) for text in each] for each in aligned.texts]
    else:
        texts = [[str(answer) for answer in each] for each in aligned.guess_lists]
    return np.unique(np.array(texts), return_inverse=True)[1].reshape(len(texts), -1)


def _right(measured: Measured) -> np.ndarray:
    """Whether each answer is right, of shape (checkpoints, n)."""
    aligned = measured.aligned
    if aligned.head == "classification":
        return np.asarray(aligned.guesses == aligned.labels)
    if aligned.head != "span":
        in_order = [list(labels) for labels in aligned.label_lists]
        if aligned.head == "multi_label":
            in_order = [sorted(labels) for labels in in_order]
        return np.array(
            [[said == labels for said, labels in zip(each, in_order, strict=True)] for each in aligned.guess_lists]
        )
    # An exact match has token F1 1, but so has an answer with the same words in another order.
    golds = [{normalise(gold) for gold in answers} or {""} for answers in aligned.golds]
    return np.array(
        [[normalise(text) in gold for text, gold in zip(texts, golds, strict=True)] for texts in aligned.texts]
    )


def _calibration(aligned: Aligned, checkpoints: Sequence[int]) -> float | None:
    """Mean over checkpoints of the calibration error of their decisions; None: one has no probabilities."""
    decisions = [_decisions(aligned, i) for i in checkpoints]
    if any(found is None for found in decisions):
        return None
    return float(np.mean([expected_calibration_error(*found) for found in decisions if found is not None]))


def _decisions(aligned: Aligned, checkpoint: int) -> tuple[Floats, NDArray[np.bool_]] | None:
    """Confidence in each decision and whether it was right: a class a row, each label of a row, or a tag a word."""
    if aligned.head in {"span", "regression"} or not aligned.has_logits(checkpoint):
        return None
    if aligned.head == "classification":
        right = aligned.guesses[checkpoint] == aligned.labels
        return confidences(aligned.logits(checkpoint)), np.asarray(right)
    if aligned.head == "multi_label":
        logits = aligned.logits(checkpoint)
        held = membership(aligned.label_lists, logits.shape[1]).astype(np.bool_)
        # A label is said where its logit is above 0, with the probability of what was said: half or more.
        return 1 / (1 + np.exp(-np.abs(logits))).ravel(), np.asarray((logits > 0) == held).ravel()
    rows = aligned.word_logits(checkpoint)
    words = [
        (logits, tag == said)
        for row, tags, guesses in zip(rows, aligned.label_lists, aligned.guess_lists[checkpoint], strict=True)
        for logits, tag, said in zip(row, tags, guesses, strict=True)
        if logits
    ]
    if not words:
        return None
    return confidences(np.array([logits for logits, _ in words])), np.array([right for _, right in words])
