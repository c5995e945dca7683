"""Scoring anybody's SQuAD files: official numbers, and one clear error for each way a file can be wrong."""

from __future__ import annotations

import contextlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbert.errors import BenchbertError, DataError
from benchbert.tasks.score_file import score_predictions


def squad_json(golds):
    qas = [{"id": q, "question": "?", "answers": [{"text": t, "answer_start": 0} for t in g]} for q, g in golds.items()]
    return {"version": "x", "data": [{"title": "t", "paragraphs": [{"context": "c", "qas": qas}]}]}


GOLDS = {"h1": ["Paris", "in Paris"], "h2": ["blue sky"], "n1": [], "n2": []}


def test_squad_v1(write):
    references = write("r.json", squad_json({"a": ["the Mill", "mill"], "b": ["blue sky"]}))
    found = score_predictions("squad", write("p.json", {"a": "Mill.", "b": "sky", "zz": "x"}), references=references)
    assert found["exact_match"] == 50.0
    assert found["f1"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert (found["total"], found["missing"], found["complete"]) == (2, 0, False)
    assert any("'zz'" in line for line in found["warnings"])
    assert any("official number is 10,570" in line for line in found["warnings"])


def test_squad_v2_with_null_probabilities(write):
    references, predictions = write("r.json", squad_json(GOLDS)), {"h1": "Paris", "h2": "sky", "n1": "", "n2": "x"}
    path = write("p.json", predictions)
    plain = score_predictions("squad_v2", path, references=references)
    assert (plain["exact"], plain["HasAns_exact"], plain["NoAns_exact"], plain["total"]) == (50.0, 50.0, 50.0, 4)
    assert "best_exact" not in plain
    null = {"h1": 0.2, "h2": 1.5, "n1": 0.1, "n2": 0.9}
    found = score_predictions("squad_v2", path, references=references, na_prob=write("n.json", null))
    assert found["exact"] == 50.0  # the headline's threshold is 1.0: only h2 is silenced, and it was wrong anyway
    assert found["f1"] == pytest.approx(50.0)
    # Up to 0.2: h1 answered, n1 empty anyway, n2 silent.
    assert (found["best_exact"], found["best_exact_thresh"]) == (75.0, 0.2)


def test_missing_ids_are_refused_unless_allowed(write):
    v1 = write("r1.json", squad_json({"a": ["x"], "b": ["y"]}))
    with pytest.raises(DataError, match=r"no prediction for question 'b' \(1 missing.*--allow-missing"):
        score_predictions("squad", write("p.json", {"a": "x"}), references=v1)
    found = score_predictions("squad", write("p.json", {"a": "x"}), references=v1, allow_missing=True)
    assert (found["exact_match"], found["total"], found["missing"]) == (50.0, 2, 1)
    v2 = write("r2.json", squad_json(GOLDS))
    found = score_predictions(
        "squad_v2", write("p.json", {"h1": "Paris", "n2": "x"}), references=v2, allow_missing=True
    )
    assert (found["exact"], found["total"], found["missing"]) == (50.0, 2, 2)


def test_squad_parquet_forms(write):
    hub = pa.table({"id": list(GOLDS), "answers": [{"text": g, "answer_start": [0] * len(g)} for g in GOLDS.values()]})
    stored = pa.table(
        {
            "id": list(GOLDS),
            "prediction_text": ["Paris", "", "", "x"],
            "best_text": ["Paris", "blue sky", "y", "x"],
            "null_score_difference": [-3.0, 1.0, 2.0, -1.0],
        }
    )
    references = write("r.parquet", hub)
    found = score_predictions("squad_v2", write("p.parquet", stored), references=references)
    assert found["exact"] == 50.0
    assert (found["best_exact"], found["best_exact_thresh"]) == (75.0, -3.0)
    by_json = write("p.json", {"h1": "Paris", "h2": "", "n1": "", "n2": "x"})
    again = score_predictions("squad_v2", by_json, references=references)
    assert {k: found[k] for k in again} == again


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.json", '{"h1": "x", "h1": "y"}', "the key 'h1' stands there twice"),
        ("p.json", '{"h1": 3}', "question 'h1' is 3"),
        ("p.json", "[]", "one JSON object"),
        ("p.json", '{"h1": ', "not JSON"),
        ("p.json", b'{"h1": "\xff"}', "not UTF-8"),
        ("p.parquet", b"nothing", "not a parquet file"),
        ("p.parquet", pa.table({"id": ["h1", "h1"], "prediction_text": ["x", "y"]}), "'h1' stands there twice"),
        ("p.parquet", pa.table({"id": ["h1"], "prediction_text": [None]}), "prediction_text of question 'h1' is None"),
    ],
)
def test_broken_squad_predictions_are_named(write, name, content, words):
    with pytest.raises(DataError, match=words):
        score_predictions("squad_v2", write(name, content), references=write("r.json", squad_json(GOLDS)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"h1": NaN, "h2": 0, "n1": 0, "n2": 0}', "'h1': the null score is nan"),
        ('{"h1": "0.5"}', "it must be a number"),
        ('{"h1": 0.5}', "no null probability for question 'h2'"),
        ('{"h1": 0.5, "h1": 0.6}', "twice"),
    ],
)
def test_broken_null_probabilities_are_named(write, content, words):
    with pytest.raises(DataError, match=words):
        score_predictions(
            "squad_v2",
            write("p.json", dict.fromkeys(GOLDS, "x")),
            references=write("r.json", squad_json(GOLDS)),
            na_prob=write("n.json", content),
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"data": [{"paragraphs": [{}]}]}, r"data\[0\].paragraphs\[0\]: no list 'qas'"),
        ({"rows": []}, "no list 'data'"),
        ({"data": []}, "no question in it"),
        (squad_json({"a": [3]}), "'a' must be texts"),
        ({"data": squad_json({"a": ["x"]})["data"] * 2}, "question 'a' stands there twice"),
    ],
)
def test_broken_squad_references_are_named(write, content, words):
    with pytest.raises(DataError, match=words):
        score_predictions("squad", write("p.json", {"a": "x"}), references=write("r.json", content))


