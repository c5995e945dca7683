"""A recipe being carried out: its settings, corpus and tokenizer, opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM, AutoModelForPreTraining

from benchbert.errors import DataError, TrainingError
from benchbert.lock import ModelLock
from benchbert.models.load import load_tokenizer
from benchbert.store.context import JobContext
from benchbert.store.unfinished import CHECKPOINT
from benchbert.training.attention import attention_for
from benchbert.training.corpus import TokenStream, stored_stream
from benchbert.training.documents import Documents, open_documents
from benchbert.training.loop import LoopSettings
from benchbert.training.streamed import StreamedDocuments
from benchbert.training.token_cache import tokenizer_digest
from benchbert.training.wordpiece import train_wordpiece
from benchbert.types import digest

__all__ = ["TOKEN_BUDGET", "RecipeRun", "new_config", "new_model"]

TOKEN_BUDGET = {"cpu": 8_192, "cuda": 131_072}
"""Padded tokens of one micro-batch by device."""

_STREAM = 1
"""Raised when a corpus is made into tokens in another way: older files of tokens are then made anew."""


@dataclass(frozen=True)
class RecipeRun:
    """What a recipe's job works on."""

    context: JobContext
    """The job."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Fields of the recipe."""
        return self.context.recipe.settings

    @property
    def family(self) -> str:
        """Family of what is made."""
        return str(self.settings["model"]["family"])

    @property
    def seed(self) -> int:
        """Of weights, order and masks."""
        return self.context.job.seed

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        return str(self.context.job.spec["device"])

    @property
    def token_budget(self) -> int:
        """Padded tokens of a micro-batch."""
        return TOKEN_BUDGET[self.device]

    @property
    def tokens(self) -> int:
        """Tokens of all phases, with the padding of paired sequences."""
        return self.context.recipe.tokens

    @property
    def checkpoint(self) -> Path:
        """Where the run saves itself."""
        return self.context.folder.work_path(self.context.job.id) / CHECKPOINT

    @property
    def loop_settings(self) -> LoopSettings:
        """How the loop trains."""
        s = self.settings
        return LoopSettings(
            steps=sum(phase["steps"] for phase in s["phases"]),
            learning_rate=s["learning_rate"],
            warmup=s["warmup"],
            weight_decay=s["weight_decay"],
            betas=(s["betas"][0], s["betas"][1]),
            epsilon=s["epsilon"],
            clip=s["clip"],
            dtype=self.context.job.dtype,
            device=self.device,
            seed=self.seed,
            about=self.context.about,
        )

    def documents(self, split: str) -> Documents | StreamedDocuments:
        """The documents of one split of the corpus."""
        return open_documents(self.context.dataset(self.context.recipe.corpus), split, self.settings)

    def stream(self, split: str, *, at_least: int, enough: int) -> TokenStream:
        """The tokens of one split; see `benchbert.training.corpus.stored_stream`.

        Documents come in a random order, so that a budget smaller than the corpus sees all of it evenly.

        Raises:
            UnavailableError, DataError: the corpus cannot be had, or is too small.
            StoreError: its tokens cannot be written.
        """

        def texts() -> Iterator[str]:
            return self.documents(split).shuffled(self.seed)

        dataset = self.context.dataset(self.context.recipe.corpus)
        place = self.context.folder.token_cache / f"{self.stream_key(split, enough)[:32]}.stream"
        try:
            return stored_stream(place, texts, self.tokenizer, at_least=at_least, enough=enough)
        except DataError as error:
            raise DataError(f"{dataset.key}, {split} split: {error}") from None

    def stream_key(self, split: str, enough: int) -> str:
        """Digest of all that decides the tokens of one split, the tokenizer included; see `stream`."""
        dataset = self.context.dataset(self.context.recipe.corpus)
        read = {key: self.settings.get(key) for key in ("corpus_column", "corpus_documents")}
        if self.settings.get("corpus_streaming"):
            read["corpus_streaming"] = True
        tokenizer = tokenizer_digest(self.tokenizer)
        return digest([_STREAM, dataset.key, dataset.fingerprint, read, split, tokenizer, self.seed, enough])

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the recipe it names, or of its teacher, or one trained on the corpus."""
        for role in ("tokenizer", "teacher"):
            if place := self.context.input_folder(role):
                return load_tokenizer(ModelLock(name=role, family="", weights="folder", folder=str(place)))
        if name := self.context.recipe.teacher_model:
            return load_tokenizer(self.context.lock.models[name])
        longest = max(phase["sequence_length"] for phase in self.settings["phases"])
        return train_wordpiece(
            self.documents("train").for_tokenizer(self.tokens),
            vocabulary=self.settings["vocabulary"],
            max_length=max(512, longest),
        )


def new_config(recipe: RecipeRun, **inherited: Any) -> Any:
    """The transformers config of what is made: `inherited`, then the recipe's own, then what the tokenizer says."""
    own = dict(recipe.settings["model"]["config"])
    tokenizer = recipe.tokenizer
    settings = inherited | own | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    if recipe.family == "albert":
        settings |= {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    try:
        config = AutoConfig.for_model(recipe.family, **settings)
    except (ValueError, TypeError) as error:
        raise TrainingError(
            f"recipe {recipe.settings['name']}: model.config is not one of {recipe.family}: {error}"
        ) from None
    unknown = [key for key in own if key not in type(config)().to_dict()]
    if unknown:
        raise TrainingError(f"recipe {recipe.settings['name']}: model.config has unknown keys: {', '.join(unknown)}")
    return config


def new_model(recipe: RecipeRun, config: Any = None) -> nn.Module:
    """A masked language model with random weights fixed by the seed, and a sentence head where the recipe needs it."""
    torch.manual_seed(recipe.seed)
    config = config if config is not None else new_config(recipe)
    kind: Any = AutoModelForPreTraining if recipe.settings["sentences"] else AutoModelForMaskedLM
    model: nn.Module = kind.from_config(config, attn_implementation=attention_for(recipe.device))
    return model
