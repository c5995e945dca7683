"""A backend's session over examples, against the model called directly, one example at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchbert.registry import find
from benchbert.tasks.encoding import Encoded
from benchbert.training.reference_change import changes
from benchbert.training.scored_split import ScoredSplit
from benchbert.training.session_engine import SessionEngine
from benchbert.types import Artefact, Value

TOKENS = [[2, 7, 8, 3], [2, 9, 3], [2, 11, 12, 13, 14, 3], [2, 3], [2, 6, 6, 3]]


class Session:
    """Outputs that say which token and which sequence they are of; padding gives what must never be seen."""

    input_names = ("input_ids", "attention_mask")

    def __init__(self, head: str) -> None:
        self.head, self.shapes = head, []

    def __call__(self, batch: dict[str, Any]) -> Any:
        assert set(batch) == set(self.input_names)
        self.shapes.append(batch["input_ids"].shape)
        tokens = np.where(batch["attention_mask"] == 1, batch["input_ids"], 999).astype(np.float32)
        if self.head in {"span", "token_classification"}:
            return np.stack((tokens, -tokens), axis=-1)
        total = (batch["input_ids"] * batch["attention_mask"]).sum(axis=1)
        return np.stack((total, -total), axis=-1).astype(np.float32)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
@pytest.mark.parametrize("head", ["classification", "span", "token_classification"])
def test_outputs_stand_in_the_order_of_the_examples(head: str, batch_size: int) -> None:
    session = Session(head)
    engine = SessionEngine(session=session, head=head, pad_id=0, batch_size=batch_size, record={})
    outputs, decided = engine.predict(Encoded.from_lists(TOKENS))
    flat = np.concatenate([np.array(ids, dtype=np.float32) for ids in TOKENS])
    sums = np.array([sum(ids) for ids in TOKENS], dtype=np.float32)
    expected = {
        "classification": {"logits": np.stack((sums, -sums), -1)},
        "span": {"start_logits": flat, "end_logits": -flat},
        "token_classification": {"logits": np.stack((flat, -flat), -1)},
    }[head]
    assert decided == 0
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(outputs[name], values)
    assert max(rows for rows, _ in session.shapes) <= batch_size


def split_of(values: tuple[Value, ...], rows: int) -> ScoredSplit:
    return ScoredSplit(
        name="validation", rows=rows, values=values, artefact=Artefact(role="predictions", path="p", sha256="")
    )


def test_flips_and_change_of_labels() -> None:
    task = find("tasks", "glue/sst2")
    labels = [0, 1, 1, 0]
    tables = [
        pa.table({"id": list("abcd"), "label": labels, "prediction": guesses})
        for guesses in ([0, 1, 0, 0], [0, 0, 1, 1])
    ]
    after = Value(metric="accuracy", value=0.5, direction="higher", n=4, split="validation", complete=False)
    flips, change = changes(task, tables[0], tables[1], split_of((after,), 4))
    assert (flips.metric, flips.value, flips.n) == ("label_flips", 3.0, 4)
    assert (change.metric, change.value, change.direction) == ("score_change", pytest.approx(-0.25), "higher")
    assert change.convention == "accuracy against float32 eager"
    (alone,) = changes(task, tables[0], tables[1], split_of((), 4))
    assert alone.metric == "label_flips", "an unlabelled split has flips and no score"


def test_a_number_has_no_label_to_flip_and_an_undefined_score_no_change() -> None:
    task = find("tasks", "glue/stsb")
    exact = pa.table({"id": list("abc"), "label": [0.0, 1.0, 2.0], "prediction": [1.0, 1.0, 1.0]})
    after = Value(metric="pearson", value=0.5, n=3, split="validation", complete=False)
    (change,) = changes(task, exact, exact, split_of((after,), 3))
    assert (change.metric, change.value) == ("score_change", None)


def test_a_backend_that_cannot_run_here_is_named() -> None:
    from benchbert.errors import UnavailableError

    job = SimpleNamespace(spec={"backend": "cuda_graph", "device": "cpu", "batch_size": 1}, dtype="float32", threads=1)
    context: Any = SimpleNamespace(job=job)
    with pytest.raises(UnavailableError, match=r"cuda_graph cannot run on cpu: .*CUDA"):
        SessionEngine.prepare(context, find("tasks", "glue/sst2"), Encoded.from_lists(TOKENS), labels=(), pad_id=0)
