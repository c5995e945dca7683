"""The charts of a report, as plotly figures with a heading that states what is seen.

Names are data: plotly reads a small HTML in labels, so every name is escaped before it gets there, and the JSON is
escaped once more for the script element that it stands in. Colours of text and grid are set in the page, by theme.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from benchbert.reports.board import BoardRow, Leaderboard
from benchbert.reports.cells import Cell
from benchbert.reports.estimate import Estimate, plain, significant
from benchbert.reports.palette import FamilyStyle
from benchbert.statistics.pareto import pareto_front

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Figure", "cost_figure", "plot_label", "safe_json", "score_against_latency"]

_MOST_NAMES = 12
"""Up to so many points are named in the chart; beyond, names would hide the points."""

Palette = Mapping[str, FamilyStyle]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One chart."""

    name: str
    """Unique in the page: letters, digits and hyphens."""
    title: str
    """A sentence that states what is seen."""
    description: str
    """Conditions and what the intervals are: the caption."""
    height: int
    """Pixels."""
    json: Markup
    """Data and layout as JSON that is safe inside a script element."""


def safe_json(value: Any) -> Markup:
    """JSON that cannot end the script element it stands in: no `<`, `>`, `&` and no line separators."""
    text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that markup needs is escaped above


def plot_label(text: str, limit: int = 60) -> str:
    """A name as plotly text: escaped, in one line, cut to a length that leaves room for the chart."""
    line = " ".join(text.split())
    return html.escape(line if len(line) <= limit else f"{line[: limit - 1]}…", quote=False)


def score_against_latency(board: Leaderboard, palette: Palette) -> Figure | None:
    """Score over latency with the Pareto front of the ranked models; None: fewer than one model has both."""
    points = [(row, lat, s) for row in board.rows if (lat := row.latency) and (s := board.ranking_score(row))]
    if not points or board.latency_cell is None:
        return None
    ranked = [point for point in points if point[0].rank is not None]
    sign = 1 if board.higher_is_better else -1
    flags = pareto_front([lat.value for _, lat, _ in ranked], [sign * score.value for _, _, score in ranked])
    front = sorted((p for p, on in zip(ranked, flags, strict=True) if on), key=lambda p: (p[1].value, p[2].value))
    figure = _empty("Latency (ms)", _score_axis(board))
    if len(front) > 1:
        x, y = [p[1].value for p in front], [_scale(p[2]) * p[2].value for p in front]
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"shape": "hv", "dash": "dot", "color": "#8A8A8A"},
            name="Pareto front",
            hoverinfo="skip",
        )
    times = [lat.value for _, lat, _ in points]
    middle = (min(times) + max(times)) / 2
    for family, rows in _by_family(points, lambda point: point[0].family):
        _add_points(figure, family, palette[family], rows, named=len(points) <= _MOST_NAMES, middle=middle)
    names = [row.label for row, _, _ in front]
    title = (
        f"{len(names)} of {len(ranked)} ranked models are on the Pareto front: {_listed(names)}"
        if ranked
        else "No model is ranked"
    )
    description = (
        f"{board.latency_cell.conditions}. Bars are intervals; hollow markers are not ranked. "
        "The front is drawn through the points: a model whose bars reach it may belong to it."
    )
    return _finished(figure, "score-latency", title, description, 460)


