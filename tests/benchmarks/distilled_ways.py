"""Two ways of distilling DistilBERT: a plain step after the published procedure, and ours.

The reference is written after Sanh et al. 2019 (arXiv 1910.01108) and the published description of its training:
sequences of similar length (in groups of four tokens) padded to the longest of the batch, every position of both models
through the vocabulary, the divergence from the whole logits of all real positions, cross-entropy over all positions
with those that are not masked ignored, losses read by the host in every step, modules of transformers, torch's AdamW as
it comes. In two points it is cheaper than the published code: real positions are taken by rows and not by a mask as
large as the logits, and the losses under autocast are computed in what autocast gives them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchbert.distillation.distill import TripleLoss
from benchbert.distillation.objective import Distillation
from benchbert.distillation.servable import mapped_layers, served_pair
from benchbert.distillation.stages import Stages
from benchbert.distillation.teacher import LiveTeacher
from benchbert.recipe import LATER
from benchbert.training.loop import LoopSettings, train
from benchbert.training.masked_steps import MaskedBatch, MaskedSteps
from benchbert.training.masking import Masker
from benchbert.training.recipe_run import TOKEN_BUDGET

from .distilled_pair import CLASS, LOSSES, MASK, SEPARATOR, TEMPERATURE, Models, text

__all__ = ["Ours", "Reference"]

_RATE, _BETAS, _EPSILON, _CLIP = 5e-4, (0.9, 0.98), 1e-6, 5.0
_MASKING = {"share": 0.15, "smoothing": 0.7, "mask": 0.8, "keep": 0.1}
_GROUP = 4
"""Sequences of one batch differ by less than so many tokens, as the published code groups them."""


class Reference:
    """The plain step."""

    def __init__(self, models: Models, dtype: torch.dtype) -> None:
        self.models, self.dtype = models, dtype
        named = list(models.student.named_parameters())
        plain = [p for name, p in named if "bias" in name or "layer_norm" in name.lower()]
        decayed = [p for name, p in named if not ("bias" in name or "layer_norm" in name.lower())]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=_RATE, betas=_BETAS, eps=_EPSILON)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1 / (1 + step))
        stream = text(models.shape)
        self.weights = torch.from_numpy(np.maximum(stream.counts(models.shape.vocabulary), 1) ** -_MASKING["smoothing"])
        self.sequences = self._sequences(stream.tokens.astype(np.int64))
        self.totals = dict.fromkeys((*LOSSES, "loss"), 0.0)

    def _sequences(self, tokens: Any) -> Iterator[list[list[int]]]:
        """Batches of sequences with lengths drawn from the group below the greatest, over and over."""
        shape, draw, place = self.models.shape, np.random.default_rng(0), 0
        while True:
            batch = []
            for _ in range(shape.sequences):
                length = int(draw.integers(shape.length - _GROUP + 1, shape.length + 1)) - 2
                if place + length > len(tokens):
                    place = 0
                batch.append([CLASS, *tokens[place : place + length].tolist(), SEPARATOR])
                place += length
            yield batch

    def step(self) -> tuple[float, int]:
        """One optimizer step: its seconds and its real tokens."""
        began = time.perf_counter()
        ids, real = _padded(next(self.sequences))
        shown, labels = self._masked(ids, real)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            terms = self.losses(shown, real, labels)
        loss = torch.stack(list(terms.values())).sum()
        for name, term in (terms | {"loss": loss}).items():
            self.totals[name] += term.item()
        if not np.isfinite(self.totals["loss"]):
            raise FloatingPointError("the loss of the reference is not a number")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.models.student.parameters(), _CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        return time.perf_counter() - began, int(real.sum())

    def losses(self, shown: Tensor, real: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The weighted losses of a batch, each of shape (batch, seq)."""
        inputs = {"input_ids": shown, "attention_mask": real, "output_hidden_states": True}
        student = self.models.student(**inputs)
        with torch.no_grad():
            teacher = self.models.teacher(**inputs)
        inside = real.bool()
        log_student = functional.log_softmax(student.logits[inside] / TEMPERATURE, dim=-1)
        aims = functional.softmax(teacher.logits[inside] / TEMPERATURE, dim=-1)
        ce = functional.kl_div(log_student, aims, reduction="batchmean") * TEMPERATURE**2
        mlm = functional.cross_entropy(student.logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        mine, theirs = student.hidden_states[-1][inside], teacher.hidden_states[-1][inside]
        cos = functional.cosine_embedding_loss(mine, theirs, torch.ones(len(mine)))
        return {"ce": LOSSES["ce"] * ce, "mlm": LOSSES["mlm"] * mlm, "cos": LOSSES["cos"] * cos}

    def _masked(self, ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Input with tokens hidden, and targets, -100 where nothing is predicted."""
        chances = self.weights[ids] * real * (ids > MASK)
        count = int(_MASKING["share"] * real.sum())
        chosen = torch.multinomial(chances.flatten() / chances.sum(), count, replacement=False)
        labels = torch.full((ids.numel(),), -100)
        labels[chosen] = ids.flatten()[chosen]
        fate = torch.rand(count)
        shown = ids.flatten().clone()
        shown[chosen[fate < _MASKING["mask"]]] = MASK
        strange = chosen[fate >= _MASKING["mask"] + _MASKING["keep"]]
        shown[strange] = torch.randint(MASK + 1, self.models.shape.vocabulary, strange.shape)
        return shown.view_as(ids), labels.view_as(ids)


def _padded(sequences: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, sequences))
    ids = torch.tensor([tokens + [0] * (longest - len(tokens)) for tokens in sequences])
    return ids, torch.tensor([[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens in sequences])


class Ours:
    """The steps of a distillation job: its batches, its objective, its loop."""

    def __init__(self, models: Models, dtype: torch.dtype) -> None:
        self.models, self.dtype = models, dtype
        shape, stream = models.shape, text(models.shape)
        phase = {"steps": 1 << 20, "batch_size": shape.sequences, "sequence_length": shape.length}
        special = frozenset(range(MASK + 1))
        self.steps = MaskedSteps(
            stream,
            Masker(_MASKING, stream.counts(shape.vocabulary), special, MASK),
            [phase],
            seed=0,
            device="cpu",
            token_budget=TOKEN_BUDGET["cpu"],
        )
        recipe = {**LATER, "layer_map": (), "losses": LOSSES, "temperature": TEMPERATURE, "phases": [phase]}
        pair = (models.student, models.teacher)
        layers = mapped_layers(recipe, pair, models.adapters)
        made = partial(TripleLoss, LiveTeacher(models.teacher, models.adapters[1]), models.adapters[0])
        compared = served_pair(recipe, pair, models.adapters, layers)
        self.objective = Distillation(pair, models.adapters, Stages(recipe), compared, made)

    def batches(self, step: int) -> tuple[list[MaskedBatch], dict[str, int]]:
        """The micro-batches of a step and its totals, as a job's."""
        found, totals = self.steps(step)
        return found, totals | {"step": step, "sequences": sum(len(batch.input_ids) for batch in found)}

    def run(self, steps: int, at: Callable[[int], None] = lambda step: None) -> list[tuple[float, int]]:
        """Seconds and real tokens of so many steps, after one that is not counted.

        Args:
            steps: how many.
            at: told the number of each step before it, and at last that of the step after the last.
        """
        marks: list[float] = []

        def mark(step: int) -> None:
            at(step)
            marks.append(time.perf_counter())

        def batches(step: int) -> tuple[list[MaskedBatch], Mapping[str, int]]:
            mark(step)
            return self.batches(step)

        def told(done: int, total: int, note: str) -> None:
            if done == total:
                mark(done)

        settings = LoopSettings(
            steps=steps + 1,
            learning_rate=_RATE,
            warmup=0.0,
            betas=_BETAS,
            epsilon=_EPSILON,
            clip=_CLIP,
            dtype=str(self.dtype).removeprefix("torch."),
            checkpoint_every=1e9,
        )
        also = (self.models.teacher,)
        nowhere = Path("/nonexistent/checkpoint")
        train(
            self.objective.learner,
            batches,
            self.objective,
            settings,
            checkpoint=nowhere,
            owner="",
            report=told,
            also=also,
        )
        shape = self.models.shape
        tokens = shape.sequences * shape.length
        return [(after - before, tokens) for before, after in pairwise(marks[1:])]
