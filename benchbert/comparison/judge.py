"""Judges the models of a results folder: any two of them, or all at once where they are too many for pairs.

A judge looks into what is kept first, and reads predictions only for what is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchbert.comparison.agreement import same_answers
from benchbert.comparison.aligned import align
from benchbert.comparison.contest import Contest, Entry, entry_of, same_ground
from benchbert.comparison.evidence import evidence_of, weights_of
from benchbert.comparison.judged import LEVEL, Judged, judged
from benchbert.comparison.kept import KeptComparisons, key_of
from benchbert.comparison.measured import Claim, stream_of
from benchbert.comparison.pool import Drawn, Pool, pool_of
from benchbert.comparison.stored import StoredModel, StoredPredictions, models_of
from benchbert.errors import DataError, StoreError
from benchbert.statistics.exchange import FEW_EXAMPLES, as_one_task
from benchbert.statistics.noninferiority import LEAST_EXAMPLES
from benchbert.statistics.ranks import rank_intervals
from benchbert.statistics.sides import RESAMPLES, SEEDS_FOR_METHODS, Resampled, Sides, mean_sides, over_seeds, sides_of
from benchbert.store.files import ReadResults

__all__ = ["Judge", "Tasks", "judge_of"]

Tasks = Sequence[Sequence[Contest]]
"""For each task its contests (its splits): a mean over tasks; one task with one contest is a column."""

T = TypeVar("T")

_RULE = 2
"""Version of how pairs are judged: another one makes kept comparisons useless."""

_OLDER = 1
"""The version before, which trusted a bootstrap on few examples too. What it found on many is still read where the
predictions are not there to judge by again."""

_AGREEMENT_RULE = 1
"""Version of how agreement is computed."""


def judge_of(folder: Path, read: ReadResults) -> Judge:
    """The judge of a results folder whose results have been read."""
    runs = dict.fromkeys(file.parent.parent for file in read.files)
    try:
        return Judge(models_of(read), KeptComparisons(folder, runs))
    except StoreError as error:
        return Judge((), problems=(str(error),))


class Judge:
    """Holds models against each other by what they predicted."""

    def __init__(
        self,
        models: Sequence[StoredModel],
        kept: KeptComparisons | None = None,
        *,
        resamples: int = RESAMPLES,
        level: float = LEVEL,
        problems: Sequence[str] = (),
    ) -> None:
        """Takes the models.

        Args:
            models: those with stored predictions.
            kept: comparisons that were made before; None: none.
            resamples: resamples of each bootstrap.
            level: confidence of intervals.
            problems: what is known to be wrong with them already.
        """
        self.resamples, self.level = resamples, level
        self._models = {model.variant: model for model in models}
        self._kept = kept or KeptComparisons()
        self._entries: dict[tuple[tuple[str, ...], Contest], Entry | None] = {}
        self._pools: dict[tuple[Contest, str], Pool] = {}
        self._problems = dict.fromkeys(problems)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why predictions that are there could not be used, a line each."""
        return tuple(self._problems)

    def pair(self, ours: tuple[str, ...], theirs: tuple[str, ...], tasks: Tasks) -> Judged | None:
        """The first model's mean over tasks minus the second's; None: their predictions cannot be compared.

        Args:
            ours: variant of the first model.
            theirs: variant of the second.
            tasks: what on; of splits of a task the mean counts.
        """
        mine, other = (self._sides(variant, tasks) for variant in (ours, theirs))
        if mine is None or other is None or not same_ground(mine, other):
            return None
        if _digest(mine) > _digest(other):
            # One order of the two sides: the same draws, the same key and the same p-value from either side.
            found = self._pair(other, mine, tasks)
            return found and _turned(found)
        return self._pair(mine, other, tasks)

    def ranks(
        self, variants: Sequence[tuple[str, ...]], tasks: Tasks, *, higher: bool = True
    ) -> dict[tuple[str, ...], tuple[int, int]] | None:
        """Interval of each model's rank among them, all ranked in every resample; None: one cannot be compared.

        Args:
            variants: the models.
            tasks: what on, as in `pair`.
            higher: whether the higher score is the better.
        """
        sides: dict[tuple[str, ...], tuple[Entry, ...]] = {}
        for variant in variants:
            found = self._sides(variant, tasks)
            if found is None or (sides and not same_ground(found, next(iter(sides.values())))):
                return None
            sides[variant] = found
        order = sorted(sides, key=lambda variant: (_digest(sides[variant]), variant))
        facts = [*self._facts(tasks), higher, [_digest(sides[variant]) for variant in order]]
        key = key_of("ranks", _RULE, *facts)
        spans = self._kept.ranks(key)
        if spans is None and _only_kept(sides.values(), tasks):
            spans = self._kept.ranks(key_of("ranks", _OLDER, *facts))
        if spans is None or len(spans) != len(order):
            spans = self._ranks([sides[variant] for variant in order], tasks, higher=higher)
            if spans is None:
                return None
            self._kept.keep_ranks(key, spans)
        return {variant: (low, high) for variant, (low, high) in zip(order, spans, strict=True)}

    def agreement(self, ours: tuple[str, ...], theirs: tuple[str, ...]) -> float | None:
        """Share of the examples that two models answer alike, mean over the tasks with classes, tags or texts.

        None: they have no such task in common, or their predictions cannot be read.
        """
        mine, other = self._models.get(ours), self._models.get(theirs)
        if mine is None or other is None:
            return None
        grounds = [ground for ground in mine.grounds() if ground in other.grounds()]
        both = [(mine.on(ground), other.on(ground)) for ground in grounds]
        digests = [[[stored.sha256 for stored in side] for side in pair] for pair in both]
        key = key_of("agreement", _AGREEMENT_RULE, digests)
        found = self._kept.agreement(key)
        if found is None:
            found = self._agreement(both)
            if found is not None:
                self._kept.keep_agreement(key, found)
        return found

    def _agreement(self, both: Sequence[tuple[list[StoredPredictions], list[StoredPredictions]]]) -> float | None:
        shares = []
        for mine, other in both:
            try:
                aligned = align([*mine, *other])
            except (StoreError, DataError) as error:
                self._problems[str(error)] = None
                return None
            share = same_answers(aligned, *([stored.seed for stored in side] for side in (mine, other)))
            shares += [] if share is None else [share]
        return float(np.mean(shares)) if shares else None

    def claim(self, variants: Sequence[tuple[str, ...]], tasks: Tasks) -> Claim:
        """What a comparison of these models can be about."""
        sides = [side for variant in variants if (side := self._sides(variant, tasks)) is not None]
        return _claim(sides)

    def save(self) -> None:
        """Keeps what was judged."""
        self._kept.save()

    def _sides(self, variant: tuple[str, ...], tasks: Tasks) -> tuple[Entry, ...] | None:
        """A model's entries in all contests, one task after another; None: it lacks one."""
        found = []
        for contest in (contest for same in tasks for contest in same):
            if (variant, contest) not in self._entries:
                model = self._models.get(variant)
                self._entries[variant, contest] = entry_of(model, contest) if model else None
            entry = self._entries[variant, contest]
            if entry is None:
                return None
            found.append(entry)
        return tuple(found)

    def _facts(self, tasks: Tasks) -> tuple[object, ...]:
        shape = [[vars(contest) for contest in same] for same in tasks]
        return self.resamples, self.level, SEEDS_FOR_METHODS, shape

    def _pair(self, ours: tuple[Entry, ...], theirs: tuple[Entry, ...], tasks: Tasks) -> Judged | None:
        facts = [*self._facts(tasks), _digest(ours), _digest(theirs)]
        key = key_of("pair", _RULE, *facts)
        found = self._kept.pair(key)
        if found is None and _only_kept([ours, theirs], tasks):
            found = self._kept.pair(key_of("pair", _OLDER, *facts))
        if found is None:
            found = self._judged(ours, theirs, tasks)
            if found is not None:
                self._kept.keep_pair(key, found)
        return found

    def _judged(self, ours: tuple[Entry, ...], theirs: tuple[Entry, ...], tasks: Tasks) -> Judged | None:
        claim = _claim([ours, theirs])
        mine, other = ([self._drawn(entry) for entry in side] for side in (ours, theirs))
        measured: list[Sides] = []
        for a, b, entry, against in zip(mine, other, ours, theirs, strict=True):
            if a is None or b is None:
                return None
            sampled = tuple(claim == "models" and len(each.checkpoints) > 1 for each in (entry, against))
            stream = stream_of(entry.ground)
            measured.append(sides_of(a.scores, b.scores, seeds=(sampled[0], sampled[1]), stream=stream))
        couples = [(a, b) for a, b in zip(mine, other, strict=True) if a is not None and b is not None]
        return judged(
            mean_sides(_grouped(measured, tasks)),
            claim,
            evidence_of(couples, ours, tasks),
            level=self.level,
            seeds=min((len(entry.checkpoints) for entry in (*ours, *theirs) if not entry.constant), default=1),
        )

    def _ranks(self, sides: Sequence[tuple[Entry, ...]], tasks: Tasks, *, higher: bool) -> list[tuple[int, int]] | None:
        claim = _claim(sides)
        point, draws, examples = [], [], []
        for place, side in enumerate(sides):
            parts = []
            for entry in side:
                drawn = self._drawn(entry)
                if drawn is None:
                    return None
                examples.append(drawn.examples)
                parts.append(_mean_over_seeds(drawn.scores, (stream_of(entry.ground)[0], place), claim))
            groups = _grouped(parts, tasks)
            point.append(float(np.mean([np.mean([score for score, _ in same]) for same in groups])))
            draws.append(np.mean([np.mean([values for _, values in same], axis=0) for same in groups], axis=0))
        if min(examples) < LEAST_EXAMPLES:
            # Resamples of so few would rank models that nothing tells apart.
            return [(1, len(point))] * len(point)
        sign = 1.0 if higher else -1.0
        return rank_intervals(sign * np.array(point), sign * np.stack(draws, axis=1), level=self.level)

    def _drawn(self, entry: Entry) -> Drawn | None:
        """A model's resampled scores; all models of the contest are read at once."""
        place = (entry.contest, entry.ground.protocol)
        if place not in self._pools:
            entries = [
                found
                for model in self._models.values()
                if (side := self._sides(model.variant, [[entry.contest]])) and (found := side[0]).ground == entry.ground
            ]
            self._pools[place] = pool_of(entries, self.resamples)
            self._problems |= dict.fromkeys(self._pools[place].problems)
        return self._pools[place].drawn.get(entry.digests)


