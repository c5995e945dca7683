"""More sentences out of a few: words replaced by others that a masked language model holds likely in their place.

"TinyBERT: Distilling BERT for Natural Language Understanding" (Jiao et al. 2020, arXiv 1909.10351, section 3.2 and
algorithm 1). A word of one piece is replaced by one of the K most likely words at its place, a word of several pieces
by one of its K nearest neighbours. What is otherwise here than in the paper: neighbours are sought in the masked LM's
own input embeddings, a word of several pieces being their mean, not in GloVe; candidates are found once a word, with
the rest of the sentence as it stands, not once a copy; and a word is never its own replacement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchbert.errors import UnavailableError
from benchbert.models.adapter import adapter_for

__all__ = ["Candidates", "Word", "replaced"]

_CHUNK = 500
"""Sentences that are looked at together."""

_BUDGET = 8_192
"""Padded tokens of one forward pass."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word of a sentence that can be replaced."""

    start: int
    """Its first character."""
    end: int
    """The one after its last."""
    choices: tuple[str, ...]
    """What it can be replaced by, the likeliest or nearest first."""


@dataclass(frozen=True)
class _Place:
    """A word among the tokens of its sentence."""

    start: int
    end: int
    first: int
    pieces: tuple[int, ...]


def replaced(
    text: str, words: Sequence[Word], *, copies: int, probability: float, draws: np.random.Generator
) -> list[str]:
    """Copies of a sentence, each word drawn with the probability p_t and then replaced by one of its choices.

    Args:
        text: the sentence.
        words: in the order in which they stand.
        copies: how many (N_a).
        probability: p_t.
        draws: all that is random.
    """
    chosen, which = draws.random((2, copies, len(words)))
    found = []
    for copy in range(copies):
        parts, at = [], 0
        for i, word in enumerate(words):
            if chosen[copy, i] < probability and word.choices:
                parts += [text[at : word.start], word.choices[int(which[copy, i] * len(word.choices))]]
                at = word.end
        found.append("".join([*parts, text[at:]]))
    return found


