"""What the user sees while a plan is carried out: bars on a terminal, one line a finished job elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from benchbert.types import Job

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Progress"]


class Progress:
    """Shows how far a run is. Safe to call from several threads."""

    def __init__(self, console: Console | None = None) -> None:
        """Where to show it; None: nowhere."""
        self._console = console
        self._bars: Any = None
        self._overall: Any = None
        self._tasks: dict[str, Any] = {}
        self._guard = threading.Lock()
        self._began: dict[str, float] = {}
        self._count = self._total = 0

    def start(self, jobs: int, *, skipped: int) -> None:
        """The run begins."""
        self._total = jobs
        if self._console is None:
            return
        already = f", {skipped} already stored" if skipped else ""
        self._console.print(f"{jobs} jobs to do{already}", highlight=False)
        if jobs and self._console.is_terminal:
            from rich import progress

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(bar_width=24),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                progress.TimeRemainingColumn(),
                progress.TextColumn("{task.fields[note]}"),
                console=self._console,
                refresh_per_second=4,
                transient=True,
            )
            self._bars.start()
            self._overall = self._bars.add_task("[bold]all jobs", total=jobs, note="")

    def begin(self, job: Job, *, quiet: bool = False) -> None:
        """A job begins; `quiet`: nothing is drawn until it ends, because it measures."""
        with self._guard:
            self._began[job.id] = time.monotonic()
            if self._bars is None:
                return
            if quiet:
                self._bars.stop()
            self._tasks[job.id] = self._bars.add_task(_short(job.slug), total=None, note="measuring" if quiet else "")
            if quiet:
                self._bars.refresh()

    def update(self, job: Job, done: int, total: int, note: str) -> None:
        """A job is `done` of `total` through."""
        with self._guard:
            if self._bars is not None and job.id in self._tasks:
                self._bars.update(self._tasks[job.id], completed=done, total=total, note=note)

    def end(self, job: Job, error: str) -> None:
        """A job ended, with an error or without."""
        with self._guard:
            self._count += 1
            if self._console is None:
                return
            seconds = time.monotonic() - self._began.pop(job.id, time.monotonic())
            if self._bars is not None:
                if not self._bars.live.is_started:
                    self._bars.start()
                if job.id in self._tasks:
                    self._bars.remove_task(self._tasks.pop(job.id))
                self._bars.update(self._overall, completed=self._count)
            if error or self._bars is None:
                self._line(job, error, seconds)

    def stop(self) -> None:
        """The run is over."""
        if self._bars is not None:
            self._bars.stop()

    def _line(self, job: Job, error: str, seconds: float) -> None:
        from rich.text import Text

        assert self._console is not None
        mark = Text("failed ", "bold red") if error else Text("done   ", "green")
        count = Text(f"[{self._count}/{self._total}] ", "dim")
        tail = Text(f" {error}", "red") if error else Text(f" {seconds:.1f} s", "dim")
        self._console.print(count + mark + Text(job.slug) + tail, soft_wrap=True)


def _short(slug: str) -> str:
    return slug if len(slug) <= 48 else slug[:45] + "..."
