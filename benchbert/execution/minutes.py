"""A budget in minutes: measured before anything is planned, written down as steps, and from then on steps alone.

What was decided stands in the run folder. The same command finds it there and goes on with the same steps, however busy
the machine is by then, so that a run that was killed resumes exactly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.distillation.planner import BudgetPlan, Rehearsed, plan_budget
from benchbert.errors import StoreError, UnavailableError, UsageError
from benchbert.execution.local import SLOT_ENVIRONMENT
from benchbert.execution.session import Prepared, prepare_recipe
from benchbert.machine import machine
from benchbert.recipe import read_recipe
from benchbert.store.files import parse_as, read_as, write_json
from benchbert.suite_files import find_recipe
from benchbert.types import as_json
from benchbert.worker.client import Worker

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["CALIBRATION_S", "Fitted", "fit_minutes", "minutes_of"]

CALIBRATION_S = 30.0
"""Seconds of optimizer steps that a budget is decided from."""

_FILE = "minutes.json"

_PATIENCE_S = 1_800.0
"""For what stands around the steps: reading the corpus, loading a registered teacher, one very long step."""


@dataclass(frozen=True, kw_only=True)
class _Decided:
    """What a budget came to, in the run folder."""

    job: str
    """Id of the job that makes the recipe as it is written; another one is another decision."""
    machine: str
    """Id of the machine that was measured."""
    plan: BudgetPlan
    """What fits."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A recipe that fits its minutes."""

    prepared: Prepared
    """The run, in steps."""
    plan: BudgetPlan
    """What was decided."""
    known: bool
    """Whether it had been decided before, in the run folder."""
    written: Prepared
    """The run as the recipe says it, without a budget in minutes."""

    def keep(self) -> None:
        """Writes down what was decided.

        Raises:
            StoreError: the run folder cannot be written.
        """
        job = self.written.plan.jobs[-1].id
        try:
            self.prepared.out.mkdir(parents=True, exist_ok=True)
            write_json(self.prepared.out / _FILE, _Decided(job=job, machine=machine().id, plan=self.plan))
        except OSError as error:
            raise StoreError(
                f"{self.prepared.out}: cannot be written ({error.strerror}); choose another --out"
            ) from error


def minutes_of(recipe: str | Path) -> float:
    """The minutes that a recipe asks for itself; 0: none."""
    return read_recipe(find_recipe(str(recipe))).minutes


def fit_minutes(
    recipe: str | Path,
    minutes: float,
    *,
    mirror: Path | None = None,
    out: Path | None = None,
    seconds: float = CALIBRATION_S,
    console: Console | None = None,
) -> Fitted:
    """Prepares a recipe, its phases and those of what it stands on made as much longer or shorter as the minutes say.

    Args:
        recipe: a file, or the name of one that comes with benchbert.
        minutes: wall clock for all that is made.
        mirror: as for `prepare`.
        out: as for `prepare`.
        seconds: of optimizer steps to decide from.
        console: where to show progress; None: nowhere.

    Raises:
        UsageError: the recipe has problems, or nothing fits.
        BenchbertError: it cannot be carried out here, for a reason that its first steps show.
    """
    if minutes <= 0 or seconds <= 0:
        raise UsageError("minutes and the seconds of their calibration should be above 0")
    written = prepare_recipe(recipe, mirror=mirror, out=out, factor=1.0)
    plan = _known(written, minutes)
    known = plan is not None
    if plan is None:
        plan = plan_budget(_rehearse(written, seconds, console), minutes)
    prepared = prepare_recipe(recipe, mirror=mirror, out=out, factor=plan.factor)
    return Fitted(prepared=prepared, plan=plan, known=known, written=written)


def _known(written: Prepared, minutes: float) -> BudgetPlan | None:
    path = written.out / _FILE
    if not path.is_file():
        return None
    found = read_as(path, _Decided)
    wanted = (written.plan.jobs[-1].id, machine().id, minutes)
    return found.plan if (found.job, found.machine, found.plan.minutes) == wanted else None


def _rehearse(written: Prepared, seconds: float, console: Console | None) -> list[Rehearsed]:
    """Times the jobs in a process like the one that will carry them out."""
    jobs = written.plan.jobs
    if blocked := [job.blocked for job in jobs if job.blocked]:
        raise UnavailableError(blocked[0])
    found: list[Rehearsed] = []
    share = seconds / len(jobs)
    with tempfile.TemporaryDirectory(prefix="benchbert-") as place, _progress(console, seconds) as told:
        write_json(Path(place) / "lock.json", as_json(written.lock))
        with Worker(
            module="benchbert.execution.slot", arguments=(place, "rehearsal"), environment=SLOT_ENVIRONMENT
        ) as worker:
            for number, job in enumerate(jobs):
                worker.on_notice = lambda notice, n=number: told(n * share + notice[0], str(notice[2]))  # type: ignore[misc]
                told(number * share, job.slug)
                reply: Any = worker.call("rehearse", timeout=_PATIENCE_S + seconds, job=as_json(job), seconds=share)
                found.append(parse_as(reply, Rehearsed))
    return found


@contextmanager
def _progress(console: Console | None, seconds: float) -> Iterator[Any]:
    """What is to be called with (seconds done, what is measured)."""
    if console is None or not console.is_terminal:
        if console is not None:
            console.print(f"measuring a few steps of each recipe, about {seconds:.0f} s", highlight=False)
        yield lambda done, note: None
        return
    from rich import progress

    with progress.Progress(console=console, transient=True) as bars:
        task = bars.add_task("measuring", total=seconds)
        yield lambda done, note: bars.update(task, completed=done, description=f"measuring steps of {note}")
