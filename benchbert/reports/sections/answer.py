"""First lines of the report: who leads or ties, what controls and baseline show, who is not ranked and why."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from benchbert.reports.board import Leaderboard
from benchbert.reports.estimate import plain
from benchbert.reports.findings import findings, headline
from benchbert.reports.notes import not_ranked
from benchbert.reports.section import ReportContext, Section, templates
from benchbert.reports.wording import count, names
from benchbert.statistics.pareto import pareto_front


def _render(context: ReportContext) -> Markup:
    board = context.board
    template = templates().get_template("answer.html.j2")
    return Markup(  # noqa: S704 - the template escapes what it is given
        template.render(
            headline=headline(board),
            facts=list(_facts(context)),
            unranked=list(not_ranked(board)) if board.columns else (),
            palette=context.palette,
        )
    )


def _facts(context: ReportContext) -> Iterator[str]:
    board = context.board
    yield from findings(board)
    yield _compared(board)
    if board.columns and not board.ranked_by:
        yield "There is no overall rank: fewer than two tasks have complete data. Ranks stand in each column."
        for column in board.columns:
            best = [row.label for row in board.rows if row.label in board.best(column)]
            if best:
                yield f"{column.label}: {names(best)} {'leads' if len(best) == 1 else 'share the first rank'}."
    yield from _trade(board)
    samples = [column.label for column in board.columns if column.is_sample]
    if samples:
        yield f"Samples of the data, not comparable with published scores: {', '.join(samples)}."
    bad = context.frame[context.frame["status"] != "ok"]["job"].nunique()
    if bad:
        yield f"{bad} of {context.frame['job'].nunique()} jobs have no result: see what failed, and why."


def _compared(board: Leaderboard) -> str:
    """How many models, on what, with how many seeds."""
    baselines = [row for row in board.rows if row.is_baseline]
    # Random weights make a control of a model that is scored; one that is only profiled is a model like the others.
    controls = [row for row in board.rows if row.is_control and (row.control_of or row.scores)]
    models = len(board.rows) - len(controls) - len(baselines)
    counts = [count(n, what) for n, what in ((models, "model"), (len(controls), "control")) if n]
    counts += [f"the {row.label} baseline" for row in baselines]
    text = f"{counts[0] if counts else 'No model'} compared"
    tasks = list(dict.fromkeys(column.task for column in board.columns))
    if tasks:
        text += f" on {count(len(tasks), 'task')} ({', '.join(tasks)})"
    seeds = sorted({e.seeds for row in board.rows if not row.is_baseline for e in row.scores.values()})
    if seeds:
        spread = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        text += f", {spread} seed{'' if spread == '1' else 's'} each"
    return f"{text}, beside {names(counts[1:])}." if counts[1:] else f"{text}."


def _trade(board: Leaderboard) -> Iterator[str]:
    """The models that no other beats on both score and latency."""
    points = [(r, r.latency.value, s.value) for r in board.ranked if r.latency and (s := board.ranking_score(r))]
    if len(points) < 2 or board.latency_cell is None:
        return
    sign = 1 if board.higher_is_better else -1
    flags = pareto_front([p[1] for p in points], [sign * p[2] for p in points])
    front = sorted((p for p, on in zip(points, flags, strict=True) if on), key=lambda p: p[1])
    shown = ", ".join(f"{row.label} ({plain(row.latency, interval=False)} ms)" for row, _, _ in front[:8])
    more = f" and {len(front) - 8} more" if len(front) > 8 else ""
    yield f"No other model is both faster and better than: {shown}{more} (latency on {board.latency_cell.conditions})."


REGISTERED = (Section(name="answer", title="The answer", order=0, render=_render),)
