"""What the board shows, in the few sentences that stand first: who leads, and what controls and baseline say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from benchbert.reports.board import Comparison, Leaderboard
from benchbert.reports.comparisons import overall, untrained_reasons
from benchbert.reports.estimate import Estimate, estimate_text
from benchbert.reports.wording import beyond, names, signed
from benchbert.statistics.differences import NOT_TOLD_APART, Difference

__all__ = ["findings", "headline"]

_Pairs = list[tuple[Comparison, Difference]]


def headline(board: Leaderboard) -> str:
    """One sentence: who leads, or why nobody does."""
    if not board.ranked:
        return "No model can be ranked on these results" if board.columns else "These results hold no scores"
    leaders = [row.label for row in board.leaders]
    on = f"on {board.ranked_by}, {estimate_text(board.ranking_score(board.leaders[0]))}"
    if len(board.ranked) == 1:
        return f"{leaders[0]} is the only ranked model: {on}"
    if len(leaders) == 1:
        return f"{leaders[0]} leads {on}"
    share = f"{names(leaders)} share the first rank on {board.ranked_by}"
    ranking = board.ranking
    if ranking is None or not ranking.by_predictions:
        return f"{share}: their intervals overlap"
    if ranking.is_bootstrapped:
        return f"{names(leaders)} may be the first on {board.ranked_by}: their rank intervals begin at 1"
    return f"{share}: comparing their answers does not tell them apart"


def findings(board: Leaderboard) -> Iterator[str]:
    """Sentences on controls, baseline, under-trained models and ties; none where there is nothing to say."""
    yield from _controls(board) if board.controls else _best_control(board)
    yield from _baselines(board)
    untrained = untrained_reasons(board)
    under_trained = [r.label for r in board.rows if r.is_competitor and (r.under_trained or r.label in untrained)]
    if under_trained:
        yield f"Labelled under-trained and not ranked: {names(under_trained)}."
    yield from _ties(board)


# --- controls -------------------------------------------------------------------------------------------------------


def _controls(board: Leaderboard) -> Iterator[str]:
    """How the models stand to their own controls."""
    known = [(c, d) for c in board.controls if (d := overall(c, board)) is not None]
    random = [pair for pair in known if board.row(pair[0].control).weights == "random"]
    others = [pair for pair in known if pair not in random]
    clauses = [*_against_random(board, random)] if random else []
    if clauses:
        yield f"{'; '.join(clauses)}."
    if others:
        clauses = [_against_other(board, *pair) for pair in others[:6]]
        more = f"; {len(others) - 6} more pairs stand in the table of controls" if len(others) > 6 else ""
        yield f"On {board.ranked_by} {'; '.join(clauses)}{more}."
    if known:
        kinds = dict.fromkeys(d.basis for _, d in known)
        yield f"Intervals of differences: {'; '.join(kinds)}."
    partial = [c for c in board.controls if overall(c, board) is None and c.columns]
    if partial:
        clauses = [f"{c.model} is better than {c.control} on {_columns_won(board, c)}" for c in partial[:6]]
        more = f"; {len(partial) - 6} more pairs stand in the table of controls" if len(partial) > 6 else ""
        sure = beyond(*(d for c in partial for d in c.columns.values()), plural=True)
        yield f"{sure[0].upper()}{sure[1:]} {'; '.join(clauses)}{more}."


def _against_random(board: Leaderboard, pairs: _Pairs) -> Iterator[str]:
    """A clause for each verdict on models and the same models from random weights."""
    on = f" on {board.ranked_by}"
    for verdict, side in _verdicts(board):
        chosen = [(c, d) for c, d in pairs if d.verdict == verdict]
        if not chosen:
            continue
        models = list(dict.fromkeys(c.model for c, _ in chosen))
        one = len(models) == 1
        same = f"the same model{'' if one else 's'} from random weights{on}"
        on = ""
        numbers = [f"{'' if one else f'{c.model} '}{signed(d, _unit(board))}{_alone(c, d)}" for c, d in chosen]
        if side:
            text = f"{names(models)} {'lies' if one else 'lie'} {_side(side, same, *(d for _, d in chosen))}"
        else:
            text = f"{names(models)} {'is' if one else 'are'} not told apart from {same}"
        yield f"{text} ({'; '.join(numbers[:6])}{'; …' if len(numbers) > 6 else ''})"


def _alone(comparison: Comparison, overall_found: Difference) -> str:
    """`, 3 of 4 columns`: in how many the difference is told apart by itself, lest one column speak for all."""
    if len(comparison.columns) < 2 or overall_found.verdict == NOT_TOLD_APART:
        return ""
    same = sum(found.verdict == overall_found.verdict for found in comparison.columns.values())
    return f", {same} of {len(comparison.columns)} columns"


def _against_other(board: Leaderboard, comparison: Comparison, found: Difference) -> str:
    """One model and a control that is no random one."""
    side = dict(_verdicts(board))[found.verdict]
    control = f"its control {comparison.control}"
    stands = f"lies {_side(side, control, found)}" if side else f"is not told apart from {control}"
    return f"{comparison.model} {stands} ({signed(found, _unit(board))})"


def _side(side: str, other: str, *differences: Difference) -> str:
    """`significantly above the control`, or `above the control by more than the interval`."""
    sure = beyond(*differences)
    return f"{sure} {side} {other}" if all(d.p is not None for d in differences) else f"{side} {other} {sure}"


def _verdicts(board: Leaderboard) -> tuple[tuple[str, str], ...]:
    """(verdict, the side in words; empty: no side), the better side first."""
    order = ("above", "below") if board.higher_is_better else ("below", "above")
    return ((order[0], order[0]), (NOT_TOLD_APART, ""), (order[1], order[1]))


def _columns_won(board: Leaderboard, comparison: Comparison) -> str:
    lower = {column.label for column in board.columns if column.direction == "lower"}
    won = sum(d.verdict == ("below" if label in lower else "above") for label, d in comparison.columns.items())
    return f"{won} of {len(comparison.columns)} columns"


def _unit(board: Leaderboard) -> str:
    """Unit of what ranks the board; empty: a score."""
    return next((column.unit for column in board.columns if column.label == board.ranked_by), "")


def _best_control(board: Leaderboard) -> Iterator[str]:
    """How the ranked models stand to the best control, where no control names its model."""
    higher = board.higher_is_better
    controls = [(s, r.label) for r in board.rows if r.is_control and (s := board.ranking_score(r))]
    ranked: list[Estimate] = [s for r in board.ranked if (s := board.ranking_score(r))]
    if not controls or not ranked:
        return
    score, label = (max if higher else min)(controls, key=lambda pair: pair[0].value)
    better = sum(each.surely_better(score, higher=higher) for each in ranked)
    yield (
        f"{better} of {len(ranked)} ranked models lie {'above' if higher else 'below'} the best control with random "
        f"weights ({label}, {estimate_text(score)}) by more than the intervals."
    )


# --- baseline and ties ----------------------------------------------------------------------------------------------


def _baselines(board: Leaderboard) -> Iterator[str]:
    """Whether the models beat one constant answer a task."""
    for baseline in dict.fromkeys(check.baseline for check in board.baseline_checks):
        checks = [check for check in board.baseline_checks if check.baseline == baseline]
        if not board.ranked_by:
            failed = [f"{c.model} on {names(c.not_above)}" for c in checks if c.not_above]
            if failed:
                yield f"Not surely above the {baseline} baseline: {'; '.join(failed)}."
            elif any(check.above for check in checks):
                yield f"Every model beats the {baseline} baseline in every column in which both have a score."
            continue
        over = next((c for c in checks if c.beats is not None), None)
        if over is None:
            yield f"The {baseline} baseline has no score on {board.ranked_by}: no model was checked against it."
            continue
        on = f"on {over.over}, {estimate_text(over.bar)}"
        sure = (
            "significantly" if all(c.difference for c in checks if c.score and c.bar) else "by more than the intervals"
        )
        on += f"; a constant has no score on {names(over.left_out)}" if over.left_out else ""
        if board.ranked:
            yield f"Every ranked model beats the {baseline} baseline ({on}) {sure}."
        unfit = [check.model for check in checks if check.beats is False]
        if unfit:
            does = "does" if len(unfit) == 1 else "do"
            where = "" if board.ranked else f" ({on})"
            yield (
                f"{names(unfit)} {does} not beat the {baseline} baseline{where} {sure} and "
                f"{'is' if len(unfit) == 1 else 'are'} not ranked: under-trained or unfit."
            )


def _ties(board: Leaderboard) -> Iterator[str]:
    """Which ranked models these results do not tell apart; the headline has those of the first rank."""
    if board.ranking is None or board.ranking.is_bootstrapped:
        return
    groups = [group for group in board.ties if group[0].rank != 1]
    tied = [group for group in groups if all(board.is_tied(a, b) for a, b in combinations(group, 2))]
    for chosen, what in (
        (tied, "Tied, not told apart by these results"),
        ([group for group in groups if group not in tied], "Of the same rank, though not all tied with each other"),
    ):
        if chosen:
            named = [f"{names([row.label for row in group])} (rank {board.rank_text(group[0])})" for group in chosen]
            yield f"{what}: {'; '.join(named)}."
    places = {row.label: row.rank for row in board.ranked}
    pairs = [
        f"{pair.model} and {pair.other}"
        for pair in board.ranked_pairs
        if not pair.is_better and places[pair.model] != places[pair.other]
    ]
    if pairs:
        more = f"; {len(pairs) - 4} more pairs" if len(pairs) > 4 else ""
        yield f"Not told apart, though their ranks differ: {'; '.join(pairs[:4])}{more}."
