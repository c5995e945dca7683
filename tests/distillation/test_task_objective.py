"""The losses of distillation on a task against loops in float64 over ragged inputs, and what must hold of them."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from benchbert.distillation.task_data import TaughtBatch
from benchbert.distillation.task_distil import layer_pair
from benchbert.distillation.task_logits import LOGIT_LOSSES_BY_HEAD
from benchbert.distillation.task_objective import TaskDistillationLoss
from benchbert.errors import TrainingError
from benchbert.models.adapter import adapter_for
from benchbert.task_distillation import TaskDistillation
from benchbert.tasks.encoding import IGNORED
from benchbert.training.batching import Batch

LENGTHS = [(5,), (3, 6), (6, 1, 4), (2, 2, 7, 5)]
HEADS = ["classification", "regression", "span", "multi_label", "token_classification"]
VOCABULARY = 40


# --- on outputs -----------------------------------------------------------------------------------------------------


def softmax(row: Any, temperature: float) -> list[float]:
    parts = [math.exp(float(x) / temperature) for x in row]
    return [part / sum(parts) for part in parts]


def kl(teacher: Any, student: Any, temperature: float) -> float:
    pairs = zip(softmax(teacher, temperature), softmax(student, temperature), strict=True)
    return sum(t * math.log(t / s) for t, s in pairs)


def outputs_of(head: str, lengths: tuple[int, ...], draws: np.random.Generator) -> Any:
    rows, longest = len(lengths), max(lengths)
    shapes = {"classification": (rows, 3), "regression": (rows, 1), "multi_label": (rows, 4)}
    if head == "span":
        drawn = {f"{end}_logits": torch.tensor(draws.normal(size=(rows, longest)) * 3) for end in ("start", "end")}
        return SimpleNamespace(**drawn)
    shape = shapes.get(head, (rows, longest, 5))
    return SimpleNamespace(logits=torch.tensor(draws.normal(size=shape) * 3))


def batch_of(head: str, lengths: tuple[int, ...]) -> Batch:
    real = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    # Every other token opens a word.
    tags = torch.where(real & (torch.arange(max(lengths)) % 2 == 0), 1, IGNORED)
    labels = {"labels": tags} if head == "token_classification" else {}
    return Batch(inputs={"attention_mask": real.long()}, labels=labels, size=len(lengths))


def naive(head: str, s: Any, t: Any, lengths: tuple[int, ...], examples: int, words: int, temperature: float) -> float:
    squared = temperature**2
    if head == "classification":
        return sum(squared * kl(b, a, temperature) for a, b in zip(s.logits, t.logits, strict=True)) / examples
    if head == "regression":
        return sum((float(a) - float(b)) ** 2 for a, b in zip(s.logits, t.logits, strict=True)) / examples
    if head == "span":
        total = 0.0
        for row, length in enumerate(lengths):
            for mine, theirs in ((s.start_logits, t.start_logits), (s.end_logits, t.end_logits)):
                total += squared * kl(theirs[row][:length], mine[row][:length], temperature) / 2
        return total / examples
    if head == "multi_label":
        total = 0.0
        for a, b in zip(s.logits.flatten(), t.logits.flatten(), strict=True):
            p, q = (1 / (1 + math.exp(-float(x) / temperature)) for x in (b, a))
            total += squared * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q)))
        return total / (examples * s.logits.shape[1])
    total = 0.0
    for row, length in enumerate(lengths):
        for place in range(0, length, 2):
            total += squared * kl(t.logits[row][place], s.logits[row][place], temperature)
    return total / words


@pytest.mark.parametrize("temperature", [1.0, 2.0, 10.0])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("head", HEADS)
def test_the_loss_on_outputs_is_its_formula(head: str, lengths: tuple[int, ...], temperature: float) -> None:
    draws = np.random.default_rng([len(lengths), HEADS.index(head)])
    student, teacher = (outputs_of(head, lengths, draws) for _ in range(2))
    totals = {"examples": 7, "words": 11}
    found = LOGIT_LOSSES_BY_HEAD[head](student, teacher, batch_of(head, lengths), totals, temperature)
    assert float(found) == pytest.approx(naive(head, student, teacher, lengths, 7, 11, temperature), rel=1e-6)
    same = LOGIT_LOSSES_BY_HEAD[head](teacher, teacher, batch_of(head, lengths), totals, temperature)
    assert float(same) == pytest.approx(0.0, abs=1e-9)


def test_padding_changes_no_span_loss() -> None:
    draws = np.random.default_rng(0)
    student, teacher = (outputs_of("span", (4, 9), draws) for _ in range(2))
    loss, batch = LOGIT_LOSSES_BY_HEAD["span"], batch_of("span", (4, 9))
    before = float(loss(student, teacher, batch, {"examples": 2}, 2.0))
    student.start_logits[0, 4:] = 50.0
    teacher.end_logits[0, 4:] = -50.0
    assert float(loss(student, teacher, batch, {"examples": 2}, 2.0)) == pytest.approx(before, rel=1e-9)


# --- on whole models ------------------------------------------------------------------------------------------------


def model(head: str, family: str = "bert", seed: int = 0, **config: Any) -> Any:
    torch.manual_seed(seed)
    shape = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 24}
    if family == "distilbert":
        shape = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    shape |= {"vocab_size": VOCABULARY, "max_position_embeddings": 32, "initializer_range": 0.3}
    shape["num_labels"] = 2 if head == "span" else 3
    made = transformers.AutoConfig.for_model(family, **(shape | config))
    kind = transformers.AutoModelForQuestionAnswering if head == "span" else None
    kind = kind or transformers.AutoModelForSequenceClassification
    return kind.from_config(made, attn_implementation="eager").eval()


def loss_of(
    student: Any, teacher: Any, how: TaskDistillation, head: str = "classification", losses: tuple[str, ...] = ()
) -> TaskDistillationLoss:
    settings = how.settings
    models = (student, teacher)
    adapters = (adapter_for(student.config.model_type), adapter_for(teacher.config.model_type))
    pair = layer_pair(settings, models, adapters, ("student", "teacher"))
    weights = {name: weight for name, weight in settings["losses"].items() if not losses or name in losses}
    temperature = settings.get("temperature", 1.0)
    return TaskDistillationLoss(models, adapters, pair, head=head, weights=weights, temperature=temperature)


def taught_batch(lengths: tuple[int, ...], longest: int = 0, head: str = "classification") -> TaughtBatch:
    longest = longest or max(lengths)
    ids = torch.randint(5, VOCABULARY, (len(lengths), 30), generator=torch.Generator().manual_seed(3))[:, :longest]
    real = torch.arange(longest)[None, :] < torch.tensor(lengths)[:, None]
    inputs = {"input_ids": torch.where(real, ids, 0), "attention_mask": real.long()}
    labels = {"labels": torch.arange(len(lengths)) % 3}
    if head == "span":
        labels = {name: torch.zeros(len(lengths), dtype=torch.long) for name in ("start_positions", "end_positions")}
    return TaughtBatch(student=Batch(inputs=inputs, labels=labels, size=len(lengths)), teacher=dict(inputs))


def terms(loss: TaskDistillationLoss, batch: TaughtBatch, lengths: tuple[int, ...]) -> dict[str, float]:
    totals = {"examples": len(lengths), "sequences": len(lengths), "tokens": sum(lengths)}
    with torch.no_grad():
        return {name: float(term) for name, term in loss(loss.learner, batch, totals).items()}


@pytest.mark.parametrize("method", ["distilbert", "tinybert", "pkd"])
@pytest.mark.parametrize("head", ["classification", "span"])
def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(method: Any, head: str) -> None:
    teacher, student = model(head), model(head)
    lengths = (4, 7, 5)
    found = terms(
        loss_of(student, teacher, TaskDistillation(method=method), head), taught_batch(lengths, head=head), lengths
    )
    assert found.pop("labels", 1.0) > 0
    assert found
    assert all(abs(value) < 1e-9 for value in found.values()), found


def test_padding_changes_no_term() -> None:
    lengths = (3, 8, 5)
    how = TaskDistillation(logits=1.0, labels=1.0, hidden=1.0, attention=1.0, pkd=1.0)
    loss = loss_of(model("classification", "distilbert"), model("classification"), how)
    bare, padded = (terms(loss, taught_batch(lengths, longest), lengths) for longest in (8, 20))
    assert padded.keys() == {"labels", "logits", "hidden", "attention", "pkd"}
    assert padded == pytest.approx(bare, rel=1e-5)


def test_micro_batches_add_up_to_the_step() -> None:
    lengths = (3, 8, 5, 6)
    how = TaskDistillation(logits=1.0, labels=1.0, hidden=1.0, attention=1.0, pkd=1.0)
    loss = loss_of(model("classification", "distilbert"), model("classification"), how)
    whole = taught_batch(lengths)
    totals = {"examples": 4, "sequences": 4, "tokens": sum(lengths)}
    expected = terms(loss, whole, lengths)
    found = dict.fromkeys(expected, 0.0)
    for part in (slice(0, 1), slice(1, 4)):
        inputs = {name: value[part] for name, value in whole.teacher.items()}
        labels = {name: value[part] for name, value in whole.student.labels.items()}
        batch = TaughtBatch(student=Batch(inputs=inputs, labels=labels, size=len(inputs["input_ids"])), teacher=inputs)
        with torch.no_grad():
            for name, term in loss(loss.learner, batch, totals).items():
                found[name] += float(term)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("layer_map", ["skip", "last"])
def test_pkd_is_the_distance_of_class_tokens_on_the_unit_sphere(layer_map: Any) -> None:
    student, teacher = model("classification", "distilbert"), model("classification", seed=1)
    lengths = (3, 8, 5)
    batch = taught_batch(lengths)
    how = TaskDistillation(method="pkd", pkd=2.5, layer_map=layer_map)
    with torch.no_grad():
        mine = student(**batch.student.inputs, output_hidden_states=True).hidden_states
        theirs = teacher(**batch.teacher, output_hidden_states=True).hidden_states
    # Two student layers: the last one is left to the outputs. `skip` maps the first to layer 1 of 4, `last` to layer 2.
    above = {"skip": 1, "last": 2}[layer_map]
    total = 0.0
    for row in range(len(lengths)):
        s, t = mine[1][row, 0].double().numpy(), theirs[above + 1][row, 0].double().numpy()
        total += float(((s / np.linalg.norm(s) - t / np.linalg.norm(t)) ** 2).sum())
    assert terms(loss_of(student, teacher, how), batch, lengths)["pkd"] == pytest.approx(2.5 * total / 3, rel=1e-5)


def test_tinybert_is_the_squared_error_of_mapped_states() -> None:
    student, teacher = model("classification", "distilbert"), model("classification", seed=1)
    lengths = (3, 8, 5)
    batch = taught_batch(lengths)
    with torch.no_grad():
        mine = student(**batch.student.inputs, output_hidden_states=True).hidden_states
        theirs = teacher(**batch.teacher, output_hidden_states=True).hidden_states
    total = 0.0
    for s, t in ((0, 0), (1, 2), (2, 4)):  # embeddings, and the ends of both halves
        for row, length in enumerate(lengths):
            error = mine[s][row, :length].double() - theirs[t][row, :length].double()
            total += float((error**2).mean(-1).sum())
    # Projections are the identity at first, where the widths agree.
    found = terms(loss_of(student, teacher, TaskDistillation(method="tinybert")), batch, lengths)
    assert found["hidden"] == pytest.approx(total / sum(lengths), rel=1e-5)


def test_gradients_reach_the_student_and_its_projections_and_never_the_teacher() -> None:
    student, teacher = model("classification", "distilbert", dim=8), model("classification").requires_grad_(False)
    how = TaskDistillation(logits=1.0, labels=1.0, hidden=1.0, attention=1.0, pkd=1.0)
    loss = loss_of(student, teacher, how)
    lengths = (3, 8)
    found = loss(loss.learner, taught_batch(lengths), {"examples": 2, "sequences": 2, "tokens": 11})
    torch.stack(list(found.values())).sum().backward()
    assert all(p.grad is not None for p in loss.learner.parameters())
    assert len(list(loss.learner.parameters())) > len(list(student.parameters()))
    assert all(p.grad is None for p in teacher.parameters())


# --- what cannot be compared ----------------------------------------------------------------------------------------


def test_attention_needs_as_many_heads() -> None:
    with pytest.raises(TrainingError, match="student has 4 of them, its teacher teacher 2: set attention = 0"):
        loss_of(
            model("classification", num_attention_heads=4), model("classification"), TaskDistillation(method="tinybert")
        )


def test_a_student_deeper_than_its_teacher_has_no_layer_map() -> None:
    with pytest.raises(TrainingError, match="task_distillation of student with teacher as its teacher"):
        loss_of(
            model("classification"),
            model("classification", num_hidden_layers=3),
            TaskDistillation(method="pkd"),
        )