def _only_kept(sides: Iterable[Sequence[Entry]], tasks: Tasks) -> bool:
    """Whether predictions are gone, and there were so many that the older rule judged them as this one would."""
    several, weights = list(sides), weights_of(tasks)
    gone = any(not stored.path.is_file() for side in several for entry in side for stored in entry.checkpoints)
    return gone and all(as_one_task([entry.examples for entry in side], weights) >= FEW_EXAMPLES for side in several)


def _digest(side: Sequence[Entry]) -> list[object]:
    """What a model said in all contests, and what kind of claim it can carry."""
    return [[list(entry.digests), entry.ground.protocol, entry.constant] for entry in side]


def _claim(sides: Sequence[Sequence[Entry]]) -> Claim:
    """`models` where all have enough seeds in every contest; one constant answer has none and needs none."""
    entries = [entry for side in sides for entry in side if not entry.constant]
    return "models" if all(len(entry.checkpoints) >= SEEDS_FOR_METHODS for entry in entries) else "checkpoints"


def _grouped(flat: Sequence[T], tasks: Tasks) -> list[list[T]]:
    """The same items, those of one task together."""
    items = iter(flat)
    return [[next(items) for _ in same] for same in tasks]


def _turned(found: Judged) -> Judged:
    """The same difference seen from the other side."""
    low, high = (None if end is None else -end for end in (found.high, found.low))
    return replace(found, effect=None if found.effect is None else -found.effect, low=low, high=high)


def _mean_over_seeds(scores: Resampled, stream: tuple[int, int], claim: Claim) -> tuple[float, NDArray[np.float64]]:
    """A model's score and, in each resample, the mean over its checkpoints, drawn anew for a claim about models.

    The stream is of the task and the model: splits share their draws, models and tasks do not.
    """
    point = float(scores.point.mean())
    if claim == "models" and scores.point.size > 1:
        return point, over_seeds(scores.values, np.random.default_rng(stream))
    return point, scores.values.mean(axis=1)
