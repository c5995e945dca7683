"""A file of predictions that is not of these rows, of this version or in this encoding never becomes a score."""

from __future__ import annotations

import math
from dataclasses import replace

import pyarrow as pa
import pytest

from benchbert import registry
from benchbert.errors import DataError
from benchbert.tasks.prediction_stamp import stamped
from benchbert.tasks.score_file import score_predictions
from benchbert.tasks.sequence import input_hashes

COLA = registry.find("tasks", "builtin/glue/cola")
SQUAD = registry.find("tasks", "builtin/squad")


def own_file(task=COLA) -> pa.Table:
    """What a run would store of CoLA's labelled split, all right."""
    columns = registry.find("datasets", "builtin/glue").generate("cola", "validation")
    ids = [str(i) for i in columns["idx"]]
    hashes = input_hashes(COLA, columns)
    return stamped(pa.table({"id": ids, "prediction": columns["label"], "input_hash": hashes}), task)


def test_another_version_of_the_task_is_refused_and_the_same_one_scored(write):
    assert score_predictions(COLA.name, write("p.parquet", own_file()))["matthews_correlation"] == pytest.approx(1.0)
    older = write("old.parquet", own_file(replace(COLA, version=COLA.version + 1)))
    with pytest.raises(
        DataError, match=r"old.parquet: .* version 2 of builtin/glue/cola, this benchbert has version 1"
    ):
        score_predictions(COLA.name, older)


def test_answers_of_another_version_are_refused_too(write):
    table = stamped(pa.table({"id": ["a"], "prediction_text": ["x"]}), replace(SQUAD, version=9))
    with pytest.raises(DataError, match=r"version 9 of builtin/squad"):
        score_predictions(SQUAD.name, write("p.parquet", table))


def test_rows_that_changed_places_are_refused_by_their_id(write):
    table = own_file()
    hashes = table["input_hash"].to_pylist()
    other = next(row for row in range(4, len(hashes)) if hashes[row] != hashes[3])
    hashes[3], hashes[other] = hashes[other], hashes[3]
    moved = write("p.parquet", table.set_column(2, "input_hash", [hashes]))
    name = table["id"].to_pylist()[3]
    with pytest.raises(DataError, match=rf"the text of id {name} is that of another row .*\(2 such"):
        score_predictions(COLA.name, moved)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ids: ids[:-1], r"no prediction for index \d+ \(1 missing"),
        (lambda ids: [*ids[:-1], ids[0]], r"row 499: index \d+ stands there twice"),
        (lambda ids: [*ids[:-1], "zz"], r"no prediction for index \d+"),
    ],
)
def test_ids_of_a_parquet_file(write, change, words):
    table = own_file()
    ids = change(table["id"].to_pylist())
    path = write("p.parquet", table.slice(0, len(ids)).set_column(0, "id", [ids]))
    with pytest.raises(DataError, match=words) as raised:
        score_predictions(COLA.name, path)
    assert "p.parquet" in str(raised.value)


@pytest.mark.parametrize("task", ["glue/mrpc", "glue/stsb"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_what_is_no_number_in_a_parquet_file_is_named_by_its_row(write, task, bad):
    references = write("r.parquet", pa.table({"index": [0, 1, 2], "label": [0.0, 1.0, 1.0]}))
    table = pa.table({"index": [0, 1, 2], "prediction": pa.array([1.0, bad, 0.0], pa.float64())})
    with pytest.raises(DataError, match=r"p.parquet, row 1: "):
        score_predictions(task, write("p.parquet", table), references=references)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", "index,prediction\n0,1\n1,caf\u00e9\n".encode("latin-1"), "p.csv, line 3: not UTF-8"),
        ("p.tsv", "index\tprediction\n0\t1\n".encode("utf-16"), "p.tsv, line 1: not UTF-8"),
        ("p.jsonl", b'{"index": 0, "prediction": "\xff"}\n', "p.jsonl, line 1: not UTF-8"),
        ("p.jsonl", b'{"index": 0, "prediction": NaN}\n', "p.jsonl, line 1: the prediction nan"),
        (
            "p.jsonl",
            b'{"index": 0, "prediction": 1}\n{"index": 0, "prediction": 1}\n',
            "line 2: index 0 stands there tw",
        ),
        ("p.csv", b"index,prediction\n0,1\n7,1\n", "index 7 is not among|no prediction for index 1"),
    ],
)
def test_every_format_names_the_line(write, name, content, words):
    references = write("r.tsv", "index\tlabel\n0\t1\n1\t0\n")
    with pytest.raises(DataError, match=words):
        score_predictions("glue/mrpc", write(name, content), references=references)


