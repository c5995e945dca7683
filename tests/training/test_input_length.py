"""No example is longer than what the model has positions for: refused by name, capped only where nobody can choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow import parquet
from transformers import AutoConfig, AutoModelForQuestionAnswering

from benchbert.execution.execute import execute
from benchbert.plan import make_plan
from benchbert.resolve import resolve
from benchbert.store.files import RunFolder
from benchbert.suite import suite_from
from benchbert.training.wordpiece import train_wordpiece
from benchbert.types import Result

POSITIONS = 64


def results(tmp_path: Path, words: int, finetune: Any) -> list[tuple[Result, RunFolder]]:
    """Of a model with few positions on two questions whose second context has so many words."""
    context = " ".join(["an old dog walks to a river"] * (words // 7 + 1))
    with (tmp_path / "q.jsonl").open("w") as file:
        for name, text in (("short", "an old dog"), ("long", context)):
            answers = {"text": ["dog"], "answer_start": [text.index("dog")]}
            file.write(json.dumps({"id": name, "question": "which dog", "context": text, "answers": answers}) + "\n")
    # Other bytes, the same questions: a file that is the training file is refused.
    (tmp_path / "dev.jsonl").write_text((tmp_path / "q.jsonl").read_text() + "\n")
    tokenizer = train_wordpiece([context], vocabulary=60)
    tokenizer.save_pretrained(tmp_path / "model")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = AutoConfig.for_model("bert", vocab_size=len(tokenizer), max_position_embeddings=POSITIONS, **shape)
    AutoModelForQuestionAnswering.from_config(config).save_pretrained(tmp_path / "model")
    task = {"name": "mine", "head": "span", "train": "q.jsonl", "validation": "dev.jsonl"}
    models = [{"name": "m", "folder": "model"}]
    data = {"name": "s", "models": models, "tasks": [task], "finetune": finetune, "majority": False}
    suite = suite_from(data, folder=tmp_path)
    lock, folder = resolve(suite, folder=tmp_path), RunFolder(tmp_path / "run")
    jobs = make_plan(suite, lock).jobs
    return [(execute(job, lock, folder, "r", lambda done, total, note: None), folder) for job in jobs]


def test_a_model_with_fewer_positions_is_refused_with_the_row_and_the_mend(tmp_path: Path) -> None:
    (tuned, _), *_ = results(tmp_path, 400, {"epochs": 1, "batch_size": 2, "dtype": "float32"})
    assert tuned.status == "failed"
    assert tuned.error.endswith(
        'm reads at most 64 tokens, and mine has 384 in row 1: set max_length to 64 or less in [finetune.per_model."m"]'
    )


def test_the_mend_works_and_so_do_examples_that_are_short(tmp_path: Path) -> None:
    settings = {"epochs": 1, "batch_size": 2, "dtype": "float32"}
    capped = settings | {"per_model": {"m": {"max_length": POSITIONS}}}
    for folder, words, finetune in (("a", 400, capped), ("b", 30, settings)):
        (tmp_path / folder).mkdir()
        found = results(tmp_path / folder, words, finetune)
        assert [(result.status, result.error) for result, _ in found] == [("ok", "")] * 2


@pytest.mark.parametrize("words", [30, 400])
def test_a_model_that_brings_its_head_reads_as_much_as_it_can(tmp_path: Path, words: int) -> None:
    ((result, folder),) = results(tmp_path, words, False)
    assert result.status == "ok", result.traceback
    assert parquet.read_table(folder.path / result.artefacts[0].path)["id"].to_pylist() == ["short", "long"]
