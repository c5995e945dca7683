from __future__ import annotations

import html
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from benchbert.comparison.agreement import Agreement
from benchbert.comparison.compare import Comparison, TaskComparison
from benchbert.comparison.examples import Example, Examples
from benchbert.comparison.retention import Kept, Retention, TaskRetention
from benchbert.errors import UsageError
from benchbert.reports.compared import compared_text, render_compared
from benchbert.statistics.noninferiority import NonInferiority

EXAMPLE = Example(id="7", input_hash="00", label="yes", ours="yes", theirs="[bold]no|\x1b[2J", margin=1.0)
TASK = TaskComparison(
    task="glue/sst2",
    split="validation",
    metric="accuracy",
    examples=872,
    complete=False,
    ours=0.9,
    theirs=0.85,
    our_seeds=(1,),
    their_seeds=(1,),
    claim="checkpoints",
    test="McNemar's exact test",
    effect=0.05,
    low=0.02,
    high=0.08,
    level=0.95,
    interval_kind="95% paired bootstrap over examples, percentiles",
    p=0.001,
    p_adjusted=0.002,
    verdict="better",
    outcomes=Examples(won=60, lost=16, listed_won=(EXAMPLE,), listed_lost=()),
    non_inferiority=NonInferiority(margin=0.01, bound=0.03, level=0.95, p=1e-9, shown=True),
)
UNDEFINED = replace(TASK, task="glue/stsb", theirs=None, effect=None, low=None, high=None, p=None, p_adjusted=None)
COMPARISON = Comparison(
    models=("a", "b"),
    tasks=(TASK, replace(UNDEFINED, verdict="undefined", interval_kind="none: undefined", non_inferiority=None)),
    left_out={"glue/cola": "only a has predictions on it"},
)
KEPT = Kept(student=0.8, teacher=0.9, share=8 / 9, low=0.85, high=0.93, level=0.95, kind="k", claim="checkpoints")
BLOCKED = replace(KEPT, share=None, low=None, high=None, kind="none: blocked by wnli/accuracy")
AGREEMENT = Agreement(
    agreement=0.75,
    kept_right=0.7,
    kept_wrong=0.05,
    flipped_to_wrong=0.2,
    flipped_to_right=0.05,
    student_ece=0.123,
    teacher_ece=None,
    bins=15,
    pairs=1,
)
RETENTION = Retention(
    student="s",
    teacher="t",
    tasks=(
        TaskRetention(label="glue/rte", metric="accuracy", examples=277, complete=True, kept=KEPT, agreement=AGREEMENT),
    ),
    averages={"no_wnli": KEPT, "distilbert": BLOCKED},
)


def plain(markdown: str) -> str:
    """Markdown as it reads when rendered."""
    return html.unescape(markdown.replace("\\", ""))


def shown(found) -> str:
    stream = io.StringIO()
    Console(file=stream, width=300).print(render_compared(found))
    return stream.getvalue()


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_a_comparison_shows_test_effect_adjusted_p_and_examples(form: str) -> None:
    text = shown(COMPARISON) if form == "terminal" else plain(compared_text(COMPARISON, "markdown"))
    for part in (
        "90.0",
        "+5.0 [2.0, 8.0]",
        "McNemar's exact test (checkpoints)",
        "0.0020",
        "a is better",
        "shown (p <0.0001)",
        "glue/sst2 (sample)",
        "60 examples won by a, 1 shown",
        "needs 5 seeds of each",
        "Holm over 1 test;",
        "Left out: glue/cola (only a has predictions on it).",
        "Interval of glue/stsb: none: undefined.",
        "undefined",
    ):
        assert part in text


def test_what_models_say_is_text_and_no_markup() -> None:
    assert "[bold]no|" in shown(COMPARISON)
    assert "\x1b[2J" not in shown(COMPARISON)
    assert "no\\|" in compared_text(COMPARISON, "markdown")


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_a_retention_shows_what_is_kept_and_what_blocks_an_average(form: str) -> None:
    text = shown(RETENTION) if form == "terminal" else plain(compared_text(RETENTION, "markdown"))
    for part in ("88.9 [85.0, 93.0]", "75.0", "20.0", "12.3", "15 equal-width bins", "blocked by wnli/accuracy"):
        assert part in text


@pytest.mark.parametrize("found", [COMPARISON, RETENTION])
def test_json_holds_the_numbers_as_measured(found) -> None:
    data = json.loads(compared_text(found, "json"))
    assert data["notes"] == list(found.notes)
    task = data["tasks"][0]
    assert (task["p_adjusted"] if found is COMPARISON else task["kept"]["share"]) in {0.002, 8 / 9}


def test_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="markdown, json"):
        compared_text(COMPARISON, "xml")
