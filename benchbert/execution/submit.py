"""From a run folder to a submission for GLUE's server: the test splits are predicted with stored heads, on demand.

Predictions are kept in the run folder under the id of the job that makes them, so that a submission that was killed
goes on, and one that a run has made already (the diagnostics') is taken as it is.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.errors import BenchbertError, DataError, StoreError, UnavailableError
from benchbert.execution.progress import Progress
from benchbert.execution.stored_heads import StoredHeads, find_heads
from benchbert.job_terms import PROTOCOL, slug
from benchbert.lock import DatasetLock, Lock
from benchbert.machine import machine, visible_cores
from benchbert.resolve import resolve_dataset
from benchbert.store.context import JobContext
from benchbert.store.files import RunFolder, read_as
from benchbert.tasks.data import load_split, validate
from benchbert.tasks.sequence import input_hashes
from benchbert.tasks.submission import FILES, SubmissionFile, write_submission
from benchbert.types import Job, Task

if TYPE_CHECKING:
    import datasets
    from rich.console import Console

__all__ = ["Submission", "submit"]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A submission that was written."""

    path: Path
    """The zip."""
    model: str
    """Name of the model."""
    seed: int
    """Seed of its fine-tuning."""
    rows: Mapping[str, int]
    """File -> its rows."""
    predicted: int
    """Files that were predicted now; the others were stored already."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One file, ready to be predicted."""

    file: SubmissionFile
    """Which."""
    rows: datasets.Dataset
    """Its split."""
    job: Job
    """What predicts it."""
    dataset: DatasetLock
    """Where its rows come from."""


def submit(
    results: Path,
    out: Path,
    *,
    model: str = "",
    seed: int | None = None,
    mirror: Path | None = None,
    console: Console | None = None,
) -> Submission:
    """Writes the submission of one model with one seed.

    Args:
        results: run folder of a suite with all nine tasks of GLUE, its heads still there.
        out: the zip to write.
        model: name of the model; empty: the only one.
        seed: its seed; None: the only one.
        mirror: folder laid out by hub id with the test splits; None: where the run had its data from.
        console: where to show progress; None: nowhere.

    Raises:
        UsageError: model and seed do not name one of the choices (lists them), or there are no results on GLUE.
        UnavailableError: heads or official test splits are lacking (lists all of them).
        DataError: the rows of a split are not what the task says, or the model's output is not a number.
        StoreError: the results cannot be read, or the zip cannot be written.
    """
    folder = RunFolder(results.resolve())
    lock = _lock(folder, results)
    heads = find_heads(folder, lock, _head_tasks(), model=model, seed=seed)
    parts = _parts(lock, heads, mirror)
    datasets_here = {part.dataset.key: part.dataset for part in parts}
    predicted, values = _predictions(folder, replace(lock, datasets={**lock.datasets, **datasets_here}), parts, console)
    write_submission(out, values)
    return Submission(
        path=out,
        model=heads.model,
        seed=heads.seed,
        rows={part.file.name: len(part.rows) for part in parts},
        predicted=predicted,
    )


def _lock(folder: RunFolder, results: Path) -> Lock:
    path = folder.path / "lock.json"
    if not path.is_file():
        raise StoreError(
            f"{results} is no run folder (it has no lock.json): give the folder that `benchbert run` wrote"
        )
    return read_as(path, Lock)


def _head_task(task: Task) -> str:
    """The task whose fine-tuned head predicts a task: MNLI's predicts the diagnostics."""
    return task.head_of or task.name


def _head_tasks() -> list[str]:
    return list(dict.fromkeys(_head_task(file.source) for file in FILES))


# --- what there is to predict ---------------------------------------------------------------------------------------


def _parts(lock: Lock, heads: StoredHeads, mirror: Path | None) -> list[_Part]:
    """Everything that a submission needs, before the first prediction is made.

    Raises:
        UnavailableError: something is lacking; lists all of it.
    """
    problems, parts = list(heads.problems), []
    for file in FILES:
        task = file.source
        dataset = _dataset(task, lock, mirror)
        try:
            rows = load_split(dataset, file.split)
            validate(task, rows, file.split)
            _require_official(file, rows)
        except BenchbertError as error:
            problems.append(f"{file.name}: {error}")
            continue
        if (stored := heads.jobs.get(_head_task(task))) is not None:
            parts.append(_Part(file=file, rows=rows, job=_job(stored, file, dataset), dataset=dataset))
    if problems:
        raise UnavailableError(
            f"{heads.model} with seed {heads.seed} cannot be submitted, the server takes nothing but all of GLUE's "
            "official test rows:\n" + "\n".join(f"  {problem}" for problem in problems)
        )
    return parts


