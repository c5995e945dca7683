"""The checkpoint of a training run: written whole or not at all, taken up by the same run alone."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from benchbert.errors import StoreError, TrainingError
from benchbert.store.files import write_json, writing
from benchbert.store.unfinished import Unfinished, differences, read_unfinished

__all__ = ["SavedRun"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """Where a run saves itself, and what may be taken up from there."""

    path: Path
    """The checkpoint; a file with the ending `.json` beside it says what it is of."""
    owner: str
    """Job id."""
    terms: Mapping[str, Any]
    """What decides the run, as a flat table."""
    about: Mapping[str, Any]
    """Those of them that the job says of itself."""
    steps: int
    """Optimizer steps in all."""

    def write(self, state: Mapping[str, Any]) -> None:
        """Saves a run in place of what was saved before.

        Args:
            state: `step`, `seconds` and whatever the run goes on from.

        Raises:
            StoreError: it cannot be written; the checkpoint before it stays.
        """
        before = read_unfinished(self.path.parent)
        try:
            with writing(self.path) as temporary, temporary.open("wb", buffering=0) as stream:
                sink: Any = _Sink(stream)
                torch.save({"owner": self.owner, "terms": dict(self.terms), **state}, sink)
                if sink.error is not None:
                    raise sink.error
                known = Unfinished(
                    owner=self.owner,
                    step=state["step"],
                    steps=self.steps,
                    seconds=state["seconds"],
                    about=self.about,
                    sums=(*(before.sums[-1:] if before else ()), sink.sum),
                )
                write_json(self.path.with_suffix(".json"), known)
        except OSError as error:
            held = (
                f"the checkpoint of step {before.step} stays, and the run goes on from it" if before else "none is kept"
            )
            mend = "free room on that disk" if error.errno in _FULL else "make the folder writable"
            raise StoreError(
                f"{self.path}: step {state['step']} of {self.steps} cannot be saved ({error.strerror or error}); "
                f"{held}: {mend}, then run again"
            ) from error

    def read(self, model: nn.Module) -> tuple[dict[str, Any] | None, str]:
        """The state to go on from, or None, and why there is none although there is a file: it is damaged.

        Raises:
            TrainingError: it is of another run; the keys in which they differ are named.
        """
        if not self.path.exists():
            return None, ""
        try:
            self._require_whole()
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            owner, terms, weights = state["owner"], state["terms"], state["model"]
        except Exception as error:  # torch raises half a dozen kinds for a file that is cut short or not one of its own
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
            return None, f"{self.path}: the checkpoint is damaged ({reason}); training starts anew"
        if owner != self.owner or terms != self.terms:
            raise self._of_another(differences(terms, self.terms))
        shapes = ({name: list(t.shape) for name, t in table.items()} for table in (weights, model.state_dict()))
        there, here = shapes
        if there != here:
            raise self._of_another(differences(there, here))
        return state, ""

    def _require_whole(self) -> None:
        """Raises where the file is not as it was written: torch itself does not look at the sums of tensors."""
        known = read_unfinished(self.path.parent)
        if known is None or not known.sums:
            return
        total = 0
        with self.path.open("rb") as stream:
            while part := stream.read(1 << 22):
                total = zlib.crc32(part, total)
        if total not in known.sums:
            raise ValueError("its CRC-32 is not the one that it was written with")

    def _of_another(self, told: str) -> TrainingError:
        return TrainingError(
            f"{self.path} is of another run ({told}); go back to its settings to go on with it, or delete it to start "
            "anew"
        )

    def clean(self) -> None:
        """Takes away what saves that were killed left beside the checkpoint."""
        for left in self.path.parent.glob(f".{self.path.name}.*"):
            left.unlink(missing_ok=True)


class _Sink:
    """A file for torch to write to. A full disk in the middle of its writer ends the process on some versions, so that
    the writer is told that all is well, and the error is kept for after it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        self.sum = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        size = len(view)
        self.sum = zlib.crc32(view, self.sum)
        try:
            while self.error is None and len(view):
                view = view[self._stream.write(view) :]
        except OSError as error:
            self.error = error
        return size

    def flush(self) -> None:
        """Nothing waits."""
