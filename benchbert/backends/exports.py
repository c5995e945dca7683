"""Models in the format of another runtime, made once and kept: whole, checksummed, named by all that decides them.

An export is a folder `<cache>/exports/<key>/` with the runtime's files and `about.json`. It takes its place in one
step, so that two processes at once at worst do the work twice. A timed process trusts it; `whole` is asked before.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from benchbert.lock import ModelLock
from benchbert.store.files import digest_of
from benchbert.types import digest

__all__ = ["Export", "Interface", "export_key", "exported", "whole"]

_EXPORTS = 1
"""Raised when exports are made in another way: those that were kept are stale."""
_ABOUT = "about.json"


@dataclass(frozen=True, kw_only=True)
class Interface:
    """What a session must know of a model without torch."""

    inputs: tuple[str, ...]
    """Names of the inputs."""
    outputs: tuple[str, ...]
    """Names of the outputs that make the logits: two are stacked."""
    vocabulary: int
    """Number of token ids."""
    longest: int
    """Tokens of the longest sequence."""
    weights: str
    """What the weights were read from."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """An exported model."""

    folder: Path
    """Where its files are."""
    key: str
    """Digest of what decides it."""
    interface: Interface
    """What goes in and comes out."""
    seconds: float
    """Seconds that making it took."""
    files: Mapping[str, str]
    """Name -> SHA-256 of each file."""
    keeper: Any = field(default=None, repr=False, compare=False)
    """What removes the folder when nobody holds this any more; None: it stays."""

    @property
    def record(self) -> dict[str, Any]:
        """For the provenance of a result."""
        size = sum((self.folder / name).stat().st_size for name in self.files)
        return {"key": self.key, "export_s": round(self.seconds, 3), "bytes": size, "files": dict(self.files)}


def whole(cache: Path, record: Mapping[str, Any]) -> bool:
    """Whether the export of a record is in the cache with every file as it was made; a damaged one is taken away.

    Args:
        cache: folder that keeps exports.
        record: see `Export.record`.
    """
    place = _place(cache, str(record["key"]))
    if all((place / n).is_file() and digest_of(place / n) == d for n, d in dict(record["files"]).items()):
        return True
    shutil.rmtree(place, ignore_errors=True)
    return False


def export_key(model: ModelLock, head: str, folder: Path | None, *, libraries: Iterable[str], **settings: Any) -> str:
    """Digest of what decides an export, found without reading the weights.

    Args:
        model: the resolved model; its revision is the digest of its weights.
        head: its head.
        folder: artefact with other weights: of a job of ours, told by the names, sizes and times of its files.
        libraries: packages whose versions decide the outcome.
        settings: opset, dtype and the like: JSON.
    """
    about = {name: getattr(model, name) for name in ("family", "weights", "revision", "hub_id", "folder")}
    files = sorted((p.name, (s := p.stat()).st_size, s.st_mtime_ns) for p in folder.iterdir()) if folder else []
    return digest(
        {
            "exports": _EXPORTS,
            "model": {**about, "config": dict(model.config), "labels": list(model.labels), "head": head},
            "files": [str(folder or ""), [list(entry) for entry in files]],
            "libraries": {name: _version(name) for name in libraries},
            "settings": settings,
        }
    )


def exported(cache: Path | None, key: str, make: Callable[[Path], Interface]) -> Export:
    """The export of that key, made where it is not there.

    Args:
        cache: folder that keeps exports; None: it goes when the caller lets go of it.
        key: see `export_key`.
        make: writes the files into an empty folder.

    Raises:
        UnavailableError: what `make` raises.
    """
    keeper = None
    if cache is None:
        keeper = tempfile.TemporaryDirectory(prefix="benchbert-export-")
        cache = Path(keeper.name)
    place = _place(cache, key)
    if (found := _read(place)) is not None:
        return found
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        start = perf_counter()
        interface = make(work)
        seconds = perf_counter() - start
        files = {p.name: digest_of(p) for p in sorted(work.iterdir())}
        about = {"key": key, "interface": asdict(interface), "seconds": seconds, "files": files}
        (work / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        work.replace(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Export(folder=place, key=key, interface=interface, seconds=seconds, files=files, keeper=keeper)


def _place(cache: Path, key: str) -> Path:
    return cache / "exports" / key[:32]


def _read(place: Path) -> Export | None:
    """The export of a folder; None: there is none, or it is damaged."""
    try:
        about = json.loads((place / _ABOUT).read_bytes())
        fields = about["interface"]
        interface = Interface(**{**fields, "inputs": tuple(fields["inputs"]), "outputs": tuple(fields["outputs"])})
        found = Export(
            folder=place, key=about["key"], interface=interface, seconds=about["seconds"], files=about["files"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if all((place / name).is_file() for name in found.files) else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
