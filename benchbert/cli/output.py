"""How verbs print rows of facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbert.distillation.planner import BudgetPlan

__all__ = ["print_budget", "print_table"]


def print_budget(plan: BudgetPlan, *, known: bool) -> None:
    """Prints what fits a budget in minutes: what is made, then the sizes that could be, then what was extrapolated."""
    import click

    made = [
        {
            "recipe": one.name,
            "size": one.size,
            "steps": " + ".join(f"{count:,}" for count in one.steps),
            "tokens": one.tokens,
            "epochs": one.epochs,
            "tokens/s": one.tokens_per_second,
            "minutes": one.minutes,
        }
        for one in plan.recipes
    ]
    print_table(f"what fits {plan.minutes:g} minutes{', as decided before' if known else ''}", made)
    sizes = [
        {
            "student": one.student,
            **({"teacher": one.teacher, "teacher tokens": one.teacher_tokens or None} if one.teacher else {}),
            "tokens": one.tokens,
            "epochs": one.epochs,
            "from": "other sizes" if one.extrapolated else "its own steps",
        }
        for one in plan.sizes
    ]
    print_table("sizes that the same minutes would do for", sizes)
    for note in plan.notes:
        click.echo(note)


def print_table(title: str, found: list[dict[str, Any]]) -> None:
    """Prints rows as a table whose columns are their keys, in the order in which they first come."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    columns = list(dict.fromkeys(key for row in found for key in row))
    numeric = {c for c in columns if any(isinstance(r.get(c), int | float) for r in found)}
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    for row in found:
        # Text, not str: what stands in square brackets is data here, not markup.
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    console = Console()
    # In a pipe or a log there is no width to fit: nothing is folded.
    (console if console.is_terminal else Console(width=400)).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
