"""Models drawn at random that have learnt a little: else every prediction is a tie that rounding decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchbert import registry
from benchbert.tasks.heads import encode
from benchbert.training.batching import make_batch

__all__ = ["model_for", "tune"]


def model_for(name: str, task: Any, vocabulary: int, changes: dict[str, int], seed: int = 0) -> Any:
    """A registered architecture filled with random weights, with the head of a task."""
    from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    settings = {**registry.find("models", name).config, "vocab_size": vocabulary, **changes}
    kind = settings.pop("model_type")
    labels = {} if task.head == "span" else {"num_labels": len(task.labels)}
    config = AutoConfig.for_model(kind, **settings, **labels)
    build = AutoModelForQuestionAnswering if task.head == "span" else AutoModelForSequenceClassification
    torch.manual_seed(seed)
    return build.from_config(config).eval()


def tune(model: Any, task: Any, rows: Any, tokenizer: Any, steps: int) -> None:
    """Trains all weights in place for so many steps on short texts: logits then differ by more than rounding."""
    encoded = encode(task, rows, tokenizer, max_length=64, stride=16, train=True).encoded
    batch_size = 8 if model.config.hidden_size <= _WIDTH else 4
    names = frozenset({"input_ids", "attention_mask", "token_type_ids"})
    generator = np.random.default_rng(0)
    peak = _RATE * (_WIDTH / model.config.hidden_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / 20, (steps - step) / steps))
    model.train()
    for _ in range(steps):
        batch = make_batch(
            encoded, generator.integers(len(encoded), size=batch_size), tokenizer.pad_token_id, "cpu", names
        )
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**batch.inputs, **batch.labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()


_RATE, _WIDTH = 5e-4, 384
"""Peak of the schedule at that width; wider models take less."""
