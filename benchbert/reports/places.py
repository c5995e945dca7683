"""The rank of each model: 1 + number of models that are significantly better.

Two models are compared by what they predicted, wherever that is stored, and by their intervals elsewhere. Not being
told apart is not transitive: a may be better than c and b tied with both. With more than `MOST_FOR_PAIRS` models there
are too many pairs to test; every resample then ranks all of them, and a rank is an interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from benchbert.comparison.judge import Judge
from benchbert.reports.board import BoardRow, Leaderboard, RankedPair, Ranking
from benchbert.reports.estimate import Estimate
from benchbert.reports.judging import Parts, family, tasks_of
from benchbert.statistics.differences import Difference

__all__ = ["MOST_FOR_PAIRS", "Places", "places_of"]

MOST_FOR_PAIRS = 30
"""Models up to which every two are compared."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Ranks of models among each other."""

    ranks: Mapping[str, int] = field(default_factory=dict)
    """Label -> rank, or the lower end of its interval."""
    highs: Mapping[str, int] = field(default_factory=dict)
    """Label -> upper end of its interval; empty: ranks are numbers."""
    pairs: tuple[RankedPair, ...] = ()
    """Every two models; empty where ranks are intervals."""
    ranking: Ranking | None = None
    """How they were found; None: there is no model."""


def places_of(
    board: Leaderboard, rows: Sequence[BoardRow], parts: Parts, judge: Judge | None, *, higher: bool
) -> Places:
    """Ranks the rows among each other.

    Args:
        board: their board.
        rows: models that have a score there.
        parts: what they are ranked on: the macro's tasks, or one column.
        judge: who compares stored predictions; None: intervals decide.
        higher: whether the higher score is the better.
    """
    if not rows:
        return Places()
    if len(rows) > MOST_FOR_PAIRS and judge is not None:
        tasks, variants = tasks_of(board, parts), [row.variant for row in rows]
        spans = judge.ranks(variants, tasks, higher=higher)
        if spans is not None:
            return Places(
                ranks={row.label: spans[row.variant][0] for row in rows},
                highs={row.label: spans[row.variant][1] for row in rows},
                ranking=Ranking(pairs=0, by_interval=0, claims=(judge.claim(variants, tasks),), is_bootstrapped=True),
            )
        # Without all predictions there is no interval of ranks, and so many pairs are left to the models' intervals.
        judge = None
    scores = {row.label: _score(row, parts) for row in rows}
    sign = 1 if higher else -1
    best_first = sorted(rows, key=lambda row: (-sign * scores[row.label].value, row.label))
    couples = list(combinations(best_first, 2))
    differences = family(board, couples, parts, judge)
    pairs = tuple(
        RankedPair(
            model=one.label,
            other=other.label,
            difference=found,
            is_better=_is_better(found, scores[one.label], scores[other.label], higher=higher),
        )
        for (one, other), found in zip(couples, differences, strict=True)
    )
    beaten = Counter(pair.other for pair in pairs if pair.is_better)
    judged = [pair.difference for pair in pairs if pair.difference is not None]
    return Places(
        ranks={row.label: 1 + beaten[row.label] for row in rows},
        pairs=pairs,
        ranking=Ranking(
            pairs=len(judged),
            by_interval=len(pairs) - len(judged),
            claims=tuple(sorted({difference.claim for difference in judged})),
        ),
    )


def _is_better(found: Difference | None, one: Estimate, other: Estimate, *, higher: bool) -> bool:
    """Whether the one is significantly better, by the pair's p-value or, without one, by their intervals."""
    if found is None:
        return one.surely_better(other, higher=higher)
    return found.verdict == ("above" if higher else "below")


def _score(row: BoardRow, parts: Parts) -> Estimate:
    """The number that ranks: of a column, else the macro."""
    score = row.scores[parts[0][0]] if len(parts) == 1 and len(parts[0]) == 1 else row.macro
    assert score is not None, "only models with a score are ranked"
    return score
