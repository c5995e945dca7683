"""Scores of all models of a contest in the very same resamples, so that any two or all of them can be compared.

One reading of every file and one set of draws serve all pairs. The draws depend on the data alone: a model's are the
same whichever others stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.aligned import Aligned, align
from benchbert.comparison.contest import Entry
from benchbert.comparison.measured import refuse_other_scores, stream_of
from benchbert.comparison.outcomes import Outcomes, outcomes_of
from benchbert.errors import BenchbertError
from benchbert.statistics.sides import Resampled, resample

__all__ = ["Drawn", "Pool", "pool_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """One model's checkpoints in a contest."""

    scores: Resampled
    """Their scores, as they are and resampled."""
    right: NDArray[np.bool_] | None = field(repr=False)
    """Which examples each gets right, of shape (checkpoints, n); None: the metric is no share of rights."""
    examples: int
    """Number of examples."""
    outcomes: Outcomes = field(repr=False)
    """The contest's metric of all models' checkpoints."""
    part: slice
    """This model's checkpoints among them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """All models of a contest that can be compared."""

    drawn: Mapping[tuple[str, ...], Drawn]
    """Digests of a model's predictions -> its scores."""
    problems: tuple[str, ...]
    """Why others cannot, a line each; nothing of files that are simply not kept."""


def pool_of(entries: Sequence[Entry], resamples: int) -> Pool:
    """Reads the predictions of the entries, all of one ground and metric, and resamples their scores.

    A model whose predictions are gone, damaged, of other examples or do not give the stored score is left out.
    """
    kept: list[tuple[Entry, Aligned]] = []
    problems: list[str] = []
    for entry in entries:
        if not all(stored.path.is_file() for stored in entry.checkpoints):
            continue
        # Each model is held against the first, so that one bad file costs only its own model.
        first = kept[0][0].checkpoints[:1] if kept else ()
        try:
            kept.append((entry, align([*first, *entry.checkpoints])))
        except BenchbertError as error:
            problems.append(str(error))
    if not kept:
        return Pool(drawn={}, problems=tuple(problems))
    tables = tuple(table for entry, aligned in kept for table in aligned.tables[-len(entry.checkpoints) :])
    head = kept[0][1]
    try:
        drawn = _drawn([entry for entry, _ in kept], Aligned(head=head.head, ids=head.ids, tables=tables), resamples)
    except BenchbertError as error:
        return Pool(drawn={}, problems=(*problems, str(error)))
    good = {}
    for (entry, _), found in zip(kept, drawn, strict=True):
        try:
            refuse_other_scores(entry.checkpoints, entry.contest.metric, found.scores.point)
            good[entry.digests] = found
        except BenchbertError as error:
            problems.append(str(error))
    return Pool(drawn=good, problems=tuple(problems))


def _drawn(entries: Sequence[Entry], aligned: Aligned, resamples: int) -> list[Drawn]:
    """The scores of each entry, whose checkpoints stand in their order in `aligned`."""
    contest = entries[0].contest
    labels = next((s.labels for entry in entries for s in entry.checkpoints if s.labels), ())
    (outcomes,) = outcomes_of(
        aligned,
        (contest.metric,),
        unanswerable=contest.convention.startswith("null threshold"),
        labels=labels,
        grouped=False,
    )
    both = resample(outcomes.statistic, outcomes.cells, resamples, stream_of(entries[0].ground))
    found, start = [], 0
    for entry in entries:
        part = slice(start, start + len(entry.checkpoints))
        start = part.stop
        found.append(
            Drawn(
                scores=Resampled(point=both.point[part], values=both.values[:, part]),
                right=outcomes.each[part] > 0.5 if outcomes.binary else None,
                examples=len(aligned.ids),
                outcomes=outcomes,
                part=part,
            )
        )
    return found
