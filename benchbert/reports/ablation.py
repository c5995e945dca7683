"""What each part of a distillation gives: a distilled student beside its controls, which lack one part each.

DistilBERT's paper leaves out one loss at a time, and the start from the teacher's layers (Sanh et al. 2019, arXiv
1910.01108, table 4: points of GLUE macro, quoted at second hand). Whether its signs are found again is shown, whatever
they turn out to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchbert.comparison.judge import Judge
from benchbert.reports.board import BoardRow, Comparison, Leaderboard
from benchbert.reports.comparisons import overall
from benchbert.statistics.differences import Difference, difference
from benchbert.statistics.intervals import Interval
from benchbert.statistics.seeds import t_interval

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PAPER", "Ablated", "Ablation", "ablations_of"]

PAPER: Mapping[str, float] = {"ce": -2.96, "cos": -1.46, "mlm": -0.31, "start": -3.69}
"""Part that is left out -> points of GLUE macro that DistilBERT's paper lost without it (at second hand)."""

_HELD_OUT = "held_out_mlm_loss"
_NAMES = {"start": "the start from its teacher's layers"}


@dataclass(frozen=True, kw_only=True)
class Ablated:
    """The student, or one of its controls."""

    row: BoardRow
    """Its row of the board."""
    part: str
    """What it lacks: the name of a loss, `start`, `teacher`, `training`; empty: nothing, or something else."""
    lacks: str
    """The same in words; empty for the student."""
    held_out: Interval | None
    """Masked-LM loss on the corpus's held-out split, in nats, over seeds; None: not measured."""
    held_out_difference: Difference | None
    """The same minus the student's: above 0 where the student predicts better."""
    agreement: float | None
    """Share of examples that it answers as the teacher does, mean over tasks; None: not known."""
    difference: Difference | None
    """Its score minus the student's, on what ranks the board: below 0 where the part that it lacks helps."""

    @property
    def verdict(self) -> str:
        """Whether the sign that the paper reports is found here; empty: the paper has no number for it."""
        if self.part not in PAPER or self.difference is None:
            return ""
        said = {"below": "same sign as the paper", "above": "opposite sign to the paper"}
        return said.get(self.difference.verdict, "not told apart here")


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """A distilled student, its teacher, and its controls."""

    teacher: str
    """Label of the teacher's row; empty: the teacher is not on the board."""
    ranked_by: str
    """What the differences are on."""
    rows: tuple[Ablated, ...]
    """The student, then its controls."""


def ablations_of(
    board: Leaderboard, frame: pd.DataFrame, lock: Mapping[str, Any], judge: Judge | None = None
) -> tuple[Ablation, ...]:
    """One for every distilled student with a control on the board.

    Args:
        board: scores, and differences between models and their controls.
        frame: the results table, for the losses on held-out text.
        lock: lock.json, which says how models were made; empty: nothing is known of that, and there are none.
        judge: says how alike two models answer; None: nobody does.
    """
    models, recipes = _table(lock, "models"), _table(lock, "recipes")
    found = []
    for label in dict.fromkeys(pair.model for pair in board.controls):
        row = board.row(label)
        recipe = _table(recipes, str(_table(models, row.model).get("recipe") or ""))
        if _table(recipe, "settings").get("kind") != "distil" or row.weights != "recipe":
            continue
        teacher = _teacher(board, models, recipe)
        pairs = [pair for pair in board.controls if pair.model == label]
        rows = _rows(board, frame, (models, recipes), pairs, judge=judge, teacher=teacher)
        found.append(Ablation(teacher=teacher.label if teacher else "", ranked_by=board.ranked_by, rows=tuple(rows)))
    if judge is not None:
        judge.save()
    return tuple(found)


def _rows(
    board: Leaderboard,
    frame: pd.DataFrame,
    locked: tuple[Mapping[str, Any], Mapping[str, Any]],
    pairs: list[Comparison],
    *,
    judge: Judge | None,
    teacher: BoardRow | None,
) -> Iterator[Ablated]:
    student = board.row(pairs[0].model)
    ours = _held_out(frame, student)
    for row, pair in [(student, None), *((board.row(pair.control), pair) for pair in pairs)]:
        theirs = _held_out(frame, row)
        part, lacks = ("", "") if pair is None else _lacking(student, row, *locked)
        both = pair is not None and bool(ours) and bool(theirs)
        yield Ablated(
            row=row,
            part=part,
            lacks=lacks,
            held_out=_interval(theirs),
            held_out_difference=difference(_bare(theirs), _bare(ours), theirs, ours) if both else None,
            agreement=judge.agreement(row.variant, teacher.variant) if judge and teacher else None,
            difference=_turned(overall(pair, board)) if pair else None,
        )


