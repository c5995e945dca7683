"""Scores anybody's predictions: SQuAD's official JSON files, GLUE's TSVs, or the parquet file that a run stores."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchbert.errors import DataError, UsageError
from benchbert.lock import DatasetLock
from benchbert.metrics import classification, correlation, span
from benchbert.tasks.data import load_split
from benchbert.tasks.label_files import References, read_label_predictions, read_label_references
from benchbert.tasks.named_task import named_task
from benchbert.tasks.prediction_stamp import require_version
from benchbert.tasks.sequence import input_hashes
from benchbert.tasks.span_files import read_null_probabilities, read_span_predictions, read_span_references
from benchbert.tasks.validation import row_ids, validate
from benchbert.types import Split, Task

__all__ = ["score_predictions"]


def score_predictions(
    task_name: str,
    predictions: Path,
    references: Path | None = None,
    na_prob: Path | None = None,
    allow_missing: bool = False,
    mirror: Path | None = None,
    suite: Path | None = None,
) -> dict[str, Any]:
    """The scores of a predictions file, under the official key names.

    Args:
        task_name: A task; `glue/mnli_matched` and `glue/mnli_mismatched` name the halves of `glue/mnli`.
        predictions: SQuAD: JSON {id: text} or parquet. GLUE: TSV, CSV, JSON lines or parquet with index and prediction.
        references: SQuAD: the official dataset JSON, or a table with the hub's columns. GLUE: a table with index or idx
            and label. None: the task's labelled split, from the hub, the mirror or the generator.
        na_prob: SQuAD 2.0: JSON {id: null probability}; the headline's threshold is then 1.0, as in the
            official scorer.
        allow_missing: SQuAD: score although some questions have no prediction (0 in 1.1, left out in 2.0), and count
            them.
        mirror: Folder laid out by hub id.
        suite: Suite file with the table of a task over the user's own files; the name is then of one of these, with
            one class, one number or an answer a row.

    Returns:
        SQuAD: official keys in percent. GLUE: metrics as fractions, None where undefined. Both with `total`, `missing`,
        `complete` (whether the references have the official number of rows), `split` ("" for a file of references) and
        `warnings`.

    Raises:
        DataError: a file or row that is not as it should be; missing, repeated or (GLUE) surplus ids; a run's
            predictions of other texts or of another version of the task.
        UnavailableError: the references cannot be had.
        UsageError: an unknown task, or an option that does not fit it.
    """
    task, split, dataset = named_task(task_name, suite, mirror)
    if na_prob is not None and not task.unanswerable:
        raise UsageError(f"--na-prob is for tasks with unanswerable questions such as squad_v2, not {task.name}")
    require_version(task, predictions)
    if task.head == "span":
        return _score_spans(task, predictions, references, na_prob, allow_missing=allow_missing, dataset=dataset)
    if allow_missing:
        raise UsageError(
            f"--allow-missing is for SQuAD, whose scorer defines it; {task.name} needs a prediction for every row"
        )
    return _score_labels(task, split, predictions, references, dataset)


def _warn_sample(task: Task, split: str, rows: int, known: tuple[Split, ...]) -> list[str]:
    official = ", ".join(f"{s.rows:,}" for s in known if not split or s.name == split)
    return [
        f"{rows:,} references, the official number is {official}: not comparable with published scores of {task.name}"
    ]


# --- classification and regression ----------------------------------------------------------------------------------


def _score_labels(
    task: Task, split: str, predictions: Path, references: Path | None, dataset: DatasetLock
) -> dict[str, Any]:
    guesses = read_label_predictions(task, predictions)
    if references is not None:
        truth = read_label_references(task, references)
    else:
        split = split or _split_by_rows(task, len(guesses), predictions)
        truth = _split_references(task, split, guesses, predictions, dataset)
    aligned = np.array(_aligned(truth, guesses, predictions), dtype=np.float64)
    labels = np.array(truth.labels, dtype=np.float64)
    result: dict[str, Any] = dict(_metrics(task, labels, aligned))
    for name, tags in truth.tags.items():
        result |= _by_phenomenon(task, name, tags, labels, aligned)
    known = task.evaluation or task.test
    complete = any(s.rows == len(labels) for s in known if not split or s.name == split)
    warnings = [] if complete else _warn_sample(task, split, len(labels), known)
    return result | {"total": len(labels), "missing": 0, "complete": complete, "split": split, "warnings": warnings}


def _split_by_rows(task: Task, rows: int, path: Path) -> str:
    """The labelled split that is meant; of several, the one with as many rows."""
    if not task.evaluation:
        raise UsageError(f"{task.name} has no labelled split: give a labelled file with --references")
    if len(task.evaluation) == 1:
        return task.evaluation[0].name
    fitting = [split.name for split in task.evaluation if split.rows == rows]
    if len(fitting) != 1:
        halves = ", ".join(f"{split.name} ({split.rows:,} rows)" for split in task.evaluation)
        raise UsageError(
            f"{path} has {rows:,} predictions, {task.name} has {halves}: say which with "
            f"{task.name}_matched or {task.name}_mismatched"
        )
    return fitting[0]


def _split_references(
    task: Task, split: str, guesses: Mapping[str, float], path: Path, dataset: DatasetLock
) -> References:
    rows = load_split(dataset, split)
    validate(task, rows, split)
    ids, numbers = row_ids(task, rows), [str(row) for row in range(len(rows))]
    labels = [float(label) for label in rows[task.label][:]]
    known = dict(zip(ids, zip(input_hashes(task, rows), labels, strict=True), strict=True))
    _check_inputs(path, known, f"{task.name}, split {split}")
    # A run's predictions carry the dataset's idx, a submission counts rows from 0: MRPC's idx has gaps, so they differ.
    if len(guesses.keys() & set(numbers)) > len(guesses.keys() & set(ids)):
        ids = numbers
    return References(labels=labels, ids=ids)


def _check_inputs(path: Path, known: Mapping[str, tuple[str, float | None]], place: str) -> None:
    """A run's own file says by hashes which texts it is of: splits count their rows alike, and must not be mixed up.

    Args:
        path: The file.
        known: Id of each row of the split -> hash of its texts, and its label (None: an answer, not a label).
        place: The split, for the message.

    Raises:
        DataError: texts of other data, or at other ids, or with other labels.
    """
    if path.suffix.lower() != ".parquet":
        return
    from pyarrow import parquet

    columns = parquet.read_schema(path).names
    if not {"id", "input_hash"} <= set(columns):
        return
    table = parquet.read_table(path, columns=["id", "input_hash", *(["label"] if "label" in columns else [])])
    ids, hashes = [str(name) for name in table["id"].to_pylist()], table["input_hash"].to_pylist()
    there = {text for text, _ in known.values()}
    strange = sum(text not in there for text in hashes)
    if strange:
        raise DataError(
            f"{path}: {strange:,} of its {len(hashes):,} texts are not in {place}: it is of another split or of other "
            "data; give their labels with --references"
        )
    moved = [name for name, text in zip(ids, hashes, strict=True) if name in known and known[name][0] != text]
    if moved:
        raise DataError(
            f"{path}: the text of id {moved[0]} is that of another row in {place} ({len(moved):,} such in all): the "
            "data changed after it was predicted; run the suite again to predict anew"
        )
    labels = table["label"].to_pylist() if "label" in columns else [None] * len(ids)
    other = [
        name
        for name, label in zip(ids, labels, strict=True)
        if label is not None and name in known and not _same(label, known[name][1])
    ]
    if other:
        raise DataError(
            f"{path}: its label of id {other[0]} is not the one in {place} ({len(other):,} such in all): the labels "
            "changed after it was predicted, or it was altered; run the suite again to predict anew"
        )


def _same(label: object, known: float | None) -> bool:
    """Whether a stored label is the known one, up to the rounding of float32."""
    if known is None:
        return True
    return isinstance(label, int | float) and abs(label - known) <= 1e-6 * max(1.0, abs(known))


def _aligned(truth: References, guesses: Mapping[str, float], path: Path) -> list[float]:
    known = set(truth.ids)
    lost = [name for name in truth.ids if name not in guesses]
    extra = [name for name in guesses if name not in known]
    if lost:
        raise DataError(
            f"{path}: no prediction for index {lost[0]} ({len(lost):,} missing in all): give one for every row"
        )
    if extra:
        raise DataError(f"{path}: index {extra[0]} is not among the references ({len(extra):,} such in all): remove it")
    return [guesses[name] for name in truth.ids]


def _metrics(task: Task, labels: np.ndarray[Any, Any], guesses: np.ndarray[Any, Any]) -> dict[str, float | None]:
    if task.head == "regression":
        return {metric: correlation.value(metric, labels, guesses) for metric in task.metrics}
    confusion = classification.confusion_matrix(labels, guesses, len(task.labels))
    return {metric: float(classification.METRICS[metric](confusion)) for metric in task.metrics}


def _by_phenomenon(
    task: Task, name: str, tags: Any, labels: np.ndarray[Any, Any], guesses: np.ndarray[Any, Any]
) -> dict[str, float | None]:
    """The metrics over the rows that a phenomenon is marked in, and over each of its kinds (separated by `;`)."""
    kinds = [[kind.strip() for kind in text.split(";") if kind.strip()] for text in tags]
    groups = {name: np.array([bool(row) for row in kinds])}
    for kind in sorted({kind for row in kinds for kind in row}):
        groups[f"{name}/{kind}"] = np.array([kind in row for row in kinds])
    return {
        f"{metric}/{group}": value
        for group, chosen in groups.items()
        if chosen.any()
        for metric, value in _metrics(task, labels[chosen], guesses[chosen]).items()
    }


# --- spans ----------------------------------------------------------------------------------------------------------


def _score_spans(
    task: Task,
    predictions: Path,
    references: Path | None,
    na_prob: Path | None,
    *,
    allow_missing: bool,
    dataset: DatasetLock,
) -> dict[str, Any]:
    guesses = read_span_predictions(predictions)
    split = "" if references is not None else task.evaluation[0].name
    golds = (
        read_span_references(references) if references is not None else _split_golds(task, split, dataset, predictions)
    )
    lost = [question for question in golds if question not in guesses.texts]
    if lost and not allow_missing:
        raise DataError(
            f"{predictions}: no prediction for question {lost[0]!r} ({len(lost):,} missing in all): add "
            "them, or score without them with --allow-missing"
        )
    extra = [question for question in guesses.texts if question not in golds]
    warnings = []
    if extra:
        warnings.append(f"{len(extra):,} predictions are for questions without reference (first {extra[0]!r}): ignored")
    if lost:
        how = "left out of the total" if task.unanswerable else "scored 0"
        warnings.append(f"{len(lost):,} questions have no prediction (first {lost[0]!r}): {how}")
    complete = any(s.rows == len(golds) for s in task.evaluation)
    if not complete:
        warnings += _warn_sample(task, split, len(golds), task.evaluation)
    if task.unanswerable:
        null_scores = read_null_probabilities(na_prob) if na_prob is not None else None
        scores = span.score_v2(golds, guesses.texts)
        result = span.summary_v2(scores, null_scores)
        if null_scores is None and guesses.best_texts is not None and guesses.null_scores is not None:
            # A run's own file: its texts stand at null threshold 0 already, its scores can still be tuned.
            tuned = span.summary_v2(span.score_v2(golds, guesses.best_texts), guesses.null_scores, threshold=0.0)
            result |= {key: value for key, value in tuned.items() if key.startswith("best_")}
    else:
        scores = span.score_v1(golds, guesses.texts)
        result = span.summary_v1(scores) | {"total": len(scores.ids)}
    return result | {"missing": len(scores.missing), "complete": complete, "split": split, "warnings": warnings}


def _split_golds(task: Task, split: str, dataset: DatasetLock, predictions: Path) -> dict[str, list[str]]:
    rows = load_split(dataset, split)
    validate(task, rows, split)
    hashes = zip(input_hashes(task, rows), itertools.repeat(None))
    _check_inputs(predictions, dict(zip(row_ids(task, rows), hashes, strict=True)), f"{task.name}, split {split}")
    return dict(zip(row_ids(task, rows), [list(answers["text"]) for answers in rows[task.label][:]], strict=True))
