"""Predictions, references and null probabilities of span tasks: the official JSON files, or parquet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchbert.errors import DataError
from benchbert.tasks.tables import Row, column_name, read_json, read_table

__all__ = ["SpanPredictions", "read_null_probabilities", "read_span_predictions", "read_span_references"]


@dataclass(frozen=True, kw_only=True)
class SpanPredictions:
    """What somebody predicted."""

    texts: Mapping[str, str]
    """Question -> answer; empty text: no answer."""
    best_texts: Mapping[str, str] | None = None
    """Question -> best answer that is not empty, where a run stored it."""
    null_scores: Mapping[str, float] | None = None
    """Question -> null score difference, where a run stored it."""


def read_span_predictions(path: Path) -> SpanPredictions:
    """The official JSON object (question id -> text), or a table with the columns id and prediction_text.

    Raises:
        DataError: a repeated id, or an answer that is no text (names it).
    """
    if path.suffix.lower() != ".json":
        return _stored(path)
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f'{path}: predictions must be one JSON object, {{"question id": "answer text", ...}}')
    for question, text in content.items():
        if not isinstance(text, str):
            raise DataError(
                f'{path}: the answer to question {question!r} is {text!r}: it must be a text, "" for no answer'
            )
    return SpanPredictions(texts=content)


def _stored(path: Path) -> SpanPredictions:
    rows = read_table(path)
    texts = _by_id(path, rows, column_name(path, rows[0].cells, ("prediction_text", "prediction")))
    if not {"best_text", "null_score_difference"} <= set(rows[0].cells):
        return SpanPredictions(texts=texts)
    differences = [_finite(row.cells.get("null_score_difference"), row.place) for row in rows]
    return SpanPredictions(
        texts=texts,
        best_texts=_by_id(path, rows, "best_text"),
        null_scores=dict(zip(texts, differences, strict=True)),
    )


def _by_id(path: Path, rows: list[Row], column: str) -> dict[str, str]:
    key = column_name(path, rows[0].cells, ("id",))
    found: dict[str, str] = {}
    for row in rows:
        question, text = row.cells.get(key), row.cells.get(column)
        if not isinstance(question, str) or not question:
            raise DataError(f"{row.place}: id {question!r} must be a question's id")
        if question in found:
            raise DataError(f"{row.place}: question {question!r} stands there twice: give one answer each")
        if not isinstance(text, str):
            raise DataError(f'{row.place}: {column} of question {question!r} is {text!r}: use a text, "" for no answer')
        found[question] = text
    return found


def read_null_probabilities(path: Path) -> dict[str, float]:
    """The official JSON object, question id -> probability (or score) that there is no answer.

    Raises:
        DataError: a repeated id, or a value that is no finite number (names it).
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f'{path}: null probabilities must be one JSON object, {{"question id": 0.5, ...}}')
    return {question: _finite(value, f"{path}: question {question!r}") for question, value in content.items()}


def _finite(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{place}: the null score is {value!r}: it must be a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise DataError(f"{place}: the null score is too large for a number") from error
    if not math.isfinite(number):
        raise DataError(f"{place}: the null score is {number}: it must be finite")
    return number


def read_span_references(path: Path) -> dict[str, list[str]]:
    """Question -> gold texts, from the official dataset JSON or a table with the hub's columns id and answers.

    Raises:
        DataError: a repeated id, or a part of the file that is not as the format says (names it).
    """
    if path.suffix.lower() == ".json":
        return _official(path)
    rows = read_table(path)
    key, answers = column_name(path, rows[0].cells, ("id",)), column_name(path, rows[0].cells, ("answers",))
    found: dict[str, list[str]] = {}
    for row in rows:
        golds = row.cells.get(answers)
        texts = golds.get("text") if isinstance(golds, dict) else None
        _add(found, row.cells.get(key), texts, row.place)
    return found


def _official(path: Path) -> dict[str, list[str]]:
    content = read_json(path)
    found: dict[str, list[str]] = {}
    for a, article in enumerate(_list(content, "data", str(path))):
        for p, paragraph in enumerate(_list(article, "paragraphs", f"{path}: data[{a}]")):
            where = f"{path}: data[{a}].paragraphs[{p}]"
            for q, question in enumerate(_list(paragraph, "qas", where)):
                place = f"{where}.qas[{q}]"
                answers = _list(question, "answers", place)
                texts = [answer.get("text") if isinstance(answer, dict) else None for answer in answers]
                _add(found, question.get("id"), texts, place)
    if not found:
        raise DataError(f"{path}: no question in it")
    return found


def _list(value: Any, key: str, place: str) -> list[Any]:
    part = value.get(key) if isinstance(value, dict) else None
    if not isinstance(part, list):
        raise DataError(
            f"{place}: no list {key!r}: references must be a SQuAD dataset file (data, paragraphs, qas, answers)"
        )
    return part


def _add(found: dict[str, list[str]], question: Any, texts: Any, place: str) -> None:
    if not isinstance(question, str) or not question:
        raise DataError(f"{place}: the question has no id")
    if question in found:
        raise DataError(f"{place}: question {question!r} stands there twice: give each question its own id")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError(f"{place}: the gold answers of question {question!r} must be texts")
    found[question] = texts
