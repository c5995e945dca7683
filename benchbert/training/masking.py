"""Which tokens a masked language model predicts (Devlin et al. 2018, arXiv 1810.04805, section 3.1).

Dynamic, over the batch: a fixed share of its tokens, drawn without replacement, rare ones more often
(p proportional to max(count, 1) ** -smoothing, as DistilBERT's recipe does; smoothing 0 is BERT's uniform draw).
Or of its words: see `benchbert.training.whole_words`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchbert.training.whole_words import draw_words

__all__ = ["Masked", "Masker"]


@dataclass(frozen=True)
class Masked:
    """A batch with some of its tokens hidden."""

    input_ids: NDArray[np.int64]
    """What the model sees, of shape (batch, seq)."""
    positions: NDArray[np.int64]
    """Flat positions (row * seq + column) of the tokens to predict, ascending, of shape (masked,)."""
    targets: NDArray[np.int64]
    """The tokens that stood there, of shape (masked,)."""


class Masker:
    """Draws masks; the same generator state gives the same mask."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        counts: NDArray[Any],
        special: frozenset[int],
        mask_id: int,
        *,
        continues: NDArray[np.bool_] | None = None,
    ) -> None:
        """Fixes the distribution.

        Args:
            settings: `share`, `smoothing`, `mask` and `keep` of a recipe's masking.
            counts: how often each id occurs in the corpus, of shape (vocabulary,).
            special: ids that are never masked, nor put in place of a token.
            mask_id: id of the mask token.
            continues: whether each id goes on the word of the token before it, of shape (vocabulary,), so that whole
                words are drawn; None: tokens are.
        """
        self.share, self.mask, self.keep = float(settings["share"]), float(settings["mask"]), float(settings["keep"])
        self.mask_id, self.continues = mask_id, continues
        self.weights = np.maximum(counts, 1).astype(np.float64) ** -float(settings["smoothing"])
        self.weights[list(special)] = 0.0
        self.ordinary = np.setdiff1d(np.arange(len(counts)), list(special))

    def __call__(self, input_ids: NDArray[np.int64], generator: np.random.Generator) -> Masked:
        """Hides `share` of the maskable tokens of a batch of shape (batch, seq), at least one; of whole words, what
        fits into that share.
        """
        flat = input_ids.reshape(-1)
        weights = self.weights[flat]
        maskable = int((weights > 0).sum())
        count = min(maskable, max(1, round(self.share * maskable)))
        if self.continues is None:
            # The `count` smallest of E / w are a weighted draw without replacement (Efraimidis & Spirakis 2006).
            with np.errstate(divide="ignore"):
                race = generator.standard_exponential(len(flat)) / weights
            positions = np.sort(np.argpartition(race, count - 1)[:count])
        else:
            positions = draw_words(input_ids, self.continues[input_ids], weights, count, generator)
        targets = flat[positions]
        fate = generator.random(len(positions))
        shown = flat.copy()
        shown[positions[fate < self.mask]] = self.mask_id
        strange = positions[fate >= self.mask + self.keep]
        shown[strange] = generator.choice(self.ordinary, len(strange))
        return Masked(shown.reshape(input_ids.shape), positions, targets)
