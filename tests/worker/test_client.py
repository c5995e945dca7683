"""The conversation with a measuring process, and every way in which the other side can fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchbert.errors import UnavailableError, UsageError, WorkerError, WorkerMemoryError, WorkerTimeoutError
from benchbert.worker.client import Worker

HERE = Path(__file__).parent
BACKEND = "synthetic_backend:BACKEND"
WORKLOAD = {"batch_size": 2, "sequence_length": 8}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    opened = Worker(timeout_s=60)
    yield opened
    opened.kill()


def loaded(worker: Worker, **config: Any) -> Worker:
    model = {"name": "synthetic", "family": "", "weights": "random", "config": config}
    worker.call("configure", threads=1)
    worker.call("imports", backend=BACKEND, model=model)
    worker.call("load", model=model, workload=WORKLOAD)
    return worker


def test_it_starts_with_the_standard_library_only() -> None:
    program = """
        import sys
        from benchbert.worker import __main__
        heavy = {"numpy", "torch", "transformers", "pydantic", "psutil", "pandas", "datasets", "evaluate"}
        print(sorted(heavy & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_hello_and_a_good_end(worker: Worker) -> None:
    hello = worker.call("hello")
    assert hello["pid"] == worker.pid
    assert hello["python"].split(".")[0] == "3"
    worker.close()
    assert not worker.alive
    worker.close()
    with pytest.raises(WorkerError, match="closed"):
        worker.call("hello")


def test_configure_pins_and_stops_the_collector(worker: Worker) -> None:
    found = worker.call("configure", threads=1)
    assert found["affinity"] == [min(os.sched_getaffinity(0))]
    assert psutil.Process(worker.pid).cpu_affinity() == found["affinity"]
    assert found["gc"] is False


def test_too_many_threads_and_wrong_order_are_the_users_errors(worker: Worker) -> None:
    with pytest.raises(UsageError, match="core"):
        worker.call("configure", threads=10_000)
    with pytest.raises(UsageError, match="configure"):
        worker.call("imports", backend=BACKEND, model={})
    with pytest.raises(UsageError, match="no operation 'dance'"):
        worker.call("dance")
    assert worker.call("hello"), "an error does not end the process"


def test_a_library_that_prints_does_not_disturb_the_protocol(worker: Worker) -> None:
    loaded(worker, act="print")
    assert len(worker.call("block", iterations=3)) == 3


def test_garbage_before_the_protocol_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('welcome'); print('{\"id\": 77}'); print('[1, 2'); print(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Worker(timeout_s=60) as worker:
        assert worker.call("hello")["pid"] == worker.pid


def test_a_failing_forward_pass_is_an_error_with_its_traceback(worker: Worker) -> None:
    loaded(worker, act="raise")
    with pytest.raises(WorkerError, match="ValueError: a shape that does not fit") as caught:
        worker.call("block", iterations=1)
    assert "synthetic_backend.py" in "".join(caught.value.__notes__)
    assert not isinstance(caught.value, WorkerMemoryError)


def test_what_the_child_says_to_the_user_keeps_its_kind(worker: Worker) -> None:
    with pytest.raises(UnavailableError, match="cannot be had here"):
        loaded(worker, absent=True)


@pytest.mark.parametrize("act", ["memory", "torch_memory", "kill"])
def test_out_of_memory_has_its_own_error(worker: Worker, act: str) -> None:
    loaded(worker, act=act)
    with pytest.raises(WorkerMemoryError):
        worker.call("block", iterations=1)


def test_a_crash_names_the_signal_and_the_last_words(worker: Worker) -> None:
    loaded(worker, act="crash")
    with pytest.raises(WorkerError, match=r"signal 11 .*Segmentation fault.*synthetic_backend") as caught:
        worker.call("block", iterations=1)
    assert not isinstance(caught.value, WorkerMemoryError)
    assert not worker.alive


def test_a_hang_is_killed_in_time(worker: Worker) -> None:
    loaded(worker, act="hang")
    start = time.monotonic()
    with pytest.raises(WorkerTimeoutError, match=r"0\.5 s"):
        worker.call("block", timeout=0.5, iterations=1)
    assert time.monotonic() - start < 60, "the block itself would hang for ten minutes"
    assert not worker.alive
    with pytest.raises(WorkerError, match="closed"):
        worker.call("hello")


def test_an_interpreter_that_is_not_there() -> None:
    with pytest.raises(WorkerError, match="cannot start"):
        Worker(python="/nowhere/python")


def test_an_interpreter_that_is_something_else() -> None:
    with Worker(python="/bin/false", timeout_s=20) as worker, pytest.raises(WorkerError, match="exit status 1"):
        worker.call("hello")


def test_an_exception_around_it_ends_it() -> None:
    class OursError(Exception):
        pass

    with pytest.raises(OursError), Worker(timeout_s=20) as worker:
        raise OursError
    assert not worker.alive


@pytest.mark.parametrize("busy", [False, True], ids=["waiting", "measuring"])
def test_it_dies_with_its_parent(tmp_path: Path, busy: bool) -> None:
    program = f"""
        import os, sys, threading, time
        sys.path.insert(0, {str(HERE)!r})
        from test_client import Worker, loaded
        worker = loaded(Worker(), act="hang")
        print(worker.pid, flush=True)
        if {busy}:
            worker.call("block", iterations=1)
        time.sleep(600)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.3)
    assert child.is_running()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


def test_the_parent_sleeps_while_the_child_measures(worker: Worker) -> None:
    loaded(worker, spin_ms=50)
    before = time.process_time()
    worker.call("block", iterations=20)
    assert time.process_time() - before < 0.01, "1 % of the second that the child worked"
