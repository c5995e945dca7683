"""What a rank means on this board: by what models were compared, how surely, and what the claim is about."""

from __future__ import annotations

from collections.abc import Iterator

from benchbert.reports.board import Leaderboard, Ranking
from benchbert.reports.places import MOST_FOR_PAIRS
from benchbert.reports.wording import count, names
from benchbert.statistics.sides import SEEDS_FOR_METHODS

__all__ = ["rank_notes"]

_FEW = "the exchange test over examples where few of them speak"
_EXACT = f"McNemar's exact test for two single checkpoints and a share of rights; {_FEW}"

_SHOWN = 3
"""Predictions that could not be used, said one by one at most."""


def rank_notes(board: Leaderboard) -> Iterator[str]:
    """Sentences for below the table."""
    ranking = board.ranking
    if ranking is not None and board.ranked:
        yield from _rule(board, ranking)
    of_columns = list(board.column_rankings.values())
    judged = [each for each in [*([ranking] if ranking else []), *of_columns] if each.by_predictions]
    if judged and (len(board.columns) > 1 or ranking is None):
        yield from _in_columns(board)
    if judged:
        yield from _claims(board, judged)
    if board.ties and ranking is not None:
        by_interval = not ranking.by_predictions
        what = "the intervals of any two models that have it overlap" if by_interval else "as many models are better"
        if not ranking.is_bootstrapped:
            yield f"A rank with = is shared: {what}."
    for problem in board.unusable[:_SHOWN]:
        yield f"Not compared by predictions: {problem}."
    if len(board.unusable) > _SHOWN:
        yield f"Not compared by predictions, for like reasons: {count(len(board.unusable) - _SHOWN, 'more file')}."


def _rule(board: Leaderboard, ranking: Ranking) -> Iterator[str]:
    """How the overall ranks were found."""
    side = "above" if board.higher_is_better else "below"
    if ranking.is_bootstrapped:
        yield (
            f"Rank by {board.ranked_by}: more than {MOST_FOR_PAIRS} models make too many pairs to test. Each of "
            f"{board.resamples:,} resamples of the examples (stored predictions, the same examples for all) "
            "ranks all models; a rank is the interval that holds 95% of a model's ranks. Models whose intervals "
            "overlap may stand in either order."
        )
        return
    if ranking.pairs:
        exact = f"; {_FEW}" if board.macro_name else f"; {_EXACT}"
        yield (
            f"Rank by {board.ranked_by}: 1 + number of ranked models that are significantly better. Every two models "
            "are compared by their stored predictions on the same examples (bootstrap of the paired differences, "
            f"{board.resamples:,} resamples{exact}), and one is better where p is below 0.05, adjusted by Holm over "
            f"{count(ranking.pairs, 'pair')}. Their intervals may overlap all the same. Ties are not transitive: two "
            "models with different ranks need not be told apart."
        )
        if ranking.by_interval:
            yield (
                f"The predictions of {count(ranking.by_interval, 'more pair')} cannot be compared: there a model is "
                f"better where its interval lies wholly {side}."
            )
        return
    without = (
        " No stored predictions were compared, which could tell more of them apart." if len(board.ranked) > 1 else ""
    )
    yield (
        f"Rank by {board.ranked_by}: 1 + number of ranked models whose interval lies wholly {side}. Models with "
        f"overlapping intervals are tied: these results do not tell which is better.{without}"
    )


def _in_columns(board: Leaderboard) -> Iterator[str]:
    """How the ranks in columns were found."""
    judged = [label for label, each in board.column_rankings.items() if each.by_predictions]
    rest = [label for label, each in board.column_rankings.items() if each.by_interval and not each.by_predictions]
    if judged:
        yield (
            "Ranks within a column come from paired comparisons of stored predictions too, adjusted by Holm over the "
            f"pairs of the column ({_EXACT})."
        )
    if rest:
        yield f"Ranks within {names(rest)} go by intervals: there are no predictions to compare."


def _claims(board: Leaderboard, judged: list[Ranking]) -> Iterator[str]:
    """What the comparisons are about."""
    claims = {claim for ranking in judged for claim in ranking.claims}
    methods = "the models as methods: other seeds and other such examples"
    if claims == {"models"}:
        yield f"Comparisons of predictions are about {methods}."
        return
    yield (
        "Comparisons of predictions are about these very checkpoints on other such examples, not about the methods "
        f"that made them: that takes {SEEDS_FOR_METHODS} seeds of each model or more"
        + (f", and where both have so many they are about {methods}." if "models" in claims else ".")
    )