def _teacher(board: Leaderboard, models: Mapping[str, Any], recipe: Mapping[str, Any]) -> BoardRow | None:
    """The teacher's row: made by the recipe that the student's names, or the registered model."""
    digest, name = recipe.get("teacher_recipe"), recipe.get("teacher_model")
    for row in board.rows:
        made_by = _table(models, row.model).get("recipe")
        if row.weights != "random" and ((digest and made_by == digest) or (name and row.model == name)):
            return row
    return None


def _lacking(
    student: BoardRow, control: BoardRow, models: Mapping[str, Any], recipes: Mapping[str, Any]
) -> tuple[str, str]:
    """(part, the same in words) that a control of a student lacks."""
    ours, theirs = (
        _table(_table(recipes, str(_table(models, row.model).get("recipe") or "")), "settings")
        for row in (student, control)
    )
    if control.weights == "random":
        return "training", "all training before fine-tuning"
    if theirs.get("kind") == "pretrain":
        return "teacher", "the teacher: masked tokens alone, from random weights"
    losses, left = _table(ours, "losses"), _table(theirs, "losses")
    gone = [name for name, weight in losses.items() if weight and not left.get(name)]
    other = [name for name in losses.keys() | left.keys() if losses.get(name) != left.get(name) and name not in gone]
    # `start` has a default that settings leave out.
    unlike = [key for key in (ours.keys() | theirs.keys()) - {"name", "losses"} if ours.get(key) != theirs.get(key)]
    if len(gone) == 1 and not other and not unlike:
        return gone[0], f"the loss {gone[0]}"
    if unlike == ["start"] and theirs.get("start") == "random" and not gone and not other:
        return "start", _NAMES["start"]
    words = [*(f"the loss {name}" for name in gone), *(f"another {key}" for key in sorted([*other, *unlike]))]
    return "", ", ".join(words)


def _held_out(frame: pd.DataFrame, row: BoardRow) -> dict[int, float]:
    """Seed -> masked-LM loss of the model on held-out text; empty: random weights, or not measured."""
    if row.weights != "recipe":
        return {}
    made = frame[
        frame["kind"].isin(["pretrain", "distil"])
        & (frame["revision"] == row.variant[1])
        & (frame["metric"] == _HELD_OUT)
        & frame["value"].notna()
    ]
    return {int(seed): float(value) for seed, value in zip(made["seed"], made["value"], strict=True)}


def _interval(seeds: Mapping[int, float]) -> Interval | None:
    """Mean over seeds, with a t interval from two on."""
    if not seeds:
        return None
    low, high = t_interval(list(seeds.values()), 0.95) if len(seeds) > 1 else (None, None)
    bare = _bare(seeds)
    kind = "t over seeds" if len(seeds) > 1 else bare.kind
    return Interval(
        estimate=bare.estimate, low=low, high=high, level=0.95 if low is not None else None, kind=kind, n=len(seeds)
    )


def _bare(seeds: Mapping[int, float]) -> Interval:
    """The mean over seeds, without an interval."""
    mean = sum(seeds.values()) / len(seeds)
    return Interval(estimate=mean, low=None, high=None, level=None, kind="no interval: one seed", n=len(seeds))


def _turned(found: Difference | None) -> Difference | None:
    """The same difference, the other way round."""
    if found is None:
        return None
    return Difference(
        value=-found.value,
        low=None if found.high is None else -found.high,
        high=None if found.low is None else -found.low,
        kind=found.kind,
        level=found.level,
        seeds=found.seeds,
        verdict={"above": "below", "below": "above"}.get(found.verdict, found.verdict),  # type: ignore[arg-type]
        p=found.p,
        claim=found.claim,
    )


def _table(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A table in what came from JSON; empty: it is not there, or no table."""
    found = mapping.get(key)
    return found if isinstance(found, Mapping) else {}
