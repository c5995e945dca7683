"""Files that are not what the suite says: each is refused with file, line and column, before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from benchbert.errors import DataError, SuiteError
from benchbert.lock import DatasetLock
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.suite import suite_from
from benchbert.tasks.data import load_split

GOOD = "text,label\nan old dog,good\na river,bad\n"


@pytest.fixture
def resolved(tmp_path: Path, suite: Callable[..., dict[str, Any]]) -> Callable[..., DatasetLock]:
    """The dataset of a task, from the contents of its files by name; the first two are train and validation."""

    def make(files: dict[str, str | bytes], **task: Any) -> DatasetLock:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        named = dict(zip(("train", "validation", "test"), files, strict=False))
        read = suite_from(suite(**({"text": ["text"]} | named | task)), folder=tmp_path)
        lock = resolve(read, folder=tmp_path)
        dataset = lock.datasets["files/mine"]
        jobs = [job for job in make_plan(read, lock).jobs if job.kind in {"finetune", "predict"}]
        assert {job.blocked for job in jobs} == {dataset.error}
        return dataset

    return make


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ("words,label\na,b\n", "train.csv: no column 'text' (it has words, label)"),
        ("text,klass\na,b\n", "train.csv: no column 'label' (it has text, klass)"),
        ("text,label,text\na,b,c\n", "train.csv: two columns are named 'text'"),
        ("text,label\n", "train.csv: no rows"),
        ("", "train.csv: no column 'text'"),
        ("text,label\na,x\nb,y,z\n", "train.csv, line 3: 3 fields, the header has 2"),
        ("text,label\na,x\nb\n", "train.csv, line 3: 1 fields, the header has 2"),
        ('text,label\n"two\nlines",x\nb,y,z\n', "train.csv, line 4: 3 fields"),
        ('text,label\na,x\n"b,y\n', "train.csv, line 3: not CSV"),
        ("text,label\na,x\nb,\n", "train.csv, line 3, column 'label': the label is empty"),
        ("text,label\na,x\nb,x\n", "train.csv, column 'label': every row has the label 'x'"),
        (b"text,label\na,x\ncaf\xe9,y\n", "train.csv, line 3: not UTF-8 (byte 3 of the line)"),
        ("id,text,label\n1,a,x\n1,b,y\n", "train.csv, line 3, column 'id': the id '1' stands at line 2 already"),
        ("id,text,label\n1,a,x\n,b,y\n", "train.csv, line 3, column 'id': '' where an id must be"),
    ],
)
def test_a_bad_training_file_is_refused_with_its_place(
    resolved: Callable[..., DatasetLock], train: str | bytes, says: str
) -> None:
    assert says in resolved({"train.csv": train, "dev.csv": GOOD}).error


def test_a_label_that_training_never_shows_is_refused_with_its_row(resolved: Callable[..., DatasetLock]) -> None:
    dev = "text,label\na,good\nb,Good\n"
    error = resolved({"train.csv": GOOD, "dev.csv": dev}).error
    assert "dev.csv, line 3, column 'label': the label 'Good' is not in the training file (bad, good)" in error
    error = resolved({"train.csv": GOOD, "dev.csv": GOOD}, labels=["good", "fair"]).error
    assert "train.csv, line 3, column 'label': the label 'bad' is not named by labels" in error


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['{"text": "a", "label": 1}', "{"], "train.jsonl, line 2: not JSON"),
        (["[1, 2]"], "train.jsonl, line 1: each line must be a JSON object"),
        (['{"text": "a", "label": 1}', "", '{"text": "a"}'], "line 3, column 'label': nothing where a label must be"),
        (['{"text": null, "label": 1}'], "line 1, column 'text': nothing where a text must be"),
        (['{"text": "a", "label": 1.5}'], "line 1, column 'label': 1.5 where a label must be"),
        (['{"text": "a", "label": NaN}'], "line 1, column 'label': nan where a label must be"),
    ],
)
def test_bad_json_lines_are_refused_with_their_line(
    resolved: Callable[..., DatasetLock], lines: list[str], says: str
) -> None:
    assert says in resolved({"train.jsonl": "\n".join(lines), "dev.csv": GOOD}).error


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("nan", "nan where a finite number must be"),
        ("inf", "inf where a finite number must be"),
        ("many", "'many' where a number must be"),
        ("", "'' where a number must be"),
    ],
)
def test_a_regression_needs_finite_numbers(resolved: Callable[..., DatasetLock], cell: str, says: str) -> None:
    train = f"text,label\na,1\nb,{cell}\n"
    dataset = resolved({"train.csv": train, "dev.csv": "text,label\na,1\n"}, head="regression")
    assert f"train.csv, line 3, column 'label': {says}" in dataset.error


TOKENS = {"head": "token_classification", "text": ["tokens"], "label": "tags"}


@pytest.mark.parametrize(
    ("row", "changes", "says"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, TOKENS, "column 'tags': 1 tags for 2 tokens"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, TOKENS, "column 'tokens': token 1 (from 0) is ''"),
        ({"tokens": [], "tags": []}, TOKENS, "column 'tokens': no token"),
        ({"tokens": "a b", "tags": "O O"}, TOKENS, "say what its parts stand between with separator"),
        (
            {"tokens": ["a", "b"], "tags": ["NN", "VB"]},
            TOKENS | {"metrics": ["entity_f1"]},
            "it needs IOB2 tags (O, B-..., I-...), and 'NN' is none",
        ),
        (
            {"text": "a", "label": ["x", "x"]},
            {"head": "multi_label"},
            "line 1, column 'label': the label 'x' stands there twice",
        ),
        ({"text": "a", "label": []}, {"head": "multi_label"}, "column 'label': no label in any row"),
        ({"text": "a", "label": "x"}, {"head": "multi_label"}, "say what its parts stand between with separator"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(
    resolved: Callable[..., DatasetLock], row: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    content = json.dumps(row) + "\n"
    assert says in resolved({"train.jsonl": content, "dev.jsonl": content}, **changes).error


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"answers": {"text": ["dog"], "answer_start": [0]}}, "the answer 'dog' does not stand at character 0"),
        ({"answers": {"text": ["dog"], "answer_start": []}}, "must be lists of one length"),
        ({"answers": {"text": ["dog"], "answer_start": [-7]}}, "an answer_start is no whole number from 0"),
        ({"answers": {"text": [""], "answer_start": [0]}}, "an answer is empty or no text"),
        ({"answers": {"text": ["dog"]}}, "with the fields text and answer_start"),
        ({"answers": "dog"}, "'dog' where answers must be"),
        ({"id": None}, "column 'id': nothing where an id must be"),
        ({"context": 3}, "column 'context': 3 where a text must be"),
    ],
)
def test_questions_that_are_not_squads_are_refused(
    resolved: Callable[..., DatasetLock], changes: dict[str, Any], says: str
) -> None:
    good = {"id": "q", "question": "who", "context": "an old dog", "answers": {"text": ["dog"], "answer_start": [7]}}
    files = {"train.jsonl": json.dumps(good | changes), "dev.jsonl": json.dumps(good)}
    error = resolved(files, head="span", text=[]).error
    assert "train.jsonl, line 1" in error
    assert says in error


def test_a_damaged_parquet_file_is_refused(resolved: Callable[..., DatasetLock], tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": ["a", "b"], "label": ["x", None]}), tmp_path / "gap.parquet")
    gap = (tmp_path / "gap.parquet").read_bytes()
    assert "train.parquet: not a parquet" in resolved({"train.parquet": gap[:40], "dev.csv": GOOD}).error
    assert "train.parquet, row 1, column 'label': nothing" in resolved({"train.parquet": gap, "dev.csv": GOOD}).error


def test_a_file_that_changes_after_it_was_resolved_is_not_read(
    resolved: Callable[..., DatasetLock], tmp_path: Path, cache: Path
) -> None:
    dataset = resolved({"train.csv": GOOD, "dev.csv": GOOD + "more,bad\n"})
    (tmp_path / "train.csv").write_text(GOOD + "more,good\n")
    assert load_split(dataset, "train")["label"][:] == [1, 0]  # its table is still there
    for table in (cache / "benchbert-files").iterdir():
        table.unlink()
    with pytest.raises(DataError, match=r"train.csv: it changed since the suite was resolved"):
        load_split(dataset, "train")


def test_words_that_stand_for_nothing_elsewhere_are_texts_here(resolved: Callable[..., DatasetLock]) -> None:
    """`NA`, `None`, numbers and empty cells: a CSV reader that guesses types would lose them."""
    content = "\ufefftext,label\nNA,None\n1.0,null\n,None\n"
    dataset = resolved({"train.csv": content, "dev.csv": f"{content}more,None\n"})
    assert dataset.error == ""
    assert dataset.labels == ("None", "null")
    rows = load_split(dataset, "train")
    assert rows["text"][:] == ["NA", "1.0", ""]
    assert rows["label"][:] == [0, 1, 0]


def test_whole_numbers_are_classes_by_their_size_whatever_the_format(
    resolved: Callable[..., DatasetLock], tmp_path: Path
) -> None:
    numbers = [10, 9, -1, 2]
    train = "".join(json.dumps({"text": "a", "label": n}) + "\n" for n in numbers)
    dev = "text\tlabel\n" + "".join(f"a\t{n}\n" for n in reversed(numbers))
    dataset = resolved({"train.jsonl": train, "dev.tsv": dev})
    assert dataset.labels == ("-1", "2", "9", "10")
    assert load_split(dataset, "train")["label"][:] == [3, 2, 0, 1]
    assert load_split(dataset, "validation")["label"][:] == [1, 0, 2, 3]


def test_long_cells_are_read(resolved: Callable[..., DatasetLock]) -> None:
    long = "a" * 200_000
    dataset = resolved({"train.csv": f"text,label\n{long},x\nb,y\n", "dev.csv": "text,label\nb,y\n"})
    assert load_split(dataset, "train")["text"][0] == long


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train": "gone.csv"}, "train: there is no file"),
        ({"train": "a.xls"}, "is of an unknown format; use .csv, .tsv, .jsonl, .json, .parquet"),
        ({"name": "glue/cola"}, "is a registered task"),
        ({"name": "a*"}, "cannot be the name of a task"),
        ({"text": []}, "text: name 1 or 2 columns"),
        ({"text": ["a", "b", "c"]}, "text: name 1 or 2 columns"),
        ({"text": ["label"]}, "'label' stands there twice"),
        ({"text": ["id"]}, "'id' is for ids"),
        ({"labels": ["a", "a"]}, "labels: one is empty or stands there twice"),
        ({"labels": ["a"]}, "labels: one class leaves nothing to tell apart"),
        ({"head": "regression", "labels": ["a", "b"]}, "labels: the head 'regression' has no classes"),
        ({"separator": ";"}, "separator: the head 'classification' has one label a row"),
        ({"metrics": ["pearson"]}, "metrics: 'pearson' is none of the head 'classification'; it has accuracy"),
        ({"head": "klassification"}, "head: should be 'classification', 'regression'"),
        ({"lable": "x"}, "did you mean 'label"),
    ],
)
def test_a_table_that_cannot_be_meant_is_a_problem_of_the_suite(
    tmp_path: Path, suite: Callable[..., dict[str, Any]], changes: dict[str, Any], says: str
) -> None:
    for name in ("a.csv", "a.xls"):
        (tmp_path / name).write_text(GOOD)
    data = suite(train="a.csv", validation="a.csv", text=["text"])
    data["tasks"][0] |= changes
    with pytest.raises(SuiteError) as caught:
        suite_from(data, folder=tmp_path)
    (problem,) = [p for p in caught.value.problems if "tasks[0]" in p]
    assert says in problem


def test_overrides_reach_a_task_of_ones_own_and_the_test_split_does_not(
    tmp_path: Path, suite: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    data = suite(train="a.csv", validation="a.csv", text=["text"])
    data["finetune"]["per_task"] = {"mine": {"epochs": 7.0}}
    read = suite_from(data, folder=tmp_path)
    assert read.finetune is not False
    assert read.finetune.settings("m", "mine", "classification").epochs == 7
    with pytest.raises(SuiteError, match="mine cannot be scored on 'test'"):
        suite_from(data | {"scored_on": "test"}, folder=tmp_path)
    with pytest.raises(SuiteError, match="two are named 'mine'"):
        suite_from(data | {"tasks": data["tasks"] * 2}, folder=tmp_path)


def test_the_training_file_cannot_be_scored_on(resolved: Callable[..., DatasetLock]) -> None:
    assert "dev.csv: it is the training file byte for byte" in resolved({"train.csv": GOOD, "dev.csv": GOOD}).error


def test_a_class_has_one_name_in_every_format(resolved: Callable[..., DatasetLock]) -> None:
    found = resolved({"train.csv": "text,label\na,0.0\nb,1\nc,0\n", "dev.csv": "text,label\na,1.0\n"})
    assert (found.error, found.labels) == ("", ("0", "1"))


def test_a_line_that_repeats_a_key_is_refused(resolved: Callable[..., DatasetLock]) -> None:
    train = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y", "label": "x"}\n'
    found = resolved({"train.jsonl": train, "dev.jsonl": '{"text": "a", "label": "x"}\n'})
    assert "train.jsonl, line 2: the key 'label' stands there twice" in found.error


@pytest.mark.parametrize("number", ["1_0", "\N{ARABIC-INDIC DIGIT THREE}", "0x1"])
def test_only_plain_numbers_are_read(resolved: Callable[..., DatasetLock], number: str) -> None:
    train = f"text,label\na,1.5\nb,{number}\n"
    found = resolved({"train.csv": train, "dev.csv": "text,label\na,2\n"}, head="regression")
    assert "train.csv, line 3, column 'label': " in found.error
    assert "where a number must be" in found.error
