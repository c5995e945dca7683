"""A training split with more sentences, kept on disk: neither another seed nor another student makes them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchbert.distillation.augmentation import Candidates, replaced
from benchbert.errors import UnavailableError
from benchbert.models.load import load_model, load_tokenizer
from benchbert.store.context import JobContext
from benchbert.store.files import digest_of, writing
from benchbert.training.token_cache import tokenizer_digest
from benchbert.types import Task, digest

if TYPE_CHECKING:
    import datasets

__all__ = ["augmented_split"]

_VERSION = 1
"""Raised when other sentences are made of the same rows: what was kept is stale."""


def augmented_split(
    context: JobContext, rows: datasets.Dataset, augment: Mapping[str, Any]
) -> tuple[datasets.Dataset, str]:
    """The rows of a training split and, after them, the copies of each; a copy has its original's label.

    Args:
        context: of a job whose task teacher's masked LM makes the copies.
        rows: the split, validated.
        augment: fields of `benchbert.task_distillation.Augment`.

    Returns:
        The rows, and a name of the split that tells what they are.

    Raises:
        UnavailableError: the teacher has no masked-LM head, or does not read word pieces.
    """
    task = context.task
    assert task.train is not None, "a split to train on"
    dataset = context.dataset(task.dataset.key)
    name = str(context.job.spec["task_teacher"])
    folder = context.input_folder("masked_lm")
    tokenizer = load_tokenizer(context.lock.models[name], folder)
    key = digest(
        {
            "augmentation": _VERSION,
            "masked_lm": digest_of(folder) if folder else context.lock.models[name].revision,
            "tokenizer": tokenizer_digest(tokenizer),
            "dataset": [dataset.key, dataset.fingerprint, task.train.name, len(rows)],
            "columns": list(task.text),
            "settings": dict(augment),
        }
    )
    path = context.folder.token_cache.with_name("augmented") / f"{key[:32]}.parquet"
    copies = _read(path, task, len(rows) * int(augment["copies"]))
    if copies is None:
        copies = _made(context, name, folder, tokenizer, rows, augment)
        with writing(path) as temporary:
            parquet.write_table(pa.table(copies), temporary)
    return _joined(task, rows, copies, int(augment["copies"])), f"{task.train.name}, augmented {key[:32]}"


def _made(
    context: JobContext,
    name: str,
    folder: Path | None,
    tokenizer: Any,
    rows: datasets.Dataset,
    augment: Mapping[str, Any],
) -> dict[str, list[str]]:
    """Column -> its copies, those of a row one after another."""
    loaded = load_model(context.lock.models[name], head="masked_lm", folder=folder)
    if loaded.fresh:
        raise UnavailableError(
            f"augment: {name!r} has no masked-LM head ({loaded.fresh[0]} is not among its weights), which is what "
            "replaces words: name a task_teacher as it was pre-trained, or take augment out"
        )
    device = str(context.job.spec["device"])
    candidates = Candidates(name, loaded.model, tokenizer, count=int(augment["candidates"]), device=device)
    found: dict[str, list[str]] = {}
    columns = context.task.text
    for number, column in enumerate(columns):
        texts = list(rows[column][:])
        found[column] = []
        for row, (text, words) in enumerate(zip(texts, candidates.of(texts), strict=True)):
            # A row's draws are its own, whatever stands around it.
            draws = np.random.default_rng([int(augment["seed"]), number, row])
            copies, share = int(augment["copies"]), float(augment["probability"])
            found[column] += replaced(text, words, copies=copies, probability=share, draws=draws)
            if row % 500 == 0:
                context.report(number * len(texts) + row, len(columns) * len(texts), "more sentences")
    return found


def _read(path: Path, task: Task, count: int) -> dict[str, list[str]] | None:
    """Kept copies; None: there are none, or they are damaged."""
    try:
        table = parquet.read_table(path)
        found = {column: table[column].to_pylist() for column in task.text}
    except (OSError, KeyError, pa.ArrowException):
        return None
    return found if all(len(texts) == count for texts in found.values()) else None


def _joined(task: Task, rows: datasets.Dataset, copies: Mapping[str, list[str]], count: int) -> datasets.Dataset:
    from datasets import Dataset

    labels = list(rows[task.label][:])
    columns: dict[str, list[Any]] = {column: [*rows[column][:], *copies[column]] for column in task.text}
    columns[task.label] = [*labels, *(label for label in labels for _ in range(count))]
    return Dataset.from_dict(columns)
