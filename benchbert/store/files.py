"""Results on disk: one JSON file a result, written whole or not at all.

A run folder holds

    suite.toml  lock.json  machine.json  report.html  comparisons.json
    results/<slug>.<job>.<machine>.<environment>.json
    predictions/<job>.<split>.parquet      samples/<job>.json
    artefacts/<job>/               models and heads that other jobs take up
    cache/                         what is quicker to read than to make again; may be deleted at any time
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from benchbert.errors import SchemaError, StoreError
from benchbert.types import SCHEMA_VERSION, Artefact, Job, Result

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "COMPARISONS",
    "ReadResults",
    "RunFolder",
    "digest_of",
    "parse_as",
    "read_as",
    "read_result",
    "read_results",
    "saving",
    "write_json",
    "writing",
]

T = TypeVar("T")

COMPARISONS = "comparisons.json"
"""File of a results folder that keeps comparisons of its models: made from predictions, no result."""


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and goes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def saving(place: Path) -> Iterator[None]:
    """Around the saving of a model: what cannot be written is an error of the disk, whichever library meets it.

    Raises:
        StoreError: names the folder and the mend.
    """
    try:
        yield
    except Exception as error:
        # safetensors raises an error of its own that is no OSError.
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
        raise StoreError(
            f"{place}: the model cannot be saved ({' '.join(str(error).split())[:200]}): free room on that disk and "
            "run again; training goes on from its last checkpoint"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """A dataclass or JSON value, written whole or not at all; a NaN is a bug of ours, not a number to keep."""
    data = asdict(value) if hasattr(value, "__dataclass_fields__") else value
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    with writing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def parse_as(data: Any, kind: type[T]) -> T:
    """JSON data that this program wrote itself, as a dataclass."""
    found: T = _adapter(cast(Any, kind)).validate_python(data)
    return found


def read_as(path: Path, kind: type[T]) -> T:
    """The JSON file as a dataclass.

    Raises:
        StoreError: it cannot be read, is cut short, or is of a later schema.
    """
    from pydantic import ValidationError

    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); delete it, and the run makes it anew") from None
    schema = data.get("schema", SCHEMA_VERSION) if isinstance(data, dict) else SCHEMA_VERSION
    if schema != SCHEMA_VERSION:
        raise SchemaError(
            f"{path}: has schema {schema!r}, this benchbert reads {SCHEMA_VERSION}; use the version that wrote it"
        )
    try:
        return parse_as(data, kind)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "(top level)"
        raise StoreError(f"{path}: {where}: {first['msg']}; delete it, and the run makes it anew") from None


def read_result(path: Path) -> Result:
    """One result file; see `read_as`."""
    return read_as(path, Result)


@dataclass(frozen=True)
class ReadResults:
    """What a results folder holds."""

    results: list[Result] = field(default_factory=list)
    """The readable ones, in the order of their file names."""
    files: list[Path] = field(default_factory=list)
    """The file of each; its folder's parent is the run folder that the paths of its artefacts start from."""
    problems: list[str] = field(default_factory=list)
    """One line for each file that could not be read."""


