"""The audit: what lies within the band of a published score, and every reason against comparing."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from handmade import cost, score, write_run
from scipy import stats

from benchbert.errors import UsageError
from benchbert.registry import entries
from benchbert.reports.audit import NOT_COMPARABLE, AuditedScore, audit, audited
from benchbert.reports.audit_text import audit_text
from benchbert.reports.build import build_report
from benchbert.reports.comparability import strangers
from benchbert.reports.published import METRICS, PLAIN_RECIPES, published_scores
from benchbert.store.frame import empty_frame, to_frame
from benchbert.types import Result, Value

UNREGISTERED = {"albert-xxlarge-v1"}
MODEL = "bert-base-uncased"


def with_spec(result: Result, **spec: object) -> Result:
    return replace(result, job=replace(result.job, spec={**result.job.spec, **spec}))


def ours(
    task: str, values: list[float], *, metric: str = "accuracy", half: float | None = 0.02, **more
) -> list[Result]:
    """One result a seed of a published checkpoint."""
    spec = {"family": entries("models")[more.get("model", MODEL)].family}
    spec |= {"settings": {"max_length": more.pop("max_length", 384)}} | more.pop("spec", {})
    model = more.pop("model", MODEL)
    return [
        with_spec(score(model, task, value, seed=seed, metric=metric, half=half, **more), **spec)
        for seed, value in enumerate(values, 1)
    ]


def only(results, *, split: str = "dev") -> AuditedScore:
    """The one comparison with a score on that split."""
    (found,) = [row for row in audited(to_frame(results)) if row.published_split == split]
    return found


def test_the_file_is_well_formed() -> None:
    rows = published_scores()
    registered = set(entries("models")) | UNREGISTERED
    tasks = {name.removeprefix("glue/") for name in entries("tasks")} | {"mnli_matched", "mnli_mismatched"}
    assert len(rows) > 150
    for row in rows:
        assert row.model in registered, row
        assert row.task in tasks, row
        assert row.metric in METRICS, row
        assert row.split in {"dev", "test"}, row
        assert 0 < row.value < 100, row
        assert row.source, row
        assert row.provenance in {"read in source", "second-hand"}, row
    assert {row.recipe for row in rows} > PLAIN_RECIPES
    keys = [(r.model, r.task, r.metric, r.split, r.source, r.recipe) for r in rows]
    assert len(set(keys)) == len(keys)


def test_the_file_agrees_with_where_it_came_from(real_data) -> None:
    path = real_data / "published" / "scores.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with path.open(encoding="utf-8", newline="") as stream:
        theirs = [tuple(row.values()) for row in csv.DictReader(stream)]
    own = [
        (r.model, r.task, r.metric, r.split, f"{r.value:.{r.decimals}f}", r.source, r.recipe, r.provenance)
        for r in published_scores()
    ]
    assert own == theirs


def test_within_below_and_above_by_a_prediction_interval() -> None:
    values = [0.920, 0.926, 0.929]
    found = only(ours("glue/sst2", values))
    mean, sd = sum(values) / 3, stats.tstd(values)
    half = stats.t.ppf(0.975, 2) * sd * (1 + 1 / 3) ** 0.5 + 0.0005  # 92.7 was rounded to one decimal
    assert (found.verdict, found.reason, found.seeds, found.published) == ("within", "", 3, pytest.approx(0.927))
    assert (found.low, found.high) == (pytest.approx(mean - half), pytest.approx(mean + half))
    assert only(ours("glue/sst2", [0.900, 0.901, 0.902])).verdict == "below"
    assert only(ours("glue/sst2", [0.950, 0.951, 0.952])).verdict == "above"


def test_the_prediction_interval_covers_one_more_run() -> None:
    import numpy as np

    from benchbert.statistics.prediction import one_more_run, one_more_run_from_examples

    rng = np.random.default_rng(0)
    runs = rng.normal(0.9, 0.01, (4000, 6))
    inside = [abs(row[5] - row[:5].mean()) <= one_more_run(row[:5].std(ddof=1), 5) for row in runs]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.012)
    # Two runs that err independently on the same 500 examples, each example with its own difficulty.
    chances = rng.uniform(0.6, 1.0, 500)
    pairs = rng.random((2, 2000, 500)) < chances
    first, second = pairs.mean(axis=2)
    width = 1.96 * np.sqrt(first * (1 - first) / 500)
    near = [
        abs(a - b) <= one_more_run_from_examples(a - w, a + w) for a, b, w in zip(first, second, width, strict=True)
    ]
    assert np.mean(near) >= 0.95


def test_one_seed_takes_the_interval_over_examples() -> None:
    found = only(ours("glue/sst2", [0.915], half=0.01))
    assert found.verdict == "within"
    assert found.high - found.score == pytest.approx(2**0.5 * 0.01 + 0.0005)
    assert only(ours("glue/sst2", [0.912], half=0.01)).verdict == "below"
    without = only(ours("glue/sst2", [0.927], half=None))
    assert (without.verdict, without.low) == ("not comparable", None)
    assert "one seed without an interval" in without.reason


def test_equal_seeds_are_no_spread_of_nothing() -> None:
    found = only(ours("glue/sst2", [0.925, 0.925, 0.925]))  # 500 examples: one is 0.002
    assert (found.verdict, found.high) == ("within", pytest.approx(0.925 + 0.002 + 0.0005))
    assert only(ours("glue/sst2", [0.924, 0.924, 0.924])).verdict == "below"


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (ours("glue/sst2", [0.92], complete=False), "a sample of the data: 500 examples"),
        (ours("glue/sst2", [0.92], weights="random"), "random weights: not that checkpoint"),
        (ours("glue/sst2", [0.92], weights="recipe"), "weights that a recipe made"),
        (ours("glue/sst2", [0.92], weights="folder"), "weights of a local folder"),
        (ours("glue/sst2", [0.92], spec={"family": ""}), "weights that the suite gives this name"),
        (ours("glue/sst2", [0.92], provenance={"control_of": "x"}), "a control of x"),
        (ours("glue/sst2", [0.92], max_length=64), "another max length: 64 tokens"),
        (ours("builtin/glue/sst2", [0.92]), "generated data: another dataset"),
        (ours("squad", [0.81], metric="exact_match", max_length=128), "published runs have at least 384"),
        (ours("glue/stsb", [0.8], model="tinybert-6l-768", metric="pearson"), "another recipe: task distillation"),
    ],
)
def test_reasons_against_comparing(results, words) -> None:
    found = only(results)
    assert (found.verdict, found.low, found.band) == ("not comparable", None, "")
    assert words in found.reason


def test_another_split_and_second_hand_numbers() -> None:
    found = only(ours("glue/sst2", [0.927]), split="test")
    assert found.reason.startswith("another split: ours is validation, the published one test; the published number is")
    squad = ours("squad", [0.829], model="mobilebert-uncased", metric="exact_match")
    assert only(squad).reason == "the published number is second-hand: not read in its source"


def test_training_on_a_sample_is_said() -> None:
    training = Value(metric="training_s", value=3.0, unit="s", complete=False)
    (result,) = ours("glue/sst2", [0.927])
    trained = replace(result, values=(training,), job=replace(result.job, kind="finetune"))
    assert "fine-tuned on a sample of the training data" in only([result, trained]).reason


def test_a_score_that_may_be_one_of_two_metrics() -> None:
    # The DistilBERT README gives 88.6 and does not say whether it is F1 or accuracy.
    f1 = ours("glue/mrpc", [0.885, 0.886, 0.887], metric="f1")
    accuracy = ours("glue/mrpc", [0.835, 0.836, 0.837])
    found = only([*f1, *accuracy])
    assert (found.verdict, found.metric) == ("within", "f1")
    low = [*ours("glue/mrpc", [0.855, 0.856, 0.857], metric="f1"), *accuracy]
    assert (only(low).verdict, only(low).metric) == ("below", "f1")
    across = [*ours("glue/mrpc", [0.905, 0.906, 0.907], metric="f1"), *accuracy]
    assert (only(across).verdict, only(across).low) == ("not comparable", None)
    assert "lie on both sides" in only(across).reason


def test_squad_v2_may_have_been_tuned() -> None:
    one = {"model": "albert-base-v2", "split": "validation", "half": 0.005}
    (headline,) = ours("squad_v2", [0.800], metric="f1", **one)
    best = Value(metric="best_f1", value=0.818, n=500, split="validation", complete=True, ci_kind="none: tuned")
    assert only([headline]).verdict == "below"
    found = only([replace(headline, values=(*headline.values, best))])
    assert (found.verdict, found.metric, found.published) == ("within", "best_f1", pytest.approx(0.821))


def test_mnli_halves_stay_apart() -> None:
    matched = ours("glue/mnli", [0.847], split="validation_matched")
    other = ours("glue/mnli", [0.5], split="validation_mismatched")
    rows = audited(to_frame([*matched, *other]))
    dev = [row for row in rows if row.published_split == "dev"]
    assert [(row.split, row.verdict) for row in dev] == [("validation_matched", "within")]


def test_undefined_scores_are_said_not_dropped() -> None:
    values = [*ours("glue/stsb", [0.89, 0.891], metric="pearson"), *ours("glue/stsb", [0.88, 0.881], metric="spearman")]
    (collapsed,) = ours("glue/stsb", [None], metric="pearson", half=None)  # type: ignore[list-item]
    collapsed = replace(collapsed, job=replace(collapsed.job, seed=3))
    found = only([*values, collapsed])
    assert (found.verdict, found.score) == ("not comparable", None)
    assert "pearson is undefined for 1 of 3 seeds" in found.reason


def test_another_checkpoint_under_a_registered_name() -> None:
    spec = entries("models")[MODEL]
    true = {"models": {MODEL: {"hub_id": spec.source.id, "config": dict(spec.config)}, "mine": {"hub_id": "x/y"}}}
    assert strangers(true) == strangers({}) == frozenset()
    assert strangers({"models": {MODEL: {"hub_id": "x/y", "config": {}}}}) == {MODEL}
    assert strangers({"models": {MODEL: {"hub_id": spec.source.id, "config": {"hidden_size": 8}}}}) == {MODEL}
    frame = to_frame(ours("glue/sst2", [0.927]))
    assert "weights that the suite gives this name" in audited(frame, {MODEL})[0].reason


def test_table_and_text() -> None:
    frame = to_frame(ours("glue/sst2", [0.920, 0.926, 0.929]))
    table = audit(frame)
    assert table["verdict"].tolist() == ["within", "not comparable"]
    assert table["low"].isna().tolist() == [False, True]
    assert list(audit(empty_frame()).columns) == list(table.columns)
    text = audit_text(frame)
    assert "| bert-base-uncased | glue/sst2 validation | accuracy | 92.5 " in text
    assert "| 92.7 | within | Hugging Face DistilBERT README |" in text
    assert "92.7  within" in audit_text(frame, "plain")
    assert "No result here is of a checkpoint" in audit_text(empty_frame())
    with pytest.raises(UsageError, match="markdown, plain"):
        audit_text(frame, "html")


def test_the_section_is_there_for_published_checkpoints_only(tmp_path) -> None:
    published = build_report(write_run(tmp_path / "a", ours("glue/sst2", [0.92, 0.93])), tmp_path / "a.html")
    assert "1 of 1 compared scores lie within the band" in published.read_text(encoding="utf-8")
    made = ours("glue/sst2", [0.92], weights="recipe")
    other = build_report(write_run(tmp_path / "b", [*made, cost("bert-a", "latency_ms", 3.0)]), tmp_path / "b.html")
    assert 'id="audit"' not in other.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"epochs": 0.01}, "another recipe: 0.01 epochs, published fine-tuning has 1 to 20"),
        ({"epochs": 50.0}, "another recipe: 50 epochs, published fine-tuning has 1 to 20"),
        ({"epochs": 3.0, "learning_rate": 1.0}, "another recipe: 1 as learning rate"),
    ],
)
def test_fine_tuning_unlike_any_published_one_is_not_compared(settings: dict[str, float], reason: str) -> None:
    rows = audited(to_frame(ours("glue/sst2", [0.605], spec={"settings": {"max_length": 128, **settings}})))
    assert {row.verdict for row in rows} == {NOT_COMPARABLE}
    assert all(reason in row.reason for row in rows)


def test_another_version_of_the_task_is_not_compared() -> None:
    rows = audited(to_frame(ours("glue/sst2", [0.927], version=0)))
    assert {row.verdict for row in rows} == {NOT_COMPARABLE}
    assert all("version 0 of the task, this benchbert has version 1" in row.reason for row in rows)
