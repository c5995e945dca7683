"""Rows that are not what their task says are refused by name."""

from __future__ import annotations

import pytest
from datasets import ClassLabel, Dataset, NamedSplit

from benchbert import registry
from benchbert.errors import DataError
from benchbert.tasks.validation import row_ids, validate

COLA = registry.find("tasks", "glue/cola")
STSB = registry.find("tasks", "glue/stsb")
SQUAD = registry.find("tasks", "squad")
SQUAD_V2 = registry.find("tasks", "squad_v2")


def cola(label=(0, 1), text=("x", "y"), split="validation", **more):
    return Dataset.from_dict({"sentence": list(text), "label": list(label)} | more, split=NamedSplit(split))


def stsb(label):
    return Dataset.from_dict({"sentence1": ["x"], "sentence2": ["y"], "label": label}, split=NamedSplit("validation"))


def squad(text, start, context="the old mill", ids=("q1",)):
    answers = {"text": list(text), "answer_start": list(start)}
    columns = {"id": list(ids), "context": [context], "question": ["what ?"], "answers": [answers]}
    return Dataset.from_dict(columns, split=NamedSplit("validation"))


def test_good_rows_pass():
    validate(COLA, cola())
    validate(COLA, cola(label=(-1, -1), split="test"))
    validate(STSB, stsb([4.75]))
    validate(SQUAD, squad(["old"], [4]))
    validate(SQUAD, squad(["old"], [5]))  # off by one, as single rows of some copies are
    validate(
        SQUAD_V2,
        Dataset.from_dict(
            {"id": ["q"], "context": ["c"], "question": ["?"], "answers": [{"text": [], "answer_start": []}]}
        ),
        "train",
    )


@pytest.mark.parametrize(
    ("task", "rows", "words"),
    [
        (COLA, cola().rename_column("sentence", "text"), "no column 'sentence'"),
        (COLA, cola(label=(0, 2)), "row 1 has the label 2"),
        (COLA, cola(label=(-1, 1)), r"row 0 has no label \(-1\)"),
        (COLA, cola(label=(0, None)), "row 1 has the label None"),
        (COLA, cola(text=("x", None)), "row 1 has None in column 'sentence'"),
        (COLA, cola(idx=[3, 3]), "rows 0 and 1 both have idx 3"),
        (
            COLA,
            cola().cast_column("label", ClassLabel(names=["acceptable", "unacceptable"])),
            r"the classes \['acceptable', 'unacceptable'\]",
        ),
        (STSB, stsb([float("nan")]), "row 0 has the label nan"),
        (SQUAD, squad([], []), "id 'q1': no answer"),
        (SQUAD, squad(["mill"], [0]), "id 'q1': the answer 'mill' does not stand at character 0"),
        (SQUAD, squad(["mill"], [-1]), "id 'q1': the answer 'mill' does not stand"),
        (SQUAD, squad(["mill"], [8, 8]), "1 answer texts but 2 answer starts"),
        (SQUAD, squad(["old"], [4]).remove_columns("id"), "no column 'id'"),
    ],
)
def test_wrong_rows_are_named(task, rows, words):
    with pytest.raises(DataError, match=words) as raised:
        validate(task, rows)
    assert task.name in str(raised.value)


def test_ids():
    assert row_ids(COLA, cola()) == ["0", "1"]
    assert row_ids(COLA, cola(idx=[7, 3])) == ["7", "3"]
    assert row_ids(COLA, cola(idx=[7, 3]).select([1])) == ["3"]
    assert row_ids(SQUAD, squad(["old"], [4])) == ["q1"]


def test_real_data_is_valid(real_data):
    from benchbert.lock import DatasetLock
    from benchbert.tasks.data import load_split

    for task in (SQUAD, SQUAD_V2):
        folder = str(real_data / task.dataset.id)
        lock = DatasetLock(id=task.dataset.id, config=task.dataset.config, origin="mirror", folder=folder)
        for split in ("train", "validation"):
            validate(task, load_split(lock, split))
