"""A student's first weights and its layer map."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from benchbert.distillation.distill import TripleLoss
from benchbert.distillation.layer_maps import layer_map
from benchbert.distillation.student import initialise_student, start_student, student_config
from benchbert.distillation.teacher import LiveTeacher
from benchbert.errors import TrainingError
from benchbert.models.adapter import adapter_for
from benchbert.training.masked_steps import MaskedBatch

VOCABULARY = 60


def teacher(layers: int = 4):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "bert",
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        vocab_size=VOCABULARY,
        max_position_embeddings=40,
        initializer_range=0.3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return AutoModelForMaskedLM.from_config(config).eval()


def student_of(model, family: str = "distilbert", **changes: object):
    config = AutoConfig.for_model(
        family, **(student_config(model.config, family) | {"vocab_size": VOCABULARY} | changes)
    )
    return AutoModelForMaskedLM.from_config(config).eval()


def adapters(student, model):
    return adapter_for(student.config.model_type), adapter_for(model.config.model_type)


def triple_loss(student, model, weights: dict[str, float]) -> TripleLoss:
    mine, theirs = adapters(student, model)
    return TripleLoss(LiveTeacher(model, theirs), mine, weights, 2.0)


def distance(student, model, ids: torch.Tensor) -> float:
    with torch.no_grad():
        return float((student(ids).logits.softmax(-1) - model(ids).logits.softmax(-1)).abs().mean())


IDS = torch.randint(5, VOCABULARY, (6, 20), generator=torch.Generator().manual_seed(1))


def test_folding_the_token_type_makes_the_embeddings_those_of_the_teacher() -> None:
    model = teacher()
    gaps = {}
    for fold in (True, False):
        student = student_of(model)
        initialise_student(student, model, adapters(student, model), (0, 2), fold_token_types=fold)
        with torch.no_grad():
            mine, theirs = student.distilbert.embeddings(IDS), model.bert.embeddings(IDS)
        gaps[fold] = (float((mine - theirs).abs().max()), distance(student, model, IDS))
    assert gaps[True][0] < 1e-5
    assert gaps[False][0] > 0.05
    assert gaps[True][1] < gaps[False][1]


@pytest.mark.parametrize("family", ["distilbert", "bert"])
def test_a_student_of_all_layers_is_its_teacher(family: str) -> None:
    model = teacher()
    student = student_of(model, family, **({"n_layers": 4} if family == "distilbert" else {"num_hidden_layers": 4}))
    initialise_student(student, model, adapters(student, model), (0, 1, 2, 3))
    assert distance(student, model, IDS) < 1e-6


def test_the_loss_of_a_student_that_is_its_teacher_is_its_mlm_loss() -> None:
    model = teacher()
    student = student_of(model, n_layers=4)
    initialise_student(student, model, adapters(student, model), (0, 1, 2, 3))
    weights = {"ce": 5.0, "mlm": 2.0, "cos": 1.0, "mse": 1.0}
    loss = triple_loss(student, model, weights)
    positions = torch.arange(0, IDS.numel(), 7)
    batch = MaskedBatch(input_ids=IDS, positions=positions, targets=IDS.flatten()[positions])
    terms = loss(student, batch, {"tokens": IDS.numel(), "masked": len(positions)})
    assert {name for name, value in terms.items() if abs(float(value.detach())) > 1e-4} == {"mlm"}


def test_chunks_of_positions_do_not_change_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    model = teacher()
    student = student_of(model)
    loss = triple_loss(student, model, {"ce": 5.0, "mlm": 2.0, "cos": 1.0, "mse": 0.5})
    positions = torch.arange(0, IDS.numel(), 7)
    batch = MaskedBatch(input_ids=IDS, positions=positions, targets=IDS.flatten()[positions])
    totals = {"tokens": IDS.numel(), "masked": len(positions)}
    found = []
    for chunk in (1 << 23, 64 * VOCABULARY):
        monkeypatch.setattr("benchbert.distillation.losses.projected._CHUNK", chunk)
        student.zero_grad()
        terms = loss(student, batch, totals)
        sum(terms.values()).backward()
        found.append(
            (
                {k: float(v.detach()) for k, v in terms.items()},
                student.distilbert.embeddings.word_embeddings.weight.grad.clone(),
            )
        )
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)


def test_maps() -> None:
    assert layer_map(12, 6) == (0, 2, 4, 7, 9, 11)
    assert layer_map(4, 2) == (0, 2)
    assert layer_map(4, 4) == (0, 1, 2, 3)
    assert layer_map(12, 2, (3, 11)) == (3, 11)
    # TinyBERT's ik + k - 1; PKD's 2, 4, 6, ... and 7 to 12, counted from 1, of which it compares all but the last.
    assert layer_map(12, 4, "uniform") == (2, 5, 8, 11)
    assert layer_map(12, 6, "skip") == (1, 3, 5, 7, 9, 11)
    assert layer_map(12, 6, "last") == (6, 7, 8, 9, 10, 11)
    # Where the depths do not divide, uniform still ends at the top, and skip counts from the bottom.
    assert layer_map(12, 5, "uniform") == (2, 4, 7, 9, 11)
    assert layer_map(12, 5, "skip") == (1, 3, 5, 7, 9)


@pytest.mark.parametrize(
    ("layers", "given", "said"),
    [
        (2, (0,), "1 entries"),
        (2, (0, 4), "layer 4"),
        (5, (), "5 layers"),
        (5, "uniform", "5 layers"),
        (2, (3, 1), "rising order"),
        (2, (1, 1), "rising order"),
        (2, "odd", "skip, last, uniform or a list"),
    ],
)
def test_maps_out_of_range_are_refused(layers: int, given: tuple[int, ...] | str, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        layer_map(4, layers, given)


def test_widths_that_differ_are_a_clear_error() -> None:
    model = teacher()
    student = student_of(model, dim=16, hidden_dim=32)
    with pytest.raises(TrainingError, match="does not fit"):
        initialise_student(student, model, adapters(student, model), (0, 2))


def test_families_without_a_common_form_are_refused() -> None:
    with pytest.raises(TrainingError, match="albert student"):
        student_config(teacher().config, "albert")


@pytest.mark.parametrize(("start", "taken"), [("mapped", (1, 3)), ("first", (0, 1))])
def test_a_student_starts_from_the_layers_that_its_recipe_says(start: str, taken: tuple[int, ...]) -> None:
    model = teacher()
    student = student_of(model, "bert", num_hidden_layers=2)
    start_student((student, model), adapters(student, model), (1, 3), start=start, fold_token_types=True)
    for layer, index in zip(student.bert.encoder.layer, taken, strict=True):
        expected = model.bert.encoder.layer[index].state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in layer.state_dict().items())


def test_a_student_may_take_the_embedding_tables_alone_or_nothing() -> None:
    model = teacher()
    for start, same in (("embeddings", True), ("random", False)):
        student = student_of(model, "bert", num_hidden_layers=2, intermediate_size=16)
        start_student((student, model), adapters(student, model), (1, 3), start=start, fold_token_types=True)
        for name in ("word", "position", "token_type"):
            tables = [m.bert.embeddings.get_submodule(f"{name}_embeddings").weight for m in (student, model)]
            assert torch.equal(*tables) == same
    narrow = student_of(model, "bert", hidden_size=16)
    with pytest.raises(TrainingError, match="word_embeddings does not fit"):
        start_student((narrow, model), adapters(narrow, model), (1, 3), start="embeddings", fold_token_types=True)


def test_families_without_a_common_form_serve_where_no_layer_is_taken() -> None:
    assert student_config(teacher().config, "albert", "random") == {"max_position_embeddings": 40}
