"""Loads a split of a dataset from the hub, a mirror, a generator or the user's files; holds it against its task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbert import registry
from benchbert.errors import DataError, UnavailableError
from benchbert.lock import DatasetLock
from benchbert.tasks.custom import load_own_split
from benchbert.tasks.validation import validate
from benchbert.types import Task, digest

if TYPE_CHECKING:
    import datasets

__all__ = ["check_rows", "load_split", "stream_split", "validate"]

_NO_CONFIG = re.compile(r"BuilderConfig .* not found|At least one (valid )?data file must be specified")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def load_split(dataset: DatasetLock, split: str) -> datasets.Dataset:
    """The rows of one split.

    Args:
        dataset: What the dataset resolved to.
        split: Name of the split.

    Raises:
        UnavailableError: the dataset, configuration or split cannot be had here (says where it was sought).
        DataError: its files cannot be read.
    """
    if dataset.error:
        raise UnavailableError(dataset.error)
    if dataset.origin == "builtin":
        return _generated(dataset, split)
    if dataset.origin == "mirror":
        return _from_mirror(dataset, split)
    if dataset.origin == "hub":
        return _from_hub(dataset, split)
    return load_own_split(dataset, split)


def stream_split(dataset: DatasetLock, split: str) -> datasets.IterableDataset:
    """The rows of one split of a dataset of the hub or a mirror, read as they are asked for.

    Raises:
        UnavailableError: the dataset, configuration or split cannot be had here.
        DataError: its files cannot be read.
    """
    if dataset.error:
        raise UnavailableError(dataset.error)
    if dataset.origin not in {"mirror", "hub"}:
        raise DataError(f"dataset {dataset.key}: only datasets of the hub and of a mirror are streamed")
    folder, revision = (dataset.folder, None) if dataset.origin == "mirror" else (dataset.id, dataset.revision or None)
    place = f"the mirror folder {folder}" if dataset.origin == "mirror" else "the hub"
    rows: datasets.IterableDataset = _load(dataset, split, folder, place, revision=revision, streaming=True)
    return rows


def check_rows(task: Task, split: str, rows: int) -> bool:
    """Whether a split has its official number of rows; a sample or a damaged copy does not.

    Raises:
        DataError: the task has no such split.
    """
    for known in task.splits:
        if known.name == split:
            return rows == known.rows
    names = ", ".join(known.name for known in task.splits)
    raise DataError(f"task {task.name} has no split {split!r}: use one of {names}")


def _generated(dataset: DatasetLock, split: str) -> datasets.Dataset:
    from datasets import ClassLabel, Dataset, NamedSplit

    generator = registry.find("datasets", dataset.id)
    configs = generator.rows
    if dataset.config not in configs:
        raise UnavailableError(f"{dataset.id} generates no {dataset.config!r}: it has {', '.join(configs)}")
    splits = [*configs[dataset.config], *generator.held_back[dataset.config]]
    if split not in splits:
        raise UnavailableError(_no_split(dataset, split, splits, "the generator"))
    version = generator.version_of(dataset.config)
    if dataset.revision and dataset.revision != version:
        raise UnavailableError(
            f"{dataset.id} version {dataset.revision} is asked for, this benchbert generates {version}: resolve the "
            "suite again"
        )
    rows = Dataset.from_dict(generator.generate(dataset.config, split), split=NamedSplit(split))
    names = generator.label_names(dataset.config)
    return rows.cast_column("label", ClassLabel(names=list(names))) if names else rows


def _from_mirror(dataset: DatasetLock, split: str) -> datasets.Dataset:
    folder = Path(dataset.folder)
    if not folder.is_dir():
        raise UnavailableError(
            f"dataset {dataset.key}: the mirror has no folder {folder}: clone the hub repository there"
        )
    cache = _mirror_cache(dataset, folder)
    rows: datasets.Dataset = _load(dataset, split, str(folder), f"the mirror folder {folder}", cache_dir=cache)
    return rows


def _mirror_cache(dataset: DatasetLock, folder: Path) -> str:
    """A cache folder that belongs to these very files.

    datasets' own cache knows local files by their names: a file that was replaced would be answered with its old rows.
    """
    from datasets import config

    stats = [(str(path.relative_to(folder)), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats if not name.startswith(".git/")]
    key = digest([str(folder.resolve()), dataset.fingerprint, files])[:24]
    return str(Path(config.HF_DATASETS_CACHE) / "benchbert-mirror" / key)


def _from_hub(dataset: DatasetLock, split: str) -> datasets.Dataset:
    rows: datasets.Dataset = _load(dataset, split, dataset.id, "the hub", revision=dataset.revision or None)
    # Offline, datasets answers with whichever revision it has cached and only logs a line: look at what it gave.
    loaded = {part for file in rows.cache_files for part in Path(file["filename"]).parts if _COMMIT.fullmatch(part)}
    if _COMMIT.fullmatch(dataset.revision) and loaded and dataset.revision not in loaded:
        raise UnavailableError(
            f"dataset {dataset.key}: revision {dataset.revision} is not cached here, "
            f"{', '.join(sorted(loaded))} is: connect to the hub once, or resolve the suite again"
        )
    return rows


def _load(
    dataset: DatasetLock,
    split: str,
    path: str,
    place: str,
    *,
    revision: str | None = None,
    cache_dir: str | None = None,
    streaming: bool = False,
) -> Any:
    """`datasets.load_dataset` with its many errors turned into one line each."""
    from datasets import DatasetDict, IterableDatasetDict, load_dataset
    from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError

    try:
        with _quiet():
            loaded: Any = load_dataset(
                path, dataset.config or None, revision=revision, cache_dir=cache_dir, streaming=streaming
            )
    except DatasetGenerationError as error:
        cause = error.__cause__ or error
        raise DataError(
            f"dataset {dataset.key}: a data file in {place} cannot be read ({_line(cause)}): fetch it again"
        ) from error
    except DatasetNotFoundError as error:
        raise UnavailableError(
            f"dataset {dataset.key} is not on the hub or is gated ({_line(error)}): check its id, or log in"
        ) from error
    except (ConnectionError, FileNotFoundError) as error:
        raise UnavailableError(
            f"dataset {dataset.key} cannot be had from {place} ({_line(error)}): "
            "connect to the hub, or give a clone of it with --mirror"
        ) from error
    except (ValueError, OSError) as error:
        if _NO_CONFIG.search(str(error)):
            raise UnavailableError(_no_config(dataset, place, str(error))) from error
        raise DataError(
            f"dataset {dataset.key}: {place} cannot be read as a dataset ({_line(error)}): fetch it again"
        ) from error
    assert isinstance(loaded, DatasetDict | IterableDatasetDict), "load_dataset without a split gives all of them"
    if split not in loaded:
        raise UnavailableError(_no_split(dataset, split, list(loaded), place))
    return loaded[split]


def _no_config(dataset: DatasetLock, place: str, error: str) -> str:
    known = error.partition("Available: ")[2].strip("[] ").replace("'", "")
    what = "configuration" if known else "data files for configuration"
    return (
        f"dataset {dataset.id} has no {what} {dataset.config!r} in {place}"
        f"{f' (it has {known})' if known else ''}: add its files as the hub repository has them, or leave the task out"
    )


def _no_split(dataset: DatasetLock, split: str, splits: list[str], place: str) -> str:
    return (
        f"dataset {dataset.key} has no split {split!r} in {place} (it has {', '.join(splits)}): "
        "add its files as the hub repository has them, or leave it out"
    )


def _line(error: BaseException) -> str:
    """First line of an error: what follows is for the library's developers."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of datasets in the middle of ours."""
    import datasets

    shown = datasets.are_progress_bars_disabled() is False
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
