"""SQuAD 1.1 (Rajpurkar et al. 2016, arXiv 1606.05250) and 2.0 (Rajpurkar et al. 2018, arXiv 1806.03822)."""

from __future__ import annotations

from benchbert.types import DatasetRef, Split, Task

__all__ = ["REGISTERED"]

REGISTERED = (
    Task(
        name="squad",
        dataset=DatasetRef(id="rajpurkar/squad", config="plain_text"),
        head="span",
        text=("question", "context"),
        label="answers",
        train=Split(name="train", rows=87_599),
        evaluation=(Split(name="validation", rows=10_570),),
        metrics=("f1", "exact_match"),
        reference="Rajpurkar et al. 2016, arXiv 1606.05250",
    ),
    Task(
        name="squad_v2",
        dataset=DatasetRef(id="rajpurkar/squad_v2", config="squad_v2"),
        head="span",
        text=("question", "context"),
        label="answers",
        train=Split(name="train", rows=130_319),
        evaluation=(Split(name="validation", rows=11_873),),
        metrics=("f1", "exact_match"),
        unanswerable=True,
        reference="Rajpurkar et al. 2018, arXiv 1806.03822",
    ),
)
