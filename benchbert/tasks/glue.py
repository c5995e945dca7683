"""GLUE's nine tasks and its diagnostics (Wang et al. 2018, arXiv 1804.07461), as `nyu-mll/glue` holds them.

Labels stand in the dataset's order; row counts are the official ones. AX is scored by the model of MNLI, and only where
a labelled file is given: the hub's rows have labels -1 and are for the submission.
"""

from __future__ import annotations

from benchbert.types import DatasetRef, Head, Split, Task

__all__ = ["REGISTERED"]

_REFERENCE = "Wang et al. 2018, arXiv 1804.07461"
_PAIR = ("sentence1", "sentence2")


def _task(
    config: str,
    *,
    rows: tuple[int, int, int],
    metrics: tuple[str, ...],
    text: tuple[str, ...] = _PAIR,
    labels: tuple[str, ...] = (),
    head: Head = "classification",
) -> Task:
    """A task with the usual three splits; `rows` counts train, validation and test."""
    train, validation, test = rows
    return Task(
        name=f"glue/{config}",
        dataset=DatasetRef(id="nyu-mll/glue", config=config),
        head=head,
        text=text,
        labels=labels,
        train=Split(name="train", rows=train),
        evaluation=(Split(name="validation", rows=validation),),
        test=(Split(name="test", rows=test),),
        metrics=metrics,
        reference=_REFERENCE,
    )


_MNLI_LABELS = ("entailment", "neutral", "contradiction")

REGISTERED = (
    _task(
        "cola",
        rows=(8_551, 1_043, 1_063),
        metrics=("matthews_correlation",),
        text=("sentence",),
        labels=("unacceptable", "acceptable"),
    ),
    _task(
        "sst2",
        rows=(67_349, 872, 1_821),
        metrics=("accuracy",),
        text=("sentence",),
        labels=("negative", "positive"),
    ),
    _task("mrpc", rows=(3_668, 408, 1_725), metrics=("f1", "accuracy"), labels=("not_equivalent", "equivalent")),
    _task("stsb", rows=(5_749, 1_500, 1_379), metrics=("pearson", "spearman"), head="regression"),
    _task(
        "qqp",
        rows=(363_846, 40_430, 390_965),
        metrics=("f1", "accuracy"),
        text=("question1", "question2"),
        labels=("not_duplicate", "duplicate"),
    ),
    Task(
        name="glue/mnli",
        dataset=DatasetRef(id="nyu-mll/glue", config="mnli"),
        head="classification",
        text=("premise", "hypothesis"),
        labels=_MNLI_LABELS,
        train=Split(name="train", rows=392_702),
        evaluation=(Split(name="validation_matched", rows=9_815), Split(name="validation_mismatched", rows=9_832)),
        test=(Split(name="test_matched", rows=9_796), Split(name="test_mismatched", rows=9_847)),
        metrics=("accuracy",),
        reference=_REFERENCE,
    ),
    _task(
        "qnli",
        rows=(104_743, 5_463, 5_463),
        metrics=("accuracy",),
        text=("question", "sentence"),
        labels=("entailment", "not_entailment"),
    ),
    _task("rte", rows=(2_490, 277, 3_000), metrics=("accuracy",), labels=("entailment", "not_entailment")),
    _task("wnli", rows=(635, 71, 146), metrics=("accuracy",), labels=("not_entailment", "entailment")),
    Task(
        name="glue/ax",
        dataset=DatasetRef(id="nyu-mll/glue", config="ax"),
        head="classification",
        text=("premise", "hypothesis"),
        labels=_MNLI_LABELS,
        evaluation=(),
        test=(Split(name="test", rows=1_104),),
        metrics=("matthews_correlation",),
        head_of="glue/mnli",
        reference=_REFERENCE,
    ),
)