class Candidates:
    """What each word of a sentence can be replaced by."""

    def __init__(self, name: str, model: Any, tokenizer: Any, *, count: int, device: str) -> None:
        """Looks up the whole words of the vocabulary.

        Args:
            name: of the masked LM, for messages.
            model: masked LM, in eval mode, with the head that it was pre-trained with.
            tokenizer: its own, of word pieces.
            count: candidates of a word (K).
            device: where to compute.

        Raises:
            UnavailableError: the tokenizer has no words in one piece that could be told from parts of words.
        """
        kind = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
        if kind.get("type") != "WordPiece" or tokenizer.mask_token_id is None:
            raise UnavailableError(
                f"augment: {name} does not read text as WordPiece ({kind.get('type')}), so that its whole words are "
                "not known; name a task_teacher of the family bert, distilbert or mobilebert, or take augment out"
            )
        self.model, self.tokenizer, self.count, self.device = model.to(device), tokenizer, count, device
        self.adapter = adapter_for(model.config.model_type)
        prefix = kind["continuing_subword_prefix"]
        words = sorted((i, t) for t, i in tokenizer.get_vocab().items() if t.isalpha() and not t.startswith(prefix))
        self.words = [token for _, token in words]
        self.ids = torch.tensor([number for number, _ in words], device=device)
        table = model.get_input_embeddings().weight.detach().float()
        self._table, self._directions = table, functional.normalize(table[self.ids], dim=-1)
        self._near: dict[tuple[int, ...], tuple[str, ...]] = {}
        self._longest = int(getattr(model.config, "max_position_embeddings", 512))

    def of(self, texts: Sequence[str]) -> Iterator[list[Word]]:
        """The words of each sentence that have a letter, with their choices."""
        for first in range(0, len(texts), _CHUNK):
            yield from self._of_chunk(texts[first : first + _CHUNK])

    @torch.no_grad()
    def _of_chunk(self, texts: Sequence[str]) -> Iterator[list[Word]]:
        made = self.tokenizer(
            list(texts), truncation=True, max_length=self._longest, padding=False, return_offsets_mapping=True
        )
        ids: list[list[int]] = made["input_ids"]
        places = [self._places(text, made, row) for row, text in enumerate(texts)]
        masked = [(row, p) for row, found in enumerate(places) for p in found if len(p.pieces) == 1]
        likely = self._likely([(ids[row], place.first) for row, place in masked])
        choices = {(row, place.first): words for (row, place), words in zip(masked, likely, strict=True)}
        for row, found in enumerate(places):
            yield [
                Word(
                    start=place.start,
                    end=place.end,
                    choices=choices[row, place.first] if len(place.pieces) == 1 else self._nearest(place.pieces),
                )
                for place in found
            ]

    def _places(self, text: str, made: Any, row: int) -> list[_Place]:
        """The words of one sentence; one that was cut off at its end is left alone."""
        ids, offsets = made["input_ids"][row], made["offset_mapping"][row]
        tokens: dict[int, list[int]] = {}
        for token, word in enumerate(made.word_ids(row)):
            if word is not None:
                tokens.setdefault(word, []).append(token)
        if len(ids) >= self._longest and tokens:
            tokens.popitem()
        found = []
        for of_word in tokens.values():
            start, end = offsets[of_word[0]][0], offsets[of_word[-1]][1]
            if any(c.isalpha() for c in text[start:end]):
                pieces = tuple(ids[token] for token in of_word)
                found.append(_Place(start=start, end=end, first=of_word[0], pieces=pieces))
        return found

    def _likely(self, asked: Sequence[tuple[list[int], int]]) -> list[tuple[str, ...]]:
        """For each (token ids of a sentence, place in it): the K likeliest other words there."""
        found: list[tuple[str, ...]] = [()] * len(asked)
        order = sorted(range(len(asked)), key=lambda i: len(asked[i][0]))
        start = 0
        while start < len(order):
            size = 1
            while start + size < len(order) and (size + 1) * len(asked[order[start + size]][0]) <= _BUDGET:
                size += 1
            part = order[start : start + size]
            for i, words in zip(part, self._predicted([asked[i] for i in part]), strict=True):
                found[i] = words
            start += size
        return found

    def _predicted(self, asked: Sequence[tuple[list[int], int]]) -> list[tuple[str, ...]]:
        longest = max(len(ids) for ids, _ in asked)
        ids_BL = torch.full((len(asked), longest), int(self.tokenizer.pad_token_id))
        real_BL = torch.zeros_like(ids_BL)
        for row, (ids, place) in enumerate(asked):
            ids_BL[row, : len(ids)] = torch.tensor(ids)
            ids_BL[row, place] = self.tokenizer.mask_token_id
            real_BL[row, : len(ids)] = 1
        inputs = {"input_ids": ids_BL.to(self.device), "attention_mask": real_BL.to(self.device)}
        hidden = self.adapter.base_model(self.model)(**inputs).last_hidden_state
        at = torch.tensor([place for _, place in asked], device=self.device)
        logits = self.adapter.mlm_head(self.model)(hidden[torch.arange(len(asked), device=self.device), at])
        scores_BW = logits.float()[:, self.ids]
        own_B1 = torch.tensor([[ids[place]] for ids, place in asked], device=self.device)
        return self._best(scores_BW.masked_fill(self.ids[None, :] == own_B1, -torch.inf))

    def _nearest(self, pieces: tuple[int, ...]) -> tuple[str, ...]:
        """The K words whose embeddings have the largest cosine with the mean of those of the pieces."""
        if pieces not in self._near:
            mean = functional.normalize(self._table[torch.tensor(pieces, device=self.device)].mean(0), dim=-1)
            (self._near[pieces],) = self._best((self._directions @ mean)[None])
        return self._near[pieces]

    def _best(self, scores_BW: Tensor) -> list[tuple[str, ...]]:
        """The words of the highest scores of each row; of equal ones, that with the lower id goes first."""
        ranks = torch.sort(scores_BW, dim=-1, descending=True, stable=True)
        rows = zip(ranks.values[:, : self.count].tolist(), ranks.indices[:, : self.count].tolist(), strict=True)
        return [tuple(self.words[i] for v, i in zip(*row, strict=True) if v > -torch.inf) for row in rows]
