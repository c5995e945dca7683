"""The audit and the claims as text: Markdown that people paste, or aligned columns for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from benchbert.errors import UsageError
from benchbert.reports.audit import AuditedScore, audited
from benchbert.reports.claims import CheckedClaim, check_claims
from benchbert.reports.estimate import MISSING, Estimate, plain, score_text
from benchbert.reports.markdown import markdown_table, markdown_text, plain_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AUDIT_NOTES", "CLAIM_NOTES", "audit_text", "claim_number", "claims_text", "ours_text", "published_text"]

AUDIT_NOTES = (
    "Scores are times 100. In brackets the band in which one more run of ours would fall, widened by the rounding of "
    "the published number: a 95 % prediction interval over our seeds; with one seed, the interval over examples times "
    "the root of two.",
    "Below and above: the published number lies outside the band, which happens by chance once in twenty comparisons. "
    "A published number may be the best or the median of several runs; its source does not always say.",
)
"""What a reader of the audit must know."""

CLAIM_NOTES = (
    "Sizes are counts and hold within 5 %. Speeds and scores hold where the whole interval reaches the claim (less 10 "
    "% for a speed, less half a percent of the average for a score), and fail where none of it does.",
    "Speeds were claimed on other hardware: the verdict is about the machine named here.",
)
"""What a reader of the claims must know."""


def audit_text(frame: pd.DataFrame, format: str = "markdown", strange: Collection[str] = frozenset()) -> str:
    """The audit of a results table as text.

    Args:
        frame: as `benchbert.load_results` gives it.
        format: `markdown` or `plain`.
        strange: models that only have a registered model's name (`comparability.strangers`).

    Raises:
        UsageError: another format.
    """
    heading = ["Model", "Task", "Metric", "Ours", "Seeds", "Published", "Verdict", "Reason or source"]
    rows = [_audit_cells(row) for row in audited(frame, strange)]
    right = [name in {"Ours", "Seeds", "Published"} for name in heading]
    nothing = "No result here is of a checkpoint and a task that published scores are known of."
    return _text(heading, rows, right, AUDIT_NOTES, nothing, format)


def claims_text(frame: pd.DataFrame, format: str = "markdown", strange: Collection[str] = frozenset()) -> str:
    """What a results table says of the published claims, as text; arguments and errors as `audit_text`."""
    heading = ["Claim", "Claimed", "Ours", "Verdict", "Reason", "Claimed on"]
    rows = [_claim_cells(row) for row in check_claims(frame, strange)]
    right = [name in {"Claimed", "Ours"} for name in heading]
    return _text(heading, rows, right, CLAIM_NOTES, "", format)


def ours_text(row: AuditedScore) -> str:
    """Our score with its band; a dash: undefined."""
    return score_text(None if row.score is None else Estimate(value=row.score, low=row.low, high=row.high))


def published_text(row: AuditedScore) -> str:
    """The published score times 100 as it was printed."""
    return f"{round(100 * row.published, 6):g}"


def claim_number(row: CheckedClaim) -> str:
    """Our ratio with its interval; a dash: not measured."""
    if row.measured is None:
        return MISSING
    return plain(Estimate(value=row.measured, low=row.low, high=row.high))


def _audit_cells(row: AuditedScore) -> list[str]:
    return [
        row.model,
        f"{row.task} {row.split}",
        row.metric,
        ours_text(row),
        str(row.seeds),
        published_text(row),
        row.verdict,
        row.reason or row.source,
    ]


def _claim_cells(row: CheckedClaim) -> list[str]:
    numbers = [f"{row.claimed:.3g}", claim_number(row)]
    return [row.claim, *numbers, row.verdict, row.reason, row.conditions or "a count"]


def _text(
    heading: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    notes: Iterable[str],
    nothing: str,
    format: str,
) -> str:
    if format not in _FORMATS:
        raise UsageError(f"unknown format {format!r}: use one of {', '.join(_FORMATS)}")
    table, note = _FORMATS[format]
    if not rows:
        return f"{nothing}\n"
    return table(heading, rows, right=right) + "\n" + "".join(f"- {note(text)}\n" for text in notes)


_FORMATS: dict[str, tuple[Callable[..., str], Callable[[str], str]]] = {
    "markdown": (markdown_table, markdown_text),
    "plain": (plain_table, str),
}
