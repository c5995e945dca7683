"""The objective of pre-training, and a run of it that is interrupted where its sequences grow longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchbert.models.adapter import adapter_for
from benchbert.training.corpus import tokenize
from benchbert.training.loop import LoopSettings, train
from benchbert.training.masked_steps import MaskedSteps
from benchbert.training.masking import Masker
from benchbert.training.pretrain import Pretraining, growing_steps
from benchbert.training.sentence_pairs import SentencePairs, sentence_ends
from benchbert.training.wordpiece import train_wordpiece
from tests.models.small_models import CONFIGS, build

NAMES = ("anna", "bert", "carl", "dora", "emil", "fred")
DOCUMENTS = [" ".join(f"{name} has a {thing} ." for thing in ("dog", "house", "river", "lamp")) for name in NAMES]
TOKENIZER = train_wordpiece(DOCUMENTS, vocabulary=60)
PHASES = [{"steps": 4, "batch_size": 4, "sequence_length": 8}, {"steps": 4, "batch_size": 4, "sequence_length": 16}]


def steps(objective: str = "nsp") -> MaskedSteps:
    """Four steps of running text, then four of pairs twice as long."""
    stream = tokenize(DOCUMENTS, TOKENIZER, at_least=10, enough=10**9)
    settings = {"share": 0.2, "smoothing": 0.5, "mask": 0.8, "keep": 0.1}
    special = frozenset(TOKENIZER.all_special_ids)
    masker = Masker(settings, stream.counts(len(TOKENIZER)), special, TOKENIZER.mask_token_id)
    pairs = SentencePairs(
        stream, sentence_ends(TOKENIZER), length=16, objective=objective, pad_id=TOKENIZER.pad_token_id
    )
    return MaskedSteps(stream, masker, PHASES, seed=1, device="cpu", token_budget=10_000, pairs={1: pairs})


def model(family: str = "bert") -> Any:
    return build(CONFIGS[family] | {"vocab_size": len(TOKENIZER)}, "AutoModelForPreTraining")


@pytest.mark.parametrize("family", ["bert", "albert", "mobilebert"])
def test_the_terms_are_those_of_the_whole_model_s_own_outputs(family: str) -> None:
    network = model(family)
    (batch,), totals = steps()(5)
    terms = Pretraining(adapter_for(family))(network, batch, totals)
    outputs = network(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, token_type_ids=batch.token_type_ids
    )
    logits = outputs.prediction_logits.flatten(0, 1)[batch.positions]
    classes = outputs.sop_logits if family == "albert" else outputs.seq_relationship_logits
    torch.testing.assert_close(terms["mlm"], functional.cross_entropy(logits, batch.targets))
    torch.testing.assert_close(terms["sentence"], functional.cross_entropy(classes, batch.sentence_labels))
    assert set(Pretraining(adapter_for(family))(network, *first_of(steps()(0)))) == {"mlm"}


def first_of(step: tuple[list[Any], dict[str, int]]) -> tuple[Any, dict[str, int]]:
    return step[0][0], step[1]


def test_padding_is_never_masked_nor_predicted() -> None:
    for step in range(4, 8):
        (batch,), _ = steps()(step)
        assert batch.attention_mask is not None
        assert (batch.attention_mask.flatten()[batch.positions] == 1).all()
        padding = batch.attention_mask == 0
        assert (batch.input_ids[padding] == TOKENIZER.pad_token_id).all()


class Stopped(Exception):
    """The power went out."""


def trained(folder: Path, stop_at: int | None = None, network: nn.Module | None = None) -> nn.Module:
    network = network or model()
    adapter = adapter_for("bert")
    made = growing_steps(steps(), network, adapter)

    def until(step: int) -> Any:
        if step == stop_at:
            raise Stopped
        return made(step)

    train(
        network,
        until,
        Pretraining(adapter),
        LoopSettings(steps=8, learning_rate=1e-2, warmup=0.1, seed=2, checkpoint_every=-1.0),
        checkpoint=folder / "checkpoint.pt",
        owner="job",
        report=lambda done, total, note: None,
    )
    return network


@pytest.mark.parametrize("stop_at", [3, 4, 5])
def test_a_run_stopped_around_the_growth_ends_with_the_same_weights(tmp_path: Path, stop_at: int) -> None:
    undisturbed = trained(tmp_path / "whole")
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", stop_at)
    resumed = trained(tmp_path / "parts")
    for (name, expected), found in zip(undisturbed.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(expected, found), name


def test_longer_sequences_start_from_copied_positions(tmp_path: Path) -> None:
    network = model()
    weight = network.bert.embeddings.position_embeddings.weight
    made = growing_steps(steps(), network, adapter_for("bert"))
    made(3)
    before = weight.detach().clone()
    made(4)
    assert torch.equal(weight[7:13], before[1:7])
    made(5)
    assert torch.equal(weight[7:13], before[1:7])
