"""A WordPiece tokenizer trained on a corpus (Schuster & Nakajima 2012; the form of BERT, Devlin et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["train_wordpiece"]

_SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}


def train_wordpiece(texts: Iterable[str], *, vocabulary: int, max_length: int = 512) -> PreTrainedTokenizerFast:
    """A lower-casing BERT tokenizer, loadable with `AutoTokenizer.from_pretrained` once saved.

    The same texts give the same ids in every process.

    Args:
        texts: what it is trained on; gone through twice.
        vocabulary: its size, special tokens included; a small corpus may give fewer.
        max_length: longest sequence of the models that use it.
    """
    special = list(_SPECIAL.values())
    learner = _tokenizer(models.WordPiece(unk_token=_SPECIAL["unk"]))
    # The trainer numbers the pieces that go on a word in the order of a hash map, which differs between processes, and
    # breaks ties by these numbers. Named beforehand, they have theirs.
    pieces = [f"##{letter}" for letter in _letters(texts, learner.normalizer)]
    trainer = trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=special + pieces, show_progress=False)
    learner.train_from_iterator(texts, trainer)
    tokenizer = _tokenizer(models.WordPiece(vocab=learner.get_vocab(), unk_token=_SPECIAL["unk"]))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{role}_token": token for role, token in _SPECIAL.items()},
    )


def _tokenizer(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _letters(texts: Iterable[str], normalizer: normalizers.Normalizer) -> list[str]:
    """The characters of the normalised texts, sorted, white space left out."""
    raw: set[str] = set()
    for text in texts:
        raw.update(text)
    return sorted(c for c in set(normalizer.normalize_str("".join(sorted(raw)))) if not c.isspace())
