"""One job, carried out and stored: whatever happens, it ends as a Result."""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchbert.errors import BenchbertError, WorkerMemoryError, WorkerTimeoutError
from benchbert.lock import Lock
from benchbert.machine import environment, machine
from benchbert.store.context import JobContext, Outcome, Report
from benchbert.store.files import RunFolder
from benchbert.store.provenance import provenance
from benchbert.types import Job, Result, ResultKey, Status

if TYPE_CHECKING:
    from benchbert.distillation.planner import Rehearsed

__all__ = ["execute", "failed_result", "rehearse_job"]

_KINDS = {
    "pretrain": "benchbert.training.pretrain",
    "distil": "benchbert.distillation.distill",
    "finetune": "benchbert.training.finetune",
    "predict": "benchbert.training.predict",
    "profile": "benchbert.execution.profile_job",
}
"""Kind of job -> the module whose `run(context)` does it; imported by the process that runs it, and by no other."""

_TAUGHT = "benchbert.distillation.task_distil"
"""Of a fine-tuning with a task teacher."""


def execute(job: Job, lock: Lock, folder: RunFolder, run_id: str, report: Report) -> Result:
    """Carries out a job and stores its Result.

    Args:
        job: what to do; the artefacts of its inputs are in the folder.
        lock: what the suite resolved to.
        folder: where results and artefacts go.
        run_id: the run that asks.
        report: told of the progress.

    Raises:
        StoreError, OSError: the result itself cannot be stored.
    """
    started, began = datetime.now(UTC), time.monotonic()
    try:
        run: Callable[[JobContext], Outcome] = importlib.import_module(_module(job)).run
        _set_threads(job)
        outcome = run(JobContext(job=job, lock=lock, folder=folder, report=report))
    except Exception as error:
        result = _failure(job, lock, run_id, error)
    else:
        result = Result(
            key=_key(job, run_id),
            job=job,
            status="ok",
            values=outcome.values,
            samples=outcome.samples,
            artefacts=outcome.artefacts,
            quiet=outcome.quiet,
            steady=outcome.steady,
            provenance=provenance(job, lock) | dict(outcome.provenance),
            started_at=started.isoformat(timespec="seconds"),
            duration=round(time.monotonic() - began, 3),
        )
    folder.write(result)
    return result


def rehearse_job(job: Job, lock: Lock, folder: RunFolder, seconds: float, report: Report) -> Rehearsed:
    """Times a few optimizer steps of a recipe's job, as it would run, and stores nothing of it.

    Raises:
        BenchbertError: it could not run either.
    """
    rehearsal = importlib.import_module("benchbert.distillation.rehearsal")
    _set_threads(job)
    found: Rehearsed = rehearsal.rehearse(JobContext(job=job, lock=lock, folder=folder, report=report), seconds)
    return found


def failed_result(job: Job, lock: Lock, run_id: str, error: str, status: Status = "failed", trace: str = "") -> Result:
    """The Result of a job that did not come to an end, with one line that says why."""
    return Result(
        key=_key(job, run_id),
        job=job,
        status=status,
        provenance=provenance(job, lock),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        error=error,
        traceback=trace,
    )


def _module(job: Job) -> str:
    return _TAUGHT if job.kind == "finetune" and "task_teacher" in job.inputs else _KINDS[job.kind]


def _failure(job: Job, lock: Lock, run_id: str, error: Exception) -> Result:
    status: Status = "failed"
    if isinstance(error, WorkerTimeoutError):
        status = "timeout"
    elif isinstance(error, WorkerMemoryError | MemoryError) or type(error).__name__ == "OutOfMemoryError":
        status = "out_of_memory"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, BenchbertError):
        return failed_result(job, lock, run_id, text, status)
    return failed_result(job, lock, run_id, f"{type(error).__name__}: {text}", status, traceback.format_exc())


def _key(job: Job, run_id: str) -> ResultKey:
    return ResultKey(job_id=job.id, machine_id=machine().id, environment_id=environment().id, run_id=run_id)


def _set_threads(job: Job) -> None:
    """Fixes torch's pool for jobs that compute here; profiles compute in processes of their own."""
    if job.kind != "profile":
        torch: Any = importlib.import_module("torch")
        torch.set_num_threads(job.threads)
