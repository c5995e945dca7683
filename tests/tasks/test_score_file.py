"""Scoring anybody's label files: official numbers, and one clear error for each way a file can be wrong."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from benchbert.errors import DataError, UnavailableError, UnknownNameError, UsageError
from benchbert.tasks.score_file import score_predictions


def tsv(values, header="index\tprediction"):
    return "\n".join([header, *(f"{i}\t{v}" for i, v in enumerate(values))]) + "\n"


LABELS, GUESSES = [0, 1, 1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 1, 1, 1]
NAMES = ["not_equivalent", "equivalent"]


@pytest.mark.parametrize("as_names", [False, True])
def test_glue_tsv(write, as_names):
    guesses = [NAMES[g] for g in GUESSES] if as_names else GUESSES
    found = score_predictions(
        "glue/mrpc", write("p.tsv", tsv(guesses)), references=write("r.tsv", tsv(LABELS, "index\tlabel"))
    )
    assert found["f1"] == pytest.approx(f1_score(LABELS, GUESSES))
    assert found["accuracy"] == pytest.approx(6 / 8)
    assert (found["total"], found["missing"], found["complete"], found["split"]) == (8, 0, False, "")
    assert "the official number is 408" in found["warnings"][0]


def test_every_table_format_says_the_same(write):
    ids = list(range(8))
    tables = {
        "x.tsv": tsv(GUESSES),
        "x.csv": "idx,prediction\r\n" + "".join(f'{i},"{g}"\r\n' for i, g in enumerate(GUESSES)),
        "x.jsonl": "".join(json.dumps({"idx": i, "prediction": g}) + "\n" for i, g in enumerate(GUESSES)),
        "x.parquet": pa.table({"id": [str(i) for i in ids], "prediction": GUESSES, "label": LABELS}),
    }
    references = {
        "r.csv": "idx,label\n" + "".join(f"{i},{g}\n" for i, g in reversed(list(enumerate(LABELS)))),
        "r.jsonl": "".join(json.dumps({"idx": i, "label": NAMES[g]}) + "\n" for i, g in enumerate(LABELS)),
        "r.parquet": pa.table({"idx": ids, "label": LABELS, "sentence1": ["x"] * 8}),
    }
    found = [
        score_predictions("glue/mrpc", write(p, tables[p]), references=write(r, references[r]))
        for p in tables
        for r in references
    ]
    assert all(one == found[0] for one in found)


def test_stsb_scores_and_constants(write):
    references = write("r.tsv", tsv([0.0, 2.5, 5.0], "index\tlabel"))
    found = score_predictions("glue/stsb", write("p.tsv", tsv([0.5, 2, 7])), references=references)
    assert found["spearman"] == pytest.approx(1.0)
    constant = score_predictions("glue/stsb", write("c.tsv", tsv([1, 1, 1])), references=references)
    assert (constant["pearson"], constant["spearman"]) == (None, None)


def test_against_the_generated_split(write):
    from benchbert import registry

    truth = registry.find("datasets", "builtin/glue").generate("cola", "validation")["label"]
    guesses = [1 - label if i % 5 == 0 else label for i, label in enumerate(truth)]
    found = score_predictions("builtin/glue/cola", write("p.tsv", tsv(guesses)))
    assert found["matthews_correlation"] == pytest.approx(matthews_corrcoef(truth, guesses))
    assert (found["complete"], found["split"], found["warnings"]) == (True, "validation", [])


def test_a_run_s_own_file_is_scored_on_the_texts_that_it_is_of(write):
    from benchbert import registry
    from benchbert.tasks.sequence import input_hashes

    data, task = registry.find("datasets", "builtin/glue"), registry.find("tasks", "builtin/glue/cola")
    for split in ("validation", "hidden_test"):
        columns = data.generate("cola", split)
        ids = [str(i) for i in columns["idx"]]
        hashes = input_hashes(task, columns)
        path = write("p.parquet", pa.table({"id": ids, "prediction": columns["label"], "input_hash": hashes}))
        if split == "validation":
            assert score_predictions("builtin/glue/cola", path)["matthews_correlation"] == pytest.approx(1.0)
        else:
            with pytest.raises(
                DataError, match="1,000 of its 1,000 texts are not in builtin/glue/cola, split validation"
            ):
                score_predictions("builtin/glue/cola", path)


def test_mnli_needs_its_half(write):
    from benchbert import registry

    rows = registry.find("datasets", "builtin/glue").generate("mnli", "validation_mismatched")["label"]
    path = write("p.tsv", tsv(rows))
    found = score_predictions("builtin/glue/mnli_mismatched", path)
    assert (found["accuracy"], found["split"]) == (1.0, "validation_mismatched")
    assert score_predictions("builtin/glue/mnli_matched", path)["accuracy"] < 0.6
    with pytest.raises(UsageError, match="_matched or builtin/glue/mnli_mismatched"):
        score_predictions("builtin/glue/mnli", path)


def test_diagnostics_by_phenomenon(write):
    header = "Lexical Semantics\tLogic\tPremise\tHypothesis\tLabel"
    truth = ["entailment", "neutral", "contradiction", "entailment"]
    tags = [("Factivity", ""), ("Factivity;Redundancy", "Negation"), ("", "Negation"), ("", "")]
    references = "\n".join([header, *(f"{a}\t{b}\tx\ty\t{t}" for (a, b), t in zip(tags, truth, strict=True))])
    guesses = ["entailment", "neutral", "neutral", "entailment"]
    found = score_predictions("glue/ax", write("p.tsv", tsv(guesses)), references=write("r.tsv", references))
    assert found["matthews_correlation"] == pytest.approx(matthews_corrcoef(truth, guesses))
    assert found["matthews_correlation/Lexical Semantics"] == pytest.approx(1.0)
    assert found["matthews_correlation/Logic/Negation"] == 0.0
    with pytest.raises(UsageError, match="--references"):
        score_predictions("glue/ax", write("p.tsv", tsv(guesses)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("index\tprediction\n0\t1\n0\t1\n", "line 3: index 0 stands there twice"),
        ("index\tprediction\n0\t1\n", r"no prediction for index 1 \(1 missing"),
        ("index\tprediction\n0\t1\n1\t1\n2\t0\n", "index 2 is not among the references"),
        (
            "index\tprediction\n0\t1\n1\tmaybe\n",
            "line 3: the prediction 'maybe' is no label of glue/mrpc: use not_equivalent",
        ),
        ("index\tprediction\n0\t1\n1\tnan\n", "line 3: the prediction 'nan'"),
        ("index\tprediction\n0\t1\n1\t2\n", "line 3: the prediction '2'"),
        ("index\tprediction\n0\t1\n1\t-1\n", "line 3: the prediction '-1'"),
        ("index\tprediction\n0\t1\n1\n", "line 3: 1 fields, the header has 2"),
        ("0\t1\n1\t1\n", "no column index or idx or id"),
        ("index\tprediction\n", "only a header"),
        ("", "empty"),
        (b"index\tprediction\n0\t1\n1\t\xff\n", "line 3: not UTF-8"),
    ],
)
def test_broken_predictions_are_named(write, content, words):
    references = write("r.tsv", tsv([0, 1], "index\tlabel"))
    with pytest.raises(DataError, match=words) as raised:
        score_predictions("glue/mrpc", write("p.tsv", content), references=references)
    assert "p.tsv" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("index\tlabel\n0\t1\n1\t-1\n", r"line 3: no label \(-1\)"),
        ("index\tlabel\n0\t1\n0\t1\n", "stands there twice"),
        ("index\tgold\n0\t1\n", "no column label"),
    ],
)
def test_broken_references_are_named(write, content, words):
    with pytest.raises(DataError, match=words):
        score_predictions("glue/mrpc", write("p.tsv", tsv([0, 1])), references=write("r.tsv", content))


def test_stsb_refuses_what_is_no_number(write):
    references = write("r.tsv", tsv([1, 2], "index\tlabel"))
    for bad in ("nan", "inf", "high"):
        with pytest.raises(DataError, match="line 3"):
            score_predictions("glue/stsb", write("p.tsv", tsv([1, bad])), references=references)


def test_options_that_do_not_fit(write, tmp_path):
    path = write("p.tsv", tsv([0, 1]))
    with pytest.raises(UnknownNameError, match="glue/mrpc"):
        score_predictions("glue/mrcp", path)
    with pytest.raises(UsageError, match="--allow-missing"):
        score_predictions("glue/mrpc", path, references=path, allow_missing=True)
    with pytest.raises(UsageError, match="--na-prob"):
        score_predictions("squad", path, references=path, na_prob=path)
    with pytest.raises(DataError, match="cannot be read"):
        score_predictions("glue/mrpc", tmp_path / "none.tsv", references=path)
    with pytest.raises(DataError, match="unknown format"):
        score_predictions("glue/mrpc", write("p.xlsx", "x"), references=path)


def test_real_mirror(write, real_data):
    from datasets import load_dataset

    truth = load_dataset("parquet", data_files=str(real_data / "nyu-mll/glue/cola/validation-*"), split="train")[
        "label"
    ][:]
    found = score_predictions("glue/cola", write("p.tsv", tsv(truth)), mirror=real_data)
    assert (found["matthews_correlation"], found["complete"], found["warnings"]) == (pytest.approx(1.0), True, [])
    with pytest.raises(UnavailableError, match="mrpc"):
        score_predictions("glue/mrpc", write("p.tsv", tsv([0, 1])), mirror=real_data)
