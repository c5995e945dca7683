"""The check that stands before timing, against sessions that are broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbert.backends.eager import EagerBackend
from benchbert.lock import ModelLock
from benchbert.types import Workload
from benchbert.worker.inputs import probe_batches
from benchbert.worker.numerical_check import BOUNDS, compared, numerical_check

CONFIG = {
    "model_type": "bert",
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 32,
}
MODEL = ModelLock(name="tiny", family="bert", weights="random", config=CONFIG)


@dataclass
class Broken:
    """Eager, with something done to its outputs or its inputs."""

    spoil: Callable[[Any], Any] = lambda logits: logits
    blind: bool = False
    """Whether it takes padding for text."""

    def load(self, model: ModelLock, head: str, workload: Workload, *, folder: Path | None = None) -> Any:
        session = EagerBackend().load(model, head, workload, folder=folder)
        outer = self

        class Session:
            input_names = session.input_names
            vocabulary, format = session.vocabulary, session.format

            def __call__(self, batch: dict[str, Any]) -> Any:
                given = batch | {"attention_mask": np.ones_like(batch["input_ids"])} if outer.blind else batch
                return outer.spoil(session(given))

        return Session()


def check(backend: Any, head: str = "encoder", **workload: Any) -> dict[str, Any]:
    described = Workload(**({"batch_size": 3, "sequence_length": 16} | workload))
    return numerical_check(EagerBackend(), backend, model=MODEL, head=head, workload=described, folder=None, cache=None)


@pytest.mark.parametrize("head", ["encoder", "classification", "span"])
def test_the_same_computation_passes_with_the_numbers(head: str) -> None:
    found = check(Broken(), head)
    assert found["within"]
    assert found["max_error"] == 0
    assert found["outputs"] > 0
    assert found["probe"] == [[3, 16], [3, 16], [3, 8]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda logits: logits + 0.01,
        lambda logits: logits.roll(1, 0),
        lambda logits: logits * float("nan"),
        lambda logits: logits[..., :1],
        lambda logits: logits * 0,
    ],
)
def test_a_broken_session_is_refused_in_float32(spoil: Callable[[Any], Any]) -> None:
    found = check(Broken(spoil))
    assert not found["within"]
    assert found["max_error"] is None or found["max_error"] > BOUNDS["float32"].largest


def test_a_session_that_looks_at_padding_is_refused_only_because_the_probe_is_ragged() -> None:
    assert not check(Broken(blind=True))["within"]


def test_bfloat16_may_round_and_not_compute_something_else() -> None:
    found = check(EagerBackend(), dtype="bfloat16")
    assert found["within"]
    assert BOUNDS["float32"].largest < found["max_error"] < BOUNDS["bfloat16"].largest
    assert not check(Broken(lambda logits: logits.roll(1, -1)), dtype="bfloat16")["within"]


def test_two_unrelated_outputs_are_beyond_every_bound() -> None:
    draw = np.random.default_rng(0).standard_normal
    errors = compared([draw((8, 64))], [draw((8, 64))])
    assert not any(errors.within(bound) for bound in BOUNDS.values())


def test_errors_are_shares_of_the_reference() -> None:
    exact = np.array([3.0, -4.0], dtype=np.float32)
    found = compared([exact], [exact + np.array([0.5, 0.0], dtype=np.float32)])
    scale = np.sqrt(12.5)
    assert found.scale == pytest.approx(scale)
    assert found.max_error == pytest.approx(0.5 / scale)
    assert found.typical_error == pytest.approx(0.5 / np.sqrt(2) / scale)


@pytest.mark.parametrize(("batch_size", "length"), [(1, 2), (1, 16), (5, 16), (40, 3)])
def test_the_probe_has_the_workloads_shape_and_padding(batch_size: int, length: int) -> None:
    names = ["input_ids", "attention_mask", "token_type_ids"]
    batches = probe_batches(names, vocabulary=300, batch_size=batch_size, sequence_length=length)
    assert [b["input_ids"].shape[0] for b in batches] == [batch_size] * 3
    assert batches[0]["attention_mask"].all()
    for batch in batches:
        mask = batch["attention_mask"]
        assert (mask.sum(axis=1) >= 2).all()
        assert (np.sort(mask, axis=1)[:, ::-1] == mask).all()
        assert not batch["input_ids"][mask == 0].any()
    if length > 8:
        assert not batches[1]["attention_mask"].all()


def test_many_sequences_are_compared_by_a_few() -> None:
    assert check(Broken(), batch_size=40)["outputs"] < 9 * 32 * (16 + 16 + 8)
