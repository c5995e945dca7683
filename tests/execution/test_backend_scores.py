"""A head scored on what a suite times: flips and score change beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import benchbert

SUITE = """
name = "tiny"
models = [{name = "teacher", recipe = "teacher.toml"}]
tasks = ["builtin/squad"]
majority = false
predict_dtype = "float32"
[finetune]
epochs = 0.05
batch_size = 8
max_length = 64
dtype = "float32"
[profile]
profilers = ["size"]
dtypes = ["float32", "bfloat16"]
batch_sizes = [4]
sequence_lengths = [16]
score = true
"""


@pytest.mark.slow
def test_a_head_is_scored_where_it_is_timed(suite: Path) -> None:
    suite.write_text(SUITE)
    out = suite.parent / "out"
    benchbert.run(suite, out=out, only="predict*", progress=False)
    results = [json.loads(path.read_text()) for path in (out / "results").glob("predict*.json")]
    by_dtype = {result["job"]["dtype"]: result for result in results}
    assert sorted(by_dtype) == ["bfloat16", "float32"]
    exact, rounded = by_dtype["float32"], by_dtype["bfloat16"]
    assert rounded["job"]["inputs"]["reference"] == exact["key"]["job_id"]
    assert rounded["provenance"]["computed"]["batch_size"] == 4
    values = {value["metric"]: value for value in rounded["values"]}
    texts = [
        pq.read_table(out / result["artefacts"][0]["path"])["prediction_text"].to_pylist()
        for result in (exact, rounded)
    ]
    flips = sum(before != after for before, after in zip(*texts, strict=True))
    assert values["label_flips"]["value"] == flips
    assert values["label_flips"]["n"] == len(texts[0])
    main_score = {value["metric"]: value["value"] for value in exact["values"]}["f1"]
    assert values["score_change"]["value"] == pytest.approx(values["f1"]["value"] - main_score)
    assert "label_flips" not in {value["metric"] for value in exact["values"]}