def read_results(folder: Path) -> ReadResults:
    """All results of a run folder, of a folder of run folders, or of a `results` folder.

    Raises:
        StoreError: there is no such folder, or no result in it.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder}: there is no such folder; `benchbert run SUITE --out {folder}` would make it")
    found = ReadResults()
    files = sorted(
        p for p in folder.rglob("*.json") if p.parent.name == "results" or (p.parent == folder and "." in p.stem)
    )
    for path in files:
        if path.name.startswith(".") or path.name == COMPARISONS:
            continue
        try:
            found.results.append(read_result(path))
            found.files.append(path)
        except StoreError as error:
            found.problems.append(str(error))
    if not found.results and not found.problems:
        raise StoreError(f"{folder}: holds no results; `benchbert run` writes them to runs/<suite>")
    return found


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or over the sorted (name, digest) pairs of a folder."""
    if path.is_dir():
        pairs = sorted((p.relative_to(path).as_posix(), digest_of(p)) for p in path.rglob("*") if p.is_file())
        return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def result_path(self, job: Job, machine_id: str, environment_id: str) -> Path:
        """Where a job's result stands, or would stand."""
        machine = hashlib.sha256(machine_id.encode()).hexdigest()[:6]
        # File names may have 255 bytes; the ids make them unique, so a long slug can be cut.
        slug = job.slug.encode()[:150].decode(errors="ignore")
        return self.path / "results" / f"{slug}.{job.short_id}.{machine}.{environment_id[:6]}.json"

    def stored(self, job: Job, machine_id: str, environment_id: str) -> Result | None:
        """The good result of a job, with its artefacts whole; None: it must run.

        Raises:
            SchemaError: a later benchbert wrote it.
            StoreError: there is a file, but it or one of its artefacts is damaged.
        """
        path = self.result_path(job, machine_id, environment_id)
        if not path.exists():
            return None
        result = read_result(path)
        if result.key.job_id != job.id or result.status != "ok":
            return None
        for artefact in result.artefacts:
            place = self.path / artefact.path
            if not place.exists():
                return None
            if digest_of(place) != artefact.sha256:
                raise StoreError(f"{place}: is not what {path.name} says it was; it is made anew")
        return result

    def write(self, result: Result) -> Path:
        """Stores a result; one of the same key is replaced."""
        path = self.result_path(result.job, result.key.machine_id, result.key.environment_id)
        write_json(path, result)
        return path

    def keep_only(self, jobs: Iterable[Job], machine_id: str, environment_id: str) -> int:
        """Makes `results/` hold, of this machine, the results of these jobs in this environment and no others.

        Results of other settings, data, protocol or libraries move to `stale/`, so that they are never mixed in; they
        come back when a plan has their jobs again. How many moved away.
        """
        results, stale = self.path / "results", self.path / "stale"
        wanted = {self.result_path(job, machine_id, environment_id).name for job in jobs}
        for name in wanted:
            if (stale / name).exists() and not (results / name).exists():
                results.mkdir(exist_ok=True)
                (stale / name).replace(results / name)
        moved = 0
        for path in sorted(results.glob("*.json")):
            if path.name not in wanted and self._is_of(path, machine_id):
                stale.mkdir(exist_ok=True)
                path.replace(stale / path.name)
                moved += 1
        return moved

    @staticmethod
    def _is_of(path: Path, machine_id: str) -> bool:
        """Whether a file is a result of this machine; one that cannot be read stays where it is, to be reported."""
        try:
            return read_result(path).key.machine_id == machine_id
        except StoreError:
            return False

    def artefact_path(self, job_id: str) -> Path:
        """Folder of the model or head that a job made."""
        return self.path / "artefacts" / job_id[:12]

    def predictions_path(self, job: Job | str, split: str) -> Path:
        """Where the predictions of a split stand, or would stand, of a job or of the job of that id."""
        job_id = job if isinstance(job, str) else job.id
        return self.path / "predictions" / f"{job_id[:12]}.{split}.parquet"

    @property
    def token_cache(self) -> Path:
        """Folder of the splits that were tokenized."""
        return self.path / "cache" / "tokens"

    @property
    def teacher_cache(self) -> Path:
        """Folder of what teachers said, for the students that learn from them."""
        return self.path / "cache" / "teachers"

    @property
    def backend_cache(self) -> Path:
        """Folder of what backends make of models: exports, compiled code, checks."""
        return self.path / "cache" / "backends"

    def work_path(self, job_id: str) -> Path:
        """Folder for checkpoints of a job under way; survives a kill, so that the job resumes."""
        return self.path / "artefacts" / f"{job_id[:12]}.work"

    def keep(self, job_id: str, role: str, made: Path) -> Artefact:
        """Moves a finished folder to its place, in one step.

        Args:
            job_id: the job that made it.
            role: `model` or `head`.
            made: folder on the same file system.
        """
        place = self.artefact_path(job_id)
        if place.exists():
            shutil.rmtree(place)
        made.replace(place)
        return self.artefact(role, place)

    def artefact(self, role: str, path: Path) -> Artefact:
        """The record of a file or folder in the run folder."""
        return Artefact(role=role, path=path.relative_to(self.path).as_posix(), sha256=digest_of(path))
