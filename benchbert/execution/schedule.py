"""Which job goes next: ready ones by their longest remaining path, as many side by side as there are cores."""

from __future__ import annotations

import heapq

from benchbert.plan import Plan
from benchbert.types import Job

__all__ = ["Schedule"]


class Schedule:
    """The state of a plan under way. Exclusive jobs go alone, and only when no other job could use the machine."""

    def __init__(self, plan: Plan, *, cores: int, gpus: int) -> None:
        self.plan = plan
        self.cores, self.gpus = cores, max(gpus, 0)
        self.running: set[str] = set()
        self.failed: dict[str, str] = {}
        self._causes: dict[str, str] = {}
        self._waiting: dict[str, set[str]] = {}
        self._below: dict[str, list[str]] = {}
        self._shared: list[tuple[float, int, str]] = []
        self._exclusive: list[tuple[float, int, str]] = []
        self._position = {job.id: i for i, job in enumerate(plan.jobs)}
        self._left = len(plan.jobs)
        for job in plan.jobs:
            needs = {i for i in job.inputs.values() if i in plan.by_id}
            self._waiting[job.id] = needs
            for need in needs:
                self._below.setdefault(need, []).append(job.id)
            if not needs:
                self._make_ready(job)

    @property
    def finished(self) -> bool:
        """Whether every job has ended."""
        return self._left == 0

    def start(self) -> Job | None:
        """The next job to start now, counted as running from here on; None: wait for one to end."""
        queue = self._shared if self._shared else self._exclusive
        if not queue:
            return None
        if queue is self._exclusive and self.running:
            return None
        for entry in sorted(queue)[: self.cores + 1]:
            job = self.plan.by_id[entry[2]]
            if self._fits(job):
                queue.remove(entry)
                heapq.heapify(queue)
                self.running.add(job.id)
                return job
        return None

    def end(self, job: Job, error: str = "") -> list[Job]:
        """Notes that a job ended; the jobs that can now never run, because they stand on it."""
        self.running.discard(job.id)
        self._left -= 1
        lost: list[Job] = []
        if error:
            self.failed[job.id] = error
        for name in self._below.get(job.id, []):
            below = self.plan.by_id[name]
            if error and name not in self.failed:
                # The first failure of a chain is the one to mend, so it is the one that is named.
                self._causes[name] = self._causes.get(job.id, f"it stands on {job.slug}, which failed: {error}")
                self.failed[name] = self._causes[name]
                lost.append(below)
            self._waiting[name].discard(job.id)
            if not self._waiting[name] and name not in self.failed:
                self._make_ready(below)
        return lost

    def _make_ready(self, job: Job) -> None:
        queue = self._exclusive if job.resources.exclusive else self._shared
        heapq.heappush(queue, (-self.plan.remaining[job.id], self._position[job.id], job.id))

    def _fits(self, job: Job) -> bool:
        jobs = [self.plan.by_id[i] for i in self.running]
        if not jobs:
            return True
        cpus = sum(j.resources.cpus for j in jobs) + job.resources.cpus
        gpus = sum(j.resources.gpus for j in jobs) + job.resources.gpus
        return cpus <= self.cores and (job.resources.gpus == 0 or gpus <= self.gpus)