def test_squad_against_the_generated_and_the_real_split(write, real_data):
    from benchbert import registry

    rows = registry.find("datasets", "builtin/squad_v2").generate("", "validation")
    golds = {q: (a["text"] or [""])[0] for q, a in zip(rows["id"], rows["answers"], strict=True)}
    found = score_predictions("builtin/squad_v2", write("p.json", golds))
    assert (found["exact"], found["f1"], found["complete"]) == (100.0, 100.0, True)
    table = pq.read_table(next((real_data / "rajpurkar/squad_v2/squad_v2").glob("validation-*")))
    golds = {r["id"]: (r["answers"]["text"] or [""])[0] for r in table.to_pylist()}
    found = score_predictions("squad_v2", write("p.json", golds), mirror=real_data)
    assert (found["exact"], found["total"], found["complete"]) == (100.0, 1378, False)
    assert found["HasAns_total"] == 654


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=4)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "paragraphs", "qas", "id", "answers", "text", "a"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(
    st.one_of(st.binary(max_size=60), json_values.map(lambda v: json.dumps(v).encode())),
    st.sampled_from(["predictions", "references", "na_prob", "labels"]),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_our_errors_come_out(write, content, role):
    good = {
        "predictions": write("p.json", {"a": "x"}),
        "references": write("r.json", squad_json({"a": ["x"]})),
        "na_prob": None,
    }
    with contextlib.suppress(BenchbertError):
        if role == "labels":
            references = write("r.tsv", "index\tlabel\n0\t0\n1\t1\n")
            score_predictions("glue/rte", write("p.jsonl", content), references=references)
        else:
            files = good | {role: write("x.json", content)}
            score_predictions("squad_v2", files.pop("predictions"), **files)
