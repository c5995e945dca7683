"""Which compact BERT should I ship? Accuracy, latency, memory and the cost of distillation, on your own machine."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbert.api import run as run
    from benchbert.comparison.compare import compare as compare
    from benchbert.comparison.retention import retention as retention
    from benchbert.reports.build import build_report as build_report
    from benchbert.store.frame import load_results as load_results
    from benchbert.tasks.score_file import score_predictions as score_predictions

__all__ = ["build_report", "compare", "load_results", "retention", "run", "score_predictions"]

_HOMES = {
    "build_report": "benchbert.reports.build",
    "compare": "benchbert.comparison.compare",
    "load_results": "benchbert.store.frame",
    "retention": "benchbert.comparison.retention",
    "run": "benchbert.api",
    "score_predictions": "benchbert.tasks.score_file",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'benchbert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
