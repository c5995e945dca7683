"""Results as one tidy pandas table: one row a value, every column explained in `COLUMNS`.

Text columns hold "" where a column does not apply, number and flag columns hold `pandas.NA`; nothing is ever NaN. The
dtypes are the same for an empty table, so that code that reads one does not depend on what was measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from benchbert.store.files import read_results
from benchbert.store.settings import settings_digest
from benchbert.types import Result, Value

__all__ = ["COLUMNS", "empty_frame", "load_results", "to_frame"]

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "model": "Name of the model in the suite.",
        "family": "Architecture family, such as `albert`.",
        "task": "Name of the task; empty for profiles.",
        "metric": "Name of the number; empty where the job gave none (status and error say why).",
        "value": "The number; missing where it is undefined or the job failed.",
        "unit": "Unit of value, ci_low and ci_high; empty for scores in 0..1 or -1..1.",
        "direction": "Which way is better: `higher`, `lower` or `none`.",
        "n": "Examples, samples or processes that the interval is over.",
        "ci_low": "Lower end of the interval.",
        "ci_high": "Upper end of the interval.",
        "ci_kind": "How the interval was made, or why there is none.",
        "ci_level": "Coverage aimed at, such as 0.95.",
        "split": "Split of the dataset that was scored.",
        "convention": "Which of several definitions of the metric was followed.",
        "complete": "Whether the split had its official number of rows; missing where that does not apply.",
        "seed": "Seed of everything random in the job.",
        "device": "`cpu`, `cuda` or `cuda:N`.",
        "dtype": "Compute dtype.",
        "backend": "What executed the model, such as `eager`.",
        "batch_size": "Sequences in a forward pass (profiles).",
        "sequence_length": "Tokens in a sequence (profiles).",
        "threads": "Intra-op threads.",
        "replicate": "Which repetition of the whole job.",
        "quiet": "Whether the machine was quiet around the measurement (profiles).",
        "steady": "Whether a steady state was reached (profiles).",
        "machine": "Id of the machine; timings stand side by side only where it agrees.",
        "environment": "Id of the Python environment.",
        "revision": "Commit or digest of the model's weights.",
        "dataset_fingerprint": "Digest of the dataset; scores rank together only where it agrees.",
        "task_version": "Version of the task's code; scores rank together only where it agrees.",
        "status": "`ok`, `failed`, `out_of_memory` or `timeout`.",
        "job": "Id of the job: with machine, environment and replicate it names the result file.",
        "kind": "Kind of the job: pretrain, distil, finetune, predict or profile.",
        "weights": "Where the weights came from: `published`, `folder`, `recipe`, `random` (never ranked by score), or "
        "`constant` (the majority baseline, never ranked).",
        "profiler": "Name of the profiler; empty for other jobs.",
        "error": "Why there is no value, in one line, absolute paths cut to their last part.",
        "under_trained": "Why the model is not trained enough to be ranked; empty: it is, or nothing is known.",
        "control_of": "Model that this one is a control of, never ranked by score; empty: none.",
        "max_length": "Tokens of an example at most (scores); missing where the job does not say.",
        "protocol": "Version of the way of doing the job; scores rank together only where it agrees.",
        "settings": "Digest of the fine-tuning settings (scores); empty where the job has none. Seeds are seeds of one "
        "model only where it agrees.",
        "epochs": "Passes over the training split that the head was fine-tuned for (scores).",
        "learning_rate": "Peak learning rate of that.",
        "computed_dtype": "Dtype that scores were computed in after the check against float32; empty where the result "
        "does not say: then it is dtype.",
    }
)
"""Column -> meaning, in the order of the table."""

_NUMBERS = ("value", "ci_low", "ci_high", "ci_level", "epochs", "learning_rate")
_INTEGERS = ("n", "seed", "batch_size", "sequence_length", "threads", "replicate", "task_version", "max_length")
_FLAGS = ("complete", "quiet", "steady")
_DTYPES: dict[str, Any] = {
    name: "Float64" if name in _NUMBERS else "Int64" if name in _INTEGERS else "boolean" if name in _FLAGS else "string"
    for name in COLUMNS
}
_ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])(?:/[\w.+@~-]+)+/([\w.+@~-]+)")


def load_results(path: Path | str) -> pd.DataFrame:
    """All values of a results folder, oldest result first.

    Raises:
        StoreError: the folder cannot be read.
    """
    results = read_results(Path(path)).results
    return to_frame(sorted(results, key=lambda result: result.started_at))


def empty_frame() -> pd.DataFrame:
    """The table with all its columns and dtypes and no row."""
    return to_frame(())


def to_frame(results: Iterable[Result]) -> pd.DataFrame:
    """One row a value, in the order given; a result without values gives one row with its status and error."""
    rows: list[dict[str, Any]] = []
    for result in results:
        shared = _shared(result)
        rows += [shared | _of_value(value) for value in result.values] or [shared | _NO_VALUE]
    data: dict[str, pd.Series[Any]] = {n: pd.Series([row[n] for row in rows], dtype=_DTYPES[n]) for n in COLUMNS}
    return pd.DataFrame(data)


def _shared(result: Result) -> dict[str, Any]:
    """The columns that all values of a result have in common."""
    job, spec, provenance = result.job, result.job.spec, result.provenance
    settings, computed = spec.get("settings"), provenance.get("computed")
    return {
        "model": _text(spec.get("model") or spec.get("recipe")),
        "family": _text(spec.get("family")),
        "task": _text(spec.get("task")),
        "seed": job.seed,
        "device": _text(spec.get("device")),
        "dtype": job.dtype,
        "backend": _text(spec.get("backend")),
        "batch_size": _integer(spec.get("batch_size")),
        "sequence_length": _integer(spec.get("sequence_length")),
        "threads": job.threads,
        "replicate": result.key.replicate,
        "quiet": _flag(result.quiet),
        "steady": _flag(result.steady),
        "machine": result.key.machine_id,
        "environment": result.key.environment_id,
        "revision": _text(spec.get("revision") or provenance.get("model_revision")),
        "dataset_fingerprint": _text(provenance.get("dataset_fingerprint") or spec.get("dataset_fingerprint")),
        "task_version": job.task_version,
        "status": result.status,
        "job": job.id,
        "kind": job.kind,
        "weights": _text(spec.get("weights")),
        "profiler": _text(spec.get("profiler")),
        "error": _ABSOLUTE_PATH.sub(r".../\1", " ".join(result.error.split())),
        "under_trained": _text(provenance.get("under_trained")),
        "computed_dtype": _text(computed.get("dtype")) if isinstance(computed, Mapping) else "",
        "control_of": _text(provenance.get("control_of")),
        "protocol": job.protocol_hash,
        **_of_settings(settings if isinstance(settings, Mapping) else {}),
    }


def _of_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a score says of the fine-tuning of its head."""
    return {
        "max_length": _integer(settings.get("max_length")),
        "settings": settings_digest(settings),
        "epochs": _real(settings.get("epochs")),
        "learning_rate": _real(settings.get("learning_rate")),
    }


_NO_VALUE: dict[str, Any] = {
    **dict.fromkeys(("metric", "unit", "ci_kind", "split", "convention"), ""),
    **dict.fromkeys(("value", "n", "ci_low", "ci_high", "ci_level", "complete"), pd.NA),
    "direction": "none",
}


def _of_value(value: Value) -> dict[str, Any]:
    """The columns of one value."""
    return {
        "metric": value.metric,
        "value": _number(value.value),
        "unit": value.unit,
        "direction": value.direction,
        "n": value.n,
        "ci_low": _number(value.ci_low),
        "ci_high": _number(value.ci_high),
        "ci_kind": value.ci_kind,
        "ci_level": _number(value.ci_level),
        "split": value.split,
        "convention": value.convention,
        "complete": _flag(value.complete),
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: float | None) -> Any:
    """The number, or NA for None and for what a stranger's file may hold: NaN and infinities."""
    return value if value is not None and math.isfinite(value) else pd.NA


def _real(value: object) -> Any:
    """A finite number, or NA where the job's spec has none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else pd.NA


def _integer(value: object) -> Any:
    """A whole number, or NA where the job's spec has none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else pd.NA


def _flag(value: bool | None) -> Any:
    return pd.NA if value is None else value
