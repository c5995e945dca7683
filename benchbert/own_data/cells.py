"""One cell of a user's file as the value that its column holds; what cannot be meant is a ValueError in words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from benchbert.own_data.decimals import DECIMAL
from benchbert.types import FileLayout, Head

__all__ = ["READERS", "read_id", "read_text", "read_tokens", "require_answers_in"]

_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]{0,15}))\.0+")
"""The text of a whole number that a library wrote as a float: the same class in CSV as in parquet."""

_SLACK = 2
"""Characters by which an answer's offset may be off, as in `benchbert.tasks.validation`: copies of SQuAD have such."""


def read_text(cell: Any) -> str:
    """A text, which may be empty as GLUE's may."""
    if not isinstance(cell, str):
        raise ValueError(f"{_shown(cell)} where a text must be")
    return cell


def read_id(cell: Any) -> str:
    """An id: a text or a whole number."""
    if isinstance(cell, bool) or not isinstance(cell, str | int) or cell == "":
        raise ValueError(f"{_shown(cell)} where an id must be: give every row one")
    return str(cell)


def read_class(cell: Any, layout: FileLayout) -> str:
    """The name of one class: a text, a whole number or a truth value."""
    if isinstance(cell, bool):
        return str(cell).lower()
    # Libraries turn whole numbers into floats where a column has a gap.
    if isinstance(cell, float) and math.isfinite(cell) and cell == int(cell):
        return str(int(cell))
    if not isinstance(cell, str | int):
        raise ValueError(f"{_shown(cell)} where a label must be: a text or a whole number")
    name = str(cell).strip()
    if whole := _WHOLE.fullmatch(name):
        return whole[1]
    if not name:
        raise ValueError("the label is empty: give every row one, or take the row out")
    return name


def read_number(cell: Any, layout: FileLayout) -> float:
    """A finite number."""
    try:
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            raise TypeError("no number")
        if isinstance(cell, str) and not DECIMAL.fullmatch(cell.strip()):
            raise ValueError("no number")
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{_shown(cell)} where a number must be") from None
    if not math.isfinite(number):
        raise ValueError(f"{number} where a finite number must be")
    return number


def read_labels(cell: Any, layout: FileLayout) -> list[str]:
    """The labels of one row, none of them twice; an empty list where none holds."""
    names = [read_class(part, layout) for part in _parts(cell, layout.separator) if part != ""]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"the label {twice[0]!r} stands there twice")
    return names


def read_tokens(cell: Any, layout: FileLayout) -> list[str]:
    """The tokens of one row, at least one, none of them empty."""
    tokens = _parts(cell, layout.separator)
    for position, token in enumerate(tokens):
        if not isinstance(token, str) or not token.strip():
            raise ValueError(f"token {position} (from 0) is {_shown(token)} where a text must be")
    if not tokens:
        raise ValueError("no token: take the row out")
    return tokens


def read_tags(cell: Any, layout: FileLayout) -> list[str]:
    """The tags of one row."""
    return [read_class(part, layout) for part in _parts(cell, layout.separator)]


def read_answers(cell: Any, layout: FileLayout) -> dict[str, list[Any]]:
    """Answers as SQuAD's columns have them: `text` and `answer_start`, equally long, empty where there is no answer.

    In CSV they are JSON; a list of answers with one text and one start each is taken too.
    """
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            raise ValueError(
                f'{_shown(cell)} where answers must be: in CSV as JSON, {{"text": ["..."], "answer_start": [0]}}'
            ) from None
    if isinstance(cell, list) and all(isinstance(part, Mapping) for part in cell):
        cell = {key: [part.get(key) for part in cell] for key in ("text", "answer_start")}
    if not isinstance(cell, Mapping) or not {"text", "answer_start"} <= set(cell):
        raise ValueError(f"{_shown(cell)} where answers must be, with the fields text and answer_start")
    texts, starts = cell["text"], cell["answer_start"]
    if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
        raise ValueError("text and answer_start must be lists of one length")
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("an answer is empty or no text: a question without an answer has empty lists")
    if not all(isinstance(start, int) and not isinstance(start, bool) and start >= 0 for start in starts):
        raise ValueError("an answer_start is no whole number from 0")
    return {"text": texts, "answer_start": starts}


def require_answers_in(context: str, answers: Mapping[str, list[Any]]) -> None:
    """Refuses answers that do not stand in their context where they say."""
    for text, start in zip(answers["text"], answers["answer_start"], strict=True):
        if text not in context[max(0, start - _SLACK) : start + len(text) + _SLACK]:
            raise ValueError(f"the answer {_shown(text)} does not stand at character {start} of its context")


def _parts(cell: Any, separator: str) -> list[Any]:
    """The parts of a cell: a list's, or a text's between separators."""
    if isinstance(cell, list):
        return cell
    if not isinstance(cell, str):
        raise ValueError(f"{_shown(cell)} where a list must be")
    if not separator:
        raise ValueError(f"{_shown(cell)} is a text, not a list: say what its parts stand between with separator")
    if not cell.strip():
        return []
    return [part.strip() for part in (cell.split() if separator == " " else cell.split(separator))]


def _shown(cell: Any) -> str:
    if cell is None:
        return "nothing"
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}..."


READERS: Mapping[Head, Callable[[Any, FileLayout], Any]] = {
    "classification": read_class,
    "regression": read_number,
    "multi_label": read_labels,
    "token_classification": read_tags,
    "span": read_answers,
}
"""Head -> what reads a cell of its label column."""
