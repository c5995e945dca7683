"""The examples that one model gets right and the other does not: what a user looks at to believe a difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbert.comparison.measured import Measured

__all__ = ["Example", "Examples", "examples_of"]

_TIE = 1e-12
"""Outcomes nearer than this are equal: sums of the same numbers in another order."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example that the two models did not do equally well on."""

    id: str
    """Its id in the dataset."""
    input_hash: str
    """Digest of its text, as predictions hold it."""
    label: str
    """The right answer; of several right texts the first."""
    ours: str
    """What the first model said; where its seeds differ, each answer with how many of them gave it."""
    theirs: str
    """What the second said."""
    margin: float
    """Our mean outcome over seeds minus theirs: 1 or -1 at most, but for regression, where it is the smaller error."""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Examples won and lost."""

    won: int
    """On how many the first model did better."""
    lost: int
    """On how many the second did."""
    listed_won: tuple[Example, ...]
    """Some that were won, the clearest first."""
    listed_lost: tuple[Example, ...]
    """Some that were lost, the clearest first."""


def examples_of(measured: Measured, listed: int) -> Examples:
    """Examples won and lost by the first model.

    Args:
        measured: two models on one ground.
        listed: how many of each to list at most.
    """
    ours = len(measured.our_seeds)
    each = measured.outcomes.each
    margin = each[:ours].mean(axis=0) - each[ours:].mean(axis=0)
    margin[np.abs(margin) < _TIE] = 0.0
    clearest = np.argsort(-np.abs(margin), kind="stable")
    won = [int(row) for row in clearest if margin[row] > 0]
    lost = [int(row) for row in clearest if margin[row] < 0]
    shown = _Shown(measured)
    return Examples(
        won=len(won),
        lost=len(lost),
        listed_won=tuple(shown.example(row, float(margin[row])) for row in won[:listed]),
        listed_lost=tuple(shown.example(row, float(margin[row])) for row in lost[:listed]),
    )


class _Shown:
    """Examples as people read them."""

    def __init__(self, measured: Measured) -> None:
        self.aligned = measured.aligned
        self.ours = len(measured.our_seeds)
        self.answers = self.aligned.answers
        self.hashes = self.aligned.tables[0]["input_hash"].to_pylist()
        self.names = measured.labels

    def example(self, row: int, margin: float) -> Example:
        return Example(
            id=self.aligned.ids[row],
            input_hash=self.hashes[row],
            label=self._label(row),
            ours=self._said([answers[row] for answers in self.answers[: self.ours]]),
            theirs=self._said([answers[row] for answers in self.answers[self.ours :]]),
            margin=margin,
        )

    def _label(self, row: int) -> str:
        if self.aligned.head == "span":
            golds = self.aligned.tables[0]["golds"][row].as_py()
            return str(golds[0]) if golds else "(no answer)"
        return self._text(self.aligned.tables[0]["label"][row].as_py())

    def _said(self, answers: Sequence[object]) -> str:
        if self.aligned.head == "regression":
            return f"{np.mean(np.asarray(answers, dtype=np.float64)):.2f}"
        counts = Counter(self._text(answer) for answer in answers).most_common()
        return counts[0][0] if len(counts) == 1 else ", ".join(f"{text} ({count}x)" for text, count in counts)

    def _text(self, answer: object) -> str:
        if isinstance(answer, list):
            return " ".join(self._text(each) for each in answer) or "(none)"
        if isinstance(answer, int) and 0 <= answer < len(self.names):
            return self.names[answer]
        return "(no answer)" if answer == "" else f"{answer:.2f}" if isinstance(answer, float) else str(answer)
