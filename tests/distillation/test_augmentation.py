"""More sentences: what is replaced, by what, how often, and that it is the same each time."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from benchbert.distillation.augmentation import Candidates, Word, replaced
from benchbert.errors import UnavailableError

WORDS = ["the", "cat", "dog", "mat", "sat", "on", "a", "old", "red", "sea", "and", "ran"]
PIECES = ["##s", "##er", "##ly", "tea", "play", "slow"]
MARKS = [".", ",", "!", "-", "7", "##7"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", *WORDS, *PIECES, *MARKS]
COUNT = 4
SENTENCES = [
    "The cats sat on a mat.",
    "slowly, the old dog ran!",
    "A teas player - the red sea",
    "77 7 . !",
    "",
    "players players and xyz",
]


def tokenizer_of(kind: Any = None) -> Any:
    core = Tokenizer(kind or models.WordPiece({t: i for i, t in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, **special)


def masked_lm(family: str = "bert") -> Any:
    torch.manual_seed(0)
    config = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    if family == "distilbert":
        config = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    config |= {"vocab_size": len(VOCABULARY), "max_position_embeddings": 16, "initializer_range": 0.5}
    made = transformers.AutoConfig.for_model(family, **config)
    return transformers.AutoModelForMaskedLM.from_config(made, attn_implementation="eager").eval()


def candidates(family: str = "bert", count: int = COUNT) -> Candidates:
    return Candidates("teacher", masked_lm(family), tokenizer_of(), count=count, device="cpu")


# --- candidates -----------------------------------------------------------------------------------------------------


def wordpieces(word: str) -> list[str]:
    """Greedy longest match."""
    found: list[str] = []
    rest = word.lower()
    while rest:
        prefix = "##" if found else ""
        end = next((n for n in range(len(rest), 0, -1) if prefix + rest[:n] in VOCABULARY), 0)
        if not end:
            return ["[UNK]"]
        found, rest = [*found, prefix + rest[:end]], rest[end:]
    return found


def naive(text: str, model: Any) -> list[tuple[int, int, tuple[str, ...]]]:
    """Algorithm 1, lines 4 to 10, one word and one forward pass at a time; text shorter than the model's positions."""
    whole = [i for i, token in enumerate(VOCABULARY) if token in [*WORDS, "tea", "play", "slow"]]
    spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
    pieces = [wordpieces(text[start:end]) for start, end in spans]
    table = model.get_input_embeddings().weight.detach().double().numpy()
    found = []
    for number, (start, end) in enumerate(spans):
        if not any(c.isalpha() for c in text[start:end]):
            continue
        own = [VOCABULARY.index(p) for p in pieces[number]]
        if len(own) == 1:
            tokens = ["[CLS]"]
            for i, of_word in enumerate(pieces):
                tokens += ["[MASK]"] if i == number else of_word
            ids = [VOCABULARY.index(token) for token in [*tokens, "[SEP]"]]
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([ids])).logits[0, ids.index(4)].double().numpy()
            ranked = sorted((i for i in whole if i != own[0]), key=lambda i: -logits[i])
        else:
            mean = table[own].mean(0)
            near = table @ mean / np.maximum(np.linalg.norm(table, axis=1), 1e-12) / np.linalg.norm(mean)
            ranked = sorted(whole, key=lambda i: -near[i])
        found.append((start, end, tuple(VOCABULARY[i] for i in ranked[:COUNT])))
    return found


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_candidates_are_the_likeliest_words_and_the_nearest_of_words_in_pieces(family: str) -> None:
    model = masked_lm(family)
    for text, words in zip(SENTENCES, candidates(family).of(SENTENCES), strict=True):
        assert [(w.start, w.end, w.choices) for w in words] == naive(text, model), text


def test_a_word_that_was_cut_off_is_left_alone() -> None:
    text = " ".join(["cat"] * 13 + ["players", "dog"])  # 16 positions: two special, then 13 words and one piece
    (words,) = candidates().of([text])
    assert [text[w.start : w.end] for w in words] == ["cat"] * 13


def test_other_sentences_beside_it_change_nothing() -> None:
    together = list(candidates().of(SENTENCES))
    alone = [words for text in SENTENCES for words in candidates().of([text])]
    assert together == alone


def test_a_vocabulary_smaller_than_k_gives_what_there_is() -> None:
    (words,) = candidates(count=100).of(["the cat"])
    assert [len(w.choices) for w in words] == [len(WORDS) + 3 - 1] * 2


def test_a_tokenizer_without_word_pieces_is_refused() -> None:
    pieces = models.Unigram([(token, -1.0) for token in VOCABULARY], unk_id=1)
    with pytest.raises(UnavailableError, match="teacher does not read text as WordPiece"):
        Candidates("teacher", masked_lm(), tokenizer_of(pieces), count=3, device="cpu")


# --- replacement ----------------------------------------------------------------------------------------------------

TEXT = "The old dog, slowly, ran on."
CHOICES = {"The": ("a",), "old": ("red", "new"), "dog": ("cat", "sea", "man"), "slowly": ("fast",), "ran": ("sat",)}


def words_of(text: str) -> list[Word]:
    found = (re.search(rf"\b{word}\b", text) for word in CHOICES)
    return [Word(start=m.start(), end=m.end(), choices=CHOICES[m[0]]) for m in found if m]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), probability=st.floats(0.01, 1.0), copies=st.integers(1, 8))
def test_only_words_change_and_only_to_their_choices(seed: int, probability: float, copies: int) -> None:
    words = words_of(TEXT)
    made = [
        replaced(TEXT, words, copies=copies, probability=probability, draws=np.random.default_rng(seed))
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len(made[0]) == copies
    pattern = re.escape(TEXT)
    for word, choices in CHOICES.items():
        pattern = pattern.replace(word, f"({'|'.join([word, *choices])})")
    assert all(re.fullmatch(pattern, copy) for copy in made[0])


@pytest.mark.parametrize("probability", [0.1, 0.4, 0.9])
def test_words_are_replaced_at_the_rate_that_is_asked_and_by_each_choice_alike(probability: float) -> None:
    copies = 4_000
    made = replaced(TEXT, words_of(TEXT), copies=copies, probability=probability, draws=np.random.default_rng(1))
    draws = [re.findall(r"\w+", copy) for copy in made]
    for place, (word, choices) in enumerate(CHOICES.items()):
        there = [words[place] for words in draws]
        for choice in choices:
            expected = probability / len(choices)
            spread = 4.5 * (copies * expected * (1 - expected)) ** 0.5
            assert abs(there.count(choice) - copies * expected) < spread, (word, choice)


def test_all_words_change_at_a_probability_of_one() -> None:
    (copy,) = replaced(TEXT, words_of(TEXT), copies=1, probability=1.0, draws=np.random.default_rng(2))
    assert not set(CHOICES) & set(re.findall(r"\w+", copy))


def test_a_sentence_without_words_is_copied() -> None:
    assert replaced("77 !", [], copies=2, probability=1.0, draws=np.random.default_rng(0)) == ["77 !"] * 2
