"""Distillation as a whole: what its terms are invariant to, and that training by every preset lowers them."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch

from benchbert.distillation.losses import attention_mse_loss, hidden_mse_loss
from benchbert.distillation.objective import Learner
from benchbert.models.adapter import adapter_for
from benchbert.recipe_losses import LAYER_LOSSES
from benchbert.training.loop import LoopSettings, train
from tests.distillation.pairs import (
    PRESETS,
    batch,
    distillation,
    model,
    of_preset,
    settings,
    student_of,
    teacher,
    totals,
    values,
)

EVERYTHING = dict.fromkeys(("ce", "mlm", "cos", "mse", "masked_ce", "prediction", *LAYER_LOSSES), 1.0)
BERT = {"intermediate_size": 40, "max_position_embeddings": 40, "initializer_range": 0.2, "num_attention_heads": 4}


def small_bert(**changes: Any) -> Any:
    return model("bert", **(BERT | {"hidden_size": 32, "num_hidden_layers": 2} | changes)).eval()


@pytest.mark.parametrize("family", ["bert", "albert", "mobilebert", "distilbert"])
def test_padding_and_order_change_no_term(family: str) -> None:
    shapes = {
        "bert": BERT,
        "albert": BERT | {"embedding_size": 16},
        "mobilebert": BERT | {"embedding_size": 32, "intra_bottleneck_size": 16, "normalization_type": "layer_norm"},
        "distilbert": {"dim": 32, "hidden_dim": 40, "n_heads": 4, "n_layers": 3, "max_position_embeddings": 40},
    }
    sizes = {} if family == "distilbert" else {"hidden_size": 32, "num_hidden_layers": 3}
    student = model(family, **(shapes[family] | sizes)).eval()
    objective = distillation(student, teacher(), settings(EVERYTHING, start="random", layer_map="last"))
    tight, loose = batch((12, 7, 9)), batch((12, 7, 9), longest=17)
    if family == "mobilebert":
        # Its embeddings look at the next token: padding is seen there, as it is when transformers runs it.
        pad = student.mobilebert.embeddings.word_embeddings.weight
        assert float(pad[0].detach().abs().max()) == 0.0
    expected = values(objective, tight)
    assert set(expected) == set(EVERYTHING)
    assert values(objective, loose) == pytest.approx(expected, rel=1e-4)
    order = torch.tensor([2, 0, 1])
    mixed = replace(tight, input_ids=tight.input_ids[order], attention_mask=tight.attention_mask[order])
    rows, columns = tight.positions // 12, tight.positions % 12
    places = torch.argsort(order)[rows] * 12 + columns
    assert values(objective, replace(mixed, positions=places)) == pytest.approx(expected, rel=1e-4)


def test_micro_batches_add_up_to_the_step() -> None:
    objective = distillation(small_bert(), teacher(), settings(EVERYTHING, start="random"))
    whole = batch((12, 12, 12, 12))
    expected = values(objective, whole)
    summed: dict[str, float] = {}
    for start in (0, 2):
        inside = (whole.positions >= start * 12) & (whole.positions < (start + 2) * 12)
        part = replace(
            whole,
            input_ids=whole.input_ids[start : start + 2],
            positions=whole.positions[inside] - start * 12,
            targets=whole.targets[inside],
        )
        with torch.no_grad():
            for name, term in objective(objective.learner, part, totals(whole)).items():
                summed[name] = summed.get(name, 0.0) + float(term)
    assert summed == pytest.approx(expected, rel=1e-4)


def test_half_precision_models_are_compared_in_float32() -> None:
    objective = distillation(small_bert(), teacher(), settings(EVERYTHING, start="random"))
    given = batch((12, 8))
    expected = values(objective, given)
    with torch.autocast("cpu", torch.bfloat16):
        terms = objective(objective.learner, given, totals(given))
    assert all(terms[name].dtype == torch.float32 for name in LAYER_LOSSES)
    assert {name: float(term.detach()) for name, term in terms.items()} == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("mode", ["paper", "code"])
def test_a_student_that_is_its_teacher_loses_nothing_between_layers(mode: str) -> None:
    above = teacher()
    weights = dict.fromkeys(("ce", "cos", "mse", "masked_ce", *LAYER_LOSSES), 1.0)
    objective = distillation(copy.deepcopy(above), above, settings(weights, start="random", mode=mode))
    assert values(objective, batch((12, 7))) == pytest.approx(dict.fromkeys(weights, 0.0), abs=1e-4)


def test_terms_between_layers_are_those_of_the_models_own_outputs() -> None:
    """The map is uniform: layers 1 and 3 of four. Without padding each term is a plain mean."""
    student, above = small_bert(), teacher()
    objective = distillation(student, above, settings({"attention": 2.0, "hidden": 3.0}, start="random"))
    found = values(objective, batch())
    with torch.no_grad():
        mine, theirs = (m(batch().input_ids, output_hidden_states=True) for m in (student, above))
    rows = batch().input_ids.numel()
    pairs = [(0, 0), (1, 2), (2, 4)]
    hidden = sum(
        hidden_mse_loss(mine.hidden_states[s].flatten(0, 1), theirs.hidden_states[t].flatten(0, 1)) for s, t in pairs
    )
    assert found["hidden"] == pytest.approx(3.0 * float(hidden) / rows, rel=1e-4)

    def scores(network: Any, layer: int, states: Any) -> torch.Tensor:
        taps = adapter_for("bert").attention(network.bert.encoder.layer[layer])
        return taps.scores(taps.query(states.hidden_states[layer]), taps.key(states.hidden_states[layer]))

    with torch.no_grad():
        attention = sum(
            attention_mse_loss(scores(student, s, mine), scores(above, t, theirs)) for s, t in [(0, 1), (1, 3)]
        )
    assert found["attention"] == pytest.approx(2.0 * float(attention) / rows, rel=1e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_training_by_a_preset_lowers_the_loss_of_each_of_its_phases(name: str) -> None:
    recipe = of_preset(name)
    above = teacher(hidden_size=128, intermediate_size=64)
    student = student_of(above, recipe).train()
    objective = distillation(student, above, recipe)
    learner, given = objective.learner, batch((16, 16, 11, 16))
    optimizer = torch.optim.AdamW(learner.parameters(), lr=2e-3)
    starts = [0, *accumulate(phase["steps"] for phase in recipe["phases"])][:-1]
    for start in starts:
        objective.stages.freeze(student, objective.adapters[0], start)
        losses = []
        for _ in range(8):
            loss = torch.stack([*objective(learner, given, totals(given, start)).values()]).sum()
            losses.append(float(loss.detach()))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        assert losses[-1] < losses[0], start


def test_a_phase_with_layers_trains_these_alone() -> None:
    recipe = of_preset("mini-mobilebert-distilled")
    above = teacher(hidden_size=128, intermediate_size=64)
    student = student_of(above, recipe)
    objective = distillation(student, above, recipe)
    words = student.mobilebert.embeddings.word_embeddings.weight
    assert torch.equal(words, above.bert.embeddings.word_embeddings.weight)
    for step, layer in ((0, 0), (60, 1), (239, 3)):
        objective.stages.freeze(student, objective.adapters[0], step)
        student.zero_grad()
        torch.stack([*objective(student, batch(), totals(batch(), step)).values()]).sum().backward()
        trained = {name for name, parameter in student.named_parameters() if parameter.grad is not None}
        assert trained
        assert all(f"encoder.layer.{layer}." in name for name in trained)
    objective.stages.freeze(student, objective.adapters[0], 240)
    assert all(parameter.requires_grad for parameter in student.parameters())


def test_projections_are_learnt_beside_the_student_and_only_where_a_loss_needs_them() -> None:
    narrow = small_bert(hidden_size=16)
    for mode, shapes in {"paper": [(32, 16), (32, 16)], "code": [(32, 16), (32,)]}.items():
        objective = distillation(narrow, teacher(), settings({"hidden": 1.0}, start="random", mode=mode))
        learner = objective.learner
        assert isinstance(learner, Learner)
        assert [tuple(p.shape) for p in learner.projections.parameters()] == shapes
        assert not any("projection" in name for name in narrow.state_dict())
    objective = distillation(narrow, teacher(), settings({"minilmv2": 1.0}, start="random"))
    assert objective.learner is narrow


class Stopped(Exception):
    """The power went out."""


def trained(folder: Path, stop_at: int | None = None) -> Any:
    recipe = settings(
        {"hidden": {"first": 1.0, "last": 0.1}, "ce": {"first": 1.0, "after": 0.5}},
        start="random",
        temperature={"first": 4.0, "last": 1.0},
        phases=[{"steps": 3, "layers": [1]}, {"steps": 3}],
    )
    objective = distillation(small_bert(hidden_size=16), teacher(), recipe)

    def steps(step: int) -> Any:
        if step == stop_at:
            raise Stopped
        objective.stages.freeze(objective.models[0], objective.adapters[0], step)
        return [batch()], totals(batch(), step)

    learner = objective.learner
    train(
        learner,
        steps,
        objective,
        LoopSettings(steps=6, learning_rate=1e-2, warmup=0.1, seed=2, checkpoint_every=-1.0),
        checkpoint=folder / "checkpoint.pt",
        owner="job",
        report=lambda done, total, note: None,
    )
    return learner


@pytest.mark.parametrize("stop_at", [2, 3, 5])
def test_a_run_stopped_and_resumed_ends_with_the_same_weights(tmp_path: Path, stop_at: int) -> None:
    undisturbed = trained(tmp_path / "whole")
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", stop_at)
    resumed = trained(tmp_path / "parts")
    for (name, expected), found in zip(undisturbed.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(expected, found), name
