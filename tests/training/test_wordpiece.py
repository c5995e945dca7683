"""The trained tokenizer: the same everywhere, and an ordinary one once saved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from transformers import AutoTokenizer

from benchbert.training.wordpiece import train_wordpiece

TEXTS = ["The quick brown fox jumps over the lazy dog.", "Naïve cafés serve 3 dogs & 2 foxes!", "The dog sleeps."] * 3


def test_every_process_trains_the_same_vocabulary() -> None:
    """Hash maps are seeded anew in every process, so two processes would show an order that depends on them."""
    code = (
        "import json, sys; from benchbert.training.wordpiece import train_wordpiece;"
        "t = train_wordpiece(json.loads(sys.argv[1]), vocabulary=120); print(json.dumps(t.get_vocab(), sort_keys=True))"
    )
    command = [sys.executable, "-c", code, json.dumps(TEXTS)]
    seen = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)}
    assert len(seen) == 1


def test_it_is_saved_and_loaded_like_any_other(tmp_path: Path) -> None:
    trained = train_wordpiece(TEXTS, vocabulary=150, max_length=64)
    trained.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    one, pair = loaded("The DOG sleeps."), loaded("the dog", "a fox")
    assert one == trained("The DOG sleeps.")
    assert loaded.decode(one["input_ids"]) == "[CLS] the dog sleeps. [SEP]"
    assert sum(pair["token_type_ids"]) == len(loaded("a fox")["input_ids"]) - 1
    assert loaded.model_max_length == 64
    assert set(loaded.all_special_tokens) == {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}
    assert len(loaded) <= 150


def test_unknown_letters_are_unknown() -> None:
    trained = train_wordpiece(TEXTS, vocabulary=150)
    assert trained.convert_ids_to_tokens(trained("日")["input_ids"]) == ["[CLS]", "[UNK]", "[SEP]"]