def _dataset(task: Task, lock: Lock, mirror: Path | None) -> DatasetLock:
    """Where a task's rows are: in the given mirror, or where the run had them, or its other parts, from."""
    if mirror is not None:
        return resolve_dataset(task.dataset, mirror)
    known = lock.datasets.get(task.dataset.key)
    if known is None:
        # All configurations stand in one repository.
        known = next((other for other in lock.datasets.values() if other.id == task.dataset.id), None)
    if known is None:
        return resolve_dataset(task.dataset, None)
    # What the run could not have may be there by now.
    return replace(known, config=task.dataset.config, error="" if known.origin == "mirror" else known.error)


def _require_official(file: SubmissionFile, rows: datasets.Dataset) -> None:
    """The server counts rows from 0 and compares nothing else: their number and order must be the official ones.

    Raises:
        DataError: they are not.
    """
    if len(rows) != file.rows:
        raise DataError(
            f"split {file.split} of {file.task} has {len(rows):,} rows, the official number is {file.rows:,}: this is "
            "a sample or a damaged copy, get the original data"
        )
    if "idx" not in rows.column_names:
        return
    for row, (before, after) in enumerate(pairwise(rows["idx"][:]), start=1):
        if not after > before:
            raise DataError(
                f"split {file.split} of {file.task}: row {row} has idx {after} after {before}: the rows are not in the "
                "official order, get the original data"
            )


def _job(stored: Job, file: SubmissionFile, dataset: DatasetLock) -> Job:
    """The job that predicts a file, after the stored one that predicted another split with the same head."""
    task, model = file.source, str(stored.spec["model"])
    device = str(stored.spec["device"])
    spec = {
        "task": task.name,
        "dataset_fingerprint": dataset.fingerprint,
        "splits": [file.split],
        # A head that a GPU trained can still predict where there is none.
        "device": device if device == "cpu" or machine().gpus else "cpu",
    }
    return replace(
        stored,
        spec={**stored.spec, **spec},
        threads=min(stored.threads, visible_cores()),
        task_version=task.version,
        protocol_hash=f"prediction-{PROTOCOL['prediction']}",
        slug=slug("predict", model, task.name, f"s{stored.seed}", file.split),
    )


# --- predictions ----------------------------------------------------------------------------------------------------


def _predictions(
    folder: RunFolder, lock: Lock, parts: list[_Part], console: Console | None
) -> tuple[int, dict[str, Any]]:
    """How many files were predicted now, and file -> its class numbers or scores, of shape (rows,)."""
    progress = Progress(console)
    values = {part.file.name: _stored(folder, part) for part in parts}
    left = [part for part in parts if values[part.file.name] is None]
    progress.start(len(left), skipped=len(parts) - len(left))
    try:
        for part in left:
            progress.begin(part.job)
            _predict(JobContext(job=part.job, lock=lock, folder=folder, report=_reporter(progress, part.job)))
            values[part.file.name] = _stored(folder, part)
            assert values[part.file.name] is not None, "what was just stored is of these rows"
            progress.end(part.job, "")
    finally:
        progress.stop()
    return len(left), values


def _reporter(progress: Progress, job: Job) -> Callable[[int, int, str], None]:
    return lambda done, total, note: progress.update(job, done, total, note)


def _predict(context: JobContext) -> None:
    """Predicts a split and stores the predictions; no Result, since there is no score."""
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(context.job.threads)
    importlib.import_module("benchbert.training.predict").run(context)


def _stored(folder: RunFolder, part: _Part) -> Any:
    """The stored predictions of a file, of shape (rows,); None: there are none, or they are of other rows."""
    import pyarrow as pa
    from pyarrow import parquet

    path = folder.predictions_path(part.job, part.file.split)
    if not path.is_file():
        return None
    try:
        table = parquet.read_table(path, columns=["prediction", "input_hash"])
    except (pa.ArrowException, OSError):
        # Damaged: it is made anew.
        return None
    if table["input_hash"].to_pylist() != input_hashes(part.file.source, part.rows):
        return None
    return table["prediction"].to_numpy()
