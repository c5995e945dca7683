from __future__ import annotations

import itertools
import random
import statistics
from dataclasses import replace

import pandas as pd
import pytest

from benchbert.statistics.pareto import pareto_front
from benchbert.statistics.seeds import SUMMARY_COLUMNS, T_OVER_SEEDS, summarise, t_interval
from benchbert.store.frame import empty_frame, to_frame
from benchbert.types import Job, Result, ResultKey, Value


def predict(value: float | None, *, seed: int = 1, model: str = "m", weights: str = "published", **changes) -> Result:
    spec = {"model": model, "family": "bert", "weights": weights, "task": "t", "backend": "eager"}
    job = Job(kind=changes.get("kind", "predict"), spec=spec, seed=seed, task_version=changes.get("version", 1))
    number = Value(
        metric=changes.get("metric", "accuracy"),
        value=value,
        direction="higher",
        n=changes.get("n", 100),
        ci_low=None if value is None else value - 0.1,
        ci_high=None if value is None else value + 0.1,
        ci_kind="bootstrap over examples",
        ci_level=0.9,
        split=changes.get("split", "dev"),
        convention=changes.get("convention", ""),
        complete=changes.get("complete", True),
    )
    return Result(
        key=ResultKey(job_id=job.id, machine_id="box", environment_id="env"),
        job=job,
        status="ok",
        values=(number,),
        provenance={"dataset_fingerprint": changes.get("fingerprint", "f")},
    )


def test_t_interval_matches_the_printed_table() -> None:
    # Student's t, 97.5 %: 4.303 at 2 and 12.706 at 1 degree of freedom, as every printed table has it.
    values = [0.70, 0.72, 0.77]
    half = 4.3027 * statistics.stdev(values) / 3**0.5
    assert t_interval(values) == pytest.approx(
        (statistics.mean(values) - half, statistics.mean(values) + half), abs=1e-5
    )
    assert t_interval([1.0, 3.0]) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)


def test_several_seeds_give_a_t_interval_with_its_kind() -> None:
    row = summarise(to_frame([predict(v, seed=s) for s, v in enumerate([0.70, 0.72, 0.77])])).iloc[0]
    assert (row["seeds"], row["examples"], row["ci_kind"], row["ci_level"]) == (3, 100, T_OVER_SEEDS, 0.95)
    assert row["mean"] == pytest.approx(0.73)
    assert row["sd"] == pytest.approx(statistics.stdev([0.70, 0.72, 0.77]))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(t_interval([0.70, 0.72, 0.77]))


def test_one_seed_keeps_its_own_interval_over_examples() -> None:
    row = summarise(to_frame([predict(0.6)])).iloc[0]
    assert (row["seeds"], row["ci_kind"], row["ci_level"]) == (1, "bootstrap over examples", 0.9)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.5, 0.7))
    assert pd.isna(row["sd"])


def test_an_undefined_seed_leaves_the_mean_undefined_and_is_counted() -> None:
    row = summarise(to_frame([predict(0.6), predict(None, seed=2)])).iloc[0]
    assert pd.isna(row["mean"])
    assert (row["seeds"], row["undefined"]) == (2, 1)
    assert row["ci_kind"] == "none: undefined for 1 of 2 seeds"


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"fingerprint": "other"}, {"split": "test"}, {"convention": "c"}, {"metric": "f1"}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_not_comparable_is_never_averaged(change) -> None:
    table = summarise(to_frame([predict(0.6), predict(0.8, seed=2, **change)]))
    assert table["mean"].tolist() == [0.6, 0.8]


def test_a_sample_marks_the_whole_row_and_neither_random_weights_nor_the_baseline_are_ranked() -> None:
    control = predict(0.4, model="control", weights="random")
    baseline = predict(0.5, model="majority", weights="constant")
    table = summarise(to_frame([predict(0.6, complete=False), control, baseline]))
    assert table["complete"].tolist() == [False, True, True]
    assert table["ranked"].tolist() == [True, False, False]


def test_a_seed_scored_twice_counts_once_with_its_last_score() -> None:
    row = summarise(to_frame([predict(0.1), predict(0.6)])).iloc[0]
    assert (row["seeds"], row["mean"]) == (1, 0.6)


def test_profiles_and_training_are_no_scores_and_nothing_is_an_empty_table() -> None:
    assert summarise(to_frame([predict(0.6, kind="finetune")])).empty
    assert tuple(summarise(empty_frame()).columns) == SUMMARY_COLUMNS


def test_scores_stay_within_their_bounds() -> None:
    row = summarise(to_frame([predict(0.90, seed=1), predict(0.99, seed=2)])).iloc[0]
    assert row["ci_high"] == 1.0
    assert row["ci_low"] >= 0.0


@pytest.mark.parametrize(
    ("metric", "unit", "values", "bounds"),
    [
        ("accuracy", "", (0.95, 0.76), (0.0, 1.0)),
        ("HasAns_f1", "", (0.05, 0.15), (0.0, None)),
        ("matthews_correlation", "", (-0.6, 0.9), (-1.0, 1.0)),
        ("pearson", "", (0.2, 0.25), (None, None)),
        ("mse", "label²", (10.6, 14.6), (0.0, None)),
    ],
)
def test_no_interval_over_seeds_goes_beyond_what_the_metric_can_be(metric, unit, values, bounds) -> None:
    results = [predict(value, seed=i, metric=metric) for i, value in enumerate(values)]
    with_unit = [replace(each, values=(replace(each.values[0], unit=unit),)) for each in results]
    row = summarise(to_frame(with_unit)).iloc[0]
    low, high = (t if b is None else b for t, b in zip(t_interval(values), bounds, strict=True))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-3)


def test_pareto_front_agrees_with_the_definition() -> None:
    generator = random.Random(5)
    for _ in range(200):
        points = [(generator.randint(1, 6), generator.randint(1, 6)) for _ in range(generator.randint(0, 9))]
        dominated = [
            any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in points) for cost, score in points
        ]
        flags = pareto_front([float(c) for c, _ in points], [float(s) for _, s in points])
        assert flags == [not flag for flag in dominated]


def test_pareto_front_does_not_depend_on_the_order() -> None:
    points = [(1.0, 0.5), (2.0, 0.7), (2.0, 0.6), (3.0, 0.7), (1.0, 0.5)]
    for order in itertools.permutations(points):
        flags = pareto_front([c for c, _ in order], [s for _, s in order])
        assert sorted(p for p, on in zip(order, flags, strict=True) if on) == [(1.0, 0.5), (1.0, 0.5), (2.0, 0.7)]
