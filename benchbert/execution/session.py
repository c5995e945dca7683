"""A run from beginning to end: suite, lock, plan, jobs, report."""

from __future__ import annotations

import shlex
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert.errors import StoreError, SuiteError
from benchbert.execution.local import Tally, run_plan
from benchbert.execution.progress import Progress
from benchbert.lock import Lock
from benchbert.machine import environment, machine
from benchbert.plan import Plan, make_plan, make_recipe_plan
from benchbert.recipe import read_recipe
from benchbert.resolve import resolve
from benchbert.store.context import JobContext
from benchbert.store.files import RunFolder, write_json, writing
from benchbert.store.unfinished import differences, read_unfinished
from benchbert.suite import ModelEntry, Suite, read_suite, suite_from
from benchbert.suite_files import find_recipe, find_suite
from benchbert.types import canonical_json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Prepared", "prepare", "prepare_recipe", "run_prepared"]

_RECIPES = {"pretrain", "distil"}
"""Kinds of jobs that carry out a recipe."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that can begin: everything is checked, nothing is written."""

    suite: Suite
    """What the user wants."""
    lock: Lock
    """What it resolved to."""
    plan: Plan
    """What is to do."""
    whole: Plan
    """All that the suite asks for, without `--only`."""
    out: Path
    """Run folder."""
    text: str
    """The suite file as the user wrote it, or as JSON when it came from Python."""


def prepare(
    suite: str | Path | Mapping[str, Any] | Suite,
    *,
    mirror: Path | None = None,
    out: Path | None = None,
    only: str = "",
) -> Prepared:
    """Reads, resolves and plans a suite.

    Args:
        suite: a file, the name of one that comes with benchbert, a mapping with the same keys, or a Suite.
        mirror: folder laid out by hub id that is used in place of the hub where it has something.
        out: run folder; None: `runs/<suite>`.
        only: glob over the slugs of jobs; empty: all.

    Raises:
        UsageError: the suite has problems (all are listed), or nothing to do.
    """
    _check_mirror(mirror)
    folder = Path.cwd()
    if isinstance(suite, str | Path):
        path = find_suite(str(suite))
        read, text, folder = read_suite(path), path.read_text(encoding="utf-8"), path.parent
    elif isinstance(suite, Suite):
        read, text = suite, canonical_json(asdict(suite))
    else:
        read, text = suite_from(suite, folder=folder), canonical_json(dict(suite))
    lock = resolve(read, folder=folder, mirror=mirror)
    plan = make_plan(read, lock)
    return Prepared(
        suite=read,
        lock=lock,
        whole=plan,
        plan=plan.only(only) if only else plan,
        out=out or Path("runs") / read.name,
        text=text,
    )


def prepare_recipe(
    recipe: str | Path, *, mirror: Path | None = None, out: Path | None = None, factor: float | None = None
) -> Prepared:
    """Reads, resolves and plans one recipe with all that it stands on; see `prepare`, and `resolve` on the factor."""
    _check_mirror(mirror)
    path = find_recipe(str(recipe))
    name = read_recipe(path).name
    suite = Suite(name=name, models=(ModelEntry(name=name, recipe=path.name),))
    lock = resolve(suite, folder=path.parent, mirror=mirror, factor=factor)
    plan = make_recipe_plan(lock, lock.models[name].recipe)
    return Prepared(
        suite=suite,
        lock=lock,
        plan=plan,
        whole=plan,
        out=out or Path("runs") / name,
        text=path.read_text(encoding="utf-8"),
    )


def _check_mirror(mirror: Path | None) -> None:
    if mirror is not None and not mirror.is_dir():
        raise SuiteError("--mirror", [f"there is no folder {mirror}"])


def run_prepared(prepared: Prepared, console: Console | None = None) -> Tally:
    """Carries out a prepared run in its folder.

    Raises:
        StoreError: another run is at work in the folder, or it cannot be written.
    """
    folder = RunFolder(prepared.out.resolve())
    with _own(folder.path):
        _require_none_lost(prepared, folder)
        _describe(prepared, folder)
        folder.keep_only(prepared.whole.jobs, machine().id, environment().id)
        tally = run_plan(
            prepared.plan,
            prepared.lock,
            folder,
            uuid.uuid4().hex[:12],
            time_limit=prepared.suite.time_limit,
            progress=Progress(console),
        )
    return tally


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Holds the run folder: two runs in one folder would trip over each other's artefacts."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise StoreError(f"{folder}: another run is at work there; wait for it, or choose another --out") from None
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from None
    try:
        yield
    finally:
        lock.release()


def _describe(prepared: Prepared, folder: RunFolder) -> None:
    """Writes beside the results what they are results of."""
    name = "suite.toml" if not prepared.text.startswith("{") else "suite.json"
    with writing(folder.path / name) as temporary:
        temporary.write_text(prepared.text, encoding="utf-8")
    write_json(folder.path / "lock.json", prepared.lock)
    facts = asdict(machine()) | {"id": machine().id}
    libraries = asdict(environment()) | {"id": environment().id}
    command = shlex.join(["benchbert", *sys.argv[1:]]) if Path(sys.argv[0]).stem in {"benchbert", "__main__"} else ""
    write_json(folder.path / "machine.json", {"machine": facts, "environment": libraries, "command": command})
    # Half-made artefacts of jobs that this plan does not know any more; those that it knows resume from theirs.
    for left in _left_over(prepared, folder):
        if read_unfinished(left) is None:
            shutil.rmtree(left)


def _left_over(prepared: Prepared, folder: RunFolder) -> list[Path]:
    """Work folders of jobs that the plan does not have."""
    known = {job.short_id for job in prepared.whole.jobs}
    return [p for p in sorted(folder.path.glob("artefacts/*.work")) if p.name.removesuffix(".work") not in known]


def _require_none_lost(prepared: Prepared, folder: RunFolder) -> None:
    """Holds the unfinished training that is in the folder against what is to be trained in its place.

    A head is trained in minutes, and its checkpoint is as good as none; a recipe may have taken hours.

    Raises:
        StoreError: a recipe was changed whose training was under way; names the keys that differ.
    """
    wanted = {job.slug: job for job in prepared.plan.jobs if job.kind in _RECIPES}
    for left in _left_over(prepared, folder):
        found = read_unfinished(left)
        if found is None:
            continue
        if found.about.get("kind") not in _RECIPES:
            shutil.rmtree(left)
        elif job := wanted.get(str(found.about.get("job"))):
            told = differences(found.about, JobContext(job=job, lock=prepared.lock, folder=folder).about)
            raise StoreError(
                f"{left} holds a checkpoint of {job.slug}, step {found.step} of {found.steps} after "
                f"{found.seconds:.0f} s, of another recipe ({told}): put the recipe back to go on with it, delete "
                "that folder to start anew, or choose another --out"
            )
