"""Carries out the jobs of a suite up to one of them, and is killed while that one trains.

`python -m tests.training.killed_job SUITE OUT KIND STEP MILLISECONDS`: SIGKILL, so many milliseconds after that
optimizer step of the job of that kind, or of that slug, began, wherever it is then: in a forward pass, in the middle of
a checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchbert.execution.execute import execute
from benchbert.execution.session import Prepared, prepare
from benchbert.store.files import RunFolder, write_json
from benchbert.training import loop
from benchbert.types import Result


def carry_out(prepared: Prepared, kinds: tuple[str, ...]) -> dict[str, Result]:
    """The jobs of these kinds, in the plan's order, a checkpoint after every step; those stored are passed over."""
    from benchbert.machine import environment, machine

    folder = RunFolder(prepared.out)
    write_json(prepared.out / "lock.json", prepared.lock)
    found: dict[str, Result] = {}
    defaults = loop.LoopSettings.__init__.__kwdefaults__
    before = dict(defaults)
    defaults["checkpoint_every"] = -1.0
    try:
        for job in prepared.plan.jobs:
            if job.kind in kinds:
                stored = folder.stored(job, machine().id, environment().id)
                found[job.slug] = stored or execute(job, prepared.lock, folder, "run", lambda *told: None)
    finally:
        defaults.update(before)
    return found


def kill_in(kind: str, step: int, milliseconds: float) -> None:
    """Arranges for the end; `kind` may also be the slug of a job."""
    from benchbert.store.context import JobContext

    now: list[tuple[str, str]] = []
    about = JobContext.about.fget

    def seen(context: JobContext) -> Any:
        now.append((context.job.kind, context.job.slug))
        return about(context)  # type: ignore[misc]

    JobContext.about = property(seen)  # type: ignore[method-assign,assignment]
    step_of = loop._Training._step

    def counted(training: Any, number: int, *rest: Any) -> None:
        if kind in now[-1] and number == step:
            threading.Thread(target=die, daemon=True).start()
        step_of(training, number, *rest)

    def die() -> None:
        time.sleep(milliseconds / 1000)
        os.kill(os.getpid(), signal.SIGKILL)

    loop._Training._step = counted  # type: ignore[method-assign]


KINDS = ("pretrain", "distil", "finetune")


def kinds_up_to(kind: str) -> tuple[str, ...]:
    return KINDS[: KINDS.index(kind.split(".", maxsplit=1)[0]) + 1]


if __name__ == "__main__":
    suite, out, kind, step, milliseconds = sys.argv[1:]
    kill_in(kind, int(step), float(milliseconds))
    carry_out(prepare(suite, out=Path(out)), kinds_up_to(kind))
    # The job was faster than its end.
    os.kill(os.getpid(), signal.SIGKILL)
