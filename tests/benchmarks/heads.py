"""Models with random weights whose heads have learnt something: else every prediction is a tie that noise decides.

The encoder stays as it was drawn and its outputs are computed once, so that 200 steps on BERT-base take seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchbert import registry
from benchbert.tasks.heads import encode
from benchbert.training.batching import make_batch

from .ways import LENGTHS

__all__ = ["model_for", "tune_head"]


def model_for(name: str, task: Any, vocabulary: int, changes: dict[str, int], seed: int = 0) -> Any:
    """A registered architecture filled with random weights, with the head of a task."""
    from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

    settings = {**registry.find("models", name).config, "vocab_size": vocabulary, **changes}
    kind = settings.pop("model_type")
    # At the usual 0.02 the layers add next to nothing to the class token: all texts look alike to a head, and rounding
    # weighs more than it does in trained models. Weights of this size hand on what they are given.
    settings["initializer_range"] = settings["hidden_size"] ** -0.5
    labels = {} if task.head == "span" else {"num_labels": len(task.labels)}
    config = AutoConfig.for_model(kind, **settings, **labels)
    build = AutoModelForQuestionAnswering if task.head == "span" else AutoModelForSequenceClassification
    torch.manual_seed(seed)
    return build.from_config(config).eval()


def tune_head(model: Any, task: Any, rows: Any, tokenizer: Any, steps: int) -> None:
    """Trains the last layer in place on what the frozen encoder says of the rows, `steps` times over all of them."""
    features = encode(task, rows, tokenizer, max_length=LENGTHS.get(task.head, 128), train=True)
    encoded, names = features.encoded, frozenset({"input_ids", "attention_mask", "token_type_ids"})
    span = task.head == "span"
    states, targets = [], []
    with torch.inference_mode():
        for part in np.array_split(np.argsort(encoded.lengths), max(1, len(encoded) // 8)):
            batch = make_batch(encoded, part, tokenizer.pad_token_id, "cpu", names)
            found = model.base_model(**batch.inputs)
            if span:
                places = torch.nonzero(batch.inputs["attention_mask"])
                states.append(found.last_hidden_state[places[:, 0], places[:, 1]])
                ends = [batch.labels[name][places[:, 0]] == places[:, 1] for name in _ENDS]
                targets.append(torch.stack(ends, dim=1).float())
            else:
                states.append(found.pooler_output)
                targets.append(batch.labels["labels"])
    head = model.qa_outputs if span else model.classifier
    inputs, wanted = torch.cat(states).clone(), torch.cat(targets).clone()
    _fit(head, inputs, wanted, steps)


_ENDS = ("start_positions", "end_positions")


def _fit(head: Any, inputs: torch.Tensor, wanted: torch.Tensor, steps: int) -> None:
    """Logistic regression by AdamW; on spans, each token for itself is a start and an end or not."""
    # The outputs of a random encoder hardly differ: what they have in common goes into the bias.
    mean, scale = inputs.mean(0), inputs.std(0).clamp_min(1e-3)
    weight = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
    optimizer = torch.optim.AdamW([weight, bias], lr=1e-2)
    scaled = (inputs - mean) / scale
    for _ in range(steps):
        logits = functional.linear(scaled, weight, bias)
        if wanted.is_floating_point():
            loss = functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=torch.full((2,), 50.0))
        else:
            loss = functional.cross_entropy(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        head.weight.copy_(weight / scale)
        head.bias.copy_(bias - (weight / scale) @ mean)
