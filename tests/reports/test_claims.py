"""The published claims: confirmed, refuted, or which numbers are missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handmade import cost, score, write_run

from benchbert.registry import entries
from benchbert.reports.audit_text import claims_text
from benchbert.reports.build import build_report
from benchbert.reports.claims import CLAIMS, CheckedClaim, check_claims, claims
from benchbert.store.frame import empty_frame, to_frame
from benchbert.types import Result

BERT, DISTIL = "bert-base-uncased", "distilbert-base-uncased"
SIZES = {BERT: 109.48e6, DISTIL: 66.36e6, "albert-base-v2": 11.68e6, "mobilebert-uncased": 24.58e6}
DEV = {
    "cola": ("matthews_correlation", 0.563, 0.513),
    "mnli": ("accuracy", 0.847, 0.821),
    "mrpc": ("f1", 0.886, 0.875),
    "qnli": ("accuracy", 0.918, 0.892),
    "qqp": ("accuracy", 0.896, 0.885),
    "rte": ("accuracy", 0.693, 0.599),
    "sst2": ("accuracy", 0.927, 0.913),
    "stsb": ("pearson", 0.890, 0.869),
    "wnli": ("accuracy", 0.535, 0.563),
}


def registered(result: Result) -> Result:
    spec = dict(result.job.spec)
    spec["family"] = entries("models")[spec["model"]].family
    return replace(result, job=replace(result.job, spec=spec))


def sizes() -> list[Result]:
    return [registered(cost(m, "parameters_stored", n, unit="", profiler="size")) for m, n in SIZES.items()]


def latency(model: str, milliseconds: float, **more: object) -> Result:
    return registered(cost(model, "latency_ms", milliseconds, **more))  # type: ignore[arg-type]


def glue(seeds: tuple[int, ...] = (1, 2, 3), **more: object) -> list[Result]:
    found = []
    for task, (metric, bert, distil) in DEV.items():
        split = "validation_matched" if task == "mnli" else "validation"
        for seed in seeds:
            wobble = 0.0002 * (seed - 2)
            for model, value in ((BERT, bert), (DISTIL, distil + wobble)):
                result = score(model, f"glue/{task}", value, metric=metric, split=split, seed=seed, **more)  # type: ignore[arg-type]
                found.append(registered(result))
    return found


def checked(results: list[Result], words: str) -> CheckedClaim:
    (found,) = [row for row in check_claims(to_frame(results)) if row.claim.endswith(words)]
    return found


def test_without_numbers_every_claim_says_what_is_missing() -> None:
    rows = check_claims(empty_frame())
    assert [row.claim for row in rows] == [claim.name for claim in CLAIMS]
    assert {row.verdict for row in rows} == {"cannot tell"}
    assert all(row.reason.startswith("missing: ") for row in rows)
    assert all(claim.model in row.reason and BERT in row.reason for claim, row in zip(CLAIMS, rows, strict=True))
    assert {claim.model for claim in CLAIMS} <= set(entries("models"))


def test_sizes_are_counted() -> None:
    small = checked(sizes(), "DistilBERT is 40 % smaller than BERT-base")
    assert (small.verdict, small.reason) == ("confirm", "66.36 of 109.48 million parameters, 39.4% fewer")
    assert checked(sizes(), "DistilBERT is 60 % smaller than BERT-base").verdict == "refute"
    mobile = checked(sizes(), "MobileBERT is 4.3 times smaller than BERT-base")
    assert (mobile.verdict, mobile.measured) == ("confirm", pytest.approx(109.48 / 24.58))
    assert checked(sizes(), "ALBERT-base has 9.4 times fewer parameters than BERT-base").verdict == "confirm"
    # Another width under the same name: the number decides, not the name.
    wide = [*sizes()[:1], registered(cost(DISTIL, "parameters_stored", 90e6, unit="", profiler="size"))]
    assert checked(wide, "DistilBERT is 40 % smaller than BERT-base").verdict == "refute"


@pytest.mark.parametrize(("ms", "verdict"), [(60.0, "confirm"), (68.0, "cannot tell"), (90.0, "refute")])
def test_speed_is_a_ratio_with_an_interval(ms: float, verdict: str) -> None:
    found = checked([latency(BERT, 100.0), latency(DISTIL, ms)], "DistilBERT is 60 % faster than BERT-base")
    assert (found.verdict, found.measured) == (verdict, pytest.approx(100 / ms))
    assert found.low < found.measured < found.high
    assert "other hardware than the claim's" in found.reason
    assert "cpu, float32, eager, batch 1, 128 tokens, 1 thread, on box-2c" in found.reason


def test_speeds_come_from_one_condition_and_a_steady_machine() -> None:
    words = "DistilBERT is 60 % faster than BERT-base"
    apart = [latency(BERT, 100.0), latency(DISTIL, 60.0, machine="other-8c")]
    assert "were not timed under the same conditions" in checked(apart, words).reason
    both = [latency(BERT, 700.0, batch_size=8), latency(DISTIL, 100.0, batch_size=8), latency(BERT, 100.0)]
    assert "batch 8" in checked(both, words).reason
    assert "batch 1" in checked([*both, latency(DISTIL, 60.0)], words).reason
    shaky = checked([latency(BERT, 100.0, steady=False), latency(DISTIL, 60.0)], words)
    assert (shaky.verdict, shaky.measured) == ("cannot tell", pytest.approx(100 / 60))
    assert shaky.reason.startswith(f"{BERT} was not steady")


@pytest.mark.parametrize(
    ("ms", "verdict"), [(100.0, "confirm"), (130.0, "confirm"), (92.0, "cannot tell"), (70.0, "refute")]
)
def test_albert_is_no_faster(ms: float, verdict: str) -> None:
    found = checked([latency(BERT, 100.0), latency("albert-base-v2", ms)], "ALBERT-base is no faster than BERT-base")
    assert found.verdict == verdict


def test_glue_is_kept_with_wnli_and_not_without() -> None:
    with_wnli = checked(glue(), "BERT-base on GLUE")
    assert (with_wnli.verdict, round(100 * with_wnli.measured, 1)) == ("confirm", 96.9)
    without = checked(glue(), "without WNLI")
    assert (without.verdict, round(100 * without.measured, 1)) == ("refute", 96.2)
    one = checked(glue((1,)), "BERT-base on GLUE")
    assert (one.verdict, one.low) == ("cannot tell", None)


def test_a_missing_task_a_sample_or_other_weights_block_the_average() -> None:
    lacking = [r for r in glue() if r.job.spec["task"] != "glue/wnli"]
    assert f"wnli/accuracy of {DISTIL}" in checked(lacking, "BERT-base on GLUE").reason
    assert checked(lacking, "without WNLI").verdict == "refute"
    assert "complete GLUE scores" in checked(glue(complete=False), "BERT-base on GLUE").reason
    assert "complete GLUE scores" in checked(glue(weights="random"), "BERT-base on GLUE").reason


def test_other_models_under_these_names_do_not_count() -> None:
    assert {row.measured for row in check_claims(to_frame(sizes()), {BERT})} == {None}
    foreign = [replace(r, job=replace(r.job, spec={**r.job.spec, "family": "x"})) for r in sizes()]
    assert {row.measured for row in check_claims(to_frame(foreign))} == {None}


def test_table_text_and_section(tmp_path) -> None:
    results = [*sizes(), latency(BERT, 100.0), latency(DISTIL, 60.0)]
    frame = to_frame(results)
    table = claims(frame)
    assert table["verdict"].tolist().count("confirm") == 4
    assert table["measured"].isna().sum() == len(CLAIMS) - 5
    assert "| DistilBERT is 60 % faster than BERT-base | 1.63 | 1.67 " in claims_text(frame)
    assert "confirm" in claims_text(frame, "plain")
    page = build_report(write_run(tmp_path / "a", results), tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'id="claims"' in page
    assert "39.4% fewer" in page
    other = build_report(write_run(tmp_path / "b", [cost("bert-a", "latency_ms", 3.0)]), tmp_path / "b.html")
    assert 'id="claims"' not in other.read_text(encoding="utf-8")
