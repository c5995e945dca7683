"""An output that is no number is an error that names the row, whatever the head; it is never scored."""

from __future__ import annotations

from typing import Any

import datasets
import numpy as np
import pytest

from benchbert.errors import DataError
from benchbert.tasks.heads import decode, encode
from benchbert.types import DatasetRef, Head, Split, Task

TEXTS = ["the old mill", "a town", "the miller crossed the river"]


def task(head: Head) -> Task:
    tagged = head == "token_classification"
    return Task(
        name="made-up",
        dataset=DatasetRef(id="made/up"),
        head=head,
        text=("tokens",) if tagged else ("sentence",),
        label="tags" if tagged else "label",
        labels=() if head == "regression" else ("one", "two"),
        evaluation=(Split(name="validation", rows=3),),
        metrics=("accuracy",),
    )


def rows(head: Head) -> datasets.Dataset:
    labels: dict[str, list[Any]] = {
        "classification": [0, 1, 0],
        "regression": [0.5, 1.0, 2.0],
        "multi_label": [[0], [], [0, 1]],
    }
    if head == "token_classification":
        words = [text.split() for text in TEXTS]
        made: dict[str, list[Any]] = {"tokens": words, "tags": [[0] * len(row) for row in words]}
    else:
        made = {"sentence": TEXTS, "label": labels[head]}
    return datasets.Dataset.from_dict({**made, "id": ["x1", "x2", "x3"]})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize("head", ["classification", "regression", "multi_label", "token_classification"])
def test_the_row_is_named(tokenizer: Any, head: Head, row: int, bad: float) -> None:
    split = rows(head)
    features = encode(task(head), split, tokenizer, max_length=16, train=False)
    by_token = head == "token_classification"
    shape = (len(features.encoded.tokens if by_token else TEXTS), 1 if head == "regression" else 2)
    logits = np.zeros(shape, np.float32)
    decode(task(head), features, split, {"logits": logits})
    # One logit of the row: its last token's, where tokens have tags; the special one behind the words.
    logits[features.encoded.starts[row + 1] - 1 if by_token else row, -1] = bad
    with pytest.raises(DataError, match=rf"made-up: .*id '({row}|x{row + 1})' is not a number.*float32"):
        decode(task(head), features, split, {"logits": logits})
