"""Carries out a plan on this machine: jobs side by side in slots, profiles alone, results to disk as they come."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from benchbert.errors import BenchbertError, SchemaError, StoreError, WorkerError, WorkerMemoryError, WorkerTimeoutError
from benchbert.execution.execute import execute, failed_result
from benchbert.execution.progress import Progress
from benchbert.execution.schedule import Schedule
from benchbert.lock import Lock
from benchbert.machine import environment, machine
from benchbert.plan import Plan
from benchbert.store.files import RunFolder
from benchbert.store.provenance import relabelled
from benchbert.types import Job, Status, as_json
from benchbert.worker.client import Worker

__all__ = ["SLOT_ENVIRONMENT", "Tally", "run_plan"]

SLOT_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    # glibc gives large blocks back to the kernel at once, and a training step asks for the same ones again: in
    # pre-training a small model, kernel time was about a quarter. Read by glibc alone, at the start of a process.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
}


@dataclass
class Tally:
    """How a run went."""

    done: int = 0
    """Jobs that ended well now."""
    skipped: int = 0
    """Jobs whose results were already stored."""
    failed: dict[str, str] = field(default_factory=dict)
    """Slug -> why."""
    damaged: list[str] = field(default_factory=list)
    """Result files and checkpoints that could not be read: what they held was made anew."""


def run_plan(plan: Plan, lock: Lock, folder: RunFolder, run_id: str, *, time_limit: float, progress: Progress) -> Tally:
    """Carries out all jobs that have no stored result yet.

    Args:
        plan: the jobs.
        lock: what the suite resolved to; stands in the folder as `lock.json`.
        folder: where results go.
        run_id: name of this run.
        time_limit: seconds that one job may take.
        progress: shown to the user.

    Raises:
        KeyboardInterrupt: the user wants to stop; slots are ended, what was stored stays.
    """
    return _LocalRun(plan, lock, folder, run_id, time_limit, progress).run()


class _LocalRun:
    """One call of `run_plan`: the main thread decides, one thread a running job waits for its slot."""

    def __init__(
        self, plan: Plan, lock: Lock, folder: RunFolder, run_id: str, time_limit: float, progress: Progress
    ) -> None:
        self.lock, self.folder, self.run_id = lock, folder, run_id
        self.time_limit, self.progress = time_limit, progress
        self.tally = Tally()
        self.plan = self._without_stored(plan)
        # Jobs name no device but `cuda`, which is the first one, so one job at a time has it.
        self.schedule = Schedule(self.plan, cores=lock.cores, gpus=min(lock.gpus, 1))
        self.lanes: deque[_Lane] = deque()
        self.ended: SimpleQueue[tuple[Job, str, _Lane | None]] = SimpleQueue()

    def run(self) -> Tally:
        self.progress.start(len(self.plan.jobs), skipped=self.tally.skipped)
        try:
            while not self.schedule.finished:
                while job := self.schedule.start():
                    self._begin(job)
                job, error, lane = self.ended.get()
                if lane is not None:
                    self.lanes.append(lane)
                self._note_end(job, error)
        finally:
            for lane in self.lanes:
                lane.close()
            self.progress.stop()
        return self.tally

    def _without_stored(self, plan: Plan) -> Plan:
        """The jobs still to do; a job whose artefact is needed again is among them even when nothing else of it is."""
        left = []
        for job in plan.jobs:
            try:
                stored = self.folder.stored(job, machine().id, environment().id)
            except SchemaError:
                raise
            except StoreError as error:
                self.tally.damaged.append(str(error))
                stored = None
            if stored is None:
                left.append(job)
            else:
                self.tally.skipped += 1
                if (renamed := relabelled(stored, self.lock)) is not stored:
                    self.folder.write(renamed)
        return Plan(tuple(left))

    def _begin(self, job: Job) -> None:
        if job.blocked:
            self.folder.write(failed_result(job, self.lock, self.run_id, job.blocked))
            self.ended.put((job, job.blocked, None))
            return
        if job.resources.exclusive:
            # The machine is to be as quiet as it can be: idle slots go, and the display stops drawing itself.
            while self.lanes:
                self.lanes.pop().close()
            self.progress.begin(job, quiet=True)
            self._measure(job)
            return
        self.progress.begin(job)
        lane = self.lanes.popleft() if self.lanes else _Lane()
        lane.carry_out(job, self._in_slot, self.ended)

    def _measure(self, job: Job) -> None:
        """Profiles are led by this very thread: the processes that it starts die with it."""
        result = execute(job, self.lock, self.folder, self.run_id, lambda *p: self.progress.update(job, *p))
        self.ended.put((job, "" if result.status == "ok" else result.error, None))

    def _in_slot(self, job: Job, lane: _Lane) -> str:
        """Runs in the lane's thread; why the job failed, or empty."""
        if lane.slot is None:
            lane.slot = self._open_slot()
        lane.slot.on_notice = lambda notice: self.progress.update(job, *notice)
        try:
            reply = lane.slot.call("execute", timeout=self.time_limit, job=as_json(job))
        except WorkerError as error:
            lane.discard()
            return self._store_loss(job, error)
        self.tally.damaged += [f"{job.slug}: {note}" for note in reply["notes"]]
        return str(reply["error"]) if reply["status"] != "ok" else ""

    def _open_slot(self) -> Worker:
        return Worker(
            module="benchbert.execution.slot",
            arguments=(str(self.folder.path), self.run_id),
            environment=SLOT_ENVIRONMENT,
        )

    def _store_loss(self, job: Job, error: WorkerError) -> str:
        """A job took its slot with it: its Result is written here."""
        status: Status = "failed"
        text = " ".join(str(error).split())
        if isinstance(error, WorkerTimeoutError):
            status, text = "timeout", f"not done within time_limit = {self.time_limit:g} s: {text}"
        elif isinstance(error, WorkerMemoryError):
            status = "out_of_memory"
        self.folder.write(failed_result(job, self.lock, self.run_id, text, status))
        return text

    def _note_end(self, job: Job, error: str) -> None:
        lost = deque([(job, error)])
        while lost:
            ended, reason = lost.popleft()
            if reason:
                self.tally.failed[ended.slug] = reason
            else:
                self.tally.done += 1
            self.progress.end(ended, reason)
            for below in self.schedule.end(ended, reason):
                why = self.schedule.failed[below.id]
                self.folder.write(failed_result(below, self.lock, self.run_id, below.blocked or why))
                lost.append((below, below.blocked or why))


class _Lane:
    """A thread with its slot: the kernel ends a slot when the thread that started it ends, so the thread is kept."""

    def __init__(self) -> None:
        self.slot: Worker | None = None
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def carry_out(
        self, job: Job, task: Callable[[Job, _Lane], str], ended: SimpleQueue[tuple[Job, str, _Lane | None]]
    ) -> None:
        """Hands a job to the thread; its end is put into the queue, whatever happens."""

        def work() -> None:
            try:
                error = task(job, self)
            except (BenchbertError, OSError) as problem:
                self.discard()
                error = f"{type(problem).__name__}: {problem}"
            ended.put((job, error, self))

        self._work.put(work)

    def discard(self) -> None:
        """Ends a slot that cannot be used any more."""
        if self.slot is not None:
            self.slot.kill()
            self.slot = None

    def close(self) -> None:
        """Ends slot and thread."""
        self._work.put(None)
        if sys.is_finalizing():
            return
        self._thread.join()

    def _serve(self) -> None:
        while work := self._work.get():
            work()
        if self.slot is not None:
            self.slot.close()