def test_extra_answers_are_told_by_their_id_and_change_no_score(write):
    golds = {"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "a", "answers": [{"text": "x"}]}]}]}]}
    references = write("r.json", golds)
    plain = score_predictions("squad", write("p.json", {"a": "x"}), references=references)
    extra = score_predictions("squad", write("q.json", {"a": "x", "zz": "y"}), references=references)
    (told,) = [line for line in extra["warnings"] if line not in plain["warnings"]]
    assert "1 predictions are for questions without reference (first 'zz')" in told
    assert {k: v for k, v in extra.items() if k != "warnings"} == {k: v for k, v in plain.items() if k != "warnings"}


def test_predictions_of_another_task_are_refused(write):
    path = write("p.parquet", own_file(registry.find("tasks", "builtin/glue/sst2")))
    with pytest.raises(DataError, match=r"p.parquet: its predictions are of builtin/glue/sst2, not of builtin/glue/co"):
        score_predictions(COLA.name, path)


@pytest.mark.parametrize("stamp", [b"{", b"[1]", b'{"task": "cola"}', b'{"task": 1, "version": 1}', b"\xff"])
def test_a_damaged_stamp_is_one_clear_error(write, stamp):
    table = own_file().replace_schema_metadata({b"benchbert": stamp})
    with pytest.raises(DataError, match="what it says of its task is damaged"):
        score_predictions(COLA.name, write("p.parquet", table))


def test_outputs_that_are_no_number_are_refused_by_their_id(write):
    scores = [[0.1, 0.2]] * 500
    scores[7] = [math.nan, 0.2]
    table = own_file().append_column("scores", pa.array(scores))
    with pytest.raises(DataError, match=f"row 7: the model's output for id {table['id'][7]} is not a number"):
        score_predictions(COLA.name, write("p.parquet", table))


def test_labels_that_changed_since_are_refused_by_their_id(write):
    labels = own_file()["prediction"].to_pylist()
    table = own_file().append_column("label", pa.array(labels))
    assert score_predictions(COLA.name, write("p.parquet", table))["matthews_correlation"] == pytest.approx(1.0)
    labels[3] = 1 - labels[3]
    table = own_file().append_column("label", pa.array(labels))
    with pytest.raises(DataError, match=rf"its label of id {table['id'][3]} is not the one in .* \(1 such in all\)"):
        score_predictions(COLA.name, write("q.parquet", table))


def test_two_columns_that_could_be_the_index_must_agree(write):
    references = write("r.tsv", "index\tlabel\n0\t0\n1\t1\n")
    with pytest.raises(DataError, match="the columns 'index' and 'Index' differ by nothing"):
        score_predictions("glue/rte", write("a.tsv", "index\tIndex\tprediction\n0\t1\t0\n1\t0\t1\n"), references)
    with pytest.raises(DataError, match=r"b.tsv, line 2: the columns index and id disagree"):
        score_predictions("glue/rte", write("b.tsv", "id\tindex\tprediction\n5\t0\t0\n1\t1\t1\n"), references)
    same = write("c.tsv", "id\tindex\tprediction\n0\t0\t0\n1\t1\t1\n")
    assert score_predictions("glue/rte", same, references)["accuracy"] == 1.0


@pytest.mark.parametrize("text", ["1_0", "\N{ARABIC-INDIC DIGIT THREE}", "0x1", "1e400", "nan"])
def test_only_plain_numbers_are_scores(write, text):
    references = write("r.tsv", "index\tlabel\n0\t1\n1\t2\n")
    with pytest.raises(DataError, match=r"p.tsv, line 3: the prediction .* (not a number|finite)"):
        score_predictions("glue/stsb", write("p.tsv", f"index\tprediction\n0\t1\n1\t{text}\n"), references)


def test_answers_to_texts_that_changed_are_refused(write):
    columns = registry.find("datasets", "builtin/squad").generate("", "validation")
    count = len(columns["id"])
    table = {"id": columns["id"], "prediction_text": ["x"] * count, "input_hash": ["0" * 16] * count}
    with pytest.raises(DataError, match=r"texts are not in builtin/squad, split validation"):
        score_predictions(SQUAD.name, write("p.parquet", stamped(pa.table(table), SQUAD)))
