"""No time without a check: what `profile` asks for, keeps and refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchbert.errors import NumericalError
from benchbert.profilers.exactness import require_exact
from benchbert.profilers.measure import profile
from benchbert.profilers.protocol import Cell, Measurement
from benchbert.types import Workload
from benchbert.worker.client import Worker
from benchbert.worker.sizes import sizes

GOOD = {"max_error": 0.01, "typical_error": 0.001, "scale": 1.0, "outputs": 9, "within": True, "probe": [[1, 8]]}
BOUND = {"largest": 0.5, "typical": 0.1}


class Told:
    """A worker that answers the check with what it was told, and nothing else."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer, self.asked = answer, []

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, op: str, timeout: float | None = None, **_: Any) -> Any:
        self.asked.append(op)
        assert op in {"configure", "check"}, "nothing is loaded or timed"
        return self.answer | {"bound": BOUND} if op == "check" else {}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"max_error": 1.5, "typical_error": 0.2, "within": False},
            r"largest error is 1.5 .*bound 0.5.*0.2 .*bound 0.1",
        ),
        ({"max_error": None, "typical_error": None, "within": False}, "not finite"),
    ],
)
def test_a_backend_beyond_its_bound_is_not_timed(
    little_bert: Cell, tmp_path: Path, answer: dict[str, Any], words: str
) -> None:
    cell = replace(little_bert, workload=replace(little_bert.workload, dtype="bfloat16"), cache=tmp_path)
    worker = Told(GOOD | answer)
    with pytest.raises(NumericalError, match=f"eager in bfloat16 is not timed on little: .*{words}"):
        profile("latency", cell, open_worker=lambda _: worker)  # type: ignore[arg-type,return-value]
    assert worker.asked == ["configure", "check"]
    with pytest.raises(NumericalError):
        profile("memory", cell, open_worker=lambda _: worker)  # type: ignore[arg-type,return-value]
    assert worker.asked == ["configure", "check"], "the verdict is kept"


@pytest.mark.long
def test_the_error_stands_among_the_values_and_one_check_serves_two_profilers(
    little_bert: Cell, tmp_path: Path
) -> None:
    cell = replace(little_bert, workload=replace(little_bert.workload, dtype="bfloat16"), cache=tmp_path)
    opened = []

    def open_worker(found: Cell) -> Worker:
        opened.append(found)
        return Worker(timeout_s=120)

    first = profile("latency", cell, open_worker=open_worker)
    assert len(opened) == 2
    (error,) = [value for value in first.values if value.metric == "max_error"]
    assert 0 < error.value < 0.5
    assert first.notes["numerical_check"]["within"]
    assert require_exact(cell, open_worker) == first.notes["numerical_check"]
    assert len(opened) == 2
    other = replace(cell, workload=replace(cell.workload, batch_size=3))
    told = Told(GOOD)
    require_exact(other, lambda _: told)  # type: ignore[arg-type,return-value]
    assert told.asked == ["configure", "check"], "another shape is another check"


def test_what_is_timed_says_which_kernels_it_runs(measured: Callable[[str], Measurement]) -> None:
    found = measured("latency").notes
    assert found["kernels"]["names"]
    assert "numerical_check" not in found, "float32 eager is what others are held against"


@pytest.mark.long
def test_sizes_need_no_check_and_know_int8(little_bert: Cell) -> None:
    class Counting(Told):
        def call(self, op: str, timeout: float | None = None, **args: Any) -> Any:
            self.asked.append(op)
            return (
                sizes(little_bert.model, folder=None, dtype=args["workload"]["dtype"], sequence_length=16)
                if op == "sizes"
                else {}
            )

    worker = Counting({})
    int8 = replace(little_bert, backend="onnxruntime", workload=Workload(sequence_length=16, dtype="int8"))
    measured = profile("size", int8, open_worker=lambda _: worker)  # type: ignore[arg-type,return-value]
    assert worker.asked == ["configure", "sizes"]
    found = {value.metric: value.value for value in measured.values}
    assert found["parameters_stored"] < found["size_mib"] * 2**20 < 1.2 * found["parameters_stored"]
