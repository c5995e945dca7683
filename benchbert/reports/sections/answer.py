"""First lines of the report: what was compared, who leads or ties, who is not ranked and why."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.estimate import plain, score_text
from benchbert.reports.section import ReportContext, Section, templates
from benchbert.statistics.pareto import pareto_front


def _render(context: ReportContext) -> Markup:
    template = templates().get_template("answer.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            headline=_headline(context.board),
            facts=list(_facts(context)),
            unranked=context.board.unranked if context.board.columns else (),
            palette=context.palette,
        )
    )


def _headline(board: Leaderboard) -> str:
    """One sentence: who leads, or why nobody does."""
    if not board.ranked:
        return "No model can be ranked on these results" if board.columns else "These results hold no scores"
    leaders = board.leaders
    score = board.ranking_score(leaders[0])
    on = f"on {board.ranked_by}, {score_text(score) if not (score and score.unit) else plain(score)}"
    if len(board.ranked) == 1:
        return f"{leaders[0].label} is the only ranked model: {on}"
    if len(leaders) == 1:
        return f"{leaders[0].label} leads {on}"
    return f"{_names(leaders)} share the first rank on {board.ranked_by}: their intervals overlap"


def _facts(context: ReportContext) -> Iterator[str]:
    board = context.board
    tasks = list(dict.fromkeys(column.task for column in board.columns))
    seeds = sorted({e.seeds for row in board.rows for e in row.scores.values()})
    spread = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0]) if seeds else ""
    compared = _count(len(board.rows), "model") + " compared"
    if tasks:
        compared += f" on {_count(len(tasks), 'task')} ({', '.join(tasks)})"
    if spread:
        compared += f", {spread} seed{'' if spread == '1' else 's'} each"
    yield f"{compared}."
    if board.columns and not board.ranked_by:
        yield "There is no overall rank: fewer than two tasks have complete data. Ranks stand in each column."
        for column in board.columns:
            best = [row for row in board.rows if row.label in board.best(column)]
            if best:
                yield f"{column.label}: {_names(best)} {'leads' if len(best) == 1 else 'share the first rank'}."
    yield from _controls(board)
    yield from _trade(board)
    samples = [column.label for column in board.columns if column.is_sample]
    if samples:
        yield f"Samples of the data, not comparable with published scores: {', '.join(samples)}."
    bad = context.frame[context.frame["status"] != "ok"]["job"].nunique()
    if bad:
        yield f"{bad} of {context.frame['job'].nunique()} jobs have no result: see what failed, and why."


def _controls(board: Leaderboard) -> Iterator[str]:
    """How the ranked models stand to the best of the same board with random weights."""
    controls = [(s, r) for r in board.rows if r.is_control and (s := board.ranking_score(r))]
    ranked = [(s, r) for r in board.ranked if (s := board.ranking_score(r))]
    if not controls or not ranked:
        return
    best = max(controls, key=lambda pair: pair[0].value)
    above = sum(score.surely_above(best[0]) for score, _ in ranked)
    yield (
        f"{above} of {len(ranked)} ranked models lie above the best control with random weights "
        f"({best[1].label}, {score_text(best[0])}) by more than the intervals."
    )


def _trade(board: Leaderboard) -> Iterator[str]:
    """The models that no other beats on both score and latency."""
    points = [(r, r.latency.value, s.value) for r in board.ranked if r.latency and (s := board.ranking_score(r))]
    if len(points) < 2 or board.latency_cell is None:
        return
    flags = pareto_front([p[1] for p in points], [p[2] for p in points])
    front = sorted((p for p, on in zip(points, flags, strict=True) if on), key=lambda p: p[1])
    shown = ", ".join(f"{row.label} ({plain(row.latency, interval=False)} ms)" for row, _, _ in front[:8])
    more = f" and {len(front) - 8} more" if len(front) > 8 else ""
    yield f"No other model is both faster and better than: {shown}{more} (latency on {board.latency_cell.conditions})."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _names(rows: tuple[BoardRow, ...] | list[BoardRow]) -> str:
    names = [row.label for row in rows]
    if len(names) > 6:
        return f"{', '.join(names[:6])} and {len(names) - 6} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


REGISTERED = (Section(name="answer", title="The answer", order=0, render=_render),)
