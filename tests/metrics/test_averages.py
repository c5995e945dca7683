"""The four GLUE averages: the published cells, and what blocks them."""

from __future__ import annotations

import pytest

from benchbert.errors import UnknownNameError
from benchbert.metrics.averages import AVERAGES, average, average_values, column
from benchbert.types import Value

TASKS = [
    "cola/matthews_correlation",
    "mnli_matched/accuracy",
    "mrpc/f1",
    "qnli/accuracy",
    "qqp/accuracy",
    "rte/accuracy",
    "sst2/accuracy",
    "stsb/pearson",
    "wnli/accuracy",
]
BERT = dict(zip(TASKS, (56.3, 84.7, 88.6, 91.8, 89.6, 69.3, 92.7, 89.0, 53.5), strict=True))
DISTILBERT = dict(zip(TASKS, (51.3, 82.1, 87.5, 89.2, 88.5, 59.9, 91.3, 86.9, 56.3), strict=True))


def test_published_cells():
    assert round(average("distilbert", BERT).value, 1) == 79.5
    assert round(average("no_wnli", BERT).value, 2) == 82.75
    assert round(average("distilbert", DISTILBERT).value, 1) == 77.0
    assert round(average("no_wnli", DISTILBERT).value, 2) == 79.59


def test_famous_retention():
    whole = average("distilbert", DISTILBERT).value / average("distilbert", BERT).value
    without = average("no_wnli", DISTILBERT).value / average("no_wnli", BERT).value
    assert round(100 * whole, 1) == 96.9
    assert round(100 * without, 1) == 96.2


def everything():
    return {name: float(rank) for rank, name in enumerate(sorted({c for g in AVERAGES.values() for p in g for c in p}))}


def test_official_averages_a_task_first():
    s = everything()
    tasks = [
        s["cola/matthews_correlation"],
        s["sst2/accuracy"],
        (s["mrpc/f1"] + s["mrpc/accuracy"]) / 2,
        (s["stsb/pearson"] + s["stsb/spearman"]) / 2,
        (s["qqp/f1"] + s["qqp/accuracy"]) / 2,
        (s["mnli_matched/accuracy"] + s["mnli_mismatched/accuracy"]) / 2,
        s["qnli/accuracy"],
        s["rte/accuracy"],
        s["wnli/accuracy"],
    ]
    assert average("official", s).value == pytest.approx(sum(tasks) / 9)


def test_bert_has_nine_columns_without_wnli():
    s = everything()
    columns = [
        "mnli_matched/accuracy",
        "mnli_mismatched/accuracy",
        "qqp/f1",
        "qnli/accuracy",
        "sst2/accuracy",
        "cola/matthews_correlation",
        "stsb/spearman",
        "mrpc/f1",
        "rte/accuracy",
    ]
    assert average("bert", s).value == pytest.approx(sum(s[c] for c in columns) / 9)


@pytest.mark.parametrize("name", sorted(AVERAGES))
def test_anything_missing_or_undefined_blocks(name):
    for group in AVERAGES[name]:
        for gone in group:
            scores = everything()
            del scores[gone]
            assert average(name, scores).value is None
            assert average(name, scores).missing == (gone,)
            assert average(name, everything() | {gone: None}).missing == (gone,)


def test_unknown_name():
    with pytest.raises(UnknownNameError, match="distilbert"):
        average("distilbrt", {})


def test_from_values_skips_samples_and_other_worlds():
    values = []
    for name in everything():
        task, metric = name.split("/")
        split = "validation"
        if task.startswith("mnli"):
            task, split = "mnli", f"validation_{task.split('_')[1]}"
        values.append((f"glue/{task}", Value(metric=metric, value=0.5, split=split, complete=True)))
        assert column(f"glue/{task}", split, metric) == name
    values.append(
        ("builtin/glue/cola", Value(metric="matthews_correlation", value=0.1, split="validation", complete=True))
    )
    assert average_values("official", values).value == pytest.approx(0.5)
    sample = [(t, Value(metric=v.metric, value=v.value, split=v.split, complete=t != "glue/wnli")) for t, v in values]
    assert average_values("official", sample).missing == ("wnli/accuracy",)
    assert average_values("no_wnli", sample).value == pytest.approx(0.5)
