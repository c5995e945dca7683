"""A small WordPiece tokenizer, the same on every run, and small datasets in the hub's shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WORDS = [
    "the",
    "river",
    "runs",
    "past",
    "old",
    "mill",
    "and",
    "town",
    "who",
    "what",
    "built",
    "it",
    "a",
    "miller",
    "from",
    "in",
    "did",
    "not",
    "like",
    "long",
    "film",
    "but",
    "music",
    "was",
    "fine",
    "knights",
    "crossed",
    "sea",
    "they",
    "took",
    "castle",
    "its",
    "keep",
    "most",
    "of",
    "them",
    "sell",
    "tea",
    "coffee",
    "for",
    "which",
    "none",
    "fell",
]
"""Whole words of the vocabulary; everything else is spelled in pieces of one letter."""


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """BERT's kind: [CLS] question [SEP] context [SEP], with segments."""
    return make_tokenizer()


@pytest.fixture(scope="session")
def bare_tokenizer() -> Any:
    """DistilBERT's kind: no segments."""
    return make_tokenizer(model_input_names=["input_ids", "attention_mask"])


@pytest.fixture(scope="session")
def last_class_tokenizer() -> Any:
    """A kind whose class token stands last."""
    return make_tokenizer(single="$A [SEP] [CLS]", pair="$A [SEP] $B:1 [SEP]:1 [CLS]:1")


def make_tokenizer(single: str = "[CLS] $A [SEP]", pair: str = "[CLS] $A [SEP] $B:1 [SEP]:1", **options: Any) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = [chr(c) for c in range(33, 127)]
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{c}" for c in letters if c.isalnum()),
        *WORDS,
    ]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    known = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    core.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=known)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        **({"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]} | options),
    )


@pytest.fixture(scope="session")
def squad_rows() -> Callable[..., Any]:
    """Makes rows from (id, question, context, answers); an answer's first occurrence is its place."""

    def make(*examples: tuple[str, str, str, list[str]], split: str = "validation") -> Any:
        from datasets import Dataset, NamedSplit

        columns = {
            "id": [e[0] for e in examples],
            "title": ["t"] * len(examples),
            "context": [e[2] for e in examples],
            "question": [e[1] for e in examples],
            "answers": [{"text": e[3], "answer_start": [e[2].index(a) for a in e[3]]} for e in examples],
        }
        return Dataset.from_dict(columns, split=NamedSplit(split))

    return make


@pytest.fixture
def write(tmp_path):
    def put(name, content):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return put
