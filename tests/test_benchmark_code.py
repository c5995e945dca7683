"""The side-by-side measurements still run and still agree: their quick mode, whose times mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from benchbert.tasks.encoding import Encoded
from benchbert.training.ways import fastest_way
from tests.benchmarks.peak import real_flops
from tests.benchmarks.scores import compared
from tests.benchmarks.shares import KINDS, kind_of
from tests.benchmarks.tuning import WAYS

FOLDER = Path(__file__).parent / "benchmarks"


def test_the_quick_mode_writes_a_whole_table(real_data: Path, tmp_path: Path) -> None:
    settings = {
        "BENCHBERT_BENCHMARK_MODE": "quick",
        "BENCHBERT_BENCHMARK_OUT": str(tmp_path / "out"),
        "BENCHBERT_TEST_DATA": str(real_data),
        "PYTHONPATH": str(FOLDER.parents[1]),
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-o",
            "addopts=",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            str(FOLDER),
        ],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    table = json.loads((tmp_path / "out" / "engine.json").read_text())
    assert table["mode"] == "quick"
    assert table["machine"]["isa"] is not None
    assert [cell["task"] for cell in table["prediction"]] == ["glue/sst2", "glue/cola", "glue/rte", "squad"]
    for cell in table["prediction"]:
        assert cell["ours"]["agreement"] >= 0.995
        assert cell["against_reference"]["low"] <= cell["against_reference"]["median"]
        assert cell["against_reference"]["median"] <= cell["against_reference"]["high"]
        assert cell["gemm"]["gflop"] > 0
        # The strong way really computes in bfloat16, and leaves the model as it was for the next way.
        assert cell["strong"]["largest_error"] > 1e-4 * cell["strong"]["sd_of_outputs"]
        assert set(cell["shares"]) == set(KINDS)
        assert sum(cell["shares"].values()) == pytest.approx(1)
        assert all(cell["shares"][kind] > 0 for kind in KINDS if kind not in {"close calls in float32", "softmax"})
        assert set(cell["seconds"]) == {"reference", "strong", "ours"}
    tuned = table["finetuning"]
    assert {way: len(seconds) for way, seconds in tuned["seconds"].items()} == dict.fromkeys(WAYS, tuned["rounds"])
    assert tuned["profile"]["steps"] == tuned["steps"]
    shares = tuned["profile"]["shares"]
    assert sum(shares.values()) == pytest.approx(1)
    for kind in ("linear forward", "linear backward", "attention", "dropout", "norms", "optimizer"):
        assert shares[kind] > 0, kind
    assert [task["task"] for task in tuned["scores"]["tasks"]] == ["builtin/glue/cola", "builtin/glue/qnli"]
    for task in tuned["scores"]["tasks"]:
        assert {way: len(scores) for way, scores in task["scores"].items()} == dict.fromkeys(WAYS, 2)
        assert set(task["ours_minus"]) == {"reference", "strong"}
    # Four ratios, their mean against the strong way, four agreements, two of fine-tuning and two of its scores;
    # BERT-base is not in it.
    assert len(table["bars"]) == 4 + 1 + 4 + 2 + 2
    text = (tmp_path / "out" / "engine.md").read_text()
    where = text.split("## Where our time goes")[1].split("| bar |")[0]
    assert [where.count(f"| {cell['task']} |") for cell in table["prediction"]] == [1] * 4
    assert text.count("| reached |") + text.count("| not reached |") == len(table["bars"])
    check_distillation(tmp_path / "out")


def test_not_worse_needs_the_whole_one_sided_interval_above_the_margin() -> None:
    near = compared([80.0, 81.0, 82.0, 80.5, 81.5], [80.2, 81.1, 82.3, 80.6, 81.4])
    assert near["mean"] == pytest.approx(-0.12)
    # Student's t of 4 degrees of freedom at 95 %: 2.132; sd of the differences: 0.1483.
    assert near["bound"] == pytest.approx(-0.12 - 2.132 * 0.14832 / 5**0.5, abs=1e-4)
    assert near["not_worse"]
    assert near["low"] < near["bound"] < near["mean"] < near["high"]
    far = compared([80.0, 78.0, 82.0, 76.0, 81.0], [80.2, 81.1, 79.0, 80.6, 80.4])
    assert not far["not_worse"]


def check_distillation(folder: Path) -> None:
    table = json.loads((folder / "distillation.json").read_text())
    assert table["mode"] == "quick"
    (cell,) = table["distillation"]
    assert cell["agreement"]["float32"] < 1e-4
    # Padding counts for nothing: the reference's rows are up to three tokens short of the places that it computes.
    assert cell["places"] - 3 * cell["shape"]["sequences"] <= cell["real_tokens_of_reference"] <= cell["places"]
    for ratio in (cell["against_float32"], cell["against_bfloat16"]):
        assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
    assert set(cell["tokens_per_s"]) == set(cell["activation_bytes"]) == {"reference", "reference_bfloat16", "ours"}
    assert all(size > 0 for size in cell["activation_bytes"].values())
    assert 0 < cell["gemm"]["share"] < 1
    assert sum(row["share"] for row in cell["profile"]) == pytest.approx(1.0)
    (cache,) = table["teacher_cache"]
    assert cache["different_tokens"] * 3 == cache["steps"] * cache["shape"]["sequences"] * cache["shape"]["length"]
    assert cache["cache_gb"] >= cache["different_tokens"] * cache["bytes_a_token"] / 1e9 > 0
    for filling, seconds in zip(cache["filling_s"], cache["seconds"]["cached"], strict=True):
        assert 0 < filling < seconds
    assert len(table["bars"]) == 3 + 1
    text = (folder / "distillation.md").read_text()
    assert text.count("| reached |") + text.count("| not reached |") == len(table["bars"])


@pytest.mark.parametrize("head", ["SequenceClassification", "QuestionAnswering"])
def test_flops_are_those_of_the_products_that_run(head: str) -> None:
    """Counted by torch, of the packed way in float32; padding of rows is the only thing that it counts besides."""
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.BertConfig(vocab_size=50, **shape)
    network = getattr(transformers, f"BertFor{head}")(config).eval()
    encoded = Encoded.from_lists([[7] * 16] * 16)
    way, _ = fastest_way(network, pad_id=0, device="cpu", dtype=torch.float32, lengths=encoded.lengths)
    with FlopCounterMode(display=False) as counter:
        way(encoded, np.arange(16))
    outputs = 2 * 32 * 2 * (16 if head == "SequenceClassification" else 256)
    # The formula counts a pooler for a span head, too.
    pooler = 0 if head == "SequenceClassification" else 16 * 2 * 32 * 32
    assert counter.get_total_flops() == real_flops(network, encoded.lengths) - pooler + outputs


def test_operations_are_told_apart() -> None:
    expected = {
        "mkldnn::_linear_pointwise": "linear layers",
        "aten::addmm": "linear layers",
        "aten::gelu": "linear layers",
        "aten::bmm": "attention products",
        "aten::_scaled_dot_product_flash_attention_for_cpu": "attention products",
        "aten::_softmax": "softmax",
        "aten::native_layer_norm": "norms",
        "aten::index_select": "embeddings",
        "aten::copy_": "copies",
        "aten::constant_pad_nd": "copies",
        "aten::add": "the rest",
        "engine": "the rest",
    }
    assert {name: kind_of(name) for name in expected} == expected