def cost_figure(
    *,
    name: str,
    what: str,
    unit: str,
    cell: Cell,
    costs: Mapping[str, Estimate],
    families: Mapping[str, str],
    palette: Palette,
) -> Figure:
    """A dot with its interval for each model, the least at the top.

    Args:
        name: unique name of the chart.
        what: the quantity, such as `Latency`.
        unit: its unit.
        cell: conditions it was measured under.
        costs: model -> number, not empty.
        families: model -> family.
        palette: family -> style.
    """
    order = sorted(costs, key=lambda model: costs[model].value)
    figure = _empty(f"{what} ({unit})", "")
    for family, models in _by_family(order, lambda model: families[model]):
        values = [costs[model] for model in models]
        figure.add_scatter(
            x=[e.value for e in values],
            y=[order.index(model) for model in models],
            error_x=_error_bars(values, 1.0),
            mode="markers",
            name=plot_label(family or "other"),
            marker={"color": palette[family].colour, "symbol": palette[family].marker, "size": 11},
            text=[
                f"<b>{plot_label(m)}</b><br>{plain(e)} {html.escape(unit)}<br>{plot_label(e.basis, 120)}"
                for m, e in zip(models, values, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.update_yaxes(
        # Positions, not names: two long names that are cut to the same text stay two lines.
        tickvals=list(range(len(order))),
        ticktext=[plot_label(model, 28) for model in order],
        range=[len(order) - 0.4, -0.6],
        automargin=True,
    )
    figure.update_xaxes(rangemode="tozero")
    title = _cost_title(order, costs, unit)
    basis = sorted({estimate.basis for estimate in costs.values()})
    return _finished(
        figure, name, title, f"{cell.conditions}, on {cell.machine}. Bars: {'; '.join(basis)}.", 130 + 34 * len(order)
    )


# --- parts ----------------------------------------------------------------------------------------------------------


def _empty(x_title: str, y_title: str) -> go.Figure:
    """A figure without data in the report's look."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 56, "r": 12, "t": 8, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        hoverlabel={"align": "left", "font": {"size": 13}},
        xaxis={"title": {"text": x_title}, "automargin": True, "zeroline": False},
        yaxis={"title": {"text": y_title}, "automargin": True, "zeroline": False},
        showlegend=True,
    )
    return figure


def _add_points(
    figure: go.Figure,
    family: str,
    style: FamilyStyle,
    rows: Sequence[tuple[BoardRow, Estimate, Estimate]],
    *,
    named: bool,
    middle: float,
) -> None:
    """The models of one family in the plane of latency and score.

    Args:
        figure: to draw in.
        family: its name.
        style: its colour and marker.
        rows: models with latency and score.
        named: whether names stand beside the points.
        middle: latency from which on names stand to the left, so that none runs out of the chart.
    """
    text = [
        f"<b>{plot_label(row.label)}</b><br>{plain(lat)} ms ({plot_label(lat.basis, 120)})"
        f"<br>score {plain(score, scale=_scale(score), decimals=1)} ({plot_label(score.basis, 120)})"
        + (f"<br>not ranked: {plot_label(row.unranked, 120)}" if row.unranked else "")
        for row, lat, score in rows
    ]
    sides = ["left" if lat.value > middle else "right" for _, lat, _ in rows]
    symbols = [style.marker if row.rank is not None else f"{style.marker}-open" for row, _, _ in rows]
    figure.add_scatter(
        x=[lat.value for _, lat, _ in rows],
        y=[_scale(score) * score.value for _, _, score in rows],
        error_x=_error_bars([lat for _, lat, _ in rows], 1.0),
        error_y=_error_bars([score for _, _, score in rows], _scale(rows[0][2])),
        mode="markers+text" if named else "markers",
        texttemplate="%{customdata}",
        customdata=[plot_label(row.label, 28) for row, _, _ in rows],
        textposition=[f"top {side}" for side in sides],
        cliponaxis=False,
        name=plot_label(family or "other"),
        marker={"color": style.colour, "symbol": symbols, "size": 12, "line": {"width": 1.5, "color": style.colour}},
        hovertext=text,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _error_bars(estimates: Sequence[Estimate], scale: float) -> dict[str, Any]:
    """Interval ends as plotly wants them: distances from the value; none where there is no interval."""
    upper = [0.0 if e.high is None else max(0.0, scale * (e.high - e.value)) for e in estimates]
    lower = [0.0 if e.low is None else max(0.0, scale * (e.value - e.low)) for e in estimates]
    return {"type": "data", "symmetric": False, "array": upper, "arrayminus": lower, "thickness": 1.2, "width": 4}


def _cost_title(order: Sequence[str], costs: Mapping[str, Estimate], unit: str) -> str:
    """What the chart shows, in a sentence: the least, and how far the most is from it."""
    least, most = order[0], order[-1]
    title = f"{least} needs {significant(costs[least].value)} {unit}"
    if len(order) == 1 or costs[least].value <= 0:
        return title
    ratio = costs[most].value / costs[least].value
    if ratio < 1.1:
        return f"{title}, all others at most {ratio - 1:.0%} more"
    return f"{title}, {most} {ratio:.1f} times as much"


def _score_axis(board: Leaderboard) -> str:
    unit = "" if board.macro_name else board.columns[0].unit
    return plot_label(f"{board.ranked_by[:1].upper()}{board.ranked_by[1:]} ({unit or 'score × 100'})", 80)


def _scale(score: Estimate) -> float:
    """Scores without a unit are drawn times 100."""
    return 1.0 if score.unit else 100.0


def _by_family(items: Sequence[Any], family: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    """Items by family, families in alphabetical order."""
    names = sorted({family(item) for item in items})
    return [(name, [item for item in items if family(item) == name]) for name in names]


def _listed(names: Sequence[str], limit: int = 4) -> str:
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def _finished(figure: go.Figure, name: str, title: str, description: str, height: int) -> Figure:
    figure.update_layout(height=height)
    return Figure(
        name=name, title=title, description=description, height=height, json=safe_json(figure.to_json(validate=True))
    )
